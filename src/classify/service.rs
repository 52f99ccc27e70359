//! From protocol and ports to their class, the *service*.
//!
//! Protocols and source ports come down to a few classes each. One of either together selects a
//! table over the upper byte of the destination port, which leads to a page over its lower byte;
//! equal pages are stored once. Source ports are looked at only if some rule restricts them.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "classes are below the numbers of classes that the tables were sized by"
)]

use std::collections::HashMap;

use super::Unfit;
use super::classes::{Interner, Partition, Rows, hash_row};
use super::rules::Rules;
use crate::net::{Protocol, RangeSet};

/// Finds the class of a protocol and its ports.
#[derive(Clone)]
pub(super) struct ServiceIndex {
    /// By protocol number: the first row of `pages` of its class.
    protocols: Box<[u16; 256]>,
    sources: Option<PortIndex>,
    /// A row for each class of protocol and each class of source port below it.
    pages: Box<[[u16; 256]]>,
    /// The pages.
    cells: Box<[[u16; 256]]>,
}

/// From a source port to its class.
#[derive(Clone)]
struct PortIndex {
    pages: Box<[u16; 256]>,
    cells: Box<[[u16; 256]]>,
}

/// The number of classes of each field, for reports.
#[derive(Clone, Copy, Debug)]
pub(super) struct ServiceCounts {
    pub(super) protocols: usize,
    pub(super) source_ports: usize,
    pub(super) destination_ports: usize,
}

impl ServiceIndex {
    /// The index, the rules of each class, and what went into it.
    pub(super) fn new<B>(
        rules: &Rules<'_, B>,
        limit: usize,
    ) -> Result<(Self, Rows, ServiceCounts), Unfit> {
        let (protocol_classes, protocol_rows) = protocols(rules);
        let sources = ports(&rules.source_ports.values, rules, |e| e.source_ports, limit)?;
        let destinations =
            ports(&rules.destination_ports.values, rules, |e| e.destination_ports, limit)?;
        let counts = ServiceCounts {
            protocols: protocol_rows.len(),
            source_ports: sources.rows.len(),
            destination_ports: destinations.rows.len(),
        };
        let tables = counts.protocols * counts.source_ports;
        if tables > 256 || tables * counts.destination_ports * rules.words() * 8 > limit {
            return Err(Unfit::Size);
        }
        let plain = PortIndex::new(&destinations);

        let mut services = Interner::new(rules.words());
        let mut distinct = DistinctPages::default();
        let mut pages = Vec::with_capacity(tables);
        let mut row = vec![0u64; rules.words()];
        let mut translated = vec![0u16; counts.destination_ports];
        for protocol in protocol_rows.iter() {
            for source in sources.rows.iter() {
                if size_of_val(&*distinct.cells) > limit {
                    return Err(Unfit::Size);
                }
                for (service, destination) in translated.iter_mut().zip(destinations.rows.iter()) {
                    for (word, ((a, b), c)) in
                        row.iter_mut().zip(protocol.iter().zip(source).zip(destination))
                    {
                        *word = a & b & c;
                    }
                    let number = services.number(hash_row(&row), &row);
                    *service = u16::try_from(number).map_err(|_| Unfit::Size)?;
                }
                let mut renamed = HashMap::new();
                pages.push(plain.pages.map(|page| {
                    *renamed.entry(page).or_insert_with(|| {
                        let cells = &plain.cells[usize::from(page)];
                        distinct.number(cells.map(|cell| translated[usize::from(cell)]))
                    })
                }));
            }
        }
        let per_protocol = u16::try_from(counts.source_ports).map_err(|_| Unfit::Size)?;
        let index = Self {
            protocols: Box::new(protocol_classes.map(|class| class * per_protocol)),
            sources: (counts.source_ports > 1).then(|| PortIndex::new(&sources)),
            pages: pages.into(),
            cells: distinct.cells.into(),
        };
        Ok((index, services.into_rows(), counts))
    }

    /// The class of a protocol and its ports.
    #[inline]
    pub(super) fn class(&self, protocol: u8, source: u16, destination: u16) -> usize {
        let mut table = usize::from(self.protocols[usize::from(protocol)]);
        if let Some(sources) = &self.sources {
            table = table.wrapping_add(sources.class(source));
        }
        let page = self.pages[table][usize::from(destination >> 8)];
        self.cells[usize::from(page)][usize::from(destination & 0xff)].into()
    }

    /// Gives every class another number.
    pub(super) fn renumber(&mut self, numbers: &[u16]) {
        for cell in self.cells.as_flattened_mut() {
            *cell = numbers[usize::from(*cell)];
        }
    }

    /// The bytes it takes on the heap.
    pub(super) fn bytes(&self) -> usize {
        let sources = self.sources.as_ref().map_or(0, |s| 512 + size_of_val(&*s.cells));
        512 + sources + size_of_val(&*self.pages) + size_of_val(&*self.cells)
    }
}

impl PortIndex {
    fn new(ports: &Partition<u16>) -> Self {
        let mut flat = vec![0u16; 1 << 16];
        for (first, last, class) in ports.spans() {
            flat[usize::from(first)..=usize::from(last)].fill(class);
        }
        let mut distinct = DistinctPages::default();
        let mut pages = Box::new([0; 256]);
        for (page, cells) in pages.iter_mut().zip(flat.as_chunks().0) {
            *page = distinct.number(*cells);
        }
        Self { pages, cells: distinct.cells.into() }
    }

    #[inline]
    fn class(&self, port: u16) -> usize {
        let page = self.pages[usize::from(port >> 8)];
        self.cells[usize::from(page)][usize::from(port & 0xff)].into()
    }
}

/// Pages, equal ones once.
#[derive(Default)]
struct DistinctPages {
    cells: Vec<[u16; 256]>,
    numbers: HashMap<[u16; 256], u16>,
}

impl DistinctPages {
    /// The number of a page; at most 256 tables of 256 pages each are ever asked for.
    fn number(&mut self, page: [u16; 256]) -> u16 {
        let next = u16::try_from(self.numbers.len()).unwrap_or(u16::MAX);
        *self.numbers.entry(page).or_insert_with_key(|page| {
            self.cells.push(*page);
            next
        })
    }
}

/// The class of each protocol number, and the rules of each class.
fn protocols<B>(rules: &Rules<'_, B>) -> ([u16; 256], Rows) {
    let mut interner = Interner::new(rules.words());
    let mut classes = [0; 256];
    // Numbers that no rule names alone share one row: they are told apart by the sets they are
    // in, which are few.
    let users = rules.users(rules.protocols.values.len(), |entry| entry.protocols);
    let mut row = vec![0u64; rules.words()];
    for (class, number) in classes.iter_mut().zip(0u8..=255) {
        row.fill(0);
        for (set, users) in rules.protocols.values.iter().zip(users.iter()) {
            if set.contains(Protocol::new(number)) {
                row.iter_mut().zip(users).for_each(|(word, users)| *word |= users);
            }
        }
        *class = u16::try_from(interner.number(hash_row(&row), &row)).unwrap_or(u16::MAX);
    }
    (classes, interner.into_rows())
}

fn ports<B>(
    sets: &[&RangeSet<u16>],
    rules: &Rules<'_, B>,
    field: impl Fn(&super::rules::Entry) -> u32,
    limit: usize,
) -> Result<Partition<u16>, Unfit> {
    Partition::new(sets, &rules.users(sets.len(), field), limit)
}
