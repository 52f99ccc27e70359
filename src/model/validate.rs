//! Checks of a security group as a whole; single rules are checked where they are read.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{
    AddressItem, AddressSpec, Direction, Limits, Priority, ResourceId, RuleName, SecurityGroup,
    SecurityRule, default_rules, is_expression,
};
use crate::report::{AzureCode, Code, Finding, Location, Severity};

/// Reports what Azure would refuse about the group as a whole: names used twice (S1.3),
/// priorities used twice in one direction (S1.7) and limits exceeded (S1.51); and default rules
/// other than Azure's six (S2.5).
pub fn validate_group(group: &SecurityGroup, limits: &Limits, findings: &mut Vec<Finding>) {
    check_names(group, findings);
    check_priorities(group, findings);
    check_default_rules(group, findings);
    check_limits(group, limits, findings);
}

fn place(rule: &SecurityRule) -> Location {
    rule.origin.location().cloned().unwrap_or_default()
}

fn check_names(group: &SecurityGroup, findings: &mut Vec<Finding>) {
    let mut seen: HashSet<&RuleName> = HashSet::new();
    for rule in group.rules.iter().filter(|rule| is_certain(rule)) {
        if !seen.insert(&rule.name) {
            let message =
                format!("the name `{}` is used by two rules of `{}`", rule.name, group.name());
            let (severity, code) = (Severity::Error, Code::DuplicateRuleName);
            findings.push(Finding::new(severity, code, place(rule), message));
        }
    }
}

/// Rules under conditions may exclude each other, and one expression may mean several names.
fn is_certain(rule: &SecurityRule) -> bool {
    rule.condition.is_none() && !is_expression(rule.name.as_str())
}

fn check_priorities(group: &SecurityGroup, findings: &mut Vec<Finding>) {
    let mut first: BTreeMap<(Direction, Priority), &SecurityRule> = BTreeMap::new();
    for rule in group.rules.iter().filter(|rule| is_certain(rule)) {
        let (Some(direction), Some(priority)) = (rule.direction.known(), rule.priority.known())
        else {
            continue;
        };
        let holder = *first.entry((*direction, *priority)).or_insert(rule);
        if !std::ptr::eq(holder, rule) {
            // E3, as Azure words it.
            let message = format!(
                "security rule `{}` conflicts with rule `{}`. Rules cannot have the same Priority \
                 and Direction: both are {direction} at {priority}",
                rule.name, holder.name,
            );
            let code = AzureCode::SecurityRuleConflict;
            findings.push(Finding::new(Severity::Error, code, place(rule), message));
        }
    }
}

fn check_default_rules(group: &SecurityGroup, findings: &mut Vec<Finding>) {
    let at = || group.origin.location().cloned().unwrap_or_default();
    let mut deviates = |at: Location, message: String| {
        let (severity, code) = (Severity::Warning, Code::DefaultRuleDeviation);
        findings.push(Finding::new(severity, code, at, message));
    };
    let expected = default_rules();
    for expected in &expected {
        let name = &expected.name;
        match group.default_rules.iter().find(|rule| is_called(rule, expected)) {
            None => deviates(at(), format!("the default rule `{name}` is missing")),
            Some(rule) if !does_the_same(rule, expected) => {
                deviates(place(rule), format!("the default rule `{name}` is not Azure's"));
            }
            Some(_) => {}
        }
    }
    for rule in &group.default_rules {
        if !expected.iter().any(|expected| is_called(rule, expected)) {
            let message = format!("`{}` is not the name of a default rule", rule.name);
            deviates(place(rule), message);
        }
    }
}

/// Whether the rule bears the name of that default rule, today's or that of older tools (S2.6).
fn is_called(rule: &SecurityRule, expected: &SecurityRule) -> bool {
    const ALIASES: [(&str, &str); 2] = [
        ("DefaultInboundDenyAll", "DenyAllInBound"),
        ("DefaultOutboundDenyAll", "DenyAllOutBound"),
    ];
    rule.name == expected.name
        || ALIASES.iter().any(|(alias, name)| {
            rule.name == RuleName::as_written(alias) && expected.name == RuleName::as_written(name)
        })
}

/// Whether two rules are the same but for their names and descriptions.
fn does_the_same(a: &SecurityRule, b: &SecurityRule) -> bool {
    a.priority == b.priority
        && a.direction == b.direction
        && a.access == b.access
        && a.protocol == b.protocol
        && (&a.source, &a.source_ports) == (&b.source, &b.source_ports)
        && (&a.destination, &a.destination_ports) == (&b.destination, &b.destination_ports)
}

fn check_limits(group: &SecurityGroup, limits: &Limits, findings: &mut Vec<Finding>) {
    let at = || group.origin.location().cloned().unwrap_or_default();
    let mut check = |at: Location, count: usize, limit: usize, what: &str| {
        if count > limit {
            let message = format!("{count} {what} exceed Azure's limit of {limit}");
            let (severity, code) = (Severity::Warning, Code::LimitExceeded);
            findings.push(Finding::new(severity, code, at, message));
        }
    };
    check(at(), group.rules.len(), limits.rules_per_group, "rules in one group");
    let addresses = |side: fn(&SecurityRule) -> &AddressSpec| {
        group.rules.iter().map(|rule| address_count(side(rule))).sum::<usize>()
    };
    let sources = addresses(|rule| &rule.source);
    let destinations = addresses(|rule| &rule.destination);
    check(at(), sources, limits.addresses_per_group, "source addresses in the rules of one group");
    check(
        at(),
        destinations,
        limits.addresses_per_group,
        "destination addresses in the rules of one group",
    );
    let mut all: BTreeSet<&ResourceId> = BTreeSet::new();
    for rule in &group.rules {
        for side in [&rule.source, &rule.destination] {
            let count = side.asgs().count();
            let what = "application security groups on one side of a rule";
            check(place(rule), count, limits.asgs_per_side, what);
            all.extend(side.asgs());
        }
    }
    let what = "application security groups in the rules of one group";
    check(at(), all.len(), limits.asgs_per_group, what);
}

fn address_count(side: &AddressSpec) -> usize {
    let is_address = |item: &&AddressItem| {
        matches!(item, AddressItem::Prefix(_) | AddressItem::Range(..) | AddressItem::Unknown(_))
    };
    side.items.iter().filter(is_address).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Access;

    fn group(rules: &[(&str, u32, Direction)]) -> SecurityGroup {
        let mut group = SecurityGroup::new(ResourceId::new("/x/networkSecurityGroups/web"));
        group.rules = rules
            .iter()
            .map(|(name, priority, direction)| {
                let (name, priority) = (RuleName::as_written(name), Priority::new(*priority));
                SecurityRule::new(name, priority, *direction, Access::Allow)
            })
            .collect();
        group
    }

    fn codes(group: &SecurityGroup, limits: &Limits) -> Vec<Code> {
        let mut findings = Vec::new();
        validate_group(group, limits, &mut findings);
        findings.iter().map(|finding| finding.code).collect()
    }

    /// S1.7, T23: priorities are unique per direction, not over the group.
    #[test]
    fn a_priority_may_be_used_once_per_direction() {
        use Direction::{Inbound, Outbound};
        let fine = group(&[("a", 100, Inbound), ("b", 100, Outbound), ("c", 101, Inbound)]);
        assert_eq!(codes(&fine, &Limits::azure()), []);
        let tied = group(&[("a", 100, Inbound), ("b", 100, Inbound), ("c", 100, Inbound)]);
        let conflict = Code::Azure(AzureCode::SecurityRuleConflict);
        assert_eq!(codes(&tied, &Limits::azure()), [conflict, conflict]);
    }

    /// S1.3, S1.4: over both directions, in any case; the names of default rules are free.
    #[test]
    fn a_name_may_be_used_once_per_group() {
        use Direction::{Inbound, Outbound};
        let twice = group(&[("Web", 100, Inbound), ("web", 100, Outbound)]);
        assert_eq!(codes(&twice, &Limits::azure()), [Code::DuplicateRuleName]);
        let like_default = group(&[("DenyAllInBound", 4000, Inbound)]);
        assert_eq!(codes(&like_default, &Limits::azure()), []);
    }

    /// S2.5, S2.6.
    #[test]
    fn default_rules_other_than_azures_are_reported() {
        let mut odd = group(&[]);
        odd.default_rules[2].name = RuleName::as_written("DefaultInboundDenyAll");
        odd.default_rules[2].description = None;
        assert_eq!(codes(&odd, &Limits::azure()), []);
        odd.default_rules[2].access = Access::Allow.into();
        assert_eq!(codes(&odd, &Limits::azure()), [Code::DefaultRuleDeviation]);
        odd.default_rules[0].name = RuleName::as_written("Another");
        assert_eq!(codes(&odd, &Limits::azure()), [Code::DefaultRuleDeviation; 3]);
    }

    /// S1.51.
    #[test]
    fn limits_are_data() {
        let mut limits = Limits::azure();
        let mut full = group(&[("a", 100, Direction::Inbound)]);
        let asg = |name: &str| AddressItem::Asg(ResourceId::new(name));
        full.rules[0].source = [asg("a"), asg("A"), asg("b")].into_iter().collect();
        assert_eq!(codes(&full, &limits), []);
        limits.rules_per_group = 0;
        limits.asgs_per_side = 2;
        limits.asgs_per_group = 1;
        assert_eq!(codes(&full, &limits), [Code::LimitExceeded; 3]);
        let prefix = |text: &str| AddressItem::Prefix(text.parse().unwrap());
        full.rules[0].source = [prefix("10.0.0.0/8"), prefix("11.0.0.0/8")].into_iter().collect();
        limits = Limits::azure();
        limits.addresses_per_group = 1;
        assert_eq!(codes(&full, &limits), [Code::LimitExceeded]);
    }
}
