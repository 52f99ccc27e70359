//! Numbers that leave no room for another rule.

use super::at::At;
use super::{Lint, LintCode};
use crate::analysis::repair::Edit;
use crate::model::{Priority, SecurityRule};
use crate::report::Severity;
use crate::resolve::{Effect, Rule};

pub(super) fn lints(at: &At<'_>) -> Vec<Lint> {
    let rules: Vec<(Priority, &Rule)> =
        at.custom().filter_map(|(_, rule)| Some((rule.priority?, rule))).collect();
    let mut found = Vec::new();
    let runs = rules.chunk_by(|(one, _), (next, _)| {
        next == one || one.number().checked_add(1) == Some(next.number())
    });
    for run in runs {
        found.extend(before(at, run));
        found.extend(between(at, run));
        found.extend(after(at, run));
    }
    found
}

fn before(at: &At<'_>, run: &[(Priority, &Rule)]) -> Option<Lint> {
    let (_, rule) = run.first().filter(|(priority, _)| *priority == Priority::FIRST)?;
    let message = "no rule can be put before priority 100";
    let lint = at.lint(LintCode::NoRoomBefore, Severity::Note, rule, message);
    // The highest number first, so that no two rules ever share one.
    let rules = run.iter().rev().map(|(_, rule)| *rule);
    Some(Lint { fix: moving(at, rules, |number| number.checked_add(1)), ..lint })
}

fn after(at: &At<'_>, run: &[(Priority, &Rule)]) -> Option<Lint> {
    let (_, rule) = run.last().filter(|(priority, _)| *priority == Priority::LAST)?;
    if matches_everything(rule) {
        return None;
    }
    let message = "no rule of the user's can be put after priority 4096";
    let lint = at.lint(LintCode::NoRoomAfter, Severity::Note, rule, message);
    let rules = run.iter().map(|(_, rule)| *rule);
    Some(Lint { fix: moving(at, rules, |number| number.checked_sub(1)), ..lint })
}

fn between(at: &At<'_>, run: &[(Priority, &Rule)]) -> Option<Lint> {
    let [(first, rule), .., (last, _)] = run else { return None };
    let does = |effect| run.iter().any(|(_, rule)| rule.effect == Some(effect));
    if !does(Effect::Allow) || !does(Effect::Deny) || first == last {
        return None;
    }
    let message = format!(
        "{} rules stand at numbers {first} to {last} without a gap: none can be put between them",
        run.len()
    );
    Some(at.lint(LintCode::NoRoomBetween, Severity::Note, rule, message))
}

/// Moves rules by one, unless one of them would leave the numbers that a user may give.
fn moving<'a>(
    at: &At<'_>,
    rules: impl Iterator<Item = &'a Rule>,
    moved: impl Fn(u32) -> Option<u32>,
) -> Option<Box<super::Fix>> {
    let edits = rules.map(|rule| {
        let before = at.written(rule)?.clone();
        let number = moved(before.priority.known()?.number())?;
        let priority = Priority::custom(number).ok()?.into();
        let after = SecurityRule { priority, ..before.clone() };
        Some(Edit::replace(&before, after))
    });
    let edits: Vec<Edit> = edits.collect::<Option<_>>()?;
    let summary = match edits.len() {
        1 => "move the rule by one".to_owned(),
        count => format!("move {count} rules by one, in the same order"),
    };
    at.fix(summary, edits)
}

fn matches_everything(rule: &Rule) -> bool {
    rule.protocols.known.is_full()
        && rule.source.known.is_full()
        && rule.source_ports.known.is_full()
        && rule.destination.known.is_full()
        && rule.destination_ports.known.is_full()
}
