//! NSG diagnostics: which rules of which groups decide about sets of flows at one target.

use serde::Serialize;

use super::diagnostic_name;
use super::ip_flow::as_text;
use super::request::{ConfigurationDiagnosticRequest, DiagnosticProfile};
use crate::eval::{Match, Step, Verdict};
use crate::model::{
    Direction, DirectionError, Endpoint, ProtocolSpecError, QueryError, ResourceId,
};
use crate::network::{IpConfiguration, NetworkInterface};
use crate::path::{Chain, GateKind, GateTrace};
use crate::resolve::{Rule, Topology, Unresolved};

/// What network configuration diagnostic answers (S8.9).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct ConfigurationDiagnosticResponse {
    /// One result for each profile, in the order asked.
    pub results: Vec<DiagnosticResult>,
}

/// The answer about one profile.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DiagnosticResult {
    /// The profile as it was asked.
    pub profile: DiagnosticProfile,
    /// What the rules do with it.
    pub network_security_group_result: SecurityGroupResult,
}

/// What all levels together do with a set of flows, and each of them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SecurityGroupResult {
    /// Whether the flows pass; `Indeterminate` where some may and some may not (S8.14).
    #[serde(serialize_with = "as_text")]
    pub security_rule_access_result: Verdict,
    /// Every level, in the order it is asked, also those after one that denies (S8.11, S8.13).
    pub evaluated_network_security_groups: Vec<EvaluatedSecurityGroup>,
    /// What is not known and could change the access; not a member of Azure's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

/// What one security group, or the admin rules of a network manager, do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct EvaluatedSecurityGroup {
    /// The id of the group, or of the network manager; `None` for the rules of several managers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_security_group_id: Option<String>,
    /// The id of the virtual network, subnet or network interface where it applies.
    pub applied_to: String,
    /// What this level does by itself; not a member of Azure's, and left out of the JSON.
    #[serde(skip)]
    pub access: Verdict,
    /// The rule that decides; `None` where none certainly matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matched_rule: Option<MatchedRule>,
    /// Every rule looked at, up to and including the one that decides (S8.12).
    pub rules_evaluation_result: Vec<RuleEvaluation>,
}

/// A rule that decides.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MatchedRule {
    /// Its name (S8.10).
    pub rule_name: String,
    /// `Allow` or `Deny`; `AlwaysAllow` of an admin rule.
    pub action: String,
}

/// How the fields of one rule compare with the flows: true where the rule covers all of them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "the shape is Azure's (S8.9)")]
pub struct RuleEvaluation {
    /// The name of the rule (S8.10).
    pub name: String,
    /// Whether the protocol matches.
    pub protocol_matched: bool,
    /// Whether the source matches.
    pub source_matched: bool,
    /// Whether the source port matches.
    pub source_port_matched: bool,
    /// Whether the destination matches.
    pub destination_matched: bool,
    /// Whether the destination port matches.
    pub destination_port_matched: bool,
    /// The fields that match some of the flows, or may: `protocol`, `source`, `sourcePort`,
    /// `destination`, `destinationPort`. Not a member of Azure's (S8.14).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub partial: Vec<&'static str>,
}

impl From<&GateTrace> for EvaluatedSecurityGroup {
    fn from(gate: &GateTrace) -> Self {
        let missing = || match gate.unresolved.as_slice() {
            [Unresolved::SecurityGroup(id)] => Some(id),
            _ => None,
        };
        let id = gate.group.as_ref().or(gate.manager.as_ref()).or_else(missing);
        let rules = gate.rules.iter().flat_map(|rules| rules.rules());
        let rules: Vec<&Rule> = rules.collect();
        let steps = gate.trace.iter().flat_map(|trace| &trace.steps);
        Self {
            network_security_group_id: id.map(ToString::to_string),
            applied_to: gate.applied_to.to_string(),
            access: gate.verdict,
            matched_rule: gate.rule().and_then(|rule| {
                let action = rule.effect?.to_string();
                Some(MatchedRule { rule_name: diagnostic_name(rule), action })
            }),
            rules_evaluation_result: steps
                .filter_map(|step| Some(RuleEvaluation::new(rules.get(step.rule)?, step)))
                .collect(),
        }
    }
}

impl RuleEvaluation {
    fn new(rule: &Rule, Step { fields, .. }: &Step) -> Self {
        const NAMES: [&str; 5] =
            ["protocol", "source", "sourcePort", "destination", "destinationPort"];
        let is_partial =
            |(name, field): (&'static str, Match)| (field == Match::Unknown).then_some(name);
        Self {
            name: diagnostic_name(rule),
            protocol_matched: fields.protocol == Match::Yes,
            source_matched: fields.source == Match::Yes,
            source_port_matched: fields.source_port == Match::Yes,
            destination_matched: fields.destination == Match::Yes,
            destination_port_matched: fields.destination_port == Match::Yes,
            partial: NAMES.into_iter().zip(fields.all()).filter_map(is_partial).collect(),
        }
    }
}

/// Answers a request about the machine or network interface that it names or, where `target`
/// lists some, about those instead.
///
/// Of several interfaces the one that holds the profile's local address is asked, else the
/// first.
///
/// # Errors
///
/// When the target is not in the network, or a profile cannot be read.
pub fn configuration_diagnostic(
    topology: &Topology,
    request: &ConfigurationDiagnosticRequest,
    target: &[&NetworkInterface],
) -> Result<ConfigurationDiagnosticResponse, DiagnosticError> {
    let candidates = match (target, &request.target_resource_id) {
        ([], None) => return Err(DiagnosticError::NoTarget),
        ([], Some(id)) => {
            interfaces_of(topology, id).ok_or_else(|| DiagnosticError::Target { id: id.clone() })?
        }
        (named, _) => named.to_vec(),
    };
    let answer = |(index, profile): (usize, &DiagnosticProfile)| {
        diagnose(topology, profile, &candidates)
            .map_err(|error| DiagnosticError::Profile { index, error })
    };
    let results: Result<Vec<_>, _> = request.profiles.iter().enumerate().map(answer).collect();
    Ok(ConfigurationDiagnosticResponse { results: results? })
}

/// The interfaces of the machine with this id, or the interface with this id; `None` where there
/// are none.
fn interfaces_of<'a>(topology: &'a Topology, id: &str) -> Option<Vec<&'a NetworkInterface>> {
    let (network, id) = (topology.network(), ResourceId::new(id));
    let machine = network.virtual_machines.iter().find(|machine| machine.id == id);
    let interfaces: Vec<_> = match machine {
        Some(machine) => network.interfaces_of(machine).collect(),
        None => network.network_interface(&id).into_iter().collect(),
    };
    (!interfaces.is_empty()).then_some(interfaces)
}

fn diagnose(
    topology: &Topology,
    profile: &DiagnosticProfile,
    candidates: &[&NetworkInterface],
) -> Result<DiagnosticResult, ProfileError> {
    let direction = profile.direction()?;
    let query = profile.query()?;
    let local = match direction {
        Direction::Inbound => query.destination(),
        Direction::Outbound => query.source(),
    };
    let Some((interface, configuration)) = choose(candidates, local) else {
        return Err(ProfileError::NoConfiguration);
    };
    let trace =
        Chain::of_interface(topology, interface, configuration, direction).trace_query(&query);
    Ok(DiagnosticResult {
        profile: profile.clone(),
        network_security_group_result: SecurityGroupResult {
            security_rule_access_result: trace.verdict(),
            evaluated_network_security_groups: trace
                .gates()
                .iter()
                .filter(|gate| gate.kind != GateKind::Platform)
                .map(EvaluatedSecurityGroup::from)
                .collect(),
            unknown: trace.unresolved().iter().map(ToString::to_string).collect(),
        },
    })
}

/// The interface and configuration with the local address, else the first of all: Azure evaluates
/// addresses that are not the target's as well.
fn choose<'a>(
    candidates: &[&'a NetworkInterface],
    local: &Endpoint,
) -> Option<(&'a NetworkInterface, &'a IpConfiguration)> {
    let all = || {
        candidates.iter().flat_map(|interface| {
            let primary_first = |primary| {
                interface.ip_configurations.iter().filter(move |one| one.primary == primary)
            };
            primary_first(true).chain(primary_first(false)).map(|one| (*interface, one))
        })
    };
    let holds = |(_, configuration): &(_, &IpConfiguration)| match local {
        Endpoint::Addresses(addresses) => {
            configuration.private_address.is_some_and(|address| addresses.contains(address))
        }
        Endpoint::Any | Endpoint::Tag(_) => false,
    };
    all().find(holds).or_else(|| all().next())
}

/// A profile cannot be answered.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// The direction cannot be read.
    #[error(transparent)]
    Direction(#[from] DirectionError),
    /// The target has no IP configuration to ask.
    #[error("the target has no IP configuration in the input")]
    NoConfiguration,
    /// The destination port cannot be read.
    #[error("`{text}` is not a destination port: expected `*` or a number from 0 to 65535")]
    Port {
        /// The text.
        text: String,
    },
    /// The protocol cannot be read.
    #[error(transparent)]
    Protocol(#[from] ProtocolSpecError),
    /// An endpoint cannot be read, or the members do not fit together.
    #[error(transparent)]
    Query(#[from] QueryError),
}

/// A request cannot be answered.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiagnosticError {
    /// A profile cannot be answered.
    #[error("/profiles/{index}: {error}")]
    Profile {
        /// Its place in the request, from 0.
        index: usize,
        /// Why.
        error: ProfileError,
    },
    /// Nothing is asked about.
    #[error("/targetResourceId: missing: name a virtual machine or network interface")]
    NoTarget,
    /// The target is not in the network.
    #[error("target `{id}` is no virtual machine or network interface of the input")]
    Target {
        /// The id asked for.
        id: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{SecurityGroup, Value};
    use crate::network::{Network, Subnet, VirtualMachine, VirtualNetwork};
    use crate::resolve::ServiceTags;

    /// A machine at 10.0.0.4 in 10.0.0.0/16 with a group on its subnet and one on its interface.
    fn topology(subnet_rules: &[&str], nic_rules: &[&str]) -> Topology {
        let group = |name: &str, rules: &[&str]| {
            let mut group = SecurityGroup::new(ResourceId::new(name));
            group.rules = rules.iter().map(|rule| rule.parse().unwrap()).collect();
            group
        };
        let mut place = VirtualNetwork::new(ResourceId::new("/net/virtualNetworks/vnet"));
        place.address_space.push("10.0.0.0/16".parse().unwrap());
        let mut subnet = Subnet::new(place.id.child("subnets", "app"));
        subnet.prefixes.push("10.0.0.0/24".parse().unwrap());
        subnet.security_group = Some(Value::Known(ResourceId::new("nsg-subnet")));
        let mut interface = NetworkInterface::new(ResourceId::new("/net/networkInterfaces/nic"));
        interface.security_group = Some(Value::Known(ResourceId::new("nsg-nic")));
        interface.ip_configurations.push(IpConfiguration::new(
            "ipconfig1",
            Some("10.0.0.4".parse().unwrap()),
            Some(Value::Known(subnet.id.clone())),
        ));
        let mut machine = VirtualMachine::new(ResourceId::new("/compute/virtualMachines/vm"));
        machine.network_interfaces.push(Value::Known(interface.id.clone()));
        place.subnets.push(subnet);
        let network = Network {
            security_groups: vec![group("nsg-subnet", subnet_rules), group("nsg-nic", nic_rules)],
            virtual_networks: vec![place],
            network_interfaces: vec![interface],
            virtual_machines: vec![machine],
            ..Network::default()
        };
        Topology::new(network, ServiceTags::built_in())
    }

    fn ask(topology: &Topology, profile: [&str; 5]) -> Result<serde_json::Value, DiagnosticError> {
        let [direction, protocol, source, destination, destination_port] =
            profile.map(String::from);
        let request = ConfigurationDiagnosticRequest {
            target_resource_id: Some("/COMPUTE/virtualMachines/VM".to_owned()),
            verbosity_level: None,
            profiles: vec![DiagnosticProfile {
                direction,
                protocol,
                source,
                destination,
                destination_port,
            }],
        };
        let response = configuration_diagnostic(topology, &request, &[])?;
        Ok(serde_json::to_value(response).unwrap()["results"][0].take())
    }

    /// Microsoft's tutorial: the group on the interface denies what the one on the subnet lets
    /// pass, and both are listed with every rule looked at (S8.9 to S8.13, S7.20).
    #[test]
    fn every_level_is_listed_with_its_match() {
        let topology =
            topology(&[], &["1000 DenyVnetInBound deny inbound * VirtualNetwork:* -> *:*"]);
        let answer = ask(&topology, ["Inbound", "TCP", "10.0.1.0/26", "10.0.0.4", "*"]).unwrap();
        let flags = |name: &str| {
            serde_json::json!({
                "name": name, "protocolMatched": true, "sourceMatched": true,
                "sourcePortMatched": true, "destinationMatched": true,
                "destinationPortMatched": true,
            })
        };
        assert_eq!(
            answer,
            serde_json::json!({
                "profile": {
                    "direction": "Inbound", "protocol": "TCP", "source": "10.0.1.0/26",
                    "destination": "10.0.0.4", "destinationPort": "*",
                },
                "networkSecurityGroupResult": {
                    "securityRuleAccessResult": "Deny",
                    "evaluatedNetworkSecurityGroups": [
                        {
                            "networkSecurityGroupId": "nsg-subnet",
                            "appliedTo": "/net/virtualNetworks/vnet/subnets/app",
                            "matchedRule":
                                { "ruleName": "DefaultRule_AllowVnetInBound", "action": "Allow" },
                            "rulesEvaluationResult": [flags("DefaultRule_AllowVnetInBound")],
                        },
                        {
                            "networkSecurityGroupId": "nsg-nic",
                            "appliedTo": "/net/networkInterfaces/nic",
                            "matchedRule":
                                { "ruleName": "UserRule_DenyVnetInBound", "action": "Deny" },
                            "rulesEvaluationResult": [flags("UserRule_DenyVnetInBound")],
                        },
                    ],
                },
            })
        );
    }

    /// S3.10: outbound the interface is asked before the subnet.
    #[test]
    fn outbound_the_order_is_turned_round() {
        let answer =
            ask(&topology(&[], &[]), ["Outbound", "TCP", "10.0.0.4", "Internet", "443"]).unwrap();
        let groups = &answer["networkSecurityGroupResult"]["evaluatedNetworkSecurityGroups"];
        assert_eq!(groups[0]["networkSecurityGroupId"], "nsg-nic");
        assert_eq!(groups[1]["networkSecurityGroupId"], "nsg-subnet");
        assert_eq!(groups[1]["matchedRule"]["ruleName"], "DefaultRule_AllowInternetOutBound");
    }

    /// S8.14: a rule that covers part of the query has not matched, and says which field.
    #[test]
    fn a_partly_covered_query_is_indeterminate() {
        let topology = topology(&["100 AllowHalf allow inbound tcp 203.0.113.0/25:* -> *:22"], &[]);
        let ask = |source| ask(&topology, ["Inbound", "TCP", source, "10.0.0.4", "22"]).unwrap();
        let whole = ask("203.0.113.0/24");
        let group = &whole["networkSecurityGroupResult"]["evaluatedNetworkSecurityGroups"][0];
        assert_eq!(group["rulesEvaluationResult"][0]["sourceMatched"], false);
        assert_eq!(group["rulesEvaluationResult"][0]["partial"], serde_json::json!(["source"]));
        assert_eq!(group["matchedRule"], serde_json::Value::Null);
        let access = |answer: &serde_json::Value| {
            answer["networkSecurityGroupResult"]["securityRuleAccessResult"].clone()
        };
        // The group on the interface denies all of it in any case (S3.12).
        assert_eq!(access(&whole), "Deny");
    }

    /// Azure answers about destinations that are not the target's, too.
    #[test]
    fn an_address_of_another_machine_is_asked_at_the_target() {
        let answer =
            ask(&topology(&[], &[]), ["Inbound", "Tcp", "12.11.12.14", "10.1.1.4", "12100"])
                .unwrap();
        let group = &answer["networkSecurityGroupResult"]["evaluatedNetworkSecurityGroups"][1];
        let flags: Vec<_> = group["rulesEvaluationResult"]
            .as_array()
            .unwrap()
            .iter()
            .map(|rule| (rule["sourceMatched"].clone(), rule["destinationMatched"].clone()))
            .collect();
        let expected = [(false, false), (false, true), (true, true)];
        assert_eq!(
            flags,
            expected.map(|(source, destination)| (source.into(), destination.into()))
        );
    }

    #[test]
    fn what_cannot_be_asked_is_refused_with_the_reason() {
        let topology = topology(&[], &[]);
        for (profile, reason) in [
            (["In", "TCP", "*", "*", "*"], "/profiles/0: `In` is not a direction"),
            (["Inbound", "SCTP", "*", "*", "*"], "`SCTP` is not a protocol"),
            (["Inbound", "TCP", "10.0.0.1/24", "*", "*"], "`10.0.0.1/24` is not an endpoint"),
            (["Inbound", "TCP", "*", "*", "22-80"], "`22-80` is not a destination port"),
            (["Inbound", "TCP", "10.0.0.4", "fd00::4", "22"], "no IP family in common"),
            (["Inbound", "ICMP", "*", "*", "8"], "no ports"),
        ] {
            let error = ask(&topology, profile).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        let request = ConfigurationDiagnosticRequest {
            target_resource_id: Some("/compute/virtualMachines/other".to_owned()),
            verbosity_level: None,
            profiles: Vec::new(),
        };
        let error = configuration_diagnostic(&topology, &request, &[]).unwrap_err();
        assert!(error.to_string().contains("is no virtual machine or network interface"));
    }
}
