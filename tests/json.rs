//! What holds for every group written as JSON and read back.

use nsg_engine::azure::{Reader, read};
use nsg_engine::model::{Mode, ResourceId, SecurityGroup};
use nsg_engine::network::Network;
use nsg_engine::strategies::{Choices, Shape, groups, rules};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn network(document: &Value) -> Network {
    read(document.to_string().as_bytes()).unwrap().network
}

/// The same document with the members of every object in another order, and some that nobody
/// knows.
fn disguised(value: &Value, choices: &mut Choices) -> String {
    match value {
        Value::Object(members) => {
            let mut parts: Vec<String> = members
                .iter()
                .map(|(name, member)| format!("{}:{}", json!(name), disguised(member, choices)))
                .collect();
            if choices.one_in(2) {
                parts.push(r#""x-unheard-of":{"priority":[null,-1]}"#.to_owned());
            }
            for last in (1..parts.len()).rev() {
                parts.swap(last, choices.below(last + 1));
            }
            format!("{{{}}}", parts.join(","))
        }
        Value::Array(items) => {
            let parts: Vec<String> = items.iter().map(|item| disguised(item, choices)).collect();
            format!("[{}]", parts.join(", "))
        }
        other => other.to_string(),
    }
}

/// As the command line prints a resource: the members of `properties` beside its own.
fn flattened(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut flat = Map::new();
            for (name, member) in members {
                match (name.as_str(), flattened(member)) {
                    ("properties", Value::Object(properties)) => flat.extend(properties),
                    (_, member) => drop(flat.insert(name.clone(), member)),
                }
            }
            Value::Object(flat)
        }
        Value::Array(items) => items.iter().map(flattened).collect(),
        other => other.clone(),
    }
}

proptest! {
    /// S10.1, S10.6: what is written is read as the same rule, the unknown included.
    #[test]
    fn a_rule_round_trips_through_json(rule in rules(Shape::default())) {
        let mut group = SecurityGroup::new(ResourceId::new(
            "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/networkSecurityGroups/nsg",
        ));
        group.rules.push(rule.clone());
        let read = network(&serde_json::to_value(&group).unwrap());
        prop_assert_eq!(&read.security_groups[0].rules, &[rule]);
    }

    #[test]
    fn a_group_round_trips_through_json(group in groups(Shape::default())) {
        let document = serde_json::to_value(&group).unwrap();
        prop_assert_eq!(&network(&document).security_groups, std::slice::from_ref(&group));
        let list = json!({ "value": [document] });
        prop_assert_eq!(network(&list).security_groups, [group]);
    }

    /// S10.5: the shapes of the API and of the command line say the same.
    #[test]
    fn flattening_changes_nothing(group in groups(Shape::default())) {
        let document = flattened(&serde_json::to_value(&group).unwrap());
        prop_assert_eq!(network(&json!([document])).security_groups, [group]);
    }

    #[test]
    fn the_order_of_members_and_unheard_of_ones_do_not_matter(
        group in groups(Shape::default()),
        seed in any::<u64>(),
    ) {
        let document = serde_json::to_value(&group).unwrap();
        let disguised = disguised(&document, &mut Choices::from_seed(seed));
        prop_assert_eq!(read(disguised.as_bytes()).unwrap().network, network(&document));
    }

    /// S1.58: strict reading finds more to say and reads the same rules.
    #[test]
    fn strict_reading_reads_what_azure_would_accept_alike(group in groups(Shape::definite())) {
        let document = serde_json::to_vec(&group).unwrap();
        let lenient = read(&document).unwrap();
        let mut strict = Reader::new(Mode::Strict);
        strict.add("input", &document).unwrap();
        let strict = strict.finish();
        if strict.findings.is_empty() {
            prop_assert!(lenient.findings.is_empty(), "{:?}", lenient.findings);
            prop_assert_eq!(strict.network, lenient.network);
        }
    }
}
