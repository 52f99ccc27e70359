//! What several gates in a row do with one flow.

use std::hint::select_unpredictable;

use super::key::RuleIndex;
use crate::model::Access;
use crate::resolve::{Effect, Fallback, RuleKind, Ruleset};

/// The most gates of one chain: three at one end (S3.9), and lists that stand before them.
pub(super) const MOST_GATES: usize = 7;

/// What each gate of a [`ChainClassifier`](super::ChainClassifier) says of a flow, and what
/// comes of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChainAnswer {
    gates: [RuleIndex; MOST_GATES],
    count: u8,
    /// The last gate that was certainly reached.
    reached: u8,
    state: State,
}

impl ChainAnswer {
    /// The answer of each gate by itself, also of those that the flow does not reach (S8.13).
    pub fn gates(&self) -> &[RuleIndex] {
        self.gates.get(..self.count.into()).unwrap_or(&self.gates)
    }

    /// Whether the flow gets past all gates; `None` where something unknown may decide, which is
    /// for `path` or `eval` to say.
    ///
    /// A certain denial decides even behind a gate that is not certain (S3.12), unless an admin
    /// rule there may deliver the flow (S6.4).
    pub fn access(&self) -> Option<Access> {
        match self.state {
            State::Passing | State::Delivered => Some(Access::Allow),
            State::Denied | State::DeniedBehindDoubt => Some(Access::Deny),
            State::Doubtful | State::Undecided => None,
        }
    }

    /// The place of the gate that decides: the first that denies, the one whose rule always
    /// allows, or else the last. `None` where there is no gate, and where something unknown may
    /// let another one decide.
    pub fn gate(&self) -> Option<usize> {
        match self.state {
            State::Passing | State::Delivered | State::Denied if self.count > 0 => {
                Some(self.reached.into())
            }
            _ => None,
        }
    }

    /// The rule that decides: the place of its gate, and its own in the list of that gate.
    pub fn rule(&self) -> Option<(usize, usize)> {
        let gate = self.gate()?;
        Some((gate, self.gates().get(gate)?.rule()?))
    }

    pub(super) const EMPTY: Self =
        Self { gates: [RuleIndex::NONE; MOST_GATES], count: 0, reached: 0, state: State::Passing };

    /// Adds the answer of the next gate; there are at most [`MOST_GATES`].
    #[inline(always)]
    pub(super) fn push(&mut self, answer: RuleIndex, step: Step) {
        if let Some(gate) = self.gates.get_mut(usize::from(self.count)) {
            *gate = answer;
        }
        self.reached = select_unpredictable(self.state == State::Passing, self.count, self.reached);
        self.state = self.state.after(step);
        self.count = self.count.wrapping_add(1);
    }
}

impl Default for ChainAnswer {
    /// That of a chain without gates, which passes everything (S3.11).
    fn default() -> Self {
        Self::EMPTY
    }
}

/// What a gate does with a flow, as far as it is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// It lets it through to the next gate.
    Pass,
    /// It delivers it past all gates (S6.4).
    Deliver,
    Deny,
    /// It lets it through or denies it.
    Doubt,
    /// It does any of the three.
    DoubtOrDeliver,
}

/// What gates in a row do with a flow, as far as it is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// All let it through.
    Passing,
    Delivered,
    Denied,
    /// Some gate is not certain, and none has denied it for certain.
    Doubtful,
    /// Some gate is not certain, and a later one certainly denies it.
    DeniedBehindDoubt,
    /// It may be delivered or denied, whatever comes.
    Undecided,
}

impl State {
    /// The state behind one more gate, from a table: what gates do is hard to foretell.
    #[expect(clippy::indexing_slicing, reason = "a row for each state, a column for each step")]
    #[inline(always)]
    fn after(self, step: Step) -> Self {
        const AFTER: [[State; 5]; 6] = {
            use State::{
                Delivered, Denied, DeniedBehindDoubt as Behind, Doubtful, Passing, Undecided,
            };
            [
                [Passing, Delivered, Denied, Doubtful, Undecided],
                [Delivered; 5],
                [Denied; 5],
                [Doubtful, Undecided, Behind, Doubtful, Undecided],
                [Behind; 5],
                [Undecided; 5],
            ]
        };
        AFTER[self as usize][step as usize]
    }
}

/// What each answer of one gate means for the chain.
pub(super) struct Steps {
    /// By rule; then what it means that no rule matches, then that something unknown decides.
    by_answer: Box<[Step]>,
}

impl Steps {
    /// Those of a list of rules; `None` for a gate whose rules are not known.
    pub(super) fn new(gate: Option<&Ruleset>) -> Self {
        let Some(ruleset) = gate else {
            // A group is no admin rule: it cannot deliver past other gates.
            return Self { by_answer: Box::new([Step::Doubt, Step::Doubt]) };
        };
        let is_admin = |kind| kind == RuleKind::Admin;
        let rules = ruleset.rules().iter().map(|rule| match rule.effect {
            Some(Effect::Allow) => Step::Pass,
            Some(Effect::AlwaysAllow) => Step::Deliver,
            Some(Effect::Deny) => Step::Deny,
            None if is_admin(rule.kind) => Step::DoubtOrDeliver,
            None => Step::Doubt,
        });
        let no_rule = match ruleset.fallback() {
            Fallback::Deny => Step::Deny,
            Fallback::Pass => Step::Pass,
        };
        let may_deliver = rules.clone().any(|s| matches!(s, Step::Deliver | Step::DoubtOrDeliver));
        let doubt = if may_deliver { Step::DoubtOrDeliver } else { Step::Doubt };
        Self { by_answer: rules.chain([no_rule, doubt]).collect() }
    }

    #[inline(always)]
    pub(super) fn of(&self, answer: RuleIndex) -> Step {
        let rules = self.by_answer.len().wrapping_sub(2);
        let place = match answer {
            RuleIndex::NONE => rules,
            RuleIndex::EVALUATE => rules.wrapping_add(1),
            rule => rule.to_bits() as usize,
        };
        self.by_answer.get(place).copied().unwrap_or(Step::Doubt)
    }

    /// The bytes it takes on the heap.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.by_answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(steps: &[Step]) -> (Option<Access>, Option<usize>) {
        let mut answer = ChainAnswer::EMPTY;
        for step in steps {
            answer.push(RuleIndex::NONE, *step);
        }
        assert_eq!(answer.gates().len(), steps.len());
        (answer.access(), answer.gate())
    }

    /// S3.11, S3.12, S6.4.
    #[test]
    fn the_first_denial_decides_unless_an_admin_rule_delivers() {
        use Step::{Deliver, Deny, Pass};
        assert_eq!(chain(&[]), (Some(Access::Allow), None));
        assert_eq!(chain(&[Pass, Pass]), (Some(Access::Allow), Some(1)));
        assert_eq!(chain(&[Pass, Deny, Deny]), (Some(Access::Deny), Some(1)));
        assert_eq!(chain(&[Deliver, Deny]), (Some(Access::Allow), Some(0)));
        assert_eq!(chain(&[Deny, Deliver]), (Some(Access::Deny), Some(0)));
    }

    /// S3.8, S3.12.
    #[test]
    fn a_certain_denial_decides_behind_a_doubt() {
        use Step::{Deliver, Deny, Doubt, DoubtOrDeliver, Pass};
        assert_eq!(chain(&[Doubt, Pass]), (None, None));
        assert_eq!(chain(&[Doubt, Deny]), (Some(Access::Deny), None));
        assert_eq!(chain(&[Doubt, Deny, Pass]), (Some(Access::Deny), None));
        assert_eq!(chain(&[Pass, Doubt, Deliver]), (None, None));
        assert_eq!(chain(&[DoubtOrDeliver, Deny]), (None, None));
        assert_eq!(chain(&[Deny, Doubt]), (Some(Access::Deny), Some(0)));
        assert_eq!(chain(&[Deliver, Doubt]), (Some(Access::Allow), Some(0)));
    }
}
