//! The program that people run: its answers, exit statuses and messages, as a script sees them.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

const NETWORK: &str = "network.json";

/// The example beside this test's own binary: Cargo builds examples before it runs tests.
pub(crate) fn program() -> Command {
    let mut folder = std::env::current_exe().unwrap();
    while folder.pop() {
        let program =
            folder.join("examples/diagnose").with_extension(std::env::consts::EXE_EXTENSION);
        if program.is_file() {
            let mut command = Command::new(program);
            command.current_dir(data()).env_remove("NO_COLOR").stdin(Stdio::null());
            return command;
        }
    }
    panic!("the example `diagnose` is not built: run `cargo test` without `--test`, or build it")
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data")
}

pub(crate) fn run(arguments: &[&str]) -> Output {
    program().args(arguments).output().unwrap()
}

fn run_with_input(arguments: &[&str], input: &str) -> Output {
    let mut child = program()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

pub(crate) fn json_of(arguments: &[&str]) -> Value {
    let output = run(&[arguments, &["--format", "json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub(crate) fn status(arguments: &[&str]) -> i32 {
    run(arguments).status.code().unwrap()
}

/// The members of an object, which are a contract.
fn members(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn assert_members(value: &Value, expected: &[&str]) {
    let found = members(value);
    for member in expected {
        assert!(found.contains(member), "`{member}` is not among {found:?}");
    }
}

const SSH_FROM_BASTION: [&str; 10] = [
    "flow",
    "--vm",
    "vm-web-01",
    "--direction",
    "Inbound",
    "--protocol",
    "tcp",
    "--local",
    "10.0.0.4:22",
    "--remote=10.0.1.4",
];

#[test]
fn bastion_names_the_rule_and_the_command_that_repairs() {
    let answer = json_of(&["bastion", "--vm", "vm-web-01", NETWORK]);
    assert_members(
        &answer,
        &[
            "verdict",
            "summary",
            "legs",
            "blockers",
            "warnings",
            "nearMisses",
            "repairs",
            "assumptions",
            "otherCauses",
        ],
    );
    assert_eq!(answer["verdict"], "blocked");
    let leg = answer["legs"].as_array().unwrap().iter().find(|leg| leg["name"] == "bastion-to-vm");
    let leg = leg.unwrap();
    assert_members(leg, &["name", "flow", "access", "gates"]);
    assert_eq!(leg["access"], "Deny");
    let gates: Vec<&str> =
        leg["gates"].as_array().unwrap().iter().filter_map(|gate| gate["gate"].as_str()).collect();
    assert_eq!(gates, ["subnet-outbound", "subnet-inbound", "nic-inbound"]);
    assert_members(
        &leg["gates"][2],
        &["gate", "appliedTo", "nsg", "access", "ruleName", "priority"],
    );
    assert_eq!(leg["gates"][2]["ruleName"], "securityRules/DenyVnetInBound");
    let blocker = &answer["blockers"][0];
    assert_members(blocker, &["code", "leg", "gate", "nsg", "rule", "priority", "message"]);
    assert_eq!(blocker["code"], "VM03_NIC_NSG_DENY");
    assert_members(&answer["nearMisses"][0], &["nsg", "rule", "failed", "message"]);
    let repair = &answer["repairs"][0];
    assert_members(repair, &["nsg", "action", "rule", "opens", "closes", "az", "proved"]);
    assert_eq!(repair["proved"], true);
    assert!(repair["az"].as_str().unwrap().starts_with("az network nsg rule create"));
}

#[test]
fn bastion_without_a_machine_is_a_table() {
    let answer = json_of(&["bastion", "fleet.json"]);
    let rows = answer["vms"].as_array().unwrap();
    let verdicts: Vec<_> = rows
        .iter()
        .map(|row| (row["vm"].as_str().unwrap(), row["verdict"].as_str().unwrap()))
        .collect();
    assert_eq!(
        verdicts,
        [
            ("vm-web-01", "allowed"),
            ("vm-web-02", "allowed"),
            ("vm-sql-01", "blocked"),
            ("vm-batch-01", "blocked"),
            ("vm-legacy-01", "indeterminate"),
        ]
    );
    assert!(rows.iter().all(|row| row["summary"].is_string()));
}

#[test]
fn exit_statuses_tell_outcomes_apart_only_when_asked() {
    for (file, vm, told) in [
        ("network-fixed.json", "vm-web-01", 0),
        (NETWORK, "vm-web-01", 1),
        ("fleet.json", "vm-legacy-01", 3),
    ] {
        assert_eq!(status(&["bastion", "--vm", vm, file]), 0, "{file}");
        assert_eq!(status(&["bastion", "--vm", vm, file, "--exit-code"]), told, "{file}");
    }
    assert_eq!(status(&["bastion", "fleet.json", "--exit-code"]), 1);
    assert_eq!(status(&[&SSH_FROM_BASTION[..], &[NETWORK, "--exit-code"]].concat()), 1);
    assert_eq!(
        status(&[&SSH_FROM_BASTION[..], &["network-fixed.json", "--exit-code"]].concat()),
        0
    );
    let request = ["nsg-diagnostics", "--request", "diagnostic-request.json", "--exit-code"];
    assert_eq!(status(&[&request[..], &[NETWORK]].concat()), 1);
}

#[test]
fn flow_answers_as_ip_flow_verify_and_lists_every_gate() {
    let answer = json_of(&[&SSH_FROM_BASTION[..], &[NETWORK]].concat());
    assert_eq!(answer["access"], "Deny");
    assert_eq!(answer["ruleName"], "securityRules/DenyVnetInBound");
    assert_eq!(answer["unknown"], json!([]));
    let gates = answer["gates"].as_array().unwrap();
    assert_eq!(gates.len(), 2);
    assert_eq!(gates[0]["gate"], "subnet-inbound");
    assert_eq!(gates[0]["ruleName"], "defaultSecurityRules/AllowVnetInBound");
    assert_eq!(gates[0]["priority"], 65000);
    assert_eq!(gates[1]["nsg"], "nsg-vm");
}

#[test]
fn flow_asks_a_group_by_itself_and_outbound_from_the_local_side() {
    let group = ["flow", "--nsg", "NSG-APP", "--direction", "inbound", "--protocol", "TCP"];
    let ends = ["--local", "10.0.0.9:443", "--remote", "203.0.113.7:50000", NETWORK];
    let answer = json_of(&[&group[..], &ends].concat());
    assert_eq!(answer["access"], "Allow");
    assert_eq!(answer["gates"].as_array().unwrap().len(), 1);
    let outbound = ["flow", "--nic", "vm-web-01-nic", "--direction", "Outbound"];
    let ends = ["--protocol", "udp", "--local", "10.0.0.4", "--remote", "198.51.100.7:53", NETWORK];
    let answer = json_of(&[&outbound[..], &ends].concat());
    assert_eq!(answer["flow"], "udp 10.0.0.4:* -> 198.51.100.7:53");
    assert_eq!(answer["ruleName"], "defaultSecurityRules/AllowInternetOutBound");
    assert_eq!(answer["gates"][0]["gate"], "nic-outbound");
}

/// S4.1: a bare group has no `VirtualNetwork` unless one is given.
#[test]
fn a_prefix_of_the_virtual_network_can_be_given() {
    let group = r#"{"name": "nsg", "id": "/x/networkSecurityGroups/nsg", "securityRules": []}"#;
    let ask = ["flow", "--nsg", "nsg", "--direction", "Inbound", "--protocol", "tcp", "-"];
    let ends = ["--local", "10.0.0.4:22", "--remote", "10.0.0.5", "--format", "json"];
    let bare = run_with_input(&[&ask[..], &ends].concat(), group);
    let bare: Value = serde_json::from_slice(&bare.stdout).unwrap();
    assert_eq!(bare["access"], "Indeterminate");
    assert!(bare["unknown"][0].as_str().unwrap().contains("`VirtualNetwork`"));
    let given = [&ask[..], &ends, &["--virtual-network", "10.0.0.0/24"]].concat();
    let given: Value = serde_json::from_slice(&run_with_input(&given, group).stdout).unwrap();
    assert_eq!(given["access"], "Allow");
}

#[test]
fn a_stream_is_answered_line_by_line_in_order() {
    let flow = |direction: &str, local: &str, remote: &str| {
        json!({
            "direction": direction, "protocol": "TCP", "localIPAddress": "10.0.0.4",
            "localPort": local, "remoteIPAddress": remote, "remotePort": "*",
        })
        .to_string()
    };
    let lines = [
        flow("Inbound", "22", "10.0.1.4"),
        "not a flow".to_owned(),
        flow("Inbound", "443", "198.51.100.7"),
        flow("Sideways", "443", "198.51.100.7"),
        String::new(),
        flow("Inbound", "22", "203.0.113.7"),
    ];
    let output = run_with_input(&["flow", "--flows", "-", NETWORK], &lines.join("\n"));
    assert_eq!(output.status.code(), Some(2));
    let answers: Vec<Value> =
        stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), lines.len());
    let access: Vec<_> = answers.iter().map(|answer| answer["access"].as_str()).collect();
    assert_eq!(access, [Some("Deny"), None, Some("Allow"), None, None, Some("Deny")]);
    assert_eq!(answers[0]["ruleName"], "securityRules/DenyVnetInBound");
    let gate = &answers[0]["gates"][0];
    assert_eq!(
        (gate["gate"].as_str(), gate["nsg"].as_str()),
        (Some("nic-inbound"), Some("nsg-vm"))
    );
    assert_eq!(gate["priority"], 1000);
    for bad in [1, 3, 4] {
        let message = answers[bad]["error"].as_str().unwrap();
        assert!(message.contains(&format!("line {}", bad + 1)), "{message}");
    }
}

#[test]
fn what_is_wrong_with_a_line_is_told_with_the_member() {
    let good = json!({
        "direction": "Inbound", "protocol": 6, "localIPAddress": "10.0.0.4", "localPort": 22,
        "remoteIPAddress": "10.0.1.4",
    });
    let with = |member: &str, value: Value| {
        let mut flow = good.clone();
        flow[member] = value;
        flow.to_string()
    };
    let cases = [
        (String::new(), "line 1: empty line"),
        (" \t".to_owned(), "line 2: empty line"),
        (r#"["Inbound", "TCP", "10.0.0.4", "22", "10.0.1.4", "*"]"#.to_owned(), "an object"),
        ("null".to_owned(), "an object"),
        (with("localPort", json!("x")), "line 5: `localPort`: `x` is not a port"),
        (with("remoteIPAddress", json!(7)), "an address as `remoteIPAddress`"),
        (with("protocol", json!(256)), "as `protocol`"),
        ("{}".to_owned(), "missing field `direction`"),
    ];
    let lines: Vec<&str> = cases.iter().map(|(line, _)| line.as_str()).collect();
    let input = format!("{}\n{good}\n", lines.join("\n"));
    let output = run_with_input(&["flow", "--flows", "-", NETWORK], &input);
    let answers = stdout(&output);
    let mut answers = answers.lines();
    for (line, reason) in &cases {
        let answer: Value = serde_json::from_str(answers.next().unwrap()).unwrap();
        let error = answer["error"].as_str().unwrap();
        assert!(error.contains(reason), "{line}: {error}");
        assert_eq!(error.matches("line ").count(), 1, "{error}");
        assert!(!error.contains("struct"), "{error}");
    }
    let last: Value = serde_json::from_str(answers.next().unwrap()).unwrap();
    assert_eq!(last["access"], "Deny");
    assert_eq!(answers.next(), None);
    for format in ["markdown", "text"] {
        let ask = ["flow", "--flows", "flows.jsonl", NETWORK, "--format", format];
        let output = run(&ask);
        assert_eq!(output.status.code(), Some(2), "{format}");
        assert!(stderr(&output).contains("JSON lines"), "{}", stderr(&output));
    }
}

/// A program that writes a line and waits for the answer before it writes the next.
#[test]
fn a_stream_does_not_keep_its_reader_waiting() {
    let mut child = program()
        .args(["flow", "--flows", "-", NETWORK])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    for line in std::fs::read_to_string(data().join("flows.jsonl")).unwrap().lines() {
        writeln!(input, "{line}").unwrap();
        let answer: Value = serde_json::from_str(&answers.next().unwrap().unwrap()).unwrap();
        assert!(answer["access"].is_string());
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}

/// The stream and the single question are two ways to the same answer.
#[test]
fn a_stream_says_what_single_questions_say() {
    let output = run(&["flow", "--flows", "flows.jsonl", NETWORK]);
    assert_eq!(output.status.code(), Some(0));
    let flows = std::fs::read_to_string(data().join("flows.jsonl")).unwrap();
    for (flow, answer) in flows.lines().zip(stdout(&output).lines()) {
        let (flow, streamed): (Value, Value) =
            (serde_json::from_str(flow).unwrap(), serde_json::from_str(answer).unwrap());
        let text = |name: &str| flow[name].as_str();
        let end = |address: &str, port: &str| match text(port) {
            Some(port) => format!("{}:{port}", text(address).unwrap()),
            None => text(address).unwrap().to_owned(),
        };
        let (local, remote) =
            (end("localIPAddress", "localPort"), end("remoteIPAddress", "remotePort"));
        let ask = ["flow", "--direction", text("direction").unwrap(), "--protocol"];
        let ends = [text("protocol").unwrap(), "--local", &local, "--remote", &remote, NETWORK];
        let single = json_of(&[&ask[..], &ends].concat());
        assert_eq!(single["access"], streamed["access"], "{flow}");
        assert_eq!(single["ruleName"], streamed["ruleName"], "{flow}");
    }
}

#[test]
fn nsg_diagnostics_answers_in_azures_shape() {
    let output = run(&["nsg-diagnostics", "--request", "diagnostic-request.json", NETWORK]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let results = answer["results"].as_array().unwrap();
    assert_eq!(results.len(), 3);
    let result = &results[0]["networkSecurityGroupResult"];
    assert_eq!(results[0]["profile"]["source"], "10.0.1.0/26");
    assert_eq!(result["securityRuleAccessResult"], "Deny");
    let groups = result["evaluatedNetworkSecurityGroups"].as_array().unwrap();
    assert_members(
        &groups[0],
        &["networkSecurityGroupId", "appliedTo", "matchedRule", "rulesEvaluationResult"],
    );
    let names: Vec<_> =
        groups.iter().map(|group| group["matchedRule"]["ruleName"].as_str().unwrap()).collect();
    assert_eq!(names, ["DefaultRule_AllowVnetInBound", "UserRule_DenyVnetInBound"]);
    assert_eq!(
        members(&groups[0]["rulesEvaluationResult"][0]),
        [
            "destinationMatched",
            "destinationPortMatched",
            "name",
            "protocolMatched",
            "sourceMatched",
            "sourcePortMatched",
        ]
    );
    let by_name = run(&[
        "nsg-diagnostics",
        "--request",
        "diagnostic-request.json",
        "--vm",
        "vm-web-02",
        "fleet.json",
    ]);
    assert_eq!(by_name.status.code(), Some(0), "{}", stderr(&by_name));
}

#[test]
fn a_diagnostic_request_is_read_as_forgivingly_as_its_meaning_allows() {
    let request = std::fs::read_to_string(data().join("diagnostic-request.json")).unwrap();
    let request: Value = serde_json::from_str(&request).unwrap();
    let ask = |request: &Value| {
        let ask = ["nsg-diagnostics", "--request", "-", NETWORK];
        run_with_input(&ask, &request.to_string())
    };
    let mut number = request.clone();
    number["profiles"][0]["destinationPort"] = json!(22);
    let (as_text, as_number) = (ask(&request), ask(&number));
    assert_eq!(as_text.status.code(), Some(0), "{}", stderr(&as_text));
    assert_eq!(stdout(&as_number), stdout(&as_text));
    let mut missing = request.clone();
    missing["profiles"][1].as_object_mut().unwrap().remove("source");
    let mut level = request;
    level["verbosityLevel"] = json!("Loud");
    for (request, reason) in [
        (missing, "error: standard input: /profiles/1/source: missing"),
        (level, "/verbosityLevel: `Loud` is not a verbosity level: expected `Normal`"),
        (json!([]), "error: standard input: expected an object"),
    ] {
        let output = ask(&request);
        assert_eq!(output.status.code(), Some(2), "{request}");
        assert!(stderr(&output).starts_with("error: standard input: "), "{}", stderr(&output));
        assert!(stderr(&output).contains(reason), "{}", stderr(&output));
    }
}

#[test]
fn text_is_plain_for_a_pipe_and_markdown_is_markdown() {
    let ask = ["bastion", "--vm", "vm-web-01", NETWORK];
    let text = stdout(&run(&ask));
    assert!(text.starts_with("blocked "), "{text}");
    assert!(text.contains("az network nsg rule create -g rg-shop --subscription "));
    assert!(text.contains("network.json /resources/4/properties/securityRules/0"));
    assert!(!text.contains('\u{1b}'));
    let markdown = stdout(&run(&[&ask[..], &["--format", "markdown"]].concat()));
    assert_ne!(markdown, text);
    assert!(!markdown.contains('\u{1b}'));
    let flow = stdout(&run(&[&SSH_FROM_BASTION[..], &[NETWORK, "--format", "markdown"]].concat()));
    assert!(flow.starts_with("**denied**   `tcp 10.0.1.4:* -> 10.0.0.4:22`"), "{flow}");
}

#[test]
fn what_cannot_be_answered_exits_with_2_and_says_why() {
    let flow = |target: &str, name: &str| -> Vec<String> {
        let rest = "--direction Inbound --protocol tcp --local 10.0.0.4:22 --remote 10.0.1.4";
        let rest = rest.split(' ').chain([NETWORK]).map(String::from);
        ["flow", target, name].map(String::from).into_iter().chain(rest).collect()
    };
    let words = |text: &str| text.split(' ').map(String::from).collect::<Vec<_>>();
    for (arguments, reason) in [
        (words("bastion"), "<INPUT>"),
        (words("bastion no-such-file.json"), "no-such-file.json"),
        (words("bastion --vm vm-web-99 network.json"), "`vm-web-99`"),
        (words("bastion --vm vm-web-01 flows.jsonl"), "flows.jsonl"),
        (words("bastion --protocol telnet network.json"), "`telnet`"),
        (words("bastion --virtual-network 10.0.0.1/8 network.json"), "host bits"),
        (words("flow --direction Inbound network.json"), "--protocol"),
        (words("flow --flows - -"), "standard input"),
        (words("flow --flows no-such-file.jsonl network.json"), "no-such-file.jsonl"),
        (words("nsg-diagnostics --request network.json network.json"), "/profiles: missing"),
        (flow("--nsg", "nsg-none"), "`nsg-bastion`, `nsg-app`, `nsg-vm`"),
        (flow("--nic", "nic-none"), "`vm-web-01-nic`"),
        (flow("--vm", "vm-none"), "`vm-web-01`"),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(reason), "{arguments:?}: {}", stderr(&output));
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

/// What a name holds must not clear the screen or look like a line of the answer.
#[test]
fn control_characters_of_the_input_are_shown_and_not_sent() {
    let network = std::fs::read_to_string(data().join(NETWORK)).unwrap();
    let bad = r"\u001b[2J\nallowed\u0007";
    let evil = network
        .replace("DenyVnetInBound", &format!("Deny{bad}"))
        .replace("AllowHttpsInBound", &format!("Allow{bad}"))
        .replace("/nsg-vm", &format!("/nsg{bad}"))
        .replace("\"nsg-vm\"", &format!("\"nsg{bad}\""))
        .replace("\"203.0.113.0/24\"", &format!("\"203.0.113.7{bad}\""));
    let folder = std::env::temp_dir().join(format!("nsg-control-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("evil.json");
    std::fs::write(&file, &evil).unwrap();
    let path = file.to_str().unwrap();
    let flow = [&SSH_FROM_BASTION[..], &[path]].concat();
    let asks: [&[&str]; 5] = [
        &flow,
        &["diff", NETWORK, path],
        &["diff", path, "network-fixed.json"],
        &["exposure", path],
        &["lint", path, "--verbose"],
    ];
    for ask in asks {
        for format in ["text", "markdown"] {
            let output = run(&[ask, &["--format", format]].concat());
            assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
            let all = stdout(&output) + &stderr(&output);
            assert!(all.contains(r"\u{1b}[2J\nallowed\u{7}"), "{ask:?} {all}");
            assert!(!all.contains(['\u{1b}', '\u{7}']), "{ask:?} {all}");
            assert!(!all.lines().any(|line| line.starts_with("allowed")), "{ask:?} {all}");
        }
    }
    let unread = run(&["bastion", path, "--strict"]);
    assert_eq!(unread.status.code(), Some(2));
    assert!(!stderr(&unread).contains('\u{1b}'), "{}", stderr(&unread));
    std::fs::remove_dir_all(folder).unwrap();
}

/// The answer comes first, but that the input is broken must not go under.
#[test]
fn many_problems_are_counted_where_not_all_are_listed() {
    let mut group = json!({ "name": "nsg", "id": "/x/networkSecurityGroups/nsg" });
    let rule = |index: usize| {
        json!({
            "name": format!("rule{index}"), "priority": 100 + index, "direction": "Inbound",
            "access": "Allow", "protocol": "Tcp", "sourceAddressPrefix": "10.0.0.1/33",
            "sourcePortRange": "*", "destinationAddressPrefix": "*", "destinationPortRange": "22",
        })
    };
    group["securityRules"] = (0..8).map(rule).collect();
    let ask = ["flow", "--nsg", "nsg", "--direction", "Inbound", "--protocol", "tcp", "-"];
    let ends = ["--local", "10.0.0.4:22", "--remote", "10.0.0.5"];
    let brief = run_with_input(&[&ask[..], &ends].concat(), &group.to_string());
    let last = stderr(&brief).lines().last().unwrap().to_owned();
    assert!(last.starts_with("the input has 8 problems"), "{last}");
    assert!(last.contains("--verbose"), "{last}");
    let all = [&ask[..], &ends, &["--verbose"]].concat();
    let all = stderr(&run_with_input(&all, &group.to_string()));
    assert_eq!(all.lines().filter(|line| line.starts_with("error: ")).count(), 8, "{all}");
}

/// S1.58: what Azure refuses is an error with Azure's code when asked for, else a warning beside
/// the answer.
#[test]
fn strict_reading_refuses_what_azure_refuses() {
    let network = std::fs::read_to_string(data().join(NETWORK)).unwrap();
    let broken = network.replace("\"203.0.113.0/24\"", "\"203.0.113.7/24\"");
    assert_ne!(broken, network);
    let ask = ["bastion", "--vm", "vm-web-01", "-"];
    let lenient = run_with_input(&ask, &broken);
    assert_eq!(lenient.status.code(), Some(0));
    assert!(stderr(&lenient).contains("203.0.113.7/24"), "{}", stderr(&lenient));
    assert!(stdout(&lenient).starts_with("blocked "));
    let strict = run_with_input(&[&ask[..], &["--strict"]].concat(), &broken);
    assert_eq!(strict.status.code(), Some(2));
    let message = stderr(&strict);
    for part in [
        "standard input /resources/4/properties/securityRules/1/properties/sourceAddressPrefix",
        "`203.0.113.7/24`",
        "[SecurityRuleInvalidAddressPrefix]",
    ] {
        assert!(message.contains(part), "{message}");
    }
    assert!(strict.stdout.is_empty());
    assert_eq!(status(&["bastion", "--vm", "vm-web-01", NETWORK, "--strict"]), 0);
}

/// A wrong file must not pass for a network without faults.
#[test]
fn an_input_without_machines_does_not_pass_a_gate() {
    let groups = r#"[{"name": "nsg", "type": "Microsoft.Network/networkSecurityGroups"}]"#;
    let ask = ["bastion", "-", "--exit-code"];
    let output = run_with_input(&ask, groups);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stdout(&output).contains("the input holds no virtual machine"), "{}", stdout(&output));
    for verb in ["bastion", "lint", "exposure"] {
        let output = run_with_input(&[verb, "-"], "{}");
        assert_eq!(output.status.code(), Some(2), "{verb}");
        assert!(stderr(&output).contains("standard input: nothing in it"), "{}", stderr(&output));
        assert!(output.stdout.is_empty(), "{verb}");
    }
    let output = run(&["bastion", "--bastion", "nosuch", NETWORK]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("`bastion-shop`"), "{}", stderr(&output));
}

/// Which of two is meant only the asker knows.
#[test]
fn a_name_that_several_have_is_refused_with_their_ids() {
    let network = std::fs::read_to_string(data().join(NETWORK)).unwrap();
    let twice: Vec<Value> = [network.clone(), network.replace("/rg-shop/", "/rg-copy/")]
        .iter()
        .map(|text| serde_json::from_str(text).unwrap())
        .collect();
    let twice = json!(twice).to_string();
    let flow = "--direction Inbound --protocol tcp --local 10.0.0.4:22 --remote 10.0.1.4";
    let asks: [(&str, &str, &str); 6] = [
        ("flow --nsg", "nsg-vm", flow),
        ("flow --nic", "vm-web-01-nic", flow),
        ("flow --vm", "vm-web-01", flow),
        ("bastion --vm", "vm-web-01", ""),
        ("bastion --bastion", "bastion-shop", ""),
        ("exposure --nic", "vm-web-01-nic", ""),
    ];
    let ask = |verb: &str, name: &str, rest: &str| {
        let words = verb.split(' ').chain([name]).chain(rest.split_whitespace()).chain(["-"]);
        run_with_input(&words.collect::<Vec<_>>(), &twice)
    };
    for (verb, name, rest) in asks {
        let output = ask(verb, name, rest);
        let message = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{verb} {name}");
        let ids: Vec<&str> = message.split('`').filter(|text| text.starts_with('/')).collect();
        assert_eq!(ids.len(), 2, "{message}");
        assert!(ids.iter().all(|id| id.ends_with(&format!("/{name}"))), "{message}");
        for id in ids {
            let output = ask(verb, id, rest);
            assert_eq!(output.status.code(), Some(0), "{verb} {id}: {}", stderr(&output));
        }
    }
}

/// E9 (S7.12, S7.13): default rules do not count.
#[test]
fn strict_input_has_the_rules_that_bastion_requires() {
    let mut network: Value =
        serde_json::from_slice(&std::fs::read(data().join(NETWORK)).unwrap()).unwrap();
    let ask = ["flow", "--direction", "Inbound", "--protocol", "tcp", "--local", "10.0.0.4:22"];
    let ask = [&ask[..], &["--remote", "10.0.1.4", "-"]].concat();
    let strict = [&ask[..], &["--strict"]].concat();
    assert_ne!(run_with_input(&strict, &network.to_string()).status.code(), Some(2));
    let resources = network["resources"].as_array_mut().unwrap();
    let place = resources.iter().position(|one| one["name"] == "nsg-bastion").unwrap();
    resources[place]["properties"]["securityRules"].as_array_mut().unwrap().remove(0);
    let text = network.to_string();
    assert_ne!(run_with_input(&ask, &text).status.code(), Some(2));
    let refused = run_with_input(&strict, &text);
    assert_eq!(refused.status.code(), Some(2));
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(message.contains("NetworkSecurityGroupNotCompliantForAzureBastionSubnet"), "{message}");
    assert!(message.contains("R1 (") && !message.contains("R2 ("), "{message}");
    assert!(message.contains(&format!("/resources/{place}")), "{message}");
}

/// E2 (S1.41): which tags there are is known only from a catalogue.
#[test]
fn strict_input_names_no_tag_that_the_catalogue_lacks() {
    let catalogue = std::env::temp_dir().join(format!("tags-{}.json", std::process::id()));
    let tags = json!({ "changeNumber": 1, "cloud": "Public", "values": [{
        "name": "Storage", "id": "Storage",
        "properties": { "addressPrefixes": ["198.51.100.0/24"] },
    }]});
    std::fs::write(&catalogue, tags.to_string()).unwrap();
    let group = |tag: &str| {
        let rule = json!({
            "name": "rule", "priority": 100, "direction": "Inbound", "access": "Allow",
            "protocol": "Tcp", "sourceAddressPrefix": tag, "sourcePortRange": "*",
            "destinationAddressPrefix": "VirtualNetwork", "destinationPortRange": "22",
        });
        json!({ "name": "nsg", "id": "/x/networkSecurityGroups/nsg", "securityRules": [rule] })
            .to_string()
    };
    let ask = ["flow", "--nsg", "nsg", "--direction", "Inbound", "--protocol", "tcp", "-"];
    let ends = ["--local", "10.0.0.4:22", "--remote", "10.0.0.5"];
    let ask = [&ask[..], &ends].concat();
    let file = ["--service-tags", catalogue.to_str().unwrap()];
    let with_file = [&ask[..], &file].concat();
    let refusal = "SecurityRuleInvalidAddressPrefix";
    let answer = |arguments: &[&str], tag| {
        let output = run_with_input(arguments, &group(tag));
        let is_told = String::from_utf8_lossy(&output.stderr).contains(refusal);
        (output.status.code() == Some(2), is_told)
    };
    assert_eq!(answer(&[&with_file[..], &["--strict"]].concat(), "Storrage"), (true, true));
    assert_eq!(answer(&[&with_file[..], &["--strict"]].concat(), "Storage"), (false, false));
    assert_eq!(answer(&[&ask[..], &["--strict"]].concat(), "Storrage"), (false, false));
    assert_eq!(answer(&with_file, "Storrage"), (false, true));
    std::fs::remove_file(catalogue).unwrap();
}

/// S8.12: the local side is an address of the target.
#[test]
fn a_local_address_that_the_target_lacks_is_refused() {
    let ask = |local: &str| {
        let local = format!("--local={local}:22");
        let flow = ["flow", "--vm", "vm-web-01", "--direction", "Inbound", "--protocol", "tcp"];
        run(&[flow.as_slice(), &[&local, "--remote=10.0.1.4", NETWORK]].concat())
    };
    assert_eq!(ask("10.0.0.4").status.code(), Some(0));
    let refused = ask("10.0.0.77");
    assert_eq!((refused.status.code(), stdout(&refused).as_str()), (Some(2), ""));
    assert!(stderr(&refused).contains("local address 10.0.0.77: known are 10.0.0.4"));
}

/// Which of two versions counts depends on the order of the inputs, and the answer says so.
#[test]
fn versions_of_one_group_are_an_assumption() {
    for (inputs, verdict) in
        [([NETWORK, "network-fixed.json"], "blocked"), (["network-fixed.json", NETWORK], "allowed")]
    {
        let answer = json_of(&["bastion", "--vm", "vm-web-01", inputs[0], inputs[1]]);
        assert_eq!(answer["verdict"], verdict);
        let assumed = "the inputs hold different versions of `nsg-vm`: the first one read counts";
        assert!(answer["assumptions"].as_array().unwrap().contains(&assumed.into()));
    }
    let once = json_of(&["bastion", "--vm", "vm-web-01", NETWORK, NETWORK]);
    assert!(!once["assumptions"].to_string().contains("versions"));
}

/// The options name the target where the request does not.
#[test]
fn a_diagnostic_request_needs_no_target_where_one_is_named() {
    let profile = json!({ "direction": "Inbound", "protocol": "TCP", "source": "10.0.1.4",
        "destination": "10.0.0.4", "destinationPort": "22" });
    let request = json!({ "profiles": [profile] }).to_string();
    let named = ["nsg-diagnostics", "--request", "-", "--nic", "vm-web-01-nic", NETWORK];
    let answer = run_with_input(&named, &request);
    assert_eq!(answer.status.code(), Some(0), "{}", stderr(&answer));
    assert!(stdout(&answer).contains("DenyVnetInBound"));
    let nameless = run_with_input(&["nsg-diagnostics", "--request", "-", NETWORK], &request);
    assert_eq!(nameless.status.code(), Some(2));
    assert!(stderr(&nameless).contains("/targetResourceId: missing"), "{}", stderr(&nameless));
}
