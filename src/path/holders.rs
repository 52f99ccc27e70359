//! Who holds an address.
//!
//! Beside those that hold it for certain there are those that may: resources whose addresses the
//! input does not tell. Where one of them could be the end of a flow, the end is not known.

use std::net::IpAddr;

use super::chain::Chain;
use super::ends::PathError;
use crate::model::{Direction, Flow, ResourceId, ServiceTag, UnknownValue, Value};
use crate::network::{
    IpConfiguration, Link, Network, NetworkInterface, PrivateEndpoint, VirtualNetwork,
};
use crate::resolve::{Topology, Unresolved};

/// A resource that holds an address.
#[derive(Clone)]
pub(super) enum End<'a> {
    Interface(&'a NetworkInterface, &'a IpConfiguration),
    Endpoint(&'a PrivateEndpoint),
    Subnet(&'a VirtualNetwork, &'a ResourceId),
}

/// The holders of an address.
pub(super) struct Holders<'a> {
    address: IpAddr,
    known: Vec<End<'a>>,
    possible: Vec<Possible<'a>>,
    is_public: bool,
}

/// A resource that may hold an address.
struct Possible<'a> {
    reason: Unresolved,
    /// Where it would be; `None` for anywhere.
    virtual_network: Option<&'a VirtualNetwork>,
}

/// In how many places the holders of an address are.
enum Whereabouts {
    /// In one virtual network, or outside of all.
    Certain,
    Several,
    Unknown(Unresolved),
}

impl<'a> End<'a> {
    pub(super) fn id(&self) -> &'a ResourceId {
        match self {
            Self::Interface(interface, _) => &interface.id,
            Self::Endpoint(endpoint) => &endpoint.id,
            Self::Subnet(_, subnet) => subnet,
        }
    }

    pub(super) fn place(&self, topology: &'a Topology) -> Option<&'a VirtualNetwork> {
        let place = match self {
            Self::Subnet(virtual_network, _) => Some(*virtual_network),
            Self::Interface(_, configuration) => network_of(&configuration.subnet, topology),
            Self::Endpoint(endpoint) => network_of(&endpoint.subnet, topology),
        };
        place.filter(|place| !place.id.is_unknown())
    }

    pub(super) fn chain(&self, topology: &Topology, direction: Direction) -> Chain {
        match self {
            Self::Interface(interface, configuration) => {
                Chain::of_interface(topology, interface, configuration, direction)
            }
            Self::Endpoint(endpoint) => Chain::of_private_endpoint(topology, endpoint, direction),
            Self::Subnet(_, subnet) => Chain::of_known_subnet(topology, subnet, direction),
        }
    }

    /// What is not known where nobody knows its place.
    fn unplaced(&self) -> Unresolved {
        let subnet = match self {
            Self::Subnet(_, subnet) => return Unresolved::Subnet((*subnet).clone()),
            Self::Interface(_, configuration) => &configuration.subnet,
            Self::Endpoint(endpoint) => &endpoint.subnet,
        };
        match subnet {
            Some(Value::Known(id)) => Unresolved::Subnet(id.clone()),
            Some(Value::Unknown(text)) => Unresolved::Value(text.clone()),
            None => {
                let text = UnknownValue::new(format!("subnet of {}", self.id().name()));
                Unresolved::Value(text)
            }
        }
    }

    /// Whether no other resource of its virtual network can hold the address too.
    fn is_exclusive(&self) -> bool {
        !matches!(self, Self::Subnet(..))
    }
}

fn are_same(one: Option<&VirtualNetwork>, other: Option<&VirtualNetwork>) -> bool {
    one.zip(other).is_some_and(|(one, other)| one.id == other.id)
}

fn network_of<'a>(subnet: &Option<Link>, topology: &'a Topology) -> Option<&'a VirtualNetwork> {
    topology.virtual_network(&subnet.as_ref()?.known()?.parent()?)
}

impl<'a> Holders<'a> {
    /// Those of an address, or the interface that the caller names.
    pub(super) fn of(
        topology: &'a Topology,
        named: Option<&'a NetworkInterface>,
        address: IpAddr,
    ) -> Result<Self, PathError> {
        let mut holders =
            Self { address, known: Vec::new(), possible: Vec::new(), is_public: false };
        if let Some(interface) = named {
            let mut configurations = interface.ip_configurations.iter();
            let configuration = configurations.find(|one| {
                one.private_address == Some(address)
                    || one.private_prefix.is_some_and(|block| block.contains(address))
            });
            let not_held = || PathError::NotHeld { interface: interface.id.clone(), address };
            holders.known.push(End::Interface(interface, configuration.ok_or_else(not_held)?));
            return Ok(holders);
        }
        holders.known = known(topology, address);
        let inside = topology.network().subnets();
        let inside = inside.filter(|(_, one)| one.prefixes.iter().any(|p| p.contains(address)));
        // A subnet stands for a holder that is not known.
        let is_held = |place| holders.known.iter().any(|end| are_same(end.place(topology), place));
        let subnets: Vec<End<'_>> = inside
            .filter(|(place, _)| !is_held(Some(place)))
            .map(|(place, subnet)| End::Subnet(place, &subnet.id))
            .collect();
        holders.known.extend(subnets);
        // Blocks of subnets do not overlap, and an address has one holder in a virtual network.
        let has = |place: Option<&VirtualNetwork>, accepts: fn(&End<'_>) -> bool| {
            let mut known = holders.known.iter().filter(|end| accepts(end));
            known.any(|end| are_same(end.place(topology), place))
        };
        let mut possible = possible(topology, address);
        possible.retain(|one| !has(one.virtual_network, |end| end.is_exclusive()));
        let mut subnets = possible_subnets(topology, address);
        subnets.retain(|one| !has(one.virtual_network, |_| true));
        possible.append(&mut subnets);
        holders.possible = possible;
        Ok(holders)
    }

    /// These as sources and others as destinations, each where the other end tells it.
    pub(super) fn with(mut self, destinations: Self, topology: &'a Topology) -> (Self, Self) {
        let mut destinations = destinations.or_behind_public(topology);
        if let Some(place) = self.place(topology) {
            destinations.near(place, topology);
        } else if let Some(place) = destinations.place(topology) {
            self.near(place, topology);
        }
        let others = [destinations.whereabouts(topology), self.whereabouts(topology)];
        let [of_destination, of_source] = others;
        (self.without_subnets(of_destination), destinations.without_subnets(of_source))
    }

    /// Where somebody certainly holds the address, the subnets of other virtual networks are not
    /// meant, unless the other end may be near one.
    fn without_subnets(mut self, of_other_end: Whereabouts) -> Self {
        let holders: Vec<End<'a>> =
            self.known.iter().filter(|end| end.is_exclusive()).cloned().collect();
        if holders.is_empty() || holders.len() == self.known.len() {
            return self;
        }
        match of_other_end {
            Whereabouts::Certain => {}
            Whereabouts::Several => return self,
            Whereabouts::Unknown(reason) => {
                self.possible.push(Possible { reason, virtual_network: None });
            }
        }
        self.known = holders;
        self
    }

    /// The interfaces behind a public address, where nobody holds it as a private one.
    fn or_behind_public(mut self, topology: &'a Topology) -> Self {
        if !self.known.is_empty() {
            return self;
        }
        let internet = topology.service_tags().addresses(&ServiceTag::internet());
        if !internet.is_some_and(|internet| internet.contains(self.address)) {
            return self;
        }
        let network = topology.network();
        let mut possible: Vec<Possible<'_>> = texts(&network.unlisted.public_addresses).collect();
        let configurations = network.network_interfaces.iter().flat_map(|interface| {
            interface.ip_configurations.iter().map(move |one| (interface, one))
        });
        for (interface, configuration) in configurations {
            match public_address(network, interface, configuration) {
                Some(Ok(address)) if address == self.address => {
                    self.known.push(End::Interface(interface, configuration));
                }
                Some(Err(reason)) => possible.push(Possible { reason, virtual_network: None }),
                Some(Ok(_)) | None => {}
            }
        }
        self.is_public = !self.known.is_empty();
        if !self.is_public {
            self.possible.extend(possible);
        }
        self
    }

    /// Whether the address is the public one of the holders.
    pub(super) fn is_public(&self) -> bool {
        self.is_public
    }

    /// Whether nobody holds the address, or may.
    fn is_empty(&self) -> bool {
        self.known.is_empty() && self.possible.is_empty()
    }

    /// The virtual network in which all are that hold the address or may. There is none where
    /// perhaps nobody holds it.
    fn place(&self, topology: &'a Topology) -> Option<&'a VirtualNetwork> {
        let first = self.known.first()?.place(topology)?;
        let known = self.known.iter().map(|end| end.place(topology));
        let mut places = known.chain(self.possible.iter().map(|one| one.virtual_network));
        places.all(|other| are_same(Some(first), other)).then_some(first)
    }

    fn whereabouts(&self, topology: &'a Topology) -> Whereabouts {
        if self.is_empty() || self.place(topology).is_some() {
            return Whereabouts::Certain;
        }
        let possible = self.possible.first().map(|one| one.reason.clone());
        let doubt = possible.or_else(|| self.unplaced(topology));
        doubt.map_or(Whereabouts::Several, Whereabouts::Unknown)
    }

    fn unplaced(&self, topology: &'a Topology) -> Option<Unresolved> {
        let unplaced = self.known.iter().find(|end| end.place(topology).is_none());
        unplaced.map(End::unplaced)
    }

    /// The one that is meant; `None` where nobody holds the address.
    pub(super) fn only(
        &self,
        other: &Self,
    ) -> Result<Option<Result<End<'a>, Unresolved>>, PathError> {
        let doubt = self.possible.first().map(|one| one.reason.clone());
        match (self.known.as_slice(), doubt) {
            ([], None) => Ok(None),
            ([only], None) => Ok(Some(Ok(only.clone()))),
            // Addresses are unique in a virtual network: whoever else holds it is elsewhere, and
            // from outside nobody else can be meant without being named.
            ([only], Some(_)) if only.is_exclusive() && other.is_empty() => {
                Ok(Some(Ok(only.clone())))
            }
            ([] | [_], Some(reason)) => Ok(Some(Err(reason))),
            (several, _) => {
                let holders = several.iter().map(|end| end.id().clone()).collect();
                Err(PathError::Ambiguous { address: self.address, holders })
            }
        }
    }

    /// Where the place of one end is certain, the other is looked for near it: in the same virtual
    /// network, else in those it is peered with. Addresses are unique there, if not over all
    /// networks, so that nobody else can be meant.
    fn near(&mut self, here: &'a VirtualNetwork, topology: &'a Topology) {
        let within = |accepts: &dyn Fn(&VirtualNetwork) -> bool| -> Vec<End<'a>> {
            let is_near = |end: &&End<'a>| end.place(topology).is_some_and(accepts);
            self.known.iter().filter(is_near).cloned().collect()
        };
        let is_joined = |there: &VirtualNetwork| topology.are_joined(here, there);
        let same = within(&|there| there.id == here.id);
        let joined = within(&|there| is_joined(there) == Some(true));
        let unjoined = within(&|there| is_joined(there).is_none());
        let unjoined = unjoined.first().map(|_| Unresolved::Peering(here.id.clone()));
        let doubt = match same.as_slice() {
            [first, ..] if first.is_exclusive() => None,
            [_, ..] => self.unplaced(topology),
            // One that nobody knows where it is may be nearer than one that is joined.
            [] => self.unplaced(topology).or(unjoined),
        };
        let near = if same.is_empty() { joined } else { same };
        if let Some(reason) = doubt.filter(|_| self.known.len() > 1) {
            self.possible.push(Possible { reason, virtual_network: None });
        } else if let [first, ..] = near.as_slice() {
            let place = first.place(topology);
            let is_exclusive = first.is_exclusive();
            self.possible.retain(|one| {
                !is_exclusive
                    && (one.virtual_network.is_none() || are_same(one.virtual_network, place))
            });
            self.known = near;
        }
    }
}

/// The private endpoints and interfaces that hold an address.
fn known(topology: &Topology, address: IpAddr) -> Vec<End<'_>> {
    let endpoints = topology.network().private_endpoints.iter();
    let mut ends: Vec<End<'_>> = endpoints
        .filter(|endpoint| endpoint.addresses.contains(&address))
        .map(End::Endpoint)
        .collect();
    for (interface, configuration) in topology.holders_of(address) {
        let is_known = |end: &End<'_>| match end {
            End::Interface(known, _) => known.id == interface.id,
            End::Endpoint(endpoint) => {
                endpoint.network_interfaces.iter().any(|link| link.known() == Some(&interface.id))
            }
            End::Subnet(..) => false,
        };
        if !ends.iter().any(is_known) {
            ends.push(End::Interface(interface, configuration));
        }
    }
    ends
}

/// Interfaces and private endpoints that may hold an address, because theirs is not known.
fn possible(topology: &Topology, address: IpAddr) -> Vec<Possible<'_>> {
    let network = topology.network();
    let mut possible: Vec<Possible<'_>> = texts(&network.unlisted.interfaces).collect();
    let mut add = |subnet: &Option<Link>, reason: Unresolved| {
        if may_be_in(subnet, address, topology) {
            let virtual_network = network_of(subnet, topology);
            possible.push(Possible { reason, virtual_network });
        }
    };
    for interface in &network.network_interfaces {
        let reason = || Unresolved::InterfaceAddress(interface.id.clone());
        for configuration in &interface.ip_configurations {
            if configuration.private_address.is_none() && configuration.private_prefix.is_none() {
                add(&configuration.subnet, reason());
            }
        }
        for text in &interface.unknown_ip_configurations {
            add(&None, Unresolved::Value(text.clone()));
        }
    }
    for endpoint in &network.private_endpoints {
        let is_told = !endpoint.addresses.is_empty() || !endpoint.network_interfaces.is_empty();
        if !is_told || !endpoint.unknown_addresses.is_empty() {
            add(&endpoint.subnet, Unresolved::InterfaceAddress(endpoint.id.clone()));
        }
    }
    possible
}

/// Subnets that may hold an address that no known one does.
fn possible_subnets(topology: &Topology, address: IpAddr) -> Vec<Possible<'_>> {
    let network = topology.network();
    let mut possible: Vec<Possible<'_>> = texts(&network.unlisted.virtual_networks).collect();
    for virtual_network in &network.virtual_networks {
        let holds = virtual_network.address_space.iter().any(|one| one.contains(address));
        let may_hold = holds
            || !virtual_network.unknown_address_space.is_empty()
            || virtual_network.address_space.is_empty();
        let subnets = virtual_network.subnets.iter();
        let mut unread = virtual_network
            .unknown_subnets
            .iter()
            .chain(subnets.flat_map(|subnet| &subnet.unknown_prefixes));
        if let Some(text) = unread.next().filter(|_| may_hold) {
            let reason = Unresolved::Value(text.clone());
            let virtual_network = Some(virtual_network).filter(|place| !place.id.is_unknown());
            possible.push(Possible { reason, virtual_network });
        }
    }
    possible
}

fn texts(texts: &[UnknownValue]) -> impl Iterator<Item = Possible<'_>> {
    let reasons = texts.iter().cloned().map(Unresolved::Value);
    reasons.map(|reason| Possible { reason, virtual_network: None })
}

/// Whether an address can be one of the subnet that a link leads to.
fn may_be_in(subnet: &Option<Link>, address: IpAddr, topology: &Topology) -> bool {
    let facts = subnet.as_ref().and_then(Link::known).and_then(|id| topology.subnet(id));
    facts.is_none_or(|(_, subnet)| {
        !subnet.unknown_prefixes.is_empty()
            || subnet.prefixes.is_empty()
            || subnet.prefixes.iter().any(|prefix| prefix.contains(address))
    })
}

/// The public address in front of a configuration, or why it is not known; `None` where there is
/// none.
fn public_address(
    network: &Network,
    interface: &NetworkInterface,
    configuration: &IpConfiguration,
) -> Option<Result<IpAddr, Unresolved>> {
    let unknown = || Unresolved::PublicAddress(interface.id.clone());
    let id = match configuration.public_address.as_ref()? {
        Value::Unknown(text) => return Some(Err(Unresolved::Value(text.clone()))),
        Value::Known(id) => id,
    };
    let resource = network.public_addresses.iter().find(|resource| resource.id == *id);
    Some(resource.and_then(|resource| resource.address).ok_or_else(unknown))
}

/// The flow as the gates behind a public address see it: the destination is the private address
/// (S3.18), and a source of this network has its public one (S3.21).
pub(super) fn translated(
    topology: &Topology,
    flow: &Flow,
    source: Option<&End<'_>>,
    destination: &End<'_>,
) -> Result<Flow, Unresolved> {
    let End::Interface(interface, configuration) = destination else { return Ok(*flow) };
    let unknown = || Unresolved::InterfaceAddress(interface.id.clone());
    let to = configuration.private_address.ok_or_else(unknown)?;
    let seen_with = |end: &End<'_>| match end {
        End::Interface(interface, configuration) => {
            public_address(topology.network(), interface, configuration)?.ok()
        }
        End::Endpoint(_) | End::Subnet(..) => None,
    };
    let from = match source {
        None => flow.source(),
        Some(end) => seen_with(end).ok_or_else(|| Unresolved::PublicAddress(end.id().clone()))?,
    };
    flow.between(from, to).map_err(|_| unknown())
}
