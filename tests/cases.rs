//! The reference evaluator against the case files, and the case files against the clauses.

use std::collections::BTreeSet;

use nsg_engine::azure::{Read, Reader};
use nsg_engine::classify::{Answer, FlowKey};
use nsg_engine::eval::{Match, Step, Verdict, evaluate, trace};
use nsg_engine::model::Direction;
use nsg_engine::network::IpConfiguration;
use nsg_engine::path::{Chain, ChainTrace, GateKind, GateTrace};
use nsg_engine::report::{Finding, Severity};
use nsg_engine::resolve::Ruleset;
use nsg_engine::space::{Allowed, Limits};

use crate::support::cases::{
    At, ChainCase, GateCase, ReadingCase, chain_cases, gate_cases, reading_cases,
};

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

/// The compiled matcher answers the same cases, or says that something unknown may decide.
#[test]
fn the_compiled_matcher_decides_every_gate_alike() {
    let mut wrong = Vec::new();
    for cases in gate_cases().chunk_by(|one, next| one.ruleset == next.ruleset) {
        let classifier = cases[0].ruleset.compile().unwrap();
        for GateCase { ruleset, flow, expected, id, .. } in cases {
            let answer = classifier.classify(flow);
            let decides = |rule| expected.is_definite() && expected.is_decided_by(rule);
            let is_right = match answer {
                Answer::Rule(index) => decides(Some(&ruleset.rules()[index])),
                Answer::NoRule => decides(None),
                Answer::Evaluate => FlowKey::of(flow).is_none() || !ruleset.unresolved().is_empty(),
            };
            if !is_right {
                wrong.push(format!("{id}: {answer:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The exact sets of flows that pass, and of those that do not, hold the same cases.
#[test]
fn the_sets_of_flows_agree_with_every_gate() {
    let mut wrong = Vec::new();
    for cases in gate_cases().chunk_by(|one, next| one.ruleset == next.ruleset) {
        let allowed = Allowed::by(&cases[0].ruleset, &Limits::default()).unwrap();
        let denied = allowed.possible.complement();
        for GateCase { flow, expected, id, .. } in cases {
            let verdict = match (allowed.certain.contains(flow), denied.contains(flow)) {
                (true, _) => Verdict::Allow,
                (false, true) => Verdict::Deny,
                (false, false) => Verdict::Indeterminate,
            };
            if verdict != expected.verdict {
                wrong.push(format!("{id}: {verdict}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
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
fn every_rule_is_read_as_its_clause_says() {
    let wrong: Vec<String> = reading_cases().iter().filter_map(reading_complaint).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn reading_complaint(case: &ReadingCase) -> Option<String> {
    let mut reader = Reader::new(case.mode);
    reader.add("case", case.json.as_bytes()).unwrap();
    let Read { network, findings } = reader.finish();
    let is_serious = |finding: &&Finding| finding.severity >= Severity::Warning;
    let mut codes: Vec<String> =
        findings.iter().filter(is_serious).map(|finding| finding.code.to_string()).collect();
    codes.sort();
    let groups = network.security_groups.iter().flat_map(|group| &group.rules);
    let collections = network.admin_rule_collections.iter().flat_map(|one| &one.rules);
    let rules: Vec<String> =
        groups.map(ToString::to_string).chain(collections.map(ToString::to_string)).collect();
    let is_right =
        codes == case.codes && case.rules.as_ref().is_none_or(|expected| *expected == rules);
    (!is_right).then(|| {
        let found: Vec<String> = findings.iter().map(ToString::to_string).collect();
        format!(
            "{}\n  expected {:?} {:?}\n  got      {codes:?} {rules:?}\n  {}",
            case.id,
            case.codes,
            case.rules,
            found.join("\n  "),
        )
    })
}

#[test]
fn there_are_many_cases_and_no_two_are_the_same() {
    let gates = gate_cases().into_iter().map(|case| case.id);
    let chains = chain_cases().into_iter().map(|case| case.id);
    let readings = reading_cases().into_iter().map(|case| case.id);
    let all: Vec<String> = gates.chain(chains).chain(readings).collect();
    assert!(all.len() >= 200, "only {} cases", all.len());
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
}

#[test]
fn every_deciding_clause_has_a_case_where_it_decides_and_one_where_it_does_not() {
    let (clauses, claims) = (listed(include_str!("data/clauses.txt")), claims());
    for fires in [true, false] {
        let missing: Vec<&&str> = clauses
            .iter()
            .filter(|clause| !claims.contains(&((**clause).to_owned(), fires)))
            .collect();
        assert!(missing.is_empty(), "without a case where it decides ({fires}): {missing:?}");
    }
    let unlisted: BTreeSet<&String> = claims
        .iter()
        .map(|(clause, _)| clause)
        .filter(|clause| clause.starts_with('S') && !clauses.contains(clause.as_str()))
        .collect();
    assert!(unlisted.is_empty(), "not in the list of deciding clauses: {unlisted:?}");
}

#[test]
fn every_vector_has_a_case() {
    let claimed: BTreeSet<String> = claims().into_iter().map(|(clause, _)| clause).collect();
    let missing: Vec<&str> = listed(include_str!("data/vectors.txt"))
        .into_iter()
        .filter(|vector| !claimed.contains(*vector))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

fn listed(text: &str) -> BTreeSet<&str> {
    text.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace).collect()
}

/// The clauses that cases name, with whether they decide there.
fn claims() -> BTreeSet<(String, bool)> {
    let of = |clauses: &[String], fires: bool| -> Vec<(String, bool)> {
        clauses.iter().map(|clause| (clause.clone(), fires)).collect()
    };
    let gates = gate_cases().into_iter().flat_map(|case| of(&case.clauses, case.fires));
    let chains = chain_cases().into_iter().flat_map(|case| of(&case.clauses, case.fires));
    let readings = reading_cases().into_iter().flat_map(|case| of(&case.clauses, case.fires));
    gates.chain(chains).chain(readings).collect()
}
