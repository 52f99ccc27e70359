//! From an address to its class, without a branch on the address.
//!
//! IPv4: a table over the upper 16 bits, pages of 256 for the blocks that some boundary splits,
//! pages of 256 again below those (the DIR-24-8 of Gupta, Lin and McKeown 1998, with strides that
//! fit a cache). Every lookup takes all three loads: where a block is not split, its entry leads
//! to a single cell, and the offset into it is masked to zero.
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

use super::Unfit;
use super::classes::Partition;
use crate::net::{AddressSet, Coordinate, RangeSet};

/// An address of one IP version as a number.
pub(super) trait Bits: Coordinate + Hash {
    /// What finds its class.
    type Index: Index<Self>;

    /// This version's part of a set.
    fn of(set: &AddressSet) -> &RangeSet<Self>;
}

impl Bits for u32 {
    type Index = Ipv4Index;

    fn of(set: &AddressSet) -> &RangeSet<u32> {
        set.ipv4()
    }
}

impl Bits for u128 {
    type Index = Ipv6Index;

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

pub(super) struct Ipv4Index {
    /// By the upper 16 bits: an [`entry`] of `middle`.
    upper: Box<[u32]>,
    /// An [`entry`] of `cells`.
    middle: Box<[u32]>,
    cells: Box<[u16]>,
}

/// An offset into the next level, and whether 256 places start there rather than one.
fn entry(offset: usize, split: bool) -> Result<u32, Unfit> {
    let offset = u32::try_from(offset).ok().filter(|offset| *offset < 1 << 31);
    Ok(offset.ok_or(Unfit::Size)? << 1 | u32::from(split))
}

/// The place an entry leads to for the lowest 8 bits of `part`.
fn follow(entry: u32, part: u32) -> usize {
    // All ones where the entry is split, else zero.
    let mask = 0u32.wrapping_sub(entry & 1);
    ((entry >> 1).wrapping_add(part & mask & 0xff)) as usize
}

impl Index<u32> for Ipv4Index {
    fn new(partition: &Partition<u32>, limit: usize) -> Result<Self, Unfit> {
        // A cell for each class comes first, and an unsplit entry that leads to it.
        let classes = partition.rows.len();
        let mut cells: Vec<u16> = (0..classes).map(|class| class as u16).collect();
        let mut middle: Vec<u32> =
            (0..classes).map(|class| entry(class, false)).collect::<Result<_, _>>()?;
        let mut upper: Vec<u32> = Vec::with_capacity(1 << 16);
        for (first, last, class) in partition.spans() {
            if 4 * (upper.len() + middle.len()) + 2 * cells.len() > limit {
                return Err(Unfit::Size);
            }
            let whole = entry(class.into(), false)?;
            // Values before `at` are settled.
            let mut at = u64::from(first);
            let end = u64::from(last) + 1;
            while at < end {
                if at & 0xffff == 0 && end - at >= 1 << 16 {
                    let blocks = (end - at) >> 16;
                    upper.resize(upper.len() + blocks as usize, whole);
                    at += blocks << 16;
                    continue;
                }
                if upper.len() as u64 == at >> 16 {
                    upper.push(entry(middle.len(), true)?);
                    middle.resize(middle.len() + 256, whole);
                }
                let page = middle.len() - 256;
                let (low, high) = (at as usize >> 8 & 0xff, (at | 0xff) + 1);
                if at & 0xff == 0 && end >= high {
                    middle[page + low] = whole;
                    at = high;
                    continue;
                }
                if at & 0xff == 0 {
                    middle[page + low] = entry(cells.len(), true)?;
                    cells.resize(cells.len() + 256, class);
                }
                let cell = cells.len() - 256;
                let stop = end.min(high);
                for offset in (at & 0xff)..=((stop - 1) & 0xff) {
                    cells[cell + offset as usize] = class;
                }
                at = stop;
            }
        }
        Ok(Self { upper: upper.into(), middle: middle.into(), cells: cells.into() })
    }

    #[inline]
    fn class(&self, address: u32) -> usize {
        let upper = self.upper[(address >> 16) as usize];
        let middle = self.middle[follow(upper, address >> 8)];
        self.cells[follow(middle, address)].into()
    }

    fn renumber(&mut self, numbers: &[u16]) {
        for cell in &mut self.cells {
            *cell = numbers[usize::from(*cell)];
        }
    }

    fn bytes(&self) -> usize {
        4 * (self.upper.len() + self.middle.len()) + 2 * self.cells.len()
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
            base = if self.firsts[middle] <= address { middle } else { base };
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
