//! Traffic to Azure's own services, which no ordinary rule of a security group can cut off
//! (SEMANTICS 5).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::gate::{ANYTHING, Composition, Gate, GateRules};
use crate::eval::{Endpoint, Outcomes, Query, Verdict, evaluate};
use crate::model::{Flow, ResourceId, ServiceTag, UnknownValue};
use crate::net::{AddressSet, Prefix, Protocol};
use crate::network::{NextHop, Route, RouteDestination, Subnet};
use crate::resolve::{Fallback, Names, Rule, RuleKind, Ruleset, Side, Topology, Unresolved};

pub(super) const HOST: IpAddr = IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16));
pub(super) const METADATA: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));

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
    pub(super) licensing: Arc<AddressSet>,
    /// Whether a route may take it away.
    pub(super) licensing_doubt: Option<Unresolved>,
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
    pub(super) fn of_end(
        topology: &Topology,
        subnet: Result<&Subnet, Unresolved>,
        gates: &[Gate],
    ) -> Self {
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
    subnet: Result<&Subnet, Unresolved>,
) -> (Arc<AddressSet>, Option<Unresolved>) {
    let addresses = Arc::clone(topology.licensing_addresses());
    let id = match subnet.map(|subnet| subnet.route_table.as_ref()) {
        Err(reason) => return (addresses, Some(reason)),
        Ok(None) => return (addresses, None),
        Ok(Some(link)) => match (link.known(), link.unknown()) {
            (Some(id), _) => id,
            (None, text) => return (addresses, text.cloned().map(Unresolved::Value)),
        },
    };
    let Some(table) = topology.route_table(id) else {
        return (addresses, Some(Unresolved::RouteTable(id.clone())));
    };
    let is_default = |destination: &RouteDestination| match destination {
        RouteDestination::Prefix(prefix) => prefix.length() == 0 && prefix.is_ipv4(),
        RouteDestination::Tag(_) | RouteDestination::Unknown(_) => false,
    };
    let mut hops =
        table.routes.iter().filter(|route| is_default(&route.destination)).map(|one| one.next_hop);
    match hops.find(|hop| *hop != NextHop::Internet) {
        None => (addresses, unread_default(&table.routes).map(Unresolved::Value)),
        Some(NextHop::Unknown) => (addresses, Some(Unresolved::RouteTable(id.clone()))),
        Some(_) => (Arc::default(), None),
    }
}

/// What stands for the destination of a route that may be the default route, and elsewhere.
fn unread_default(routes: &[Route]) -> Option<UnknownValue> {
    routes.iter().filter(|route| route.next_hop != NextHop::Internet).find_map(|route| match &route
        .destination
    {
        RouteDestination::Unknown(text) => Some(text.clone()),
        RouteDestination::Prefix(_) | RouteDestination::Tag(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::Verdict::{Allow, Deny, Indeterminate};
    use crate::model::{Direction, UnknownValue, Value};
    use crate::network::Network;
    use crate::network::testing::{id, network};
    use crate::path::{Chain, ChainTrace, GateKind};
    use crate::resolve::ServiceTags;

    const DENY_ALL: &str = "100 DenyAll deny outbound * *:* -> *:*";

    const DNS: &str = "udp 10.0.0.4:50000 -> 168.63.129.16:53";
    const METADATA_FLOW: &str = "tcp 10.0.0.4:50000 -> 169.254.169.254:80";
    const KMS: &str = "tcp 10.0.0.4:50000 -> 23.102.135.246:1688";
    const AGENT: &str = "tcp 10.0.0.4:50000 -> 168.63.129.16:32526";
    const DHCP: &str = "udp 10.0.0.4:68 -> 255.255.255.255:67";

    fn site(rules: &[&str]) -> Network {
        network(&[("hub", "10.0.0.0/16")])
            .with_subnet("hub/app", "10.0.0.0/24")
            .with_interface("nic", "hub/app", "10.0.0.4")
            .with_group("nsg", &["hub/app"], rules)
    }

    fn chain(network: Network, direction: Direction) -> Chain {
        let topology = network.bind(ServiceTags::built_in());
        let nic = topology.network().network_interface(&id("nic")).unwrap();
        Chain::of_interface(&topology, nic, &nic.ip_configurations[0], direction)
    }

    fn trace(network: Network, text: &str) -> ChainTrace {
        let chain = chain(network, Direction::Outbound);
        let flow: Flow = text.parse().unwrap();
        let trace = chain.trace(&flow);
        assert_eq!(chain.evaluate(&flow).verdict(), trace.verdict(), "{text}");
        let decided = trace.deciding().and_then(|gate| gate.rule()).map(|rule| &rule.name);
        if trace.verdict() == Deny {
            assert_eq!(chain.evaluate(&flow).rule().map(|rule| &rule.name), decided);
        }
        trace
    }

    fn verdict(rules: &[&str], text: &str) -> Verdict {
        trace(site(rules), text).verdict()
    }

    /// S5.1, S5.2, S5.3, S5.4, S5.5, S5.8, S5.11, T24.
    #[test]
    fn a_deny_of_everything_does_not_stop_the_platform() {
        let deny_network = "100 DenyVnet deny outbound * *:* -> VirtualNetwork:*";
        for (text, service) in [
            (DNS, PlatformService::Dns),
            ("tcp 10.0.0.4:50000 -> 168.63.129.16:53", PlatformService::Dns),
            (METADATA_FLOW, PlatformService::InstanceMetadata),
            (KMS, PlatformService::Licensing),
            (AGENT, PlatformService::WireServer),
            ("tcp 10.0.0.4:50000 -> 168.63.129.16:80", PlatformService::WireServer),
            (DHCP, PlatformService::Dhcp),
        ] {
            for rule in [DENY_ALL, deny_network] {
                let trace = trace(site(&[rule]), text);
                assert_eq!(trace.verdict(), Allow, "{text}");
                let gate = trace.deciding().unwrap();
                assert_eq!((gate.kind, gate.platform), (GateKind::Platform, Some(service)));
            }
        }
    }

    /// S5.9, S5.5, S5.4: the near misses are ordinary traffic.
    #[test]
    fn other_ports_and_addresses_are_not_exempt() {
        for text in [
            "udp 10.0.0.4:50000 -> 168.63.129.16:54",
            "tcp 10.0.0.4:50000 -> 168.63.129.16:443",
            "udp 10.0.0.4:50000 -> 168.63.129.17:53",
            "udp 10.0.0.4:50000 -> 169.254.169.254:80",
            "tcp 10.0.0.4:50000 -> 169.254.169.254:443",
            "tcp 10.0.0.4:50000 -> 23.102.135.247:1688",
            "udp 10.0.0.4:50000 -> 23.102.135.246:1688",
            "tcp 10.0.0.4:68 -> 10.0.0.1:67",
            "icmp 10.0.0.4 -> 168.63.129.16",
        ] {
            assert_eq!(verdict(&[DENY_ALL], text), Deny, "{text}");
        }
    }

    /// S5.2, S5.3, S5.4, S5.9, T24: the tag of the service takes its exemption away.
    #[test]
    fn a_rule_that_names_the_services_tag_decides() {
        for (tag, text) in [
            ("AzurePlatformDNS", DNS),
            ("AzurePlatformIMDS", METADATA_FLOW),
            ("AzurePlatformLKM", KMS),
        ] {
            let deny = format!("200 Off deny outbound * *:* -> {tag}:*");
            let trace = trace(site(&[&deny]), text);
            assert_eq!(trace.verdict(), Deny, "{text}");
            let gate = trace.deciding().unwrap();
            assert_eq!(gate.kind, GateKind::Platform);
            assert_eq!(gate.group, Some(id("nsg")));
            assert_eq!(gate.rule().unwrap().name.as_str(), "Off");
            let allow = format!("100 On allow outbound * *:* -> {tag}:*");
            assert_eq!(verdict(&[&allow, &deny], text), Allow, "the first that names it");
            assert_eq!(verdict(&[&deny], AGENT), Allow);
        }
        let other = "200 Off deny outbound * *:* -> AzurePlatformIMDS:*";
        assert_eq!(verdict(&[other], DNS), Allow);
        let by_port = "200 Off deny outbound tcp *:* -> AzurePlatformDNS:53";
        assert_eq!(verdict(&[by_port], DNS), Allow, "the flow is UDP");
        // An address is not the tag: such a rule is ignored.
        let by_address = "200 Off deny outbound * *:* -> 168.63.129.16:*";
        assert_eq!(verdict(&[by_address], DNS), Allow);
    }

    /// S5.9: every group on the way is asked.
    #[test]
    fn a_deny_at_either_level_takes_the_exemption_away() {
        let off = "200 Off deny outbound * *:* -> AzurePlatformDNS:*";
        let on = "200 On allow outbound * *:* -> AzurePlatformDNS:*";
        let both = |subnet: &str, nic: &str| {
            trace(site(&[subnet]).with_group("nic-nsg", &["nic"], &[nic]), DNS).verdict()
        };
        assert_eq!(both(on, off), Deny);
        assert_eq!(both(off, on), Deny);
        assert_eq!(both(on, on), Allow);
    }

    /// S5.6, S5.7: inbound from the host address is ordinary traffic.
    #[test]
    fn probes_and_developer_sessions_are_not_exempt() {
        let deny = "100 DenyAll deny inbound * *:* -> *:*";
        let probe = "tcp 168.63.129.16:50000 -> 10.0.0.4:80".parse().unwrap();
        let closed = chain(site(&[deny]), Direction::Inbound);
        assert_eq!(closed.evaluate(&probe).verdict(), Deny);
        let open = chain(site(&[]), Direction::Inbound);
        assert_eq!(open.evaluate(&probe).verdict(), Allow);
    }

    /// S5.4: a default route elsewhere takes the licensing exemption away, and only that.
    #[test]
    fn licensing_is_not_exempt_where_everything_is_routed_elsewhere() {
        let routed = |prefix, hop, text| {
            trace(site(&[DENY_ALL]).with_route("hub/app", prefix, hop), text).verdict()
        };
        assert_eq!(routed("0.0.0.0/0", NextHop::VirtualAppliance, KMS), Deny);
        assert_eq!(routed("0.0.0.0/0", NextHop::VirtualAppliance, DNS), Allow);
        assert_eq!(routed("0.0.0.0/0", NextHop::Internet, KMS), Allow);
        assert_eq!(routed("10.0.0.0/8", NextHop::VirtualAppliance, KMS), Allow);
        assert_eq!(routed("0.0.0.0/0", NextHop::Unknown, KMS), Indeterminate);
        let dangling = site(&[DENY_ALL])
            .with(|all| all.subnet_called("hub/app").route_table = Some(id("gone").into()));
        let trace = trace(dangling, KMS);
        assert_eq!(trace.verdict(), Indeterminate);
        assert_eq!(trace.unresolved(), [&Unresolved::RouteTable(id("gone"))]);
    }

    /// S5.10.
    #[test]
    fn licensing_addresses_are_the_callers_to_choose() {
        let other: AddressSet = "20.9.9.9/32".parse::<Prefix>().unwrap().into();
        let topology =
            site(&[DENY_ALL]).bind(ServiceTags::built_in()).with_licensing_addresses(other);
        let nic = topology.network().network_interface(&id("nic")).unwrap();
        let configuration = &nic.ip_configurations[0];
        let chain = Chain::of_interface(&topology, nic, configuration, Direction::Outbound);
        let verdict = |text: &str| chain.evaluate(&text.parse().unwrap()).verdict();
        assert_eq!(verdict("tcp 10.0.0.4:50000 -> 20.9.9.9:1688"), Allow);
        assert_eq!(verdict(KMS), Deny);
    }

    /// S6.21.
    #[test]
    fn exemptions_precede_admin_rules() {
        let all = site(&[]).with_admin(
            "manager/c/config/r/rules",
            &["hub"],
            &["1 Stop deny outbound * *:* -> *:*"],
        );
        assert_eq!(trace(all.clone(), DNS).verdict(), Allow);
        assert_eq!(trace(all, "udp 10.0.0.4:50000 -> 8.8.8.8:53").verdict(), Deny);
    }

    /// S8.4: an open port may be an exempt one.
    #[test]
    fn a_flow_that_may_be_exempt_is_not_certainly_denied() {
        let open = "udp 10.0.0.4:50000 -> 168.63.129.16:*";
        let trace_of = trace(site(&[DENY_ALL]), open);
        assert_eq!(trace_of.verdict(), Indeterminate);
        assert_eq!(trace_of.unresolved(), [&Unresolved::FlowField("destination port")]);
        assert_eq!(verdict(&[], open), Allow);
        let off = "200 Off deny outbound * *:* -> AzurePlatformDNS:*";
        assert_eq!(verdict(&[off], open), Indeterminate);
        assert_eq!(verdict(&[DENY_ALL], "tcp 10.0.0.4:50000 -> 10.0.0.5:*"), Deny);
    }

    #[test]
    fn what_cannot_be_read_may_take_an_exemption_away() {
        let expression = site(&[DENY_ALL]).with(|all| {
            let text = UnknownValue::new("[parameters('destination')]");
            let rule = &mut all.security_groups[0].rules[0];
            rule.destination = crate::model::AddressItem::Unknown(text).into();
        });
        assert_eq!(trace(expression.clone(), DNS).verdict(), Indeterminate);
        assert_eq!(trace(expression, AGENT).verdict(), Allow);
        let gone = site(&[]).with(|all| {
            all.interface("nic").security_group = Some(Value::Known(id("gone")));
        });
        assert_eq!(trace(gone.clone(), DNS).verdict(), Indeterminate);
        assert_eq!(trace(gone, DHCP).verdict(), Allow);
    }

    #[test]
    fn a_query_for_one_service_is_exempt_as_its_flows_are() {
        let chain = chain(site(&[DENY_ALL]), Direction::Outbound);
        let verdict = |text: &str| chain.trace_query(&text.parse().unwrap()).verdict();
        assert_eq!(verdict("udp 10.0.0.0/24 -> 168.63.129.16:53"), Allow);
        assert_eq!(verdict("udp 10.0.0.0/24 -> 168.63.129.0/24:53"), Deny);
        assert_eq!(verdict("udp 10.0.0.0/24 -> 168.63.129.16:54"), Deny);
    }
}
