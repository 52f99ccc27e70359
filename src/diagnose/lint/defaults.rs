//! The default rules: those of the group, and rules named like them.

use super::at::At;
use super::{Lint, LintCode};
use crate::model::{Limits, SecurityGroup, default_rules, validate_group};
use crate::report::{Code, Severity};

/// Default rules of the group other than Azure's six (S2.5).
pub(super) fn deviations(group: &SecurityGroup) -> Vec<Lint> {
    let mut findings = Vec::new();
    validate_group(group, &Limits::azure(), &mut findings);
    let deviations = findings.into_iter().filter(|one| one.code == Code::DefaultRuleDeviation);
    deviations
        .map(|one| {
            let code = LintCode::DefaultRuleDeviation;
            let lint = Lint::new(code, one.severity, &group.id, one.message);
            Lint { group: Some(group.id.clone()), ..lint }.at(Some(&one.location))
        })
        .collect()
}

/// Rules of the user's that are called like a default rule (S1.4).
pub(super) fn namesakes(at: &At<'_>) -> Vec<Lint> {
    let azures = default_rules();
    let mut found = Vec::new();
    for (_, rule) in at.custom() {
        let mut defaults = at.group.default_rules.iter().chain(&azures);
        if defaults.any(|default| default.name == rule.name) {
            let message = format!("a default rule is called `{}` too", rule.name);
            found.push(at.lint(LintCode::NamedLikeDefault, Severity::Note, rule, message));
        }
    }
    found
}
