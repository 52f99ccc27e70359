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
    assert!(cases.len() >= 150, "only {} cases", cases.len());
    let ids: BTreeSet<&str> = cases.iter().map(|case| case.id.as_str()).collect();
    assert_eq!(ids.len(), cases.len());
}

/// The clauses that decide a verdict, a reading or a refusal. Each has a case where it decides and
/// one where it does not.
const DECIDING: &[&str] = &[
    // Fields of a rule.
    "S1.4", "S1.6", "S1.7", "S1.9", "S1.11", "S1.12", "S1.14", "S1.15", "S1.16", "S1.17", "S1.21",
    "S1.22", "S1.23", "S1.24", "S1.28", "S1.29", "S1.34", "S1.36", "S1.37", "S1.38", "S1.39",
    "S1.41", "S1.43", "S1.46", "S1.48", "S1.49", // Default rules.
    "S2.1", "S2.2", "S2.5", "S2.7", "S2.8", // One list of rules.
    "S3.1", "S3.2", "S3.3", "S3.4", "S3.5", "S3.8", "S3.18", "S3.19", "S3.20",
    // Questions that leave something open.
    "S8.4", // Platform.
    "S5.6", // Service tags.
    "S4.1", "S4.2", "S4.3", "S4.8", "S4.9", "S4.10", "S4.11", "S4.12", "S4.13", "S4.14", "S4.15",
    "S4.16", "S4.17", "S4.20", "S4.21", "S4.22", "S4.28", "S4.29", "S4.31",
];

/// The vectors that Microsoft's pages and records give.
const VECTORS: &[&str] = &["T1", "T2", "T3", "T9", "T11", "T12", "T14", "T15", "T16"];

#[test]
fn every_deciding_clause_has_a_case_where_it_decides_and_one_where_it_does_not() {
    let claims = claims();
    let missing: Vec<String> = DECIDING
        .iter()
        .flat_map(|clause| [(clause, true), (clause, false)])
        .filter(|(clause, fires)| !claims.contains(&((**clause).to_owned(), *fires)))
        .map(|(clause, fires)| {
            format!("{clause} lacks a case where it {}", if fires { "decides" } else { "does not" })
        })
        .collect();
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    let unlisted: BTreeSet<&String> = claims
        .iter()
        .map(|(clause, _)| clause)
        .filter(|clause| clause.starts_with('S') && !DECIDING.contains(&clause.as_str()))
        .collect();
    assert!(unlisted.is_empty(), "not in the table of deciding clauses: {unlisted:?}");
}

#[test]
fn every_vector_has_a_case() {
    let claims = claims();
    let missing: Vec<&&str> =
        VECTORS.iter().filter(|vector| !claims.contains(&((**vector).to_owned(), true))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// The clauses that cases name, with whether they decide there.
fn claims() -> BTreeSet<(String, bool)> {
    let of = |clauses: &[String], fires: bool| -> Vec<(String, bool)> {
        clauses.iter().map(|clause| (clause.clone(), fires)).collect()
    };
    gate_cases().iter().flat_map(|case| of(&case.clauses, case.fires)).collect()
}
