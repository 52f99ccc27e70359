//! From an address to its class, without a branch on the address.
//!
//! IPv4: a trie whose root is a table over the upper 16 bits and whose other nodes take a few bits
//! each (level-compressed tries: Nilsson and Karlsson 1999; here with fixed strides). Every lookup
//! takes all levels: what no boundary splits leads to an entry that leads to itself, the offset
//! into it masked to zero. Nodes of 16 keep large tables in the caches near the core; nodes of 256
//! save two levels where there are few of them.
//!
//! IPv6: a branch-free binary search over the boundaries, whose number of steps depends on the
//! table alone.

#![expect(
    clippy::indexing_slicing,
    reason = "every entry of a level holds an offset that the builder gave to the next one"
)]
#![expect(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "parts of an address are shifted into range before they are narrowed"
)]

use std::hash::Hash;
use std::hint::select_unpredictable;

use super::Unfit;
use super::classes::Partition;
use super::pairs::{Ipv4Spots, Ipv6Spots, Spots};
use crate::net::{AddressSet, Coordinate, RangeSet};

/// An address of one IP version as a number.
pub(super) trait Bits: Coordinate + Hash + From<u16> {
    /// What finds its class.
    type Index: Index<Self>;

    /// What finds its record among those of thousands of ranges.
    type Spots: Spots<Self>;

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

    type Index = Ipv4Index;
    type Spots = Ipv4Spots;

    fn of(set: &AddressSet) -> &RangeSet<u32> {
        set.ipv4()
    }
}

impl Bits for u128 {
    bits!(128);

    type Index = Ipv6Index;
    type Spots = Ipv6Spots;

    fn of(set: &AddressSet) -> &RangeSet<u128> {
        set.ipv6()
    }
}

/// Finds the class of an address.
pub(super) trait Index<B>: Sized {
    /// The index of a partition, unless it takes more than `limit` bytes.
    fn new(partition: &Partition<B>, limit: usize) -> Result<Self, Unfit>;

    /// The class of an address.
    fn class(&self, address: B) -> usize;

    /// Gives every class another number.
    fn renumber(&mut self, numbers: &[u16]);

    /// The bytes it takes on the heap.
    fn bytes(&self) -> usize;
}

pub(super) enum Ipv4Index {
    Coarse(Trie<8>),
    Fine(Trie<4>),
}

/// Where coarse nodes take no more than this they are the quicker ones.
const COARSE: usize = 128 << 10;

impl Index<u32> for Ipv4Index {
    fn new(partition: &Partition<u32>, limit: usize) -> Result<Self, Unfit> {
        let coarse = Trie::new(partition, limit.min(COARSE + size_of::<u32>() * ROOT));
        Ok(match coarse {
            Ok(trie) => Self::Coarse(trie),
            Err(_) => Self::Fine(Trie::new(partition, limit)?),
        })
    }

    #[inline(always)]
    fn class(&self, address: u32) -> usize {
        match self {
            Self::Coarse(trie) => trie.class(address),
            Self::Fine(trie) => trie.class(address),
        }
    }

    fn renumber(&mut self, numbers: &[u16]) {
        let (Self::Coarse(Trie { cells, .. }) | Self::Fine(Trie { cells, .. })) = self;
        for cell in cells {
            *cell = numbers[usize::from(*cell)];
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Coarse(trie) => trie.bytes(),
            Self::Fine(trie) => trie.bytes(),
        }
    }
}

/// The entries of the root.
const ROOT: usize = 1 << 16;

/// A trie with nodes of `2^BITS` below its root; `BITS` divides 16.
pub(super) struct Trie<const BITS: u32> {
    /// By the upper 16 bits: an [`entry`] of `nodes`.
    root: Box<[u32]>,
    /// Entries of `nodes`, or on the last level but one of `cells`.
    nodes: Box<[u32]>,
    cells: Box<[u16]>,
}

/// An offset into the next level, and whether a node starts there rather than one value.
fn entry(offset: usize, split: bool) -> Result<u32, Unfit> {
    let offset = u32::try_from(offset).ok().filter(|offset| *offset < 1 << 31);
    Ok(offset.ok_or(Unfit::Size)? << 1 | u32::from(split))
}

impl<const BITS: u32> Trie<BITS> {
    fn new(partition: &Partition<u32>, limit: usize) -> Result<Self, Unfit> {
        // Every class has an entry that leads to itself, at its own number, on all levels.
        let classes = partition.rows.len();
        let mut builder = Builder {
            ranges: &partition.ranges,
            nodes: (0..classes).map(|class| entry(class, false)).collect::<Result<_, _>>()?,
            cells: (0..classes).map(|class| class as u16).collect(),
            limit: limit.checked_sub(size_of::<u32>() * ROOT).ok_or(Unfit::Size)?,
        };
        let mut root: Vec<u32> = Vec::with_capacity(ROOT);
        while root.len() < ROOT {
            let entry = builder.block::<BITS>((root.len() as u32) << 16, 16)?;
            // What the rest of an unsplit range covers is of the same class.
            let next = builder.ranges.get(1).map_or(ROOT, |next| (next.0 >> 16) as usize);
            let end = if entry & 1 == 0 { next } else { root.len() + 1 };
            root.resize(end, entry);
        }
        Ok(Self { root: root.into(), nodes: builder.nodes.into(), cells: builder.cells.into() })
    }

    #[inline(always)]
    fn class(&self, address: u32) -> usize {
        let mut entry = self.root[(address >> 16) as usize];
        let mut left = 16 - BITS;
        while left > 0 {
            entry = self.nodes[follow::<BITS>(entry, address >> left)];
            left -= BITS;
        }
        self.cells[follow::<BITS>(entry, address)].into()
    }

    fn bytes(&self) -> usize {
        size_of_val(&*self.root) + size_of_val(&*self.nodes) + size_of_val(&*self.cells)
    }
}

/// The place an entry leads to for the lowest bits of `part`.
#[inline(always)]
fn follow<const BITS: u32>(entry: u32, part: u32) -> usize {
    // All ones where a node starts there, else zero.
    let mask = 0u32.wrapping_sub(entry & 1);
    ((entry >> 1).wrapping_add(part & mask & ((1 << BITS) - 1))) as usize
}

/// Makes the nodes below the root, blocks in ascending order.
struct Builder<'a> {
    /// The ranges, from the one that holds the next address on.
    ranges: &'a [(u32, u16)],
    nodes: Vec<u32>,
    cells: Vec<u16>,
    limit: usize,
}

impl Builder<'_> {
    /// The entry for the addresses from `first` on that share all but their lowest `width` bits.
    fn block<const BITS: u32>(&mut self, first: u32, width: u32) -> Result<u32, Unfit> {
        let last = first | ((1 << width) - 1);
        while let [_, next, ..] = self.ranges
            && next.0 <= first
        {
            self.ranges = &self.ranges[1..];
        }
        let class = self.ranges[0].1;
        if self.ranges.get(1).is_none_or(|next| next.0 > last) {
            return entry(class.into(), false);
        }
        if 4 * self.nodes.len() + 2 * self.cells.len() > self.limit {
            return Err(Unfit::Size);
        }
        if width == BITS {
            let node = self.cells.len();
            for address in first..=last {
                let single = self.block::<BITS>(address, 0)?;
                self.cells.push((single >> 1) as u16);
            }
            return entry(node, true);
        }
        let node = self.nodes.len();
        self.nodes.resize(node + (1 << BITS), 0);
        for child in 0..1u32 << BITS {
            let below = width - BITS;
            self.nodes[node + child as usize] =
                self.block::<BITS>(first + (child << below), below)?;
        }
        entry(node, true)
    }
}

pub(super) struct Ipv6Index {
    // INVARIANT: ascending, the first is 0, `classes` is as long.
    firsts: Box<[u128]>,
    classes: Box<[u16]>,
}

impl Index<u128> for Ipv6Index {
    fn new(partition: &Partition<u128>, limit: usize) -> Result<Self, Unfit> {
        if 18 * partition.ranges.len() > limit {
            return Err(Unfit::Size);
        }
        let (firsts, classes): (Vec<_>, Vec<_>) = partition.ranges.iter().copied().unzip();
        Ok(Self { firsts: firsts.into(), classes: classes.into() })
    }

    #[inline]
    fn class(&self, address: u128) -> usize {
        // INVARIANT: firsts[base] <= address < firsts[base + size], where that exists.
        let (mut base, mut size) = (0usize, self.firsts.len());
        while size > 1 {
            let half = size / 2;
            let middle = base.wrapping_add(half);
            base = select_unpredictable(self.firsts[middle] <= address, middle, base);
            size = size.wrapping_sub(half);
        }
        self.classes[base].into()
    }

    fn renumber(&mut self, numbers: &[u16]) {
        for class in &mut self.classes {
            *class = numbers[usize::from(*class)];
        }
    }

    fn bytes(&self) -> usize {
        size_of_val(&*self.firsts) + size_of_val(&*self.classes)
    }
}
