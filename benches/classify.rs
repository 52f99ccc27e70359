//! The compiled classifier against a scan of the rules that is as good as a scan gets: packed
//! records, all five fields of a record compared without a branch against its bounding box, and
//! sets searched only for keys inside the box of a rule that is more than its box.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a bench fails by panicking"
)]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, Throughput};
use nsg_engine::classify::{Address, Classifier, Config, FlowKey, RuleIndex, Strategy};
use nsg_engine::model::{
    Access, AddressItem, AddressSpec, Direction, Priority, ProtocolSpec, ResourceId, RuleName,
    SecurityGroup, SecurityRule, ServiceTag,
};
use nsg_engine::net::{AddressSet, Coordinate, Interval, Prefix, Protocol, RangeSet};
use nsg_engine::resolve::{Names, Rule, Ruleset, ServiceTags};
use nsg_engine::strategies::Choices;

const KEYS: usize = 20_000;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for rules in [20, 100, 1000] {
        for tags in [0, rules / 5] {
            let ruleset = group_like(rules, tags, u64::from(rules));
            let name = format!("{rules} rules, {tags} tags");
            bench::<u32, Ipv4Addr>(&mut criterion, &format!("{name}, IPv4"), &ruleset);
            bench::<u128, Ipv6Addr>(&mut criterion, &format!("{name}, IPv6"), &ruleset);
        }
    }
    for rules in [1_000, 10_000, 100_000] {
        let ruleset = filter_like(rules, u64::from(rules));
        bench::<u32, Ipv4Addr>(&mut criterion, &format!("{rules} plain rules"), &ruleset);
    }
    criterion.final_summary();
}

/// An address of one IP version, drawn from sets of numbers.
trait Family: Coordinate {
    type Address: Address;
    fn of(set: &AddressSet) -> &RangeSet<Self>;
    fn key(
        protocol: Protocol,
        source: Self,
        sport: u16,
        dest: Self,
        dport: u16,
    ) -> FlowKey<Self::Address>;
    fn parts(key: &FlowKey<Self::Address>) -> (Self, Self);
    /// `first` plus as much of `random` as stays within `last`.
    fn between(first: Self, last: Self, random: u64) -> Self;
    fn xor(key: &FlowKey<Self::Address>, zero: u32) -> FlowKey<Self::Address>;
}

macro_rules! family {
    ($bits:ty, $address:ty, $part:ident) => {
        impl Family for $bits {
            type Address = $address;

            fn of(set: &AddressSet) -> &RangeSet<Self> {
                set.$part()
            }

            fn key(
                protocol: Protocol,
                source: Self,
                sport: u16,
                dest: Self,
                dport: u16,
            ) -> FlowKey<$address> {
                FlowKey::<$address>::new(protocol, source.into(), sport, dest.into(), dport)
            }

            fn parts(key: &FlowKey<$address>) -> (Self, Self) {
                (key.source().into(), key.destination().into())
            }

            fn between(first: Self, last: Self, random: u64) -> Self {
                match (last - first).checked_add(1) {
                    Some(count) => first + (u128::from(random) << 40) as $bits % count,
                    None => (u128::from(random) << 40 | u128::from(random)) as $bits,
                }
            }

            fn xor(key: &FlowKey<$address>, zero: u32) -> FlowKey<$address> {
                let (source, destination) = Self::parts(key);
                let zero_port = u16::try_from(zero).unwrap_or(0);
                Self::key(
                    key.protocol(),
                    source ^ <$bits>::from(zero),
                    key.source_port(),
                    destination ^ <$bits>::from(zero),
                    key.destination_port() ^ zero_port,
                )
            }
        }
    };
}
#[expect(clippy::cast_possible_truncation, reason = "random bits, cut to the width of the address")]
mod families {
    use super::*;
    family!(u32, Ipv4Addr, ipv4);
    family!(u128, Ipv6Addr, ipv6);
}

fn bench<B: Family<Address = A>, A: Address>(
    criterion: &mut Criterion,
    name: &str,
    ruleset: &Ruleset,
) {
    let scan = Scan::<B>::new(ruleset);
    let keys = keys::<B>(ruleset);
    let sample: Vec<_> = keys.iter().step_by(ruleset.rules().len() / 1000 + 1).copied().collect();
    let mut group = criterion.benchmark_group(name);
    group.sample_size(20);
    group.throughput(Throughput::Elements(sample.len() as u64));
    group.bench_function("scan", |bencher| {
        bencher.iter(|| sample.iter().map(|key| scan.classify(black_box(key))).sum::<usize>());
    });
    group.throughput(Throughput::Elements(keys.len() as u64));
    let forced =
        Strategy::ALL.map(|strategy| (strategy.to_string(), Config::new().strategy(strategy)));
    let usual = ("chosen".to_owned(), Config::new());
    for (strategy, config) in forced.iter().chain([&usual]) {
        let started = Instant::now();
        let Ok(classifier) = Classifier::new(ruleset, config) else { continue };
        let build = started.elapsed();
        println!(
            "{name}: {strategy}: built in {:.3} ms, {} bytes; {}",
            build.as_secs_f64() * 1e3,
            classifier.memory_usage(),
            classifier.report(),
        );
        let mut answers = vec![RuleIndex::NONE; keys.len()];
        classifier.classify_batch(&keys, &mut answers);
        for (key, answer) in keys.iter().zip(&answers).step_by(ruleset.rules().len() / 1000 + 1) {
            let expected = scan.classify(key);
            assert_eq!(answer.rule().unwrap_or(usize::MAX), expected);
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
                    classifier.classify_key(&B::xor(key, before & mask)).to_bits()
                })
            });
        });
    }
    group.finish();
}

/// The scan: one record a rule, in order.
struct Scan<B> {
    records: Vec<Record<B>>,
}

struct Record<B> {
    source: (B, B),
    destination: (B, B),
    source_port: (u16, u16),
    destination_port: (u16, u16),
    /// Whether it holds TCP.
    tcp: bool,
    /// The sets, of a rule that is more than its box.
    sets: Option<Box<Sets<B>>>,
    number: usize,
}

/// Sources, destinations, and the ports of both.
type Sets<B> = (RangeSet<B>, RangeSet<B>, RangeSet<u16>, RangeSet<u16>);

impl<B: Family> Scan<B> {
    fn new(ruleset: &Ruleset) -> Self {
        fn span<T: Coordinate>(set: &RangeSet<T>) -> Option<(T, T)> {
            Some((set.intervals().first()?.first(), set.intervals().last()?.last()))
        }
        let record = |(number, rule): (usize, &Rule)| {
            let sides = (B::of(&rule.source.known), B::of(&rule.destination.known));
            let ports = (rule.source_ports.known.ranges(), rule.destination_ports.known.ranges());
            let is_box = sides.0.intervals().len() == 1
                && sides.1.intervals().len() == 1
                && ports.0.intervals().len() == 1
                && ports.1.intervals().len() == 1;
            let sets = (sides.0.clone(), sides.1.clone(), ports.0.clone(), ports.1.clone());
            Some(Record {
                source: span(sides.0)?,
                destination: span(sides.1)?,
                source_port: span(ports.0)?,
                destination_port: span(ports.1)?,
                tcp: rule.protocols.known.contains(Protocol::TCP),
                sets: (!is_box).then(|| Box::new(sets)),
                number,
            })
        };
        Self { records: ruleset.rules().iter().enumerate().filter_map(record).collect() }
    }

    /// The number of the first rule that takes a TCP packet.
    fn classify(&self, key: &FlowKey<B::Address>) -> usize {
        let (source, destination) = B::parts(key);
        let found = self.records.iter().find(|record| {
            let in_box = (record.source.0 <= source)
                & (source <= record.source.1)
                & (record.destination.0 <= destination)
                & (destination <= record.destination.1)
                & (record.source_port.0 <= key.source_port())
                & (key.source_port() <= record.source_port.1)
                & (record.destination_port.0 <= key.destination_port())
                & (key.destination_port() <= record.destination_port.1)
                & record.tcp;
            in_box
                && record.sets.as_deref().is_none_or(|(sources, destinations, sports, dports)| {
                    sources.contains(source)
                        && destinations.contains(destination)
                        && sports.contains(key.source_port())
                        && dports.contains(key.destination_port())
                })
        });
        found.map_or(usize::MAX, |record| record.number)
    }
}

/// TCP keys inside rules drawn evenly, one in ten with a destination from another rule.
fn keys<B: Family>(ruleset: &Ruleset) -> Vec<FlowKey<B::Address>> {
    let mut choices = Choices::from_seed(9);
    let rules: Vec<&Rule> = ruleset
        .rules()
        .iter()
        .filter(|rule| {
            let sides = [&rule.source.known, &rule.destination.known];
            sides.iter().all(|side| !B::of(side).is_empty())
        })
        .collect();
    let mut draw = || {
        let rule = rules[choices.below(rules.len())];
        let other = if choices.one_in(10) { rules[choices.below(rules.len())] } else { rule };
        let mut address = |set: &AddressSet| {
            let ranges = B::of(set).intervals();
            let range = ranges[choices.below(ranges.len())];
            B::between(range.first(), range.last(), u64::from_be_bytes(choices.bytes()))
        };
        let (source, destination) =
            (address(&rule.source.known), address(&other.destination.known));
        let mut port = |set: &RangeSet<u16>| {
            let range = set.intervals()[choices.below(set.intervals().len())];
            let count = usize::from(range.last() - range.first()) + 1;
            range.first() + u16::try_from(choices.below(count)).unwrap()
        };
        let ports =
            (port(rule.source_ports.known.ranges()), port(rule.destination_ports.known.ranges()));
        B::key(Protocol::TCP, source, ports.0, destination, ports.1)
    };
    (0..KEYS).map(|_| draw()).collect()
}

fn rule(number: u32) -> SecurityRule {
    let name = RuleName::as_written(&format!("rule{number}"));
    SecurityRule::new(name, Priority::new(100 + number), Direction::Inbound, Access::Allow)
}

/// Rules like those of security groups: lists of subnets and of ports, every fifth one naming a
/// tag of hundreds of prefixes, broad rules last.
fn group_like(rules: u32, tags: u32, seed: u64) -> Ruleset {
    let mut choices = Choices::from_seed(seed);
    let mut catalogue = ServiceTags::built_in();
    for number in 0..tags {
        let prefixes = (0..choices.between(50, 900)).map(|_| random_prefix(&mut choices, 16, 30));
        catalogue = catalogue.with(tag(number), prefixes.collect::<AddressSet>());
    }
    let mut group = SecurityGroup::new(ResourceId::new("nsg"));
    for number in 0..rules {
        let mut rule = rule(number);
        let mut subnets = || -> AddressSpec {
            (0..choices.between(1, 6))
                .map(|_| AddressItem::from(random_prefix(&mut choices, 20, 32)))
                .collect()
        };
        rule.source = subnets();
        rule.destination = subnets();
        if number % 5 == 0 && number / 5 < tags {
            rule.source = AddressItem::from(tag(number / 5)).into();
        }
        if number * 10 > rules * 9 {
            rule.source = AddressSpec::any();
        }
        let ports = (0..choices.between(1, 4)).map(|_| {
            let first = u16::from_be_bytes(choices.bytes()) >> choices.below(4);
            Interval::new(first, first.saturating_add(choices.one_of(0, &[0, 9, 999]))).unwrap()
        });
        rule.destination_ports.known = ports.collect();
        rule.protocol =
            choices.one_of(ProtocolSpec::One(Protocol::TCP), &[ProtocolSpec::Any]).into();
        group.rules.push(rule);
    }
    let vnet = ["10.0.0.0/8", "fd00::/16"].map(|text| text.parse::<Prefix>().unwrap());
    let names = Names::new(catalogue).with_virtual_network(vnet.into_iter().collect());
    Ruleset::of_group(&group, Direction::Inbound, &names)
}

fn tag(number: u32) -> ServiceTag {
    ServiceTag::new(&format!("Tag{number}"))
}

/// A prefix of either IP version in a few blocks; of IPv6 twice as long, and one in four a host.
fn random_prefix(choices: &mut Choices, least: usize, most: usize) -> Prefix {
    let [a, b, c, d] = choices.bytes();
    let length = choices.between(least, most);
    let (address, length) = if choices.one_in(2) {
        (IpAddr::from([10 + (a & 0x3f), b, c, d]), length)
    } else {
        let words =
            [0xfd00 | u16::from(a & 7), u16::from(b), u16::from_be_bytes([c, d]), 0, 0, 0, 0, 1];
        (IpAddr::from(words), if choices.one_in(4) { 128 } else { 2 * length })
    };
    Prefix::truncated(address, u8::try_from(length).unwrap()).unwrap()
}

/// Rules like ClassBench's filters: one prefix a side under shared parents, one range of ports.
fn filter_like(rules: u32, seed: u64) -> Ruleset {
    let mut choices = Choices::from_seed(seed);
    let mut group = SecurityGroup::new(ResourceId::new("filters"));
    group.default_rules.clear();
    for number in 0..rules {
        let mut rule = rule(number);
        let mut side = |wide: usize| -> AddressSpec {
            if choices.one_in(wide) {
                return AddressSpec::any();
            }
            let [a, b, c, d] = choices.bytes();
            let length = choices.one_of(32, &[16, 24, 24, 26, 28, 30, 32, 32]);
            AddressItem::from(Prefix::truncated([a & 0xe7, b & 0x1f, c, d].into(), length).unwrap())
                .into()
        };
        // The broad ones last, as in any list in which all rules are to count.
        let wide = if number * 20 > rules * 19 { 2 } else { 50 };
        rule.source = side(wide);
        rule.destination = side(wide);
        if !choices.one_in(3) {
            let first = choices.one_of(80u16, &[22, 53, 443, 1024, 1521, 5632, 8080]);
            let last = if choices.one_in(8) { u16::MAX } else { first };
            rule.destination_ports.known = Interval::new(first, last).unwrap().into();
        }
        rule.protocol =
            choices.one_of(ProtocolSpec::One(Protocol::TCP), &[ProtocolSpec::Any]).into();
        group.rules.push(rule);
    }
    Ruleset::of_group(&group, Direction::Inbound, &Names::default())
}
