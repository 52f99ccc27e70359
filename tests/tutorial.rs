//! Microsoft's tutorial on NSG diagnostics (T4 to T6), on a network of our own: a machine that
//! Azure Bastion cannot reach because a user's rule denies the virtual network, the rule that
//! mends it, and an admin rule that allows and settles nothing.
//!
//! The answers are compared with golden files, member by member, so that a program which reads
//! Azure's answers can read ours (S8.8 to S8.13).

use std::collections::BTreeSet;

use nsg_engine::azure::Reader;
use nsg_engine::azure::network_watcher::{
    ConfigurationDiagnosticRequest, ConfigurationDiagnosticResponse, configuration_diagnostic,
};
use nsg_engine::model::Mode;
use nsg_engine::resolve::ServiceTags;
use serde_json::Value;

const NETWORK: &str = include_str!("data/tutorial/network.json");
const BASTION_RULE: &str = include_str!("data/tutorial/bastion-rule.json");
const MANAGER: &str = include_str!("data/tutorial/manager.json");
const REQUEST: &str = include_str!("data/tutorial/request.json");

/// The answer to the tutorial's question about a network of several inputs, which are all what
/// Azure itself would take.
fn ask(inputs: &[&str]) -> ConfigurationDiagnosticResponse {
    let mut reader = Reader::new(Mode::Strict);
    for input in inputs {
        reader.add("input", input.as_bytes()).unwrap();
    }
    let read = reader.finish();
    assert_eq!(read.findings, []);
    let topology = read.network.bind(ServiceTags::built_in());
    let request: ConfigurationDiagnosticRequest = serde_json::from_str(REQUEST).unwrap();
    configuration_diagnostic(&topology, &request, &[]).unwrap()
}

#[test]
fn the_answers_are_the_tutorials() {
    for (inputs, golden) in [
        // T4: the interface's group denies what the subnet's default rule allows.
        (&[NETWORK] as &[&str], include_str!("data/tutorial/denied.json")),
        // T5: a rule for the Bastion subnet at a lower number.
        (&[NETWORK, BASTION_RULE], include_str!("data/tutorial/allowed.json")),
        // T6: the manager's entry comes first, and the groups decide all the same.
        (&[NETWORK, MANAGER], include_str!("data/tutorial/denied-with-manager.json")),
        (
            &[BASTION_RULE, MANAGER, NETWORK],
            include_str!("data/tutorial/allowed-with-manager.json"),
        ),
    ] {
        let got = serde_json::to_value(ask(inputs)).unwrap();
        let expected: Value = serde_json::from_str(golden).unwrap();
        let text = serde_json::to_string_pretty(&got).unwrap();
        assert_eq!(got, expected, "got:\n{text}");
    }
}

/// Azure's own answer to the tutorial has the same members, at the same places, of the same types.
#[test]
fn the_shape_is_azures() {
    let Some(corpus) = std::env::var_os("NSG_CORPUS").filter(|folder| !folder.is_empty()) else {
        eprintln!("the_shape_is_azures skipped: NSG_CORPUS is not set");
        return;
    };
    let file = std::path::Path::new(&corpus)
        .join("ground_truth/docs/bastion_denied__run-configuration-diagnostic.json");
    let azures: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let ours = serde_json::to_value(ask(&[NETWORK, MANAGER])).unwrap();
    assert_eq!(shape(&ours), shape(&azures));
}

/// Every path of member names with the type that stands there.
fn shape(value: &Value) -> BTreeSet<String> {
    let kind = match value {
        Value::Object(members) => {
            return members.iter().flat_map(|(name, member)| below(name, member)).collect();
        }
        Value::Array(items) => return items.iter().flat_map(|item| below("*", item)).collect(),
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "text",
    };
    [format!(" {kind}")].into()
}

fn below(name: &str, value: &Value) -> Vec<String> {
    shape(value).into_iter().map(|path| format!("/{name}{path}")).collect()
}
