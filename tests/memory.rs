//! What classifiers say they take is what the allocator counts.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "../benches/support/groups.rs"]
mod groups;

use nsg_engine::classify::{BuildError, Classifier, Config, Strategy};
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
}

fn check(ruleset: &Ruleset, config: &Config) -> Result<(), BuildError> {
    let before = ALLOCATOR.current_usage();
    let classifier = Classifier::new(ruleset, config)?;
    let counted = ALLOCATOR.current_usage() - before;
    let said = classifier.memory_usage();
    let strategy = classifier.kind();
    assert!(said.abs_diff(counted) * 10 <= counted, "{strategy} says {said}, takes {counted}");
    Ok(())
}
