//! The classifier against the naive scan (`support/scan.rs`), in turns within one run, as a table
//! of ratios in Markdown.
//!
//! Each line is the median over rounds of time per key: *batch* for all keys at once,
//! *dependent* for keys that each depend on the answer before. The keys fill 8 MB or more, so
//! that they come from beyond the near caches, as flows do. With `NSG_CORPUS` set, the public
//! ClassBench filter sets in it are measured as well.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a bench fails by panicking"
)]

#[path = "../examples/classify/filters.rs"]
mod classbench;
mod support;

use std::hint::black_box;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use nsg_engine::classify::{Classifier, Config, FlowKey, Ports, RuleIndex, Tier};
use nsg_engine::resolve::Ruleset;

use support::family::Family;
use support::filters::{Kind, filters};
use support::groups::group_like;
use support::keys::keys;
use support::scan::{NONE, Scan};

const ROUNDS: usize = 9;
const KEYS: usize = 500_000;
/// How many rules the scan looks at in one round: enough for the clock, and no more.
const SCANNED: usize = 20_000_000;

fn main() {
    // `cargo bench` passes flags of its own; a word among them chooses the sets that hold it.
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let is_wanted = |name: &str| wanted.as_deref().is_none_or(|wanted| name.contains(wanted));
    println!(
        "| rules | strategy | batch: scan | ours | ratio | dependent: scan | ours | ratio \
         | build | bytes |\n|---|---|---|---|---|---|---|---|---|---|"
    );
    for rules in [20, 100, 1000] {
        for tags in [0, rules / 5] {
            let name = format!("{rules} rules, {tags} tags");
            if is_wanted(&name) {
                let ruleset = group_like(rules, tags, u64::from(rules));
                let ipv4 = compare::<u32>(&format!("{name}, IPv4"), &ruleset, &Config::new());
                let ipv6 = compare::<u128>(&format!("{name}, IPv6"), &ruleset, &Config::new());
                let portable = Config::new().tier(Tier::Portable);
                let portable =
                    compare::<u32>(&format!("{name}, IPv4, portable"), &ruleset, &portable);
                for (what, one) in [("IPv6 / IPv4", ipv6), ("portable / not", portable)] {
                    let (batch, dependent) = (one.0 / ipv4.0, one.1 / ipv4.1);
                    println!("| {name}: {what} | | | {batch:.2} | | | {dependent:.2} | | | |");
                }
            }
        }
    }
    for (rules, size) in [(1_000, "1k"), (10_000, "10k"), (100_000, "100k")] {
        for kind in Kind::ALL {
            let name = format!("filters like {kind}, {size}");
            if is_wanted(&name) {
                compare::<u32>(&name, &filters(kind, rules, u64::from(rules)), &every_protocol());
            }
        }
    }
    for (name, path) in public_filters() {
        if is_wanted(&name) {
            let ruleset = classbench::read(&name, &text(&path)).unwrap();
            compare::<u32>(&name, &ruleset, &every_protocol());
        }
    }
}

fn every_protocol() -> Config {
    Config::new().ports(Ports::OfEveryProtocol)
}

/// Prints a line of the table -> nanoseconds a key, in batches and dependent.
fn compare<B: Family>(name: &str, ruleset: &Ruleset, config: &Config) -> (f64, f64) {
    let started = Instant::now();
    let classifier = Classifier::new(ruleset, config).unwrap();
    let build = started.elapsed().as_secs_f64() * 1e3;
    let scan = Scan::<B>::new(ruleset);
    let keys = keys::<B>(ruleset, KEYS);
    let every = (KEYS / (SCANNED / ruleset.rules().len()).max(1)).max(1);
    let sample: Vec<_> = keys.iter().step_by(every).copied().collect();

    let mut found = vec![RuleIndex::NONE; keys.len()];
    classifier.classify_batch(&keys, &mut found);
    for (key, found) in sample.iter().zip(found.iter().step_by(every)) {
        let found = found.rule().map_or(NONE, |rule| u32::try_from(rule).unwrap());
        assert_eq!(found, scan.classify(key), "{name}");
    }

    let mut rounds = [(); 4].map(|()| Vec::with_capacity(ROUNDS));
    let mut scanned = vec![NONE; sample.len()];
    for _ in 0..ROUNDS {
        rounds[0].push(per_key(&sample, || {
            for (found, key) in scanned.iter_mut().zip(&sample) {
                *found = scan.classify(black_box(key));
            }
        }));
        rounds[1].push(per_key(&keys, || classifier.classify_batch(&keys, black_box(&mut found))));
        rounds[2].push(dependent::<B>(&sample, |key| scan.classify(key)));
        rounds[3].push(dependent::<B>(&keys, |key| classifier.classify_key(key).to_bits()));
    }
    let [a, b, c, d] = [0, 1, 2, 3].map(|way: usize| median(rounds[way].iter().copied()));
    let ratio = |one: usize, other: usize| {
        median(rounds[one].iter().zip(&rounds[other]).map(|(scan, ours)| scan / ours))
    };
    let report = classifier.report();
    let part = B::part(&report);
    println!(
        "| {name} | {} | {a:.0} ns | {b:.1} ns | {:.1} | {c:.0} ns | {d:.1} ns | {:.1} \
         | {build:.1} ms | {} |",
        part.strategy,
        ratio(0, 1),
        ratio(2, 3),
        part.bytes,
    );
    (b, d)
}

fn per_key<T>(keys: &[T], work: impl FnOnce()) -> f64 {
    let started = Instant::now();
    work();
    started.elapsed().as_secs_f64() * 1e9 / keys.len() as f64
}

/// Nanoseconds a key when each depends on the answer before, by a zero that the compiler cannot
/// foresee.
fn dependent<B: Family>(
    keys: &[FlowKey<B::Address>],
    classify: impl Fn(&FlowKey<B::Address>) -> u32,
) -> f64 {
    let mask = black_box(0);
    per_key(keys, || {
        black_box(keys.iter().fold(0, |before, key| classify(&B::after(key, before & mask))));
    })
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The filter sets of `NSG_CORPUS`, by name.
fn public_filters() -> Vec<(String, PathBuf)> {
    let Some(corpus) = std::env::var_os("NSG_CORPUS") else { return Vec::new() };
    let folders = ["neurocuts", "generated_100k"];
    let files = folders.iter().flat_map(|folder| {
        let folder = Path::new(&corpus).join("classbench").join(folder);
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    });
    files.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), path)).collect()
}

fn text(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap();
    if path.extension().is_none_or(|extension| extension != "gz") {
        return String::from_utf8(bytes).unwrap();
    }
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
    text
}
