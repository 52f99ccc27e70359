//! The naive scan that the classifier is measured against, as good as a scan gets: packed records
//! in the order of the rules, all five fields of a record compared without a branch against its
//! bounding box, and sets searched only for keys inside the box of a rule that is more than its
//! box. No set is ever expanded into records of its own.

use nsg_engine::classify::FlowKey;
use nsg_engine::net::{Coordinate, ProtocolSet, RangeSet};
use nsg_engine::resolve::{Rule, Ruleset};

use super::family::Family;

/// One record a rule that this IP version can meet, in order.
pub(crate) struct Scan<B> {
    records: Vec<Record<B>>,
}

struct Record<B> {
    source: (B, B),
    destination: (B, B),
    source_port: (u16, u16),
    destination_port: (u16, u16),
    protocol: (u8, u8),
    number: u32,
    /// The sets, of a rule that is more than its box.
    sets: Option<Box<Sets<B>>>,
}

struct Sets<B> {
    sources: RangeSet<B>,
    destinations: RangeSet<B>,
    source_ports: RangeSet<u16>,
    destination_ports: RangeSet<u16>,
    protocols: ProtocolSet,
}

/// What is found where no rule matches.
pub(crate) const NONE: u32 = u32::MAX;

impl<B: Family> Scan<B> {
    /// The records of rules about which nothing is unknown.
    pub(crate) fn new(ruleset: &Ruleset) -> Self {
        let numbered = (0..).zip(ruleset.rules());
        Self { records: numbered.filter_map(|(number, rule)| record(number, rule)).collect() }
    }

    /// The number of the first rule that takes a key.
    #[inline(always)]
    pub(crate) fn classify(&self, key: &FlowKey<B::Address>) -> u32 {
        let (source, destination) = B::ends(key);
        let (source_port, destination_port) = (key.source_port(), key.destination_port());
        let protocol = key.protocol().number();
        let found = self.records.iter().find(|record| {
            let in_box = (record.source.0 <= source)
                & (source <= record.source.1)
                & (record.destination.0 <= destination)
                & (destination <= record.destination.1)
                & (record.source_port.0 <= source_port)
                & (source_port <= record.source_port.1)
                & (record.destination_port.0 <= destination_port)
                & (destination_port <= record.destination_port.1)
                & (record.protocol.0 <= protocol)
                & (protocol <= record.protocol.1);
            in_box
                && record.sets.as_deref().is_none_or(|sets| {
                    sets.sources.contains(source)
                        && sets.destinations.contains(destination)
                        && sets.source_ports.contains(source_port)
                        && sets.destination_ports.contains(destination_port)
                        && sets.protocols.contains(key.protocol())
                })
        });
        found.map_or(NONE, |record| record.number)
    }
}

fn record<B: Family>(number: u32, rule: &Rule) -> Option<Record<B>> {
    let (sources, destinations) = (B::of(&rule.source.known), B::of(&rule.destination.known));
    let source_ports = rule.source_ports.known.ranges();
    let destination_ports = rule.destination_ports.known.ranges();
    let protocols = rule.protocols.known;
    let protocol = (protocols.iter().next()?.number(), protocols.iter().last()?.number());
    let is_box = sources.intervals().len() == 1
        && destinations.intervals().len() == 1
        && source_ports.intervals().len() == 1
        && destination_ports.intervals().len() == 1
        && protocols.iter().count() == usize::from(protocol.1 - protocol.0) + 1;
    let sets = Sets {
        sources: sources.clone(),
        destinations: destinations.clone(),
        source_ports: source_ports.clone(),
        destination_ports: destination_ports.clone(),
        protocols,
    };
    Some(Record {
        source: span(sources)?,
        destination: span(destinations)?,
        source_port: span(source_ports)?,
        destination_port: span(destination_ports)?,
        protocol,
        number,
        sets: (!is_box).then(|| Box::new(sets)),
    })
}

fn span<T: Coordinate>(set: &RangeSet<T>) -> Option<(T, T)> {
    Some((set.intervals().first()?.first(), set.intervals().last()?.last()))
}
