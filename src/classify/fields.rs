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
        let partition = |sets: &[_], field: fn(&super::rules::Entry) -> u32, limit| {
            Partition::new(sets, &rules.users(sets.len(), field), limit)
        };
        let source = partition(&rules.sources.values, |entry| entry.source, limit)?;
        let left = limit.saturating_sub(source.bytes());
        let destination = partition(&rules.destinations.values, |entry| entry.destination, left)?;
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
        let (sources, destinations) = (source.ranges, destination.ranges);
        let rows =
            FieldRows { source: source.rows, destination: destination.rows, service: services };
        let fields = Fields::new(&sources, &destinations, service, rows.bytes(), limit)?;
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

/// Finds the classes of a key, by the fastest indexes that suit what they lead to.
pub(super) enum Fields<B: Bits> {
    Wide(IndexedFields<B::WidePages>),
    Narrow(IndexedFields<B::NarrowPages>),
    Compact(IndexedFields<B::Index>),
}

/// Runs `$body` with the indexes themselves, so that the choice is made once for a whole batch.
macro_rules! with_fields {
    ($fields:expr, $indexed:ident => $body:expr) => {
        match $fields {
            Fields::Wide($indexed) => $body,
            Fields::Narrow($indexed) => $body,
            Fields::Compact($indexed) => $body,
        }
    };
}
pub(super) use with_fields;

/// Indexes of so many bytes stay near the core whatever they lead to.
const FEW_BYTES: usize = 256 << 10;

/// Together with what they lead to, indexes of so many bytes stay in the second cache.
const SOME_BYTES: usize = 1 << 20;

impl<B: Bits> Fields<B> {
    /// The indexes of ranges of addresses and of services, given how many bytes stand behind the
    /// classes: where the faster indexes of addresses would take more than twice as many, they
    /// push out of the caches what lookups need besides.
    pub(super) fn new(
        source: &[(B, u16)],
        destination: &[(B, u16)],
        service: ServiceIndex,
        behind: usize,
        limit: usize,
    ) -> Result<Self, Unfit> {
        let near = behind.saturating_mul(2).max(FEW_BYTES);
        if let Ok([source, destination]) = indexes(source, destination, limit.min(near)) {
            return Ok(Self::Wide(IndexedFields { source, destination, service }));
        }
        let near = near.max(SOME_BYTES.saturating_sub(behind));
        if let Ok([source, destination]) = indexes(source, destination, limit.min(near)) {
            return Ok(Self::Narrow(IndexedFields { source, destination, service }));
        }
        let [source, destination] = indexes(source, destination, limit)?;
        Ok(Self::Compact(IndexedFields { source, destination, service }))
    }

    /// The classes of source, destination and service.
    #[inline(always)]
    pub(super) fn classes<S: Simd>(&self, simd: S, key: &Key<B>) -> (usize, usize, usize) {
        with_fields!(self, indexed => indexed.classes(simd, key))
    }

    /// The bytes it takes on the heap.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Wide(indexed) => indexed.bytes::<B>(),
            Self::Narrow(indexed) => indexed.bytes::<B>(),
            Self::Compact(indexed) => indexed.bytes::<B>(),
        }
    }
}

/// The indexes of both addresses, unless they take more than `limit` bytes together.
fn indexes<B, I: Index<B>>(
    source: &[(B, u16)],
    destination: &[(B, u16)],
    limit: usize,
) -> Result<[I; 2], Unfit> {
    let source = I::new(source, limit)?;
    let destination = I::new(destination, limit.saturating_sub(source.bytes()))?;
    Ok([source, destination])
}

/// Indexes of one kind.
pub(super) struct IndexedFields<I> {
    source: I,
    destination: I,
    service: ServiceIndex,
}

impl<I> IndexedFields<I> {
    /// The classes of source, destination and service.
    #[inline(always)]
    pub(super) fn classes<B: Bits, S: Simd>(&self, simd: S, key: &Key<B>) -> (usize, usize, usize)
    where
        I: Index<B>,
    {
        (
            self.source.class(simd, key.source),
            self.destination.class(simd, key.destination),
            self.service.class(key.protocol, key.source_port, key.destination_port),
        )
    }

    fn bytes<B>(&self) -> usize
    where
        I: Index<B>,
    {
        [self.source.bytes(), self.destination.bytes(), self.service.bytes()].iter().sum()
    }
}
