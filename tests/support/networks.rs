//! Networks as the case files write them: short, by name, without resource ids.

use std::collections::BTreeMap;

use nsg_engine::model::{
    AdminRuleCollection, ManagerScope, ResourceId, SecurityGroup, ServiceTag, Value,
};
use nsg_engine::network::{
    ApplicationSecurityGroup, IpConfiguration, Link, Network, NetworkGroup, NetworkInterface,
    NextHop, Peering, PeeringState, PrivateEndpoint, PrivateEndpointPolicies, PublicIpAddress,
    Route, RouteDestination, RouteTable, Subnet, VirtualNetwork,
};
use serde::Deserialize;

use super::cases::parse_all;

/// A network of a case file. Everything has a name; `v/app` is the subnet `app` of `v`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NetworkText {
    virtual_networks: BTreeMap<String, VirtualNetworkText>,
    /// Security groups by name, each a list of custom rules.
    #[serde(default)]
    groups: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    interfaces: BTreeMap<String, InterfaceText>,
    #[serde(default)]
    private_endpoints: BTreeMap<String, EndpointText>,
    /// Application security groups that need no member.
    #[serde(default)]
    asgs: Vec<String>,
    #[serde(default)]
    admin: Vec<CollectionText>,
    #[serde(default)]
    extra_virtual_network_prefixes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VirtualNetworkText {
    space: Vec<String>,
    #[serde(default)]
    subnets: BTreeMap<String, SubnetText>,
    #[serde(default)]
    peerings: Vec<PeeringText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SubnetText {
    prefix: Vec<String>,
    group: Option<String>,
    /// Routes as `PREFIX NEXTHOP`, the next hop as Azure spells it.
    #[serde(default)]
    routes: Vec<String>,
    #[serde(default)]
    filters_private_endpoints: bool,
    #[serde(default)]
    delegation: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PeeringText {
    remote: String,
    #[serde(default)]
    disconnected: bool,
    #[serde(default)]
    without_access: bool,
    #[serde(default)]
    use_remote_gateways: bool,
    /// The subnets that are peered, instead of the whole networks.
    subnets: Option<Vec<String>>,
    /// What this side records as the other side's space.
    #[serde(default)]
    remote_space: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InterfaceText {
    /// One IP configuration each.
    address: Vec<String>,
    subnet: String,
    group: Option<String>,
    /// The application security groups of every IP configuration.
    #[serde(default)]
    asgs: Vec<String>,
    public: Option<String>,
    machine: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndpointText {
    address: String,
    subnet: String,
    #[serde(default)]
    asgs: Vec<String>,
}

/// A rule collection; `manager` and `collection` are names.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CollectionText {
    #[serde(default)]
    manager: Option<String>,
    /// Whether the manager stands at a management group, instead of a subscription.
    #[serde(default)]
    of_management_group: bool,
    #[serde(default)]
    collection: Option<String>,
    /// Virtual networks and subnets it applies to, as one network group; `?` for a group filled
    /// by policy.
    applies_to: Vec<String>,
    #[serde(default)]
    intent_policy_services: Vec<String>,
    rules: Vec<String>,
}

impl NetworkText {
    pub(crate) fn build(&self, place: &str) -> Network {
        let mut network = Network::default();
        for (name, group) in &self.groups {
            let mut built = SecurityGroup::new(resource("networkSecurityGroups", name));
            built.rules = parse_all(group, &format!("{place}: {name}"));
            network.security_groups.push(built);
        }
        for (name, text) in &self.virtual_networks {
            let mut built = VirtualNetwork::new(resource("virtualNetworks", name));
            built.address_space = parse_all(&text.space, place);
            for (subnet, text) in &text.subnets {
                let id = subnet_id(&format!("{name}/{subnet}"));
                built.subnets.push(text.build(id, &mut network, place));
            }
            built.peerings = text.peerings.iter().map(|peering| peering.build(place)).collect();
            network.virtual_networks.push(built);
        }
        for (name, text) in &self.interfaces {
            let built = text.build(name, &mut network);
            network.network_interfaces.push(built);
        }
        for (name, text) in &self.private_endpoints {
            let id = resource("privateEndpoints", name);
            let mut built = PrivateEndpoint::new(id, Some(subnet_id(&text.subnet).into()));
            built.addresses = vec![text.address.parse().unwrap()];
            built.application_security_groups = asg_links(&text.asgs);
            network.private_endpoints.push(built);
        }
        for name in self.asg_names() {
            network.application_security_groups.push(ApplicationSecurityGroup::new(asg_id(name)));
        }
        for (index, text) in self.admin.iter().enumerate() {
            text.build(index, &mut network, place);
        }
        network.extra_virtual_network_prefixes =
            parse_all(&self.extra_virtual_network_prefixes, place);
        network
    }

    fn asg_names(&self) -> impl Iterator<Item = &String> {
        let of_interfaces = self.interfaces.values().flat_map(|interface| &interface.asgs);
        let of_endpoints = self.private_endpoints.values().flat_map(|endpoint| &endpoint.asgs);
        let named: std::collections::BTreeSet<_> =
            of_interfaces.chain(of_endpoints).chain(&self.asgs).collect();
        named.into_iter()
    }
}

impl SubnetText {
    fn build(&self, id: ResourceId, network: &mut Network, place: &str) -> Subnet {
        let mut built = Subnet::new(id);
        built.prefixes = parse_all(&self.prefix, place);
        built.security_group = self.group.as_deref().map(group_link);
        if !self.routes.is_empty() {
            let mut table =
                RouteTable::new(resource("routeTables", &format!("{}-rt", built.name())));
            table.routes = self.routes.iter().map(|text| route(text)).collect();
            built.route_table = Some(table.id.clone().into());
            network.route_tables.push(table);
        }
        if self.filters_private_endpoints {
            built.private_endpoint_policies = Some(PrivateEndpointPolicies::SecurityGroup.into());
        }
        built.delegations.extend(self.delegation.clone());
        built
    }
}

fn route(text: &str) -> Route {
    let (destination, next_hop) = text.split_once(' ').unwrap();
    let destination = match destination.parse() {
        Ok(prefix) => RouteDestination::Prefix(prefix),
        Err(_) => RouteDestination::Tag(ServiceTag::new(destination)),
    };
    let next_hop = match next_hop {
        "Internet" => NextHop::Internet,
        "None" => NextHop::None,
        "VirtualAppliance" => NextHop::VirtualAppliance,
        "VirtualNetworkGateway" => NextHop::VirtualNetworkGateway,
        "VnetLocal" => NextHop::VnetLocal,
        other => panic!("`{other}` is not a next hop"),
    };
    Route::new(text, destination, next_hop)
}

impl PeeringText {
    fn build(&self, place: &str) -> Peering {
        let remote = resource("virtualNetworks", &self.remote);
        let mut built = Peering::new(format!("to-{}", self.remote), Some(remote.into()));
        if self.disconnected {
            built.state = PeeringState::Disconnected;
        }
        built.allow_virtual_network_access = (!self.without_access).into();
        built.use_remote_gateways = self.use_remote_gateways.into();
        built.remote_address_space = parse_all(&self.remote_space, place);
        if let Some(subnets) = &self.subnets {
            built.complete = false.into();
            built.remote_subnets.clone_from(subnets);
        }
        built
    }
}

impl InterfaceText {
    fn build(&self, name: &str, network: &mut Network) -> NetworkInterface {
        let mut built = NetworkInterface::new(resource("networkInterfaces", name));
        built.security_group = self.group.as_deref().map(group_link);
        built.virtual_machine =
            self.machine.as_deref().map(|machine| resource("virtualMachines", machine).into());
        for (index, address) in self.address.iter().enumerate() {
            let subnet = Some(subnet_id(&self.subnet).into());
            let name = format!("ipconfig{index}");
            let mut configuration =
                IpConfiguration::new(name, Some(address.parse().unwrap()), subnet);
            configuration.primary = index == 0;
            configuration.application_security_groups = asg_links(&self.asgs);
            if let Some(public) = self.public.as_deref().filter(|_| index == 0) {
                let id = resource("publicIPAddresses", &format!("{}-pip", built.name()));
                let address = Some(public.parse().unwrap());
                network.public_addresses.push(PublicIpAddress::new(id.clone(), address));
                configuration.public_address = Some(id.into());
            }
            built.ip_configurations.push(configuration);
        }
        built
    }
}

impl CollectionText {
    fn build(&self, index: usize, network: &mut Network, place: &str) {
        let manager = self.manager.as_deref().unwrap_or("manager");
        let manager = resource("networkManagers", manager);
        let collection = self.collection.as_deref().unwrap_or("collection");
        let id = manager
            .child("securityAdminConfigurations", "configuration")
            .child("ruleCollections", collection);
        let mut built = AdminRuleCollection::new(id);
        let group = manager.child("networkGroups", &format!("group{index}"));
        let is_policy = |member: &&String| *member == "?";
        let members = self.applies_to.iter().filter(|member| !is_policy(member));
        let mut members =
            NetworkGroup::new(group.clone(), members.map(|name| place_id(name)).collect());
        members.complete = !self.applies_to.iter().any(|member| is_policy(&member));
        network.network_groups.push(members);
        built.applies_to = vec![Value::Known(group)];
        if self.of_management_group {
            built.manager_scope = ManagerScope::ManagementGroup.into();
        }
        built.intent_policy_services =
            self.intent_policy_services.iter().cloned().map(Value::Known).collect();
        built.rules = parse_all(&self.rules, place);
        network.admin_rule_collections.push(built);
    }
}

fn group_link(name: &str) -> Link {
    resource("networkSecurityGroups", name).into()
}

/// Rules name an application security group as `asg{NAME}`.
fn asg_id(name: &str) -> ResourceId {
    ResourceId::new(name)
}

fn asg_links(names: &[String]) -> Vec<Link> {
    names.iter().map(|name| asg_id(name).into()).collect()
}

/// The id of a resource with this name.
pub(crate) fn resource(kind: &str, name: &str) -> ResourceId {
    ResourceId::new(&format!(
        "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Network/{kind}/{name}"
    ))
}

/// The id of the subnet `NETWORK/SUBNET`.
pub(crate) fn subnet_id(name: &str) -> ResourceId {
    let (network, subnet) = name.split_once('/').unwrap();
    resource("virtualNetworks", network).child("subnets", subnet)
}

/// The id of a virtual network, or of a subnet.
fn place_id(name: &str) -> ResourceId {
    if name.contains('/') { subnet_id(name) } else { resource("virtualNetworks", name) }
}
