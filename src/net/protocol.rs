//! IP protocol numbers and sets of them.

use std::fmt;
use std::str::FromStr;

/// An IP protocol by its IANA number, 0 to 255.
///
/// In text it is a lower-case name where this crate knows one, else the number. `Display` and
/// `FromStr` round-trip; `FromStr` ignores case.
///
/// ```
/// use nsg_engine::net::Protocol;
///
/// assert_eq!("TCP".parse(), Ok(Protocol::TCP));
/// assert_eq!("132".parse(), Ok(Protocol::new(132)));
/// assert_eq!(Protocol::new(50).to_string(), "esp");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Protocol(u8);

impl Protocol {
    /// Internet Control Message Protocol for IPv4.
    pub const ICMP: Self = Self(1);
    /// Transmission Control Protocol.
    pub const TCP: Self = Self(6);
    /// User Datagram Protocol.
    pub const UDP: Self = Self(17);
    /// Encapsulating Security Payload of IPsec.
    pub const ESP: Self = Self(50);
    /// Authentication Header of IPsec.
    pub const AH: Self = Self(51);
    /// Internet Control Message Protocol for IPv6.
    pub const ICMPV6: Self = Self(58);

    const NAMES: [(Self, &'static str); 6] = [
        (Self::ICMP, "icmp"),
        (Self::TCP, "tcp"),
        (Self::UDP, "udp"),
        (Self::ESP, "esp"),
        (Self::AH, "ah"),
        (Self::ICMPV6, "icmpv6"),
    ];

    /// The protocol with this IANA number.
    pub const fn new(number: u8) -> Self {
        Self(number)
    }

    /// The IANA number.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Whether its packets carry ports that a security rule looks at: TCP and UDP only.
    pub fn has_ports(self) -> bool {
        self == Self::TCP || self == Self::UDP
    }

    /// Whether it is ICMP, of either IP version, whose packets carry a type where others carry
    /// ports (S1.23).
    pub fn is_icmp(self) -> bool {
        self == Self::ICMP || self == Self::ICMPV6
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::NAMES.iter().find(|(protocol, _)| protocol == self) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "{}", self.0),
        }
    }
}

/// The text is neither the name of a known protocol nor a number from 0 to 255.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "`{text}` is not a protocol: expected tcp, udp, icmp, icmpv6, esp, ah or a number from 0 to 255"
)]
pub struct ProtocolError {
    text: String,
}

impl FromStr for Protocol {
    type Err = ProtocolError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::NAMES
            .iter()
            .find(|(_, name)| name.eq_ignore_ascii_case(text))
            .map(|(protocol, _)| *protocol)
            .or_else(|| text.parse().ok().filter(|_| !text.starts_with('+')).map(Self))
            .ok_or_else(|| ProtocolError { text: text.to_owned() })
    }
}

/// A set of IP protocols.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ProtocolSet {
    low: u128,
    high: u128,
}

impl ProtocolSet {
    /// The set with nothing in it.
    pub const EMPTY: Self = Self { low: 0, high: 0 };
    /// Every protocol number: what `*` means (S1.12).
    pub const FULL: Self = Self { low: u128::MAX, high: u128::MAX };

    /// Whether `protocol` is in it.
    pub fn contains(&self, protocol: Protocol) -> bool {
        !self.intersection(&protocol.into()).is_empty()
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        *self == Self::EMPTY
    }

    /// Whether every protocol number is in it.
    pub fn is_full(&self) -> bool {
        *self == Self::FULL
    }

    /// Whether every protocol of `other` is in it.
    pub fn covers(&self, other: &Self) -> bool {
        other.difference(self).is_empty()
    }

    /// Whether some protocol is in both.
    pub fn overlaps(&self, other: &Self) -> bool {
        !self.intersection(other).is_empty()
    }

    /// Every protocol that is in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self { low: self.low | other.low, high: self.high | other.high }
    }

    /// Every protocol that is in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self { low: self.low & other.low, high: self.high & other.high }
    }

    /// Every protocol of `self` that is not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.intersection(&other.complement())
    }

    /// Every protocol that is not in it.
    #[must_use]
    pub fn complement(&self) -> Self {
        Self { low: !self.low, high: !self.high }
    }

    /// The protocols in it, by number.
    pub fn iter(&self) -> impl Iterator<Item = Protocol> + use<> {
        let set = *self;
        (0..=u8::MAX).map(Protocol::new).filter(move |&protocol| set.contains(protocol))
    }
}

impl From<Protocol> for ProtocolSet {
    fn from(Protocol(number): Protocol) -> Self {
        match number.checked_sub(128) {
            Some(offset) => Self { low: 0, high: 1u128.wrapping_shl(offset.into()) },
            None => Self { low: 1u128.wrapping_shl(number.into()), high: 0 },
        }
    }
}

impl FromIterator<Protocol> for ProtocolSet {
    fn from_iter<I: IntoIterator<Item = Protocol>>(protocols: I) -> Self {
        protocols.into_iter().fold(Self::EMPTY, |set, protocol| set.union(&protocol.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_round_trips_through_text_and_through_a_set() {
        for number in 0..=255 {
            let protocol = Protocol::new(number);
            assert_eq!(protocol.to_string().parse(), Ok(protocol));
            let only: Vec<_> = ProtocolSet::from(protocol).iter().collect();
            assert_eq!(only, [protocol]);
        }
        assert_eq!(ProtocolSet::FULL.iter().count(), 256);
    }

    #[test]
    fn text_that_is_no_protocol_is_refused() {
        for text in ["", "256", "-1", "+6", "tcp ", "any", "*"] {
            assert!(text.parse::<Protocol>().is_err(), "{text}");
        }
    }
}
