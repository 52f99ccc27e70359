//! How the rules of one group lie in cells.
//!
//! | stretch | cells |
//! |---|---|
//! | head | see [`Head`] |
//! | field | last values of all ranges but the greatest one; class of each range, two to a cell; a row for each class |
//! | sets | numbers of the shared sets that a field of addresses names; a row for each |
//! | answers | by rule, what to answer; then what no rule means |
//!
//! A row has a bit for each rule, 64 to a word of two cells, the lower one first.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "numbers of rules and ranges are bounded by the builder, cells by memory"
)]

use super::cells::InCells;

/// Where the parts of a group are, and how long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Head {
    pub(super) rules: u32,
    pub(super) answers: u32,
    pub(super) source: Field,
    pub(super) source_sets: Sets,
    pub(super) destination: Field,
    pub(super) destination_sets: Sets,
    pub(super) source_ports: Field,
    pub(super) destination_ports: Field,
    pub(super) protocols: Field,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Field {
    pub(super) at: u32,
    pub(super) ranges: u16,
    pub(super) classes: u16,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sets {
    pub(super) at: u32,
    pub(super) count: u32,
}

impl Field {
    /// Where the classes of the ranges stand behind the start, and the rows of the classes.
    #[inline(always)]
    pub(super) fn offsets<T: InCells>(self) -> (usize, usize) {
        let ranges = usize::from(self.ranges);
        let classes = T::cells(ranges.wrapping_sub(1));
        (classes, classes.wrapping_add(ranges.div_ceil(2)))
    }

    /// How many cells it takes.
    pub(super) fn cells<T: InCells>(self, words: usize) -> usize {
        self.offsets::<T>().1 + 2 * words * usize::from(self.classes)
    }
}

impl Sets {
    /// How many cells they take.
    pub(super) fn cells(self, words: usize) -> usize {
        self.count as usize * (1 + 2 * words)
    }
}

impl Head {
    /// The cells of a head: one cache line.
    pub(super) const CELLS: usize = 16;

    pub(super) fn to_cells(self) -> [u32; Self::CELLS] {
        let field =
            |field: Field| [field.at, u32::from(field.ranges) | u32::from(field.classes) << 16];
        let [[a, b], [c, d], [e, f], [g, h], [i, j]] = [
            self.source,
            self.destination,
            self.source_ports,
            self.destination_ports,
            self.protocols,
        ]
        .map(field);
        let (k, l) = (self.source_sets, self.destination_sets);
        [self.rules, self.answers, a, b, k.at, k.count, c, d, l.at, l.count, e, f, g, h, i, j]
    }

    #[inline(always)]
    pub(super) fn of_cells(cells: &[u32; Self::CELLS]) -> Self {
        let field = |at: u32, counts: u32| Field {
            at,
            ranges: counts as u16,
            classes: (counts >> 16) as u16,
        };
        let [rules, answers, a, b, c, d, e, f, g, h, i, j, k, l, m, n] = *cells;
        Self {
            rules,
            answers,
            source: field(a, b),
            source_sets: Sets { at: c, count: d },
            destination: field(e, f),
            destination_sets: Sets { at: g, count: h },
            source_ports: field(i, j),
            destination_ports: field(k, l),
            protocols: field(m, n),
        }
    }

    /// The cells of the answers.
    pub(super) fn answers_cells(&self) -> usize {
        self.rules as usize + 1
    }

    /// The words of a row.
    #[inline(always)]
    pub(super) fn words(&self) -> usize {
        words(self.rules as usize)
    }
}

/// The words of a row of so many rules; at least one.
#[inline(always)]
pub(super) fn words(rules: usize) -> usize {
    rules.div_ceil(64).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_comes_back_from_its_cells() {
        let field = |at| Field { at, ranges: 7, classes: u16::MAX - at as u16 };
        let head = Head {
            rules: 1,
            answers: 2,
            source: field(3),
            source_sets: Sets { at: 4, count: 5 },
            destination: field(6),
            destination_sets: Sets { at: 7, count: 8 },
            source_ports: field(9),
            destination_ports: field(10),
            protocols: field(11),
        };
        assert_eq!(Head::of_cells(&head.to_cells()), head);
    }
}
