//! Equivalence classes: values of one field that no rule tells apart.
//!
//! The boundaries of all sets of a field are swept in ascending order; at each one the sets that
//! begin or end there toggle their rules in the current row, a bit a rule. Values with the same
//! row are one class. The work is per *distinct set*, however many rules use it, and nothing is
//! ever multiplied out (bit vectors: Lakshman and Stiliadis 1998; classes of each field:
//! recursive flow classification, Gupta and McKeown 1999).

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "row numbers are below `Rows::len`, bits below `64 * words`, by construction"
)]

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::Unfit;
use crate::net::{Coordinate, RangeSet};

/// Sets of rules as rows of bits.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    words: usize,
    bits: Vec<u64>,
}

impl Rows {
    pub(super) fn new(words: usize) -> Self {
        Self { words, bits: Vec::new() }
    }

    pub(super) fn zeroed(rows: usize, words: usize) -> Self {
        Self { words, bits: vec![0; rows * words] }
    }

    pub(super) fn words(&self) -> usize {
        self.words
    }

    pub(super) fn len(&self) -> usize {
        self.bits.len() / self.words
    }

    pub(super) fn row(&self, row: usize) -> &[u64] {
        &self.bits[row * self.words..][..self.words]
    }

    pub(super) fn insert(&mut self, row: usize, bit: usize) {
        self.bits[row * self.words + bit / 64] |= 1 << (bit % 64);
    }

    /// The bytes they take on the heap.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.bits)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u64]> {
        self.bits.chunks_exact(self.words)
    }
}

/// Distinct rows, numbered in the order they were first seen.
#[derive(Debug)]
pub(super) struct Interner {
    rows: Rows,
    numbers: HashMap<u64, u32, BuildHasherDefault<AsIs>>,
}

impl Interner {
    pub(super) fn new(words: usize) -> Self {
        Self { rows: Rows::new(words), numbers: HashMap::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The number of `row`, which is compared bit by bit: `hash` only finds it quickly.
    pub(super) fn number(&mut self, mut hash: u64, row: &[u64]) -> u32 {
        loop {
            match self.numbers.get(&hash) {
                Some(&number) if self.rows.row(number as usize) == row => return number,
                Some(_) => hash = hash.wrapping_add(1),
                None => {
                    let number = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
                    self.rows.bits.extend_from_slice(row);
                    self.numbers.insert(hash, number);
                    return number;
                }
            }
        }
    }

    pub(super) fn into_rows(mut self) -> Rows {
        self.rows.bits.shrink_to_fit();
        self.rows
    }
}

/// Passes on a hash that is mixed already.
#[derive(Default, Debug)]
pub(super) struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = mix(self.0 ^ u64::from(*byte));
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// A hash of a row, in four strands so that the multiplications overlap.
pub(super) fn hash_row(row: &[u64]) -> u64 {
    const K: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut strands = [1u64, 2, 3, 4];
    let mut chunks = row.chunks_exact(4);
    for chunk in &mut chunks {
        for (strand, word) in strands.iter_mut().zip(chunk) {
            *strand = (*strand ^ word).wrapping_mul(K).rotate_left(29);
        }
    }
    for (strand, word) in strands.iter_mut().zip(chunks.remainder()) {
        *strand = (*strand ^ word).wrapping_mul(K).rotate_left(29);
    }
    mix(strands.iter().fold(0, |hash, strand| mix(hash ^ strand)))
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014).
pub(super) fn mix(mut hash: u64) -> u64 {
    hash = hash.wrapping_add(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// A field cut into ranges, each of one class.
#[derive(Debug)]
pub(super) struct Partition<B> {
    /// The first value of each range and its class, ascending from the least value; neighbours
    /// differ in class.
    pub(super) ranges: Vec<(B, u16)>,
    /// The rules of each class.
    pub(super) rows: Rows,
}

impl<B: Coordinate> Partition<B> {
    /// The classes of a field: `sets` are its distinct sets, `users` the rules that use each.
    ///
    /// # Errors
    ///
    /// When there are more than 65,536 classes, or their rows or the edges of all sets take more
    /// than `limit` bytes.
    pub(super) fn new(sets: &[&RangeSet<B>], users: &Rows, limit: usize) -> Result<Self, Unfit> {
        let most: usize = sets.iter().map(|set| 2 * set.intervals().len()).sum();
        if most.saturating_mul(size_of::<(B, u32)>()) > limit {
            return Err(Unfit::Size);
        }
        let mut edges: Vec<(B, u32)> = Vec::with_capacity(most);
        for (number, set) in (0u32..).zip(sets) {
            for interval in set.intervals() {
                edges.push((interval.first(), number));
                edges.extend(interval.last().next().map(|end| (end, number)));
            }
        }
        // The edges of each set are sorted already: the stable sort merges these runs.
        edges.sort();

        let most = (limit / (8 * users.words())).min(1 << 16);
        let mut classes = Interner::new(users.words());
        let mut ranges: Vec<(B, u16)> = Vec::with_capacity(edges.len() + 1);
        let (mut row, mut hash) = (vec![0u64; users.words()], 0u64);
        let mut edges = edges.into_iter().peekable();
        let mut at = B::MIN;
        loop {
            while let Some((_, set)) = edges.next_if(|(edge, _)| *edge == at) {
                for (word, toggled) in row.iter_mut().zip(users.row(set as usize)) {
                    *word ^= toggled;
                }
                hash ^= mix(u64::from(set));
            }
            let class = classes.number(hash, &row);
            if classes.len() > most {
                return Err(Unfit::Size);
            }
            let class = u16::try_from(class).map_err(|_| Unfit::Size)?;
            if ranges.last().is_none_or(|(_, before)| *before != class) {
                ranges.push((at, class));
            }
            match edges.peek() {
                Some((edge, _)) => at = *edge,
                None => break,
            }
        }
        // Not both at a time: the edges, and the ranges twice.
        drop(edges);
        ranges.shrink_to_fit();
        Ok(Self { ranges, rows: classes.into_rows() })
    }

    /// The bytes it takes on the heap.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.ranges) + self.rows.bytes()
    }

    /// The ranges with other numbers for their classes, neighbours of one number as one.
    pub(super) fn renumbered(&self, numbers: &[u16]) -> Vec<(B, u16)> {
        let mut ranges: Vec<_> = self
            .ranges
            .iter()
            .map(|(first, class)| (*first, numbers[usize::from(*class)]))
            .collect();
        ranges.dedup_by_key(|(_, class)| *class);
        ranges
    }

    /// Each range with its first value, its last value and its class.
    pub(super) fn spans(&self) -> impl Iterator<Item = (B, B, u16)> {
        let ends = self.ranges.iter().skip(1).map(|(first, _)| first.previous());
        self.ranges
            .iter()
            .zip(ends.chain([None]))
            .map(|(&(first, class), last)| (first, last.unwrap_or(B::MAX), class))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Interval;

    fn set(pairs: &[(u8, u8)]) -> RangeSet<u8> {
        pairs.iter().filter_map(|&(first, last)| Interval::new(first, last)).collect()
    }

    /// Membership in every set, value by value, against the row of the value's class.
    #[test]
    fn a_class_is_the_sets_its_values_are_in() {
        let sets = [
            set(&[(0, 255)]),
            set(&[(0, 0), (255, 255)]),
            set(&[(10, 19), (30, 39)]),
            set(&[(15, 34)]),
            set(&[]),
        ];
        let mut users = Rows::zeroed(sets.len(), 3);
        for number in 0..sets.len() {
            users.insert(number, 40 * number);
        }
        let refs: Vec<_> = sets.iter().collect();
        let partition = Partition::new(&refs, &users, 1 << 20).unwrap();
        let mut seen = 0;
        for (first, last, class) in partition.spans() {
            for value in first..=last {
                for (number, set) in sets.iter().enumerate() {
                    let bit = 40 * number;
                    let row = partition.rows.row(class.into());
                    assert_eq!(row[bit / 64] >> (bit % 64) & 1 == 1, set.contains(value));
                }
                seen += 1;
            }
        }
        assert_eq!(seen, 256);
        // {0, 255}, 10..=14 with 35..=39, 15..=19 with 30..=34, 20..=29, and the rest.
        assert_eq!(partition.rows.len(), 5);
        assert!(matches!(Partition::new(&refs, &users, 64), Err(Unfit::Size)));
    }

    #[test]
    fn rows_with_one_hash_stay_apart() {
        let mut interner = Interner::new(1);
        assert_eq!(interner.number(7, &[1]), 0);
        assert_eq!(interner.number(7, &[2]), 1);
        assert_eq!(interner.number(7, &[1]), 0);
        assert_eq!(interner.number(8, &[3]), 2);
        assert_eq!(interner.len(), 3);
    }
}
