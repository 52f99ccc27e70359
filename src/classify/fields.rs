//! The front of both class strategies: a key becomes three classes.

use super::Unfit;
use super::classes::{Partition, Rows};
use super::index::{Bits, Index};
use super::key::Key;
use super::report::FieldReport;
use super::rules::Rules;
use super::service::ServiceIndex;
use super::simd::Simd;

/// The classes of all three fields: of addresses as ranges, of services found already.
pub(super) struct FieldClasses<B> {
    pub(super) source: Partition<B>,
    pub(super) destination: Partition<B>,
    pub(super) service: ServiceIndex,
    /// The rules of each class of service.
    pub(super) services: Rows,
    /// What was counted.
    pub(super) report: FieldReport,
}

impl<B: Bits> FieldClasses<B> {
    pub(super) fn new(rules: &Rules<'_, B>, limit: usize) -> Result<Self, Unfit> {
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
        Ok(Self { source, destination, service, services, report })
    }

    /// What finds the classes of a key, and the rules of each class.
    pub(super) fn indexed(self, limit: usize) -> Result<(Fields<B>, FieldRows), Unfit> {
        let Self { source, destination, service, services, .. } = self;
        let fields = Fields::new(&source.ranges, &destination.ranges, service, limit)?;
        let rows =
            FieldRows { source: source.rows, destination: destination.rows, service: services };
        Ok((fields, rows))
    }
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

/// Finds the classes of a key.
pub(super) struct Fields<B: Bits> {
    source: B::Index,
    destination: B::Index,
    service: ServiceIndex,
}

impl<B: Bits> Fields<B> {
    /// The indexes of ranges of addresses and of services.
    pub(super) fn new(
        source: &[(B, u16)],
        destination: &[(B, u16)],
        service: ServiceIndex,
        limit: usize,
    ) -> Result<Self, Unfit> {
        Ok(Self {
            source: B::Index::new(source, limit)?,
            destination: B::Index::new(destination, limit)?,
            service,
        })
    }

    /// The classes of source, destination and service.
    #[inline(always)]
    pub(super) fn classes<S: Simd>(&self, simd: S, key: &Key<B>) -> (usize, usize, usize) {
        (
            self.source.class(simd, key.source),
            self.destination.class(simd, key.destination),
            self.service.class(key.protocol, key.source_port, key.destination_port),
        )
    }

    /// The bytes it takes on the heap.
    pub(super) fn bytes(&self) -> usize {
        [self.source.bytes(), self.destination.bytes(), self.service.bytes()].iter().sum()
    }
}
