//! How fast documents are read: a large list of groups in bytes a second, a service-tag file as a
//! whole.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a bench fails by panicking"
)]

#[path = "support/documents.rs"]
mod documents;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nsg_engine::azure;

const MB: usize = 1_000_000;

fn read(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read");
    group.sample_size(10);
    let document = documents::groups(50 * MB);
    let read = azure::read(&document).unwrap();
    assert!(read.network.security_groups.len() > 100);
    assert!(read.findings.is_empty(), "{:?}", read.findings.first());
    group.throughput(Throughput::BytesDecimal(document.len() as u64));
    group.bench_function("groups 50 MB", |bencher| {
        bencher.iter(|| azure::read(black_box(&document)).map(|read| read.findings.len()));
    });
    let file = documents::service_tags(4 * MB);
    assert!(azure::read_service_tags("tags", &file).unwrap().tags().count() > 100);
    group.throughput(Throughput::BytesDecimal(file.len() as u64));
    group.bench_function("service tags 4 MB", |bencher| {
        bencher.iter(|| {
            azure::read_service_tags("tags", black_box(&file)).map(|tags| tags.tags().count())
        });
    });
    group.finish();
}

criterion_group!(benches, read);
criterion_main!(benches);
