//! Parts the rules into groups and fills their tables.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "rules, sets and classes are numbered by the vectors they index, which are below \
              2^31 long"
)]

use std::collections::HashMap;

use super::lists::Lists;
use super::matrix::{Cell, Matrix, Names};
use super::nesting::{Edges, Nestings};
use super::{GROUPS, Pairs, Record};
use crate::classify::Unfit;
use crate::classify::index::{Bits, Spots};
use crate::classify::key::RuleIndex;
use crate::classify::rules::{Entry, Rules};
use crate::classify::service::ServiceIndex;
use crate::net::RangeSet;

/// An address set of at least this share of all addresses is wide: all but the upper so many of
/// 32 bits. Tried in this order.
const WIDE: [u32; 5] = [8, 12, 16, 4, 20];

/// How many times each rule may stand in a cell, on average. With more, trees are better.
const COPIES: usize = 8;
/// With no more than that other widths are not tried.
const FEW_COPIES: usize = 6;

impl<B: Bits> Pairs<B> {
    pub(in crate::classify) fn new(rules: &Rules<'_, B>, limit: usize) -> Result<Self, Unfit> {
        // No structure is smaller than the records of two addresses a rule, and on the way there
        // are two for each edge.
        let sets = rules.sources.values.iter().chain(&rules.destinations.values);
        let edges: usize = sets.map(|set| 2 * set.intervals().len()).sum();
        let records =
            (rules.entries.len() * size_of::<Record>()).max(edges * size_of::<(B, Record)>());
        if records.saturating_mul(2) > limit {
            return Err(Unfit::Size);
        }
        let grouping = Grouping::new(rules)?;
        let services = Services::of(rules);
        let (index, classes, _) = ServiceIndex::new(&services.rules(rules), limit)?;
        let all = services.all(rules);

        let ordered = rules.entries.is_sorted_by(|a, b| a.answer.to_bits() < b.answer.to_bits())
            && rules.entries.iter().all(|entry| entry.answer != RuleIndex::EVALUATE);
        let none = if ordered { RuleIndex::NONE.to_bits() } else { rules.entries.len() as u32 };
        let mut lists = Lists::new(&services.of_rules, &all, none);
        let mut matrices = Vec::with_capacity(GROUPS);
        let mut names = Vec::with_capacity(GROUPS);
        for group in 0..GROUPS {
            let (source, destination) =
                (&grouping.sources.groups[group], &grouping.destinations.groups[group]);
            let cells = grouping.cells(rules, group, &mut lists, limit)?;
            let (matrix, named) = Matrix::new(&cells, source.len(), destination.len())?;
            matrices.push(matrix);
            names.push(named);
        }
        let (mut list, ranks) = lists.finish(&classes, limit)?;
        let mut answers = Vec::new();
        if ordered {
            for rule in &mut list[1..] {
                *rule = rules.entries[*rule as usize].answer.to_bits();
            }
        } else {
            answers = rules.entries.iter().map(|entry| entry.answer).collect();
            answers.push(RuleIndex::NONE);
        }
        let pairs = Self {
            sources: spots(&grouping.sources, &names, |names| &names.rows, limit)?,
            destinations: spots(&grouping.destinations, &names, |names| &names.columns, limit)?,
            services: index,
            matrices: matrices.try_into().map_err(|_| Unfit::Size)?,
            kinds: ranks.len() / classes.len(),
            ranks: ranks.into(),
            rules: list.into(),
            answers: answers.into(),
        };
        if pairs.bytes() > limit { Err(Unfit::Size) } else { Ok(pairs) }
    }
}

/// Finds the names of the classes of one side.
fn spots<B: Bits>(
    side: &Nestings<B>,
    names: &[Names],
    of_side: impl Fn(&Names) -> &Vec<u32>,
    limit: usize,
) -> Result<B::Spots<Record>, Unfit> {
    let record = |classes: &[u32; GROUPS]| -> Record {
        std::array::from_fn(|group| of_side(&names[group])[classes[group] as usize])
    };
    let records: Vec<_> =
        side.ranges.iter().map(|(first, classes)| (*first, record(classes))).collect();
    B::Spots::new(&records, limit)
}

/// Which rules share a table.
struct Grouping<B> {
    /// By rule.
    groups: Vec<u8>,
    sources: Nestings<B>,
    destinations: Nestings<B>,
    /// How often rules stand in cells.
    copies: usize,
}

impl<B: Bits> Grouping<B> {
    fn new(rules: &Rules<'_, B>) -> Result<Self, Unfit> {
        let sources = Edges::new(&rules.sources.values)?;
        let destinations = Edges::new(&rules.destinations.values)?;
        let mut best: Option<Self> = None;
        for bits in WIDE {
            let Ok(grouping) = Self::by_width(rules, bits, &sources, &destinations) else {
                continue;
            };
            let few = grouping.copies <= FEW_COPIES * rules.entries.len() + 1024;
            if best.as_ref().is_none_or(|best| grouping.copies < best.copies) {
                best = Some(grouping);
            }
            if few {
                break;
            }
        }
        best.filter(|best| best.copies <= COPIES * rules.entries.len() + (1 << 16))
            .ok_or(Unfit::Size)
    }

    fn by_width(
        rules: &Rules<'_, B>,
        bits: u32,
        sources: &Edges<B>,
        destinations: &Edges<B>,
    ) -> Result<Self, Unfit> {
        let wide = |sets: &[&RangeSet<B>]| -> Vec<bool> {
            let most = B::WIDTH - bits * (B::WIDTH / 32);
            let is_wide = |set: &&RangeSet<B>| {
                set.intervals().iter().any(|range| range.last().minus(range.first()).width() > most)
            };
            sets.iter().map(is_wide).collect()
        };
        let (wide_sources, wide_destinations) =
            (wide(&rules.sources.values), wide(&rules.destinations.values));
        let mut groups = Vec::with_capacity(rules.entries.len());
        let mut source_groups = vec![0u8; wide_sources.len()];
        let mut destination_groups = vec![0u8; wide_destinations.len()];
        for Entry { source, destination, .. } in &rules.entries {
            let (source, destination) = (*source as usize, *destination as usize);
            let group =
                2 * u8::from(wide_sources[source]) + u8::from(wide_destinations[destination]);
            groups.push(group);
            source_groups[source] |= 1 << group;
            destination_groups[destination] |= 1 << group;
        }
        let sources = Nestings::new(sources, &source_groups)?;
        let destinations = Nestings::new(destinations, &destination_groups)?;
        let mut copies = 0usize;
        for group in 0..GROUPS {
            let source_counts = sources.groups[group].counts(source_groups.len());
            let destination_counts = destinations.groups[group].counts(destination_groups.len());
            for (entry, of) in rules.entries.iter().zip(&groups) {
                if usize::from(*of) == group {
                    copies = copies.saturating_add(
                        source_counts[entry.source as usize] as usize
                            * destination_counts[entry.destination as usize] as usize,
                    );
                }
            }
            let depths = [&sources, &destinations].map(|side| side.groups[group].depths());
            copies += depths.iter().flatten().map(|depth| *depth as usize / 8).sum::<usize>();
        }
        Ok(Self { groups, sources, destinations, copies })
    }

    /// The cells of one group that are not empty, source class by source class.
    fn cells(
        &self,
        rules: &Rules<'_, B>,
        group: usize,
        lists: &mut Lists<'_>,
        limit: usize,
    ) -> Result<Vec<(u32, u32, Cell)>, Unfit> {
        let (sources, destinations) =
            (&self.sources.groups[group], &self.destinations.groups[group]);
        let of_group = || {
            let entries = (0u32..).zip(&rules.entries).zip(&self.groups);
            entries.filter(|(_, of)| usize::from(**of) == group).map(|(entry, _)| entry)
        };
        let by_source = Multimap::new(rules.sources.values.len(), || {
            of_group().map(|(rule, entry)| (entry.source, rule))
        });
        let classes = Multimap::new(rules.destinations.values.len(), || {
            (1..destinations.len() as u32)
                .flat_map(|class| destinations.sets(class).map(move |set| (set, class)))
        });
        let mut cells = Vec::new();
        let mut row: Vec<u64> = Vec::new();
        for source in 1..sources.len() as u32 {
            row.clear();
            for set in sources.sets(source) {
                for rule in by_source.of(set) {
                    let destination = rules.entries[*rule as usize].destination;
                    let classes = classes.of(destination).iter();
                    row.extend(classes.map(|class| u64::from(*class) << 32 | u64::from(*rule)));
                }
            }
            row.sort_unstable();
            for cell in row.chunk_by(|a, b| a >> 32 == b >> 32) {
                let list = lists.cell(cell.iter().map(|both| *both as u32))?;
                cells.push((source, (cell[0] >> 32) as u32, list));
            }
            if 24 * cells.len() + lists.bytes() > limit {
                return Err(Unfit::Size);
            }
        }
        Ok(cells)
    }
}

/// Values by small numbers.
struct Multimap {
    starts: Vec<u32>,
    values: Vec<u32>,
}

impl Multimap {
    /// `pairs` gives the same pairs of key and value twice.
    fn new<I: Iterator<Item = (u32, u32)>>(keys: usize, pairs: impl Fn() -> I) -> Self {
        let mut starts = vec![0u32; keys + 2];
        pairs().for_each(|(key, _)| starts[key as usize + 2] += 1);
        for key in 2..starts.len() {
            starts[key] += starts[key - 1];
        }
        let mut values = vec![0; starts[keys + 1] as usize];
        for (key, value) in pairs() {
            let next = &mut starts[key as usize + 1];
            values[*next as usize] = value;
            *next += 1;
        }
        Self { starts, values }
    }

    fn of(&self, key: u32) -> &[u32] {
        &self.values[self.starts[key as usize] as usize..self.starts[key as usize + 1] as usize]
    }
}

/// The distinct triples of protocols, source ports and destination ports.
struct Services {
    /// By rule.
    of_rules: Vec<u32>,
    /// By service: a rule that has it.
    rules: Vec<u32>,
}

impl Services {
    fn of<B>(rules: &Rules<'_, B>) -> Self {
        let mut numbers = HashMap::new();
        let mut services =
            Self { of_rules: Vec::with_capacity(rules.entries.len()), rules: Vec::new() };
        for (rule, entry) in (0u32..).zip(&rules.entries) {
            let triple = (entry.protocols, entry.source_ports, entry.destination_ports);
            let next = services.rules.len() as u32;
            let number = *numbers.entry(triple).or_insert(next);
            services.of_rules.push(number);
            if number == next {
                services.rules.push(rule);
            }
        }
        services
    }

    /// One rule of each service.
    fn rules<'a, B: Bits>(&self, rules: &Rules<'a, B>) -> Rules<'a, B> {
        rules.numbered(&self.rules)
    }

    /// By service: whether it is every service there is.
    fn all<B>(&self, rules: &Rules<'_, B>) -> Vec<bool> {
        let is_all = |rule: &u32| {
            let Entry { protocols, source_ports, destination_ports, .. } =
                rules.entries[*rule as usize];
            rules.protocols.values[protocols as usize].is_full()
                && rules.source_ports.values[source_ports as usize].is_full()
                && rules.destination_ports.values[destination_ports as usize].is_full()
        };
        self.rules.iter().map(is_all).collect()
    }
}
