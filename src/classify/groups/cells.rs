//! Ascending values in cells of 32 bits, and how many of them are below another.
//!
//! Long lists are halved down to a few cache lines; those are counted without a branch, all lines
//! at once, where every step of a search would wait for memory.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "lists are padded to whole blocks, and split inside"
)]
#![expect(clippy::cast_possible_truncation, reason = "values are taken apart")]

use std::hint::select_unpredictable;

use crate::net::Coordinate;

/// A value that can be written into cells.
pub(in crate::classify) trait InCells: Coordinate {
    /// Writes ascending values, padded with the greatest one, which is below nothing.
    fn write(values: &[Self], cells: &mut Vec<u32>);

    /// How many cells so many values take.
    fn cells(values: usize) -> usize;

    /// How many of the values in `cells` are below `value`.
    fn below(cells: &[u32], value: Self) -> usize;
}

/// Cells that are counted at once.
const BLOCK: usize = 8;

/// Longer lists are halved first.
const COUNTED: usize = 128;

impl InCells for u32 {
    fn write(values: &[Self], cells: &mut Vec<u32>) {
        let end = cells.len() + Self::cells(values.len());
        cells.extend_from_slice(values);
        cells.resize(end, Self::MAX);
    }

    fn cells(values: usize) -> usize {
        values.next_multiple_of(BLOCK)
    }

    #[inline(always)]
    fn below(mut cells: &[u32], value: Self) -> usize {
        let mut before = 0usize;
        while cells.len() > COUNTED {
            let (low, high) = cells.split_at(cells.len() / (2 * BLOCK) * BLOCK);
            let is_high = low[low.len() - 1] < value;
            before = before.wrapping_add(select_unpredictable(is_high, low.len(), 0));
            cells = select_unpredictable(is_high, high, low);
        }
        before.wrapping_add(count(cells, |cell| u32::from(cell < value)))
    }
}

/// Two to a cell, the lower one in the lower half.
impl InCells for u16 {
    fn write(values: &[Self], cells: &mut Vec<u32>) {
        let end = cells.len() + Self::cells(values.len());
        let upper = |pair: &[Self]| u32::from(pair.get(1).copied().unwrap_or(Self::MAX));
        cells.extend(values.chunks(2).map(|pair| u32::from(pair[0]) | upper(pair) << 16));
        cells.resize(end, u32::MAX);
    }

    fn cells(values: usize) -> usize {
        values.div_ceil(2).next_multiple_of(BLOCK)
    }

    #[inline(always)]
    fn below(mut cells: &[u32], value: Self) -> usize {
        let value = u32::from(value);
        let mut before = 0usize;
        while cells.len() > COUNTED {
            let (low, high) = cells.split_at(cells.len() / (2 * BLOCK) * BLOCK);
            let is_high = low[low.len() - 1] >> 16 < value;
            before = before.wrapping_add(select_unpredictable(is_high, 2 * low.len(), 0));
            cells = select_unpredictable(is_high, high, low);
        }
        let in_cell = |cell: u32| {
            u32::from(cell & 0xffff < value).wrapping_add(u32::from(cell >> 16 < value))
        };
        before.wrapping_add(count(cells, in_cell))
    }
}

/// In four cells, the least part first.
impl InCells for u128 {
    fn write(values: &[Self], cells: &mut Vec<u32>) {
        let parts = |value: &Self| [0, 32, 64, 96].map(|shift| (value >> shift) as u32);
        cells.extend(values.iter().flat_map(parts));
    }

    fn cells(values: usize) -> usize {
        4 * values
    }

    #[inline(always)]
    fn below(cells: &[u32], value: Self) -> usize {
        let (mut values, _) = cells.as_chunks::<4>();
        let whole = |parts: &[u32; 4]| {
            let [a, b, c, d] = parts.map(Self::from);
            a | b << 32 | c << 64 | d << 96
        };
        let mut before = 0usize;
        while values.len() > COUNTED / BLOCK {
            let (low, high) = values.split_at(values.len() / 2);
            let is_high = whole(&low[low.len() - 1]) < value;
            before = before.wrapping_add(select_unpredictable(is_high, low.len(), 0));
            values = select_unpredictable(is_high, high, low);
        }
        values
            .iter()
            .fold(before, |count, parts| count.wrapping_add(usize::from(whole(parts) < value)))
    }
}

#[inline(always)]
fn count(cells: &[u32], in_cell: impl Fn(u32) -> u32) -> usize {
    let (blocks, _) = cells.as_chunks::<BLOCK>();
    let mut counts = [0u32; BLOCK];
    for block in blocks {
        for (count, cell) in counts.iter_mut().zip(block) {
            *count = count.wrapping_add(in_cell(*cell));
        }
    }
    counts.iter().fold(0u32, |sum, count| sum.wrapping_add(*count)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: InCells>(to_value: impl Fn(u16) -> T) {
        for length in [0u16, 1, 2, 7, 8, 9, 15, 16, 17, 127, 128, 129, 255, 256, 257, 1000, 5000] {
            let values: Vec<T> = (0..length).map(|number| to_value(3 * number + 1)).collect();
            let mut cells = vec![7];
            T::write(&values, &mut cells);
            assert_eq!(cells.len(), 1 + T::cells(values.len()));
            let step = 1 + usize::from(length / 200);
            for value in (0..3 * length + 3).step_by(step).map(&to_value).chain([T::MIN, T::MAX]) {
                let expected = values.iter().filter(|other| **other < value).count();
                assert_eq!(T::below(&cells[1..], value), expected, "{value:?} in {length}");
            }
        }
    }

    #[test]
    fn values_are_counted_however_many_there_are() {
        check(|number| number);
        check(u32::from);
        check(|number| u32::from(number) << 14);
        check(|number| u128::from(number) << 93);
    }
}
