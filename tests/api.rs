//! The public surface: what types can be used for, and the sentences a user would write.

use std::panic::{RefUnwindSafe, UnwindSafe};

use nsg_engine::azure::{self, ReadError};
use nsg_engine::eval::{Decision, Trace, Verdict, evaluate};
use nsg_engine::model::{
    AdminRule, Direction, Flow, Query, ResourceId, RuleDraft, RuleTextError, SecurityGroup,
    SecurityRule,
};
use nsg_engine::net::{AddressSet, PortSet, Prefix, ProtocolSet};
use nsg_engine::network::Network;
use nsg_engine::path::{Chain, ChainTrace, Path, PathError, PathVerdict};
use nsg_engine::report::Finding;
use nsg_engine::resolve::{Names, Ruleset, ServiceTags, Topology};

#[test]
fn every_type_can_be_shared_between_threads_and_survives_a_panic() {
    fn is_plain<T: Send + Sync + UnwindSafe + RefUnwindSafe + std::fmt::Debug + 'static>() {}
    is_plain::<(Prefix, AddressSet, PortSet, ProtocolSet)>();
    is_plain::<(SecurityRule, SecurityGroup, AdminRule, Flow, Query, RuleDraft<'static>)>();
    is_plain::<(Network, Finding, ServiceTags, Names, Topology, Ruleset)>();
    is_plain::<(Decision, Trace, Chain, ChainTrace, Path, PathVerdict)>();
    is_plain::<(azure::Reader, azure::Read)>();
}

#[test]
fn every_error_can_be_boxed_and_sent() {
    fn is_error<T: std::error::Error + Send + Sync + 'static>() {}
    is_error::<ReadError>();
    is_error::<RuleTextError>();
    is_error::<PathError>();
    is_error::<nsg_engine::model::FlowError>();
    is_error::<nsg_engine::model::QueryError>();
    is_error::<nsg_engine::net::PrefixError>();
}

const NETWORK: &str = r#"{ "resources": [
    { "type": "Microsoft.Network/virtualNetworks", "name": "vnet", "properties": {
        "addressSpace": { "addressPrefixes": ["10.0.0.0/16"] },
        "subnets": [{ "name": "app", "properties": {
            "addressPrefix": "10.0.0.0/24",
            "networkSecurityGroup": { "id": "/x/networkSecurityGroups/vm-nsg" } } }] } },
    { "id": "/x/networkSecurityGroups/vm-nsg", "type": "Microsoft.Network/networkSecurityGroups",
      "name": "vm-nsg", "properties": { "securityRules": [{ "name": "NoSsh", "properties": {
        "priority": 100, "direction": "Inbound", "access": "Deny", "protocol": "Tcp",
        "sourceAddressPrefix": "*", "sourcePortRange": "*",
        "destinationAddressPrefix": "*", "destinationPortRange": "22" } }] } }
] }"#;

/// Every gate at both ends, every reason.
#[test]
fn a_flow_is_asked_of_a_network() -> Result<(), Box<dyn std::error::Error>> {
    let network = azure::read(NETWORK.as_bytes())?.network;
    let flow: Flow = "tcp 10.0.0.9:50000 -> 10.0.0.4:22".parse()?;
    let verdict = network.path(&flow)?.evaluate();
    assert_eq!(verdict.verdict, Verdict::Deny);
    assert!(verdict.to_string().contains("NoSsh"), "{verdict}");
    Ok(())
}

/// One group, bound to the names of the network and asked directly.
#[test]
fn a_flow_is_asked_of_a_group() -> Result<(), Box<dyn std::error::Error>> {
    let network = azure::read(NETWORK.as_bytes())?.network;
    let topology = network.bind(ServiceTags::built_in());
    let group = topology.network().group("VM-NSG").ok_or("no group")?;
    let names = topology.names_of_group(group);
    let inbound = Ruleset::of_group(group, Direction::Inbound, &names);
    let decision = evaluate(&inbound, &"tcp 10.0.0.9:50000 -> 10.0.0.4:80".parse()?);
    assert_eq!(decision.verdict(), Verdict::Allow);
    assert_eq!(decision.rule(&inbound).ok_or("no rule")?.name.as_str(), "AllowVnetInBound");
    Ok(())
}

/// A network and its rules can be made without any JSON.
#[test]
fn a_group_is_written_in_code() -> Result<(), Box<dyn std::error::Error>> {
    let mut group = SecurityGroup::new(ResourceId::new("nsg"));
    group.rules.push("900 AllowBastion allow inbound tcp 10.0.1.0/26:* -> *:22,3389".parse()?);
    group.rules.push("1000 DenyVnet deny inbound * VirtualNetwork:* -> *:*".parse()?);
    let vnet: Prefix = "10.0.0.0/16".parse()?;
    let names = Names::new(ServiceTags::built_in()).with_virtual_network(vnet.into());
    let inbound = Ruleset::of_group(&group, Direction::Inbound, &names);
    for (flow, rule) in [
        ("tcp 10.0.1.4:50000 -> 10.0.0.4:22", "AllowBastion"),
        ("tcp 10.0.2.4:50000 -> 10.0.0.4:22", "DenyVnet"),
        ("tcp 203.0.113.7:50000 -> 10.0.0.4:22", "DenyAllInBound"),
    ] {
        let decision = evaluate(&inbound, &flow.parse()?);
        assert_eq!(decision.rule(&inbound).ok_or("no rule")?.name.as_str(), rule, "{flow}");
    }
    Ok(())
}
