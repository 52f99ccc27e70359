//! From an IPv4 address to its class: one load for each stretch of its bits.
//!
//! The upper bits select a page of the next level, some bits below them a page of the level after
//! that, until the last level holds the class (multibit tries: Srinivasan and Varghese 1999;
//! DIR-24-8: Gupta, Lin and McKeown 1998). Equal pages, which are most, are stored once. No lookup
//! compares anything, which makes this the fastest index there is while it stays in the caches
//! near the core.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "every cell holds the number of a page that the builder made; parts of an address \
              are shifted into range before they are narrowed"
)]

use std::marker::PhantomData;

use crate::classify::Unfit;
use crate::classify::classes::{Interner, hash_row};
use crate::classify::index::Index;
use crate::classify::simd::Simd;

/// How many bits of an address each level takes, from the upper ones on; 32 in all.
pub(in crate::classify) trait Strides<const LEVELS: usize> {
    const BITS: [u32; LEVELS];

    /// How far to the right of an address the bits of a level stand.
    fn shift(level: usize) -> u32 {
        Self::BITS[level + 1..].iter().sum()
    }
}

/// Few loads.
pub(in crate::classify) struct Wide;

impl Strides<3> for Wide {
    const BITS: [u32; 3] = [16, 8, 8];
}

/// A load more, and a third of the memory or less.
pub(in crate::classify) struct Narrow;

impl Strides<4> for Narrow {
    const BITS: [u32; 4] = [12, 8, 6, 6];
}

pub(in crate::classify) struct Ipv4Pages<T, const LEVELS: usize> {
    /// The pages of each level, one behind the other; those of the last hold classes.
    levels: [Box<[u16]>; LEVELS],
    strides: PhantomData<T>,
}

impl<T: Strides<LEVELS>, const LEVELS: usize> Index<u32> for Ipv4Pages<T, LEVELS> {
    fn new(ranges: &[(u32, u16)], limit: usize) -> Result<Self, Unfit> {
        let mut levels = T::BITS.map(Pages::new);
        page(&mut levels, ranges, 0, T::shift(0), limit)?;
        Ok(Self { levels: levels.map(Pages::into_cells), strides: PhantomData })
    }

    #[inline(always)]
    fn class<S: Simd>(&self, _: S, address: u32) -> usize {
        let (mut page, mut left) = (0, u32::BITS);
        for (cells, bits) in self.levels.iter().zip(T::BITS) {
            left = left.wrapping_sub(bits);
            let cell = address.wrapping_shr(left) & 1u32.wrapping_shl(bits).wrapping_sub(1);
            page = cells[page << bits | cell as usize].into();
        }
        page
    }

    fn bytes(&self) -> usize {
        self.levels.iter().map(|cells| size_of_val(&**cells)).sum()
    }
}

/// Pages of one level while they are made, four cells a word.
struct Pages {
    /// How many bits of an address select a cell.
    bits: u32,
    distinct: Interner,
    /// The last page that holds one class everywhere: the class, and the page's number.
    uniform: Option<(u16, u16)>,
}

impl Pages {
    fn new(bits: u32) -> Self {
        Self { bits, distinct: Interner::new(words(bits)), uniform: None }
    }

    fn number(&mut self, page: &[u16]) -> Result<u16, Unfit> {
        let four = |cells: &[u16; 4]| {
            cells.iter().rev().fold(0, |word, cell| word << 16 | u64::from(*cell))
        };
        let page: Vec<u64> = page.as_chunks().0.iter().map(four).collect();
        let number = self.distinct.number(hash_row(&page), &page);
        u16::try_from(number).map_err(|_| Unfit::Size)
    }

    fn bytes(&self) -> usize {
        8 * words(self.bits) * self.distinct.len()
    }

    fn into_cells(self) -> Box<[u16]> {
        let words = self.distinct.into_rows();
        let cells = |word: &u64| [0, 16, 32, 48].map(|shift| (word >> shift) as u16);
        words.iter().flatten().flat_map(cells).collect()
    }
}

fn words(bits: u32) -> usize {
    1 << (bits - 2)
}

/// The number of the page on the first of `levels` for the block of addresses that starts at
/// `first`, whose cells stand for `2^width` addresses each. `ranges` are those with addresses in
/// the block; behind the last level, their only class.
fn page(
    levels: &mut [Pages],
    mut ranges: &[(u32, u16)],
    first: u32,
    width: u32,
    limit: usize,
) -> Result<u16, Unfit> {
    let Some((level, below)) = levels.split_first_mut() else { return Ok(ranges[0].1) };
    let narrower = below.first().map_or(0, |next| width - next.bits);
    let mut page = vec![0; 1 << level.bits];
    let mut cell = 0;
    while cell < page.len() {
        let start = first + ((cell as u32) << width);
        let end = ranges.get(1).map_or(page.len(), |next| ((next.0 - first) >> width) as usize);
        if cell < end {
            page[cell..end].fill(uniform(below, ranges[0].1)?);
            cell = end;
        } else {
            let last = start + ((1u32 << width) - 1);
            let inside = ranges.partition_point(|range| range.0 <= last);
            page[cell] = self::page(below, &ranges[..inside], start, narrower, limit)?;
            ranges = &ranges[inside - 1..];
            cell += 1;
        }
        // Where the next cell begins, a range may begin as well.
        let next = u64::from(first) + ((cell as u64) << width);
        if ranges.get(1).is_some_and(|range| u64::from(range.0) == next) {
            ranges = &ranges[1..];
        }
    }
    let number = level.number(&page)?;
    if levels.iter().map(Pages::bytes).sum::<usize>() > limit {
        Err(Unfit::Size)
    } else {
        Ok(number)
    }
}

/// The number of the page on the first of `levels` for a block of one class.
fn uniform(levels: &mut [Pages], class: u16) -> Result<u16, Unfit> {
    let Some((level, below)) = levels.split_first_mut() else { return Ok(class) };
    if let Some((of, number)) = level.uniform
        && of == class
    {
        return Ok(number);
    }
    let content = uniform(below, class)?;
    let number = level.number(&vec![content; 1 << level.bits])?;
    level.uniform = Some((class, number));
    Ok(number)
}
