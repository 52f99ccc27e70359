//! Interval decision diagrams: the canonical form of a function on flows.
//!
//! A node looks at one field and has branches: inclusive upper bounds with the node that decides
//! from there on. Nodes are hash-consed and reduced (neighbouring branches differ, a node with
//! one branch is that branch), and a finished diagram is numbered in the order of a depth-first
//! walk, so that two diagrams of one function are equal node for node.

use std::collections::HashMap;
use std::rc::Rc;

use super::limits::{LimitExceeded, Meter};

/// A node, or one of the [`LEAVES`] values of the function.
pub(crate) type NodeId = u32;

/// Numbers below this are values; the others are nodes.
pub(super) const LEAVES: NodeId = 4;

/// Looks at the field with this number.
pub(super) type Level = u8;

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Node {
    pub(super) level: Level,
    /// Ascending; the last one ends at the end of the axis.
    pub(super) branches: Box<[Branch]>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Branch {
    pub(super) end: u128,
    pub(super) child: NodeId,
}

/// A finished function on flows.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Diagram {
    /// Children stand before their parents.
    nodes: Vec<Node>,
    root: NodeId,
}

impl Diagram {
    /// The function that has this value everywhere.
    pub(super) fn constant(leaf: NodeId) -> Self {
        Self { nodes: Vec::new(), root: leaf }
    }

    pub(super) fn root(&self) -> NodeId {
        self.root
    }

    /// The node with this id; `None` for a leaf.
    pub(super) fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(position(id)?)
    }

    pub(super) fn node_count(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn branch_count(&self) -> usize {
        self.nodes.iter().map(|node| node.branches.len()).sum()
    }

    /// The same diagram with other values at its leaves.
    pub(super) fn relabel(
        &self,
        leaf: impl Fn(NodeId) -> NodeId,
        meter: &mut Meter,
    ) -> Result<Self, LimitExceeded> {
        let mut forest = Forest::default();
        let ids = forest.import(self, leaf, meter)?;
        Ok(forest.finish(ids.of(self.root)))
    }

    /// The function whose value at each flow is `combine` of the values of two functions.
    ///
    /// `combine` may answer `None` for a node it cannot decide without looking at its branches,
    /// never for two leaves.
    pub(super) fn apply(
        &self,
        other: &Self,
        combine: impl Fn(NodeId, NodeId) -> Option<Combined>,
        meter: &mut Meter,
    ) -> Result<Self, LimitExceeded> {
        let mut forest = Forest::default();
        let left = forest.import(self, |leaf| leaf, meter)?;
        let right = forest.import(other, |leaf| leaf, meter)?;
        let mut apply = Apply { forest, combine, memo: HashMap::new() };
        let root = apply.pair(left.of(self.root), right.of(other.root), 1.0, meter)?;
        Ok(apply.forest.finish(root))
    }
}

fn position(id: NodeId) -> Option<usize> {
    id.checked_sub(LEAVES).and_then(|position| usize::try_from(position).ok())
}

/// What two functions come to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Combined {
    /// This value everywhere.
    Leaf(NodeId),
    /// What the left one is.
    Left,
    /// What the right one is.
    Right,
}

struct Apply<F> {
    forest: Forest,
    combine: F,
    memo: HashMap<(NodeId, NodeId), NodeId>,
}

impl<F: Fn(NodeId, NodeId) -> Option<Combined>> Apply<F> {
    fn pair(
        &mut self,
        left: NodeId,
        right: NodeId,
        share: f64,
        meter: &mut Meter,
    ) -> Result<NodeId, LimitExceeded> {
        let known = match (self.combine)(left, right) {
            Some(Combined::Leaf(leaf)) => Some(leaf),
            Some(Combined::Left) => Some(left),
            Some(Combined::Right) => Some(right),
            None => self.memo.get(&(left, right)).copied(),
        };
        if let Some(known) = known {
            meter.finished(share);
            return Ok(known);
        }
        let level = self.forest.level(left).min(self.forest.level(right));
        let (a, b) = (self.forest.branches(left, level), self.forest.branches(right, level));
        let joined = zip(&a, left, &b, right);
        meter.step(joined.len())?;
        let share = share / count(joined.len());
        let mut branches = Vec::with_capacity(joined.len());
        for (end, left, right) in joined {
            branches.push(Branch { end, child: self.pair(left, right, share, meter)? });
        }
        let node = self.forest.node(level, branches, meter)?;
        self.memo.insert((left, right), node);
        Ok(node)
    }
}

/// How many there are, for dividing a share of the work.
#[expect(
    clippy::cast_precision_loss,
    reason = "a share of the work, shown to a tenth of a percent"
)]
pub(crate) fn count(len: usize) -> f64 {
    len.max(1) as f64
}

/// Walks the branches of two nodes of one level together; no branches stand for a node that
/// does not look at the level.
fn zip(
    left: &[Branch],
    left_id: NodeId,
    right: &[Branch],
    right_id: NodeId,
) -> Vec<(u128, NodeId, NodeId)> {
    let mut joined = Vec::with_capacity(left.len().saturating_add(right.len()));
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    loop {
        let (a, b) = (left.peek(), right.peek());
        let ends = a.into_iter().chain(b).map(|branch| branch.end);
        let Some(end) = ends.min() else { return joined };
        let child = |branch: Option<&&Branch>, id| branch.map_or(id, |branch| branch.child);
        joined.push((
            end,
            child(a.copied().as_ref(), left_id),
            child(b.copied().as_ref(), right_id),
        ));
        left.next_if(|branch| branch.end == end);
        right.next_if(|branch| branch.end == end);
    }
}

/// Nodes under construction, each once.
#[derive(Debug, Default)]
pub(super) struct Forest {
    nodes: Vec<Rc<Node>>,
    ids: HashMap<Rc<Node>, NodeId>,
}

impl Forest {
    /// The reduced node with these branches.
    pub(super) fn node(
        &mut self,
        level: Level,
        branches: Vec<Branch>,
        meter: &mut Meter,
    ) -> Result<NodeId, LimitExceeded> {
        let mut reduced: Vec<Branch> = Vec::with_capacity(branches.len());
        for branch in branches {
            match reduced.last_mut() {
                Some(before) if before.child == branch.child => before.end = branch.end,
                _ => reduced.push(branch),
            }
        }
        if let [only] = reduced.as_slice() {
            return Ok(only.child);
        }
        let node = Rc::new(Node { level, branches: reduced.into_boxed_slice() });
        if let Some(&id) = self.ids.get(&node) {
            return Ok(id);
        }
        meter.hold(node.branches.len())?;
        let id = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX).saturating_add(LEAVES);
        self.nodes.push(Rc::clone(&node));
        self.ids.insert(node, id);
        Ok(id)
    }

    fn import(
        &mut self,
        diagram: &Diagram,
        leaf: impl Fn(NodeId) -> NodeId,
        meter: &mut Meter,
    ) -> Result<Ids, LimitExceeded> {
        let mut ids = Ids { leaves: [0; 4], nodes: Vec::with_capacity(diagram.nodes.len()) };
        for (id, value) in (0..).zip(&mut ids.leaves) {
            *value = leaf(id);
        }
        for node in &diagram.nodes {
            let branches = node.branches.iter();
            let branches =
                branches.map(|&Branch { end, child }| Branch { end, child: ids.of(child) });
            let id = self.node(node.level, branches.collect(), meter)?;
            ids.nodes.push(id);
        }
        Ok(ids)
    }

    fn get(&self, id: NodeId) -> Option<&Rc<Node>> {
        self.nodes.get(position(id)?)
    }

    /// The level a node looks at; leaves look at none and come after all.
    fn level(&self, id: NodeId) -> Level {
        self.get(id).map_or(Level::MAX, |node| node.level)
    }

    /// The branches of a node at a level; none when it does not look at it.
    fn branches(&self, id: NodeId, level: Level) -> Box<[Branch]> {
        match self.get(id) {
            Some(node) if node.level == level => node.branches.clone(),
            _ => Box::default(),
        }
    }

    /// The diagram below `root`, its nodes renumbered in depth-first order.
    pub(super) fn finish(&self, root: NodeId) -> Diagram {
        let mut finished = Finished { forest: self, ids: HashMap::new(), nodes: Vec::new() };
        let root = finished.visit(root);
        Diagram { nodes: finished.nodes, root }
    }
}

/// Where the nodes of an imported diagram went.
struct Ids {
    leaves: [NodeId; 4],
    nodes: Vec<NodeId>,
}

impl Ids {
    fn of(&self, id: NodeId) -> NodeId {
        let ids = match position(id) {
            Some(position) => self.nodes.get(position),
            None => usize::try_from(id).ok().and_then(|leaf| self.leaves.get(leaf)),
        };
        ids.copied().unwrap_or(0)
    }
}

struct Finished<'a> {
    forest: &'a Forest,
    ids: HashMap<NodeId, NodeId>,
    nodes: Vec<Node>,
}

impl Finished<'_> {
    /// Recursion is as deep as there are levels.
    fn visit(&mut self, id: NodeId) -> NodeId {
        let Some(node) = self.forest.get(id) else { return id };
        if let Some(&done) = self.ids.get(&id) {
            return done;
        }
        let branches = node.branches.iter();
        let branches = branches
            .map(|&Branch { end, child }| Branch { end, child: self.visit(child) })
            .collect();
        let done = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX).saturating_add(LEAVES);
        self.nodes.push(Node { level: node.level, branches });
        self.ids.insert(id, done);
        done
    }
}
