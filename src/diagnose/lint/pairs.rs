//! Rules that stand in a relation to one other rule: the same, the opposite, or across it.

use std::collections::HashMap;

use super::at::At;
use super::bastion::Demands;
use super::{Lint, LintCode};
use crate::analysis::{Gates, Judgement, always_allows, always_denies};
use crate::net::PortSet;
use crate::report::Severity;
use crate::resolve::{Effect, Fallback, Rule, RuleKind, Ruleset, Unresolved};
use crate::space::{HeaderSpace, Region};

pub(super) fn lints(at: &At<'_>, demands: &Demands) -> Vec<Lint> {
    let mut found = repeated(at, demands);
    found.extend(crossed(at));
    found
}

/// What a rule matches: equal for two rules of one list only if they match the same flows.
type Reach<'a> = (Region, Vec<&'a Unresolved>);

/// Rules that match exactly what an earlier one does.
fn repeated(at: &At<'_>, demands: &Demands) -> Vec<Lint> {
    let mut first: HashMap<Reach<'_>, &Rule> = HashMap::new();
    let mut found = Vec::new();
    for (_, rule) in at.custom().filter(|(_, rule)| rule.doubts.is_empty()) {
        let region = region(rule);
        let unknown: Vec<&Unresolved> = rule.unresolved().collect();
        let witness = HeaderSpace::of_region(&region).witness();
        if witness.is_none() && unknown.is_empty() {
            continue;
        }
        let is_known = unknown.is_empty();
        let earlier = *first.entry((region, unknown)).or_insert(rule);
        if std::ptr::eq(earlier, rule) {
            continue;
        }
        let name = earlier.qualified_name();
        let (code, severity, message) = match (earlier.effect == rule.effect, rule.effect) {
            (true, _) => {
                let message = format!("it is {name} once more");
                (LintCode::DuplicateRule, Severity::Note, message)
            }
            (false, effect) => {
                let severity = match effect {
                    Some(Effect::Deny) => Severity::Error,
                    _ => Severity::Warning,
                };
                let message = format!("{name} matches the same and does the opposite first");
                (LintCode::ContradictingRule, severity, message)
            }
        };
        let fix = if is_known { at.removal(rule) } else { None };
        let lint = at.lint(code, severity, rule, message);
        found.extend(demands.keep(at, rule, Lint { by: vec![name], witness, fix, ..lint }));
    }
    found
}

/// Rules a part of which meets with the opposite access by an earlier rule that is no exception
/// to them (the correlated rules of Al-Shaer and Hamed, INFOCOM 2004).
fn crossed(at: &At<'_>) -> Vec<Lint> {
    let rules: Vec<(&Rule, Region)> =
        at.ruleset.rules().iter().map(|rule| (rule, region(rule))).collect();
    let is_known = |rule: &Rule| rule.unresolved().next().is_none();
    let mut found = Vec::new();
    for (index, (rule, own)) in rules.iter().enumerate() {
        if rule.kind != RuleKind::Custom || !is_known(rule) {
            continue;
        }
        // A rule of which something is not known may meet anything.
        let before = rules
            .iter()
            .take(index)
            .filter(|(other, region)| !is_known(other) || may_meet(own, region));
        let is_exception = |other: &Rule, region: &Region| is_known(other) && covers(own, region);
        let mut crossing = before.clone().filter(|(other, region)| {
            is_known(other) && other.effect != rule.effect && !is_exception(other, region)
        });
        if crossing.next().is_none() {
            continue;
        }
        // What an exception decides counts as if the rule itself did.
        let as_if = before.map(|(other, region)| {
            let effect = if is_exception(other, region) { rule.effect } else { other.effect };
            Rule { effect, ..(*other).clone() }
        });
        let list: Vec<Rule> = as_if.chain([(*rule).clone()]).collect();
        let gates = Gates::from(&Ruleset::new(at.direction, list, Fallback::Deny));
        let regions = std::slice::from_ref(own);
        let judged = match rule.effect {
            Some(Effect::Deny) => always_denies(&gates, regions, at.limits),
            _ => always_allows(&gates, regions, at.limits),
        };
        match judged {
            Ok(Judgement::Fails(example)) => {
                let first = example.reasons.first().and_then(|reason| reason.rule.as_ref());
                let Some(by) = first.map(ToString::to_string) else { continue };
                let (severity, what) = match rule.effect {
                    Some(Effect::Deny) => (Severity::Warning, "denies is allowed"),
                    _ => (Severity::Note, "allows is denied"),
                };
                let message = format!("a part of what it {what}: {by} matches that part first");
                let lint = at.lint(LintCode::PartlyShadowedRule, severity, rule, message);
                found.push(Lint { by: vec![by], witness: Some(example.flow), ..lint });
            }
            Ok(Judgement::Holds | Judgement::Unknown(_)) => {}
            Err(exceeded) => {
                found.push(at.stopped(&exceeded));
                break;
            }
        }
    }
    found
}

/// What the rule certainly matches; the source ports of an ICMP rule say nothing (S1.23).
pub(super) fn region(rule: &Rule) -> Region {
    Region {
        protocols: rule.protocols.known,
        source: rule.source.known.as_ref().clone(),
        source_ports: if rule.is_icmp() {
            PortSet::full()
        } else {
            rule.source_ports.known.clone()
        },
        destination: rule.destination.known.as_ref().clone(),
        destination_ports: rule.destination_ports.known.clone(),
    }
}

/// Whether two regions could have a flow in common, as far as their fields one by one tell.
fn may_meet(one: &Region, other: &Region) -> bool {
    one.protocols.overlaps(&other.protocols)
        && one.destination_ports.overlaps(&other.destination_ports)
        && one.source_ports.overlaps(&other.source_ports)
        && one.destination.overlaps(&other.destination)
        && one.source.overlaps(&other.source)
}

/// Whether one region holds all of another, field by field.
fn covers(one: &Region, other: &Region) -> bool {
    one.protocols.covers(&other.protocols)
        && one.source.covers(&other.source)
        && one.source_ports.covers(&other.source_ports)
        && one.destination.covers(&other.destination)
        && one.destination_ports.covers(&other.destination_ports)
}
