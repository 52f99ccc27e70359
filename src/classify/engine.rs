//! One IP version's lookups: the strategy, chosen and built.

use super::Unfit;
use super::bitsets::{AnyBitsets, with_bitsets};
use super::config::{BuildError, Config, Strategy};
use super::fields::FieldClasses;
use super::forest::{Forest, is_plain};
use super::index::Bits;
use super::key::{Key, RuleIndex};
use super::pairs::Pairs;
use super::report::PartReport;
use super::rules::Rules;
use super::scan::Scan;
use super::simd::{Proof, Simd, Work};
use super::table::Table;

/// Finds the first match.
pub(super) trait Lookup<B> {
    /// What to answer for a key; to be `#[inline(always)]`.
    fn lookup<S: Simd>(&self, simd: S, key: &Key<B>) -> RuleIndex;

    /// What to answer for each of `keys`, up to the end of the shorter.
    #[inline(always)]
    fn lookup_all<S: Simd>(
        &self,
        simd: S,
        keys: impl Iterator<Item = Key<B>>,
        answers: &mut [RuleIndex],
    ) {
        for (answer, key) in answers.iter_mut().zip(keys) {
            *answer = self.lookup(simd, &key);
        }
    }
}

/// The structure that a lookup goes through.
pub(super) enum Engine<B: Bits> {
    Bitsets(AnyBitsets<B>),
    Forest(Forest<B>),
    Pairs(Pairs<B>),
    Scan(Scan<B>),
    Table(Table<B>),
}

/// Runs `$body` with the structure itself, so that the choice is made once for a whole batch.
macro_rules! with_lookup {
    ($engine:expr, $lookup:ident => $body:expr) => {
        match $engine {
            Engine::Bitsets(bitsets) => with_bitsets!(bitsets, $lookup => $body),
            Engine::Forest($lookup) => $body,
            Engine::Pairs($lookup) => $body,
            Engine::Scan($lookup) => $body,
            Engine::Table($lookup) => $body,
        }
    };
}

/// One IP version's part of a classifier.
pub(super) struct Part<B: Bits> {
    engine: Engine<B>,
    proof: Proof,
    report: PartReport,
}

/// Tables larger than this leave the caches near the core, and bit sets are as fast.
const TABLE_LIMIT: usize = 16 << 20;

/// From here on, classes are so many that their tables and rows leave the caches near the core.
const MANY_RULES: usize = 2048;

/// From here on, plain rules are found sooner by pairs of addresses than by rows of bits.
const SOME_RULES: usize = 1024;

/// The most words of rows that class computation may toggle.
const CLASS_WORK: usize = 1 << 27;

impl<B: Bits> Part<B> {
    /// The strategy that suits the rules, within `limit` bytes.
    pub(super) fn new(
        rules: &Rules<'_, B>,
        config: &Config,
        limit: usize,
    ) -> Result<Self, BuildError> {
        let built = match config.strategy {
            Some(strategy) => forced(rules, strategy, limit).map_err(|unfit| match unfit {
                Unfit::Size => BuildError::SizeLimit { strategy, limit: config.size_limit },
                Unfit::Rules(reason) => BuildError::Unsuitable { strategy, reason },
            }),
            None => chosen(rules, limit).map_err(|_| BuildError::SizeLimit {
                strategy: Strategy::Scan,
                limit: config.size_limit,
            }),
        };
        let proof = Proof::at_most(config.tier);
        built.map(|(engine, report)| {
            let bytes = with_lookup!(&engine, lookup => lookup.bytes());
            Self {
                engine,
                proof,
                report: PartReport { bytes, rules: rules.entries.len(), ..report },
            }
        })
    }

    pub(super) fn report(&self) -> &PartReport {
        &self.report
    }

    #[inline]
    pub(super) fn classify(&self, key: Key<B>) -> RuleIndex {
        with_lookup!(&self.engine, lookup => self.proof.run(lookup, key))
    }

    /// Classifies `keys` into `answers`, up to the end of the shorter.
    pub(super) fn classify_all(
        &self,
        keys: impl Iterator<Item = Key<B>>,
        answers: &mut [RuleIndex],
    ) {
        with_lookup!(&self.engine, lookup => self.proof.run(lookup, (keys, answers)));
    }
}

impl<B, L: Lookup<B>> Work<Key<B>> for L {
    type Output = RuleIndex;

    #[inline(always)]
    fn run<S: Simd>(&self, simd: S, key: Key<B>) -> RuleIndex {
        self.lookup(simd, &key)
    }
}

impl<B, L: Lookup<B>, I: Iterator<Item = Key<B>>> Work<(I, &mut [RuleIndex])> for L {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(&self, simd: S, (keys, answers): (I, &mut [RuleIndex])) {
        self.lookup_all(simd, keys, answers);
    }
}

fn report(strategy: Strategy, reason: &'static str) -> PartReport {
    PartReport { strategy, reason, rules: 0, bytes: 0, fields: None }
}

fn forced<B: Bits>(
    rules: &Rules<'_, B>,
    strategy: Strategy,
    limit: usize,
) -> Result<(Engine<B>, PartReport), Unfit> {
    let mut report = report(strategy, "asked for");
    let engine = match strategy {
        Strategy::Scan => Engine::Scan(Scan::new(rules, limit)?),
        Strategy::Forest => Engine::Forest(Forest::new(rules, limit)?),
        Strategy::Pairs => Engine::Pairs(Pairs::new(rules, limit)?),
        Strategy::Bitsets => {
            let classes = FieldClasses::new(rules, limit)?;
            report.fields = Some(classes.report);
            Engine::Bitsets(AnyBitsets::new(rules, classes, limit)?)
        }
        Strategy::Table => {
            let classes = FieldClasses::new(rules, limit)?;
            report.fields = Some(classes.report);
            Engine::Table(Table::new(rules, &classes, limit)?)
        }
    };
    Ok((engine, report))
}

fn chosen<B: Bits>(rules: &Rules<'_, B>, limit: usize) -> Result<(Engine<B>, PartReport), Unfit> {
    let scan =
        |reason| Ok((Engine::Scan(Scan::new(rules, limit)?), report(Strategy::Scan, reason)));
    let without_classes = |reason| {
        if let Ok(pairs) = Pairs::new(rules, limit) {
            return Ok((Engine::Pairs(pairs), report(Strategy::Pairs, reason)));
        }
        match Forest::new(rules, limit) {
            Ok(forest) => Ok((Engine::Forest(forest), report(Strategy::Forest, reason))),
            Err(_) => scan(reason),
        }
    };
    if rules.entries.len() > MANY_RULES && is_plain(rules) {
        return without_classes("thousands of plain rules");
    }
    if !is_quickly_cut(rules) {
        return without_classes("too many ranges for classes");
    }
    let Ok(classes) = FieldClasses::new(rules, limit) else {
        return without_classes("classes do not fit the size limit");
    };
    let fields = Some(classes.report);
    let with_fields = |strategy, reason| PartReport { fields, ..report(strategy, reason) };
    match Table::new(rules, &classes, limit.min(TABLE_LIMIT)) {
        Ok(table) => {
            Ok((Engine::Table(table), with_fields(Strategy::Table, "decision tables are small")))
        }
        Err(_) => {
            let reason = "decision tables would be large";
            if rules.entries.len() > SOME_RULES
                && is_plain(rules)
                && let Ok(pairs) = Pairs::new(rules, limit)
            {
                return Ok((Engine::Pairs(pairs), with_fields(Strategy::Pairs, reason)));
            }
            match AnyBitsets::new(rules, classes, limit) {
                Ok(bitsets) => {
                    Ok((Engine::Bitsets(bitsets), with_fields(Strategy::Bitsets, reason)))
                }
                Err(_) => without_classes("rows of bits do not fit the size limit"),
            }
        }
    }
}

/// Whether the sweeps over both addresses toggle few enough words of rows.
pub(super) fn is_quickly_cut<B: Bits>(rules: &Rules<'_, B>) -> bool {
    let edges = rules.sources.values.iter().chain(&rules.destinations.values);
    let edges: usize = edges.map(|set| set.intervals().len().saturating_mul(2)).sum();
    edges.saturating_mul(rules.words()) <= CLASS_WORK
}
