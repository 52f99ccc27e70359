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

use nsg_engine::classify::{BuildError, Classifier, Config, GroupsClassifier, Strategy};
use nsg_engine::resolve::Ruleset;
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

fn is_what_it_takes(said: usize, before: usize, what: impl Display) {
    let counted = ALLOCATOR.current_usage() - before;
    assert!(said.abs_diff(counted) * 10 <= counted, "{what}: says {said}, takes {counted}");
}
