//! Classes, then an AND of three sets of rules, a bit a rule: the first bit left is the first
//! match (bit vectors: Lakshman and Stiliadis 1998; the summary over long rows: Baboescu and
//! Varghese 2001).

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "classes are below the number of rows, bits below 64 times the words of a row"
)]

use super::Unfit;
use super::classes::Rows;
use super::engine::Lookup;
use super::fields::{FieldClasses, Fields, with_fields};
use super::index::Bits;
use super::key::{Key, RuleIndex};
use super::rules::Rules;
use super::simd::Simd;

/// Rows of up to `W` words, all of which are looked at by every lookup.
pub(super) struct Bitsets<B: Bits, A, const W: usize> {
    fields: Fields<B>,
    source: Box<[Row<A, W>]>,
    destination: Box<[Row<A, W>]>,
    service: Box<[Row<A, W>]>,
    /// By bit; behind the last bit, what is answered when none is left.
    answers: Box<[RuleIndex]>,
}

/// The rules of a class, aligned like an `A`.
struct Row<A, const W: usize> {
    words: [u64; W],
    _aligned: [A; 0],
}

/// What rows of whole cache lines are aligned like, so that they touch no more of them.
#[repr(align(64))]
pub(super) struct Line;

impl<B: Bits, A, const W: usize> Bitsets<B, A, W> {
    pub(super) fn new(
        rules: &Rules<'_, B>,
        classes: FieldClasses<B>,
        limit: usize,
    ) -> Result<Self, Unfit> {
        let mut answers: Vec<_> = rules.entries.iter().map(|entry| entry.answer).collect();
        answers.resize(64 * W + 1, RuleIndex::NONE);
        let [source, destination, service]: [Box<[Row<A, W>]>; 3] =
            [&classes.source.rows, &classes.destination.rows, &classes.services].map(fixed);
        let rows = [&source, &destination, &service].map(|rows| size_of_val(&**rows)).iter().sum();
        let fields = Fields::new(
            &classes.source.ranges,
            &classes.destination.ranges,
            classes.service,
            rows,
            limit,
        )?;
        let bitsets = Self { fields, source, destination, service, answers: answers.into() };
        if bitsets.bytes() > limit { Err(Unfit::Size) } else { Ok(bitsets) }
    }

    pub(super) fn bytes(&self) -> usize {
        let rows = self.source.len() + self.destination.len() + self.service.len();
        self.fields.bytes() + rows * size_of::<Row<A, W>>() + size_of_val(&*self.answers)
    }
}

fn fixed<A, const W: usize>(rows: &Rows) -> Box<[Row<A, W>]> {
    let filled = |row: &[u64]| std::array::from_fn(|word| row.get(word).copied().unwrap_or(0));
    rows.iter().map(|row| Row { words: filled(row), _aligned: [] }).collect()
}

impl<B: Bits, A, const W: usize> Bitsets<B, A, W> {
    #[inline(always)]
    fn answer<S: Simd>(
        &self,
        simd: S,
        (source, destination, service): (usize, usize, usize),
    ) -> RuleIndex {
        let rows = [
            &self.source[source].words,
            &self.destination[destination].words,
            &self.service[service].words,
        ];
        // All words always: where the first bit is cannot be foretold, and a wrong guess costs
        // more than they do.
        let word = (simd.common_words(rows).trailing_zeros() as usize).min(W - 1);
        let common = rows[0][word] & rows[1][word] & rows[2][word];
        self.answers[(64 * word).wrapping_add(common.trailing_zeros() as usize)]
    }
}

impl<B: Bits, A, const W: usize> Lookup<B> for Bitsets<B, A, W> {
    #[inline(always)]
    fn lookup<S: Simd>(&self, simd: S, key: &Key<B>) -> RuleIndex {
        self.answer(simd, self.fields.classes(simd, key))
    }

    #[inline(always)]
    fn lookup_all<S: Simd>(
        &self,
        simd: S,
        keys: impl Iterator<Item = Key<B>>,
        answers: &mut [RuleIndex],
    ) {
        with_fields!(&self.fields, indexed => {
            for (answer, key) in answers.iter_mut().zip(keys) {
                *answer = self.answer(simd, indexed.classes(simd, &key));
            }
        });
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
        classes: FieldClasses<B>,
        limit: usize,
    ) -> Result<Self, Unfit> {
        let [source, destination, service] =
            [classes.source.rows, classes.destination.rows, classes.services].map(Summarised::new);
        let rows = [&source, &destination, &service].map(Summarised::bytes).iter().sum();
        let fields = Fields::new(
            &classes.source.ranges,
            &classes.destination.ranges,
            classes.service,
            rows,
            limit,
        )?;
        let bitsets = Self {
            fields,
            source,
            destination,
            service,
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
    fn lookup<S: Simd>(&self, simd: S, key: &Key<B>) -> RuleIndex {
        let (source, destination, service) = self.fields.classes(simd, key);
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
    W1(Bitsets<B, u64, 1>),
    W2(Bitsets<B, u64, 2>),
    W4(Bitsets<B, u64, 4>),
    W8(Bitsets<B, Line, 8>),
    W16(Bitsets<B, Line, 16>),
    Long(LongBitsets<B>),
}

impl<B: Bits> AnyBitsets<B> {
    pub(super) fn new(
        rules: &Rules<'_, B>,
        classes: FieldClasses<B>,
        limit: usize,
    ) -> Result<Self, Unfit> {
        Ok(match rules.words() {
            0..=1 => Self::W1(Bitsets::new(rules, classes, limit)?),
            2 => Self::W2(Bitsets::new(rules, classes, limit)?),
            3..=4 => Self::W4(Bitsets::new(rules, classes, limit)?),
            5..=8 => Self::W8(Bitsets::new(rules, classes, limit)?),
            9..=16 => Self::W16(Bitsets::new(rules, classes, limit)?),
            _ => Self::Long(LongBitsets::new(rules, classes, limit)?),
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
