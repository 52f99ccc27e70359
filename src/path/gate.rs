//! One place where a list of rules is asked.

use std::fmt;
use std::sync::Arc;

use crate::eval::{Decision, Outcomes, Verdict, evaluate};
use crate::model::{Direction, Flow, ResourceId};
use crate::resolve::{Ruleset, Unresolved};

/// What kind of gate it is, by the level and the direction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "these are all the levels Azure has")]
pub enum GateKind {
    /// Security admin rules on traffic towards the resource.
    AdminInbound,
    /// Security admin rules on traffic from the resource.
    AdminOutbound,
    /// The security group of the subnet on traffic towards the resource.
    SubnetInbound,
    /// The security group of the subnet on traffic from the resource.
    SubnetOutbound,
    /// The security group of the network interface on traffic towards it.
    NicInbound,
    /// The security group of the network interface on traffic from it.
    NicOutbound,
    /// The platform's own services, which no ordinary rule can cut off (S5.1).
    Platform,
}

impl GateKind {
    pub(super) fn admin(direction: Direction) -> Self {
        match direction {
            Direction::Inbound => Self::AdminInbound,
            Direction::Outbound => Self::AdminOutbound,
        }
    }

    pub(super) fn subnet(direction: Direction) -> Self {
        match direction {
            Direction::Inbound => Self::SubnetInbound,
            Direction::Outbound => Self::SubnetOutbound,
        }
    }

    pub(super) fn nic(direction: Direction) -> Self {
        match direction {
            Direction::Inbound => Self::NicInbound,
            Direction::Outbound => Self::NicOutbound,
        }
    }
}

impl fmt::Display for GateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::AdminInbound => "admin-inbound",
            Self::AdminOutbound => "admin-outbound",
            Self::SubnetInbound => "subnet-inbound",
            Self::SubnetOutbound => "subnet-outbound",
            Self::NicInbound => "nic-inbound",
            Self::NicOutbound => "nic-outbound",
            Self::Platform => "platform",
        })
    }
}

/// One gate of a [`Chain`](super::Chain).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Gate {
    /// Its level and direction.
    pub kind: GateKind,
    /// The virtual network, subnet or network interface where it stands.
    pub applied_to: ResourceId,
    /// The rules it asks.
    pub rules: GateRules,
}

/// The rules of a gate.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a caller must handle every kind of list")]
pub enum GateRules {
    /// Those of a security group.
    Group {
        /// The group.
        group: ResourceId,
        /// Its rules in the gate's direction.
        rules: Arc<Ruleset>,
    },
    /// Security admin rules.
    Admin {
        /// The network manager they come from; `None` when there are several or the input does
        /// not tell.
        manager: Option<ResourceId>,
        /// The rules of all collections that apply, in order (S6.12, S6.14).
        rules: Arc<Ruleset>,
    },
    /// A security group that cannot be looked up: it may do anything.
    Unknown(Unresolved),
}

impl Gate {
    pub(super) fn new(kind: GateKind, applied_to: ResourceId, rules: GateRules) -> Self {
        Self { kind, applied_to, rules }
    }

    /// The rules, if they are known.
    pub fn ruleset(&self) -> Option<&Arc<Ruleset>> {
        match &self.rules {
            GateRules::Group { rules, .. } | GateRules::Admin { rules, .. } => Some(rules),
            GateRules::Unknown(_) => None,
        }
    }

    /// The security group, if it is one whose rules are known.
    pub fn group(&self) -> Option<&ResourceId> {
        match &self.rules {
            GateRules::Group { group, .. } => Some(group),
            GateRules::Admin { .. } | GateRules::Unknown(_) => None,
        }
    }

    /// What this gate alone does with a flow; `None` when its rules are not known.
    pub fn evaluate(&self, flow: &Flow) -> Option<Decision> {
        self.ruleset().map(|rules| evaluate(rules, flow))
    }
}

/// What a gate may do of which nothing is known. A group is no admin rule: it cannot deliver
/// past other gates.
pub(super) const ANYTHING: Outcomes =
    Outcomes { allow: true, always_allow: false, deny: true, pass: false };

/// What several gates in a row do together: everything that may come of a flow, over all ways
/// the unknowns of each could turn out (S3.8, S3.12).
#[derive(Clone, Copy)]
pub(super) struct Composition {
    allow: bool,
    deny: bool,
    /// Whether the flow may get to the next gate.
    open: bool,
}

impl Composition {
    pub(super) fn new() -> Self {
        Self { allow: false, deny: false, open: true }
    }

    /// Whether the flow may get past all gates so far.
    pub(super) fn is_open(self) -> bool {
        self.open
    }

    pub(super) fn add(&mut self, gate: Outcomes) {
        if self.open {
            self.deny |= gate.deny;
            self.allow |= gate.always_allow;
            self.open = gate.allow || gate.pass;
        }
    }

    pub(super) fn verdict(self) -> Verdict {
        match (self.allow || self.open, self.deny) {
            (_, false) => Verdict::Allow,
            (false, true) => Verdict::Deny,
            (true, true) => Verdict::Indeterminate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOW: Outcomes = Outcomes { allow: true, always_allow: false, deny: false, pass: false };
    const DENY: Outcomes = Outcomes { allow: false, always_allow: false, deny: true, pass: false };

    fn compose(gates: &[Outcomes]) -> Verdict {
        let mut all = Composition::new();
        for gate in gates {
            all.add(*gate);
        }
        all.verdict()
    }

    /// S3.8, S3.11, S3.12.
    #[test]
    fn a_certain_deny_decides_whatever_else_is_unknown() {
        assert_eq!(compose(&[]), Verdict::Allow);
        assert_eq!(compose(&[ALLOW, ALLOW]), Verdict::Allow);
        assert_eq!(compose(&[ALLOW, DENY]), Verdict::Deny);
        assert_eq!(compose(&[ANYTHING, DENY]), Verdict::Deny);
        assert_eq!(compose(&[DENY, ANYTHING]), Verdict::Deny);
        assert_eq!(compose(&[ANYTHING, ALLOW]), Verdict::Indeterminate);
    }

    /// S6.4: what may be delivered past all gates is not denied for certain by a later one.
    #[test]
    fn a_possible_always_allow_keeps_a_later_deny_from_deciding() {
        let perhaps = Outcomes { always_allow: true, pass: true, ..Outcomes::default() };
        let always = Outcomes { always_allow: true, ..Outcomes::default() };
        assert_eq!(compose(&[perhaps, DENY]), Verdict::Indeterminate);
        assert_eq!(compose(&[perhaps, ALLOW]), Verdict::Allow);
        assert_eq!(compose(&[always, DENY]), Verdict::Allow);
    }
}
