//! Rules that stand in a relation to one other rule: the same, the opposite, or across it.

use std::collections::HashMap;

use super::at::At;
use super::bastion::Demands;
use super::{Lint, LintCode};
use crate::net::PortSet;
use crate::report::Severity;
use crate::resolve::{Effect, Rule, Unresolved};
use crate::space::{Coverage, Effects, HeaderSpace, LimitExceeded, Lists, Meter, Region, count};

/// What a rule matches: equal for two rules of one list only if they match the same flows.
#[derive(PartialEq, Eq, Hash)]
enum Reach<'a> {
    Known(HeaderSpace),
    /// The sets as far as they are known, and what is not.
    Open(Region, Vec<&'a Unresolved>),
}

/// Rules that match exactly what an earlier one does.
pub(super) fn repeated(at: &At<'_>, demands: &Demands) -> Vec<Lint> {
    let mut first: HashMap<Reach<'_>, &Rule> = HashMap::new();
    let mut found = Vec::new();
    for (_, rule) in at.custom().filter(|(_, rule)| rule.doubts.is_empty()) {
        let region = region(rule);
        let flows = HeaderSpace::of_region(&region);
        let unknown: Vec<&Unresolved> = rule.unresolved().collect();
        let is_known = unknown.is_empty();
        let witness = at.witness_of(&flows);
        if witness.is_none() && is_known {
            continue;
        }
        let reach = if is_known { Reach::Known(flows) } else { Reach::Open(region, unknown) };
        let earlier = *first.entry(reach).or_insert(rule);
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
///
/// A rule of which something is not known may match all it could wherever that takes flows from
/// an earlier rule of the opposite access: what is said holds however the unknowns turn out, and
/// more of it may come to light once they are known.
pub(super) fn crossed(at: &At<'_>) -> Vec<Lint> {
    let rules = at.ruleset.rules();
    let lists = Lists::new([at.ruleset.as_ref()]);
    let mut meter = Meter::new(at.limits);
    let share = 1.0 / count(rules.len());
    let mut found = Vec::new();
    for (own, entry) in lists.rules() {
        let rule = at.custom_rule(entry.rule).filter(|rule| rule.unresolved().next().is_none());
        if let Some(rule) = rule {
            match first_across(&lists, own, entry.effects, &mut meter) {
                Ok(Some((other, across))) => {
                    let by = rules.get(other).map(Rule::qualified_name).unwrap_or_default();
                    let (severity, what) = match rule.effect {
                        Some(Effect::Deny) => (Severity::Warning, "denies is allowed"),
                        _ => (Severity::Note, "allows is denied"),
                    };
                    let message = format!("a part of what it {what}: {by} matches that part first");
                    let lint = at.lint(LintCode::PartlyShadowedRule, severity, rule, message);
                    found.push(Lint { by: vec![by], witness: at.witness_of(&across), ..lint });
                }
                Ok(None) => {}
                Err(exceeded) => {
                    found.push(at.stopped(&exceeded));
                    break;
                }
            }
        }
        meter.finished(share);
    }
    found
}

/// The first rule that decides a flow of `own` the other way and also matches flows beside it,
/// and some such flows. What an exception, which does not, decides counts as if `own` itself did.
fn first_across(
    lists: &Lists,
    own: u32,
    effects: Effects,
    meter: &mut Meter,
) -> Result<Option<(usize, HeaderSpace)>, LimitExceeded> {
    // Everything that takes flows before the rule at hand is looked at.
    let mut before: Vec<u32> = Vec::new();
    for (id, entry) in lists.meeting(own).take_while(|(id, _)| *id < own) {
        meter.step(1)?;
        let is_known = lists.is_known(id);
        if is_known && entry.effects.is_one() && entry.effects != effects {
            let is_exception = matches!(lists.coverage(&[id], &[own], meter)?, Coverage::Whole(_));
            if !is_exception
                && let Coverage::Leaves(left) = lists.coverage(&[own, id], &before, meter)?
            {
                return Ok(Some((entry.rule, lists.left(&left))));
            }
        }
        before.push(id);
    }
    Ok(None)
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
