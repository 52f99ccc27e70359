//! What a diagnosis rests on, and says it rests on (SEMANTICS 7): facts that are missing, facts
//! that only a part of the answer needs, and claims of repairs to the letter.

use nsg_engine::diagnose::{
    Action, BastionQuestion, BastionReport, BastionVerdict, LegName, Style, bastion_table,
};
use nsg_engine::eval::Verdict;
use nsg_engine::model::{ResourceId, Value};
use nsg_engine::network::{Network, PeeringState, VirtualMachine};
use nsg_engine::path::GateKind;
use nsg_engine::resolve::{ServiceTags, Topology};

use super::diagnose::{ask, changed, open_network, peer, with_rules};

fn session_gates(report: &BastionReport) -> Vec<(GateKind, Verdict)> {
    let session = report.legs.iter().find(|leg| leg.name == LegName::BastionToVm).unwrap();
    session.gates.iter().map(|gate| (gate.gate, gate.access)).collect()
}

/// S7.18: whatever group is on the interface that holds an address may deny, also where the input
/// lacks the interface.
#[test]
fn an_address_that_no_interface_holds_is_open_or_not() {
    let question = BastionQuestion::about("10.0.0.99");
    let report = ask(open_network(), &question);
    assert_eq!(report.verdict, BastionVerdict::Indeterminate);
    assert_eq!(
        session_gates(&report).last(),
        Some(&(GateKind::NicInbound, Verdict::Indeterminate))
    );
    assert_eq!(report.unknown, ["network interface that holds 10.0.0.99: add it to the input"]);
    // S3.12: where the subnet denies, it does not matter.
    let mut network = open_network();
    with_rules(&mut network, "nsg-app", &["100 No deny inbound tcp *:* -> *:22"]);
    let report = ask(network, &question);
    assert_eq!(report.verdict, BastionVerdict::Blocked);
    // A subnet without a group stands before the interface.
    let mut network = open_network();
    network.virtual_networks[0].subnets[0].security_group = None;
    let text = ask(network, &question).render_text(Style::PLAIN);
    let place = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what}: {text}"));
    assert!(place("subnet app in") < place("nic 10.0.0.99 in"));
}

/// S7.25: what only Bastion's upkeep rests on leaves the session as it is.
#[test]
fn the_headline_is_about_what_is_not_known() {
    let mut network = open_network();
    changed(
        &mut network,
        "nsg-bastion",
        &[],
        &["101 NoStorage deny outbound tcp *:* -> Storage:443"],
    );
    let report = ask(network, &BastionQuestion::about("vm-web-01"));
    assert_eq!(report.verdict, BastionVerdict::Indeterminate);
    let said = "Azure Bastion can open SSH (tcp/22) to vm-web-01 (10.0.0.4), but it is not known \
                whether all else it needs is allowed: service tag `Storage`";
    assert!(report.summary.starts_with(said), "{}", report.summary);
    let azure = report.legs.iter().find(|leg| leg.name == LegName::BastionToAzureCloud).unwrap();
    assert_eq!((azure.gates[0].access, &azure.gates[0].rule_name), (Verdict::Indeterminate, &None));
    let demand = &report.compliance.as_ref().unwrap().requirements[5];
    assert_eq!((demand.met, &demand.denied_by), (false, &None));
    assert_eq!(demand.may_be_denied_by.as_deref(), Some("NoStorage"));
    let warning = &report.warnings[0].message;
    assert!(warning.starts_with("NoStorage of nsg-bastion may deny part of"), "{warning}");

    // A deny whose addresses are known denies for certain.
    let mut network = open_network();
    let deny = "101 NoAzure deny outbound tcp *:* -> AzureCloud:443";
    changed(&mut network, "nsg-bastion", &[], &[deny]);
    let report = ask(network, &BastionQuestion::about("vm-web-01"));
    assert_eq!(report.verdict, BastionVerdict::Degraded, "{}", report.summary);
}

/// What a repair says that it opens is what it opens, wanted or not.
#[test]
fn a_repair_says_all_that_it_opens() {
    let repaired = |rules: &[String]| {
        let mut network = open_network();
        let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
        with_rules(&mut network, "nsg-vm", &rules);
        ask(network, &BastionQuestion::about("vm-web-01")).repairs.remove(0)
    };
    let exact = repaired(&["200 No deny inbound tcp *:* -> *:22".to_owned()]);
    assert!(exact.changes.as_ref().unwrap().exact);
    assert_eq!(exact.opens, "tcp 10.0.1.0/26:* -> 10.0.0.4:22");

    // S7.26: every number is taken, so that nothing but the deny itself can change.
    let filler = (100..4096).map(|n| format!("{n} R{n} deny inbound tcp *:* -> *:9"));
    let full: Vec<String> =
        filler.chain(["4096 No deny inbound * *:* -> *:*".to_owned()]).collect();
    let wide = repaired(&full);
    let changes = wide.changes.as_ref().unwrap();
    assert!(!changes.exact && changes.opened.len() > 1 && changes.left_out == 0, "{changes:?}");
    assert_eq!(wide.opens.split("; ").collect::<Vec<_>>(), changes.opened);
    let but = changes.but.as_deref().unwrap();
    assert!(but.starts_with("other flows change too, such as udp 10.0.0.0/16:* ->"), "{but}");
    assert_eq!(wide.note.as_deref(), Some("no number from 100 to 4095 is free, before 4096 No"));

    // Part of what Azure demands may be open already.
    let mut network = open_network();
    changed(&mut network, "nsg-bastion", &["AllowAzureLoadBalancerInbound"], &[]);
    let report = ask(network, &BastionQuestion::about("vm-web-01"));
    let offer = report.warnings.iter().find_map(|warning| warning.offer.as_deref()).unwrap();
    assert_eq!(offer.opens, "tcp AzureLoadBalancer:* -> *:443, as far as it was not open before");
}

/// Each of two things in the way has to go.
#[test]
fn what_stands_in_the_way_together_is_repaired_together() {
    let question = BastionQuestion::about("vm-far");
    let mut network = open_network();
    peer(&mut network, &PeeringState::Disconnected);
    network.virtual_networks[1].peerings[0].state = PeeringState::Connected;
    network.virtual_networks[1].peerings[0].allow_virtual_network_access = Value::Known(false);
    let report = ask(network.clone(), &question);
    let needs: Vec<_> = report
        .repairs
        .iter()
        .map(|repair| (repair.action, repair.nsg.as_str(), repair.also_needs.join(" ")))
        .collect();
    assert_eq!(
        needs,
        [
            (Action::ChangeNetwork, "vnet-shop", "vnet-far".to_owned()),
            (Action::ChangeNetwork, "vnet-far", "vnet-shop".to_owned()),
        ]
    );
    assert!(report.render_text(Style::PLAIN).contains("each of these is needed"));

    // A rule behind them counts too.
    with_rules(&mut network, "nsg-far", &["100 No deny inbound tcp *:* -> *:22"]);
    let report = ask(network.clone(), &question);
    let needs: Vec<_> = report.repairs.iter().map(|repair| repair.also_needs.join(" ")).collect();
    assert_eq!(needs, ["vnet-far nsg-far", "vnet-shop nsg-far", "vnet-shop vnet-far"]);

    // One thing alone needs nothing else.
    with_rules(&mut network, "nsg-far", &[]);
    network.virtual_networks[1].peerings[0].allow_virtual_network_access = Value::Known(true);
    let report = ask(network, &question);
    assert_eq!(report.repairs.len(), 1);
    assert!(report.repairs[0].also_needs.is_empty());
}

/// S7.3: a machine without an IPv4 address is out of reach, asked alone or in the table.
#[test]
fn a_machine_without_ipv4_is_out_of_reach() {
    let mut network = open_network();
    let configuration = &mut network.network_interfaces[0].ip_configurations[0];
    configuration.private_address = Some("fd00::4".parse().unwrap());
    let topology = Topology::new(network.clone(), ServiceTags::built_in());
    let line = bastion_table(&topology, &BastionQuestion::default()).vms.remove(0);
    let report = ask(network, &BastionQuestion::about("vm-web-01"));
    assert_eq!((report.verdict, line.verdict), (BastionVerdict::Blocked, BastionVerdict::Blocked));
    assert_eq!(report.summary, line.summary);
    assert!(
        report.summary.ends_with("no private IPv4 address: Azure Bastion connects over IPv4 only")
    );
    assert_eq!(report.subject.address, "fd00::4");
    assert_eq!(report.repairs[0].action, Action::ChangeNetwork);
    assert!(!report.repairs[0].proved);
}

/// S7.3, S10.28: which address is the primary one is said by the machine or by its interfaces, and
/// never by their order.
#[test]
fn the_primary_interface_is_the_one_that_is_said_to_be() {
    let site = |said: [Option<bool>; 2]| {
        let mut network = open_network();
        network.virtual_machines.retain(|machine| machine.name() != "vm-web-01");
        let mut second = network.network_interfaces[0].clone();
        second.id = ResourceId::new(&second.id.as_str().replace("vm-web-01-nic", "second"));
        second.ip_configurations[0].private_address = Some("10.0.0.44".parse().unwrap());
        second.security_group = None;
        with_rules(&mut network, "nsg-vm", &["100 No deny inbound tcp *:* -> *:22"]);
        network.network_interfaces[0].primary = said[0];
        second.primary = said[1];
        network.network_interfaces.push(second);
        network
    };
    let question = BastionQuestion::about("vm-web-01");
    let answer = |network: Network| {
        let topology = Topology::new(network.clone(), ServiceTags::built_in());
        let table = bastion_table(&topology, &BastionQuestion::default());
        let line = table.vms.into_iter().find(|line| line.vm == "vm-web-01").unwrap();
        let report = ask(network, &question);
        assert_eq!((report.verdict, &report.summary), (line.verdict, &line.summary));
        report
    };
    use BastionVerdict::{Allowed, Blocked, Indeterminate};
    for (said, verdict, address) in [
        ([Some(true), Some(false)], Blocked, "10.0.0.4"),
        ([Some(false), Some(true)], Allowed, "10.0.0.44"),
        ([Some(true), None], Blocked, "10.0.0.4"),
        ([None, Some(true)], Allowed, "10.0.0.44"),
        ([Some(false), None], Allowed, "10.0.0.44"),
    ] {
        for is_reversed in [false, true] {
            let mut network = site(said);
            if is_reversed {
                network.network_interfaces.reverse();
            }
            let report = answer(network);
            assert_eq!((report.verdict, report.subject.address.as_str()), (verdict, address));
            assert!(report.assumptions[0].contains(&format!("the primary address {address}, not")));
        }
    }
    // The machine's own word counts first.
    let mut network = site([Some(true), None]);
    let owner = network.network_interfaces[0].virtual_machine.clone().unwrap();
    let mut machine = VirtualMachine::new(owner.known().unwrap().clone());
    let second = network.network_interfaces.last().unwrap().id.clone();
    machine.network_interfaces.push(second.into());
    machine.first_is_primary = true;
    network.virtual_machines.push(machine);
    assert_eq!(answer(network).verdict, Allowed);

    for is_reversed in [false, true] {
        let mut network = site([None, None]);
        if is_reversed {
            network.network_interfaces.reverse();
        }
        let report = answer(network.clone());
        assert_eq!(report.verdict, Indeterminate);
        assert!(report.unknown[0].starts_with("which address of `vm-web-01` is the primary one"));
        assert!(report.unknown[0].contains("blocked for 10.0.0.4 of `vm-web-01-nic`"));
        assert!(report.unknown[0].contains("allowed for 10.0.0.44 of `second`"));
        let by_interface = ask(network.clone(), &BastionQuestion::about("second"));
        assert_eq!(by_interface.verdict, Allowed);
        // What is so for either is so.
        with_rules(&mut network, "nsg-vm", &[]);
        let report = answer(network);
        assert_eq!((report.verdict, report.unknown.len()), (Allowed, 0));
        assert!(report.assumptions[0].contains("the verdict is the same for each"));
    }
}
