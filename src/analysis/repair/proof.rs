//! What a change of a list of rules really does, set against what it was meant to do.

use super::worlds::World;
use super::{Edit, Goal, List};
use crate::analysis::{Contract, Counterexample, Difference, Gates, Judgement, difference};
use crate::model::{Access, SecurityGroup};
use crate::resolve::{Ruleset, Unresolved};
use crate::space::{HeaderSpace, LimitExceeded, Limits, Region};

/// How what a repair changes compares with what was wanted.
///
/// The first three are proofs: the goal is reached for every flow, no other flow is treated in
/// another way than before, and that is so whatever addresses the goal's own names stand for.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Extent {
    /// All of the wanted flows change, and no others.
    Whole,
    /// Those of the wanted flows change that were not as wanted already, and no others.
    Rest,
    /// No flow changes: all was as wanted already.
    Nothing,
    /// The goal is reached, and these flows change, or may change, besides.
    More(Box<HeaderSpace>),
    /// The goal is reached unless these things, which are not known, turn out against it.
    Open(Vec<Unresolved>),
    /// What changes could not be worked out within the limits.
    Unfinished(LimitExceeded),
}

impl Extent {
    /// Whether the repair is proved to change nothing but what was wanted.
    pub fn is_exact(&self) -> bool {
        matches!(self, Self::Whole | Self::Rest | Self::Nothing)
    }
}

/// What was found out about some edits.
pub(super) struct Proof {
    pub(super) extent: Extent,
    /// What changes, with the names as they are known.
    pub(super) difference: Option<Difference>,
}

/// Tries edits on a copy of the list. `None` when they cannot be made or do not reach the goal.
pub(super) fn prove(
    list: &List<'_>,
    goal: &Goal,
    worlds: &[World],
    edits: &[Edit],
    limits: &Limits,
) -> Option<Proof> {
    let mut changed = list.group.clone();
    if !edits.iter().all(|edit| edit.apply(&mut changed)) {
        return None;
    }
    match compare(list, goal, worlds, &changed, limits) {
        Ok(proof) => proof,
        Err(exceeded) => Some(Proof { extent: Extent::Unfinished(exceeded), difference: None }),
    }
}

fn compare(
    list: &List<'_>,
    goal: &Goal,
    worlds: &[World],
    changed: &SecurityGroup,
    limits: &Limits,
) -> Result<Option<Proof>, LimitExceeded> {
    let mut extents = Vec::new();
    let mut first = None;
    for world in worlds {
        let before = world.ruleset(list.group, list.direction);
        let after = world.ruleset(changed, list.direction);
        let made = difference(&(&before).into(), &(&after).into(), limits)?;
        let wanted = goal.region(list, world);
        match judge(goal.access(), wanted, &(&after).into(), &made, limits)? {
            Judged::Missed => return Ok(None),
            Judged::Idle => {}
            Judged::Changes(extent) => extents.push(extent),
        }
        first.get_or_insert(made);
    }
    let difference = match worlds {
        [_] => first,
        _ => {
            let rules = |group| Ruleset::of_group(group, list.direction, list.names);
            let (before, after) = (rules(list.group), rules(changed));
            Some(difference(&(&before).into(), &(&after).into(), limits)?)
        }
    };
    let extent = extents.into_iter().reduce(both).unwrap_or(Extent::Nothing);
    Ok(Some(Proof { extent, difference }))
}

/// What is so in one world.
pub(super) enum Judged {
    /// The goal is not reached.
    Missed,
    /// The goal speaks of no flow here, and none changes.
    Idle,
    Changes(Extent),
}

/// Judges a change by the flows that it was to make as wanted, and what is not known about them.
pub(super) fn judge(
    access: Access,
    (region, mut unknown): (Region, Vec<Unresolved>),
    after: &Gates,
    made: &Difference,
    limits: &Limits,
) -> Result<Judged, LimitExceeded> {
    let wanted = HeaderSpace::of_region(&region);
    match Contract::new(access, region).check(after, limits)? {
        Judgement::Fails(_) => return Ok(Judged::Missed),
        Judgement::Unknown(example) => unknown.extend(unknown_about(after, &example)),
        Judgement::Holds => {}
    }
    let changes = made.opened.iter().chain(&made.closed).chain(&made.unsettled);
    let all = HeaderSpace::of_regions(changes.map(|change| &change.region), limits)?;
    let more = all.difference(&wanted, limits)?;
    Ok(if !unknown.is_empty() {
        Judged::Changes(Extent::Open(unknown))
    } else if !more.is_empty() {
        Judged::Changes(Extent::More(Box::new(more)))
    } else if wanted.is_empty() {
        Judged::Idle
    } else if all.is_empty() {
        Judged::Changes(Extent::Nothing)
    } else if all == wanted && made.unsettled.is_empty() {
        Judged::Changes(Extent::Whole)
    } else {
        Judged::Changes(Extent::Rest)
    })
}

/// What is not known about the rules that may decide the flow.
fn unknown_about(gates: &Gates, example: &Counterexample) -> Vec<Unresolved> {
    let undecided = example.reasons.iter().flat_map(|reason| &reason.undecided);
    let rules =
        undecided.filter_map(|rule| gates.rulesets().get(rule.gate)?.rules().get(rule.index));
    let mut all: Vec<Unresolved> = Vec::new();
    for rule in rules {
        for reason in rule.unresolved() {
            if !all.contains(reason) {
                all.push(reason.clone());
            }
        }
    }
    all
}

/// What is so in two worlds.
fn both(one: Extent, other: Extent) -> Extent {
    match (one, other) {
        (open @ Extent::Open(_), _) | (_, open @ Extent::Open(_)) => open,
        (more @ Extent::More(_), _) | (_, more @ Extent::More(_)) => more,
        (one, other) if one == other => one,
        _ => Extent::Rest,
    }
}
