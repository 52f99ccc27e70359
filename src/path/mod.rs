//! The way of a packet: every gate that one end of a flow passes, in order, and both ends together.
//!
//! ```text
//! outbound at the source            inbound at the destination
//! platform → admin → NIC → subnet ─▶ admin → subnet → NIC
//! ```
//!
//! A level without a security group has no gate (S3.11); a security group that the input names
//! but does not hold is a gate that may do anything. Each [`Gate`] has its own list of rules and
//! all of them must let a flow pass (S3.12): lists are never merged (S3.6). A [`Chain`] is what
//! one end passes, a [`Path`] both ends of a flow.
//!
//! Security groups are stateful: only the first packet of a connection is evaluated, and replies
//! pass by the flow record without asking any rule (S3.24, S3.25). So the inbound chain of the
//! source and the outbound chain of the destination have no part in a verdict. A change of rules
//! touches new connections only (S3.26), unless the group says otherwise
//! ([`existing_flows_survive`]).

mod admin;
mod chain;
mod ends;
mod exempt;
mod gate;
mod holders;
mod platform;
mod trace;

pub use chain::{Chain, ChainDecision};
pub use ends::{Path, PathError, PathVerdict, existing_flows_survive};
pub use gate::{Gate, GateKind, GateRules};
pub use platform::PlatformService;
pub use trace::{ChainTrace, GateTrace};
