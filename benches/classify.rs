//! Every strategy of the compiled classifier on its own, and the scan they are all measured
//! against; `classify_against_scan` has their ratios, taken in turns.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a bench fails by panicking"
)]

mod support;

use std::hint::black_box;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, Throughput};
use nsg_engine::classify::{Address, Classifier, Config, Ports, RuleIndex, Strategy};
use nsg_engine::resolve::Ruleset;

use support::family::Family;
use support::filters::{Kind, filters};
use support::groups::group_like;
use support::keys::keys;
use support::scan::{NONE, Scan};

const KEYS: usize = 20_000;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for rules in [20, 100, 1000] {
        for tags in [0, rules / 5] {
            let ruleset = group_like(rules, tags, u64::from(rules));
            let name = format!("{rules} rules, {tags} tags");
            let config = Config::new();
            bench::<u32, Ipv4Addr>(&mut criterion, &format!("{name}, IPv4"), &ruleset, &config);
            bench::<u128, Ipv6Addr>(&mut criterion, &format!("{name}, IPv6"), &ruleset, &config);
        }
    }
    for rules in [1_000, 10_000, 100_000] {
        for kind in Kind::ALL {
            let ruleset = filters(kind, rules, u64::from(rules));
            let config = Config::new().ports(Ports::OfEveryProtocol);
            let name = format!("{rules} filters like {kind}");
            bench::<u32, Ipv4Addr>(&mut criterion, &name, &ruleset, &config);
        }
    }
    criterion.final_summary();
}

fn bench<B: Family<Address = A>, A: Address>(
    criterion: &mut Criterion,
    name: &str,
    ruleset: &Ruleset,
    config: &Config,
) {
    let scan = Scan::<B>::new(ruleset);
    let keys = keys::<B>(ruleset, KEYS);
    let sample: Vec<_> = keys.iter().step_by(ruleset.rules().len() / 1000 + 1).copied().collect();
    let mut group = criterion.benchmark_group(name);
    group.sample_size(20);
    group.throughput(Throughput::Elements(sample.len() as u64));
    group.bench_function("scan", |bencher| {
        bencher.iter(|| {
            sample.iter().map(|key| scan.classify(black_box(key))).fold(0, u32::wrapping_add)
        });
    });
    group.throughput(Throughput::Elements(keys.len() as u64));
    let forced =
        Strategy::ALL.map(|strategy| (strategy.to_string(), config.clone().strategy(strategy)));
    let usual = ("chosen".to_owned(), config.clone());
    for (strategy, config) in forced.iter().chain([&usual]) {
        let started = Instant::now();
        let Ok(classifier) = Classifier::new(ruleset, config) else { continue };
        let build = started.elapsed();
        println!(
            "{name}: {strategy}: built in {:.3} ms, {} bytes; {}",
            build.as_secs_f64() * 1e3,
            B::part(&classifier.report()).bytes,
            classifier.report(),
        );
        let mut answers = vec![RuleIndex::NONE; keys.len()];
        classifier.classify_batch(&keys, &mut answers);
        for (key, answer) in keys.iter().zip(&answers).step_by(ruleset.rules().len() / 1000 + 1) {
            let expected = scan.classify(key);
            assert_eq!(answer.rule().map_or(NONE, |rule| u32::try_from(rule).unwrap()), expected);
        }
        group.bench_function(BenchmarkId::new("batch", strategy), |bencher| {
            bencher.iter(|| classifier.classify_batch(black_box(&keys), &mut answers));
        });
        group.bench_function(BenchmarkId::new("single", strategy), |bencher| {
            bencher.iter(|| {
                for key in &keys {
                    black_box(classifier.classify_key(black_box(key)));
                }
            });
        });
        group.bench_function(BenchmarkId::new("dependent", strategy), |bencher| {
            let mask = black_box(0);
            bencher.iter(|| {
                keys.iter().fold(0, |before, key| {
                    classifier.classify_key(&B::after(key, before & mask)).to_bits()
                })
            });
        });
    }
    group.finish();
}
