//! The verbs that answer for all flows, as a script sees them.

use crate::cli::{json_of, run, status, stderr, stdout};

/// The repair of the example's network opens what it is meant to open and nothing else.
#[test]
fn diff_says_exactly_what_the_repair_opens() {
    let answer = json_of(&["diff", "network.json", "network-fixed.json", "--nsg", "nsg-vm"]);
    assert_eq!(answer["equivalent"], false);
    let opened = &answer["groups"][0]["opened"];
    assert_eq!(opened.as_array().unwrap().len(), 1);
    assert_eq!(opened[0]["protocol"], serde_json::json!(["tcp"]));
    assert_eq!(opened[0]["source"], serde_json::json!(["10.0.1.0/26"]));
    assert_eq!(opened[0]["sourcePort"], serde_json::json!(["*"]));
    assert_eq!(opened[0]["destinationPort"], serde_json::json!(["22"]));
    assert_eq!(opened[0]["before"], "securityRules/DenyVnetInBound");
    assert_eq!(opened[0]["after"], "securityRules/AllowSshFromBastion");
    for group in answer["groups"].as_array().unwrap() {
        assert_eq!(group["closed"], serde_json::json!([]));
    }
}

/// The whole path of an interface, in place of groups by themselves.
#[test]
fn diff_compares_the_whole_path_of_an_interface() {
    for asked in [&["--nic", "vm-web-01-nic"][..], &["--all-nics"]] {
        let answer = json_of(&[&["diff", "network.json", "network-fixed.json"], asked].concat());
        assert_eq!(answer["groups"], serde_json::json!([]));
        let inbound = &answer["interfaces"][0];
        assert_eq!(inbound["nic"], "vm-web-01-nic");
        assert_eq!(inbound["direction"], "Inbound");
        assert_eq!(inbound["opened"][0]["source"], serde_json::json!(["10.0.1.0/26"]));
        assert_eq!(inbound["opened"][0]["destination"], serde_json::json!(["10.0.0.4/32"]));
        assert_eq!(inbound["closed"], serde_json::json!([]));
    }
    let typo = ["diff", "network.json", "network.json", "--nic", "vm-web-01"];
    assert_eq!(status(&typo), 2);
}

#[test]
fn diff_tells_what_another_service_tag_file_changes() {
    let folder = std::env::temp_dir().join(format!("nsg-tags-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let catalogue = |prefixes: &str| {
        format!(
            r#"{{"changeNumber": 1, "cloud": "Public", "values": [{{"name": "Sql", "id": "Sql",
                "properties": {{"changeNumber": 1, "region": "", "platform": "Azure",
                "systemService": "AzureSQL", "addressPrefixes": [{prefixes}]}}}}]}}"#
        )
    };
    let old = file("old.json", catalogue(r#""20.0.0.0/24""#));
    let new = file("new.json", catalogue(r#""20.0.0.0/24", "20.0.1.0/25""#));
    let group = file("nsg.json", GROUP.replace("192.0.2.4", "Sql").replace("Deny", "Allow"));
    for option in ["--new-service-tags", "--service-tags-new"] {
        let vnet = ["--virtual-network", "10.0.0.0/16"];
        let tags = ["--service-tags", &old, option, &new];
        let answer = json_of(&[&["diff", &group][..], &vnet, &tags].concat());
        assert_eq!(
            answer["serviceTags"],
            serde_json::json!([{"tag": "Sql", "added": ["20.0.1.0/25"], "removed": []}])
        );
        assert_eq!(answer["equivalent"], false);
        let opened = answer["groups"][0]["opened"].as_array().unwrap();
        assert_eq!(opened.len(), 1);
        assert_eq!(opened[0]["destination"], serde_json::json!(["20.0.1.0/25"]));
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn diff_tells_scripts_whether_anything_changed() {
    let change = ["diff", "network.json", "network-fixed.json", "--exit-code"];
    assert_eq!(status(&change), 1);
    assert_eq!(status(&["diff", "network.json", "network.json", "--exit-code"]), 0);
    let same = run(&["diff", "network.json", "network.json"]);
    assert_eq!(stdout(&same), "equivalent: the same traffic passes\n");
    let one = run(&["diff", "network.json"]);
    assert_eq!(one.status.code(), Some(2));
    assert!(stderr(&one).contains("OLD NEW"), "{}", stderr(&one));
    let typo = run(&["diff", "network.json", "network.json", "--nsg", "nsg-vn"]);
    assert_eq!(typo.status.code(), Some(2));
}

#[test]
fn diff_says_what_to_supply_and_which_of_two_namesakes() {
    let one = GROUP.replace("192.0.2.4", "Sql").replace("Deny", "Allow");
    let other = one.replace("/r/", "/other/");
    let old = Scratch::new("old.json", &format!("[{one}, {other}]"));
    let new = Scratch::new("new.json", &format!("[{one}, {}]", other.replace("Sql", "*")));
    let asked = ["diff", old.path(), new.path(), "--virtual-network", "10.0.0.0/16"];
    let answer = json_of(&asked);
    let open = |group: &serde_json::Value| !group["unsettled"].as_array().unwrap().is_empty();
    let groups = answer["groups"].as_array().unwrap();
    let ids: Vec<&str> =
        groups.iter().filter(|one| open(one)).map(|one| one["id"].as_str().unwrap()).collect();
    assert!(!ids.is_empty() && ids.iter().all(|id| id.contains("/other/")), "{ids:?}");
    let unsettled = groups.iter().flat_map(|one| one["unsettled"].as_array().unwrap());
    for region in unsettled {
        assert!(region["unknown"][0].as_str().unwrap().contains("`Sql`"), "{region}");
    }
    let text = stdout(&run(&asked));
    assert!(text.contains(ids[0]), "{text}");
}

/// Where groups stay as they are and only what they are attached to changes, other traffic passes
/// all the same.
#[test]
fn diff_tells_what_is_attached_elsewhere() {
    let text = include_str!("../examples/data/network.json");
    let mut input: serde_json::Value = serde_json::from_str(text).unwrap();
    let resources = input["resources"].as_array_mut().unwrap();
    let kind = |one: &serde_json::Value, kind: &str| one["type"].as_str().unwrap().ends_with(kind);
    let nic = resources.iter_mut().find(|one| kind(one, "/networkInterfaces")).unwrap();
    let group = nic["properties"]["networkSecurityGroup"].take();
    assert!(group["id"].is_string(), "{group}");
    let detached = Scratch::new("detached.json", &input.to_string());
    let same_groups = ["diff", "network.json", detached.path()];

    let answer = json_of(&same_groups);
    assert_eq!(answer["equivalent"], false);
    let attachment = &answer["attachments"][0];
    assert!(attachment["nic"].as_str().unwrap().ends_with("/vm-web-01-nic"), "{attachment}");
    assert_eq!(attachment["before"], group["id"]);
    assert_eq!(attachment["after"], serde_json::Value::Null);
    let opened = |answer: &serde_json::Value| {
        let all = answer["interfaces"].as_array().unwrap().iter();
        all.map(|one| one["opened"].as_array().unwrap().len()).sum::<usize>()
    };
    assert!(opened(&answer) > 0, "{answer}");
    let whole = json_of(&[&same_groups[..], &["--all-nics"]].concat());
    assert_eq!(answer["interfaces"], whole["interfaces"]);
    assert_eq!(status(&[&same_groups[..], &["--exit-code"]].concat()), 1);
    let text = stdout(&run(&same_groups));
    let line = "network interface `vm-web-01-nic`: `nsg-vm` was attached, now no security group\n";
    assert!(text.starts_with(line), "{text}");

    // Of one group by itself, only where it is attached itself.
    let asked = |name: &str| json_of(&[&same_groups[..], &["--nsg", name]].concat());
    assert_eq!(asked("nsg-vm")["equivalent"], false);
    assert_eq!(asked("nsg-bastion")["equivalent"], true);

    // Without an interface nothing tells what another change does to traffic.
    let without = |kinds: &[&str]| {
        let mut input = input.clone();
        let resources = input["resources"].as_array_mut().unwrap();
        resources.retain(|one| !kinds.iter().any(|name| kind(one, name)));
        input.to_string()
    };
    let bare = Scratch::new("bare.json", &without(&["/networkInterfaces"]));
    let other = Scratch::new("other.json", &without(&["/networkInterfaces", "/bastionHosts"]));
    assert_eq!(json_of(&["diff", bare.path(), bare.path()])["equivalent"], true);
    assert_eq!(json_of(&["diff", bare.path(), other.path()])["equivalent"], false);
    assert_eq!(status(&["diff", bare.path(), other.path(), "--exit-code"]), 3);
    let text = stdout(&run(&["diff", bare.path(), other.path()]));
    assert!(text.starts_with("not known to be equivalent: "), "{text}");
}

/// A file for the time of a test.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("nsg-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Of a resource without an id, nothing can be said.
#[test]
fn lint_does_not_call_what_it_could_not_read_clean() {
    let input = r#"{"resources": [{"type": "Microsoft.Network/networkSecurityGroups",
        "properties": {"securityRules": []}}]}"#;
    let file = Scratch::new("without-id.json", input);
    let output = run(&["lint", file.path(), "--exit-code"]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(stdout(&output), "nothing found in what could be read: the input has a problem\n");
    assert!(stderr(&output).contains("/resources/0: the resource has neither an id"));
    assert_eq!(json_of(&["lint", file.path()])["inputProblems"], 1);

    let cut = r#"{"value": [{"id": "/g/networkSecurityGroups/nsg", "properties": {"securityRules":
        []}, "type": "Microsoft.Network/networkSecurityGroups"}], "nextLink": "https://next"}"#;
    let file = Scratch::new("cut.json", cut);
    let output = run(&["lint", file.path(), "--code", "any-any-allow", "--exit-code"]);
    assert_eq!(output.status.code(), Some(3), "{}", stdout(&output));
}

/// A list of blocks with a hole in it is written as what is around the hole, except the hole.
#[test]
fn long_lists_of_blocks_are_written_with_exceptions() {
    let input = r#"{"resources": [
        {"id": "/v/virtualNetworks/vnet", "type": "Microsoft.Network/virtualNetworks",
         "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": [
           {"name": "app", "properties": {"addressPrefix": "10.0.0.0/24",
            "networkSecurityGroup": {"id": "/g/networkSecurityGroups/nsg-app"}}}]}},
        {"id": "/g/networkSecurityGroups/nsg-app", "type": "Microsoft.Network/networkSecurityGroups",
         "properties": {"securityRules": [{"name": "A", "properties": {"priority": 100,
           "direction": "Inbound", "access": "Allow", "protocol": "Tcp", "sourcePortRange": "*",
           "sourceAddressPrefix": "Storage", "destinationAddressPrefix": "*",
           "destinationPortRange": "443"}}]}},
        {"id": "/n/networkInterfaces/nic", "type": "Microsoft.Network/networkInterfaces",
         "properties": {"ipConfigurations": [{"name": "a", "properties": {"primary": true,
           "privateIPAddress": "10.0.0.4",
           "subnet": {"id": "/v/virtualNetworks/vnet/subnets/app"}}}]}}]}"#;
    let file = Scratch::new("holes.json", input);
    let text = stdout(&run(&["exposure", file.path(), "--from", "*"]));
    for region in [
        "! * (10.0.0.0/16 except 10.0.0.4/32),168.63.129.16/32:* -> 10.0.0.4/32:*\n",
        "? tcp (Internet except 168.63.129.16/32):* -> 10.0.0.4/32:443\n",
    ] {
        assert!(text.contains(region), "{text}");
    }
    // In JSON, every block stands for itself.
    let exposed = &json_of(&["exposure", file.path(), "--from", "*"])["interfaces"][0]["exposed"];
    assert_eq!(exposed[0]["source"].as_array().unwrap().len(), 17);
}

#[test]
fn exposure_names_what_the_internet_reaches() {
    let answer = json_of(&["exposure", "network.json"]);
    let interface = &answer["interfaces"][0];
    assert_eq!(interface["nic"], "vm-web-01-nic");
    let exposed = interface["exposed"].as_array().unwrap();
    assert_eq!(exposed.len(), 1);
    assert_eq!(exposed[0]["protocol"], serde_json::json!(["tcp"]));
    assert_eq!(exposed[0]["destinationPort"], serde_json::json!(["80", "443"]));
    assert_eq!(exposed[0]["rule"], "securityRules/AllowHttpsInBound");
    let text = stdout(&run(&["exposure", "network.json"]));
    assert!(text.contains("tcp Internet:* -> 10.0.0.4/32:80,443"), "{text}");
    assert_eq!(status(&["exposure", "network.json", "--exit-code"]), 1);
    let none = ["exposure", "network.json", "--from", "192.0.2.0/24", "--exit-code"];
    assert_eq!(status(&none), 0);
    let bare = Scratch::new(
        "nic.json",
        r#"{"type": "Microsoft.Network/networkInterfaces", "name": "nic", "id": "/x/nic"}"#,
    );
    let answer = json_of(&["exposure", bare.path()]);
    assert_eq!(answer["unanswered"][0]["nic"], "nic");
    assert_eq!(status(&["exposure", bare.path(), "--exit-code"]), 3);
    let text = stdout(&run(&["exposure", bare.path()]));
    assert!(text.starts_with("nic: not known what reaches it: "), "{text}");
}

/// A plus and a minus both begin an item of a list in Markdown.
#[test]
fn opened_and_closed_are_told_apart_in_markdown() {
    let markdown = |old, new| stdout(&run(&["diff", old, new, "--format", "markdown"]));
    let region = "`tcp 10.0.1.0/26:* -> 10.0.0.4/32:22`";
    let opened = markdown("network.json", "network-fixed.json");
    assert!(opened.contains(&format!("\n  - opened: {region}\n")), "{opened}");
    let closed = markdown("network-fixed.json", "network.json");
    assert!(closed.contains(&format!("\n  - closed: {region}\n")), "{closed}");
}

#[test]
fn lint_finds_rules_that_never_decide_and_explains_its_codes() {
    let file = Scratch::new("lint.json", GROUP);
    let path = file.path();
    // Where the virtual network is not known, it may hold what is pinged.
    let careful = json_of(&["lint", path, "--code", "redundant-rule"]);
    assert_eq!(careful["findings"], serde_json::json!([]));
    let answer = json_of(&["lint", path, "--virtual-network", "10.0.0.0/16"]);
    let found: Vec<(&str, &str)> = answer["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["code"].as_str().unwrap(), one["rule"].as_str().unwrap_or_default()))
        .collect();
    for expected in [
        ("shadowed-rule", "securityRules/DenySsh"),
        ("redundant-rule", "securityRules/DenyPing"),
        ("icmp-rule-with-ports", "securityRules/DenyPing"),
        ("unattached-group", ""),
    ] {
        assert!(found.contains(&expected), "{expected:?} in {found:?}");
    }
    let shadowed = &json_of(&["lint", path, "--code", "shadowed-rule"])["findings"];
    assert_eq!(shadowed.as_array().unwrap().len(), 1);
    assert_eq!(
        shadowed[0]["by"],
        serde_json::json!(["securityRules/AllowLow", "securityRules/AllowHigh"])
    );
    assert_eq!(shadowed[0]["severity"], "error");
    assert_eq!(shadowed[0]["pointer"], "/properties/securityRules/2");
    assert_eq!(status(&["lint", path, "--exit-code"]), 1);
    let explained = stdout(&run(&["lint", "--explain", "shadowed-rule"]));
    assert!(explained.contains("never decides"), "{explained}");
    assert_eq!(status(&["lint", "--explain", "shadowed"]), 2);
    // Only code can state contracts.
    let contracts = run(&["lint", path, "--code", "contract-broken"]);
    assert_eq!(contracts.status.code(), Some(2));
    assert!(stderr(&contracts).contains("lint_contracts"), "{}", stderr(&contracts));
}

const GROUP: &str = r#"{
  "id": "/subscriptions/s/resourceGroups/r/providers/Microsoft.Network/networkSecurityGroups/nsg",
  "name": "nsg", "type": "Microsoft.Network/networkSecurityGroups",
  "properties": { "securityRules": [
    { "name": "AllowLow", "properties": { "priority": 200, "direction": "Inbound", "access": "Allow",
      "protocol": "*", "sourceAddressPrefix": "10.0.0.0/9", "sourcePortRange": "*",
      "destinationAddressPrefix": "*", "destinationPortRange": "*" } },
    { "name": "AllowHigh", "properties": { "priority": 210, "direction": "Inbound", "access": "Allow",
      "protocol": "*", "sourceAddressPrefix": "10.128.0.0/9", "sourcePortRange": "*",
      "destinationAddressPrefix": "*", "destinationPortRange": "*" } },
    { "name": "DenySsh", "properties": { "priority": 220, "direction": "Inbound", "access": "Deny",
      "protocol": "Tcp", "sourceAddressPrefix": "10.0.0.0/8", "sourcePortRange": "*",
      "destinationAddressPrefix": "*", "destinationPortRange": "22" } },
    { "name": "DenyPing", "properties": { "priority": 230, "direction": "Inbound", "access": "Deny",
      "protocol": "Icmp", "sourceAddressPrefix": "8.8.8.8", "sourcePortRange": "*",
      "destinationAddressPrefix": "192.0.2.4", "destinationPortRange": "8" } } ] } }"#;
