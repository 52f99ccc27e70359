//! One rule after the other, as any reader of the rules would do it, on packed records.
//!
//! A record holds the bounding box of a rule, which most keys miss, and the numbers of its five
//! sets. Only where a key is in the box of a rule that is more than its box are the sets
//! searched. It takes any rules whatever and little memory beyond theirs.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "set numbers are those that the front end gave out"
)]

use super::Unfit;
use super::engine::Lookup;
use super::index::Bits;
use super::key::{Key, RuleIndex};
use super::rules::{Entry, Rules};
use super::simd::Simd;
use crate::net::{Coordinate, Interval, ProtocolSet, RangeSet};

/// Records, and the sets they name.
pub(super) struct Scan<B> {
    records: Box<[Record<B>]>,
    protocols: Box<[ProtocolSet]>,
    addresses: Sets<B>,
    ports: Sets<u16>,
}

#[derive(Clone, Copy)]
struct Record<B> {
    source: Span<B>,
    destination: Span<B>,
    source_ports: Span<u16>,
    destination_ports: Span<u16>,
    protocols: u32,
    /// The numbers of the four sets, in the order above; `BOX` where the span is all of the set.
    sets: [u32; 4],
    answer: RuleIndex,
}

/// What stands for a set that is one interval.
const BOX: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Span<T> {
    first: T,
    last: T,
}

impl<T: Coordinate> Span<T> {
    fn contains(self, value: T) -> bool {
        // Both comparisons always: one of them is as hard to foretell as the other.
        (self.first <= value) & (value <= self.last)
    }
}

/// Sets of several intervals, one after the other.
struct Sets<T> {
    /// Where each set starts in `intervals`, and behind the last where it ends.
    starts: Vec<u32>,
    intervals: Vec<Interval<T>>,
}

impl<T: Coordinate> Sets<T> {
    /// For as many intervals.
    fn with_capacity(intervals: usize) -> Self {
        Self { starts: vec![0], intervals: Vec::with_capacity(intervals) }
    }

    /// Takes in a set -> the spans of its ends, and its number.
    fn push(&mut self, set: &RangeSet<T>) -> Result<(Span<T>, u32), Unfit> {
        let (Some(first), Some(last)) = (set.intervals().first(), set.intervals().last()) else {
            return Err(Unfit::Rules("a rule without flows was not left out"));
        };
        let span = Span { first: first.first(), last: last.last() };
        if set.intervals().len() == 1 {
            return Ok((span, BOX));
        }
        self.intervals.extend_from_slice(set.intervals());
        let number = u32::try_from(self.starts.len() - 1).map_err(|_| Unfit::Size)?;
        self.starts.push(u32::try_from(self.intervals.len()).map_err(|_| Unfit::Size)?);
        Ok((span, number))
    }

    fn contains(&self, set: u32, value: T) -> bool {
        if set == BOX {
            return true;
        }
        let set = set as usize;
        let intervals = &self.intervals[self.starts[set] as usize..self.starts[set + 1] as usize];
        let near = intervals.partition_point(|interval| interval.last() < value);
        intervals.get(near).is_some_and(|interval| interval.first() <= value)
    }

    fn shrink(&mut self) {
        self.starts.shrink_to_fit();
        self.intervals.shrink_to_fit();
    }

    fn bytes(&self) -> usize {
        size_of_val(&*self.starts) + size_of_val(&*self.intervals)
    }
}

impl<B: Bits> Scan<B> {
    pub(super) fn new(rules: &Rules<'_, B>, limit: usize) -> Result<Self, Unfit> {
        let address_ranges: usize = [&rules.sources, &rules.destinations]
            .iter()
            .flat_map(|side| &side.values)
            .map(|set| set.intervals().len())
            .sum();
        let records = size_of::<Record<B>>() * rules.entries.len();
        if records + size_of::<Interval<B>>() * address_ranges > limit {
            return Err(Unfit::Size);
        }
        let mut addresses = Sets::with_capacity(address_ranges);
        let mut ports = Sets::with_capacity(0);
        let sources = pushed(&mut addresses, &rules.sources.values)?;
        let destinations = pushed(&mut addresses, &rules.destinations.values)?;
        let source_ports = pushed(&mut ports, &rules.source_ports.values)?;
        let destination_ports = pushed(&mut ports, &rules.destination_ports.values)?;
        let record = |entry: &Entry| {
            let (source, a) = sources[entry.source as usize];
            let (destination, b) = destinations[entry.destination as usize];
            let (source_ports, c) = source_ports[entry.source_ports as usize];
            let (destination_ports, d) = destination_ports[entry.destination_ports as usize];
            Record {
                source,
                destination,
                source_ports,
                destination_ports,
                protocols: entry.protocols,
                sets: [a, b, c, d],
                answer: entry.answer,
            }
        };
        let records = rules.entries.iter().map(record).collect();
        addresses.shrink();
        ports.shrink();
        let protocols = rules.protocols.values.as_slice().into();
        let scan = Self { records, protocols, addresses, ports };
        if scan.bytes() > limit { Err(Unfit::Size) } else { Ok(scan) }
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.records)
            + size_of_val(&*self.protocols)
            + self.addresses.bytes()
            + self.ports.bytes()
    }
}

fn pushed<T: Coordinate>(
    sets: &mut Sets<T>,
    values: &[&RangeSet<T>],
) -> Result<Vec<(Span<T>, u32)>, Unfit> {
    values.iter().map(|set| sets.push(set)).collect()
}

impl<B: Bits> Lookup<B> for Scan<B> {
    #[inline(always)]
    fn lookup<S: Simd>(&self, _: S, key: &Key<B>) -> RuleIndex {
        let protocol = crate::net::Protocol::new(key.protocol);
        for record in &self.records {
            let in_box = record.source.contains(key.source)
                & record.destination.contains(key.destination)
                & record.source_ports.contains(key.source_port)
                & record.destination_ports.contains(key.destination_port);
            if in_box
                && self.protocols[record.protocols as usize].contains(protocol)
                && self.addresses.contains(record.sets[0], key.source)
                && self.addresses.contains(record.sets[1], key.destination)
                && self.ports.contains(record.sets[2], key.source_port)
                && self.ports.contains(record.sets[3], key.destination_port)
            {
                return record.answer;
            }
        }
        RuleIndex::NONE
    }
}
