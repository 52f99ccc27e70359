//! From an IPv4 address to its class: a bitmap over the upper half, then a count of boundaries.
//!
//! The upper 16 bits of an address name its *slot*. A bitmap says which slots hold a boundary, and
//! the number of such slots before it finds their description without storing all 65,536 of them
//! (rank over bitmaps: poptrie, Asai and Ohara 2015). A crowded slot is cut into *cells* of equal
//! width, a slot of few boundaries is one cell. In a cell the lower halves of all boundaries are
//! compared at once; how many are not above the address is the place of its class.
//!
//! An address in a slot without boundaries is taken for the last address of the slot before it
//! that has some, which is of the same class. So every lookup does the same steps.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "every description leads to places that the builder made; parts of an address are \
              shifted into range before they are narrowed"
)]

use std::hint::select_unpredictable;

use crate::classify::Unfit;
use crate::classify::index::Index;
use crate::classify::simd::Simd;

/// The boundaries that are compared at once.
const LANES: usize = 32;
/// Below the place that they lead to, descriptions hold a number in a byte of its own.
const BYTE: u32 = 8;

pub(in crate::classify) struct Ipv4Bitmap {
    /// A bit for each slot that holds a boundary.
    bitmap: Box<[u64; 1024]>,
    /// For each word of the bitmap, how many bits are set before it.
    ranks: Box<[u16; 1024]>,
    /// For each slot with boundaries, after one without: its first cell, and the width of its
    /// cells in bits.
    slots: Box<[u32]>,
    /// For each cell: its first boundary, and how many it has.
    cells: Box<[u32]>,
    /// The lower half of each boundary, and some more, for all lanes are always read.
    boundaries: Box<[u16]>,
    /// The class of the addresses below the first boundary, and of those from each one on.
    classes: Box<[u16]>,
}

impl Index<u32> for Ipv4Bitmap {
    fn new(ranges: &[(u32, u16)], limit: usize) -> Result<Self, Unfit> {
        // The first range starts at the least address, which is no boundary.
        let (_, boundaries) = ranges.split_first().ok_or(Unfit::Size)?;
        let mut bitmap = Box::new([0u64; 1024]);
        let (mut slots, mut cells) = (vec![described(0, 16)?], vec![described(0, 0)?]);
        let mut start = 0;
        for slot in boundaries.chunk_by(|(a, _), (b, _)| a >> 16 == b >> 16) {
            let upper = (slot[0].0 >> 16) as usize;
            bitmap[upper / 64] |= 1 << (upper % 64);
            let width = widest(slot);
            slots.push(described(cells.len(), width as usize)?);
            let mut left = slot;
            for cell in 1..=1u32 << (16 - width) {
                let here = left.partition_point(|(first, _)| (first & 0xffff) >> width < cell);
                cells.push(described(start, here)?);
                start += here;
                left = &left[here..];
            }
            if size_of::<u32>() * cells.len() > limit {
                return Err(Unfit::Size);
            }
        }
        let mut ranks = Box::new([0u16; 1024]);
        let mut before = 0;
        for (rank, word) in ranks.iter_mut().zip(bitmap.iter()) {
            *rank = before;
            before = before.wrapping_add(word.count_ones() as u16);
        }
        let padding = std::iter::repeat_n(0, LANES);
        let index = Self {
            bitmap,
            ranks,
            slots: slots.into(),
            cells: cells.into(),
            boundaries: boundaries.iter().map(|(first, _)| *first as u16).chain(padding).collect(),
            classes: ranges.iter().map(|(_, class)| *class).collect(),
        };
        if index.bytes() > limit { Err(Unfit::Size) } else { Ok(index) }
    }

    #[inline(always)]
    fn class<S: Simd>(&self, simd: S, address: u32) -> usize {
        let word = (address >> 22) as usize;
        // The bits up to that of the slot, whose own is the uppermost now.
        let bits = self.bitmap[word] << (!(address >> 16) & 63);
        let rank = usize::from(self.ranks[word]).wrapping_add(bits.count_ones() as usize);
        let slot = self.slots[rank];
        let is_within = bits.cast_signed() < 0;
        let lower = select_unpredictable(is_within, address as u16, u16::MAX);

        // A shift looks at the lowest bits of a number only.
        let cell = (slot >> BYTE).wrapping_add(u32::from(lower).wrapping_shr(slot));
        let cell = self.cells[cell as usize];
        let start = (cell >> BYTE) as usize;
        let boundaries = self.boundaries[start..].first_chunk();
        let count = boundaries.map_or(0, |these| simd.count_u16(these, (cell as u8).into(), lower));
        self.classes[start.wrapping_add(count)].into()
    }

    fn bytes(&self) -> usize {
        size_of_val(&*self.bitmap)
            + size_of_val(&*self.ranks)
            + size_of_val(&*self.slots)
            + size_of_val(&*self.cells)
            + size_of_val(&*self.boundaries)
            + size_of_val(&*self.classes)
    }
}

/// A place in the next table, and a number.
fn described(place: usize, number: usize) -> Result<u32, Unfit> {
    let place = u32::try_from(place).ok().filter(|place| *place < 1 << (32 - BYTE));
    Ok(place.ok_or(Unfit::Size)? << BYTE | number as u32)
}

/// The widest cells of a slot that hold no more boundaries than are compared at once.
fn widest(slot: &[(u32, u16)]) -> u32 {
    // Some boundary and the one that many further on are in different cells.
    let apart = slot.windows(LANES + 1).map(|these| these[0].0 ^ these[LANES].0).min();
    apart.map_or(16, |bits| bits.ilog2())
}
