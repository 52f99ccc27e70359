//! Application security groups in rules and at interfaces.

use std::collections::BTreeSet;

use super::at::At;
use super::{Lint, LintCode};
use crate::model::ResourceId;
use crate::network::{IpConfiguration, NetworkInterface};
use crate::report::Severity;
use crate::resolve::Topology;

/// Groups without members that rules name (S1.48).
pub(super) fn empty(at: &At<'_>) -> Vec<Lint> {
    let mut found = Vec::new();
    for (_, rule) in at.custom() {
        let Some(written) = at.written(rule) else { continue };
        let is_empty =
            |id: &&ResourceId| at.names.group(id).is_some_and(|addresses| addresses.is_empty());
        let names: BTreeSet<&str> = written
            .source
            .asgs()
            .chain(written.destination.asgs())
            .filter(is_empty)
            .map(ResourceId::name)
            .collect();
        for name in names {
            let message =
                format!("no network interface of the input is in `{name}`, which it names");
            found.push(at.lint(LintCode::EmptyAsgInRule, Severity::Warning, rule, message));
        }
    }
    found
}

/// Interfaces whose IP configurations are in different groups (S1.47).
pub(super) fn differing(topology: &Topology) -> Vec<Lint> {
    topology.network().network_interfaces.iter().filter_map(differs).collect()
}

fn differs(interface: &NetworkInterface) -> Option<Lint> {
    let groups = |one: &IpConfiguration| -> Option<BTreeSet<String>> {
        let links = one.application_security_groups.iter();
        links.map(|link| Some(link.known()?.as_str().to_ascii_lowercase())).collect()
    };
    let mut all = interface.ip_configurations.iter();
    let first = all.next()?;
    let other = all.find(|one| {
        groups(one).zip(groups(first)).is_some_and(|(others, firsts)| others != firsts)
    })?;
    let message = format!(
        "`{}` and `{}` are in different application security groups",
        first.name, other.name
    );
    let code = LintCode::AsgsDifferWithinInterface;
    let lint = Lint::new(code, Severity::Note, &interface.id, message);
    Some(lint.at(interface.origin.location()))
}
