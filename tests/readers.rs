//! Every shape of input, and everything that may be wrong with one.

use nsg_engine::azure::{Read, Reader, read};
use nsg_engine::model::{
    AddressItem, AdminAccess, Mode, ProtocolSpec, ResourceId, SecurityGroup, SecurityRule,
    ServiceTag, Value,
};
use nsg_engine::network::{
    BastionSku, NextHop, PeeringState, PrivateEndpointPolicies, RouteDestination,
};
use nsg_engine::report::{Code, Finding, Severity};
use serde_json::json;

const EXPORT: &[u8] = include_bytes!("data/azure/export.json");
const TEMPLATE: &[u8] = include_bytes!("data/azure/template.json");
const EFFECTIVE: &[u8] = include_bytes!("data/azure/effective.json");
const ADMIN: &[u8] = include_bytes!("data/azure/admin.json");

fn read_all(inputs: &[&[u8]]) -> Read {
    let mut reader = Reader::new(Mode::Lenient);
    for (index, input) in inputs.iter().enumerate() {
        reader.add(&format!("{index}.json"), input).unwrap();
    }
    reader.finish()
}

fn read_value(value: &serde_json::Value) -> Read {
    read(value.to_string().as_bytes()).unwrap()
}

fn texts(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(ToString::to_string).collect()
}

fn group_of(rules: &serde_json::Value) -> serde_json::Value {
    json!({
        "id": "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/networkSecurityGroups/nsg",
        "name": "nsg",
        "properties": { "securityRules": rules },
    })
}

fn names(rules: &[SecurityRule]) -> Vec<&str> {
    rules.iter().map(|rule| rule.name.as_str()).collect()
}

/// S10.1, S10.25 to S10.30: every kind of resource, every link between them, and no remark.
#[test]
fn an_export_is_read_whole() {
    let Read { network, findings } = read(EXPORT).unwrap();
    assert_eq!(texts(&findings), [] as [&str; 0]);

    let hub = &network.virtual_networks[0];
    assert_eq!(hub.address_space.len(), 2);
    assert_eq!(hub.flow_timeout_minutes, Some(10));
    let app = &hub.subnets[0];
    assert_eq!(app.prefixes.len(), 2);
    assert_eq!(app.private_endpoint_policies, PrivateEndpointPolicies::SecurityGroup);
    assert_eq!(app.delegations, ["Microsoft.Web/serverFarms"]);
    let group = app.security_group.as_ref().and_then(Value::known).unwrap();
    assert!(network.security_group(group).unwrap().flush_connection);
    assert!(hub.subnets[1].is_bastion());
    let peering = &hub.peerings[0];
    assert_eq!(peering.state, PeeringState::Connected);
    assert!(peering.use_remote_gateways && !peering.complete);
    assert_eq!(peering.remote_address_space[0].to_string(), "10.1.0.0/16");
    assert_eq!(peering.remote_subnets, ["web"]);

    let interface = network.interface_called("VM-NIC").unwrap();
    let [first, block] = interface.ip_configurations.as_slice() else { panic!() };
    assert!(first.primary && !block.primary);
    assert_eq!(first.private_address, Some("10.0.0.4".parse().unwrap()));
    assert_eq!(first.application_security_groups.len(), 1);
    assert_eq!(block.private_prefix.unwrap().to_string(), "10.0.0.16/28");
    let machine = network.machine("vm").unwrap();
    assert_eq!(network.interfaces_of(machine).count(), 1);

    let [all, storage] = network.route_tables[0].routes.as_slice() else { panic!() };
    assert_eq!(all.next_hop, NextHop::VirtualAppliance);
    let tag = RouteDestination::Tag(ServiceTag::new("Storage.WestEurope"));
    assert_eq!(storage.destination, tag);
    let bastion = network.bastion_host("bastion").unwrap();
    assert_eq!(bastion.sku, BastionSku::Standard);
    assert!(bastion.tunneling && bastion.ip_connect && !bastion.private_only);
    assert!(bastion.subnet.is_some());
    assert_eq!(network.private_endpoints[0].addresses.len(), 1);
    assert_eq!(network.public_addresses[0].address, Some("203.0.113.9".parse().unwrap()));
}

/// S1.18, S1.27, S1.43: absent in all its forms, and application security groups.
#[test]
fn a_rule_keeps_its_fields() {
    let read = read(EXPORT).unwrap();
    let rule = &read.network.group("nsg-app").unwrap().rules[0];
    assert_eq!(rule.destination_ports.known.to_string(), "80,443,8000-8080");
    assert!(rule.source_ports.is_any());
    assert_eq!(rule.source.items, [AddressItem::Tag(ServiceTag::internet())]);
    assert_eq!(rule.destination.asgs().count(), 1);
    let place = rule.origin.location().unwrap().to_string();
    assert_eq!(place, "input /value/1/properties/securityRules/0");
}

/// S10.4, S10.8: the command line flattens `properties` at every depth; the network is the same.
#[test]
fn flattening_changes_nothing() {
    fn flatten(value: &serde_json::Value) -> serde_json::Value {
        match value {
            serde_json::Value::Array(items) => items.iter().map(flatten).collect(),
            serde_json::Value::Object(members) => {
                let mut flat = serde_json::Map::new();
                for (name, member) in members {
                    match member {
                        serde_json::Value::Object(inner) if name == "properties" => {
                            let inner = flatten(&serde_json::Value::Object(inner.clone()));
                            flat.extend(inner.as_object().unwrap().clone());
                        }
                        other => drop(flat.insert(name.clone(), flatten(other))),
                    }
                }
                serde_json::Value::Object(flat)
            }
            other => other.clone(),
        }
    }
    let export: serde_json::Value = serde_json::from_slice(EXPORT).unwrap();
    let whole = read_value(&export);
    let flat = read_value(&flatten(&export["value"]));
    assert_eq!(flat.network, whole.network);
    // Property names in any case (S10.3).
    let upper = export.to_string().replace("\"securityRules\"", "\"SecurityRules\"");
    let upper = upper.replace("\"addressPrefixes\"", "\"AddressPrefixes\"");
    assert_eq!(read(upper.as_bytes()).unwrap().network, whole.network);
}

/// S10.5, and other wrappers around one resource or several.
#[test]
fn wrappers_are_seen_through() {
    let group = group_of(&json!([]));
    for wrapped in [
        group.clone(),
        json!([group]),
        json!({ "NewNSG": group }),
        json!({ "value": [group], "nextLink": null }),
        json!({ "resources": [group] }),
        json!([{ "value": [group] }, [group]]),
        json!({ "count": 1, "data": [group], "total_records": 1 }),
    ] {
        let read = read_value(&wrapped);
        assert_eq!(read.network.security_groups.len(), 1, "{wrapped}");
        assert_eq!(texts(&read.findings), [] as [&str; 0], "{wrapped}");
    }
}

/// S10.9 to S10.13: array and symbolic names, nested children and children beside their parent.
#[test]
fn a_template_is_read_as_far_as_its_literals_go() {
    let Read { network, findings } = read(TEMPLATE).unwrap();
    let names_of_groups: Vec<&str> =
        network.security_groups.iter().map(SecurityGroup::name).collect();
    assert_eq!(names_of_groups, ["web", "inner"]);
    let web = network.group("web").unwrap();
    assert_eq!(names(&web.rules), ["AllowSsh", "Nested", "Child"]);
    assert_eq!(web.default_rules.len(), 6);
    let ssh = &web.rules[0];
    assert!(ssh.priority.unknown().is_some());
    assert_eq!(ssh.destination_ports.unknown[0].text(), "[parameters('port')]");
    assert!(ssh.destination_ports.known.is_empty());
    assert!(matches!(&ssh.source.items[0], AddressItem::Unknown(_)));
    assert_eq!(web.rules[2].destination_ports.known.to_string(), "53");

    let subnets: Vec<_> = network.subnets().map(|(_, subnet)| subnet).collect();
    assert_eq!(subnets.len(), 2);
    assert!(subnets[0].security_group.as_ref().unwrap().unknown().is_some());
    assert_eq!(subnets[1].security_group.as_ref().unwrap().known(), Some(&web.id));
    assert!(findings.iter().all(|finding| finding.code == Code::UnknownValue));
    let places: Vec<&str> = findings.iter().map(|finding| finding.location.pointer()).collect();
    let rule = "/resources/0/properties/securityRules/0/properties";
    assert_eq!(
        places,
        [
            format!("{rule}/sourceAddressPrefix").as_str(),
            &format!("{rule}/priority"),
            &format!("{rule}/destinationPortRange"),
            "/resources/2/properties/subnets/0/properties/networkSecurityGroup/id",
            "/resources/3/condition",
        ]
    );
}

/// S8.16 to S8.20.
#[test]
fn effective_rules_become_rules_and_contents_of_tags() {
    let Read { network, findings } = read(EFFECTIVE).unwrap();
    assert_eq!(texts(&findings), [] as [&str; 0]);
    let group = network.group("nsg-nic").unwrap();
    let [rule] = group.rules.as_slice() else { panic!("{:?}", group.rules) };
    assert_eq!(rule.name.as_str(), "DenyNets");
    assert_eq!(rule.source.items.len(), 2);
    assert!(rule.destination.is_any(), "`0.0.0.0/0` is printed for `*` (S1.36)");
    assert!(rule.source_ports.is_any());
    assert_eq!(rule.destination_ports.known.to_string(), "22");
    assert_eq!(group.default_rules.len(), 6);

    let interface = network.interface_called("vm-nic").unwrap();
    assert_eq!(interface.security_group.as_ref().unwrap().known(), Some(&group.id));
    let tags: Vec<(String, usize)> = interface
        .tag_contents
        .iter()
        .map(|contents| (contents.tag.to_string(), contents.prefixes.len()))
        .collect();
    assert_eq!(tags, [("AzureLoadBalancer".to_owned(), 1), ("VirtualNetwork".to_owned(), 2)]);
    let (_, subnet) = network.subnets().next().unwrap();
    assert_eq!(subnet.name(), "app");
    assert_eq!(subnet.security_group.as_ref().unwrap().known().unwrap().name(), "nsg-app");
}

/// Effective rules stand in only where the group itself is not given.
#[test]
fn the_group_itself_counts_more_than_its_effective_rules() {
    for inputs in [[EXPORT, EFFECTIVE], [EFFECTIVE, EXPORT]] {
        let read = read_all(&inputs);
        assert_eq!(names(&read.network.group("nsg-app").unwrap().rules), ["AllowWeb"]);
        let interface = read.network.interface_called("vm-nic").unwrap();
        assert_eq!(interface.tag_contents.len(), 2);
        assert_eq!(interface.ip_configurations.len(), 2);
        assert!(interface.security_group.is_some());
    }
}

/// S6.1, S6.8 to S6.11, S6.15, S10.31.
#[test]
fn admin_rules_find_their_collection_groups_and_configuration() {
    let Read { network, findings } = read(ADMIN).unwrap();
    assert_eq!(texts(&findings), [] as [&str; 0]);
    let [collection] = network.admin_rule_collections.as_slice() else { panic!() };
    assert_eq!(collection.intent_policy_services, ["AllowRulesOnly"]);
    let group = collection.applies_to[0].known().unwrap();
    let group = network.network_group(group).unwrap();
    assert!(group.complete);
    assert_eq!(group.members.len(), 1);
    let [rule] = collection.rules.as_slice() else { panic!() };
    assert_eq!(rule.access.known(), Some(&AdminAccess::AlwaysAllow));
    assert_eq!(rule.protocol.known(), Some(&ProtocolSpec::Any));
    assert!(rule.destination.is_any() && rule.source_ports.is_any());
    assert_eq!(rule.destination_ports.known.to_string(), "22,3389");
    assert!(matches!(
        rule.source.items.as_slice(),
        [AddressItem::Tag(_), AddressItem::Prefix(_), AddressItem::NetworkGroup(_)]
    ));
    assert!(
        !read(br#"[{"type": "Microsoft.Network/networkManagers/networkGroups", "name": "m/g"}]"#)
            .unwrap()
            .network
            .network_groups[0]
            .complete
    );
}

/// `az network nsg rule list` tells the group only by the ids of its rules.
#[test]
fn a_list_of_rules_makes_a_group_if_ids_tell_it() {
    let rule = |id: &str| {
        json!({ "id": id, "name": "r", "protocol": "*", "sourcePortRange": "*",
            "destinationPortRange": "*", "sourceAddressPrefix": "*",
            "destinationAddressPrefix": "*", "access": "Deny", "priority": 100,
            "direction": "Inbound" })
    };
    let id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/networkSecurityGroups/nsg/securityRules/r";
    let with_ids = read_value(&json!([rule(id)]));
    assert_eq!(names(&with_ids.network.group("nsg").unwrap().rules), ["r"]);
    let without = read_value(&json!([rule("")]));
    assert!(without.network.security_groups.is_empty());
    let [finding] = without.findings.as_slice() else { panic!("{:?}", without.findings) };
    assert_eq!((finding.severity, finding.code), (Severity::Error, Code::InvalidField));
}

/// Several inputs are one network; copies merge, in any order and however partial.
#[test]
fn copies_merge_and_contradictions_keep_the_first() {
    let twice = read_all(&[EXPORT, EXPORT]);
    assert_eq!(twice.network, read(EXPORT).unwrap().network);
    assert_eq!(texts(&twice.findings), [] as [&str; 0]);

    let rule = |name: &str, priority: u32| {
        json!({ "name": name, "properties": { "protocol": "Tcp", "sourcePortRange": "*",
            "destinationPortRange": "22", "sourceAddressPrefix": "*",
            "destinationAddressPrefix": "*", "access": "Allow", "priority": priority,
            "direction": "Inbound" } })
    };
    let first = group_of(&json!([rule("a", 100), rule("b", 200)]));
    let same = group_of(&json!([rule("b", 200), rule("a", 100)]));
    let other = group_of(&json!([rule("a", 300)]));
    let read = read_value(&json!([first, same, other]));
    assert_eq!(names(&read.network.group("nsg").unwrap().rules), ["a", "b"]);
    let [finding] = read.findings.as_slice() else { panic!("{:?}", texts(&read.findings)) };
    assert_eq!((finding.code, finding.location.pointer()), (Code::DuplicateId, "/2"));
}

/// Two groups named by one expression may be two groups: neither is lost.
#[test]
fn groups_named_by_expressions_are_kept_apart() {
    let group = |rules: serde_json::Value| {
        json!({ "type": "Microsoft.Network/networkSecurityGroups", "name": "[variables('n')]",
            "properties": { "securityRules": rules } })
    };
    let (first, second) = (group(json!([])), group(json!([{ "name": "r" }])));
    let read = read_value(&json!([first, first, second]));
    assert_eq!(read.network.security_groups.len(), 2);
}

/// A group may say what it is on, instead of the subnet or the interface.
#[test]
fn either_side_tells_an_attachment() {
    let mut group = group_of(&json!([]));
    let vnet = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v";
    let subnet = format!("{vnet}/subnets/app");
    let nic = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/networkInterfaces/n";
    group["properties"]["subnets"] = json!([{ "id": subnet }]);
    group["properties"]["networkInterfaces"] = json!([{ "id": nic }]);
    let resources = json!([
        { "id": vnet, "properties": { "addressSpace": { "addressPrefixes": ["10.0.0.0/16"] },
            "subnets": [{ "id": subnet, "properties": { "addressPrefix": "10.0.0.0/24" } }] } },
        { "id": nic, "properties": { "ipConfigurations": [] } },
        group,
    ]);
    let both = read_value(&resources);
    let id = &both.network.security_groups[0].id;
    let (_, found) = both.network.subnet(&ResourceId::new(&subnet)).unwrap();
    assert_eq!(found.security_group.as_ref().unwrap().known(), Some(id));
    let interface = both.network.network_interface(&ResourceId::new(nic)).unwrap();
    assert_eq!(interface.security_group.as_ref().unwrap().known(), Some(id));

    // Without the subnet only the attachment is known, and nothing of its addresses.
    let alone = read_value(&group);
    let (network, found) = alone.network.subnet(&ResourceId::new(&subnet)).unwrap();
    assert!(network.address_space.is_empty());
    assert_eq!((found.prefixes.len(), found.unknown_prefixes.len()), (0, 1));
    assert!(alone.network.network_interfaces.is_empty());
}

/// S10.12: a template's group is meant by an exported subnet of the same names.
#[test]
fn partial_ids_are_compared_by_type_and_names() {
    let nic = json!({ "type": "Microsoft.Network/networkInterfaces", "name": "n", "properties": {
        "networkSecurityGroup": { "id": "/providers/Microsoft.Network/networkSecurityGroups/NSG" },
        "ipConfigurations": [] } });
    let read = read_value(&json!([nic, group_of(&json!([]))]));
    let link = read.network.network_interfaces[0].security_group.as_ref().unwrap();
    assert_eq!(link.known(), Some(&read.network.security_groups[0].id));
    assert_eq!(link.known().unwrap().subscription(), Some("s"));
    assert_eq!(texts(&read.findings), [] as [&str; 0]);
}

#[test]
fn a_group_that_is_not_there_is_reported() {
    let nic = json!({ "id": "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/networkInterfaces/n",
        "networkSecurityGroup": { "id": "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/networkSecurityGroups/gone" },
        "ipConfigurations": [] });
    let read = read_value(&nic);
    let [finding] = read.findings.as_slice() else { panic!("{:?}", texts(&read.findings)) };
    assert_eq!((finding.severity, finding.code), (Severity::Warning, Code::DanglingId));
    assert!(finding.message.contains("networkSecurityGroups/gone"));
}
