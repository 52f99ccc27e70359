//! Azure Bastion hosts (S10.30).

use std::fmt;

use crate::model::ResourceId;
use crate::net::Prefix;
use crate::report::Origin;

use super::Link;

/// An Azure Bastion host.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct BastionHost {
    /// Its id; the last segment is its name.
    pub id: ResourceId,
    /// What it can do.
    pub sku: BastionSku,
    /// Its subnet; a Developer host has none (S7.8).
    pub subnet: Option<Link>,
    /// Its public address; a private-only host has none (S7.10).
    pub public_address: Option<Link>,
    /// The virtual network a Developer host serves (S7.8).
    pub virtual_network: Option<Link>,
    /// The client addresses a Developer host admits; empty means any.
    pub client_prefixes: Vec<Prefix>,
    /// Whether it connects to any private address (S7.9).
    pub ip_connect: bool,
    /// Whether native clients may tunnel (S7.9).
    pub tunneling: bool,
    /// Whether sessions may be shared by link.
    pub shareable_link: bool,
    /// Whether it has no public address by design (S7.10).
    pub private_only: bool,
    /// Where it was read.
    pub origin: Origin,
}

impl BastionHost {
    /// A host of this SKU with nothing else known.
    pub fn new(id: ResourceId, sku: BastionSku) -> Self {
        Self {
            id,
            sku,
            subnet: None,
            public_address: None,
            virtual_network: None,
            client_prefixes: Vec::new(),
            ip_connect: false,
            tunneling: false,
            shareable_link: false,
            private_only: false,
            origin: Origin::default(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.id.name()
    }
}

/// The tier of a Bastion host, ascending in what it can do (S7.7).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum BastionSku {
    /// Shared hosts, no subnet of its own (S7.8).
    Developer,
    /// Dedicated hosts, ports 22 and 3389 only. Azure's default.
    Basic,
    /// Custom ports, native client, IP-based connection.
    Standard,
    /// Private-only deployment and session recording.
    Premium,
}

impl BastionSku {
    /// The SKU of this name in any case, or `None`.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Developer, Self::Basic, Self::Standard, Self::Premium]
            .into_iter()
            .find(|sku| sku.to_string().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for BastionSku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Developer => "Developer",
            Self::Basic => "Basic",
            Self::Standard => "Standard",
            Self::Premium => "Premium",
        })
    }
}
