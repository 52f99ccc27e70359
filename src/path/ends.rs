//! Both ends of a flow.

use std::fmt;
use std::net::IpAddr;

use super::chain::Chain;
use super::gate::GateKind;
use super::trace::ChainTrace;
use crate::eval::Verdict;
use crate::model::{Direction, Flow, ResourceId, SecurityGroup, Value};
use crate::net::Protocol;
use crate::network::{IpConfiguration, Network, NetworkInterface, PrivateEndpoint, VirtualNetwork};
use crate::resolve::{ServiceTags, Topology, Unresolved};

/// The way of a flow through the gates at both its ends.
///
/// Inside Azure a flow must pass the outbound gates at its source and the inbound gates at its
/// destination (S3.15). An end that is no resource of the input has no gates here.
#[derive(Clone, Debug)]
pub struct Path {
    flow: Flow,
    source: Option<Passage>,
    destination: Option<Passage>,
    other_causes: Vec<String>,
}

/// The gates of one end and the flow as they see it.
#[derive(Clone, Debug)]
struct Passage {
    chain: Chain,
    seen: Result<Flow, Unresolved>,
}

/// The answer for both ends of a flow.
///
/// Displayed as the verdict, then one gate to a line, then what it takes for granted.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct PathVerdict {
    /// The flow.
    pub flow: Flow,
    /// The outbound gates at the source; `None` when it is no resource of the input.
    pub source: Option<ChainTrace>,
    /// The inbound gates at the destination; `None` when it is no resource of the input.
    pub destination: Option<ChainTrace>,
    /// The answer: both ends must allow (S3.15).
    pub verdict: Verdict,
    /// What the answer takes for granted, one sentence each.
    pub assumptions: Vec<String>,
    /// What can stop the flow although no rule does, one sentence each: a matter of routing or
    /// of the subscription, not of rules.
    pub other_causes: Vec<String>,
}

/// The ends of a flow cannot be told.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// Several resources hold the address, because virtual networks overlap.
    #[error("address {address} is held by {}: name the one that is meant", list(holders))]
    Ambiguous {
        /// The address.
        address: IpAddr,
        /// The network interfaces, private endpoints or subnets that hold it.
        holders: Vec<ResourceId>,
    },
    /// Neither address belongs to the input.
    #[error("neither {source_address} nor {destination} is an address of this network")]
    NeitherEnd {
        /// The source.
        source_address: IpAddr,
        /// The destination.
        destination: IpAddr,
    },
    /// The interface that was named does not hold the address.
    #[error("network interface `{interface}` does not hold address {address}")]
    NotHeld {
        /// The interface.
        interface: ResourceId,
        /// The address.
        address: IpAddr,
    },
}

fn list(ids: &[ResourceId]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| format!("`{id}`")).collect();
    ids.join(" and ")
}

impl Network {
    /// The way of a flow through this network, with the built-in service tags alone. For more
    /// than one question, or with a catalogue, bind the names once with [`Network::bind`] and
    /// ask the [`Topology`].
    ///
    /// # Errors
    ///
    /// When an end cannot be told; see [`PathError`].
    pub fn path(&self, flow: &Flow) -> Result<Path, PathError> {
        self.clone().bind(ServiceTags::built_in()).path(flow)
    }
}

impl Topology {
    /// The way of a flow, its ends found by their addresses: a network interface or private
    /// endpoint that holds the address, else the subnet it lies in. A public address of the
    /// input as destination stands for the interface behind it (S3.18, S3.21).
    ///
    /// # Errors
    ///
    /// When several resources hold an address and none of them is next to the other end, or
    /// neither address belongs to the input.
    pub fn path(&self, flow: &Flow) -> Result<Path, PathError> {
        self.path_between(None, None, flow)
    }

    /// The way of a flow between network interfaces that the caller names: one or both, where
    /// the addresses alone do not tell.
    ///
    /// # Errors
    ///
    /// As [`Topology::path`], and when a named interface does not hold its address.
    pub fn path_between(
        &self,
        source: Option<&NetworkInterface>,
        destination: Option<&NetworkInterface>,
        flow: &Flow,
    ) -> Result<Path, PathError> {
        let finder = Finder { topology: self };
        let sources = finder.candidates(source, flow.source())?;
        let mut destinations = finder.candidates(destination, flow.destination())?;
        let translated = destinations.is_empty();
        if translated {
            destinations = finder.behind_public_address(flow.destination());
        }
        let (sources, destinations) = finder.nearest(sources, destinations);
        let source = only(flow.source(), sources)?;
        let destination = only(flow.destination(), destinations)?;
        if source.is_none() && destination.is_none() {
            let (source_address, destination) = (flow.source(), flow.destination());
            return Err(PathError::NeitherEnd { source_address, destination });
        }
        let seen = match &destination {
            Some(end) if translated => finder.translated(flow, source.as_ref(), end),
            _ => Ok(*flow),
        };
        let other_causes = finder.other_causes(flow, source.as_ref(), destination.as_ref());
        Ok(Path {
            flow: *flow,
            source: source.map(|end| Passage {
                chain: end.chain(self, Direction::Outbound),
                seen: Ok(*flow),
            }),
            destination: destination
                .map(|end| Passage { chain: end.chain(self, Direction::Inbound), seen }),
            other_causes,
        })
    }
}

/// What a change of this group's rules does to connections that were allowed before: they go on
/// (S3.26), unless the group's `flushConnection` has them evaluated again (S3.27).
pub fn existing_flows_survive(group: &SecurityGroup) -> bool {
    !group.flush_connection
}

impl Path {
    /// The flow.
    pub fn flow(&self) -> &Flow {
        &self.flow
    }

    /// The outbound gates at the source; `None` when it is no resource of the input.
    pub fn source(&self) -> Option<&Chain> {
        self.source.as_ref().map(|end| &end.chain)
    }

    /// The inbound gates at the destination; `None` when it is no resource of the input.
    pub fn destination(&self) -> Option<&Chain> {
        self.destination.as_ref().map(|end| &end.chain)
    }

    /// The answer, with every gate at both ends and every reason.
    pub fn evaluate(&self) -> PathVerdict {
        let source = self.source.as_ref().map(Passage::trace);
        let destination = self.destination.as_ref().map(Passage::trace);
        let ends = [&source, &destination];
        let verdict = both(ends.into_iter().flatten().map(ChainTrace::verdict));
        let mut assumptions: Vec<String> = Vec::new();
        for assumption in ends.into_iter().flatten().flat_map(ChainTrace::assumptions) {
            if !assumptions.contains(assumption) {
                assumptions.push(assumption.clone());
            }
        }
        let other_causes = self.other_causes.clone();
        PathVerdict { flow: self.flow, source, destination, verdict, assumptions, other_causes }
    }

    /// The answer alone.
    pub fn verdict(&self) -> Verdict {
        both([&self.source, &self.destination].into_iter().flatten().map(Passage::verdict))
    }
}

/// One certain deny decides; else anything not known does.
fn both(ends: impl Iterator<Item = Verdict>) -> Verdict {
    ends.fold(Verdict::Allow, |all, end| match (all, end) {
        (Verdict::Deny, _) | (_, Verdict::Deny) => Verdict::Deny,
        (Verdict::Indeterminate, _) | (_, Verdict::Indeterminate) => Verdict::Indeterminate,
        (Verdict::Allow, Verdict::Allow) => Verdict::Allow,
    })
}

impl Passage {
    fn trace(&self) -> ChainTrace {
        match (&self.seen, &self.chain.end) {
            (Err(reason), Some(end)) if !self.chain.gates().is_empty() => {
                let kind = GateKind::nic(self.chain.direction());
                ChainTrace::unknown(kind, end.clone(), reason.clone())
            }
            (Ok(flow), _) => self.chain.trace(flow),
            (Err(_), _) => ChainTrace::open(),
        }
    }

    fn verdict(&self) -> Verdict {
        match &self.seen {
            Ok(flow) => self.chain.evaluate(flow).verdict(),
            Err(_) if self.chain.gates().is_empty() => Verdict::Allow,
            Err(_) => Verdict::Indeterminate,
        }
    }
}

/// A resource that holds an address.
#[derive(Clone)]
enum End<'a> {
    Interface(&'a NetworkInterface, &'a IpConfiguration),
    Endpoint(&'a PrivateEndpoint),
    Subnet(&'a VirtualNetwork, &'a ResourceId),
}

impl<'a> End<'a> {
    fn id(&self) -> &'a ResourceId {
        match self {
            Self::Interface(interface, _) => &interface.id,
            Self::Endpoint(endpoint) => &endpoint.id,
            Self::Subnet(_, subnet) => subnet,
        }
    }

    fn virtual_network(&self, topology: &'a Topology) -> Option<&'a VirtualNetwork> {
        let link = match self {
            Self::Subnet(virtual_network, _) => return Some(virtual_network),
            Self::Interface(_, configuration) => &configuration.subnet,
            Self::Endpoint(endpoint) => &endpoint.subnet,
        };
        topology.virtual_network(&link.as_ref()?.known()?.parent()?)
    }

    fn chain(&self, topology: &Topology, direction: Direction) -> Chain {
        match self {
            Self::Interface(interface, configuration) => {
                Chain::of_interface(topology, interface, configuration, direction)
            }
            Self::Endpoint(endpoint) => Chain::of_private_endpoint(topology, endpoint, direction),
            Self::Subnet(_, subnet) => Chain::of_known_subnet(topology, subnet, direction),
        }
    }
}

struct Finder<'a> {
    topology: &'a Topology,
}

impl<'a> Finder<'a> {
    fn network(&self) -> &'a Network {
        self.topology.network()
    }

    fn candidates(
        &self,
        named: Option<&'a NetworkInterface>,
        address: IpAddr,
    ) -> Result<Vec<End<'a>>, PathError> {
        if let Some(interface) = named {
            let holds = |one: &&IpConfiguration| {
                one.private_address == Some(address)
                    || one.private_prefix.is_some_and(|block| block.contains(address))
            };
            let configuration = interface.ip_configurations.iter().find(holds);
            return match configuration {
                Some(configuration) => Ok(vec![End::Interface(interface, configuration)]),
                None => Err(PathError::NotHeld { interface: interface.id.clone(), address }),
            };
        }
        let endpoints = self.network().private_endpoints.iter();
        let mut ends: Vec<End<'a>> = endpoints
            .filter(|endpoint| endpoint.addresses.contains(&address))
            .map(End::Endpoint)
            .collect();
        for (interface, configuration) in self.network().holders_of(address) {
            let is_known = |end: &End<'_>| match end {
                End::Interface(known, _) => known.id == interface.id,
                End::Endpoint(endpoint) => endpoint
                    .network_interfaces
                    .iter()
                    .any(|link| link.known() == Some(&interface.id)),
                End::Subnet(..) => false,
            };
            if !ends.iter().any(is_known) {
                ends.push(End::Interface(interface, configuration));
            }
        }
        if ends.is_empty() {
            let subnets = self.network().subnets();
            ends.extend(
                subnets
                    .filter(|(_, subnet)| subnet.prefixes.iter().any(|one| one.contains(address)))
                    .map(|(virtual_network, subnet)| End::Subnet(virtual_network, &subnet.id)),
            );
        }
        Ok(ends)
    }

    /// The interfaces behind a public address.
    fn behind_public_address(&self, address: IpAddr) -> Vec<End<'a>> {
        let resources = self.network().public_addresses.iter();
        let ids: Vec<&ResourceId> = resources
            .filter(|resource| resource.address == Some(address))
            .map(|resource| &resource.id)
            .collect();
        let interfaces = self.network().network_interfaces.iter();
        interfaces
            .flat_map(|interface| {
                interface.ip_configurations.iter().map(move |one| (interface, one))
            })
            .filter(|(_, configuration)| {
                let public = configuration.public_address.as_ref().and_then(Value::known);
                public.is_some_and(|id| ids.contains(&id))
            })
            .map(|(interface, configuration)| End::Interface(interface, configuration))
            .collect()
    }

    /// The flow as the gates behind a public address see it: the destination is the private
    /// address (S3.18), and a source of this network has its public one (S3.21).
    fn translated(
        &self,
        flow: &Flow,
        source: Option<&End<'_>>,
        destination: &End<'_>,
    ) -> Result<Flow, Unresolved> {
        let End::Interface(interface, configuration) = destination else { return Ok(*flow) };
        let unknown = || Unresolved::InterfaceAddress(interface.id.clone());
        let to = configuration.private_address.ok_or_else(unknown)?;
        let from = match source {
            None => flow.source(),
            Some(end) => self
                .public_address(end)
                .ok_or_else(|| Unresolved::PublicAddress(end.id().clone()))?,
        };
        flow.between(from, to).map_err(|_| unknown())
    }

    fn public_address(&self, end: &End<'_>) -> Option<IpAddr> {
        let End::Interface(_, configuration) = end else { return None };
        let id = configuration.public_address.as_ref()?.known()?;
        self.network().public_addresses.iter().find(|resource| resource.id == *id)?.address
    }

    /// Where one end is certain, the other is looked for near it: in the same virtual network,
    /// else in those it is peered with. Addresses are unique there, if not over all networks.
    fn nearest(
        &self,
        sources: Vec<End<'a>>,
        destinations: Vec<End<'a>>,
    ) -> (Vec<End<'a>>, Vec<End<'a>>) {
        match (sources.as_slice(), destinations.as_slice()) {
            ([one], [_, _, ..]) => {
                let near = self.near(one, &destinations);
                (sources, near)
            }
            ([_, _, ..], [one]) => {
                let near = self.near(one, &sources);
                (near, destinations)
            }
            _ => (sources, destinations),
        }
    }

    fn near(&self, one: &End<'a>, others: &[End<'a>]) -> Vec<End<'a>> {
        let Some(here) = one.virtual_network(self.topology) else { return others.to_vec() };
        let within = |accepts: &dyn Fn(&VirtualNetwork) -> bool| -> Vec<End<'a>> {
            let is_near = |end: &&End<'a>| end.virtual_network(self.topology).is_some_and(accepts);
            others.iter().filter(is_near).cloned().collect()
        };
        let same = within(&|there| there.id == here.id);
        if !same.is_empty() {
            return same;
        }
        let joined = within(&|there| self.topology.are_joined(here, there) == Some(true));
        if joined.is_empty() { others.to_vec() } else { joined }
    }

    fn other_causes(
        &self,
        flow: &Flow,
        source: Option<&End<'a>>,
        destination: Option<&End<'a>>,
    ) -> Vec<String> {
        let mut causes = Vec::new();
        let network_of = |end: Option<&End<'a>>| end?.virtual_network(self.topology);
        if let (Some(from), Some(to)) = (network_of(source), network_of(destination)) {
            let names = format!("`{}` and `{}`", from.name(), to.name());
            match self.topology.are_joined(from, to) {
                Some(true) => {}
                Some(false) => causes.push(format!(
                    "no connected peering joins the virtual networks {names}: unless a gateway or an appliance routes between them, nothing arrives"
                )),
                None => causes.push(format!(
                    "the input does not tell whether the peering between {names} is connected"
                )),
            }
        }
        let internet =
            self.topology.service_tags().addresses(&crate::model::ServiceTag::internet());
        let is_mail = flow.protocol() == Protocol::TCP && flow.destination_port() == Some(25);
        if is_mail
            && source.is_some()
            && destination.is_none()
            && internet.is_some_and(|internet| internet.contains(flow.destination()))
        {
            causes.push(
                "outbound TCP 25 to the Internet may be blocked by the type of the subscription"
                    .to_owned(),
            );
        }
        causes
    }
}

fn only<'a>(address: IpAddr, ends: Vec<End<'a>>) -> Result<Option<End<'a>>, PathError> {
    if ends.len() > 1 {
        let holders = ends.iter().map(|end| end.id().clone()).collect();
        return Err(PathError::Ambiguous { address, holders });
    }
    Ok(ends.into_iter().next())
}

impl fmt::Display for PathVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { flow, verdict, .. } = self;
        write!(f, "{verdict}: {flow}")?;
        for (name, end) in [("source", &self.source), ("destination", &self.destination)] {
            match end {
                Some(trace) => write!(f, "\n{name}\n{trace}")?,
                None => write!(f, "\n{name}\n  outside this network, no gate")?,
            }
        }
        let unresolved = [&self.source, &self.destination].into_iter().flatten();
        for reason in unresolved.flat_map(ChainTrace::unresolved) {
            write!(f, "\nnot known: {reason}")?;
        }
        for assumption in &self.assumptions {
            write!(f, "\nassumed: {assumption}")?;
        }
        for cause in &self.other_causes {
            write!(f, "\nnote: {cause}")?;
        }
        Ok(())
    }
}
