//! Rules that never decide, and rules that could go.

use std::collections::BTreeSet;
use std::fmt;

use super::{Gates, RuleRef};
use crate::model::Flow;
use crate::resolve::Ruleset;
use crate::space::{Corner, Coverage, Effects, Entry, LimitExceeded, Limits, Lists, Meter, count};

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
    found: Survey,
}

impl Unfinished {
    /// What ran out, and how far it came.
    pub fn exceeded(&self) -> &LimitExceeded {
        &self.exceeded
    }

    /// The shadowed and redundant rules among those that were looked at.
    pub fn found(&self) -> &Survey {
        &self.found
    }

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
    let mut found = Survey { shadowed: Vec::new(), redundant: Vec::new() };
    let mut deciding = Vec::new();
    let share = 1.0 / count(ruleset.rules().len());
    for (own, entry) in lists.rules() {
        let Some(rule) = gates.rule(0, entry.rule) else { continue };
        match role(&lists, own, entry, &mut meter) {
            Ok(Role::Needed) => deciding.push(rule),
            Ok(Role::Redundant) => {
                deciding.push(rule.clone());
                found.redundant.push(rule);
            }
            Ok(Role::Shadowed { by, contradicts, witness }) => {
                let by = by.into_iter().filter_map(|index| gates.rule(0, index)).collect();
                found.shadowed.push(Shadowed { rule, by, contradicts, witness });
            }
            Err(exceeded) => return Err(Unfinished { exceeded, deciding, found }),
        }
        meter.finished(share);
    }
    Ok(found)
}

/// What a rule is there for.
enum Role {
    /// It decides some flow of which something else would become without it.
    Needed,
    /// It decides some flow, and without it the same would become of all flows.
    Redundant,
    /// It decides no flow.
    Shadowed { by: BTreeSet<usize>, contradicts: bool, witness: Option<Flow> },
}

/// Flows at the corners of a rule settle most questions; the others are decided exactly.
fn role(lists: &Lists, own: u32, entry: &Entry, meter: &mut Meter) -> Result<Role, LimitExceeded> {
    for corner in lists.corners(own) {
        meter.step(lists.entry_count())?;
        if is_needed_for(lists, entry, corner) {
            return Ok(Role::Needed);
        }
    }
    meter.step(lists.entry_count())?;
    let others = lists.meeting(own).filter(|(_, other)| other.rule != entry.rule);
    let (others, certain): (Vec<u32>, Vec<Option<u32>>) =
        others.map(|(id, other)| (id, other.is_certain.then_some(id))).unzip();
    let certain = certain.into_iter().flatten().collect();
    Around { lists, own, entry, others, certain }.role(meter)
}

/// Whether a rule decides a flow that it matches and something else would become of the flow
/// without it.
fn is_needed_for(lists: &Lists, rule: &Entry, flow: Corner) -> bool {
    for (_, entry) in lists.matching(flow).filter(|(_, entry)| entry.rule != rule.rule) {
        if may_follow(entry, rule) && differ(rule.effects, entry.effects) {
            return true;
        }
        if entry.is_certain {
            return false;
        }
    }
    differ(rule.effects, lists.fallback(0))
}

/// Whether a rule may stand after another one.
fn may_follow(entry: &Entry, rule: &Entry) -> bool {
    entry.rule > rule.rule || (entry.is_anywhere && (rule.is_anywhere || rule.place.is_some()))
}

/// Whether what follows may do anything else.
fn differ(effects: Effects, after: Effects) -> bool {
    after != effects || !after.is_one()
}

/// A rule of a list and the entries that meet it.
struct Around<'a> {
    lists: &'a Lists,
    /// All that the rule may match.
    own: u32,
    entry: &'a Entry,
    /// Entries of other rules that meet it, in order.
    others: Vec<u32>,
    /// Those among them that match for certain.
    certain: Vec<u32>,
}

impl Around<'_> {
    fn role(&self, meter: &mut Meter) -> Result<Role, LimitExceeded> {
        let before = self.certain_before(self.own);
        match self.lists.coverage(&[self.own], before, meter)? {
            Coverage::Leaves(_) if self.is_needed(meter)? => Ok(Role::Needed),
            Coverage::Leaves(_) => Ok(Role::Redundant),
            Coverage::Whole(by) => {
                let by = self.without_spare(by, meter)?;
                let against = self.decided_against(meter)?;
                let contradicts = against.is_some();
                let witness = against.or_else(|| self.lists.flows(self.own).witness());
                Ok(Role::Shadowed { by, contradicts, witness })
            }
        }
    }

    /// The entries that certainly match and stand before another one.
    fn certain_before(&self, id: u32) -> &[u32] {
        let count = self.certain.partition_point(|&one| one < id);
        self.certain.get(..count).unwrap_or_default()
    }

    /// Whether something else would become of a flow that the rule decides: if something after
    /// it that does anything else may be the next to match.
    fn is_needed(&self, meter: &mut Meter) -> Result<bool, LimitExceeded> {
        let may_differ = |entry: &Entry| {
            may_follow(entry, self.entry) && differ(self.entry.effects, entry.effects)
        };
        for &next in &self.others {
            if self.lists.entry(next).is_some_and(may_differ) {
                let before = self.certain_before(next.max(self.own));
                let left = self.lists.coverage(&[self.own, next], before, meter)?;
                if matches!(left, Coverage::Leaves(_)) {
                    return Ok(true);
                }
            }
        }
        if !differ(self.entry.effects, self.lists.fallback(0)) {
            return Ok(false);
        }
        let left = self.lists.coverage(&[self.own], &self.certain, meter)?;
        Ok(matches!(left, Coverage::Leaves(_)))
    }

    /// The rules of entries that cover the rule, as few as suffice.
    fn without_spare(
        &self,
        mut by: BTreeSet<u32>,
        meter: &mut Meter,
    ) -> Result<BTreeSet<usize>, LimitExceeded> {
        let all: Vec<u32> = by.iter().copied().collect();
        // Rules further up tell more: these are kept where either would do.
        for spare in all.into_iter().rev() {
            let rest: Vec<u32> = by.iter().copied().filter(|&id| id != spare).collect();
            if let Coverage::Whole(by_rest) = self.lists.coverage(&[self.own], &rest, meter)? {
                by = by_rest;
            }
        }
        Ok(by.iter().filter_map(|&id| self.lists.entry(id)).map(|entry| entry.rule).collect())
    }

    /// A flow of the rule, which never decides, that is decided with other access.
    fn decided_against(&self, meter: &mut Meter) -> Result<Option<Flow>, LimitExceeded> {
        for &first in self.certain_before(self.own) {
            if self.lists.entry(first).is_some_and(|entry| entry.effects != self.entry.effects) {
                let before = self.certain_before(first);
                let left = self.lists.coverage(&[self.own, first], before, meter)?;
                if let Coverage::Leaves(left) = left {
                    return Ok(self.lists.left(&left).witness());
                }
            }
        }
        Ok(None)
    }
}
