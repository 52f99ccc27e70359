//! The reference evaluator against the case files, and the case files against the clauses.

use std::collections::BTreeSet;

use nsg_engine::eval::{Match, Step, evaluate, trace};
use nsg_engine::resolve::Ruleset;

use crate::support::cases::{GateCase, gate_cases};

#[test]
fn the_evaluator_decides_every_gate_as_its_clause_says() {
    let wrong: Vec<String> = gate_cases().iter().filter_map(complaint).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn complaint(case: &GateCase) -> Option<String> {
    let GateCase { ruleset, flow, expected, .. } = case;
    let decision = evaluate(ruleset, flow);
    let trace = trace(ruleset, flow);
    let rule = decision.rule(ruleset);
    let undecided: Vec<&str> =
        decision.undecided().iter().map(|&index| ruleset.rules()[index].name.as_str()).collect();
    let is_right = decision.verdict() == expected.verdict
        && trace.decision == decision
        && if expected.is_definite() {
            expected.is_decided_by(rule)
        } else {
            undecided == expected.undecided
        };
    let walk: Vec<String> = trace.steps.iter().map(|step| describe(ruleset, step)).collect();
    let is_walk_right = expected.looked_at.as_ref().is_none_or(|expected| *expected == walk);
    (!is_right || !is_walk_right).then(|| {
        format!(
            "{}\n  expected {expected:?}\n  got {} by {:?}, undecided {undecided:?}, looked at {walk:?}",
            case.id,
            decision.verdict(),
            rule.map(|rule| rule.qualified_name()),
        )
    })
}

/// `NAME`, or `NAME: FIELD...` with the fields that do not certainly match.
fn describe(ruleset: &Ruleset, step: &Step) -> String {
    let fields = ["protocol", "source", "sourcePort", "destination", "destinationPort"];
    let failed =
        fields.into_iter().zip(step.fields.all()).filter(|(_, field)| *field != Match::Yes);
    let failed: Vec<&str> = failed.map(|(name, _)| name).collect();
    let name = ruleset.rules()[step.rule].name.as_str();
    if failed.is_empty() { name.to_owned() } else { format!("{name}: {}", failed.join(" ")) }
}

#[test]
fn there_are_many_cases_and_no_two_are_the_same() {
    let cases = gate_cases();
    assert!(cases.len() >= 10, "only {} cases", cases.len());
    let ids: BTreeSet<&str> = cases.iter().map(|case| case.id.as_str()).collect();
    assert_eq!(ids.len(), cases.len());
}
