//! The gates of one end, compiled together.
//!
//! All lists share the classes of each field, so that a key is looked up once however many gates
//! it passes: a row of bits holds the rules of all of them, each gate's in its own stretch, and
//! the first bit left of a stretch is the rule that decides at that gate. Where the lists have too
//! many classes or rules in common for that, every gate is looked up by itself.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "classes are below the number of rows, stretches within their words"
)]

use std::fmt;
use std::hint::select_unpredictable;

use super::chain_answer::{ChainAnswer, MOST_GATES, Steps};
use super::config::{BuildError, Config, Strategy};
use super::engine::{Part, is_quickly_cut};
use super::fields::{FieldClasses, FieldRows, Fields};
use super::index::Bits;
use super::key::{FlowKey, Key, RuleIndex, SplitKey};
use super::report::PartReport;
use super::rules::{Products, Rules, Wide};
use super::simd::{Proof, Simd, Work};
use super::{Address, Unfit};
use crate::model::Flow;
use crate::resolve::Ruleset;

/// The rules of every gate at one end of a flow, compiled together: admin rules, the subnet's
/// group and the network interface's, in the order they are asked (S3.9, S3.10).
///
/// Lists are never merged (S3.6): each gate has its own answer, and [`ChainAnswer::access`] says
/// what they come to. The platform's exemptions are no gate of a list, and a packet from a machine
/// to its own address meets none (S3.17): both are for `path`, which also makes such chains.
///
/// ```
/// use nsg_engine::classify::{ChainClassifier, Config};
/// use nsg_engine::model::{Access, AdminRule, Direction, Flow, ResourceId, SecurityGroup};
/// use nsg_engine::net::Prefix;
/// use nsg_engine::resolve::{Names, Ruleset, ServiceTags};
///
/// let names = Names::new(ServiceTags::built_in())
///     .with_virtual_network("10.0.0.0/16".parse::<Prefix>()?.into());
/// let admin: AdminRule = "1 NoTelnet deny inbound tcp *:* -> *:23".parse()?;
/// let admin = Ruleset::of_admin_rules([&admin], Direction::Inbound, &names);
/// let group = SecurityGroup::new(ResourceId::new("nsg-vm"));
/// let group = Ruleset::of_group(&group, Direction::Inbound, &names);
///
/// let chain = ChainClassifier::new(&[Some(&admin), Some(&group)], &Config::new())?;
/// let telnet: Flow = "tcp 10.0.1.4:50000 -> 10.0.0.4:23".parse()?;
/// assert_eq!(chain.classify(&telnet).access(), Some(Access::Deny));
/// assert_eq!(chain.classify(&telnet).gate(), Some(0));
/// let ssh: Flow = "tcp 10.0.1.4:50000 -> 10.0.0.4:22".parse()?;
/// assert_eq!(chain.classify(&ssh).access(), Some(Access::Allow));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ChainClassifier {
    steps: Box<[Steps]>,
    proof: Proof,
    ipv4: ChainPart<u32>,
    ipv6: ChainPart<u128>,
}

impl ChainClassifier {
    /// The most gates of one chain.
    pub const MOST_GATES: usize = MOST_GATES;

    /// Compiles the lists of rules of the gates, `None` for a gate whose rules are not known; a
    /// level without a group has no gate (S3.11).
    ///
    /// [`Strategy::Bitsets`] makes the gates share their classes, any other strategy gives each
    /// gate a structure of that kind for itself.
    ///
    /// # Errors
    ///
    /// When there are more gates than [`MOST_GATES`](Self::MOST_GATES), when they do not fit the
    /// size limit, or when the strategy asked for does not take such rules.
    pub fn new(gates: &[Option<&Ruleset>], config: &Config) -> Result<Self, BuildError> {
        if gates.len() > MOST_GATES {
            return Err(BuildError::TooManyGates { gates: gates.len(), most: MOST_GATES });
        }
        let wide = Wide::new();
        let lists: Vec<Option<Products<'_>>> = gates
            .iter()
            .map(|gate| gate.map(|ruleset| Products::new(ruleset, config.ports, &wide)))
            .collect();
        let steps: Box<[Steps]> = gates.iter().map(|gate| Steps::new(*gate)).collect();
        let left = config.size_limit.saturating_sub(bytes_of(&steps));
        let ipv6 = ChainPart::new(&lists, config, left)?;
        let ipv4 = ChainPart::new(&lists, config, left.saturating_sub(ipv6.bytes()))?;
        Ok(Self { steps, proof: Proof::at_most(config.tier), ipv4, ipv6 })
    }

    /// What the gates do with a flow.
    ///
    /// Of a flow with a port or an ICMP type that is not known every gate answers
    /// [`RuleIndex::EVALUATE`].
    pub fn classify(&self, flow: &Flow) -> ChainAnswer {
        match FlowKey::of(flow) {
            Some(key) => self.classify_key(&key),
            None => self.combined(|_| RuleIndex::EVALUATE),
        }
    }

    /// What the gates do with a key.
    #[inline]
    pub fn classify_key<A: Address>(&self, key: &FlowKey<A>) -> ChainAnswer {
        self.proof.run(self, A::split(key))
    }

    /// What the gates do with each of `keys`, into the same place of `answers`, up to the end of
    /// the shorter slice.
    pub fn classify_batch<A: Address>(&self, keys: &[FlowKey<A>], answers: &mut [ChainAnswer]) {
        self.proof.run(self, (keys, answers));
    }

    /// The bytes it takes: never more than the size limit.
    pub fn memory_usage(&self) -> usize {
        bytes_of(&self.steps) + self.ipv4.bytes() + self.ipv6.bytes()
    }

    /// What was built for each IP version: one part where the gates share their classes, else
    /// one for each gate whose rules are known.
    pub fn report(&self) -> ChainReport {
        ChainReport { ipv4: self.ipv4.reports(), ipv6: self.ipv6.reports() }
    }

    /// The answers of all gates together.
    #[inline(always)]
    fn combined(&self, mut of_gate: impl FnMut(usize) -> RuleIndex) -> ChainAnswer {
        let mut all = ChainAnswer::EMPTY;
        for (gate, steps) in self.steps.iter().enumerate() {
            let answer = of_gate(gate);
            all.push(answer, steps.of(answer));
        }
        all
    }

    #[inline(always)]
    fn lookup<S: Simd>(&self, simd: S, key: Option<SplitKey>) -> ChainAnswer {
        match key {
            Some(SplitKey::V4(key)) => self.in_part(&self.ipv4, simd, &key),
            Some(SplitKey::V6(key)) => self.in_part(&self.ipv6, simd, &key),
            None => self.combined(|_| RuleIndex::NONE),
        }
    }

    #[inline(always)]
    fn in_part<B: Bits, S: Simd>(&self, part: &ChainPart<B>, simd: S, key: &Key<B>) -> ChainAnswer {
        match part {
            ChainPart::Shared(shared) => {
                let rows = shared.rows(simd, key);
                self.combined(|gate| shared.first(rows, gate))
            }
            ChainPart::Separate(parts) => self.combined(|gate| {
                parts[gate].as_ref().map_or(RuleIndex::EVALUATE, |part| part.classify(*key))
            }),
        }
    }
}

impl Work<Option<SplitKey>> for ChainClassifier {
    type Output = ChainAnswer;

    #[inline(always)]
    fn run<S: Simd>(&self, simd: S, key: Option<SplitKey>) -> ChainAnswer {
        self.lookup(simd, key)
    }
}

impl<A: Address> Work<(&[FlowKey<A>], &mut [ChainAnswer])> for ChainClassifier {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(&self, simd: S, (keys, answers): (&[FlowKey<A>], &mut [ChainAnswer])) {
        for (answer, key) in answers.iter_mut().zip(keys) {
            *answer = self.lookup(simd, A::split(key));
        }
    }
}

impl fmt::Debug for ChainClassifier {
    /// Its report; the tables themselves may be millions of numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ChainClassifier").field(&self.report()).finish()
    }
}

/// What a [`ChainClassifier`] was built of.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ChainReport {
    /// For IPv4 flows.
    pub ipv4: Vec<PartReport>,
    /// For IPv6 flows.
    pub ipv6: Vec<PartReport>,
}

impl fmt::Display for ChainReport {
    /// One line for each part.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.ipv4.iter().map(|part| ("IPv4", part));
        for (number, (version, part)) in
            parts.chain(self.ipv6.iter().map(|part| ("IPv6", part))).enumerate()
        {
            let separator = if number == 0 { "" } else { "\n" };
            write!(f, "{separator}{version}: {part}")?;
        }
        Ok(())
    }
}

fn bytes_of(steps: &[Steps]) -> usize {
    size_of_val(steps) + steps.iter().map(Steps::bytes).sum::<usize>()
}

/// One IP version's part of a chain.
enum ChainPart<B: Bits> {
    Shared(Box<Shared<B>>),
    Separate(Box<[Option<Part<B>>]>),
}

impl<B: Bits> ChainPart<B> {
    fn new(
        lists: &[Option<Products<'_>>],
        config: &Config,
        limit: usize,
    ) -> Result<Self, BuildError> {
        let rules = || Rules::of_lists(lists.iter().flatten());
        let shared = match config.strategy {
            Some(Strategy::Bitsets) => Shared::new(lists, rules(), limit),
            None => match rules() {
                rules if rules.0.words() <= MOST_WORDS && is_quickly_cut(&rules.0) => {
                    Shared::new(lists, rules, limit)
                }
                _ => Err(Unfit::Size),
            },
            Some(_) => Err(Unfit::Size),
        };
        match (shared, config.strategy) {
            (Ok(shared), _) => Ok(Self::Shared(Box::new(shared))),
            (Err(_), Some(strategy @ Strategy::Bitsets)) => {
                Err(BuildError::SizeLimit { strategy, limit: config.size_limit })
            }
            (Err(_), _) => Self::separate(lists, config, limit),
        }
    }

    fn separate(
        lists: &[Option<Products<'_>>],
        config: &Config,
        limit: usize,
    ) -> Result<Self, BuildError> {
        let mut left = limit.saturating_sub(size_of::<Option<Part<B>>>() * lists.len());
        let mut others = lists.iter().flatten().count();
        let parts = lists.iter().map(|list| {
            let Some(products) = list else { return Ok(None) };
            // A part may not take what the others need.
            let share = left / others.max(1);
            let part = Part::new(&products.of_version(), config, share)?;
            left = left.saturating_sub(part.report().bytes);
            others = others.saturating_sub(1);
            Ok(Some(part))
        });
        Ok(Self::Separate(parts.collect::<Result<_, BuildError>>()?))
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Shared(shared) => size_of_val(&**shared) + shared.report.bytes,
            Self::Separate(parts) => {
                let reports = parts.iter().flatten().map(Part::report);
                size_of_val(&**parts) + reports.map(|report| report.bytes).sum::<usize>()
            }
        }
    }

    fn reports(&self) -> Vec<PartReport> {
        match self {
            Self::Shared(shared) => vec![shared.report.clone()],
            Self::Separate(parts) => parts.iter().flatten().map(|p| p.report().clone()).collect(),
        }
    }
}

/// Rows longer than this take longer to go through than decision tables of each gate.
const MOST_WORDS: usize = 16;

/// The gates over classes that all of them share.
struct Shared<B: Bits> {
    fields: Fields<B>,
    rows: FieldRows,
    stretches: Box<[Stretch]>,
    words: Box<[Word]>,
    /// By bit; behind the last bit, what each gate answers when none of its own is left.
    answers: Box<[RuleIndex]>,
    report: PartReport,
}

/// The bits of one gate.
#[derive(Clone, Copy)]
struct Stretch {
    /// Its words, from the last to the first.
    first: u32,
    end: u32,
    /// Where the answer for no bit stands.
    none: u32,
}

/// One word of a stretch.
#[derive(Clone, Copy)]
struct Word {
    number: u32,
    /// The bits of it that are the gate's.
    mask: u64,
}

impl<B: Bits> Shared<B> {
    /// The rules are those of all `lists`, and each list's end among them.
    fn new(
        lists: &[Option<Products<'_>>],
        (rules, ends): (Rules<'_, B>, Vec<usize>),
        limit: usize,
    ) -> Result<Self, Unfit> {
        let classes = FieldClasses::new(&rules, limit)?;
        let counts = classes.report;
        let (fields, rows_of_classes) = classes.indexed(limit)?;
        let mut answers: Vec<_> = rules.entries.iter().map(|entry| entry.answer).collect();
        answers.resize(64 * rules.words(), RuleIndex::NONE);
        let (mut stretches, mut words) = (Vec::new(), Vec::new());
        let (mut start, mut ends) = (0, ends.into_iter());
        for list in lists {
            let (end, none) = match list {
                Some(_) => (ends.next().unwrap_or(start), RuleIndex::NONE),
                None => (start, RuleIndex::EVALUATE),
            };
            let first = words.len();
            words.extend(words_of(start, end).rev());
            start = end;
            stretches.push(Stretch {
                first: narrow(first)?,
                end: narrow(words.len())?,
                none: narrow(answers.len())?,
            });
            answers.push(none);
        }
        let mut shared = Self {
            fields,
            rows: rows_of_classes,
            stretches: stretches.into(),
            words: words.into(),
            answers: answers.into(),
            report: PartReport {
                strategy: Strategy::Bitsets,
                reason: "the gates share their classes",
                rules: rules.entries.len(),
                bytes: 0,
                fields: Some(counts),
            },
        };
        shared.report.bytes = shared.heap_bytes();
        let bytes = size_of::<Self>() + shared.report.bytes;
        if bytes > limit { Err(Unfit::Size) } else { Ok(shared) }
    }

    fn heap_bytes(&self) -> usize {
        self.fields.bytes()
            + self.rows.bytes()
            + size_of_val(&*self.stretches)
            + size_of_val(&*self.words)
            + size_of_val(&*self.answers)
    }

    /// The rows of a key.
    #[inline(always)]
    fn rows<S: Simd>(&self, simd: S, key: &Key<B>) -> [&[u64]; 3] {
        let (source, destination, service) = self.fields.classes(simd, key);
        let rows = &self.rows;
        [rows.source.row(source), rows.destination.row(destination), rows.service.row(service)]
    }

    /// What a gate answers, its words looked at from the last to the first without a branch on
    /// what they hold.
    #[inline(always)]
    fn first(&self, [a, b, c]: [&[u64]; 3], gate: usize) -> RuleIndex {
        let stretch = self.stretches[gate];
        let mut place = stretch.none;
        for word in &self.words[stretch.first as usize..stretch.end as usize] {
            let number = word.number as usize;
            let left = a[number] & b[number] & c[number] & word.mask;
            let bit = word.number.wrapping_mul(64).wrapping_add(left.trailing_zeros());
            place = select_unpredictable(left != 0, bit, place);
        }
        self.answers[place as usize]
    }
}

/// The words that hold the bits from `start` to before `end`.
fn words_of(start: usize, end: usize) -> impl DoubleEndedIterator<Item = Word> {
    (start / 64..end.div_ceil(64)).map(move |number| {
        let first = start.saturating_sub(64 * number);
        let last = (end - 64 * number).min(64);
        let mask = (u64::MAX << first) & (u64::MAX >> (64 - last));
        Word { number: u32::try_from(number).unwrap_or(u32::MAX), mask }
    })
}

fn narrow(place: usize) -> Result<u32, Unfit> {
    u32::try_from(place).map_err(|_| Unfit::Size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_cover_exactly_the_bits_of_their_stretch() {
        for (start, end) in [(0, 0), (0, 1), (0, 64), (3, 64), (64, 64), (60, 70), (63, 200)] {
            let mut bits = Vec::new();
            for Word { number, mask } in words_of(start as usize, end as usize) {
                bits.extend((0..64).filter(|bit| mask >> bit & 1 == 1).map(|b| 64 * number + b));
            }
            assert_eq!(bits, (start..end).collect::<Vec<u32>>(), "{start}..{end}");
        }
    }
}
