//! Asking a question of every flow at once.
//!
//! A question looks at which boxes a flow lies in, and in no other way at the flow. So the sweep
//! cuts one field after the other at the edges of the boxes that still matter, and carries
//! along the list of boxes that the flows of a piece may still lie in. What follows depends on
//! that list alone and is worked out once for each list. After every cut the question may drop
//! from the list what cannot matter any more, and may answer; both keep lists short and equal.

use std::collections::HashMap;

use super::axis::{Bits, Extent};
use super::boxes::{AxisName, Family, Field, Ground, ORDER, Shape};
use super::diagram::{Branch, Diagram, Forest, LEAVES, Level, NodeId, count};
use super::limits::{LimitExceeded, Meter};
use crate::net::{Protocol, RangeSet};

/// The fields that have not been looked at yet, for a piece of the flows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open {
    shape: Shape,
    from: usize,
}

/// A question about the boxes that flows lie in.
pub(crate) trait Question {
    /// Drops from `active`, the boxes (ascending) that the flows of a piece may lie in, what
    /// cannot matter any more. `covers` tells of a box whether all flows of the piece lie in
    /// it. Answers with a value below 4 when it is the same for all of them, which must be the
    /// case when every box left covers the piece.
    fn settle(&mut self, active: &mut Vec<u32>, covers: impl Fn(u32) -> bool) -> Option<NodeId>;

    /// The list in which a box stands and whether it ends the list for the flows in it. Of boxes
    /// of one list that end it and cover the same of a piece, the first [`ALIKE`](Self::ALIKE)
    /// are kept, and nothing after these that covers the same. `None` for a box that is always
    /// kept and replaces no other.
    fn place(&self, id: u32) -> Option<Place>;

    /// How many boxes that cover the same of a piece may matter.
    const ALIKE: u8 = 1;

    /// Whether nothing that could still be found matters: the sweep then ends early and its
    /// diagram means nothing.
    fn is_answered(&self) -> bool {
        false
    }

    /// Whether the diagram is wanted.
    const DRAWS: bool = true;
}

/// Sweeps over all flows, looking at these boxes alone, and draws the answers.
pub(super) fn sweep<Q: Question>(
    ground: &Ground,
    boxes: &[u32],
    question: &mut Q,
    meter: &mut Meter,
) -> Result<Diagram, LimitExceeded> {
    let mut sweep = Sweep {
        ground,
        question,
        forest: Forest::default(),
        memo: HashMap::new(),
        seen: Seen::default(),
    };
    let groups = ground.protocol_groups();
    let share = 1.0 / count(groups.len()) / 2.0;
    let mut roots = Vec::new();
    for family in [Family::Ipv4, Family::Ipv6] {
        let mut by_protocol = [0; 256];
        for (kind, protocols) in groups {
            let open = Open { shape: Shape { family, kind: *kind }, from: 0 };
            let Some(first) = protocols.iter().next() else { continue };
            let active = boxes
                .iter()
                .copied()
                .filter(|&id| ground.may_hold(index(id), first, open.shape))
                .collect();
            let node = sweep.piece(open, active, share, meter)?;
            for (number, root) in (0..=u8::MAX).zip(&mut by_protocol) {
                if protocols.contains(Protocol::new(number)) {
                    *root = node;
                }
            }
        }
        roots.extend(by_protocol);
    }
    let branches = (0..).zip(roots).map(|(end, child)| Branch { end, child }).collect();
    let root = sweep.forest.node(0, branches, meter)?;
    Ok(sweep.forest.finish(root))
}

fn index(id: u32) -> usize {
    usize::try_from(id).unwrap_or(usize::MAX)
}

/// Where a box stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// The number of its list.
    pub(crate) list: usize,
    /// Whether nothing after it in the list matters for flows that lie in it.
    pub(crate) ends: bool,
}

struct Sweep<'a, Q> {
    ground: &'a Ground,
    question: &'a mut Q,
    forest: Forest,
    memo: HashMap<(Shape, usize, Box<[u32]>), NodeId>,
    seen: Seen,
}

/// How many boxes of each kind were met in the piece at hand.
#[derive(Default)]
struct Seen {
    piece: u32,
    /// For each kind, the piece for which its count holds.
    counts: Vec<(u32, u8)>,
    spare: u8,
}

impl Seen {
    fn next_piece(&mut self) {
        self.piece = self.piece.checked_add(1).unwrap_or_else(|| {
            self.counts.clear();
            1
        });
    }

    fn count(&mut self, kind: usize) -> &mut u8 {
        if self.counts.len() <= kind {
            self.counts.resize(kind.saturating_add(1), (0, 0));
        }
        // The vector was just made long enough; the other arm is for the type checker.
        match self.counts.get_mut(kind) {
            Some((piece, count)) => {
                if *piece != self.piece {
                    (*piece, *count) = (self.piece, 0);
                }
                count
            }
            None => &mut self.spare,
        }
    }
}

impl<Q: Question> Sweep<'_, Q> {
    /// The node for a piece of the flows, of which the fields before `open.from` are decided.
    fn piece(
        &mut self,
        open: Open,
        mut active: Vec<u32>,
        share: f64,
        meter: &mut Meter,
    ) -> Result<NodeId, LimitExceeded> {
        meter.step(active.len().saturating_add(1))?;
        let ground = self.ground;
        let fields = ORDER.get(open.from..).unwrap_or_default();
        let covers = |id| {
            let full = |&field| ground.extent(index(id), open.shape, field) == Extent::Full;
            fields.iter().all(full)
        };
        self.drop_hidden(open, &mut active);
        let answer = self.question.settle(&mut active, covers);
        if let Some(leaf) = answer.filter(|&leaf| leaf < LEAVES) {
            meter.finished(share);
            return Ok(leaf);
        }
        let Some((&field, _)) = fields.split_first() else { return Ok(0) };
        if self.question.is_answered() {
            return Ok(0);
        }
        let next = Open { from: open.from.saturating_add(1), ..open };
        let Some(axis) = open.shape.axis(field) else {
            return self.piece(next, active, share, meter);
        };
        let key = (open.shape, open.from, active.into_boxed_slice());
        if let Some(&known) = self.memo.get(&key) {
            meter.finished(share);
            return Ok(known);
        }
        let node = self.cut(open.shape, field, axis, next, &key.2, share, meter)?;
        self.memo.insert(key, node);
        Ok(node)
    }

    /// Drops boxes behind others that cover the same of the piece.
    fn drop_hidden(&mut self, open: Open, active: &mut Vec<u32>) {
        self.seen.next_piece();
        let kinds = self.ground.rest_kinds();
        active.retain(|&id| {
            let Some(place) = self.question.place(id) else { return true };
            let rest = self.ground.rest(index(id), open.shape, open.from);
            let count = self.seen.count(place.list.saturating_mul(kinds).saturating_add(rest));
            let is_hidden = *count >= Q::ALIKE;
            *count = count.saturating_add(u8::from(place.ends));
            !is_hidden
        });
    }

    /// Cuts a piece at every edge that the active boxes have in one field.
    #[expect(clippy::too_many_arguments, reason = "the state of one recursion")]
    fn cut(
        &mut self,
        shape: Shape,
        field: Field,
        name: AxisName,
        next: Open,
        active: &[u32],
        share: f64,
        meter: &mut Meter,
    ) -> Result<NodeId, LimitExceeded> {
        let ground = self.ground;
        let Some(axis) = ground.axis(name) else { return Ok(0) };
        let mut inside = Bits::new(active.len());
        let mut edges: Vec<(u32, usize)> = Vec::new();
        for (place, &id) in active.iter().enumerate() {
            match ground.extent(index(id), shape, field) {
                Extent::Empty => {}
                Extent::Full => inside.flip(place),
                Extent::Set(set) => {
                    for run in axis.classes(set).into_iter().flat_map(RangeSet::intervals) {
                        edges.push((run.first(), place));
                        edges.push((run.last().saturating_add(1), place));
                    }
                }
            }
        }
        edges.sort_unstable();
        meter.step(edges.len())?;
        let mut pieces: Vec<(u32, NodeId)> = Vec::new();
        let share = share / count(edges.len().saturating_add(1));
        let mut edges = edges.as_slice();
        loop {
            let start = pieces.last().map_or(0, |&(end, _)| end.saturating_add(1));
            let here = edges.partition_point(|&(edge, _)| edge <= start);
            let (now, later) = edges.split_at(here);
            now.iter().for_each(|&(_, place)| inside.flip(place));
            edges = later;
            let end = edges.first().map_or(axis.last_class(), |&(edge, _)| edge.saturating_sub(1));
            let end = end.min(axis.last_class());
            let still = inside.ones().filter_map(|place| active.get(place).copied()).collect();
            let child = self.piece(next, still, share, meter)?;
            pieces.push((end, child));
            if end >= axis.last_class() || self.question.is_answered() {
                break;
            }
        }
        let all_alike =
            pieces.iter().all(|(_, child)| pieces.first().is_some_and(|(_, one)| one == child));
        if let Some(&(_, child)) = pieces.first().filter(|_| all_alike || !Q::DRAWS) {
            return Ok(child);
        }
        let branches = axis.spread(&pieces);
        meter.step(branches.len())?;
        let branches = branches.into_iter().map(|(end, child)| Branch { end, child }).collect();
        self.forest.node(level(next.from), branches, meter)
    }
}

/// The level of the field at this place of the order, counted from one: zero is the protocol.
pub(super) fn level(place: usize) -> Level {
    Level::try_from(place).unwrap_or(Level::MAX)
}
