//! Checks that need more than one resource.

use std::collections::{BTreeMap, BTreeSet};

use super::{Link, Network};
use crate::model::{Limits, ResourceId};
use crate::report::{AzureCode, Code, Finding, Location, Origin, Severity};

/// Reports what Azure would refuse about the network as a whole: rules whose application
/// security groups have members in several virtual networks (S1.45), and limits exceeded (S1.51).
pub fn validate_network(network: &Network, limits: &Limits, findings: &mut Vec<Finding>) {
    let members = Members::of(network);
    check_asgs_of_rules(network, &members, findings);
    check_limits(network, &members, limits, findings);
}

/// Who is in which application security group.
#[derive(Default)]
struct Members<'a> {
    /// The virtual networks of the members.
    networks: BTreeMap<&'a ResourceId, BTreeSet<ResourceId>>,
    /// How many IP configurations are members.
    counts: BTreeMap<&'a ResourceId, usize>,
}

impl<'a> Members<'a> {
    fn of(network: &'a Network) -> Self {
        let mut members = Self::default();
        for interface in &network.network_interfaces {
            for configuration in &interface.ip_configurations {
                let subnet = configuration.subnet.as_ref().and_then(Link::known);
                let groups = &configuration.application_security_groups;
                for group in groups.iter().filter_map(Link::known) {
                    let count = members.counts.entry(group).or_default();
                    *count = count.saturating_add(1);
                    let network = subnet.and_then(ResourceId::parent);
                    members.networks.entry(group).or_default().extend(network);
                }
            }
        }
        members
    }
}

/// E8.
fn check_asgs_of_rules(network: &Network, members: &Members<'_>, findings: &mut Vec<Finding>) {
    if members.networks.is_empty() {
        return;
    }
    for rule in network.security_groups.iter().flat_map(|group| &group.rules) {
        let networks: BTreeSet<&ResourceId> = rule
            .source
            .asgs()
            .chain(rule.destination.asgs())
            .filter_map(|group| members.networks.get(group))
            .flatten()
            .collect();
        if networks.len() > 1 {
            let names: Vec<String> = networks.iter().map(|id| format!("`{}`", id.name())).collect();
            let message = format!(
                "all application security groups in security rule `{}` must be from the same \
                 virtual network: their members are in {}",
                rule.name,
                names.join(", "),
            );
            let code = AzureCode::AllApplicationSecurityGroupsInSecurityRuleMustBeFromSameVnet;
            findings.push(Finding::new(Severity::Error, code, place(&rule.origin), message));
        }
    }
}

fn check_limits(
    network: &Network,
    members: &Members<'_>,
    limits: &Limits,
    findings: &mut Vec<Finding>,
) {
    let mut check = |at: Location, count: usize, limit: usize, what: &str| {
        if count > limit {
            let message = format!("{count} {what} exceed Azure's limit of {limit}");
            let (severity, code) = (Severity::Warning, Code::LimitExceeded);
            findings.push(Finding::new(severity, code, at, message));
        }
    };
    let groups = network.security_groups.iter().map(|group| (&group.id, &group.region));
    let what = "security groups in one region of a subscription";
    check(Location::default(), most_in_one_region(groups), limits.groups_per_region, what);
    let groups = network.application_security_groups.iter();
    let groups = groups.map(|group| (&group.id, &group.region));
    let what = "application security groups in one region of a subscription";
    check(Location::default(), most_in_one_region(groups), limits.asgs_per_region, what);
    for (group, count) in &members.counts {
        let what = format!("IP configurations in the application security group `{group}`");
        check(Location::default(), *count, limits.ip_configurations_per_asg, &what);
    }
    for interface in &network.network_interfaces {
        for configuration in &interface.ip_configurations {
            let count = configuration.application_security_groups.len();
            let what = "application security groups of one IP configuration";
            check(place(&interface.origin), count, limits.asgs_per_ip_configuration, what);
        }
    }
}

fn most_in_one_region<'a>(
    resources: impl Iterator<Item = (&'a ResourceId, &'a Option<String>)>,
) -> usize {
    let mut counts: BTreeMap<(Option<&str>, Option<&str>), usize> = BTreeMap::new();
    for (id, region) in resources {
        let count = counts.entry((id.subscription(), region.as_deref())).or_default();
        *count = count.saturating_add(1);
    }
    counts.into_values().max().unwrap_or_default()
}

fn place(origin: &Origin) -> Location {
    origin.location().cloned().unwrap_or_default()
}
