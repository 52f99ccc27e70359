//! Security groups and the six default rules.

use super::{
    Access, AddressItem, AddressSpec, Direction, Priority, ResourceId, RuleName, SecurityRule,
    ServiceTag,
};
use crate::report::Origin;

/// A network security group: its own rules and the default rules, which are always present.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct SecurityGroup {
    /// The group's id; its last segment is the group's name.
    pub id: ResourceId,
    /// The Azure region, where known.
    pub region: Option<String>,
    /// The user's rules, in any order.
    pub rules: Vec<SecurityRule>,
    /// The default rules: Azure's six, unless a snapshot held others (S2.5).
    pub default_rules: Vec<SecurityRule>,
    /// Whether existing flows are evaluated again when rules change (S3.27).
    pub flush_connection: bool,
    /// Where the group was read.
    pub origin: Origin,
}

impl SecurityGroup {
    /// A group with no rules but the six default ones.
    pub fn new(id: ResourceId) -> Self {
        Self {
            id,
            region: None,
            rules: Vec::new(),
            default_rules: default_rules(),
            flush_connection: false,
            origin: Origin::default(),
        }
    }

    /// The group's name.
    pub fn name(&self) -> &str {
        self.id.name()
    }

    /// The user's rules and the default rules of both directions, in no particular order.
    pub fn all_rules(&self) -> impl Iterator<Item = &SecurityRule> {
        self.rules.iter().chain(&self.default_rules)
    }
}

/// The six default rules of every security group, as the API spells and describes them (S2.2).
pub fn default_rules() -> Vec<SecurityRule> {
    let virtual_network = || Some(ServiceTag::virtual_network());
    let load_balancer = Some(ServiceTag::azure_load_balancer());
    let internet = Some(ServiceTag::internet());
    use {Access::*, Direction::*};
    vec![
        default_rule(
            65000,
            "AllowVnetInBound",
            Inbound,
            Allow,
            virtual_network(),
            virtual_network(),
            "Allow inbound traffic from all VMs in VNET",
        ),
        default_rule(
            65001,
            "AllowAzureLoadBalancerInBound",
            Inbound,
            Allow,
            load_balancer,
            None,
            "Allow inbound traffic from azure load balancer",
        ),
        default_rule(
            65500,
            "DenyAllInBound",
            Inbound,
            Deny,
            None,
            None,
            "Deny all inbound traffic",
        ),
        default_rule(
            65000,
            "AllowVnetOutBound",
            Outbound,
            Allow,
            virtual_network(),
            virtual_network(),
            "Allow outbound traffic from all VMs to all VMs in VNET",
        ),
        default_rule(
            65001,
            "AllowInternetOutBound",
            Outbound,
            Allow,
            None,
            internet,
            "Allow outbound traffic from all VMs to Internet",
        ),
        default_rule(
            65500,
            "DenyAllOutBound",
            Outbound,
            Deny,
            None,
            None,
            "Deny all outbound traffic",
        ),
    ]
}

fn default_rule(
    priority: u32,
    name: &str,
    direction: Direction,
    access: Access,
    source: Option<ServiceTag>,
    destination: Option<ServiceTag>,
    description: &str,
) -> SecurityRule {
    let side = |tag: Option<ServiceTag>| {
        AddressSpec::from(tag.map_or(AddressItem::Any, AddressItem::from))
    };
    let name = RuleName::as_written(name);
    let mut rule = SecurityRule::new(name, Priority::new(priority), direction, access);
    rule.description = Some(description.to_owned());
    rule.source = side(source);
    rule.destination = side(destination);
    rule
}
