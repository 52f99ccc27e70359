//! Rules that would have allowed what is denied, but for a field or two, and by how much.

use std::collections::HashSet;

use serde::Serialize;

use super::legs::{Check, Leg};
use super::probe::{Demand, Station, Stop, ephemeral_ports};
use super::scene::Scene;
use super::wording::{self, Written};
use crate::eval::{Endpoint, FieldMatches, Match, Query};
use crate::model::AddressSpec;
use crate::net::AddressSet;
use crate::resolve::{Effect, Rule, RuleKind, Side};

/// A field of a rule, by Azure's name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::exhaustive_enums, reason = "a rule has these five fields (S3.2)")]
pub enum Field {
    /// The protocol.
    Protocol,
    /// The source address.
    Source,
    /// The source port.
    SourcePort,
    /// The destination address.
    Destination,
    /// The destination port.
    DestinationPort,
}

impl Field {
    /// The field in words.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Protocol => "protocol",
            Self::Source => "source",
            Self::SourcePort => "source port",
            Self::Destination => "destination",
            Self::DestinationPort => "destination port",
        }
    }

    /// The fields in which a rule does not cover everything that was asked, in Azure's order.
    pub(super) fn failing(fields: &FieldMatches) -> Vec<Self> {
        [Self::Protocol, Self::Source, Self::SourcePort, Self::Destination, Self::DestinationPort]
            .into_iter()
            .zip(fields.all())
            .filter(|(_, matched)| *matched != Match::Yes)
            .map(|(field, _)| field)
            .collect()
    }
}

/// A rule that nearly allows.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NearMiss {
    /// The name of the security group.
    pub nsg: String,
    /// The name of the rule.
    pub rule: String,
    /// Its priority.
    pub priority: Option<u32>,
    /// The fields that do not match.
    pub failed: Vec<Field>,
    /// By how much, in words.
    pub message: String,
    /// Where in the input the rule stands.
    pub pointer: Option<String>,
    /// Whether the rule seems to be meant for what was asked.
    #[serde(skip)]
    pub is_aimed: bool,
}

/// The near misses at every gate that denies, the nearest first: those that fail in one field,
/// or in two where there are none.
pub(super) fn near_misses(scene: &Scene<'_>, legs: &[Leg]) -> Vec<NearMiss> {
    let mut found: Vec<(Rank, NearMiss)> = Vec::new();
    // Rules for one service of Azure's are not near misses for another.
    for leg in legs.iter().filter(|leg| leg.name.carries_the_session()) {
        let Some(check) = leg.decisive() else { continue };
        for (station, stop) in leg.denying().filter(|(station, _)| !station.is_admin()) {
            let candidates = station.rules().iter().enumerate();
            let candidates = candidates.filter(|(_, rule)| is_candidate(rule));
            found.extend(candidates.filter_map(|(index, rule)| {
                near_miss(scene, (station, stop), check, (index, rule))
            }));
        }
    }
    found.sort_by_key(|(rank, _)| *rank);
    let fewest = found.first().map_or(0, |(rank, _)| rank.fields);
    let mut seen = HashSet::new();
    let nearest = found.into_iter().filter(|(rank, _)| rank.fields == fewest);
    nearest.map(|(_, miss)| miss).filter(|miss| seen.insert(miss.clone())).collect()
}

/// The smaller, the nearer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    fields: usize,
    behind_a_deny: bool,
    unspecific: bool,
    default: bool,
    priority: u32,
}

/// The user's allow rules, and the default one that people rely on.
fn is_candidate(rule: &Rule) -> bool {
    let is_relied_on = ["AllowVnetInBound", "AllowVnetOutBound"]
        .iter()
        .any(|name| rule.name.as_str().eq_ignore_ascii_case(name));
    rule.effect == Some(Effect::Allow)
        && rule.doubts.is_empty()
        && (rule.kind == RuleKind::Custom || (rule.kind == RuleKind::Default && is_relied_on))
}

fn near_miss(
    scene: &Scene<'_>,
    (station, stop): (&Station, &Stop),
    check: &Check,
    (index, rule): (usize, &Rule),
) -> Option<(Rank, NearMiss)> {
    let fields = station.compare(rule, &check.query);
    let failed = Field::failing(&fields);
    if !matches!(failed.len(), 1 | 2) {
        return None;
    }
    let written = wording::written(scene.topology.network(), station, rule)?;
    let denier = stop.denying(station).find(|(denier, _)| *denier < index).map(|(_, rule)| rule);
    if denier.is_some() && rule.kind == RuleKind::Default {
        // It is not this rule's field that is in the way.
        return None;
    }
    let words: Vec<&str> = failed.iter().map(|field| field.in_words()).collect();
    let how: Vec<String> = failed
        .iter()
        .map(|field| difference(*field, scene, station, (rule, written), check))
        .collect();
    let only = if failed.len() == 1 { "only on " } else { "on " };
    let mut message =
        format!("{} fails {only}{}: {}", wording::rule(rule), words.join(" and "), how.join("; "));
    if let Some(denier) = denier {
        message = format!("{message}; and it stands behind {}", wording::rule(denier));
    }
    let is_aimed = is_aimed(rule, &check.query) || rule.kind == RuleKind::Default;
    let rank = Rank {
        fields: failed.len(),
        behind_a_deny: denier.is_some(),
        unspecific: !is_aimed,
        default: rule.kind == RuleKind::Default,
        priority: rule.priority.map_or(u32::MAX, |priority| priority.number()),
    };
    let miss = NearMiss {
        nsg: station.group()?.name().to_owned(),
        rule: rule.name.to_string(),
        priority: rule.priority.map(|priority| priority.number()),
        failed,
        message,
        pointer: rule.origin.location().map(|location| location.pointer().to_owned()),
        is_aimed,
    };
    Some((rank, miss))
}

/// Whether a rule seems to be meant for what is asked: it lists the port or another of the two
/// session ports, or it is about Bastion's addresses and no others.
pub(super) fn is_aimed(rule: &Rule, query: &Query) -> bool {
    let ports = &rule.destination_ports.known;
    let session_ports = [Some(22), Some(3389), query.destination_port()];
    let lists_port =
        !ports.is_full() && session_ports.into_iter().flatten().any(|port| ports.contains(port));
    let is_about_source = match query.source() {
        Endpoint::Addresses(addresses) => {
            !rule.source.known.is_empty() && addresses.covers(&rule.source.known)
        }
        Endpoint::Tag(tag) => rule.source.tags.contains(tag),
        Endpoint::Any => false,
    };
    // Such a rule is there for Azure's own services, whatever port it lists.
    let is_for_azure =
        rule.source.tags.iter().any(|tag| tag.is("AzureLoadBalancer") || tag.is("GatewayManager"));
    is_about_source || (lists_port && !is_for_azure)
}

/// By how much one field of a rule fails.
pub(super) fn difference(
    field: Field,
    scene: &Scene<'_>,
    station: &Station,
    (rule, written): (&Rule, Written<'_>),
    check: &Check,
) -> String {
    let query = &check.query;
    match field {
        Field::Protocol => format!("{} is not Tcp", wording::protocols(&rule.protocols.known)),
        Field::Source => {
            let is_the_tag = check.demand == Demand::SomeSource
                && !scene.bastion.host.is_some_and(|host| host.private_only);
            let asked =
                if is_the_tag { "Internet".to_owned() } else { wording::endpoint(query.source()) };
            side(station, &rule.source, written.source, query.source(), &asked)
        }
        Field::Destination => public_address(scene, &rule.destination).unwrap_or_else(|| {
            let asked = query.destination();
            let text = wording::endpoint(asked);
            side(station, &rule.destination, written.destination, asked, &text)
        }),
        Field::SourcePort => {
            let original = original_source_ports(scene, station, rule);
            format!("a client sends from any of {}, not from {original}", plain(&ephemeral_ports()))
        }
        Field::DestinationPort => {
            let wanted = query.destination_port().map_or("*".to_owned(), |port| port.to_string());
            let ports = &rule.destination_ports.known;
            let is_one = matches!(ports.ranges().intervals(), [one] if one.first() == one.last());
            let verb = if is_one { "is not" } else { "do not include" };
            format!("{} {verb} {wanted}", wording::ports(ports))
        }
    }
}

fn plain(ports: &crate::net::PortSet) -> String {
    ports.to_string()
}

/// The source ports as written: at the gate the rule has those that a client could use.
fn original_source_ports(scene: &Scene<'_>, station: &Station, rule: &Rule) -> String {
    let network = scene.topology.network();
    let group = station.group().and_then(|id| network.security_group(id));
    let written = group.and_then(|group| station.written(group, &rule.name));
    let ports = written.map_or(&rule.source_ports.known, |written| &written.source_ports.known);
    wording::ports(ports)
}

fn side(
    station: &Station,
    side: &Side,
    written: &AddressSpec,
    asked: &Endpoint,
    asked_text: &str,
) -> String {
    let list = wording::addresses(written, station.names());
    if let Endpoint::Addresses(addresses) = asked {
        let covered: AddressSet = side.known.intersection(addresses);
        if !covered.is_empty() {
            let part = wording::set(&covered);
            return if part == list {
                format!("{list} is only part of {asked_text}")
            } else {
                format!("{list} holds only {part} of {asked_text}")
            };
        }
    }
    if written.items.is_empty() {
        return format!("it lists no address, and so not {asked_text}");
    }
    if written.items.len() == 1 {
        return format!("{list} does not contain {asked_text}");
    }
    format!("none of {list} contains {asked_text}")
}

/// Whether the side is about the machine's public address, which no rule at the machine ever
/// sees (S3.18).
fn public_address(scene: &Scene<'_>, side: &Side) -> Option<String> {
    let (_, configuration) = scene.target.interface?;
    let id = configuration.public_address.as_ref()?.known()?;
    let resources = &scene.topology.network().public_addresses;
    let address = resources.iter().find(|resource| resource.id == *id)?.address?;
    (side.known.contains(address) && !side.known.is_full()).then(|| {
        format!(
            "{address} is the public address of {}; rules see its private one, {}",
            scene.target.name,
            scene.address_text()
        )
    })
}
