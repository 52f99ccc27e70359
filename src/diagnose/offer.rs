//! What could be done about warnings: nothing that has to be, and tried out all the same.

use super::code::BastionCode;
use super::command;
use super::compliance::{self, Compliance, Requirement};
use super::legs::{Leg, LegName, legs};
use super::probe::Station;
use super::repair::{
    Action, Repair, RepairRule, free_name, insert, opened, required_rule, session_rule,
};
use super::report::Cause;
use super::scene::Scene;
use super::wording;
use crate::eval::Verdict;
use crate::model::{Access, AddressItem, Direction, Priority, SecurityRule, ServiceTag};
use crate::resolve::{Rule, RuleKind, Topology};

/// Adds to warnings what could be done about them.
pub(super) fn make_offers(
    scene: &Scene<'_>,
    legs_before: &[Leg],
    compliance: Option<&Compliance>,
    warnings: &mut [Cause],
) {
    offer_required_rules(scene, legs_before, compliance, warnings);
    for warning in warnings.iter_mut().filter(|one| one.code == BastionCode::OpenByDefault) {
        warning.offer = rule_pair(scene, legs_before, warning).map(Box::new);
    }
}

/// The rules that the group on AzureBastionSubnet lacks, tried out together.
fn offer_required_rules(
    scene: &Scene<'_>,
    legs_before: &[Leg],
    compliance: Option<&Compliance>,
    warnings: &mut [Cause],
) {
    let mut copy = scene.topology.network().clone();
    let mut offered = false;
    for warning in warnings.iter_mut().filter(|one| one.code == BastionCode::NotCompliant) {
        let Some(requirement) = Requirement::of_leg(warning.leg) else { continue };
        let is_denied = compliance.is_some_and(|compliance| {
            let mut all = compliance.requirements.iter();
            all.any(|one| one.id == requirement && one.denied_by.is_some())
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
        warning.offer = Some(Box::new(insert(group, rule, ceiling, &denier, leg.name)));
        offered = true;
    }
    if !offered {
        return;
    }
    let topology = Topology::new(copy, scene.topology.service_tags().clone());
    let Ok(repaired) = Scene::new(&topology, scene.question) else { return };
    let legs_after = legs(&repaired);
    let after = compliance::of_legs(&repaired, &legs_after);
    for warning in warnings.iter_mut() {
        let Some(offer) = &mut warning.offer else { continue };
        let is_met = after.as_ref().is_some_and(|after| {
            after.requirements.iter().any(|one| one.id.leg() == offer.leg && one.met)
        });
        let still_open = |leg: &&Leg| leg.name == offer.leg && leg.verdict() == Verdict::Allow;
        offer.proved = is_met && legs_after.iter().any(|leg| still_open(&leg));
    }
}

/// In place of AllowVnetInBound: a rule for Bastion alone, and behind every other rule one that
/// denies the rest of the tag.
fn rule_pair(scene: &Scene<'_>, legs_before: &[Leg], warning: &Cause) -> Option<Repair> {
    let leg = legs_before.iter().find(|leg| leg.name == LegName::BastionToVm)?;
    let station = leg.stations.iter().find(|one| Some(one.kind().to_string()) == warning.gate)?;
    let mut copy = scene.topology.network().clone();
    let group = copy.security_groups.iter_mut().find(|one| Some(&one.id) == station.group())?;
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
    let topology = Topology::new(copy, scene.topology.service_tags().clone());
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
        az,
        proved,
        leg: LegName::BastionToVm,
        also_needs: Vec::new(),
        list: None,
        note: Some("look at who else uses the machine before closing the rest".to_owned()),
    })
}
