//! What the `VirtualNetwork` tag holds at a subnet (S4.1 to S4.8).
//!
//! The tag is the widest and least visible of all: beside the address space of the network it
//! holds those of its peers, the prefixes behind gateways, the host address and every prefix of
//! a route that leads to an appliance. Each of them that the input cannot tell stays in the tag
//! as something unknown.

use std::net::{IpAddr, Ipv4Addr};

use super::topology::Index;
use super::{Contents, ServiceTags, Unresolved};
use crate::model::{ResourceId, Value};
use crate::net::{AddressSet, Prefix};
use crate::network::{
    Network, Peering, PeeringState, Route, RouteDestination, Subnet, VirtualNetwork,
};

/// The host virtual address, part of every `VirtualNetwork` tag (S4.1).
const HOST: IpAddr = IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16));

/// Computes the tag from the facts of one network.
pub(super) struct TagOf<'a> {
    pub(super) network: &'a Network,
    pub(super) index: &'a Index,
    pub(super) tags: &'a ServiceTags,
}

/// Whether a peering joins the two networks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Joined {
    Yes,
    No,
    Unknown,
}

impl TagOf<'_> {
    /// The tag at a subnet. The facts may lack the subnet or its whole virtual network.
    pub(super) fn subnet(&self, id: &ResourceId) -> Contents {
        if let Some((virtual_network, subnet)) = self.index.subnet(self.network, id) {
            let here = self.parts(virtual_network, |peering| peering.holds_for(subnet));
            return here.into_iter().chain(self.routes(subnet)).collect();
        }
        let not_there = Contents::unknown(Unresolved::Subnet(id.clone()));
        let parent = id.parent().and_then(|id| self.index.virtual_network(self.network, &id));
        match parent {
            Some(parent) => self.parts(parent, |_| true).into_iter().chain([not_there]).collect(),
            None => self.nowhere(not_there),
        }
    }

    /// The tag in a virtual network at a subnet without a route table.
    pub(super) fn virtual_network(&self, virtual_network: &VirtualNetwork) -> Contents {
        self.parts(virtual_network, |_| true).into_iter().collect()
    }

    /// The tag at a place whose virtual network is not among the facts: what the caller gave
    /// (S4.7), which is taken to be all, else unknown.
    pub(super) fn nowhere(&self, unknown: Contents) -> Contents {
        if self.extra().is_empty() {
            return [self.everywhere(), unknown].into_iter().collect();
        }
        self.everywhere()
    }

    /// The address space of a virtual network.
    pub(super) fn address_space(&self, of: &VirtualNetwork) -> Contents {
        let mut parts = vec![prefixes(&of.address_space)];
        for unknown in &of.unknown_address_space {
            parts.push(Contents::unknown(Unresolved::Value(unknown.clone())));
        }
        if of.address_space.is_empty() && of.unknown_address_space.is_empty() {
            // Azure knows no virtual network without one: the export left it out.
            parts.extend(of.subnets.iter().map(|subnet| prefixes(&subnet.prefixes)));
            parts.push(Contents::unknown(Unresolved::VirtualNetwork(of.id.clone())));
        }
        parts.into_iter().collect()
    }

    /// The address blocks of a subnet.
    pub(super) fn subnet_space(&self, of: &Subnet) -> Contents {
        let unknown = of.unknown_prefixes.iter().cloned().map(Unresolved::Value);
        [prefixes(&of.prefixes)].into_iter().chain(unknown.map(Contents::unknown)).collect()
    }

    /// Whether a peering of `of` joins it with the network at the other end (S4.5). A peering
    /// whose state the input does not say, as in a template, is connected when the other end
    /// has one back.
    pub(super) fn joined(&self, of: &VirtualNetwork, peering: &Peering) -> Joined {
        if !peering.allow_virtual_network_access {
            return Joined::No;
        }
        match peering.state {
            PeeringState::Connected => Joined::Yes,
            PeeringState::Disconnected | PeeringState::Initiated => Joined::No,
            PeeringState::Unknown => {
                let remote = self.remote(peering);
                let is_back = |back: &Peering| {
                    let id = back.remote.as_ref().and_then(Value::known);
                    let broken = [PeeringState::Disconnected, PeeringState::Initiated];
                    id == Some(&of.id) && !broken.contains(&back.state)
                };
                let has_one_back = remote.is_some_and(|remote| remote.peerings.iter().any(is_back));
                if has_one_back { Joined::Yes } else { Joined::Unknown }
            }
        }
    }

    fn parts(&self, of: &VirtualNetwork, holds: impl Fn(&Peering) -> bool) -> Vec<Contents> {
        let peerings: Vec<&Peering> = of.peerings.iter().filter(|one| holds(one)).collect();
        let mut parts = vec![self.everywhere()];
        if of.address_space.is_empty() && !self.extra().is_empty() {
            // What the caller gave stands in for what the input does not tell (S4.7).
            parts.extend(of.subnets.iter().map(|subnet| prefixes(&subnet.prefixes)));
        } else {
            parts.push(self.address_space(of));
        }
        parts.extend(peerings.iter().filter_map(|peering| self.peer(of, peering)));
        parts.extend(self.gateways(of, &peerings));
        parts
    }

    /// What every tag holds: the host address and the prefixes the caller adds.
    fn everywhere(&self) -> Contents {
        let extra = self.extra().iter().copied();
        Contents::known(extra.chain([Prefix::host(HOST)]).collect::<AddressSet>())
    }

    fn extra(&self) -> &[Prefix] {
        &self.network.extra_virtual_network_prefixes
    }

    fn remote(&self, peering: &Peering) -> Option<&VirtualNetwork> {
        self.index.virtual_network(self.network, peering.remote.as_ref()?.known()?)
    }

    /// What a peering adds, if anything. Peering is not transitive: the peers of a peer add
    /// nothing (S4.5).
    fn peer(&self, of: &VirtualNetwork, peering: &Peering) -> Option<Contents> {
        let unresolved = || Unresolved::Peering(peering_id(of, peering));
        match self.joined(of, peering) {
            Joined::No => None,
            Joined::Yes => Some(self.peer_space(peering, unresolved)),
            Joined::Unknown => {
                let space = self.peer_space(peering, unresolved);
                Some(Contents::unknown_within(space.possible, unresolved()))
            }
        }
    }

    fn peer_space(&self, peering: &Peering, unresolved: impl Fn() -> Unresolved) -> Contents {
        let recorded = prefixes(&peering.remote_address_space);
        let whole = match (self.remote(peering), &peering.remote) {
            (Some(remote), _) => self.address_space(remote),
            (None, _) if !recorded.known.is_empty() => recorded,
            (None, Some(Value::Known(id))) => {
                Contents::unknown(Unresolved::VirtualNetwork(id.clone()))
            }
            (None, Some(Value::Unknown(text))) => {
                Contents::unknown(Unresolved::Value(text.clone()))
            }
            (None, None) => Contents::unknown(unresolved()),
        };
        if peering.complete {
            return whole;
        }
        // Only the named subnets are peered; a name that cannot be looked up may be any part.
        let subnet = |name: &String| {
            let found = self.remote(peering).and_then(|remote| {
                remote.subnets.iter().find(|subnet| subnet.name().eq_ignore_ascii_case(name))
            });
            match found {
                Some(subnet) => self.subnet_space(subnet),
                None => Contents::unknown_within(whole.possible.clone(), unresolved()),
            }
        };
        peering.remote_subnets.iter().map(subnet).collect()
    }

    /// The prefixes that a gateway of this network or of a peer learns (S4.1, S4.6) are in no
    /// export. They are taken to be private, and the caller's prefixes to be all of them.
    fn gateways(&self, of: &VirtualNetwork, peerings: &[&Peering]) -> Option<Contents> {
        let own =
            of.subnets.iter().find(|subnet| subnet.name().eq_ignore_ascii_case("GatewaySubnet"));
        let of_peer = peerings
            .iter()
            .find(|peering| peering.use_remote_gateways && self.joined(of, peering) != Joined::No);
        let gateway_of = match (own, of_peer) {
            (_, Some(peering)) => {
                let remote = peering.remote.as_ref().and_then(Value::known);
                remote.cloned().unwrap_or_else(|| peering_id(of, peering))
            }
            (Some(_), None) => of.id.clone(),
            (None, None) => return None,
        };
        let private = self.tags.public_addresses().complement();
        let unknown = Contents::unknown_within(private, Unresolved::Gateway(gateway_of));
        self.extra().is_empty().then_some(unknown)
    }

    fn routes(&self, subnet: &Subnet) -> Vec<Contents> {
        let id = match &subnet.route_table {
            None => return Vec::new(),
            Some(Value::Unknown(text)) => {
                return vec![Contents::unknown(Unresolved::Value(text.clone()))];
            }
            Some(Value::Known(id)) => id,
        };
        match self.index.route_table(self.network, id) {
            Some(table) => table.routes.iter().filter_map(|route| self.route(id, route)).collect(),
            None => vec![Contents::unknown(Unresolved::RouteTable(id.clone()))],
        }
    }

    fn route(&self, table: &ResourceId, route: &Route) -> Option<Contents> {
        use crate::network::NextHop;
        let is_unknown = route.next_hop == NextHop::Unknown;
        if !is_unknown && !route.next_hop.extends_virtual_network() {
            return None;
        }
        let contents = match &route.destination {
            RouteDestination::Prefix(prefix) => prefixes(&[*prefix]),
            RouteDestination::Tag(tag) => match self.tags.addresses(tag) {
                Some(addresses) => Contents::known(addresses),
                None => Contents::unknown(Unresolved::ServiceTag(tag.clone())),
            },
            RouteDestination::Unknown(text) => Contents::unknown(Unresolved::Value(text.clone())),
        };
        if is_unknown {
            let reason = Unresolved::RouteTable(table.clone());
            return Some(Contents::unknown_within(contents.possible, reason));
        }
        Some(contents)
    }
}

fn prefixes(prefixes: &[Prefix]) -> Contents {
    Contents::known(prefixes.iter().copied().collect::<AddressSet>())
}

fn peering_id(of: &VirtualNetwork, peering: &Peering) -> ResourceId {
    of.id.child("virtualNetworkPeerings", &peering.name)
}
