//! Changes of rules that bring about a goal, each with the proof of what it does.
//!
//! A [`Goal`] is that some traffic is allowed, or denied. [`repairs`] finds ways to reach it in
//! one list of rules: a rule put into a free number before those that stand against the goal, or
//! into a number made free by moving its neighbours; a rule that says the goal already and
//! stands too late, moved forward, or what stands before it moved back; what stands against the
//! goal narrowed, or removed where nothing of it would be left. [`repair_path`] does so at all
//! gates of one end of a path.
//!
//! Every way is made on a copy, and [`difference`](super::difference) works out what it opens and
//! closes over all flows ([`Repair::difference`]). What changes the wanted flows and no others
//! comes first, then what changes less; a way that does not reach the goal is not offered.
//!
//! ```
//! use nsg_engine::analysis::repair::{Goal, List, repairs};
//! use nsg_engine::model::{Direction, ResourceId, SecurityGroup};
//! use nsg_engine::resolve::{Names, ServiceTags};
//! use nsg_engine::space::Limits;
//!
//! let mut group = SecurityGroup::new(ResourceId::new("nsg-vm"));
//! group.rules.push("100 DenySsh deny inbound tcp 10.0.0.0/16:* -> *:22".parse()?);
//! let names = Names::new(ServiceTags::built_in())
//!     .with_virtual_network("10.0.0.0/16".parse::<nsg_engine::net::Prefix>()?.into());
//! let list = List::new(&group, Direction::Inbound, &names);
//!
//! let goal = Goal::allow("tcp 10.0.1.0/26:* -> 10.0.0.4/32:22".parse()?).named("AllowBastion");
//! let found = repairs(&list, &goal, &Limits::default());
//! assert_eq!(
//!     found.no_room.unwrap().to_string(),
//!     "100 DenySsh has the first number there is: no rule can be put before it",
//! );
//! let best = &found.repairs[0];
//! assert!(best.extent.is_exact());
//! assert_eq!(best.to_string(), "move 100 DenySsh to 101, \
//!     add 100 AllowBastion allow inbound tcp 10.0.1.0/26:* -> 10.0.0.4/32:22");
//!
//! // One change would be enough, but it opens more than was wanted.
//! let next = &found.repairs[1];
//! assert_eq!(next.edits.len(), 1);
//! let opened = &next.difference.as_ref().unwrap().opened;
//! assert_eq!(opened[0].region.to_string(), "tcp 10.0.1.0/26:* -> 10.0.0.0/16:22");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod candidates;
mod deciders;
mod edit;
mod goal;
mod narrowing;
mod path;
mod proof;
mod room;
mod worlds;

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;

pub use edit::Edit;
pub use goal::{Goal, NotARule};
pub use path::{End, GroupRepairs, PathRepairs, Together, repair_path};
pub use proof::Extent;

use candidates::Situation;
use proof::{Proof, prove};
use worlds::World;

use super::Difference;
use crate::model::{Direction, Priority, SecurityGroup};
use crate::resolve::{Names, Ruleset};
use crate::space::{Limits, Region};

/// The rules of a security group in one direction, with what their names stand for at one place.
#[derive(Clone, Copy, Debug)]
pub struct List<'a> {
    group: &'a SecurityGroup,
    direction: Direction,
    names: &'a Names,
}

impl<'a> List<'a> {
    /// The list.
    pub fn new(group: &'a SecurityGroup, direction: Direction, names: &'a Names) -> Self {
        Self { group, direction, names }
    }
}

/// Ways to reach a goal in one list of rules.
#[derive(Clone, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct Repairs {
    /// Whether the goal is reached as the rules are.
    pub holds: bool,
    /// The ways, the best first: those that change exactly the wanted flows before those that
    /// change more, and among equals the one that changes fewer rules.
    pub repairs: Vec<Repair>,
    /// Why no rule can just be added, where none can.
    pub no_room: Option<NoRoom>,
}

/// One way to reach a goal.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Repair {
    /// The changes, in the order they have to be made: at no time do two rules have one number.
    pub edits: Vec<Edit>,
    /// How what it changes compares with what was wanted.
    pub extent: Extent,
    /// What it opens and closes; `None` when that could not be worked out within the limits.
    pub difference: Option<Difference>,
}

impl Repair {
    /// Makes the changes. Returns whether all could be made.
    #[must_use = "a group that is not the one repaired cannot be changed"]
    pub fn apply(&self, group: &mut SecurityGroup) -> bool {
        self.edits.iter().all(|edit| edit.apply(group))
    }

    /// How many rules of the group it changes or removes.
    pub fn rules_changed(&self) -> usize {
        self.edits.iter().filter(|edit| !matches!(edit, Edit::Insert(_))).count()
    }

    /// The better is the less.
    fn compare(&self, other: &Self) -> Ordering {
        let rank = |repair: &Self| match &repair.extent {
            Extent::Whole | Extent::Rest | Extent::Nothing => (0, 0.0),
            Extent::Open(_) => (1, 0.0),
            Extent::More(flows) => (2, flows.size().log2()),
            Extent::Unfinished(_) => (3, 0.0),
        };
        let ((one, its_more), (two, others_more)) = (rank(self), rank(other));
        let changes = |repair: &Self| (repair.rules_changed(), repair.edits.len());
        one.cmp(&two)
            .then(its_more.total_cmp(&others_more))
            .then(changes(self).cmp(&changes(other)))
    }
}

impl fmt::Display for Repair {
    /// The changes in words, separated by commas.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, edit) in self.edits.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{edit}")?;
        }
        Ok(())
    }
}

/// Why no rule can just be added.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoRoom {
    /// No number that a user may choose (S1.6) is free where the rule would have to stand.
    #[error("{}", no_number(before, rule))]
    Numbers {
        /// The rule would have to stand before this number.
        before: Priority,
        /// The name of the rule at that number.
        rule: String,
    },
    /// The group holds as many rules as Azure takes (S1.51).
    #[error("the group holds {held} rules, and Azure takes {most} at most", most = crate::model::Limits::azure().rules_per_group)]
    Rules {
        /// How many it holds.
        held: usize,
    },
    /// No rules can say what is wanted.
    #[error(transparent)]
    NotARule(NotARule),
}

fn no_number(before: &Priority, rule: &str) -> String {
    let first = Priority::FIRST;
    if *before <= first {
        format!("{before} {rule} has the first number there is: no rule can be put before it")
    } else {
        let last = before.number().saturating_sub(1);
        format!("no number from {first} to {last} is free, before {before} {rule}")
    }
}

/// How many ways are worth telling.
const MOST: usize = 5;

/// Ways to reach a goal in one list of rules, the best first.
///
/// `limits` are for each step of the proof of each way. Where they do not suffice, a way is told
/// with [`Extent::Unfinished`].
pub fn repairs(list: &List<'_>, goal: &Goal, limits: &Limits) -> Repairs {
    let worlds = World::all(goal, list);
    let is_reached = prove(list, goal, &worlds, &[], limits)
        .is_some_and(|proof| proof.extent == Extent::Nothing);
    let Some(world) = worlds.first().filter(|_| !is_reached) else {
        return Repairs { holds: true, ..Repairs::default() };
    };
    let ground = Ground::new(list, goal, world, limits);
    let situation = ground.situation(list, goal);
    let mut candidates = Vec::new();
    let mut no_room = None;
    match situation.insertion() {
        Ok(edits) => candidates.push(edits),
        Err(reason) => {
            candidates.extend(situation.insertions_by_moving(situation.ceiling()));
            no_room = Some(reason);
        }
    }
    candidates.extend(situation.moves());
    candidates.extend(situation.narrowed());
    let proved = |edits: Vec<Edit>| {
        let Proof { extent, difference } = prove(list, goal, &worlds, &edits, limits)?;
        Some(Repair { edits, extent, difference })
    };
    let mut repairs: Vec<Repair> = candidates.into_iter().filter_map(proved).collect();
    repairs.sort_by(Repair::compare);
    repairs.truncate(MOST);
    Repairs { holds: false, repairs, no_room }
}

/// Puts the rules that say a goal before a number and before all that stands against it, also
/// where nothing does: what another rule allows by the way may have to be allowed by name
/// (S7.13). Where no number is free, rules move.
///
/// # Errors
///
/// When they cannot be put there, or would not reach the goal from there.
pub fn insertion(
    list: &List<'_>,
    goal: &Goal,
    before: Priority,
    limits: &Limits,
) -> Result<Repair, NoRoom> {
    let worlds = World::all(goal, list);
    let here = World::of(list.names);
    let ground = Ground::new(list, goal, worlds.first().unwrap_or(&here), limits);
    let situation = ground.situation(list, goal);
    let before = before.min(situation.ceiling());
    let edits = situation.insertion_before(before).or_else(|reason| {
        situation.insertions_by_moving(before).into_iter().next().ok_or(reason)
    })?;
    match prove(list, goal, &worlds, &edits, limits) {
        Some(Proof { extent, difference }) => Ok(Repair { edits, extent, difference }),
        None => Err(situation.no_number(before)),
    }
}

/// What a goal is looked for in.
struct Ground {
    region: Region,
    ruleset: Ruleset,
    deciders: BTreeSet<usize>,
}

impl Ground {
    fn new(list: &List<'_>, goal: &Goal, world: &World, limits: &Limits) -> Self {
        let (region, _) = goal.region(list, world);
        let ruleset = world.ruleset(list.group, list.direction);
        // Within the limits or not: who stands before all rules stands before the deciding ones.
        let deciders = deciders::deciders(&ruleset, &region, limits)
            .unwrap_or_else(|_| (0..ruleset.rules().len()).collect());
        Self { region, ruleset, deciders }
    }

    fn situation<'a>(&'a self, list: &'a List<'a>, goal: &'a Goal) -> Situation<'a> {
        Situation::new(list, goal, &self.region, &self.ruleset, &self.deciders)
    }
}
