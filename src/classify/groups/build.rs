//! From rules to the cells of groups.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::cells::InCells;
use super::layout::{Field, Head, Sets, words};
use super::part::{ARC, GroupsPart, Slot, own_bytes};
use super::pool::{MOST_CELLS, Pool};
use super::shared::{Candidates, Shared};
use crate::classify::Unfit;
use crate::classify::classes::{Partition, Rows};
use crate::classify::config::{BuildError, Config};
use crate::classify::engine::Part;
use crate::classify::index::Bits;
use crate::classify::key::RuleIndex;
use crate::classify::rules::{Distinct, Product, Products};
use crate::classify::simd::Proof;
use crate::net::{AddressSet, Interval, ProtocolSet, RangeSet};

/// A set of more intervals is worth a look-up of its own where several groups name it.
const MOST_CUT: usize = 24;

/// The most rules whose rows are gone through word by word, and the most bytes of one field: beyond
/// them a group is better off by itself.
const MOST_RULES: usize = 1024;
const MOST_BYTES: usize = 128 << 10;

/// The large sets of all groups that more than one of them names, where they are to be shared.
pub(super) fn shared_sets<'a, B: Bits>(
    groups: impl Iterator<Item = Products<'a>>,
    config: &Config,
) -> Option<Arc<Shared<B>>> {
    if config.strategy.is_some() {
        return None;
    }
    let mut candidates = Candidates::new();
    for (number, products) in groups.enumerate() {
        for product in products.met_by::<B>() {
            for addresses in [product.source, product.destination] {
                if is_large::<B>(addresses) {
                    candidates.push(addresses, number);
                }
            }
        }
    }
    Shared::new(&candidates, config.size_limit / 4).map(Arc::new)
}

fn is_large<B: Bits>(addresses: &AddressSet) -> bool {
    B::of(addresses).intervals().len() > MOST_CUT
}

/// Puts groups together for one IP version.
pub(super) struct Builder<'a, B: Bits> {
    config: &'a Config,
    shared: Option<&'a Arc<Shared<B>>>,
    by_content: HashMap<&'a RangeSet<B>, u32>,
    /// A set that many rules share is looked for once.
    by_place: HashMap<*const AddressSet, Option<u32>>,
    slots: Vec<Slot>,
    pool: Pool,
    shared_sides: [bool; 2],
    own: Vec<Arc<Part<B>>>,
    own_bytes: usize,
}

impl<'a, B: Bits + InCells> Builder<'a, B> {
    pub(super) fn new(shared: Option<&'a Arc<Shared<B>>>, config: &'a Config) -> Self {
        Self {
            config,
            shared,
            by_content: shared.map(|shared| shared.numbers()).unwrap_or_default(),
            by_place: HashMap::new(),
            slots: Vec::new(),
            pool: Pool::new(),
            shared_sides: [false; 2],
            own: Vec::new(),
            own_bytes: 0,
        }
    }

    /// Adds a group, which may take no more than `limit` bytes if it has to be by itself.
    pub(super) fn push(&mut self, products: &Products<'a>, limit: usize) -> Result<(), BuildError> {
        let head = match self.config.strategy {
            None => self.group(products),
            Some(_) => Err(Unfit::Size),
        };
        match head {
            Ok(head) => self.push_head(head),
            Err(_) => {
                self.push_own(Arc::new(Part::new(&products.of_version(), self.config, limit)?))
            }
        }
    }

    /// Adds a group of another part that has the same shared sets.
    pub(super) fn push_again(
        &mut self,
        part: &GroupsPart<B>,
        slot: Slot,
    ) -> Result<(), BuildError> {
        if let Some(own) = slot.own_number().and_then(|number| part.own.get(number)) {
            return self.push_own(Arc::clone(own));
        }
        let head = part.head(slot).ok_or_else(|| self.too_large())?;
        let head = self.again(part, &head).map_err(|_| self.too_large())?;
        self.push_head(head)
    }

    /// The bytes of all that was added.
    pub(super) fn bytes(&self) -> usize {
        [
            size_of_val(&*self.slots),
            self.pool.bytes(),
            self.shared.map_or(0, |shared| shared.bytes().saturating_add(ARC)),
            self.own_bytes,
        ]
        .into_iter()
        .fold(0, usize::saturating_add)
    }

    pub(super) fn build(self) -> GroupsPart<B> {
        GroupsPart {
            proof: Proof::at_most(self.config.tier),
            slots: self.slots.into(),
            cells: self.pool.into_cells(),
            shared: self.shared.cloned(),
            shared_sides: self.shared_sides,
            own: self.own.into(),
        }
    }

    fn too_large(&self) -> BuildError {
        BuildError::TooManyGroups { limit: self.config.size_limit }
    }

    fn push_own(&mut self, part: Arc<Part<B>>) -> Result<(), BuildError> {
        let number = u32::try_from(self.own.len()).ok().filter(|number| *number < MOST_CELLS);
        self.slots.push(Slot::own(number.ok_or_else(|| self.too_large())?));
        self.own_bytes = self.own_bytes.saturating_add(own_bytes(&part));
        self.own.push(part);
        Ok(())
    }

    fn push_head(&mut self, head: Head) -> Result<(), BuildError> {
        self.shared_sides[0] |= head.source_sets.count > 0;
        self.shared_sides[1] |= head.destination_sets.count > 0;
        let place = self.pool.place(&head.to_cells()).map_err(|_| self.too_large())?;
        self.slots.push(Slot::head(place));
        Ok(())
    }

    fn group(&mut self, products: &Products<'a>) -> Result<Head, Unfit> {
        let met: Vec<&Product<'a>> = products.met_by::<B>().take(MOST_RULES + 1).collect();
        if met.len() > MOST_RULES {
            return Err(Unfit::Size);
        }
        let words = words(met.len());
        let (sources, source_sets) = self.side(&met, |product| product.source);
        let (destinations, destination_sets) = self.side(&met, |product| product.destination);
        let ports = |field: fn(&Product<'a>) -> &'a RangeSet<u16>| {
            let of_rules = met.iter().map(|product| field(product)).enumerate();
            Cut::new(of_rules, words)
        };
        // All of it is made before any is stored: what does not fit leaves nothing behind.
        let source = Cut::new(sources.into_iter(), words)?;
        let destination = Cut::new(destinations.into_iter(), words)?;
        let source_ports = ports(|product| product.source_ports.ranges())?;
        let destination_ports = ports(|product| product.destination_ports.ranges())?;
        let protocols = protocols(&met, words)?;
        let answers = met.iter().map(|product| product.answer).chain([RuleIndex::NONE]);
        let answers: Vec<u32> = answers.map(RuleIndex::to_bits).collect();

        let pool = &mut self.pool;
        Ok(Head {
            rules: u32::try_from(met.len()).map_err(|_| Unfit::Size)?,
            answers: pool.place(&answers)?,
            source_sets: place_sets(pool, &source_sets)?,
            source: source.place(pool)?,
            destination_sets: place_sets(pool, &destination_sets)?,
            destination: destination.place(pool)?,
            source_ports: source_ports.place(pool)?,
            destination_ports: destination_ports.place(pool)?,
            protocols: protocols.place(pool)?,
        })
    }

    /// Which sets of a field of addresses the group looks at by itself, and which ones with others.
    fn side(
        &mut self,
        met: &[&Product<'a>],
        field: impl Fn(&Product<'a>) -> &'a Arc<AddressSet>,
    ) -> Side<'a, B> {
        let (mut own, mut shared) = (Vec::with_capacity(met.len()), BTreeMap::new());
        for (rule, product) in met.iter().enumerate() {
            let addresses = field(product);
            match self.number(addresses) {
                Some(set) => {
                    let rules = shared.entry(set);
                    rules.or_insert_with(|| Rows::zeroed(1, words(met.len()))).insert(0, rule);
                }
                None => own.push((rule, B::of(addresses))),
            }
        }
        (own, shared)
    }

    /// The number of a set among the shared ones.
    fn number(&mut self, addresses: &'a Arc<AddressSet>) -> Option<u32> {
        if self.by_content.is_empty() || !is_large::<B>(addresses) {
            return None;
        }
        let found = || self.by_content.get(B::of(addresses)).copied();
        *self.by_place.entry(Arc::as_ptr(addresses)).or_insert_with(found)
    }

    fn again(&mut self, part: &GroupsPart<B>, head: &Head) -> Result<Head, Unfit> {
        let (pool, words) = (&mut self.pool, head.words());
        let mut again = |at: u32, cells: usize| pool.place(part.stretch(at, cells));
        let (source, destination) = (head.source, head.destination);
        let (from, to) = (head.source_ports, head.destination_ports);
        let (from_sets, to_sets, protocols) =
            (head.source_sets, head.destination_sets, head.protocols);
        Ok(Head {
            rules: head.rules,
            answers: again(head.answers, head.answers_cells())?,
            source_sets: Sets { at: again(from_sets.at, from_sets.cells(words))?, ..from_sets },
            source: Field { at: again(source.at, source.cells::<B>(words))?, ..source },
            destination_sets: Sets { at: again(to_sets.at, to_sets.cells(words))?, ..to_sets },
            destination: Field {
                at: again(destination.at, destination.cells::<B>(words))?,
                ..destination
            },
            source_ports: Field { at: again(from.at, from.cells::<u16>(words))?, ..from },
            destination_ports: Field { at: again(to.at, to.cells::<u16>(words))?, ..to },
            protocols: Field {
                at: again(protocols.at, protocols.cells::<u16>(words))?,
                ..protocols
            },
        })
    }
}

/// The sets of a field of addresses, each with its rule, and the rules of each shared set.
type Side<'a, B> = (Vec<(usize, &'a RangeSet<B>)>, BTreeMap<u32, Rows>);

/// Stores shared sets with the rules of each.
fn place_sets(pool: &mut Pool, sets: &BTreeMap<u32, Rows>) -> Result<Sets, Unfit> {
    let mut cells: Vec<u32> = sets.keys().copied().collect();
    let count = u32::try_from(cells.len()).map_err(|_| Unfit::Size)?;
    cells.extend(sets.values().flat_map(|rows| rows.row(0)).flat_map(|word| halves(*word)));
    Ok(Sets { at: pool.place(&cells)?, count })
}

/// The two cells of a word, the lower one first.
#[expect(clippy::cast_possible_truncation, reason = "one half after the other")]
fn halves(word: u64) -> [u32; 2] {
    [word as u32, (word >> 32) as u32]
}

fn protocols(met: &[&Product<'_>], words: usize) -> Result<Cut, Unfit> {
    let mut distinct = Distinct::default();
    let of_rules: Vec<u32> = met.iter().map(|product| distinct.number(product.protocols)).collect();
    let ranges = |set: &ProtocolSet| -> RangeSet<u16> {
        set.iter().map(|protocol| Interval::single(protocol.number().into())).collect()
    };
    let sets: Vec<RangeSet<u16>> = distinct.values.iter().map(ranges).collect();
    let of_rules = of_rules.iter().filter_map(|number| sets.get(*number as usize));
    Cut::new(of_rules.enumerate(), words)
}

/// A field of one group, not yet stored.
struct Cut {
    cells: Vec<u32>,
    ranges: u16,
    classes: u16,
}

impl Cut {
    /// Cuts a field where the sets of its rules, each given with its rule, begin and end.
    fn new<'s, T: InCells>(
        of_rules: impl Iterator<Item = (usize, &'s RangeSet<T>)>,
        words: usize,
    ) -> Result<Self, Unfit> {
        let mut sets = Distinct::default();
        let numbered: Vec<(usize, u32)> =
            of_rules.map(|(rule, set)| (rule, sets.number(set))).collect();
        let mut users = Rows::zeroed(sets.values.len(), words);
        for (rule, set) in numbered {
            users.insert(set as usize, rule);
        }
        let partition = Partition::new(&sets.values, &users, MOST_BYTES)?;
        let narrow = |count: usize| u16::try_from(count).map_err(|_| Unfit::Size);
        let (ranges, classes) = (narrow(partition.ranges.len())?, narrow(partition.rows.len())?);

        let ends: Vec<T> =
            partition.ranges.iter().filter_map(|(first, _)| first.previous()).collect();
        let mut cells = Vec::new();
        T::write(&ends, &mut cells);
        let upper = |pair: &[(T, u16)]| pair.get(1).map_or(0, |(_, class)| u32::from(*class));
        let both = |pair: &[(T, u16)]| {
            pair.first().map(|(_, class)| u32::from(*class) | upper(pair) << 16)
        };
        cells.extend(partition.ranges.chunks(2).filter_map(both));
        cells.extend(partition.rows.iter().flatten().flat_map(|word| halves(*word)));
        if size_of_val(&*cells) > MOST_BYTES {
            return Err(Unfit::Size);
        }
        Ok(Self { cells, ranges, classes })
    }

    fn place(&self, pool: &mut Pool) -> Result<Field, Unfit> {
        Ok(Field { at: pool.place(&self.cells)?, ranges: self.ranges, classes: self.classes })
    }
}
