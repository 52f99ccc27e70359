//! What goes into a lookup and what comes out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::Flow;
use crate::net::Protocol;

/// The five values of a packet in the form a [`Classifier`](super::Classifier) reads fastest.
///
/// `A` is [`Ipv4Addr`] or [`Ipv6Addr`] where all keys are of one family, which is the quick way,
/// and [`IpAddr`] where they are mixed. Every value is known; a [`Flow`] whose ports or ICMP type
/// are not known has no key.
///
/// Ports count for TCP and UDP. For ICMP and ICMPv6 the destination port is the ICMP type
/// (S1.23); the ports of other protocols are not looked at (S1.24).
///
/// ```
/// use nsg_engine::classify::FlowKey;
/// use nsg_engine::model::Flow;
///
/// let flow: Flow = "tcp 10.0.1.4:50000 -> 10.0.0.4:22".parse()?;
/// assert_eq!(FlowKey::of(&flow).map(|key| key.destination_port()), Some(22));
/// let open: Flow = "tcp 10.0.1.4:* -> 10.0.0.4:22".parse()?;
/// assert_eq!(FlowKey::of(&open), None);
/// # Ok::<(), nsg_engine::model::FlowError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FlowKey<A = IpAddr> {
    source: A,
    destination: A,
    source_port: u16,
    destination_port: u16,
    protocol: Protocol,
}

macro_rules! family {
    ($address:ty, $bits:ty) => {
        impl FlowKey<$address> {
            /// The key of these values.
            pub const fn new(
                protocol: Protocol,
                source: $address,
                source_port: u16,
                destination: $address,
                destination_port: u16,
            ) -> Self {
                Self { source, destination, source_port, destination_port, protocol }
            }

            #[inline(always)]
            pub(super) fn bits(&self) -> Key<$bits> {
                Key {
                    source: self.source.into(),
                    destination: self.destination.into(),
                    source_port: self.source_port,
                    destination_port: self.destination_port,
                    protocol: self.protocol.number(),
                }
            }
        }

        impl From<FlowKey<$address>> for FlowKey<IpAddr> {
            fn from(key: FlowKey<$address>) -> Self {
                Self {
                    source: key.source.into(),
                    destination: key.destination.into(),
                    source_port: key.source_port,
                    destination_port: key.destination_port,
                    protocol: key.protocol,
                }
            }
        }
    };
}
family!(Ipv4Addr, u32);
family!(Ipv6Addr, u128);

impl<A: Copy> FlowKey<A> {
    /// Where the packet comes from.
    pub fn source(&self) -> A {
        self.source
    }

    /// The port it comes from.
    pub fn source_port(&self) -> u16 {
        self.source_port
    }

    /// Where the packet goes.
    pub fn destination(&self) -> A {
        self.destination
    }

    /// The port it goes to, or its ICMP type.
    pub fn destination_port(&self) -> u16 {
        self.destination_port
    }

    /// The IP protocol.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }
}

impl FlowKey<IpAddr> {
    /// The key of a flow, unless its ports or its ICMP type are not known.
    pub fn of(flow: &Flow) -> Option<Self> {
        let (source_port, destination_port) = if flow.protocol().has_ports() {
            (flow.source_port()?, flow.destination_port()?)
        } else if flow.protocol().is_icmp() {
            (0, flow.icmp_type()?.into())
        } else {
            (0, 0)
        };
        Some(Self {
            source: flow.source(),
            destination: flow.destination(),
            source_port,
            destination_port,
            protocol: flow.protocol(),
        })
    }

    /// The key by its IP version.
    pub(super) fn split(&self) -> Option<SplitKey> {
        let (source_port, destination_port) = (self.source_port, self.destination_port);
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => Some(SplitKey::V4(
                FlowKey::<Ipv4Addr>::new(
                    self.protocol,
                    source,
                    source_port,
                    destination,
                    destination_port,
                )
                .bits(),
            )),
            (IpAddr::V6(source), IpAddr::V6(destination)) => Some(SplitKey::V6(
                FlowKey::<Ipv6Addr>::new(
                    self.protocol,
                    source,
                    source_port,
                    destination,
                    destination_port,
                )
                .bits(),
            )),
            _ => None,
        }
    }
}

/// A key of one family, addresses as numbers.
#[expect(unnameable_types, reason = "of a hidden function of a public trait")]
#[derive(Clone, Copy, Debug)]
pub struct Key<B> {
    pub(super) source: B,
    pub(super) destination: B,
    pub(super) source_port: u16,
    pub(super) destination_port: u16,
    pub(super) protocol: u8,
}

#[expect(unnameable_types, reason = "of a hidden function of a public trait")]
#[derive(Clone, Copy, Debug)]
pub enum SplitKey {
    V4(Key<u32>),
    V6(Key<u128>),
}

/// Flows in columns, one slice a field.
#[derive(Clone, Copy, Debug)]
pub struct FlowColumns<'a, A> {
    // INVARIANT: all of one length.
    sources: &'a [A],
    source_ports: &'a [u16],
    destinations: &'a [A],
    destination_ports: &'a [u16],
    protocols: &'a [u8],
}

impl<'a, A: Copy> FlowColumns<'a, A> {
    /// The flows whose values stand at the same place of each slice, protocols by their number;
    /// `None` when the slices differ in length. A flow from an IPv4 address to an IPv6 address
    /// or back matches no rule.
    pub fn new(
        protocols: &'a [u8],
        sources: &'a [A],
        source_ports: &'a [u16],
        destinations: &'a [A],
        destination_ports: &'a [u16],
    ) -> Option<Self> {
        let lengths =
            [sources.len(), source_ports.len(), destinations.len(), destination_ports.len()];
        lengths.iter().all(|length| *length == protocols.len()).then_some(Self {
            sources,
            source_ports,
            destinations,
            destination_ports,
            protocols,
        })
    }

    /// How many flows there are.
    pub fn len(&self) -> usize {
        self.protocols.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.protocols.is_empty()
    }

    /// The flows as keys. Two addresses of different IP versions in one flow make a key that
    /// matches nothing.
    #[inline(always)]
    pub(super) fn keys(self) -> impl Iterator<Item = FlowKey<A>> + use<'a, A> {
        let ends = self.sources.iter().zip(self.destinations);
        let ports = self.source_ports.iter().zip(self.destination_ports);
        ends.zip(ports).zip(self.protocols).map(|((ends, ports), protocol)| FlowKey {
            source: *ends.0,
            destination: *ends.1,
            source_port: *ports.0,
            destination_port: *ports.1,
            protocol: Protocol::new(*protocol),
        })
    }
}

/// What a lookup found, in four bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RuleIndex(u32);

impl RuleIndex {
    /// No rule matches: the ruleset's fallback applies.
    pub const NONE: Self = Self(u32::MAX);
    /// The first rule that may match does so only if something unknown turns out that way, or
    /// the flow itself leaves a value open: ask `eval::evaluate`.
    pub const EVALUATE: Self = Self(u32::MAX - 1);
    pub(super) const fn from_code(code: u32) -> Self {
        Self(code)
    }

    /// The largest rule number that survives narrowing.
    pub(super) const MAX_NARROW: usize = 0x7fff;

    /// The code in two bytes; rule numbers are at most [`MAX_NARROW`](Self::MAX_NARROW).
    #[expect(clippy::cast_possible_truncation, reason = "the upper half repeats the sign bit")]
    pub(super) const fn narrowed(self) -> i16 {
        self.0.cast_signed() as i16
    }

    /// The index that was [`narrowed`](Self::narrowed).
    #[inline(always)]
    pub(super) const fn widened(code: i16) -> Self {
        Self((code as i32).cast_unsigned())
    }

    /// The four bytes: the rule's number, or one of the constants above.
    pub const fn to_bits(self) -> u32 {
        self.0
    }

    /// What was found.
    pub fn answer(self) -> Answer {
        match self {
            Self::NONE => Answer::NoRule,
            Self::EVALUATE => Answer::Evaluate,
            Self(index) => match usize::try_from(index) {
                Ok(index) => Answer::Rule(index),
                Err(_) => Answer::Evaluate,
            },
        }
    }

    /// The index of the rule that decides, if one certainly does.
    pub fn rule(self) -> Option<usize> {
        match self.answer() {
            Answer::Rule(index) => Some(index),
            Answer::NoRule | Answer::Evaluate => None,
        }
    }
}

impl Default for RuleIndex {
    fn default() -> Self {
        Self::NONE
    }
}

/// What a lookup found.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a caller must handle every answer")]
pub enum Answer {
    /// This rule of the ruleset decides, and nothing unknown could change that.
    Rule(usize),
    /// No rule matches, and nothing unknown could change that.
    NoRule,
    /// Something unknown may decide: ask `eval::evaluate`, whose answer is three-valued.
    Evaluate,
}
