//! From an IPv6 address to its class: a search tree over upper halves, then a count of lower ones.
//!
//! Most boundaries lie between networks of 64 bits, so the upper half of an address decides almost
//! everything. The distinct upper halves of all boundaries are the leaves of a static search tree,
//! whose nodes are compared at once (S-trees: Slotin 2022). Boundaries of one upper half are a
//! *group*; within the group of the address's own upper half the lower halves count too.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "every node leads to one that the builder made; halves are shifted into range"
)]

use std::hint::select_unpredictable;

use crate::classify::Unfit;
use crate::classify::index::Index;
use crate::classify::simd::Simd;

/// What is compared at once.
const LANES: usize = 8;
/// The keys of a node of the tree.
const KEYS: usize = 2 * LANES;

type Node = [[u64; LANES]; 2];

pub(in crate::classify) struct Ipv6Index {
    /// From the root on: every `KEYS`th key of the level below, and at the end all of them, which
    /// are the upper halves of the groups, ascending from 0 on, all but the largest number there
    /// is; each level filled up with that number to a multiple of `KEYS`.
    levels: Box<[Box<[Node]>]>,
    /// For each group, and one more for the largest number, its upper half and where its
    /// boundaries start; at the end where they end.
    groups: Box<[Group]>,
    /// The lower half of each boundary, and some more, for all of `LANES` are always read.
    lows: Box<[u64]>,
    /// How often groups are halved before what is left is compared at once.
    halvings: u32,
    /// The class of the addresses below the first boundary, and of those from each one on.
    classes: Box<[u16]>,
}

#[derive(Clone, Copy)]
struct Group {
    upper: u64,
    start: u32,
}

impl Index<u128> for Ipv6Index {
    fn new(ranges: &[(u128, u16)], limit: usize) -> Result<Self, Unfit> {
        // The first range starts at the least address, which is no boundary.
        let (_, boundaries) = ranges.split_first().ok_or(Unfit::Size)?;
        let upper = |boundary: &(u128, u16)| (boundary.0 >> 64) as u64;
        let mut groups = vec![Group { upper: 0, start: 0 }];
        let (mut start, mut most) = (0u32, 0);
        for group in boundaries.chunk_by(|a, b| upper(a) == upper(b)) {
            let group_upper = upper(&group[0]);
            if group_upper != 0 {
                groups.push(Group { upper: group_upper, start });
            }
            start = start.checked_add(group.len() as u32).ok_or(Unfit::Size)?;
            most = most.max(group.len());
        }
        if groups.last().is_some_and(|group| group.upper != u64::MAX) {
            groups.push(Group { upper: u64::MAX, start });
        }
        let mut keys: Vec<u64> = groups.iter().map(|group| group.upper).collect();
        keys.pop();
        groups.push(Group { upper: u64::MAX, start });

        let mut levels = Vec::new();
        loop {
            let count = keys.len();
            keys.resize(count.next_multiple_of(KEYS), u64::MAX);
            levels.push(keys.as_chunks().0.as_chunks().0.into());
            if count <= KEYS {
                break;
            }
            keys = keys.iter().step_by(KEYS).copied().collect();
        }
        levels.reverse();
        let halvings = (most.div_ceil(LANES)).next_power_of_two().trailing_zeros();
        let padding = std::iter::repeat_n(0, LANES);
        let index = Self {
            levels: levels.into(),
            groups: groups.into(),
            lows: boundaries.iter().map(|(first, _)| *first as u64).chain(padding).collect(),
            halvings,
            classes: ranges.iter().map(|(_, class)| *class).collect(),
        };
        if index.bytes() > limit { Err(Unfit::Size) } else { Ok(index) }
    }

    #[inline(always)]
    fn class<S: Simd>(&self, simd: S, address: u128) -> usize {
        let (upper, lower) = ((address >> 64) as u64, address as u64);
        // No key is as large as what fills the nodes, so that this is never counted.
        let sought = upper.min(u64::MAX - 1);
        let mut at = 0;
        for level in &self.levels {
            // The first key of the tree is 0, so at least one is counted on every level.
            let [first, second] = &level[at];
            let count = simd
                .count_u64(first, LANES, sought)
                .wrapping_add(simd.count_u64(second, LANES, sought));
            at = at.wrapping_mul(KEYS).wrapping_add(count).wrapping_sub(1);
        }
        at = select_unpredictable(upper == u64::MAX, self.groups.len().wrapping_sub(2), at);
        let (group, next) = (&self.groups[at], &self.groups[at.wrapping_add(1)]);
        let (mut start, end) = (group.start as usize, next.start as usize);
        let mut left = end.wrapping_sub(start);
        for _ in 0..self.halvings {
            let half = left / 2;
            let is_behind = self.lows[start.wrapping_add(half)] <= lower;
            start = select_unpredictable(is_behind, start.wrapping_add(half), start);
            left = select_unpredictable(is_behind, left.wrapping_sub(half), half);
        }
        let lows = self.lows[start..].first_chunk();
        let count = lows.map_or(0, |lows| simd.count_u64(lows, left.min(LANES), lower));
        // Beyond the upper half of the group, all of it is below.
        let is_in_group = group.upper == upper;
        self.classes[select_unpredictable(is_in_group, start.wrapping_add(count), end)].into()
    }

    fn bytes(&self) -> usize {
        self.levels.iter().map(|level| size_of_val(&**level) + size_of_val(level)).sum::<usize>()
            + size_of_val(&*self.groups)
            + size_of_val(&*self.lows)
            + size_of_val(&*self.classes)
    }
}
