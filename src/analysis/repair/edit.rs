//! Single changes to the rules of a security group.

use std::fmt;

use crate::model::{SecurityGroup, SecurityRule};

/// A change that one command makes.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "rules come, change and go")]
pub enum Edit {
    /// A rule is added.
    Insert(SecurityRule),
    /// A rule of the group becomes another: at another number, or narrower.
    Replace {
        /// The rule as it stands in the group.
        before: Box<SecurityRule>,
        /// The rule that it becomes.
        after: Box<SecurityRule>,
    },
    /// A rule is taken out.
    Remove(SecurityRule),
}

impl Edit {
    /// The rule as it stands becomes the other.
    pub fn replace(before: &SecurityRule, after: SecurityRule) -> Self {
        Self::Replace { before: Box::new(before.clone()), after: Box::new(after) }
    }

    /// Makes the change. Returns whether it could be made: the rule that goes or changes must
    /// be in the group.
    #[must_use = "a rule that is not in the group cannot be changed"]
    pub fn apply(&self, group: &mut SecurityGroup) -> bool {
        let place = |group: &SecurityGroup, rule: &SecurityRule| {
            group.rules.iter().position(|one| one == rule)
        };
        match self {
            Self::Insert(rule) => group.rules.push(rule.clone()),
            Self::Replace { before, after } => {
                let found = group.rules.iter_mut().find(|rule| **rule == **before);
                let Some(found) = found else { return false };
                found.clone_from(after);
            }
            Self::Remove(rule) => {
                let Some(place) = place(group, rule) else { return false };
                group.rules.remove(place);
            }
        }
        true
    }

    /// The rule as the change leaves it; `None` when it is gone.
    pub fn rule(&self) -> Option<&SecurityRule> {
        match self {
            Self::Insert(rule) => Some(rule),
            Self::Replace { after, .. } => Some(after),
            Self::Remove(_) => None,
        }
    }

    /// Whether it does nothing but give a rule of the group another number.
    pub fn is_move(&self) -> bool {
        let Self::Replace { before, after } = self else { return false };
        let moved = SecurityRule { priority: after.priority.clone(), ..*before.clone() };
        before.priority != after.priority && moved == **after
    }
}

impl fmt::Display for Edit {
    /// For example `add 999 AllowSsh allow inbound tcp 10.0.1.0/26:* -> *:22`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |rule: &SecurityRule| match rule.priority.known() {
            Some(priority) => format!("{priority} {}", rule.name),
            None => rule.name.to_string(),
        };
        match self {
            Self::Insert(rule) => write!(f, "add {rule}"),
            Self::Replace { before, after } => match after.priority.known() {
                Some(priority) if self.is_move() => {
                    write!(f, "move {} to {priority}", short(before))
                }
                _ => write!(f, "narrow {} to {after}", short(before)),
            },
            Self::Remove(rule) => write!(f, "remove {}", short(rule)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ResourceId;

    fn rule(text: &str) -> SecurityRule {
        text.parse().unwrap()
    }

    #[test]
    fn changes_are_made_to_the_rule_that_is_meant_and_to_no_other() {
        let mut group = SecurityGroup::new(ResourceId::new("nsg"));
        let (one, two) =
            ("100 One deny inbound * *:* -> *:22", "110 Two deny inbound * *:* -> *:*");
        group.rules = vec![rule(one), rule(two)];
        let moved = Edit::replace(&rule(two), rule("120 Two deny inbound * *:* -> *:*"));
        assert!(moved.is_move() && moved.apply(&mut group));
        assert!(!moved.apply(&mut group), "it is not there any more");
        let narrowed = Edit::replace(&rule(one), rule("100 One deny inbound tcp *:* -> *:22"));
        assert!(!narrowed.is_move() && narrowed.apply(&mut group));
        assert!(Edit::Remove(rule("120 Two deny inbound * *:* -> *:*")).apply(&mut group));
        assert!(!Edit::Remove(rule(one)).apply(&mut group));
        assert!(Edit::Insert(rule(two)).apply(&mut group));
        let left: Vec<String> = group.rules.iter().map(ToString::to_string).collect();
        assert_eq!(left, ["100 One deny inbound tcp *:* -> *:22", two]);
    }
}
