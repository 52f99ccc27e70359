//! The documents of the corpus are read without panic, and as what they are.
//!
//! These tests need the corpus: the environment variable `NSG_CORPUS` names its folder.

use std::fs;
use std::path::{Path, PathBuf};

use nsg_engine::azure::{Read, Reader, read_service_tags};
use nsg_engine::model::{Mode, ServiceTag};
use nsg_engine::report::Severity;
use serde_json::Value;

/// The corpus, if the environment names it.
fn corpus() -> Option<PathBuf> {
    let folder = std::env::var_os("NSG_CORPUS").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: NSG_CORPUS is not set");
    }
    folder
}

fn documents(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(mode: Mode, name: &str, json: &[u8]) -> Read {
    let mut reader = Reader::new(mode);
    reader.add(name, json).unwrap();
    reader.finish()
}

/// Templates among them hold comments or line breaks in texts, or begin with a byte order mark.
#[test]
fn every_document_is_read() {
    let Some(corpus) = corpus() else { return };
    for path in documents(&corpus) {
        let json = fs::read(&path).unwrap();
        for mode in [Mode::Lenient, Mode::Strict] {
            read(mode, &path.display().to_string(), &json);
        }
    }
}

/// Requests and responses inside recordings and specification examples.
#[test]
fn every_body_of_a_recording_is_read() {
    let Some(corpus) = corpus() else { return };
    let mut count = 0;
    for path in documents(&corpus) {
        let text = fs::read_to_string(&path).unwrap();
        let Ok(document) = serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}'))
        else {
            continue;
        };
        for body in bodies(&document) {
            read(Mode::Lenient, &path.display().to_string(), body.to_string().as_bytes());
            count += 1;
        }
    }
    assert!(count > 500, "{count}");
}

fn bodies(value: &Value) -> Vec<&Value> {
    const NAMES: [&str; 4] = ["body", "response", "request", "resources"];
    match value {
        Value::Array(items) => items.iter().flat_map(bodies).collect(),
        Value::Object(members) => {
            let own = members.iter().filter(|(name, _)| NAMES.contains(&name.as_str()));
            own.map(|(_, body)| body).chain(members.values().flat_map(bodies)).collect()
        }
        _ => Vec::new(),
    }
}

/// Oddities that Azure took and whose meaning is not documented: numbers as addresses, and a rule
/// without a destination port. They stay unknown.
const TAKEN_BY_AZURE: [&str; 3] = ["`789`", "`1234`", "the rule has no destination port"];

/// What Azure itself returned is read whole, and otherwise refused in nothing in strict mode.
#[test]
fn groups_that_azure_returned_are_read_whole() {
    let Some(corpus) = corpus() else { return };
    let folder = corpus.join("corpus/azure-response");
    let mut refused = Vec::new();
    for path in documents(&folder) {
        let name = path.display().to_string();
        let json = fs::read(&path).unwrap();
        let document: Value = serde_json::from_slice(&json).unwrap();
        let read = read(Mode::Strict, &name, &json);
        let [group] = read.network.security_groups.as_slice() else {
            panic!("{name}: {} groups", read.network.security_groups.len());
        };
        let count = |list: &str| document["properties"][list].as_array().map_or(0, Vec::len);
        assert_eq!(group.rules.len(), count("securityRules"), "{name}");
        assert_eq!(group.default_rules.len(), 6, "{name}");
        assert_eq!(Some(group.id.as_str()), document["id"].as_str(), "{name}");
        let errors = read.findings.iter().filter(|finding| finding.severity == Severity::Error);
        refused.extend(
            errors
                .filter(|error| !TAKEN_BY_AZURE.iter().any(|text| error.message.contains(text)))
                .map(ToString::to_string),
        );
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

#[test]
fn service_tag_files_are_read_whole() {
    let Some(corpus) = corpus() else { return };
    for path in documents(&corpus.join("service_tags")) {
        let json = fs::read(&path).unwrap();
        let document: Value = serde_json::from_slice(&json).unwrap();
        let tags = read_service_tags("tags.json", &json).unwrap();
        for entry in document["values"].as_array().unwrap() {
            let name = entry["name"].as_str().unwrap();
            let addresses = tags.addresses(&ServiceTag::new(&name.to_uppercase())).unwrap();
            for prefix in entry["properties"]["addressPrefixes"].as_array().unwrap() {
                let prefix: nsg_engine::net::Prefix = prefix.as_str().unwrap().parse().unwrap();
                assert!(addresses.covers(&prefix.into()), "{name} {prefix}");
            }
        }
        assert_eq!(tags.cloud(), document["cloud"].as_str());
    }
}
