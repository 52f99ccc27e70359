//! Prefixes, addresses, ports and protocols: biased to boundaries, few and related.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Generator;
use super::generator::vnet_space;
use crate::net::{AddressSet, Coordinate, Interval, PortSet, Prefix, Protocol, RangeSet};

impl Generator {
    /// A prefix: one in use, a relative of one (child, parent, sibling), or a new one at a
    /// boundary of the address space or in a part of it that Azure treats specially.
    pub fn prefix(&mut self) -> Prefix {
        let wanted = self.shape.prefixes.max(1);
        // With few prefixes in use most are relatives; with many, most are new.
        let choice = self.choices.below(wanted.clamp(6, 64));
        let known = self.choices.pick(&self.prefixes).copied().unwrap_or_else(vnet_space);
        let prefix = match choice {
            0 | 1 => known,
            2 => self.child(known),
            3 => self.sibling(known),
            4 => parent(known),
            _ => self.new_prefix(),
        };
        if self.prefixes.len() < wanted && !self.prefixes.contains(&prefix) {
            self.prefixes.push(prefix);
        }
        prefix
    }

    fn child(&mut self, prefix: Prefix) -> Prefix {
        let deeper = u8::try_from(self.choices.one_of(1usize, &[2, 8, 16])).unwrap_or(1);
        let length = prefix.length().saturating_add(deeper).min(width(prefix));
        let inside = match (self.choices.below(3), prefix.address()) {
            (0, first) => first,
            (1, first) => last_address(prefix).unwrap_or(first),
            (_, IpAddr::V4(first)) => {
                let noise = u32::from_be_bytes(self.choices.bytes());
                let host_bits = u32::MAX.checked_shr(prefix.length().into()).unwrap_or(0);
                Ipv4Addr::from(u32::from(first) | (noise & host_bits)).into()
            }
            (_, IpAddr::V6(first)) => {
                let noise = u128::from_be_bytes(self.choices.bytes());
                let host_bits = u128::MAX.checked_shr(prefix.length().into()).unwrap_or(0);
                Ipv6Addr::from(u128::from(first) | (noise & host_bits)).into()
            }
        };
        Prefix::truncated(inside, length).unwrap_or(prefix)
    }

    /// The block that shares the parent, or the next block of the same length.
    fn sibling(&mut self, prefix: Prefix) -> Prefix {
        let beyond = last_address(prefix).and_then(next_address);
        let buddy = last_address(parent(prefix)).unwrap_or(prefix.address());
        let other = if self.choices.one_in(2) { beyond.unwrap_or(buddy) } else { buddy };
        Prefix::truncated(other, prefix.length()).unwrap_or(prefix)
    }

    fn new_prefix(&mut self) -> Prefix {
        let (address, length) = if self.choices.one_in(3) {
            (self.ipv6_landmark(), self.choices.one_of(128, &[64, 48, 32, 8, 3, 0, 1, 127, 126]))
        } else {
            let lengths = &[24, 16, 8, 0, 1, 31, 26, 30, 25, 23, 17, 15, 9, 7];
            (self.ipv4_landmark(), self.choices.one_of(32, lengths))
        };
        Prefix::truncated(address, length).unwrap_or(Prefix::host(address))
    }

    /// An IPv4 address that something turns on.
    fn ipv4_landmark(&mut self) -> IpAddr {
        let boundary = self.boundary(32);
        let boundary = u32::try_from(boundary).unwrap_or(u32::MAX).to_be_bytes();
        let random = self.choices.bytes();
        let address: [u8; 4] = self.choices.one_of(
            [10, 0, 1, 4],
            &[
                [10, 0, 0, 0],
                [10, 0, 1, 0],
                [10, 1, 0, 0],
                [168, 63, 129, 16],
                [169, 254, 169, 254],
                [192, 168, 0, 0],
                [172, 16, 0, 0],
                [100, 64, 0, 0],
                [203, 0, 113, 7],
                [20, 60, 128, 0],
                [224, 0, 0, 0],
                boundary,
                random,
            ],
        );
        address.into()
    }

    /// An IPv6 address that something turns on.
    fn ipv6_landmark(&mut self) -> IpAddr {
        let boundary = self.boundary(128);
        let random = u128::from_be_bytes(self.choices.bytes());
        let address = self.choices.one_of(
            0xfd00_u128 << 112,
            &[
                1,
                0xfe80_0000_0000_0000_0000_1234_5678_9abc,
                0x2001_0db8 << 96,
                0x2603_1030 << 96,
                0x2000 << 112,
                0xffff_0a00_0004,
                boundary,
                random,
            ],
        );
        Ipv6Addr::from(address).into()
    }

    /// 0, a power of two, one beside it, or the largest number of so many bits.
    fn boundary(&mut self, bits: usize) -> u128 {
        let power = 1u128.checked_shl(u32::try_from(self.choices.below(bits)).unwrap_or(0));
        let power = power.unwrap_or(0);
        let most = u128::MAX.checked_shr(u32::try_from(128usize.saturating_sub(bits)).unwrap_or(0));
        let others = [power, power.saturating_sub(1), power.saturating_add(1), u128::MAX];
        self.choices.one_of(0, &others).min(most.unwrap_or(u128::MAX))
    }

    /// A port: one that services use, or a boundary.
    pub fn port(&mut self) -> u16 {
        let boundary = u16::try_from(self.boundary(16)).unwrap_or(u16::MAX);
        self.choices.one_of(22, &[80, 443, 3389, 8080, 0, 1, 65535, boundary])
    }

    /// A range of ports: one, two, a few, or all from or up to one.
    pub fn port_range(&mut self) -> Interval<u16> {
        let port = self.port();
        let (first, last) = match self.choices.below(6) {
            0 | 1 => (port, port),
            2 => (port, port.saturating_add(1)),
            3 => (port.saturating_sub(10), port.saturating_add(10)),
            4 => (port, u16::MAX),
            _ => (0, port),
        };
        Interval::new(first, last).unwrap_or(Interval::single(port))
    }

    /// Every port, or up to [`Shape::items`](super::Shape::items) ranges of them.
    pub fn port_set(&mut self) -> PortSet {
        if self.choices.below(3) == 0 {
            return PortSet::full();
        }
        let items = self.choices.between(1, self.shape.items);
        (0..items).map(|_| self.port_range()).collect()
    }

    /// A protocol: one with ports more often than another, any number at times.
    pub fn protocol(&mut self) -> Protocol {
        let [number] = self.choices.bytes();
        let others = [
            Protocol::TCP,
            Protocol::UDP,
            Protocol::UDP,
            Protocol::ICMP,
            Protocol::ICMP,
            Protocol::ICMPV6,
            Protocol::ESP,
            Protocol::AH,
            Protocol::new(number),
        ];
        self.choices.one_of(Protocol::TCP, &others)
    }

    /// An address of this family at, or one beyond, an end of a stretch of the set; `None` where
    /// the set has none of the family.
    pub(super) fn corner_address(&mut self, set: &AddressSet, ipv4: bool) -> Option<IpAddr> {
        if ipv4 {
            self.corner(set.ipv4()).map(|number| Ipv4Addr::from(number).into())
        } else {
            self.corner(set.ipv6()).map(|number| Ipv6Addr::from(number).into())
        }
    }

    /// A number at, or one beyond, an end of an interval of the set.
    pub(super) fn corner<T: Coordinate>(&mut self, set: &RangeSet<T>) -> Option<T> {
        let interval = *self.choices.pick(set.intervals())?;
        let (first, last) = (interval.first(), interval.last());
        Some(match self.choices.below(12) {
            0..=4 => first,
            5..=9 => last,
            10 => last.next().unwrap_or(last),
            _ => first.previous().unwrap_or(first),
        })
    }
}

fn width(prefix: Prefix) -> u8 {
    if prefix.is_ipv4() { 32 } else { 128 }
}

fn parent(prefix: Prefix) -> Prefix {
    Prefix::truncated(prefix.address(), prefix.length().saturating_sub(1)).unwrap_or(prefix)
}

fn last_address(prefix: Prefix) -> Option<IpAddr> {
    let ipv4 = prefix.ipv4_interval().map(|interval| Ipv4Addr::from(interval.last()).into());
    ipv4.or_else(|| prefix.ipv6_interval().map(|interval| Ipv6Addr::from(interval.last()).into()))
}

fn next_address(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(address) => u32::from(address).next().map(|next| Ipv4Addr::from(next).into()),
        IpAddr::V6(address) => u128::from(address).next().map(|next| Ipv6Addr::from(next).into()),
    }
}
