//! Where the generator's choices come from.

use std::collections::VecDeque;

/// A stream of choices: the bytes of a fuzzer or of a shrinking test case, or the endless stream
/// of a seed.
///
/// Where bytes run out every further choice is the first alternative, and the generator lists
/// its alternatives simplest first: fewer and smaller bytes make simpler values.
///
/// ```
/// use nsg_engine::strategies::Choices;
///
/// assert_eq!(Choices::from_bytes(&[7]).below(10), 7);
/// assert_eq!(Choices::from_bytes(&[]).below(10), 0);
/// assert_eq!(Choices::from_seed(1).below(1000), Choices::from_seed(1).below(1000));
/// ```
#[derive(Clone, Debug)]
pub struct Choices {
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    Bytes(VecDeque<u8>),
    Random(SplitMix64),
}

impl Choices {
    /// The choices that these bytes stand for.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self { source: Source::Bytes(bytes.iter().copied().collect()) }
    }

    /// An endless stream of random choices, the same for the same seed on every machine.
    pub fn from_seed(seed: u64) -> Self {
        Self { source: Source::Random(SplitMix64 { state: seed }) }
    }

    /// The next `N` bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| match &mut self.source {
            Source::Bytes(bytes) => bytes.pop_front().unwrap_or(0),
            Source::Random(random) => random.byte(),
        })
    }

    /// A number from 0 to `bound - 1`; 0 where `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let drawn = if bound <= 256 {
            let [byte] = self.bytes();
            usize::from(byte)
        } else {
            usize::try_from(u32::from_le_bytes(self.bytes())).unwrap_or(usize::MAX)
        };
        drawn.checked_rem(bound).unwrap_or(0)
    }

    /// A number from `least` to `most`.
    pub fn between(&mut self, least: usize, most: usize) -> usize {
        least.saturating_add(self.below(most.saturating_sub(least).saturating_add(1)))
    }

    /// True once in `n` times; never where bytes have run out.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n).saturating_add(1) == n.max(2)
    }

    /// One of these, `simplest` where bytes have run out.
    pub fn one_of<T: Clone>(&mut self, simplest: T, others: &[T]) -> T {
        match self.below(others.len().saturating_add(1)).checked_sub(1) {
            Some(index) => others.get(index).cloned().unwrap_or(simplest),
            None => simplest,
        }
    }

    /// One of these, or `None` where there are none.
    pub fn pick<'a, T>(&mut self, options: &'a [T]) -> Option<&'a T> {
        options.get(self.below(options.len()))
    }
}

/// Steele, Lea and Flood's generator, "Fast splittable pseudorandom number generators" (2014):
/// one that other crates cannot change under a recorded seed.
#[derive(Clone, Debug)]
pub(super) struct SplitMix64 {
    pub(super) state: u64,
}

impl SplitMix64 {
    pub(super) fn byte(&mut self) -> u8 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let [high, ..] = (mixed ^ (mixed >> 31)).to_be_bytes();
        high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_run_out_choose_the_simplest() {
        let mut choices = Choices::from_bytes(&[1]);
        assert_eq!(choices.one_of('a', &['b', 'c']), 'b');
        assert_eq!(choices.one_of('a', &['b', 'c']), 'a');
        assert!(!choices.one_in(2));
        assert_eq!(choices.between(3, 9), 3);
        assert_eq!(choices.pick::<u8>(&[]), None);
    }

    #[test]
    fn a_seed_reaches_every_alternative() {
        let mut choices = Choices::from_seed(7);
        let mut seen = [0u32; 300];
        for _ in 0..30_000 {
            seen[choices.below(300)] += 1;
        }
        assert!(seen.iter().all(|&count| (40..250).contains(&count)), "{seen:?}");
        assert!((0..1000).any(|_| choices.one_in(100)));
    }
}
