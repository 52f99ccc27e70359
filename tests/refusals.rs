//! What Azure refuses, and what no program should be handed: every code, both modes, and inputs
//! that are broken in every other way.

use nsg_engine::azure::{Read, Reader, read};
use nsg_engine::model::{AddressItem, Mode, SecurityRule};
use nsg_engine::report::{Code, Finding, Severity};
use serde_json::{Value, json};

/// A group with one rule: a correct one, with these members changed.
fn group_with(changes: &Value) -> Value {
    let mut properties = json!({
        "protocol": "Tcp", "sourcePortRange": "*", "destinationPortRange": "22",
        "sourceAddressPrefix": "*", "destinationAddressPrefix": "*",
        "access": "Allow", "priority": 100, "direction": "Inbound",
    });
    let members = properties.as_object_mut().unwrap();
    let mut name = json!("rule");
    for (key, value) in changes.as_object().unwrap() {
        if key == "name" {
            name = value.clone();
        } else {
            members.insert(key.clone(), value.clone());
        }
    }
    json!({
        "id": "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/networkSecurityGroups/nsg",
        "properties": { "securityRules": [{ "name": name, "properties": properties }] },
    })
}

fn read_in(mode: Mode, document: &Value) -> Read {
    let mut reader = Reader::new(mode);
    reader.add("nsg.json", document.to_string().as_bytes()).unwrap();
    reader.finish()
}

fn only_rule(read: &Read) -> &SecurityRule {
    let [group] = read.network.security_groups.as_slice() else { panic!("one group") };
    let [rule] = group.rules.as_slice() else { panic!("one rule") };
    rule
}

fn summary(findings: &[Finding]) -> Vec<(Severity, &'static str, String)> {
    const RULE: &str = "/properties/securityRules/0/";
    let place = |finding: &Finding| {
        let pointer = finding.location.pointer();
        let member = pointer.strip_prefix(RULE).unwrap_or(pointer);
        member.strip_prefix("properties/").unwrap_or(member).to_owned()
    };
    findings
        .iter()
        .map(|finding| (finding.severity, finding.code.as_str(), place(finding)))
        .collect()
}

/// What Azure refuses but can be understood: an error in strict mode, a warning in lenient mode,
/// and the same rule in both. The last column is what the rule then says.
#[test]
fn what_can_be_understood_is_a_warning_unless_strict() {
    let plural =
        |list: Value| json!({ "sourceAddressPrefix": null, "sourceAddressPrefixes": list });
    let long = "d".repeat(141);
    let cases: Vec<(Value, &str, &str, &str)> = vec![
        // E1, T21: the word any, and lists in the field for one range (S1.20).
        (
            json!({ "destinationPortRange": "any" }),
            "SecurityRuleInvalidPortRange",
            "destinationPortRange",
            "*:*",
        ),
        (
            json!({ "destinationPortRange": "80,443" }),
            "SecurityRuleInvalidPortRange",
            "destinationPortRange",
            "*:80,443",
        ),
        // Blanks inside a range (S1.16, S1.21).
        (
            json!({ "destinationPortRange": "80 - 90" }),
            "SecurityRuleInvalidPortRange",
            "destinationPortRange",
            "*:80-90",
        ),
        // E2: the word any, lists, and names of the classic model (S1.33, S1.35, S1.40).
        (
            json!({ "sourceAddressPrefix": "any" }),
            "SecurityRuleInvalidAddressPrefix",
            "sourceAddressPrefix",
            "*:22",
        ),
        (
            json!({ "sourceAddressPrefix": "10.0.0.0/8, 192.0.2.1" }),
            "SecurityRuleInvalidAddressPrefix",
            "sourceAddressPrefix",
            "10.0.0.0/8,192.0.2.1/32:22",
        ),
        (
            json!({ "sourceAddressPrefix": "VIRTUAL_NETWORK" }),
            "SecurityRuleInvalidAddressPrefix",
            "sourceAddressPrefix",
            "VirtualNetwork:22",
        ),
        // E4, T18: wildcards and tags in a list, even alone (S1.29).
        (
            plural(json!(["Internet"])),
            "SecurityRuleParameterContainsUnsupportedValue",
            "sourceAddressPrefixes/0",
            "Internet:22",
        ),
        (
            plural(json!(["10.0.0.0/8", "*"])),
            "SecurityRuleParameterContainsUnsupportedValue",
            "sourceAddressPrefixes/1",
            "10.0.0.0/8,*:22",
        ),
        // E5, T22.
        (
            json!({ "destinationPortRange": "", "destinationPortRanges": ["*"] }),
            "SecurityRuleParameterContainsInvalidPortRanges",
            "destinationPortRanges/0",
            "*:*",
        ),
        // E6, T19, duplicates included (S1.38).
        (
            plural(json!(["10.0.0.0/8", "10.0.0.0/16"])),
            "OverlappingSubnetsNotPermittedInSecurityRule",
            "sourceAddressPrefixes/1",
            "10.0.0.0/8,10.0.0.0/16:22",
        ),
        (
            plural(json!(["192.0.2.1", "10.0.0.0/8", "192.0.2.1/32"])),
            "OverlappingSubnetsNotPermittedInSecurityRule",
            "sourceAddressPrefixes/2",
            "192.0.2.1/32,10.0.0.0/8,192.0.2.1/32:22",
        ),
        // E7, T20, over both sides (S1.37).
        (
            plural(json!(["10.0.0.0/8", "fd00::/8"])),
            "ResourceCannotContainAddressPrefixesFromDifferentAddressFamilies",
            "sourceAddressPrefixes/1",
            "10.0.0.0/8,fd00::/8:22",
        ),
        (
            json!({ "sourceAddressPrefix": "10.0.0.0/8", "destinationAddressPrefix": "fd00::/8" }),
            "ResourceCannotContainAddressPrefixesFromDifferentAddressFamilies",
            "destinationAddressPrefix",
            "10.0.0.0/8:22",
        ),
        // E11, E12 with the numbers of the recorded answers.
        (json!({ "priority": 99 }), "SecurityRuleInvalidPriority", "priority", "*:22"),
        (json!({ "priority": 4097 }), "SecurityRuleInvalidPriority", "priority", "*:22"),
        (json!({ "description": long }), "SecurityRuleDescriptionTooLong", "description", "*:22"),
        // Without codes of Azure's (S1.57).
        (json!({ "name": "no spaces" }), "InvalidRuleName", "name", "*:22"),
        (
            json!({ "sourceAddressPrefixes": ["10.0.0.0/8"] }),
            "SeveralAddressForms",
            "sourceAddressPrefixes",
            "*,10.0.0.0/8:22",
        ),
        (
            json!({ "destinationPortRanges": ["80"] }),
            "InvalidField",
            "destinationPortRanges",
            "*:22,80",
        ),
    ];
    for (changes, code, place, says) in cases {
        let document = group_with(&changes);
        let (lenient, strict) =
            (read_in(Mode::Lenient, &document), read_in(Mode::Strict, &document));
        let expected = |severity| vec![(severity, code, place.to_owned())];
        assert_eq!(summary(&lenient.findings), expected(Severity::Warning), "{changes}");
        assert_eq!(summary(&strict.findings), expected(Severity::Error), "{changes}");
        assert_eq!(lenient.network, strict.network, "{changes}");
        assert_eq!(spoken(only_rule(&strict)), says, "{changes}");
    }
}

/// The source and the destination ports of a rule.
fn spoken(rule: &SecurityRule) -> String {
    let item = |item: &AddressItem| match item {
        AddressItem::Any => "*".to_owned(),
        AddressItem::Prefix(prefix) => prefix.to_string(),
        AddressItem::Tag(tag) => tag.to_string(),
        AddressItem::Range(first, last) => format!("{first}-{last}"),
        other => format!("{other:?}"),
    };
    let source: Vec<String> = rule.source.items.iter().map(item).collect();
    format!("{}:{}", source.join(","), rule.destination_ports.known)
}

/// Forms whose lenient code is our own, because the value was read as something else.
#[test]
fn forms_that_are_normalised_say_so() {
    let cases: [(Value, Code, &str, &str); 5] = [
        // S1.31, S1.34.
        (
            json!({ "sourceAddressPrefix": "50.206.209.68/27" }),
            Code::NonCanonicalPrefix,
            "SecurityRuleInvalidAddressPrefix",
            "50.206.209.64/27:22",
        ),
        (
            json!({ "sourceAddressPrefix": "10.0.0.1-10.0.0.9" }),
            Code::LenientForm,
            "SecurityRuleInvalidAddressPrefix",
            "10.0.0.1-10.0.0.9:22",
        ),
        // S1.11, S1.15.
        (json!({ "protocol": "Any" }), Code::LenientForm, "InvalidProtocol", "*:22"),
        (json!({ "protocol": 6 }), Code::LenientForm, "InvalidProtocol", "*:22"),
        // S10.3.
        (json!({ "sourceAddressPrefix": ["*"] }), Code::LenientForm, "InvalidField", "*:22"),
    ];
    for (changes, lenient_code, strict_code, says) in cases {
        let document = group_with(&changes);
        let (lenient, strict) =
            (read_in(Mode::Lenient, &document), read_in(Mode::Strict, &document));
        let [warning] = lenient.findings.as_slice() else { panic!("{:?}", lenient.findings) };
        assert_eq!(
            (warning.severity, warning.code),
            (Severity::Warning, lenient_code),
            "{changes}"
        );
        let [error] = strict.findings.as_slice() else { panic!("{:?}", strict.findings) };
        assert_eq!(
            (error.severity, error.code.as_str()),
            (Severity::Error, strict_code),
            "{changes}"
        );
        assert_eq!(spoken(only_rule(&lenient)), says, "{changes}");
    }
}

/// What cannot be understood is an error in both modes, and stays in the rule as unknown: the
/// rule is neither lost, nor without effect, nor wider than it was.
#[test]
fn what_cannot_be_understood_stays_unknown() {
    let cases = [
        ("destinationPortRange", json!("66600"), "SecurityRuleInvalidPortRange"),
        ("destinationPortRange", json!("README.md"), "SecurityRuleInvalidPortRange"),
        ("destinationPortRange", json!("443-80"), "SecurityRuleInvalidPortRange"),
        ("destinationPortRange", json!("none"), "SecurityRuleInvalidPortRange"),
        ("destinationPortRange", json!({}), "InvalidField"),
        ("destinationPortRange", json!(null), "InvalidField"),
        ("destinationPortRange", json!(1e300), "SecurityRuleInvalidPortRange"),
        ("sourceAddressPrefix", json!("10.0.0.0/42"), "SecurityRuleInvalidAddressPrefix"),
        ("sourceAddressPrefix", json!("208.130.28/24"), "SecurityRuleInvalidAddressPrefix"),
        ("sourceAddressPrefix", json!("10.0.0/0/16"), "SecurityRuleInvalidAddressPrefix"),
        ("sourceAddressPrefix", json!("10.0.0.9-10.0.0.1"), "SecurityRuleInvalidAddressPrefix"),
        ("sourceAddressPrefix", json!(true), "InvalidField"),
        // E10.
        ("sourceAddressPrefix", json!(null), "SecurityRuleParametersMissing"),
        ("sourceAddressPrefix", json!(""), "SecurityRuleParametersMissing"),
        ("sourceAddressPrefix", json!([]), "SecurityRuleParametersMissing"),
        ("protocol", json!("7"), "InvalidProtocol"),
        ("protocol", json!(null), "InvalidProtocol"),
        ("access", json!("Maybe"), "InvalidField"),
        ("access", json!(null), "InvalidField"),
        ("direction", json!(["Inbound"]), "InvalidField"),
        ("priority", json!("first"), "SecurityRuleInvalidPriority"),
        ("priority", json!(-1), "SecurityRuleInvalidPriority"),
        ("priority", json!(100.5), "SecurityRuleInvalidPriority"),
        ("priority", json!({ "type": "int" }), "InvalidField"),
    ];
    for (member, value, code) in cases {
        let document = group_with(&json!({ member: value }));
        for mode in [Mode::Lenient, Mode::Strict] {
            let read = read_in(mode, &document);
            let expected = vec![(Severity::Error, code, member.to_owned())];
            assert_eq!(summary(&read.findings), expected, "{member}: {value}");
            let rule = only_rule(&read);
            let unknowns = [
                rule.source.items.iter().any(|item| matches!(item, AddressItem::Unknown(_))),
                !rule.destination_ports.unknown.is_empty(),
                rule.protocol.unknown().is_some(),
                rule.access.unknown().is_some(),
                rule.direction.unknown().is_some(),
                rule.priority.unknown().is_some(),
            ];
            assert_eq!(unknowns.iter().filter(|is| **is).count(), 1, "{member}: {value}");
        }
    }
}

/// S1.10, S1.14, S1.21, S1.27, S1.28, S1.41: odd, and accepted without a word in both modes.
#[test]
fn odd_but_valid_forms_are_read_in_silence() {
    let cases = [
        (json!({ "protocol": "TCP", "direction": "inbound", "access": "ALLOW" }), "*:22"),
        (json!({ "protocol": "Esp" }), "*:22"),
        (json!({ "sourceAddressPrefix": "168.63.129.16" }), "168.63.129.16/32:22"),
        (
            json!({ "sourceAddressPrefix": "2404:f801:9000:1a:6feb::4aee" }),
            "2404:f801:9000:1a:6feb::4aee/128:22",
        ),
        (json!({ "sourceAddressPrefix": "CorpNetPublic" }), "CorpNetPublic:22"),
        (json!({ "sourceAddressPrefix": "INTERNET" }), "Internet:22"),
        (json!({ "destinationPortRange": 8888 }), "*:8888"),
        (json!({ "destinationPortRange": "65503-65534 " }), "*:65503-65534"),
        (
            json!({ "destinationPortRange": "", "destinationPortRanges": ["80", "80-90"] }),
            "*:80-90",
        ),
        (json!({ "priority": "4096" }), "*:22"),
        (json!({ "sourceAddressPrefixes": [], "sourceApplicationSecurityGroups": null }), "*:22"),
        (json!({ "name": "DenyAllInBound", "futureMember": { "x": [1] } }), "*:22"),
    ];
    for (changes, says) in cases {
        let read = read_in(Mode::Strict, &group_with(&changes));
        assert_eq!(summary(&read.findings), [], "{changes}");
        assert_eq!(spoken(only_rule(&read)), says, "{changes}");
    }
}

/// All problems of a rule at once, and no rule hides another (S1.58).
#[test]
fn every_problem_is_reported() {
    let mut document = group_with(&json!({
        "priority": 99, "destinationPortRange": "66600", "sourceAddressPrefix": "10.0.0.0/42",
        "protocol": "smoke", "access": null,
    }));
    let good = group_with(&json!({}))["properties"]["securityRules"][0].clone();
    document["properties"]["securityRules"].as_array_mut().unwrap().extend([json!(7), good]);
    let read = read_in(Mode::Strict, &document);
    let errors = read.findings.iter().filter(|finding| finding.severity == Severity::Error);
    // The five of the first rule, the number among the rules, and the name used twice.
    assert_eq!(errors.count(), 7, "{:#?}", read.findings);
    // The number might have been a rule: one that is unknown stands for it.
    assert_eq!(read.network.security_groups[0].rules.len(), 3);
}

/// S1.45: members of both groups must be in one virtual network.
#[test]
fn asgs_of_several_networks_in_one_rule_are_refused() {
    let asg = |name: &str| {
        format!(
            "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/applicationSecurityGroups/{name}"
        )
    };
    let nic = |name: &str, network: &str, group: &str| {
        json!({
            "type": "Microsoft.Network/networkInterfaces",
            "id": format!("/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/networkInterfaces/{name}"),
            "properties": { "ipConfigurations": [{ "properties": {
                "subnet": { "id": format!("/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/{network}/subnets/a") },
                "applicationSecurityGroups": [{ "id": asg(group) }],
            } }] },
        })
    };
    let group = group_with(&json!({
        "sourceAddressPrefix": "", "sourceApplicationSecurityGroups": [{ "id": asg("web") }],
        "destinationAddressPrefix": "", "destinationApplicationSecurityGroups": [{ "id": asg("db") }],
    }));
    let codes = |other: &str| -> Vec<&str> {
        let read = read_in(
            Mode::Lenient,
            &json!([group, nic("n1", "one", "web"), nic("n2", other, "db")]),
        );
        let refused = read.findings.iter().filter(|finding| finding.code != Code::DanglingId);
        refused.map(|finding| finding.code.as_str()).collect()
    };
    assert_eq!(codes("one"), [] as [&str; 0]);
    assert_eq!(codes("two"), ["AllApplicationSecurityGroupsInSecurityRuleMustBeFromSameVnet"]);
}

#[test]
fn what_is_not_json_is_an_error_with_its_place() {
    let deep = "[".repeat(100_000);
    let cases: [(&[u8], &str); 5] = [
        (b"", "a.json: not JSON: EOF"),
        (b"{\"value\": [{\"id\": 1}", "a.json: not JSON: EOF"),
        (b"\x00\x01\x02\xff", "a.json: not JSON: expected value"),
        (b"{\"a\": 1} trailing", "a.json: not JSON: trailing characters"),
        (deep.as_bytes(), "a.json: nested too deeply: recursion limit exceeded"),
    ];
    for (json, message) in cases {
        let mut reader = Reader::new(Mode::Lenient);
        let error = reader.add("a.json", json).unwrap_err();
        assert!(error.to_string().starts_with(message), "{error}");
        assert!(error.line_and_column().is_some(), "{error}");
        // Nothing of it stays, and the reader goes on.
        reader.add("b.json", group_with(&json!({})).to_string().as_bytes()).unwrap();
        assert_eq!(reader.finish().network.security_groups.len(), 1);
    }
}

#[test]
fn a_document_without_resources_says_so() {
    for json in ["null", "7", "\"text\"", "[]", "{}", "{\"value\": []}", "[[[[]]]]", "{\"a\": {}}"]
    {
        let read = read(json.as_bytes()).unwrap();
        let codes: Vec<Code> = read.findings.iter().map(|finding| finding.code).collect();
        assert_eq!(codes, [Code::NothingRecognised], "{json}");
    }
}

/// Null, and every wrong type, in the place of every value of an export: no panic, and every
/// wrong type that matters is said with its pointer.
#[test]
fn any_value_may_be_of_any_type() {
    let export: Value = serde_json::from_str(include_str!("data/azure/export.json")).unwrap();
    let effective: Value = serde_json::from_str(include_str!("data/azure/effective.json")).unwrap();
    let admin: Value = serde_json::from_str(include_str!("data/azure/admin.json")).unwrap();
    for document in [export, effective, admin] {
        let pointers = pointers(&document, String::new());
        for pointer in pointers {
            for wrong in [json!(null), json!(7), json!("x/y"), json!([1]), json!({ "a": {} })] {
                let mut broken = document.clone();
                *broken.pointer_mut(&pointer).unwrap() = wrong;
                read(broken.to_string().as_bytes()).unwrap();
            }
        }
    }
}

fn pointers(value: &Value, at: String) -> Vec<String> {
    let below: Vec<String> = match value {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(index, item)| pointers(item, format!("{at}/{index}")))
            .collect(),
        Value::Object(members) => members
            .iter()
            .flat_map(|(key, member)| {
                pointers(member, format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")))
            })
            .collect(),
        _ => Vec::new(),
    };
    [at].into_iter().chain(below).collect()
}

/// The last of several members of one name counts, as in most readers of JSON.
#[test]
fn of_duplicate_members_the_last_counts() {
    let text = group_with(&json!({})).to_string();
    let twice = text.replace("\"access\":\"Allow\"", "\"access\":\"Allow\",\"access\":\"Deny\"");
    assert_ne!(text, twice);
    let read = read(twice.as_bytes()).unwrap();
    assert_eq!(only_rule(&read).access.known().unwrap().to_string(), "Deny");
}

/// A group far beyond Azure's limits, with one priority taken by every rule.
#[test]
fn ten_thousand_rules_are_read_and_reported() {
    let rule = group_with(&json!({}))["properties"]["securityRules"][0].clone();
    let mut document = group_with(&json!({}));
    let rules: Vec<Value> = (0..10_000)
        .map(|index| {
            let mut rule = rule.clone();
            rule["name"] = json!(format!("rule-{index}"));
            rule
        })
        .collect();
    document["properties"]["securityRules"] = json!(rules);
    let text = document.to_string();
    let read = read(text.as_bytes()).unwrap();
    assert_eq!(read.network.security_groups[0].rules.len(), 10_000);
    let count =
        |code: &str| read.findings.iter().filter(|finding| finding.code.as_str() == code).count();
    assert_eq!((count("SecurityRuleConflict"), count("LimitExceeded")), (9_999, 1));
}

/// S10.6: what is written reads back as the same rule.
#[test]
fn written_rules_read_back() {
    for changes in [
        json!({}),
        json!({ "destinationPortRange": "", "destinationPortRanges": ["80", "443-444"], "description": "d" }),
        json!({ "sourceAddressPrefix": "", "sourceAddressPrefixes": ["10.0.0.0/8", "192.0.2.0/24"] }),
        json!({ "sourceAddressPrefix": "", "sourceApplicationSecurityGroups": [{ "id": "/a/b" }, { "id": "/a/c" }] }),
        json!({ "priority": "[variables('p')]", "protocol": "smoke", "sourceAddressPrefix": null }),
        json!({ "sourceAddressPrefix": "10.0.0.1-10.0.0.9", "access": "Deny", "protocol": "Icmpv6" }),
    ] {
        let read = read_in(Mode::Lenient, &group_with(&changes));
        let group = &read.network.security_groups[0];
        let written = serde_json::to_value(group).unwrap();
        let again = read_in(Mode::Lenient, &written);
        assert_eq!(again.network.security_groups[0], *group, "{written:#}");
        let properties = &written["properties"]["securityRules"][0]["properties"];
        for (one, many) in [
            ("sourcePortRange", "sourcePortRanges"),
            ("destinationPortRange", "destinationPortRanges"),
        ] {
            assert!(properties[one].is_string() != properties[many].is_array(), "{written:#}");
        }
    }
}

/// A value that no type can hold costs its field alone.
#[test]
fn one_impossible_value_does_not_hide_the_document() {
    let read_priority = |priority: &str| {
        let text = group_with(&json!({ "priority": "here" })).to_string();
        read(text.replace("\"here\"", priority).as_bytes()).unwrap()
    };
    let digits = "9".repeat(100_000);
    for priority in ["1e999", digits.as_str(), r#""\ud800""#] {
        let read = read_priority(priority);
        assert!(only_rule(&read).priority.known().is_none());
        let places: Vec<&str> = read.findings.iter().map(|one| one.location.pointer()).collect();
        assert_eq!(places, ["/properties/securityRules/0/properties/priority"]);
        assert!(read.findings[0].to_string().len() < 300);
    }
    let read = read_priority("1e3");
    assert_eq!(only_rule(&read).priority.known().unwrap().to_string(), "1000");
    assert!(read.findings.is_empty(), "{:?}", read.findings);
}
