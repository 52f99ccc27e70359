//! Every ordered pair of rules over a tiny universe, in every cell of it: the specification, the
//! sets of all allowed flows, the roles of rules and compiled classifiers agree. Within the
//! universe this is a proof. A slice runs with the other tests, all of it with
//!
//!     cargo test --release --all-features --test integration small_world -- --ignored --nocapture

use std::time::Instant;

use nsg_engine::analysis::survey;
use nsg_engine::classify::{Answer, Classifier, Config, Strategy};
use nsg_engine::eval::{Verdict, evaluate};
use nsg_engine::model::{Direction, Flow, ResourceId, SecurityGroup};
use nsg_engine::resolve::{Fallback, Names, Rule, Ruleset, ServiceTags};
use nsg_engine::space::{Allowed, Limits};

const PREFIXES: [&str; 7] =
    ["*", "0.0.0.0/1", "128.0.0.0/1", "0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/2", "192.0.0.0/2"];
const PORTS: [&str; 3] = ["*", "0-32767", "32768-65535"];

/// 2,646 rules.
fn rules() -> Vec<Rule> {
    let mut group = SecurityGroup::new(ResourceId::new("nsg"));
    group.default_rules.clear();
    for access in ["allow", "deny"] {
        for protocol in ["*", "tcp", "udp"] {
            for source in PREFIXES {
                for destination in PREFIXES {
                    for from in PORTS {
                        for to in PORTS {
                            let text = format!(
                                "100 {access} inbound {protocol} {source}:{from} -> {destination}:{to}"
                            );
                            group.rules.push(text.parse().unwrap());
                        }
                    }
                }
            }
        }
    }
    let names = Names::new(ServiceTags::built_in());
    Ruleset::of_group(&group, Direction::Inbound, &names).rules().to_vec()
}

/// A flow of every cell: 160.
fn cells() -> Vec<Flow> {
    let addresses = ["0.0.0.0", "64.0.0.0", "128.0.0.0", "192.0.0.0"];
    let ports = ["0", "65535"];
    let mut flows = Vec::new();
    for source in addresses {
        for destination in addresses {
            for protocol in ["tcp", "udp"] {
                for from in ports {
                    for to in ports {
                        flows.push(format!("{protocol} {source}:{from} -> {destination}:{to}"));
                    }
                }
            }
            flows.push(format!("icmp {source} -> {destination} type 8"));
            flows.push(format!("esp {source} -> {destination}"));
        }
    }
    flows.iter().map(|text| text.parse().unwrap()).collect()
}

/// Compares every `step`th pair, each with one of the strategies of classifiers in turn, and says
/// how many pairs that were.
fn compare(step: usize) -> usize {
    let (rules, cells, limits) = (rules(), cells(), Limits::NONE);
    assert_eq!((rules.len(), cells.len()), (2646, 160));
    let list = |rules: &[&Rule]| {
        let rules = rules.iter().copied().cloned().collect();
        Ruleset::new(Direction::Inbound, rules, Fallback::Deny)
    };
    let strategies = Strategy::ALL.map(|strategy| Config::new().strategy(strategy));
    let mut compared = 0;
    for pair in (0..rules.len() * rules.len()).step_by(step) {
        let both = [&rules[pair / rules.len()], &rules[pair % rules.len()]];
        let ruleset = list(&both);
        let without = [list(&both[1..]), list(&both[..1])];
        let allowed = Allowed::by(&ruleset, &limits).unwrap();
        assert!(allowed.is_certain());
        let strategy = &strategies[compared % strategies.len()];
        let classifier = Classifier::new(&ruleset, strategy).unwrap();
        let mut decides = [false; 2];
        let mut differs = [false; 2];
        for flow in &cells {
            let decision = evaluate(&ruleset, flow);
            let is_allowed = decision.verdict() == Verdict::Allow;
            assert_eq!(allowed.certain.contains(flow), is_allowed, "{flow} in pair {pair}");
            let answer = decision.rule_index().map_or(Answer::NoRule, Answer::Rule);
            assert_eq!(classifier.classify(flow), answer, "{flow} in pair {pair}, {strategy:?}");
            let Some(rule) = decision.rule_index() else { continue };
            decides[rule] = true;
            // What becomes of the flow without the rule.
            differs[rule] |=
                !differs[rule] && evaluate(&without[rule], flow).verdict() != decision.verdict();
        }
        let found = survey(&ruleset, &limits).unwrap();
        for rule in 0..2 {
            let is_shadowed = found.shadowed.iter().any(|one| one.rule.index == rule);
            let is_redundant = found.redundant.iter().any(|one| one.index == rule);
            assert_eq!(is_shadowed, !decides[rule], "pair {pair}");
            assert_eq!(is_redundant, decides[rule] && !differs[rule], "pair {pair}");
        }
        compared += 1;
    }
    compared
}

#[test]
fn a_slice_of_all_pairs_agrees_in_every_cell() {
    assert!(compare(7919) > 800);
}

#[test]
#[ignore = "takes about 20 minutes in a release build: every pair"]
fn all_pairs_agree_in_every_cell() {
    let start = Instant::now();
    let pairs = compare(1);
    println!("{pairs} pairs, {} comparisons, {:?}", pairs * 160, start.elapsed());
}
