//! Large sets of addresses that many groups name, such as service tags, looked up once for all.

#![expect(clippy::arithmetic_side_effects, reason = "sizes and counts of what is in memory")]

use std::collections::HashMap;

use crate::classify::Unfit;
use crate::classify::classes::{Partition, Rows};
use crate::classify::index::{Bits, Index};
use crate::classify::simd::Simd;
use crate::net::{AddressSet, Interval, RangeSet};

/// The most sets: as many bits has a row of theirs.
const MOST_SETS: usize = 4096;

/// The most intervals of all sets: sweeping over them takes a fraction of a second.
const MOST_INTERVALS: usize = 1 << 19;

/// From an address to the sets it lies in.
pub(super) struct Shared<B: Bits> {
    sets: Box<[RangeSet<B>]>,
    index: B::Index,
    /// By class, a bit for each set.
    members: Rows,
}

impl<B: Bits> Shared<B> {
    /// The sets that are used most, as many as fit into `limit` bytes; `None` if none are left.
    pub(super) fn new(candidates: &Candidates<'_, B>, limit: usize) -> Option<Self> {
        let mut sets = candidates.by_use();
        while !sets.is_empty() {
            match Self::of(&sets, limit) {
                Ok(shared) => return Some(shared),
                Err(_) => sets.truncate(sets.len() / 2),
            }
        }
        None
    }

    fn of(sets: &[&RangeSet<B>], limit: usize) -> Result<Self, Unfit> {
        let mut users = Rows::zeroed(sets.len(), sets.len().div_ceil(64));
        for number in 0..sets.len() {
            users.insert(number, number);
        }
        let partition = Partition::new(sets, &users, limit)?;
        let index = B::Index::new(&partition.ranges, limit)?;
        let sets = sets.iter().map(|set| (*set).clone()).collect();
        let shared = Self { sets, index, members: partition.rows };
        if shared.bytes() > limit { Err(Unfit::Size) } else { Ok(shared) }
    }

    /// The sets that an address lies in.
    #[inline(always)]
    pub(super) fn members<S: Simd>(&self, simd: S, address: B) -> &[u64] {
        self.members.row(self.index.class(simd, address))
    }

    /// The numbers of the sets, to find them by what is in them.
    pub(super) fn numbers(&self) -> HashMap<&RangeSet<B>, u32> {
        self.sets.iter().zip(0..).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.sets.len()
    }

    /// The bytes it takes, itself included.
    pub(super) fn bytes(&self) -> usize {
        let intervals: usize = self.sets.iter().map(|set| set.intervals().len()).sum();
        size_of::<Self>()
            + size_of_val(&*self.sets)
            + size_of::<Interval<B>>() * intervals
            + self.index.bytes()
            + self.members.bytes()
    }
}

/// Large sets and how many groups name each.
pub(super) struct Candidates<'a, B> {
    sets: Vec<Candidate<'a, B>>,
    by_content: HashMap<&'a RangeSet<B>, usize>,
    /// A set that many rules share is compared with the others once.
    by_place: HashMap<*const AddressSet, usize>,
}

struct Candidate<'a, B> {
    set: &'a RangeSet<B>,
    groups: usize,
    last_group: usize,
}

impl<'a, B: Bits> Candidates<'a, B> {
    pub(super) fn new() -> Self {
        Self { sets: Vec::new(), by_content: HashMap::new(), by_place: HashMap::new() }
    }

    /// Takes in a large set that a rule of the group with this number names.
    pub(super) fn push(&mut self, addresses: &'a AddressSet, group: usize) {
        let number = *self.by_place.entry(addresses).or_insert_with(|| {
            let set = B::of(addresses);
            *self.by_content.entry(set).or_insert_with(|| {
                self.sets.push(Candidate { set, groups: 0, last_group: usize::MAX });
                self.sets.len() - 1
            })
        });
        if let Some(candidate) = self.sets.get_mut(number).filter(|c| c.last_group != group) {
            candidate.groups += 1;
            candidate.last_group = group;
        }
    }

    /// Those that more than one group names, the most used first, within bounds.
    fn by_use(&self) -> Vec<&'a RangeSet<B>> {
        let mut used: Vec<_> = self.sets.iter().filter(|candidate| candidate.groups > 1).collect();
        used.sort_by_key(|candidate| std::cmp::Reverse(candidate.groups));
        let mut left = MOST_INTERVALS;
        let within = |candidate: &&&Candidate<'a, B>| {
            let rest = left.checked_sub(candidate.set.intervals().len());
            left = rest.unwrap_or(0);
            rest.is_some()
        };
        used.iter().take(MOST_SETS).take_while(within).map(|candidate| candidate.set).collect()
    }
}
