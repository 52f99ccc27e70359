//! The gates of one end compiled together answer as each gate does by itself, and come to what
//! `path` says.

use std::collections::BTreeSet;

use nsg_engine::classify::{
    Answer, BuildError, ChainAnswer, ChainClassifier, Config, FlowKey, Strategy,
};
use nsg_engine::eval::Verdict;
use nsg_engine::model::{Access, AdminRule, Direction, Flow, SecurityGroup};
use nsg_engine::net::Prefix;
use nsg_engine::path::{Chain, Gate};
use nsg_engine::resolve::{Names, Ruleset, ServiceTags, Topology};
use nsg_engine::strategies::{Choices, Generator, NetworkCase, Shape, networks, sized};
use proptest::prelude::*;

use crate::classify::agrees;

/// Gates that share their classes, gates by themselves, and what is chosen.
fn configs() -> [Config; 3] {
    let config = Config::new();
    [config.clone().strategy(Strategy::Bitsets), config.clone().strategy(Strategy::Scan), config]
}

fn chains(topology: &Topology) -> Vec<Chain> {
    let mut chains = Vec::new();
    for interface in &topology.network().network_interfaces {
        for configuration in &interface.ip_configurations {
            for direction in [Direction::Inbound, Direction::Outbound] {
                chains.push(Chain::of_interface(topology, interface, configuration, direction));
            }
        }
    }
    chains
}

fn known<'a>(answer: &ChainAnswer, gates: &[Option<&'a Ruleset>]) -> Vec<(Answer, &'a Ruleset)> {
    let answers = answer.gates().iter().map(|gate| gate.answer());
    assert_eq!(answer.gates().len(), gates.len());
    answers
        .zip(gates)
        .filter_map(|(answer, gate)| {
            assert!(gate.is_some() || answer == Answer::Evaluate);
            Some((answer, (*gate)?))
        })
        .collect()
}

/// The chain's own answer, where it has one, is that of `path`; it has one unless a gate leaves
/// something open.
fn check_access(chain: &Chain, in_front: usize, flow: &Flow, answer: &ChainAnswer) {
    let decision = chain.evaluate(flow);
    match answer.access() {
        Some(Access::Allow) => assert_eq!(decision.verdict(), Verdict::Allow, "{flow}"),
        Some(Access::Deny) => assert_eq!(decision.verdict(), Verdict::Deny, "{flow}"),
        None => assert!(
            answer.gates().iter().any(|gate| gate.answer() == Answer::Evaluate),
            "{flow}: {answer:?}"
        ),
    }
    let decides = answer.gate().and_then(|gate| gate.checked_sub(in_front));
    if let Some(gate) = decides.filter(|_| answer.access().is_some()) {
        let expected: Option<&Gate> = decision.gate();
        assert_eq!(chain.gates().get(gate), expected, "{flow}");
        let rules = chain.gates()[gate].ruleset().unwrap();
        let rule = answer.rule().map(|(_, rule)| &rules.rules()[rule]);
        assert_eq!(rule, decision.rule(), "{flow}");
    }
}

fn check_chain(chain: &Chain, flows: &[Flow]) {
    let exemptions = chain.exemptions();
    let lists = exemptions.iter().map(Some);
    let gates: Vec<Option<&Ruleset>> =
        lists.chain(chain.gates().iter().map(|gate| gate.ruleset().map(AsRef::as_ref))).collect();
    for config in configs() {
        let classifier = match ChainClassifier::new(&gates, &config) {
            Ok(classifier) => classifier,
            Err(error) => {
                let most = ChainClassifier::MOST_GATES;
                assert_eq!(error, BuildError::TooManyGates { gates: gates.len(), most });
                assert!(gates.len() > most);
                continue;
            }
        };
        let answers: Vec<ChainAnswer> =
            flows.iter().map(|flow| classifier.classify(flow)).collect();
        for (flow, answer) in flows.iter().zip(&answers) {
            for (answer, ruleset) in known(answer, &gates) {
                assert!(agrees(ruleset, flow, answer), "{flow}: {answer:?}\n{ruleset:#?}");
            }
            // A packet that stays inside its machine meets no gate (S3.17).
            if flow.source() != flow.destination() {
                check_access(chain, exemptions.len(), flow, answer);
            }
        }
        let (keys, singly): (Vec<FlowKey>, Vec<ChainAnswer>) = flows
            .iter()
            .zip(&answers)
            .filter_map(|(flow, answer)| Some((FlowKey::of(flow)?, *answer)))
            .unzip();
        let mut batch = vec![ChainAnswer::default(); keys.len()];
        classifier.classify_batch(&keys, &mut batch);
        assert_eq!(batch, singly);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_gate_answers_as_by_itself_and_all_together_as_the_path(
        case in networks(Shape::default()),
    ) {
        let topology = Topology::new(case.network, case.tags);
        for chain in chains(&topology) {
            check_chain(&chain, &case.flows);
        }
    }
}

/// Where nothing is unknown the compiled chain never asks back, and it meets every way a chain
/// can end.
#[test]
fn definite_chains_are_decided_without_asking_back() {
    let mut seen = BTreeSet::new();
    for seed in 0..60 {
        let case = NetworkCase::draw(Choices::from_seed(seed), Shape::definite().with_flows(40));
        let topology = Topology::new(case.network, case.tags);
        for chain in chains(&topology) {
            check_chain(&chain, &case.flows);
            let gates: Vec<Option<&Ruleset>> =
                chain.gates().iter().map(|gate| gate.ruleset().map(AsRef::as_ref)).collect();
            if gates.contains(&None) {
                continue;
            }
            let classifier = ChainClassifier::new(&gates, &Config::new()).unwrap();
            for flow in &case.flows {
                let answer = classifier.classify(flow);
                let access = answer.access().unwrap();
                seen.insert((gates.len(), access, answer.gate()));
            }
        }
    }
    for end in [(0, Access::Allow, None), (3, Access::Allow, Some(0)), (3, Access::Deny, Some(0))] {
        assert!(seen.contains(&end), "{end:?}: {seen:?}");
    }
    for end in [(3, Access::Deny, Some(1)), (3, Access::Deny, Some(2)), (3, Access::Allow, Some(2))]
    {
        assert!(seen.contains(&end), "{end:?}: {seen:?}");
    }
}

/// Flows at the corners of these rules, by turns.
fn flows_at(rulesets: &[Ruleset], count: usize, seed: u64) -> Vec<Flow> {
    let mut generator = Generator::new(Choices::from_seed(seed), Shape::definite());
    (0..count).map(|number| generator.flow(&rulesets[number % rulesets.len()])).collect()
}

/// Stretches of every length, starting and ending inside words. In each, several words have a
/// rule that matches: the last rule denies everything.
#[test]
fn long_lists_keep_to_their_own_bits() {
    for (seed, sizes) in [(1, [10, 70, 200]), (2, [64, 0, 65]), (3, [300, 1, 128])] {
        let names = Names::new(ServiceTags::built_in())
            .with_virtual_network("10.0.0.0/8".parse::<Prefix>().unwrap().into());
        let drawn = (seed..).zip(sizes).map(|(seed, rules)| {
            let group = sized::group(2 * rules, 3, seed);
            Ruleset::of_group(&group, Direction::Inbound, &names)
        });
        let drawn: Vec<Ruleset> = drawn.collect();
        let flows = flows_at(&drawn, 600, seed);
        let gates: Vec<Option<&Ruleset>> = drawn.iter().map(Some).collect();
        let mut deciding = BTreeSet::new();
        for config in configs() {
            let classifier = ChainClassifier::new(&gates, &config).unwrap();
            for flow in &flows {
                let answers = known(&classifier.classify(flow), &gates);
                for (gate, (answer, ruleset)) in answers.into_iter().enumerate() {
                    assert!(agrees(ruleset, flow, answer), "{flow}: {answer:?}");
                    deciding.extend(match answer {
                        Answer::Rule(rule) => Some((gate, rule / 64)),
                        _ => None,
                    });
                }
            }
        }
        let words: usize = drawn.iter().map(|ruleset| ruleset.rules().len().div_ceil(64)).sum();
        assert_eq!(deciding.len(), words, "a word without a rule that decides: {deciding:?}");
    }
}

#[test]
fn a_chain_keeps_to_its_size_limit() {
    let group = sized::group(800, 40, 5);
    let names = Names::default();
    let ruleset = Ruleset::of_group(&group, Direction::Inbound, &names);
    let flows = flows_at(std::slice::from_ref(&ruleset), 200, 1);
    let gates = [Some(&ruleset), None, Some(&ruleset)];
    let mut separate = 0;
    for limit in [0, 10_000, 340_000, 380_000, 420_000, 460_000, 500_000, 540_000, 3_000_000] {
        match ChainClassifier::new(&gates, &Config::new().size_limit(limit)) {
            Ok(classifier) => {
                assert!(classifier.memory_usage() <= limit);
                separate += usize::from(classifier.report().ipv4.len() == 2);
                for flow in &flows {
                    for (answer, ruleset) in known(&classifier.classify(flow), &gates) {
                        assert!(agrees(ruleset, flow, answer), "{flow}: {answer:?}");
                    }
                }
            }
            Err(error) => {
                assert!(matches!(error, BuildError::SizeLimit { .. }) && limit < 340_000)
            }
        }
    }
    assert!(separate > 0);
}

/// S6.4: an admin rule that may match may deliver only if that is what it does.
#[test]
fn only_a_rule_that_always_allows_can_keep_a_later_denial_from_deciding() {
    let space: Prefix = "10.0.0.0/16".parse().unwrap();
    let names = Names::default().with_virtual_network(space.into());
    let admin = |text: &str| {
        let rule: AdminRule = text.parse().unwrap();
        Ruleset::of_admin_rules([&rule], Direction::Inbound, &names)
    };
    let closed = SecurityGroup::new("nsg".into());
    let closed = Ruleset::of_group(&closed, Direction::Inbound, &names);
    let flow: Flow = "tcp 203.0.113.7:50000 -> 10.0.0.4:22".parse().unwrap();
    let access = |first: &Ruleset| {
        let gates = [Some(first), None, Some(&closed)];
        let accesses = configs().map(|config| {
            let answer = ChainClassifier::new(&gates, &config).unwrap().classify(&flow);
            (answer.gates()[0].answer(), answer.access(), answer.gate())
        });
        assert!(accesses.iter().all(|access| *access == accesses[0]));
        accesses[0]
    };
    let evaluate = Answer::Evaluate;
    let allow = admin("1 Some allow inbound tcp Sql:* -> *:22");
    assert_eq!(access(&allow), (evaluate, Some(Access::Deny), None));
    let always = admin("1 Some alwaysallow inbound tcp Sql:* -> *:22");
    assert_eq!(access(&always), (evaluate, None, None));
    let other_port = admin("1 Some alwaysallow inbound tcp Sql:* -> *:23");
    assert_eq!(access(&other_port), (Answer::NoRule, Some(Access::Deny), None));
}
