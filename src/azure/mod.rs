//! Readers of what Azure prints: resources of its API, of its command line and of its templates,
//! effective security rules, and service-tag files.
//!
//! | shape | example |
//! |---|---|
//! | a resource, or a list of them in `value` or `resources` | `az rest`, an export, a template |
//! | the same flattened, in lists or not | `az network nsg list` |
//! | rules of groups on their own | `az network nsg rule list`, child resources of templates |
//! | effective security rules | `az network nic list-effective-nsg` |
//!
//! The shape of each input is detected, and all inputs of a [`Reader`] become one network. What
//! is wrong with an input is a [`Finding`](crate::report::Finding) with a JSON pointer; only a
//! document that is not JSON is an error. Unknown members are passed over.

mod admin;
mod assemble;
mod bastion;
mod document;
mod effective;
mod error;
mod group;
mod interface;
mod json;
mod kind;
mod link;
mod part;
mod read;
mod reader;
mod route;
mod service_tags;
mod text;
mod view;
mod virtual_network;

pub mod network_watcher;

pub use error::ReadError;
pub use reader::{Read, Reader, read};
pub use service_tags::read_service_tags;
