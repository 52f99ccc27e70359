//! Security rules.

use super::{Access, AddressSpec, Direction, PortSpec, Priority, ProtocolSpec, RuleName, Value};
use crate::report::Origin;

/// One rule of a security group: what Azure calls a security rule, with every field (S1.1).
///
/// Fields are public because any combination of them is a rule; Azure's limits on combinations
/// are checked where text is read.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct SecurityRule {
    /// Unique in its group, in both directions together (S1.3).
    pub name: RuleName,
    /// A remark, at most 140 characters (S1.5).
    pub description: Option<String>,
    /// The lower number is looked at first; unique in its group and direction (S1.7).
    pub priority: Value<Priority>,
    /// Which traffic it applies to.
    pub direction: Value<Direction>,
    /// What it does with a match.
    pub access: Value<Access>,
    /// Which protocols it matches.
    pub protocol: Value<ProtocolSpec>,
    /// Where a matching packet comes from.
    pub source: AddressSpec,
    /// The port a matching packet comes from.
    pub source_ports: PortSpec,
    /// Where a matching packet goes.
    pub destination: AddressSpec,
    /// The port a matching packet goes to.
    pub destination_ports: PortSpec,
    /// Where the rule was read.
    pub origin: Origin,
}

impl SecurityRule {
    /// A rule that matches everything in its direction.
    pub fn new(name: RuleName, priority: Priority, direction: Direction, access: Access) -> Self {
        Self {
            name,
            description: None,
            priority: priority.into(),
            direction: direction.into(),
            access: access.into(),
            protocol: ProtocolSpec::Any.into(),
            source: AddressSpec::any(),
            source_ports: PortSpec::any(),
            destination: AddressSpec::any(),
            destination_ports: PortSpec::any(),
            origin: Origin::default(),
        }
    }
}
