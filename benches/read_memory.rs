//! How much memory reading takes, counted by the allocator: the peak while a document is read,
//! and what the result keeps, both as multiples of the document.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a bench fails by panicking"
)]

#[path = "support/documents.rs"]
mod documents;

use nsg_engine::azure;
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

fn main() {
    let groups = documents::groups(50_000_000);
    measure("groups", &groups, || azure::read(&groups).unwrap());
    let tags = documents::service_tags(4_000_000);
    measure("service tags", &tags, || azure::read_service_tags("tags", &tags).unwrap());
}

fn measure<T>(name: &str, document: &[u8], read: impl FnOnce() -> T) {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let result = read();
    let times = |bytes: usize| bytes.saturating_sub(before) as f64 / document.len() as f64;
    println!(
        "{name}: {:.1} MB, peak {:.2} times the input, kept {:.2} times",
        document.len() as f64 / 1e6,
        times(ALLOCATOR.peak_usage()),
        times(ALLOCATOR.current_usage()),
    );
    drop(result);
}
