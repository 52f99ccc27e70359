//! The one shape of everything this crate reports about its input: a [`Finding`] has a stable
//! [`Code`], a [`Severity`], a message, and the [`Location`] it speaks of.

mod code;
mod finding;
mod location;
mod printable;

pub use code::{AzureCode, Code};
pub use finding::{Finding, Severity};
pub use location::{Location, Origin};
pub use printable::printable;
