//! Small pieces of text about rules, ports and addresses.

use super::probe::Station;
use crate::eval::Endpoint;
use crate::model::{AddressItem, AddressSpec};
use crate::net::{AddressSet, PortSet, Prefix, ProtocolSet};
use crate::network::Network;
use crate::resolve::{Effect, Names, Rule, RuleKind};

/// How many prefixes of a set are spelled out.
const SPELLED_OUT: usize = 4;

/// The two address fields of a rule as its author wrote them.
#[derive(Clone, Copy)]
pub(super) struct Written<'a> {
    pub(super) source: &'a AddressSpec,
    pub(super) destination: &'a AddressSpec,
}

/// Looks up what stands behind a resolved rule of a gate.
pub(super) fn written<'a>(
    network: &'a Network,
    station: &Station,
    rule: &Rule,
) -> Option<Written<'a>> {
    if station.is_admin() {
        let mut rules = network.admin_rule_collections.iter().flat_map(|list| &list.rules);
        let found = rules
            .find(|one| one.name == rule.name && one.priority.known() == rule.priority.as_ref())?;
        return Some(Written { source: &found.source, destination: &found.destination });
    }
    let group = network.security_group(station.group()?)?;
    let found = if rule.kind == RuleKind::Default {
        group.default_rules.iter().find(|one| {
            one.name == rule.name && one.direction.known().is_none_or(|d| *d == station.direction())
        })?
    } else {
        station.written(group, &rule.name)?
    };
    Some(Written { source: &found.source, destination: &found.destination })
}

/// `1000 DenyVnetInBound`.
pub(super) fn rule(rule: &Rule) -> String {
    match rule.priority {
        Some(priority) => format!("{priority} {}", rule.name),
        None => rule.name.to_string(),
    }
}

/// What a rule matches, in few words: `VirtualNetwork (10.0.0.0/16)`, `port 22 to 10.0.0.4`,
/// `Tcp ports 22,3389 from 10.0.1.0/26`.
pub(super) fn reach(network: &Network, station: &Station, rule: &Rule) -> String {
    let Some(written) = written(network, station, rule) else { return "it".to_owned() };
    let mut packets = Vec::new();
    if !rule.protocols.known.is_full() {
        packets.push(protocols(&rule.protocols.known));
    }
    if !rule.destination_ports.known.is_full() {
        packets.push(ports(&rule.destination_ports.known));
    }
    let side = |spec: &AddressSpec| (!spec.is_any()).then(|| addresses(spec, station.names()));
    let (source, destination) = (side(written.source), side(written.destination));
    let mut words = match (packets.is_empty(), &source) {
        (true, Some(source)) => source.clone(),
        (true, None) => "everything".to_owned(),
        (false, Some(source)) => format!("{} from {source}", packets.join(" ")),
        (false, None) => packets.join(" "),
    };
    if let Some(destination) = destination {
        words = format!("{words} to {destination}");
    }
    words
}

/// The addresses of a rule's side as written, with what tags and groups stand for.
pub(super) fn addresses(spec: &AddressSpec, names: &Names) -> String {
    let items: Vec<String> =
        spec.items.iter().take(SPELLED_OUT).map(|one| item(one, names)).collect();
    let more = spec.items.len().saturating_sub(items.len());
    let list = items.join(", ");
    if more == 0 { list } else { format!("{list} and {more} more") }
}

fn item(item: &AddressItem, names: &Names) -> String {
    let contents = |what: String, known: Option<String>| match known {
        Some(known) => format!("{what} ({known})"),
        None => what,
    };
    let of_group = |id| {
        names.group(id).map(|addresses| match addresses.is_empty() {
            true => "no members".to_owned(),
            false => set(&addresses),
        })
    };
    match item {
        AddressItem::Tag(tag) if tag.is("VirtualNetwork") => {
            contents(tag.to_string(), names.tag(tag).map(|addresses| set(&addresses)))
        }
        AddressItem::Asg(id) => {
            contents(format!("application security group {}", id.name()), of_group(id))
        }
        AddressItem::NetworkGroup(id) => {
            contents(format!("network group {}", id.name()), of_group(id))
        }
        AddressItem::Prefix(one) => prefix(one),
        other => other.to_string(),
    }
}

/// A block, or the bare address where it is one.
pub(super) fn prefix(prefix: &Prefix) -> String {
    if *prefix == Prefix::host(prefix.address()) {
        prefix.address().to_string()
    } else {
        prefix.to_string()
    }
}

/// The prefixes of a set, the first few of many.
pub(super) fn set(addresses: &AddressSet) -> String {
    let prefixes: Vec<String> =
        addresses.prefixes().take(SPELLED_OUT).map(|one| prefix(&one)).collect();
    let more = addresses.prefixes().skip(SPELLED_OUT).count();
    let list = prefixes.join(", ");
    if more == 0 { list } else { format!("{list} and {more} more") }
}

/// One end of a question as a person would say it.
pub(super) fn endpoint(endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::Addresses(addresses) if addresses.prefixes().nth(SPELLED_OUT).is_some() => {
            set(addresses)
        }
        other => other.to_string(),
    }
}

/// `port 22`, `ports 80,443`.
pub(super) fn ports(ports: &PortSet) -> String {
    let text = ports.to_string().replace(' ', "");
    let is_one = matches!(ports.ranges().intervals(), [one] if one.first() == one.last());
    if is_one { format!("port {text}") } else { format!("ports {text}") }
}

/// `Tcp`, `Udp`.
pub(super) fn protocols(protocols: &ProtocolSet) -> String {
    let names: Vec<String> =
        protocols.iter().map(|one| crate::model::ProtocolSpec::One(one).to_string()).collect();
    names.join(", ")
}

/// Whether a rule certainly lets pass what it matches.
pub(super) fn allows(rule: &Rule) -> bool {
    matches!(rule.effect, Some(Effect::Allow | Effect::AlwaysAllow))
}

/// The text with its first letter in upper case.
pub(super) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
