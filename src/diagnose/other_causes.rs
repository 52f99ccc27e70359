//! Causes that are no matter of security groups (end of SEMANTICS 7.4): those that the topology
//! shows, and those that remain possible when no rule denies.

use super::question::Session;
use super::scene::{Scene, network_of};
use crate::model::Value;
use crate::net::Prefix;
use crate::network::{BastionSku, NextHop, PeeringState, RouteDestination, Subnet, VirtualNetwork};

/// One cause outside of security groups.
pub(super) struct OtherCause {
    /// Whether the topology shows it to stand in the way.
    pub(super) is_certain: bool,
    pub(super) text: String,
}

/// What the topology shows, and what remains where `nothing_denies`.
pub(super) fn other_causes(scene: &Scene<'_>, nothing_denies: bool) -> Vec<OtherCause> {
    let mut causes = Vec::new();
    on_bastion_subnet(scene, &mut causes);
    between_networks(scene, &mut causes);
    of_the_sku(scene, &mut causes);
    on_the_way_back(scene, &mut causes);
    if nothing_denies {
        causes.extend(beyond_the_network(scene).into_iter().map(possible));
    }
    causes
}

fn certain(text: String) -> OtherCause {
    OtherCause { is_certain: true, text }
}

fn possible(text: String) -> OtherCause {
    OtherCause { is_certain: false, text }
}

fn on_bastion_subnet(scene: &Scene<'_>, causes: &mut Vec<OtherCause>) {
    let Some((virtual_network, subnet)) = scene.bastion.place else { return };
    if !subnet.is_bastion() {
        causes.push(certain(format!(
            "Bastion's subnet is called `{}`: it must be called {} exactly",
            subnet.name(),
            Subnet::BASTION
        )));
    }
    let is_small = |prefix: &&Prefix| prefix.is_ipv4() && prefix.length() > 26;
    if let Some(prefix) = subnet.prefixes.iter().find(is_small) {
        causes.push(possible(format!(
            "the Bastion subnet {prefix} is smaller than /26, which only deployments older than November 2021 may be"
        )));
    }
    if let Some(table) = &subnet.route_table {
        let name = table.known().map_or("an unknown table", |id| id.name());
        causes.push(certain(format!(
            "a route table ({name}) is on the Bastion subnet, which Bastion does not support"
        )));
    }
    let has_gateway =
        virtual_network.subnets.iter().any(|one| one.name().eq_ignore_ascii_case("GatewaySubnet"));
    let uses_remote = virtual_network.peerings.iter().any(|one| one.use_remote_gateways);
    if has_gateway || uses_remote {
        causes.push(possible(format!(
            "a default route advertised over the gateway of `{}` (forced tunnelling) breaks Bastion",
            virtual_network.name()
        )));
    }
}

fn between_networks(scene: &Scene<'_>, causes: &mut Vec<OtherCause>) {
    let Some((here, _)) = scene.target.place else { return };
    let place = scene.bastion.place.map(|(network, _)| network);
    let there = place.or_else(|| {
        let id = network_of(scene.bastion.host?)?;
        scene.topology.virtual_network(&id)
    });
    let Some(there) = there.filter(|there| there.id != here.id) else { return };
    if scene.is_developer() {
        causes.push(certain(format!(
            "a Developer host serves its own virtual network `{}` only, and the machine is in `{}`",
            there.name(),
            here.name()
        )));
        return;
    }
    for (from, to) in [(there, here), (here, there)] {
        causes.extend(peering(from, to));
    }
    if causes.iter().all(|cause| !cause.is_certain) {
        causes.push(possible(format!(
            "users need the Reader role on virtual network `{}` too, because it is a peered one",
            here.name()
        )));
    }
}

/// What is wrong with the peering that `from` has with `to`.
fn peering(from: &VirtualNetwork, to: &VirtualNetwork) -> Option<OtherCause> {
    let mut peerings = from.peerings.iter();
    let peering = peerings.find(|one| one.remote.as_ref().and_then(Value::known) == Some(&to.id));
    let Some(peering) = peering else {
        return Some(certain(format!("`{}` has no peering with `{}`", from.name(), to.name())));
    };
    let of = || format!("peering `{}` of `{}` with `{}`", peering.name, from.name(), to.name());
    match peering.state {
        PeeringState::Connected if !peering.allow_virtual_network_access => Some(certain(format!(
            "{} lets no traffic through: allowVirtualNetworkAccess is off",
            of()
        ))),
        PeeringState::Connected => None,
        PeeringState::Disconnected => Some(certain(format!("{} is disconnected", of()))),
        PeeringState::Initiated => {
            Some(certain(format!("{} is only initiated: the other side is missing", of())))
        }
        _ => Some(possible(format!("the state of {} is not known", of()))),
    }
}

fn of_the_sku(scene: &Scene<'_>, causes: &mut Vec<OtherCause>) {
    let Some(host) = scene.bastion.host else { return };
    let port = scene.question.port();
    let is_custom = !matches!(port, 22 | 3389);
    let crossed =
        matches!((scene.question.session, port), (Session::Ssh, 3389) | (Session::Rdp, 22));
    if host.sku < BastionSku::Standard && (is_custom || crossed) {
        causes.push(certain(format!(
            "{} on port {port} needs the Standard SKU or higher, and {} is {}",
            scene.question.session,
            host.name(),
            host.sku
        )));
    }
    if scene.is_outside() {
        if host.sku < BastionSku::Standard {
            causes.push(certain(format!(
                "connecting to an address needs the Standard SKU or higher, and {} is {}",
                host.name(),
                host.sku
            )));
        } else if !host.ip_connect {
            causes.push(certain(format!(
                "IP-based connection is off at {} (enableIpConnect)",
                host.name()
            )));
        }
        causes.push(possible(format!(
            "routes over VPN or ExpressRoute between the Bastion subnet and {}, and firewalls there",
            scene.address_text()
        )));
    }
    if host.private_only && host.sku < BastionSku::Premium {
        causes.push(certain(format!(
            "a private-only host needs the Premium SKU, and {} is {}",
            host.name(),
            host.sku
        )));
    }
}

/// Routes at the machine's subnet that lead its replies somewhere else.
fn on_the_way_back(scene: &Scene<'_>, causes: &mut Vec<OtherCause>) {
    let Some((_, subnet)) = scene.target.place else { return };
    let table = subnet.route_table.as_ref().and_then(Value::known);
    let Some(table) = table.and_then(|id| scene.topology.route_table(id)) else { return };
    let leads_away = table.routes.iter().find(|route| {
        let covers = matches!(&route.destination, RouteDestination::Prefix(prefix)
            if prefix.length() > 0 && scene.bastion.addresses.prefixes().any(|own| prefix.covers(&own)));
        covers && matches!(route.next_hop, NextHop::VirtualAppliance | NextHop::None | NextHop::VirtualNetworkGateway)
    });
    if let Some(route) = leads_away {
        causes.push(possible(format!(
            "route `{}` of table {} sends the machine's replies to Bastion elsewhere ({})",
            route.name,
            table.id.name(),
            match route.next_hop {
                NextHop::None => "they are dropped",
                NextHop::VirtualAppliance => "to an appliance, which saw no request",
                _ => "to a gateway",
            }
        )));
    }
}

fn beyond_the_network(scene: &Scene<'_>) -> Vec<String> {
    let listener = match scene.question.session {
        Session::Ssh => "sshd",
        Session::Rdp => "Remote Desktop",
    };
    let mut causes = vec![
        "the machine is stopped".to_owned(),
        format!(
            "{listener} does not listen on port {}, or a firewall in the guest blocks {}",
            scene.question.port(),
            scene
                .bastion
                .addresses
                .prefixes()
                .map(|one| one.to_string())
                .collect::<Vec<_>>()
                .join(", ")
        ),
        "the user lacks the Reader role on the machine, its network interface or the Bastion host"
            .to_owned(),
        "a firewall at the user's side blocks WebSockets (a black screen)".to_owned(),
    ];
    if scene.question.session == Session::Ssh {
        causes.push("the private key has the wrong format or the sign-in fails".to_owned());
    }
    if !scene.is_developer() {
        causes.push(
            "a private DNS zone linked to Bastion's virtual network hides one of Azure's names (management.azure.com, blob.core.windows.net, core.windows.net, vaultcore.windows.net, vault.azure.net, azure.com)"
                .to_owned(),
        );
    }
    causes
}
