//! The legs of a Bastion session (SEMANTICS 7.2, 7.3): everything that must get through for the
//! session to open and for Bastion itself to work, each put to the gates it passes.

use std::fmt;

use serde::{Serialize, Serializer};

use super::code::BastionCode;
use super::probe::{Demand, Passage, Station, Stop, all, ask};
use super::scene::Scene;
use crate::eval::{Endpoint, Query, Verdict};
use crate::model::{Direction, ServiceTag};
use crate::net::{AddressSet, Prefix, Protocol, RangeSet};
use crate::path::Chain;

/// The tag of Azure's control plane. Neither users nor health probes come from it.
const GATEWAY_MANAGER: &str = "GatewayManager";

/// One leg of a Bastion session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "Azure documents these eight (S7.11)")]
pub enum LegName {
    /// The user's HTTPS (R1).
    ClientToBastion,
    /// The control plane (R2).
    GatewayManagerToBastion,
    /// Health probes (R3).
    LoadBalancerToBastion,
    /// The data plane between hosts, inbound (R4).
    BastionHostsIn,
    /// The data plane between hosts, outbound (R7).
    BastionHostsOut,
    /// The session itself (R5), out of Bastion's subnet and into the machine.
    BastionToVm,
    /// Diagnostics and metering (R6).
    BastionToAzureCloud,
    /// Session information and certificate validation (R8).
    BastionToInternet,
}

impl LegName {
    /// The name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClientToBastion => "client-to-bastion",
            Self::GatewayManagerToBastion => "gateway-manager-to-bastion",
            Self::LoadBalancerToBastion => "load-balancer-to-bastion",
            Self::BastionHostsIn => "bastion-hosts-in",
            Self::BastionHostsOut => "bastion-hosts-out",
            Self::BastionToVm => "bastion-to-vm",
            Self::BastionToAzureCloud => "bastion-to-azure-cloud",
            Self::BastionToInternet => "bastion-to-internet",
        }
    }

    /// Whether a session cannot open without it; the others keep Bastion itself working.
    pub fn carries_the_session(self) -> bool {
        matches!(self, Self::ClientToBastion | Self::BastionToVm)
    }

    /// The code where the group on Bastion's subnet denies it.
    pub(super) fn code_at_bastion(self) -> BastionCode {
        match self {
            Self::ClientToBastion => BastionCode::ClientBlocked,
            Self::GatewayManagerToBastion => BastionCode::GatewayManagerBlocked,
            Self::LoadBalancerToBastion => BastionCode::ProbeBlocked,
            Self::BastionHostsIn => BastionCode::HostsInBlocked,
            Self::BastionHostsOut => BastionCode::HostsOutBlocked,
            Self::BastionToVm => BastionCode::EgressBlocked,
            Self::BastionToAzureCloud => BastionCode::AzureCloudBlocked,
            Self::BastionToInternet => BastionCode::InternetBlocked,
        }
    }
}

impl fmt::Display for LegName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for LegName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A leg with its answer.
pub(super) struct Leg {
    pub(super) name: LegName,
    pub(super) stations: Vec<Station>,
    /// One for each port that the leg needs.
    pub(super) checks: Vec<Check>,
    /// What the chains of gates take for granted.
    pub(super) assumptions: Vec<String>,
}

/// The gates that a leg passes, one end after the other.
#[derive(Default)]
struct Way {
    chains: Vec<Chain>,
    stations: Vec<Station>,
}

impl Way {
    fn extend(&mut self, chain: Chain) {
        self.stations.extend(Station::of_chain(&chain));
        self.chains.push(chain);
    }
}

/// One question of a leg and what the gates answer.
pub(super) struct Check {
    pub(super) query: Query,
    pub(super) demand: Demand,
    pub(super) passage: Passage,
}

impl Leg {
    fn new(name: LegName, way: Way, queries: Vec<Query>, demand: Demand) -> Self {
        let Way { chains, stations } = way;
        let mut assumptions: Vec<String> = Vec::new();
        for query in &queries {
            for assumption in chains.iter().flat_map(|chain| assumptions_of(chain, query)) {
                if !assumptions.contains(&assumption) {
                    assumptions.push(assumption);
                }
            }
        }
        let checks = queries
            .into_iter()
            .map(|query| Check { passage: ask(&stations, &query, demand), query, demand })
            .collect();
        Self { name, stations, checks, assumptions }
    }

    pub(super) fn verdict(&self) -> Verdict {
        if self.checks.is_empty() {
            // Nothing could be asked, such as about an Internet tag without addresses.
            return Verdict::Indeterminate;
        }
        all(self.checks.iter().map(|check| check.passage.verdict))
    }

    /// The check that decides: the first with the leg's verdict.
    pub(super) fn decisive(&self) -> Option<&Check> {
        let verdict = self.verdict();
        self.checks.iter().find(|check| check.passage.verdict == verdict)
    }

    /// The gates of the decisive check with what they do.
    pub(super) fn stops(&self) -> impl Iterator<Item = (&Station, &Stop)> {
        let stops = self.decisive().map(|check| check.passage.stops.as_slice()).unwrap_or_default();
        self.stations
            .iter()
            .zip(stops)
            .filter_map(|(station, stop)| Some((station, stop.as_ref()?)))
    }

    /// The gates of every check with what they do.
    pub(super) fn all_stops(&self) -> impl Iterator<Item = (&Station, &Stop)> {
        self.checks
            .iter()
            .flat_map(|check| self.stations.iter().zip(&check.passage.stops))
            .filter_map(|(station, stop)| Some((station, stop.as_ref()?)))
    }

    /// The gates that certainly deny something of the leg. Where some sources get through and
    /// that is enough, none does.
    pub(super) fn denying(&self) -> impl Iterator<Item = (&Station, &Stop)> {
        let is_denied = self.verdict() == Verdict::Deny;
        self.stops().filter(move |(_, stop)| is_denied && stop.verdict == Verdict::Deny)
    }
}

fn assumptions_of(chain: &Chain, query: &Query) -> Vec<String> {
    chain.trace_query(query).assumptions().to_vec()
}

/// Puts every leg that the scene has to its gates.
pub(super) fn legs(scene: &Scene<'_>) -> Vec<Leg> {
    use LegName::*;
    let hosts = || Endpoint::Addresses(scene.bastion.addresses.clone());
    let tag = |name: &str| Endpoint::Tag(ServiceTag::new(name));
    let mut legs = Vec::new();
    let mut add =
        |name, way, (source, destination): (Endpoint, Endpoint), ports: &[u16], demand| {
            let queries = ports.iter().filter_map(|&port| {
                Query::new(Some(Protocol::TCP), source.clone(), destination.clone(), Some(port))
                    .ok()
            });
            legs.push(Leg::new(name, way, queries.collect(), demand));
        };
    let session = session_way(scene);
    let destination = Endpoint::Addresses(scene.target.addresses.clone());
    let demand = match scene.target.addresses.ipv4().intervals() {
        [one] if one.first() == one.last() => Demand::All,
        _ => Demand::OneDestination,
    };
    let port = scene.question.port();
    if scene.is_developer() {
        // A Developer host has no subnet whose group could be asked (S7.8).
        add(BastionToVm, session, (hosts(), destination), &[port], demand);
        return legs;
    }
    let inbound = || bastion_way(scene, Direction::Inbound);
    let outbound = || bastion_way(scene, Direction::Outbound);
    let (client, some) = client(scene);
    let between_hosts = [8080, 5701];
    add(ClientToBastion, client_way(scene, inbound()), (client, hosts()), &[443], some);
    add(GatewayManagerToBastion, inbound(), (tag(GATEWAY_MANAGER), hosts()), &[443], Demand::All);
    let probes = without_gateway_manager(inbound());
    add(LoadBalancerToBastion, probes, (tag("AzureLoadBalancer"), hosts()), &[443], Demand::All);
    add(BastionHostsIn, inbound(), (hosts(), hosts()), &between_hosts, Demand::All);
    add(BastionHostsOut, outbound(), (hosts(), hosts()), &between_hosts, Demand::All);
    add(BastionToVm, session, (hosts(), destination), &[port], demand);
    let Way { chains, stations } = outbound();
    let stations = stations.into_iter().map(|one| one.without_regions_of("AzureCloud")).collect();
    add(
        BastionToAzureCloud,
        Way { chains, stations },
        (hosts(), tag("AzureCloud")),
        &[443],
        Demand::All,
    );
    add(BastionToInternet, outbound(), (hosts(), tag("Internet")), &[80], Demand::All);
    legs
}

/// Where users come from: the given address, or some address of the Internet; for a private-only
/// host some private address (S7.10).
fn client(scene: &Scene<'_>) -> (Endpoint, Demand) {
    if let Some(client) = scene.question.client {
        return (Endpoint::Addresses(Prefix::host(client).into()), Demand::All);
    }
    let ipv4 = |set: &AddressSet| AddressSet::new(set.ipv4().clone(), RangeSet::empty());
    let private = private_ranges();
    if scene.bastion.host.is_some_and(|host| host.private_only) {
        return (Endpoint::Addresses(private), Demand::SomeSource);
    }
    let tags = scene.topology.service_tags();
    let contents = |tag: ServiceTag| tags.addresses(&tag).map(|set| ipv4(&set)).unwrap_or_default();
    // The platform's own address is in Internet too (S4.12), and no user sits there.
    let platform = contents(ServiceTag::azure_load_balancer());
    let internet = contents(ServiceTag::internet()).difference(&platform);
    (Endpoint::Addresses(internet), Demand::SomeSource)
}

/// What Azure's own control plane may do is not what a user may: no user sits at an address of
/// GatewayManager, unless one is named and the tag is known to hold it.
fn client_way(scene: &Scene<'_>, way: Way) -> Way {
    let tag = ServiceTag::new(GATEWAY_MANAGER);
    let is_known = scene.topology.service_tags().addresses(&tag).is_some();
    if scene.question.client.is_some() && is_known {
        return way;
    }
    without_gateway_manager(way)
}

fn without_gateway_manager(way: Way) -> Way {
    let tag = ServiceTag::new(GATEWAY_MANAGER);
    let stations = way.stations.into_iter().map(|station| station.without_source(&tag)).collect();
    Way { stations, ..way }
}

/// The private ranges of RFC 1918.
fn private_ranges() -> AddressSet {
    [([10, 0, 0, 0], 8), ([172, 16, 0, 0], 12), ([192, 168, 0, 0], 16)]
        .into_iter()
        .filter_map(|(address, length)| Prefix::truncated(address.into(), length))
        .collect()
}

/// The gates between Bastion's hosts and the machine, at both ends.
fn session_way(scene: &Scene<'_>) -> Way {
    let mut way = bastion_way(scene, Direction::Outbound);
    let topology = scene.topology;
    match (scene.target.interface, scene.target.place) {
        (Some((interface, configuration)), _) => {
            way.extend(Chain::of_interface(topology, interface, configuration, Direction::Inbound));
        }
        (None, Some((_, subnet))) => {
            let chain = Chain::of_subnet(topology, &subnet.id, Direction::Inbound);
            chain.into_iter().for_each(|chain| way.extend(chain));
            let address = scene.target.addresses.first();
            way.stations.extend(address.map(Station::of_unknown_interface));
        }
        (None, None) => {}
    }
    way
}

fn bastion_way(scene: &Scene<'_>, direction: Direction) -> Way {
    let mut way = Way::default();
    if let Some((_, subnet)) = scene.bastion.place {
        let chain = Chain::of_subnet(scene.topology, &subnet.id, direction);
        chain.into_iter().for_each(|chain| way.extend(chain));
    }
    way
}
