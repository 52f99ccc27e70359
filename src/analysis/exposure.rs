//! What reaches a network interface.

use super::{Gates, Reason};
use crate::model::{Direction, Endpoint, Flow, ResourceId};
use crate::net::{AddressSet, PortSet, ProtocolSet};
use crate::network::{IpConfiguration, NetworkInterface};
use crate::path::Chain;
use crate::resolve::{Contents, Topology, Unresolved};
use crate::space::{HeaderSpace, LimitExceeded, Limits, Lists, Region};

/// What reaches one IP configuration of a network interface through all its gates.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Exposure {
    /// The interface.
    pub interface: ResourceId,
    /// The name of the IP configuration.
    pub configuration: String,
    /// The addresses of the configuration; `None` when they are not known, and every address is
    /// taken as the destination.
    pub addresses: Option<AddressSet>,
    /// What reaches it however the unknowns turn out.
    pub certain: Vec<Exposed>,
    /// What reaches it besides in some way the unknowns could turn out.
    pub possible: Vec<Exposed>,
    /// What is not known about the gates and the sources.
    pub unresolved: Vec<Unresolved>,
}

/// Flows that reach an interface.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Exposed {
    /// All of them; regions of one exposure are disjoint.
    pub region: Region,
    /// One of them.
    pub witness: Flow,
    /// Why the witness passes.
    pub reason: Reason,
    /// Whether every source that was asked about is in the region.
    pub from_all: bool,
}

/// Exactly which flows from `from` reach the interface, for each of its IP configurations.
///
/// A flow from the interface's own address is left out: it never comes from outside (S3.17).
///
/// # Errors
///
/// When that takes more than the limits allow.
pub fn exposure(
    topology: &Topology,
    interface: &NetworkInterface,
    from: &Endpoint,
    limits: &Limits,
) -> Result<Vec<Exposure>, LimitExceeded> {
    let configurations = interface.ip_configurations.iter();
    configurations
        .map(|configuration| one_exposure(topology, interface, configuration, from, limits))
        .collect()
}

fn one_exposure(
    topology: &Topology,
    interface: &NetworkInterface,
    configuration: &IpConfiguration,
    from: &Endpoint,
    limits: &Limits,
) -> Result<Exposure, LimitExceeded> {
    let chain = Chain::of_interface(topology, interface, configuration, Direction::Inbound);
    let gates = Gates::of_chain(&chain);
    let addresses = configuration
        .private_prefix
        .map(AddressSet::from)
        .or_else(|| configuration.private_address.map(AddressSet::from));
    let sources = match from {
        Endpoint::Any => Contents::known(AddressSet::full()),
        Endpoint::Addresses(addresses) => Contents::known(addresses.clone()),
        Endpoint::Tag(tag) => chain.names().tag_contents(tag),
    };
    let own = addresses.clone().unwrap_or_default();
    let reached = |from: &AddressSet| {
        let region = Region {
            protocols: ProtocolSet::FULL,
            source: from.difference(&own),
            source_ports: PortSet::full(),
            destination: addresses.clone().unwrap_or_else(AddressSet::full),
            destination_ports: PortSet::full(),
        };
        gates.allowed_within(&[region], limits)
    };
    let certain = reached(&sources.known)?.certain;
    let possible = reached(&sources.possible)?.possible.difference(&certain, limits)?;
    let lists = Lists::new(gates.iter());
    let asked = sources.possible.difference(&own);
    let exposed = |flows: HeaderSpace| -> Result<Vec<Exposed>, LimitExceeded> {
        let regions = flows.regions(limits)?.into_iter();
        let exposed = regions.filter_map(|region| {
            let witness = HeaderSpace::of_region(&region).witness()?;
            let reason = gates.reason(&lists, 0, &witness);
            let from_all = (region.destination.ipv4().is_empty()
                || region.source.ipv4().covers(asked.ipv4()))
                && (region.destination.ipv6().is_empty()
                    || region.source.ipv6().covers(asked.ipv6()));
            Some(Exposed { region, witness, reason, from_all })
        });
        Ok(exposed.collect())
    };
    let mut unresolved = sources.unknown;
    for reason in gates.unresolved() {
        if !unresolved.contains(reason) {
            unresolved.push(reason.clone());
        }
    }
    Ok(Exposure {
        interface: interface.id.clone(),
        configuration: configuration.name.clone(),
        certain: exposed(certain)?,
        possible: exposed(possible)?,
        addresses,
        unresolved,
    })
}
