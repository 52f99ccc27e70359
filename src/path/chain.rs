//! The gates that one end of a flow passes.

use std::sync::Arc;

use super::gate::{Composition, Gate, GateKind, GateRules};
use super::platform::{Exemption, Platform, PlatformService};
use super::trace::{ChainTrace, Question};
use super::{admin, gate};
use crate::eval::{Query, Verdict, evaluate};
use crate::model::{Direction, Flow, ResourceId, SecurityGroup, UnknownValue, Value};
use crate::net::PortSet;
use crate::network::{
    IpConfiguration, Link, NetworkInterface, PrivateEndpoint, PrivateEndpointPolicies, Subnet,
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
        let names = topology.names_at_interface(interface, configuration);
        let mut place = Place { topology, names, direction, assumptions: Vec::new() };
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
        let mut place = Place { topology, names, direction, assumptions: Vec::new() };
        let link = Link::Known(subnet.clone());
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
        let mut place = Place { topology, names, direction, assumptions: Vec::new() };
        let (subnet, _, gate) = place.of_subnet_link(endpoint.subnet.as_ref(), &endpoint.id);
        let is_filtered = subnet.is_none_or(|subnet| {
            subnet.private_endpoint_policies == PrivateEndpointPolicies::SecurityGroup
        });
        let gate = gate.filter(|_| is_filtered).map(with_any_source_port);
        place.assumptions.clear();
        Self {
            platform: None,
            ..place.chain(gate.into_iter().collect(), subnet, endpoint.id.clone())
        }
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
        let assumptions = (places.len() > 1).then(|| {
            format!(
                "`{}` is attached at {} subnets; the `VirtualNetwork` tag is taken to hold what it holds at any of them",
                group.name(),
                places.len()
            )
        });
        Self {
            direction,
            gates: vec![Gate::new(kind, applied_to, rules)],
            names,
            platform: None,
            end: None,
            assumptions: assumptions.into_iter().collect(),
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
    direction: Direction,
    assumptions: Vec<String>,
}

impl<'a> Place<'a> {
    /// The subnet of a link with its admin gate and its own.
    fn of_subnet_link(
        &mut self,
        link: Option<&Link>,
        owner: &ResourceId,
    ) -> (Option<&'a Subnet>, Option<Gate>, Option<Gate>) {
        let kind = GateKind::subnet(self.direction);
        let id = match link {
            Some(Value::Known(id)) => id,
            Some(Value::Unknown(text)) => {
                let rules = GateRules::Unknown(Unresolved::Value(text.clone()));
                return (None, None, Some(Gate::new(kind, owner.clone(), rules)));
            }
            None => {
                let text = UnknownValue::new(format!("subnet of {}", owner.name()));
                let rules = GateRules::Unknown(Unresolved::Value(text));
                return (None, None, Some(Gate::new(kind, owner.clone(), rules)));
            }
        };
        let admin = admin::gate(self.topology, id, self.direction, &self.names);
        let admin = admin.map(|(gate, assumption)| {
            self.assumptions.extend(assumption);
            gate
        });
        match self.topology.subnet(id) {
            Some((_, subnet)) => {
                let gate = self.of_group_link(kind, id, subnet.security_group.as_ref());
                (Some(subnet), admin, gate)
            }
            None => {
                let rules = GateRules::Unknown(Unresolved::Subnet(id.clone()));
                (None, admin, Some(Gate::new(kind, id.clone(), rules)))
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
            Value::Known(id) => match self.topology.security_group(id) {
                None => GateRules::Unknown(Unresolved::SecurityGroup(id.clone())),
                Some(group) => {
                    let rules = Ruleset::of_group(group, self.direction, &self.names);
                    GateRules::Group { group: group.id.clone(), rules: Arc::new(rules) }
                }
            },
        };
        Some(Gate::new(kind, applied_to.clone(), rules))
    }

    fn chain(self, gates: Vec<Gate>, subnet: Option<&Subnet>, end: ResourceId) -> Chain {
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

fn with_any_source_port(gate: Gate) -> Gate {
    let GateRules::Group { group, rules } = gate.rules else { return gate };
    let any =
        |rule: &Rule| Rule { source_ports: Dimension::known(PortSet::full()), ..rule.clone() };
    let all = rules.rules().iter().map(any).collect();
    let rules = Arc::new(Ruleset::new(rules.direction(), all, rules.fallback()));
    Gate { rules: GateRules::Group { group, rules }, ..gate }
}
