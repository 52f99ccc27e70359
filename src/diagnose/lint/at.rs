//! The rules of one group in one direction, which most lints look at.

use std::fmt;
use std::sync::Arc;

use super::fix::Fix;
use super::{Lint, LintCode};
use crate::analysis::difference;
use crate::analysis::repair::Edit;
use crate::model::{Direction, Flow, Priority, SecurityGroup, SecurityRule};
use crate::net::AddressSet;
use crate::path::Chain;
use crate::report::Severity;
use crate::resolve::{Names, Rule, RuleKind, Ruleset, Topology};
use crate::space::{HeaderSpace, Limits, Region};

/// A group in one direction, its names bound where it is attached.
pub(super) struct At<'a> {
    pub(super) topology: &'a Topology,
    pub(super) group: &'a SecurityGroup,
    pub(super) direction: Direction,
    pub(super) ruleset: Arc<Ruleset>,
    pub(super) names: Names,
    pub(super) limits: &'a Limits,
}

impl<'a> At<'a> {
    pub(super) fn new(
        topology: &'a Topology,
        group: &'a SecurityGroup,
        direction: Direction,
        limits: &'a Limits,
    ) -> Option<Self> {
        let chain = Chain::of_group(topology, group, direction);
        let ruleset = Arc::clone(chain.gates().first()?.ruleset()?);
        let names = chain.names().clone();
        Some(Self { topology, group, direction, ruleset, names, limits })
    }

    /// The user's rules, each with its index.
    pub(super) fn custom(&self) -> impl Iterator<Item = (usize, &Rule)> {
        let rules = self.ruleset.rules().iter().enumerate();
        rules.filter(|(_, rule)| rule.kind == RuleKind::Custom)
    }

    /// The user's rule with this index.
    pub(super) fn custom_rule(&self, index: usize) -> Option<&Rule> {
        self.ruleset.rules().get(index).filter(|rule| rule.kind == RuleKind::Custom)
    }

    /// The rule as its author wrote it; `None` for default rules, and where the group, against
    /// Azure's rules, has several of the name.
    pub(super) fn written(&self, rule: &Rule) -> Option<&'a SecurityRule> {
        if rule.kind != RuleKind::Custom {
            return None;
        }
        let mut called = self.group.rules.iter().filter(|one| one.name == rule.name);
        called.next().filter(|_| called.next().is_none())
    }

    /// The addresses that the group stands before, where the input tells; else all.
    pub(super) fn own_addresses(&self) -> AddressSet {
        let mut all = AddressSet::empty();
        for id in self.topology.subnets_of_group(&self.group.id) {
            match self.topology.subnet(&id) {
                Some((_, subnet)) if subnet.unknown_prefixes.is_empty() => {
                    all = all.union(&subnet.prefixes.iter().copied().collect());
                }
                _ => return AddressSet::full(),
            }
        }
        if all.is_empty() { AddressSet::full() } else { all }
    }

    /// One of these flows: one to or from what the group stands before, if there is one.
    pub(super) fn witness_of(&self, flows: &HeaderSpace) -> Option<Flow> {
        let own = match self.direction {
            Direction::Inbound => Region { destination: self.own_addresses(), ..Region::full() },
            Direction::Outbound => Region { source: self.own_addresses(), ..Region::full() },
        };
        let near = flows.intersection(&HeaderSpace::of_region(&own), self.limits);
        near.ok().and_then(|near| near.witness()).or_else(|| flows.witness())
    }

    /// The last number before another one that no rule of the group's has in this direction.
    pub(super) fn free_number_before(&self, ceiling: Priority) -> Option<Priority> {
        let taken = |number: Priority| {
            self.group.rules.iter().any(|rule| {
                rule.direction.known().is_none_or(|one| *one == self.direction)
                    && rule.priority.known().is_none_or(|one| *one == number)
            })
        };
        let first = Priority::FIRST.number();
        let ceiling = ceiling.number().min(Priority::LAST.number().saturating_add(1));
        (first..ceiling).rev().map(Priority::new).find(|number| !taken(*number))
    }

    /// A finding about a rule.
    pub(super) fn lint(
        &self,
        code: LintCode,
        severity: Severity,
        rule: &Rule,
        message: impl Into<String>,
    ) -> Lint {
        Lint {
            group: Some(self.group.id.clone()),
            direction: Some(self.direction),
            rule: Some(rule.qualified_name()),
            ..Lint::new(code, severity, &self.group.id, message).at(rule.origin.location())
        }
    }

    /// A question about all flows that was not answered.
    pub(super) fn stopped(&self, error: &impl fmt::Display) -> Lint {
        let lint =
            Lint::new(LintCode::LimitReached, Severity::Warning, &self.group.id, error.to_string());
        Lint {
            group: Some(self.group.id.clone()),
            direction: Some(self.direction),
            ..lint.at(self.group.origin.location())
        }
    }

    /// A fix whose edits are tried on a copy of the group; `None` if they cannot be made.
    pub(super) fn fix(&self, summary: impl Into<String>, edits: Vec<Edit>) -> Option<Box<Fix>> {
        let mut after = self.group.clone();
        if !edits.iter().all(|edit| edit.apply(&mut after)) {
            return None;
        }
        let after = Ruleset::of_group(&after, self.direction, &self.names);
        let made = difference(&self.ruleset.as_ref().into(), &(&after).into(), self.limits);
        Some(Box::new(Fix::new(summary, &self.group.id, edits).with_difference(made)))
    }

    /// A fix that removes a rule without which, as was proved by other means, every flow meets
    /// with the same access.
    pub(super) fn removal(&self, rule: &Rule) -> Option<Box<Fix>> {
        let edits = vec![Edit::Remove(self.written(rule)?.clone())];
        let fix = Fix::new("remove the rule", &self.group.id, edits);
        Some(Box::new(Fix { proved: true, ..fix }))
    }

    /// A fix that writes a rule in another way.
    pub(super) fn rewriting(
        &self,
        rule: &Rule,
        summary: impl Into<String>,
        rewrite: impl FnOnce(&mut SecurityRule),
    ) -> Option<Box<Fix>> {
        let before = self.written(rule)?;
        let mut after = before.clone();
        rewrite(&mut after);
        self.fix(summary, vec![Edit::replace(before, after)])
    }
}
