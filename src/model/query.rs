//! Queries: sets of flows to ask about, between blocks of addresses, service tags or `*`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use super::{Flow, ServiceTag};
use crate::net::{AddressSet, Prefix, Protocol, ProtocolSet};

/// All flows between two endpoints, as network diagnostics asks for them (S8.8): with any source
/// port, and where protocol or destination port are not given with any of these too.
///
/// In text like a flow: `tcp Internet:* -> 10.0.1.0/26:443`, `icmp * -> 10.0.0.4`, and
/// `* 10.0.1.0/26 -> VirtualNetwork` for every protocol and port. `Display` and `FromStr`
/// round-trip.
///
/// ```
/// use nsg_engine::model::Query;
///
/// let query: Query = "tcp Internet -> 10.0.1.0/26:443".parse()?;
/// assert_eq!(query.to_string(), "tcp Internet:* -> 10.0.1.0/26:443");
/// assert!("tcp 10.0.0.4 -> fd00::4".parse::<Query>().is_err());
/// # Ok::<(), nsg_engine::model::QueryError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Query {
    // INVARIANT: no endpoint is an empty set, the endpoints have an IP family in common, and a
    // port is given only where the protocol has ports or is any.
    protocol: Option<Protocol>,
    source: Endpoint,
    destination: Endpoint,
    destination_port: Option<u16>,
}

impl Query {
    /// The flows of one protocol, or of any, from `source` to `destination`, to one port or to
    /// any. A port with any protocol asks for the protocols that have ports.
    ///
    /// # Errors
    ///
    /// When an endpoint is an empty set, the endpoints have no IP family in common, or a port is
    /// given for a protocol without ports.
    pub fn new(
        protocol: Option<Protocol>,
        source: Endpoint,
        destination: Endpoint,
        destination_port: Option<u16>,
    ) -> Result<Self, QueryError> {
        for endpoint in [&source, &destination] {
            if matches!(endpoint, Endpoint::Addresses(addresses) if addresses.is_empty()) {
                return Err(QueryError::Empty);
            }
        }
        if !source.families().overlaps(&destination.families()) {
            return Err(QueryError::Families { source_endpoint: source, destination });
        }
        if let Some(protocol) = protocol.filter(|protocol| !protocol.has_ports())
            && destination_port.is_some()
        {
            return Err(QueryError::Portless { protocol });
        }
        Ok(Self { protocol, source, destination, destination_port })
    }

    /// The protocol; `None` for any.
    pub fn protocol(&self) -> Option<Protocol> {
        self.protocol
    }

    /// Where the flows come from.
    pub fn source(&self) -> &Endpoint {
        &self.source
    }

    /// Where they go.
    pub fn destination(&self) -> &Endpoint {
        &self.destination
    }

    /// The port they go to; `None` for any, and where the protocol has none.
    pub fn destination_port(&self) -> Option<u16> {
        self.destination_port
    }

    /// The protocols of its flows.
    pub fn protocols(&self) -> ProtocolSet {
        match (self.protocol, self.destination_port) {
            (Some(protocol), _) => protocol.into(),
            (None, Some(_)) => [Protocol::TCP, Protocol::UDP].into_iter().collect(),
            (None, None) => ProtocolSet::FULL,
        }
    }

    /// One flow of each kind of protocol that rules read the ports of in a way of its own: TCP
    /// and UDP, ICMP (S1.23), and the rest (S1.24). The addresses of these flows mean nothing.
    pub(crate) fn probes(&self) -> impl Iterator<Item = Flow> {
        let protocols = self.protocols();
        let with_ports = protocols.iter().find(|protocol| protocol.has_ports());
        let icmp = protocols.iter().find(|protocol| protocol.is_icmp());
        let rest = protocols.iter().find(|protocol| !protocol.has_ports() && !protocol.is_icmp());
        [with_ports, icmp, rest].into_iter().flatten().filter_map(|protocol| {
            let nowhere = IpAddr::from(Ipv4Addr::UNSPECIFIED);
            let port = self.destination_port.filter(|_| protocol.has_ports());
            Flow::new(protocol, nowhere, nowhere).and_then(|flow| flow.with_ports(None, port)).ok()
        })
    }
}

/// One end of a query.
///
/// In text: `*`, an address, a block, several of them separated by commas, or the name of a
/// service tag. `Display` and `FromStr` round-trip.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "Azure has these three (S8.8)")]
pub enum Endpoint {
    /// Every address.
    Any,
    /// These addresses.
    Addresses(AddressSet),
    /// What a service tag stands for, whether or not its contents are known (S7.27).
    Tag(ServiceTag),
}

impl Endpoint {
    /// Every address of the families that it has addresses of; a tag may have both.
    fn families(&self) -> AddressSet {
        match self {
            Self::Addresses(addresses) => addresses.families(),
            Self::Any | Self::Tag(_) => AddressSet::full(),
        }
    }
}

impl<A: Into<AddressSet>> From<A> for Endpoint {
    fn from(addresses: A) -> Self {
        Self::Addresses(addresses.into())
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { protocol, source, destination, destination_port } = self;
        match protocol {
            Some(protocol) => write!(f, "{protocol} ")?,
            None => f.write_str("* ")?,
        }
        let has_ports = protocol.map_or(destination_port.is_some(), Protocol::has_ports);
        if !has_ports {
            return write!(f, "{source} -> {destination}");
        }
        write_with_port(f, source, None)?;
        f.write_str(" -> ")?;
        write_with_port(f, destination, *destination_port)
    }
}

fn write_with_port(
    f: &mut fmt::Formatter<'_>,
    endpoint: &Endpoint,
    port: Option<u16>,
) -> fmt::Result {
    match endpoint {
        Endpoint::Addresses(addresses) if !addresses.ipv6().is_empty() => {
            write!(f, "[{endpoint}]")?
        }
        _ => write!(f, "{endpoint}")?,
    }
    match port {
        Some(port) => write!(f, ":{port}"),
        None => f.write_str(":*"),
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addresses = match self {
            Self::Any => return f.write_str("*"),
            Self::Tag(tag) => return write!(f, "{tag}"),
            Self::Addresses(addresses) => addresses,
        };
        for (index, prefix) in addresses.prefixes().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            if prefix == Prefix::host(prefix.address()) {
                write!(f, "{separator}{}", prefix.address())?;
            } else {
                write!(f, "{separator}{prefix}")?;
            }
        }
        Ok(())
    }
}

/// The text is not a query, or its parts do not fit together.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// An endpoint holds no address.
    #[error("an endpoint without addresses: nothing is asked")]
    Empty,
    /// The text is not an endpoint.
    #[error(
        "`{text}` is not an endpoint: expected `*`, an address, a block such as `10.0.1.0/26` or a service tag"
    )]
    Endpoint {
        /// The text.
        text: String,
    },
    /// Source and destination have no IP family in common.
    #[error("source {source_endpoint} and destination {destination} have no IP family in common")]
    Families {
        /// The source.
        source_endpoint: Endpoint,
        /// The destination.
        destination: Endpoint,
    },
    /// A port was given for a protocol without ports.
    #[error("protocol {protocol} has no ports")]
    Portless {
        /// The protocol.
        protocol: Protocol,
    },
    /// The text does not have the form of a query.
    #[error("`{text}` is not a query: expected a form such as `tcp Internet:* -> 10.0.1.0/26:443`")]
    Text {
        /// The text.
        text: String,
    },
}

impl FromStr for Query {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || QueryError::Text { text: text.to_owned() };
        let words: Vec<&str> = text.split_whitespace().collect();
        let [protocol, source, "->", destination] = words.as_slice() else {
            return Err(malformed());
        };
        let protocol = match *protocol {
            "*" => None,
            name => Some(name.parse().map_err(|_| malformed())?),
        };
        let (source, source_port) = split_port(source).ok_or_else(malformed)?;
        let (destination, destination_port) = split_port(destination).ok_or_else(malformed)?;
        if let Some(protocol) = protocol.filter(|protocol: &Protocol| !protocol.has_ports())
            && (source_port.is_some() || destination_port.is_some())
        {
            return Err(QueryError::Portless { protocol });
        }
        if !matches!(source_port, None | Some("*")) {
            return Err(malformed());
        }
        let destination_port = match destination_port {
            None | Some("*") => None,
            Some(port) => Some(parse_port(port).ok_or_else(malformed)?),
        };
        Self::new(protocol, source.parse()?, destination.parse()?, destination_port)
    }
}

/// Splits `10.0.0.4:22`, `[fd00::/8]:443`, `Internet:*`, or an endpoint without port, such as
/// `fd00::1`.
fn split_port(text: &str) -> Option<(&str, Option<&str>)> {
    if let Some(bracketed) = text.strip_prefix('[') {
        let (endpoint, port) = bracketed.split_once("]:")?;
        return Some((endpoint, Some(port)));
    }
    match text.split_once(':') {
        Some((endpoint, port)) if !port.contains(':') => Some((endpoint, Some(port))),
        _ => Some((text, None)),
    }
}

fn parse_port(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

impl FromStr for Endpoint {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let prefixes: Result<AddressSet, _> = text.split(',').map(str::parse::<Prefix>).collect();
        match prefixes {
            Ok(addresses) => Ok(Self::Addresses(addresses)),
            // Every tag starts with a letter; what does not was meant as an address.
            Err(_) if is_tag_name(text) => Ok(Self::Tag(ServiceTag::new(text))),
            Err(_) => Err(QueryError::Endpoint { text: text.to_owned() }),
        }
    }
}

fn is_tag_name(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.bytes().all(is_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        text.parse().unwrap()
    }

    #[test]
    fn text_round_trips() {
        for text in [
            "tcp Internet:* -> 10.0.1.0/26:443",
            "tcp *:* -> 10.0.0.4:*",
            "* 10.0.1.0/26 -> 10.0.0.4",
            "* 10.0.1.0/26:* -> 10.0.0.4:443",
            "icmp AzureCloud.WestEurope -> 10.0.0.0/24,10.1.0.0/24",
            "udp [fd00::1]:* -> [fd00::/64]:53",
        ] {
            assert_eq!(query(text).to_string(), text);
        }
        assert_eq!(
            query("udp fd00::1 -> fd00::/64").to_string(),
            "udp [fd00::1]:* -> [fd00::/64]:*"
        );
    }

    #[test]
    fn text_that_is_no_query_is_refused_with_the_reason() {
        for (text, reason) in [
            ("tcp 10.0.0.4 -> fd00::4", "no IP family in common"),
            ("icmp * -> 10.0.0.4:8", "has no ports"),
            ("icmp *:* -> 10.0.0.4", "has no ports"),
            ("tcp *:22 -> 10.0.0.4:22", "not a query"),
            ("tcp * -> 10.0.0.4:65536", "not a query"),
            ("tcp * -> 10.0.0.4:+22", "not a query"),
            ("sctp * -> 10.0.0.4", "not a query"),
            ("tcp * 10.0.0.4", "not a query"),
            ("tcp 10.0.0.1/24 -> *", "not an endpoint"),
            ("tcp 10.0.0.300 -> *", "not an endpoint"),
        ] {
            let error = text.parse::<Query>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
        let nowhere = Endpoint::Addresses(AddressSet::empty());
        assert_eq!(Query::new(None, nowhere, Endpoint::Any, None), Err(QueryError::Empty));
    }
}
