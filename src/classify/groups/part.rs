//! One IP version's lookups in many groups.
//!
//! Each field of a group is cut where its sets begin and end; in one range the same rules remain,
//! a row of bits. Five rows together leave the rules that match, and the first of them decides. All
//! that a group has of its own lies side by side. Sets that are large and used by many groups are
//! not cut into each of them: they are in one index for all, and a group holds for each set it
//! names the row of its rules.
//!
//! A batch goes in blocks, each step for all keys of a block before the next step, so that memory
//! is waited for once a step and not once a key.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "places and lengths are those that the builder wrote, and it bounds the words of a row"
)]

use std::hint::select_unpredictable;
use std::sync::Arc;

use super::cells::InCells;
use super::layout::{Field, Head, Sets};
use super::pool::MOST_CELLS;
use super::shared::Shared;
use crate::classify::engine::Part;
use crate::classify::index::Bits;
use crate::classify::key::{Key, RuleIndex};
use crate::classify::simd::{Proof, Simd, Work};

/// All groups, as flows of one IP version meet them.
pub(in crate::classify) struct GroupsPart<B: Bits> {
    pub(super) proof: Proof,
    pub(super) slots: Box<[Slot]>,
    pub(super) cells: Box<[u32]>,
    pub(super) shared: Option<Arc<Shared<B>>>,
    /// Whether any group names a shared set as a source, as a destination.
    pub(super) shared_sides: [bool; 2],
    /// Groups that are better off by themselves.
    pub(super) own: Box<[Arc<Part<B>>]>,
}

/// How a group is looked up: the place of its head, or above all places the number of its part
/// among those that are by themselves.
#[derive(Clone, Copy)]
pub(super) struct Slot(u32);

impl Slot {
    pub(super) fn head(place: u32) -> Self {
        Self(place)
    }

    pub(super) fn own(number: u32) -> Self {
        Self(number | MOST_CELLS)
    }

    pub(super) fn own_number(self) -> Option<usize> {
        (self.0 >= MOST_CELLS).then_some((self.0 & !MOST_CELLS) as usize)
    }
}

/// How many keys of a batch go together.
const BLOCK: usize = 16;

/// A key of a batch in its group.
#[derive(Clone, Copy)]
struct Met<'a, B> {
    key: Key<B>,
    head: Head,
    members: [&'a [u64]; 2],
}

impl<B: Bits + InCells> GroupsPart<B> {
    #[inline]
    pub(in crate::classify) fn classify(&self, group: usize, key: Key<B>) -> RuleIndex {
        self.proof.run(self, (group, key))
    }

    pub(in crate::classify) fn classify_all(
        &self,
        groups: &[u32],
        keys: impl Iterator<Item = Key<B>>,
        answers: &mut [RuleIndex],
    ) {
        self.proof.run(self, (groups, keys, answers));
    }

    /// The bytes it takes on the heap.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.slots)
            + size_of_val(&*self.cells)
            + self.shared.as_ref().map_or(0, |shared| ARC + shared.bytes())
            + self.own.iter().map(|part| own_bytes(part)).sum::<usize>()
    }

    pub(super) fn head(&self, slot: Slot) -> Option<Head> {
        let cells = self.cells.get(slot.0 as usize..)?.first_chunk()?;
        Some(Head::of_cells(cells))
    }

    pub(super) fn stretch(&self, at: u32, length: usize) -> &[u32] {
        &self.cells[at as usize..at as usize + length]
    }

    #[inline(always)]
    fn members<S: Simd>(&self, simd: S, key: &Key<B>) -> [&[u64]; 2] {
        let Some(shared) = &self.shared else { return [&[]; 2] };
        let of = |is_used: bool, address| {
            if is_used { shared.members(simd, address) } else { &[] }
        };
        [of(self.shared_sides[0], key.source), of(self.shared_sides[1], key.destination)]
    }

    /// The number of the range of each field.
    #[inline(always)]
    fn ranges(&self, head: &Head, key: &Key<B>) -> [usize; 5] {
        [
            self.range(head.source, key.source),
            self.range(head.destination, key.destination),
            self.range(head.source_ports, key.source_port),
            self.range(head.destination_ports, key.destination_port),
            self.range(head.protocols, u16::from(key.protocol)),
        ]
    }

    #[inline(always)]
    fn range<T: InCells>(&self, field: Field, value: T) -> usize {
        let (ends, _) = field.offsets::<T>();
        T::below(&self.cells[field.at as usize..][..ends], value)
    }

    /// The places of the rows of those ranges.
    #[inline(always)]
    fn rows(&self, head: &Head, ranges: &[usize; 5]) -> [usize; 5] {
        let words = head.words();
        [
            self.row::<B>(head.source, ranges[0], words),
            self.row::<B>(head.destination, ranges[1], words),
            self.row::<u16>(head.source_ports, ranges[2], words),
            self.row::<u16>(head.destination_ports, ranges[3], words),
            self.row::<u16>(head.protocols, ranges[4], words),
        ]
    }

    #[inline(always)]
    fn row<T: InCells>(&self, field: Field, range: usize, words: usize) -> usize {
        let (classes, rows) = field.offsets::<T>();
        let start = field.at as usize;
        let pair = self.cells[start.wrapping_add(classes).wrapping_add(range / 2)];
        let class = pair >> (16 * (range & 1)) & 0xffff;
        start.wrapping_add(rows).wrapping_add((class as usize).wrapping_mul(2 * words))
    }

    /// What a group answers, its words looked at from the last to the first.
    #[inline(always)]
    fn answer(&self, head: &Head, rows: &[usize; 5], members: [&[u64]; 2]) -> RuleIndex {
        let words = head.words();
        let mut found = head.rules;
        for word in (0..words).rev() {
            let of = |row: usize| self.word(row.wrapping_add(2 * word));
            let source = of(rows[0]) | self.of_sets(head.source_sets, members[0], words, word);
            let destination =
                of(rows[1]) | self.of_sets(head.destination_sets, members[1], words, word);
            let left = source & destination & of(rows[2]) & of(rows[3]) & of(rows[4]);
            let first = (word as u32).wrapping_mul(64).wrapping_add(left.trailing_zeros());
            found = select_unpredictable(left != 0, first, found);
        }
        RuleIndex::from_code(self.cells[head.answers.wrapping_add(found) as usize])
    }

    /// One word of the rules whose shared sets hold the address.
    #[inline(always)]
    fn of_sets(&self, sets: Sets, members: &[u64], words: usize, word: usize) -> u64 {
        let (at, count) = (sets.at as usize, sets.count as usize);
        let numbers = &self.cells[at..at.wrapping_add(count)];
        let mut row = at.wrapping_add(count).wrapping_add(2 * word);
        numbers.iter().fold(0, |rules, set| {
            let is_in = members[(set >> 6) as usize] >> (set & 63) & 1;
            let of_set = self.word(row);
            row = row.wrapping_add(2 * words);
            rules | of_set & 0u64.wrapping_sub(is_in)
        })
    }

    #[inline(always)]
    fn word(&self, at: usize) -> u64 {
        let cells = &self.cells[at..at.wrapping_add(2)];
        u64::from(cells[0]) | u64::from(cells[1]) << 32
    }
}

/// What an `Arc` adds to what is in it.
pub(super) const ARC: usize = 2 * size_of::<usize>();

/// The bytes of a group that is by itself, with its place among those.
pub(super) fn own_bytes<B: Bits>(part: &Part<B>) -> usize {
    size_of::<Arc<Part<B>>>() + ARC + size_of::<Part<B>>() + part.report().bytes
}

impl<B: Bits + InCells> Work<(usize, Key<B>)> for GroupsPart<B> {
    type Output = RuleIndex;

    #[inline(always)]
    fn run<S: Simd>(&self, simd: S, (group, key): (usize, Key<B>)) -> RuleIndex {
        let Some(slot) = self.slots.get(group) else { return RuleIndex::EVALUATE };
        if let Some(number) = slot.own_number() {
            return self.own[number].classify(key);
        }
        let Some(head) = self.head(*slot) else { return RuleIndex::EVALUATE };
        let rows = self.rows(&head, &self.ranges(&head, &key));
        self.answer(&head, &rows, self.members(simd, &key))
    }
}

impl<B: Bits + InCells, I: Iterator<Item = Key<B>>> Work<(&[u32], I, &mut [RuleIndex])>
    for GroupsPart<B>
{
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(&self, simd: S, (groups, keys, answers): (&[u32], I, &mut [RuleIndex])) {
        let mut pairs = groups.iter().zip(keys);
        for answers in answers.chunks_mut(BLOCK) {
            let mut met = [None; BLOCK];
            for ((met, answer), (group, key)) in met.iter_mut().zip(&mut *answers).zip(&mut pairs) {
                *answer = RuleIndex::EVALUATE;
                let Some(slot) = self.slots.get(*group as usize) else { continue };
                match slot.own_number() {
                    Some(number) => *answer = self.own[number].classify(key),
                    None => {
                        let members = self.members(simd, &key);
                        *met = self.head(*slot).map(|head| Met { key, head, members });
                    }
                }
            }
            let mut places = [[0usize; 5]; BLOCK];
            for (ranges, met) in places.iter_mut().zip(&met) {
                if let Some(Met { head, key, .. }) = met {
                    *ranges = self.ranges(head, key);
                }
            }
            for (places, met) in places.iter_mut().zip(&met) {
                if let Some(Met { head, .. }) = met {
                    *places = self.rows(head, places);
                }
            }
            for ((answer, rows), met) in answers.iter_mut().zip(&places).zip(&met) {
                if let Some(Met { head, members, .. }) = met {
                    *answer = self.answer(head, rows, *members);
                }
            }
        }
    }
}
