//! What one rule by itself shows in its protocol, ports and addresses.

use std::collections::{BTreeMap, BTreeSet};

use super::at::At;
use super::{Lint, LintCode};
use crate::model::{Direction, PortSpec, RuleName, SecurityGroup};
use crate::net::Protocol;
use crate::report::Severity;
use crate::resolve::{Effect, Rule, Side, Unresolved};

pub(super) fn lints(at: &At<'_>) -> Vec<Lint> {
    let of_rule = |(_, rule)| any_any(at, rule).into_iter().chain(ports(at, rule));
    at.custom().flat_map(of_rule).collect()
}

fn any_any(at: &At<'_>, rule: &Rule) -> Option<Lint> {
    let is_any = rule.effect == Some(Effect::Allow)
        && rule.protocols.known.is_full()
        && !restricts_ports(rule);
    let both = |is_full: fn(&Side) -> bool| is_full(&rule.source) && is_full(&rule.destination);
    let ipv4 = both(|side| side.known.ipv4().is_full());
    let ipv6 = both(|side| side.known.ipv6().is_full());
    let message = match (ipv4, ipv6) {
        _ if !is_any => return None,
        (true, true) => "it allows everything from everywhere to everywhere",
        (true, false) => "it allows all of IPv4 from everywhere to everywhere",
        (false, true) => "it allows all of IPv6 from everywhere to everywhere",
        (false, false) => return None,
    };
    let severity = match at.direction {
        Direction::Inbound => Severity::Warning,
        Direction::Outbound => Severity::Note,
    };
    Some(at.lint(LintCode::AnyAnyAllow, severity, rule, message))
}

fn ports(at: &At<'_>, rule: &Rule) -> Option<Lint> {
    if !restricts_ports(rule) {
        return None;
    }
    let only = |has: fn(Protocol) -> bool| {
        let known = &rule.protocols.known;
        rule.protocols.unknown.is_empty() && !known.is_empty() && known.iter().all(has)
    };
    let every_port = || {
        at.rewriting(rule, "match every port", |rule| {
            (rule.source_ports, rule.destination_ports) = (PortSpec::any(), PortSpec::any());
        })
    };
    let (code, severity, message, fix) = if rule.is_icmp() {
        let message = "ICMP has no ports: destination ports are compared with the ICMP type, source ports with nothing";
        (LintCode::IcmpRuleWithPorts, Severity::Warning, message.to_owned(), every_port())
    } else if only(|one| !one.has_ports() && !one.is_icmp()) {
        let message = "its protocol has no ports: it matches nothing";
        (LintCode::PortlessProtocolWithPorts, Severity::Warning, message.to_owned(), every_port())
    } else if !rule.source_ports.known.is_full() && rule.source_ports.unknown.is_empty() {
        let ports = &rule.source_ports.known;
        let message = if rule.destination_ports.known.is_full() {
            format!("it matches source ports {ports} only, and every destination port")
        } else {
            format!("it matches source ports {ports} only")
        };
        let fix = at.rewriting(rule, "match every source port", |rule| {
            rule.source_ports = PortSpec::any();
        });
        (LintCode::SourcePortRestricted, Severity::Note, message, fix)
    } else {
        return None;
    };
    Some(Lint { fix, ..at.lint(code, severity, rule, message) })
}

fn restricts_ports(rule: &Rule) -> bool {
    !(rule.source_ports.known.is_full() && rule.destination_ports.known.is_full())
}

/// What is not known about the user's rules of a group, each thing once with the rules that name
/// it.
pub(super) fn unresolved<'a>(
    group: &SecurityGroup,
    lists: impl Iterator<Item = &'a At<'a>> + Clone,
) -> Vec<Lint> {
    let mut named: BTreeMap<&Unresolved, Named<'_>> = BTreeMap::new();
    let mut order: Vec<&Unresolved> = Vec::new();
    for (_, rule) in lists.flat_map(At::custom) {
        for unresolved in rule.unresolved() {
            let named = named.entry(unresolved).or_insert_with(|| {
                order.push(unresolved);
                Named { first: rule, names: BTreeSet::new() }
            });
            named.names.insert(&rule.name);
        }
    }
    let found = order.into_iter().filter_map(|unresolved| {
        let Named { first, names } = named.get(unresolved)?;
        let names = match names.len().saturating_sub(1) {
            0 => first.qualified_name(),
            1 => format!("{} and one more rule", first.qualified_name()),
            more => format!("{} and {more} more rules", first.qualified_name()),
        };
        let message = format!("not known: {unresolved}; named by {names}");
        let lint = Lint::new(LintCode::UnresolvedName, Severity::Note, &group.id, message);
        Some(Lint {
            group: Some(group.id.clone()),
            rule: Some(first.qualified_name()),
            ..lint.at(first.origin.location())
        })
    });
    found.collect()
}

/// The rules that name something.
struct Named<'a> {
    first: &'a Rule,
    /// All of them: a rule whose direction is unknown stands in both lists.
    names: BTreeSet<&'a RuleName>,
}
