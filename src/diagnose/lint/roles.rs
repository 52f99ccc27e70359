//! Rules that never decide, may never decide, or could go.

use super::at::At;
use super::bastion::Demands;
use super::{Lint, LintCode};
use crate::analysis::{Shadowed, Survey, survey};
use crate::report::Severity;
use crate::resolve::{Effect, Rule, Ruleset, Side};

pub(super) fn lints(at: &At<'_>, demands: &Demands) -> Vec<Lint> {
    let Survey { shadowed, redundant, .. } = match survey(&at.ruleset, at.limits) {
        Ok(survey) => survey,
        Err(unfinished) => return vec![at.stopped(&unfinished)],
    };
    let mut found = Vec::new();
    for one in &shadowed {
        let Some(rule) = at.custom_rule(one.rule.index) else { continue };
        found.extend(demands.keep(at, rule, never_decides(at, rule, one)));
    }
    for one in redundant {
        let Some(rule) = at.custom_rule(one.index) else { continue };
        let message = "without it every flow would meet with the same access";
        let lint = at.lint(LintCode::RedundantRule, Severity::Note, rule, message);
        found.extend(demands.keep(at, rule, Lint { fix: at.removal(rule), ..lint }));
    }
    found.extend(may_never_decide(at, &shadowed));
    found
}

fn never_decides(at: &At<'_>, rule: &Rule, shadowed: &Shadowed) -> Lint {
    let by: Vec<String> = shadowed.by.iter().map(ToString::to_string).collect();
    let (code, severity, message) = if by.is_empty() {
        (LintCode::RuleMatchesNothing, Severity::Warning, "no flow matches it".to_owned())
    } else {
        let (severity, what) = match (shadowed.contradicts, rule.effect) {
            (true, Some(Effect::Deny)) => (Severity::Error, ", some of which is allowed"),
            (true, _) => (Severity::Warning, ", some of which is denied"),
            (false, _) => (Severity::Note, " to the same end"),
        };
        let matches = if by.len() == 1 { "matches" } else { "together match" };
        let message =
            format!("it never decides: {} {matches} all of it first{what}", by.join(" and "));
        (LintCode::ShadowedRule, severity, message)
    };
    let fix = at.removal(rule);
    let lint = at.lint(code, severity, rule, message);
    Lint { by, witness: shadowed.witness, fix, ..lint }
}

/// The rules that never decide if unknown names before them hold all they could.
fn may_never_decide(at: &At<'_>, shadowed: &[Shadowed]) -> Vec<Lint> {
    if at.ruleset.rules().iter().all(|rule| rule.unresolved().next().is_none()) {
        return Vec::new();
    }
    let largest = at.ruleset.rules().iter().map(at_its_largest).collect();
    let largest = Ruleset::new(at.direction, largest, at.ruleset.fallback());
    let survey = match survey(&largest, at.limits) {
        Ok(survey) => survey,
        Err(unfinished) => return vec![at.stopped(&unfinished)],
    };
    let mut found = Vec::new();
    for one in survey.shadowed {
        let is_certain = || shadowed.iter().any(|other| other.rule.index == one.rule.index);
        let Some(rule) = at.custom_rule(one.rule.index).filter(|_| !is_certain()) else { continue };
        let covering = || one.by.iter().filter_map(|by| at.ruleset.rules().get(by.index));
        let mut unknown: Vec<String> =
            covering().flat_map(Rule::unresolved).map(ToString::to_string).collect();
        unknown.sort_unstable();
        unknown.dedup();
        if unknown.is_empty() {
            // What is unknown is the rule itself.
            continue;
        }
        let by: Vec<String> = one.by.iter().map(ToString::to_string).collect();
        let message = format!(
            "it may never decide: {} may match all of it first; not known: {}",
            by.join(" and "),
            unknown.join("; ")
        );
        let lint = at.lint(LintCode::MaybeShadowedRule, Severity::Note, rule, message);
        found.push(Lint { by, ..lint });
    }
    found
}

/// The rule as it would be if everything unknown about it made it match the most it can.
fn at_its_largest(rule: &Rule) -> Rule {
    let mut largest = rule.clone();
    largest.doubts.clear();
    for side in [&mut largest.source, &mut largest.destination] {
        *side = Side { tags: side.tags.clone(), ..Side::known(side.possible.clone()) };
    }
    if !largest.protocols.unknown.is_empty() {
        largest.protocols = crate::resolve::Dimension::known(crate::net::ProtocolSet::FULL);
    }
    for ports in [&mut largest.source_ports, &mut largest.destination_ports] {
        if !ports.unknown.is_empty() {
            *ports = crate::resolve::Dimension::known(crate::net::PortSet::full());
        }
    }
    largest
}
