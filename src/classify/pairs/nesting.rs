//! Which address sets of the rules hold at each address, as a tree.
//!
//! Prefixes nest, so the sets that hold at an address are a path: a class of addresses is the
//! class around it and one set more. Ranges that overlap without nesting are taken too; where one
//! ends inside of another, the classes behind it are made anew.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "classes and sets are numbered by the vectors they index, which are below 2^31 long"
)]

use super::GROUPS;
use crate::classify::Unfit;
use crate::net::{Coordinate, RangeSet};

/// The classes of addresses that one group of rules tells apart.
pub(super) struct Nesting {
    /// By class: the class around it. Class 0, in no set, is around all others.
    parents: Vec<u32>,
    /// By class: the set it is in besides those of its parent.
    sets: Vec<u32>,
}

/// One side of the rules.
pub(super) struct Nestings<B> {
    /// By group.
    pub(super) groups: [Nesting; GROUPS],
    /// The first address of each range, ascending from the least, and its class in each group.
    pub(super) ranges: Vec<(B, [u32; GROUPS])>,
}

/// Where the intervals of sets begin and end, in order.
pub(super) struct Edges<B>(Vec<(B, Edge)>);

/// At one address the ends come first, of the inner intervals before the outer ones, then the
/// beginnings, of the outer ones before the inner ones.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Edge {
    End { reversed_rank: u32, set: u32 },
    Begin { rank: u32, set: u32 },
}

impl<B: Coordinate> Edges<B> {
    pub(super) fn new(sets: &[&RangeSet<B>]) -> Result<Self, Unfit> {
        let mut intervals: Vec<_> = (0u32..)
            .zip(sets)
            .flat_map(|(set, ranges)| {
                ranges.intervals().iter().map(move |range| (range.first(), range.last(), set))
            })
            .collect();
        u32::try_from(intervals.len()).map_err(|_| Unfit::Size)?;
        intervals.sort_unstable_by(|a, b| (a.0, b.1, a.2).cmp(&(b.0, a.1, b.2)));
        let mut edges = Vec::with_capacity(2 * intervals.len());
        for (rank, (first, last, set)) in (0u32..).zip(intervals) {
            edges.push((first, Edge::Begin { rank, set }));
            let end = |end| (end, Edge::End { reversed_rank: u32::MAX - rank, set });
            edges.extend(last.next().map(end));
        }
        edges.sort_unstable();
        Ok(Self(edges))
    }
}

impl<B: Coordinate> Nestings<B> {
    /// `groups` has a bit for each group that a set is used in.
    ///
    /// # Errors
    ///
    /// When intervals overlap so much without nesting that there are many times as many classes
    /// as edges.
    pub(super) fn new(edges: &Edges<B>, groups: &[u8]) -> Result<Self, Unfit> {
        let mut nestings: [Nesting; GROUPS] = Default::default();
        let mut current: [Vec<u32>; GROUPS] = Default::default();
        let mut ranges = vec![(B::MIN, [0; GROUPS])];
        let mut budget = 4 * edges.0.len() + 1024;
        for (at, edge) in &edges.0 {
            let (Edge::Begin { set, .. } | Edge::End { set, .. }) = *edge;
            for (group, (nesting, current)) in nestings.iter_mut().zip(&mut current).enumerate() {
                if groups[set as usize] >> group & 1 == 0 {
                    continue;
                }
                match edge {
                    Edge::Begin { .. } => nesting.enter(set, current),
                    Edge::End { .. } => nesting.leave(set, current, &mut budget)?,
                }
                let class = current.last().copied().unwrap_or(0);
                match ranges.last_mut() {
                    Some((first, classes)) if first == at => classes[group] = class,
                    Some((_, classes)) => {
                        let mut classes = *classes;
                        classes[group] = class;
                        ranges.push((*at, classes));
                    }
                    None => {}
                }
            }
        }
        ranges.dedup_by_key(|(_, classes)| *classes);
        Ok(Self { groups: nestings, ranges })
    }
}

impl Default for Nesting {
    fn default() -> Self {
        Self { parents: vec![0], sets: vec![u32::MAX] }
    }
}

impl Nesting {
    pub(super) fn len(&self) -> usize {
        self.parents.len()
    }

    /// `current` holds the classes from the outermost to the one at the current address.
    fn enter(&mut self, set: u32, current: &mut Vec<u32>) {
        let class = self.parents.len() as u32;
        self.parents.push(current.last().copied().unwrap_or(0));
        self.sets.push(set);
        current.push(class);
    }

    fn leave(&mut self, set: u32, current: &mut Vec<u32>, budget: &mut usize) -> Result<(), Unfit> {
        let place = current.iter().rposition(|class| self.sets[*class as usize] == set);
        let Some(place) = place else { return Ok(()) };
        let inner = current.split_off(place);
        for class in &inner[1..] {
            *budget = budget.checked_sub(1).ok_or(Unfit::Size)?;
            self.enter(self.sets[*class as usize], current);
        }
        Ok(())
    }

    /// The sets that hold in a class, from the innermost out.
    pub(super) fn sets(&self, class: u32) -> impl Iterator<Item = u32> {
        let mut class = class as usize;
        std::iter::from_fn(move || {
            let set = (class != 0).then(|| self.sets[class]);
            class = self.parents[class] as usize;
            set
        })
    }

    /// How many sets hold in each class.
    pub(super) fn depths(&self) -> Vec<u32> {
        let mut depths = vec![0; self.len()];
        for class in 1..self.len() {
            depths[class] = depths[self.parents[class] as usize] + 1;
        }
        depths
    }

    /// By set: in how many classes it holds.
    pub(super) fn counts(&self, sets: usize) -> Vec<u32> {
        let mut within = vec![1u32; self.len()];
        let mut counts = vec![0; sets];
        for class in (1..self.len()).rev() {
            within[self.parents[class] as usize] += within[class];
            counts[self.sets[class] as usize] += within[class];
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Interval;

    /// Sets that nest, meet, overlap and come again, one of several intervals.
    fn sets() -> Vec<RangeSet<u32>> {
        let ends: [&[(u32, u32)]; 7] = [
            &[(0, u32::MAX)],
            &[(10, 99)],
            &[(20, 29), (40, 49)],
            &[(25, 60)],
            &[(99, 100), (u32::MAX, u32::MAX)],
            &[(10, 10)],
            &[(0, 19)],
        ];
        let set = |ends: &&[(u32, u32)]| {
            ends.iter().map(|(first, last)| Interval::new(*first, *last).unwrap()).collect()
        };
        ends.iter().map(set).collect()
    }

    #[test]
    fn each_address_is_in_the_sets_of_its_class() {
        let sets = sets();
        let sets: Vec<&RangeSet<u32>> = sets.iter().collect();
        let of_groups = [0b1111, 0b0001, 0b0011, 0b0001, 0b0101, 0b1001, 0b0000];
        let nestings = Nestings::new(&Edges::new(&sets).unwrap(), &of_groups).unwrap();
        for address in (0..110).chain([u32::MAX - 1, u32::MAX]) {
            let range = nestings.ranges.partition_point(|(first, _)| *first <= address) - 1;
            for (group, nesting) in nestings.groups.iter().enumerate() {
                let mut found: Vec<u32> = nesting.sets(nestings.ranges[range].1[group]).collect();
                found.sort_unstable();
                let expected: Vec<u32> = (0u32..)
                    .zip(&sets)
                    .filter(|(set, ranges)| {
                        of_groups[*set as usize] >> group & 1 == 1 && ranges.contains(address)
                    })
                    .map(|(set, _)| set)
                    .collect();
                assert_eq!(found, expected, "{address} in group {group}");
            }
        }
        for nesting in &nestings.groups {
            let classes = || 0..nesting.len() as u32;
            let depths: Vec<u32> =
                classes().map(|class| nesting.sets(class).count() as u32).collect();
            assert_eq!(nesting.depths(), depths);
            let count = |set: u32| {
                classes().filter(|class| nesting.sets(*class).any(|other| other == set)).count()
            };
            let counts: Vec<u32> = (0..7).map(|set| count(set) as u32).collect();
            assert_eq!(nesting.counts(7), counts);
        }
    }

    #[test]
    fn overlaps_without_end_are_refused() {
        let sets: Vec<RangeSet<u32>> =
            (0..3000).map(|n| Interval::new(n, n + 3000).unwrap().into()).collect();
        let sets: Vec<&RangeSet<u32>> = sets.iter().collect();
        let edges = Edges::new(&sets).unwrap();
        assert!(matches!(Nestings::new(&edges, &[1; 3000]), Err(Unfit::Size)));
    }
}
