//! Many groups compiled together against the naive scan of each, in turns within one run, and what
//! a change costs.
//!
//! Every key goes to another group, drawn at random, so that the rules of a group are seldom in the
//! near caches when they are asked for.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a bench fails by panicking"
)]

#[expect(dead_code, reason = "other benches use the rest of it")]
#[path = "support/family.rs"]
mod family;
#[path = "support/fleet.rs"]
mod fleet;
#[path = "support/keys.rs"]
mod keys;
#[path = "support/scan.rs"]
mod scan;

use std::hint::black_box;
use std::time::Instant;

use nsg_engine::classify::{Config, FlowKey, GroupsClassifier, RuleIndex};
use nsg_engine::resolve::Ruleset;
use nsg_engine::strategies::Choices;

use family::Family;
use fleet::fleet;
use keys::keys;
use scan::{NONE, Scan};

const ROUNDS: usize = 9;
const KEYS: usize = 500_000;
const RULES: u32 = 50;

fn main() {
    println!("| groups | batch: scan | ours | ratio | single: ours | bytes a group |");
    println!("|---|---|---|---|---|---|");
    for count in [100, 1000, 10_000] {
        let rulesets = fleet(count, RULES, 1);
        let groups: Vec<&Ruleset> = rulesets.iter().collect();
        let config = Config::new().size_limit(256 << 20);
        let started = Instant::now();
        let classifier = GroupsClassifier::new(&groups, &config).unwrap();
        let build = started.elapsed();
        compare::<u32>(&format!("{count}, IPv4"), &classifier, &groups);
        compare::<u128>(&format!("{count}, IPv6"), &classifier, &groups);

        let started = Instant::now();
        let edited = classifier.with(&[(count as usize / 2, groups[0])]).unwrap();
        let edit = started.elapsed();
        let middle = count as usize / 2;
        assert_eq!(edited.len(), groups.len());
        // A new file of service tags is another fleet: all of it is compiled anew.
        let others = fleet(count, RULES, 2);
        let others: Vec<&Ruleset> = others.iter().collect();
        let started = Instant::now();
        black_box(GroupsClassifier::new(&others, &config).unwrap());
        println!(
            "\n{count} groups: built in {build:.1?}, group {middle} changed in {edit:.1?}, built \
             with other service tags in {:.1?}\n{}\n",
            started.elapsed(),
            classifier.report()
        );
    }
}

fn compare<B: Family>(name: &str, classifier: &GroupsClassifier, rulesets: &[&Ruleset]) {
    let scans: Vec<Scan<B>> = rulesets.iter().map(|ruleset| Scan::new(ruleset)).collect();
    let (groups, keys) = drawn::<B>(rulesets);

    let mut found = vec![RuleIndex::NONE; keys.len()];
    classifier.classify_batch(&groups, &keys, &mut found);
    for ((group, key), found) in groups.iter().zip(&keys).zip(&found) {
        let found = found.rule().map_or(NONE, |rule| u32::try_from(rule).unwrap());
        assert_eq!(found, scans[*group as usize].classify(key), "{name}");
    }

    let mut rounds = [(); 3].map(|()| Vec::with_capacity(ROUNDS));
    let mut scanned = vec![NONE; keys.len()];
    for _ in 0..ROUNDS {
        rounds[0].push(per_key(&keys, || {
            for (found, (group, key)) in scanned.iter_mut().zip(groups.iter().zip(&keys)) {
                *found = scans[*group as usize].classify(black_box(key));
            }
        }));
        rounds[1].push(per_key(&keys, || {
            classifier.classify_batch(&groups, &keys, black_box(&mut found));
        }));
        rounds[2].push(per_key(&keys, || {
            for (found, (group, key)) in found.iter_mut().zip(groups.iter().zip(&keys)) {
                *found = classifier.classify_key(*group as usize, black_box(key));
            }
        }));
    }
    let [scan, batch, single] = [0, 1, 2].map(|way: usize| median(rounds[way].iter().copied()));
    let ratio = median(rounds[0].iter().zip(&rounds[1]).map(|(scan, ours)| scan / ours));
    println!(
        "| {name} | {scan:.0} ns | {batch:.1} ns | {ratio:.1} | {single:.1} ns | {} |",
        classifier.memory_usage() / rulesets.len()
    );
}

/// Keys that rules of a group take, each with the number of its group, in no order.
fn drawn<B: Family>(rulesets: &[&Ruleset]) -> (Vec<u32>, Vec<FlowKey<B::Address>>) {
    let each = (KEYS / rulesets.len()).max(1);
    let mut pairs: Vec<(u32, FlowKey<B::Address>)> = (0..)
        .zip(rulesets)
        .flat_map(|(group, ruleset)| {
            keys::<B>(ruleset, each).into_iter().map(move |key| (group, key))
        })
        .collect();
    let mut choices = Choices::from_seed(3);
    for place in (1..pairs.len()).rev() {
        pairs.swap(place, choices.below(place + 1));
    }
    pairs.into_iter().unzip()
}

fn per_key<T>(keys: &[T], work: impl FnOnce()) -> f64 {
    let started = Instant::now();
    work();
    started.elapsed().as_secs_f64() * 1e9 / keys.len() as f64
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
