//! What could be done about warnings: nothing that has to be, and tried out all the same.

use super::code::BastionCode;
use super::command;
use super::compliance::{self, Compliance, Requirement};
use super::legs::{Leg, LegName, legs};
use super::probe::Station;
use super::repair::{
    Action, Repair, RepairRule, Wanted, free_name, opened, required_rule, session_rule,
};
use super::report::Cause;
use super::scene::Scene;
use super::wording;
use crate::eval::Verdict;
use crate::model::{
    Access, AddressItem, Direction, Priority, ResourceId, SecurityRule, ServiceTag,
};
use crate::network::Network;
use crate::path::GateKind;
use crate::resolve::{Rule, RuleKind, Topology};

/// Adds to warnings what could be done about them. Made in `copy`, behind the repairs and one
/// behind the other, so that all of one answer can be made together.
pub(super) fn make_offers(
    scene: &Scene<'_>,
    legs_before: &[Leg],
    compliance: Option<&Compliance>,
    warnings: &mut [Cause],
    copy: &mut Network,
) {
    // The pairs go first: they take the last numbers, so that they stand behind all others.
    let mut done: Vec<ResourceId> = Vec::new();
    for warning in warnings.iter_mut().filter(|one| one.code == BastionCode::OpenByDefault) {
        let Some(station) = session_station(legs_before, warning) else { continue };
        let Some(group) = station.group().filter(|group| !done.contains(group)) else { continue };
        done.push(group.clone());
        warning.offer = rule_pair(scene, group, copy).map(Box::new);
    }
    offer_required_rules(scene, legs_before, compliance, warnings, copy);
}

/// The gate of the session that a warning is about.
fn session_station<'a>(legs: &'a [Leg], warning: &Cause) -> Option<&'a Station> {
    let leg = legs.iter().find(|leg| leg.name == LegName::BastionToVm)?;
    leg.stations.iter().find(|one| {
        Some(one.kind().to_string()) == warning.gate && one.direction() == Direction::Inbound
    })
}

/// The rules that the group on AzureBastionSubnet lacks, tried out together.
fn offer_required_rules(
    scene: &Scene<'_>,
    legs_before: &[Leg],
    compliance: Option<&Compliance>,
    warnings: &mut [Cause],
    copy: &mut Network,
) {
    let mut offered = false;
    for warning in warnings.iter_mut().filter(|one| one.code == BastionCode::NotCompliant) {
        let Some(requirement) = Requirement::of_leg(warning.leg) else { continue };
        let is_denied = compliance.is_some_and(|compliance| {
            let mut all = compliance.requirements.iter();
            all.any(|one| {
                one.id == requirement && (one.denied_by.is_some() || one.may_be_denied_by.is_some())
            })
        });
        let Some(leg) = legs_before.iter().find(|leg| leg.name == warning.leg) else { continue };
        let station = leg.stations.iter().find(|one| one.direction() == requirement.direction());
        let Some(station) = station.filter(|_| !is_denied) else { continue };
        let group = station
            .group()
            .and_then(|id| copy.security_groups.iter_mut().find(|group| group.id == *id));
        let Some(group) = group else { continue };
        let mut rule = required_rule(scene, requirement, station);
        rule.name = free_name(group, rule.name.as_str());
        let first_deny = station
            .rules()
            .iter()
            .filter(|rule| rule.kind == RuleKind::Custom && !wording::allows(rule))
            .filter_map(|rule| Some((rule.priority?.number(), rule.name.to_string())))
            .min();
        let (ceiling, denier) = first_deny.unwrap_or((u32::MAX, String::new()));
        let wanted = Wanted { rule, ceiling, denier: &denier, must_be_rule: true, leg: leg.name };
        warning.offer = Some(Box::new(wanted.make_in(group, station.names())));
        offered = true;
    }
    if !offered {
        return;
    }
    let topology = Topology::new(copy.clone(), scene.topology.service_tags().clone());
    let Ok(repaired) = Scene::new(&topology, scene.question) else { return };
    let legs_after = legs(&repaired);
    let after = compliance::of_legs(&repaired, &legs_after);
    for warning in warnings.iter_mut().filter(|one| one.code == BastionCode::NotCompliant) {
        let Some(offer) = &mut warning.offer else { continue };
        let is_met = after.as_ref().is_some_and(|after| {
            after.requirements.iter().any(|one| one.id.leg() == offer.leg && one.met)
        });
        // Its own gate lets through what it is for; other gates have causes of their own.
        let is_open = legs_after.iter().filter(|leg| leg.name == offer.leg).all(|leg| {
            leg.all_stops()
                .filter(|(station, _)| station.kind() == offer_gate(offer.direction))
                .filter(|(station, _)| station.group().is_some_and(|id| id.name() == offer.nsg))
                .all(|(_, stop)| stop.verdict == Verdict::Allow)
        });
        offer.proved = is_met && is_open;
    }
}

/// The gate on Bastion's subnet in this direction.
fn offer_gate(direction: Direction) -> GateKind {
    match direction {
        Direction::Inbound => GateKind::SubnetInbound,
        Direction::Outbound => GateKind::SubnetOutbound,
    }
}

/// In place of AllowVnetInBound: a rule for Bastion alone, and behind every other rule one that
/// denies the rest of the tag.
fn rule_pair(scene: &Scene<'_>, group: &ResourceId, copy: &mut Network) -> Option<Repair> {
    let group = copy.security_groups.iter_mut().find(|one| one.id == *group)?;
    let last = group
        .rules
        .iter()
        .filter(|rule| rule.direction.known().is_none_or(|one| *one == Direction::Inbound))
        .filter_map(|rule| rule.priority.known())
        .max();
    let deny_at = Priority::LAST;
    let allow_at = Priority::new(deny_at.number().saturating_sub(1));
    if last.is_some_and(|last| *last >= allow_at) {
        return None;
    }
    let mut allow = session_rule(scene);
    allow.name = free_name(group, allow.name.as_str());
    allow.priority = allow_at.into();
    let deny_name = free_name(group, "DenyVnetInboundToThisVm");
    let mut deny = SecurityRule::new(deny_name, deny_at, Direction::Inbound, Access::Deny);
    deny.source = AddressItem::from(ServiceTag::virtual_network()).into();
    deny.destination = allow.destination.clone();
    group.rules.extend([allow.clone(), deny.clone()]);
    let id = group.id.clone();
    let az = [command::create_rule(&id, &allow), command::create_rule(&id, &deny)].join("\n");
    let topology = Topology::new(copy.clone(), scene.topology.service_tags().clone());
    let repaired = Scene::new(&topology, scene.question).ok()?;
    let legs_after = legs(&repaired);
    let after = legs_after.iter().find(|leg| leg.name == LegName::BastionToVm)?;
    let is_by_new_rule = |station: &Station, rule: Option<&Rule>| {
        station.group() != Some(&id) || rule.is_some_and(|rule| rule.name == allow.name)
    };
    let proved = after.verdict() == Verdict::Allow
        && after
            .stops()
            .filter(|(station, _)| station.direction() == Direction::Inbound)
            .all(|(station, stop)| is_by_new_rule(station, stop.rule(station)));
    Some(Repair {
        nsg: id.name().to_owned(),
        action: Action::InsertRulePair,
        opens: opened(&allow),
        closes: format!(
            "everything else to {} that only AllowVnetInBound lets in from VirtualNetwork, load-balancer probes from 168.63.129.16 included",
            scene.address_text()
        ),
        rule: Some(RepairRule::Security(allow)),
        and_rule: Some(RepairRule::Security(deny)),
        changes: None,
        az,
        moves: Vec::new(),
        others: Vec::new(),
        proved,
        leg: LegName::BastionToVm,
        also_needs: Vec::new(),
        list: None,
        direction: Direction::Inbound,
        note: Some("look at who else uses the machine before closing the rest".to_owned()),
    })
}
