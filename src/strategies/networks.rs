//! Networks: everything that decides which rules a flow meets.

use std::net::{IpAddr, Ipv4Addr};

use super::Generator;
use super::generator::{resource, vnet_space};
use crate::model::{AddressItem, AdminRuleCollection, Flow, ManagerScope, ResourceId, Value};
use crate::net::{Prefix, Protocol};
use crate::network::{
    ApplicationSecurityGroup, BastionHost, BastionSku, IpConfiguration, Link, Network,
    NetworkGroup, NetworkInterface, NextHop, Peering, PeeringState, PrivateEndpoint,
    PrivateEndpointPolicies, PublicIpAddress, Route, RouteDestination, RouteTable, Subnet,
    VirtualMachine, VirtualNetwork,
};
use crate::resolve::Ruleset;

impl Generator {
    /// A network of up to three virtual networks, peered or not, with groups on subnets and
    /// interfaces, machines, application security groups, routes, admin rules, private endpoints
    /// and a Bastion host. Links may lead nowhere, and nowhere known if the shape has unknowns.
    pub fn network(&mut self) -> Network {
        let mut network = Network::default();
        for number in 0..self.choices.between(1, 3) {
            network.security_groups.push(self.group_called(&format!("nsg-{number}")));
        }
        network.application_security_groups =
            (0..4).map(|number| ApplicationSecurityGroup::new(Self::asg(number))).collect();
        for number in 0..self.choices.between(1, 3) {
            let virtual_network = self.virtual_network(number, &network);
            network.virtual_networks.push(virtual_network);
        }
        self.add_route_table(&mut network);
        self.add_peerings(&mut network);
        for number in 0..self.choices.between(1, 4) {
            self.add_machine(number, &mut network);
        }
        self.add_private_endpoint(&mut network);
        self.add_bastion_host(&mut network);
        self.add_admin_rules(&mut network);
        if self.choices.one_in(6) {
            network.extra_virtual_network_prefixes.push(self.prefix());
        }
        network
    }

    /// A flow between two places of the network, or between one and anywhere, aimed at the rules
    /// of one of its groups.
    pub fn network_flow(&mut self, network: &Network) -> Flow {
        let direction = self.direction();
        let rules = match self.choices.pick(&network.security_groups) {
            Some(group) => Ruleset::of_group(group, direction, self.names()),
            None => Ruleset::of_admin_rules([], direction, self.names()),
        };
        let inside: Vec<IpAddr> =
            network.network_interfaces.iter().flat_map(NetworkInterface::addresses).collect();
        let (one, other) = (self.choices.pick(&inside), self.choices.pick(&inside));
        let aimed = self.flow(&rules);
        match (self.choices.below(10), one.copied(), other.copied()) {
            (0..=2, Some(one), Some(other)) => self.flow_between(one, other, &rules),
            (3 | 4, Some(one), _) => self.flow_between(one, aimed.destination(), &rules),
            (5 | 6, _, Some(other)) => self.flow_between(aimed.source(), other, &rules),
            (7, Some(one), _) => self.platform_flow(one).unwrap_or(aimed),
            _ => aimed,
        }
    }

    /// A flow to a service of the platform, or just beside one (S5.9).
    fn platform_flow(&mut self, source: IpAddr) -> Option<Flow> {
        let host = IpAddr::from([168, 63, 129, 16]);
        let metadata = IpAddr::from([169, 254, 169, 254]);
        let (protocol, destination, port) = self.choices.one_of(
            (Protocol::UDP, host, 53),
            &[
                (Protocol::TCP, host, 53),
                (Protocol::TCP, host, 80),
                (Protocol::TCP, host, 32526),
                (Protocol::TCP, host, 443),
                (Protocol::UDP, host, 67),
                (Protocol::TCP, metadata, 80),
                (Protocol::UDP, metadata, 80),
            ],
        );
        let port = Some(port).filter(|_| !self.is_unknown(6));
        Flow::new(protocol, source, destination).ok()?.with_ports(Some(50000), port).ok()
    }

    fn virtual_network(&mut self, number: usize, network: &Network) -> VirtualNetwork {
        let id = resource("virtualNetworks", &format!("vnet-{number}"));
        let mut virtual_network = VirtualNetwork::new(id.clone());
        // Two networks with one address space are legal as long as they are not peered.
        let third = u8::try_from(self.choices.one_of(number, &[0, 1])).unwrap_or(0);
        let space = Prefix::truncated(IpAddr::from([10, third, 0, 0]), 16).unwrap_or(vnet_space());
        virtual_network.address_space.push(space);
        let ipv6 =
            Prefix::truncated(IpAddr::from([0xfd00, u16::from(third), 0, 0, 0, 0, 0, 0]), 48);
        virtual_network.address_space.extend(ipv6.filter(|_| self.choices.one_in(2)));
        if self.is_unknown(16) {
            virtual_network.unknown_address_space.push(self.unknown_value());
        }
        for index in 0..self.choices.between(1, 3) {
            let name = match index {
                2 => Subnet::BASTION.to_owned(),
                other => format!("subnet-{other}"),
            };
            let mut subnet = Subnet::new(id.child("subnets", &name));
            subnet.prefixes.extend(block_of(space, index));
            subnet.security_group = self.group_link(network);
            if self.choices.one_in(3) {
                subnet.private_endpoint_policies =
                    Some(PrivateEndpointPolicies::SecurityGroup.into());
            }
            if self.choices.one_in(12) {
                subnet.delegations.push("Microsoft.Databricks/workspaces".to_owned());
            }
            if self.is_unknown(16) {
                subnet.unknown_prefixes.push(self.unknown_value());
            }
            virtual_network.subnets.push(subnet);
        }
        virtual_network
    }

    /// A group of the network, none, or one that cannot be followed.
    fn group_link(&mut self, network: &Network) -> Option<Link> {
        let choices = if self.shape.unknown { 10 } else { 8 };
        match self.choices.below(choices) {
            0 | 1 => None,
            2..=7 => {
                self.choices.pick(&network.security_groups).map(|group| group.id.clone().into())
            }
            8 => Some(resource("networkSecurityGroups", "gone").into()),
            _ => Some(Value::Unknown(self.unknown_value())),
        }
    }

    fn add_route_table(&mut self, network: &mut Network) {
        if !self.choices.one_in(3) {
            return;
        }
        let mut table = RouteTable::new(resource("routeTables", "routes"));
        let destination = RouteDestination::Prefix(self.prefix());
        let next_hop =
            self.choices.one_of(NextHop::VirtualAppliance, &[NextHop::Internet, NextHop::None]);
        table.routes.push(Route::new("route", destination, next_hop));
        let subnets = network.virtual_networks.iter_mut().flat_map(|one| one.subnets.iter_mut());
        for subnet in subnets.take(1) {
            subnet.route_table = Some(table.id.clone().into());
        }
        network.route_tables.push(table);
    }

    /// Peers the first network with some of the others, from both sides or from one.
    fn add_peerings(&mut self, network: &mut Network) {
        let Some((first, others)) = network.virtual_networks.split_first_mut() else { return };
        let mut spaces = first.address_space.clone();
        for (number, other) in others.iter_mut().enumerate() {
            // Azure refuses peers whose spaces overlap.
            if other.address_space.iter().any(|space| spaces.contains(space)) {
                continue;
            }
            let state = self.choices.one_of(
                PeeringState::Connected,
                &[PeeringState::Disconnected, PeeringState::Initiated, PeeringState::Connected],
            );
            if self.choices.one_in(3) {
                continue;
            }
            spaces.extend(&other.address_space);
            let mut there = Peering::new(format!("there-{number}"), Some(other.id.clone().into()));
            there.state = state.clone();
            there.remote_address_space.clone_from(&other.address_space);
            there.allow_virtual_network_access = (!self.choices.one_in(4)).into();
            if self.choices.one_in(4) {
                there.complete = false.into();
                there.remote_subnets.extend(other.subnets.first().map(|one| one.name().to_owned()));
                there.local_subnets.push("subnet-0".to_owned());
            }
            first.peerings.push(there);
            let mut back = Peering::new("back", Some(first.id.clone().into()));
            back.state = state;
            back.remote_address_space.clone_from(&first.address_space);
            if !self.choices.one_in(4) {
                other.peerings.push(back);
            }
        }
    }

    /// A machine with one interface, which has one or two addresses.
    fn add_machine(&mut self, number: usize, network: &mut Network) {
        let interface_id = resource("networkInterfaces", &format!("nic-{number}"));
        let mut machine = VirtualMachine::new(resource("virtualMachines", &format!("vm-{number}")));
        machine.network_interfaces.push(interface_id.clone().into());
        let mut interface = NetworkInterface::new(interface_id);
        interface.virtual_machine = Some(machine.id.clone().into());
        interface.security_group = self.group_link(network);
        for index in 0..self.choices.between(1, 2) {
            let configuration = self.configuration(number, index, network);
            interface.ip_configurations.push(configuration);
        }
        if self.choices.one_in(4) {
            let address = Ipv4Addr::new(203, 0, 113, u8::try_from(number).unwrap_or(0));
            let id = resource("publicIPAddresses", &format!("ip-{number}"));
            for configuration in interface.ip_configurations.iter_mut().take(1) {
                configuration.public_address = Some(id.clone().into());
            }
            network.public_addresses.push(PublicIpAddress::new(id, Some(address.into())));
        }
        network.network_interfaces.push(interface);
        network.virtual_machines.push(machine);
    }

    fn configuration(&mut self, number: usize, index: usize, network: &Network) -> IpConfiguration {
        let subnets: Vec<&Subnet> = network.subnets().map(|(_, subnet)| subnet).collect();
        let subnet = self.choices.pick(&subnets).copied();
        let first = subnet.and_then(|subnet| subnet.prefixes.first()).map(Prefix::address);
        let offset = number.saturating_mul(2).saturating_add(index).saturating_add(4);
        let address = first.and_then(|first| host(first, offset));
        let link = subnet.map(|subnet| subnet.id.clone().into());
        let name = format!("ipconfig{index}");
        let mut configuration = IpConfiguration::new(name, address, link);
        configuration.primary = index == 0;
        for _ in 0..self.choices.below(3) {
            let asg = Self::asg(self.choices.below(3));
            if !configuration.application_security_groups.contains(&asg.clone().into()) {
                configuration.application_security_groups.push(asg.into());
            }
        }
        configuration
    }

    fn add_private_endpoint(&mut self, network: &mut Network) {
        if !self.choices.one_in(4) {
            return;
        }
        let subnet = network.subnets().next().map(|(_, subnet)| subnet);
        let first = subnet.and_then(|subnet| subnet.prefixes.first()).map(Prefix::address);
        let link = subnet.map(|subnet| subnet.id.clone().into());
        let mut endpoint = PrivateEndpoint::new(resource("privateEndpoints", "endpoint"), link);
        let address = first.and_then(|first| host(first, 40));
        endpoint.addresses.extend(address);
        if self.choices.one_in(2) {
            endpoint.application_security_groups.push(Self::asg(self.choices.below(3)).into());
        }
        if self.choices.one_in(2) {
            let mut interface = NetworkInterface::new(resource("networkInterfaces", "endpoint"));
            let configuration = IpConfiguration::new("one", address, endpoint.subnet.clone());
            interface.ip_configurations.push(configuration);
            interface.private_endpoint = Some(endpoint.id.clone().into());
            endpoint.network_interfaces.push(interface.id.clone().into());
            network.network_interfaces.push(interface);
        }
        network.private_endpoints.push(endpoint);
    }

    fn add_bastion_host(&mut self, network: &mut Network) {
        let subnet = network.subnets().map(|(_, subnet)| subnet).find(|subnet| subnet.is_bastion());
        let Some(subnet) = subnet.map(|subnet| subnet.id.clone()) else { return };
        let sku = self.choices.one_of(BastionSku::Basic, &[BastionSku::Standard]);
        let mut host = BastionHost::new(resource("bastionHosts", "bastion"), sku);
        host.subnet = Some(subnet.into());
        network.bastion_hosts.push(host);
    }

    /// Up to two collections of up to three admin rules, of one manager or of two, on virtual
    /// networks, subnets, and members that nobody knows.
    fn add_admin_rules(&mut self, network: &mut Network) {
        let services = self.choices.one_of("None", &["All", "AllowRulesOnly"]);
        for number in 0..self.choices.below(3) {
            let (manager, scope) = self.network_manager();
            let mut group = NetworkGroup::new(
                manager.child("networkGroups", &format!("group-{number}")),
                self.members(network),
            );
            group.complete = !self.is_unknown(6);
            let id = manager
                .child("securityAdminConfigurations", "configuration")
                .child("ruleCollections", &format!("collection-{number}"));
            let mut collection = AdminRuleCollection::new(id);
            collection.applies_to.push(group.id.clone().into());
            collection.manager_scope = scope.into();
            collection.intent_policy_services.push(services.to_owned().into());
            for _ in 0..self.choices.between(1, 3) {
                let mut rule = self.admin_rule();
                if self.choices.one_in(6) {
                    rule.source = AddressItem::NetworkGroup(group.id.clone()).into();
                }
                if !collection.rules.iter().any(|other| other.name == rule.name) {
                    collection.rules.push(rule);
                }
            }
            network.network_groups.push(group);
            network.admin_rule_collections.push(collection);
        }
    }

    /// The manager of a subscription, or that of a management group above it (S6.14).
    fn network_manager(&mut self) -> (ResourceId, ManagerScope) {
        if self.choices.one_in(4) {
            return (resource("networkManagers", "root"), ManagerScope::ManagementGroup);
        }
        (resource("networkManagers", "manager"), ManagerScope::Subscription)
    }

    /// The first virtual network, or some of them and of their subnets.
    fn members(&mut self, network: &Network) -> Vec<ResourceId> {
        let mut members = Vec::new();
        for (number, one) in network.virtual_networks.iter().enumerate() {
            if number == 0 || self.choices.one_in(2) {
                let subnet = one.subnets.first().filter(|_| self.choices.one_in(3));
                members.push(subnet.map_or(&one.id, |subnet| &subnet.id).clone());
            }
        }
        members
    }
}

/// The block of 64 addresses with this number in an address space.
fn block_of(space: Prefix, number: usize) -> Option<Prefix> {
    host(space.address(), number.saturating_mul(64)).and_then(|first| Prefix::truncated(first, 26))
}

/// The address so many after the first one.
fn host(first: IpAddr, offset: usize) -> Option<IpAddr> {
    match first {
        IpAddr::V4(first) => {
            let address = u32::from(first).checked_add(u32::try_from(offset).ok()?)?;
            Some(Ipv4Addr::from(address).into())
        }
        IpAddr::V6(_) => None,
    }
}
