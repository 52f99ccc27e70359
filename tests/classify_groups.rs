//! Many groups compiled together answer as each of them does by itself, also after changes.

use nsg_engine::classify::{
    Answer, BuildError, Classifier, Config, FlowKey, GroupsClassifier, RuleIndex, Strategy, Tier,
};
use nsg_engine::model::{Direction, Flow};
use nsg_engine::resolve::{Names, Ruleset};
use nsg_engine::strategies::{Case, Choices, Generator, Shape, cases, sized};
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::classify::agrees;
use crate::fleet::fleet;

fn configs() -> Vec<Config> {
    let tiers = Tier::available().map(|tier| Config::new().tier(tier));
    tiers.chain([Config::new().strategy(Strategy::Scan)]).collect()
}

/// Every flow in every group, one by one and in a batch.
fn check(classifier: &GroupsClassifier, groups: &[&Ruleset], flows: &[Flow]) {
    assert_eq!(classifier.len(), groups.len());
    let (mut numbers, mut keys, mut singly) = (Vec::new(), Vec::new(), Vec::new());
    for flow in flows {
        for (number, ruleset) in (0u32..).zip(groups) {
            let answer = classifier.classify(number as usize, flow);
            assert!(agrees(ruleset, flow, answer), "{number}: {flow}: {answer:?}\n{ruleset:#?}");
            if let Some(key) = FlowKey::of(flow) {
                numbers.push(number);
                keys.push(key);
                singly.push(answer);
            }
        }
        let none = classifier.classify(groups.len(), flow);
        assert_eq!(none, Answer::Evaluate);
    }
    let mut found = vec![RuleIndex::NONE; keys.len()];
    classifier.classify_batch(&numbers, &keys, &mut found);
    assert_eq!(found.iter().map(|index| index.answer()).collect::<Vec<_>>(), singly);
}

fn flows_at(rulesets: &[Ruleset], each: usize) -> Vec<Flow> {
    let mut generator = Generator::new(Choices::from_seed(5), Shape::definite());
    let flows = rulesets.iter().flat_map(|ruleset| vec![ruleset; each]);
    flows.map(|ruleset| generator.flow(ruleset)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_group_answers_as_by_itself(
        drawn in proptest::collection::vec(cases(Shape::default()), 1..4),
        change in 0usize..6,
    ) {
        let rulesets: Vec<Ruleset> = drawn
            .iter()
            .flat_map(|case| [Direction::Inbound, Direction::Outbound].map(|d| case.ruleset(d)))
            .collect();
        let groups: Vec<&Ruleset> = rulesets.iter().collect();
        let flows: Vec<Flow> = drawn.iter().flat_map(|case| case.flows.clone()).collect();
        for config in configs() {
            let classifier = GroupsClassifier::new(&groups, &config).unwrap();
            check(&classifier, &groups, &flows);
            let mut changed = groups.clone();
            let place = change % groups.len();
            changed[place] = groups[groups.len() - 1 - place];
            check(&classifier.with(&[(place, changed[place])]).unwrap(), &changed, &flows);
        }
    }
}

/// Groups that name the same large sets, small groups, and groups of thousands of rules.
#[test]
fn large_sets_and_large_groups_are_decided_alike() {
    let mut rulesets = fleet(24, 50, 3);
    rulesets.extend(fleet(4, 200, 3));
    for (rules, prefixes) in [(300, 30), (1600, 4), (4096, 2)] {
        let group = sized::group(rules, prefixes, 7);
        rulesets.push(Ruleset::of_group(&group, Direction::Inbound, &Names::default()));
    }
    let groups: Vec<&Ruleset> = rulesets.iter().collect();
    let flows = flows_at(&rulesets, 30);
    for config in configs().iter().filter(|config| **config != Config::new()) {
        let classifier =
            GroupsClassifier::new(&groups, &config.clone().size_limit(1 << 30)).unwrap();
        check(&classifier, &groups, &flows);
    }
    let classifier = GroupsClassifier::new(&groups, &Config::new()).unwrap();
    check(&classifier, &groups, &flows);
    let report = classifier.report();
    for part in [&report.ipv4, &report.ipv6] {
        assert!(part.shared_sets > 20 && part.by_themselves < 4, "{report}");
    }
    assert!(report.ipv4.by_themselves > 0, "{report}");
    assert_eq!(classifier.memory_usage(), report.ipv4.bytes + report.ipv6.bytes);
}

#[test]
fn batches_of_every_length_equal_single_lookups() {
    fn check_batches<A: nsg_engine::classify::Address>(
        classifier: &GroupsClassifier,
        keys: &[FlowKey<A>],
    ) {
        let groups: Vec<u32> = (0..).zip(keys).map(|(n, _)| (n * 7) % 41).collect();
        let singly: Vec<RuleIndex> = groups
            .iter()
            .zip(keys)
            .map(|(group, key)| classifier.classify_key(*group as usize, key))
            .collect();
        for start in [0, 1, 7, 16] {
            for end in start..=start + 64 {
                let mut found = vec![RuleIndex::NONE; end - start];
                classifier.classify_batch(&groups[start..end], &keys[start..end], &mut found);
                assert_eq!(found, singly[start..end]);
            }
        }
        // The shortest slice ends it, and what is behind stays as it was.
        let mut found = vec![RuleIndex::NONE; 40];
        classifier.classify_batch(&groups[..30], &keys[..20], &mut found);
        assert_eq!(found[..20], singly[..20]);
        assert_eq!(found[20..], [RuleIndex::NONE; 20]);
    }
    let rulesets = fleet(40, 30, 1);
    let groups: Vec<&Ruleset> = rulesets.iter().collect();
    let mixed: Vec<FlowKey> = flows_at(&rulesets, 16).iter().filter_map(FlowKey::of).collect();
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for key in &mixed {
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
            _ => {}
        }
    }
    for config in configs() {
        let classifier = GroupsClassifier::new(&groups, &config.size_limit(1 << 30)).unwrap();
        check_batches(&classifier, &mixed);
        check_batches(&classifier, &v4);
        check_batches(&classifier, &v6);
    }
}

/// Changes one after the other come to what compiling anew comes to.
#[test]
fn a_changed_classifier_equals_one_compiled_anew() {
    let rulesets = fleet(40, 40, 1);
    let others = fleet(12, 45, 1);
    let strange: Vec<Ruleset> = (0..6)
        .map(|seed| {
            let shape = Shape::default().with_rules(60);
            Case::draw(Choices::from_seed(seed), shape).ruleset(Direction::Inbound)
        })
        .collect();
    let mut now: Vec<&Ruleset> = rulesets.iter().collect();
    let mut classifier = GroupsClassifier::new(&now, &Config::new()).unwrap();
    let flows: Vec<Flow> = flows_at(&rulesets, 3).into_iter().chain(flows_at(&others, 3)).collect();
    let mut choices = Choices::from_seed(8);
    for ruleset in others.iter().chain(&strange) {
        let place = choices.below(now.len() + 1);
        if place == now.len() {
            now.push(ruleset);
        } else {
            now[place] = ruleset;
        }
        classifier = classifier.with(&[(place, ruleset)]).unwrap();
        check(&classifier, &now, &flows);
    }
    assert!(classifier.report().ipv4.shared_sets > 20);
    let back: Vec<(usize, &Ruleset)> = rulesets.iter().enumerate().collect();
    let extra = now.len() - rulesets.len();
    let classifier = classifier.with(&back).unwrap();
    now[..rulesets.len()].copy_from_slice(&rulesets.iter().collect::<Vec<_>>());
    let anew = GroupsClassifier::new(&now, &Config::new()).unwrap();
    check(&classifier, &now, &flows);
    // Nothing of what was replaced is left; sets are shared as they were at first.
    let spare = (extra + 1) * (64 << 10);
    assert!(classifier.memory_usage() <= anew.memory_usage() + spare);
    assert_eq!(
        classifier.with(&[(now.len() + 1, now[0])]).unwrap_err(),
        BuildError::NoSuchGroup { group: now.len() + 1, groups: now.len() }
    );
}

#[test]
fn equal_groups_take_room_once() {
    let rulesets = fleet(20, 50, 1);
    // Twice, so that the same sets are shared.
    let once: Vec<&Ruleset> = rulesets.iter().chain(&rulesets).collect();
    let often: Vec<&Ruleset> = (0..50).flat_map(|_| &rulesets).collect();
    let bytes =
        |groups: &[&Ruleset]| GroupsClassifier::new(groups, &Config::new()).unwrap().memory_usage();
    let more = bytes(&often) - bytes(&once);
    assert!(more <= 256 * (often.len() - once.len()), "{more}");
}

#[test]
fn groups_keep_to_their_size_limit() {
    let rulesets = fleet(30, 50, 1);
    let groups: Vec<&Ruleset> = rulesets.iter().collect();
    let flows = flows_at(&rulesets, 2);
    let mut fits = Vec::new();
    for limit in [0, 10_000, 100_000, 1_000_000, 8 << 20, 16 << 20, 64 << 20] {
        match GroupsClassifier::new(&groups, &Config::new().size_limit(limit)) {
            Ok(classifier) => {
                assert!(classifier.memory_usage() <= limit);
                check(&classifier, &groups, &flows);
                fits.push((limit, classifier.report().ipv4.shared_sets));
            }
            Err(error) => assert!(
                matches!(error, BuildError::TooManyGroups { .. } | BuildError::SizeLimit { .. }),
                "{error}"
            ),
        }
    }
    assert!(fits.len() > 2 && fits.is_sorted_by_key(|(_, shared)| *shared), "{fits:?}");
    // One group alone is decided as by its own classifier.
    let alone = GroupsClassifier::new(&groups[..1], &Config::new()).unwrap();
    let classifier = Classifier::new(groups[0], &Config::new()).unwrap();
    for flow in &flows {
        assert_eq!(alone.classify(0, flow), classifier.classify(flow));
    }
}
