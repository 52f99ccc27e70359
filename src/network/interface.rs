//! Network interfaces, the machines behind them, and the addresses in front of them (S10.28).

use std::net::IpAddr;

use crate::model::{ResourceId, ServiceTag, UnknownValue};
use crate::net::Prefix;
use crate::report::Origin;

use super::Link;

/// A network interface (NIC).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct NetworkInterface {
    /// Its id; the last segment is its name.
    pub id: ResourceId,
    /// The security group on it; none means that everything passes (S3.11).
    pub security_group: Option<Link>,
    /// The virtual machine it belongs to.
    pub virtual_machine: Option<Link>,
    /// Whether it is the primary one of its machine, where that is said.
    pub primary: Option<bool>,
    /// The private endpoint it belongs to, whose rules are others (S3.33).
    pub private_endpoint: Option<Link>,
    /// Its IP configurations.
    pub ip_configurations: Vec<IpConfiguration>,
    /// IP configurations that could not be read: any address, in any application security group.
    pub unknown_ip_configurations: Vec<UnknownValue>,
    /// Contents of service tags as Azure expanded them for this interface (S8.20).
    pub tag_contents: Vec<TagContents>,
    /// Whether TCP state tracking is off; a note, without effect on verdicts (S3.30).
    pub disable_tcp_state_tracking: bool,
    /// Where it was read.
    pub origin: Origin,
}

impl NetworkInterface {
    /// An interface with nothing on it.
    pub fn new(id: ResourceId) -> Self {
        Self {
            id,
            security_group: None,
            virtual_machine: None,
            primary: None,
            private_endpoint: None,
            ip_configurations: Vec::new(),
            unknown_ip_configurations: Vec::new(),
            tag_contents: Vec::new(),
            disable_tcp_state_tracking: false,
            origin: Origin::default(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.id.name()
    }

    /// Its private addresses, the primary one first.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        let primary = self.ip_configurations.iter().filter(|configuration| configuration.primary);
        let others = self.ip_configurations.iter().filter(|configuration| !configuration.primary);
        primary.chain(others).filter_map(|configuration| configuration.private_address)
    }
}

/// One IP configuration of a network interface.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct IpConfiguration {
    /// Its name.
    pub name: String,
    /// Its private address, where assigned and known.
    pub private_address: Option<IpAddr>,
    /// The whole block, where a block is assigned rather than one address.
    pub private_prefix: Option<Prefix>,
    /// The subnet it is in.
    pub subnet: Option<Link>,
    /// The public address in front of it.
    pub public_address: Option<Link>,
    /// Whether it is the primary one.
    pub primary: bool,
    /// The application security groups it is a member of (S1.47).
    pub application_security_groups: Vec<Link>,
}

impl IpConfiguration {
    /// A configuration with this address in this subnet.
    pub fn new(name: impl Into<String>, address: Option<IpAddr>, subnet: Option<Link>) -> Self {
        Self {
            name: name.into(),
            private_address: address,
            private_prefix: None,
            subnet,
            public_address: None,
            primary: false,
            application_security_groups: Vec::new(),
        }
    }
}

/// The prefixes of one service tag, as an effective-security-rules answer expanded it (S8.20).
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a tag and its contents are all there is")]
pub struct TagContents {
    /// The tag.
    pub tag: ServiceTag,
    /// What it held.
    pub prefixes: Vec<Prefix>,
}

/// A virtual machine.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct VirtualMachine {
    /// Its id; the last segment is its name.
    pub id: ResourceId,
    /// Its network interfaces.
    pub network_interfaces: Vec<Link>,
    /// Whether the first of them is said to be the primary one.
    pub first_is_primary: bool,
    /// Where it was read.
    pub origin: Origin,
}

impl VirtualMachine {
    /// A machine without interfaces.
    pub fn new(id: ResourceId) -> Self {
        Self {
            id,
            network_interfaces: Vec::new(),
            first_is_primary: false,
            origin: Origin::default(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.id.name()
    }
}

/// An application security group; its members name it (S1.46).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ApplicationSecurityGroup {
    /// Its id; the last segment is its name.
    pub id: ResourceId,
    /// The Azure region, where known.
    pub region: Option<String>,
    /// Where it was read.
    pub origin: Origin,
}

impl ApplicationSecurityGroup {
    /// The group with this id.
    pub fn new(id: ResourceId) -> Self {
        Self { id, region: None, origin: Origin::default() }
    }
}

/// A public IP address resource.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct PublicIpAddress {
    /// Its id; the last segment is its name.
    pub id: ResourceId,
    /// The address, where assigned and known.
    pub address: Option<IpAddr>,
    /// Where it was read.
    pub origin: Origin,
}

impl PublicIpAddress {
    /// The resource with this id.
    pub fn new(id: ResourceId, address: Option<IpAddr>) -> Self {
        Self { id, address, origin: Origin::default() }
    }
}

/// A private endpoint: an address of a subnet that stands for a service (S3.33 to S3.35).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct PrivateEndpoint {
    /// Its id; the last segment is its name.
    pub id: ResourceId,
    /// The subnet it is in.
    pub subnet: Option<Link>,
    /// Its addresses, as far as the input tells.
    pub addresses: Vec<IpAddr>,
    /// Addresses that could not be read.
    pub unknown_addresses: Vec<UnknownValue>,
    /// Its network interfaces.
    pub network_interfaces: Vec<Link>,
    /// The application security groups it is a member of (S1.50).
    pub application_security_groups: Vec<Link>,
    /// Where it was read.
    pub origin: Origin,
}

impl PrivateEndpoint {
    /// An endpoint in this subnet.
    pub fn new(id: ResourceId, subnet: Option<Link>) -> Self {
        Self {
            id,
            subnet,
            addresses: Vec::new(),
            unknown_addresses: Vec::new(),
            network_interfaces: Vec::new(),
            application_security_groups: Vec::new(),
            origin: Origin::default(),
        }
    }
}
