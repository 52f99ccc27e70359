//! Classes, then two loads: the first decides two fields at once, the second the third (recursive
//! flow classification, Gupta and McKeown 1999, with exact reduction).
//!
//! For each pair of classes of two fields the rules that remain are a *state*; rules behind the
//! first one that the third field cannot refuse are cut off. Each distinct state is a row of
//! answers over the classes of the third field. Then everything that turns out equal is merged,
//! rows and columns of both tables, so that classes that never make a difference disappear.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "classes are below the widths that the tables were filled by"
)]

use super::Unfit;
use super::classes::{Interner, Rows, hash_row};
use super::engine::Lookup;
use super::fields::{FieldClasses, Fields, with_fields};
use super::index::Bits;
use super::key::{Key, RuleIndex};
use super::rules::Rules;
use super::simd::Simd;

/// The most pairs of classes that are combined, and the most answers that are worked out: beyond
/// them tables take longer to build than they are worth.
const MOST_PAIRS: usize = 1 << 18;
const MOST_ANSWERS: usize = 1 << 23;

/// Few classes are not combined step by step: one table holds the answers to all of them.
const MOST_CELLS: usize = 1 << 15;

pub(super) struct Table<B: Bits> {
    fields: Fields<B>,
    joined: Joined,
    /// Codes of [`RuleIndex`], narrowed; sign extension brings them back.
    answers: Box<[i16]>,
}

/// How the classes of a key lead to its place in the answers.
enum Joined {
    /// They are numbered so that it is their sum.
    AtOnce,
    InPairs {
        /// The field that is decided by the second load.
        last: Field,
        /// By the classes of the first two fields: where a row of answers starts.
        pairs: Box<[u32]>,
        /// How many classes the second field has.
        width: usize,
    },
}

/// The field that is decided by the second load.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Field {
    Source,
    Destination,
    Service,
}

impl<B: Bits> Table<B> {
    /// The tables, if they and the indexes take no more than `limit` bytes.
    pub(super) fn new(
        rules: &Rules<'_, B>,
        classes: &FieldClasses<B>,
        limit: usize,
    ) -> Result<Self, Unfit> {
        // The ranges are held once more with the new numbers of their classes.
        let ranges = classes.source.ranges.len() + classes.destination.ranges.len();
        if ranges.saturating_mul(2 * size_of::<(B, u16)>()) > limit {
            return Err(Unfit::Size);
        }
        let too_many = RuleIndex::MAX_NARROW;
        if rules.entries.iter().any(|entry| entry.answer.rule().is_some_and(|r| r > too_many)) {
            return Err(Unfit::Size);
        }
        let answers: Vec<RuleIndex> = rules.entries.iter().map(|entry| entry.answer).collect();
        if let Some(table) = Self::at_once(classes, &answers, limit) {
            return table;
        }
        let by_field = |field| match field {
            Field::Source => &classes.source.rows,
            Field::Destination => &classes.destination.rows,
            Field::Service => &classes.services,
        };
        let mut orders = [
            (Field::Source, Field::Destination, Field::Service),
            (Field::Source, Field::Service, Field::Destination),
            (Field::Destination, Field::Service, Field::Source),
        ];
        // The field of the fewest classes last: its rows of answers are the shortest, and the
        // tables tend to be the smallest and the quickest to make.
        orders.sort_by_key(|(_, _, z)| by_field(*z).len());
        for (x, y, z) in orders {
            if by_field(x).len() * by_field(y).len() > MOST_PAIRS {
                continue;
            }
            let three = [by_field(x), by_field(y), by_field(z)];
            let Some(reduced) = reduce(three, &answers, limit) else {
                continue;
            };
            let [mut source, mut destination] =
                [&classes.source, &classes.destination].map(|_| Vec::new());
            let mut service = classes.service.clone();
            for (field, numbers) in [x, y, z].into_iter().zip(&reduced.numbers) {
                match field {
                    Field::Source => source = classes.source.renumbered(numbers),
                    Field::Destination => destination = classes.destination.renumbered(numbers),
                    Field::Service => service.renumber(numbers),
                }
            }
            let behind = size_of_val(&*reduced.pairs) + size_of_val(&*reduced.answers);
            let fields = Fields::new(&source, &destination, service, behind, limit)?;
            let (pairs, width) = (reduced.pairs.into(), reduced.width);
            let joined = Joined::InPairs { last: z, pairs, width };
            return Self { fields, joined, answers: reduced.answers.into() }.within(limit);
        }
        Err(Unfit::Size)
    }

    /// The table of all classes of all fields, if they are few.
    fn at_once(
        classes: &FieldClasses<B>,
        answers: &[RuleIndex],
        limit: usize,
    ) -> Option<Result<Self, Unfit>> {
        let [x, y, z] = [&classes.source.rows, &classes.destination.rows, &classes.services];
        let row = y.len() * z.len();
        if x.len().checked_mul(row)? > MOST_CELLS {
            return None;
        }
        let mut cells = Vec::with_capacity(x.len() * row);
        for a in x.iter() {
            for b in y.iter() {
                let both: Vec<u64> = a.iter().zip(b).map(|(a, b)| a & b).collect();
                cells.extend(z.iter().map(|c| first_common(&both, c, answers).narrowed()));
            }
        }
        let steps = |count: usize, step: usize| -> Vec<u16> {
            (0..count).map(|class| (class * step) as u16).collect()
        };
        let source = classes.source.renumbered(&steps(x.len(), row));
        let destination = classes.destination.renumbered(&steps(y.len(), z.len()));
        let behind = size_of_val(&*cells);
        let fields = Fields::new(&source, &destination, classes.service.clone(), behind, limit);
        Some(fields.and_then(|fields| {
            Self { fields, joined: Joined::AtOnce, answers: cells.into() }.within(limit)
        }))
    }

    fn within(self, limit: usize) -> Result<Self, Unfit> {
        if self.bytes() > limit { Err(Unfit::Size) } else { Ok(self) }
    }

    pub(super) fn bytes(&self) -> usize {
        let pairs = match &self.joined {
            Joined::AtOnce => 0,
            Joined::InPairs { pairs, .. } => size_of_val(&**pairs),
        };
        self.fields.bytes() + pairs + size_of_val(&*self.answers)
    }
}

impl<B: Bits> Table<B> {
    #[inline(always)]
    fn answer(&self, (source, destination, service): (usize, usize, usize)) -> RuleIndex {
        let place = match &self.joined {
            Joined::AtOnce => source.wrapping_add(destination).wrapping_add(service),
            Joined::InPairs { last, pairs, width } => {
                let (x, y, z) = match last {
                    Field::Service => (source, destination, service),
                    Field::Destination => (source, service, destination),
                    Field::Source => (destination, service, source),
                };
                (pairs[x.wrapping_mul(*width).wrapping_add(y)] as usize).wrapping_add(z)
            }
        };
        RuleIndex::widened(self.answers[place])
    }
}

impl<B: Bits> Lookup<B> for Table<B> {
    #[inline(always)]
    fn lookup<S: Simd>(&self, simd: S, key: &Key<B>) -> RuleIndex {
        self.answer(self.fields.classes(simd, key))
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
                *answer = self.answer(indexed.classes(simd, &key));
            }
        });
    }
}

struct Reduced {
    pairs: Vec<u32>,
    width: usize,
    answers: Vec<i16>,
    /// For each of the three fields, the new number of every class.
    numbers: [Vec<u16>; 3],
}

/// Both tables over the classes of three fields, or `None` when they take more than `limit`
/// bytes.
fn reduce([x, y, z]: [&Rows; 3], answers: &[RuleIndex], limit: usize) -> Option<Reduced> {
    let pairs = x.len() * y.len();
    let takes = turned(z, answers.len());
    let (states, mut cells) = states(x, y, &always(z), &kinds(&takes), pairs, limit)?;
    if states.len().saturating_mul(z.len()) > MOST_ANSWERS {
        return None;
    }

    // Distinct rows of answers; states that differ may still answer alike.
    let mut answer_rows = Vec::new();
    let mut rows = Interner::new(z.len().div_ceil(4));
    let mut state_rows = Vec::with_capacity(states.len());
    let mut row = vec![0i16; z.len().div_ceil(4) * 4];
    let mut packed = vec![0u64; z.len().div_ceil(4)];
    // A bit for each class whose answer is still to be found.
    let mut left = vec![0u64; takes.words()];
    for state in states.iter() {
        row.fill(RuleIndex::NONE.narrowed());
        left.fill(u64::MAX);
        for entry in ones(state) {
            let answer = answers[entry].narrowed();
            for (left, (takes, row)) in
                left.iter_mut().zip(takes.row(entry).iter().zip(row.chunks_mut(64)))
            {
                let mut classes = *left & takes;
                *left ^= classes;
                if classes == u64::MAX {
                    row.fill(answer);
                    continue;
                }
                while classes != 0 {
                    row[classes.trailing_zeros() as usize] = answer;
                    classes &= classes - 1;
                }
            }
        }
        for (word, four) in packed.iter_mut().zip(row.chunks_exact(4)) {
            *word =
                four.iter().fold(0, |word, answer| word << 16 | u64::from(answer.cast_unsigned()));
        }
        let before = rows.len();
        let number = rows.number(hash_row(&packed), &packed);
        if rows.len() > before {
            answer_rows.extend_from_slice(&row[..z.len()]);
            if 2 * answer_rows.len() > limit {
                return None;
            }
        }
        state_rows.push(number);
    }
    for cell in &mut cells {
        *cell = state_rows[*cell as usize];
    }

    let answer_rows: Vec<u32> =
        answer_rows.iter().map(|answer| i32::from(*answer).cast_unsigned()).collect();
    let turned = transposed(&answer_rows, z.len());
    let (turned, z_numbers) = merged(&turned, rows.len())?;
    let narrow = transposed(&turned, rows.len());
    let z_width = u32::try_from(narrow.len() / rows.len()).ok()?;

    let (cells, x_numbers) = merged(&cells, y.len())?;
    let x_len = cells.len() / y.len();
    let (turned, y_numbers) = merged(&transposed(&cells, y.len()), x_len)?;
    let mut pairs = transposed(&turned, x_len);
    for cell in &mut pairs {
        *cell = cell.checked_mul(z_width)?;
    }
    let width = pairs.len() / x_len;
    let answers: Vec<i16> =
        narrow.iter().map(|answer| RuleIndex::from_code(*answer).narrowed()).collect();
    let fits = 4 * pairs.len() + 2 * answers.len() <= limit;
    fits.then_some(Reduced { pairs, width, answers, numbers: [x_numbers, y_numbers, z_numbers] })
}

/// The answer of the first rule that two rows have in common.
fn first_common(a: &[u64], b: &[u64], answers: &[RuleIndex]) -> RuleIndex {
    let words = a.iter().zip(b).map(|(a, b)| a & b);
    let first = words.enumerate().find(|(_, common)| *common != 0);
    first.map_or(RuleIndex::NONE, |(word, common)| {
        answers[64 * word + common.trailing_zeros() as usize]
    })
}

/// The rules that every class of `rows` holds.
fn always(rows: &Rows) -> Vec<u64> {
    let mut all = vec![u64::MAX; rows.words()];
    for row in rows.iter() {
        all.iter_mut().zip(row).for_each(|(all, word)| *all &= word);
    }
    all
}

/// The distinct states of all pairs, and the number of each pair's; `None` when the states take
/// more than `limit` bytes.
fn states(
    x: &Rows,
    y: &Rows,
    always: &[u64],
    kinds: &[u32],
    pairs: usize,
    limit: usize,
) -> Option<(Rows, Vec<u32>)> {
    let mut seen = Seen::new(kinds);
    let mut states = Interner::new(x.words());
    let mut cells = Vec::with_capacity(pairs);
    let mut state = vec![0u64; x.words()];
    for row in x.iter() {
        for column in y.iter() {
            let mut used = 0;
            seen.forget();
            for (word, ((a, b), all)) in state.iter_mut().zip(row.iter().zip(column).zip(always)) {
                *word = a & b;
                used += 1;
                let certain = *word & all;
                *word &= certain ^ certain.wrapping_sub(1);
                *word = seen.first_ones(*word, 64 * (used - 1));
                if certain != 0 {
                    break;
                }
            }
            state[used..].fill(0);
            cells.push(states.number(hash_row(&state[..used]), &state));
        }
        if 8 * x.words() * states.len() > limit.max(1 << 20) {
            return None;
        }
    }
    Some((states.into_rows(), cells))
}

/// The classes of each rule.
fn turned(rows: &Rows, rules: usize) -> Rows {
    let mut turned = Rows::zeroed(rules, rows.len().div_ceil(64));
    for (class, row) in rows.iter().enumerate() {
        for rule in ones(row) {
            turned.insert(rule, class);
        }
    }
    turned
}

/// For each rule, given its classes, a number that it shares with the rules of the same ones.
fn kinds(takes: &Rows) -> Vec<u32> {
    let mut interner = Interner::new(takes.words());
    takes.iter().map(|row| interner.number(hash_row(row), row)).collect()
}

/// The places of the bits that are set, ascending.
fn ones(words: &[u64]) -> impl Iterator<Item = usize> {
    words.iter().enumerate().flat_map(|(number, word)| {
        let mut left = *word;
        std::iter::from_fn(move || {
            let bit = left.trailing_zeros() as usize;
            left &= left.checked_sub(1)?;
            Some(64 * number + bit)
        })
    })
}

/// Which kinds of rules a state has already.
struct Seen<'a> {
    kinds: &'a [u32],
    /// By kind: the last state that had it.
    stamps: Vec<u32>,
    state: u32,
}

impl<'a> Seen<'a> {
    fn new(kinds: &'a [u32]) -> Self {
        Self { kinds, stamps: vec![0; kinds.len()], state: 0 }
    }

    fn forget(&mut self) {
        self.state += 1;
    }

    /// The bits of `word` without the rules that take just what an earlier one takes: they never
    /// decide.
    fn first_ones(&mut self, word: u64, offset: usize) -> u64 {
        let (mut left, mut kept) = (word, 0);
        while left != 0 {
            let bit = left & left.wrapping_neg();
            let stamp =
                &mut self.stamps[self.kinds[offset + left.trailing_zeros() as usize] as usize];
            if *stamp != self.state {
                *stamp = self.state;
                kept |= bit;
            }
            left ^= bit;
        }
        kept
    }
}

/// Equal rows of a table once, and the new number of every row; `None` beyond 65,536 rows.
fn merged(table: &[u32], width: usize) -> Option<(Vec<u32>, Vec<u16>)> {
    let words = width.div_ceil(2);
    let mut rows = Interner::new(words);
    let mut kept = Vec::new();
    let mut numbers = Vec::with_capacity(table.len() / width);
    let mut packed = vec![0u64; words];
    for row in table.chunks_exact(width) {
        for (word, two) in packed.iter_mut().zip(row.chunks(2)) {
            *word = two.iter().fold(0, |word, cell| word << 32 | u64::from(*cell));
        }
        let before = rows.len();
        numbers.push(u16::try_from(rows.number(hash_row(&packed), &packed)).ok()?);
        if rows.len() > before {
            kept.extend_from_slice(row);
        }
    }
    Some((kept, numbers))
}

/// Rows as columns.
fn transposed(table: &[u32], width: usize) -> Vec<u32> {
    let height = table.len() / width;
    let mut turned = vec![0; table.len()];
    // As many rows at a time as one line of the cache holds cells.
    for (band, rows) in table.chunks(BAND * width).enumerate() {
        for column in 0..width {
            for (row, cells) in rows.chunks_exact(width).enumerate() {
                turned[column * height + BAND * band + row] = cells[column];
            }
        }
    }
    turned
}

const BAND: usize = 16;
