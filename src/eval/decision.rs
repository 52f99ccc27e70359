//! What an evaluation answers.

use std::fmt;

use super::{FieldMatches, Match};
use crate::resolve::{Effect, Fallback, Rule, RuleKind, Ruleset};

/// The answer for a flow at one gate or over a whole path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a caller must handle every answer")]
pub enum Verdict {
    /// It passes.
    Allow,
    /// It is dropped.
    Deny,
    /// Facts are missing, and they decide.
    Indeterminate,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Allow => "Allow",
            Self::Deny => "Deny",
            Self::Indeterminate => "Indeterminate",
        })
    }
}

/// Everything that a list of rules may do with a flow, over all ways the unknowns could turn
/// out. Exactly one of the four holds when nothing relevant is unknown.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "the four outcomes of a list (S6.4)")]
pub struct Outcomes {
    /// It may pass this gate.
    pub allow: bool,
    /// It may be delivered without asking any further gate.
    pub always_allow: bool,
    /// It may be dropped.
    pub deny: bool,
    /// It may match no rule and go on to the next list.
    pub pass: bool,
}

impl Outcomes {
    /// Adds what a rule does; an unknown effect may be any that its kind of rule can have.
    pub(super) fn add_rule(&mut self, rule: &Rule) {
        let may_be = |effect| rule.effect.is_none_or(|known| known == effect);
        self.allow |= may_be(Effect::Allow);
        self.deny |= may_be(Effect::Deny);
        self.always_allow |= rule.kind == RuleKind::Admin && may_be(Effect::AlwaysAllow);
    }

    pub(super) fn add_fallback(&mut self, fallback: Fallback) {
        match fallback {
            Fallback::Deny => self.deny = true,
            Fallback::Pass => self.pass = true,
        }
    }

    /// The answer at this gate alone: whether the flow gets past it.
    pub fn verdict(&self) -> Verdict {
        match (self.deny, self.allow || self.always_allow || self.pass) {
            (false, _) => Verdict::Allow,
            (true, false) => Verdict::Deny,
            (true, true) => Verdict::Indeterminate,
        }
    }
}

/// What a list of rules does with a flow.
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use]
pub struct Decision {
    pub(super) certain: Option<usize>,
    pub(super) possible: Outcomes,
    pub(super) undecided: Vec<usize>,
}

impl Decision {
    /// The answer at this gate.
    pub fn verdict(&self) -> Verdict {
        self.possible.verdict()
    }

    /// Everything that may happen.
    pub fn outcomes(&self) -> Outcomes {
        self.possible
    }

    /// The index of the first rule that certainly matches; `None` when none does.
    pub fn rule_index(&self) -> Option<usize> {
        self.certain
    }

    /// The first rule that certainly matches. Of an indeterminate decision it is the rule that
    /// decides if none of the [`undecided`](Self::undecided) ones does.
    pub fn rule<'a>(&self, ruleset: &'a Ruleset) -> Option<&'a Rule> {
        ruleset.rules().get(self.certain?)
    }

    /// The indices of the rules before it that may match.
    pub fn undecided(&self) -> &[usize] {
        &self.undecided
    }
}

/// One rule that an evaluation looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a rule and its comparison are all there is")]
pub struct Step {
    /// The index of the rule in the ruleset.
    pub rule: usize,
    /// How each field compares.
    pub fields: FieldMatches,
    /// Whether the rule as a whole matches.
    pub overall: Match,
}

/// Every rule that an evaluation looked at, in order, and what came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_structs, reason = "the steps and their result are all there is")]
pub struct Trace {
    /// The rules looked at, up to and including the one that decides.
    pub steps: Vec<Step>,
    /// The result.
    pub decision: Decision,
}
