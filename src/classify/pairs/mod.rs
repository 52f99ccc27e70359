//! Tables over pairs of address classes, for thousands of rules that each name few addresses.
//!
//! As in recursive flow classification (Gupta and McKeown 1999) both addresses come down to
//! classes, and a table over pairs of classes says which rules are left. Such a table has as many
//! cells as rules if they are narrow on both sides, but a rule that is wide in one address meets
//! every class there is. So rules are parted by which of their addresses are wide (EffiCuts:
//! Vamanan et al. 2010): to the rules that are wide in the source, sources have few classes. Each
//! group has a table of its own, most of whose cells are empty and not stored.
//!
//! A cell names a list of rules in order, of which the first decides whose protocol and ports
//! match. Protocol and ports come down to one class as well, and lists of the same services in
//! the same order are of one kind: another table has the rank of the rule by class and kind.
//!
//! A lookup is some twenty loads, none of which depends on more than five others; all groups are
//! looked at always, and nothing is searched or compared but a few boundaries of addresses.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "cells hold kinds and lists, and kinds and classes select ranks, as the builder gave \
              them out"
)]

mod build;
mod lists;
mod matrix;
mod nesting;

use self::matrix::{Cell, Matrix};
use super::engine::Lookup;
use super::index::{Bits, Spots};
use super::key::{Key, RuleIndex};
use super::service::ServiceIndex;
use super::simd::Simd;

/// By which of their two addresses are wide.
const GROUPS: usize = 4;

/// The names of an address's class in the matrix of each group.
pub(super) type Record = [u32; GROUPS];

pub(super) struct Pairs<B: Bits> {
    sources: B::Spots<Record>,
    destinations: B::Spots<Record>,
    services: ServiceIndex,
    matrices: [Matrix; GROUPS],
    /// By class of service and kind of list: the rank from 1 of the rule, 0 for none.
    ranks: Box<[u8]>,
    kinds: usize,
    /// The lists, one behind the other, in the order of `answers`; before the first, what is
    /// above all rules.
    rules: Box<[u32]>,
    /// What rules stand for, if not for themselves.
    answers: Box<[RuleIndex]>,
}

impl<B: Bits> Pairs<B> {
    /// The bytes it takes on the heap.
    pub(super) fn bytes(&self) -> usize {
        self.sources.bytes()
            + self.destinations.bytes()
            + self.services.bytes()
            + self.matrices.iter().map(Matrix::bytes).sum::<usize>()
            + size_of_val(&*self.ranks)
            + size_of_val(&*self.rules)
            + size_of_val(&*self.answers)
    }
}

impl<B: Bits> Lookup<B> for Pairs<B> {
    #[inline(always)]
    fn lookup<S: Simd>(&self, simd: S, key: &Key<B>) -> RuleIndex {
        let service = self.services.class(key.protocol, key.source_port, key.destination_port);
        let source = self.sources.place(simd, key.source);
        let destination = self.destinations.place(simd, key.destination);
        self.first_match(service, &self.cells(source, destination))
    }

    /// Takes several keys through each stage of a lookup before the next, so that what they
    /// load is on its way at the same time.
    #[inline(always)]
    fn lookup_all<S: Simd>(
        &self,
        simd: S,
        mut keys: impl Iterator<Item = Key<B>>,
        answers: &mut [RuleIndex],
    ) {
        for answers in answers.chunks_mut(STAGE) {
            let mut sources = [B::MIN; STAGE];
            let mut destinations = [B::MIN; STAGE];
            let mut services = [0; STAGE];
            let mut count = 0;
            for (place, key) in keys.by_ref().take(answers.len()).enumerate() {
                sources[place] = key.source;
                destinations[place] = key.destination;
                services[place] =
                    self.services.class(key.protocol, key.source_port, key.destination_port);
                count = place + 1;
            }
            let mut places = [[0; 2]; STAGE];
            for (place, address) in places.iter_mut().zip(&sources) {
                place[0] = self.sources.place(simd, *address);
            }
            for (place, address) in places.iter_mut().zip(&destinations) {
                place[1] = self.destinations.place(simd, *address);
            }
            let mut cells = [[Cell::EMPTY; GROUPS]; STAGE];
            for (cells, [source, destination]) in cells.iter_mut().zip(&places) {
                *cells = self.cells(*source, *destination);
            }
            let answers = answers.iter_mut().take(count);
            for ((answer, service), cells) in answers.zip(&services).zip(&cells) {
                *answer = self.first_match(*service, cells);
            }
        }
    }
}

/// How many keys are looked up side by side.
const STAGE: usize = 16;

impl<B: Bits> Pairs<B> {
    /// The cells of two addresses, given by their places.
    #[inline(always)]
    fn cells(&self, source: usize, destination: usize) -> [Cell; GROUPS] {
        let sources = self.sources.record(source);
        let destinations = self.destinations.record(destination);
        std::array::from_fn(|group| self.matrices[group].cell(sources[group], destinations[group]))
    }

    /// The first of the rules in these cells that take the service.
    #[inline(always)]
    fn first_match(&self, service: usize, cells: &[Cell; GROUPS]) -> RuleIndex {
        let ranks = service.wrapping_mul(self.kinds);
        let mut first = u32::MAX;
        for cell in cells {
            let rank = usize::from(self.ranks[ranks.wrapping_add(cell.kind())]);
            let place = if rank == 0 { 0 } else { cell.list().wrapping_add(rank) };
            first = first.min(self.rules[place]);
        }
        if self.answers.is_empty() {
            return RuleIndex::from_code(first);
        }
        self.answers[first as usize]
    }
}
