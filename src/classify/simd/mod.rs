//! Which instructions lookups are compiled for.
//!
//! A classifier finds out once, when it is built, what the processor has, and from then on goes
//! through code that was compiled for that as a whole: what is called from [`Simd::run`] with
//! `#[inline(always)]` may use the instructions of the tier. Kernels that a compiler does not
//! find by itself are methods of [`Simd`]; the portable ones say what each computes, and the
//! others are tested against them.
//!
//! All that is `unsafe` in this crate is in this module: the step into such code, which needs the
//! processor to have the instructions, and the loads of kernels.

#[cfg(target_arch = "x86_64")]
mod x86;

use std::fmt;

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, Avx512};

/// The instructions that lookups may use.
///
/// ```
/// use nsg_engine::classify::Tier;
///
/// assert!(Tier::available().any(|tier| tier == Tier::Portable));
/// assert!(Tier::available().all(|tier| tier <= Tier::Avx512));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Tier {
    /// What every processor of the architecture has.
    Portable,
    /// AVX2, BMI1, BMI2, LZCNT and POPCNT, of x86-64 since about 2013.
    Avx2,
    /// AVX-512 F, BW, DQ and VL besides.
    Avx512,
}

impl Tier {
    /// Those that this machine has, the best one last.
    pub fn available() -> impl Iterator<Item = Self> {
        [Self::Portable, Self::Avx2, Self::Avx512]
            .into_iter()
            .filter(|tier| Proof::at_most(*tier).tier() == *tier)
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Portable => "portable",
            Self::Avx2 => "AVX2",
            Self::Avx512 => "AVX-512",
        })
    }
}

/// A tier that the machine is known to have.
#[derive(Clone, Copy, Debug)]
pub(super) enum Proof {
    Portable(Portable),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
}

impl Proof {
    /// The best tier that the machine has, up to `most`.
    pub(super) fn at_most(most: Tier) -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if let Some(proof) = Avx512::new().filter(|_| most >= Tier::Avx512) {
                return Self::Avx512(proof);
            }
            if let Some(proof) = Avx2::new().filter(|_| most >= Tier::Avx2) {
                return Self::Avx2(proof);
            }
        }
        Self::Portable(Portable)
    }

    pub(super) fn tier(self) -> Tier {
        match self {
            Self::Portable(_) => Tier::Portable,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => Tier::Avx2,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => Tier::Avx512,
        }
    }

    /// Runs the work on this tier.
    #[inline(always)]
    pub(super) fn run<W: Work<I>, I>(self, work: &W, input: I) -> W::Output {
        match self {
            Self::Portable(simd) => simd.run(work, input),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(simd) => simd.run(work, input),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(simd) => simd.run(work, input),
        }
    }
}

/// What is compiled for every tier.
///
/// The input is apart from the rest so that a small one travels in registers.
pub(super) trait Work<I> {
    type Output;

    /// Does the work; to be `#[inline(always)]`, as all that it calls, or it is compiled for the
    /// portable tier after all.
    fn run<S: Simd>(&self, simd: S, input: I) -> Self::Output;
}

/// Evidence that the machine has a tier, and the kernels of that tier.
pub(super) trait Simd: Copy {
    /// Runs the work, compiled for this tier.
    fn run<W: Work<I>, I>(self, work: &W, input: I) -> W::Output;

    /// A bit for each of the values that is less than `value`, the first one's the lowest.
    fn below(self, values: &[i32; 8], value: i32) -> u32;

    /// How many of the first `left` values are at most `value`; `left` is at most 32.
    fn count_u16(self, values: &[u16; 32], left: usize, value: u16) -> usize;

    /// How many values are at most `value`.
    fn count_u64(self, values: &[u64; 8], value: u64) -> usize;

    /// How many values, given by their upper and lower halves, are at most `value`.
    fn count_u128(self, uppers: &[u64; 8], lowers: &[u64; 8], value: u128) -> usize;

    /// A bit for each word in which all three rows have a bit in common; `W` is at most 16.
    fn common_words<const W: usize>(self, rows: [&[u64; W]; 3]) -> u32;
}

/// No instructions but those of the target.
#[derive(Clone, Copy, Debug)]
pub(super) struct Portable;

impl Simd for Portable {
    #[inline(always)]
    fn run<W: Work<I>, I>(self, work: &W, input: I) -> W::Output {
        work.run(self, input)
    }

    #[inline(always)]
    fn below(self, values: &[i32; 8], value: i32) -> u32 {
        let mut bits = 0;
        for (at, candidate) in values.iter().enumerate() {
            bits |= u32::from(*candidate < value) << at;
        }
        bits
    }

    #[inline(always)]
    fn count_u16(self, values: &[u16; 32], left: usize, value: u16) -> usize {
        let left = u16::try_from(left).unwrap_or(u16::MAX);
        let mut count = 0u16;
        for (at, candidate) in (0..).zip(values) {
            count = count.wrapping_add(u16::from((*candidate <= value) & (at < left)));
        }
        count.into()
    }

    #[inline(always)]
    fn count_u64(self, values: &[u64; 8], value: u64) -> usize {
        let mut count = 0usize;
        for candidate in values {
            count = count.wrapping_add(usize::from(*candidate <= value));
        }
        count
    }

    #[inline(always)]
    fn count_u128(self, uppers: &[u64; 8], lowers: &[u64; 8], value: u128) -> usize {
        let mut count = 0usize;
        for (upper, lower) in uppers.iter().zip(lowers) {
            let candidate = u128::from(*upper) << 64 | u128::from(*lower);
            count = count.wrapping_add(usize::from(candidate <= value));
        }
        count
    }

    #[inline(always)]
    fn common_words<const W: usize>(self, [a, b, c]: [&[u64; W]; 3]) -> u32 {
        let mut words = 0;
        for (at, ((a, b), c)) in a.iter().zip(b).zip(c).enumerate() {
            words |= u32::from(a & b & c != 0) << at;
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::classes::mix;

    #[test]
    fn no_more_is_used_than_asked_for_or_than_there_is() {
        let available: Vec<Tier> = Tier::available().collect();
        assert_eq!(available[0], Tier::Portable);
        assert!(available.is_sorted());
        for most in [Tier::Portable, Tier::Avx2, Tier::Avx512] {
            let best = available.iter().rev().find(|tier| **tier <= most);
            assert_eq!(Some(&Proof::at_most(most).tier()), best);
        }
    }

    #[test]
    fn work_runs_on_every_tier() {
        struct Sum;
        impl Work<&[u64]> for Sum {
            type Output = u64;

            #[inline(always)]
            fn run<S: Simd>(&self, _: S, input: &[u64]) -> u64 {
                input.iter().sum()
            }
        }
        for tier in Tier::available() {
            assert_eq!(Proof::at_most(tier).run(&Sum, &[1, 2, 3][..]), 6);
        }
    }

    #[test]
    fn values_below_another_are_found_on_every_tier() {
        struct Twins;
        impl Work<[i32; 8]> for Twins {
            type Output = ();

            fn run<S: Simd>(&self, simd: S, values: [i32; 8]) {
                for value in values.into_iter().chain([i32::MIN, -1, 0, 1, i32::MAX]) {
                    for value in [value.wrapping_sub(1), value, value.wrapping_add(1)] {
                        assert_eq!(simd.below(&values, value), Portable.below(&values, value));
                    }
                }
            }
        }
        let few = [i32::MIN, i32::MAX, 0, -1, 1 << 30, 7, -9, 0x7fff_0000];
        for tier in Tier::available() {
            for turn in 0..8 {
                let mut values = few;
                values.rotate_left(turn);
                Proof::at_most(tier).run(&Twins, values);
            }
            Proof::at_most(tier).run(&Twins, [3; 8]);
        }
        assert_eq!(Portable.below(&few, 0), 0b0100_1001);
    }

    /// The kernels of one tier against the portable ones, for every length.
    struct Twins;

    impl Work<u64> for Twins {
        type Output = ();

        fn run<S: Simd>(&self, simd: S, seed: u64) {
            let mut seed = seed;
            // Words with many bits, with few, and with none.
            let mut next = |step: u64| {
                seed = mix(seed ^ step);
                [seed, 1 << (seed % 64), 0, u64::MAX][(seed >> 32) as usize % 4]
            };
            let shorts: [u16; 32] = std::array::from_fn(|at| {
                let [low, high, ..] = next(at as u64).to_le_bytes();
                u16::from_le_bytes([low, high])
            });
            let longs: [u64; 8] = std::array::from_fn(|at| next(at as u64));
            for value in shorts.into_iter().chain([0, 1, 0x7fff, 0x8000, u16::MAX]) {
                for left in 0..=32 {
                    let expected = Portable.count_u16(&shorts, left, value);
                    assert_eq!(simd.count_u16(&shorts, left, value), expected);
                }
            }
            for value in longs.into_iter().chain([0, 1, 1 << 63, u64::MAX]) {
                assert_eq!(simd.count_u64(&longs, value), Portable.count_u64(&longs, value));
            }
            // Few different halves, so that upper ones are often equal.
            let [uppers, lowers]: [[u64; 8]; 2] = [(); 2]
                .map(|()| std::array::from_fn(|at| longs[(next(at as u64) >> 32) as usize % 3]));
            for upper in longs {
                for lower in longs.into_iter().chain([0, u64::MAX]) {
                    let value = u128::from(upper) << 64 | u128::from(lower);
                    let expected = Portable.count_u128(&uppers, &lowers, value);
                    assert_eq!(simd.count_u128(&uppers, &lowers, value), expected);
                }
            }
            let rows: [[u64; 16]; 3] = [(); 3].map(|()| std::array::from_fn(|_| next(7)));
            let [a, b, c] = &rows;
            assert_eq!(simd.common_words([a, b, c]), Portable.common_words([a, b, c]));
            let [a, b, c] = rows.each_ref().map(|row| row.first_chunk::<11>().unwrap());
            assert_eq!(simd.common_words([a, b, c]), Portable.common_words([a, b, c]));
        }
    }

    #[test]
    fn kernels_equal_their_portable_twins() {
        for tier in Tier::available() {
            for seed in 0..200 {
                Proof::at_most(tier).run(&Twins, seed);
            }
        }
    }
}
