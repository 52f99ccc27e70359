//! From denied legs to causes: every gate that denies, and what explains why it does.

use super::code::BastionCode as Code;
use super::compliance::{Compliance, Requirement};
use super::legs::{Check, Leg, LegName};
use super::near_miss::{Field, difference, is_aimed};
use super::probe::{Station, Stop, custom_allows};
use super::report::Cause;
use super::scene::Scene;
use super::wording;
use crate::eval::{FieldMatches, Match, Verdict};
use crate::model::{Direction, ResourceId, ServiceTag};
use crate::net::AddressSet;
use crate::path::GateKind;
use crate::resolve::{Effect, Names, Rule, RuleKind, Ruleset};

/// The causes of everything that is certainly denied, in the order of the catalogue's legs.
pub(super) fn blockers(
    scene: &Scene<'_>,
    legs: &[Leg],
    compliance: Option<&Compliance>,
) -> Vec<Cause> {
    let mut causes = Vec::new();
    for leg in legs {
        let Some(check) = leg.decisive() else { continue };
        for (station, stop) in leg.denying() {
            let at = At { scene, leg: leg.name, check, station, stop };
            if is_bastion_side(leg.name, station) {
                causes.extend(at.bastion_side(compliance));
            } else {
                causes.extend(at.machine_side());
            }
        }
        causes.extend(both_levels(leg));
        causes.extend(wrong_direction(scene, leg));
    }
    causes
}

/// Whether the gate is on Bastion's own subnet.
fn is_bastion_side(leg: LegName, station: &Station) -> bool {
    leg != LegName::BastionToVm || station.direction() == Direction::Outbound
}

/// A gate that denies.
struct At<'a> {
    scene: &'a Scene<'a>,
    leg: LegName,
    check: &'a Check,
    station: &'a Station,
    stop: &'a Stop,
}

impl<'a> At<'a> {
    fn cause(&self, code: Code, rule: Option<&Rule>, message: String) -> Cause {
        cause(code, self.leg, Some(self.station), rule, message)
    }

    /// The rules that deny, each with the sources it denies.
    fn deniers(&self) -> Vec<(usize, &'a Rule, &'a AddressSet)> {
        let rules = self.station.rules();
        let of =
            |(index, sources): &'a (usize, AddressSet)| Some((*index, rules.get(*index)?, sources));
        self.stop.denials.iter().filter_map(of).collect()
    }

    /// One cause for each rule that denies, or for there being none.
    fn denials(&self, code: Code) -> Vec<Cause> {
        let deniers = self.deniers();
        if deniers.is_empty() {
            let message = "no rule matches, and what no rule matches is denied".to_owned();
            return vec![self.cause(code, None, message)];
        }
        let causes = deniers.into_iter().flat_map(|(index, rule, sources)| {
            let mut causes = vec![self.cause(code, Some(rule), self.denial(index, rule, sources))];
            if self.is_at_machine() && !self.station.is_admin() && rule.kind == RuleKind::Custom {
                causes.extend(self.kind_of_deny(rule));
            }
            causes
        });
        causes.collect()
    }

    fn is_at_machine(&self) -> bool {
        !is_bastion_side(self.leg, self.station)
    }

    /// What a rule denies and, where another would have allowed, which.
    fn denial(&self, index: usize, rule: &Rule, sources: &AddressSet) -> String {
        let network = self.scene.topology.network();
        let mut text = if rule.kind == RuleKind::Default {
            format!("{} denies what no rule before it allows", wording::rule(rule))
        } else {
            let reach = wording::reach(network, self.station, rule);
            format!("{} denies {reach}", wording::rule(rule))
        };
        let later = self.station.rules().iter().skip(index).find(|later| {
            matches!(later.effect, Some(Effect::Allow | Effect::AlwaysAllow)) && self.covers(later)
        });
        if let Some(later) = later {
            text = format!("{text} before {} is looked at", wording::rule(later));
        }
        let bastion = &self.scene.bastion.addresses;
        if self.leg == LegName::BastionToVm && !sources.is_empty() && !sources.covers(bastion) {
            text = format!(
                "{text}; this hits {} of Bastion's {}",
                wording::set(sources),
                wording::set(bastion)
            );
        }
        text
    }

    fn covers(&self, rule: &Rule) -> bool {
        Field::failing(&self.station.compare(rule, &self.check.query)).is_empty()
    }

    fn bastion_side(&self, compliance: Option<&Compliance>) -> Vec<Cause> {
        let mut causes = self.denials(self.leg.code_at_bastion());
        let requirement = compliance.and_then(|compliance| {
            compliance.requirements.iter().find(|one| one.id.leg() == self.leg)
        });
        if let Some(requirement) = requirement {
            causes.extend(wrong_protocol(self.station, requirement.id, requirement.wrong_protocol));
            causes.extend(regional(self.station, requirement.regional));
        }
        if self.leg == LegName::BastionToVm {
            causes.extend(custom_allows(self.station).filter_map(|(_, rule)| self.egress(rule)));
        }
        causes
    }

    /// Why a rule that lets sessions out of Bastion's subnet does not let this one out.
    fn egress(&self, rule: &Rule) -> Option<Cause> {
        let fields = self.station.compare(rule, &self.check.query);
        let how = |field| self.how(field, rule);
        match Field::failing(&fields).as_slice() {
            [Field::DestinationPort] => {
                let ports = &rule.destination_ports.known;
                let is_custom = !matches!(self.scene.question.port(), 22 | 3389);
                (is_custom && (ports.contains(22) || ports.contains(3389))).then(|| {
                    let text = format!("{}: {}", wording::rule(rule), how(Field::DestinationPort));
                    self.cause(Code::CustomPortNotInEgress, Some(rule), text)
                })
            }
            [Field::Destination] => {
                let names_tag = rule.destination.tags.contains(&ServiceTag::virtual_network());
                names_tag.then(|| {
                    let text = format!("{}: {}", wording::rule(rule), how(Field::Destination));
                    self.cause(Code::PeerNotInTag, Some(rule), text)
                })
            }
            _ => None,
        }
    }

    fn how(&self, field: Field, rule: &Rule) -> String {
        let network = self.scene.topology.network();
        wording::written(network, self.station, rule).map_or_else(String::new, |written| {
            difference(field, self.scene, self.station, (rule, written), self.check)
        })
    }

    fn machine_side(&self) -> Vec<Cause> {
        let first = self.deniers().first().map(|(index, rule, _)| (*index, *rule));
        let primary = match self.station.kind() {
            GateKind::AdminInbound | GateKind::AdminOutbound => Code::AdminRuleDeny,
            GateKind::NicInbound | GateKind::NicOutbound => Code::NicDeny,
            _ => Code::SubnetDeny,
        };
        let mut causes = self.denials(primary);
        if self.scene.is_developer() {
            let message = format!(
                "sessions of the Developer SKU come from {}, which is denied here",
                wording::set(&self.scene.bastion.addresses)
            );
            let rule = first.map(|(_, rule)| rule);
            causes.push(self.cause(Code::HostAddressBlocked, rule, message));
        }
        if self.station.is_admin() {
            return causes;
        }
        if let Some((index, rule)) = first.filter(|(_, rule)| rule.kind == RuleKind::Custom) {
            let shadowed = custom_allows(self.station)
                .find(|(later, allow)| *later > index && self.covers(allow));
            if let Some((_, allow)) = shadowed {
                let message = format!(
                    "{} allows the session but stands behind {}",
                    wording::rule(allow),
                    wording::rule(rule)
                );
                causes.push(self.cause(Code::AllowShadowed, Some(allow), message));
            }
        }
        causes.extend(custom_allows(self.station).flat_map(|(_, rule)| self.missed(rule)));
        causes
    }

    /// What is special about the rule that denies.
    fn kind_of_deny(&self, rule: &Rule) -> Vec<Cause> {
        let mut causes = Vec::new();
        if rule.source.tags.contains(&ServiceTag::virtual_network()) {
            let message = format!(
                "{} denies VirtualNetwork, which holds Bastion's {}, and so overrides 65000 AllowVnetInBound",
                wording::rule(rule),
                wording::set(&self.scene.bastion.addresses)
            );
            causes.push(self.cause(Code::DenyVirtualNetwork, Some(rule), message));
        }
        let name = rule.name.as_str().to_ascii_lowercase();
        let prefixes = &self.scene.question.jit_rule_prefixes;
        if prefixes.iter().any(|prefix| name.starts_with(&prefix.to_ascii_lowercase())) {
            let message = format!(
                "{} looks like a rule of just-in-time access: request access in Defender for Cloud first; only where that is no way, change rules",
                wording::rule(rule)
            );
            causes.push(self.cause(Code::JitRule, Some(rule), message));
        }
        causes
    }

    /// Why a rule that allows something like the session does not allow it.
    fn missed(&self, rule: &Rule) -> Vec<Cause> {
        let fields = self.station.compare(rule, &self.check.query);
        let failed = Field::failing(&fields);
        let mut causes = Vec::new();
        let others_match =
            failed.iter().all(|field| matches!(field, Field::Source | Field::Destination));
        if others_match && let Some(group) = empty_group(self.scene, self.station, rule) {
            let message = format!(
                "{} names application security group {group}, which has no members",
                wording::rule(rule)
            );
            causes.push(self.cause(Code::EmptyAsg, Some(rule), message));
        }
        let [field] = failed.as_slice() else { return causes };
        let code = match field {
            Field::Source if fields.source == Match::No => Code::WrongSource,
            Field::Source if !rule.source.unknown.is_empty() => return causes,
            Field::Source => Code::PartialPrefix,
            Field::Destination => Code::WrongDestination,
            Field::SourcePort => Code::SourcePortRestricted,
            Field::DestinationPort | Field::Protocol if !is_aimed(rule, &self.check.query) => {
                return causes;
            }
            Field::DestinationPort => Code::WrongPort,
            Field::Protocol => Code::WrongRuleProtocol,
        };
        let message = format!("{}: {}", wording::rule(rule), self.how(*field, rule));
        causes.push(self.cause(code, Some(rule), message));
        causes
    }
}

/// VM04 and VM05: what the two levels of the machine do together.
fn both_levels(leg: &Leg) -> Vec<Cause> {
    if leg.name != LegName::BastionToVm || leg.verdict() != Verdict::Deny {
        return Vec::new();
    }
    let groups: Vec<(&Station, &Stop)> = leg
        .stops()
        .filter(|(station, _)| {
            matches!(station.kind(), GateKind::SubnetInbound | GateKind::NicInbound)
        })
        .collect();
    let [(first, first_stop), (second, second_stop)] = groups.as_slice() else {
        return Vec::new();
    };
    if first_stop.verdict == Verdict::Deny && second_stop.verdict == Verdict::Deny {
        let name = |station: &Station| station.group().map_or("?", |id| id.name()).to_owned();
        let message = if first.group() == second.group() {
            format!("{} is on both the subnet and the interface and denies at both", name(first))
        } else {
            format!("{} and {} both deny: fixing one is not enough", name(first), name(second))
        };
        return vec![cause(Code::BothDeny, leg.name, None, None, message)];
    }
    let (allowing, allow, denying) = match (first_stop.verdict, second_stop.verdict) {
        (Verdict::Allow, Verdict::Deny) => (first, first_stop.rule(first), second),
        (Verdict::Deny, Verdict::Allow) => (second, second_stop.rule(second), first),
        _ => return Vec::new(),
    };
    let Some(rule) = allow.filter(|rule| rule.kind == RuleKind::Custom) else {
        return Vec::new();
    };
    let message = format!(
        "{} of {} allows it at the {}, but the {} denies it: both must allow",
        wording::rule(rule),
        allowing.group().map_or("?", |id| id.name()),
        level(allowing),
        level(denying)
    );
    vec![cause(Code::OneLevelAllows, leg.name, Some(allowing), Some(rule), message)]
}

fn level(station: &Station) -> &'static str {
    if station.kind() == GateKind::NicInbound { "network interface" } else { "subnet" }
}

/// VM13: a rule for the session, written for the other direction or at the other end.
fn wrong_direction(scene: &Scene<'_>, leg: &Leg) -> Vec<Cause> {
    let Some(check) = leg.decisive().filter(|_| leg.name == LegName::BastionToVm) else {
        return Vec::new();
    };
    let mut causes: Vec<Cause> = Vec::new();
    let mut look_at = |group: &ResourceId, direction, names: &Names, place: &str| {
        let Some(group) = scene.topology.security_group(group) else { return };
        let rules = Ruleset::of_group(group, direction, names);
        let is_mistaken = |rule: &&Rule| {
            let fields = FieldMatches::of_query(rule, &check.query, names);
            rule.kind == RuleKind::Custom
                && rule.effect == Some(Effect::Allow)
                && !rule.destination_ports.known.is_full()
                && Field::failing(&fields).is_empty()
        };
        let Some(rule) = rules.rules().iter().find(is_mistaken) else { return };
        let message = format!(
            "{} of {} is {place}: the machine needs it inbound",
            wording::rule(rule),
            group.name()
        );
        let cause = cause(Code::WrongDirection, leg.name, None, Some(rule), message);
        let cause = Cause { nsg: Some(group.name().to_owned()), ..cause };
        if !causes.contains(&cause) {
            causes.push(cause);
        }
    };
    let denying: Vec<&Station> = leg
        .denying()
        .map(|(station, _)| station)
        .filter(|station| !is_bastion_side(leg.name, station) && !station.is_admin())
        .collect();
    for station in &denying {
        if let Some(group) = station.group() {
            look_at(group, Direction::Outbound, station.names(), "an outbound rule");
        }
    }
    if let Some((_, subnet)) = scene.bastion.place.filter(|_| !denying.is_empty())
        && let Some(group) = subnet.security_group.as_ref().and_then(|link| link.known())
    {
        let names = scene.topology.names_at(&subnet.id);
        look_at(group, Direction::Inbound, &names, "an inbound rule at Bastion");
    }
    causes
}

/// The name of an application security group without members that a rule lists (S1.48).
fn empty_group(scene: &Scene<'_>, station: &Station, rule: &Rule) -> Option<String> {
    let written = wording::written(scene.topology.network(), station, rule)?;
    let mut groups = written.source.asgs().chain(written.destination.asgs());
    let empty = groups.find(|id| station.names().group(id).is_some_and(|set| set.is_empty()))?;
    Some(empty.name().to_owned())
}

/// What should be known though nothing is denied by it.
pub(super) fn warnings(
    scene: &Scene<'_>,
    legs: &[Leg],
    compliance: Option<&Compliance>,
) -> Vec<Cause> {
    let mut causes = Vec::new();
    for requirement in compliance.iter().flat_map(|compliance| &compliance.requirements) {
        let Some(leg) = legs.iter().find(|leg| leg.name == requirement.id.leg()) else { continue };
        let direction = requirement.id.direction();
        let station = leg.stations.iter().find(|station| station.direction() == direction);
        let Some(station) = station.filter(|_| !requirement.met) else { continue };
        let is_denied_here = leg.denying().any(|(denying, _)| is_bastion_side(leg.name, denying));
        if is_denied_here {
            continue;
        }
        causes.extend(wrong_protocol(station, requirement.id, requirement.wrong_protocol));
        causes.extend(regional(station, requirement.regional));
        let nsg = station.group().map_or("?", |id| id.name());
        let denies = |deny: &str, how: &str| {
            format!(
                "{deny} of {nsg} {how} part of what Azure demands before {} is looked at: {}",
                requirement.rules.join(", "),
                requirement.demands
            )
        };
        let message = match (&requirement.denied_by, &requirement.may_be_denied_by) {
            (Some(deny), _) => denies(deny, "denies"),
            (None, Some(deny)) => denies(deny, "may deny"),
            (None, None) => format!(
                "{nsg} has no explicit rule for what Azure demands: {}",
                requirement.demands
            ),
        };
        causes.push(cause(Code::NotCompliant, leg.name, Some(station), None, message));
    }
    if scene.is_outside() {
        let message = format!(
            "{} is in none of the given virtual networks: only what Bastion's own subnet lets out was checked",
            scene.target.name
        );
        causes.push(cause(Code::OnPremisesTarget, LegName::BastionToVm, None, None, message));
    }
    let session = legs.iter().find(|leg| leg.name == LegName::BastionToVm);
    let open = session.filter(|leg| leg.verdict() == Verdict::Allow);
    for (station, stop) in open.into_iter().flat_map(Leg::stops) {
        if is_bastion_side(LegName::BastionToVm, station) || station.is_admin() {
            continue;
        }
        let Some(rule) = stop.rule(station) else { continue };
        if let Some(group) = empty_group(scene, station, rule) {
            let message = format!(
                "{} lets it in and names application security group {group}, which has no members: Azure was seen not to apply such a rule",
                wording::rule(rule)
            );
            causes.push(cause(
                Code::EmptyAsg,
                LegName::BastionToVm,
                Some(station),
                Some(rule),
                message,
            ));
        }
        if rule.kind == RuleKind::Default
            && rule.source.tags.contains(&ServiceTag::virtual_network())
        {
            let tag = station.names().tag(&ServiceTag::virtual_network());
            let contents = tag.map(|set| wording::set(&set)).unwrap_or_default();
            let message = format!(
                "open only by {} of {}, which lets in every port and protocol from VirtualNetwork ({contents})",
                wording::rule(rule),
                station.group().map_or("?", |id| id.name())
            );
            causes.push(cause(
                Code::OpenByDefault,
                LegName::BastionToVm,
                Some(station),
                Some(rule),
                message,
            ));
        }
    }
    causes
}

fn wrong_protocol(
    station: &Station,
    requirement: Requirement,
    index: Option<usize>,
) -> Option<Cause> {
    let rule = station.rules().get(index?)?;
    let message = format!(
        "{} is for protocol {}, but what Bastion sends is Tcp and does not match it",
        wording::rule(rule),
        wording::protocols(&rule.protocols.known)
    );
    Some(cause(Code::WrongProtocol, requirement.leg(), Some(station), Some(rule), message))
}

fn regional(station: &Station, index: Option<usize>) -> Option<Cause> {
    let rule = station.rules().get(index?)?;
    let tags: Vec<String> = rule.destination.tags.iter().map(ToString::to_string).collect();
    let message = format!(
        "{} names {}, a region only: Bastion needs the global tag AzureCloud",
        wording::rule(rule),
        tags.join(", ")
    );
    let leg = LegName::BastionToAzureCloud;
    Some(cause(Code::RegionalAzureCloud, leg, Some(station), Some(rule), message))
}

fn cause(
    code: Code,
    leg: LegName,
    station: Option<&Station>,
    rule: Option<&Rule>,
    message: String,
) -> Cause {
    let location = rule.and_then(|rule| rule.origin.location());
    Cause {
        code,
        leg,
        gate: station.map(|station| station.kind().to_string()),
        nsg: station.and_then(|station| station.group()).map(|id| id.name().to_owned()),
        rule: rule.map(|rule| rule.name.to_string()),
        rule_name: rule.map(Rule::qualified_name),
        priority: rule.and_then(|rule| rule.priority).map(|priority| priority.number()),
        message,
        pointer: location.map(|location| location.pointer().to_owned()),
        offer: None,
    }
}
