//! From an IPv6 address to the range it is in: segments, slots, and a count.
//!
//! Boundaries of IPv6 ranges crowd in a few places far apart: one registry's block, the unique
//! local addresses, the hosts of one network of 64 bits. So they are parted at wide gaps, and
//! around such networks, into *segments*, which one comparison against all of their first
//! addresses tells apart. A segment is cut into equal *slots* of one half of the address, some
//! more than it has boundaries, so that nearly all slots have few; and what a slot has is counted
//! at once. A slot that has more is halved before, in as many steps for every address as the
//! fullest slot takes.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "segments and slots lead to places that the builder made; halves are shifted into \
              range"
)]

use std::hint::select_unpredictable;

use crate::classify::Unfit;
use crate::classify::index::Index;
use crate::classify::simd::Simd;

/// What is compared at once.
const LANES: usize = 8;
/// As many segments as two comparisons tell apart.
const SEGMENTS: usize = 2 * LANES;

/// Finds the range of an address, by its number.
pub(super) struct Ipv6Ranges {
    /// The upper half of the first address of each segment but the first; filled up with the
    /// largest number there is.
    firsts: [[u64; LANES]; 2],
    /// By how many of `firsts` are at most the address's upper half.
    segments: Box<[Segment; 1 + SEGMENTS]>,
    /// By slot: how many boundaries are before it.
    slots: Box<[u32]>,
    /// How many times `LANES` boundaries are halved before what is left is compared at once.
    halvings: u32,
    /// The halves of the first address of each range but the first, and more of the largest
    /// number, for what a halving looks at and all of `LANES` are always read.
    uppers: Box<[u64]>,
    lowers: Box<[u64]>,
    /// The number of the last range.
    last: u32,
}

/// Boundaries that are near one another.
#[derive(Clone, Copy)]
struct Segment {
    /// Where the first slot begins, which takes what is below it too.
    base: u64,
    /// The first slot.
    slots: u32,
    /// The last one's number from the first, which takes what is above it too.
    last: u32,
    /// How many bits wide the slots are.
    shift: u32,
    /// Whether the segment is one network of 64 bits, cut by the lower half of addresses.
    is_network: bool,
}

impl Ipv6Ranges {
    /// The ranges that begin at the least address and at each of these, which ascend.
    pub(super) fn new(boundaries: &[u128], limit: usize) -> Result<Self, Unfit> {
        let count = u32::try_from(boundaries.len()).map_err(|_| Unfit::Size)?;
        if size_of_val(boundaries) > limit {
            return Err(Unfit::Size);
        }
        let parts = parted(boundaries);
        let mut firsts = [u64::MAX; SEGMENTS];
        for (first, part) in firsts.iter_mut().zip(&parts[1..]) {
            *first = part.first;
        }
        let mut segments = Vec::with_capacity(1 + SEGMENTS);
        let mut slots = Vec::new();
        for part in &parts {
            let Cut { base, shift, last } = part.cut();
            let Part { is_network, .. } = *part;
            segments.push(Segment { base, slots: slots.len() as u32, last, shift, is_network });
            let mut before = 0;
            for slot in 0..=last {
                slots.push((part.start + before) as u32);
                let rest = part.boundaries[before..].iter();
                let number = |boundary: &u128| (part.half(*boundary) - base) >> shift;
                before += rest.take_while(|boundary| number(boundary) == u64::from(slot)).count();
            }
        }
        let fullest = parts.iter().map(|part| part.fullest).max().unwrap_or(0);
        let last_segment = segments[segments.len() - 1];
        segments.resize(1 + SEGMENTS, last_segment);
        let halvings = fullest.div_ceil(LANES).next_power_of_two().trailing_zeros();
        let padding = std::iter::repeat_n(u64::MAX, LANES << halvings);
        let (first, second) = firsts.split_at(LANES);
        let whole = |half: &[u64]| half.first_chunk().copied().ok_or(Unfit::Size);
        let ranges = Self {
            firsts: [whole(first)?, whole(second)?],
            segments: segments.into_boxed_slice().try_into().map_err(|_| Unfit::Size)?,
            slots: slots.into(),
            halvings,
            uppers: boundaries.iter().copied().map(upper).chain(padding.clone()).collect(),
            lowers: boundaries.iter().map(|boundary| *boundary as u64).chain(padding).collect(),
            last: count,
        };
        if ranges.bytes() > limit { Err(Unfit::Size) } else { Ok(ranges) }
    }

    /// The number of the range that an address is in.
    #[inline(always)]
    pub(super) fn number<S: Simd>(&self, simd: S, address: u128) -> usize {
        let [first, second] = &self.firsts;
        let (upper, lower) = (upper(address), address as u64);
        let segment = simd.count_u64(first, upper).wrapping_add(simd.count_u64(second, upper));
        let segment = &self.segments[segment];
        let half = select_unpredictable(segment.is_network, lower, upper);
        let offset = half.saturating_sub(segment.base).wrapping_shr(segment.shift);
        let slot = offset.min(segment.last.into()) as u32;
        let mut start = self.slots[segment.slots.wrapping_add(slot) as usize] as usize;
        for left in (0..self.halvings).rev() {
            let middle = start.wrapping_add(LANES << left);
            let boundary = u128::from(self.uppers[middle.wrapping_sub(1)]) << 64
                | u128::from(self.lowers[middle.wrapping_sub(1)]);
            start = select_unpredictable(boundary <= address, middle, start);
        }
        let count = match (self.uppers[start..].first_chunk(), self.lowers[start..].first_chunk()) {
            (Some(uppers), Some(lowers)) => simd.count_u128(uppers, lowers, address),
            _ => 0,
        };
        start.wrapping_add(count).min(self.last as usize)
    }

    /// The bytes it takes on the heap.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.segments)
            + size_of_val(&*self.slots)
            + size_of_val(&*self.uppers)
            + size_of_val(&*self.lowers)
    }
}

fn upper(address: u128) -> u64 {
    (address >> 64) as u64
}

/// The boundaries of a segment.
struct Part<'a> {
    /// The least upper half in it.
    first: u64,
    /// How many boundaries are before it.
    start: usize,
    boundaries: &'a [u128],
    is_network: bool,
    /// How many boundaries are in its fullest slot.
    fullest: usize,
}

/// The slots of a segment.
struct Cut {
    base: u64,
    /// How many bits wide they are.
    shift: u32,
    /// The number of the last one.
    last: u32,
}

impl<'a> Part<'a> {
    fn new(first: u64, start: usize, boundaries: &'a [u128], is_network: bool) -> Self {
        let mut part = Self { first, start, boundaries, is_network, fullest: 0 };
        let Cut { base, shift, .. } = part.cut();
        let slot = |boundary: &u128| (part.half(*boundary) - base) >> shift;
        let slots = boundaries.chunk_by(|one, next| slot(one) == slot(next));
        part.fullest = slots.map(<[u128]>::len).max().unwrap_or(0);
        part
    }

    /// The half of an address that tells slots apart.
    fn half(&self, address: u128) -> u64 {
        if self.is_network { address as u64 } else { upper(address) }
    }

    fn cut(&self) -> Cut {
        let [first, last] = [self.boundaries.first(), self.boundaries.last()]
            .map(|end| end.map_or(0, |boundary| self.half(*boundary)));
        let most = (2 * self.boundaries.len()).next_power_of_two();
        let width = u64::BITS - (last - first).leading_zeros();
        let shift = width.saturating_sub(most.trailing_zeros());
        Cut { base: first, shift, last: ((last - first) >> shift) as u32 }
    }

    /// It without the network of 64 bits that has the most boundaries, and that network; or else
    /// both sides of the widest gap between two networks.
    fn split(&self) -> Vec<Self> {
        let networks = self.boundaries.chunk_by(|one, next| upper(*one) == upper(*next));
        let mut start = 0;
        let starts = networks.map(|network| {
            start += network.len();
            (start - network.len(), network)
        });
        let (start, network) = starts.max_by_key(|(_, network)| network.len()).unwrap_or_default();
        if network.len() > LANES {
            let (at, end) = (upper(network[0]), start + network.len());
            let before = Self::new(self.first, self.start, &self.boundaries[..start], false);
            let itself = Self::new(at, self.start + start, network, true);
            let behind = at
                .checked_add(1)
                .map(|next| Self::new(next, self.start + end, &self.boundaries[end..], false));
            return [Some(before).filter(|part| part.first < at), Some(itself), behind]
                .into_iter()
                .flatten()
                .collect();
        }
        let gaps = self.boundaries.windows(2).map(|pair| upper(pair[1]) - upper(pair[0]));
        let (gap, _) = (1..).zip(gaps).max_by_key(|(_, gap)| *gap).unwrap_or_default();
        let (before, behind) = self.boundaries.split_at(gap);
        vec![
            Self::new(self.first, self.start, before, false),
            Self::new(upper(behind[0]), self.start + gap, behind, false),
        ]
    }
}

/// Parts boundaries into segments, splitting the one with the fullest slot as long as that has
/// more than can be compared at once.
fn parted(boundaries: &[u128]) -> Vec<Part<'_>> {
    let mut parts = vec![Part::new(0, 0, boundaries, false)];
    loop {
        let splittable = parts.iter().enumerate();
        let splittable = splittable.filter(|(_, part)| !part.is_network && part.fullest > LANES);
        let Some((number, part)) = splittable.max_by_key(|(_, part)| part.fullest) else { break };
        let split = part.split();
        if parts.len() + split.len() > 2 + SEGMENTS {
            break;
        }
        parts.splice(number..=number, split);
    }
    parts
}

/// Finds the class of an address.
pub(in crate::classify) struct Ipv6Index {
    ranges: Ipv6Ranges,
    classes: Box<[u16]>,
}

impl Index<u128> for Ipv6Index {
    fn new(ranges: &[(u128, u16)], limit: usize) -> Result<Self, Unfit> {
        // The first range starts at the least address, which is no boundary.
        let (_, behind) = ranges.split_first().ok_or(Unfit::Size)?;
        let boundaries: Vec<u128> = behind.iter().map(|(first, _)| *first).collect();
        let classes: Box<[u16]> = ranges.iter().map(|(_, class)| *class).collect();
        let left = limit.checked_sub(size_of_val(&*classes)).ok_or(Unfit::Size)?;
        Ok(Self { ranges: Ipv6Ranges::new(&boundaries, left)?, classes })
    }

    #[inline(always)]
    fn class<S: Simd>(&self, simd: S, address: u128) -> usize {
        self.classes[self.ranges.number(simd, address)].into()
    }

    fn bytes(&self) -> usize {
        self.ranges.bytes() + size_of_val(&*self.classes)
    }
}
