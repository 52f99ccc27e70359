//! Flows: the five values of a packet that security rules look at.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use crate::net::{Protocol, parse_address};

/// The first packet of a connection, as its initiator sends it (S3.25): protocol, source and
/// destination, with ports for TCP and UDP and, where known, the type for ICMP.
///
/// In text: `tcp 10.0.1.4:50000 -> 10.0.0.4:22`, `icmp 10.0.1.4 -> 10.0.0.4`,
/// `icmp 10.0.1.4 -> 10.0.0.4 type 8`, `udp [fd00::1]:* -> [fd00::2]:53`. A port of `*` is one
/// whose value is not known (S8.4). `Display` and `FromStr` round-trip.
///
/// ```
/// use nsg_engine::model::Flow;
///
/// let flow: Flow = "tcp 10.0.1.4:50000 -> 10.0.0.4:22".parse()?;
/// assert_eq!(flow.destination_port(), Some(22));
/// assert_eq!(flow.reversed().to_string(), "tcp 10.0.0.4:22 -> 10.0.1.4:50000");
/// # Ok::<(), nsg_engine::model::FlowError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Flow {
    // INVARIANT: source and destination are of one family; ports only where the protocol has
    // them, an ICMP type only where the protocol is ICMP.
    protocol: Protocol,
    source: IpAddr,
    source_port: Option<u16>,
    destination: IpAddr,
    destination_port: Option<u16>,
    icmp_type: Option<u8>,
}

impl Flow {
    /// A flow of any protocol, its ports (if the protocol has them) and ICMP type unknown.
    ///
    /// # Errors
    ///
    /// When source and destination are of different IP families.
    pub fn new(protocol: Protocol, source: IpAddr, destination: IpAddr) -> Result<Self, FlowError> {
        if source.is_ipv4() != destination.is_ipv4() {
            return Err(FlowError::Families { source_address: source, destination });
        }
        Ok(Self {
            protocol,
            source,
            source_port: None,
            destination,
            destination_port: None,
            icmp_type: None,
        })
    }

    /// A TCP flow.
    ///
    /// # Errors
    ///
    /// When source and destination are of different IP families.
    pub fn tcp(source: SocketAddr, destination: SocketAddr) -> Result<Self, FlowError> {
        Self::new(Protocol::TCP, source.ip(), destination.ip())?
            .with_ports(Some(source.port()), Some(destination.port()))
    }

    /// A UDP flow.
    ///
    /// # Errors
    ///
    /// When source and destination are of different IP families.
    pub fn udp(source: SocketAddr, destination: SocketAddr) -> Result<Self, FlowError> {
        Self::new(Protocol::UDP, source.ip(), destination.ip())?
            .with_ports(Some(source.port()), Some(destination.port()))
    }

    /// The same flow with these ports; `None` is a port whose value is not known.
    ///
    /// # Errors
    ///
    /// When a port is given and the protocol has none.
    pub fn with_ports(
        self,
        source_port: Option<u16>,
        destination_port: Option<u16>,
    ) -> Result<Self, FlowError> {
        if !self.protocol.has_ports() && (source_port.is_some() || destination_port.is_some()) {
            return Err(FlowError::Portless { protocol: self.protocol });
        }
        Ok(Self { source_port, destination_port, ..self })
    }

    /// The same flow with this ICMP type.
    ///
    /// # Errors
    ///
    /// When the protocol is not ICMP.
    pub fn with_icmp_type(self, icmp_type: u8) -> Result<Self, FlowError> {
        if !self.protocol.is_icmp() {
            return Err(FlowError::NotIcmp { protocol: self.protocol });
        }
        Ok(Self { icmp_type: Some(icmp_type), ..self })
    }

    /// The same flow between other addresses, as after address translation (S3.18, S3.19).
    ///
    /// # Errors
    ///
    /// When the addresses are of different IP families.
    pub fn between(self, source: IpAddr, destination: IpAddr) -> Result<Self, FlowError> {
        Self::new(self.protocol, source, destination).map(|other| Self {
            source: other.source,
            destination: other.destination,
            ..self
        })
    }

    /// The IP protocol.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Where the packet comes from.
    pub fn source(&self) -> IpAddr {
        self.source
    }

    /// The port it comes from; `None` when unknown or the protocol has none.
    pub fn source_port(&self) -> Option<u16> {
        self.source_port
    }

    /// Where the packet goes.
    pub fn destination(&self) -> IpAddr {
        self.destination
    }

    /// The port it goes to; `None` when unknown or the protocol has none.
    pub fn destination_port(&self) -> Option<u16> {
        self.destination_port
    }

    /// The ICMP type; `None` when unknown or the protocol is another.
    pub fn icmp_type(&self) -> Option<u8> {
        self.icmp_type
    }

    /// The tuple of the reply: ends swapped. Security groups are stateful, so a reply to an
    /// allowed flow passes without any rule (S3.24); this tuple is for recognising it (S3.25).
    /// The type of an ICMP reply is not that of the request and is left unknown.
    #[must_use]
    pub fn reversed(&self) -> Self {
        Self {
            protocol: self.protocol,
            source: self.destination,
            source_port: self.destination_port,
            destination: self.source,
            destination_port: self.source_port,
            icmp_type: None,
        }
    }

    /// Whether this packet belongs to the connection that `request` opened, as its reply: such
    /// a packet passes by the flow record and is not evaluated (S3.24, S3.25).
    pub fn is_return_traffic_of(&self, request: &Self) -> bool {
        Self { icmp_type: None, ..*self } == request.reversed()
    }
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = |address, port| End { address, port, has_port: self.protocol.has_ports() };
        let source = end(self.source, self.source_port);
        let destination = end(self.destination, self.destination_port);
        write!(f, "{} {source} -> {destination}", self.protocol)?;
        match self.icmp_type {
            Some(number) => write!(f, " type {number}"),
            None => Ok(()),
        }
    }
}

/// One end of a flow in text.
struct End {
    address: IpAddr,
    port: Option<u16>,
    has_port: bool,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.address, self.has_port) {
            (address, false) => return write!(f, "{address}"),
            (IpAddr::V4(address), true) => write!(f, "{address}:")?,
            (IpAddr::V6(address), true) => write!(f, "[{address}]:")?,
        }
        match self.port {
            Some(port) => write!(f, "{port}"),
            None => f.write_str("*"),
        }
    }
}

/// The text is not a flow, or its parts do not fit together.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FlowError {
    /// Source and destination are of different IP families.
    #[error("source {source_address} and destination {destination} are of different IP families")]
    Families {
        /// The source.
        source_address: IpAddr,
        /// The destination.
        destination: IpAddr,
    },
    /// An ICMP type was given for another protocol.
    #[error("protocol {protocol} has no ICMP type")]
    NotIcmp {
        /// The protocol.
        protocol: Protocol,
    },
    /// A port was given for a protocol without ports.
    #[error("protocol {protocol} has no ports")]
    Portless {
        /// The protocol.
        protocol: Protocol,
    },
    /// The text does not have the form of a flow.
    #[error("`{text}` is not a flow: expected a form such as `tcp 10.0.1.4:50000 -> 10.0.0.4:22`")]
    Text {
        /// The text.
        text: String,
    },
}

impl FromStr for Flow {
    type Err = FlowError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || FlowError::Text { text: text.to_owned() };
        let words: Vec<&str> = text.split_whitespace().collect();
        let (protocol, source, destination, icmp_type) = match words.as_slice() {
            [protocol, source, "->", destination] => (protocol, source, destination, None),
            [protocol, source, "->", destination, "type", number] => {
                (protocol, source, destination, Some(number))
            }
            _ => return Err(malformed()),
        };
        let protocol: Protocol = protocol.parse().map_err(|_| malformed())?;
        let source = parse_end(source).ok_or_else(malformed)?;
        let destination = parse_end(destination).ok_or_else(malformed)?;
        let flow = Self::new(protocol, source.address, destination.address)?;
        if (source.has_port || destination.has_port) && !protocol.has_ports() {
            return Err(FlowError::Portless { protocol });
        }
        let flow = flow.with_ports(source.port, destination.port)?;
        match icmp_type {
            Some(number) => flow.with_icmp_type(number.parse().map_err(|_| malformed())?),
            None => Ok(flow),
        }
    }
}

/// Reads `10.0.0.4:22`, `10.0.0.4:*`, `[fd00::1]:443`, or an address alone, whose port is then
/// not known.
fn parse_end(text: &str) -> Option<End> {
    if let Some(address) = parse_address(text) {
        return Some(End { address, port: None, has_port: false });
    }
    let (address, port) = text.rsplit_once(':')?;
    let address = match address.strip_prefix('[') {
        Some(inner) => parse_address(inner.strip_suffix(']')?).filter(IpAddr::is_ipv6)?,
        None => parse_address(address).filter(IpAddr::is_ipv4)?,
    };
    let port = match port {
        "*" => None,
        digits => Some(digits.parse().ok().filter(|_| !digits.starts_with('+'))?),
    };
    Some(End { address, port, has_port: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips() {
        for text in [
            "tcp 10.0.1.4:50000 -> 10.0.0.4:22",
            "tcp 10.0.1.4:* -> 10.0.0.4:22",
            "udp [fd00::1]:443 -> [fd00::2]:*",
            "icmp 10.0.1.4 -> 10.0.0.4",
            "icmpv6 fd00::1 -> fd00::2 type 128",
            "esp 10.0.1.4 -> 10.0.0.4",
            "132 10.0.1.4 -> 10.0.0.4",
        ] {
            assert_eq!(text.parse::<Flow>().unwrap().to_string(), text);
        }
        assert_eq!("tcp 10.0.0.1 -> 10.0.0.2".parse::<Flow>().unwrap().source_port(), None);
    }

    #[test]
    fn parts_that_do_not_fit_are_refused_with_the_reason() {
        for (text, reason) in [
            ("tcp 10.0.0.1:1 -> [::1]:2", "different IP families"),
            ("icmp 10.0.0.1:1 -> 10.0.0.2:2", "has no ports"),
            ("esp 10.0.0.1:* -> 10.0.0.2:*", "has no ports"),
            ("tcp 10.0.0.1:1 -> 10.0.0.2:2 type 8", "no ICMP type"),
            ("tcp 10.0.0.1:65536 -> 10.0.0.2:2", "not a flow"),
            ("tcp fd00::1:80 -> fd00::2", "not a flow"),
            ("10.0.0.1 -> 10.0.0.2", "not a flow"),
        ] {
            match text.parse::<Flow>() {
                Err(error) => assert!(error.to_string().contains(reason), "{error}"),
                // `fd00::1:80` is an address by itself.
                Ok(flow) => assert_eq!(flow.source_port(), None, "{text}"),
            }
        }
    }

    /// S3.24, S3.25.
    #[test]
    fn a_reply_is_recognised_by_its_tuple() {
        let request: Flow = "tcp 10.0.1.4:50000 -> 10.0.0.4:22".parse().unwrap();
        assert!(request.reversed().is_return_traffic_of(&request));
        assert!(!request.is_return_traffic_of(&request));
        let ping: Flow = "icmp 10.0.1.4 -> 10.0.0.4 type 8".parse().unwrap();
        let pong: Flow = "icmp 10.0.0.4 -> 10.0.1.4 type 0".parse().unwrap();
        assert!(pong.is_return_traffic_of(&ping));
    }
}
