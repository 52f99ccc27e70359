//! Security admin rules of Azure Virtual Network Manager.

use super::{
    AddressItem, AddressSpec, AdminAccess, Direction, PortSpec, Priority, ProtocolSpec, ResourceId,
    RuleName, UnknownValue, Value,
};
use crate::net::PortSet;
use crate::report::Origin;

/// A security admin rule, evaluated before every security group (S6.4).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct AdminRule {
    /// Unique in its collection.
    pub name: RuleName,
    /// A remark.
    pub description: Option<String>,
    /// 1 to 4096, the lower number first (S6.2).
    pub priority: Value<Priority>,
    /// Which traffic it applies to.
    pub direction: Value<Direction>,
    /// What it does with a match.
    pub access: Value<AdminAccess>,
    /// Which protocols it matches; `Any` in text means every one (S6.8).
    pub protocol: Value<ProtocolSpec>,
    /// Where a matching packet comes from; tags, prefixes and network groups may mix (S6.9).
    pub source: AddressSpec,
    /// The port a matching packet comes from.
    pub source_ports: PortSpec,
    /// Where a matching packet goes.
    pub destination: AddressSpec,
    /// The port a matching packet goes to.
    pub destination_ports: PortSpec,
    /// The template expression that decides whether the rule exists; `None` when it does (S3.8).
    pub condition: Option<UnknownValue>,
    /// Where the rule was read.
    pub origin: Origin,
}

impl AdminRule {
    /// A rule that matches everything in its direction.
    pub fn new(
        name: RuleName,
        priority: Priority,
        direction: Direction,
        access: AdminAccess,
    ) -> Self {
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
            condition: None,
            origin: Origin::default(),
        }
    }

    /// Stands for any number of rules of which nothing is known but the text in their place,
    /// such as the expression `[variables('rules')]` (S3.8).
    pub fn unknown(text: &UnknownValue) -> Self {
        let ports = || PortSpec { known: PortSet::empty(), unknown: vec![text.clone()] };
        Self {
            name: RuleName::as_written(text.text()),
            description: None,
            priority: Value::Unknown(text.clone()),
            direction: Value::Unknown(text.clone()),
            access: Value::Unknown(text.clone()),
            protocol: Value::Unknown(text.clone()),
            source: AddressItem::Unknown(text.clone()).into(),
            source_ports: ports(),
            destination: AddressItem::Unknown(text.clone()).into(),
            destination_ports: ports(),
            condition: None,
            origin: Origin::default(),
        }
    }
}

/// How high in the hierarchy of Azure a network manager stands (S6.14). The rules of the higher
/// one come first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a manager governs one or the other")]
pub enum ManagerScope {
    /// It governs management groups.
    ManagementGroup,
    /// It governs subscriptions.
    Subscription,
}

/// A rule collection of a security admin configuration, with the network groups it applies to
/// (S6.1).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct AdminRuleCollection {
    /// The collection's id, below its configuration and network manager.
    pub id: ResourceId,
    /// The network groups whose virtual networks and subnets it applies to.
    pub applies_to: Vec<Value<ResourceId>>,
    /// How high in the hierarchy the network manager stands (S6.14).
    pub manager_scope: Value<ManagerScope>,
    /// What the configuration does where network intent policies are in use (S6.15).
    pub intent_policy_services: Vec<Value<String>>,
    /// The rules, in any order.
    pub rules: Vec<AdminRule>,
    /// Where the collection was read.
    pub origin: Origin,
}

impl AdminRuleCollection {
    /// A collection with no rules, of the network manager of a subscription, applied to nothing.
    pub fn new(id: ResourceId) -> Self {
        Self {
            id,
            applies_to: Vec::new(),
            manager_scope: ManagerScope::Subscription.into(),
            intent_policy_services: Vec::new(),
            rules: Vec::new(),
            origin: Origin::default(),
        }
    }

    /// The id of the network manager the collection belongs to, as far as the id tells.
    pub fn manager(&self) -> Option<ResourceId> {
        self.id.parent().and_then(|configuration| configuration.parent())
    }
}
