//! Services of the platform that a group cuts off: name resolution, instance metadata and
//! licensing (S5.9), and the probes of load balancers (S5.6).

use std::net::{IpAddr, Ipv4Addr};

use super::at::At;
use super::{Fix, Lint, LintCode};
use crate::analysis::repair::Edit;
use crate::analysis::{Gates, Judgement, always_allows, effective};
use crate::diagnose::repair::free_name;
use crate::model::{
    Access, AddressItem, Direction, Priority, ProtocolSpec, SecurityRule, ServiceTag,
};
use crate::net::{AddressSet, Interval, PortSet, Protocol, ProtocolSet};
use crate::report::Severity;
use crate::resolve::{Effect, Fallback, Rule, Ruleset, Side};
use crate::space::{HeaderSpace, LimitExceeded, Region};

/// The host virtual address, which answers DNS (S5.2).
const HOST: IpAddr = IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16));
/// Where instance metadata is (S5.3).
const METADATA: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));

pub(super) fn lints(at: &At<'_>) -> Vec<Lint> {
    match at.direction {
        Direction::Inbound => probe(at).into_iter().collect(),
        Direction::Outbound => ["AzurePlatformDNS", "AzurePlatformIMDS", "AzurePlatformLKM"]
            .iter()
            .flat_map(|name| match cut_off(at, &ServiceTag::new(name)) {
                Ok(found) => found,
                Err(exceeded) => vec![at.stopped(&exceeded)],
            })
            .collect(),
    }
}

/// The denies by a platform tag that take effect: of all rules only those that name the tag are
/// asked about the service.
fn cut_off(at: &At<'_>, tag: &ServiceTag) -> Result<Vec<Lint>, LimitExceeded> {
    let naming: Vec<Rule> = at
        .custom()
        .filter(|(_, rule)| rule.destination.tags.contains(tag))
        .map(|(_, rule)| Rule { destination: Side::known(AddressSet::full()), ..rule.clone() })
        .collect();
    if naming.iter().all(|rule| rule.effect != Some(Effect::Deny)) {
        return Ok(Vec::new());
    }
    let list = Ruleset::new(at.direction, naming, Fallback::Pass);
    let service = HeaderSpace::of_region(&service(at, tag));
    let mut found = Vec::new();
    for (index, rule) in list.rules().iter().enumerate() {
        if rule.effect != Some(Effect::Deny) {
            continue;
        }
        let denied =
            effective(&list, index, at.limits)?.certain.intersection(&service, at.limits)?;
        if let Some(witness) = denied.witness() {
            let message = format!("it cuts machines off from what `{tag}` stands for");
            let lint = at.lint(LintCode::PlatformServiceDenied, Severity::Warning, rule, message);
            found.push(Lint { witness: Some(witness), ..lint });
        }
    }
    Ok(found)
}

/// The traffic that a platform tag is about.
fn service(at: &At<'_>, tag: &ServiceTag) -> Region {
    let tcp = ProtocolSet::from(Protocol::TCP);
    let (protocols, destination, port) = if tag.is("AzurePlatformDNS") {
        (tcp.union(&Protocol::UDP.into()), AddressSet::from(HOST), 53)
    } else if tag.is("AzurePlatformIMDS") {
        (tcp, AddressSet::from(METADATA), 80)
    } else {
        (tcp, at.topology.licensing_addresses().as_ref().clone(), 1688)
    };
    Region {
        protocols,
        source: at.own_addresses(),
        destination,
        destination_ports: PortSet::from(port),
        ..Region::full()
    }
}

/// Whether a rule of the user's denies the probes of a load balancer.
fn probe(at: &At<'_>) -> Option<Lint> {
    let tag = ServiceTag::azure_load_balancer();
    let source = at.names.tag(&tag)?.as_ref().clone();
    let asked = [Region {
        protocols: Protocol::TCP.into(),
        source,
        destination: at.own_addresses(),
        destination_ports: PortSet::from(Interval::new(1, u16::MAX)?),
        ..Region::full()
    }];
    let example = match always_allows(&Gates::from(at.ruleset.as_ref()), &asked, at.limits) {
        Ok(Judgement::Fails(example)) => example,
        Ok(Judgement::Holds | Judgement::Unknown(_)) => return None,
        Err(exceeded) => return Some(at.stopped(&exceeded)),
    };
    let reason = example.reasons.first().filter(|one| one.access == Some(Access::Deny))?;
    // Without the default rules nothing allows the probes in the first place.
    let rule = at.custom_rule(reason.rule.as_ref()?.index)?;
    let message = "it denies traffic of Azure's load balancer, its health probes among it";
    let lint = at.lint(LintCode::ProbeBlocked, Severity::Note, rule, message);
    Some(Lint { witness: Some(example.flow), fix: allow_probes(at, rule, &tag, &asked), ..lint })
}

/// A rule before the one that denies, if that opens all of them.
fn allow_probes(at: &At<'_>, deny: &Rule, tag: &ServiceTag, asked: &[Region]) -> Option<Box<Fix>> {
    let name = free_name(at.group, "AllowAzureLoadBalancerProbes");
    let priority = at.free_number_before(deny.priority?)?;
    let mut rule = SecurityRule::new(name, priority, at.direction, Access::Allow);
    rule.protocol = ProtocolSpec::One(Protocol::TCP).into();
    rule.source = AddressItem::from(tag.clone()).into();
    let edit = Edit::Insert(rule);
    let mut after = at.group.clone();
    if !edit.apply(&mut after) {
        return None;
    }
    let after = Ruleset::of_group(&after, at.direction, &at.names);
    let opens_all = always_allows(&Gates::from(&after), asked, at.limits).ok()?.holds();
    if !opens_all {
        return None;
    }
    at.fix(format!("allow the probes at priority {}", Priority::number(priority)), vec![edit])
}
