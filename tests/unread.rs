//! Facts that an input holds in part, as an expression, or not at all: none of them makes a
//! definite verdict (S3.8, S10.11).

use nsg_engine::azure::read;
use nsg_engine::eval::Verdict;
use nsg_engine::model::{Direction, Flow, ResourceId};
use nsg_engine::path::Chain;
use nsg_engine::resolve::ServiceTags;
use serde_json::{Value, json};

const SSH: &str = "tcp 8.8.8.8:50000 -> 10.0.0.4:22";
const NETWORK: &str = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network";

fn id(below: &str) -> String {
    format!("{NETWORK}/{below}")
}

fn link(below: &str) -> Value {
    json!({ "id": id(below) })
}

fn resource(below: &str, properties: &Value) -> Value {
    json!({ "id": id(below), "properties": properties })
}

/// A rule on everything that comes in.
fn rule(access: &str) -> Value {
    json!({ "name": access, "properties": { "priority": 200, "direction": "Inbound",
        "access": access, "protocol": "*", "sourceAddressPrefix": "*", "sourcePortRange": "*",
        "destinationAddressPrefix": "*", "destinationPortRange": "*" } })
}

fn group(rules: &[Value]) -> Value {
    resource("networkSecurityGroups/nsg", &json!({ "securityRules": rules }))
}

fn interface(configuration: &Value, more: &Value) -> Value {
    let mut properties = json!({ "privateIPAddress": "10.0.0.4",
        "subnet": link("virtualNetworks/hub/subnets/app") });
    merge(&mut properties, configuration);
    let mut interface =
        json!({ "ipConfigurations": [{ "name": "one", "properties": properties }] });
    merge(&mut interface, more);
    resource("networkInterfaces/nic", &interface)
}

fn interface_with_group() -> Value {
    interface(&json!({}), &json!({ "networkSecurityGroup": link("networkSecurityGroups/nsg") }))
}

fn virtual_network(more: &Value, subnet: &Value) -> Value {
    let mut properties = json!({ "addressPrefix": "10.0.0.0/24" });
    merge(&mut properties, subnet);
    let subnet = json!({ "name": "app", "id": id("virtualNetworks/hub/subnets/app"),
        "properties": properties });
    let mut network = json!({ "addressSpace": { "addressPrefixes": ["10.0.0.0/16"] },
        "subnets": [subnet] });
    merge(&mut network, more);
    resource("virtualNetworks/hub", &network)
}

fn plain_network() -> Value {
    virtual_network(&json!({}), &json!({}))
}

fn merge(all: &mut Value, more: &Value) {
    for (name, value) in more.as_object().unwrap() {
        all[name] = value.clone();
    }
}

/// What the chain of the interface says to a flow that comes in, and why it does not know.
fn answer(resources: &[Value], flow: &str) -> (Verdict, Vec<String>) {
    let read = read(json!(resources).to_string().as_bytes()).unwrap();
    let topology = read.network.bind(ServiceTags::built_in());
    let interface = topology.network().interface_called("nic").unwrap();
    let configuration = &interface.ip_configurations[0];
    let chain = Chain::of_interface(&topology, interface, configuration, Direction::Inbound);
    let flow: Flow = flow.parse().unwrap();
    let trace = chain.trace(&flow);
    assert_eq!(trace.verdict(), chain.evaluate(&flow).verdict());
    (trace.verdict(), trace.unresolved().iter().map(ToString::to_string).collect())
}

#[track_caller]
fn is_open(resources: &[Value], flow: &str, reason: &str) {
    for resources in [resources.to_vec(), resources.iter().rev().cloned().collect()] {
        let (verdict, reasons) = answer(&resources, flow);
        assert_eq!(verdict, Verdict::Indeterminate, "{resources:?}");
        assert!(reasons.iter().any(|one| one.contains(reason)), "{reasons:?}");
    }
}

#[track_caller]
fn is_definite(resources: &[Value], flow: &str, expected: Verdict) {
    for resources in [resources.to_vec(), resources.iter().rev().cloned().collect()] {
        assert_eq!(answer(&resources, flow), (expected, vec![]), "{resources:?}");
    }
}

#[test]
fn properties_that_are_an_expression_may_hold_anything() {
    let closed = json!({ "id": id("networkSecurityGroups/nsg"), "properties": "[variables('p')]" });
    is_open(&[closed, plain_network(), interface_with_group()], SSH, "[variables('p')]");
    let subnet = json!({ "name": "app", "id": id("virtualNetworks/hub/subnets/app"),
        "properties": "[variables('p')]" });
    let network = virtual_network(&json!({ "subnets": [subnet] }), &json!({}));
    let open = [group(&[rule("Allow")]), network, interface_with_group()];
    is_open(&open, SSH, "[variables('p')]");
}

/// S4.4, S4.5, S4.6.
#[test]
fn what_extends_the_virtual_network_tag_may_be_unknown() {
    let at = |network: Value, more: &[Value]| {
        let mut all = vec![group(&[]), interface_with_group(), network];
        all.extend_from_slice(more);
        all
    };
    let from = |address: &str| format!("tcp {address}:50000 -> 10.0.0.4:22");
    let table = json!({ "routeTable": link("routeTables/table") });
    let routes = resource("routeTables/table", &json!({ "routes": "[parameters('r')]" }));
    let routed = at(virtual_network(&json!({}), &table), &[routes]);
    is_open(&routed, SSH, "table");

    let unknown = json!({ "virtualNetworkPeerings": "[parameters('p')]" });
    let joined = at(virtual_network(&unknown, &json!({})), &[]);
    is_open(&joined, &from("10.1.0.4"), "[parameters('p')]");

    let peered = |more: Value| {
        let mut peering = json!({ "peeringState": "Connected",
            "remoteVirtualNetwork": link("virtualNetworks/spoke"),
            "remoteAddressSpace": { "addressPrefixes": ["10.1.0.0/16"] } });
        merge(&mut peering, &more);
        let peerings =
            json!({ "virtualNetworkPeerings": [{ "name": "to", "properties": peering }] });
        at(virtual_network(&peerings, &json!({})), &[])
    };
    is_definite(&peered(json!({})), &from("10.1.0.4"), Verdict::Allow);
    let expression = "[parameters('x')]";
    for member in ["allowVirtualNetworkAccess", "peerCompleteVnets"] {
        is_open(&peered(json!({ member: expression })), &from("10.1.0.4"), "to");
        is_open(&peered(json!({ member: 1 })), &from("10.1.0.4"), "to");
    }
    let gateway = peered(json!({ "useRemoteGateways": expression }));
    is_open(&gateway, &from("192.168.1.4"), "spoke");
    is_definite(&gateway, &from("10.1.0.4"), Verdict::Allow);
    let local = json!({ "peerCompleteVnets": false, "localSubnetNames": expression,
        "remoteSubnetNames": ["any"] });
    is_open(&peered(local), &from("10.1.0.4"), "to");
    let remote = json!({ "peerCompleteVnets": false, "remoteSubnetNames": [expression] });
    is_open(&peered(remote), &from("10.1.0.4"), "to");
}

#[test]
fn memberships_that_are_an_expression_may_be_any() {
    let mut deny = rule("Deny");
    deny["properties"]["destinationAddressPrefix"] = Value::Null;
    deny["properties"]["destinationApplicationSecurityGroups"] =
        json!([link("applicationSecurityGroups/web")]);
    deny["properties"]["priority"] = json!(100);
    let groups = json!({ "applicationSecurityGroups": "[parameters('a')]" });
    let linked = json!({ "networkSecurityGroup": link("networkSecurityGroups/nsg") });
    let all = [group(&[deny, rule("Allow")]), plain_network(), interface(&groups, &linked)];
    is_open(&all, SSH, "[parameters('a')]");
}

/// S3.33.
#[test]
fn an_interface_of_a_private_endpoint_is_filtered_as_its_subnet_says() {
    let subnet = |policies: Option<Value>| {
        let mut subnet = json!({ "networkSecurityGroup": link("networkSecurityGroups/nsg") });
        if let Some(policies) = policies {
            subnet["privateEndpointNetworkPolicies"] = policies;
        }
        virtual_network(&json!({}), &subnet)
    };
    let nic = json!({ "privateEndpoint": link("privateEndpoints/endpoint") });
    let owned = interface(&json!({}), &nic);
    let all = |network: Value| [group(&[rule("Deny")]), network, owned.clone()];
    is_definite(&all(subnet(Some(json!("Disabled")))), SSH, Verdict::Allow);
    is_definite(&all(subnet(None)), SSH, Verdict::Allow);
    is_definite(&all(subnet(Some(json!("Enabled")))), SSH, Verdict::Deny);
    let endpoint = resource(
        "privateEndpoints/endpoint",
        &json!({ "subnet": link("virtualNetworks/hub/subnets/app") }),
    );
    let mut known = all(subnet(None)).to_vec();
    known.push(endpoint);
    is_definite(&known, SSH, Verdict::Allow);
    for unknown in [json!("[parameters('p')]"), json!("Sometimes"), json!(true)] {
        let text = unknown.as_str().unwrap_or("(true)").to_owned();
        is_open(&all(subnet(Some(unknown))), SSH, &text);
    }
    // The copy that says something counts, in whichever order they come.
    let copies =
        [group(&[rule("Deny")]), plain_network(), subnet(Some(json!("Enabled"))), owned.clone()];
    is_definite(&copies, SSH, Verdict::Deny);
}

const MANAGER: &str = "networkManagers/manager";
const CONFIGURATION: &str = "networkManagers/manager/securityAdminConfigurations/config";

/// An open site below an admin rule that denies everything, with a network group of the network.
fn governed(subnet: &Value) -> [Value; 7] {
    let collection = format!("{CONFIGURATION}/ruleCollections/all");
    let applies = json!([{ "networkGroupId": id(&format!("{MANAGER}/networkGroups/group")) }]);
    let never = json!({ "priority": 1, "direction": "Inbound", "access": "Deny",
        "protocol": "Any", "sources": [], "destinations": [],
        "sourcePortRanges": ["0-65535"], "destinationPortRanges": ["0-65535"] });
    [
        resource(CONFIGURATION, &json!({ "applyOnNetworkIntentPolicyBasedServices": ["None"] })),
        resource(&collection, &json!({ "appliesToGroups": applies })),
        resource(&format!("{collection}/rules/Never"), &never),
        resource(&format!("{MANAGER}/networkGroups/group"), &json!({})),
        resource(
            &format!("{MANAGER}/networkGroups/group/staticMembers/hub"),
            &json!({ "resourceId": id("virtualNetworks/hub") }),
        ),
        virtual_network(&json!({}), subnet),
        interface(&json!({}), &json!({})),
    ]
}

fn with(mut all: [Value; 7], position: usize, properties: &Value) -> [Value; 7] {
    merge(&mut all[position]["properties"], properties);
    all
}

/// S6.1.
#[test]
fn where_admin_rules_apply_may_be_unknown() {
    let plain = || governed(&json!({}));
    is_definite(&plain(), SSH, Verdict::Deny);
    let elsewhere = json!({ "resourceId": id("virtualNetworks/other") });
    is_definite(&with(plain(), 4, &elsewhere), SSH, Verdict::Allow);
    let conditional = json!({ "conditionalMembership": "{}" });
    is_open(&with(with(plain(), 4, &elsewhere), 3, &conditional), SSH, "group");
    let member = json!({ "resourceId": "[parameters('m')]" });
    is_open(&with(plain(), 4, &member), SSH, "group");
    let applies = json!({ "appliesToGroups": "[parameters('g')]" });
    is_open(&with(plain(), 1, &applies), SSH, "[parameters('g')]");
    let [configuration, _, rest @ ..] = plain();
    let without: Vec<Value> = [configuration].into_iter().chain(rest).collect();
    is_open(&without, SSH, "ruleCollections/all`, which is not in the input");
}

/// S6.14, with the shape of an export: the ids of both managers lie in a resource group.
#[test]
fn which_of_two_managers_comes_first_may_be_unknown() {
    let of = |text: &str| text.replace("manager", "other");
    let allow = json!({ "priority": 4000, "direction": "Inbound", "access": "AlwaysAllow",
        "protocol": "Any", "sources": [], "destinations": [],
        "sourcePortRanges": [], "destinationPortRanges": [] });
    let other = |scopes: Option<Value>| {
        let mut all = governed(&json!({})).to_vec();
        let [configuration, collection] =
            [CONFIGURATION, &format!("{CONFIGURATION}/ruleCollections/all")].map(of);
        let group = format!("{MANAGER}/networkGroups/group");
        all.push(resource(
            &configuration,
            &json!({ "applyOnNetworkIntentPolicyBasedServices": [] }),
        ));
        all.push(resource(
            &collection,
            &json!({ "appliesToGroups": [{ "networkGroupId": id(&group) }] }),
        ));
        all.push(resource(&format!("{collection}/rules/Always"), &allow));
        all.push(resource(
            MANAGER,
            &json!({ "networkManagerScopes": { "subscriptions": ["s"], "managementGroups": [] } }),
        ));
        all.extend(
            scopes.map(|scopes| resource(&of(MANAGER), &json!({ "networkManagerScopes": scopes }))),
        );
        all
    };
    let root =
        json!({ "managementGroups": ["/providers/Microsoft.Management/managementGroups/mg"] });
    is_definite(&other(Some(root)), SSH, Verdict::Allow);
    is_definite(&other(Some(json!({ "subscriptions": ["t"] }))), SSH, Verdict::Deny);
    let expression = "[parameters('s')]";
    is_open(&other(Some(json!(expression))), SSH, expression);
    is_open(&other(Some(json!({ "managementGroups": [expression] }))), SSH, expression);
    is_open(&other(None), SSH, "networkManagers/other`, which is not in the input");
}

/// S6.15.
#[test]
fn what_services_with_intent_policies_get_may_be_unknown() {
    let service = json!({ "delegations": [{ "name": "d",
        "properties": { "serviceName": "Microsoft.Databricks/workspaces" } }] });
    let says = |services: Value| json!({ "applyOnNetworkIntentPolicyBasedServices": services });
    is_definite(&governed(&service), SSH, Verdict::Allow);
    is_definite(&with(governed(&service), 0, &says(json!(["All"]))), SSH, Verdict::Deny);
    let expression = "[parameters('s')]";
    for services in [json!(expression), json!([expression])] {
        is_open(&with(governed(&service), 0, &says(services)), SSH, expression);
    }
    let without = governed(&service)[1..].to_vec();
    is_open(&without, SSH, "config`, which is not in the input");
    is_definite(&governed(&json!({}))[1..], SSH, Verdict::Deny);
    let unknown = governed(&json!({ "delegations": expression }));
    is_open(&unknown, SSH, expression);
    let any = with(unknown, 0, &says(json!(["All"])));
    is_definite(&any, SSH, Verdict::Deny);
}

/// S5.4.
#[test]
fn a_route_that_may_be_the_default_route_leaves_licensing_open() {
    let table = json!({ "routeTable": link("routeTables/table") });
    let routes = resource("routeTables/table", &json!({ "routes": "[parameters('r')]" }));
    let closed = json!({ "name": "Closed", "properties": { "priority": 100,
        "direction": "Outbound", "access": "Deny", "protocol": "*", "sourceAddressPrefix": "*",
        "sourcePortRange": "*", "destinationAddressPrefix": "*", "destinationPortRange": "*" } });
    let all =
        [group(&[closed]), virtual_network(&json!({}), &table), routes, interface_with_group()];
    let read = read(json!(all).to_string().as_bytes()).unwrap();
    let topology = read.network.bind(ServiceTags::built_in());
    let interface = topology.network().interface_called("nic").unwrap();
    let configuration = &interface.ip_configurations[0];
    let chain = Chain::of_interface(&topology, interface, configuration, Direction::Outbound);
    let licensing: Flow = "tcp 10.0.0.4:50000 -> 23.102.135.246:1688".parse().unwrap();
    assert_eq!(chain.evaluate(&licensing).verdict(), Verdict::Indeterminate);
    assert!(topology.route_table(&ResourceId::new(&id("routeTables/table"))).is_some());
}

/// An object without what Azure always prints only names a resource; in a template it is whole.
#[test]
fn a_resource_without_contents_is_a_reference() {
    let bare = json!({ "id": id("networkSecurityGroups/nsg") });
    is_open(&[bare.clone(), plain_network(), interface_with_group()], SSH, "nsg");
    let mut of_template = bare;
    of_template["apiVersion"] = json!("2024-05-01");
    is_definite(&[of_template, plain_network(), interface_with_group()], SSH, Verdict::Deny);

    let subnets = json!({ "subnets": [{ "id": id("virtualNetworks/hub/subnets/app") }] });
    let network = virtual_network(&subnets, &json!({}));
    is_open(&[group(&[rule("Allow")]), network, interface_with_group()], SSH, "app");

    let table = json!({ "routeTable": link("routeTables/table") });
    let network = virtual_network(&json!({}), &table);
    let bare = json!({ "id": id("routeTables/table") });
    is_open(&[group(&[]), network, bare, interface_with_group()], SSH, "table");
}

/// S1.48.
#[test]
fn a_list_that_was_cut_leaves_memberships_open() {
    let mut deny = rule("Deny");
    deny["properties"]["destinationAddressPrefix"] = Value::Null;
    deny["properties"]["destinationApplicationSecurityGroups"] =
        json!([link("applicationSecurityGroups/web")]);
    deny["properties"]["priority"] = json!(100);
    let all = [group(&[deny, rule("Allow")]), plain_network(), interface_with_group()];
    is_definite(&all, SSH, Verdict::Allow);
    let cut = json!({ "value": all, "nextLink": "https://management.azure.com/more" });
    let read = read(cut.to_string().as_bytes()).unwrap();
    assert!(read.findings.iter().any(|finding| finding.message.contains("nextLink")));
    let topology = read.network.bind(ServiceTags::built_in());
    let interface = topology.network().interface_called("nic").unwrap();
    let configuration = &interface.ip_configurations[0];
    let chain = Chain::of_interface(&topology, interface, configuration, Direction::Inbound);
    assert_eq!(chain.evaluate(&SSH.parse().unwrap()).verdict(), Verdict::Indeterminate);
}
