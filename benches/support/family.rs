//! The two IP versions as numbers, so that one piece of code measures both.
#![expect(clippy::cast_possible_truncation, reason = "random bits, cut to the width of an address")]

use std::net::{Ipv4Addr, Ipv6Addr};

use nsg_engine::classify::{Address, FlowKey, PartReport, Report};
use nsg_engine::net::{AddressSet, Coordinate, Protocol, RangeSet};

/// An address as a number.
pub(crate) trait Family: Coordinate {
    type Address: Address;

    /// This version's part of a set.
    fn of(set: &AddressSet) -> &RangeSet<Self>;

    /// This version's part of a classifier.
    fn part(report: &Report) -> &PartReport;

    fn key(
        protocol: Protocol,
        source: Self,
        source_port: u16,
        destination: Self,
        destination_port: u16,
    ) -> FlowKey<Self::Address>;

    /// Source and destination.
    fn ends(key: &FlowKey<Self::Address>) -> (Self, Self);

    /// `first` plus as much of `random` as stays within `last`.
    fn between(first: Self, last: Self, random: u64) -> Self;

    /// The same key, in a way that depends on `zero`.
    fn after(key: &FlowKey<Self::Address>, zero: u32) -> FlowKey<Self::Address>;
}

macro_rules! family {
    ($bits:ty, $address:ty, $part:ident) => {
        impl Family for $bits {
            type Address = $address;

            fn of(set: &AddressSet) -> &RangeSet<Self> {
                set.$part()
            }

            fn part(report: &Report) -> &PartReport {
                &report.$part
            }

            fn key(
                protocol: Protocol,
                source: Self,
                source_port: u16,
                destination: Self,
                destination_port: u16,
            ) -> FlowKey<$address> {
                let (source, destination) = (source.into(), destination.into());
                FlowKey::<$address>::new(
                    protocol,
                    source,
                    source_port,
                    destination,
                    destination_port,
                )
            }

            fn ends(key: &FlowKey<$address>) -> (Self, Self) {
                (key.source().into(), key.destination().into())
            }
            fn between(first: Self, last: Self, random: u64) -> Self {
                match (last - first).checked_add(1) {
                    Some(count) => first + (u128::from(random) << 40) as $bits % count,
                    None => (u128::from(random) << 40 | u128::from(random)) as $bits,
                }
            }

            #[inline(always)]
            fn after(key: &FlowKey<$address>, zero: u32) -> FlowKey<$address> {
                let (source, destination) = Self::ends(key);
                Self::key(
                    key.protocol(),
                    source ^ <$bits>::from(zero),
                    key.source_port(),
                    destination ^ <$bits>::from(zero),
                    key.destination_port(),
                )
            }
        }
    };
}
family!(u32, Ipv4Addr, ipv4);
family!(u128, Ipv6Addr, ipv6);
