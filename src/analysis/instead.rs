//! Which rules see to the flows of a rule that changes nothing.

use std::collections::BTreeSet;

use super::IdleCause;
use crate::model::Flow;
use crate::space::{Effects, Fate, LimitExceeded, Limits, Lists, Meter, NodeId, Place, Question};

/// The list and the index of a rule.
pub(super) type At = (usize, usize);

/// Why a rule changes nothing, and the rules that make it so, none of them superfluous.
pub(super) fn instead(
    lists: &Lists,
    own: At,
    meter: &mut Meter,
) -> Result<(IdleCause, BTreeSet<At>), LimitExceeded> {
    let near = lists.near(own);
    for cause in [IdleCause::Shadowed, IdleCause::CutOff, IdleCause::Moot] {
        let mut choice = Choice::new(Takers { lists, own, near: &near, cause, only: None });
        lists.ask(&mut choice, meter)?;
        if !choice.is_open {
            return Ok((cause, spared(lists, own, cause, &near, choice.chosen, meter)?));
        }
    }
    let cause = IdleCause::Redundant;
    let mut choice = Choice::new(Takers { lists, own, near: &near, cause, only: None });
    lists.ask(&mut choice, meter)?;
    Ok((cause, spared(lists, own, cause, &near, choice.chosen, meter)?))
}

/// Takes away from some rules those that the others make superfluous.
fn spared(
    lists: &Lists,
    own: At,
    cause: IdleCause,
    near: &[bool],
    mut by: BTreeSet<At>,
    meter: &mut Meter,
) -> Result<BTreeSet<At>, LimitExceeded> {
    while by.len() > 1 {
        let takers = Takers { lists, own, near, cause, only: Some(&by) };
        let mut alone = Alone { takers, alone: BTreeSet::new() };
        lists.ask(&mut alone, meter)?;
        let alone = alone.alone;
        match by.iter().rev().find(|rule| !alone.contains(rule)).copied() {
            Some(spare) => by.remove(&spare),
            None => break,
        };
    }
    Ok(by)
}

/// Finds the rules that see to the flows of a piece in place of a rule.
#[derive(Clone, Copy)]
struct Takers<'a> {
    lists: &'a Lists,
    own: At,
    /// The entries that meet with the rule's.
    near: &'a [bool],
    /// How far from the rule they may stand.
    cause: IdleCause,
    /// Nothing but these rules, if it is narrowed.
    only: Option<&'a BTreeSet<At>>,
}

/// What sees to all flows of a piece.
#[derive(Default)]
struct Found {
    /// Each of these rules by itself.
    rules: Vec<At>,
    /// No rule is needed for it: the end of a list does it.
    is_settled: bool,
}

impl Takers<'_> {
    fn at(&self, id: u32) -> Option<At> {
        self.lists.entry(id).map(|entry| (entry.list, entry.rule))
    }

    fn is_wanted(&self, rule: At) -> bool {
        self.only.is_none_or(|only| only.contains(&rule))
    }

    fn place(&self, id: u32) -> Option<Place> {
        let at = self.at(id)?;
        let is_kept = at == self.own || self.only.is_some_and(|only| only.contains(&at));
        self.lists.place(id).filter(|_| !is_kept)
    }

    /// Drops what cannot matter, and finds what sees to the piece; `None` when the rule matches
    /// nothing of it.
    fn find(&self, active: &mut Vec<u32>, covers: impl Fn(u32) -> bool) -> Option<Found> {
        let is_near = |id: u32| usize::try_from(id).ok().and_then(|id| self.near.get(id));
        active.retain(|&id| is_near(id) == Some(&true));
        let own = active.iter().copied().find(|&id| self.at(id) == Some(self.own))?;
        self.trim(active, own, &covers);
        let mut found = Found::default();
        let (before, after) = self.split(active, own);
        self.add(&mut found, before, &covers, |_| true);
        if self.cause >= IdleCause::CutOff {
            for list in 0..self.own.0 {
                let (ids, what) = self.list(list, active, &covers);
                if !what.may(Effects::GO_ON) {
                    self.add_or_settle(&mut found, ids, &covers, |one| !one.may(Effects::GO_ON));
                }
            }
        }
        let own = self.lists.entry(own).map_or(Effects::default(), |entry| entry.effects);
        let without = what(self.lists, self.own.0, after, &covers);
        if self.cause >= IdleCause::Moot {
            self.find_later(&mut found, active, own.or(without), &covers);
        }
        if self.cause >= IdleCause::Redundant && own.is_one() && own == without {
            self.add_or_settle(&mut found, after, &covers, |one| one == own);
        }
        Some(found)
    }

    /// What gates after the rule's see to, whatever of `own` comes of a flow at the rule's.
    fn find_later(
        &self,
        found: &mut Found,
        active: &[u32],
        own: Effects,
        covers: &impl Fn(u32) -> bool,
    ) {
        let mut all = own;
        for list in self.lists.numbers().skip(self.own.0.saturating_add(1)) {
            let (ids, what) = self.list(list, active, covers);
            if what == Effects::DROP && !all.may(Effects::DELIVER) {
                self.add_or_settle(found, ids, covers, |one| one == Effects::DROP);
            }
            // What is delivered at the rule's gate, or else at this one, or goes on from here.
            if own.may(Effects::DELIVER) && !all.or(what).may(Effects::DROP) {
                let is_end = !what.may(Effects::GO_ON) || self.lists.is_last(list);
                if is_end {
                    self.add_or_settle(found, ids, covers, |one| !one.may(Effects::DROP));
                    return;
                }
            }
            all = all.or(what);
        }
        if own.may(Effects::DELIVER) && !own.may(Effects::DROP) && self.lists.is_last(self.own.0) {
            found.is_settled = true;
        }
    }

    /// Keeps the rule's own entry and, as far from it as wanted, what may decide in each list.
    fn trim(&self, active: &mut Vec<u32>, own: u32, covers: &impl Fn(u32) -> bool) {
        let mut ended = None;
        active.retain(|&id| {
            let Some(entry) = self.lists.entry(id) else { return false };
            let at = (entry.list, entry.rule);
            if at == self.own {
                return id == own;
            }
            if entry.list == self.own.0 && id < own {
                return entry.is_certain && self.is_wanted(at);
            }
            let reach = match self.cause {
                IdleCause::MatchesNothing | IdleCause::Shadowed => false,
                IdleCause::CutOff => entry.list < self.own.0,
                IdleCause::Moot | IdleCause::Redundant => true,
            };
            if !reach {
                return false;
            }
            if ended == Some(entry.list) {
                return self.only.is_some_and(|only| only.contains(&at));
            }
            if entry.is_certain && covers(id) {
                ended = Some(entry.list);
            }
            true
        });
    }

    /// The entries of the rule's list before it and after it.
    fn split<'b>(&self, active: &'b [u32], own: u32) -> (&'b [u32], &'b [u32]) {
        let list = range(self.lists, self.own.0, active);
        let place = list.partition_point(|&id| id < own);
        let after = place.saturating_add(1);
        (list.get(..place).unwrap_or_default(), list.get(after..).unwrap_or_default())
    }

    /// The entries of another list and what may happen there to some flow of the piece.
    fn list<'b>(
        &self,
        list: usize,
        active: &'b [u32],
        covers: &impl Fn(u32) -> bool,
    ) -> (&'b [u32], Effects) {
        let ids = range(self.lists, list, active);
        (ids, what(self.lists, list, ids, covers))
    }

    /// Adds the rules of these entries that certainly match all of the piece and do what is
    /// wanted.
    fn add(
        &self,
        found: &mut Found,
        ids: &[u32],
        covers: &impl Fn(u32) -> bool,
        is_wanted: impl Fn(Effects) -> bool,
    ) {
        for &id in ids {
            let Some(entry) = self.lists.entry(id) else { continue };
            let at = (entry.list, entry.rule);
            if entry.is_certain && covers(id) && is_wanted(entry.effects) && self.is_wanted(at) {
                found.rules.push(at);
            }
        }
    }

    /// The same where the list does what is wanted to all flows of the piece: where no rule ends
    /// it, its end does.
    fn add_or_settle(
        &self,
        found: &mut Found,
        ids: &[u32],
        covers: &impl Fn(u32) -> bool,
        is_wanted: impl Fn(Effects) -> bool,
    ) {
        let is_final =
            |&id: &u32| self.lists.entry(id).is_some_and(|entry| entry.is_certain) && covers(id);
        found.is_settled |= !ids.iter().any(is_final);
        self.add(found, ids, covers, is_wanted);
    }
}

/// The entries of one list.
fn range<'b>(lists: &Lists, list: usize, active: &'b [u32]) -> &'b [u32] {
    let of = |id: u32| lists.entry(id).map(|entry| entry.list);
    let start = active.partition_point(|&id| of(id) < Some(list));
    let end = active.partition_point(|&id| of(id) <= Some(list));
    active.get(start..end).unwrap_or_default()
}

/// What these entries of a list may do to some flow of a piece, with the list's end if none of
/// them ends it.
fn what(lists: &Lists, list: usize, ids: &[u32], covers: &impl Fn(u32) -> bool) -> Effects {
    let mut all = Effects::default();
    for &id in ids {
        let Some(entry) = lists.entry(id) else { continue };
        all = all.or(entry.effects);
        if entry.is_certain && covers(id) {
            return all;
        }
    }
    all.or(lists.fallback(list))
}

/// Chooses rules until they see to all flows of a rule.
struct Choice<'a> {
    takers: Takers<'a>,
    chosen: BTreeSet<At>,
    /// Whether nothing sees to some flow.
    is_open: bool,
}

impl<'a> Choice<'a> {
    fn new(takers: Takers<'a>) -> Self {
        Self { takers, chosen: BTreeSet::new(), is_open: false }
    }
}

impl Question for Choice<'_> {
    const DRAWS: bool = false;

    fn place(&self, id: u32) -> Option<Place> {
        self.takers.place(id)
    }

    fn is_answered(&self) -> bool {
        self.is_open
    }

    fn settle(&mut self, active: &mut Vec<u32>, covers: impl Fn(u32) -> bool) -> Option<NodeId> {
        let Some(found) = self.takers.find(active, &covers) else { return Some(0) };
        if found.is_settled || found.rules.iter().any(|rule| self.chosen.contains(rule)) {
            return Some(0);
        }
        if let Some(&first) = found.rules.first() {
            self.chosen.insert(first);
            return Some(0);
        }
        let is_cell = active.iter().all(|&id| covers(id));
        self.is_open |= is_cell;
        is_cell.then_some(0)
    }
}

/// Which of several rules are the only one of them to see to some flow.
struct Alone<'a> {
    takers: Takers<'a>,
    alone: BTreeSet<At>,
}

impl Question for Alone<'_> {
    const DRAWS: bool = false;

    fn place(&self, id: u32) -> Option<Place> {
        self.takers.place(id)
    }

    fn settle(&mut self, active: &mut Vec<u32>, covers: impl Fn(u32) -> bool) -> Option<NodeId> {
        let Some(found) = self.takers.find(active, &covers) else { return Some(0) };
        let nothing_new = found.is_settled
            || found.rules.len() > 1
            || found.rules.iter().any(|rule| self.alone.contains(rule));
        if nothing_new {
            return Some(0);
        }
        let is_cell = active.iter().all(|&id| covers(id));
        if is_cell {
            self.alone.extend(found.rules);
        }
        is_cell.then_some(0)
    }
}

/// Whether some flow that a rule matches meets in the end with other access than the rule's, and
/// a flow that shows it, or one that the rule matches.
pub(super) fn outcome(
    lists: &Lists,
    own: At,
    meter: &mut Meter,
) -> Result<(bool, Option<Flow>), LimitExceeded> {
    let near = lists.near(own);
    let answer = lists.ask(&mut Outcome { lists, own, near: &near }, meter)?;
    let against = answer.flows(&[AGAINST], &Limits::NONE)?.witness();
    let contradicts = against.is_some();
    let witness = match against {
        Some(flow) => Some(flow),
        None => answer.flows(&[WITH, OPEN], &Limits::NONE)?.witness(),
    };
    Ok((contradicts, witness))
}

const WITH: NodeId = 1;
const AGAINST: NodeId = 2;
const OPEN: NodeId = 3;

/// What becomes in the end of the flows that a rule matches.
struct Outcome<'a> {
    lists: &'a Lists,
    own: At,
    near: &'a [bool],
}

impl Outcome<'_> {
    fn is_own(&self, id: u32) -> bool {
        self.lists.entry(id).is_some_and(|entry| (entry.list, entry.rule) == self.own)
    }

    fn value(&self, own: u32, fate: Fate) -> NodeId {
        let says = match self.lists.entry(own).map(|entry| entry.effects) {
            Some(Effects::DROP) => Fate::Dropped,
            Some(one) if !one.may(Effects::DROP) => Fate::Passed,
            _ => fate,
        };
        match fate {
            Fate::Open => OPEN,
            fate if fate == says => WITH,
            _ => AGAINST,
        }
    }
}

impl Question for Outcome<'_> {
    fn place(&self, id: u32) -> Option<Place> {
        self.lists.place(id).filter(|_| !self.is_own(id))
    }

    fn settle(&mut self, active: &mut Vec<u32>, covers: impl Fn(u32) -> bool) -> Option<NodeId> {
        let [mut settled, _] = self.lists.take_settled(active);
        let is_near = |id: u32| usize::try_from(id).ok().and_then(|id| self.near.get(id));
        active.retain(|&id| is_near(id) == Some(&true));
        let own = active.iter().copied().find(|&id| self.is_own(id));
        let Some(own) = own else { return Some(0) };
        if settled.is_none() {
            let mut ended = None;
            active.retain(|&id| {
                let Some(entry) = self.lists.entry(id) else { return false };
                if ended == Some(entry.list) {
                    return id == own;
                }
                if entry.is_certain && covers(id) {
                    ended = Some(entry.list);
                }
                true
            });
            let effects = self.lists.numbers();
            let effects = effects
                .map(|list| what(self.lists, list, range(self.lists, list, active), &covers));
            let fate = Fate::of_effects(effects);
            if fate != Fate::Open || active.iter().all(|&id| covers(id)) {
                settled = Some(fate);
            }
        }
        let fate = settled?;
        if covers(own) {
            return Some(self.value(own, fate));
        }
        active.clear();
        active.push(own);
        active.extend(self.lists.settled(false, fate));
        None
    }
}
