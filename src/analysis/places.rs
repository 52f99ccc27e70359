//! Where traffic of a network begins and ends.

use std::net::IpAddr;

use crate::model::{Direction, ResourceId, Value};
use crate::net::AddressSet;
use crate::network::{IpConfiguration, NetworkInterface, PrivateEndpoint};
use crate::path::Chain;
use crate::resolve::Topology;

/// An end of flows with the addresses by which [`Topology::path`] finds it.
pub(super) struct Place<'a> {
    pub(super) addresses: AddressSet,
    end: End<'a>,
}

enum End<'a> {
    Interface(&'a NetworkInterface, &'a IpConfiguration),
    Endpoint(&'a PrivateEndpoint),
    Subnet(&'a ResourceId),
}

impl Place<'_> {
    pub(super) fn id(&self) -> &ResourceId {
        match self.end {
            End::Interface(interface, _) => &interface.id,
            End::Endpoint(endpoint) => &endpoint.id,
            End::Subnet(subnet) => subnet,
        }
    }

    /// Its gates; `None` for a subnet that the network does not hold.
    pub(super) fn chain(&self, topology: &Topology, direction: Direction) -> Option<Chain> {
        match self.end {
            End::Interface(interface, configuration) => {
                Some(Chain::of_interface(topology, interface, configuration, direction))
            }
            End::Endpoint(endpoint) => {
                Some(Chain::of_private_endpoint(topology, endpoint, direction))
            }
            End::Subnet(subnet) => Chain::of_subnet(topology, subnet, direction),
        }
    }

    /// The address by which it is known outside, if the input tells.
    pub(super) fn public_address(&self, topology: &Topology) -> Option<IpAddr> {
        let End::Interface(_, configuration) = self.end else { return None };
        let id = configuration.public_address.as_ref()?.known()?;
        topology.network().public_addresses.iter().find(|one| one.id == *id)?.address
    }
}

/// Every place of a network: network interfaces, private endpoints, and what else may live in
/// each subnet. Places share addresses where virtual networks overlap.
pub(super) fn places(topology: &Topology) -> Vec<Place<'_>> {
    let network = topology.network();
    let mut places: Vec<Place<'_>> = Vec::new();
    for endpoint in &network.private_endpoints {
        let addresses = endpoint.addresses.iter().copied().map(AddressSet::from).collect();
        places.push(Place { addresses, end: End::Endpoint(endpoint) });
    }
    for interface in &network.network_interfaces {
        let endpoints = network.private_endpoints.iter().filter(|endpoint| {
            endpoint.network_interfaces.iter().any(|link| link.known() == Some(&interface.id))
        });
        let mut taken: AddressSet =
            endpoints.flat_map(|one| &one.addresses).copied().map(AddressSet::from).collect();
        for configuration in &interface.ip_configurations {
            let addresses = own_addresses(configuration).difference(&taken);
            taken = taken.union(&addresses);
            places.push(Place { addresses, end: End::Interface(interface, configuration) });
        }
    }
    let held: AddressSet = places.iter().map(|place| place.addresses.clone()).collect();
    for (_, subnet) in network.subnets() {
        let all: AddressSet = subnet.prefixes.iter().copied().map(AddressSet::from).collect();
        places.push(Place { addresses: all.difference(&held), end: End::Subnet(&subnet.id) });
    }
    places.retain(|place| !place.addresses.is_empty());
    places
}

/// The private addresses of a configuration; nothing where they are not known.
pub(super) fn own_addresses(configuration: &IpConfiguration) -> AddressSet {
    let address = configuration.private_address.map(AddressSet::from);
    let block = configuration.private_prefix.map(AddressSet::from);
    address.into_iter().chain(block).collect()
}

/// A public address of the network and the private one behind it.
pub(super) struct Translation<'a> {
    pub(super) public: IpAddr,
    /// The address that the gates see; `None` when it is not known (S3.18).
    pub(super) private: Option<IpAddr>,
    pub(super) interface: &'a NetworkInterface,
    configuration: &'a IpConfiguration,
}

impl Translation<'_> {
    pub(super) fn chain(&self, topology: &Topology) -> Chain {
        Chain::of_interface(topology, self.interface, self.configuration, Direction::Inbound)
    }
}

/// The public addresses behind which an interface of the network stands, unless they are private
/// addresses of the network too.
pub(super) fn translations<'a>(
    topology: &'a Topology,
    inside: &AddressSet,
) -> Vec<Translation<'a>> {
    let network = topology.network();
    let mut found = Vec::new();
    for interface in &network.network_interfaces {
        for configuration in &interface.ip_configurations {
            let Some(id) = configuration.public_address.as_ref().and_then(Value::known) else {
                continue;
            };
            let resources = network.public_addresses.iter().filter(|one| one.id == *id);
            for public in resources.filter_map(|one| one.address) {
                if !inside.contains(public) {
                    let private = configuration.private_address;
                    found.push(Translation { public, private, interface, configuration });
                }
            }
        }
    }
    found
}
