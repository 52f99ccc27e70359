//! The mistakes that other tools made and documented. What they got wrong about a verdict or a
//! reading is in `museum.toml` and runs with all other cases; here is what they got wrong about
//! remedies, and that no exhibit goes missing.

use std::collections::BTreeSet;

use nsg_engine::diagnose::{BastionQuestion, BastionVerdict, Repair, RepairRule, bastion};
use nsg_engine::network::{BastionHost, BastionSku, Network};
use nsg_engine::resolve::{ServiceTags, Topology};

use crate::support::cases::exhibits;
use crate::support::networks::{NetworkText, resource, subnet_id};

#[test]
fn every_exhibit_is_there_and_says_who_was_wrong() {
    let mut numbers = BTreeSet::new();
    for (name, mistake) in exhibits() {
        let mistake = mistake.unwrap_or_else(|| panic!("{name}: no mistake"));
        let is_sentence = mistake.starts_with(char::is_alphabetic) && mistake.contains(' ');
        assert!(is_sentence && !mistake.ends_with('.'), "{name}: {mistake}");
        let label = name.split(':').next().unwrap();
        let listed = label.trim_start_matches("exhibits ").trim_start_matches("exhibit ");
        numbers.extend(listed.split(" and ").filter_map(|number| number.parse::<u32>().ok()));
    }
    let expected: BTreeSet<u32> = (1..=17).collect();
    assert_eq!(numbers, expected);
}

/// A machine beside a Bastion subnet, with these rules on its interface.
fn network(rules: &[&str]) -> Network {
    let text = format!(
        r#"
        virtual_networks.v = {{ space = ["10.0.0.0/16"], subnets.app = {{ prefix = ["10.0.0.0/24"] }}, subnets.AzureBastionSubnet = {{ prefix = ["10.0.1.0/26"] }} }}
        interfaces.vm = {{ address = ["10.0.0.4"], subnet = "v/app", group = "nsg" }}
        groups.nsg = {rules:?}
        "#
    );
    let mut network = toml::from_str::<NetworkText>(&text).unwrap().build("museum");
    let mut host = BastionHost::new(resource("bastionHosts", "bastion"), BastionSku::Standard);
    host.subnet = Some(subnet_id("v/AzureBastionSubnet").into());
    network.bastion_hosts.push(host);
    network
}

fn repairs(network: &Network) -> Vec<Repair> {
    let topology = Topology::new(network.clone(), ServiceTags::built_in());
    let report = bastion(&topology, &BastionQuestion::about("vm")).unwrap();
    assert_eq!(report.verdict, BastionVerdict::Blocked);
    report.repairs
}

/// Exhibit 9: Cloud Custodian computed priorities from 90 to 99 for its remedy.
#[test]
fn a_remedy_has_a_priority_that_azure_takes() {
    for rules in [
        &["100 NoSsh deny inbound tcp *:* -> *:22"] as &[&str],
        &["101 NoSsh deny inbound tcp *:* -> *:22", "100 Other allow inbound udp *:* -> *:53"],
        &["110 NoSsh deny inbound tcp *:* -> *:22"],
        &["4096 NoSsh deny inbound * *:* -> *:*"],
    ] {
        for repair in repairs(&network(rules)) {
            for rule in [&repair.rule, &repair.and_rule].into_iter().flatten() {
                let RepairRule::Security(rule) = rule else { panic!("an admin rule") };
                let priority = rule.priority.known().unwrap();
                assert!(priority.is_custom(), "{rules:?}: {rule}");
            }
        }
    }
}

/// Exhibit 10: Cloud Custodian offered nothing where a rule at 100 cannot be outranked.
#[test]
fn where_nothing_fits_in_front_another_remedy_is_offered() {
    let found = repairs(&network(&["100 NoSsh deny inbound tcp *:* -> *:22"]));
    assert!(!found.is_empty());
    for repair in found {
        let is_told = repair.proved || repair.note.is_some();
        assert!(is_told, "{repair:?}");
    }
}
