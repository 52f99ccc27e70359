//! Every shape of input, and everything that may be wrong with one.

use nsg_engine::azure::{Read, Reader, read};
use nsg_engine::eval::{Verdict, evaluate};
use nsg_engine::model::{
    AddressItem, AdminAccess, Direction, Mode, ProtocolSpec, ResourceId, SecurityGroup,
    SecurityRule, ServiceTag, Value,
};
use nsg_engine::network::{
    BastionSku, NextHop, PeeringState, PrivateEndpointPolicies, RouteDestination,
};
use nsg_engine::path::Chain;
use nsg_engine::report::{Code, Finding, Severity};
use nsg_engine::resolve::{Names, Ruleset, ServiceTags};
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
    assert_eq!(app.private_endpoint_policies, Some(PrivateEndpointPolicies::SecurityGroup.into()));
    assert_eq!(app.delegations, ["Microsoft.Web/serverFarms"]);
    let group = app.security_group.as_ref().and_then(Value::known).unwrap();
    assert!(network.security_group(group).unwrap().flush_connection);
    assert!(hub.subnets[1].is_bastion());
    let peering = &hub.peerings[0];
    assert_eq!(peering.state, PeeringState::Connected);
    assert_eq!((&peering.use_remote_gateways, &peering.complete), (&true.into(), &false.into()));
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
    assert_eq!(collection.intent_policy_services, ["AllowRulesOnly".to_owned().into()]);
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

/// The verdict of a group on an SSH flow from outside, as its rules read anywhere.
fn verdict_of(read: &Read, group: &str) -> Verdict {
    let topology = read.network.clone().bind(ServiceTags::built_in());
    let group = topology.network().group(group).unwrap();
    let names = topology.names_of_group(group);
    let ruleset = Ruleset::of_group(group, Direction::Inbound, &names);
    evaluate(&ruleset, &"tcp 203.0.113.7:50000 -> 10.0.0.4:22".parse().unwrap()).verdict()
}

fn deny_all(name: &str) -> serde_json::Value {
    json!({ "name": name, "properties": { "priority": 100, "access": "Deny",
        "direction": "Inbound", "protocol": "*", "sourceAddressPrefix": "*",
        "sourcePortRange": "*", "destinationAddressPrefix": "*", "destinationPortRange": "*" } })
}

fn allow_all(name: &str) -> serde_json::Value {
    let mut rule = deny_all(name);
    rule["properties"]["access"] = json!("Allow");
    rule["properties"]["priority"] = json!(200);
    rule
}

/// S3.8, S10.11: rules that nobody knows may decide any flow.
#[test]
fn rules_that_are_expressions_leave_every_verdict_open() {
    let group = |properties: serde_json::Value| {
        json!({ "type": "Microsoft.Network/networkSecurityGroups", "name": "nsg",
            "properties": properties })
    };
    let looped = json!([{ "name": "securityRules", "count": 3, "input": deny_all("x") }]);
    for (properties, name, place) in [
        (json!({ "securityRules": "[variables('r')]" }), "[variables('r')]", "/securityRules"),
        (json!({ "securityRules": ["[variables('r')]"] }), "[variables('r')]", "/securityRules/0"),
        (json!({ "copy": looped }), "(copy)", "/copy/0"),
        (json!("[variables('p')]"), "[variables('p')]", ""),
    ] {
        let read = read_value(&group(properties));
        let [rule] = read.network.security_groups[0].rules.as_slice() else { panic!("{name}") };
        assert_eq!(rule.name.as_str(), name);
        assert_eq!(rule.origin.location().unwrap().pointer(), format!("/properties{place}"));
        let found = read.findings.iter().find(|finding| {
            finding.location.pointer() == format!("/properties{place}")
                && (finding.severity, finding.code) == (Severity::Warning, Code::UnknownValue)
        });
        assert!(found.is_some(), "{name}: {:?}", texts(&read.findings));
        assert_eq!(verdict_of(&read, "nsg"), Verdict::Indeterminate, "{name}");
    }
    // The literal rules beside it stay, and an element that is no rule is not lost silently.
    let mixed = json!({ "securityRules": [deny_all("a"), "[variables('r')]"] });
    assert_eq!(names(&read_value(&group(mixed)).network.group("nsg").unwrap().rules).len(), 2);
    let wrong = read_value(&group(json!({ "securityRules": [7] })));
    assert_eq!(verdict_of(&wrong, "nsg"), Verdict::Indeterminate);
    assert_eq!(wrong.findings[0].severity, Severity::Error);
}

#[test]
fn admin_rules_that_are_expressions_are_kept_as_unknown() {
    for rules in [json!("[variables('r')]"), json!(["[variables('r')]"])] {
        let read = read_value(&json!({
            "type": "Microsoft.Network/networkManagers/securityAdminConfigurations/ruleCollections",
            "name": "m/c/all", "properties": { "appliesToGroups": "[variables('g')]", "rules": rules },
        }));
        let collection = &read.network.admin_rule_collections[0];
        assert!(collection.applies_to[0].unknown().is_some());
        let ruleset =
            Ruleset::of_admin_rules(&collection.rules, Direction::Inbound, &Names::default());
        let flow = "tcp 203.0.113.7:50000 -> 10.0.0.4:22".parse().unwrap();
        let outcomes = evaluate(&ruleset, &flow).outcomes();
        assert!(outcomes.deny && outcomes.always_allow && outcomes.pass);
        assert_eq!(read.findings.len(), 2, "{:?}", texts(&read.findings));
    }
}

/// A rule under a condition, or made by a loop, may not exist.
#[test]
fn a_conditional_rule_matches_at_most_perhaps() {
    let group = json!({ "type": "Microsoft.Network/networkSecurityGroups", "name": "nsg",
        "properties": { "securityRules": [allow_all("all")] } });
    let child = |extra: serde_json::Value| {
        let mut rule = deny_all("nsg/r");
        rule["type"] = json!("Microsoft.Network/networkSecurityGroups/securityRules");
        rule.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        rule
    };
    let verdict = |resources: serde_json::Value| {
        let read = read_value(&json!({ "resources": resources }));
        (verdict_of(&read, "nsg"), texts(&read.findings))
    };
    let condition = json!({ "condition": "[equals(1,parameters('x'))]" });
    for extra in [condition.clone(), json!({ "copy": { "name": "loop", "count": 2 } })] {
        let (open, findings) = verdict(json!([group, child(extra)]));
        assert_eq!(open, Verdict::Indeterminate);
        assert!(findings[0].contains("may not exist"), "{findings:?}");
    }
    assert_eq!(verdict(json!([group, child(json!({}))])).0, Verdict::Deny);
    assert_eq!(verdict(json!([group, child(json!({ "condition": false }))])).0, Verdict::Allow);
    // Also in a list, and in a deployment that is conditional as a whole.
    let mut listed = deny_all("r");
    listed.as_object_mut().unwrap().extend(condition.as_object().unwrap().clone());
    let read = read_value(&group_of(&json!([listed, allow_all("all")])));
    assert_eq!(verdict_of(&read, "nsg"), Verdict::Indeterminate);
    let deployment = json!({ "type": "Microsoft.Resources/deployments", "name": "d",
        "condition": "[parameters('deploy')]",
        "properties": { "template": { "resources": [child(json!({}))] } } });
    assert_eq!(verdict(json!([group, deployment])).0, Verdict::Indeterminate);
    // Rules of one name under opposite conditions are both kept.
    let mut other = child(json!({ "condition": "[not(equals(1,parameters('x')))]" }));
    other["properties"]["access"] = json!("Allow");
    let read = read_value(&json!([group, child(condition), other]));
    assert_eq!(names(&read.network.group("nsg").unwrap().rules), ["all", "r", "r"]);
}

/// S10.12: where only an expression tells the group, it may be any group of the template.
#[test]
fn a_rule_of_an_unknown_group_may_be_in_any() {
    let mut rule = deny_all("[concat(parameters('nsg'), '/r')]");
    rule["type"] = json!("Microsoft.Network/networkSecurityGroups/securityRules");
    let groups = ["[parameters('nsg')]", "other"].map(|name| {
        json!({ "type": "Microsoft.Network/networkSecurityGroups", "name": name,
            "properties": { "securityRules": [allow_all("all")] } })
    });
    let read = read_value(&json!({ "resources": [groups[0], groups[1], rule] }));
    assert_eq!(read.network.security_groups.len(), 2);
    assert_eq!(verdict_of(&read, "[parameters('nsg')]"), Verdict::Indeterminate);
    assert_eq!(verdict_of(&read, "other"), Verdict::Indeterminate);
    assert!(texts(&read.findings).iter().any(|text| text.contains("any group of the template")));
    let exported = read_value(&json!([group_of(&json!([allow_all("all")])), rule]));
    assert_eq!(verdict_of(&exported, "nsg"), Verdict::Allow);
}

/// S10.11: a condition or a loop decides whether a group, a peering, a route table or a route
/// exists, so that flows that rest on one of them are not decided.
#[test]
fn what_rests_on_a_conditional_resource_is_not_decided() {
    let id = |kind: &str, name: &str| json!({ "id": format!("/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/{kind}/{name}") });
    let resource = |kind: &str, name: &str, properties: serde_json::Value| {
        let mut resource = id(kind, name);
        resource["type"] = json!(format!("Microsoft.Network/{kind}"));
        resource["name"] = json!(name);
        resource["properties"] = properties;
        resource
    };
    let hub = || {
        resource(
            "virtualNetworks",
            "hub",
            json!({
            "addressSpace": { "addressPrefixes": ["10.0.0.0/16"] },
            "subnets": [{ "name": "app", "properties": { "addressPrefix": "10.0.0.0/24",
                "networkSecurityGroup": id("networkSecurityGroups", "nsg"),
                "routeTable": id("routeTables", "routes") } }] }),
        )
    };
    let peering = |name: &str, to: &str| {
        let (network, _) = name.split_once('/').unwrap();
        json!({ "type": "Microsoft.Network/virtualNetworks/virtualNetworkPeerings", "name": name,
            "id": format!("{}/virtualNetworkPeerings/p", id("virtualNetworks", network)["id"].as_str().unwrap()),
            "properties": { "remoteVirtualNetwork": id("virtualNetworks", to) } })
    };
    let route = |name: &str| {
        json!({ "name": name, "properties":
            { "addressPrefix": "8.8.8.0/24", "nextHopType": "VirtualAppliance" } })
    };
    let mut child_route = route("child");
    child_route["id"] =
        json!(format!("{}/routes/child", id("routeTables", "routes")["id"].as_str().unwrap()));
    child_route["type"] = json!("Microsoft.Network/routeTables/routes");
    child_route["properties"]["addressPrefix"] = json!("9.9.9.0/24");
    let resources = [
        resource("networkSecurityGroups", "nsg", json!({ "securityRules": [deny_all("none")] })),
        hub(),
        resource(
            "virtualNetworks",
            "spoke",
            json!({
            "addressSpace": { "addressPrefixes": ["10.9.0.0/16"] } }),
        ),
        peering("hub/p", "spoke"),
        peering("spoke/p", "hub"),
        resource("routeTables", "routes", json!({ "routes": [route("own")] })),
        child_route,
        resource(
            "networkInterfaces",
            "nic",
            json!({ "ipConfigurations": [{ "name": "c",
            "properties": { "privateIPAddress": "10.0.0.4", "subnet": { "id":
                format!("{}/subnets/app", id("virtualNetworks", "hub")["id"].as_str().unwrap()) } } }] }),
        ),
    ];
    let verdict = |conditional: Option<usize>,
                   rules: bool,
                   extra: &serde_json::Value,
                   from: &str| {
        let mut resources = resources.clone();
        if !rules {
            resources[0]["properties"]["securityRules"] = json!([]);
        }
        if let Some(index) = conditional {
            resources[index].as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        }
        let read = read_value(&json!({ "resources": resources }));
        let topology = read.network.bind(ServiceTags::built_in());
        let nic = topology.network().interface_called("nic").unwrap();
        let chain =
            Chain::of_interface(&topology, nic, &nic.ip_configurations[0], Direction::Inbound);
        let flow = format!("tcp {from}:50000 -> 10.0.0.4:22").parse().unwrap();
        chain.evaluate(&flow).verdict()
    };
    let doubts = [
        json!({ "condition": "[parameters('x')]" }),
        json!({ "copy": { "name": "loop", "count": 2 } }),
    ];
    for doubt in &doubts {
        // Each decides as it stands, and is not decided where it may not exist.
        for (index, rules, from, sure) in [
            (0, true, "10.0.0.5", Verdict::Deny),
            (3, false, "10.9.0.5", Verdict::Allow),
            (4, false, "10.9.0.5", Verdict::Allow),
            (5, false, "8.8.8.8", Verdict::Allow),
            (6, false, "9.9.9.9", Verdict::Allow),
        ] {
            assert_eq!(verdict(None, rules, doubt, from), sure, "{index}");
            assert_eq!(verdict(Some(index), rules, doubt, from), Verdict::Indeterminate, "{index}");
            let never = json!({ "condition": false });
            assert_ne!(verdict(Some(index), rules, &never, from), sure, "{index}");
        }
        // What does not rest on them is decided.
        assert_eq!(verdict(Some(6), false, doubt, "8.8.8.8"), Verdict::Allow);
        assert_eq!(verdict(Some(3), false, doubt, "10.0.7.7"), Verdict::Allow);
    }
}

/// That a virtual machine in a template exists is taken for granted where it is asked about.
#[test]
fn a_conditional_resource_that_nothing_rests_on_is_assumed_to_exist() {
    let read = read_value(&json!({ "type": "Microsoft.Compute/virtualMachines",
        "name": "vm", "condition": "[parameters('x')]", "properties": {} }));
    let [finding] = read.findings.as_slice() else { panic!("{:?}", texts(&read.findings)) };
    assert_eq!((finding.severity, finding.code), (Severity::Warning, Code::UnknownValue));
    assert_eq!(finding.location.pointer(), "/condition");
    assert!(finding.message.contains("verdicts assume"));
}

fn effective(association: &serde_json::Value, rules: &serde_json::Value) -> serde_json::Value {
    json!({ "association": association, "effectiveSecurityRules": rules,
        "networkSecurityGroup": { "id": "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/networkSecurityGroups/nsg" } })
}

fn effective_rule(name: &str, access: &str, port: &str) -> serde_json::Value {
    json!({ "name": name, "protocol": "Tcp", "access": access, "priority": 5,
        "direction": "Inbound", "sourceAddressPrefix": "0.0.0.0/0", "sourcePortRange": "0-65535",
        "destinationAddressPrefix": "0.0.0.0/0", "destinationPortRange": port })
}

const SUBNET: &str =
    "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v/subnets/app";
const NIC: &str =
    "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/networkInterfaces/n";

fn site(nics: &[&str]) -> serde_json::Value {
    let vnet = SUBNET.rsplit_once("/subnets/").unwrap().0;
    let nics = nics.iter().enumerate().map(|(index, id)| {
        json!({ "id": id, "properties": { "ipConfigurations": [{ "name": "i", "properties": {
            "privateIPAddress": format!("10.0.0.{}", index + 4), "subnet": { "id": SUBNET } } }] } })
    });
    let network = json!({ "id": vnet, "properties": {
        "addressSpace": { "addressPrefixes": ["10.0.0.0/16"] },
        "subnets": [{ "id": SUBNET, "properties": { "addressPrefix": "10.0.0.0/24" } }] } });
    [network].into_iter().chain(nics).collect()
}

/// S6.4, S8.19: admin rules of an answer apply to the subnet of its interface.
#[test]
fn admin_rules_in_effective_rules_apply_at_the_interface() {
    let manager = json!({ "networkManager": { "id": "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/networkManagers/m" } });
    let rules = json!([
        effective_rule("Stop", "Deny", "22-22"),
        effective_rule("Always", "AlwaysAllow", "3389-3389"),
        effective_rule("Pass", "Allow", "443-443"),
    ]);
    let nsg = effective(
        &json!({ "networkInterface": { "id": NIC } }),
        &json!([effective_rule("securityRules/Any", "Allow", "22-22")]),
    );
    let answer = json!({ "value": [effective(&manager, &rules), nsg] });
    let verdicts = |inputs: &[&serde_json::Value]| {
        let inputs: Vec<String> = inputs.iter().map(|input| input.to_string()).collect();
        let inputs: Vec<&[u8]> = inputs.iter().map(|input| input.as_bytes()).collect();
        let read = read_all(&inputs);
        let topology = read.network.bind(ServiceTags::built_in());
        let nic = topology.network().network_interface(&ResourceId::new(NIC)).unwrap();
        let chain =
            Chain::of_interface(&topology, nic, &nic.ip_configurations[0], Direction::Inbound);
        let verdict = |port| {
            let flow = format!("tcp 203.0.113.7:50000 -> 10.0.0.4:{port}").parse().unwrap();
            chain.evaluate(&flow).verdict()
        };
        ([22, 3389, 443, 80].map(verdict), texts(&read.findings))
    };
    use Verdict::{Allow, Deny, Indeterminate};
    let (told, findings) = verdicts(&[&site(&[NIC]), &answer]);
    assert_eq!(told, [Deny, Allow, Deny, Deny], "{findings:?}");
    assert_eq!(findings, [] as [&str; 0]);
    // Twice the same is once.
    assert_eq!(verdicts(&[&site(&[NIC]), &answer, &answer]).0, told);
    // Without a place they may apply anywhere.
    let alone = json!({ "value": [effective(&manager, &rules)] });
    let (open, findings) = verdicts(&[&site(&[NIC]), &alone]);
    assert_eq!(open, [Indeterminate, Allow, Allow, Allow]);
    assert!(findings[0].contains("does not tell to which subnet"), "{findings:?}");
}

/// S8.20: an answer is about one interface, named or not.
#[test]
fn contents_of_tags_go_to_the_only_interface() {
    let mut entry = effective(&json!({ "subnet": { "id": SUBNET } }), &json!([]));
    entry["tagMap"] = json!({ "Storage": ["192.0.2.0/24"] });
    let answer = json!({ "value": [entry] });
    let contents = |nics: &[&str]| {
        let read = read_value(&json!([site(nics), answer]));
        let all = read.network.network_interfaces.iter();
        (all.map(|nic| nic.tag_contents.len()).collect::<Vec<_>>(), texts(&read.findings))
    };
    assert_eq!(contents(&[NIC]), (vec![1], vec![]));
    let (none, findings) = contents(&[NIC, &format!("{NIC}2")]);
    assert_eq!(none, [0, 0]);
    assert!(findings[0].starts_with("note: input /1/value/0: what tags held"), "{findings:?}");
    assert_eq!(contents(&[]).0, [] as [usize; 0]);
}

/// S1.48: an interface that only effective rules tell of says nothing about memberships.
#[test]
fn an_interface_without_its_resource_makes_no_group_empty() {
    let asg = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/applicationSecurityGroups/web";
    let mut rule = deny_all("r");
    rule["properties"].as_object_mut().unwrap().remove("destinationAddressPrefix");
    rule["properties"]["destinationApplicationSecurityGroups"] = json!([{ "id": asg }]);
    let group = group_of(&json!([rule, allow_all("all")]));
    let answer = json!([effective(&json!({ "networkInterface": { "id": NIC } }), &json!([]))]);
    let read = read_value(&json!([group, answer]));
    assert_eq!(read.network.network_interfaces.len(), 1);
    assert_eq!(verdict_of(&read, "nsg"), Verdict::Indeterminate);
    // With the interface itself the group is empty.
    let read = read_value(&json!([group, answer, site(&[NIC])]));
    assert_eq!(verdict_of(&read, "nsg"), Verdict::Allow);
}

/// A membership that is an expression may be one of any group.
#[test]
fn memberships_that_are_expressions_are_unknown() {
    let read = read_value(&json!({ "id": NIC, "properties": { "ipConfigurations": [
        { "name": "i", "properties": { "applicationSecurityGroups": "[variables('asgs')]" } }] } }));
    let configuration = &read.network.network_interfaces[0].ip_configurations[0];
    assert!(configuration.application_security_groups[0].unknown().is_some());
}

#[test]
fn a_member_that_stands_twice_is_reported() {
    let text = r#"[{"id": "/x/providers/Microsoft.Network/networkSecurityGroups/nsg", "properties":
        {"securityRules": [], "x": 1, "x": 1, "SecurityRules": [{"name": "a"}]}}]"#;
    let read = read(text.as_bytes()).unwrap();
    let finding = &read.findings[0];
    assert_eq!((finding.severity, finding.code), (Severity::Warning, Code::DuplicateMember));
    assert_eq!(finding.location.pointer(), "/0/properties/securityRules");
    assert_eq!(read.findings.iter().filter(|one| one.code == Code::DuplicateMember).count(), 1);
    assert_eq!(names(&read.network.group("nsg").unwrap().rules), ["a"]);
}

/// S10.12, S10.13: a child that tells no id joins its parent by type and names, wherever the two
/// stand.
#[test]
fn children_without_ids_join_their_parents() {
    const BASE: &str = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network";
    let resource = |kind: &str, name: &str, properties: serde_json::Value| json!({ "type": format!("Microsoft.Network/{kind}"), "name": name, "properties": properties });
    let whole = |kind: &str, name: &str, properties| {
        let mut whole = resource(kind, name, properties);
        whole["id"] = json!(format!("{BASE}/{kind}/{name}"));
        whole
    };
    let parents = json!([
        whole("networkSecurityGroups", "nsg", json!({ "securityRules": [] })),
        whole(
            "virtualNetworks",
            "vnet",
            json!({
                "addressSpace": { "addressPrefixes": ["10.0.0.0/16"] },
            })
        ),
        whole("routeTables", "routes", json!({ "routes": [] })),
    ]);
    let children = json!([
        resource(
            "networkSecurityGroups/securityRules",
            "NSG/DenySsh",
            json!({
                "priority": 101, "direction": "Inbound", "access": "Deny", "protocol": "Tcp",
                "sourceAddressPrefix": "*", "sourcePortRange": "*",
                "destinationAddressPrefix": "*", "destinationPortRange": "22",
            })
        ),
        resource("virtualNetworks/subnets", "vnet/app", json!({ "addressPrefix": "10.0.0.0/24" })),
        resource(
            "virtualNetworks/virtualNetworkPeerings",
            "vnet/peer",
            json!({
                "remoteVirtualNetwork": { "id": format!("{BASE}/virtualNetworks/other") },
                "peeringState": "Connected",
            })
        ),
        resource(
            "routeTables/routes",
            "routes/all",
            json!({
                "addressPrefix": "0.0.0.0/0", "nextHopType": "Internet",
            })
        ),
    ]);
    let joined = |first: &serde_json::Value, second: &serde_json::Value| {
        let mut all = first.as_array().unwrap().clone();
        all.extend(second.as_array().unwrap().iter().cloned());
        json!({ "resources": all }).to_string().into_bytes()
    };
    let (above, below) = (parents.to_string(), children.to_string());
    for inputs in [
        vec![joined(&parents, &children)],
        vec![joined(&children, &parents)],
        vec![above.clone().into_bytes(), below.clone().into_bytes()],
        vec![below.into_bytes(), above.into_bytes()],
    ] {
        let inputs: Vec<&[u8]> = inputs.iter().map(Vec::as_slice).collect();
        let Read { network, findings, .. } = read_all(&inputs);
        assert_eq!(texts(&findings), [] as [&str; 0]);
        let [group] = network.security_groups.as_slice() else { panic!("{network:?}") };
        assert_eq!(names(&group.rules), ["DenySsh"]);
        let [vnet] = network.virtual_networks.as_slice() else { panic!("{network:?}") };
        let subnet = ResourceId::new(&format!("{BASE}/virtualNetworks/vnet/subnets/app"));
        assert_eq!(vnet.subnets[0].id, subnet);
        assert_eq!(vnet.peerings[0].name, "peer");
        let [table] = network.route_tables.as_slice() else { panic!("{network:?}") };
        assert_eq!(table.routes[0].name, "all");
    }
    // Without their parents: each is made of its children, and missed once.
    let Read { network, findings, .. } = read_value(&children);
    assert_eq!(network.security_groups[0].rules.len(), 1);
    let missed: Vec<&str> = findings.iter().map(|finding| finding.location.pointer()).collect();
    assert!(findings.iter().all(|finding| finding.code == Code::DanglingId), "{findings:?}");
    assert_eq!(missed, ["/0", "/1", "/3"]);
}

/// S10.28: the machine or the interface tells which interface is the primary one; an expression
/// tells nothing.
#[test]
fn the_primary_interface_may_be_said_in_two_places() {
    let at = |kind: &str| format!("/subscriptions/s/resourceGroups/rg/providers/{kind}");
    let interface = |primary: serde_json::Value| {
        let id = at("Microsoft.Network/networkInterfaces/nic");
        let network =
            read_value(&json!({ "id": id, "properties": { "primary": primary } })).network;
        network.network_interfaces[0].primary
    };
    assert_eq!(interface(json!(true)), Some(true));
    assert_eq!(interface(json!(false)), Some(false));
    assert_eq!(interface(json!(null)), None);
    assert_eq!(interface(json!("[parameters('p')]")), None);
    let machine = |primary: serde_json::Value| {
        let link = |name: &str| at(&format!("Microsoft.Network/networkInterfaces/{name}"));
        let links =
            json!([{ "id": link("a") }, { "id": link("b"), "properties": { "primary": primary } }]);
        let id = at("Microsoft.Compute/virtualMachines/vm");
        let profile = json!({ "networkProfile": { "networkInterfaces": links } });
        let machine = read_value(&json!({ "id": id, "properties": profile }))
            .network
            .virtual_machines
            .remove(0);
        (machine.network_interfaces[0].known().unwrap().name().to_owned(), machine.first_is_primary)
    };
    assert_eq!(machine(json!(true)), ("b".to_owned(), true));
    assert_eq!(machine(json!(false)), ("a".to_owned(), false));
    assert_eq!(machine(json!("[parameters('p')]")), ("a".to_owned(), false));
}

/// S2.5: a group that is there without a list of rules has the six defaults, and one that is only
/// named is not there.
#[test]
fn a_group_without_a_list_of_rules_has_the_defaults() {
    let mut group = group_of(&json!([]));
    group["properties"] = json!({});
    let Read { network, findings } = read_value(&group);
    assert_eq!((network.security_groups.len(), network.security_groups[0].rules.len()), (1, 0));
    assert!(texts(&findings)[0].contains("`securityRules` is missing"), "{findings:?}");
    group.as_object_mut().unwrap().remove("properties");
    assert_eq!(read_value(&group).network.security_groups.len(), 0);
}
