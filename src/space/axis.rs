//! One dimension of a question, cut into classes of values that no box tells apart.
//!
//! A service tag may hold ten thousand prefixes, but where twenty tags are named there are only
//! so many ways for an address to lie in some and not in others. Values that lie in the same
//! sets form one class; classes are numbered in the order of their first value, so that a set of
//! neighbouring prefixes stays a short run of classes, and a tag of ten thousand scattered
//! prefixes becomes one.

use std::collections::HashMap;

use crate::net::{Coordinate, Interval, RangeSet};

/// Which values of an axis a box covers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Extent {
    /// None.
    Empty,
    /// All.
    Full,
    /// Those of the set with this index.
    Set(usize),
}

/// Inclusive bounds of values, ascending and disjoint.
pub(super) type Spans = Vec<(u128, u128)>;

/// The spans of a range set.
pub(super) fn spans<T: Coordinate + Into<u128>>(set: &RangeSet<T>) -> Spans {
    set.intervals()
        .iter()
        .map(|interval| (interval.first().into(), interval.last().into()))
        .collect()
}

/// Collects the sets of one axis, each once.
#[derive(Debug, Default)]
pub(super) struct AxisBuilder {
    indices: HashMap<Spans, usize>,
    sets: Vec<Spans>,
}

impl AxisBuilder {
    pub(super) fn add(&mut self, spans: Spans, last: u128) -> Extent {
        match spans.as_slice() {
            [] => Extent::Empty,
            [(0, end)] if *end == last => Extent::Full,
            _ => {
                let next = self.sets.len();
                let index = *self.indices.entry(spans.clone()).or_insert(next);
                if index == next {
                    self.sets.push(spans);
                }
                Extent::Set(index)
            }
        }
    }

    /// Cuts the axis, whose values run from 0 to `last`, into classes.
    pub(super) fn finish(self, last: u128) -> Axis {
        let mut edges: Vec<(u128, usize)> = Vec::new();
        for (set, spans) in self.sets.iter().enumerate() {
            for &(first, end) in spans {
                edges.push((first, set));
                edges.extend(
                    end.checked_add(1).filter(|&edge| edge <= last).map(|edge| (edge, set)),
                );
            }
        }
        edges.sort_unstable();
        let mut starts: Vec<(u128, &[(u128, usize)])> = edges
            .chunk_by(|(one, _), (next, _)| one == next)
            .filter_map(|edges| edges.first().map(|&(start, _)| (start, edges)))
            .collect();
        if starts.first().is_none_or(|&(start, _)| start > 0) {
            starts.insert(0, (0, &[]));
        }
        let ends = starts.iter().skip(1).map(|&(start, _)| start.saturating_sub(1));
        let ends = ends.chain(std::iter::once(last));

        let mut axis =
            Axis { pieces: Vec::with_capacity(starts.len()), classes: 0, runs: Vec::new() };
        let mut members: Vec<Vec<u32>> = vec![Vec::new(); self.sets.len()];
        let mut inside = Bits::new(self.sets.len());
        let mut classes: HashMap<Bits, u32> = HashMap::new();
        for (&(_, edges), end) in starts.iter().zip(ends) {
            edges.iter().for_each(|&(_, set)| inside.flip(set));
            let class = match classes.get(&inside) {
                Some(&class) => class,
                None => {
                    let class = axis.classes;
                    for set in inside.ones() {
                        if let Some(members) = members.get_mut(set) {
                            members.push(class);
                        }
                    }
                    classes.insert(inside.clone(), class);
                    axis.classes = class.saturating_add(1);
                    class
                }
            };
            axis.pieces.push(Piece { end, class });
        }
        let classes = |members: Vec<u32>| members.into_iter().map(Interval::single).collect();
        axis.runs = members.into_iter().map(classes).collect();
        axis
    }
}

/// An axis cut into classes.
#[derive(Debug)]
pub(super) struct Axis {
    pieces: Vec<Piece>,
    classes: u32,
    /// The classes of each set.
    runs: Vec<RangeSet<u32>>,
}

/// Neighbouring values of one class, up to and including `end`.
#[derive(Clone, Copy, Debug)]
struct Piece {
    end: u128,
    class: u32,
}

impl Axis {
    /// The classes that a set consists of.
    pub(super) fn classes(&self, set: usize) -> Option<&RangeSet<u32>> {
        self.runs.get(set)
    }

    /// The values of some classes.
    pub(super) fn values(&self, classes: &RangeSet<u32>) -> RangeSet<u128> {
        let mut first = 0;
        let pieces = self.pieces.iter().filter_map(|piece| {
            let values = Interval::new(first, piece.end);
            first = piece.end.saturating_add(1);
            values.filter(|_| classes.contains(piece.class))
        });
        pieces.collect()
    }

    /// The number of the last class.
    pub(super) fn last_class(&self) -> u32 {
        self.classes.saturating_sub(1)
    }

    /// Turns values given per run of classes (each up to and including its class) into values
    /// per run of coordinates, neighbours with one value joined.
    pub(super) fn spread<V: Copy + PartialEq>(&self, by_class: &[(u32, V)]) -> Vec<(u128, V)> {
        let mut values = Vec::with_capacity(by_class.len());
        let (mut from, mut all) = (0, Vec::new());
        for &(end, value) in by_class {
            all.extend((from..=end).map(|_| value));
            from = end.saturating_add(1);
        }
        for piece in &self.pieces {
            let Some(&value) = usize::try_from(piece.class).ok().and_then(|class| all.get(class))
            else {
                continue;
            };
            match values.last_mut() {
                Some((end, before)) if *before == value => *end = piece.end,
                _ => values.push((piece.end, value)),
            }
        }
        values
    }
}

/// A set of small numbers.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Bits {
    words: Vec<u64>,
}

impl Bits {
    pub(super) fn new(size: usize) -> Self {
        Self { words: vec![0; size.div_ceil(64)] }
    }

    pub(super) fn flip(&mut self, index: usize) {
        if let Some(word) = self.words.get_mut(index >> 6) {
            *word ^= 1u64.wrapping_shl(u32::try_from(index & 63).unwrap_or(0));
        }
    }

    pub(super) fn ones(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(at, &word)| {
            let base = at.saturating_mul(64);
            std::iter::successors((word != 0).then_some(word), |&left| {
                let left = left & left.saturating_sub(1);
                (left != 0).then_some(left)
            })
            .map(move |left| {
                base.saturating_add(usize::try_from(left.trailing_zeros()).unwrap_or(0))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scattered_prefixes_of_one_tag_are_one_class() {
        let mut builder = AxisBuilder::default();
        let tag: Spans = (0..100).map(|i| (i * 10, i * 10 + 4)).collect();
        assert_eq!(builder.add(tag.clone(), 1999), Extent::Set(0));
        assert_eq!(builder.add(tag, 1999), Extent::Set(0));
        assert_eq!(builder.add(vec![(0, 1999)], 1999), Extent::Full);
        assert_eq!(builder.add(vec![], 1999), Extent::Empty);
        let axis = builder.finish(1999);
        assert_eq!(axis.last_class(), 1);
        assert_eq!(axis.classes(0), Some(&Interval::single(0).into()));
        assert_eq!(axis.values(&Interval::single(1).into()).intervals().len(), 100);
        let spread = axis.spread(&[(0, 'a'), (1, 'b')]);
        assert_eq!(spread.len(), 200);
        assert_eq!(spread.first(), Some(&(4, 'a')));
        assert_eq!(spread.last(), Some(&(1999, 'b')));
        assert_eq!(axis.spread(&[(1, 'a')]), [(1999, 'a')]);
    }

    #[test]
    fn edges_at_both_ends_of_the_axis() {
        let mut builder = AxisBuilder::default();
        builder.add(vec![(0, 0), (u128::MAX, u128::MAX)], u128::MAX);
        let axis = builder.finish(u128::MAX);
        let expected = [(0, 'i'), (u128::MAX - 1, 'o'), (u128::MAX, 'i')];
        assert_eq!(axis.spread(&[(0, 'i'), (1, 'o')]), expected);
        let whole = AxisBuilder::default().finish(7);
        assert_eq!(whole.spread(&[(0, 'x')]), [(7, 'x')]);
    }
}
