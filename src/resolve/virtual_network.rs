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
            let here = self.parts(virtual_network, Some(subnet));
            return here.into_iter().chain(self.routes(subnet)).collect();
        }
        let not_there = Contents::unknown(Unresolved::Subnet(id.clone()));
        let parent = id.parent().and_then(|id| self.index.virtual_network(self.network, &id));
        match parent {
            Some(parent) => self.parts(parent, None).into_iter().chain([not_there]).collect(),
            None => self.nowhere(not_there),
        }
    }

    /// The tag in a virtual network at a subnet without a route table.
    pub(super) fn virtual_network(&self, virtual_network: &VirtualNetwork) -> Contents {
        self.parts(virtual_network, None).into_iter().collect()
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
        if peering.allow_virtual_network_access == Value::Known(false) {
            return Joined::No;
        }
        let open = if peering.allow_virtual_network_access.known().is_some() {
            Joined::Yes
        } else {
            Joined::Unknown
        };
        match peering.state {
            PeeringState::Connected => open,
            PeeringState::Disconnected | PeeringState::Initiated => Joined::No,
            PeeringState::Unknown => Joined::Unknown,
            PeeringState::Unstated => {
                let remote = self.remote(peering);
                let is_back = |back: &Peering| {
                    let id = back.remote.as_ref().and_then(Value::known);
                    let works = [PeeringState::Connected, PeeringState::Unstated];
                    id == Some(&of.id) && works.contains(&back.state)
                };
                let has_one_back = remote.is_some_and(|remote| remote.peerings.iter().any(is_back));
                if has_one_back { open } else { Joined::Unknown }
            }
        }
    }

    /// What the tag holds at a subnet, or at any that has no facts of its own.
    fn parts(&self, of: &VirtualNetwork, subnet: Option<&Subnet>) -> Vec<Contents> {
        let peerings: Vec<(&Peering, Joined)> = of
            .peerings
            .iter()
            .map(|peering| (peering, self.joined_at(of, peering, subnet)))
            .filter(|(_, joined)| *joined != Joined::No)
            .collect();
        let mut parts = vec![self.everywhere()];
        if of.address_space.is_empty() && !self.extra().is_empty() {
            // What the caller gave stands in for what the input does not tell (S4.7).
            parts.extend(of.subnets.iter().map(|subnet| prefixes(&subnet.prefixes)));
        } else {
            parts.push(self.address_space(of));
        }
        parts.extend(peerings.iter().map(|(peering, joined)| self.peer(of, peering, *joined)));
        let unknown = of.unknown_peerings.iter().cloned().map(Unresolved::Value);
        parts.extend(unknown.map(Contents::unknown));
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

    /// What a peering adds that joins, or may. Peering is not transitive: the peers of a peer add
    /// nothing (S4.5).
    fn peer(&self, of: &VirtualNetwork, peering: &Peering, joined: Joined) -> Contents {
        let unresolved = || Unresolved::Peering(peering_id(of, peering));
        let space = self.peer_space(peering, unresolved);
        if joined == Joined::Yes {
            return space;
        }
        Contents::unknown_within(space.possible, unresolved())
    }

    /// Whether a peering of `of` joins it with another for this subnet of it (S4.5).
    fn joined_at(&self, of: &VirtualNetwork, peering: &Peering, subnet: Option<&Subnet>) -> Joined {
        match (self.joined(of, peering), subnet.map_or(Some(true), |one| peering.holds_for(one))) {
            (Joined::No, _) | (_, Some(false)) => Joined::No,
            (Joined::Yes, Some(true)) => Joined::Yes,
            _ => Joined::Unknown,
        }
    }

    fn peer_space(&self, peering: &Peering, unresolved: impl Fn() -> Unresolved) -> Contents {
        let unread = peering.unknown_remote_address_space.iter().cloned().map(Unresolved::Value);
        let recorded = [prefixes(&peering.remote_address_space)].into_iter();
        let recorded: Contents = recorded.chain(unread.map(Contents::unknown)).collect();
        let whole = match (self.remote(peering), &peering.remote) {
            (Some(remote), _) => self.address_space(remote),
            (None, _) if !recorded.possible.is_empty() => recorded,
            (None, Some(Value::Known(id))) => {
                Contents::unknown(Unresolved::VirtualNetwork(id.clone()))
            }
            (None, Some(Value::Unknown(text))) => {
                Contents::unknown(Unresolved::Value(text.clone()))
            }
            (None, None) => Contents::unknown(unresolved()),
        };
        match peering.complete.known() {
            Some(true) => return whole,
            None => return Contents::unknown_within(whole.possible, unresolved()),
            Some(false) => {}
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
        let others = peering.unknown_subnets.iter().cloned().map(Unresolved::Value);
        let others = others.map(|reason| Contents::unknown_within(whole.possible.clone(), reason));
        peering.remote_subnets.iter().map(subnet).chain(others).collect()
    }

    /// The prefixes that a gateway of this network or of a peer learns (S4.1, S4.6) are in no
    /// export. They are taken to be private, and the caller's prefixes to be all of them.
    fn gateways(&self, of: &VirtualNetwork, peerings: &[(&Peering, Joined)]) -> Option<Contents> {
        let own =
            of.subnets.iter().find(|subnet| subnet.name().eq_ignore_ascii_case("GatewaySubnet"));
        let of_peer = peerings
            .iter()
            .map(|(peering, _)| peering)
            .find(|peering| peering.use_remote_gateways != Value::Known(false));
        let unread = of.unknown_subnets.iter().cloned();
        let may_be_one = unread.chain(of.subnets.iter().filter_map(Subnet::unknown_name)).next();
        let reason = match (own, of_peer, may_be_one) {
            (_, Some(peering), _) => {
                let remote = peering.remote.as_ref().and_then(Value::known);
                Unresolved::Gateway(remote.cloned().unwrap_or_else(|| peering_id(of, peering)))
            }
            (Some(_), None, _) => Unresolved::Gateway(of.id.clone()),
            (None, None, Some(text)) => Unresolved::Value(text),
            (None, None, None) => return None,
        };
        let private = self.tags.public_addresses().complement();
        self.extra().is_empty().then(|| Contents::unknown_within(private, reason))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ServiceTag, UnknownValue};
    use crate::network::testing::{id, network};
    use crate::network::{NextHop, Route, RouteTable};

    fn tag(network: Network, place: &str) -> Contents {
        let topology = network.bind(ServiceTags::built_in());
        topology.names_at(&id(place)).tag_contents(&ServiceTag::virtual_network())
    }

    #[track_caller]
    fn holds(network: Network, expected: &str) {
        let contents = tag(network, "hub/app");
        assert_eq!(contents.known.to_string(), expected);
        assert_eq!(contents.unknown, []);
        assert_eq!(contents.known, contents.possible);
    }

    #[track_caller]
    fn lacks(network: Network, known: &str, reason: Unresolved) -> Contents {
        let contents = tag(network, "hub/app");
        assert_eq!(contents.known.to_string(), known);
        assert_eq!(contents.unknown, [reason]);
        contents
    }

    const HUB: &str = "10.0.0.0/16, 168.63.129.16/32";
    const BOTH: &str = "10.0.0.0/15, 168.63.129.16/32";

    fn hub() -> Network {
        network(&[("hub", "10.0.0.0/16"), ("spoke", "10.1.0.0/16"), ("far", "10.2.0.0/16")])
            .with_subnet("hub/app", "10.0.0.0/24")
            .with_subnet("hub/other", "10.0.1.0/24")
    }

    fn hub_peered() -> Network {
        hub().with_peering("hub", "spoke")
    }

    /// S4.1, S4.2, S4.8: the space and the host address; neither 169.254.169.254 nor RFC 1918.
    #[test]
    fn a_plain_network_holds_its_space_and_the_host_address() {
        holds(hub(), HUB);
        let both_families =
            network(&[("hub", "10.1.0.0/24, fd00:1::/48")]).with_subnet("hub/app", "10.1.0.0/25");
        holds(both_families, "10.1.0.0/24, 168.63.129.16/32, fd00:1::/48");
    }

    /// S4.5.
    #[test]
    fn a_connected_peer_counts_and_the_peers_of_a_peer_do_not() {
        holds(hub_peered().with_peering("spoke", "far"), BOTH);
        for state in [PeeringState::Disconnected, PeeringState::Initiated] {
            let broken =
                hub_peered().with(|all| all.virtual_network_of("hub").peerings[0].state = state);
            holds(broken, HUB);
        }
        holds(
            hub_peered().with(|all| {
                all.virtual_network_of("hub").peerings[0].allow_virtual_network_access =
                    false.into();
            }),
            HUB,
        );
    }

    /// S4.5: a template has no states; with a peering back the two will be connected.
    #[test]
    fn a_peering_without_a_state_is_connected_when_there_is_one_back() {
        let unsaid = hub_peered()
            .with(|all| all.virtual_network_of("hub").peerings[0].state = PeeringState::Unstated);
        holds(unsaid.clone(), BOTH);
        let one_sided = unsaid.with(|all| all.virtual_network_of("spoke").peerings.clear());
        let reason = Unresolved::Peering(id("hub").child("virtualNetworkPeerings", "to-spoke"));
        let contents = lacks(one_sided, HUB, reason);
        assert!(contents.possible.contains("10.1.0.4".parse().unwrap()));
        assert!(!contents.possible.contains("10.2.0.4".parse().unwrap()));
    }

    /// S4.5: a peer outside the input is known by what the peering records of it.
    #[test]
    fn a_peer_outside_the_input_is_recorded_or_unknown() {
        let gone =
            hub_peered().with(|all| all.virtual_networks.retain(|one| one.name() != "spoke"));
        let recorded = gone.clone().with(|all| {
            all.virtual_network_of("hub").peerings[0]
                .remote_address_space
                .push("10.1.0.0/16".parse().unwrap());
        });
        holds(recorded, BOTH);
        let contents = lacks(gone, HUB, Unresolved::VirtualNetwork(id("spoke")));
        assert!(contents.possible.is_full());
    }

    /// S4.5: subnet peering.
    #[test]
    fn only_the_named_subnets_of_a_partial_peering_count() {
        let partial = hub_peered().with_subnet("spoke/db", "10.1.7.0/24").with(|all| {
            let peering = &mut all.virtual_network_of("hub").peerings[0];
            peering.complete = false.into();
            peering.remote_subnets = vec!["DB".to_owned()];
            peering.local_subnets = vec!["app".to_owned()];
        });
        holds(partial.clone(), "10.0.0.0/16, 10.1.7.0/24, 168.63.129.16/32");
        assert_eq!(tag(partial.clone(), "hub/other").known.to_string(), HUB);
        let misnamed = partial.with(|all| {
            all.virtual_network_of("hub").peerings[0].remote_subnets = vec!["gone".to_owned()];
        });
        let reason = Unresolved::Peering(id("hub").child("virtualNetworkPeerings", "to-spoke"));
        assert!(!lacks(misnamed, HUB, reason).possible.is_full());
    }

    /// S4.3, S4.4: routes to appliances, gateways and the network count, others do not, and only
    /// at the subnet that has the table.
    #[test]
    fn routes_widen_the_tag_of_their_own_subnet() {
        for hop in [NextHop::VirtualAppliance, NextHop::VirtualNetworkGateway, NextHop::VnetLocal] {
            let routed = hub().with_route("hub/app", "0.0.0.0/0", hop);
            assert_eq!(tag(routed.clone(), "hub/other").known.to_string(), HUB);
            holds(routed, "0.0.0.0/0");
        }
        for hop in [NextHop::Internet, NextHop::None] {
            holds(hub().with_route("hub/app", "0.0.0.0/0", hop), HUB);
        }
        holds(
            hub().with_route("hub/app", "172.16.0.0/12", NextHop::VirtualAppliance),
            "10.0.0.0/16, 168.63.129.16/32, 172.16.0.0/12",
        );
    }

    /// S4.4 with S10.29: a route may name a service tag.
    #[test]
    fn a_route_to_a_tag_adds_its_contents_where_they_are_known() {
        let routed = hub().with(|all| {
            let mut table = RouteTable::new(id("routes"));
            let storage = RouteDestination::Tag(ServiceTag::new("Storage"));
            table.routes.push(Route::new("route", storage, NextHop::VirtualAppliance));
            all.subnet_called("hub/app").route_table = Some(table.id.clone().into());
            all.route_tables.push(table);
        });
        lacks(routed.clone(), HUB, Unresolved::ServiceTag(ServiceTag::new("Storage")));
        let block: AddressSet = "20.1.0.0/16".parse::<Prefix>().unwrap().into();
        let tags = ServiceTags::new([(ServiceTag::new("Storage"), block)], None, None);
        let names = routed.bind(tags).names_at(&id("hub/app"));
        let known = names.tag(&ServiceTag::virtual_network()).unwrap();
        assert!(known.contains("20.1.2.3".parse().unwrap()));
    }

    #[test]
    fn routes_that_cannot_be_read_leave_the_tag_open() {
        let dangling = hub().with(|all| {
            all.subnet_called("hub/app").route_table = Some(id("gone").into());
        });
        assert!(lacks(dangling, HUB, Unresolved::RouteTable(id("gone"))).possible.is_full());
        let text = UnknownValue::new("[variables('rt')]");
        let expression = hub().with(|all| {
            all.subnet_called("hub/app").route_table = Some(Value::Unknown(text.clone()));
        });
        lacks(expression, HUB, Unresolved::Value(text));
        let somewhere = hub().with_route("hub/app", "172.16.0.0/12", NextHop::Unknown);
        let contents = lacks(somewhere, HUB, Unresolved::RouteTable(id("routes")));
        assert!(!contents.possible.contains("192.168.0.1".parse().unwrap()));
    }

    /// S4.1, S4.6: what a gateway learns is in no export; the caller's prefixes settle it.
    #[test]
    fn prefixes_behind_a_gateway_are_unknown_but_private() {
        let through_peer = hub_peered().with(|all| {
            all.virtual_network_of("hub").peerings[0].use_remote_gateways = true.into();
        });
        let contents = lacks(through_peer.clone(), BOTH, Unresolved::Gateway(id("spoke")));
        assert!(contents.possible.contains("192.168.5.5".parse().unwrap()));
        assert!(!contents.possible.contains("8.8.8.8".parse().unwrap()));
        let own = hub().with_subnet("hub/GatewaySubnet", "10.0.255.0/27");
        lacks(own, HUB, Unresolved::Gateway(id("hub")));
        let perhaps = hub().with_subnet("hub/[parameters('name')]", "10.0.255.0/27");
        lacks(perhaps, HUB, Unresolved::Value(UnknownValue::new("[parameters('name')]")));
        let settled = through_peer
            .with(|all| all.extra_virtual_network_prefixes.push("192.168.0.0/16".parse().unwrap()));
        holds(settled, "10.0.0.0/15, 168.63.129.16/32, 192.168.0.0/16");
    }

    /// S4.7.
    #[test]
    fn the_callers_prefixes_stand_for_a_network_that_is_not_there() {
        let nothing = || hub().with(|all| all.virtual_networks.clear());
        let place = Unresolved::Subnet(id("hub/app"));
        lacks(nothing(), "168.63.129.16/32", place);
        holds(
            nothing().with(|all| {
                all.extra_virtual_network_prefixes.push("10.9.0.0/16".parse().unwrap());
            }),
            "10.9.0.0/16, 168.63.129.16/32",
        );
        holds(
            hub().with(|all| {
                all.extra_virtual_network_prefixes.push("10.9.0.0/16".parse().unwrap());
            }),
            "10.0.0.0/16, 10.9.0.0/16, 168.63.129.16/32",
        );
    }

    #[test]
    fn an_address_space_that_cannot_be_read_leaves_the_tag_open() {
        let text = UnknownValue::new("[parameters('space')]");
        let expression = hub().with(|all| {
            all.virtual_network_of("hub").unknown_address_space.push(text.clone());
        });
        lacks(expression, HUB, Unresolved::Value(text));
        let left_out = hub().with(|all| all.virtual_network_of("hub").address_space.clear());
        let subnets = "10.0.0.0/23, 168.63.129.16/32";
        lacks(left_out, subnets, Unresolved::VirtualNetwork(id("hub")));
    }
}
