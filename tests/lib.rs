//! The integration tests: one binary, one module per question.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod analysis;
mod analysis_cli;
mod api;
mod bastion_facts;
mod bdd;
mod cases;
mod classify;
mod classify_chains;
mod classify_groups;
mod cli;
mod compactness;
mod completion;
mod conflicts;
mod contracts;
mod corpus_read;
mod diagnose;
mod doors;
mod expressions;
mod faults;
#[path = "../benches/support/fleet.rs"]
mod fleet;
mod ground_truth;
mod json;
mod lints;
mod museum;
mod naive;
#[path = "../examples/diagnose/naming.rs"]
mod naming;
mod network_difference;
mod paths;
mod properties;
mod readers;
mod readme;
mod refusals;
mod region_text;
mod repair;
mod small_world;
mod space;
mod support;
mod tutorial;
mod unread;
