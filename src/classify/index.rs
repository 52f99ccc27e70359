//! From an address to its class, without a branch on the address.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "parts of an address are shifted into range before they are narrowed"
)]

mod bitmap;
mod ipv6;
mod pages;
mod spots;

use std::convert::Infallible;
use std::hash::Hash;

use super::Unfit;
use super::simd::Simd;
use crate::net::{AddressSet, Coordinate, RangeSet};
use bitmap::Ipv4Bitmap;
use ipv6::Ipv6Index;
use pages::{NarrowPages, WidePages};
pub(super) use spots::Spots;
use spots::{Ipv4Spots, Ipv6Spots};

/// An address of one IP version as a number.
pub(super) trait Bits: Coordinate + Hash + From<u16> {
    /// What finds its class in the least memory.
    type Index: Index<Self>;

    /// What finds it sooner, in some more memory.
    type NarrowPages: Index<Self>;

    /// What finds it soonest.
    type WidePages: Index<Self>;

    /// What finds its record among those of thousands of ranges.
    type Spots<R: Copy>: Spots<Self, R>;

    /// How many bits there are.
    const WIDTH: u32;

    /// This version's part of a set.
    fn of(set: &AddressSet) -> &RangeSet<Self>;

    /// `self - other`, around the end where it is less.
    fn minus(self, other: Self) -> Self;

    /// The `count` bits that stand `shift` bits from the right; at most 16.
    fn slice(self, shift: u32, count: u32) -> usize;

    /// How many bits it takes to write it.
    fn width(self) -> u32;

    /// How many of the lowest bits it takes to tell it from `other`.
    fn differing(self, other: Self) -> u32;

    /// The ends of the block of `2^shift` values that is the `number`th from the one it lies in.
    fn block(self, number: usize, shift: u32) -> (Self, Self);
}

macro_rules! bits {
    ($width:literal) => {
        const WIDTH: u32 = $width;

        #[inline(always)]
        fn minus(self, other: Self) -> Self {
            self.wrapping_sub(other)
        }

        #[inline(always)]
        fn slice(self, shift: u32, count: u32) -> usize {
            self.wrapping_shr(shift) as usize & 1usize.wrapping_shl(count).wrapping_sub(1)
        }

        fn width(self) -> u32 {
            $width - self.leading_zeros()
        }

        fn differing(self, other: Self) -> u32 {
            (self ^ other).width()
        }

        fn block(self, number: usize, shift: u32) -> (Self, Self) {
            let rest = (1 as Self).checked_shl(shift).map_or(Self::MAX, |one| one.wrapping_sub(1));
            let first = (self & !rest).wrapping_add((number as Self).wrapping_shl(shift));
            (first, first | rest)
        }
    };
}

impl Bits for u32 {
    bits!(32);

    type Index = Ipv4Bitmap;
    type NarrowPages = NarrowPages;
    type WidePages = WidePages;
    type Spots<R: Copy> = Ipv4Spots<R>;

    fn of(set: &AddressSet) -> &RangeSet<u32> {
        set.ipv4()
    }
}

impl Bits for u128 {
    bits!(128);

    type Index = Ipv6Index;
    type NarrowPages = Infallible;
    type WidePages = Infallible;
    type Spots<R: Copy> = Ipv6Spots<R>;

    fn of(set: &AddressSet) -> &RangeSet<u128> {
        set.ipv6()
    }
}

/// Finds the class of an address.
pub(super) trait Index<B>: Sized {
    /// The index of ranges, each given by its first value and its class, ascending from the least
    /// value; unless it takes more than `limit` bytes.
    fn new(ranges: &[(B, u16)], limit: usize) -> Result<Self, Unfit>;

    /// The class of an address.
    fn class<S: Simd>(&self, simd: S, address: B) -> usize;

    /// The bytes it takes on the heap.
    fn bytes(&self) -> usize;
}

/// Where there is no such index.
impl<B> Index<B> for Infallible {
    fn new(_: &[(B, u16)], _: usize) -> Result<Self, Unfit> {
        Err(Unfit::Rules("there are no such indexes for addresses of this IP version"))
    }

    #[inline(always)]
    fn class<S: Simd>(&self, _: S, _: B) -> usize {
        match *self {}
    }

    fn bytes(&self) -> usize {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::classes::mix;
    use crate::classify::simd::{Proof, Tier, Work};

    struct ClassOf<'a, I>(&'a I);

    impl<B: Bits, I: Index<B>> Work<B> for ClassOf<'_, I> {
        type Output = usize;

        #[inline(always)]
        fn run<S: Simd>(&self, simd: S, address: B) -> usize {
            self.0.class(simd, address)
        }
    }

    fn check_ipv4(boundaries: impl IntoIterator<Item = u32>) {
        let boundaries: Vec<u32> = boundaries.into_iter().collect();
        check::<u32, <u32 as Bits>::Index>(boundaries.clone());
        check::<u32, <u32 as Bits>::NarrowPages>(boundaries.clone());
        check::<u32, <u32 as Bits>::WidePages>(boundaries);
    }

    fn check_ipv6(boundaries: impl IntoIterator<Item = u128>) {
        check::<u128, <u128 as Bits>::Index>(boundaries.into_iter().collect());
    }

    /// Every boundary and its neighbours, on every tier, against a search in the ranges.
    fn check<B: Bits, I: Index<B>>(mut boundaries: Vec<B>) {
        boundaries.push(B::MIN);
        boundaries.sort();
        boundaries.dedup();
        let ranges: Vec<(B, u16)> = boundaries.iter().copied().zip((1..=9).cycle()).collect();
        let index = I::new(&ranges, 64 << 20).unwrap();
        let near = |edge: &B| [edge.previous(), Some(*edge), edge.next()];
        let addresses = boundaries.iter().flat_map(near).flatten().chain([B::MAX]);
        for address in addresses {
            let at = ranges.partition_point(|(first, _)| *first <= address);
            for tier in Tier::available() {
                let class = Proof::at_most(tier).run(&ClassOf(&index), address);
                assert_eq!(class, usize::from(ranges[at - 1].1), "{address:?} on {tier}");
            }
        }
        let bytes = index.bytes();
        assert!(I::new(&ranges, bytes).is_ok());
        assert!(matches!(I::new(&ranges, bytes - 1), Err(Unfit::Size)));
    }

    fn scattered(count: u64) -> impl Iterator<Item = u128> {
        (0..count).map(|seed| u128::from(mix(seed)) << 64 | u128::from(mix(!seed)))
    }

    #[test]
    fn every_address_finds_its_class() {
        for count in [0, 1, 2, 15, 16, 17, 31, 32, 33, 255, 256, 257, 1000, 5000] {
            check_ipv4(scattered(count).map(|value| value as u32));
            check_ipv6(scattered(count));
        }
    }

    #[test]
    fn crowds_of_boundaries_are_told_apart() {
        for (shift, base) in [(0, 0), (7, 0xff), (0, 0xffff)] {
            let crowd = scattered(300).map(|value| (value as u32 & 0xffff) << shift | base << 16);
            check_ipv4(crowd.chain([u32::MAX]));
            let neighbours = (0..200).map(|value| base << 16 | value << shift);
            check_ipv4(neighbours.chain(scattered(40).map(|value| value as u32)));
        }
        for upper in [0, 1, u64::MAX - 1, u64::MAX] {
            let crowd = scattered(300).map(|value| value >> 64 | u128::from(upper) << 64);
            check_ipv6(crowd.chain(scattered(100)));
            let edges = [0, 1, u64::MAX].map(|lower| u128::from(upper) << 64 | u128::from(lower));
            check_ipv6(edges);
        }
        // More crowded networks than there are segments, and crowds within crowds.
        let hosts = |network: u128| (0..20).map(move |host| network << 80 | host << (network % 60));
        check_ipv6((0..30).flat_map(hosts));
        check_ipv6((0..128).map(|bit| 1 << bit));
        check_ipv6((0..64).flat_map(|bit| (0..9).map(move |host| 1 << (64 + bit) | host)));
    }
}
