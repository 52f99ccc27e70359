//! What `analysis` claims about all flows, against the specification in every cell.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nsg_engine::analysis::{
    Change, Contract, Gates, Idle, IdleCause, Judgement, Reason, RuleRef, Survey, always_allows,
    always_denies, difference, disjoint, effective, equivalent, exposure, idle, implies, survey,
};
use nsg_engine::eval::{FieldMatches, Match, Verdict, evaluate};
use nsg_engine::model::{
    Access, Direction, Endpoint, Flow, ResourceId, SecurityGroup, SecurityRule, UnknownValue,
};
use nsg_engine::net::AddressSet;
use nsg_engine::path::Chain;
use nsg_engine::resolve::{
    Effect, Fallback, Names, Rule, RuleKind, Ruleset, ServiceTags, Topology, Unresolved,
};
use nsg_engine::space::{Allowed, HeaderSpace, Limits, Region};
use nsg_engine::strategies::{Case, Choices, NetworkCase, Shape};

use crate::space::{Cells, small_cases};

const DIRECTIONS: [Direction; 2] = [Direction::Inbound, Direction::Outbound];

fn limits() -> Limits {
    Limits::default()
}

fn rulesets(count: u64, unknown: bool) -> impl Iterator<Item = (Ruleset, Vec<Flow>)> {
    small_cases(count, unknown).flat_map(|case| {
        DIRECTIONS.map(|direction| {
            let ruleset = case.ruleset(direction);
            let flows = Cells::of([&ruleset]).flows();
            (ruleset, flows)
        })
    })
}

fn without(ruleset: &Ruleset, index: usize) -> Ruleset {
    let mut rules = ruleset.rules().to_vec();
    rules.remove(index);
    Ruleset::new(ruleset.direction(), rules, ruleset.fallback())
}

fn verdict(ruleset: &Ruleset, flow: &Flow) -> Verdict {
    evaluate(ruleset, flow).verdict()
}

/// Shadowed is exactly: decides no cell. Redundant is exactly: decides some, and without it every
/// cell has the same verdict.
#[test]
fn the_roles_of_rules_are_those_found_by_trying_every_cell() {
    let (mut shadowed, mut redundant) = (0, 0);
    for (ruleset, flows) in rulesets(25, false) {
        let found = survey(&ruleset, &limits()).unwrap();
        let deciding: BTreeSet<usize> =
            flows.iter().filter_map(|flow| evaluate(&ruleset, flow).rule_index()).collect();
        for index in 0..ruleset.rules().len() {
            let is_shadowed = found.shadowed.iter().any(|one| one.rule.index == index);
            assert_eq!(is_shadowed, !deciding.contains(&index), "{index} of {ruleset:#?}");
            let is_redundant = found.redundant.iter().any(|one| one.index == index);
            let rest = without(&ruleset, index);
            let is_spare = flows.iter().all(|flow| verdict(&ruleset, flow) == verdict(&rest, flow));
            assert_eq!(is_redundant, is_spare && !is_shadowed, "{index} of {ruleset:#?}");
            let gates = [&ruleset, &rest].map(Gates::from);
            let change = difference(&gates[0], &gates[1], &limits()).unwrap();
            assert_eq!(change.is_empty(), is_spare);
            shadowed += usize::from(is_shadowed);
            redundant += usize::from(is_redundant);
        }
        check_covers(&ruleset, &found, &flows);
    }
    assert!(shadowed > 10 && redundant > 10, "{shadowed} {redundant}");
}

/// The rules named before a shadowed one match all it matches, and none of them can be spared.
fn check_covers(ruleset: &Ruleset, found: &Survey, flows: &[Flow]) {
    for one in &found.shadowed {
        let matches = |index: usize, flow: &Flow| {
            FieldMatches::of(&ruleset.rules()[index], flow).overall(&ruleset.rules()[index])
                == Match::Yes
        };
        let own: Vec<&Flow> = flows.iter().filter(|flow| matches(one.rule.index, flow)).collect();
        let covered =
            |by: &[usize]| own.iter().all(|flow| by.iter().any(|&index| matches(index, flow)));
        let by: Vec<usize> = one.by.iter().map(|rule| rule.index).collect();
        assert!(by.iter().all(|&index| index < one.rule.index));
        assert!(covered(&by), "{one:?} in {ruleset:#?}");
        for spare in 0..by.len() {
            let mut fewer = by.clone();
            fewer.remove(spare);
            assert!(!covered(&fewer), "{one:?} in {ruleset:#?}");
        }
        let effect = |flow: &Flow| evaluate(ruleset, flow).rule(ruleset).unwrap().effect;
        let own_effect = ruleset.rules()[one.rule.index].effect;
        assert_eq!(one.contradicts, own.iter().any(|flow| effect(flow) != own_effect));
        match &one.witness {
            Some(witness) => {
                assert!(matches(one.rule.index, witness));
                assert_eq!(effect(witness) != own_effect, one.contradicts);
            }
            None => assert!(own.is_empty()),
        }
    }
}

/// Whatever the budget, what was found before it ran out is the beginning of what all of it finds.
#[test]
fn a_survey_that_is_stopped_keeps_what_it_found() {
    let (mut stopped, mut kept) = (0, 0);
    for (ruleset, _) in rulesets(12, false) {
        let whole = survey(&ruleset, &limits()).unwrap();
        let mut progress = 0.0;
        for steps in (0..).map(|step| step * 40) {
            let Err(partial) = survey(&ruleset, &limits().with_steps(steps)) else { break };
            assert_eq!(partial.exceeded().limit(), steps);
            assert!(partial.exceeded().progress() >= progress);
            progress = partial.exceeded().progress();
            let found = partial.found();
            assert!(whole.shadowed.starts_with(&found.shadowed));
            assert!(whole.redundant.starts_with(&found.redundant));
            let shadowed = |rule: &RuleRef| whole.shadowed.iter().any(|one| one.rule == *rule);
            assert!(!partial.deciding().iter().any(shadowed));
            kept += found.shadowed.len() + found.redundant.len();
            stopped += 1;
        }
        assert!(progress > 0.0 && progress < 1.0);
    }
    assert!(stopped > 50 && kept > 10, "{stopped} {kept}");
}

/// Where something is unknown, no claim is made that a way of its turning out could refute.
#[test]
fn unknown_names_make_the_roles_careful() {
    for (ruleset, flows) in rulesets(30, true) {
        let found = survey(&ruleset, &limits()).unwrap();
        for flow in &flows {
            let decision = evaluate(&ruleset, flow);
            let may_decide = decision.undecided().iter().copied().chain(decision.rule_index());
            for index in may_decide {
                assert!(found.shadowed.iter().all(|one| one.rule.index != index), "{flow}");
            }
        }
        for rule in &found.redundant {
            let rest = without(&ruleset, rule.index);
            for flow in &flows {
                let (now, then) = (verdict(&ruleset, flow), verdict(&rest, flow));
                assert_eq!(now, then, "{flow} without {rule}");
            }
        }
    }
}

/// A custom rule whose number is not known, and the list with it at each number it may have.
fn without_number(ruleset: &Ruleset, index: usize) -> (Ruleset, Vec<Ruleset>) {
    let mut rules = ruleset.rules().to_vec();
    let rule = rules.remove(index);
    let list = |place, rule: Rule| {
        let mut rules = rules.clone();
        rules.insert(place, rule);
        Ruleset::new(ruleset.direction(), rules, ruleset.fallback())
    };
    let mut unknown = rule.clone();
    unknown.priority = None;
    unknown.doubts.push(Unresolved::Value(UnknownValue::new("[parameters('priority')]")));
    let last = rules.iter().filter(|one| one.kind == RuleKind::Custom).count();
    (list(0, unknown), (0..=last).map(|place| list(place, rule.clone())).collect())
}

/// What is claimed of a list with a rule whose number is not known holds whatever the number is,
/// and what is not claimed does not.
#[test]
fn a_rule_without_a_number_may_stand_anywhere() {
    let (mut redundant, mut changed) = (0, 0);
    for (ruleset, flows) in rulesets(25, false) {
        for index in 0..ruleset.rules().len() {
            if ruleset.rules()[index].kind != RuleKind::Custom {
                continue;
            }
            let (unknown, lists) = without_number(&ruleset, index);
            let found = survey(&unknown, &limits()).unwrap();
            let idle = idle(&Gates::from(&unknown), &limits()).unwrap();
            for place in 0..unknown.rules().len() {
                let own = unknown.rules()[place].qualified_name();
                let at = |list: &Ruleset| {
                    let mut rules = list.rules().iter();
                    rules.position(|rule| rule.qualified_name() == own).unwrap()
                };
                let decides = |list: &Ruleset| {
                    flows.iter().any(|flow| evaluate(list, flow).rule_index() == Some(at(list)))
                };
                let rests: Vec<Ruleset> =
                    lists.iter().map(|list| without(list, at(list))).collect();
                let is_spare = lists.iter().zip(&rests).all(|(list, rest)| {
                    flows.iter().all(|flow| verdict(list, flow) == verdict(rest, flow))
                });
                let is_shadowed = found.shadowed.iter().any(|one| one.rule.index == place);
                assert_eq!(is_shadowed, !lists.iter().any(decides), "{place} of {unknown:#?}");
                let is_redundant = found.redundant.iter().any(|one| one.index == place);
                assert_eq!(is_redundant, is_spare && !is_shadowed, "{place} of {unknown:#?}");
                assert!(is_spare || idle.iter().all(|one| one.rule.index != place));
                redundant += usize::from(is_redundant);

                let gates = [&unknown, &without(&unknown, place)].map(Gates::from);
                let found = difference(&gates[0], &gates[1], &limits()).unwrap();
                assert!(!is_spare || found.is_empty(), "{place} of {unknown:#?}");
                let [opened, closed, unsettled] =
                    [&found.opened, &found.closed, &found.unsettled].map(|one| space_of(one));
                for (list, rest) in lists.iter().zip(&rests) {
                    for flow in &flows {
                        let (now, then) = (verdict(list, flow), verdict(rest, flow));
                        assert!(!opened.contains(flow) || (now, then) == OPENED, "{flow}");
                        assert!(!closed.contains(flow) || (then, now) == OPENED, "{flow}");
                        if now != then {
                            let all = [&opened, &closed, &unsettled];
                            assert!(all.iter().any(|one| one.contains(flow)), "{flow}");
                            changed += 1;
                        }
                    }
                }
            }
        }
    }
    assert!(redundant > 20 && changed > 1000, "{redundant} {changed}");
}

const OPENED: (Verdict, Verdict) = (Verdict::Deny, Verdict::Allow);

/// The flows of changes.
fn space_of(changes: &[Change]) -> HeaderSpace {
    let regions: Vec<Region> = changes.iter().map(|one| one.region.clone()).collect();
    HeaderSpace::of_regions(&regions, &limits()).unwrap()
}

#[test]
fn effective_regions_are_where_the_rule_decides() {
    for (ruleset, flows) in rulesets(25, true) {
        for index in 0..ruleset.rules().len() {
            let effective = effective(&ruleset, index, &limits()).unwrap();
            for flow in &flows {
                let decision = evaluate(&ruleset, flow);
                let is_certain =
                    decision.rule_index() == Some(index) && decision.undecided().is_empty();
                let may =
                    decision.rule_index() == Some(index) || decision.undecided().contains(&index);
                assert_eq!(effective.certain.contains(flow), is_certain, "{flow}");
                assert_eq!(effective.possible.contains(flow), may, "{flow}");
            }
        }
    }
}

/// Pairs of rulesets that have much in common: one with rules left out, swapped or turned round.
fn pairs(unknown: bool) -> impl Iterator<Item = (Ruleset, Ruleset, Vec<Flow>)> {
    rulesets(30, unknown).enumerate().map(|(number, (one, _))| {
        let mut rules = one.rules().to_vec();
        let place = number % (rules.len() - 1);
        match number % 3 {
            0 => drop(rules.remove(place)),
            1 => rules.swap(place, place + 1),
            _ => rules[place].source = rules[place + 1].source.clone(),
        }
        let other = Ruleset::new(one.direction(), rules, one.fallback());
        let flows = Cells::of([&one, &other]).flows();
        (one, other, flows)
    })
}

/// The reason given for a flow is the evaluator's.
fn check_reason(ruleset: &Ruleset, flow: &Flow, reason: &Reason) {
    let decision = evaluate(ruleset, flow);
    let access = match decision.verdict() {
        Verdict::Allow => Some(Access::Allow),
        Verdict::Deny => Some(Access::Deny),
        Verdict::Indeterminate => None,
    };
    assert_eq!(reason.access, access, "{flow}");
    let name = decision.rule(ruleset).map(Rule::qualified_name);
    assert_eq!(reason.rule.as_ref().map(|rule| rule.name.clone()), name, "{flow}");
    assert_eq!(reason.undecided.len(), decision.undecided().len(), "{flow}");
}

#[test]
fn differences_are_exact_in_every_cell() {
    let mut changed = 0;
    for (before, after, flows) in pairs(false) {
        let found = difference(&Gates::from(&before), &Gates::from(&after), &limits()).unwrap();
        assert!(found.unsettled.is_empty());
        for (changes, from, to) in [
            (&found.opened, Verdict::Deny, Verdict::Allow),
            (&found.closed, Verdict::Allow, Verdict::Deny),
        ] {
            let regions: Vec<Region> = changes.iter().map(|one| one.region.clone()).collect();
            let space = HeaderSpace::of_regions(&regions, &limits()).unwrap();
            for flow in &flows {
                let is_changed = verdict(&before, flow) == from && verdict(&after, flow) == to;
                assert_eq!(space.contains(flow), is_changed, "{flow}");
            }
            for change in changes {
                assert_eq!(verdict(&before, &change.witness), from);
                assert_eq!(verdict(&after, &change.witness), to);
                check_reason(&before, &change.witness, &change.before);
                check_reason(&after, &change.witness, &change.after);
                changed += 1;
            }
        }
    }
    assert!(changed > 30, "{changed}");
}

/// With unknowns: what certainly changes is said so, what certainly stays is left out.
#[test]
fn differences_of_unknowns_are_between_the_certain_and_the_possible() {
    for (before, after, flows) in pairs(true) {
        let found = difference(&Gates::from(&before), &Gates::from(&after), &limits()).unwrap();
        let [opened, closed, unsettled] =
            [&found.opened, &found.closed, &found.unsettled].map(|one| space_of(one));
        for flow in &flows {
            let (now, then) = (verdict(&before, flow), verdict(&after, flow));
            assert_eq!(opened.contains(flow), (now, then) == (Verdict::Deny, Verdict::Allow));
            assert_eq!(closed.contains(flow), (now, then) == (Verdict::Allow, Verdict::Deny));
            if now != then && !opened.contains(flow) && !closed.contains(flow) {
                assert!(unsettled.contains(flow), "{flow}: {now} {then}");
            }
            if now == then && now != Verdict::Indeterminate {
                assert!(!unsettled.contains(flow), "{flow}");
            }
        }
        let same = difference(&Gates::from(&before), &Gates::from(&before), &limits()).unwrap();
        assert!(same.is_empty());
    }
}

/// Two unknowns are not one because nothing is known of either: what holds whatever they turn out
/// to be is told from what holds only if they turn out alike.
#[test]
fn different_unknowns_are_not_taken_for_the_same() {
    let names = Names::new(ServiceTags::built_in()).with_virtual_network(AddressSet::empty());
    let gates = |rules: &[&str]| {
        let mut group = SecurityGroup::new(ResourceId::new("nsg"));
        group.rules.extend(rules.iter().map(|rule| rule.parse::<SecurityRule>().unwrap()));
        Gates::from(&Ruleset::of_group(&group, Direction::Inbound, &names))
    };
    let pairs: [(&[&str], &[&str]); 5] = [
        // Another name.
        (&["100 allow inbound * asg{web}:* -> *:*"], &["100 allow inbound * asg{app}:* -> *:*"]),
        // The name in another place.
        (&["100 allow inbound * asg{web}:* -> *:*"], &["100 allow inbound * *:* -> asg{web}:*"]),
        // Beside the name something that only matters if another unknown lets it.
        (
            &[r#"100 allow inbound ?"p" asg{web},10.0.0.0/8:* -> *:*"#],
            &[r#"100 allow inbound ?"p" asg{web}:* -> *:*"#],
        ),
        // Another access.
        (&[r#"100 ?"p" inbound * *:* -> *:*"#], &[r#"100 ?"q" inbound * *:* -> *:*"#]),
        // A rule that moved, perhaps across one of unknown priority.
        (
            &[r#"?"p" P allow inbound * *:* -> *:*"#, "100 deny inbound * 10.0.0.0/8:* -> *:*"],
            &[r#"?"p" P allow inbound * *:* -> *:*"#, "200 deny inbound * 10.0.0.0/8:* -> *:*"],
        ),
    ];
    for (one, other) in pairs {
        let [a, b] = [one, other].map(gates);
        for (a, b) in [(&a, &b), (&b, &a)] {
            let judgement = equivalent(a, b, &limits()).unwrap();
            assert!(matches!(judgement, Judgement::Unknown(_)), "{one:?} {other:?}: {judgement}");
            assert!(!difference(a, b, &limits()).unwrap().unsettled.is_empty(), "{one:?}");
            assert!(equivalent(a, a, &limits()).unwrap().holds());
        }
    }
}

/// The same rules with the other access each.
fn opposite(ruleset: &Ruleset) -> Ruleset {
    let turn = |rule: &Rule| {
        let mut rule = rule.clone();
        rule.effect = match rule.effect {
            Some(Effect::Allow) => Some(Effect::Deny),
            _ => Some(Effect::Allow),
        };
        rule
    };
    let rules = ruleset.rules().iter().map(turn).collect();
    Ruleset::new(ruleset.direction(), rules, ruleset.fallback())
}

#[test]
fn claims_hold_exactly_when_no_cell_refutes_them() {
    let mut held = [0; 2];
    for (one, other, flows) in pairs(false) {
        let (a, b) = (Gates::from(&one), Gates::from(&other));
        let both: Vec<(Verdict, Verdict)> =
            flows.iter().map(|flow| (verdict(&one, flow), verdict(&other, flow))).collect();
        let claims = [
            (equivalent(&a, &b, &limits()).unwrap(), both.iter().all(|(a, b)| a == b)),
            (
                implies(&a, &b, &limits()).unwrap(),
                both.iter().all(|pair| *pair != (Verdict::Allow, Verdict::Deny)),
            ),
            (
                disjoint(&a, &b, &limits()).unwrap(),
                both.iter().all(|pair| *pair != (Verdict::Allow, Verdict::Allow)),
            ),
        ];
        let opposite = Gates::from(&opposite(&one));
        assert!(disjoint(&a, &opposite, &limits()).unwrap().holds());
        for (count, (_, expected)) in held.iter_mut().zip(&claims) {
            *count += usize::from(*expected);
        }
        for (judgement, expected) in &claims {
            assert_eq!(judgement.holds(), *expected);
            if let Judgement::Fails(example) = judgement {
                check_reason(&one, &example.flow, &example.reasons[0]);
                check_reason(&other, &example.flow, &example.reasons[1]);
            }
        }
    }
    assert!(held.iter().all(|count| *count > 0), "{held:?}");
}

#[test]
fn contracts_hold_exactly_when_all_flows_of_the_region_keep_them() {
    let mut kept = [0; 2];
    for (ruleset, flows) in rulesets(25, true) {
        let gates = Gates::from(&ruleset);
        let allowed = Allowed::by(&ruleset, &limits()).unwrap();
        for rule in ruleset.rules() {
            let region = Region {
                protocols: rule.protocols.known,
                source: rule.source.known.as_ref().clone(),
                source_ports: rule.source_ports.known.clone(),
                destination: rule.destination.known.as_ref().clone(),
                destination_ports: rule.destination_ports.known.clone(),
            };
            let space = HeaderSpace::of_region(&region);
            let inside: Vec<&Flow> = flows.iter().filter(|flow| space.contains(flow)).collect();
            let promises = [(Access::Allow, Verdict::Allow), (Access::Deny, Verdict::Deny)];
            for ((access, wanted), kept) in promises.into_iter().zip(&mut kept) {
                let judgement = Contract::new(access, region.clone()).check(&gates, &limits());
                let expected = inside.iter().all(|flow| verdict(&ruleset, flow) == wanted);
                assert_eq!(judgement.as_ref().unwrap().holds(), expected, "{access} {region}");
                *kept += usize::from(expected);
                if let Ok(Judgement::Fails(example)) = judgement {
                    assert!(space.contains(&example.flow));
                    check_reason(&ruleset, &example.flow, &example.reasons[0]);
                }
            }
        }
        let all = allowed.certain.regions(&limits()).unwrap();
        assert!(always_allows(&gates, &all, &limits()).unwrap().holds());
        let none = allowed.possible.complement().regions(&limits()).unwrap();
        assert!(always_denies(&gates, &none, &limits()).unwrap().holds());
    }
    assert!(kept.iter().all(|count| *count > 20), "{kept:?}");
}

/// Every chain of some generated networks, with its own gates and flows at their corners.
fn chains(count: u64) -> impl Iterator<Item = (Topology, Chain, Vec<Flow>)> {
    let mut shape = Shape::default();
    (shape.rules, shape.items, shape.prefixes) = (3, 2, 4);
    (0..count).flat_map(move |seed| {
        let case = NetworkCase::draw(Choices::from_seed(seed), shape);
        let topology = Topology::new(case.network.clone(), case.tags.clone());
        let interface = case.network.network_interfaces.first().cloned();
        let configuration = interface.as_ref().and_then(|one| one.ip_configurations.first());
        let chains: Vec<_> = interface
            .iter()
            .zip(configuration)
            .flat_map(|(interface, configuration)| {
                DIRECTIONS.map(|direction| {
                    let chain = Chain::of_interface(&topology, interface, configuration, direction);
                    let gates = Gates::of_chain(&chain);
                    let mut flows = Cells::of(gates.rulesets().iter().map(AsRef::as_ref)).flows();
                    flows.retain(|flow| flow.source() != flow.destination());
                    // Enough of them to meet everything, few enough to be quick.
                    let step = flows.len() / 2000 + 1;
                    (topology.clone(), chain, flows.into_iter().step_by(step).collect())
                })
            })
            .collect();
        chains
    })
}

/// Admin rules, subnet, interface and the platform's exemptions together are what the chain says.
#[test]
fn the_gates_of_a_chain_let_pass_what_the_chain_does() {
    let mut seen = BTreeSet::new();
    for (_, chain, flows) in chains(60) {
        let gates = Gates::of_chain(&chain);
        let allowed = gates.allowed(&limits()).unwrap();
        for flow in &flows {
            let verdict = chain.evaluate(flow).verdict();
            seen.insert((chain.direction(), verdict));
            if allowed.certain.contains(flow) != (verdict == Verdict::Allow) {
                eprintln!("{}\n{:#?}", chain.trace(flow), chain.gates());
            }
            assert_eq!(allowed.certain.contains(flow), verdict == Verdict::Allow, "{flow}");
            assert_eq!(allowed.possible.contains(flow), verdict != Verdict::Deny, "{flow}");
        }
    }
    assert_eq!(seen.len(), 6, "{seen:?}");
}

#[test]
fn what_is_exposed_reaches_the_interface() {
    let mut exposed = 0;
    for (topology, chain, _) in chains(60) {
        if chain.direction() == Direction::Outbound {
            continue;
        }
        let interface = &topology.network().network_interfaces[0];
        let configuration = &interface.ip_configurations[0];
        let found = exposure(&topology, interface, &Endpoint::Any, &limits()).unwrap();
        for one in &found[0].certain {
            assert_eq!(chain.evaluate(&one.witness).verdict(), Verdict::Allow);
            assert_eq!(one.reason.access, Some(Access::Allow));
            let deciding = chain.evaluate(&one.witness);
            let name = deciding.rule().map(Rule::qualified_name);
            assert_eq!(one.reason.rule.as_ref().map(|rule| rule.name.clone()), name);
            if let Some(address) = configuration.private_address {
                assert_eq!(one.witness.destination(), address);
            }
            exposed += 1;
        }
        for one in &found[0].possible {
            assert_eq!(chain.evaluate(&one.witness).verdict(), Verdict::Indeterminate);
        }
    }
    assert!(exposed > 20, "{exposed}");
}

/// What becomes of a flow on its way through lists of rules, where all is known.
fn passes(lists: &[Ruleset], flow: &Flow) -> bool {
    for list in lists {
        let effect = match evaluate(list, flow).rule(list) {
            Some(rule) => rule.effect,
            None if list.fallback() == Fallback::Deny => Some(Effect::Deny),
            None => Some(Effect::Allow),
        };
        match effect.unwrap() {
            Effect::Deny => return false,
            Effect::AlwaysAllow => return true,
            Effect::Allow => {}
        }
    }
    true
}

/// Two or three lists one after the other, some rules of which deliver at once.
fn ways(count: u64) -> impl Iterator<Item = (Vec<Ruleset>, Vec<Flow>)> {
    let mut shape = Shape::definite();
    (shape.rules, shape.items, shape.prefixes) = (2, 1, 3);
    (0..count).map(move |seed| {
        let lists: Vec<Ruleset> = (0..2 + seed % 2)
            .map(|number| {
                let case = Case::draw(Choices::from_seed(seed * 3 + number), shape);
                let list = case.ruleset(Direction::Inbound);
                let is_admin = (seed + number) % 3 == 0;
                let mut rules = list.rules().to_vec();
                if is_admin {
                    rules.retain(|rule| rule.kind == RuleKind::Custom);
                    for (place, rule) in rules.iter_mut().enumerate() {
                        rule.kind = RuleKind::Admin;
                        let delivers = (place as u64 + seed).is_multiple_of(2);
                        rule.effect = rule.effect.map(|one| match one {
                            Effect::Allow if delivers => Effect::AlwaysAllow,
                            one => one,
                        });
                    }
                }
                if seed % 4 == 1 && rules.len() > 1 {
                    let mut again = rules[0].clone();
                    again.effect = rules[1].effect;
                    rules.insert(1, again);
                }
                let fallback = if is_admin { Fallback::Pass } else { list.fallback() };
                Ruleset::new(Direction::Inbound, rules, fallback)
            })
            .collect();
        let flows = Cells::of(&lists).flows();
        (lists, flows)
    })
}

fn gates(lists: &[Ruleset]) -> Gates {
    Gates::new(lists.iter().cloned().map(Arc::new))
}

/// Idle is exactly: without the rule the same becomes of every cell. The cause holds in every
/// cell, and is the first of the causes that does.
#[test]
fn idle_rules_of_several_gates_are_those_whose_removal_no_cell_notices() {
    let mut causes = BTreeMap::new();
    for (lists, flows) in ways(60) {
        let found = idle(&gates(&lists), &limits()).unwrap();
        let mut expected = Vec::new();
        for (gate, list) in lists.iter().enumerate() {
            for index in 0..list.rules().len() {
                if list.rules()[index].kind == RuleKind::Default {
                    continue;
                }
                let mut rest = lists.clone();
                rest[gate] = without(list, index);
                if flows.iter().all(|flow| passes(&lists, flow) == passes(&rest, flow)) {
                    expected.push((gate, index));
                }
            }
        }
        let named: Vec<(usize, usize)> =
            found.iter().map(|one| (one.rule.gate, one.rule.index)).collect();
        assert_eq!(named, expected, "{lists:#?}");
        for one in &found {
            *causes.entry(one.cause).or_insert(0) += 1;
            check_idle(&lists, &flows, one);
        }
    }
    assert_eq!(causes.len(), 5, "{causes:?}");
}

fn check_idle(lists: &[Ruleset], flows: &[Flow], one: &Idle) {
    let (gate, index) = (one.rule.gate, one.rule.index);
    let rule = &lists[gate].rules()[index];
    let matches =
        |rule: &Rule, flow: &Flow| FieldMatches::of(rule, flow).overall(rule) == Match::Yes;
    let own: Vec<&Flow> = flows.iter().filter(|flow| matches(rule, flow)).collect();
    let meets = |flow: &Flow| evaluate(&lists[gate], flow).rule_index() == Some(index);
    let arrives = |flow: &Flow| {
        lists[..gate].iter().all(|list| {
            let effect = evaluate(list, flow).rule(list).map(|rule| rule.effect.unwrap());
            effect.map_or(list.fallback() == Fallback::Pass, |effect| effect == Effect::Allow)
        })
    };
    let says = rule.effect != Some(Effect::Deny);
    let against = |flow: &Flow| passes(lists, flow) != says;
    assert_eq!(one.contradicts, own.iter().any(|flow| against(flow)), "{one:?}\n{lists:#?}");
    assert_eq!(one.witness.is_none(), own.is_empty());
    if let Some(witness) = &one.witness {
        assert!(matches(rule, witness));
        assert_eq!(against(witness), one.contradicts, "{one:?}");
    }
    let never_meets = !own.iter().any(|flow| meets(flow));
    let never_arrives = !own.iter().any(|flow| meets(flow) && arrives(flow));
    match one.cause {
        IdleCause::MatchesNothing => assert!(own.is_empty()),
        IdleCause::Shadowed => assert!(never_meets),
        IdleCause::CutOff => assert!(never_arrives && !never_meets, "{one:?}\n{lists:#?}"),
        IdleCause::Moot | IdleCause::Redundant => assert!(!never_arrives, "{one:?}\n{lists:#?}"),
        _ => panic!("{one:?}"),
    }
    let by: Vec<(usize, &Rule)> =
        one.by.iter().map(|by| (by.gate, &lists[by.gate].rules()[by.index])).collect();
    assert!(one.by.iter().all(|by| *by != one.rule), "{one:?}");
    let takers = |flow: &Flow| {
        let takes = |by: &&RuleRef| sees_to(lists, one, (by.gate, by.index), flow);
        one.by.iter().filter(takes).collect::<Vec<_>>()
    };
    for by in &one.by {
        assert!(own.iter().any(|flow| takers(flow) == [by]), "{by} of {one:?}\n{lists:#?}");
    }
    for flow in &own {
        // Where none of them takes a flow, no rule is needed: a list comes to its end.
        let ends = lists.iter().any(|list| evaluate(list, flow).rule_index().is_none());
        let is_taken = !takers(flow).is_empty() || ends || gate + 1 == lists.len();
        assert!(is_taken, "{flow}: {one:?}\n{lists:#?}");
    }
    if one.cause == IdleCause::Shadowed {
        assert!(by.iter().all(|(of, _)| *of == gate));
        let cover = |by: &[(usize, &Rule)]| {
            own.iter().all(|flow| by.iter().any(|(_, rule)| matches(rule, flow)))
        };
        assert!(cover(&by), "{one:?}");
        for spare in 0..by.len() {
            let mut fewer = by.clone();
            fewer.remove(spare);
            assert!(!cover(&fewer), "{one:?}");
        }
    }
}

/// Whether a rule makes an idle one superfluous for a flow, as far from it as the cause says.
fn sees_to(lists: &[Ruleset], one: &Idle, (gate, index): (usize, usize), flow: &Flow) -> bool {
    let rule = &lists[gate].rules()[index];
    let (own_gate, own_index) = (one.rule.gate, one.rule.index);
    let effect = |list: &Ruleset| match evaluate(list, flow).rule(list) {
        Some(rule) => rule.effect.unwrap(),
        None if list.fallback() == Fallback::Deny => Effect::Deny,
        None => Effect::Allow,
    };
    if FieldMatches::of(rule, flow).overall(rule) != Match::Yes {
        return false;
    }
    let does = rule.effect.unwrap();
    let own = lists[own_gate].rules()[own_index].effect.unwrap();
    let without = effect(&without(&lists[own_gate], own_index));
    if gate < own_gate {
        return does != Effect::Allow && effect(&lists[gate]) != Effect::Allow;
    }
    if gate == own_gate {
        return index < own_index || does == own && own == without;
    }
    let mut all = vec![own, without];
    all.extend(lists[own_gate + 1..gate].iter().map(effect));
    let here = effect(&lists[gate]);
    if here == Effect::Deny {
        return does == Effect::Deny && !all.contains(&Effect::AlwaysAllow);
    }
    let is_end = here == Effect::AlwaysAllow || gate + 1 == lists.len();
    does != Effect::Deny
        && is_end
        && all[..2].contains(&Effect::AlwaysAllow)
        && !all.contains(&Effect::Deny)
}

/// Where something is unknown, a rule is idle only if no way of its turning out needs it: the
/// verdict is the same without it, also where that is known to be open.
#[test]
fn unknown_names_make_idle_rules_careful() {
    let mut found = 0;
    for (_, chain, flows) in chains(60) {
        let whole = Gates::of_chain(&chain);
        for one in idle(&whole, &limits()).unwrap() {
            let rest: Vec<Arc<Ruleset>> = whole
                .rulesets()
                .iter()
                .enumerate()
                .map(|(gate, list)| match gate == one.rule.gate {
                    true => Arc::new(without(list, one.rule.index)),
                    false => Arc::clone(list),
                })
                .collect();
            let (before, after) = (whole.allowed(&limits()), Gates::new(rest).allowed(&limits()));
            let (before, after) = (before.unwrap(), after.unwrap());
            for flow in &flows {
                assert_eq!(before.certain.contains(flow), after.certain.contains(flow), "{one:?}");
                assert_eq!(
                    before.possible.contains(flow),
                    after.possible.contains(flow),
                    "{one:?}"
                );
            }
            found += 1;
        }
    }
    assert!(found > 20, "{found}");
}
