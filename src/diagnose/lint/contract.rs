//! Traffic that the caller says must be allowed or denied.

use super::at::At;
use super::{Fix, Lint, LintCode};
use crate::analysis::repair::Edit;
use crate::analysis::{Contract, Gates, Judgement, effective};
use crate::diagnose::repair::free_name;
use crate::model::{
    Access, AddressItem, AddressSpec, Direction, Priority, ProtocolSpec, ResourceId, RuleName,
    SecurityRule, Value,
};
use crate::net::AddressSet;
use crate::network::{IpConfiguration, NetworkInterface};
use crate::path::{Chain, GateRules};
use crate::report::Severity;
use crate::resolve::{RuleKind, Ruleset, Topology};
use crate::space::{HeaderSpace, LimitExceeded, Limits, Region};

/// Whether the gates in front of every interface that contracts are about keep them, and whether
/// they do so by the default rule AllowVnetInBound alone.
///
/// An interface is one that a contract is about where the contract's destination holds the
/// interface's address; only flows to that address are looked at.
///
/// ```
/// use nsg_engine::analysis::Contract;
/// use nsg_engine::diagnose::{LintCode, lint_contracts};
/// use nsg_engine::model::{Access, ResourceId, SecurityGroup};
/// use nsg_engine::network::{IpConfiguration, Network, NetworkInterface, Subnet, VirtualNetwork};
/// use nsg_engine::resolve::{ServiceTags, Topology};
/// use nsg_engine::space::Limits;
///
/// let mut network = Network::default();
/// network.security_groups.push(SecurityGroup::new(ResourceId::new("nsg")));
/// let mut vnet = VirtualNetwork::new(ResourceId::new("/v/virtualNetworks/vnet"));
/// vnet.address_space.push("10.0.0.0/16".parse()?);
/// let mut subnet = Subnet::new(vnet.id.child("subnets", "app"));
/// subnet.prefixes.push("10.0.0.0/24".parse()?);
/// subnet.security_group = Some(ResourceId::new("nsg").into());
/// let mut nic = NetworkInterface::new(ResourceId::new("nic"));
/// let place = Some(subnet.id.clone().into());
/// nic.ip_configurations.push(IpConfiguration::new("ip", Some("10.0.0.4".parse()?), place));
/// vnet.subnets.push(subnet);
/// network.virtual_networks.push(vnet);
/// network.network_interfaces.push(nic);
///
/// let ssh = Contract::new(Access::Allow, "tcp 10.0.1.0/26:* -> 10.0.0.0/24:22".parse()?);
/// let topology = Topology::new(network, ServiceTags::built_in());
/// let found = lint_contracts(&topology, &[ssh], &Limits::default());
/// assert_eq!(found[0].code, LintCode::ReliesOnAllowVnet);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn lint_contracts(topology: &Topology, contracts: &[Contract], limits: &Limits) -> Vec<Lint> {
    let mut found: Vec<Lint> = Vec::new();
    for contract in contracts {
        for interface in &topology.network().network_interfaces {
            for configuration in &interface.ip_configurations {
                let lints = of_configuration(topology, contract, interface, configuration, limits);
                match lints {
                    // One group before many interfaces relies on the rule once.
                    Ok(lints) => found.extend(
                        lints
                            .into_iter()
                            .filter(|one| !found.iter().any(|other| is_same(one, other)))
                            .collect::<Vec<_>>(),
                    ),
                    Err(exceeded) => {
                        let code = LintCode::LimitReached;
                        let message = exceeded.to_string();
                        let lint = Lint::new(code, Severity::Warning, &interface.id, message);
                        found.push(lint.at(interface.origin.location()));
                    }
                }
            }
        }
    }
    found
}

fn is_same(one: &Lint, other: &Lint) -> bool {
    (one.code, &one.subject, &one.message) == (other.code, &other.subject, &other.message)
}

fn of_configuration(
    topology: &Topology,
    contract: &Contract,
    interface: &NetworkInterface,
    configuration: &IpConfiguration,
    limits: &Limits,
) -> Result<Vec<Lint>, LimitExceeded> {
    let own = configuration
        .private_prefix
        .map(AddressSet::from)
        .or_else(|| configuration.private_address.map(AddressSet::from));
    let Some(own) = own else { return Ok(Vec::new()) };
    let destination = contract.region.destination.intersection(&own);
    // A machine's traffic to itself meets no gate (S3.17).
    let source = contract.region.source.difference(&own);
    let asked = Contract {
        access: contract.access,
        region: Region { source, destination, ..contract.region.clone() },
    };
    if HeaderSpace::of_region(&asked.region).is_empty() {
        return Ok(Vec::new());
    }
    let chain = Chain::of_interface(topology, interface, configuration, Direction::Inbound);
    let gates = Gates::of_chain(&chain);
    if let Some(lint) = broken(&asked, &gates, interface, limits)? {
        return Ok(vec![lint]);
    }
    if contract.access == Access::Deny {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for gate in chain.gates() {
        let GateRules::Group { group, rules } = &gate.rules else { continue };
        found.extend(relies(topology, contract, &asked.region, (group, rules), limits)?);
    }
    Ok(found)
}

fn broken(
    contract: &Contract,
    gates: &Gates,
    interface: &NetworkInterface,
    limits: &Limits,
) -> Result<Option<Lint>, LimitExceeded> {
    let (severity, is, example) = match contract.check(gates, limits)? {
        Judgement::Holds => return Ok(None),
        Judgement::Fails(example) => (Severity::Error, "is", example),
        Judgement::Unknown(example) => (Severity::Warning, "may be", example),
    };
    let reason = example.reasons.first();
    let rule = reason.and_then(|reason| reason.rule.as_ref());
    let (must, becomes) = match contract.access {
        Access::Allow => ("allowed", "denied"),
        Access::Deny => ("denied", "allowed"),
    };
    let by = rule.map(|rule| format!(" by {rule}")).unwrap_or_default();
    let mut message =
        format!("`{}` must be {must}, and some of it {is} {becomes}{by}", contract.region);
    if severity == Severity::Warning {
        let unknown: Vec<String> = gates.unresolved().iter().map(ToString::to_string).collect();
        message = format!(
            "`{}` must be {must}, and some of it may be {becomes}; not known: {}",
            contract.region,
            unknown.join("; ")
        );
    }
    let resolved = rule.and_then(|rule| gates.rulesets().get(rule.gate)?.rules().get(rule.index));
    let location = resolved.and_then(|rule| rule.origin.location()).or(interface.origin.location());
    let lint = Lint::new(LintCode::ContractBroken, severity, &interface.id, message);
    Ok(Some(Lint {
        direction: Some(Direction::Inbound),
        rule: rule.map(ToString::to_string),
        witness: Some(example.flow),
        ..lint.at(location)
    }))
}

/// What of a region passes a group by AllowVnetInBound alone.
fn relies(
    topology: &Topology,
    contract: &Contract,
    asked: &Region,
    (group, rules): (&ResourceId, &Ruleset),
    limits: &Limits,
) -> Result<Option<Lint>, LimitExceeded> {
    let name = RuleName::as_written("AllowVnetInBound");
    let is_it = |rule: &crate::resolve::Rule| rule.kind == RuleKind::Default && rule.name == name;
    let Some(index) = rules.rules().iter().position(is_it) else { return Ok(None) };
    let passing = effective(rules, index, limits)?.certain;
    let passing = passing.intersection(&HeaderSpace::of_region(asked), limits)?;
    let (Some(witness), Some(facts)) = (passing.witness(), topology.security_group(group)) else {
        return Ok(None);
    };
    let message =
        format!("`{}` passes it by the default rule AllowVnetInBound alone", contract.region);
    let lint = Lint::new(LintCode::ReliesOnAllowVnet, Severity::Warning, group, message);
    let at = At::new(topology, facts, Direction::Inbound, limits);
    Ok(Some(Lint {
        group: Some(group.clone()),
        direction: Some(Direction::Inbound),
        rule: Some("defaultSecurityRules/AllowVnetInBound".to_owned()),
        witness: Some(witness),
        fix: at.and_then(|at| explicit_rule(&at, &contract.region)),
        ..lint.at(facts.origin.location())
    }))
}

/// The region as a rule behind all others, where one rule can say it.
fn explicit_rule(at: &At<'_>, region: &Region) -> Option<Box<Fix>> {
    let protocol = match region.protocols {
        all if all.is_full() => ProtocolSpec::Any,
        some => {
            let mut one = some.iter();
            let first = one.next().filter(|_| one.next().is_none())?;
            // Azure knows but a few protocols (S1.10).
            first.to_string().parse().ok()?
        }
    };
    let side = |addresses: &AddressSet| -> AddressSpec {
        if addresses.is_full() {
            return AddressSpec::any();
        }
        addresses.prefixes().map(AddressItem::from).collect()
    };
    let behind_all = Priority::new(Priority::LAST.number().saturating_add(1));
    let priority = at.free_number_before(behind_all)?;
    let name = free_name(at.group, "AllowWhatAllowVnetInBoundDid");
    let mut rule = SecurityRule::new(name, priority, Direction::Inbound, Access::Allow);
    rule.protocol = Value::Known(protocol);
    rule.source = side(&region.source);
    rule.source_ports = region.source_ports.clone().into();
    rule.destination = side(&region.destination);
    rule.destination_ports = region.destination_ports.clone().into();
    at.fix(format!("say so in a rule at priority {priority}"), vec![Edit::Insert(rule)])
}
