//! The tiers of x86-64.

#![expect(unsafe_code, reason = "instructions that not every processor has")]
#![expect(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "numbers of lanes are small"
)]

use std::arch::is_x86_feature_detected;
use std::arch::x86_64::*;

use super::{Portable, Simd, Work};

/// The machine has AVX2 and the scalar instructions that came with it.
#[derive(Clone, Copy, Debug)]
pub(in crate::classify) struct Avx2(());

/// The machine has AVX-512 as server processors have it.
#[derive(Clone, Copy, Debug)]
pub(in crate::classify) struct Avx512(());

impl Avx2 {
    /// The evidence, if the machine has it.
    pub(super) fn new() -> Option<Self> {
        let has_all = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt");
        has_all.then_some(Self(()))
    }
}

impl Avx512 {
    /// The evidence, if the machine has it.
    pub(super) fn new() -> Option<Self> {
        let has_all = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl");
        Avx2::new().filter(|_| has_all).map(|_| Self(()))
    }
}

impl Simd for Avx2 {
    #[inline(always)]
    fn run<W: Work<I>, I>(self, work: &W, input: I) -> W::Output {
        #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
        fn compiled_for_it<W: Work<I>, I>(simd: Avx2, work: &W, input: I) -> W::Output {
            work.run(simd, input)
        }
        // SAFETY: `Avx2::new` alone makes one, where the machine has all of these features.
        unsafe { compiled_for_it(self, work, input) }
    }

    #[inline(always)]
    fn below(self, values: &[i32; 8], value: i32) -> u32 {
        #[inline]
        #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
        fn kernel(values: &[i32; 8], value: i32) -> u32 {
            // SAFETY: a whole array of 32 bytes.
            let values = unsafe { _mm256_loadu_si256(values.as_ptr().cast()) };
            let are_below = _mm256_cmpgt_epi32(_mm256_set1_epi32(value), values);
            _mm256_movemask_ps(_mm256_castsi256_ps(are_below)).cast_unsigned()
        }
        // SAFETY: an `Avx2` is evidence of all of these features.
        unsafe { kernel(values, value) }
    }

    #[inline(always)]
    fn count_u16(self, values: &[u16; 32], left: usize, value: u16) -> usize {
        /// Two bits a value, for bytes are all that can be moved to a mask.
        #[inline]
        #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
        fn kernel(values: &[u16; 32], left: usize, value: u16) -> usize {
            let value = _mm256_set1_epi16(value.cast_signed());
            let half = |at: usize| {
                // SAFETY: 16 values from `at`, which is 0 or 16, are within the array.
                let values = unsafe { _mm256_loadu_si256(values.as_ptr().add(at).cast()) };
                let is_at_most = _mm256_cmpeq_epi16(_mm256_max_epu16(values, value), value);
                u64::from(_mm256_movemask_epi8(is_at_most).cast_unsigned())
            };
            let all = half(0) | half(16) << 32;
            (_bzhi_u64(all, 2 * left as u32).count_ones() / 2) as usize
        }
        // SAFETY: an `Avx2` is evidence of all of these features.
        unsafe { kernel(values, left, value) }
    }

    #[inline(always)]
    fn count_u64(self, values: &[u64; 8], value: u64) -> usize {
        Portable.count_u64(values, value)
    }

    #[inline(always)]
    fn count_u128(self, uppers: &[u64; 8], lowers: &[u64; 8], value: u128) -> usize {
        Portable.count_u128(uppers, lowers, value)
    }

    #[inline(always)]
    fn common_words<const W: usize>(self, rows: [&[u64; W]; 3]) -> u32 {
        #[inline]
        #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
        fn kernel([a, b, c]: [&[u64; 8]; 3]) -> u32 {
            let half = |at: usize| {
                // SAFETY: four values from `at`, which is 0 or 4, are within each array.
                let [a, b, c] = unsafe {
                    [
                        _mm256_loadu_si256(a.as_ptr().add(at).cast()),
                        _mm256_loadu_si256(b.as_ptr().add(at).cast()),
                        _mm256_loadu_si256(c.as_ptr().add(at).cast()),
                    ]
                };
                let common = _mm256_and_si256(_mm256_and_si256(a, b), c);
                let is_empty = _mm256_cmpeq_epi64(common, _mm256_setzero_si256());
                !_mm256_movemask_pd(_mm256_castsi256_pd(is_empty)).cast_unsigned() & 0xf
            };
            half(0) | half(4) << 4
        }
        by_eights(rows, |rows| {
            // SAFETY: an `Avx2` is evidence of all of these features.
            unsafe { kernel(rows) }
        })
    }
}

impl Simd for Avx512 {
    #[inline(always)]
    fn run<W: Work<I>, I>(self, work: &W, input: I) -> W::Output {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi1,bmi2,lzcnt,popcnt")]
        fn compiled_for_it<W: Work<I>, I>(simd: Avx512, work: &W, input: I) -> W::Output {
            work.run(simd, input)
        }
        // SAFETY: `Avx512::new` alone makes one, where the machine has all of these features.
        unsafe { compiled_for_it(self, work, input) }
    }

    /// Masks take longer to come back from vectors than signs do.
    #[inline(always)]
    fn below(self, values: &[i32; 8], value: i32) -> u32 {
        // The machine has AVX2 too: `Avx512::new`.
        Avx2(()).below(values, value)
    }

    #[inline(always)]
    fn count_u16(self, values: &[u16; 32], left: usize, value: u16) -> usize {
        #[inline]
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi1,bmi2,lzcnt,popcnt")]
        fn kernel(values: &[u16; 32], left: usize, value: u16) -> usize {
            // SAFETY: a whole array of 64 bytes.
            let values = unsafe { _mm512_loadu_epi16(values.as_ptr().cast()) };
            let are_at_most =
                _mm512_cmple_epu16_mask(values, _mm512_set1_epi16(value.cast_signed()));
            _bzhi_u32(are_at_most, left as u32).count_ones() as usize
        }
        // SAFETY: an `Avx512` is evidence of all of these features.
        unsafe { kernel(values, left, value) }
    }

    #[inline(always)]
    fn count_u64(self, values: &[u64; 8], value: u64) -> usize {
        #[inline]
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi1,bmi2,lzcnt,popcnt")]
        fn kernel(values: &[u64; 8], value: u64) -> usize {
            // SAFETY: a whole array of 64 bytes.
            let values = unsafe { _mm512_loadu_epi64(values.as_ptr().cast()) };
            let are_at_most =
                _mm512_cmple_epu64_mask(values, _mm512_set1_epi64(value.cast_signed()));
            are_at_most.count_ones() as usize
        }
        // SAFETY: an `Avx512` is evidence of all of these features.
        unsafe { kernel(values, value) }
    }

    #[inline(always)]
    fn count_u128(self, uppers: &[u64; 8], lowers: &[u64; 8], value: u128) -> usize {
        #[inline]
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi1,bmi2,lzcnt,popcnt")]
        fn kernel(uppers: &[u64; 8], lowers: &[u64; 8], value: u128) -> usize {
            // SAFETY: whole arrays of 64 bytes.
            let [uppers, lowers] = [uppers, lowers]
                .map(|halves| unsafe { _mm512_loadu_epi64(halves.as_ptr().cast()) });
            let [upper, lower] = [(value >> 64) as u64, value as u64]
                .map(|half| _mm512_set1_epi64(half.cast_signed()));
            let are_less = _mm512_cmplt_epu64_mask(uppers, upper);
            let are_equal = _mm512_cmpeq_epu64_mask(uppers, upper);
            let are_at_most = are_less | _mm512_mask_cmple_epu64_mask(are_equal, lowers, lower);
            are_at_most.count_ones() as usize
        }
        // SAFETY: an `Avx512` is evidence of all of these features.
        unsafe { kernel(uppers, lowers, value) }
    }

    #[inline(always)]
    fn common_words<const W: usize>(self, rows: [&[u64; W]; 3]) -> u32 {
        #[inline]
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi1,bmi2,lzcnt,popcnt")]
        fn kernel([a, b, c]: [&[u64; 8]; 3]) -> u32 {
            // SAFETY: whole arrays of 64 bytes.
            let [a, b, c] = unsafe {
                [
                    _mm512_loadu_epi64(a.as_ptr().cast()),
                    _mm512_loadu_epi64(b.as_ptr().cast()),
                    _mm512_loadu_epi64(c.as_ptr().cast()),
                ]
            };
            _mm512_test_epi64_mask(_mm512_and_epi64(a, b), c).into()
        }
        by_eights(rows, |rows| {
            // SAFETY: an `Avx512` is evidence of all of these features.
            unsafe { kernel(rows) }
        })
    }
}

/// The common words of rows, eight words of each at a time and the rest one by one.
#[inline(always)]
fn by_eights<const W: usize>(
    [a, b, c]: [&[u64; W]; 3],
    kernel: impl Fn([&[u64; 8]; 3]) -> u32,
) -> u32 {
    let ((a, rest_a), (b, rest_b), (c, rest_c)) = (a.as_chunks(), b.as_chunks(), c.as_chunks());
    let mut words = 0;
    for (at, ((a, b), c)) in (0u32..).step_by(8).zip(a.iter().zip(b).zip(c)) {
        words |= kernel([a, b, c]) << at;
    }
    for (at, ((a, b), c)) in (W / 8 * 8..).zip(rest_a.iter().zip(rest_b).zip(rest_c)) {
        words |= u32::from(a & b & c != 0) << at;
    }
    words
}
