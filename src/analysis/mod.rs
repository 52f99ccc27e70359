//! Questions about what rules do with all flows, answered exactly and with evidence.
//!
//! Every question is asked of [`Gates`]: one list of rules, or all that a flow passes at one end.
//! Every answer names flows and rules: a flow for which the claim can be tried, and the rules
//! that decide it.
//!
//! | question | answer |
//! |---|---|
//! | [`survey`] | which rules never decide, and which could be removed without effect |
//! | [`idle`] | the same over several gates: rules that one of them makes superfluous at another, and why |
//! | [`conflicts`] | which rules would treat the same flows in opposite ways: shadowing, generalisation, correlation |
//! | [`effective`] | what one rule still decides after all before it |
//! | [`difference`] | what a change opens and closes, as disjoint regions |
//! | [`network_difference`], [`catalogue_difference`] | the same at every interface and group of a network, or under another service-tag file |
//! | [`changed_attachments`], [`changed_tags`] | which subnets and interfaces have another security group after a change, and which service tags hold something else |
//! | [`equivalent`], [`implies`], [`disjoint`] | whether that holds of two policies |
//! | [`exposure`] | exactly what reaches an interface through all its gates |
//! | [`always_allows`], [`always_denies`], [`Contract`] | whether that holds of some regions |
//! | [`repair`] | what to change in rules so that a region is allowed or denied, and what else that does |
//!
//! Names whose contents are unknown make answers three-valued, never wrong: a claim holds only
//! if it holds however the unknowns turn out, taking every unknown by itself.

mod attachments;
mod compare;
mod conflicts;
mod contract;
mod doubts;
mod effective;
mod ends;
mod exposure;
mod gates;
mod idle;
mod instead;
mod network;
mod places;
pub mod repair;
mod survey;
mod tags;

pub use attachments::{AttachmentChange, changed_attachments};
pub use compare::{
    Change, Counterexample, Difference, Judgement, always_allows, always_denies, difference,
    disjoint, equivalent, implies,
};
pub use conflicts::{Conflict, ConflictClass, conflicts};
pub use contract::Contract;
pub use effective::{Effective, effective};
pub use exposure::{Exposed, Exposure, exposure};
pub use gates::{Gates, Reason, RuleRef};
pub use idle::{Idle, IdleCause, idle};
pub use network::{
    Comparison, NetworkDifference, PlaceDifference, Side, catalogue_difference, comparisons,
    network_difference,
};
pub use survey::{Shadowed, Survey, Unfinished, survey};
pub use tags::{TagChange, changed_tags};
