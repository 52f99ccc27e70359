//! Networks as Azure's API and templates write them.

use nsg_engine::model::{
    AddressItem, AddressSpec, AdminRule, AdminRuleCollection, ManagerScope, PortSpec, ResourceId,
    SecurityGroup, Value as Known,
};
use nsg_engine::net::Prefix;
use nsg_engine::network::{
    IpConfiguration, Link, Network, NetworkInterface, Peering, PrivateEndpointPolicies, Route,
    RouteDestination, RouteTable, Subnet, VirtualNetwork,
};
use nsg_engine::strategies::Choices;
use serde_json::{Value, json};

/// The resources of a network without unknown values, one document of them, in a shape that the
/// choices pick: with ids as an export or with types and names as a template, children inside
/// their parents or beside them.
pub(crate) fn document(network: &Network, choices: &mut Choices) -> Value {
    let mut writer = Writer {
        has_ids: !choices.one_in(3),
        are_beside: choices.one_in(3),
        resources: Vec::new(),
    };
    writer.network(network);
    let Writer { resources, has_ids, .. } = writer;
    match choices.below(3) {
        0 if has_ids => json!(resources),
        1 if has_ids => json!({ "value": resources }),
        _ => json!({ "$schema": "deploymentTemplate.json#", "resources": resources }),
    }
}

struct Writer {
    has_ids: bool,
    are_beside: bool,
    resources: Vec<Value>,
}

impl Writer {
    fn network(&mut self, network: &Network) {
        for group in &network.security_groups {
            self.group(group);
        }
        for one in &network.virtual_networks {
            self.virtual_network(one);
        }
        for table in &network.route_tables {
            self.route_table(table);
        }
        for interface in &network.network_interfaces {
            self.interface(interface);
        }
        for group in &network.application_security_groups {
            self.push(&group.id, &json!({}));
        }
        for address in &network.public_addresses {
            self.push(
                &address.id,
                &json!({ "ipAddress": address.address.map(|one| one.to_string()) }),
            );
        }
        for machine in &network.virtual_machines {
            let interfaces = links(&machine.network_interfaces);
            self.push(
                &machine.id,
                &json!({ "networkProfile": { "networkInterfaces": interfaces } }),
            );
        }
        for endpoint in &network.private_endpoints {
            let addresses: Vec<String> =
                endpoint.addresses.iter().map(ToString::to_string).collect();
            let properties = json!({
                "subnet": link(&endpoint.subnet),
                "networkInterfaces": links(&endpoint.network_interfaces),
                "applicationSecurityGroups": links(&endpoint.application_security_groups),
                "customDnsConfigs": [{ "fqdn": "x", "ipAddresses": addresses }],
            });
            self.push(&endpoint.id, &properties);
        }
        for group in &network.network_groups {
            self.push(&group.id, &json!({}));
            for (number, member) in group.members.iter().enumerate() {
                let id = group.id.child("staticMembers", &format!("member-{number}"));
                self.push(&id, &json!({ "resourceId": member.as_str() }));
            }
        }
        for collection in &network.admin_rule_collections {
            self.collection(collection);
        }
    }

    /// A resource: with its id, or with type and name as a template has it.
    fn push(&mut self, id: &ResourceId, properties: &Value) {
        let (kind, name) = kind_and_name(id);
        let resource = if self.has_ids {
            json!({ "id": id.as_str(), "name": id.name(), "properties": properties })
        } else {
            json!({ "type": kind, "apiVersion": "2024-05-01", "name": name,
                "properties": properties })
        };
        self.resources.push(resource);
    }

    /// A child: in the list of its parent, or a resource beside it.
    fn child(&mut self, inside: &mut Vec<Value>, id: &ResourceId, properties: &Value) {
        if self.are_beside {
            return self.push(id, properties);
        }
        inside.push(if self.has_ids {
            json!({ "id": id.as_str(), "name": id.name(), "properties": properties })
        } else {
            json!({ "name": id.name(), "properties": properties })
        });
    }

    fn group(&mut self, group: &SecurityGroup) {
        let mut rules = Vec::new();
        for rule in &group.rules {
            let written = serde_json::to_value(rule).unwrap();
            let id = group.id.child("securityRules", rule.name.as_str());
            self.child(&mut rules, &id, &written["properties"]);
        }
        self.push(&group.id, &json!({ "securityRules": rules }));
    }

    fn virtual_network(&mut self, one: &VirtualNetwork) {
        let (mut subnets, mut peerings) = (Vec::new(), Vec::new());
        for subnet in &one.subnets {
            self.child(&mut subnets, &subnet.id, &subnet_properties(subnet));
        }
        for peering in &one.peerings {
            let id = one.id.child("virtualNetworkPeerings", &peering.name);
            self.child(&mut peerings, &id, &peering_properties(peering));
        }
        let properties = json!({
            "addressSpace": { "addressPrefixes": prefixes(&one.address_space) },
            "subnets": subnets,
            "virtualNetworkPeerings": peerings,
        });
        self.push(&one.id, &properties);
    }

    fn route_table(&mut self, table: &RouteTable) {
        let mut routes = Vec::new();
        for route in &table.routes {
            let id = table.id.child("routes", &route.name);
            self.child(&mut routes, &id, &route_properties(route));
        }
        self.push(&table.id, &json!({ "routes": routes }));
    }

    fn interface(&mut self, interface: &NetworkInterface) {
        let configurations: Vec<Value> =
            interface.ip_configurations.iter().map(configuration).collect();
        let mut properties =
            json!({ "ipConfigurations": configurations, "primary": interface.primary });
        for (name, value) in [
            ("networkSecurityGroup", &interface.security_group),
            ("virtualMachine", &interface.virtual_machine),
            ("privateEndpoint", &interface.private_endpoint),
        ] {
            if value.is_some() {
                properties[name] = link(value);
            }
        }
        self.push(&interface.id, &properties);
    }

    fn collection(&mut self, collection: &AdminRuleCollection) {
        let services: Vec<&String> =
            collection.intent_policy_services.iter().filter_map(Known::known).collect();
        let scope = match collection.manager_scope.known().unwrap() {
            ManagerScope::ManagementGroup => json!({ "managementGroups": ["mg"] }),
            ManagerScope::Subscription => json!({ "subscriptions": ["s"] }),
        };
        let manager = collection.manager().unwrap();
        self.push(&manager, &json!({ "networkManagerScopes": scope }));
        let configuration = collection.id.parent().unwrap();
        self.push(&configuration, &json!({ "applyOnNetworkIntentPolicyBasedServices": services }));
        let groups: Vec<Value> = collection
            .applies_to
            .iter()
            .map(|group| json!({ "networkGroupId": group.known().unwrap().as_str() }))
            .collect();
        self.push(&collection.id, &json!({ "appliesToGroups": groups }));
        for rule in &collection.rules {
            let id = collection.id.child("rules", rule.name.as_str());
            self.push(&id, &admin_rule(rule));
        }
    }
}

/// Its type and its name below its parents', as a template has them.
fn kind_and_name(id: &ResourceId) -> (String, String) {
    let (_, below) = id.as_str().rsplit_once("/providers/").unwrap();
    let segments: Vec<&str> = below.split('/').collect();
    let (mut kind, mut names) = (segments[0].to_owned(), Vec::new());
    for pair in segments[1..].chunks(2) {
        kind = format!("{kind}/{}", pair[0]);
        names.push(pair[1]);
    }
    (kind, names.join("/"))
}

fn link(link: &Option<Link>) -> Value {
    match link.as_ref().and_then(Known::known) {
        Some(id) => json!({ "id": id.as_str() }),
        None => Value::Null,
    }
}

fn links(all: &[Link]) -> Vec<Value> {
    all.iter().map(|one| link(&Some(one.clone()))).collect()
}

fn prefixes(prefixes: &[Prefix]) -> Vec<String> {
    prefixes.iter().map(ToString::to_string).collect()
}

fn subnet_properties(subnet: &Subnet) -> Value {
    let mut properties = match subnet.prefixes.as_slice() {
        [only] => json!({ "addressPrefix": only.to_string() }),
        several => json!({ "addressPrefixes": prefixes(several) }),
    };
    if subnet.security_group.is_some() {
        properties["networkSecurityGroup"] = link(&subnet.security_group);
    }
    if subnet.route_table.is_some() {
        properties["routeTable"] = link(&subnet.route_table);
    }
    if let Some(Known::Known(PrivateEndpointPolicies::SecurityGroup)) =
        subnet.private_endpoint_policies
    {
        properties["privateEndpointNetworkPolicies"] = json!("Enabled");
    }
    if !subnet.delegations.is_empty() {
        let delegation = |name| json!({ "name": "d", "properties": { "serviceName": name } });
        properties["delegations"] = subnet.delegations.iter().map(delegation).collect();
    }
    properties
}

fn peering_properties(peering: &Peering) -> Value {
    json!({
        "remoteVirtualNetwork": link(&peering.remote),
        "peeringState": format!("{:?}", peering.state),
        "remoteAddressSpace": { "addressPrefixes": prefixes(&peering.remote_address_space) },
        "allowVirtualNetworkAccess": peering.allow_virtual_network_access.known(),
        "useRemoteGateways": peering.use_remote_gateways.known(),
        "peerCompleteVnets": peering.complete.known(),
        "localSubnetNames": peering.local_subnets,
        "remoteSubnetNames": peering.remote_subnets,
    })
}

fn route_properties(route: &Route) -> Value {
    let destination = match &route.destination {
        RouteDestination::Prefix(prefix) => prefix.to_string(),
        RouteDestination::Tag(tag) => tag.to_string(),
        other => panic!("{other:?} is not generated"),
    };
    json!({ "addressPrefix": destination, "nextHopType": format!("{:?}", route.next_hop) })
}

fn configuration(one: &IpConfiguration) -> Value {
    let mut properties = json!({
        "privateIPAddress": one.private_address.map(|address| address.to_string()),
        "subnet": link(&one.subnet),
        "primary": one.primary,
    });
    if one.public_address.is_some() {
        properties["publicIPAddress"] = link(&one.public_address);
    }
    if !one.application_security_groups.is_empty() {
        properties["applicationSecurityGroups"] = links(&one.application_security_groups).into();
    }
    json!({ "name": one.name, "properties": properties })
}

fn admin_rule(rule: &AdminRule) -> Value {
    json!({
        "priority": rule.priority.known().unwrap().number(),
        "direction": rule.direction.known().unwrap().to_string(),
        "access": rule.access.known().unwrap().to_string(),
        "protocol": rule.protocol.known().unwrap().to_string(),
        "sources": addresses(&rule.source),
        "destinations": addresses(&rule.destination),
        "sourcePortRanges": ports(&rule.source_ports),
        "destinationPortRanges": ports(&rule.destination_ports),
    })
}

fn addresses(spec: &AddressSpec) -> Vec<Value> {
    let address = |item: &AddressItem| match item {
        AddressItem::Any => json!({ "addressPrefixType": "IPPrefix", "addressPrefix": "*" }),
        AddressItem::Tag(tag) => {
            json!({ "addressPrefixType": "ServiceTag", "addressPrefix": tag.to_string() })
        }
        AddressItem::NetworkGroup(id) => {
            json!({ "addressPrefixType": "NetworkGroup", "addressPrefix": id.as_str() })
        }
        AddressItem::Prefix(prefix) => {
            json!({ "addressPrefixType": "IPPrefix", "addressPrefix": prefix.to_string() })
        }
        other => panic!("{other:?} is not generated for admin rules"),
    };
    spec.items.iter().map(address).collect()
}

fn ports(spec: &PortSpec) -> Vec<String> {
    spec.known.to_string().split(',').map(str::to_owned).collect()
}
