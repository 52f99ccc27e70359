//! Classes, then an AND of three sets of rules, a bit a rule: the first bit left is the first
//! match (bit vectors: Lakshman and Stiliadis 1998; the summary over long rows: Baboescu and
//! Varghese 2001).

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "classes are below the number of rows, bits below 64 times the words of a row"
)]

use std::hint::select_unpredictable;

use super::Unfit;
use super::classes::Rows;
use super::engine::Lookup;
use super::fields::{FieldRows, Fields};
use super::index::Bits;
use super::key::{Key, RuleIndex};
use super::rules::Rules;
use super::simd::Simd;

/// Rows of up to `W` words, all of which are looked at by every lookup.
pub(super) struct Bitsets<B: Bits, const W: usize> {
    fields: Fields<B>,
    source: Box<[[u64; W]]>,
    destination: Box<[[u64; W]]>,
    service: Box<[[u64; W]]>,
    /// By bit; behind the last bit, what is answered when none is left.
    answers: Box<[RuleIndex]>,
}

impl<B: Bits, const W: usize> Bitsets<B, W> {
    pub(super) fn new(
        rules: &Rules<'_, B>,
        (fields, rows): (Fields<B>, &FieldRows),
        limit: usize,
    ) -> Result<Self, Unfit> {
        let mut answers: Vec<_> = rules.entries.iter().map(|entry| entry.answer).collect();
        answers.resize(64 * W + 1, RuleIndex::NONE);
        let bitsets = Self {
            fields,
            source: fixed(&rows.source),
            destination: fixed(&rows.destination),
            service: fixed(&rows.service),
            answers: answers.into(),
        };
        if bitsets.bytes() > limit { Err(Unfit::Size) } else { Ok(bitsets) }
    }

    pub(super) fn bytes(&self) -> usize {
        let rows = self.source.len() + self.destination.len() + self.service.len();
        self.fields.bytes() + rows * 8 * W + size_of_val(&*self.answers)
    }
}

fn fixed<const W: usize>(rows: &Rows) -> Box<[[u64; W]]> {
    rows.iter().map(|row| std::array::from_fn(|word| row.get(word).copied().unwrap_or(0))).collect()
}

impl<B: Bits, const W: usize> Lookup<B> for Bitsets<B, W> {
    #[inline(always)]
    fn lookup<S: Simd>(&self, _: S, key: &Key<B>) -> RuleIndex {
        let (source, destination, service) = self.fields.classes(key);
        let (a, b, c) =
            (&self.source[source], &self.destination[destination], &self.service[service]);
        // From the last word to the first, so that the first one with a bit left stays. Which one
        // that is cannot be foretold, and a wrong guess costs more than all the words.
        let (mut at, mut left) = (W - 1, 0);
        for word in (0..W).rev() {
            let both = a[word] & b[word] & c[word];
            at = select_unpredictable(both != 0, word, at);
            left = select_unpredictable(both != 0, both, left);
        }
        self.answers[64 * at + left.trailing_zeros() as usize]
    }
}

/// Rows of any length, with a summary that says which words of a row hold a bit.
pub(super) struct LongBitsets<B: Bits> {
    fields: Fields<B>,
    source: Summarised,
    destination: Summarised,
    service: Summarised,
    answers: Box<[RuleIndex]>,
}

struct Summarised {
    rows: Rows,
    summaries: Rows,
}

impl Summarised {
    fn new(rows: Rows) -> Self {
        let mut summaries = Rows::zeroed(rows.len(), rows.words().div_ceil(64));
        for (number, row) in rows.iter().enumerate() {
            for (word, _) in row.iter().enumerate().filter(|(_, word)| **word != 0) {
                summaries.insert(number, word);
            }
        }
        Self { rows, summaries }
    }

    fn bytes(&self) -> usize {
        8 * (self.rows.words() + self.summaries.words()) * self.rows.len()
    }
}

impl<B: Bits> LongBitsets<B> {
    pub(super) fn new(
        rules: &Rules<'_, B>,
        (fields, rows): (Fields<B>, FieldRows),
        limit: usize,
    ) -> Result<Self, Unfit> {
        let bitsets = Self {
            fields,
            source: Summarised::new(rows.source),
            destination: Summarised::new(rows.destination),
            service: Summarised::new(rows.service),
            answers: rules.entries.iter().map(|entry| entry.answer).collect(),
        };
        if bitsets.bytes() > limit { Err(Unfit::Size) } else { Ok(bitsets) }
    }

    pub(super) fn bytes(&self) -> usize {
        let rows = self.source.bytes() + self.destination.bytes() + self.service.bytes();
        self.fields.bytes() + rows + size_of_val(&*self.answers)
    }
}

impl<B: Bits> Lookup<B> for LongBitsets<B> {
    #[inline(always)]
    fn lookup<S: Simd>(&self, _: S, key: &Key<B>) -> RuleIndex {
        let (source, destination, service) = self.fields.classes(key);
        let summaries = self
            .source
            .summaries
            .row(source)
            .iter()
            .zip(self.destination.summaries.row(destination))
            .zip(self.service.summaries.row(service));
        let (a, b, c) = (
            self.source.rows.row(source),
            self.destination.rows.row(destination),
            self.service.rows.row(service),
        );
        for (group, ((x, y), z)) in summaries.enumerate() {
            let mut words = x & y & z;
            while words != 0 {
                let word = 64 * group + words.trailing_zeros() as usize;
                let both = a[word] & b[word] & c[word];
                if both != 0 {
                    return self.answers[64 * word + both.trailing_zeros() as usize];
                }
                words &= words - 1;
            }
        }
        RuleIndex::NONE
    }
}

/// [`Bitsets`] of the width that the rules need.
pub(super) enum AnyBitsets<B: Bits> {
    W1(Bitsets<B, 1>),
    W2(Bitsets<B, 2>),
    W4(Bitsets<B, 4>),
    W8(Bitsets<B, 8>),
    W16(Bitsets<B, 16>),
    Long(LongBitsets<B>),
}

impl<B: Bits> AnyBitsets<B> {
    pub(super) fn new(
        rules: &Rules<'_, B>,
        fields: Fields<B>,
        rows: FieldRows,
        limit: usize,
    ) -> Result<Self, Unfit> {
        Ok(match rules.words() {
            0..=1 => Self::W1(Bitsets::new(rules, (fields, &rows), limit)?),
            2 => Self::W2(Bitsets::new(rules, (fields, &rows), limit)?),
            3..=4 => Self::W4(Bitsets::new(rules, (fields, &rows), limit)?),
            5..=8 => Self::W8(Bitsets::new(rules, (fields, &rows), limit)?),
            9..=16 => Self::W16(Bitsets::new(rules, (fields, &rows), limit)?),
            _ => Self::Long(LongBitsets::new(rules, (fields, rows), limit)?),
        })
    }
}

/// Runs `$body` with the bit sets themselves.
macro_rules! with_bitsets {
    ($any:expr, $bitsets:ident => $body:expr) => {
        match $any {
            AnyBitsets::W1($bitsets) => $body,
            AnyBitsets::W2($bitsets) => $body,
            AnyBitsets::W4($bitsets) => $body,
            AnyBitsets::W8($bitsets) => $body,
            AnyBitsets::W16($bitsets) => $body,
            AnyBitsets::Long($bitsets) => $body,
        }
    };
}
pub(super) use with_bitsets;

impl<B: Bits> AnyBitsets<B> {
    pub(super) fn bytes(&self) -> usize {
        with_bitsets!(self, bitsets => bitsets.bytes())
    }
}

impl<B: Bits> Lookup<B> for AnyBitsets<B> {
    #[inline(always)]
    fn lookup<S: Simd>(&self, simd: S, key: &Key<B>) -> RuleIndex {
        with_bitsets!(self, bitsets => bitsets.lookup(simd, key))
    }
}
