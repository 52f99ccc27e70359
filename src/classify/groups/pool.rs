//! Stretches of cells in one allocation, equal stretches stored once.

#![expect(clippy::arithmetic_side_effects, reason = "lengths are those of slices in memory")]

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use crate::classify::Unfit;
use crate::classify::classes::{AsIs, mix};

/// Places in a pool are below this, so that a number can say of itself that it is one.
pub(super) const MOST_CELLS: u32 = 1 << 31;

/// Takes in stretches of cells. What is put in one after the other lies side by side, as far as it
/// is new.
pub(super) struct Pool {
    cells: Vec<u32>,
    /// By hash: where a stretch starts and how long it is.
    stretches: HashMap<u64, (u32, u32), BuildHasherDefault<AsIs>>,
}

impl Pool {
    pub(super) fn new() -> Self {
        Self { cells: Vec::new(), stretches: HashMap::default() }
    }

    /// Where these cells start, which are compared one by one: the hash only finds them.
    pub(super) fn place(&mut self, cells: &[u32]) -> Result<u32, Unfit> {
        let length = u32::try_from(cells.len()).map_err(|_| Unfit::Size)?;
        let mut hash = cells.iter().fold(length.into(), |hash, cell| mix(hash ^ u64::from(*cell)));
        while let Some((start, other)) = self.stretches.get(&hash) {
            let start_of = *start as usize;
            if *other == length && self.cells.get(start_of..start_of + cells.len()) == Some(cells) {
                return Ok(*start);
            }
            hash = hash.wrapping_add(1);
        }
        let start = u32::try_from(self.cells.len()).map_err(|_| Unfit::Size)?;
        start.checked_add(length).filter(|end| *end <= MOST_CELLS).ok_or(Unfit::Size)?;
        self.cells.extend_from_slice(cells);
        self.stretches.insert(hash, (start, length));
        Ok(start)
    }

    /// The bytes of the cells.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.cells)
    }

    pub(super) fn into_cells(self) -> Box<[u32]> {
        self.cells.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_stretches_are_stored_once() {
        let mut pool = Pool::new();
        let stretches: [&[u32]; 5] = [&[1, 2, 3], &[], &[1, 2], &[1, 2, 3], &[3]];
        let places = stretches.map(|cells| pool.place(cells).unwrap() as usize);
        assert_eq!(places[0], places[3]);
        assert_eq!(pool.bytes(), 4 * 6);
        let cells = pool.into_cells();
        for (place, stretch) in places.iter().zip(stretches) {
            assert_eq!(&cells[*place..*place + stretch.len()], stretch);
        }
    }
}
