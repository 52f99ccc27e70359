//! A sparse table over pairs of classes in one load: every row is displaced so that its cells
//! fall between those of other rows (Tarjan and Yao 1979).

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "places are masked to the size of the table, which is below 2^24"
)]

use crate::classify::Unfit;

/// What stands in a cell: a kind of list and where such a list is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Cell(u64);

impl Cell {
    /// Nothing, and the list of no rules.
    pub(super) const EMPTY: Self = Self(0);

    pub(super) fn new(kind: usize, list: usize) -> Result<Self, Unfit> {
        let kind = u16::try_from(kind).map_err(|_| Unfit::Size)?;
        let list = u32::try_from(list).ok().filter(|list| *list <= MAX).ok_or(Unfit::Size)?;
        Ok(Self(u64::from(kind) << 24 | u64::from(list)))
    }

    #[inline(always)]
    pub(super) fn kind(self) -> usize {
        (self.0 >> 24) as usize & 0xffff
    }

    #[inline(always)]
    pub(super) fn list(self) -> usize {
        self.0 as usize & MAX as usize
    }
}

/// Places, rows and lists take 24 bits.
const MAX: u32 = (1 << 24) - 1;

pub(super) struct Matrix {
    /// A power of two of them; above each, the number of its row.
    cells: Box<[Cell]>,
}

/// How the classes of one side are called in the matrix.
pub(super) struct Names {
    pub(super) rows: Vec<u32>,
    pub(super) columns: Vec<u32>,
}

impl Matrix {
    /// A matrix of the cells (row, column, what is there), no two of one place, for as many rows
    /// and columns, whose names it gives.
    pub(super) fn new(
        cells: &[(u32, u32, Cell)],
        rows: usize,
        columns: usize,
    ) -> Result<(Self, Names), Unfit> {
        // Short rows fit between each other best.
        let turned = count(cells, rows, |cell| cell.0) < count(cells, columns, |cell| cell.1);
        if turned {
            let cells: Vec<_> =
                cells.iter().map(|&(row, column, cell)| (column, row, cell)).collect();
            let (matrix, names) = Self::of_rows(&cells, columns, rows, true)?;
            return Ok((matrix, Names { rows: names.columns, columns: names.rows }));
        }
        Self::of_rows(cells, rows, columns, false)
    }

    fn of_rows(
        cells: &[(u32, u32, Cell)],
        rows: usize,
        columns: usize,
        turned: bool,
    ) -> Result<(Self, Names), Unfit> {
        // Column numbers without gaps; the one behind the last is of columns without cells.
        let mut numbers = vec![0u32; columns];
        cells.iter().for_each(|cell| numbers[cell.1 as usize] = 1);
        let mut used = 0;
        for number in &mut numbers {
            used += std::mem::replace(number, if *number == 0 { u32::MAX } else { used });
        }
        numbers.iter_mut().for_each(|number| *number = (*number).min(used));

        // The cells row by row.
        let mut starts = vec![0usize; rows + 1];
        cells.iter().for_each(|cell| starts[cell.0 as usize + 1] += 1);
        let lengths = starts[1..].to_vec();
        for row in 0..rows {
            starts[row + 1] += starts[row];
        }
        let mut next = starts.clone();
        let mut sorted = vec![(0u32, Cell::EMPTY); cells.len()];
        for (row, column, cell) in cells {
            sorted[next[*row as usize]] = (numbers[*column as usize], *cell);
            next[*row as usize] += 1;
        }
        let mut order: Vec<u32> =
            (0..rows as u32).filter(|row| lengths[*row as usize] > 0).collect();
        order.sort_by_key(|row| std::cmp::Reverse(lengths[*row as usize]));

        let mut size = cells.len() + cells.len() / 8 + 64;
        let most = (4 * size).min(MAX as usize + 1);
        loop {
            if size > most {
                return Err(Unfit::Size);
            }
            let mut placing = Placing::new(size, used as usize + 1);
            let row = |row: &u32| &sorted[starts[*row as usize]..starts[*row as usize + 1]];
            let bases: Option<Vec<u32>> =
                order.iter().map(|number| placing.place(row(number))).collect();
            let Some(bases) = bases else {
                size += size / 4;
                continue;
            };
            let unused = placing.unused();
            let mut table = vec![Cell::EMPTY; placing.taken.len()];
            let mut names = vec![unused; rows];
            for (number, base) in order.iter().zip(bases) {
                names[*number as usize] = base;
                for (column, cell) in row(number) {
                    let owner = u64::from(if turned { *column } else { base });
                    table[(base + column) as usize] = Cell(cell.0 | owner << 40);
                }
            }
            return Ok((Self { cells: table.into() }, Names { rows: names, columns: numbers }));
        }
    }

    /// What is at the row and column of these names.
    #[inline(always)]
    pub(super) fn cell(&self, row: u32, column: u32) -> Cell {
        let place = row.wrapping_add(column) as usize;
        let cell = self.cells[place];
        // Of two cells with one name of their row and one place, the columns are one too.
        if cell.0 >> 40 == u64::from(row) { cell } else { Cell::EMPTY }
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.cells)
    }
}

/// How many rows have cells.
fn count(cells: &[(u32, u32, Cell)], rows: usize, row: impl Fn(&(u32, u32, Cell)) -> u32) -> usize {
    let mut has_cells = vec![false; rows];
    cells.iter().for_each(|cell| has_cells[row(cell) as usize] = true);
    has_cells.iter().filter(|has| **has).count()
}

/// Finds room for rows.
struct Placing {
    /// By place.
    taken: Vec<bool>,
    /// By name: whether a row has it.
    named: Vec<bool>,
    /// From where to look next.
    next: usize,
    /// How many more places may be looked at.
    looks: usize,
}

impl Placing {
    /// For bases below `size`, each followed by as many columns.
    fn new(size: usize, columns: usize) -> Self {
        Self {
            taken: vec![false; size + columns],
            named: vec![false; size],
            next: 0,
            looks: 16 * size,
        }
    }

    /// The name of a row: what to add to the number of a column to come to its place.
    fn place(&mut self, cells: &[(u32, Cell)]) -> Option<u32> {
        for _ in 0..self.named.len() {
            let base = self.next;
            self.next = if base + 1 == self.named.len() { 0 } else { base + 1 };
            let is_free = |cell: &(u32, Cell)| !self.taken[base + cell.0 as usize];
            let free = cells.iter().take_while(|cell| is_free(cell)).count();
            self.looks = self.looks.checked_sub(1 + free)?;
            if self.named[base] || free < cells.len() {
                continue;
            }
            cells.iter().for_each(|(column, _)| self.taken[base + *column as usize] = true);
            self.named[base] = true;
            return Some(base as u32);
        }
        None
    }

    /// A name that no row has.
    fn unused(&self) -> u32 {
        self.named.iter().position(|named| !named).unwrap_or(self.named.len()) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::classes::mix;

    /// Cells here and there, by a number, a share of `1 / every` of all.
    fn cells(rows: u32, columns: u32, every: u64) -> Vec<(u32, u32, Cell)> {
        let places = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
        let hash = |row: u32, column: u32| mix(u64::from(row) << 32 | u64::from(column));
        places
            .filter(|(row, column)| hash(*row, *column) % every == 0)
            .map(|(row, column)| {
                let list = (hash(row, column) >> 40) as usize;
                (row, column, Cell::new(list & 0xffff, list).unwrap())
            })
            .collect()
    }

    #[test]
    fn every_cell_is_found_and_no_other() {
        for (rows, columns, every) in [
            (0, 0, 1),
            (1, 1, 1),
            (1, 90, 3),
            (70, 2, 2),
            (40, 60, 1),
            (300, 20, 9),
            (200, 300, 60),
        ] {
            let cells = cells(rows, columns, every);
            let (matrix, names) = Matrix::new(&cells, rows as usize, columns as usize).unwrap();
            for row in 0..rows {
                for column in 0..columns {
                    let there = cells.iter().find(|cell| (cell.0, cell.1) == (row, column));
                    let expected = there.map_or(Cell::EMPTY, |cell| cell.2);
                    let found =
                        matrix.cell(names.rows[row as usize], names.columns[column as usize]);
                    let (kind, list) = (expected.kind(), expected.list());
                    assert_eq!((found.kind(), found.list()), (kind, list), "{row} {column}");
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_a_cell_is_refused() {
        assert!(Cell::new(0xffff, MAX as usize).is_ok());
        assert_eq!(Cell::new(1 << 16, 0), Err(Unfit::Size));
        assert_eq!(Cell::new(0, 1 << 24), Err(Unfit::Size));
    }
}
