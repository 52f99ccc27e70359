//! Verdicts that Azure itself gave: recorded answers of Network Watcher and flow logs.
//!
//! They are other people's data and no part of this crate: the environment variable `NSG_CORPUS`
//! names a folder of them, and without it these tests say so and pass. A record that is not
//! reproduced must be listed in `known_differences.json` with the reason, and one that is
//! reproduced must not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use nsg_engine::azure::network_watcher::{
    ConfigurationDiagnosticRequest, IpFlowRequest, RuleReference, configuration_diagnostic,
};
use nsg_engine::azure::read;
use nsg_engine::eval::Verdict;
use nsg_engine::model::{ResourceId, SecurityGroup};
use nsg_engine::network::{IpConfiguration, Network, NetworkInterface, Subnet, VirtualNetwork};
use nsg_engine::path::Chain;
use nsg_engine::resolve::{ServiceTags, Topology};
use serde::Deserialize;
use serde_json::Value;

#[test]
fn network_watcher_is_reproduced() {
    let Some(corpus) = corpus("network_watcher_is_reproduced") else { return };
    let records: Vec<Watched> = lines(&corpus, "ground_truth.jsonl");
    let usable: Vec<&Watched> = records.iter().filter(|record| record.usable).collect();
    assert!(usable.len() >= 10, "only {} usable records", usable.len());
    let outcome = usable.iter().map(|record| (record.id.clone(), record.difference(&corpus)));
    compare_with_known(&outcome.collect());
}

#[test]
fn flow_logs_are_reproduced() {
    let Some(corpus) = corpus("flow_logs_are_reproduced") else { return };
    let records: Vec<Logged> = lines(&corpus, "flow_log_truth.jsonl");
    let asserted: Vec<&Logged> = records.iter().filter(|record| record.assert).collect();
    assert!(asserted.len() >= 500, "only {} asserted records", asserted.len());
    let outcome = asserted.iter().map(|record| (record.id.clone(), record.difference()));
    compare_with_known(&outcome.collect());
}

fn corpus(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("NSG_CORPUS").filter(|folder| !folder.is_empty());
    if folder.is_none() {
        eprintln!("{test} skipped: NSG_CORPUS is not set");
    }
    folder.map(PathBuf::from)
}

fn lines<T: for<'de> Deserialize<'de>>(corpus: &std::path::Path, file: &str) -> Vec<T> {
    let text = fs::read_to_string(corpus.join(file)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Fails on a difference that is not known, and on a known one that is none.
fn compare_with_known(outcome: &BTreeMap<String, Option<String>>) {
    let known: BTreeMap<String, String> =
        serde_json::from_str(include_str!("data/known_differences.json")).unwrap();
    let new: Vec<String> = outcome
        .iter()
        .filter(|(id, _)| !known.contains_key(*id))
        .filter_map(|(id, difference)| Some(format!("{id}: {}", difference.as_ref()?)))
        .collect();
    assert!(new.is_empty(), "{} differences:\n{}", new.len(), new.join("\n"));
    let reproduced = |id: &&String| outcome.get(*id).is_some_and(Option::is_none);
    let stale: BTreeSet<&String> = known.keys().filter(reproduced).collect();
    assert!(stale.is_empty(), "known differences that are none any more: {stale:?}");
    eprintln!("{} records, {} known differences", outcome.len(), known.len());
}

/// A recorded answer of Network Watcher.
#[derive(Deserialize)]
struct Watched {
    id: String,
    kind: String,
    usable: bool,
    nsg_files: Vec<GroupFile>,
    vnet_address_prefixes: Vec<String>,
    flow: Option<RecordedFlow>,
    expected: Value,
}

#[derive(Deserialize)]
struct GroupFile {
    file: String,
    applied_to: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RecordedFlow {
    direction: String,
    protocol: String,
    local: String,
    local_port: String,
    remote: String,
    remote_port: String,
}

impl Watched {
    fn difference(&self, corpus: &std::path::Path) -> Option<String> {
        let groups = self.nsg_files.iter().map(|file| {
            let json = fs::read(corpus.join(&file.file)).unwrap();
            let group = read(&json).unwrap().network.security_groups.remove(0);
            (file.applied_to.clone(), group)
        });
        let end = end(&self.vnet_address_prefixes, groups);
        let flow = self.flow.as_ref().unwrap();
        match self.kind.as_str() {
            "ip_flow_verify" => {
                let access = self.expected["access"].as_str().unwrap();
                flow.difference(&end, access, self.expected["ruleName"].as_str().unwrap())
            }
            "network_configuration_diagnostic" => self.diagnostic_difference(corpus, flow, &end),
            other => panic!("{}: kind `{other}`", self.id),
        }
    }

    /// Access, matched rules, and the five booleans of every rule looked at. Entries of a network
    /// manager are left out: its rules are in no record.
    fn diagnostic_difference(
        &self,
        corpus: &std::path::Path,
        flow: &RecordedFlow,
        topology: &Topology,
    ) -> Option<String> {
        let evaluated = match self.expected["evaluated_file"].as_str() {
            Some(file) => {
                let file = fs::read(corpus.join(file)).unwrap();
                let answer: Value = serde_json::from_slice(&file).unwrap();
                let result = &answer["results"][0]["networkSecurityGroupResult"];
                result["evaluatedNetworkSecurityGroups"].clone()
            }
            None => self.expected["evaluated"].clone(),
        };
        let of_group = |entry: &&Value| {
            !entry["networkSecurityGroupId"].as_str().unwrap().contains("networkManagers")
        };
        let expected: Vec<Value> =
            evaluated.as_array().unwrap().iter().filter(of_group).map(comparable).collect();

        let (source, destination, port) = match flow.direction.as_str() {
            "Inbound" => (&flow.remote, &flow.local, &flow.local_port),
            _ => (&flow.local, &flow.remote, &flow.remote_port),
        };
        let request: ConfigurationDiagnosticRequest = serde_json::from_value(serde_json::json!({
            "targetResourceId": NIC,
            "profiles": [{
                "direction": flow.direction, "protocol": flow.protocol, "source": source,
                "destination": destination, "destinationPort": port,
            }],
        }))
        .unwrap();
        let answer = configuration_diagnostic(topology, &request, &[]).unwrap();
        let answer = serde_json::to_value(answer).unwrap();
        let result = &answer["results"][0]["networkSecurityGroupResult"];
        let entries = result["evaluatedNetworkSecurityGroups"].as_array().unwrap();
        let got: Vec<Value> = entries.iter().map(comparable).collect();
        let access = (&self.expected["access"], &result["securityRuleAccessResult"]);
        (access.0 != access.1 || expected != got)
            .then(|| format!("expected {} {expected:?}\n  got {} {got:?}", access.0, access.1))
    }
}

/// What two answers about one group must have in common.
fn comparable(entry: &Value) -> Value {
    serde_json::json!({
        "matchedRule": entry["matchedRule"],
        "rulesEvaluationResult": entry["rulesEvaluationResult"],
    })
}

impl RecordedFlow {
    fn difference(&self, topology: &Topology, access: &str, rule: &str) -> Option<String> {
        let request: IpFlowRequest = serde_json::from_value(serde_json::json!({
            "direction": self.direction, "protocol": self.protocol,
            "localIPAddress": self.local, "localPort": self.local_port,
            "remoteIPAddress": self.remote, "remotePort": self.remote_port,
        }))
        .unwrap();
        let interface = &topology.network().network_interfaces[0];
        let configuration = &interface.ip_configurations[0];
        let chain = Chain::of_interface(topology, interface, configuration, request.direction);
        let decision = chain.evaluate(&request.flow().unwrap());
        let reference: RuleReference = rule.parse().unwrap();
        let is_same = decision.verdict().to_string() == access
            && decision.verdict() != Verdict::Indeterminate
            && decision.rule().is_some_and(|decided| reference.is(decided));
        (!is_same).then(|| {
            let decided = decision.rule().map(|rule| rule.qualified_name());
            format!("expected {access} {rule}, got {} {decided:?}", decision.verdict())
        })
    }
}

const NIC: &str =
    "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/networkInterfaces/nic";

/// One machine in one subnet of one virtual network, with the groups of a record.
fn end(prefixes: &[String], groups: impl IntoIterator<Item = (String, SecurityGroup)>) -> Topology {
    let mut place = VirtualNetwork::new(ResourceId::new(
        "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/vnet",
    ));
    place.address_space = prefixes.iter().map(|prefix| prefix.parse().unwrap()).collect();
    let mut subnet = Subnet::new(place.id.child("subnets", "subnet"));
    subnet.prefixes.clone_from(&place.address_space);
    let mut interface = NetworkInterface::new(ResourceId::new(NIC));
    let configuration = IpConfiguration::new("ipconfig", None, Some(subnet.id.clone().into()));
    interface.ip_configurations.push(configuration);
    let mut network = Network::default();
    for (level, mut group) in groups {
        group.id = ResourceId::new(&format!("{}-on-{level}", group.id));
        let link = Some(group.id.clone().into());
        match level.as_str() {
            "nic" => interface.security_group = link,
            "subnet" => subnet.security_group = link,
            other => panic!("level `{other}`"),
        }
        network.security_groups.push(group);
    }
    place.subnets.push(subnet);
    network.virtual_networks.push(place);
    network.network_interfaces.push(interface);
    Topology::new(network, ServiceTags::built_in())
}

/// A tuple of a flow log, with the rules that its log implies.
#[derive(Deserialize)]
struct Logged {
    id: String,
    assert: bool,
    vnet_address_prefixes_inferred: Vec<String>,
    nsg_rules_inferred: Vec<Value>,
    flow: RecordedFlow,
    expected: LoggedAnswer,
}

#[derive(Deserialize)]
struct LoggedAnswer {
    access: String,
    rule: String,
}

impl Logged {
    fn difference(&self) -> Option<String> {
        let group = serde_json::json!({
            "id": "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/networkSecurityGroups/nsg",
            "securityRules": self.nsg_rules_inferred,
        });
        let group = read(group.to_string().as_bytes()).unwrap().network.security_groups.remove(0);
        let topology = end(&self.vnet_address_prefixes_inferred, [("nic".to_owned(), group)]);
        self.flow.difference(&topology, &self.expected.access, &self.expected.rule)
    }
}
