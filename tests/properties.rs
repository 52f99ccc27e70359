//! What holds for every group and every flow, over generated ones.

use std::collections::BTreeSet;

use nsg_engine::eval::{FieldMatches, Match, Verdict, evaluate, trace};
use nsg_engine::model::{
    Access, AddressItem, AddressSpec, Direction, Flow, PortSpec, Priority, RuleName, SecurityGroup,
    SecurityRule, Value,
};
use nsg_engine::net::{AddressSet, Interval, PortSet, Prefix};
use nsg_engine::resolve::{Rule, RuleKind, Ruleset};
use nsg_engine::strategies::{
    Case, Choices, Generator, Shape, admin_rules, cases, flows, port_sets, prefixes, rules,
};
use proptest::prelude::*;

use crate::completion::Completion;

const DIRECTIONS: [Direction; 2] = [Direction::Inbound, Direction::Outbound];

/// A generator that always goes the same way tests nothing: a few hundred seeds bring up every
/// kind of answer, decided by rules of many priorities.
#[test]
fn generated_cases_reach_every_kind_of_answer() {
    let (mut verdicts, mut deciding) = (BTreeSet::new(), BTreeSet::new());
    let (mut evaluations, mut decided_by_user) = (0, 0);
    for seed in 0..400 {
        let case = Case::draw(Choices::from_seed(seed), Shape::default());
        for direction in DIRECTIONS {
            let ruleset = case.ruleset(direction);
            for flow in &case.flows {
                let decision = evaluate(&ruleset, flow);
                let rule = decision.rule(&ruleset).unwrap();
                verdicts.insert(decision.verdict());
                deciding.insert(rule.priority);
                evaluations += 1;
                decided_by_user += usize::from(rule.kind == RuleKind::Custom);
            }
        }
    }
    assert_eq!(verdicts, [Verdict::Allow, Verdict::Deny, Verdict::Indeterminate].into());
    assert!(deciding.len() > 30, "{deciding:?}");
    assert!(decided_by_user * 12 > evaluations, "{decided_by_user} of {evaluations}");
}

/// Cases together with choices for what a property does to them.
fn changed_cases(shape: Shape) -> impl Strategy<Value = (Case, u64)> {
    (cases(shape), any::<u64>())
}

/// Every flow of a case, in both directions, with the rules it meets.
fn questions(case: &Case) -> Vec<(Ruleset, Flow)> {
    let rulesets = DIRECTIONS.map(|direction| case.ruleset(direction));
    rulesets
        .iter()
        .flat_map(|ruleset| case.flows.iter().map(move |flow| (ruleset.clone(), *flow)))
        .collect()
}

/// The rulesets of a case whose user rules were changed.
fn with_rules(case: &Case, change: impl FnOnce(&mut Vec<SecurityRule>)) -> Case {
    let mut changed = case.clone();
    change(&mut changed.group.rules);
    changed
}

/// The rules that decide and the access they give, on every flow of the case.
fn answers(case: &Case) -> Vec<(Verdict, Option<usize>)> {
    questions(case)
        .iter()
        .map(|(ruleset, flow)| {
            let decision = evaluate(ruleset, flow);
            (decision.verdict(), decision.rule_index())
        })
        .collect()
}

fn verdicts(case: &Case) -> Vec<Verdict> {
    answers(case).into_iter().map(|(verdict, _)| verdict).collect()
}

proptest! {
    #[test]
    fn the_text_of_every_value_round_trips(
        rule in rules(Shape::default()),
        admin_rule in admin_rules(Shape::default()),
        flow in flows(),
        prefix in prefixes(),
        ports in port_sets(),
    ) {
        prop_assert_eq!(rule.to_string().parse(), Ok(rule));
        prop_assert_eq!(admin_rule.to_string().parse(), Ok(admin_rule));
        prop_assert_eq!(flow.to_string().parse(), Ok(flow));
        prop_assert_eq!(prefix.to_string().parse(), Ok(prefix));
        prop_assert_eq!(ports.to_string().parse(), Ok(ports));
    }

    /// S3.3: with the default rules present every flow matches something, and where nothing is
    /// unknown the answer is definite.
    #[test]
    fn what_is_known_is_decided(case in cases(Shape::definite())) {
        for (ruleset, flow) in questions(&case) {
            let decision = evaluate(&ruleset, &flow);
            prop_assert_ne!(decision.verdict(), Verdict::Indeterminate, "{}", flow);
            prop_assert!(decision.rule(&ruleset).is_some(), "{}", flow);
        }
    }

    /// S3.1: the trace is the same walk, rule by rule up to the one that decides.
    #[test]
    fn a_trace_ends_where_the_decision_falls(case in cases(Shape::default())) {
        for (ruleset, flow) in questions(&case) {
            let trace = trace(&ruleset, &flow);
            prop_assert_eq!(&trace.decision, &evaluate(&ruleset, &flow));
            let certain = trace.steps.iter().position(|step| step.overall == Match::Yes);
            prop_assert_eq!(trace.decision.rule_index(), certain);
            let walked = certain.map_or(ruleset.rules().len(), |index| index + 1);
            prop_assert_eq!(trace.steps.len(), walked);
        }
    }

    /// S3.1: rules stand in the order of their priorities, wherever the file has them.
    #[test]
    fn the_order_of_rules_in_a_file_does_not_matter((case, seed) in changed_cases(Shape::default())) {
        let mut choices = Choices::from_seed(seed);
        let shuffled = with_rules(&case, |rules| {
            for last in (1..rules.len()).rev() {
                rules.swap(last, choices.below(last + 1));
            }
        });
        for direction in DIRECTIONS {
            prop_assert_eq!(shuffled.ruleset(direction), case.ruleset(direction));
        }
    }

    #[test]
    fn splitting_and_repeating_what_a_rule_lists_changes_nothing(
        (case, seed) in changed_cases(Shape::default())
    ) {
        let mut choices = Choices::from_seed(seed);
        let split = with_rules(&case, |rules| {
            for rule in rules {
                for side in [&mut rule.source, &mut rule.destination] {
                    split_addresses(side, &mut choices);
                }
                for ports in [&mut rule.source_ports, &mut rule.destination_ports] {
                    split_ports(ports, &mut choices);
                }
            }
        });
        for direction in DIRECTIONS {
            prop_assert_eq!(split.ruleset(direction), case.ruleset(direction));
        }
    }

    /// A rule is the product of its lists: one rule for each pair of items says the same.
    #[test]
    fn splitting_a_rule_into_its_items_changes_no_verdict(case in cases(Shape::default())) {
        let split = with_rules(&case, |rules| {
            *rules = rules.iter().flat_map(one_rule_per_item).collect();
        });
        prop_assert_eq!(verdicts(&split), verdicts(&case));
    }

    /// S1.3: names tell rules apart and do nothing else, as long as no priorities tie (S1.7).
    #[test]
    fn renaming_changes_names_only(case in cases(Shape::definite())) {
        let renamed = with_rules(&case, |rules| {
            for (index, rule) in rules.iter_mut().enumerate() {
                rule.name = RuleName::as_written(&format!("other-{index}"));
            }
        });
        prop_assert_eq!(answers(&renamed), answers(&case));
    }

    #[test]
    fn rules_below_one_that_matches_everything_never_decide(
        (case, seed) in changed_cases(Shape::default()),
        number in 100u32..4096,
    ) {
        let everything = |direction| {
            let name = RuleName::as_written(&format!("everything-{direction}"));
            SecurityRule::new(name, Priority::new(number), direction, Access::Deny)
        };
        let base = with_rules(&case, |rules| {
            rules.retain(|rule| rule.priority != Priority::new(number).into());
            rules.extend(DIRECTIONS.map(everything));
        });
        let more = with_rules(&base, |rules| {
            let mut generator = Generator::new(Choices::from_seed(seed), Shape::default());
            let mut rule = generator.rule();
            rule.priority = Priority::new(number + 1).into();
            rules.push(rule);
        });
        prop_assert_eq!(verdicts(&more), verdicts(&base));
    }

    /// First match decides, so neighbours that share no flow, or do the same, may change places.
    #[test]
    fn neighbours_that_never_meet_or_do_the_same_may_be_swapped(case in cases(Shape::definite())) {
        for direction in DIRECTIONS {
            let ruleset = case.ruleset(direction);
            for index in 1..ruleset.rules().len() {
                let (first, second) = (&ruleset.rules()[index - 1], &ruleset.rules()[index]);
                if first.effect != second.effect && may_meet(first, second) {
                    continue;
                }
                let mut rules = ruleset.rules().to_vec();
                rules.swap(index - 1, index);
                let swapped = Ruleset::new(direction, rules, ruleset.fallback());
                for flow in &case.flows {
                    prop_assert_eq!(
                        evaluate(&swapped, flow).verdict(),
                        evaluate(&ruleset, flow).verdict(),
                        "{}", flow
                    );
                }
            }
        }
    }

    /// S3.4, S3.5: source and destination are the packet's; nothing else tells the directions
    /// apart. ICMP is left out: its destination ports are types (S1.23).
    #[test]
    fn mirrored_rules_treat_mirrored_flows_alike(case in cases(Shape::default())) {
        let mut mirrored = case.clone();
        let SecurityGroup { rules, default_rules, .. } = &mut mirrored.group;
        rules.iter_mut().chain(default_rules).for_each(mirror);
        for direction in DIRECTIONS {
            let (ruleset, reflection) = (case.ruleset(direction), mirrored.ruleset(other(direction)));
            for flow in case.flows.iter().filter(|flow| !flow.protocol().is_icmp()) {
                let (here, there) = (evaluate(&ruleset, flow), evaluate(&reflection, &flow.reversed()));
                prop_assert_eq!(here, there, "{}", flow);
            }
        }
    }

    /// S3.8: a definite answer stands whatever the unknown turns out to be, and so does a field
    /// that certainly matches or does not.
    #[test]
    fn no_completion_contradicts_a_definite_verdict((case, seed) in changed_cases(Shape::default())) {
        let mut completion = Completion::new(seed);
        let completed = completion.case(&case);
        for direction in DIRECTIONS {
            let (before, after) = (case.ruleset(direction), completed.ruleset(direction));
            for flow in &case.flows {
                let full = completion.flow(flow);
                let (open, decided) = (evaluate(&before, flow), evaluate(&after, &full));
                prop_assert_ne!(decided.verdict(), Verdict::Indeterminate, "{}", full);
                if open.verdict() != Verdict::Indeterminate {
                    prop_assert_eq!(open.verdict(), decided.verdict(), "{} as {}", flow, full);
                }
                for rule in before.rules() {
                    let Some(filled) = same_rule(&after, rule) else { continue };
                    let fields = FieldMatches::of(rule, flow).all();
                    let filled = FieldMatches::of(filled, &full).all();
                    for (open, decided) in fields.into_iter().zip(filled) {
                        prop_assert!(open == Match::Unknown || open == decided, "{} {}", rule.name, flow);
                    }
                }
            }
        }
    }
}

/// Cuts prefixes into halves, repeats and reverses the list.
fn split_addresses(spec: &mut AddressSpec, choices: &mut Choices) {
    let halves = |prefix: Prefix| {
        let low = Prefix::truncated(prefix.address(), prefix.length() + 1);
        let set = AddressSet::from(prefix);
        let high = low.map(|low| set.difference(&low.into()));
        let high = high.iter().flat_map(AddressSet::prefixes).collect::<Vec<_>>();
        low.into_iter().chain(high).map(AddressItem::from).collect::<Vec<_>>()
    };
    let items = spec.items.drain(..).flat_map(|item| match item {
        AddressItem::Prefix(prefix) if prefix.length() < 32 && choices.one_in(2) => halves(prefix),
        item if choices.one_in(4) && !matches!(item, AddressItem::Tag(_)) => {
            vec![item.clone(), item]
        }
        item => vec![item],
    });
    spec.items = items.collect();
}

/// Takes the ports from two lists that meet at a port.
fn split_ports(spec: &mut PortSpec, choices: &mut Choices) {
    let cut = u16::from_be_bytes(choices.bytes());
    let parts = spec.known.ranges().intervals().iter().flat_map(|range| {
        let low = Interval::new(range.first(), range.last().min(cut));
        let high = Interval::new(range.first().max(cut), range.last());
        low.into_iter().chain(high)
    });
    spec.known = parts.collect::<Vec<_>>().into_iter().rev().collect();
}

/// One rule for each pair of address items, in the place of the rule that listed them. An item
/// that is alone in its list stays there, as do unknown ports.
fn one_rule_per_item(rule: &SecurityRule) -> Vec<SecurityRule> {
    let mut parts = Vec::new();
    for source in &rule.source.items {
        for destination in &rule.destination.items {
            let mut part = rule.clone();
            part.name = RuleName::as_written(&format!("{}-{}", rule.name, parts.len()));
            part.priority = match rule.priority {
                Value::Known(priority) => Priority::new(priority.number() * 10).into(),
                Value::Unknown(_) => rule.priority.clone(),
            };
            part.source = source.clone().into();
            part.destination = destination.clone().into();
            parts.push(part);
        }
    }
    parts
}

/// Whether some flow could match both rules, going by fields alone. ICMP reads ports its own
/// way, so that rules which may both match ICMP are taken to meet.
fn may_meet(one: &Rule, other: &Rule) -> bool {
    let protocols = one.protocols.known.intersection(&other.protocols.known);
    let ports = |a: &PortSet, b: &PortSet| a.overlaps(b);
    let has_icmp = protocols.iter().any(|protocol| protocol.is_icmp());
    !protocols.is_empty()
        && one.source.known.overlaps(&other.source.known)
        && one.destination.known.overlaps(&other.destination.known)
        && (has_icmp
            || (ports(&one.source_ports.known, &other.source_ports.known)
                && ports(&one.destination_ports.known, &other.destination_ports.known)))
}

fn other(direction: Direction) -> Direction {
    match direction {
        Direction::Inbound => Direction::Outbound,
        Direction::Outbound => Direction::Inbound,
    }
}

fn mirror(rule: &mut SecurityRule) {
    if let Value::Known(direction) = rule.direction {
        rule.direction = other(direction).into();
    }
    std::mem::swap(&mut rule.source, &mut rule.destination);
    std::mem::swap(&mut rule.source_ports, &mut rule.destination_ports);
}

/// The rule of that kind, name and place in another ruleset.
fn same_rule<'a>(ruleset: &'a Ruleset, rule: &Rule) -> Option<&'a Rule> {
    ruleset.rules().iter().find(|other| other.kind == rule.kind && other.name == rule.name)
}
