//! Pure values of IP networking, with no Azure in them: prefixes, ports, protocols, and sorted
//! sets of them with exact algebra.
//!
//! | type | is | sets of it |
//! |---|---|---|
//! | [`Prefix`] | an address block in CIDR form, host bits zero | [`AddressSet`] |
//! | [`Interval`] | `first..=last` over `u16`, `u32` or `u128` | [`RangeSet`] |
//! | [`PortSet`] | TCP or UDP ports | itself |
//! | [`Protocol`] | an IP protocol number | [`ProtocolSet`] |
//!
//! Lookups in a [`RangeSet`] of `n` ranges take `O(log n)`, set operations `O(n + m)`.

mod address;
mod port;
mod prefix;
mod protocol;
mod range;

pub use address::AddressSet;
pub use port::{PortSet, PortSetError};
pub use prefix::{Prefix, PrefixError, parse_address};
pub use protocol::{Protocol, ProtocolError, ProtocolSet};
pub use range::{Coordinate, Interval, RangeSet};
