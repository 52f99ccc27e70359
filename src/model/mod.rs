//! What people write: security rules and groups with every field, admin rules, flows, queries.
//!
//! A value of these types is valid or says what it does not know: an address, port or protocol
//! that could not be read, such as a template expression, is an [`UnknownValue`] and is kept.

mod access;
mod address;
mod admin;
mod draft;
mod flow;
mod group;
mod id;
mod limits;
mod name;
mod ports;
mod priority;
mod protocol;
mod query;
mod rule;
mod serialize;
mod text;
mod validate;
mod value;

pub use access::{Access, AccessError, AdminAccess, Direction, DirectionError};
pub use address::{AddressItem, AddressSpec, ServiceTag};
pub use admin::{AdminRule, AdminRuleCollection, ManagerScope};
pub(crate) use draft::is_expression;
#[cfg(feature = "azure")]
pub(crate) use draft::{
    AddressForm, Log, Spot, read_address, read_choice, read_port, read_priority_in, read_protocol,
};
pub use draft::{Field, Mode, RuleDraft, SideDraft, Written};
pub use flow::{Flow, FlowError};
pub use group::{SecurityGroup, default_rules};
pub use id::ResourceId;
pub use limits::Limits;
pub use name::{RuleName, RuleNameError};
pub use ports::PortSpec;
pub use priority::{Priority, PriorityError};
pub use protocol::{ProtocolSpec, ProtocolSpecError};
pub use query::{Endpoint, Query, QueryError};
pub use rule::SecurityRule;
pub use text::RuleTextError;
pub use validate::validate_group;
pub use value::{UnknownValue, Value};
