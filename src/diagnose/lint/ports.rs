//! Management ports that the Internet reaches through every gate in front of an interface.

use std::collections::BTreeMap;

use super::{Lint, LintCode};
use crate::analysis::{Counterexample, Gates, Judgement, RuleRef, always_denies};
use crate::model::{Direction, ResourceId, ServiceTag};
use crate::net::{AddressSet, PortSet, Prefix, Protocol};
use crate::network::{IpConfiguration, Link, NetworkInterface};
use crate::path::{Chain, GateRules};
use crate::report::Severity;
use crate::resolve::Topology;
use crate::space::{LimitExceeded, Limits, Region};

/// The ports that [`LintCode::ManagementPortOpen`] is about: SSH, RDP and Windows remoting.
pub const MANAGEMENT_PORTS: [u16; 4] = [22, 3389, 5985, 5986];

pub(super) fn lints(topology: &Topology, limits: &Limits) -> Vec<Lint> {
    let network = topology.network();
    let stands_for_a_service = |interface: &NetworkInterface| {
        let mut named =
            network.private_endpoints.iter().flat_map(|endpoint| &endpoint.network_interfaces);
        interface.private_endpoint.is_some()
            || named.any(|link| link.known() == Some(&interface.id))
    };
    let internal = internal_addresses(topology);
    let mut found = Vec::new();
    // Nobody manages a machine behind a private endpoint.
    for interface in network.network_interfaces.iter().filter(|one| !stands_for_a_service(one)) {
        for configuration in &interface.ip_configurations {
            let asked = Asked::new(topology, interface, configuration, &internal);
            match asked.lints(limits) {
                Ok(lints) => found.extend(lints),
                Err(exceeded) => {
                    let code = LintCode::LimitReached;
                    let message = exceeded.to_string();
                    let lint = Lint::new(code, Severity::Warning, &interface.id, message);
                    found.push(lint.at(interface.origin.location()));
                }
            }
        }
    }
    found
}

/// What does not count as the Internet although the tag may hold it: the platform's own address
/// (S4.15) and the address space of the virtual networks.
fn internal_addresses(topology: &Topology) -> AddressSet {
    let network = topology.network();
    let spaces = network.virtual_networks.iter().flat_map(|one| {
        let peers = one.peerings.iter().flat_map(|peering| &peering.remote_address_space);
        one.address_space.iter().chain(peers)
    });
    let given = network.extra_virtual_network_prefixes.iter();
    // A prefix of all addresses is a default route, not a network of one's own.
    let own: AddressSet =
        spaces.chain(given).filter(|prefix| prefix.length() > 0).copied().collect();
    let platform = topology.service_tags().addresses(&ServiceTag::azure_load_balancer());
    platform.map_or_else(AddressSet::empty, |platform| platform.as_ref().clone()).union(&own)
}

/// The question about one IP configuration.
struct Asked<'a> {
    interface: &'a NetworkInterface,
    chain: Chain,
    gates: Gates,
    internet: AddressSet,
    /// The address, or all that it may be.
    own: AddressSet,
}

/// How far a port is open.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Openness {
    Whole,
    Part,
    Perhaps,
}

impl<'a> Asked<'a> {
    fn new(
        topology: &Topology,
        interface: &'a NetworkInterface,
        configuration: &IpConfiguration,
        internal: &AddressSet,
    ) -> Self {
        let chain = Chain::of_interface(topology, interface, configuration, Direction::Inbound);
        let internet = chain.names().tag_contents(&ServiceTag::internet()).known;
        let subnet = configuration.subnet.as_ref().and_then(Link::known);
        let subnet = subnet.and_then(|id| topology.subnet(id)).map(|(_, subnet)| subnet);
        let in_subnet = || subnet.iter().flat_map(|subnet| &subnet.prefixes).copied().collect();
        let own: AddressSet = match (configuration.private_prefix, configuration.private_address) {
            (Some(block), _) => block.into(),
            (None, Some(address)) => Prefix::host(address).into(),
            (None, None) => in_subnet(),
        };
        let own = if own.is_empty() { AddressSet::full() } else { own };
        let internet = internet.difference(internal).difference(&own);
        Self { interface, gates: Gates::of_chain(&chain), chain, internet, own }
    }

    fn lints(&self, limits: &Limits) -> Result<Vec<Lint>, LimitExceeded> {
        if self.judge(&MANAGEMENT_PORTS, limits)?.holds() {
            return Ok(Vec::new());
        }
        let mut found: BTreeMap<(Openness, Option<RuleRef>), (Vec<u16>, Counterexample)> =
            BTreeMap::new();
        for port in MANAGEMENT_PORTS {
            let (is_certain, example) = match self.judge(&[port], limits)? {
                Judgement::Holds => continue,
                Judgement::Fails(example) => (true, *example),
                Judgement::Unknown(example) => (false, *example),
            };
            let openness =
                if is_certain { self.openness(&example, limits)? } else { Openness::Perhaps };
            let rule = example.reasons.first().and_then(|reason| reason.rule.clone());
            let (ports, _) = found.entry((openness, rule)).or_insert_with(|| (Vec::new(), example));
            ports.push(port);
        }
        let lints = found.into_iter();
        Ok(lints
            .map(|((openness, rule), (ports, example))| {
                self.lint(openness, rule.as_ref(), &ports, &example)
            })
            .collect())
    }

    fn judge(&self, ports: &[u16], limits: &Limits) -> Result<Judgement, LimitExceeded> {
        let asked = Region {
            protocols: Protocol::TCP.into(),
            source: self.internet.clone(),
            destination: self.own.clone(),
            destination_ports: ports.iter().map(|&port| PortSet::from(port)).collect(),
            ..Region::full()
        };
        always_denies(&self.gates, &[asked], limits)
    }

    /// Whether all of the Internet reaches all of the addresses from every port, and which part
    /// of it where not.
    fn openness(
        &self,
        example: &Counterexample,
        limits: &Limits,
    ) -> Result<Openness, LimitExceeded> {
        let mut sources = AddressSet::empty();
        for region in example.flows.regions(limits)? {
            let is_whole = region.source_ports.is_full() && region.destination.covers(&self.own);
            if is_whole {
                sources = sources.union(&region.source);
            }
        }
        let is_ipv4 = !self.own.ipv4().is_empty();
        let is_all = if is_ipv4 {
            sources.ipv4().covers(self.internet.ipv4())
        } else {
            sources.ipv6().covers(self.internet.ipv6())
        };
        Ok(if is_all { Openness::Whole } else { Openness::Part })
    }

    fn lint(
        &self,
        openness: Openness,
        rule: Option<&RuleRef>,
        ports: &[u16],
        example: &Counterexample,
    ) -> Lint {
        let list: Vec<String> = ports.iter().map(u16::to_string).collect();
        let list = list.join(", ");
        let word = if ports.len() == 1 { "port" } else { "ports" };
        let (severity, what) = match openness {
            Openness::Whole => (Severity::Error, "open to the whole Internet"),
            Openness::Part => (Severity::Warning, "open to a part of the Internet"),
            Openness::Perhaps => (Severity::Note, "perhaps open to the Internet"),
        };
        let verb = if ports.len() == 1 { "is" } else { "are" };
        let mut message = format!("{word} {list} {verb} {what}");
        if openness == Openness::Perhaps {
            let unknown: Vec<String> =
                self.gates.unresolved().iter().map(ToString::to_string).collect();
            message.push_str(&format!("; not known: {}", unknown.join("; ")));
        } else if self.chain.gates().is_empty() {
            message.push_str(": no security group stands before it");
        }
        let resolved =
            rule.and_then(|rule| self.gates.rulesets().get(rule.gate)?.rules().get(rule.index));
        let location = resolved
            .and_then(|rule| rule.origin.location())
            .or_else(|| self.interface.origin.location());
        let code = LintCode::ManagementPortOpen;
        Lint {
            group: rule.and_then(|rule| self.group_of(rule)),
            direction: Some(Direction::Inbound),
            rule: rule.map(ToString::to_string),
            witness: Some(example.flow),
            ..Lint::new(code, severity, &self.interface.id, message).at(location)
        }
    }

    /// The group that holds a rule; none of an admin rule.
    fn group_of(&self, rule: &RuleRef) -> Option<ResourceId> {
        // Inbound the platform exempts nothing: the gates are those of the chain.
        match &self.chain.gates().get(rule.gate)?.rules {
            GateRules::Group { group, .. } => Some(group.clone()),
            GateRules::Admin { .. } | GateRules::Unknown(_) => None,
        }
    }
}
