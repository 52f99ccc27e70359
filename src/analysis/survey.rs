//! Rules that never decide, and rules that could go.

use std::collections::BTreeSet;
use std::fmt;

use super::{Gates, RuleRef};
use crate::model::Flow;
use crate::resolve::Ruleset;
use crate::space::{Entry, LimitExceeded, Limits, Lists, Meter, NodeId, Place, Question};

/// What a look at every rule of a list over all flows found.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Survey {
    /// The rules that never decide, however the unknowns turn out, in order.
    pub shadowed: Vec<Shadowed>,
    /// The rules that decide some flow but could each be removed without changing what becomes
    /// of any flow, in order. Removing one may make another one needed.
    pub redundant: Vec<RuleRef>,
}

/// A rule that never decides.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Shadowed {
    /// The rule.
    pub rule: RuleRef,
    /// Rules before it that together match everything it matches; without any one of them the
    /// others do not. Empty when the rule matches nothing at all.
    pub by: Vec<RuleRef>,
    /// Whether some flow that it matches meets with other access, so that the rule says what is
    /// not so.
    pub contradicts: bool,
    /// A flow that it matches and that another rule decides, one with other access where there
    /// is one; `None` when it matches nothing.
    pub witness: Option<Flow>,
}

/// A survey that was stopped by its limits, with what it had found.
#[derive(Clone, PartialEq, Debug)]
pub struct Unfinished {
    exceeded: LimitExceeded,
    deciding: Vec<RuleRef>,
}

impl Unfinished {
    /// The rules that certainly are not shadowed.
    pub fn deciding(&self) -> &[RuleRef] {
        &self.deciding
    }
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.deciding.len();
        write!(f, "{}; so far {count} rules were found to decide some flow", self.exceeded)
    }
}

impl std::error::Error for Unfinished {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.exceeded)
    }
}

/// Finds the rules of a list that never decide and those that could go.
///
/// # Errors
///
/// When that takes more than the limits allow; the error holds what was found until then.
///
/// ```
/// use nsg_engine::analysis::survey;
/// use nsg_engine::model::{Direction, ResourceId, SecurityGroup};
/// use nsg_engine::resolve::{Names, Ruleset, ServiceTags};
/// use nsg_engine::space::Limits;
///
/// let mut group = SecurityGroup::new(ResourceId::new("nsg-vm"));
/// for rule in [
///     "100 DenyLow deny inbound tcp 10.0.0.0/9:* -> *:*",
///     "110 DenyHigh deny inbound tcp 10.128.0.0/9:* -> *:*",
///     "120 AllowSsh allow inbound tcp 10.0.0.0/8:* -> *:22",
///     "130 DenyPing deny inbound icmp 192.0.2.0/24:* -> *:*",
/// ] {
///     group.rules.push(rule.parse()?);
/// }
/// let names = Names::new(ServiceTags::built_in())
///     .with_virtual_network("10.0.0.0/8".parse::<nsg_engine::net::Prefix>()?.into());
/// let ruleset = Ruleset::of_group(&group, Direction::Inbound, &names);
/// let survey = survey(&ruleset, &Limits::default())?;
///
/// let ssh = &survey.shadowed[0];
/// assert_eq!(ssh.rule.name, "securityRules/AllowSsh");
/// assert_eq!(ssh.by.len(), 2);
/// assert!(ssh.contradicts);
/// // `DenyAllInBound` denies the pings too.
/// assert_eq!(survey.redundant[0].name, "securityRules/DenyPing");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn survey(ruleset: &Ruleset, limits: &Limits) -> Result<Survey, Unfinished> {
    let gates = Gates::from(ruleset);
    let lists = Lists::new([ruleset]);
    let mut meter = Meter::new(limits);
    let mut question = Roles::new(&lists, ruleset.rules().len());
    let asked = lists.ask(&mut question, &mut meter);
    let roles = question.roles;
    let unfinished = |exceeded| {
        let deciding = roles.iter().enumerate().filter(|(_, role)| role.decides);
        let deciding = deciding.filter_map(|(index, _)| gates.rule(0, index)).collect();
        Unfinished { exceeded, deciding }
    };
    asked.map_err(unfinished)?;
    let mut survey = Survey { shadowed: Vec::new(), redundant: Vec::new() };
    for (index, role) in roles.iter().enumerate() {
        let Some(rule) = gates.rule(0, index) else { continue };
        if !role.decides {
            let shadowed = shadowed(&gates, &lists, rule, &mut meter).map_err(unfinished)?;
            survey.shadowed.push(shadowed);
        } else if !role.is_needed {
            survey.redundant.push(rule);
        }
    }
    Ok(survey)
}

/// What is known about a rule so far.
#[derive(Clone, Copy, Default)]
struct Role {
    /// It decides some flow.
    decides: bool,
    /// It decides some flow of which something else would become without it.
    is_needed: bool,
}

/// Finds the role of every rule.
struct Roles<'a> {
    lists: &'a Lists,
    roles: Vec<Role>,
}

impl<'a> Roles<'a> {
    fn new(lists: &'a Lists, rules: usize) -> Self {
        Self { lists, roles: vec![Role::default(); rules] }
    }

    fn role(&self, entry: &Entry) -> Role {
        self.roles.get(entry.rule).copied().unwrap_or_default()
    }

    /// For each entry, whether something else may become of a flow without it: whether what
    /// comes after it, up to the first that is `final_` for all flows, does anything else.
    fn differences(&self, entries: &[&Entry], is_final: impl Fn(usize) -> bool) -> Vec<bool> {
        let mut after = self.lists.fallback(0);
        let mut differs: Vec<bool> = entries
            .iter()
            .enumerate()
            .rev()
            .map(|(place, entry)| {
                let differs = after != entry.effects || !after.is_one();
                after = if is_final(place) { entry.effects } else { after.or(entry.effects) };
                differs
            })
            .collect();
        differs.reverse();
        differs
    }
}

impl Question for Roles<'_> {
    const DRAWS: bool = false;
    /// One that decides, and one that would without it.
    const ALIKE: u8 = 2;

    fn place(&self, id: u32) -> Option<Place> {
        self.lists.place(id)
    }

    fn settle(&mut self, active: &mut Vec<u32>, covers: impl Fn(u32) -> bool) -> Option<NodeId> {
        let is_final =
            |&id: &u32| self.lists.entry(id).is_some_and(|one| one.is_certain) && covers(id);
        let first = active.iter().position(is_final);
        let deciders = first.map_or(active.len(), |place| place.saturating_add(1));
        // Rules after the first that is final matter only for what would become without that.
        let first = active.get(deciders.saturating_sub(1)).filter(|_| first.is_some());
        let first = first.and_then(|&id| self.lists.entry(id));
        let end = if first.is_some_and(|entry| self.role(entry).is_needed) {
            deciders
        } else {
            let later = active.iter().skip(deciders).position(is_final);
            later.map_or(active.len(), |more| deciders.saturating_add(more).saturating_add(1))
        };
        active.truncate(end);
        let entries: Vec<&Entry> = active.iter().filter_map(|&id| self.lists.entry(id)).collect();
        let finals: Vec<bool> = active.iter().map(is_final).collect();
        let differs =
            self.differences(&entries, |place| finals.get(place).copied().unwrap_or(false));
        let deciding = || entries.iter().zip(&differs).take(deciders);
        let is_open = deciding().any(|(entry, &differs)| {
            let role = self.role(entry);
            !role.decides || (differs && !role.is_needed)
        });
        if !is_open {
            return Some(0);
        }
        if !active.iter().all(|&id| covers(id)) {
            return None;
        }
        let found: Vec<(usize, bool)> =
            deciding().map(|(entry, &differs)| (entry.rule, differs)).collect();
        for (rule, differs) in found {
            if let Some(role) = self.roles.get_mut(rule) {
                role.decides = true;
                role.is_needed |= differs;
            }
        }
        Some(0)
    }
}

/// What stands before a rule that never decides.
fn shadowed(
    gates: &Gates,
    lists: &Lists,
    rule: RuleRef,
    meter: &mut Meter,
) -> Result<Shadowed, LimitExceeded> {
    let by = match lists.single_cover(rule.index) {
        Some(one) => BTreeSet::from([one]),
        None => cover(lists, rule.index, meter)?,
    };
    let (contradicts, witness) = match lists.first_meeting(rule.index) {
        Some((true, flow)) => (true, flow.witness()),
        _ => decided_otherwise(lists, rule.index, meter)?,
    };
    let by = by.into_iter().filter_map(|index| gates.rule(0, index)).collect();
    Ok(Shadowed { rule, by, contradicts, witness })
}

/// Rules that together match all that a later rule matches, none of them superfluous.
fn cover(lists: &Lists, rule: usize, meter: &mut Meter) -> Result<BTreeSet<usize>, LimitExceeded> {
    let mut choice = Choice { lists, rule, chosen: BTreeSet::new() };
    lists.ask(&mut choice, meter)?;
    let mut by = choice.chosen;
    loop {
        let mut alone = Alone { lists, rule, by: &by, alone: BTreeSet::new() };
        lists.ask(&mut alone, meter)?;
        let spare = by.iter().rev().find(|rule| !alone.alone.contains(rule)).copied();
        match spare {
            Some(spare) => by.remove(&spare),
            None => return Ok(by),
        };
    }
}

/// Whether some flow that a rule matches is decided with other access than the rule's, and a
/// flow that shows it, or one that the rule matches.
fn decided_otherwise(
    lists: &Lists,
    rule: usize,
    meter: &mut Meter,
) -> Result<(bool, Option<Flow>), LimitExceeded> {
    let met = lists.ask(&mut Otherwise { lists, rule }, meter)?;
    let against = met.flows(&[AGAINST], &Limits::NONE)?.witness();
    let is_against = against.is_some();
    let witness = match against {
        Some(flow) => Some(flow),
        None => met.flows(&[WITH], &Limits::NONE)?.witness(),
    };
    Ok((is_against, witness))
}

/// The flow is decided with the access of the rule, or with another.
const WITH: NodeId = 1;
const AGAINST: NodeId = 2;

/// With which access the flows are decided that a rule matches and never decides.
struct Otherwise<'a> {
    lists: &'a Lists,
    rule: usize,
}

impl Question for Otherwise<'_> {
    fn place(&self, id: u32) -> Option<Place> {
        place_before(self.lists, self.rule, id)
    }

    fn settle(&mut self, active: &mut Vec<u32>, covers: impl Fn(u32) -> bool) -> Option<NodeId> {
        let Some(own) = certain_before(self.lists, self.rule, active) else { return Some(0) };
        let effects = |id: u32| self.lists.entry(id).map(|entry| entry.effects);
        if let Some(place) = active.iter().position(|&id| id != own && covers(id)) {
            active.truncate(place.saturating_add(1));
            active.push(own);
        }
        let others = active.split_last().map_or(&[] as &[u32], |(_, others)| others);
        let Some(first) = others.first().map(|&id| effects(id)) else { return Some(0) };
        let is_one = others.iter().all(|&id| effects(id) == first);
        let is_inside = covers(own) && others.iter().any(|&id| covers(id));
        (is_inside && is_one).then_some(if first == effects(own) { WITH } else { AGAINST })
    }
}

/// Chooses rules before another one until they match all that it matches.
struct Choice<'a> {
    lists: &'a Lists,
    rule: usize,
    chosen: BTreeSet<usize>,
}

impl Question for Choice<'_> {
    const DRAWS: bool = false;

    fn place(&self, id: u32) -> Option<Place> {
        place_before(self.lists, self.rule, id)
    }

    fn settle(&mut self, active: &mut Vec<u32>, covers: impl Fn(u32) -> bool) -> Option<NodeId> {
        let Some(own) = certain_before(self.lists, self.rule, active) else { return Some(0) };
        let rule = |id: u32| self.lists.entry(id).map_or(usize::MAX, |entry| entry.rule);
        let mut covering = active.iter().copied().filter(|&id| id != own && covers(id)).map(rule);
        let first = covering.next()?;
        if !self.chosen.contains(&first) && !covering.any(|rule| self.chosen.contains(&rule)) {
            self.chosen.insert(first);
        }
        Some(0)
    }
}

/// Which of several rules are the only one of them to match some flow that a later rule matches.
struct Alone<'a> {
    lists: &'a Lists,
    rule: usize,
    by: &'a BTreeSet<usize>,
    alone: BTreeSet<usize>,
}

impl Question for Alone<'_> {
    const DRAWS: bool = false;
    /// With two that cover the same, neither is alone.
    const ALIKE: u8 = 2;

    fn place(&self, id: u32) -> Option<Place> {
        let is_one = self.lists.entry(id).is_some_and(|entry| self.by.contains(&entry.rule));
        place_before(self.lists, self.rule, id).filter(|_| is_one)
    }

    fn settle(&mut self, active: &mut Vec<u32>, covers: impl Fn(u32) -> bool) -> Option<NodeId> {
        let Some(own) = certain_before(self.lists, self.rule, active) else { return Some(0) };
        let rule = |id: u32| self.lists.entry(id).map_or(usize::MAX, |entry| entry.rule);
        active.retain(|&id| id == own || self.by.contains(&rule(id)));
        let others = active.split_last().map_or(&[] as &[u32], |(_, others)| others);
        if let &[only] = others {
            self.alone.insert(rule(only));
        }
        let is_known = |&id: &u32| self.alone.contains(&rule(id));
        let nothing_new = others.len() < 2
            || others.iter().all(is_known)
            || others.iter().any(|id| is_known(id) && covers(*id))
            || active.iter().all(|&id| covers(id));
        nothing_new.then_some(0)
    }
}

/// Where an entry stands; `None` for those of the rule itself, which must be kept.
fn place_before(lists: &Lists, rule: usize, id: u32) -> Option<Place> {
    let is_own = lists.entry(id).is_some_and(|entry| entry.rule == rule);
    lists.place(id).filter(|_| !is_own)
}

/// Keeps the entries that certainly match and stand before a rule, and last the rule's own,
/// which it returns; `None` when the rule matches nothing of the piece.
fn certain_before(lists: &Lists, rule: usize, active: &mut Vec<u32>) -> Option<u32> {
    let rule_of = |id: u32| lists.entry(id).map(|entry| entry.rule);
    let place = active.iter().position(|&id| rule_of(id) == Some(rule))?;
    let own = active.get(place).copied()?;
    active.truncate(place);
    active.retain(|&id| lists.entry(id).is_some_and(|entry| entry.is_certain));
    active.push(own);
    Some(own)
}
