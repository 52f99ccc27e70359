//! The gates that one end of a flow passes.

use std::sync::Arc;

use super::gate::{Composition, Gate, GateKind, GateRules};
use super::platform::{Exemption, Platform, PlatformService};
use super::trace::{ChainTrace, Question};
use super::{admin, gate};
use crate::eval::{Query, Verdict, evaluate};
use crate::model::{Direction, Flow, ResourceId, SecurityGroup, ServiceTag, UnknownValue, Value};
use crate::net::PortSet;
use crate::network::{
    IpConfiguration, Link, Network, NetworkInterface, PrivateEndpoint, PrivateEndpointPolicies,
    Subnet,
};
use crate::resolve::{Dimension, Names, Rule, Ruleset, Topology, Unresolved};

/// The gates that traffic of one direction passes at one end, in the order they are asked:
/// inbound admin rules, subnet, network interface (S3.9); outbound admin rules, network
/// interface, subnet (S3.10); outbound with the platform's exemptions in front (S5.9).
///
/// Built once and asked as often as wanted; shares its rules with other chains of one group.
#[derive(Clone, Debug)]
pub struct Chain {
    direction: Direction,
    gates: Vec<Gate>,
    pub(super) names: Arc<Names>,
    pub(super) platform: Option<Platform>,
    /// Where the chain stands, as gates name it; `None` for a group by itself.
    pub(super) end: Option<ResourceId>,
    /// What holds for every answer of this chain.
    pub(super) assumptions: Vec<String>,
}

impl Chain {
    /// The gates at one IP configuration of a network interface. Those of a private endpoint are
    /// another matter: see [`Chain::of_private_endpoint`], which this calls where the interface
    /// belongs to one.
    pub fn of_interface(
        topology: &Topology,
        interface: &NetworkInterface,
        configuration: &IpConfiguration,
        direction: Direction,
    ) -> Self {
        let belongs = |endpoint: &&PrivateEndpoint| {
            endpoint.network_interfaces.iter().any(|link| link.known() == Some(&interface.id))
        };
        if let Some(endpoint) = topology.network().private_endpoints.iter().find(belongs) {
            return Self::of_private_endpoint(topology, endpoint, direction);
        }
        if let Some(Value::Unknown(text)) = &interface.private_endpoint {
            return Self::unknown(topology, &interface.id, text, direction);
        }
        if let Some(endpoint) = &interface.private_endpoint {
            // Where the endpoint is not in the input, its interface stands for it.
            let id = endpoint.known().unwrap_or(&interface.id).clone();
            let endpoint = PrivateEndpoint::new(id, configuration.subnet.clone());
            return Self::of_private_endpoint(topology, &endpoint, direction);
        }
        let names = topology.names_at_interface(interface, configuration);
        let mut place = Place::new(topology, names, configuration.subnet.as_ref(), direction);
        let (subnet, admin, subnet_gate) =
            place.of_subnet_link(configuration.subnet.as_ref(), &interface.id);
        let kind = GateKind::nic(direction);
        let nic_gate = place.of_group_link(kind, &interface.id, interface.security_group.as_ref());
        let gates = match direction {
            Direction::Inbound => [admin, subnet_gate, nic_gate],
            Direction::Outbound => [admin, nic_gate, subnet_gate],
        };
        place.chain(gates.into_iter().flatten().collect(), subnet, interface.id.clone())
    }

    /// The gates of a subnet alone, for what lives in it without a network interface of the
    /// input, such as the hosts of Azure Bastion. `None` when the input lacks the subnet.
    pub fn of_subnet(
        topology: &Topology,
        subnet: &ResourceId,
        direction: Direction,
    ) -> Option<Self> {
        topology.subnet(subnet)?;
        Some(Self::of_known_subnet(topology, subnet, direction))
    }

    pub(super) fn of_known_subnet(
        topology: &Topology,
        subnet: &ResourceId,
        direction: Direction,
    ) -> Self {
        let names = topology.names_at(subnet);
        let link = Link::Known(subnet.clone());
        let mut place = Place::new(topology, names, Some(&link), direction);
        let (facts, admin, gate) = place.of_subnet_link(Some(&link), subnet);
        place.chain([admin, gate].into_iter().flatten().collect(), facts, subnet.clone())
    }

    /// The gates in front of a private endpoint: the security group of its subnet where the
    /// subnet's network policies say so, with the source ports of rules read as `*` (S3.33,
    /// S3.34); admin rules never (S3.35).
    pub fn of_private_endpoint(
        topology: &Topology,
        endpoint: &PrivateEndpoint,
        direction: Direction,
    ) -> Self {
        let names = match endpoint.subnet.as_ref().and_then(Value::known) {
            Some(subnet) => topology.names_at(subnet),
            None => Arc::new(Names::new(topology.service_tags().clone())),
        };
        let mut place = Place::new(topology, names, endpoint.subnet.as_ref(), direction);
        let (subnet, _, gate) = place.of_subnet_link(endpoint.subnet.as_ref(), &endpoint.id);
        let policies = subnet.as_ref().map(|subnet| &subnet.private_endpoint_policies);
        let filtered = |gate: Gate| match policies {
            Err(_) | Ok(Some(Value::Known(PrivateEndpointPolicies::SecurityGroup))) => {
                Some(with_any_source_port(gate))
            }
            Ok(None | Some(Value::Known(PrivateEndpointPolicies::Disabled))) => None,
            Ok(Some(Value::Unknown(text))) => {
                let rules = GateRules::Unknown(Unresolved::Value(text.clone()));
                Some(Gate::new(gate.kind, gate.applied_to, rules))
            }
        };
        let gate = gate.and_then(filtered);
        place.assumptions.clear();
        Self {
            platform: None,
            ..place.chain(gate.into_iter().collect(), subnet, endpoint.id.clone())
        }
    }

    /// The gates of an interface that may belong to a private endpoint or not: any.
    fn unknown(
        topology: &Topology,
        interface: &ResourceId,
        reason: &UnknownValue,
        direction: Direction,
    ) -> Self {
        let names = Arc::new(Names::new(topology.service_tags().clone()));
        let place = Place::new(topology, names, None, direction);
        let reason = Unresolved::Value(reason.clone());
        let rules = GateRules::Unknown(reason.clone());
        let gate = Gate::new(GateKind::nic(direction), interface.clone(), rules);
        place.chain(vec![gate], Err(reason), interface.clone())
    }

    /// The rules of one security group by themselves, without platform exemptions: what the
    /// group says, wherever it is attached.
    pub fn of_group(topology: &Topology, group: &SecurityGroup, direction: Direction) -> Self {
        let names = topology.names_of_group(group);
        let rules = Arc::new(Ruleset::of_group(group, direction, &names));
        let rules = GateRules::Group { group: group.id.clone(), rules };
        let places = topology.subnets_of_group(&group.id);
        let on_subnet = |id: &ResourceId| {
            topology.subnet(id).is_some_and(|(_, subnet)| {
                subnet.security_group.as_ref().and_then(Value::known) == Some(&group.id)
            })
        };
        let subnet = places.iter().find(|id| on_subnet(id));
        let interface = topology.network().network_interfaces.iter().find(|interface| {
            interface.security_group.as_ref().and_then(Value::known) == Some(&group.id)
        });
        let (kind, applied_to) = match (subnet, interface) {
            (None, Some(interface)) => (GateKind::nic(direction), interface.id.clone()),
            (Some(subnet), _) => (GateKind::subnet(direction), subnet.clone()),
            (None, None) => (GateKind::subnet(direction), group.id.clone()),
        };
        let tag =
            |id: &ResourceId| topology.names_at(id).tag_contents(&ServiceTag::virtual_network());
        let differs = places.windows(2).any(|pair| match pair {
            [one, next] => tag(one) != tag(next),
            _ => false,
        });
        let assumptions = differs.then(|| {
            format!(
                "the `VirtualNetwork` tag differs between the {} subnets where `{}` is attached, and is taken to hold what it holds at any of them",
                places.len(),
                group.name()
            )
        });
        Self {
            direction,
            gates: vec![Gate::new(kind, applied_to, rules)],
            names,
            platform: None,
            end: None,
            assumptions: contradictions(topology.network(), &[&group.id])
                .into_iter()
                .chain(assumptions)
                .collect(),
        }
    }

    /// The direction of traffic, seen from the end.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// The gates in the order they are asked, without the platform's.
    pub fn gates(&self) -> &[Gate] {
        &self.gates
    }

    /// The names that hold at the end.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// What the gates together do with a flow, and which decides. Allocates nothing unless
    /// something is unknown.
    pub fn evaluate(&self, flow: &Flow) -> ChainDecision<'_> {
        if self.stays_inside(flow) {
            return ChainDecision {
                verdict: Verdict::Allow,
                gate: None,
                platform: None,
                rule: None,
            };
        }
        let mut all = Composition::new();
        let mut denied = None;
        let mut last =
            ChainDecision { verdict: Verdict::Allow, gate: None, platform: None, rule: None };
        let exemption = self.exemption(flow);
        if let Some(platform) = &self.platform
            && exemption != Exemption::None
        {
            all.add(platform.outcomes(exemption, |rules| evaluate(rules, flow).outcomes()));
            last.platform = exemption.certain();
            last.rule = last.platform.and_then(|service| platform.deciding_rule(service, flow));
            denied = (all.verdict() == Verdict::Deny).then_some(last);
        }
        for gate in &self.gates {
            if !all.is_open() {
                break;
            }
            let decision = gate.evaluate(flow);
            let outcomes = decision.as_ref().map_or(gate::ANYTHING, |one| one.outcomes());
            all.add(outcomes);
            let rule = decision.zip(gate.ruleset()).and_then(|(one, rules)| one.rule(rules));
            last =
                ChainDecision { verdict: Verdict::Allow, gate: Some(gate), platform: None, rule };
            if denied.is_none() && outcomes.verdict() == Verdict::Deny {
                denied = Some(last);
            }
        }
        match all.verdict() {
            Verdict::Allow => last,
            Verdict::Deny => ChainDecision { verdict: Verdict::Deny, ..denied.unwrap_or(last) },
            Verdict::Indeterminate => ChainDecision {
                verdict: Verdict::Indeterminate,
                gate: None,
                platform: None,
                rule: None,
            },
        }
    }

    /// What every gate does with a flow, also those after one that denies (S8.13), and why.
    pub fn trace(&self, flow: &Flow) -> ChainTrace {
        ChainTrace::new(self, Question::Flow(flow))
    }

    /// What every gate does with all flows of a query: the verdict is definite only when it
    /// holds for each of them.
    pub fn trace_query(&self, query: &Query) -> ChainTrace {
        ChainTrace::new(self, Question::Query(query))
    }

    /// A packet from a machine to its own address never leaves it (S3.17).
    pub(super) fn stays_inside(&self, flow: &Flow) -> bool {
        self.end.is_some() && flow.source() == flow.destination()
    }

    pub(super) fn exemption(&self, flow: &Flow) -> Exemption {
        self.platform.as_ref().map_or(Exemption::None, |platform| platform.exemption(flow))
    }
}

/// What a chain does with a flow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub struct ChainDecision<'a> {
    verdict: Verdict,
    gate: Option<&'a Gate>,
    platform: Option<PlatformService>,
    rule: Option<&'a Rule>,
}

impl<'a> ChainDecision<'a> {
    /// The answer.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// The gate that decides: the first that denies; of an allowed flow the last one (S3.12).
    /// `None` when the answer is indeterminate, when there is no gate, or when the platform
    /// decides.
    pub fn gate(&self) -> Option<&'a Gate> {
        self.gate
    }

    /// The service of the platform whose exemption decides.
    pub fn platform(&self) -> Option<PlatformService> {
        self.platform
    }

    /// The rule that decides, in the deciding gate.
    pub fn rule(&self) -> Option<&'a Rule> {
        self.rule
    }
}

/// Makes the gates of one place.
struct Place<'a> {
    topology: &'a Topology,
    names: Arc<Names>,
    /// The subnet whose names these are, unchanged.
    shared: Option<ResourceId>,
    direction: Direction,
    assumptions: Vec<String>,
}

impl<'a> Place<'a> {
    fn new(
        topology: &'a Topology,
        names: Arc<Names>,
        subnet: Option<&Link>,
        direction: Direction,
    ) -> Self {
        let subnet = subnet.and_then(Value::known);
        let shared = subnet.filter(|subnet| Arc::ptr_eq(&names, &topology.names_at(subnet)));
        Self { topology, names, shared: shared.cloned(), direction, assumptions: Vec::new() }
    }

    /// The subnet of a link with its admin gate and its own.
    fn of_subnet_link(
        &mut self,
        link: Option<&Link>,
        owner: &ResourceId,
    ) -> (Result<&'a Subnet, Unresolved>, Option<Gate>, Option<Gate>) {
        let kind = GateKind::subnet(self.direction);
        let id = match link {
            Some(Value::Known(id)) => Ok(id),
            Some(Value::Unknown(text)) => Err(Unresolved::Value(text.clone())),
            None => Err(Unresolved::SubnetOf(owner.clone())),
        };
        let place = id.as_ref().copied();
        let admin = admin::gate(self.topology, place, owner, self.direction, &self.names);
        let admin = admin.map(|(gate, assumption)| {
            self.assumptions.extend(assumption);
            gate
        });
        let facts = match &id {
            Ok(id) => self.topology.subnet(id).ok_or_else(|| Unresolved::Subnet((*id).clone())),
            Err(reason) => Err(reason.clone()),
        };
        let applied_to = id.unwrap_or(owner);
        match facts {
            Ok((_, subnet)) => {
                let gate = self.of_group_link(kind, applied_to, subnet.security_group.as_ref());
                (Ok(subnet), admin, gate)
            }
            Err(reason) => {
                let rules = GateRules::Unknown(reason.clone());
                (Err(reason), admin, Some(Gate::new(kind, applied_to.clone(), rules)))
            }
        }
    }

    fn of_group_link(
        &self,
        kind: GateKind,
        applied_to: &ResourceId,
        link: Option<&Link>,
    ) -> Option<Gate> {
        let rules = match link? {
            Value::Unknown(text) => GateRules::Unknown(Unresolved::Value(text.clone())),
            Value::Known(id) => match self.rules_of(id) {
                None => GateRules::Unknown(Unresolved::SecurityGroup(id.clone())),
                Some((group, rules)) => GateRules::Group { group, rules },
            },
        };
        Some(Gate::new(kind, applied_to.clone(), rules))
    }

    /// The rules of a group, shared with other chains where the names are the subnet's own.
    fn rules_of(&self, group: &ResourceId) -> Option<(ResourceId, Arc<Ruleset>)> {
        let group = self.topology.security_group(group)?;
        let rules = match &self.shared {
            Some(subnet) => self.topology.ruleset_at(subnet, &group.id, self.direction)?,
            None => Arc::new(Ruleset::of_group(group, self.direction, &self.names)),
        };
        Some((group.id.clone(), rules))
    }

    fn chain(
        mut self,
        gates: Vec<Gate>,
        subnet: Result<&Subnet, Unresolved>,
        end: ResourceId,
    ) -> Chain {
        let subnet_id = subnet.as_ref().ok().map(|subnet| &subnet.id);
        let virtual_network = subnet_id.and_then(ResourceId::parent);
        let groups = gates.iter().filter_map(Gate::group);
        let used: Vec<_> = groups.chain(subnet_id).chain(&virtual_network).chain([&end]).collect();
        self.assumptions.extend(contradictions(self.topology.network(), &used));
        let platform = (self.direction == Direction::Outbound)
            .then(|| Platform::of_end(self.topology, subnet, &gates));
        Chain {
            direction: self.direction,
            gates,
            names: self.names,
            platform,
            end: Some(end),
            assumptions: self.assumptions,
        }
    }
}

/// What is assumed about those of the used resources, and of what belongs to them, that the inputs
/// contradict each other on.
fn contradictions(network: &Network, used: &[&ResourceId]) -> Vec<String> {
    let is_used = |id: &&ResourceId| {
        used.contains(id) || id.parent().is_some_and(|parent| used.contains(&&parent))
    };
    let contradicted = network.contradicted.iter().filter(is_used);
    contradicted
        .map(|id| {
            let name = id.name();
            format!("the inputs hold different versions of `{name}`: the first one read counts")
        })
        .collect()
}

fn with_any_source_port(gate: Gate) -> Gate {
    let GateRules::Group { group, rules } = gate.rules else { return gate };
    let any =
        |rule: &Rule| Rule { source_ports: Dimension::known(PortSet::full()), ..rule.clone() };
    let all = rules.rules().iter().map(any).collect();
    let rules = Arc::new(Ruleset::new(rules.direction(), all, rules.fallback()));
    Gate { rules: GateRules::Group { group, rules }, ..gate }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::UnknownValue;
    use crate::network::Network;
    use crate::network::testing::{id, network};
    use crate::resolve::ServiceTags;

    const DENY_SSH_IN: &str = "100 DenySsh deny inbound tcp *:* -> *:22";
    const ALLOW_SSH_IN: &str = "100 AllowSsh allow inbound tcp *:* -> *:22";
    const DENY_WEB_OUT: &str = "100 DenyWeb deny outbound tcp *:* -> *:443";

    fn site() -> Network {
        network(&[("hub", "10.0.0.0/16")])
            .with_subnet("hub/app", "10.0.0.0/24")
            .with_interface("nic", "hub/app", "10.0.0.4")
            .with_interface("neighbour", "hub/app", "10.0.0.5")
    }

    fn chain(network: Network, direction: Direction) -> Chain {
        let topology = network.bind(ServiceTags::built_in());
        let nic = topology.network().network_interface(&id("nic")).unwrap();
        Chain::of_interface(&topology, nic, &nic.ip_configurations[0], direction)
    }

    fn flow(text: &str) -> Flow {
        text.parse().unwrap()
    }

    /// Verdict, deciding gate, deciding rule: the fast answer and the traced one, which agree.
    #[track_caller]
    fn answer(chain: &Chain, text: &str) -> (Verdict, String) {
        let decision = chain.evaluate(&flow(text));
        let trace = chain.trace(&flow(text));
        assert_eq!(decision.verdict(), trace.verdict(), "{text}\n{trace}");
        let by = trace.deciding();
        assert_eq!(decision.gate().map(|gate| gate.kind), by.map(|gate| gate.kind), "{text}");
        let rule = by.and_then(|gate| gate.rule()).map(Rule::qualified_name);
        assert_eq!(decision.rule().map(Rule::qualified_name), rule, "{text}");
        let gate = by.map_or("none".to_owned(), |gate| gate.kind.to_string());
        (decision.verdict(), format!("{gate} {}", rule.unwrap_or_default()))
    }

    #[track_caller]
    fn decides(network: Network, direction: Direction, text: &str, verdict: Verdict, by: &str) {
        assert_eq!(answer(&chain(network, direction), text), (verdict, by.to_owned()));
    }

    use {Direction::*, Verdict::*};

    const SSH: &str = "tcp 203.0.113.7:50000 -> 10.0.0.4:22";
    const WEB: &str = "tcp 10.0.0.4:50000 -> 203.0.113.7:443";

    /// S3.9, S3.10.
    #[test]
    fn the_subnet_comes_first_inbound_and_last_outbound() {
        let all = site()
            .with_group("subnet-nsg", &["hub/app"], &[])
            .with_group("nic-nsg", &["nic"], &[])
            .with_admin(
                "manager/c/config/r/rules",
                &["hub"],
                &["1 In allow inbound tcp *:* -> *:22", "1 Out allow outbound tcp *:* -> *:443"],
            );
        let kinds = |direction| {
            let chain = chain(all.clone(), direction);
            chain.gates().iter().map(|gate| gate.kind.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(kinds(Inbound), ["admin-inbound", "subnet-inbound", "nic-inbound"]);
        assert_eq!(kinds(Outbound), ["admin-outbound", "nic-outbound", "subnet-outbound"]);
    }

    /// S3.11, T7.
    #[test]
    fn a_level_without_a_group_lets_everything_pass() {
        decides(site(), Inbound, SSH, Allow, "none ");
        let nic_only = site().with_group("nic-nsg", &["nic"], &[ALLOW_SSH_IN]);
        decides(nic_only, Inbound, SSH, Allow, "nic-inbound securityRules/AllowSsh");
        let subnet_only = site().with_group("nsg", &["hub/app"], &[]);
        let by = "subnet-inbound defaultSecurityRules/DenyAllInBound";
        decides(subnet_only, Inbound, SSH, Deny, by);
    }

    /// S3.6, S3.12, S3.13, T7, T8.
    #[test]
    fn both_levels_must_allow_and_the_first_that_denies_is_blamed() {
        let both = |on_subnet: &[&str], on_nic: &[&str]| {
            let subnet = site().with_group("subnet-nsg", &["hub/app"], on_subnet);
            subnet.with_group("nic-nsg", &["nic"], on_nic)
        };
        let allowed = both(&[ALLOW_SSH_IN], &["4000 AllowSshToo allow inbound tcp *:* -> *:22"]);
        decides(allowed, Inbound, SSH, Allow, "nic-inbound securityRules/AllowSshToo");
        // No interleaving: a high priority at the interface does not help past the subnet.
        let by_subnet = both(&["4096 DenySsh deny inbound tcp *:* -> *:22"], &[ALLOW_SSH_IN]);
        decides(by_subnet, Inbound, SSH, Deny, "subnet-inbound securityRules/DenySsh");
        let by_nic = both(&[ALLOW_SSH_IN], &[]);
        decides(by_nic, Inbound, SSH, Deny, "nic-inbound defaultSecurityRules/DenyAllInBound");

        let by_both = both(&[DENY_SSH_IN], &[DENY_SSH_IN]);
        let trace = chain(by_both, Inbound).trace(&flow(SSH));
        let denying: Vec<_> = trace.denying().map(|gate| gate.kind).collect();
        assert_eq!(denying, [GateKind::SubnetInbound, GateKind::NicInbound]);
        assert_eq!(
            trace.gates().iter().map(|gate| gate.is_asked).collect::<Vec<_>>(),
            [true, false]
        );

        let outbound = both(&[DENY_WEB_OUT], &[DENY_WEB_OUT]);
        decides(outbound, Outbound, WEB, Deny, "nic-outbound securityRules/DenyWeb");
        let by_subnet = both(&[DENY_WEB_OUT], &[]);
        decides(by_subnet, Outbound, WEB, Deny, "subnet-outbound securityRules/DenyWeb");
    }

    /// S3.14.
    #[test]
    fn neighbours_in_a_subnet_are_filtered_too() {
        let closed = "100 DenyAll deny inbound * *:* -> *:*";
        let from_neighbour = "tcp 10.0.0.5:50000 -> 10.0.0.4:22";
        let denied = site().with_group("nsg", &["hub/app"], &[closed]);
        decides(denied, Inbound, from_neighbour, Deny, "subnet-inbound securityRules/DenyAll");
        let open = site().with_group("nsg", &["hub/app"], &[]);
        let by = "subnet-inbound defaultSecurityRules/AllowVnetInBound";
        decides(open, Inbound, from_neighbour, Allow, by);
    }

    /// S3.16.
    #[test]
    fn each_interface_has_its_own_chain() {
        let all = site().with_group("nic-nsg", &["neighbour"], &[]);
        assert_eq!(chain(all, Inbound).gates(), []);
    }

    /// S3.17.
    #[test]
    fn a_packet_to_the_own_address_meets_no_gate() {
        let closed = "100 DenyAll deny outbound * *:* -> *:*";
        let all = site().with_group("nsg", &["hub/app"], &[closed]);
        let to_itself = "tcp 10.0.0.4:50000 -> 10.0.0.4:22";
        decides(all.clone(), Outbound, to_itself, Allow, "none ");
        let trace = chain(all.clone(), Outbound).trace(&flow(to_itself));
        assert_eq!(trace.assumptions().len(), 1);
        let to_neighbour = "tcp 10.0.0.4:50000 -> 10.0.0.5:22";
        decides(all, Outbound, to_neighbour, Deny, "subnet-outbound securityRules/DenyAll");
    }

    /// S3.18, S3.19: rules see private addresses.
    #[test]
    fn a_rule_for_a_public_address_does_not_match_the_machine_behind_it() {
        let wrong = "100 Wrong allow inbound tcp *:* -> 20.1.2.3:22";
        let all = site().with_group("nsg", &["nic"], &[wrong]);
        decides(all, Inbound, SSH, Deny, "nic-inbound defaultSecurityRules/DenyAllInBound");
        let right = "100 Right allow inbound tcp *:* -> 10.0.0.4:22";
        let all = site().with_group("nsg", &["nic"], &[right]);
        decides(all, Inbound, SSH, Allow, "nic-inbound securityRules/Right");
    }

    /// S3.8, S3.12: a group that cannot be looked up may do anything, and a certain deny
    /// elsewhere decides all the same.
    #[test]
    fn a_group_that_is_not_there_makes_the_answer_open_unless_another_denies() {
        let gone = |on_nic: &[&str]| {
            let nic = site().with_group("nic-nsg", &["nic"], on_nic);
            nic.with(|all| all.subnet_called("hub/app").security_group = Some(id("gone").into()))
        };
        decides(gone(&[ALLOW_SSH_IN]), Inbound, SSH, Indeterminate, "none ");
        let trace = chain(gone(&[ALLOW_SSH_IN]), Inbound).trace(&flow(SSH));
        assert_eq!(trace.unresolved(), [&Unresolved::SecurityGroup(id("gone"))]);
        let denied = gone(&[DENY_SSH_IN]);
        decides(denied.clone(), Inbound, SSH, Deny, "nic-inbound securityRules/DenySsh");
        assert_eq!(chain(denied, Inbound).trace(&flow(SSH)).unresolved(), [] as [&Unresolved; 0]);
    }

    #[test]
    fn links_that_cannot_be_followed_are_gates_of_unknown_rules() {
        let reason = |network: Network| {
            let chain = chain(network, Inbound);
            match chain.gates() {
                [Gate { rules: GateRules::Unknown(reason), .. }] => reason.clone(),
                other => panic!("{other:?}"),
            }
        };
        let text = UnknownValue::new("[variables('nsg')]");
        let expression = site().with(|all| {
            all.interface("nic").security_group = Some(Value::Unknown(text.clone()));
        });
        assert_eq!(reason(expression), Unresolved::Value(text));
        let dangling = site().with(|all| all.virtual_networks.clear());
        assert_eq!(reason(dangling), Unresolved::Subnet(id("hub/app")));
        let unsaid = site().with(|all| all.interface("nic").ip_configurations[0].subnet = None);
        assert_eq!(reason(unsaid), Unresolved::SubnetOf(id("nic")));
    }

    /// S3.24, S3.25: replies are no new flows; an outbound deny-all does not matter to a
    /// connection that came in.
    #[test]
    fn return_traffic_needs_no_rule() {
        let silent = "100 DenyAllOut deny outbound * *:* -> *:*";
        let all = site().with_group("nsg", &["nic"], &[ALLOW_SSH_IN, silent]);
        decides(all.clone(), Inbound, SSH, Allow, "nic-inbound securityRules/AllowSsh");
        let reply = flow(SSH).reversed();
        assert!(reply.is_return_traffic_of(&flow(SSH)));
        // The same packet as the first of a connection would be denied.
        let by = "nic-outbound securityRules/DenyAllOut";
        decides(all, Outbound, &reply.to_string(), Deny, by);
    }

    /// S5.9, S8.2: a group alone has no platform exemptions.
    #[test]
    fn a_bare_group_answers_for_its_rules_alone() {
        let closed = "100 DenyAll deny outbound * *:* -> *:*";
        let all = site().with_group("nsg", &["hub/app"], &[closed]).bind(ServiceTags::built_in());
        let group = all.security_group(&id("nsg")).unwrap();
        let chain = Chain::of_group(&all, group, Outbound);
        let dns = "udp 10.0.0.4:50000 -> 168.63.129.16:53";
        assert_eq!(answer(&chain, dns).0, Deny);
        assert_eq!(answer(&chain, "tcp 10.0.0.4:1 -> 10.0.0.4:2").0, Deny);
        assert_eq!(chain.gates()[0].applied_to, id("hub/app"));
    }

    #[test]
    fn a_group_at_several_places_says_what_its_tag_is_taken_for() {
        let all = network(&[("hub", "10.0.0.0/16"), ("spoke", "10.1.0.0/16")])
            .with_subnet("hub/app", "10.0.0.0/24")
            .with_subnet("hub/db", "10.0.1.0/24")
            .with_subnet("hub/web", "10.0.2.0/24")
            .with_subnet("spoke/app", "10.1.0.0/24")
            .with_group("wide", &["hub/app", "spoke/app"], &[])
            .with_group("narrow", &["hub/db", "hub/web"], &[])
            .bind(ServiceTags::built_in());
        let answer = |name: &str, text: &str| {
            let group = all.security_group(&id(name)).unwrap();
            let trace = Chain::of_group(&all, group, Inbound).trace(&flow(text));
            (trace.verdict(), trace.assumptions().len())
        };
        assert_eq!(answer("wide", "tcp 10.1.0.5:1 -> 10.0.0.4:22"), (Allow, 1));
        assert_eq!(answer("narrow", "tcp 10.1.0.5:1 -> 10.0.0.4:22"), (Deny, 0));
    }

    #[test]
    fn a_subnet_stands_for_machines_without_an_interface_here() {
        let all = site().with_group("nsg", &["hub/app"], &[]).bind(ServiceTags::built_in());
        let chain = Chain::of_subnet(&all, &id("hub/APP"), Inbound).unwrap();
        assert_eq!(answer(&chain, SSH).1, "subnet-inbound defaultSecurityRules/DenyAllInBound");
        assert!(Chain::of_subnet(&all, &id("hub/gone"), Inbound).is_none());
    }

    /// S3.33, S3.34, S3.35.
    #[test]
    fn a_private_endpoint_is_filtered_only_where_its_subnet_says_so() {
        let rules = [
            "100 FromPort1 allow inbound tcp *:1 -> *:443",
            "200 DenyAll deny inbound * *:* -> *:*",
        ];
        let endpoint = |policies: PrivateEndpointPolicies| {
            let all = site()
                .with_group("nsg", &["hub/app"], &rules)
                .with_admin(
                    "manager/c/config/r/rules",
                    &["hub"],
                    &["1 Never deny inbound * *:* -> *:*"],
                )
                .with(|all| {
                    all.subnet_called("hub/app").private_endpoint_policies = Some(policies.into());
                    let subnet = Some(id("hub/app").into());
                    let mut endpoint = PrivateEndpoint::new(id("endpoint"), subnet);
                    endpoint.network_interfaces.push(id("nic").into());
                    all.private_endpoints.push(endpoint);
                });
            chain(all, Inbound)
        };
        let open = endpoint(PrivateEndpointPolicies::Disabled);
        assert_eq!(open.gates(), []);
        let filtered = endpoint(PrivateEndpointPolicies::SecurityGroup);
        assert_eq!(filtered.gates().len(), 1);
        let https = "tcp 10.0.0.5:50000 -> 10.0.0.4:443";
        assert_eq!(answer(&filtered, https).1, "subnet-inbound securityRules/FromPort1");
        let ssh = "tcp 10.0.0.5:50000 -> 10.0.0.4:22";
        assert_eq!(answer(&filtered, ssh).1, "subnet-inbound securityRules/DenyAll");
    }
}
