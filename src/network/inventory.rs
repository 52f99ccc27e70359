//! Everything that was read, in one place.

use std::net::IpAddr;

use crate::model::{AdminRuleCollection, ResourceId, SecurityGroup, UnknownValue};
use crate::net::Prefix;

use super::{
    ApplicationSecurityGroup, BastionHost, IpConfiguration, Link, NetworkInterface,
    PrivateEndpoint, PublicIpAddress, RouteTable, Subnet, VirtualMachine, VirtualNetwork,
};

/// The resources of an export, each kind in the order read. Links between them are ids, which
/// may name resources that the export does not hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Network {
    /// What may exist beside all that is here.
    pub unlisted: Unlisted,
    /// Resources of which the inputs hold copies that contradict each other: the first one read is
    /// here.
    pub contradicted: Vec<ResourceId>,
    /// Virtual networks with their subnets.
    pub virtual_networks: Vec<VirtualNetwork>,
    /// Network security groups.
    pub security_groups: Vec<SecurityGroup>,
    /// Network interfaces.
    pub network_interfaces: Vec<NetworkInterface>,
    /// Virtual machines.
    pub virtual_machines: Vec<VirtualMachine>,
    /// Application security groups.
    pub application_security_groups: Vec<ApplicationSecurityGroup>,
    /// Route tables.
    pub route_tables: Vec<RouteTable>,
    /// Public IP addresses.
    pub public_addresses: Vec<PublicIpAddress>,
    /// Private endpoints.
    pub private_endpoints: Vec<PrivateEndpoint>,
    /// Azure Bastion hosts.
    pub bastion_hosts: Vec<BastionHost>,
    /// Rule collections of Azure Virtual Network Manager.
    pub admin_rule_collections: Vec<AdminRuleCollection>,
    /// Network groups of Azure Virtual Network Manager.
    pub network_groups: Vec<NetworkGroup>,
    /// Prefixes the caller adds to every `VirtualNetwork` tag, such as those of connected groups
    /// (S4.7).
    pub extra_virtual_network_prefixes: Vec<Prefix>,
}

/// What may exist beside the resources of a network although nothing in it names them, because a
/// list was cut or stands in the input as an expression. Each text says what stands in its place.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Unlisted {
    /// Network interfaces and private endpoints: they hold addresses, and are members of
    /// application security groups (S1.48).
    pub interfaces: Vec<UnknownValue>,
    /// Virtual networks with their subnets.
    pub virtual_networks: Vec<UnknownValue>,
    /// Public addresses.
    pub public_addresses: Vec<UnknownValue>,
    /// Security admin rules, which may apply anywhere (S6.1).
    pub admin_rules: Vec<UnknownValue>,
}

/// A network group of Azure Virtual Network Manager (S6.1).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct NetworkGroup {
    /// Its id; the last segment is its name.
    pub id: ResourceId,
    /// The virtual networks and subnets that are static members.
    pub members: Vec<ResourceId>,
    /// Whether `members` is everything; a group filled by policy is not complete unless the
    /// caller lists its members.
    pub complete: bool,
}

impl NetworkGroup {
    /// A group with these members and no others.
    pub fn new(id: ResourceId, members: Vec<ResourceId>) -> Self {
        Self { id, members, complete: true }
    }
}

impl Network {
    /// The security group with this id.
    pub fn security_group(&self, id: &ResourceId) -> Option<&SecurityGroup> {
        self.security_groups.iter().find(|group| group.id == *id)
    }

    /// The security group with this name or id, in any case; the first where names repeat.
    pub fn group(&self, name: &str) -> Option<&SecurityGroup> {
        self.security_groups.iter().find(|group| is_called(&group.id, name))
    }

    /// The virtual network with this id.
    pub fn virtual_network(&self, id: &ResourceId) -> Option<&VirtualNetwork> {
        self.virtual_networks.iter().find(|network| network.id == *id)
    }

    /// The subnet with this id, and its virtual network.
    pub fn subnet(&self, id: &ResourceId) -> Option<(&VirtualNetwork, &Subnet)> {
        self.subnets().find(|(_, subnet)| subnet.id == *id)
    }

    /// Every subnet with its virtual network.
    pub fn subnets(&self) -> impl Iterator<Item = (&VirtualNetwork, &Subnet)> {
        self.virtual_networks
            .iter()
            .flat_map(|network| network.subnets.iter().map(move |subnet| (network, subnet)))
    }

    /// The network interface with this id.
    pub fn network_interface(&self, id: &ResourceId) -> Option<&NetworkInterface> {
        self.network_interfaces.iter().find(|interface| interface.id == *id)
    }

    /// The network interface with this name or id, in any case; the first where names repeat.
    pub fn interface_called(&self, name: &str) -> Option<&NetworkInterface> {
        self.network_interfaces.iter().find(|interface| is_called(&interface.id, name))
    }

    /// The virtual machine with this name or id, in any case; the first where names repeat.
    pub fn machine(&self, name: &str) -> Option<&VirtualMachine> {
        self.virtual_machines.iter().find(|machine| is_called(&machine.id, name))
    }

    /// The network interfaces of a machine: those it names, then those that name it.
    pub fn interfaces_of<'a>(
        &'a self,
        machine: &'a VirtualMachine,
    ) -> impl Iterator<Item = &'a NetworkInterface> {
        let named = machine
            .network_interfaces
            .iter()
            .filter_map(Link::known)
            .filter_map(|id| self.network_interface(id));
        let naming = self.network_interfaces.iter().filter(|interface| {
            let is_owner =
                interface.virtual_machine.as_ref().and_then(Link::known) == Some(&machine.id);
            is_owner
                && !machine
                    .network_interfaces
                    .iter()
                    .any(|link| link.known() == Some(&interface.id))
        });
        named.chain(naming)
    }

    /// The interfaces and IP configurations that hold this private address: several where
    /// virtual networks overlap.
    pub fn holders_of(
        &self,
        address: IpAddr,
    ) -> impl Iterator<Item = (&NetworkInterface, &IpConfiguration)> {
        self.network_interfaces.iter().flat_map(move |interface| {
            interface
                .ip_configurations
                .iter()
                .filter(move |configuration| {
                    configuration.private_address == Some(address)
                        || configuration.private_prefix.is_some_and(|block| block.contains(address))
                })
                .map(move |configuration| (interface, configuration))
        })
    }

    /// The route table with this id.
    pub fn route_table(&self, id: &ResourceId) -> Option<&RouteTable> {
        self.route_tables.iter().find(|table| table.id == *id)
    }

    /// The network group with this id.
    pub fn network_group(&self, id: &ResourceId) -> Option<&NetworkGroup> {
        self.network_groups.iter().find(|group| group.id == *id)
    }

    /// The Bastion host with this name or id, in any case; the first where names repeat.
    pub fn bastion_host(&self, name: &str) -> Option<&BastionHost> {
        self.bastion_hosts.iter().find(|host| is_called(&host.id, name))
    }
}

fn is_called(id: &ResourceId, name: &str) -> bool {
    id.name().eq_ignore_ascii_case(name) || *id == ResourceId::new(name)
}
