//! Virtual networks, their subnets and peerings (S10.25 to S10.27).

use crate::model::{ResourceId, UnknownValue, Value, is_expression};
use crate::net::Prefix;
use crate::report::Origin;

use super::Link;

/// A virtual network.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct VirtualNetwork {
    /// Its id; the last segment is its name.
    pub id: ResourceId,
    /// Its address space.
    pub address_space: Vec<Prefix>,
    /// Parts of the address space that could not be read.
    pub unknown_address_space: Vec<UnknownValue>,
    /// Its subnets.
    pub subnets: Vec<Subnet>,
    /// Subnets that could not be read.
    pub unknown_subnets: Vec<UnknownValue>,
    /// Its peerings, seen from this side.
    pub peerings: Vec<Peering>,
    /// Peerings that could not be read: the network may be joined with any other.
    pub unknown_peerings: Vec<UnknownValue>,
    /// Minutes after which an idle flow record is dropped, 4 to 30 where set (S3.28).
    pub flow_timeout_minutes: Option<u32>,
    /// Where it was read.
    pub origin: Origin,
}

impl VirtualNetwork {
    /// A virtual network with nothing in it.
    pub fn new(id: ResourceId) -> Self {
        Self {
            id,
            address_space: Vec::new(),
            unknown_address_space: Vec::new(),
            subnets: Vec::new(),
            unknown_subnets: Vec::new(),
            peerings: Vec::new(),
            unknown_peerings: Vec::new(),
            flow_timeout_minutes: None,
            origin: Origin::default(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.id.name()
    }
}

/// A subnet of a virtual network.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Subnet {
    /// Its id, below that of its virtual network.
    pub id: ResourceId,
    /// Its address blocks.
    pub prefixes: Vec<Prefix>,
    /// Address blocks that could not be read.
    pub unknown_prefixes: Vec<UnknownValue>,
    /// The security group on it; none means that everything passes (S3.11).
    pub security_group: Option<Link>,
    /// The route table on it.
    pub route_table: Option<Link>,
    /// Whether its security group filters traffic to private endpoints (S3.33); where the input
    /// does not say, it does not.
    pub private_endpoint_policies: Option<Value<PrivateEndpointPolicies>>,
    /// The services it is delegated to, such as `Microsoft.Sql/managedInstances`.
    pub delegations: Vec<String>,
    /// Delegations that could not be read.
    pub unknown_delegations: Vec<UnknownValue>,
    /// Where it was read.
    pub origin: Origin,
}

impl Subnet {
    /// The name of the subnet that Azure Bastion lives in (S7.1).
    pub const BASTION: &'static str = "AzureBastionSubnet";

    /// A subnet with nothing on it.
    pub fn new(id: ResourceId) -> Self {
        Self {
            id,
            prefixes: Vec::new(),
            unknown_prefixes: Vec::new(),
            security_group: None,
            route_table: None,
            private_endpoint_policies: None,
            delegations: Vec::new(),
            unknown_delegations: Vec::new(),
            origin: Origin::default(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.id.name()
    }

    /// Whether it is the subnet of Azure Bastion, by its name.
    pub fn is_bastion(&self) -> bool {
        self.name().eq_ignore_ascii_case(Self::BASTION)
    }

    /// The expression that stands in the place of its name, in a template (S10.11).
    pub fn unknown_name(&self) -> Option<UnknownValue> {
        is_expression(self.name()).then(|| UnknownValue::new(self.name()))
    }

    /// Whether it is one of the subnets that security admin rules never apply to, as far as its
    /// name tells (S6.16).
    ///
    /// # Errors
    ///
    /// The expression where that is its name.
    pub fn is_exempt_from_admin_rules(&self) -> Result<bool, UnknownValue> {
        if let Some(text) = self.unknown_name() {
            return Err(text);
        }
        let names = [
            "AzureBastionSubnet",
            "AzureFirewallSubnet",
            "AzureFirewallManagementSubnet",
            "GatewaySubnet",
            "RouteServerSubnet",
        ];
        Ok(names.iter().any(|name| self.name().eq_ignore_ascii_case(name)))
    }
}

/// Which network policies of a subnet apply to its private endpoints (S3.33).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "only this distinction decides a verdict")]
pub enum PrivateEndpointPolicies {
    /// `Disabled`, the default, or `RouteTableEnabled`: the security group does not filter them.
    Disabled,
    /// `Enabled` or `NetworkSecurityGroupEnabled`: it does.
    SecurityGroup,
}

/// One side of a virtual network peering.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Peering {
    /// Its name.
    pub name: String,
    /// The virtual network at the other end.
    pub remote: Option<Link>,
    /// The other end's address space as this side records it.
    pub remote_address_space: Vec<Prefix>,
    /// Parts of it that could not be read.
    pub unknown_remote_address_space: Vec<UnknownValue>,
    /// Whether it works.
    pub state: PeeringState,
    /// Whether traffic between the two networks is let through (S4.5).
    pub allow_virtual_network_access: Value<bool>,
    /// Whether this side uses the other side's gateway (S4.6).
    pub use_remote_gateways: Value<bool>,
    /// Whether whole networks are peered, or only the named subnets (S4.5).
    pub complete: Value<bool>,
    /// With `complete` false: the peered subnets of this network, by name; empty means all.
    pub local_subnets: Vec<String>,
    /// With `complete` false: the peered subnets of the remote network, by name.
    pub remote_subnets: Vec<String>,
    /// With `complete` false: names of peered subnets, of either side, that could not be read.
    pub unknown_subnets: Vec<UnknownValue>,
    /// Where it was read.
    pub origin: Origin,
}

impl Peering {
    /// A connected peering of whole networks, with access allowed.
    pub fn new(name: impl Into<String>, remote: Option<Link>) -> Self {
        Self {
            name: name.into(),
            remote,
            remote_address_space: Vec::new(),
            unknown_remote_address_space: Vec::new(),
            state: PeeringState::Connected,
            allow_virtual_network_access: true.into(),
            use_remote_gateways: false.into(),
            complete: true.into(),
            local_subnets: Vec::new(),
            remote_subnets: Vec::new(),
            unknown_subnets: Vec::new(),
            origin: Origin::default(),
        }
    }
}

impl Peering {
    /// Whether it holds for a subnet of this network (S4.5); `None` when the input does not tell.
    pub fn holds_for(&self, subnet: &Subnet) -> Option<bool> {
        let is_named =
            || self.local_subnets.iter().any(|name| name.eq_ignore_ascii_case(subnet.name()));
        match self.complete.known() {
            Some(true) => Some(true),
            _ if is_named() => Some(true),
            _ if !self.unknown_subnets.is_empty() => None,
            Some(false) if self.local_subnets.is_empty() => Some(true),
            Some(false) if subnet.unknown_name().is_none() => Some(false),
            None if self.local_subnets.is_empty() => Some(true),
            _ => None,
        }
    }
}

/// The state of a peering.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum PeeringState {
    /// Both sides exist.
    Connected,
    /// The other side was deleted.
    Disconnected,
    /// The other side does not exist yet.
    Initiated,
    /// The input says nothing, as templates do: Azure finds it out at deployment.
    Unstated,
    /// The input says something that cannot be read.
    Unknown,
}
