//! What holds for every group and every flow, over generated ones.

use std::collections::BTreeSet;

use nsg_engine::eval::{Verdict, evaluate};
use nsg_engine::model::Direction;
use nsg_engine::resolve::RuleKind;
use nsg_engine::strategies::{Case, Choices, Shape, cases};
use proptest::prelude::*;

const DIRECTIONS: [Direction; 2] = [Direction::Inbound, Direction::Outbound];

/// A generator that always goes the same way tests nothing: a few hundred seeds bring up every
/// kind of answer, decided by rules of many priorities.
#[test]
fn generated_cases_reach_every_kind_of_answer() {
    let (mut verdicts, mut deciding) = (BTreeSet::new(), BTreeSet::new());
    let (mut evaluations, mut decided_by_user) = (0, 0);
    for seed in 0..400 {
        let case = Case::draw(Choices::from_seed(seed), Shape::default());
        for direction in DIRECTIONS {
            let ruleset = case.ruleset(direction);
            for flow in &case.flows {
                let decision = evaluate(&ruleset, flow);
                let rule = decision.rule(&ruleset).unwrap();
                verdicts.insert(decision.verdict());
                deciding.insert(rule.priority);
                evaluations += 1;
                decided_by_user += usize::from(rule.kind == RuleKind::Custom);
            }
        }
    }
    assert_eq!(verdicts, [Verdict::Allow, Verdict::Deny, Verdict::Indeterminate].into());
    assert!(deciding.len() > 30, "{deciding:?}");
    assert!(decided_by_user * 10 > evaluations, "{decided_by_user} of {evaluations}");
}

proptest! {
    /// S3.3: with the default rules present every flow matches something, and where nothing is
    /// unknown the answer is definite.
    #[test]
    fn what_is_known_is_decided(case in cases(Shape::definite())) {
        for direction in DIRECTIONS {
            let ruleset = case.ruleset(direction);
            for flow in &case.flows {
                let decision = evaluate(&ruleset, flow);
                prop_assert_ne!(decision.verdict(), Verdict::Indeterminate, "{}", flow);
                prop_assert!(decision.rule(&ruleset).is_some(), "{}", flow);
            }
        }
    }
}
