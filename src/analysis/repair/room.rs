//! Places for rules: free numbers, and how to make some (S1.6, S1.7).

use std::collections::BTreeSet;

use super::Edit;
use crate::model::{
    Direction, Limits, Priority, RuleName, SecurityGroup, SecurityRule, is_expression,
};

/// The rules of one direction of a group, as they stand in each other's way.
pub(super) struct Places<'a> {
    group: &'a SecurityGroup,
    direction: Direction,
    taken: BTreeSet<u32>,
}

/// Numbers for new rules, ascending, and the rules that have to move first, in this order.
pub(super) struct Room {
    pub(super) numbers: Vec<Priority>,
    pub(super) moves: Vec<Edit>,
}

impl<'a> Places<'a> {
    pub(super) fn new(group: &'a SecurityGroup, direction: Direction) -> Self {
        let here = group.rules.iter().filter(|rule| may_be(rule, direction));
        let taken = here.filter_map(|rule| rule.priority.known()).map(|one| one.number());
        Self { group, direction, taken: taken.collect() }
    }

    /// How many rules Azure would still take (S1.51).
    pub(super) fn rules_left(&self) -> usize {
        Limits::azure().rules_per_group.saturating_sub(self.group.rules.len())
    }

    /// Numbers before `ceiling`, the largest that are free.
    pub(super) fn before(&self, ceiling: Priority, count: usize) -> Option<Vec<Priority>> {
        let free = self.free_before(ceiling, count);
        (free.len() == count).then_some(free)
    }

    fn free_before(&self, ceiling: Priority, count: usize) -> Vec<Priority> {
        let end = ceiling.number().min(Priority::LAST.number().saturating_add(1));
        let numbers = (Priority::FIRST.number()..end).rev();
        let free = numbers.filter(|number| !self.taken.contains(number)).take(count);
        let mut free: Vec<Priority> = free.map(Priority::new).collect();
        free.reverse();
        free
    }

    /// The smallest free number behind a rule.
    pub(super) fn behind(&self, priority: Priority) -> Option<Priority> {
        let from = priority.number().saturating_add(1).max(Priority::FIRST.number());
        let mut numbers = from..=Priority::LAST.number();
        numbers.find(|number| !self.taken.contains(number)).map(Priority::new)
    }

    /// Numbers before the rule at `ceiling`, made by moving it and as many rules behind it as
    /// need be, all in their order.
    pub(super) fn by_moving(&self, ceiling: Priority, count: usize) -> Option<Room> {
        let mut numbers = self.free_before(ceiling, count);
        let missing = count.saturating_sub(numbers.len());
        let first = ceiling.number().max(Priority::FIRST.number());
        let mut next = first.saturating_add(u32::try_from(missing).ok()?);
        numbers.extend((first..next).map(Priority::new));
        let mut moves = Vec::new();
        let mut run: Vec<&SecurityRule> = self.standing_from(first);
        run.sort_by_key(|rule| rule.priority.known().copied());
        for rule in run {
            let number = rule.priority.known()?.number();
            if number >= next {
                break;
            }
            if next > Priority::LAST.number() {
                return None;
            }
            moves.push(self.moved(rule, Priority::new(next))?);
            next = next.saturating_add(1);
        }
        // The last moves first, so that each finds its new number free.
        moves.reverse();
        Some(Room { numbers, moves })
    }

    fn standing_from(&self, first: u32) -> Vec<&'a SecurityRule> {
        let here = self.group.rules.iter().filter(|rule| may_be(rule, self.direction));
        let is_from = |rule: &&SecurityRule| {
            rule.priority.known().is_some_and(|priority| priority.number() >= first)
        };
        here.filter(is_from).collect()
    }

    /// The rule at another number; `None` when no command could mean it.
    pub(super) fn moved(&self, rule: &SecurityRule, to: Priority) -> Option<Edit> {
        let after = SecurityRule { priority: to.into(), ..rule.clone() };
        self.can_be_named(rule).then(|| Edit::replace(rule, after))
    }

    /// Whether a command that names the rule means it and no other, and it is certainly there.
    pub(super) fn can_be_named(&self, rule: &SecurityRule) -> bool {
        let namesakes = self.group.rules.iter().filter(|one| one.name == rule.name);
        namesakes.count() == 1
            && rule.condition.is_none()
            && rule.priority.known().is_some()
            && rule.direction.known() == Some(&self.direction)
            && !is_expression(rule.name.as_str())
    }
}

fn may_be(rule: &SecurityRule, direction: Direction) -> bool {
    rule.direction.known().is_none_or(|one| *one == direction)
}

/// A name that no rule of the group has yet (S1.3): the wanted one, or one with a number.
pub(super) fn free_name(group: &SecurityGroup, wanted: &RuleName) -> RuleName {
    let is_free = |name: &RuleName| group.all_rules().all(|rule| rule.name != *name);
    let numbered = (2u32..).map(|number| RuleName::as_written(&format!("{wanted}{number}")));
    // The numbers do not run out before the rules do.
    let mut names = std::iter::once(wanted.clone()).chain(numbered);
    names.find(is_free).unwrap_or_else(|| wanted.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ResourceId;

    fn group(rules: &[&str]) -> SecurityGroup {
        let mut group = SecurityGroup::new(ResourceId::new("nsg"));
        group.rules = rules.iter().map(|text| text.parse().unwrap()).collect();
        group
    }

    fn numbers(priorities: &[Priority]) -> Vec<u32> {
        priorities.iter().map(|one| one.number()).collect()
    }

    /// S7.26: at most the deny's number less one, at least 100; numbers of the other direction
    /// do not count (S1.7).
    #[test]
    fn the_largest_free_numbers_are_taken() {
        let group = group(&[
            "1000 Deny deny inbound * *:* -> *:*",
            "999 Other allow inbound tcp *:* -> *:443",
            "998 Out allow outbound tcp *:* -> *:443",
        ]);
        let places = Places::new(&group, Direction::Inbound);
        let before = |ceiling, count| places.before(Priority::new(ceiling), count);
        assert_eq!(numbers(&before(1000, 1).unwrap()), [998]);
        assert_eq!(numbers(&before(1000, 2).unwrap()), [997, 998]);
        assert_eq!(numbers(&before(65500, 1).unwrap()), [4096]);
        assert_eq!(before(100, 1), None);
        assert_eq!(before(101, 2), None);
        assert_eq!(places.behind(Priority::new(998)), Some(Priority::new(1001)));
        assert_eq!(places.behind(Priority::LAST), None);
    }

    /// Makes room and gives back the numbers of it and the group as the moves leave it; no two
    /// rules ever share a number on the way.
    fn make(rules: &[&str], ceiling: u32, count: usize) -> Option<(Vec<u32>, Vec<String>)> {
        let mut group = group(rules);
        let places = Places::new(&group, Direction::Inbound);
        let room = places.by_moving(Priority::new(ceiling), count)?;
        for step in &room.moves {
            assert!(step.is_move() && step.apply(&mut group));
            let taken = Places::new(&group, Direction::Inbound).taken;
            assert_eq!(taken.len(), group.rules.len());
        }
        let mut left: Vec<_> = group
            .rules
            .iter()
            .map(|rule| format!("{} {}", rule.priority.known().unwrap(), rule.name))
            .collect();
        left.sort();
        Some((numbers(&room.numbers), left))
    }

    #[test]
    fn without_a_free_number_rules_move_up_in_order() {
        let rules = [
            "100 Deny deny inbound * *:* -> *:*",
            "101 Next allow inbound tcp *:* -> *:443",
            "103 Far allow inbound tcp *:* -> *:80",
        ];
        let (room, left) = make(&rules, 100, 1).unwrap();
        assert_eq!(room, [100]);
        assert_eq!(left, ["101 Deny", "102 Next", "103 Far"]);
        let (room, left) = make(&rules, 100, 2).unwrap();
        assert_eq!(room, [100, 101]);
        assert_eq!(left, ["102 Deny", "103 Next", "104 Far"]);
        // One of two numbers is there already.
        let (room, left) = make(&rules[1..], 101, 2).unwrap();
        assert_eq!(room, [100, 101]);
        assert_eq!(left, ["102 Next", "103 Far"]);
    }

    #[test]
    fn where_nothing_can_move_there_is_no_room() {
        let full: Vec<String> =
            (4090..=4096).map(|n| format!("{n} R{n} deny inbound * *:* -> *:*")).collect();
        let full: Vec<&str> = full.iter().map(String::as_str).collect();
        assert_eq!(make(&full, 4090, 1).map(|(room, _)| room), Some(vec![4089]));
        let group = group(&full);
        let places = Places::new(&group, Direction::Inbound);
        let taken = (100..4090).collect();
        let places = Places { taken, ..places };
        assert!(places.by_moving(Priority::new(4090), 1).is_none());
        // Two rules of one name: a command could mean either.
        let namesakes = ["100 A deny inbound * *:* -> *:*", "101 a deny inbound * *:* -> *:22"];
        assert!(make(&namesakes, 100, 1).is_none());
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        let group = group(&["100 Wanted deny outbound * *:* -> *:*"]);
        let free = |name: &str| free_name(&group, &RuleName::as_written(name)).to_string();
        assert_eq!(free("wanted"), "wanted2");
        assert_eq!(free("DenyAllInBound"), "DenyAllInBound2");
    }
}
