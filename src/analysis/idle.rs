//! Rules that change nothing on the whole way of a flow, and why.

use std::fmt;

use super::instead::{instead, outcome};
use super::{Gates, RuleRef};
use crate::model::Flow;
use crate::space::{
    Effects, Entry, Fate, LimitExceeded, Limits, Lists, Meter, NodeId, Place, Question,
};

/// A rule without which the same becomes of every flow.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Idle {
    /// The rule.
    pub rule: RuleRef,
    /// Why it changes nothing.
    pub cause: IdleCause,
    /// The rules that see to every flow it matches in its place; without any one of them the
    /// others do not see to all. Empty where that takes no rule.
    pub by: Vec<RuleRef>,
    /// Whether some flow that it matches meets with other access in the end than it says.
    pub contradicts: bool,
    /// A flow that it matches, one that meets with other access where there is one; `None` when
    /// it matches nothing.
    pub witness: Option<Flow>,
}

/// Why a rule changes nothing, from what comes before it to what comes after.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum IdleCause {
    /// It matches no flow.
    MatchesNothing,
    /// Rules before it in its own list match all that it matches: it never decides.
    Shadowed,
    /// What its own list leaves to it never arrives: gates before drop or deliver it.
    CutOff,
    /// Gates after it do the same to its flows whether it lets them on or not.
    Moot,
    /// Without it, rules after it in its own list would do the same to what the others leave.
    Redundant,
}

impl fmt::Display for IdleCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::MatchesNothing => "matches nothing",
            Self::Shadowed => "shadowed",
            Self::CutOff => "cut off",
            Self::Moot => "moot",
            Self::Redundant => "redundant",
        })
    }
}

/// Finds the rules of some gates each of which could be removed without changing what becomes of
/// any flow on the whole way, and names the rules that make it so, at its own gate or at others.
/// Removing one may make another one needed.
///
/// Default rules, which nobody can remove, and the platform's exemptions are not looked at.
///
/// # Errors
///
/// When that takes more than the limits allow.
///
/// ```
/// use std::sync::Arc;
///
/// use nsg_engine::analysis::{Gates, IdleCause, idle};
/// use nsg_engine::model::{Direction, ResourceId, SecurityGroup};
/// use nsg_engine::resolve::{Names, Ruleset, ServiceTags};
/// use nsg_engine::space::Limits;
///
/// let names = Names::new(ServiceTags::built_in())
///     .with_virtual_network("10.0.0.0/16".parse::<nsg_engine::net::Prefix>()?.into());
/// let gate = |rules: &[&str]| -> Result<_, Box<dyn std::error::Error>> {
///     let mut group = SecurityGroup::new(ResourceId::new("nsg"));
///     for rule in rules {
///         group.rules.push(rule.parse()?);
///     }
///     Ok(Arc::new(Ruleset::of_group(&group, Direction::Inbound, &names)))
/// };
/// let subnet = gate(&["100 AllowWeb allow inbound tcp *:* -> *:443"])?;
/// let nic = gate(&["100 AllowRdp allow inbound tcp 198.51.100.0/24:* -> *:3389"])?;
///
/// let found = idle(&Gates::new([subnet, nic]), &Limits::default())?;
/// // The subnet lets HTTPS through that the interface denies, and the other way round.
/// assert_eq!(found[0].rule.name, "securityRules/AllowWeb");
/// assert_eq!(found[1].cause, IdleCause::CutOff);
/// assert_eq!(found[1].by[0].name, "defaultSecurityRules/DenyAllInBound");
/// assert!(found[1].contradicts);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn idle(gates: &Gates, limits: &Limits) -> Result<Vec<Idle>, LimitExceeded> {
    let lists = Lists::new(gates.iter());
    let mut meter = Meter::new(limits);
    let mut needs = Needs::new(&lists, gates);
    lists.ask(&mut needs, &mut meter)?;
    let needed = needs.needed;
    let mut found = Vec::new();
    for (gate, rules) in needed.iter().enumerate() {
        for (index, _) in rules.iter().enumerate().filter(|(_, is_needed)| !**is_needed) {
            let rule = gates.rule(gate, index).filter(|rule| gates.is_removable(rule));
            let Some(rule) = rule else { continue };
            found.push(explained(gates, &lists, rule, &mut meter)?);
        }
    }
    Ok(found)
}

/// Why a rule changes nothing.
fn explained(
    gates: &Gates,
    lists: &Lists,
    rule: RuleRef,
    meter: &mut Meter,
) -> Result<Idle, LimitExceeded> {
    let at = (rule.gate, rule.index);
    let (contradicts, witness) = outcome(lists, at, meter)?;
    if witness.is_none() {
        let cause = IdleCause::MatchesNothing;
        return Ok(Idle { rule, cause, by: Vec::new(), contradicts, witness });
    }
    let (cause, by) = instead(lists, at, meter)?;
    let by = by.into_iter().filter_map(|(gate, index)| gates.rule(gate, index)).collect();
    Ok(Idle { rule, cause, by, contradicts, witness })
}

/// Which rules are needed: something else may become of a flow without them.
struct Needs<'a> {
    lists: &'a Lists,
    /// For each list, for each rule.
    needed: Vec<Vec<bool>>,
}

impl<'a> Needs<'a> {
    fn new(lists: &'a Lists, gates: &Gates) -> Self {
        let needed = gates.iter().map(|list| vec![false; list.rules().len()]).collect();
        Self { lists, needed }
    }

    fn is_needed(&self, entry: &Entry) -> bool {
        self.needed.get(entry.list).and_then(|list| list.get(entry.rule)).copied().unwrap_or(true)
    }

    /// Keeps of every list what may decide, and what would without the rule that certainly does.
    fn cut(&self, active: &mut Vec<u32>, is_final: impl Fn(u32) -> bool) -> Vec<Cut> {
        let mut cuts: Vec<Cut> = self.lists.numbers().map(|_| Cut::default()).collect();
        active.retain(|&id| {
            let Some(entry) = self.lists.entry(id) else { return false };
            let Some(cut) = cuts.get_mut(entry.list) else { return false };
            if cut.is_closed {
                return false;
            }
            let is_final = is_final(id);
            let is_first = is_final && cut.deciders.is_none();
            cut.ids.push(id);
            if is_first {
                cut.deciders = Some(cut.ids.len());
            }
            cut.is_closed = is_final && (!is_first || self.is_needed(entry));
            true
        });
        for (list, cut) in self.lists.numbers().zip(&mut cuts) {
            cut.finish(self.lists, list);
        }
        cuts
    }

    /// The rules of which the piece may show that they are needed: with them and without them
    /// the flow fares differently from their list on, if it gets there.
    fn open(&self, cuts: &[Cut]) -> Vec<(usize, usize)> {
        let mut open = Vec::new();
        for (place, cut) in cuts.iter().enumerate() {
            let (before, after) = cuts.split_at(place);
            if !before.iter().all(|cut| cut.effects.may(Effects::GO_ON)) {
                break;
            }
            let later = || after.iter().skip(1).map(|cut| cut.effects);
            let fate = |own| Fate::of_effects([own].into_iter().chain(later()));
            for (&id, &without) in cut.ids.iter().zip(&cut.without) {
                let Some(entry) = self.lists.entry(id).filter(|one| !self.is_needed(one)) else {
                    continue;
                };
                let does_the_same = without == entry.effects && without.is_one();
                let (with, without) = (fate(entry.effects), fate(without));
                if !does_the_same && (with != without || with == Fate::Open) {
                    open.push((entry.list, entry.rule));
                }
            }
        }
        open
    }
}

/// What is left of a list for a piece of the flows.
#[derive(Default)]
struct Cut {
    ids: Vec<u32>,
    /// How many of them may decide, if one certainly does.
    deciders: Option<usize>,
    is_closed: bool,
    /// Everything that may happen to some flow of the piece.
    effects: Effects,
    /// For each that may decide, what may happen to flows that it does not match.
    without: Vec<Effects>,
}

impl Cut {
    fn finish(&mut self, lists: &Lists, list: usize) {
        let effects = |id: &u32| lists.entry(*id).map_or(Effects::default(), |one| one.effects);
        let deciders = self.deciders.unwrap_or(self.ids.len());
        let (deciding, rest) = self.ids.split_at(deciders.min(self.ids.len()));
        let end = if self.is_closed { Effects::default() } else { lists.fallback(list) };
        let mut after = rest.iter().fold(end, |all, id| all.or(effects(id)));
        let is_decided = self.deciders.is_some();
        self.effects = deciding.iter().fold(Effects::default(), |all, id| all.or(effects(id)));
        if !is_decided {
            self.effects = self.effects.or(after);
        }
        // Rules that may stand anywhere come first and may yet stand after it.
        let anywhere: Vec<u32> = deciding
            .iter()
            .copied()
            .filter(|id| lists.entry(*id).is_some_and(|entry| entry.is_anywhere))
            .collect();
        let may_move = |id: &u32| {
            lists.entry(*id).is_some_and(|entry| entry.is_anywhere || entry.place.is_some())
        };
        for (place, id) in deciding.iter().enumerate().rev() {
            let others = anywhere.iter().filter(|other| *other != id && may_move(id));
            self.without.push(others.fold(after, |all, other| all.or(effects(other))));
            let is_last = is_decided && place.saturating_add(1) == deciders;
            after = if is_last { effects(id) } else { after.or(effects(id)) };
        }
        self.without.reverse();
    }
}

impl Question for Needs<'_> {
    const DRAWS: bool = false;
    /// One that decides, and one that would without it.
    const ALIKE: u8 = 2;

    fn place(&self, id: u32) -> Option<Place> {
        self.lists.place(id)
    }

    fn settle(&mut self, active: &mut Vec<u32>, covers: impl Fn(u32) -> bool) -> Option<NodeId> {
        let is_final =
            |id: u32| self.lists.entry(id).is_some_and(|one| one.is_certain) && covers(id);
        let cuts = self.cut(active, is_final);
        let open = self.open(&cuts);
        if open.is_empty() {
            return Some(0);
        }
        if !active.iter().all(|&id| covers(id)) {
            return None;
        }
        for (list, rule) in open {
            let needed = self.needed.get_mut(list).and_then(|list| list.get_mut(rule));
            needed.into_iter().for_each(|needed| *needed = true);
        }
        Some(0)
    }
}
