//! How questions about all flows grow with the number of rules, on ordinary and hostile families.
//!
//!     cargo bench --bench analysis [-- FAMILY]
//!
//! One line a family and size; times are the best of three runs in milliseconds. `survey` is the
//! full shadow and redundancy analysis, `edit` the difference after one edited rule, `order` the
//! equivalence of two orderings, `allowed` the set of all allowed flows, `branches` its size.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a benchmark on known sizes"
)]

use std::fmt::Display;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Instant;

use nsg_engine::analysis::{Gates, difference, equivalent, survey};
use nsg_engine::model::{Direction, ResourceId, RuleName, SecurityGroup};
use nsg_engine::net::{AddressSet, Interval, PortSet, Prefix, Protocol};
use nsg_engine::resolve::{Dimension, Effect, Fallback, Names, Rule, Ruleset, ServiceTags, Side};
use nsg_engine::space::{Allowed, Limits};

fn main() {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    println!("family    rules  survey ms    edit ms   order ms  allowed ms   branches  shadowed");
    let families: [(&str, Family); 8] = [
        ("ordinary", ordinary),
        ("internet", internet),
        ("tags", tags),
        ("hatch", hatch),
        ("comb", comb),
        ("nested", nested),
        ("chain", chain),
        ("boxes", boxes),
    ];
    for (name, family) in families {
        if wanted.as_ref().is_some_and(|wanted| wanted != name) {
            continue;
        }
        for count in [100, 125, 250, 500, 1000] {
            measure(name, family(count));
        }
    }
}

type Family = fn(u32) -> Vec<Rule>;

fn measure(name: &str, rules: Vec<Rule>) {
    let limits = Limits::default();
    let count = rules.len();
    let mut edited = rules.clone();
    edited[count / 2].destination_ports = Dimension::known(PortSet::from(2222));
    let mut reordered = rules.clone();
    for place in 1..count {
        if reordered[place].effect == reordered[place - 1].effect {
            reordered.swap(place, place - 1);
        }
    }
    let [ruleset, edited, reordered] = [rules, edited, reordered]
        .map(|rules| Ruleset::new(Direction::Inbound, rules, Fallback::Deny));
    let [one, other, order] = [&ruleset, &edited, &reordered].map(Gates::from);
    let (survey_ms, found) = best(|| survey(&ruleset, &limits));
    let (edit_ms, _) = best(|| difference(&one, &other, &limits));
    let (order_ms, _) = best(|| equivalent(&one, &order, &limits));
    let (allowed_ms, allowed) = best(|| Allowed::by(&ruleset, &limits));
    let branches = allowed.map_or("-".into(), |one| one.certain.diagram_size().1.to_string());
    let shadowed = found.map_or("-".into(), |one| one.shadowed.len().to_string());
    println!(
        "{name:<8} {count:>6} {survey_ms} {edit_ms} {order_ms}  {allowed_ms} {branches:>10} {shadowed:>9}"
    );
}

/// The best of three runs in milliseconds, or the limit that stopped them.
fn best<T, E: Display>(mut run: impl FnMut() -> Result<T, E>) -> (String, Option<T>) {
    let mut times = Vec::new();
    let mut found = None;
    for _ in 0..3 {
        let start = Instant::now();
        let result = run();
        times.push(start.elapsed().as_secs_f64() * 1000.0);
        match result {
            Ok(value) => found = Some(value),
            Err(_) => return (format!("{:>10}", "limit"), None),
        }
        if times[0] > 2000.0 {
            break;
        }
    }
    let best = times.into_iter().fold(f64::INFINITY, f64::min);
    (format!("{best:>10.2}"), found)
}

/// Small pseudo-random numbers, the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % u64::from(bound)) as u32
    }

    fn prefix(&mut self) -> Prefix {
        let length = [16, 20, 24, 24, 26, 28, 32, 32][self.below(8) as usize];
        prefix(0x0a00_0000 | self.below(1 << 24), length)
    }

    fn prefixes(&mut self, count: u32) -> AddressSet {
        (0..count).map(|_| self.prefix()).collect()
    }
}

fn prefix(bits: u32, length: u8) -> Prefix {
    Prefix::truncated(Ipv4Addr::from(bits).into(), length).unwrap()
}

/// Rule `number`, allowing and denying by turns, of all protocols and ports.
fn rule(
    number: u32,
    source: impl Into<Arc<AddressSet>>,
    destination: impl Into<Arc<AddressSet>>,
) -> Rule {
    let mut group = SecurityGroup::new(ResourceId::new("nsg"));
    group.rules.push("100 any allow inbound * *:* -> *:*".parse().unwrap());
    let names = Names::new(ServiceTags::built_in());
    let ruleset = Ruleset::of_group(&group, Direction::Inbound, &names);
    let mut rule = ruleset.rules()[0].clone();
    rule.name = RuleName::as_written(&format!("rule-{number}"));
    rule.effect = Some(if number.is_multiple_of(2) { Effect::Allow } else { Effect::Deny });
    rule.source = Side::known(source);
    rule.destination = Side::known(destination);
    rule
}

fn with_port(mut rule: Rule, ports: impl Into<PortSet>) -> Rule {
    rule.protocols = Dimension::known(Protocol::TCP.into());
    rule.destination_ports = Dimension::known(ports.into());
    rule
}

fn everything() -> AddressSet {
    AddressSet::full()
}

/// Like large groups of people: two prefixes a side that nest now and then, service ports.
fn ordinary(count: u32) -> Vec<Rule> {
    let mut numbers = Numbers(1);
    let ports = [22, 80, 443, 443, 1433, 3306, 3389, 5432, 8080, 9200];
    let make = |number| {
        let any = numbers.below(10);
        let source = if any == 0 { everything() } else { numbers.prefixes(2) };
        let destination = if any == 1 { everything() } else { numbers.prefixes(2) };
        let rule = rule(number, source, destination);
        match numbers.below(8) {
            0 => rule,
            1 => {
                let first = numbers.below(60_000) as u16;
                with_port(rule, Interval::new(first, first + 1000).unwrap())
            }
            _ => with_port(rule, ports[numbers.below(10) as usize]),
        }
    };
    (0..count).map(make).collect()
}

/// Four public prefixes each towards one of a few subnets.
fn internet(count: u32) -> Vec<Rule> {
    let mut numbers = Numbers(2);
    let make = |number| {
        let sources = (0..4).map(|_| {
            prefix(numbers.below(u32::MAX), [8, 12, 16, 24, 32, 32][numbers.below(6) as usize])
        });
        let rule = rule(
            number,
            sources.collect::<AddressSet>(),
            AddressSet::from(prefix(0x0a00_0000 | (numbers.below(16) << 8), 24)),
        );
        with_port(rule, [22, 80, 443, 3389][numbers.below(4) as usize])
    };
    (0..count).map(make).collect()
}

/// Twenty service tags of 500 prefixes each on both sides, some within others.
fn tags(count: u32) -> Vec<Rule> {
    let mut numbers = Numbers(3);
    let mut tags: Vec<Arc<AddressSet>> = Vec::new();
    for number in 0..20u32 {
        let mut tag: AddressSet = (0..500)
            .map(|_| prefix(numbers.below(u32::MAX), 20 + numbers.below(9) as u8))
            .collect();
        if number % 4 == 3 {
            tag = tag.union(&tags[number as usize - 1]);
        }
        tags.push(Arc::new(tag));
    }
    let make = |number| {
        let mut tag = || Arc::clone(&tags[numbers.below(20) as usize]);
        let (source, destination) = (tag(), tag());
        with_port(rule(number, source, destination), numbers.below(2000) as u16)
    };
    (0..count).map(make).collect()
}

/// Bars across and along: half the rules name sources alone, half destinations alone.
fn hatch(count: u32) -> Vec<Rule> {
    let make = |number: u32| {
        let bar = (0..4).map(|part| prefix(0x0a00_0000 | ((number * 4 + part) << 8), 25));
        let bar: AddressSet = bar.collect();
        if number.is_multiple_of(2) {
            rule(number, bar, everything())
        } else {
            rule(number, everything(), bar)
        }
    };
    (0..count).map(make).collect()
}

/// Every second prefix and every second port.
fn comb(count: u32) -> Vec<Rule> {
    let make = |number: u32| {
        let teeth = |phase: u32| -> AddressSet {
            (0..2)
                .map(|tooth| prefix(0x0a00_0000 | ((number * 2 + tooth * 2 + phase) << 8), 24))
                .collect()
        };
        let ports: PortSet = (0..8)
            .map(|tooth| Interval::single(((number * 16 + tooth * 2) % 65_536) as u16))
            .collect();
        with_port(rule(number, teeth(0), teeth(1)), ports)
    };
    (0..count).map(make).collect()
}

/// Prefixes within prefixes on both sides, the narrow ones first.
fn nested(count: u32) -> Vec<Rule> {
    let make = |number: u32| {
        let source = prefix(0x0a0a_0a0a ^ (number / 33), 32 - (number % 33) as u8);
        let destination = prefix(0x0b0b_0b0b ^ (number / 33), 32 - (number / 31 % 33) as u8);
        rule(number, AddressSet::from(source), AddressSet::from(destination))
    };
    (0..count).map(make).collect()
}

/// One chain of prefixes, allowed and denied by turns, over growing port ranges.
fn chain(count: u32) -> Vec<Rule> {
    let make = |number: u32| {
        let source = AddressSet::from(prefix(0x0a0a_0a0a, 32 - (number % 32) as u8));
        let ports = Interval::new(0, (number * 60).min(65_535) as u16).unwrap();
        with_port(rule(number, source, everything()), ports)
    };
    (0..count).map(make).collect()
}

/// Large random boxes in all four dimensions: the worst there is, and like nothing people write.
fn boxes(count: u32) -> Vec<Rule> {
    let mut numbers = Numbers(4);
    let make = |number| {
        let mut block =
            || AddressSet::from(prefix(numbers.below(u32::MAX), 1 + numbers.below(6) as u8));
        let (source, destination) = (block(), block());
        let mut rule = rule(number, source, destination);
        rule.protocols = Dimension::known(Protocol::TCP.into());
        let mut ports = || {
            let (a, b) = (numbers.below(65_536) as u16, numbers.below(65_536) as u16);
            PortSet::from(Interval::new(a.min(b), a.max(b)).unwrap())
        };
        rule.source_ports = Dimension::known(ports());
        rule.destination_ports = Dimension::known(ports());
        rule
    };
    (0..count).map(make).collect()
}
