//! What classifiers say they take is what the allocator counts.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "../benches/support/fleet.rs"]
mod fleet;
#[path = "../benches/support/groups.rs"]
mod groups;

use std::fmt::Display;

use std::net::Ipv4Addr;

use nsg_engine::classify::{Answer, BuildError, Classifier, Config, GroupsClassifier, Strategy};
use nsg_engine::eval::evaluate;
use nsg_engine::model::{
    Access, AddressItem, Direction, Flow, Priority, ResourceId, RuleName, SecurityGroup,
    SecurityRule,
};
use nsg_engine::net::Prefix;
use nsg_engine::resolve::{Names, Ruleset};
use nsg_engine::strategies::Choices;
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// The only test of its binary: what another thread allocates would be counted too.
#[test]
fn classifiers_take_what_they_say() {
    for (rules, tags) in [(20, 0), (20, 4), (100, 20), (1000, 0), (1000, 200)] {
        let ruleset = groups::group_like(rules, tags, u64::from(rules));
        check(&ruleset, &Config::new()).unwrap();
        for strategy in Strategy::ALL {
            // Not every strategy suits or fits every ruleset.
            let _ = check(&ruleset, &Config::new().strategy(strategy));
        }
    }
    for (groups, rules) in [(2, 20), (4, 1500), (600, 50)] {
        check_groups(groups, rules);
    }
    check_private_prefixes();
}

fn check(ruleset: &Ruleset, config: &Config) -> Result<(), BuildError> {
    let before = ALLOCATOR.current_usage();
    let classifier = Classifier::new(ruleset, config)?;
    is_what_it_takes(classifier.memory_usage(), before, classifier.kind());
    Ok(())
}

/// Many groups at first, and after a change of one of them that takes over all others.
fn check_groups(groups: u32, rules: u32) {
    let rulesets = fleet::fleet(groups, rules, 1);
    let rulesets: Vec<&Ruleset> = rulesets.iter().collect();
    let name = format!("{groups} groups of {rules} rules");
    let before = ALLOCATOR.current_usage();
    let mut classifier = GroupsClassifier::new(&rulesets, &Config::new()).unwrap();
    is_what_it_takes(classifier.memory_usage(), before, &name);
    classifier = classifier.with(&[(0, rulesets[rulesets.len() - 1])]).unwrap();
    is_what_it_takes(classifier.memory_usage(), before, &name);
}

/// A thousand rules, each with 4,000 prefixes of its own, so that there are more classes than
/// memory: what is chosen fits the limit, and so does what it takes on the way.
fn check_private_prefixes() {
    let mut choices = Choices::from_seed(5);
    let mut group = SecurityGroup::new(ResourceId::new("private"));
    group.default_rules.clear();
    let mut flows: Vec<Flow> = Vec::new();
    for number in 0..1000 {
        let name = RuleName::as_written(&format!("rule{number}"));
        let priority = Priority::new(100 + number);
        let mut rule = SecurityRule::new(name, priority, Direction::Inbound, Access::Allow);
        let prefixes: Vec<Prefix> = (0..4000)
            .map(|_| Prefix::truncated(Ipv4Addr::from(choices.bytes()).into(), 28).unwrap())
            .collect();
        if number % 100 == 99 {
            flows.push(format!("tcp {}:9 -> 10.0.0.4:22", prefixes[0].address()).parse().unwrap());
        }
        rule.source = prefixes.into_iter().map(AddressItem::from).collect();
        group.rules.push(rule);
    }
    flows.push("udp 10.1.2.3:9 -> 10.0.0.4:53".parse().unwrap());
    let ruleset = Ruleset::of_group(&group, Direction::Inbound, &Names::default());
    drop(group);

    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let classifier = Classifier::new(&ruleset, &Config::new()).unwrap();
    let most = 64 << 20;
    assert!(classifier.memory_usage() <= most);
    let peak = ALLOCATOR.peak_usage() - before;
    assert!(peak <= 9 * most / 4, "{peak} bytes on the way");
    is_what_it_takes(classifier.memory_usage(), before, classifier.kind());
    for flow in &flows {
        let decision = evaluate(&ruleset, flow).rule_index();
        assert_eq!(classifier.classify(flow), decision.map_or(Answer::NoRule, Answer::Rule));
    }
}

fn is_what_it_takes(said: usize, before: usize, what: impl Display) {
    let counted = ALLOCATOR.current_usage() - before;
    assert!(said.abs_diff(counted) * 10 <= counted, "{what}: says {said}, takes {counted}");
}
