//! Route tables, as facts (S10.29): this crate does not simulate routing.

use crate::model::{ResourceId, ServiceTag, UnknownValue};
use crate::net::Prefix;
use crate::report::Origin;

/// A route table.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct RouteTable {
    /// Its id; the last segment is its name.
    pub id: ResourceId,
    /// Its routes.
    pub routes: Vec<Route>,
    /// Where it was read.
    pub origin: Origin,
}

impl RouteTable {
    /// A table without routes.
    pub fn new(id: ResourceId) -> Self {
        Self { id, routes: Vec::new(), origin: Origin::default() }
    }
}

/// One user-defined route.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Route {
    /// Its name.
    pub name: String,
    /// The addresses it applies to.
    pub destination: RouteDestination,
    /// Where it sends them.
    pub next_hop: NextHop,
}

impl Route {
    /// A route.
    pub fn new(name: impl Into<String>, destination: RouteDestination, next_hop: NextHop) -> Self {
        Self { name: name.into(), destination, next_hop }
    }

    /// Stands for any number of routes of which nothing is known but the text in their place.
    pub fn unknown(text: UnknownValue) -> Self {
        Self::new("(unknown)", RouteDestination::Unknown(text), NextHop::Unknown)
    }
}

/// The addresses a route applies to.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RouteDestination {
    /// A block of addresses.
    Prefix(Prefix),
    /// A service tag.
    Tag(ServiceTag),
    /// Something that could not be read.
    Unknown(UnknownValue),
}

/// Where a route sends packets.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum NextHop {
    /// Straight to the Internet.
    Internet,
    /// Nowhere: the packet is dropped.
    None,
    /// The input does not say, or says something else.
    Unknown,
    /// A forwarding machine.
    VirtualAppliance,
    /// A VPN or ExpressRoute gateway.
    VirtualNetworkGateway,
    /// The virtual network itself.
    VnetLocal,
}

impl NextHop {
    /// Whether the route's prefix becomes part of the `VirtualNetwork` tag (S4.4).
    pub fn extends_virtual_network(self) -> bool {
        matches!(self, Self::VirtualAppliance | Self::VirtualNetworkGateway | Self::VnetLocal)
    }
}
