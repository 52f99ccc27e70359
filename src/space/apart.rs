//! Where two lists are apart: what one has and the other has not, and what stands in another order.

use std::collections::HashMap;
use std::hash::Hash;

/// How two sequences are apart; places are counted from zero.
#[derive(PartialEq, Eq, Debug, Default)]
pub(super) struct Apart {
    /// Places in the first of what the second does not have.
    pub(super) lost: Vec<usize>,
    /// Places in the second of what the first does not have.
    pub(super) new: Vec<usize>,
    /// Both places of what both have, in the order of the first.
    pub(super) kept: Vec<(usize, usize)>,
    /// Both places of the fewest among these without which the rest are in the same order.
    pub(super) moved: Vec<(usize, usize)>,
}

impl Apart {
    /// Compares two sequences. Equal items are told apart by how many came before.
    pub(super) fn new<T: Eq + Hash>(one: &[T], other: &[T]) -> Self {
        let mut places: HashMap<(&T, u32), usize> =
            numbered(other).enumerate().map(|(place, item)| (item, place)).collect();
        let mut apart = Self::default();
        for (place, item) in numbered(one).enumerate() {
            match places.remove(&item) {
                Some(other) => apart.kept.push((place, other)),
                None => apart.lost.push(place),
            }
        }
        apart.new = places.into_values().collect();
        apart.new.sort_unstable();
        apart.moved = moved(&apart.kept);
        apart
    }
}

/// Each item with the number of equal ones before it.
fn numbered<T: Eq + Hash>(items: &[T]) -> impl Iterator<Item = (&T, u32)> {
    let mut counts: HashMap<&T, u32> = HashMap::new();
    items.iter().map(move |item| {
        let count = counts.entry(item).or_default();
        let number = *count;
        *count = number.saturating_add(1);
        (item, number)
    })
}

/// The pairs outside a longest run of pairs, ascending in the first, that ascends in the second
/// too: patience sorting.
fn moved(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // For each length, the index of the pair that ends such a run with the least second.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    let second = |index: usize| pairs.get(index).map(|pair| pair.1);
    for (index, pair) in pairs.iter().enumerate() {
        let length = ends.partition_point(|&end| second(end) < Some(pair.1));
        before.push(length.checked_sub(1).and_then(|shorter| ends.get(shorter).copied()));
        match ends.get_mut(length) {
            Some(end) => *end = index,
            None => ends.push(index),
        }
    }
    let last = ends.last().copied();
    let run = std::iter::successors(last, |&index| before.get(index).copied().flatten());
    let mut run: Vec<usize> = run.collect();
    let mut left = Vec::with_capacity(pairs.len().saturating_sub(run.len()));
    for (index, &pair) in pairs.iter().enumerate() {
        if run.last() == Some(&index) {
            run.pop();
        } else {
            left.push(pair);
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_new_and_moved_is_found() {
        let apart = Apart::new(b"abcdefg", b"bcxfdeg");
        assert_eq!((apart.lost, apart.new), (vec![0], vec![2]));
        assert_eq!(apart.moved, [(5, 3)]);
        let apart = Apart::new(b"aab", b"baa");
        assert_eq!((apart.kept.len(), apart.moved), (3, vec![(2, 0)]));
        assert_eq!(Apart::new(b"aa", b"a").lost, [1]);
        assert_eq!(Apart::new(b"abc", b"cba").moved.len(), 2);
        assert_eq!(Apart::new(b"", b""), Apart::default());
    }
}
