//! Security admin rules that never decide where they apply, or decide by chance (SEMANTICS 6).

use super::pairs::region;
use super::{Lint, LintCode};
use crate::analysis::{Shadowed, effective, survey};
use crate::model::{Direction, ResourceId};
use crate::path::{Chain, GateRules};
use crate::report::Severity;
use crate::resolve::{Rule, Ruleset, Topology};
use crate::space::{HeaderSpace, LimitExceeded, Limits};

pub(super) fn lints(topology: &Topology, limits: &Limits) -> Vec<Lint> {
    let mut found: Vec<Lint> = Vec::new();
    for direction in [Direction::Inbound, Direction::Outbound] {
        let mut seen: Vec<(ResourceId, Vec<Rule>)> = Vec::new();
        for (_, subnet) in topology.network().subnets() {
            let Some(chain) = Chain::of_subnet(topology, &subnet.id, direction) else { continue };
            for gate in chain.gates() {
                let GateRules::Admin { manager, rules } = &gate.rules else { continue };
                let place = (gate.applied_to.clone(), rules.rules().to_vec());
                // All subnets of a network that get the same rules say the same.
                if !seen.contains(&place) {
                    found.extend(of_rules(&gate.applied_to, rules, limits));
                    // Among several managers the higher one's rules come first (S6.14).
                    if manager.is_some() {
                        found.extend(ties(&gate.applied_to, rules, limits));
                    }
                    seen.push(place);
                }
            }
        }
    }
    found
}

fn of_rules(applied_to: &ResourceId, rules: &Ruleset, limits: &Limits) -> Vec<Lint> {
    let direction = rules.direction();
    let shadowed = match survey(rules, limits) {
        Ok(survey) => survey.shadowed,
        Err(unfinished) => return vec![stopped(applied_to, direction, &unfinished)],
    };
    let lint = |one: Shadowed| {
        let rule = rules.rules().get(one.rule.index)?;
        let by: Vec<String> = one.by.iter().map(ToString::to_string).collect();
        let (code, severity, message) = if by.is_empty() {
            (LintCode::RuleMatchesNothing, Severity::Warning, "no flow matches it".to_owned())
        } else {
            let (severity, what) = match one.contradicts {
                true => (Severity::Warning, ", some of which meets with other access"),
                false => (Severity::Note, " to the same end"),
            };
            let by = by.join(" and ");
            (LintCode::ShadowedRule, severity, format!("it never decides here: {by} first{what}"))
        };
        let lint = Lint::new(code, severity, applied_to, message);
        Some(Lint {
            direction: Some(direction),
            rule: Some(one.rule.to_string()),
            by,
            witness: one.witness,
            ..lint.at(rule.origin.location())
        })
    };
    shadowed.into_iter().filter_map(lint).collect()
}

/// Rules of one priority that do different things with some flow (S6.12).
fn ties(applied_to: &ResourceId, rules: &Ruleset, limits: &Limits) -> Vec<Lint> {
    let list = rules.rules();
    let mut found = Vec::new();
    for (index, (first, second)) in list.iter().zip(list.iter().skip(1)).enumerate() {
        if first.priority.is_none()
            || first.priority != second.priority
            || first.effect == second.effect
        {
            continue;
        }
        let both = || -> Result<HeaderSpace, LimitExceeded> {
            let decided = effective(rules, index, limits)?.certain;
            decided.intersection(&HeaderSpace::of_region(&region(second)), limits)
        };
        match both() {
            Ok(both) => found.extend(both.witness().map(|witness| {
                let message = format!(
                    "{} has the same priority and does something else with the same flows",
                    second.qualified_name()
                );
                let code = LintCode::AdminRuleTie;
                let lint = Lint::new(code, Severity::Warning, applied_to, message);
                Lint {
                    direction: Some(rules.direction()),
                    rule: Some(first.qualified_name()),
                    by: vec![second.qualified_name()],
                    witness: Some(witness),
                    ..lint.at(first.origin.location())
                }
            })),
            Err(exceeded) => found.push(stopped(applied_to, rules.direction(), &exceeded)),
        }
    }
    found
}

fn stopped(applied_to: &ResourceId, direction: Direction, error: &impl std::fmt::Display) -> Lint {
    let lint = Lint::new(LintCode::LimitReached, Severity::Warning, applied_to, error.to_string());
    Lint { direction: Some(direction), ..lint }
}
