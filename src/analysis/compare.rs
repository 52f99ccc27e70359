//! Comparing policies over all flows.

use std::fmt;

use super::{Gates, Reason};
use crate::model::Flow;
use crate::space::{
    Answer, Fate, Fates, HeaderSpace, LimitExceeded, Limits, Lists, Meter, NodeId, Region,
};

/// What a change of policy opens and closes.
///
/// ```
/// use nsg_engine::analysis::difference;
/// use nsg_engine::model::{Direction, ResourceId, SecurityGroup};
/// use nsg_engine::resolve::{Names, Ruleset, ServiceTags};
/// use nsg_engine::space::Limits;
///
/// let mut group = SecurityGroup::new(ResourceId::new("nsg-vm"));
/// let names = Names::new(ServiceTags::built_in())
///     .with_virtual_network("10.0.0.0/16".parse::<nsg_engine::net::Prefix>()?.into());
/// let before = Ruleset::of_group(&group, Direction::Inbound, &names);
/// group.rules.push("100 AllowSsh allow inbound tcp 10.0.0.0/8:* -> 10.0.0.4:22".parse()?);
/// let after = Ruleset::of_group(&group, Direction::Inbound, &names);
///
/// let difference = difference(&(&before).into(), &(&after).into(), &Limits::default())?;
/// assert!(difference.closed.is_empty());
/// assert_eq!(
///     difference.opened[0].region.to_string(),
///     "tcp 10.1.0.0/16,10.2.0.0/15,10.4.0.0/14,10.8.0.0/13,10.16.0.0/12,10.32.0.0/11,\
///      10.64.0.0/10,10.128.0.0/9:* -> 10.0.0.4/32:22",
/// );
/// assert_eq!(difference.opened[0].after.to_string(), "allowed by securityRules/AllowSsh");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Difference {
    /// Flows that were denied and are allowed.
    pub opened: Vec<Change>,
    /// Flows that were allowed and are denied.
    pub closed: Vec<Change>,
    /// Flows of which that may be so: something unknown decides, and not in the same way on both
    /// sides. Every unknown is taken by itself, so there may be more of these than any one way for
    /// the unknowns to turn out would change, never fewer.
    pub unsettled: Vec<Change>,
}

impl Difference {
    /// Whether nothing changes, however the unknowns turn out.
    pub fn is_empty(&self) -> bool {
        self.opened.is_empty() && self.closed.is_empty() && self.unsettled.is_empty()
    }
}

/// Flows that a change concerns.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Change {
    /// All of them; regions of one difference are disjoint.
    pub region: Region,
    /// One of them.
    pub witness: Flow,
    /// Why the witness passed, or did not, before.
    pub before: Reason,
    /// Why it does, or does not, after.
    pub after: Reason,
}

/// What the step from one policy to another opens and closes.
///
/// # Errors
///
/// When that takes more than the limits allow.
pub fn difference(
    before: &Gates,
    after: &Gates,
    limits: &Limits,
) -> Result<Difference, LimitExceeded> {
    difference_of(&Sides::apart(before, after), limits)
}

/// The same of the flows of some regions; of all flows if there are none.
pub(super) fn difference_within(
    before: &Gates,
    after: &Gates,
    regions: &[Region],
    limits: &Limits,
) -> Result<Difference, LimitExceeded> {
    if regions.is_empty() {
        return difference(before, after, limits);
    }
    difference_of(&Sides::within([before, after], regions), limits)
}

fn difference_of(sides: &Sides<'_, 2>, limits: &Limits) -> Result<Difference, LimitExceeded> {
    let answer = sides.ask(limits, |before, after, is_same| match (before, after) {
        _ if is_same => FINE,
        (Fate::Dropped, Fate::Passed) => 1,
        (Fate::Passed, Fate::Dropped) => 2,
        (Fate::Dropped, Fate::Dropped) | (Fate::Passed, Fate::Passed) => FINE,
        _ => 3,
    })?;
    let changes = |value| -> Result<Vec<Change>, LimitExceeded> {
        let regions = answer.flows(&[value], limits)?.regions(limits)?;
        Ok(regions.into_iter().filter_map(|region| sides.change(region)).collect())
    };
    Ok(Difference { opened: changes(1)?, closed: changes(2)?, unsettled: changes(3)? })
}

/// Whether a claim about all flows holds.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a claim holds, does not, or facts are missing")]
pub enum Judgement {
    /// It holds however the unknowns turn out.
    Holds,
    /// It does not, and here is why.
    Fails(Box<Counterexample>),
    /// Facts are missing, and they decide for this flow.
    Unknown(Box<Counterexample>),
}

impl Judgement {
    /// Whether it holds however the unknowns turn out.
    pub fn holds(&self) -> bool {
        *self == Self::Holds
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holds => f.write_str("holds"),
            Self::Fails(example) => write!(f, "fails: {example}"),
            Self::Unknown(example) => write!(f, "cannot be decided: {example}"),
        }
    }
}

/// A flow for which a claim fails.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Counterexample {
    /// The flow.
    pub flow: Flow,
    /// Why it passes or does not, for each policy of the claim.
    pub reasons: Vec<Reason>,
    /// All flows for which the claim fails.
    pub flows: HeaderSpace,
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is ", self.flow)?;
        for (index, reason) in self.reasons.iter().enumerate() {
            let separator = match (index, &reason.at) {
                (0, _) => "",
                (_, None) => " here, there ",
                (_, Some(_)) => " and ",
            };
            write!(f, "{separator}{reason}")?;
        }
        Ok(())
    }
}

/// Whether two policies let the same flows pass.
///
/// # Errors
///
/// When that takes more than the limits allow.
pub fn equivalent(one: &Gates, other: &Gates, limits: &Limits) -> Result<Judgement, LimitExceeded> {
    check(&Sides::apart(one, other), limits, |one, other, is_same| match (one, other) {
        _ if is_same => FINE,
        (Fate::Dropped, Fate::Dropped) | (Fate::Passed, Fate::Passed) => FINE,
        (Fate::Open, _) | (_, Fate::Open) => UNKNOWN,
        _ => WRONG,
    })
}

/// Whether every flow that `one` lets pass passes `other` too.
///
/// # Errors
///
/// When that takes more than the limits allow.
pub fn implies(one: &Gates, other: &Gates, limits: &Limits) -> Result<Judgement, LimitExceeded> {
    check(&Sides::apart(one, other), limits, |one, other, is_same| match (one, other) {
        _ if is_same => FINE,
        (Fate::Dropped, _) | (_, Fate::Passed) => FINE,
        (Fate::Passed, Fate::Dropped) => WRONG,
        _ => UNKNOWN,
    })
}

/// Whether no flow passes both policies.
///
/// # Errors
///
/// When that takes more than the limits allow.
pub fn disjoint(one: &Gates, other: &Gates, limits: &Limits) -> Result<Judgement, LimitExceeded> {
    check(&Sides::within([one, other], &[]), limits, |one, other, _| match (one, other) {
        (Fate::Dropped, _) | (_, Fate::Dropped) => FINE,
        (Fate::Passed, Fate::Passed) => WRONG,
        _ => UNKNOWN,
    })
}

/// Whether every flow of some regions passes.
///
/// # Errors
///
/// When that takes more than the limits allow.
pub fn always_allows(
    gates: &Gates,
    regions: &[Region],
    limits: &Limits,
) -> Result<Judgement, LimitExceeded> {
    expects(gates, regions, Fate::Passed, limits)
}

/// Whether no flow of some regions passes.
///
/// # Errors
///
/// When that takes more than the limits allow.
pub fn always_denies(
    gates: &Gates,
    regions: &[Region],
    limits: &Limits,
) -> Result<Judgement, LimitExceeded> {
    expects(gates, regions, Fate::Dropped, limits)
}

fn expects(
    gates: &Gates,
    regions: &[Region],
    expected: Fate,
    limits: &Limits,
) -> Result<Judgement, LimitExceeded> {
    if regions.is_empty() {
        return Ok(Judgement::Holds);
    }
    check(&Sides::within([gates], regions), limits, |fate, _, _| match fate {
        Fate::Open => UNKNOWN,
        fate if fate == expected => FINE,
        _ => WRONG,
    })
}

const FINE: NodeId = 0;
const WRONG: NodeId = 1;
const UNKNOWN: NodeId = 2;

fn check<const N: usize>(
    sides: &Sides<'_, N>,
    limits: &Limits,
    value: impl Fn(Fate, Fate, bool) -> NodeId,
) -> Result<Judgement, LimitExceeded> {
    let answer = sides.ask(limits, value)?;
    if let Some(example) = sides.counterexample(answer.flows(&[WRONG], limits)?) {
        return Ok(Judgement::Fails(Box::new(example)));
    }
    let unknown = sides.counterexample(answer.flows(&[UNKNOWN], limits)?);
    Ok(unknown.map_or(Judgement::Holds, |example| Judgement::Unknown(Box::new(example))))
}

/// One or two policies over one ground.
struct Sides<'a, const N: usize> {
    lists: Lists,
    gates: [&'a Gates; N],
}

impl<'a> Sides<'a, 2> {
    /// For questions about where two policies differ.
    fn apart(one: &'a Gates, other: &'a Gates) -> Self {
        Self { lists: Lists::apart(one.iter(), other.iter()), gates: [one, other] }
    }
}

impl<'a, const N: usize> Sides<'a, N> {
    fn within(gates: [&'a Gates; N], regions: &[Region]) -> Self {
        let rulesets = gates.iter().flat_map(|gates| gates.iter());
        Self { lists: Lists::within(rulesets, regions), gates }
    }

    fn ask(
        &self,
        limits: &Limits,
        value: impl Fn(Fate, Fate, bool) -> NodeId,
    ) -> Result<Answer, LimitExceeded> {
        let second = self.gates.first().map_or(0, |gates| gates.rulesets().len());
        let mut fates = Fates::new(&self.lists, second, value);
        self.lists.ask(&mut fates, &mut Meter::new(limits))
    }

    /// Why a flow passes or does not, on each side.
    fn reasons(&self, flow: &Flow) -> impl Iterator<Item = Reason> {
        let mut first = 0usize;
        self.gates.iter().map(move |gates| {
            let reason = gates.reason(&self.lists, first, flow);
            first = first.saturating_add(gates.rulesets().len());
            reason
        })
    }

    fn change(&self, region: Region) -> Option<Change> {
        let witness = HeaderSpace::of_region(&region).witness()?;
        let mut reasons = self.reasons(&witness);
        Some(Change { before: reasons.next()?, after: reasons.next()?, region, witness })
    }

    fn counterexample(&self, flows: HeaderSpace) -> Option<Counterexample> {
        let flow = flows.witness()?;
        Some(Counterexample { flow, reasons: self.reasons(&flow).collect(), flows })
    }
}
