//! Whether the group on AzureBastionSubnet holds the rules that Azure demands (SEMANTICS 7.2).
//!
//! This is apart from what gets through: Azure's check wants explicit rules of the user's, default
//! rules do not count (S7.13), and refuses a group without them (S7.12). Whether the traffic
//! passes all the same is the question of [`legs`](super::legs) (S7.16).

use serde::Serialize;

use super::legs::{Leg, LegName};
use super::probe::{Station, custom_allows};
use super::question::BastionQuestion;
use super::scene::Scene;
use crate::eval::{Endpoint, Match, Query};
use crate::model::{Direction, ServiceTag};
use crate::net::Protocol;
use crate::network::{Subnet, VirtualNetwork};
use crate::path::Chain;
use crate::report::{AzureCode, Finding, Severity};
use crate::resolve::{Effect, Rule, RuleKind, Side, Topology, Unresolved};

/// One of the rules that Azure demands, R1 to R8.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[expect(missing_docs, reason = "each is told by `text`")]
#[expect(clippy::exhaustive_enums, reason = "Azure documents these eight (S7.11)")]
pub enum Requirement {
    R1,
    R2,
    R3,
    R4,
    R5,
    R6,
    R7,
    R8,
}

impl Requirement {
    /// All of them, in Azure's order.
    pub const ALL: [Self; 8] =
        [Self::R1, Self::R2, Self::R3, Self::R4, Self::R5, Self::R6, Self::R7, Self::R8];

    /// What must be allowed.
    pub fn text(self) -> &'static str {
        match self {
            Self::R1 => "inbound Tcp 443 from Internet, or from the clients' addresses",
            Self::R2 => "inbound Tcp 443 from GatewayManager",
            Self::R3 => "inbound Tcp 443 from AzureLoadBalancer",
            Self::R4 => "inbound 8080 and 5701 from VirtualNetwork to VirtualNetwork",
            Self::R5 => "outbound 22 and 3389, or the custom port in use, to VirtualNetwork",
            Self::R6 => "outbound Tcp 443 to AzureCloud",
            Self::R7 => "outbound 8080 and 5701 from VirtualNetwork to VirtualNetwork",
            Self::R8 => "outbound 80 to Internet",
        }
    }

    /// The leg whose traffic it is about.
    pub fn leg(self) -> LegName {
        match self {
            Self::R1 => LegName::ClientToBastion,
            Self::R2 => LegName::GatewayManagerToBastion,
            Self::R3 => LegName::LoadBalancerToBastion,
            Self::R4 => LegName::BastionHostsIn,
            Self::R5 => LegName::BastionToVm,
            Self::R6 => LegName::BastionToAzureCloud,
            Self::R7 => LegName::BastionHostsOut,
            Self::R8 => LegName::BastionToInternet,
        }
    }

    pub(super) fn of_leg(leg: LegName) -> Option<Self> {
        Self::ALL.into_iter().find(|requirement| requirement.leg() == leg)
    }

    pub(super) fn direction(self) -> Direction {
        match self {
            Self::R1 | Self::R2 | Self::R3 | Self::R4 => Direction::Inbound,
            Self::R5 | Self::R6 | Self::R7 | Self::R8 => Direction::Outbound,
        }
    }

    /// The ports it is about, of which each needs a rule.
    pub(super) fn ports(self, session_port: u16) -> Vec<u16> {
        match self {
            Self::R1 | Self::R2 | Self::R3 | Self::R6 => vec![443],
            Self::R4 | Self::R7 => vec![8080, 5701],
            Self::R5 if matches!(session_port, 22 | 3389) => vec![22, 3389],
            Self::R5 => vec![session_port],
            Self::R8 => vec![80],
        }
    }

    /// The tags that the rule names as source and destination; `None` for `*`.
    pub(super) fn tags(self) -> (Option<ServiceTag>, Option<ServiceTag>) {
        let virtual_network = || Some(ServiceTag::virtual_network());
        match self {
            Self::R1 => (Some(ServiceTag::internet()), None),
            Self::R2 => (Some(ServiceTag::new("GatewayManager")), None),
            Self::R3 => (Some(ServiceTag::azure_load_balancer()), None),
            Self::R4 | Self::R7 => (virtual_network(), virtual_network()),
            Self::R5 => (None, virtual_network()),
            Self::R6 => (None, Some(ServiceTag::new("AzureCloud"))),
            Self::R8 => (None, Some(ServiceTag::internet())),
        }
    }
}

/// What became of the check.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Compliance {
    /// Whether Azure would accept the group.
    pub compliant: bool,
    /// The name of the group.
    pub nsg: String,
    /// Each demand and what meets it.
    pub requirements: Vec<RequirementReport>,
}

/// One demand and what meets it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RequirementReport {
    /// Which one.
    pub id: Requirement,
    /// What must be allowed.
    pub demands: &'static str,
    /// Whether the group's own rules certainly allow it.
    pub met: bool,
    /// The rules that allow it.
    pub rules: Vec<String>,
    /// A rule that denies some of it before they are looked at.
    pub denied_by: Option<String>,
    /// A rule that denies some of it if something unknown, such as the contents of a service tag,
    /// turns out so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub may_be_denied_by: Option<String>,
    /// A rule that would meet it but for its protocol (S7.15).
    #[serde(skip)]
    pub(super) wrong_protocol: Option<usize>,
    /// A rule that names a region of the tag only (BAS13).
    #[serde(skip)]
    pub(super) regional: Option<usize>,
}

/// Checks the group on Bastion's subnet, as the legs pass it; `None` where there is none, which
/// is fully supported (S7.17), or its rules are not in the input.
pub(super) fn of_legs(scene: &Scene<'_>, legs: &[Leg]) -> Option<Compliance> {
    scene.bastion.place?;
    let station = |name, direction| {
        let leg = legs.iter().find(|leg| leg.name == name)?;
        leg.stations
            .iter()
            .find(|one| one.direction() == direction && !one.is_admin() && !one.rules().is_empty())
    };
    let inbound = station(LegName::ClientToBastion, Direction::Inbound);
    let outbound = station(LegName::BastionToInternet, Direction::Outbound);
    of_stations(scene, inbound, outbound)
}

fn of_stations(
    scene: &Scene<'_>,
    inbound: Option<&Station>,
    outbound: Option<&Station>,
) -> Option<Compliance> {
    let nsg = inbound.or(outbound)?.group()?.name().to_owned();
    let requirements: Vec<RequirementReport> = Requirement::ALL
        .into_iter()
        .filter_map(|requirement| {
            let station = match requirement.direction() {
                Direction::Inbound => inbound,
                Direction::Outbound => outbound,
            }?;
            Some(check_one(scene, station, requirement))
        })
        .collect();
    let compliant = requirements.iter().all(|requirement| requirement.met);
    Some(Compliance { compliant, nsg, requirements })
}

/// The groups on AzureBastionSubnet that Azure would refuse to put there (E9, S7.12), for input
/// that is to be as strict as Azure is.
///
/// A group that may be accepted, because a value in its rules is not known, is warned of.
pub fn bastion_compliance(topology: &Topology) -> Vec<Finding> {
    let subnets = topology.network().subnets().filter(|(_, subnet)| subnet.is_bastion());
    subnets.filter_map(|(network, subnet)| refusal(topology, network, subnet)).collect()
}

/// The check of the group on a subnet of Bastion's, and whether it may be met by what is not known
/// of the rules; `None` where there is no group, or its rules are not in the input.
pub(super) fn of_subnet(
    topology: &Topology,
    network: &VirtualNetwork,
    subnet: &Subnet,
) -> Option<(Compliance, bool)> {
    // The demands do not depend on the machine of a session.
    let question = BastionQuestion::about(String::new());
    let scene = Scene::of_subnet(topology, &question, network, subnet);
    let station = |direction| {
        let chain = Chain::of_subnet(topology, &subnet.id, direction)?;
        let stations = Station::of_chain(&chain).into_iter();
        stations.filter(|one| !one.is_admin()).find(|one| !one.rules().is_empty())
    };
    let (inbound, outbound) = (station(Direction::Inbound), station(Direction::Outbound));
    let compliance = of_stations(&scene, inbound.as_ref(), outbound.as_ref())?;
    let may_be_met = [inbound, outbound].iter().flatten().flat_map(Station::rules).any(has_unknown);
    Some((compliance, may_be_met))
}

fn refusal(topology: &Topology, network: &VirtualNetwork, subnet: &Subnet) -> Option<Finding> {
    let group = topology.security_group(subnet.security_group.as_ref()?.known()?)?;
    let (compliance, may_be_met) = of_subnet(topology, network, subnet)?;
    let lacking: Vec<String> = compliance
        .requirements
        .iter()
        .filter(|requirement| !requirement.met)
        .map(|requirement| format!("{:?} ({})", requirement.id, requirement.demands))
        .collect();
    if lacking.is_empty() {
        return None;
    }
    let severity = if may_be_met { Severity::Warning } else { Severity::Error };
    let message = format!(
        "security group `{}` on `{}` does not have all rules that Azure Bastion requires: it lacks {}",
        group.name(),
        subnet.name(),
        lacking.join(", ")
    );
    let code = AzureCode::NetworkSecurityGroupNotCompliantForAzureBastionSubnet;
    let at = group.origin.location().cloned().unwrap_or_default();
    Some(Finding::new(severity, code, at, message))
}

/// Whether a rule holds a value that is not known, tags aside: those are compared by name.
fn has_unknown(rule: &Rule) -> bool {
    let is_value = |one: &Unresolved| !matches!(one, Unresolved::ServiceTag(_));
    let sides = [&rule.source, &rule.destination];
    rule.kind == RuleKind::Custom
        && (!rule.doubts.is_empty()
            || !rule.protocols.unknown.is_empty()
            || !rule.source_ports.unknown.is_empty()
            || !rule.destination_ports.unknown.is_empty()
            || sides.into_iter().flat_map(|side| &side.unknown).any(is_value))
}

fn check_one(scene: &Scene<'_>, station: &Station, requirement: Requirement) -> RequirementReport {
    let mut report = RequirementReport {
        id: requirement,
        demands: requirement.text(),
        met: true,
        rules: Vec::new(),
        denied_by: None,
        may_be_denied_by: None,
        wrong_protocol: None,
        regional: None,
    };
    for port in requirement.ports(scene.question.port()) {
        let covers = |rule: &Rule| covers_ends(scene, station, rule, requirement, port);
        let covering = custom_allows(station)
            .find(|(_, rule)| covers(rule) && rule.protocols.known.contains(Protocol::TCP));
        let Some((index, rule)) = covering else {
            report.met = false;
            report.wrong_protocol = report.wrong_protocol.or_else(|| {
                custom_allows(station)
                    .find(|(_, rule)| {
                        covers(rule)
                            && !rule.protocols.known.is_empty()
                            && !rule.protocols.known.contains(Protocol::TCP)
                    })
                    .map(|(index, _)| index)
            });
            report.regional = report
                .regional
                .or_else(|| {
                    custom_allows(station).find(|(_, r)| is_regional(r, port)).map(|(i, _)| i)
                })
                .filter(|_| requirement == Requirement::R6);
            continue;
        };
        let name = rule.name.to_string();
        if !report.rules.contains(&name) {
            report.rules.push(name);
        }
        let denies = station.rules().iter().take(index).filter(|rule| {
            rule.kind == RuleKind::Custom
                && rule.effect == Some(Effect::Deny)
                && touches(scene, station, rule, requirement, port)
        });
        for deny in denies {
            report.met = false;
            let by = match deny.unresolved().next() {
                Some(_) => &mut report.may_be_denied_by,
                None => &mut report.denied_by,
            };
            by.get_or_insert_with(|| deny.name.to_string());
        }
    }
    report
}

/// Whether a rule covers ports and addresses of a requirement, whatever its protocol: by the
/// identity of the tag, by `*`, or by prefixes that hold it (S7.16).
fn covers_ends(
    scene: &Scene<'_>,
    station: &Station,
    rule: &Rule,
    requirement: Requirement,
    port: u16,
) -> bool {
    let (source, destination) = requirement.tags();
    let hosts = &scene.bastion.addresses;
    let side = |side: &Side, tag: Option<&ServiceTag>| match tag {
        Some(tag) => names_tag(station, side, tag),
        None => side.known.covers(hosts),
    };
    let source_covered = match requirement {
        Requirement::R1 => names_clients(scene, &rule.source),
        _ => side(&rule.source, source.as_ref()),
    };
    // The source ports of the rules here are those that a client could use.
    rule.destination_ports.known.contains(port)
        && rule.source_ports.known.is_full()
        && source_covered
        && side(&rule.destination, destination.as_ref())
}

fn names_tag(station: &Station, side: &Side, tag: &ServiceTag) -> bool {
    if side.known.is_full() || side.tags.contains(tag) {
        return true;
    }
    // Prefixes may stand for a tag whose contents stay; public services' tags change under one's
    // feet, and one tag never stands for another.
    let is_stable = tag.is("VirtualNetwork") || tag.is("AzureLoadBalancer");
    let held = || station.names().tag(tag).is_some_and(|all| side.known.ipv4().covers(all.ipv4()));
    is_stable && side.tags.is_empty() && held()
}

/// R1 takes Internet or the clients' public addresses; for a private-only host the clients'
/// private ones (S7.10).
fn names_clients(scene: &Scene<'_>, source: &Side) -> bool {
    if source.known.is_full() || source.tags.contains(&ServiceTag::internet()) {
        return true;
    }
    if scene.bastion.host.is_some_and(|host| host.private_only) {
        return !source.known.is_empty() || !source.tags.is_empty();
    }
    let internet = scene.topology.service_tags().addresses(&ServiceTag::internet());
    internet.is_some_and(|internet| source.known.overlaps(&internet) && source.tags.is_empty())
}

fn is_regional(rule: &Rule, port: u16) -> bool {
    let is_part =
        |tag: &ServiceTag| tag.as_str().to_ascii_lowercase().strip_prefix("azurecloud.").is_some();
    rule.destination.tags.iter().any(is_part)
        && rule.destination_ports.known.contains(port)
        && rule.protocols.known.contains(Protocol::TCP)
}

/// Whether a rule may match some packet that the requirement is about.
fn touches(
    scene: &Scene<'_>,
    station: &Station,
    rule: &Rule,
    requirement: Requirement,
    port: u16,
) -> bool {
    let hosts = || Endpoint::Addresses(scene.bastion.addresses.clone());
    let (source, destination) = requirement.tags();
    let end = |tag: Option<ServiceTag>| tag.map_or_else(hosts, Endpoint::Tag);
    Query::new(Some(Protocol::TCP), end(source), end(destination), Some(port)).is_ok_and(|query| {
        station.compare(rule, &query).all().into_iter().all(|matched| matched != Match::No)
    })
}
