//! Rules as a wire format writes them, and their check.
//!
//! Every reader gathers the texts of a rule in a [`RuleDraft`] and calls [`RuleDraft::check`],
//! so that all formats are held to the same clauses (S1.1 to S1.49) and a rule with faults is
//! kept: what cannot be read becomes an [`UnknownValue`], never nothing and never everything.

mod address;
mod port;
mod scalar;
mod written;

#[cfg(feature = "azure")]
pub(crate) use address::{AddressForm, read_address};
#[cfg(feature = "azure")]
pub(crate) use port::read_port;
pub(crate) use scalar::read_choice;
#[cfg(feature = "azure")]
pub(crate) use scalar::{read_priority_in, read_protocol};
#[cfg(feature = "azure")]
pub(crate) use written::Spot;
pub use written::{Field, Mode, Written};
pub(crate) use written::{Log, is_expression};

use super::{SecurityRule, UnknownValue};
use crate::report::{Finding, Location};

/// The fields of a rule as written: singular and plural forms, in any JSON type.
#[derive(Clone, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "the fields of S10.2 are all a rule has")]
pub struct RuleDraft<'a> {
    /// Whether it is one of the group's default rules, whose priorities are no user's (S1.6).
    pub is_default: bool,
    /// The rule's name.
    pub name: Field<'a>,
    /// A remark.
    pub description: Field<'a>,
    /// The priority, as a number or its text.
    pub priority: Field<'a>,
    /// `Inbound` or `Outbound`.
    pub direction: Field<'a>,
    /// `Allow` or `Deny`.
    pub access: Field<'a>,
    /// The protocol.
    pub protocol: Field<'a>,
    /// Where packets come from.
    pub source: SideDraft<'a>,
    /// Where packets go.
    pub destination: SideDraft<'a>,
    /// The template expression that decides whether the rule exists.
    pub condition: Option<UnknownValue>,
}

/// One side of a rule as written.
#[derive(Clone, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "the fields of S10.2 are all a side has")]
pub struct SideDraft<'a> {
    /// The singular address field.
    pub address: Field<'a>,
    /// The plural address field.
    pub addresses: Field<'a>,
    /// The ids of application security groups.
    pub groups: Field<'a>,
    /// The singular port field.
    pub port: Field<'a>,
    /// The plural port field.
    pub ports: Field<'a>,
}

impl RuleDraft<'_> {
    /// Reads the rule, and reports every fault with Azure's code where Azure has one.
    ///
    /// `at` is the place of the rule; findings stand at the member, and list item, they speak of.
    /// The rule is the same in both modes. What Azure would refuse is an error in
    /// [`Mode::Strict`] and, if it was understood all the same, a warning in [`Mode::Lenient`].
    /// What was not understood is an error in both, except for template expressions, which are
    /// warnings: they say that a value is not known here, not that it is wrong.
    pub fn check(&self, mode: Mode, at: &Location, findings: &mut Vec<Finding>) -> SecurityRule {
        let mut log = Log { mode, at, findings };
        let log = &mut log;
        let source = address::read_side(&self.source, "Source", log);
        let destination = address::read_side(&self.destination, "Destination", log);
        address::check_families(&[&source, &destination], log);
        SecurityRule {
            name: scalar::read_name(&self.name, log),
            description: scalar::read_description(&self.description, log),
            priority: scalar::read_priority(&self.priority, self.is_default, log),
            direction: read_choice(&self.direction, "direction", log),
            access: read_choice(&self.access, "access", log),
            protocol: scalar::read_rule_protocol(&self.protocol, log),
            source: source.spec(),
            source_ports: port::read_side(&self.source, "source", log),
            destination: destination.spec(),
            destination_ports: port::read_side(&self.destination, "destination", log),
            condition: self.condition.clone(),
            origin: at.clone().into(),
        }
    }
}
