//! Where security groups apply: virtual networks, subnets, network interfaces and what belongs to
//! them, as facts. Nothing here is computed; names are bound to addresses in
//! [`resolve`](crate::resolve), and gates are put in order in [`path`](crate::path).

mod bastion;
mod interface;
mod inventory;
mod link;
mod route;
#[cfg(test)]
pub(crate) mod testing;
mod validate;
mod virtual_network;

pub use bastion::{BastionHost, BastionSku};
pub use interface::{
    ApplicationSecurityGroup, IpConfiguration, NetworkInterface, PrivateEndpoint, PublicIpAddress,
    TagContents, VirtualMachine,
};
pub use inventory::{Network, NetworkGroup, Unlisted};
pub use link::Link;
pub use route::{NextHop, Route, RouteDestination, RouteTable};
pub use validate::validate_network;
pub use virtual_network::{Peering, PeeringState, PrivateEndpointPolicies, Subnet, VirtualNetwork};
