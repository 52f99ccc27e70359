//! Virtual networks, subnets and peerings (S10.25 to S10.27).

use super::group;
use super::json::Node;
use super::part::Part;
use super::read::{Stage, segments};
use super::view::{View, unreadable};
use crate::model::{ResourceId, UnknownValue, Value, is_expression};
use crate::network::{Peering, PeeringState, PrivateEndpointPolicies, Subnet, VirtualNetwork};
use crate::report::{Code, Finding};

pub(super) fn read(stage: &mut Stage, view: &View<'_, '_>, id: ResourceId) {
    let findings = &mut stage.findings;
    let mut network = VirtualNetwork::new(id);
    network.origin = view.at.clone().into();
    (network.address_space, network.unknown_address_space) =
        match view.object("addressSpace", findings) {
            Some(space) => space.prefixes(&["addressPrefixes"], findings),
            None => (Vec::new(), view.unread("addressSpace").into_iter().collect()),
        };
    network.flow_timeout_minutes = match view.node("flowTimeoutInMinutes") {
        Some(Node::Number(minutes)) => minutes.as_u64().and_then(|minutes| minutes.try_into().ok()),
        _ => None,
    };
    let (peerings, unknown) = view.split_objects("virtualNetworkPeerings", findings);
    network.peerings = peerings.iter().map(|peering| read_peering(stage, peering)).collect();
    network.unknown_peerings = unknown;
    let (subnets, unknown) = view.split_objects("subnets", &mut stage.findings);
    network.unknown_subnets = unknown;
    for subnet in subnets {
        let own_id = subnet.own_text("id").filter(|id| !is_expression(id)).map(ResourceId::new);
        let id = own_id.or_else(|| {
            let name = segments(subnet.own_text("name")?).pop()?;
            Some(network.id.child("subnets", &name))
        });
        match id {
            Some(_) if is_reference(&subnet) => note_reference(stage, &subnet),
            Some(id) => network.subnets.push(read_subnet(stage, &subnet, id)),
            None => {
                let message = "the subnet has neither an id nor a name, and is passed over";
                stage.report(Code::InvalidField, &subnet.at, message);
                network.unknown_subnets.push(UnknownValue::new("(no name)"));
            }
        }
    }
    stage.parts.push(Part::VirtualNetwork(network));
}

pub(super) fn read_child_subnet(stage: &mut Stage, view: &View<'_, '_>, id: ResourceId) {
    let Some(network) = id.parent() else {
        let message = format!("the id `{id}` of the subnet does not tell its virtual network");
        return stage.report(Code::InvalidField, &view.at, message);
    };
    if is_reference(view) {
        return note_reference(stage, view);
    }
    let subnet = read_subnet(stage, view, id);
    stage.parts.push(Part::Subnet { network, subnet });
}

/// Reads a subnet that another resource holds where only its id is needed, if it is there whole.
pub(super) fn read_embedded_subnet(stage: &mut Stage, view: &View<'_, '_>, name: &str) {
    let Some(subnet) = view.object(name, &mut Vec::new()) else { return };
    if let Some(id) = subnet.own_text("id")
        && (subnet.has("addressPrefix") || subnet.has_list("addressPrefixes"))
    {
        read_child_subnet(stage, &subnet, ResourceId::new(id));
    }
}

pub(super) fn read_child_peering(stage: &mut Stage, view: &View<'_, '_>, id: &ResourceId) {
    let Some(network) = id.parent() else {
        let message = format!("the id `{id}` of the peering does not tell its virtual network");
        return stage.report(Code::InvalidField, &view.at, message);
    };
    let peering = read_peering(stage, view);
    stage.parts.push(Part::Peering { network, peering });
}

fn is_reference(subnet: &View<'_, '_>) -> bool {
    subnet.is_reference(&["properties", "addressPrefix", "addressPrefixes", "networkSecurityGroup"])
}

fn note_reference(stage: &mut Stage, subnet: &View<'_, '_>) {
    stage.note_reference(&subnet.at, "subnet has no properties");
}

fn read_subnet(stage: &mut Stage, view: &View<'_, '_>, id: ResourceId) -> Subnet {
    group::read_embedded(stage, view, "networkSecurityGroup");
    let findings = &mut stage.findings;
    let mut subnet = Subnet::new(id);
    subnet.origin = view.at.clone().into();
    // Azure fills the list where there are several and the text where there is one.
    (subnet.prefixes, subnet.unknown_prefixes) =
        view.prefixes(&["addressPrefixes", "addressPrefix"], findings);
    subnet.security_group = view.link("networkSecurityGroup", findings);
    subnet.route_table = view.link("routeTable", findings);
    subnet.private_endpoint_policies = read_policies(view, findings);
    let (delegations, unknown) = view.split_objects("delegations", findings);
    subnet.unknown_delegations = unknown;
    for delegation in delegations {
        match delegation.text("serviceName", findings) {
            Some(name) if !is_expression(name) => subnet.delegations.push(name.to_owned()),
            other => {
                let text = other.unwrap_or("(missing)");
                subnet.unknown_delegations.push(UnknownValue::new(text));
            }
        }
    }
    subnet
}

/// Which network policies hold for private endpoints (S3.33).
fn read_policies(
    view: &View<'_, '_>,
    findings: &mut Vec<Finding>,
) -> Option<Value<PrivateEndpointPolicies>> {
    const NAME: &str = "privateEndpointNetworkPolicies";
    let known = [
        ("Disabled", PrivateEndpointPolicies::Disabled),
        ("RouteTableEnabled", PrivateEndpointPolicies::Disabled),
        ("Enabled", PrivateEndpointPolicies::SecurityGroup),
        ("NetworkSecurityGroupEnabled", PrivateEndpointPolicies::SecurityGroup),
    ];
    let Some(text) = view.text(NAME, findings) else {
        return view.unread_text(NAME).map(Value::Unknown);
    };
    let read = known.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    if read.is_none() {
        findings.push(unreadable(view.at.child(NAME), text, "a network policy"));
    }
    Some(read.map_or_else(
        || Value::Unknown(UnknownValue::new(text)),
        |(_, policies)| Value::Known(*policies),
    ))
}

fn read_peering(stage: &mut Stage, view: &View<'_, '_>) -> Peering {
    let findings = &mut stage.findings;
    let name = view.own_text("name").and_then(|name| segments(name).pop()).unwrap_or_default();
    let mut peering = Peering::new(name, view.link("remoteVirtualNetwork", findings));
    peering.origin = view.at.clone().into();
    // The first is what this side last synchronised, the second what the other side has now.
    for space in ["remoteVirtualNetworkAddressSpace", "remoteAddressSpace"] {
        let (known, unknown) = match view.object(space, findings) {
            Some(space) => space.prefixes(&["addressPrefixes"], findings),
            None => (Vec::new(), view.unread(space).into_iter().collect()),
        };
        if !known.is_empty() || !unknown.is_empty() {
            peering.remote_address_space = known;
            peering.unknown_remote_address_space = unknown;
            break;
        }
    }
    peering.state = match view.text("peeringState", findings) {
        Some(state) if state.eq_ignore_ascii_case("Connected") => PeeringState::Connected,
        Some(state) if state.eq_ignore_ascii_case("Disconnected") => PeeringState::Disconnected,
        Some(state) if state.eq_ignore_ascii_case("Initiated") => PeeringState::Initiated,
        None if !view.has("peeringState") => PeeringState::Unstated,
        _ => PeeringState::Unknown,
    };
    if stage.condition.is_some() {
        peering.state = PeeringState::Unknown;
    }
    peering.allow_virtual_network_access =
        view.known_flag("allowVirtualNetworkAccess", true, findings);
    peering.use_remote_gateways = view.known_flag("useRemoteGateways", false, findings);
    peering.complete = view.known_flag("peerCompleteVnets", true, findings);
    let mut names = |member: &str| {
        let mut known = Vec::new();
        for name in view.names(member, findings) {
            match name {
                Value::Known(name) => known.push(name),
                Value::Unknown(text) => peering.unknown_subnets.push(text),
            }
        }
        known
    };
    (peering.local_subnets, peering.remote_subnets) =
        (names("localSubnetNames"), names("remoteSubnetNames"));
    peering
}
