//! Promises about traffic that tests and pipelines can check.

use std::fmt;

use super::repair::{End, Goal, PathRepairs, repair_path};
use super::{Gates, Judgement, always_allows, always_denies, ends};
use crate::model::Access;
use crate::resolve::Topology;
use crate::space::{LimitExceeded, Limits, Region};

/// A region that must be allowed, or must be denied, whole.
///
/// ```
/// use nsg_engine::analysis::Contract;
/// use nsg_engine::model::{Access, Direction, ResourceId, SecurityGroup};
/// use nsg_engine::resolve::{Names, Ruleset, ServiceTags};
/// use nsg_engine::space::Limits;
///
/// let group = SecurityGroup::new(ResourceId::new("nsg-vm"));
/// let names = Names::new(ServiceTags::built_in())
///     .with_virtual_network("10.0.0.0/16".parse::<nsg_engine::net::Prefix>()?.into());
/// let ruleset = Ruleset::of_group(&group, Direction::Inbound, &names);
///
/// let bastion = Contract::new(Access::Allow, "tcp 10.0.1.0/26:* -> 10.0.0.0/24:22".parse()?);
/// assert!(bastion.check(&(&ruleset).into(), &Limits::default())?.holds());
///
/// let closed = Contract::new(Access::Deny, "* *:* -> 10.0.0.0/24:3389".parse()?);
/// assert_eq!(
///     closed.check(&(&ruleset).into(), &Limits::default())?.to_string(),
///     "fails: tcp 10.0.0.4:50000 -> 10.0.0.4:3389 is allowed by defaultSecurityRules/AllowVnetInBound",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "what is promised of which flows")]
pub struct Contract {
    /// What must become of the flows.
    pub access: Access,
    /// The flows.
    pub region: Region,
}

impl Contract {
    /// The promise that this becomes of these flows.
    pub fn new(access: Access, region: Region) -> Self {
        Self { access, region }
    }

    /// Whether the gates keep it.
    ///
    /// # Errors
    ///
    /// When that takes more than the limits allow.
    pub fn check(&self, gates: &Gates, limits: &Limits) -> Result<Judgement, LimitExceeded> {
        let regions = std::slice::from_ref(&self.region);
        match self.access {
            Access::Allow => always_allows(gates, regions, limits),
            Access::Deny => always_denies(gates, regions, limits),
        }
    }

    /// Whether a whole network keeps it: for flows of the region that begin or end in the network,
    /// the gates at the source and those at the destination must both allow them, or one of them
    /// must deny them (S3.15). Ends are found by address as [`Topology::path`] finds them; where
    /// several resources hold one, each of them must keep the contract. Flows that a machine
    /// sends to itself, and those that neither begin nor end here, are not judged.
    ///
    /// A counterexample has a reason for each of its ends in the network, the source first.
    ///
    /// ```
    /// use nsg_engine::analysis::Contract;
    /// use nsg_engine::model::Access;
    /// use nsg_engine::space::Limits;
    /// use nsg_engine::resolve::ServiceTags;
    ///
    /// # #[cfg(feature = "azure")] {
    /// let network = nsg_engine::azure::read(include_bytes!("../../examples/data/network.json"))?;
    /// let topology = network.network.bind(ServiceTags::built_in());
    /// let bastion = Contract::new(Access::Allow, "tcp 10.0.1.4:* -> 10.0.0.4:22".parse()?);
    /// assert_eq!(
    ///     bastion.check_network(&topology, &Limits::default())?.to_string(),
    ///     "fails: tcp 10.0.1.4:50000 -> 10.0.0.4:22 is \
    ///      denied by securityRules/DenyVnetInBound at `vm-web-01-nic`",
    /// );
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When that takes more than the limits allow, which hold for each end.
    pub fn check_network(
        &self,
        topology: &Topology,
        limits: &Limits,
    ) -> Result<Judgement, LimitExceeded> {
        ends::check(self, topology, limits)
    }

    /// What to change in the rules of one end of a path so that its gates keep it.
    pub fn repairs(&self, end: &End<'_>, limits: &Limits) -> PathRepairs {
        repair_path(end, &Goal::new(self.access, self.region.clone()), limits)
    }
}

impl fmt::Display for Contract {
    /// For example `Allow tcp 10.0.1.0/26:* -> 10.0.0.0/24:22`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.access, self.region)
    }
}
