//! Exact, offline evaluation of Azure network security groups.

pub mod analysis;
#[cfg(feature = "azure")]
pub mod azure;
pub mod classify;
pub mod diagnose;
pub mod eval;
pub mod model;
pub mod net;
pub mod network;
pub mod path;
pub mod report;
pub mod resolve;
pub mod space;
#[cfg(feature = "proptest")]
pub mod strategies;
