//! Network interfaces, machines, and what else holds an address (S10.28).

use std::net::IpAddr;

use super::json::Node;
use super::part::Part;
use super::read::Stage;
use super::view::{Element, View, read_address, read_prefix, unreadable};
use super::{group, virtual_network};
use crate::model::{ResourceId, Value, is_expression};
use crate::net::{Prefix, parse_address};
use crate::network::{
    ApplicationSecurityGroup, IpConfiguration, NetworkInterface, PrivateEndpoint, PublicIpAddress,
    VirtualMachine,
};
use crate::report::Finding;

pub(super) fn read(stage: &mut Stage, view: &View<'_, '_>, id: ResourceId) {
    group::read_embedded(stage, view, "networkSecurityGroup");
    let mut interface = NetworkInterface::new(id);
    interface.origin = view.at.clone().into();
    interface.security_group = view.link("networkSecurityGroup", &mut stage.findings);
    interface.virtual_machine = view.link("virtualMachine", &mut stage.findings);
    interface.primary = read_primary(view, &mut stage.findings);
    interface.private_endpoint = view.link("privateEndpoint", &mut stage.findings);
    interface.disable_tcp_state_tracking =
        view.flag("disableTcpStateTracking", false, &mut stage.findings);
    let (configurations, unknown) = view.split_objects("ipConfigurations", &mut stage.findings);
    for configuration in configurations {
        virtual_network::read_embedded_subnet(stage, &configuration, "subnet");
        read_embedded_public_address(stage, &configuration);
        interface.ip_configurations.push(read_configuration(stage, &configuration));
    }
    interface.unknown_ip_configurations = unknown;
    // Azure calls the only configuration of an interface primary; templates need not.
    if let ([only], []) =
        (interface.ip_configurations.as_mut_slice(), interface.unknown_ip_configurations.as_slice())
    {
        only.primary = true;
    }
    stage.parts.push(Part::NetworkInterface(interface));
}

/// Whether an interface says that it is its machine's primary one.
fn read_primary(view: &View<'_, '_>, findings: &mut Vec<Finding>) -> Option<bool> {
    match view.node("primary") {
        None => None,
        Some(Node::Text(text)) if is_expression(text) => None,
        Some(_) => Some(view.flag("primary", false, findings)),
    }
}

fn read_configuration(stage: &mut Stage, view: &View<'_, '_>) -> IpConfiguration {
    let findings = &mut stage.findings;
    let name = view.own_text("name").unwrap_or_default();
    let (address, block) = read_private_address(view, findings);
    let mut configuration = IpConfiguration::new(name, address, view.link("subnet", findings));
    configuration.private_prefix = block;
    configuration.public_address = view.link("publicIPAddress", findings);
    configuration.primary = view.flag("primary", false, findings);
    configuration.application_security_groups = view.links("applicationSecurityGroups", findings);
    configuration
}

/// The private address of a configuration, and its block where it has one: the text may be an
/// address, a prefix, or an address with its length in another field.
fn read_private_address(
    view: &View<'_, '_>,
    findings: &mut Vec<Finding>,
) -> (Option<IpAddr>, Option<Prefix>) {
    let Some(text) = view.text("privateIPAddress", findings) else { return (None, None) };
    let at = view.at.child("privateIPAddress");
    if text.contains('/') {
        let block = read_prefix(text, at, findings);
        return (block.map(|block| block.address()), block);
    }
    let Some(address) = parse_address(text) else {
        findings.push(unreadable(at, text, "an address"));
        return (None, None);
    };
    let length = match view.node("privateIPAddressPrefixLength") {
        Some(Node::Number(length)) => length.as_u64().and_then(|length| length.try_into().ok()),
        Some(Node::Text(length)) if is_expression(length) => {
            // A block of some size: which addresses it holds is not known.
            let at = view.at.child("privateIPAddressPrefixLength");
            findings.push(unreadable(at, length, "a length"));
            return (None, None);
        }
        _ => None,
    };
    let width = if address.is_ipv4() { 32 } else { 128 };
    let block = length.filter(|length| *length < width);
    (Some(address), block.and_then(|length| Prefix::truncated(address, length)))
}

pub(super) fn read_machine(stage: &mut Stage, view: &View<'_, '_>, id: ResourceId) {
    let findings = &mut stage.findings;
    let mut machine = VirtualMachine::new(id);
    machine.origin = view.at.clone().into();
    let profile = view.object("networkProfile", findings);
    let (mut interfaces, unknown) = match &profile {
        Some(profile) => profile.split_objects("networkInterfaces", findings),
        None => (Vec::new(), view.unread("networkProfile").into_iter().collect()),
    };
    let is_primary = |interface: &View<'_, '_>| interface.flag("primary", false, &mut Vec::new());
    interfaces.sort_by_key(|interface| !is_primary(interface));
    machine.first_is_primary = interfaces.first().is_some_and(is_primary);
    for interface in &interfaces {
        machine.network_interfaces.extend(interface.own_link(&mut stage.findings));
    }
    machine.network_interfaces.extend(unknown.into_iter().map(Value::Unknown));
    stage.parts.push(Part::VirtualMachine(machine));
}

pub(super) fn read_asg(stage: &mut Stage, view: &View<'_, '_>, id: ResourceId) {
    let mut group = ApplicationSecurityGroup::new(id);
    group.region = view.own_text("location").map(str::to_owned);
    group.origin = view.at.clone().into();
    stage.parts.push(Part::ApplicationSecurityGroup(group));
}

pub(super) fn read_public_address(stage: &mut Stage, view: &View<'_, '_>, id: ResourceId) {
    let address = view.address("ipAddress", &mut stage.findings);
    let mut public = PublicIpAddress::new(id, address.as_ref().and_then(Value::known).copied());
    public.origin = view.at.clone().into();
    stage.parts.push(Part::PublicIpAddress(public));
}

fn read_embedded_public_address(stage: &mut Stage, view: &View<'_, '_>) {
    let Some(public) = view.object("publicIPAddress", &mut Vec::new()) else { return };
    if let Some(id) = public.own_text("id")
        && public.has("ipAddress")
    {
        read_public_address(stage, &public, ResourceId::new(id));
    }
}

pub(super) fn read_private_endpoint(stage: &mut Stage, view: &View<'_, '_>, id: ResourceId) {
    virtual_network::read_embedded_subnet(stage, view, "subnet");
    let findings = &mut stage.findings;
    let mut endpoint = PrivateEndpoint::new(id, view.link("subnet", findings));
    endpoint.origin = view.at.clone().into();
    endpoint.network_interfaces = view.links("networkInterfaces", findings);
    endpoint.application_security_groups = view.links("applicationSecurityGroups", findings);
    let mut addresses = Vec::new();
    for element in view.all_objects("customDnsConfigs", findings) {
        match element {
            Element::Unknown(text, _) => addresses.push(Value::Unknown(text)),
            Element::Known(configuration) => {
                let texts = configuration.all_texts("ipAddresses", findings);
                addresses.extend(texts.into_iter().map(|element| match element {
                    Element::Unknown(text, _) => Value::Unknown(text),
                    Element::Known((text, at)) => read_address(text, at, findings),
                }));
            }
        }
    }
    for element in view.all_objects("ipConfigurations", findings) {
        match element {
            Element::Unknown(text, _) => addresses.push(Value::Unknown(text)),
            Element::Known(configuration) => {
                addresses.extend(configuration.address("privateIPAddress", findings));
            }
        }
    }
    for address in addresses {
        match address {
            Value::Known(address) => endpoint.addresses.push(address),
            Value::Unknown(text) => endpoint.unknown_addresses.push(text),
        }
    }
    endpoint.addresses.sort_unstable();
    endpoint.addresses.dedup();
    stage.parts.push(Part::PrivateEndpoint(endpoint));
}
