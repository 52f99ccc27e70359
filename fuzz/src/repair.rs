//! Repairs of generated groups, held to what they claim by the interpreter alone.

use nsg_engine::analysis::Change;
use nsg_engine::analysis::repair::{Extent, Goal, List, Repair, repairs};
use nsg_engine::eval::{Verdict, evaluate};
use nsg_engine::model::{
    Access, Direction, Flow, Priority, ResourceId, RuleName, SecurityGroup, SecurityRule,
};
use nsg_engine::resolve::{Names, Ruleset};
use nsg_engine::space::{HeaderSpace, Limits};
use nsg_engine::strategies::{Choices, Generator, Shape};

use crate::is_one;

/// A generated group, and a generated rule as the goal: whatever is offered can be made, reaches
/// the goal, and changes what it is said to change. An odd first byte leaves values unknown.
pub fn repair(data: &[u8]) {
    let has_unknowns = data.first().is_some_and(|byte| byte % 2 == 1);
    let shape = if has_unknowns { Shape::default() } else { Shape::definite() };
    let mut generator = Generator::new(Choices::from_bytes(data), shape.with_rules(4));
    let (group, rule) = (generator.group(), generator.rule());
    let names = generator.names().clone();
    let goal = Goal::of_rule(rule.clone());
    for direction in [Direction::Inbound, Direction::Outbound] {
        let before = Ruleset::of_group(&group, direction, &names);
        let wish = alone(&rule, goal.access(), direction, &names);
        let mut flows: Vec<Flow> = Vec::new();
        for ruleset in [&before, &wish] {
            flows.extend((0..12).map(|_| generator.flow(ruleset)));
        }
        let found = repairs(&List::new(&group, direction, &names), &goal, &Limits::default());
        for repair in &found.repairs {
            let changed = make(&group, repair);
            let after = Ruleset::of_group(&changed, direction, &names);
            let claim = Claim::of(repair);
            for flow in flows.iter().filter(|flow| is_one(flow)) {
                let [is_wanted, was, is] =
                    [&wish, &before, &after].map(|rules| evaluate(rules, flow).verdict());
                claim.check(is_wanted, was, is, &goal, flow);
            }
        }
    }
}

/// The goal's rule before everything else: it says the goal of what it matches, and a rule behind
/// it the opposite of the rest.
fn alone(rule: &SecurityRule, access: Access, direction: Direction, names: &Names) -> Ruleset {
    let mut wish = rule.clone();
    wish.priority = Priority::FIRST.into();
    wish.access = access.into();
    wish.condition = None;
    let opposite = match access {
        Access::Allow => Access::Deny,
        Access::Deny => Access::Allow,
    };
    let otherwise = RuleName::as_written("Otherwise");
    let rest = SecurityRule::new(otherwise, Priority::LAST, direction, opposite);
    let mut group = SecurityGroup::new(ResourceId::new("alone"));
    for mut rule in [wish, rest] {
        rule.direction = direction.into();
        group.rules.push(rule);
    }
    Ruleset::of_group(&group, direction, names)
}

/// Makes the edits one after the other: none may leave two rules with one name, or with one known
/// number in one direction.
fn make(group: &SecurityGroup, repair: &Repair) -> SecurityGroup {
    let mut changed = group.clone();
    for edit in &repair.edits {
        assert!(edit.apply(&mut changed), "{edit} of {repair} cannot be made");
        for (index, rule) in changed.rules.iter().enumerate() {
            for other in &changed.rules[..index] {
                let is_same = rule.direction == other.direction && rule.priority == other.priority;
                assert!(rule.name != other.name, "{repair}: {rule}, {other}");
                assert!(!is_same || rule.priority.known().is_none(), "{repair}: {rule}, {other}");
            }
        }
    }
    changed
}

/// What a repair says that it changes.
struct Claim<'a> {
    repair: &'a Repair,
    /// What it opens, what it closes, and what may change.
    changes: Option<[HeaderSpace; 3]>,
}

impl<'a> Claim<'a> {
    fn of(repair: &'a Repair) -> Self {
        let space = |changes: &[Change]| {
            HeaderSpace::of_regions(changes.iter().map(|one| &one.region), &Limits::default())
        };
        let changes = repair.difference.as_ref().and_then(|difference| {
            Some([
                space(&difference.opened).ok()?,
                space(&difference.closed).ok()?,
                space(&difference.unsettled).ok()?,
            ])
        });
        Self { repair, changes }
    }

    /// Holds one flow to it. What was or is not certain contradicts no claim about other flows.
    fn check(&self, wish: Verdict, was: Verdict, is: Verdict, goal: &Goal, flow: &Flow) {
        let Self { repair, changes } = self;
        let wanted = match goal.access() {
            Access::Allow => Verdict::Allow,
            Access::Deny => Verdict::Deny,
        };
        let is_definite = |verdicts: &[Verdict]| !verdicts.contains(&Verdict::Indeterminate);
        let is_proved = repair.extent.is_exact() || matches!(repair.extent, Extent::More(_));
        if wish == wanted && is_proved {
            assert!(is == wanted, "{flow} is {is} after {repair}, {goal:?}");
        }
        if is_definite(&[wish]) && wish != wanted && repair.extent.is_exact() {
            let is_kept = was == is || !is_definite(&[was, is]);
            assert!(is_kept, "{flow}: {was}, {is} after {repair}, {goal:?}");
        }
        if let Some([opened, closed, unsettled]) = changes
            && is_definite(&[was, is])
            && !unsettled.contains(flow)
        {
            let changes = [opened, closed].map(|space| space.contains(flow));
            let expected = [
                (was, is) == (Verdict::Deny, Verdict::Allow),
                (was, is) == (Verdict::Allow, Verdict::Deny),
            ];
            assert_eq!(changes, expected, "{flow}: {was}, {is} after {repair}, {goal:?}");
        }
    }
}
