//! Pairs of rules with opposite effects, against every cell of all boundaries.

use std::collections::BTreeMap;
use std::sync::Arc;

use nsg_engine::analysis::{ConflictClass, Gates, conflicts};
use nsg_engine::eval::{FieldMatches, Match};
use nsg_engine::model::{Direction, Flow, ResourceId, SecurityGroup};
use nsg_engine::resolve::{Effect, Names, Rule, RuleKind, Ruleset, ServiceTags};
use nsg_engine::space::Limits;

use crate::space::Cells;

/// The classes of pairs are those of the flows that certainly and possibly match.
#[test]
fn conflicts_are_those_of_the_cells_that_rules_match() {
    let mut counts = BTreeMap::new();
    let names = Names::new(ServiceTags::built_in());
    let rules: Vec<String> = ["*", "10.0.0.0/8", "10.0.0.0/16,192.0.2.0/24", "asg{web},10.0.0.0/9"]
        .iter()
        .flat_map(|source| ["*", "10.0.0.4"].map(|destination| (source, destination)))
        .flat_map(|(source, destination)| {
            ["*", "22", "0-1023"]
                .map(|ports| format!("inbound tcp {source}:* -> {destination}:{ports}"))
        })
        .collect();
    for (one, other) in rules.iter().flat_map(|one| rules.iter().map(move |other| (one, other))) {
        for is_apart in [false, true] {
            let lists: Vec<Ruleset> = listed(one, other, is_apart)
                .iter()
                .map(|group| Ruleset::of_group(group, Direction::Inbound, &names))
                .collect();
            let flows = Cells::of(&lists).flows();
            let found =
                conflicts(&Gates::new(lists.iter().cloned().map(Arc::new)), &Limits::default())
                    .unwrap();
            let custom =
                lists.iter().flat_map(Ruleset::rules).filter(|one| one.kind == RuleKind::Custom);
            let [earlier, later] = custom.collect::<Vec<&Rule>>()[..] else { panic!("two rules") };
            let class = expected_class(earlier, later, &flows);
            assert_eq!(found.first().map(|one| one.class), class, "{one} {other}");
            assert!(found.len() < 2);
            *counts.entry(class).or_insert(0) += 1;
            for found in found {
                assert_eq!(found.earlier.gate + usize::from(is_apart), found.later.gate);
                for rule in [earlier, later] {
                    assert_eq!(FieldMatches::of(rule, &found.witness).overall(rule), Match::Yes);
                }
            }
        }
    }
    assert!(counts.len() == 4 && counts.values().all(|&count| count > 50), "{counts:?}");
}

/// An allowing and a denying rule in one group or in two.
fn listed(allowed: &str, denied: &str, is_apart: bool) -> Vec<SecurityGroup> {
    let rules = [format!("100 A allow {allowed}"), format!("200 D deny {denied}")];
    let mut groups = vec![SecurityGroup::new(ResourceId::new("one"))];
    if is_apart {
        groups.push(SecurityGroup::new(ResourceId::new("other")));
    }
    for (place, rule) in rules.iter().enumerate() {
        let last = groups.len() - 1;
        groups[place.min(last)].rules.push(rule.parse().unwrap());
    }
    groups
}

fn expected_class(earlier: &Rule, later: &Rule, flows: &[Flow]) -> Option<ConflictClass> {
    let drops = |rule: &Rule| rule.effect.map(|effect| effect == Effect::Deny);
    if drops(earlier)? == drops(later)? {
        return None;
    }
    let matches: Vec<[Match; 2]> = flows
        .iter()
        .map(|flow| [earlier, later].map(|rule| FieldMatches::of(rule, flow).overall(rule)))
        .collect();
    let covers = |one: usize, is_sure: bool| {
        let is_in = |found: Match| found == Match::Yes || !is_sure && found == Match::Unknown;
        let is_other = |found: Match| found == Match::Yes || is_sure && found == Match::Unknown;
        matches.iter().all(|found| !is_other(found[1 - one]) || is_in(found[one]))
    };
    if !matches.contains(&[Match::Yes, Match::Yes]) {
        None
    } else if covers(0, true) {
        Some(ConflictClass::Shadowing)
    } else if covers(1, true) && !covers(0, false) {
        Some(ConflictClass::Generalisation)
    } else if !covers(0, false) && !covers(1, false) {
        Some(ConflictClass::Correlation)
    } else {
        None
    }
}
