//! Small networks for unit tests, written as short as they are read.
//!
//! A subnet of network `hub` is called `hub/app`; its id is `hub/subnets/app`.

use super::{
    IpConfiguration, Network, NetworkGroup, NetworkInterface, NextHop, Peering, Route,
    RouteDestination, RouteTable, Subnet, VirtualNetwork,
};
use crate::model::{AdminRuleCollection, ResourceId, SecurityGroup};

pub(crate) fn id(place: &str) -> ResourceId {
    match place.split_once('/') {
        Some((network, subnet)) => ResourceId::new(network).child("subnets", subnet),
        None => ResourceId::new(place),
    }
}

/// A network with these virtual networks and their spaces: `[("hub", "10.0.0.0/16, fd00::/48")]`.
pub(crate) fn network(spaces: &[(&str, &str)]) -> Network {
    let mut network = Network::default();
    for (name, space) in spaces {
        let mut one = VirtualNetwork::new(id(name));
        one.address_space = space.split(", ").map(|text| text.parse().unwrap()).collect();
        network.virtual_networks.push(one);
    }
    network
}

impl Network {
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(crate) fn with_subnet(self, place: &str, prefixes: &str) -> Self {
        let mut subnet = Subnet::new(id(place));
        subnet.prefixes = prefixes.split(", ").map(|text| text.parse().unwrap()).collect();
        self.with(|network| network.virtual_network_of(place).subnets.push(subnet))
    }

    /// A group with the rules of these lines, on the subnets and interfaces named.
    pub(crate) fn with_group(self, name: &str, places: &[&str], rules: &[&str]) -> Self {
        let mut group = SecurityGroup::new(id(name));
        group.rules = rules.iter().map(|text| text.parse().unwrap()).collect();
        self.with(|network| {
            network.security_groups.push(group);
            for place in places {
                *network.group_link(place) = Some(id(name).into());
            }
        })
    }

    pub(crate) fn with_interface(self, name: &str, subnet: &str, address: &str) -> Self {
        let mut interface = NetworkInterface::new(id(name));
        let address = Some(address.parse().unwrap());
        let configuration = IpConfiguration::new("ipconfig1", address, Some(id(subnet).into()));
        interface.ip_configurations.push(configuration);
        self.with(|network| network.network_interfaces.push(interface))
    }

    /// Peers two virtual networks, both sides connected.
    pub(crate) fn with_peering(self, one: &str, other: &str) -> Self {
        self.with(|network| {
            for (here, there) in [(one, other), (other, one)] {
                let peering = Peering::new(format!("to-{there}"), Some(id(there).into()));
                network.virtual_network_of(here).peerings.push(peering);
            }
        })
    }

    /// A route table with one route, on the subnet named.
    pub(crate) fn with_route(self, place: &str, prefix: &str, hop: NextHop) -> Self {
        let mut table = RouteTable::new(id("routes"));
        let destination = RouteDestination::Prefix(prefix.parse().unwrap());
        table.routes.push(Route::new("route", destination, hop));
        self.with(|network| {
            network.subnet_called(place).route_table = Some(table.id.clone().into());
            network.route_tables.push(table);
        })
    }

    /// Admin rules of a collection `manager/configurations/c/collections/NAME` for the members.
    pub(crate) fn with_admin(self, collection: &str, members: &[&str], rules: &[&str]) -> Self {
        let mut one = AdminRuleCollection::new(ResourceId::new(collection));
        one.rules = rules.iter().map(|text| text.parse().unwrap()).collect();
        let group = ResourceId::new(&format!("group-of-{}", one.id.name()));
        one.applies_to.push(group.clone().into());
        let members = members.iter().map(|member| id(member)).collect();
        self.with(|network| {
            network.admin_rule_collections.push(one);
            network.network_groups.push(NetworkGroup::new(group, members));
        })
    }

    pub(crate) fn virtual_network_of(&mut self, place: &str) -> &mut VirtualNetwork {
        let name = place.split('/').next().unwrap();
        self.virtual_networks.iter_mut().find(|one| one.name() == name).unwrap()
    }

    pub(crate) fn subnet_called(&mut self, place: &str) -> &mut Subnet {
        let subnets = &mut self.virtual_network_of(place).subnets;
        subnets.iter_mut().find(|subnet| subnet.id == id(place)).unwrap()
    }

    pub(crate) fn interface(&mut self, name: &str) -> &mut NetworkInterface {
        self.network_interfaces.iter_mut().find(|one| one.name() == name).unwrap()
    }

    fn group_link(&mut self, place: &str) -> &mut Option<super::Link> {
        if place.contains('/') {
            return &mut self.subnet_called(place).security_group;
        }
        &mut self.interface(place).security_group
    }
}
