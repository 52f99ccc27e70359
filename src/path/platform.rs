//! Traffic to Azure's own services, which no ordinary rule of a security group can cut off
//! (SEMANTICS 5).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::gate::{ANYTHING, Composition, Gate, GateRules};
use crate::eval::{Endpoint, Outcomes, Query, Verdict, evaluate};
use crate::model::{Flow, ResourceId, ServiceTag};
use crate::net::{AddressSet, Prefix, Protocol};
use crate::network::{NextHop, RouteDestination, Subnet};
use crate::resolve::{Fallback, Names, Rule, RuleKind, Ruleset, Side, Topology, Unresolved};

const HOST: IpAddr = IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16));
const METADATA: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));

/// A service of the platform that outbound traffic reaches whatever the rules say (S5.9).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum PlatformService {
    /// Address assignment: UDP to port 67 (S5.8).
    Dhcp,
    /// Name resolution: port 53 of the host address (S5.2).
    Dns,
    /// Instance metadata: TCP to port 80 of 169.254.169.254 (S5.3).
    InstanceMetadata,
    /// Windows licensing: TCP to port 1688 of the licensing addresses (S5.4).
    Licensing,
    /// The machine's agent: TCP to port 80 or 32526 of the host address (S5.5).
    WireServer,
}

impl PlatformService {
    /// The tag as destination of a user's rule that takes the exemption away, where there is one.
    pub fn tag(self) -> Option<ServiceTag> {
        match self {
            Self::Dns => Some(ServiceTag::new("AzurePlatformDNS")),
            Self::InstanceMetadata => Some(ServiceTag::new("AzurePlatformIMDS")),
            Self::Licensing => Some(ServiceTag::new("AzurePlatformLKM")),
            Self::Dhcp | Self::WireServer => None,
        }
    }
}

impl fmt::Display for PlatformService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dhcp => "DHCP",
            Self::Dns => "DNS",
            Self::InstanceMetadata => "instance metadata",
            Self::Licensing => "Windows licensing",
            Self::WireServer => "the VM agent",
        })
    }
}

/// The exemptions that hold at one end for outbound traffic.
#[derive(Clone, Debug)]
pub(super) struct Platform {
    /// The licensing addresses, where no route takes their exemption away (S5.4).
    licensing: Arc<AddressSet>,
    /// Whether a route may take it away.
    licensing_doubt: Option<Unresolved>,
    /// For each service that a rule can deny: the rules of each group on the way that do.
    overrides: Vec<Override>,
}

/// The rules of one gate that name the tag of a service.
#[derive(Clone, Debug)]
pub(super) struct Override {
    service: PlatformService,
    /// The group; `None` when the gate's rules are not known.
    pub(super) group: Option<ResourceId>,
    pub(super) rules: Result<Arc<Ruleset>, Unresolved>,
}

/// A service with the port it is reached at.
type Known = (PlatformService, u16);

const TCP_TO_HOST: &[Known] = &[
    (PlatformService::Dns, 53),
    (PlatformService::WireServer, 80),
    (PlatformService::WireServer, 32526),
];
const TCP_TO_METADATA: &[Known] = &[(PlatformService::InstanceMetadata, 80)];
const TCP_TO_LICENSING: &[Known] = &[(PlatformService::Licensing, 1688)];
const UDP_TO_HOST: &[Known] = &[(PlatformService::Dhcp, 67), (PlatformService::Dns, 53)];
const UDP: &[Known] = &[(PlatformService::Dhcp, 67)];

/// Whether traffic is exempt, and as what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Exemption {
    None,
    /// It may be, as one of these: the port or a route is not known.
    Perhaps(&'static [Known]),
    Certain(PlatformService),
}

impl Exemption {
    pub(super) fn certain(self) -> Option<PlatformService> {
        match self {
            Self::Certain(service) => Some(service),
            Self::None | Self::Perhaps(_) => None,
        }
    }

    /// The services it may be for, each once.
    pub(super) fn services(self) -> impl Iterator<Item = PlatformService> {
        let (certain, possible) = match self {
            Self::None => (None, &[] as &[Known]),
            Self::Certain(service) => (Some(service), &[] as &[Known]),
            Self::Perhaps(known) => (None, known),
        };
        let mut services: Vec<_> = possible.iter().map(|(service, _)| *service).collect();
        services.dedup();
        certain.into_iter().chain(services)
    }
}

impl Platform {
    pub(super) fn of_end(topology: &Topology, subnet: Option<&Subnet>, gates: &[Gate]) -> Self {
        let (licensing, licensing_doubt) = licensing(topology, subnet);
        let services =
            [PlatformService::Dns, PlatformService::InstanceMetadata, PlatformService::Licensing];
        let overrides = services
            .into_iter()
            .flat_map(|service| gates.iter().filter_map(move |gate| Override::of(service, gate)))
            .collect();
        Self { licensing, licensing_doubt, overrides }
    }

    /// The rules that can take the exemption of a service away, gate by gate.
    pub(super) fn overrides(&self, service: PlatformService) -> impl Iterator<Item = &Override> {
        self.overrides.iter().filter(move |one| one.service == service)
    }

    pub(super) fn exemption(&self, flow: &Flow) -> Exemption {
        let to = |address: IpAddr| flow.destination() == address;
        let is_licensing = || self.licensing.contains(flow.destination());
        let known = match flow.protocol() {
            Protocol::TCP if to(HOST) => TCP_TO_HOST,
            Protocol::TCP if to(METADATA) => TCP_TO_METADATA,
            Protocol::TCP if is_licensing() => TCP_TO_LICENSING,
            Protocol::UDP if to(HOST) => UDP_TO_HOST,
            Protocol::UDP => UDP,
            _ => return Exemption::None,
        };
        let Some(port) = flow.destination_port() else { return Exemption::Perhaps(known) };
        match known.iter().find(|(_, at)| *at == port) {
            None => Exemption::None,
            Some((PlatformService::Licensing, _)) if self.licensing_doubt.is_some() => {
                Exemption::Perhaps(known)
            }
            Some((service, _)) => Exemption::Certain(*service),
        }
    }

    /// A set of flows is exempt when it goes to one address and its one flow there would be;
    /// a wider set that may hold exempt flows is left to the rules, which then say what they do
    /// with the rest.
    pub(super) fn exemption_of_query(&self, query: &Query, names: &Names) -> Exemption {
        let destination = match query.destination() {
            Endpoint::Any => return Exemption::None,
            Endpoint::Addresses(addresses) => addresses.clone(),
            Endpoint::Tag(tag) => match names.tag(tag) {
                Some(addresses) => AddressSet::clone(&addresses),
                None => return Exemption::None,
            },
        };
        let mut prefixes = destination.prefixes();
        let (Some(prefix), None) = (prefixes.next(), prefixes.next()) else {
            return Exemption::None;
        };
        let (Some(protocol), Some(port)) = (query.protocol(), query.destination_port()) else {
            return Exemption::None;
        };
        let flow = Flow::new(protocol, prefix.address(), prefix.address())
            .and_then(|flow| flow.with_ports(None, Some(port)));
        match flow {
            Ok(flow) if prefix == Prefix::host(prefix.address()) => self.exemption(&flow),
            _ => Exemption::None,
        }
    }

    /// What the platform does with exempt traffic: it delivers, unless a rule at one of the
    /// gates denies by the service's tag (S5.9).
    pub(super) fn outcomes(
        &self,
        exemption: Exemption,
        evaluate: impl Fn(&Ruleset) -> Outcomes,
    ) -> Outcomes {
        match exemption {
            Exemption::None => Outcomes { pass: true, ..Outcomes::default() },
            Exemption::Certain(service) => self.outcomes_of(service, evaluate),
            Exemption::Perhaps(services) => {
                let start = Outcomes { pass: true, ..Outcomes::default() };
                services.iter().fold(start, |all, (service, _)| {
                    let one = self.outcomes_of(*service, &evaluate);
                    Outcomes {
                        always_allow: all.always_allow || one.always_allow,
                        deny: all.deny || one.deny,
                        ..all
                    }
                })
            }
        }
    }

    fn outcomes_of(
        &self,
        service: PlatformService,
        evaluate: impl Fn(&Ruleset) -> Outcomes,
    ) -> Outcomes {
        let mut all = Composition::new();
        for one in self.overrides(service) {
            all.add(one.rules.as_deref().map_or(ANYTHING, &evaluate));
        }
        let verdict = all.verdict();
        Outcomes {
            always_allow: verdict != Verdict::Deny,
            deny: verdict != Verdict::Allow,
            ..Outcomes::default()
        }
    }

    /// The rule that decides about exempt traffic by the service's tag: the first that takes the
    /// exemption away, else the first that confirms it.
    pub(super) fn deciding_rule(&self, service: PlatformService, flow: &Flow) -> Option<&Rule> {
        let rulesets = self.overrides(service).filter_map(|one| one.rules.as_ref().ok());
        let mut confirming = None;
        for rules in rulesets {
            let decision = evaluate(rules, flow);
            match (decision.verdict(), decision.rule(rules)) {
                (Verdict::Deny, Some(rule)) => return Some(rule),
                (Verdict::Allow, rule) => confirming = confirming.or(rule),
                _ => {}
            }
        }
        confirming
    }

    /// Why it is not certain whether traffic is exempt.
    pub(super) fn doubt(&self, exemption: Exemption) -> Option<Unresolved> {
        match exemption {
            Exemption::Perhaps(TCP_TO_LICENSING) if self.licensing_doubt.is_some() => {
                self.licensing_doubt.clone()
            }
            Exemption::Perhaps(_) => Some(Unresolved::FlowField("destination port")),
            Exemption::None | Exemption::Certain(_) => None,
        }
    }
}

impl Override {
    /// The rules of a security group that name the service's tag as destination. Other rules
    /// are ignored, whatever addresses they list (S5.9).
    fn of(service: PlatformService, gate: &Gate) -> Option<Self> {
        let tag = service.tag()?;
        let rules = match &gate.rules {
            GateRules::Admin { .. } => return None,
            GateRules::Unknown(reason) => {
                return Some(Self { service, group: None, rules: Err(reason.clone()) });
            }
            GateRules::Group { rules, .. } => rules,
        };
        let named: Vec<Rule> =
            rules.rules().iter().filter_map(|rule| aimed_at(&tag, rule)).collect();
        if named.is_empty() {
            return None;
        }
        let rules = Ruleset::new(rules.direction(), named, Fallback::Pass);
        Some(Self { service, group: gate.group().cloned(), rules: Ok(Arc::new(rules)) })
    }
}

/// The rule with the service as its destination, if it is a user's rule that names the tag, or
/// may name it where the input has an expression.
fn aimed_at(tag: &ServiceTag, rule: &Rule) -> Option<Rule> {
    if rule.kind != RuleKind::Custom {
        return None;
    }
    let tags = rule.destination.tags.clone();
    let destination = if tags.contains(tag) {
        Side { tags, ..Side::known(AddressSet::full()) }
    } else {
        let is_value = |one: &&Unresolved| matches!(one, Unresolved::Value(_));
        let unknown: Vec<_> = rule.destination.unknown.iter().filter(is_value).cloned().collect();
        if unknown.is_empty() {
            return None;
        }
        let possible = Arc::new(AddressSet::full());
        Side { possible, unknown, tags, ..Side::known(AddressSet::empty()) }
    };
    Some(Rule { destination, ..rule.clone() })
}

/// The licensing addresses, or nothing where a route of the subnet leads everything elsewhere
/// (S5.4), and why that is not certain.
fn licensing(
    topology: &Topology,
    subnet: Option<&Subnet>,
) -> (Arc<AddressSet>, Option<Unresolved>) {
    let addresses = Arc::clone(topology.licensing_addresses());
    let id = match subnet.and_then(|subnet| subnet.route_table.as_ref()) {
        None => return (addresses, None),
        Some(link) => match (link.known(), link.unknown()) {
            (Some(id), _) => id,
            (None, text) => return (addresses, text.cloned().map(Unresolved::Value)),
        },
    };
    let Some(table) = topology.route_table(id) else {
        return (addresses, Some(Unresolved::RouteTable(id.clone())));
    };
    let is_default = |destination: &RouteDestination| matches!(destination, RouteDestination::Prefix(prefix) if prefix.length() == 0 && prefix.is_ipv4());
    let mut hops =
        table.routes.iter().filter(|route| is_default(&route.destination)).map(|one| one.next_hop);
    match hops.find(|hop| *hop != NextHop::Internet) {
        None => (addresses, None),
        Some(NextHop::Unknown) => (addresses, Some(Unresolved::RouteTable(id.clone()))),
        Some(_) => (Arc::default(), None),
    }
}
