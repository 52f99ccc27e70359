//! Causes that are no matter of security groups (end of SEMANTICS 7.4) and may stand in the way:
//! those that the topology hints at, and those that remain when no rule denies. What the topology
//! shows for certain is an [obstacle](super::obstacle).

use super::obstacle::{may_have_others, network_of_bastion, peering_with};
use super::question::Session;
use super::scene::Scene;
use crate::model::Value;
use crate::net::Prefix;
use crate::network::{NextHop, Peering, PeeringState, RouteDestination};

/// What may stand in the way beside what certainly does, and what remains where `nothing_denies`.
pub(super) fn other_causes(scene: &Scene<'_>, nothing_denies: bool) -> Vec<String> {
    let mut causes = Vec::new();
    on_bastion_subnet(scene, &mut causes);
    between_networks(scene, &mut causes);
    if scene.is_outside() {
        causes.push(format!(
            "routes over VPN or ExpressRoute between the Bastion subnet and {}, and firewalls there",
            scene.address_text()
        ));
    }
    on_the_way_back(scene, &mut causes);
    if nothing_denies {
        causes.extend(beyond_the_network(scene));
    }
    causes
}

fn on_bastion_subnet(scene: &Scene<'_>, causes: &mut Vec<String>) {
    let Some((virtual_network, subnet)) = scene.bastion.place else { return };
    let is_small = |prefix: &&Prefix| prefix.is_ipv4() && prefix.length() > 26;
    if let Some(prefix) = subnet.prefixes.iter().find(is_small) {
        causes.push(format!(
            "the Bastion subnet {prefix} is smaller than /26, which only deployments older than November 2021 may be"
        ));
    }
    let has_gateway =
        virtual_network.subnets.iter().any(|one| one.name().eq_ignore_ascii_case("GatewaySubnet"));
    let uses_remote =
        virtual_network.peerings.iter().any(|one| one.use_remote_gateways != Value::Known(false));
    if has_gateway || uses_remote {
        causes.push(format!(
            "a default route advertised over the gateway of `{}` (forced tunnelling) breaks Bastion",
            virtual_network.name()
        ));
    }
}

fn between_networks(scene: &Scene<'_>, causes: &mut Vec<String>) {
    let Some((here, _)) = scene.target.place else { return };
    let Some(there) = network_of_bastion(scene).filter(|there| there.id != here.id) else {
        return;
    };
    if scene.is_developer() {
        return;
    }
    let mut is_connected = true;
    for (from, to) in [(there, here), (here, there)] {
        let peering = peering_with(from, to);
        is_connected &= peering.is_some_and(|one| {
            one.state == PeeringState::Connected
                && one.allow_virtual_network_access != Value::Known(false)
        });
        if peering.is_none() && may_have_others(from) {
            causes.push(format!("not every peering of `{}` is known", from.name()));
        }
        let is_open = |one: &&Peering| {
            matches!(one.state, PeeringState::Unstated | PeeringState::Unknown)
                || one.allow_virtual_network_access.known().is_none()
        };
        if let Some(peering) = peering.filter(is_open) {
            causes.push(format!(
                "the state of peering `{}` of `{}` with `{}` is not known",
                peering.name,
                from.name(),
                to.name()
            ));
        }
    }
    if is_connected {
        causes.push(format!(
            "users need the Reader role on virtual network `{}` too, because it is a peered one",
            here.name()
        ));
    }
}

/// Routes at the machine's subnet that lead its replies somewhere else.
fn on_the_way_back(scene: &Scene<'_>, causes: &mut Vec<String>) {
    let Some((_, subnet)) = scene.target.place else { return };
    let table = subnet.route_table.as_ref().and_then(Value::known);
    let Some(table) = table.and_then(|id| scene.topology.route_table(id)) else { return };
    let leads_away = table.routes.iter().find(|route| {
        let covers = matches!(&route.destination, RouteDestination::Prefix(prefix)
            if prefix.length() > 0 && scene.bastion.addresses.prefixes().any(|own| prefix.covers(&own)));
        covers && matches!(route.next_hop, NextHop::VirtualAppliance | NextHop::None | NextHop::VirtualNetworkGateway)
    });
    if let Some(route) = leads_away {
        causes.push(format!(
            "route `{}` of table {} sends the machine's replies to Bastion elsewhere ({})",
            route.name,
            table.id.name(),
            match route.next_hop {
                NextHop::None => "they are dropped",
                NextHop::VirtualAppliance => "to an appliance, which saw no request",
                _ => "to a gateway",
            }
        ));
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
