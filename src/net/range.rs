//! Inclusive intervals and sorted, disjoint sets of them.

use std::fmt::Debug;
use std::hash::Hash;

/// A value that can be the end of an [`Interval`]: `u16` (ports), `u32` (IPv4) or `u128` (IPv6).
pub trait Coordinate: Copy + Ord + Hash + Debug + Send + Sync + 'static {
    /// The smallest value.
    const MIN: Self;
    /// The largest value.
    const MAX: Self;
    /// The next larger value, or `None` at the top.
    fn next(self) -> Option<Self>;
    /// The next smaller value, or `None` at the bottom.
    fn previous(self) -> Option<Self>;
}

macro_rules! coordinate {
    ($($int:ty),*) => {$(
        impl Coordinate for $int {
            const MIN: Self = <$int>::MIN;
            const MAX: Self = <$int>::MAX;
            fn next(self) -> Option<Self> {
                self.checked_add(1)
            }
            fn previous(self) -> Option<Self> {
                self.checked_sub(1)
            }
        }
    )*};
}
coordinate!(u8, u16, u32, u128);

/// All values from `first` to `last`, both included. Never empty.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Interval<T> {
    // INVARIANT: first <= last.
    first: T,
    last: T,
}

impl<T: Coordinate> Interval<T> {
    /// The interval `first..=last`, or `None` when `last < first`.
    pub fn new(first: T, last: T) -> Option<Self> {
        (first <= last).then_some(Self { first, last })
    }

    /// The interval that holds one value.
    pub fn single(value: T) -> Self {
        Self { first: value, last: value }
    }

    /// The smallest value in it.
    pub fn first(self) -> T {
        self.first
    }

    /// The largest value in it.
    pub fn last(self) -> T {
        self.last
    }

    /// Whether `value` lies in it.
    pub fn contains(self, value: T) -> bool {
        self.first <= value && value <= self.last
    }
}

/// A set of values, kept as the fewest possible intervals in ascending order.
///
/// ```
/// use nsg_engine::net::{Interval, RangeSet};
///
/// let low: RangeSet<u16> = Interval::new(0, 1023).into_iter().collect();
/// let web: RangeSet<u16> = [Interval::single(80), Interval::single(443)].into_iter().collect();
/// assert!(low.covers(&web));
/// assert_eq!(low.difference(&web).intervals().len(), 3);
/// assert!(low.union(&low.complement()).is_full());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RangeSet<T> {
    // INVARIANT: ascending, disjoint, and no two intervals touch.
    intervals: Vec<Interval<T>>,
}

impl<T: Coordinate> RangeSet<T> {
    /// The set with nothing in it.
    pub const fn empty() -> Self {
        Self { intervals: Vec::new() }
    }

    /// The set of every value of the type.
    pub fn full() -> Self {
        Self { intervals: vec![Interval { first: T::MIN, last: T::MAX }] }
    }

    /// The intervals, ascending, disjoint and not touching.
    pub fn intervals(&self) -> &[Interval<T>] {
        &self.intervals
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.intervals.is_empty()
    }

    /// Whether every value is in it.
    pub fn is_full(&self) -> bool {
        matches!(self.intervals.as_slice(), [all] if all.first == T::MIN && all.last == T::MAX)
    }

    /// The smallest value in it.
    pub fn first(&self) -> Option<T> {
        self.intervals.first().map(|interval| interval.first)
    }

    /// Whether `value` is in it.
    pub fn contains(&self, value: T) -> bool {
        self.at_or_after(value).is_some_and(|interval| interval.first <= value)
    }

    /// Whether every value of `other` is in it.
    pub fn covers(&self, other: &Self) -> bool {
        other.intervals.iter().all(|inner| {
            self.at_or_after(inner.first)
                .is_some_and(|outer| outer.first <= inner.first && inner.last <= outer.last)
        })
    }

    /// Whether some value is in both.
    pub fn overlaps(&self, other: &Self) -> bool {
        let (few, many) = if self.intervals.len() <= other.intervals.len() {
            (self, other)
        } else {
            (other, self)
        };
        few.intervals
            .iter()
            .any(|one| many.at_or_after(one.first).is_some_and(|near| near.first <= one.last))
    }

    /// Every value that is in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.intervals.iter().chain(&other.intervals).copied().collect()
    }

    /// Every value that is in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut intervals = Vec::new();
        let (mut left, mut right) =
            (self.intervals.iter().peekable(), other.intervals.iter().peekable());
        while let (Some(&&a), Some(&&b)) = (left.peek(), right.peek()) {
            intervals.extend(Interval::new(a.first.max(b.first), a.last.min(b.last)));
            if a.last <= b.last {
                left.next();
            } else {
                right.next();
            }
        }
        Self { intervals }
    }

    /// Every value of `self` that is not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.intersection(&other.complement())
    }

    /// Every value that is not in it.
    #[must_use]
    pub fn complement(&self) -> Self {
        let mut intervals = Vec::with_capacity(self.intervals.len().saturating_add(1));
        let mut next_gap = Some(T::MIN);
        for interval in &self.intervals {
            if let (Some(first), Some(last)) = (next_gap, interval.first.previous()) {
                intervals.extend(Interval::new(first, last));
            }
            next_gap = interval.last.next();
        }
        if let Some(first) = next_gap {
            intervals.push(Interval { first, last: T::MAX });
        }
        Self { intervals }
    }

    /// The first interval that does not end before `value`.
    fn at_or_after(&self, value: T) -> Option<&Interval<T>> {
        self.intervals.get(self.intervals.partition_point(|interval| interval.last < value))
    }
}

impl<T: Coordinate> Default for RangeSet<T> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<T: Coordinate> From<Interval<T>> for RangeSet<T> {
    fn from(interval: Interval<T>) -> Self {
        Self { intervals: vec![interval] }
    }
}

impl<T: Coordinate> FromIterator<Interval<T>> for RangeSet<T> {
    fn from_iter<I: IntoIterator<Item = Interval<T>>>(intervals: I) -> Self {
        let mut sorted: Vec<Interval<T>> = intervals.into_iter().collect();
        sorted.sort_unstable();
        let mut merged: Vec<Interval<T>> = Vec::with_capacity(sorted.len());
        for interval in sorted {
            match merged.last_mut() {
                // Touching counts as overlapping: 1..=2 and 3..=4 are 1..=4.
                Some(open) if open.last.next().is_none_or(|next| interval.first <= next) => {
                    open.last = open.last.max(interval.last);
                }
                _ => merged.push(interval),
            }
        }
        merged.shrink_to_fit();
        Self { intervals: merged }
    }
}

impl<T: Coordinate> Extend<Interval<T>> for RangeSet<T> {
    fn extend<I: IntoIterator<Item = Interval<T>>>(&mut self, intervals: I) {
        *self = self.intervals.iter().copied().chain(intervals).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(pairs: &[(u8, u8)]) -> RangeSet<u8> {
        pairs.iter().filter_map(|&(first, last)| Interval::new(first, last)).collect()
    }

    #[test]
    fn an_interval_cannot_run_backwards() {
        assert_eq!(Interval::new(2u16, 1), None);
        assert!(Interval::new(1u16, 1).is_some());
    }

    #[test]
    fn collecting_sorts_and_merges_overlapping_and_touching_intervals() {
        assert_eq!(set(&[(7, 9), (1, 2), (3, 4), (8, 20)]), set(&[(1, 4), (7, 20)]));
        assert_eq!(set(&[(0, 255), (3, 255)]).intervals().len(), 1);
    }

    #[test]
    fn the_edges_of_the_type_are_ordinary_values() {
        assert!(set(&[]).complement().is_full());
        assert!(RangeSet::<u8>::full().complement().is_empty());
        assert_eq!(set(&[(0, 0), (255, 255)]).complement(), set(&[(1, 254)]));
    }

    /// Every law over every value of `u8`, for a family of sets that touches all edges.
    #[test]
    fn algebra_agrees_with_membership() {
        let family = [
            set(&[]),
            set(&[(0, 255)]),
            set(&[(0, 0)]),
            set(&[(255, 255)]),
            set(&[(0, 10), (20, 30), (250, 255)]),
            set(&[(10, 20), (22, 22), (24, 251)]),
            set(&[(11, 19)]),
        ];
        for a in &family {
            for b in &family {
                let (union, both, only_a) = (a.union(b), a.intersection(b), a.difference(b));
                for value in 0..=255 {
                    let (in_a, in_b) = (a.contains(value), b.contains(value));
                    assert_eq!(union.contains(value), in_a || in_b);
                    assert_eq!(both.contains(value), in_a && in_b);
                    assert_eq!(only_a.contains(value), in_a && !in_b);
                }
                assert_eq!(a.covers(b), b.difference(a).is_empty());
                assert_eq!(a.overlaps(b), !both.is_empty());
            }
        }
    }
}
