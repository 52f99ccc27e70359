//! Which kind of resource an object is.

use super::json::{Members, Node};
use super::view::View;
use crate::model::is_expression;

/// The kinds of resources that are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    AdminCollection,
    AdminConfiguration,
    AdminRule,
    ApplicationSecurityGroup,
    BastionHost,
    Deployment,
    Effective,
    NetworkGroup,
    NetworkInterface,
    NetworkManager,
    Peering,
    PrivateEndpoint,
    PublicIpAddress,
    Route,
    RouteTable,
    Rule,
    SecurityGroup,
    StaticMember,
    Subnet,
    VirtualMachine,
    VirtualNetwork,
}

/// The types of Azure Resource Manager, and their kinds. Types compare without case.
const TYPES: [(&str, Kind); 21] = [
    ("Microsoft.Network/networkSecurityGroups", Kind::SecurityGroup),
    ("Microsoft.Network/networkSecurityGroups/securityRules", Kind::Rule),
    ("Microsoft.Network/networkSecurityGroups/defaultSecurityRules", Kind::Rule),
    ("Microsoft.Network/virtualNetworks", Kind::VirtualNetwork),
    ("Microsoft.Network/virtualNetworks/subnets", Kind::Subnet),
    ("Microsoft.Network/virtualNetworks/virtualNetworkPeerings", Kind::Peering),
    ("Microsoft.Network/networkInterfaces", Kind::NetworkInterface),
    ("Microsoft.Network/applicationSecurityGroups", Kind::ApplicationSecurityGroup),
    ("Microsoft.Network/routeTables", Kind::RouteTable),
    ("Microsoft.Network/routeTables/routes", Kind::Route),
    ("Microsoft.Network/publicIPAddresses", Kind::PublicIpAddress),
    ("Microsoft.Network/privateEndpoints", Kind::PrivateEndpoint),
    ("Microsoft.Network/bastionHosts", Kind::BastionHost),
    ("Microsoft.Compute/virtualMachines", Kind::VirtualMachine),
    ("Microsoft.Network/networkManagers", Kind::NetworkManager),
    ("Microsoft.Network/networkManagers/securityAdminConfigurations", Kind::AdminConfiguration),
    (
        "Microsoft.Network/networkManagers/securityAdminConfigurations/ruleCollections",
        Kind::AdminCollection,
    ),
    (
        "Microsoft.Network/networkManagers/securityAdminConfigurations/ruleCollections/rules",
        Kind::AdminRule,
    ),
    ("Microsoft.Network/networkManagers/networkGroups", Kind::NetworkGroup),
    ("Microsoft.Network/networkManagers/networkGroups/staticMembers", Kind::StaticMember),
    ("Microsoft.Resources/deployments", Kind::Deployment),
];

impl Kind {
    /// The kinds of resources that may be nested in one of this kind, at any depth.
    pub(super) fn children(self) -> &'static [Self] {
        match self {
            Self::AdminCollection => &[Self::AdminRule],
            Self::AdminConfiguration => &[Self::AdminCollection],
            Self::NetworkGroup => &[Self::StaticMember],
            Self::NetworkManager => &[Self::AdminCollection, Self::StaticMember],
            Self::RouteTable => &[Self::Route],
            Self::SecurityGroup => &[Self::Rule],
            Self::VirtualNetwork => &[Self::Subnet, Self::Peering],
            _ => &[],
        }
    }

    /// The kind of that full type name.
    pub(super) fn of_type(name: &str) -> Option<Self> {
        TYPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, kind)| *kind)
    }

    /// The kind of the resource that an id names.
    pub(super) fn of_id(id: &str) -> Option<Self> {
        type_of_id(id).and_then(|name| Self::of_type(&name))
    }

    /// The kind that an object is of by its members, where neither type nor id tell (S10.8).
    pub(super) fn of_shape(view: &View<'_, '_>) -> Option<Self> {
        let has = |name| view.has(name);
        if has("effectiveSecurityRules") {
            return Some(Self::Effective);
        }
        // A template's parameter may be called like a member; its value is then a schema.
        let is_text = |name| matches!(view.node(name), Some(Node::Text(_)));
        if view.has_list("securityRules") || view.has_list("defaultSecurityRules") {
            return Some(Self::SecurityGroup);
        }
        if is_text("direction") && is_text("access") && has("priority") && has("protocol") {
            return Some(if view.has_list("sources") || view.has_list("destinations") {
                Self::AdminRule
            } else {
                Self::Rule
            });
        }
        if has("addressSpace") && view.has_list("subnets") {
            return Some(Self::VirtualNetwork);
        }
        None
    }
}

/// The full type name of the resource that an id names: provider and every other segment.
fn type_of_id(id: &str) -> Option<String> {
    let lower = id.to_ascii_lowercase();
    let (_, resource) = lower.rsplit_once("/providers/")?;
    let mut segments = resource.trim_end_matches('/').split('/');
    let mut name = segments.next()?.to_owned();
    for kind in segments.step_by(2) {
        name.push('/');
        name.push_str(kind);
    }
    Some(name)
}

/// The type an object states, below that of its parent if it is a nested child whose type is
/// relative (S10.9). An expression states nothing.
pub(super) fn stated_type(object: &Members<'_>, parent: Option<&str>) -> Option<String> {
    let Some(Node::Text(name)) = object.get("type") else { return None };
    if is_expression(name) {
        return None;
    }
    match parent {
        Some(parent) if !name.contains('.') => Some(format!("{parent}/{name}")),
        _ => Some(name.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_the_kind() {
        let group = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/networkSecurityGroups/nsg";
        assert_eq!(Kind::of_id(group), Some(Kind::SecurityGroup));
        assert_eq!(
            Kind::of_id(&format!("{}/securityRules/r", group.to_uppercase())),
            Some(Kind::Rule)
        );
        assert_eq!(Kind::of_id(&format!("{group}/providers/Microsoft.Insights/x/y")), None);
        assert_eq!(Kind::of_id("nsg"), None);
    }
}
