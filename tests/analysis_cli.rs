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
}
