//! From an address to what is recorded for the range it lies in.
//!
//! IPv4: the upper bits select a slot, a few bits below a slot of that one, some more a node, and
//! up to seven boundaries in the node, compared all at once, the range. How many bits each slot
//! takes is chosen so that the boundaries fit, and small where they are few.
//!
//! IPv6: the range's number is that of the record.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "every slot and node holds offsets that the builder gave to the next level, and \
              parts of an address are shifted into range before they are narrowed"
)]

use std::ops::Range;

use super::ipv6::Ipv6Ranges;
use crate::classify::Unfit;
use crate::classify::simd::Simd;

/// Finds the record of an address.
pub(in crate::classify) trait Spots<B, R>: Sized {
    /// `ranges` are ascending from the least address, by the first of each.
    fn new(ranges: &[(B, R)], limit: usize) -> Result<Self, Unfit>;

    /// The place of the record of an address.
    fn place<S: Simd>(&self, simd: S, address: B) -> usize;

    fn record(&self, place: usize) -> &R;

    /// The bytes it takes on the heap.
    fn bytes(&self) -> usize;
}

pub(in crate::classify) struct Ipv4Spots<R> {
    /// How far to the right of an address the number of its slot stands.
    shift: u32,
    /// First those that the upper bits select, then those that they lead to.
    slots: Box<[Slot]>,
    nodes: Box<[Node]>,
    records: Box<[R]>,
}

/// What comes next for a block of addresses: a row of slots or nodes, of which the bits of an
/// address from `shift` on select one.
#[derive(Clone, Copy)]
struct Slot(u32);

impl Slot {
    fn new(first: usize, shift: u32) -> Result<Self, Unfit> {
        let first = u32::try_from(first).ok().filter(|first| *first < 1 << 27);
        Ok(Self(first.ok_or(Unfit::Size)? << 5 | shift))
    }

    /// The place of what comes next for an address, given its bits within the block.
    #[inline(always)]
    fn next(self, lower: u32) -> usize {
        // Shifts count modulo 32.
        (self.0 >> 5).wrapping_add(lower.wrapping_shr(self.0)) as usize
    }
}

/// The place of a first record, then up to seven addresses in ascending order: whatever exceeds
/// the first of them has the second record, and so forth. The upper bit of these is turned, so
/// that they compare as signed numbers, and where there are fewer the rest is the greatest.
#[derive(Clone, Copy)]
#[repr(align(32))]
struct Node([i32; 1 + KEYS]);

const KEYS: usize = 7;

impl<R: Copy> Spots<u32, R> for Ipv4Spots<R> {
    fn new(ranges: &[(u32, R)], limit: usize) -> Result<Self, Unfit> {
        let bits = (ranges.len().ilog2() / 2 + 4).min(12);
        let shift = 32 - bits;
        let mut builder = Builder::new(ranges, 1 << bits, limit);
        for slot in 0..1u32 << bits {
            builder.slots[slot as usize] = builder.slot(slot << shift, shift)?;
        }
        Ok(Self {
            shift,
            slots: builder.slots.into(),
            nodes: builder.nodes.into(),
            records: ranges.iter().map(|(_, record)| *record).collect(),
        })
    }

    #[inline(always)]
    fn place<S: Simd>(&self, simd: S, address: u32) -> usize {
        let outer = self.slots[address.wrapping_shr(self.shift) as usize];
        let inner = self.slots[outer.next(address & lowest(self.shift))];
        let Node(node) = &self.nodes[inner.next(address & lowest(outer.0))];
        // The place is looked at with the boundaries but none of them.
        let rank = (simd.below(node, turned(address)) >> 1).count_ones();
        node[0].cast_unsigned().wrapping_add(rank) as usize
    }

    #[inline(always)]
    fn record(&self, place: usize) -> &R {
        &self.records[place]
    }

    fn bytes(&self) -> usize {
        size_of_val(&*self.slots) + size_of_val(&*self.nodes) + size_of_val(&*self.records)
    }
}

/// Ones in the lowest `count` bits; `count` counts modulo 32.
#[inline(always)]
fn lowest(count: u32) -> u32 {
    1u32.wrapping_shl(count).wrapping_sub(1)
}

/// As a signed number in the same order.
#[inline(always)]
fn turned(address: u32) -> i32 {
    (address ^ 1 << 31).cast_signed()
}

struct Builder<'a, R> {
    ranges: &'a [(u32, R)],
    /// The range that holds the next address.
    at: usize,
    /// By range: how many of the lowest bits of addresses a block must have to hold this
    /// boundary and as many of the next ones as do not fit into a node.
    crowds: Vec<u8>,
    slots: Vec<Slot>,
    nodes: Vec<Node>,
    /// The range of the last node without boundaries, its place, and that of a slot which leads
    /// there.
    plain: Option<(usize, usize, usize)>,
    /// The most bytes of slots and nodes.
    limit: usize,
}

impl<'a, R> Builder<'a, R> {
    fn new(ranges: &'a [(u32, R)], slots: usize, limit: usize) -> Self {
        let crowd = |ends: &[(u32, R)]| {
            let width = 32 - ((ends[0].0.wrapping_sub(1)) ^ ends[KEYS].0).leading_zeros();
            width as u8
        };
        let mut crowds: Vec<u8> = ranges.windows(1 + KEYS).map(crowd).collect();
        crowds.resize(ranges.len(), u8::MAX);
        Self {
            ranges,
            at: 0,
            crowds,
            slots: vec![Slot(0); slots],
            nodes: Vec::new(),
            plain: None,
            limit,
        }
    }

    /// Goes on to the block of `2^width` addresses from `first` on; the boundaries inside of it.
    fn enter(&mut self, first: u32, width: u32) -> Range<usize> {
        let last = first | lowest(width);
        while self.ranges.get(self.at + 1).is_some_and(|range| range.0 <= first) {
            self.at += 1;
        }
        let inside = self.ranges[self.at + 1..].iter().take_while(|range| range.0 <= last);
        self.at + 1..self.at + 1 + inside.count()
    }

    /// The slot for a block, which leads to further slots.
    fn slot(&mut self, first: u32, width: u32) -> Result<Slot, Unfit> {
        let boundaries = self.enter(first, width);
        if boundaries.is_empty()
            && let Some((range, _, slot)) = self.plain
            && range == self.at
        {
            return Slot::new(slot, width);
        }
        let bits = self.bits(&boundaries, width);
        let (place, narrow) = (self.slots.len(), width - bits);
        self.slots.resize(place + (1 << bits), Slot(0));
        for child in 0..1usize << bits {
            let first = first + (child as u32).wrapping_shl(narrow);
            self.slots[place + child] = self.inner_slot(place + child, first, narrow)?;
        }
        Slot::new(place, narrow)
    }

    /// The slot for a block, at `place`, which leads to nodes.
    fn inner_slot(&mut self, place: usize, first: u32, width: u32) -> Result<Slot, Unfit> {
        let boundaries = self.enter(first, width);
        let node = self.nodes.len();
        if boundaries.is_empty() {
            return match self.plain {
                Some((range, node, _)) if range == self.at => Slot::new(node, ONE),
                _ => {
                    self.plain = Some((self.at, node, place));
                    self.nodes.push(self.node(&boundaries));
                    Slot::new(node, ONE)
                }
            };
        }
        if boundaries.len() <= KEYS {
            self.nodes.push(self.node(&boundaries));
            return Slot::new(node, ONE);
        }
        let bits = self.node_bits(&boundaries, width);
        let narrow = width - bits;
        let nodes = self.nodes.len() + (1 << bits);
        if size_of::<Node>() * nodes + size_of_val(&*self.slots) > self.limit {
            return Err(Unfit::Size);
        }
        for child in 0..1u32 << bits {
            let boundaries = self.enter(first + child.wrapping_shl(narrow), narrow);
            self.nodes.push(self.node(&boundaries));
        }
        Slot::new(node, narrow)
    }

    /// The node of a block that begins in the current range.
    fn node(&self, boundaries: &Range<usize>) -> Node {
        let mut node = [i32::MAX; 1 + KEYS];
        node[0] = (self.at as u32).cast_signed();
        for (key, range) in node[1..].iter_mut().zip(&self.ranges[boundaries.clone()]) {
            *key = turned(range.0 - 1);
        }
        Node(node)
    }

    /// By how many bits a block must be split so that its boundaries fit into nodes.
    fn node_bits(&self, boundaries: &Range<usize>, width: u32) -> u32 {
        let end = boundaries.end.saturating_sub(KEYS).max(boundaries.start);
        let crowds = &self.crowds[boundaries.start..end];
        let least = crowds.iter().map(|crowd| u32::from(*crowd)).filter(|crowd| *crowd <= width);
        least.min().map_or(0, |least| width + 1 - least)
    }

    /// By how many bits to split a block into blocks for whose nodes there are slots.
    fn bits(&self, boundaries: &Range<usize>, width: u32) -> u32 {
        if boundaries.len() <= KEYS {
            return 0;
        }
        let bytes = |bits: &u32| {
            let narrow = width - bits;
            let block = |boundary: usize| self.ranges[boundary].0.wrapping_shr(narrow);
            let mut bytes = size_of::<Slot>() << bits;
            let mut rest = boundaries.clone();
            while let Some(first) = rest.next() {
                let end = rest.clone().find(|next| block(*next) != block(first));
                let end = end.unwrap_or(rest.end);
                bytes += size_of::<Node>() << self.node_bits(&(first..end), narrow);
                rest = end..rest.end;
            }
            bytes
        };
        (0..=width.min(10)).step_by(2).min_by_key(bytes).unwrap_or(0)
    }
}

/// The shift of a slot that leads to one node.
const ONE: u32 = 31;

pub(in crate::classify) struct Ipv6Spots<R> {
    ranges: Ipv6Ranges,
    records: Box<[R]>,
}

impl<R: Copy> Spots<u128, R> for Ipv6Spots<R> {
    fn new(ranges: &[(u128, R)], limit: usize) -> Result<Self, Unfit> {
        let records: Box<[R]> = ranges.iter().map(|(_, record)| *record).collect();
        let left = limit.checked_sub(size_of_val(&*records)).ok_or(Unfit::Size)?;
        // The first range starts at the least address, which is no boundary.
        let boundaries: Vec<u128> = ranges.iter().skip(1).map(|(first, _)| *first).collect();
        Ok(Self { ranges: Ipv6Ranges::new(&boundaries, left)?, records })
    }

    #[inline(always)]
    fn place<S: Simd>(&self, simd: S, address: u128) -> usize {
        self.ranges.number(simd, address)
    }

    #[inline(always)]
    fn record(&self, place: usize) -> &R {
        &self.records[place]
    }

    fn bytes(&self) -> usize {
        self.ranges.bytes() + size_of_val(&*self.records)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::classes::mix;
    use crate::classify::index::Bits;
    use crate::classify::simd::{Proof, Tier, Work};

    type Record = [u32; 4];

    struct At<S>(S);

    impl<B: Bits> Work<B> for At<B::Spots<Record>> {
        type Output = Record;

        fn run<S: Simd>(&self, simd: S, address: B) -> Record {
            *self.0.record(self.0.place(simd, address))
        }
    }

    fn check<B: Bits>(mut firsts: Vec<B>) {
        firsts.push(B::MIN);
        firsts.sort_unstable();
        firsts.dedup();
        let ranges: Vec<(B, Record)> =
            firsts.iter().zip(0u32..).map(|(first, range)| (*first, [range; 4])).collect();
        let spots = At(B::Spots::<Record>::new(&ranges, 1 << 28).unwrap());
        for tier in Tier::available() {
            let proof = Proof::at_most(tier);
            for (at, (first, record)) in ranges.iter().enumerate() {
                assert_eq!(proof.run(&spots, *first), *record);
                let next = ranges.get(at + 1);
                let last = next.map_or(B::MAX, |next| next.0.minus(B::from(1)));
                assert_eq!(proof.run(&spots, last), *record);
            }
        }
    }

    #[test]
    fn both_ends_of_every_range_are_found() {
        check::<u32>(vec![]);
        check(vec![1u32, u32::MAX]);
        check((0..5000).map(|n| 0x0a00_0000 + n).collect::<Vec<u32>>());
        check((0..70_000u64).map(|n| mix(n) as u32).collect());
        // Crowds of all sizes.
        check((0..3000u64).map(|n| (mix(n) as u32) >> (n % 32) ^ 0xc0a8_0000).collect());
        check((0..9000u64).map(|n| u128::from(mix(n)) << (n % 65)).collect());
    }

    #[test]
    fn a_limit_holds() {
        let ranges: Vec<(u32, Record)> = (0..100).map(|n| (n << 20, [n; 4])).collect();
        assert!(matches!(Ipv4Spots::new(&ranges, 100), Err(Unfit::Size)));
        let ranges: Vec<(u128, Record)> = (0..100).map(|n| (n << 20, [0; 4])).collect();
        assert!(matches!(Ipv6Spots::new(&ranges, 100), Err(Unfit::Size)));
    }
}
