//! The integration tests: one binary, one module per question.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod doors;
mod properties;
