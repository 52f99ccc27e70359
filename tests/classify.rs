//! The compiled classifier gives the interpreter's answers: every strategy, one by one, in
//! batches and in columns.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nsg_engine::classify::{
    Answer, BuildError, Classifier, Config, FlowColumns, FlowKey, RuleIndex, Strategy, Tier,
};
use nsg_engine::eval::evaluate;
use nsg_engine::model::{
    Access, AddressItem, AddressSpec, Direction, Flow, Priority, ProtocolSpec, ResourceId,
    RuleName, SecurityGroup, SecurityRule,
};
use nsg_engine::net::{AddressSet, Coordinate, Interval, PortSet, Prefix, Protocol};
use nsg_engine::resolve::{Names, Rule, Ruleset};
use nsg_engine::strategies::{Case, Choices, Generator, Shape, cases};
use proptest::prelude::*;

const DIRECTIONS: [Direction; 2] = [Direction::Inbound, Direction::Outbound];

/// The classifiers of a ruleset that can be built, by strategy, on every tier of this machine;
/// the last one is what is chosen when nothing is asked for.
fn classifiers(ruleset: &Ruleset) -> Vec<Classifier> {
    let forced: Vec<Config> = Strategy::ALL
        .into_iter()
        .flat_map(|strategy| {
            Tier::available().map(move |tier| Config::new().strategy(strategy).tier(tier))
        })
        .collect();
    let build = |config: &Config| match Classifier::new(ruleset, config) {
        Ok(classifier) => Some(classifier),
        Err(BuildError::Unsuitable { strategy: Strategy::Forest, .. }) => None,
        Err(BuildError::SizeLimit { strategy: Strategy::Pairs | Strategy::Table, .. }) => None,
        Err(error) => panic!("{error}"),
    };
    forced.iter().chain([&Config::new()]).filter_map(build).collect()
}

/// What `eval` says in the classifier's terms, and whether it is certain.
fn expected(ruleset: &Ruleset, flow: &Flow) -> Answer {
    let decision = evaluate(ruleset, flow);
    match (decision.undecided(), decision.rule_index()) {
        ([], Some(rule)) => Answer::Rule(rule),
        ([], None) => Answer::NoRule,
        _ => Answer::Evaluate,
    }
}

/// `Evaluate` is always right, for the caller then asks `eval`; but it may be said only where
/// the rules or the flow leave something open.
pub(crate) fn agrees(ruleset: &Ruleset, flow: &Flow, answer: Answer) -> bool {
    let open = FlowKey::of(flow).is_none() || !ruleset.unresolved().is_empty();
    answer == expected(ruleset, flow) || answer == Answer::Evaluate && open
}

fn check(ruleset: &Ruleset, flows: &[Flow]) {
    for classifier in classifiers(ruleset) {
        check_one(&classifier, ruleset, flows);
    }
}

fn check_one(classifier: &Classifier, ruleset: &Ruleset, flows: &[Flow]) {
    let mut batch = Vec::new();
    for flow in flows {
        let answer = classifier.classify(flow);
        let strategy = classifier.kind();
        assert!(agrees(ruleset, flow, answer), "{strategy}: {flow}: {answer:?}\n{ruleset:#?}");
        batch.extend(FlowKey::of(flow).map(|key| (key, answer)));
    }
    let (keys, answers): (Vec<FlowKey>, Vec<Answer>) = batch.into_iter().unzip();
    let mut found = vec![RuleIndex::NONE; keys.len()];
    classifier.classify_batch(&keys, &mut found);
    assert_eq!(found.iter().map(|index| index.answer()).collect::<Vec<_>>(), answers);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_strategy_answers_as_the_interpreter_does(case in cases(Shape::default())) {
        for direction in DIRECTIONS {
            check(&case.ruleset(direction), &case.flows);
        }
    }
}

/// Flows of one IP version, taken apart again.
struct Columns<A> {
    protocols: Vec<u8>,
    sources: Vec<A>,
    source_ports: Vec<u16>,
    destinations: Vec<A>,
    destination_ports: Vec<u16>,
}

impl<A: Copy> Columns<A> {
    fn of(keys: &[FlowKey<A>]) -> Self {
        Self {
            protocols: keys.iter().map(|key| key.protocol().number()).collect(),
            sources: keys.iter().map(FlowKey::source).collect(),
            source_ports: keys.iter().map(FlowKey::source_port).collect(),
            destinations: keys.iter().map(FlowKey::destination).collect(),
            destination_ports: keys.iter().map(FlowKey::destination_port).collect(),
        }
    }

    fn at(&self, start: usize, end: usize) -> FlowColumns<'_, A> {
        FlowColumns::new(
            &self.protocols[start..end],
            &self.sources[start..end],
            &self.source_ports[start..end],
            &self.destinations[start..end],
            &self.destination_ports[start..end],
        )
        .unwrap()
    }
}

/// All lengths from 0 to 64 at several offsets, on both IP versions, keys and columns.
#[test]
fn batches_of_every_length_equal_single_lookups() {
    let case = Case::draw(Choices::from_seed(3), Shape::definite().with_rules(90).with_flows(2000));
    let ruleset = case.ruleset(Direction::Inbound);
    let keys: Vec<FlowKey> = case.flows.iter().filter_map(FlowKey::of).collect();
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for key in &keys {
        let (protocol, ports) = (key.protocol(), (key.source_port(), key.destination_port()));
        match (key.source(), key.destination()) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let key = FlowKey::<Ipv4Addr>::new(protocol, source, ports.0, destination, ports.1);
                v4.push(key);
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let key = FlowKey::<Ipv6Addr>::new(protocol, source, ports.0, destination, ports.1);
                v6.push(key);
            }
            _ => panic!("a flow has one family"),
        }
    }
    assert!(v4.len() > 80 && v6.len() > 80, "{} and {}", v4.len(), v6.len());
    let (columns4, columns6) = (Columns::of(&v4), Columns::of(&v6));
    for classifier in classifiers(&ruleset) {
        let single4: Vec<_> = v4.iter().map(|key| classifier.classify_key(key)).collect();
        let single6: Vec<_> = v6.iter().map(|key| classifier.classify_key(key)).collect();
        for start in [0, 1, 7, 16] {
            for end in start..=start + 64 {
                let mut found = vec![RuleIndex::EVALUATE; end - start];
                classifier.classify_batch(&v4[start..end], &mut found);
                assert_eq!(found, single4[start..end]);
                classifier.classify_columns(&columns4.at(start, end), &mut found);
                assert_eq!(found, single4[start..end]);
                classifier.classify_batch(&v6[start..end], &mut found);
                assert_eq!(found, single6[start..end]);
                classifier.classify_columns(&columns6.at(start, end), &mut found);
                assert_eq!(found, single6[start..end]);
            }
        }
        for (key, found) in v4.iter().zip(&single4) {
            assert_eq!(classifier.classify_key(&FlowKey::<IpAddr>::from(*key)), *found);
        }
    }
}

/// One value for each way of lying inside or outside of the sets.
fn representatives<T: Copy + Ord>(
    edges: impl IntoIterator<Item = T>,
    is_in: impl Fn(T) -> Vec<bool>,
) -> Vec<T> {
    let mut seen = BTreeSet::new();
    let all: BTreeSet<T> = edges.into_iter().collect();
    all.into_iter().filter(|value| seen.insert(is_in(*value))).collect()
}

/// Where a range starts, and where it has just ended.
fn edges<T: Coordinate>(ranges: &[Interval<T>]) -> impl Iterator<Item = T> {
    ranges.iter().flat_map(|range| [Some(range.first()), range.last().next()]).flatten()
}

fn address_edges(sets: &[&AddressSet], ipv4: bool) -> Vec<IpAddr> {
    if ipv4 {
        let edges = sets.iter().flat_map(|set| edges(set.ipv4().intervals()));
        edges.chain([0]).map(|number| IpAddr::V4(number.into())).collect()
    } else {
        let edges = sets.iter().flat_map(|set| edges(set.ipv6().intervals()));
        edges.chain([0]).map(|number| IpAddr::V6(number.into())).collect()
    }
}

/// One flow in each cell that the sets of the rules cut the space of flows into: agreement on
/// these is agreement on every flow.
fn cells(ruleset: &Ruleset, ipv4: bool) -> Vec<Flow> {
    fn all<'a, T>(rules: &'a [Rule], field: impl Fn(&'a Rule) -> T) -> Vec<T> {
        rules.iter().map(field).collect()
    }
    let rules = ruleset.rules();
    let address = |known: Vec<&AddressSet>, possible: Vec<&AddressSet>| {
        let sets = [known, possible].concat();
        representatives(address_edges(&sets, ipv4), |address| {
            sets.iter().map(|set| set.contains(address)).collect()
        })
    };
    let ports = |sets: Vec<&PortSet>| {
        let edges = sets.iter().flat_map(|set| edges(set.ranges().intervals()));
        representatives(edges.chain([0]), |port| sets.iter().map(|s| s.contains(port)).collect())
    };
    let sources =
        address(all(rules, |rule| &*rule.source.known), all(rules, |rule| &*rule.source.possible));
    let destinations = address(
        all(rules, |rule| &*rule.destination.known),
        all(rules, |rule| &*rule.destination.possible),
    );
    let source_ports = ports(all(rules, |rule| &rule.source_ports.known));
    let destination_ports = ports(all(rules, |rule| &rule.destination_ports.known));
    // Each is the least of its kind, so none that an ICMP type could have is above 255.
    let types: Vec<u8> =
        destination_ports.iter().filter_map(|port| u8::try_from(*port).ok()).collect();
    let protocols = representatives((0..=255).map(Protocol::new), |protocol| {
        let named = rules.iter().map(|rule| rule.protocols.known.contains(protocol));
        // How a protocol is treated counts as well as which rules name it.
        named.chain([protocol.has_ports(), protocol.is_icmp()]).collect()
    });
    let mut flows = Vec::new();
    for source in &sources {
        for destination in &destinations {
            for protocol in &protocols {
                let flow = Flow::new(*protocol, *source, *destination).unwrap();
                if protocol.has_ports() {
                    for source_port in &source_ports {
                        for port in &destination_ports {
                            flows.push(flow.with_ports(Some(*source_port), Some(*port)).unwrap());
                        }
                    }
                } else if protocol.is_icmp() {
                    flows.extend(types.iter().map(|number| flow.with_icmp_type(*number).unwrap()));
                } else {
                    flows.push(flow);
                }
            }
        }
    }
    flows
}

/// `NSG_CELL_RULESETS=1000000 cargo test --release --all-features cell_by_cell` for a long run.
#[test]
fn small_rulesets_agree_cell_by_cell() {
    let count = std::env::var("NSG_CELL_RULESETS").ok().and_then(|n| n.parse().ok());
    let mut flows_seen = 0;
    for seed in 0..count.unwrap_or(2000) {
        let rules = 3 + usize::try_from(seed % 4).unwrap();
        let case =
            Case::draw(Choices::from_seed(seed), Shape::default().with_rules(rules).with_flows(0));
        let whole =
            case.ruleset(if seed % 2 == 0 { Direction::Inbound } else { Direction::Outbound });
        let ruleset = Ruleset::new(
            whole.direction(),
            whole.rules().iter().take(6).cloned().collect(),
            whole.fallback(),
        );
        let strategy = Strategy::ALL[usize::try_from(seed / 2).unwrap() % Strategy::ALL.len()];
        let tiers: Vec<Tier> = Tier::available().collect();
        let tier = tiers[usize::try_from(seed / 10).unwrap() % tiers.len()];
        let config = Config::new().strategy(strategy).tier(tier);
        let Ok(classifier) = Classifier::new(&ruleset, &config) else {
            continue;
        };
        let flows = cells(&ruleset, seed % 3 != 0);
        flows_seen += flows.len();
        check_one(&classifier, &ruleset, &flows);
    }
    println!("{flows_seen} flows");
}

/// Rules of one range a field, most of them inside few blocks, so that they nest and meet.
fn plain_ruleset(rules: u32, seed: u64) -> Ruleset {
    let mut choices = Choices::from_seed(seed);
    let mut group = SecurityGroup::new(ResourceId::new("plain"));
    group.default_rules.clear();
    for number in 0..rules {
        let name = RuleName::as_written(&format!("rule{number}"));
        let priority = Priority::new(number);
        let mut rule = SecurityRule::new(name, priority, Direction::Inbound, Access::Allow);
        let ipv4 = !choices.one_in(4);
        // Narrow rules first, or they would never decide.
        let broad = number > rules / 2;
        rule.source = plain_side(&mut choices, ipv4, broad);
        rule.destination = plain_side(&mut choices, ipv4, broad);
        for ports in [&mut rule.source_ports, &mut rule.destination_ports] {
            if choices.one_in(2) {
                let [upper] = choices.bytes();
                let first = u16::from_be_bytes([upper & 0xe0, 0]);
                let span = choices.one_of(0u16, &[7, 255, 8191, 20_000]);
                ports.known = Interval::new(first, first.saturating_add(span)).unwrap().into();
            }
        }
        let protocols = [ProtocolSpec::Any, ProtocolSpec::One(Protocol::ICMP)];
        rule.protocol = choices.one_of(ProtocolSpec::One(Protocol::TCP), &protocols).into();
        group.rules.push(rule);
    }
    Ruleset::of_group(&group, Direction::Inbound, &Names::default())
}

fn plain_side(choices: &mut Choices, ipv4: bool, broad: bool) -> AddressSpec {
    if broad && choices.one_in(8) {
        return AddressSpec::any();
    }
    let [a, b, c, d] = choices.bytes();
    let address = if ipv4 {
        IpAddr::from([10 | a & 0x81, b & 0x83, c, d])
    } else {
        IpAddr::from(Ipv6Addr::new(
            0xfd00,
            0,
            u16::from(a & 3),
            0,
            0,
            0,
            u16::from(c),
            u16::from(d),
        ))
    };
    let least = if broad { 8 } else { 20 };
    let length = choices.between(least, if ipv4 { 32 } else { 128 });
    AddressItem::from(Prefix::truncated(address, u8::try_from(length).unwrap()).unwrap()).into()
}

/// Flows at the corners of these rules.
fn flows_at(ruleset: &Ruleset, count: usize, seed: u64) -> Vec<Flow> {
    let mut generator = Generator::new(Choices::from_seed(seed), Shape::definite());
    (0..count).map(|_| generator.flow(ruleset)).collect()
}

#[test]
fn plain_rules_by_the_thousand() {
    for (rules, seed) in [(1, 1), (17, 2), (65, 3), (300, 4), (2100, 5)] {
        let ruleset = plain_ruleset(rules, seed);
        let flows = flows_at(&ruleset, 400, seed);
        let all = classifiers(&ruleset);
        for strategy in [Strategy::Forest, Strategy::Pairs] {
            assert!(all.iter().any(|classifier| classifier.kind() == strategy), "{strategy}");
        }
        for classifier in &all {
            check_one(classifier, &ruleset, &flows);
        }
        let answers = flows.iter().filter_map(|flow| match all[0].classify(flow) {
            Answer::Rule(rule) => Some(rule),
            _ => None,
        });
        let deciding = answers.collect::<BTreeSet<_>>().len();
        assert!(deciding >= usize::try_from(rules).unwrap().min(40) / 2, "{deciding} of {rules}");
    }
}

/// One bit of a summary stands for 64 rules, so that 4,096 rules fill one word of it.
#[test]
fn bit_sets_go_on_behind_their_first_summary_word() {
    let mut group = SecurityGroup::new(ResourceId::new("hosts"));
    group.default_rules.clear();
    for number in 0..4200u32 {
        let name = RuleName::as_written(&format!("rule{number}"));
        let priority = Priority::new(number);
        let mut rule = SecurityRule::new(name, priority, Direction::Inbound, Access::Allow);
        rule.source = AddressItem::from(prefix(0x0a01_0000 + number % 7, 32)).into();
        rule.destination = AddressItem::from(prefix(0x0a00_0000 + number, 32)).into();
        group.rules.push(rule);
    }
    let ruleset = Ruleset::of_group(&group, Direction::Inbound, &Names::default());
    let classifier = Classifier::new(&ruleset, &Config::new().strategy(Strategy::Bitsets)).unwrap();
    for number in 0..4200u32 {
        let flow = |source: u32| -> Flow {
            let [source, destination] = [source, 0x0a00_0000 + number].map(Ipv4Addr::from);
            format!("tcp {source}:9 -> {destination}:80").parse().unwrap()
        };
        let answer = |source| classifier.classify(&flow(0x0a01_0000 + source % 7));
        assert_eq!(answer(number), Answer::Rule(usize::try_from(number).unwrap()));
        assert_eq!(answer(number + 1), Answer::NoRule);
    }
}

/// Rules that are narrow on both sides, then one that is wide on both, then some that are wide on
/// one: the first of them decides, whichever structure of the forest knows it.
#[test]
fn a_forest_gives_the_first_rule_of_all_its_trees() {
    let line = |n: u32| match n {
        0..100 => format!("{} a{n} allow inbound tcp 10.1.0.{n}:* -> 10.2.0.{n}:*", 100 + n),
        100 => "200 wide allow inbound tcp 10.0.0.0/8:* -> 10.0.0.0/8:*".to_owned(),
        _ => format!("{} b{n} allow inbound tcp *:* -> 10.2.0.{}:*", 100 + n, n - 101),
    };
    let mut group = SecurityGroup::new(ResourceId::new("trees"));
    group.rules = (0..201).map(|n| line(n).parse().unwrap()).collect();
    group.default_rules.clear();
    let ruleset = Ruleset::of_group(&group, Direction::Inbound, &Names::default());
    let forest = Classifier::new(&ruleset, &Config::new().strategy(Strategy::Forest)).unwrap();
    let flow = |source: &str, n: usize| format!("tcp {source}:9 -> 10.2.0.{n}:80").parse().unwrap();
    for n in 0..100 {
        assert_eq!(forest.classify(&flow(&format!("10.1.0.{n}"), n)), Answer::Rule(n));
        assert_eq!(forest.classify(&flow("10.3.0.1", n)), Answer::Rule(100));
        assert_eq!(forest.classify(&flow("11.3.0.1", n)), Answer::Rule(101 + n));
    }
}

/// Groups of rules meant to make some structure explode.
fn hostile_rulesets() -> Vec<(&'static str, Ruleset)> {
    let ruleset = |lines: Vec<String>| {
        let mut group = SecurityGroup::new(ResourceId::new("hostile"));
        group.rules = lines.iter().map(|line| line.parse().unwrap()).collect();
        Ruleset::of_group(&group, Direction::Inbound, &Names::default())
    };
    let numbered = |rules: u32, text: &dyn Fn(u32) -> String| {
        ruleset((0..rules).map(|n| format!("{} r{n} allow inbound {}", 100 + n, text(n))).collect())
    };
    let comb = |n: u32| {
        (0..60)
            .map(|i| format!("10.{}.{}.{}", n % 250, i * 4, n / 250))
            .collect::<Vec<_>>()
            .join(",")
    };
    vec![
        ("nested", numbered(33, &|n| format!("tcp {}:* -> *:*", prefix(0x0a01_0203, 32 - n)))),
        ("comb", numbered(1000, &|n| format!("tcp {}:* -> *:22", comb(n)))),
        (
            "cross-hatch",
            numbered(1000, &|n| {
                let side = format!("10.{}.{}.0/24", n / 250, n % 250);
                if n % 2 == 0 { format!("* {side}:* -> *:*") } else { format!("* *:* -> {side}:*") }
            }),
        ),
        (
            "33 x 33 lengths",
            numbered(1089, &|n| {
                format!(
                    "tcp {}:* -> {}:*",
                    prefix(0x0a01_0203, n % 33),
                    prefix(0x0a01_0203, n / 33)
                )
            }),
        ),
        ("wildcards", numbered(1000, &|n| format!("tcp *:* -> *:{n}"))),
        (
            "source ports",
            numbered(300, &|n| format!("tcp *:{}-{} -> *:{}-{}", n, n + 700, 2 * n, 2 * n + 9)),
        ),
        ("identical", numbered(1000, &|_| "tcp 10.0.0.0/8:* -> *:443".to_owned())),
        (
            "thousands of nested pairs",
            numbered(3000, &|n| {
                let source = prefix(0x0a01_0203 ^ (n % 97) << 8, 8 + n % 25);
                let destination = prefix(0x0a01_0203 ^ (n % 89) << 8, 8 + n / 25 % 25);
                format!("tcp {source}:* -> {destination}:{}", n % 7)
            }),
        ),
        (
            "thousands of services of one pair",
            numbered(3000, &|n| format!("tcp 10.0.0.1:* -> 10.0.0.2:{n}")),
        ),
        (
            "stairs of ranges",
            numbered(2500, &|n| {
                let [a, b] = [n, n + 2500].map(|at| Ipv4Addr::from(0x0a00_0000 + at));
                format!("tcp {a}-{b}:* -> {a}-{b}:*")
            }),
        ),
        ("deep IPv6", numbered(97, &|n| format!("tcp [fd00::/{}]:* -> *:*", 128 - n))),
    ]
}

fn prefix(address: u32, length: u32) -> Prefix {
    Prefix::truncated(Ipv4Addr::from(address).into(), u8::try_from(length).unwrap()).unwrap()
}

#[test]
fn hostile_rules_fit_and_are_decided_alike() {
    for (family, ruleset) in hostile_rulesets() {
        let classifier = ruleset.compile().unwrap();
        assert!(classifier.memory_usage() <= 64 << 20, "{family}");
        let flows = flows_at(&ruleset, 60, 7);
        check_one(&classifier, &ruleset, &flows);
        for limit in [0, 500, 20_000, 700_000, 4_000_000] {
            match Classifier::new(&ruleset, &Config::new().size_limit(limit)) {
                Ok(classifier) => {
                    assert!(classifier.memory_usage() <= limit, "{family} in {limit}");
                    check_one(&classifier, &ruleset, &flows);
                }
                Err(error) => {
                    let expected = BuildError::SizeLimit { strategy: Strategy::Scan, limit };
                    assert_eq!(error, expected, "{family}");
                    assert!(limit < 4_000_000, "{family}");
                }
            }
        }
    }
}

#[test]
fn a_classifier_is_shared_between_threads_and_says_what_it_is() {
    fn is_shared<T: Send + Sync + std::panic::UnwindSafe>(_: &T) {}
    let ruleset = plain_ruleset(90, 1);
    for strategy in Strategy::ALL {
        let classifier = Classifier::new(&ruleset, &Config::new().strategy(strategy)).unwrap();
        is_shared(&classifier);
        assert_eq!(classifier.kind(), strategy);
        let report = classifier.report();
        assert_eq!(report.ipv4.bytes + report.ipv6.bytes, classifier.memory_usage());
        assert!(report.to_string().starts_with(&format!("IPv4: {strategy} (asked for), ")));
        assert_eq!(strategy.to_string().parse(), Ok(strategy));
    }
}
