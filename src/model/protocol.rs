//! The protocol field of a rule.

use std::fmt;
use std::str::FromStr;

use crate::net::{Protocol, ProtocolSet};

/// The protocol a rule names: one, or every protocol number (S1.10, S1.12).
///
/// Text is Azure's: `Tcp`, `Udp`, `Icmp`, `Esp`, `Ah`, `*`. `FromStr` ignores case (S1.11),
/// takes `Any` and `All` for `*`, and also takes `Icmpv6` (S1.14) and the numbers of these
/// protocols (S1.15).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a rule names one protocol or all")]
pub enum ProtocolSpec {
    /// Every protocol number, 0 to 255.
    Any,
    /// One protocol.
    One(Protocol),
}

impl ProtocolSpec {
    /// The protocols it stands for.
    pub fn set(self) -> ProtocolSet {
        match self {
            Self::Any => ProtocolSet::FULL,
            Self::One(protocol) => protocol.into(),
        }
    }
}

impl fmt::Display for ProtocolSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Any => f.write_str("*"),
            Self::One(Protocol::TCP) => f.write_str("Tcp"),
            Self::One(Protocol::UDP) => f.write_str("Udp"),
            Self::One(Protocol::ICMP) => f.write_str("Icmp"),
            Self::One(Protocol::ESP) => f.write_str("Esp"),
            Self::One(Protocol::AH) => f.write_str("Ah"),
            Self::One(Protocol::ICMPV6) => f.write_str("Icmpv6"),
            Self::One(other) => fmt::Display::fmt(&other.number(), f),
        }
    }
}

/// The text is not a protocol that a security rule can name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{text}` is not a protocol of a security rule: expected Tcp, Udp, Icmp, Esp, Ah or *")]
pub struct ProtocolSpecError {
    text: String,
}

impl FromStr for ProtocolSpec {
    type Err = ProtocolSpecError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if ["*", "any", "all"].iter().any(|any| any.eq_ignore_ascii_case(text)) {
            return Ok(Self::Any);
        }
        let named = [
            Protocol::TCP,
            Protocol::UDP,
            Protocol::ICMP,
            Protocol::ESP,
            Protocol::AH,
            Protocol::ICMPV6,
        ];
        text.parse()
            .ok()
            .filter(|protocol| named.contains(protocol))
            .map(Self::One)
            .ok_or_else(|| ProtocolSpecError { text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn azures_spellings_round_trip_in_any_case() {
        for text in ["Tcp", "Udp", "Icmp", "Esp", "Ah", "*", "Icmpv6"] {
            let spec: ProtocolSpec = text.to_uppercase().parse().unwrap();
            assert_eq!(spec.to_string(), text);
        }
        for (text, meaning) in [("Any", "*"), ("All", "*"), ("6", "Tcp"), ("58", "Icmpv6")] {
            assert_eq!(text.parse::<ProtocolSpec>().unwrap().to_string(), meaning);
        }
        for text in ["", "7", "tcpudp", "TCP,UDP"] {
            assert!(text.parse::<ProtocolSpec>().is_err(), "{text}");
        }
    }

    /// S1.12, S1.14: `*` covers ICMPv6, `Icmp` does not.
    #[test]
    fn icmp_is_protocol_1_only() {
        assert!(ProtocolSpec::Any.set().contains(Protocol::ICMPV6));
        assert!(!ProtocolSpec::One(Protocol::ICMP).set().contains(Protocol::ICMPV6));
    }
}
