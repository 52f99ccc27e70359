//! All flows at once: exact sets of flows, and what rules do with every flow there is.
mod allowed;
mod axis;
mod boxes;
mod diagram;
mod flow_count;
mod header_space;
mod limits;
mod lists;
mod region;
mod regions;
mod sweep;

pub use allowed::Allowed;
pub use flow_count::FlowCount;
pub use header_space::HeaderSpace;
pub use limits::{LimitExceeded, Limits, Resource};
pub use region::{Region, RegionError};

pub(crate) use diagram::NodeId;
pub(crate) use limits::Meter;
pub(crate) use lists::{Answer, Effects, Entry, Fate, Fates, Lists};
pub(crate) use sweep::{Place, Question};
