//! The reference evaluator against the case files, and the case files against the clauses.

use std::collections::BTreeSet;

use nsg_engine::eval::{Match, Step, evaluate, trace};
use nsg_engine::model::Direction;
use nsg_engine::network::IpConfiguration;
use nsg_engine::path::{Chain, ChainTrace, GateKind, GateTrace};
use nsg_engine::resolve::Ruleset;

use crate::support::cases::{At, ChainCase, GateCase, chain_cases, gate_cases};

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
fn every_chain_decides_as_its_clause_says() {
    let wrong: Vec<String> = chain_cases().iter().filter_map(chain_complaint).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn chain_complaint(case: &ChainCase) -> Option<String> {
    let got = match &case.at {
        Some((at, direction)) => one_end(case, at, *direction),
        None => both_ends(case),
    };
    (got != case.expected)
        .then(|| format!("{}\n  expected {:?}\n  got      {got:?}", case.id, case.expected))
}

fn one_end(case: &ChainCase, at: &At, direction: Direction) -> Vec<String> {
    let ChainCase { topology, flow, id, .. } = case;
    let chain = match at {
        At::Subnet(subnet) => Chain::of_subnet(topology, subnet, direction).unwrap(),
        At::Interface(name) => {
            let interface = topology.network().interface_called(name).unwrap();
            let end =
                if direction == Direction::Inbound { flow.destination() } else { flow.source() };
            let holds = |one: &&IpConfiguration| one.private_address == Some(end);
            let configurations = &interface.ip_configurations;
            let configuration = configurations.iter().find(holds).unwrap_or(&configurations[0]);
            Chain::of_interface(topology, interface, configuration, direction)
        }
    };
    let (fast, trace) = (chain.evaluate(flow), chain.trace(flow));
    assert_eq!(fast.verdict(), trace.verdict(), "{id}");
    assert_eq!(
        fast.gate().map(|gate| gate.kind),
        trace.deciding().map(|gate| gate.kind).filter(|kind| *kind != GateKind::Platform),
        "{id}"
    );
    assert_eq!(fast.rule(), trace.deciding().and_then(GateTrace::rule), "{id}");
    let verdict = match trace.deciding() {
        Some(gate) => format!("{} {}", trace.verdict(), gate.kind),
        None => trace.verdict().to_string(),
    };
    std::iter::once(verdict).chain(gates(&trace)).collect()
}

fn both_ends(case: &ChainCase) -> Vec<String> {
    let path =
        case.topology.path(&case.flow).unwrap_or_else(|error| panic!("{}: {error}", case.id));
    let verdict = path.evaluate();
    assert_eq!(verdict.verdict, path.verdict(), "{}", case.id);
    let ends = [&verdict.source, &verdict.destination];
    std::iter::once(verdict.verdict.to_string())
        .chain(ends.into_iter().flatten().flat_map(gates))
        .collect()
}

/// Each gate as the case files write it.
fn gates(trace: &ChainTrace) -> impl Iterator<Item = String> {
    trace.gates().iter().map(|gate| {
        let rule = gate.rule().map(|rule| format!(" {}", rule.name)).unwrap_or_default();
        let text = format!("{} {}{rule}", gate.kind, gate.verdict);
        if gate.is_asked { text } else { format!("({text})") }
    })
}

#[test]
fn there_are_many_cases_and_no_two_are_the_same() {
    let gates = gate_cases().into_iter().map(|case| case.id);
    let chains = chain_cases().into_iter().map(|case| case.id);
    let all: Vec<String> = gates.chain(chains).collect();
    assert!(all.len() >= 200, "only {} cases", all.len());
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
}

/// The clauses that decide a verdict, a reading or a refusal. Each has a case where it decides and
/// one where it does not.
const DECIDING: &[&str] = &[
    // Fields of a rule.
    "S1.4", "S1.6", "S1.7", "S1.9", "S1.11", "S1.12", "S1.14", "S1.15", "S1.16", "S1.17", "S1.21",
    "S1.22", "S1.23", "S1.24", "S1.28", "S1.29", "S1.34", "S1.36", "S1.37", "S1.38", "S1.39",
    "S1.41", "S1.43", "S1.46", "S1.47", "S1.48", "S1.49", "S1.50", // Default rules.
    "S2.1", "S2.2", "S2.5", "S2.7", "S2.8", // One list of rules, and several.
    "S3.1", "S3.2", "S3.3", "S3.4", "S3.5", "S3.6", "S3.8", "S3.9", "S3.10", "S3.11", "S3.12",
    "S3.13", "S3.14", "S3.15", "S3.16", "S3.17", "S3.18", "S3.19", "S3.20", "S3.21", "S3.22",
    "S3.24", "S3.25", "S3.33", "S3.34", "S3.35", // Service tags.
    "S4.1", "S4.2", "S4.3", "S4.4", "S4.5", "S4.6", "S4.7", "S4.8", "S4.9", "S4.10", "S4.11",
    "S4.12", "S4.13", "S4.14", "S4.15", "S4.16", "S4.17", "S4.20", "S4.21", "S4.22", "S4.28",
    "S4.29", "S4.31", // Platform services.
    "S5.1", "S5.2", "S5.3", "S5.4", "S5.5", "S5.6", "S5.7", "S5.8", "S5.9", "S5.11", "S5.12",
    // Security admin rules.
    "S6.1", "S6.2", "S6.3", "S6.4", "S6.5", "S6.6", "S6.7", "S6.8", "S6.9", "S6.11", "S6.12",
    "S6.14", "S6.15", "S6.16", "S6.21", // Questions that leave something open.
    "S8.4",
];

/// The vectors that Microsoft's pages and records give.
const VECTORS: &[&str] = &[
    "T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", "T9", "T10", "T11", "T12", "T14", "T15", "T16",
    "T17", "T24",
];

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
    let gates = gate_cases().into_iter().flat_map(|case| of(&case.clauses, case.fires));
    let chains = chain_cases().into_iter().flat_map(|case| of(&case.clauses, case.fires));
    gates.chain(chains).collect()
}
