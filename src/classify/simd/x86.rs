//! The tiers of x86-64.

#![expect(unsafe_code, reason = "instructions that not every processor has")]

use std::arch::is_x86_feature_detected;
use std::arch::x86_64::*;

use super::{Simd, Work};

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

    #[inline(always)]
    fn below(self, values: &[i32; 8], value: i32) -> u32 {
        #[inline]
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi1,bmi2,lzcnt,popcnt")]
        fn kernel(values: &[i32; 8], value: i32) -> u32 {
            // SAFETY: a whole array of 32 bytes.
            let values = unsafe { _mm256_loadu_si256(values.as_ptr().cast()) };
            _mm256_cmpgt_epi32_mask(_mm256_set1_epi32(value), values).into()
        }
        // SAFETY: an `Avx512` is evidence of all of these features.
        unsafe { kernel(values, value) }
    }
}
