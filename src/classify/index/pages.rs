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

use crate::classify::Unfit;
use crate::classify::classes::{Interner, hash_row};
use crate::classify::index::Index;
use crate::classify::simd::Simd;

/// Three loads: 16, 8 and 8 bits.
pub(in crate::classify) struct WidePages {
    first: Box<[u16; 1 << 16]>,
    second: Level<256>,
    /// Its cells are classes.
    third: Level<256>,
}

/// A load more, and a third of the memory or less: 12, 8, 6 and 6 bits.
pub(in crate::classify) struct NarrowPages {
    first: Box<[u16; 1 << 12]>,
    second: Level<256>,
    third: Level<64>,
    /// Its cells are classes.
    fourth: Level<64>,
}

/// The pages of a level, with as many cells each as its bits have values.
struct Level<const CELLS: usize>(Box<[[u16; CELLS]]>);

impl<const CELLS: usize> Level<CELLS> {
    fn new(cells: &[u16]) -> Self {
        Self(cells.as_chunks().0.into())
    }

    /// The cell of a page that the lowest bits of `address` select.
    #[inline(always)]
    fn cell(&self, page: u16, address: u32) -> u16 {
        self.0[usize::from(page)][address as usize % CELLS]
    }

    fn bytes(&self) -> usize {
        size_of_val(&*self.0)
    }
}

impl Index<u32> for WidePages {
    fn new(ranges: &[(u32, u16)], limit: usize) -> Result<Self, Unfit> {
        let [first, second, third] = levels([16, 8, 8], ranges, limit)?;
        let first = first.try_into().map_err(|_| Unfit::Size)?;
        Ok(Self { first, second: Level::new(&second), third: Level::new(&third) })
    }

    #[inline(always)]
    fn class<S: Simd>(&self, _: S, address: u32) -> usize {
        let page = self.first[(address >> 16) as usize];
        let page = self.second.cell(page, address >> 8);
        self.third.cell(page, address).into()
    }

    fn bytes(&self) -> usize {
        size_of_val(&*self.first) + self.second.bytes() + self.third.bytes()
    }
}

impl Index<u32> for NarrowPages {
    fn new(ranges: &[(u32, u16)], limit: usize) -> Result<Self, Unfit> {
        let [first, second, third, fourth] = levels([12, 8, 6, 6], ranges, limit)?;
        let first = first.try_into().map_err(|_| Unfit::Size)?;
        let (second, third) = (Level::new(&second), Level::new(&third));
        Ok(Self { first, second, third, fourth: Level::new(&fourth) })
    }

    #[inline(always)]
    fn class<S: Simd>(&self, _: S, address: u32) -> usize {
        let page = self.first[(address >> 20) as usize];
        let page = self.second.cell(page, address >> 12);
        let page = self.third.cell(page, address >> 6);
        self.fourth.cell(page, address).into()
    }

    fn bytes(&self) -> usize {
        size_of_val(&*self.first) + self.second.bytes() + self.third.bytes() + self.fourth.bytes()
    }
}

/// The cells of each level, page by page, the first level having one page.
fn levels<const LEVELS: usize>(
    bits: [u32; LEVELS],
    ranges: &[(u32, u16)],
    limit: usize,
) -> Result<[Box<[u16]>; LEVELS], Unfit> {
    let mut levels = bits.map(Pages::new);
    page(&mut levels, ranges, 0, u32::BITS - bits[0], limit)?;
    Ok(levels.map(Pages::into_cells))
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
