//! Whether boxes cover another one between them: cubes, split on demand.
//!
//! A cube is a product of sets of classes. To cover it, boxes that hold it in every field but one
//! are taken from that field all at once; of the others the one that holds most of it is cut out,
//! which leaves at most one smaller cube for each field. Nothing is built that is not needed for
//! the answer, and the first cube that no box meets ends the search.
//!
//! Boxes cut out largest first leave few cubes behind: this is the scheme of Overmars and Yap
//! ("New upper bounds in Klee's measure problem", 1991) and Chan's simplification of it ("Klee's
//! measure problem made easy", 2013), with a question in place of a measure.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::Region;
use super::boxes::{Family, Field, Ground, ORDER, Shape};
use super::limits::{LimitExceeded, Meter};
use super::regions::{self, Spans};
use crate::net::{Protocol, ProtocolSet, RangeSet};

/// What boxes leave of another.
#[derive(Debug)]
pub(crate) enum Coverage {
    /// Nothing, and these suffice for that.
    Whole(BTreeSet<u32>),
    /// At least these flows.
    Leaves(Left),
}

/// Flows of one shape and of some protocols, never none.
#[derive(Debug)]
pub(crate) struct Left {
    shape: Shape,
    protocols: ProtocolSet,
    cube: Cube,
}

/// A product of sets of classes, one for each place of the order.
#[derive(Clone, Debug)]
struct Cube([RangeSet<u32>; 4]);

/// A flow, as the class it has in each field of the order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Corner {
    shape: Shape,
    protocol: Protocol,
    classes: [u32; 4],
}

/// How a box meets a cube in one field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Meeting {
    Apart,
    Partly,
    Wholly,
}

impl Ground {
    /// What some boxes leave of the flows that lie in all boxes of `inside`.
    pub(super) fn coverage(
        &self,
        inside: &[u32],
        by: &[u32],
        meter: &mut Meter,
    ) -> Result<Coverage, LimitExceeded> {
        let mut used = BTreeSet::new();
        for family in [Family::Ipv4, Family::Ipv6] {
            for &(kind, protocols) in self.protocol_groups() {
                let shape = Shape { family, kind };
                let Some(first) = protocols.iter().next() else { continue };
                let holds = |id: &u32| self.may_hold(index(*id), first, shape);
                if !inside.iter().all(holds) {
                    continue;
                }
                let by = by.iter().copied().filter(holds).collect();
                let mut search = Search { ground: self, shape, used: &mut used, meter };
                let cube = search.common(inside);
                if cube.0.iter().any(RangeSet::is_empty) {
                    continue;
                }
                if let Some(cube) = search.uncovered(cube, by)? {
                    return Ok(Coverage::Leaves(Left { shape, protocols, cube }));
                }
            }
        }
        Ok(Coverage::Whole(used))
    }

    /// Two flows of a box for each of its shapes, at opposite corners.
    pub(super) fn corners(&self, id: u32) -> impl Iterator<Item = Corner> + '_ {
        let families = [Family::Ipv4, Family::Ipv6].into_iter();
        let shapes = families.flat_map(|family| {
            let groups = self.protocol_groups().iter();
            groups.filter_map(move |&(kind, protocols)| {
                Some((Shape { family, kind }, protocols.iter().next()?))
            })
        });
        let held =
            shapes.filter(move |&(shape, protocol)| self.may_hold(index(id), protocol, shape));
        held.flat_map(move |(shape, protocol)| {
            [false, true].map(|is_last| {
                let classes = ORDER.map(|field| {
                    let all = || self.classes_of(shape, field);
                    let own = self.classes(id, shape, field).cloned().unwrap_or_else(all);
                    let run =
                        if is_last { own.intervals().last() } else { own.intervals().first() };
                    run.map_or(0, |run| if is_last { run.last() } else { run.first() })
                });
                Corner { shape, protocol, classes }
            })
        })
    }

    /// Whether a flow lies in a box.
    pub(super) fn holds(&self, id: u32, corner: &Corner) -> bool {
        let fields = ORDER.iter().zip(corner.classes);
        self.names(index(id), corner.protocol, corner.shape)
            && fields.into_iter().all(|(&field, class)| {
                let classes = self.classes(id, corner.shape, field);
                classes.is_none_or(|classes| classes.contains(class))
            })
    }

    /// What is left of a box, with addresses and ports in place of classes.
    pub(super) fn region(&self, left: &Left) -> Region {
        let &Left { shape, protocols, ref cube } = left;
        let fields = ORDER.iter().zip(&cube.0).filter_map(|(&field, classes)| {
            let axis = self.axis(shape.axis(field)?)?;
            Some((field, axis.values(classes)))
        });
        regions::region(shape, &Spans { protocols, fields: fields.collect() })
    }
}

/// The hunt for a part of a cube that lies in no box.
struct Search<'a> {
    ground: &'a Ground,
    shape: Shape,
    /// The boxes that were needed so far to cover what is covered.
    used: &'a mut BTreeSet<u32>,
    meter: &'a mut Meter,
}

impl Search<'_> {
    /// What boxes have in common, of which each has some flow of the shape.
    fn common(&self, boxes: &[u32]) -> Cube {
        Cube(ORDER.map(|field| {
            let all = self.ground.classes_of(self.shape, field);
            boxes.iter().fold(all, |common, &id| match self.ground.classes(id, self.shape, field) {
                Some(classes) => common.intersection(classes),
                None => common,
            })
        }))
    }

    /// A part of a cube that lies in none of the boxes, if there is one.
    fn uncovered(&mut self, cube: Cube, boxes: Rc<[u32]>) -> Result<Option<Cube>, LimitExceeded> {
        let mut open = vec![(cube, boxes)];
        while let Some((mut cube, boxes)) = open.pop() {
            let Some(partly) = self.take_slabs(&mut cube, &boxes)? else { continue };
            let Some(largest) = self.largest(&cube, &partly) else { return Ok(Some(cube)) };
            self.used.insert(largest);
            let rest: Rc<[u32]> = partly.into_iter().filter(|&id| id != largest).collect();
            open.extend(self.cut(cube, largest).into_iter().map(|cube| (cube, Rc::clone(&rest))));
        }
        Ok(None)
    }

    /// Takes from a cube what boxes cover that hold it in all fields but one, and returns the
    /// boxes that meet what is left; `None` when nothing is.
    fn take_slabs(
        &mut self,
        cube: &mut Cube,
        boxes: &[u32],
    ) -> Result<Option<Vec<u32>>, LimitExceeded> {
        let mut boxes = boxes.to_vec();
        loop {
            let mut slabs: [Vec<u32>; 4] = Default::default();
            let mut others = Vec::with_capacity(boxes.len());
            for &id in &boxes {
                let meetings = self.meetings(cube, id)?;
                if meetings.contains(&Meeting::Apart) {
                    continue;
                }
                let mut partly = meetings.iter().zip(&mut slabs);
                let mut partly = partly.by_ref().filter(|(one, _)| **one == Meeting::Partly);
                match (partly.next(), partly.next()) {
                    (None, _) => {
                        self.used.insert(id);
                        return Ok(None);
                    }
                    (Some((_, slabs)), None) => slabs.push(id),
                    (Some(_), Some(_)) => others.push(id),
                }
            }
            if slabs.iter().all(Vec::is_empty) {
                return Ok(Some(others));
            }
            for ((&field, left), slabs) in ORDER.iter().zip(&mut cube.0).zip(&slabs) {
                let classes = slabs
                    .iter()
                    .filter_map(|&id| self.ground.classes(id, self.shape, field))
                    .flat_map(RangeSet::intervals);
                *left = left.difference(&classes.copied().collect());
                self.used.extend(slabs);
                if left.is_empty() {
                    return Ok(None);
                }
            }
            boxes = others;
        }
    }

    fn meetings(&mut self, cube: &Cube, id: u32) -> Result<[Meeting; 4], LimitExceeded> {
        let mut meetings = [Meeting::Wholly; 4];
        for ((meeting, &field), own) in meetings.iter_mut().zip(&ORDER).zip(&cube.0) {
            let Some(classes) = self.ground.classes(id, self.shape, field) else { continue };
            self.meter.step(own.intervals().len())?;
            *meeting = if classes.covers(own) {
                Meeting::Wholly
            } else if classes.overlaps(own) {
                Meeting::Partly
            } else {
                Meeting::Apart
            };
            if *meeting == Meeting::Apart {
                break;
            }
        }
        Ok(meetings)
    }

    /// The box that holds the most of a cube.
    fn largest(&self, cube: &Cube, boxes: &[u32]) -> Option<u32> {
        let share = |id: u32| -> f64 {
            let fields = ORDER.iter().zip(&cube.0);
            fields.map(|(&field, own)| self.share(own, id, field)).product()
        };
        let shares = boxes.iter().map(|&id| (share(id), id));
        let largest = shares.max_by(|(one, _), (other, _)| one.total_cmp(other));
        largest.map(|(_, id)| id)
    }

    /// The share of the classes of a cube in one field that a box holds.
    fn share(&self, own: &RangeSet<u32>, id: u32, field: Field) -> f64 {
        match self.ground.classes(id, self.shape, field) {
            Some(classes) => f64::from(count(&own.intersection(classes))) / f64::from(count(own)),
            None => 1.0,
        }
    }

    /// The cubes that are left of one when a box is cut out, the largest last.
    fn cut(&self, mut cube: Cube, id: u32) -> Vec<Cube> {
        let mut fields: Vec<(f64, usize, Field)> = (0..)
            .zip(ORDER.iter().zip(&cube.0))
            .map(|(place, (&field, own))| (self.share(own, id, field), place, field))
            .collect();
        // A field of which the box holds little leaves most of the cube in one piece.
        fields.sort_by(|(one, ..), (other, ..)| one.total_cmp(other));
        let mut left = Vec::with_capacity(fields.len());
        for (_, place, field) in fields {
            let classes = self.ground.classes(id, self.shape, field);
            let Some((own, classes)) = cube.0.get_mut(place).zip(classes) else { continue };
            let (inside, outside) = (own.intersection(classes), own.difference(classes));
            *own = outside;
            if !own.is_empty() {
                left.push(cube.clone());
            }
            if let Some(own) = cube.0.get_mut(place) {
                *own = inside;
            }
        }
        left.reverse();
        left
    }
}

/// How many classes there are.
fn count(classes: &RangeSet<u32>) -> u32 {
    let runs = classes.intervals().iter();
    runs.fold(0, |sum, run| {
        sum.saturating_add(run.last().saturating_sub(run.first())).saturating_add(1)
    })
}

fn index(id: u32) -> usize {
    usize::try_from(id).unwrap_or(usize::MAX)
}
