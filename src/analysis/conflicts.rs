//! Pairs of rules that would treat the same flows in opposite ways.

use std::fmt;

use super::{Gates, RuleRef};
use crate::model::Flow;
use crate::space::{Coverage, Effects, LimitExceeded, Limits, Lists, Meter};

/// How the flows of two rules lie to each other that do opposite things, in the terms of Al-Shaer
/// and Hamed, "Discovery of policy anomalies in distributed firewalls" (INFOCOM 2004).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "all the ways in which two sets can overlap")]
pub enum ConflictClass {
    /// The earlier rule matches all that the later one does, which never has its way.
    Shadowing,
    /// The later rule matches all that the earlier one does and more: the earlier one is an
    /// exception, which is how exceptions are written.
    Generalisation,
    /// Each matches flows that the other does not: which of them comes first decides about what
    /// they share.
    Correlation,
}

impl fmt::Display for ConflictClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shadowing => "shadowing",
            Self::Generalisation => "generalisation",
            Self::Correlation => "correlation",
        })
    }
}

/// Two rules with opposite effects on flows that both match.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Conflict {
    /// How their flows lie to each other.
    pub class: ConflictClass,
    /// The rule that is looked at first.
    pub earlier: RuleRef,
    /// The rule that is looked at second.
    pub later: RuleRef,
    /// A flow that both match. Other rules may decide it before either.
    pub witness: Flow,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { class, earlier, later, witness } = self;
        write!(f, "{class}: {earlier} and {later} both match {witness}")
    }
}

/// The pairs of rules with opposite effects, in the order of the rules, within a gate and from
/// one gate to the next. Of one gate the earlier rule wins; of two gates the one that denies, and
/// shadowing then says that the later gate never gets to see what its rule is about, or would
/// deny what the earlier gate let in for nothing.
///
/// Default rules are left out: every other rule is an exception to them. Pairs are compared by
/// themselves, whatever other rules do; [`survey`](super::survey) and [`idle`](super::idle)
/// tell what comes of all of them together. Where something is not known, only pairs are named
/// that are in conflict however it turns out.
///
/// # Errors
///
/// When that takes more than the limits allow.
///
/// ```
/// use nsg_engine::analysis::{ConflictClass, Gates, conflicts};
/// use nsg_engine::model::{Direction, ResourceId, SecurityGroup};
/// use nsg_engine::resolve::{Names, Ruleset, ServiceTags};
/// use nsg_engine::space::Limits;
///
/// let mut group = SecurityGroup::new(ResourceId::new("nsg-vm"));
/// for rule in [
///     "100 AllowOffice allow inbound tcp 203.0.113.0/24:* -> *:22",
///     "110 DenySsh deny inbound tcp *:* -> *:22",
///     "120 AllowVm allow inbound tcp *:* -> 10.0.0.4:*",
/// ] {
///     group.rules.push(rule.parse()?);
/// }
/// let names = Names::new(ServiceTags::built_in());
/// let gates = Gates::from(&Ruleset::of_group(&group, Direction::Inbound, &names));
/// let found = conflicts(&gates, &Limits::default())?;
/// let classes: Vec<_> = found.iter().map(|one| (one.class, one.later.name.as_str())).collect();
/// assert_eq!(
///     classes,
///     [
///         (ConflictClass::Generalisation, "securityRules/DenySsh"),
///         (ConflictClass::Correlation, "securityRules/AllowVm"),
///     ]
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn conflicts(gates: &Gates, limits: &Limits) -> Result<Vec<Conflict>, LimitExceeded> {
    let lists = Lists::new(gates.iter());
    let mut meter = Meter::new(limits);
    let rules = sides(gates, &lists);
    let mut found = Vec::new();
    for (place, earlier) in rules.iter().enumerate() {
        for later in rules.iter().skip(place.saturating_add(1)) {
            meter.step(1)?;
            if earlier.drops == later.drops || !lists.meet(earlier.certain, later.certain) {
                continue;
            }
            let Some(class) = class(&lists, earlier, later, &mut meter)? else { continue };
            let both = lists.coverage(&[earlier.certain, later.certain], &[], &mut meter)?;
            let Coverage::Leaves(flows) = both else { continue };
            let Some(witness) = lists.left(&flows).witness() else { continue };
            meter.regions(found.len())?;
            let [earlier, later] = [earlier, later].map(|side| side.rule.clone());
            found.push(Conflict { class, earlier, later, witness });
        }
    }
    Ok(found)
}

/// A rule that somebody wrote and of which the effect is known.
struct Side {
    rule: RuleRef,
    /// The entry of what it may match.
    possible: u32,
    /// The entry of what it certainly matches.
    certain: u32,
    drops: bool,
}

fn sides(gates: &Gates, lists: &Lists) -> Vec<Side> {
    let mut sides: Vec<Side> = Vec::new();
    let mut first = None;
    for (id, entry) in lists.entries() {
        let possible = *first.get_or_insert(id);
        if !entry.is_certain {
            continue;
        }
        first = None;
        let rule = gates.rule(entry.list, entry.rule).filter(|rule| gates.is_removable(rule));
        if let Some(rule) = rule.filter(|_| entry.effects.is_one()) {
            let drops = entry.effects == Effects::DROP;
            sides.push(Side { rule, possible, certain: id, drops });
        }
    }
    sides
}

/// What is so however the unknowns turn out.
fn class(
    lists: &Lists,
    earlier: &Side,
    later: &Side,
    meter: &mut Meter,
) -> Result<Option<ConflictClass>, LimitExceeded> {
    let mut covers = |one: u32, other: u32| -> Result<bool, LimitExceeded> {
        Ok(matches!(lists.coverage(&[other], &[one], meter)?, Coverage::Whole(_)))
    };
    Ok(if covers(earlier.certain, later.possible)? {
        Some(ConflictClass::Shadowing)
    } else if covers(later.certain, earlier.possible)? && !covers(earlier.possible, later.certain)?
    {
        Some(ConflictClass::Generalisation)
    } else if !covers(earlier.possible, later.certain)? && !covers(later.possible, earlier.certain)?
    {
        Some(ConflictClass::Correlation)
    } else {
        None
    })
}
