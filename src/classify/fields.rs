//! The front of both class strategies: a key becomes three classes.

use super::Unfit;
use super::classes::{Partition, Rows};
use super::index::{Bits, Index};
use super::key::Key;
use super::report::FieldReport;
use super::rules::Rules;
use super::service::ServiceIndex;

/// Finds the classes of a key.
pub(super) struct Fields<B: Bits> {
    pub(super) source: B::Index,
    pub(super) destination: B::Index,
    pub(super) service: ServiceIndex,
}

/// The rules of each class of the three fields.
pub(super) struct FieldRows {
    pub(super) source: Rows,
    pub(super) destination: Rows,
    pub(super) service: Rows,
}

impl FieldRows {
    /// The bytes they take on the heap.
    pub(super) fn bytes(&self) -> usize {
        [self.source.bytes(), self.destination.bytes(), self.service.bytes()].iter().sum()
    }
}

impl<B: Bits> Fields<B> {
    /// The indexes of all three fields, the rules of their classes, and what was counted.
    pub(super) fn new(
        rules: &Rules<'_, B>,
        limit: usize,
    ) -> Result<(Self, FieldRows, FieldReport), Unfit> {
        let partition = |sets: &[_], field: fn(&super::rules::Entry) -> u32| {
            Partition::new(sets, &rules.users(sets.len(), field), limit)
        };
        let source = partition(&rules.sources.values, |entry| entry.source)?;
        let destination = partition(&rules.destinations.values, |entry| entry.destination)?;
        let (service, services, counts) = ServiceIndex::new(rules, limit)?;
        let report = FieldReport {
            source_ranges: source.ranges.len(),
            source_classes: source.rows.len(),
            destination_ranges: destination.ranges.len(),
            destination_classes: destination.rows.len(),
            protocol_classes: counts.protocols,
            source_port_classes: counts.source_ports,
            destination_port_classes: counts.destination_ports,
            service_classes: services.len(),
        };
        let fields = Self {
            source: B::Index::new(&source, limit)?,
            destination: B::Index::new(&destination, limit)?,
            service,
        };
        let rows =
            FieldRows { source: source.rows, destination: destination.rows, service: services };
        Ok((fields, rows, report))
    }

    /// The classes of source, destination and service.
    #[inline(always)]
    pub(super) fn classes(&self, key: &Key<B>) -> (usize, usize, usize) {
        (
            self.source.class(key.source),
            self.destination.class(key.destination),
            self.service.class(key.protocol, key.source_port, key.destination_port),
        )
    }

    /// The bytes it takes on the heap.
    pub(super) fn bytes(&self) -> usize {
        [self.source.bytes(), self.destination.bytes(), self.service.bytes()].iter().sum()
    }
}
