//! The port field of one side of a rule.

use super::UnknownValue;
use crate::net::PortSet;

/// The ports that one side of a rule lists, and the items of the list that could not be read.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "known and unknown items are all there is")]
pub struct PortSpec {
    /// The ports of all items that were read.
    pub known: PortSet,
    /// The items that were not.
    pub unknown: Vec<UnknownValue>,
}

impl PortSpec {
    /// Every port: `*`.
    pub fn any() -> Self {
        PortSet::full().into()
    }

    /// Whether it is certainly every port.
    pub fn is_any(&self) -> bool {
        self.known.is_full()
    }
}

impl From<PortSet> for PortSpec {
    fn from(known: PortSet) -> Self {
        Self { known, unknown: Vec::new() }
    }
}
