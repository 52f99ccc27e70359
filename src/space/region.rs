//! Regions: sets of flows that are the product of five lists.

use std::fmt;
use std::str::FromStr;

use crate::model::Flow;
use crate::net::{AddressSet, PortSet, Prefix, Protocol, ProtocolSet};

/// The flows whose protocol, source, source port, destination and destination port each lie in
/// a set: what one rule matches.
///
/// It means what a rule with these fields means. TCP and UDP carry ports; flows of other
/// protocols lie only in regions whose port sets are full (S1.24), except that in a region of
/// ICMP alone the destination ports are ICMP types and the source ports say nothing (S1.23).
///
/// In text it is `tcp 10.0.1.0/26:* -> *:22,3389`, each of the five a list separated by commas,
/// IPv6 blocks in brackets. `Display` and `FromStr` round-trip.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a rule has these five fields (S3.2)")]
pub struct Region {
    /// The protocols.
    pub protocols: ProtocolSet,
    /// The source addresses.
    pub source: AddressSet,
    /// The source ports.
    pub source_ports: PortSet,
    /// The destination addresses.
    pub destination: AddressSet,
    /// The destination ports, or ICMP types.
    pub destination_ports: PortSet,
}

impl Region {
    /// Every flow.
    pub fn full() -> Self {
        Self {
            protocols: ProtocolSet::FULL,
            source: AddressSet::full(),
            source_ports: PortSet::full(),
            destination: AddressSet::full(),
            destination_ports: PortSet::full(),
        }
    }

    /// The protocols in text: `*`, or names and numbers in ascending order, with ranges of
    /// numbers that have no names.
    pub fn protocol_text(&self) -> String {
        protocol_text(&self.protocols)
    }
}

impl From<&Flow> for Region {
    /// The flow alone, with every value of the ports or the ICMP type that it leaves open.
    fn from(flow: &Flow) -> Self {
        let ports = |port: Option<u16>| port.map_or(PortSet::full(), PortSet::from);
        let icmp_type = flow.icmp_type().map(u16::from);
        Self {
            protocols: flow.protocol().into(),
            source: flow.source().into(),
            source_ports: ports(flow.source_port()),
            destination: flow.destination().into(),
            destination_ports: ports(flow.destination_port().or(icmp_type)),
        }
    }
}

impl fmt::Display for Region {
    /// For example `tcp 10.0.0.0/24:* -> *:22,3389`; items of one list are separated by commas.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}:{} -> {}:{}",
            self.protocol_text(),
            Addresses(&self.source),
            self.source_ports,
            Addresses(&self.destination),
            self.destination_ports,
        )
    }
}

/// The text is not a region.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{text}` is not a region: expected a form such as `tcp 10.0.1.0/26:* -> *:22,3389`")]
pub struct RegionError {
    text: String,
}

impl FromStr for Region {
    type Err = RegionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| RegionError { text: text.to_owned() })
    }
}

fn parse(text: &str) -> Option<Region> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let &[protocols, source, "->", destination] = words.as_slice() else { return None };
    let (source, source_ports) = source.rsplit_once(':')?;
    let (destination, destination_ports) = destination.rsplit_once(':')?;
    Some(Region {
        protocols: protocols
            .split(',')
            .map(parse_protocols)
            .collect::<Option<Vec<_>>>()?
            .iter()
            .fold(ProtocolSet::EMPTY, |all, one| all.union(one)),
        source: parse_addresses(source)?,
        source_ports: source_ports.parse().ok()?,
        destination: parse_addresses(destination)?,
        destination_ports: destination_ports.parse().ok()?,
    })
}

/// `*`, a protocol, or a range of protocol numbers.
fn parse_protocols(text: &str) -> Option<ProtocolSet> {
    if text == "*" {
        return Some(ProtocolSet::FULL);
    }
    if let Ok(protocol) = text.parse::<Protocol>() {
        return Some(protocol.into());
    }
    let (first, last) = text.split_once('-')?;
    let (first, last) = (first.parse::<u8>().ok()?, last.parse::<u8>().ok()?);
    (first <= last).then(|| (first..=last).map(Protocol::new).collect())
}

fn parse_addresses(text: &str) -> Option<AddressSet> {
    match text {
        "*" => Some(AddressSet::full()),
        "nothing" => Some(AddressSet::empty()),
        items => items
            .split(',')
            .map(|item| {
                let inner = item.strip_prefix('[').and_then(|item| item.strip_suffix(']'));
                inner.unwrap_or(item).parse::<Prefix>().ok()
            })
            .collect(),
    }
}

/// Addresses as one word.
struct Addresses<'a>(&'a AddressSet);

impl fmt::Display for Addresses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_full() || self.0.is_empty() {
            return fmt::Display::fmt(self.0, f);
        }
        for (index, prefix) in self.0.prefixes().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            if prefix.is_ipv4() {
                write!(f, "{separator}{prefix}")?;
            } else {
                write!(f, "{separator}[{prefix}]")?;
            }
        }
        Ok(())
    }
}

fn protocol_text(protocols: &ProtocolSet) -> String {
    if protocols.is_full() {
        return "*".to_owned();
    }
    let all: Vec<Protocol> = protocols.iter().collect();
    let follows =
        |one: &Protocol, next: &Protocol| one.number().checked_add(1) == Some(next.number());
    let runs: Vec<String> = all
        .chunk_by(follows)
        .map(|run| match run {
            [first, _, .., last] => format!("{}-{}", first.number(), last.number()),
            few => few.iter().map(Protocol::to_string).collect::<Vec<_>>().join(","),
        })
        .collect();
    runs.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_compact() {
        let mut region = Region::full();
        assert_eq!(region.to_string(), "* *:* -> *:*");
        region.protocols = ProtocolSet::from(Protocol::TCP).complement();
        assert_eq!(region.protocol_text(), "0-5,7-255");
        region.protocols = [Protocol::ESP, Protocol::AH, Protocol::UDP].into_iter().collect();
        region.source = "fd00::/8".parse::<Prefix>().unwrap().into();
        assert_eq!(region.to_string(), "udp,esp,ah [fd00::/8]:* -> *:*");
        region.source_ports = "1-5,9".parse().unwrap();
        region.protocols = Protocol::TCP.into();
        for text in [region.to_string().as_str(), "0-5,7-255 10.0.0.0/8,[fd00::/9]:* -> *:22"] {
            assert_eq!(text.parse::<Region>().unwrap().to_string(), text);
        }
        for text in ["", "tcp * -> *", "tcp *:* -> 10.0.0.1/8:22", "tcp *:* *:*", "5-4 *:* -> *:*"]
        {
            assert!(text.parse::<Region>().is_err(), "{text}");
        }
    }
}
