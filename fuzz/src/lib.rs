//! What the fuzz targets do, as plain functions: the fuzzer calls them, and so does an ordinary
//! test, which replays stored inputs and makes some of its own.

pub mod mutate;
mod repair;

pub use repair::repair;

use std::ffi::OsString;
use std::fmt::{Debug, Display};
use std::io;
use std::str::FromStr;
use std::sync::Arc;

use nsg_engine::analysis::{Gates, Judgement, difference, equivalent, idle, survey};
use nsg_engine::azure::network_watcher::{
    ConfigurationDiagnosticRequest, IpFlowRequest, configuration_diagnostic,
};
use nsg_engine::azure::{self, Reader};
use nsg_engine::classify::{Answer, Classifier, Config, Strategy, Tier};
use nsg_engine::eval::{self, Query, Verdict};
use nsg_engine::model::{
    AddressSpec, AdminRule, Direction, Flow, Mode, PortSpec, Priority, ProtocolSpec, SecurityRule,
    ServiceTag,
};
use nsg_engine::net::{PortSet, Prefix, Protocol};
use nsg_engine::network::Network;
use nsg_engine::path::Chain;
use nsg_engine::resolve::{Rule, Ruleset, ServiceTags, Topology};
use nsg_engine::space::{HeaderSpace, LimitExceeded, Limits, Region};
use nsg_engine::strategies::{Case, Choices, Generator, NetworkCase, Shape};

/// A target: it must come to an end without a panic on every input.
pub type Target = fn(&[u8]);

/// Every target by the name of its binary and of its folders of seeds and regressions.
pub const TARGETS: [(&str, Target); 10] = [
    ("read_azure", read_azure),
    ("read_service_tags", read_service_tags),
    ("network_watcher", network_watcher),
    ("text_forms", text_forms),
    ("evaluate_after_read", evaluate_after_read),
    ("evaluate_generated", evaluate_generated),
    ("classify_vs_eval", classify_vs_eval),
    ("repair", repair),
    ("algebra", algebra),
    ("analysis", analysis),
];

/// Any bytes, read in both modes: the same document gives the same answer twice, and whatever
/// is reported can be printed.
pub fn read_azure(data: &[u8]) {
    for mode in [Mode::Lenient, Mode::Strict] {
        let read = || {
            let mut reader = Reader::new(mode);
            reader.add("input", data).map(|()| reader.finish())
        };
        match (read(), read()) {
            (Ok(first), Ok(second)) => {
                assert_eq!(first, second);
                first.findings.iter().for_each(|finding| assert!(!finding.to_string().is_empty()));
            }
            (Err(first), Err(second)) => assert_eq!(first.to_string(), second.to_string()),
            _ => panic!("reading the same bytes twice gave different answers"),
        }
    }
}

/// Any bytes as a service-tag file: every tag it is said to have can be looked up.
pub fn read_service_tags(data: &[u8]) {
    if let Ok(tags) = azure::read_service_tags("input", data) {
        assert!(tags.tags().all(|tag| tags.addresses(tag).is_some()));
        assert!(tags.addresses(&ServiceTag::internet()).is_some());
    }
}

/// Any bytes as what Network Watcher is asked, put to a small network.
pub fn network_watcher(data: &[u8]) {
    if let Ok(request) = serde_json::from_slice::<IpFlowRequest>(data)
        && let Ok(flow) = request.flow()
    {
        round_trip::<Flow>(&flow.to_string());
    }
    if let Ok(request) = serde_json::from_slice::<ConfigurationDiagnosticRequest>(data) {
        let case = NetworkCase::draw(Choices::from_seed(7), Shape::default());
        let topology = Topology::new(case.network, case.tags);
        let interfaces: Vec<_> = topology.network().network_interfaces.iter().take(1).collect();
        for target in [&[][..], &interfaces[..]] {
            if let Ok(response) = configuration_diagnostic(&topology, &request, target) {
                assert!(serde_json::to_string(&response).is_ok());
            }
        }
    }
}

/// Any text as every value that has a text form: what can be read prints as text that reads as
/// the same value.
pub fn text_forms(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    round_trip::<AddressSpec>(text);
    round_trip::<AdminRule>(text);
    round_trip::<Flow>(text);
    round_trip::<PortSet>(text);
    round_trip::<PortSpec>(text);
    round_trip::<Prefix>(text);
    round_trip::<Priority>(text);
    round_trip::<Protocol>(text);
    round_trip::<ProtocolSpec>(text);
    round_trip::<Query>(text);
    round_trip::<SecurityRule>(text);
    if let Ok(prefix) = Prefix::parse_truncating(text) {
        round_trip::<Prefix>(&prefix.to_string());
    }
}

fn round_trip<T: FromStr<Err: Display> + Display + Debug + PartialEq>(text: &str) {
    match text.parse::<T>() {
        Ok(value) => match value.to_string().parse::<T>() {
            Ok(again) => assert_eq!(again, value),
            Err(error) => panic!("`{value}` cannot be read again: {error}"),
        },
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Any bytes read as a network, and flows evaluated on whatever could be read.
pub fn evaluate_after_read(data: &[u8]) {
    let Ok(read) = azure::read(data) else { return };
    let mut generator = Generator::new(Choices::from_bytes(data), Shape::default());
    let mut flows: Vec<Flow> = (0..4).map(|_| generator.network_flow(&read.network)).collect();
    flows.extend(
        ["tcp 10.0.1.4:50000 -> 10.0.0.4:22", "udp [fd00::4]:* -> [fd00::5]:53"]
            .iter()
            .filter_map(|text| text.parse::<Flow>().ok()),
    );
    evaluate(read.network, generator.names().service_tags().clone(), &flows);
}

/// A generated network: every part of it is there and means something, unlike in what remains of
/// random bytes.
pub fn evaluate_generated(data: &[u8]) {
    let NetworkCase { network, tags, flows } =
        NetworkCase::draw(Choices::from_bytes(data), Shape::default());
    evaluate(network, tags, &flows);
}

/// Puts flows to every gate there is; an answer and its trace must agree. Only so many resources
/// of a kind are asked, because a document of a kilobyte can name hundreds.
fn evaluate(network: Network, tags: ServiceTags, flows: &[Flow]) {
    const MOST: usize = 8;
    let topology = Topology::new(network, tags);
    topology.findings().iter().for_each(|finding| assert!(!finding.to_string().is_empty()));
    let network = topology.network();
    let mut chains = Vec::new();
    for direction in [Direction::Inbound, Direction::Outbound] {
        for group in network.security_groups.iter().take(MOST) {
            chains.push(Chain::of_group(&topology, group, direction));
        }
        for interface in network.network_interfaces.iter().take(MOST) {
            for configuration in interface.ip_configurations.iter().take(2) {
                chains.push(Chain::of_interface(&topology, interface, configuration, direction));
            }
        }
        for (_, subnet) in network.subnets().take(MOST) {
            chains.extend(Chain::of_subnet(&topology, &subnet.id, direction));
        }
        for endpoint in network.private_endpoints.iter().take(MOST) {
            chains.push(Chain::of_private_endpoint(&topology, endpoint, direction));
        }
    }
    for flow in flows {
        for chain in &chains {
            let (decision, trace) = (chain.evaluate(flow), chain.trace(flow));
            assert_eq!(decision.verdict(), trace.verdict(), "{flow}");
            if trace.verdict() == Verdict::Indeterminate {
                assert!(!trace.unresolved().is_empty(), "{flow}: no reason");
            }
        }
        match topology.path(flow) {
            Ok(path) => {
                let verdict = path.evaluate();
                assert_eq!(verdict.verdict, path.verdict(), "{flow}");
                assert!(!verdict.to_string().is_empty());
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

/// Runs a target on files, to reproduce what a fuzzer found without one.
///
/// # Errors
///
/// When a file cannot be read.
pub fn replay_files(target: Target, files: impl Iterator<Item = OsString>) -> io::Result<()> {
    for file in files {
        target(&std::fs::read(&file)?);
        println!("{}: ends without a panic", file.display());
    }
    Ok(())
}

/// A generated group, compiled with every strategy for every tier: each flow has the interpreter's
/// answer.
pub fn classify_vs_eval(data: &[u8]) {
    let case = Case::draw(Choices::from_bytes(data), Shape::default());
    for direction in [Direction::Inbound, Direction::Outbound] {
        let ruleset = case.ruleset(direction);
        let configs = Strategy::ALL.into_iter().flat_map(|strategy| {
            Tier::available().map(move |tier| Config::new().strategy(strategy).tier(tier))
        });
        for config in configs {
            let Ok(classifier) = Classifier::new(&ruleset, &config) else {
                continue;
            };
            for flow in &case.flows {
                let decision = eval::evaluate(&ruleset, flow);
                match classifier.classify(flow) {
                    Answer::Evaluate => {}
                    Answer::Rule(rule) => assert_eq!(decision.rule_index(), Some(rule)),
                    Answer::NoRule => assert_eq!(decision.rule_index(), None),
                }
                let is_sure = classifier.classify(flow) != Answer::Evaluate;
                assert!(!is_sure || decision.undecided().is_empty(), "{config:?}: {flow}");
            }
        }
    }
}

/// Sets of generated regions: the laws of sets hold as equalities, members are those of the
/// operands, and what is printed reads as the same set. A budget that runs out is no failure.
pub fn algebra(data: &[u8]) {
    let case = Case::draw(Choices::from_bytes(data), small(Shape::definite()));
    let regions: Vec<Region> = [Direction::Inbound, Direction::Outbound]
        .into_iter()
        .flat_map(|one| regions(&case.ruleset(one)))
        .collect();
    let _ = laws(&regions, &case.flows);
}

fn laws(regions: &[Region], flows: &[Flow]) -> Result<(), LimitExceeded> {
    let limits = limits();
    let set = |skip: usize| HeaderSpace::of_regions(regions.iter().skip(skip).step_by(3), &limits);
    let (a, b, c) = (set(0)?, set(1)?, set(2)?);
    let (union, both) = (a.union(&b, &limits)?, a.intersection(&b, &limits)?);
    let (rest, outside) = (a.difference(&b, &limits)?, a.complement());
    assert_eq!(outside.complement(), a);
    assert_eq!(union, b.union(&a, &limits)?);
    assert_eq!(rest, a.intersection(&b.complement(), &limits)?);
    assert_eq!(union.complement(), outside.intersection(&b.complement(), &limits)?);
    assert_eq!(rest.union(&both, &limits)?, a);
    let shared = a.intersection(&b.union(&c, &limits)?, &limits)?;
    assert_eq!(shared, both.union(&a.intersection(&c, &limits)?, &limits)?);
    assert_eq!(a.covers(&b, &limits)?, union == a);
    assert_eq!(a.overlaps(&b, &limits)?, !both.is_empty());
    for flow in flows
        .iter()
        .copied()
        .chain([&a, &b, &rest, &outside].iter().filter_map(|set| set.witness()))
    {
        // A flow that leaves something open lies in a set with all it may be.
        let (in_a, in_b) = (a.contains(&flow), b.contains(&flow));
        assert_eq!(both.contains(&flow), in_a && in_b, "{flow}");
        assert!(!(in_a || in_b) || union.contains(&flow), "{flow}");
        assert!(!(in_a && outside.contains(&flow)), "{flow}");
    }
    for set in [a, b, c, rest, outside] {
        assert_eq!(set.witness().is_none(), set.is_empty());
        assert!(set.witness().is_none_or(|flow| set.contains(&flow)));
        let written = set.regions(&limits)?;
        let read: Vec<Region> = written
            .iter()
            .map(|one| one.to_string().parse().expect("a region is read back"))
            .collect();
        assert_eq!(HeaderSpace::of_regions(&read, &limits)?, set);
    }
    Ok(())
}

/// Generated groups, before and after an edit, alone and one behind the other: what is claimed of
/// all flows holds for those of the case and for every witness.
pub fn analysis(data: &[u8]) {
    let mut choices = Choices::from_bytes(data);
    let edit = choices.below(usize::MAX);
    let case = Case::draw(choices, small(Shape::default()));
    for direction in [Direction::Inbound, Direction::Outbound] {
        let before = case.ruleset(direction);
        let place = edit % before.rules().len().max(1);
        let _ = claims(&before, &without(&before, place), &case.flows);
    }
}

fn claims(before: &Ruleset, after: &Ruleset, flows: &[Flow]) -> Result<(), LimitExceeded> {
    let limits = limits();
    let verdict = |rules: &Ruleset, flow: &Flow| eval::evaluate(rules, flow).verdict();
    let (one, other) = (Gates::from(before), Gates::from(after));
    let changes = difference(&one, &other, &limits)?;
    for (changes, from, to) in [
        (&changes.opened, Verdict::Deny, Verdict::Allow),
        (&changes.closed, Verdict::Allow, Verdict::Deny),
    ] {
        for change in changes {
            assert_eq!(verdict(before, &change.witness), from);
            assert_eq!(verdict(after, &change.witness), to);
        }
    }
    if changes.is_empty() {
        for flow in flows.iter().filter(|flow| is_one(flow)) {
            assert_eq!(verdict(before, flow), verdict(after, flow), "{flow}");
        }
    }
    if let Judgement::Fails(example) = equivalent(&one, &other, &limits)? {
        assert_ne!(verdict(before, &example.flow), verdict(after, &example.flow));
    }
    let Ok(found) = survey(before, &limits) else { return Ok(()) };
    for shadowed in &found.shadowed {
        for flow in flows.iter().chain(&shadowed.witness) {
            assert_ne!(eval::evaluate(before, flow).rule_index(), Some(shadowed.rule.index));
        }
    }
    for rule in &found.redundant {
        let rest = Gates::from(&without(before, rule.index));
        assert!(difference(&one, &rest, &limits)?.is_empty(), "{rule}");
    }
    let way = [before, after].map(|rules| Arc::new(rules.clone()));
    let whole = Gates::new(way.clone());
    for one in idle(&whole, &limits)? {
        let mut rest = way.clone();
        if let Some(list) = rest.get_mut(one.rule.gate) {
            *list = Arc::new(without(list, one.rule.index));
        }
        assert!(difference(&whole, &Gates::new(rest), &limits)?.is_empty(), "{}", one.rule);
    }
    Ok(())
}

/// Whether it leaves nothing open: one that does is many, which may not all fare alike.
pub(crate) fn is_one(flow: &Flow) -> bool {
    let protocol = flow.protocol();
    match (protocol.is_icmp(), protocol.has_ports()) {
        (true, _) => flow.icmp_type().is_some(),
        (_, true) => flow.source_port().is_some() && flow.destination_port().is_some(),
        (false, false) => true,
    }
}

/// Few enough rules that a target ends in milliseconds.
fn small(mut shape: Shape) -> Shape {
    (shape.rules, shape.items, shape.prefixes) = (5, 2, 6);
    shape
}

/// Budgets that even a sanitized build uses up in no time.
fn limits() -> Limits {
    Limits::default().with_steps(1_000_000).with_branches(100_000).with_regions(10_000)
}

fn without(ruleset: &Ruleset, index: usize) -> Ruleset {
    let mut rules = ruleset.rules().to_vec();
    if index < rules.len() {
        rules.remove(index);
    }
    Ruleset::new(ruleset.direction(), rules, ruleset.fallback())
}

fn regions(ruleset: &Ruleset) -> Vec<Region> {
    let region = |rule: &Rule| Region {
        protocols: rule.protocols.known,
        source: rule.source.known.as_ref().clone(),
        source_ports: rule.source_ports.known.clone(),
        destination: rule.destination.known.as_ref().clone(),
        destination_ports: rule.destination_ports.known.clone(),
    };
    ruleset.rules().iter().map(region).collect()
}
