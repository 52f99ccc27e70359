//! What a document contributes: resources, and pieces of resources that stand elsewhere.

use super::kind::Kind;
use crate::model::{
    AdminRule, AdminRuleCollection, ManagerScope, ResourceId, SecurityGroup, SecurityRule,
    UnknownValue, Value,
};
use crate::network::{
    ApplicationSecurityGroup, BastionHost, Link, NetworkGroup, NetworkInterface, Peering,
    PrivateEndpoint, PublicIpAddress, Route, RouteTable, Subnet, TagContents, VirtualMachine,
    VirtualNetwork,
};
use crate::report::Location;

/// One contribution, in the order of the document.
#[derive(Debug)]
pub(super) enum Part {
    AdminCollection(AdminRuleCollection),
    /// The services of a configuration that steer its collections (S6.15).
    AdminConfiguration {
        id: ResourceId,
        services: Vec<Value<String>>,
    },
    /// A rule, and the network groups that an effective or active list names with it.
    AdminRule {
        collection: ResourceId,
        applies_to: Vec<Link>,
        rule: AdminRule,
    },
    ApplicationSecurityGroup(ApplicationSecurityGroup),
    /// A security group, seen from the subnet or interface it is on.
    Attachment {
        group: ResourceId,
        target: Target,
        at: Location,
    },
    BastionHost(BastionHost),
    /// One entry of an answer of effective rules; entries of one answer share its place.
    Effective {
        answer: Location,
        entry: EffectiveEntry,
    },
    /// A group as effective rules show it: it stands in where the group itself is not given.
    EffectiveGroup(SecurityGroup),
    /// A network group; conditional if a policy chooses members too.
    NetworkGroup {
        group: NetworkGroup,
        is_conditional: bool,
    },
    NetworkInterface(NetworkInterface),
    NetworkManager {
        id: ResourceId,
        scope: Value<ManagerScope>,
    },
    Peering {
        network: ResourceId,
        peering: Peering,
    },
    PrivateEndpoint(PrivateEndpoint),
    PublicIpAddress(PublicIpAddress),
    Route {
        table: ResourceId,
        route: Route,
        at: Location,
    },
    RouteTable(RouteTable),
    Rule {
        group: ResourceId,
        rule: SecurityRule,
        is_default: bool,
    },
    SecurityGroup(SecurityGroup),
    /// Resources of this kind, or of any, that are not known: their list was cut, or an expression
    /// stands in their place. `parent` is the only resource whose children they can be.
    Unlisted {
        kind: Option<Kind>,
        parent: Option<ResourceId>,
        text: UnknownValue,
    },
    StaticMember {
        group: ResourceId,
        member: Link,
    },
    Subnet {
        network: ResourceId,
        subnet: Subnet,
    },
    VirtualMachine(VirtualMachine),
    VirtualNetwork(VirtualNetwork),
}

/// What an answer of effective rules tells beside the rules of a security group: it is about one
/// interface, which not every entry names (S8.16).
#[derive(Debug)]
pub(super) struct EffectiveEntry {
    pub(super) interface: Option<ResourceId>,
    pub(super) subnet: Option<ResourceId>,
    /// What tags held (S8.20).
    pub(super) contents: Vec<TagContents>,
    /// A network manager and its rules (S8.19).
    pub(super) admin_rules: Option<(ResourceId, Vec<AdminRule>)>,
    pub(super) at: Location,
}

impl Part {
    /// The resource that the part is a child of.
    pub(super) fn parent(&self) -> Option<&ResourceId> {
        match self {
            Self::Rule { group: parent, .. }
            | Self::Subnet { network: parent, .. }
            | Self::Peering { network: parent, .. }
            | Self::Route { table: parent, .. } => Some(parent),
            _ => None,
        }
    }
}

/// What a security group is on.
#[derive(Debug)]
pub(super) enum Target {
    Interface(ResourceId),
    Subnet(ResourceId),
}
