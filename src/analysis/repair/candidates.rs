//! Changes that may bring about a goal. Whether they do is for the proof to say.

use std::collections::BTreeSet;

use super::goal::covers;
use super::narrowing::narrowings;
use super::room::{Places, free_name};
use super::{Edit, Goal, List, NoRoom};
use crate::model::{Priority, SecurityGroup, SecurityRule};
use crate::resolve::{Effect, Rule, RuleKind, Ruleset};
use crate::space::Region;

/// How many rules are tried out that would help if they stood elsewhere.
const HELPERS: usize = 2;
/// How many rules are narrowed at once: to change more is no repair any more.
const NARROWED: usize = 4;

/// A list of rules, and those of them that stand against a goal.
pub(super) struct Situation<'a> {
    list: &'a List<'a>,
    goal: &'a Goal,
    region: &'a Region,
    ruleset: &'a Ruleset,
    places: Places<'a>,
    /// The rules that decide some of the goal's flows, and not as wanted, in order.
    against: Vec<&'a Rule>,
}

impl<'a> Situation<'a> {
    pub(super) fn new(
        list: &'a List<'a>,
        goal: &'a Goal,
        region: &'a Region,
        ruleset: &'a Ruleset,
        deciders: &BTreeSet<usize>,
    ) -> Self {
        let wanted = Some(Effect::from(goal.access()));
        let deciding = deciders.iter().filter_map(|&index| ruleset.rules().get(index));
        let against = deciding.filter(|rule| rule.effect != wanted).collect();
        let places = Places::new(list.group, list.direction);
        Self { list, goal, region, ruleset, places, against }
    }

    /// The rules that say the goal, put before all that stand against it.
    pub(super) fn insertion(&self) -> Result<Vec<Edit>, NoRoom> {
        self.insertion_before(self.ceiling())
    }

    /// The rules that say the goal, put before this number.
    pub(super) fn insertion_before(&self, ceiling: Priority) -> Result<Vec<Edit>, NoRoom> {
        let rules = self.new_rules()?;
        let numbers = self.places.before(ceiling, rules.len());
        let numbers = numbers.ok_or_else(|| self.no_number(ceiling))?;
        self.check_count(rules.len())?;
        Ok(inserted(rules, &numbers))
    }

    /// The same where rules have to move first.
    pub(super) fn insertions_by_moving(&self, ceiling: Priority) -> Vec<Vec<Edit>> {
        let Ok(rules) = self.new_rules() else { return Vec::new() };
        if self.check_count(rules.len()).is_err() {
            return Vec::new();
        }
        let mut all = Vec::new();
        if let Some(room) = self.places.by_moving(ceiling, rules.len()) {
            let is_long = room.moves.len() > 1;
            let inserted = inserted(rules.clone(), &room.numbers);
            all.push(room.moves.into_iter().chain(inserted).collect());
            if !is_long {
                return all;
            }
        }
        all.extend(self.insertion_in_place_of_first(rules));
        all
    }

    /// One rule takes the number of the first that stands against the goal, which goes to the
    /// next free number, past other rules.
    fn insertion_in_place_of_first(&self, rules: Vec<SecurityRule>) -> Option<Vec<Edit>> {
        let first = self.written(self.against.first()?)?;
        let number = *first.priority.known()?;
        let away = self.places.moved(first, self.places.behind(number)?)?;
        let is_one = rules.len() == 1;
        is_one.then(|| std::iter::once(away).chain(inserted(rules, &[number])).collect())
    }

    /// Rules that already say the goal, moved before what stands against it; or that moved
    /// behind them.
    pub(super) fn moves(&self) -> Vec<Vec<Edit>> {
        let ceiling = self.ceiling();
        let is_late = |rule: &&Rule| rule.priority.is_some_and(|priority| priority > ceiling);
        let wanted = Some(Effect::from(self.goal.access()));
        let helpers = self.ruleset.rules().iter().filter(is_late).filter(|rule| {
            rule.kind == RuleKind::Custom && rule.effect == wanted && covers(rule, self.region)
        });
        let mut all = Vec::new();
        for helper in helpers.filter_map(|rule| self.written(rule)).take(HELPERS) {
            let before = self.places.before(ceiling, 1).and_then(|free| free.first().copied());
            all.extend(before.and_then(|number| self.places.moved(helper, number)).map(one));
            if let [only] = self.against.as_slice() {
                let behind = helper.priority.known().and_then(|one| self.places.behind(*one));
                let only = self.written(only);
                let away = behind.zip(only).and_then(|(to, only)| self.places.moved(only, to));
                all.extend(away.map(one));
            }
        }
        all
    }

    /// What stands against the goal, made to spare its flows.
    pub(super) fn narrowed(&self) -> Vec<Vec<Edit>> {
        if self.against.is_empty() || self.against.len() > NARROWED {
            return Vec::new();
        }
        let cuts = |rule: &&Rule| {
            let written = self.written(rule)?;
            Some(narrowings(written, rule, self.region)).filter(|cuts| !cuts.is_empty())
        };
        let Some(mut cuts) = self.against.iter().map(cuts).collect::<Option<Vec<_>>>() else {
            return Vec::new();
        };
        match cuts.as_mut_slice() {
            [only] => std::mem::take(only).into_iter().map(one).collect(),
            several => vec![several.iter().filter_map(|cuts| cuts.first().cloned()).collect()],
        }
    }

    /// The number before which a rule decides ahead of all that stand against the goal, as far
    /// as their numbers are known.
    pub(super) fn ceiling(&self) -> Priority {
        let numbers = self.against.iter().filter_map(|rule| rule.priority);
        numbers.min().unwrap_or(Priority::new(u32::MAX))
    }

    /// That no number before this one is free.
    pub(super) fn no_number(&self, before: Priority) -> NoRoom {
        let mut rules = self.ruleset.rules().iter();
        let rule = rules.find(|rule| rule.priority == Some(before));
        let rule = rule.map(|rule| rule.name.to_string()).unwrap_or_default();
        NoRoom::Numbers { before, rule }
    }

    /// Whether Azure takes so many more rules (S1.51).
    fn check_count(&self, more: usize) -> Result<(), NoRoom> {
        if more > self.places.rules_left() {
            return Err(NoRoom::Rules { held: self.list.group.rules.len() });
        }
        Ok(())
    }

    /// The rules to add, their numbers still open.
    fn new_rules(&self) -> Result<Vec<SecurityRule>, NoRoom> {
        let mut rules = self.goal.rules(self.list.direction).map_err(NoRoom::NotARule)?;
        let mut group = SecurityGroup {
            default_rules: self.list.group.default_rules.clone(),
            rules: self.list.group.rules.clone(),
            ..SecurityGroup::new(self.list.group.id.clone())
        };
        for rule in &mut rules {
            rule.name = free_name(&group, &rule.name);
            group.rules.push(rule.clone());
        }
        Ok(rules)
    }

    /// The rule as its author wrote it; `None` when it cannot be changed.
    fn written(&self, rule: &Rule) -> Option<&'a SecurityRule> {
        if rule.kind != RuleKind::Custom {
            return None;
        }
        let mut rules = self.list.group.rules.iter();
        let found = rules.find(|one| {
            one.name == rule.name
                && one.priority.known() == rule.priority.as_ref()
                && one.direction.known() == Some(&self.list.direction)
        });
        found.filter(|rule| self.places.can_be_named(rule))
    }
}

fn inserted(rules: Vec<SecurityRule>, numbers: &[Priority]) -> Vec<Edit> {
    let numbered = rules.into_iter().zip(numbers);
    let rules = numbered.map(|(rule, &number)| SecurityRule { priority: number.into(), ..rule });
    rules.map(Edit::Insert).collect()
}

fn one(edit: Edit) -> Vec<Edit> {
    vec![edit]
}
