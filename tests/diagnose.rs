//! Why Azure Bastion can or cannot reach a machine (SEMANTICS 7): the texts people read, every
//! code of the catalogue, repairs that work, and what is said where facts are missing.

use std::path::{Path, PathBuf};

use nsg_engine::azure::Reader;
use nsg_engine::diagnose::{
    Action, BastionCode, BastionQuestion, BastionReport, BastionVerdict, LegName, Repair,
    RepairRule, Requirement, Style, Weight, bastion, bastion_table,
};
use nsg_engine::eval::Verdict;
use nsg_engine::model::{
    Limits, Mode, Priority, ResourceId, RuleName, SecurityGroup, SecurityRule, validate_group,
};
use nsg_engine::network::{
    BastionSku, IpConfiguration, Network, NetworkInterface, Peering, PeeringState, Subnet,
    VirtualMachine, VirtualNetwork,
};
use nsg_engine::resolve::{ServiceTags, Topology};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/bastion")
}

fn read(names: &[&str]) -> Network {
    let mut reader = Reader::new(Mode::Lenient);
    for name in names {
        let file = format!("{name}.json");
        let json = std::fs::read(folder().join(&file)).unwrap();
        reader.add(&file, &json).unwrap();
    }
    reader.finish().network
}

pub(super) fn ask(network: Network, question: &BastionQuestion) -> BastionReport {
    bastion(&Topology::new(network, ServiceTags::built_in()), question).unwrap()
}

/// The texts a person reads, compared to the letter. `NSG_UPDATE_GOLDEN=1` writes them anew.
#[test]
fn the_text_is_as_kept() {
    for scenario in
        ["deny-virtual-network", "open-by-default", "both-levels", "bastion-subnet", "admin-rule"]
    {
        let report = ask(read(&["network", scenario]), &BastionQuestion::about("vm-web-01"));
        let text = report.render_text(Style::PLAIN);
        let kept = folder().join(format!("{scenario}.txt"));
        if std::env::var_os("NSG_UPDATE_GOLDEN").is_some() {
            std::fs::write(&kept, &text).unwrap();
        }
        let expected = std::fs::read_to_string(&kept).unwrap_or_default();
        assert_eq!(text, expected, "{scenario}");
    }
}

/// The network of the texts with a group's rules replaced, one line each.
pub(super) fn with_rules(network: &mut Network, group: &str, rules: &[&str]) {
    let group = network
        .security_groups
        .iter_mut()
        .find(|one| one.name() == group)
        .unwrap_or_else(|| panic!("no group {group}"));
    group.rules = rules.iter().map(|text| text.parse().unwrap()).collect();
}

/// The same with rules added and, by name, taken away.
pub(super) fn changed(network: &mut Network, group: &str, without: &[&str], with: &[&str]) {
    let group = network.security_groups.iter_mut().find(|one| one.name() == group).unwrap();
    group.rules.retain(|rule| !without.contains(&rule.name.as_str()));
    group.rules.extend(with.iter().map(|text| text.parse::<SecurityRule>().unwrap()));
}

/// Everything open: the starting point of the changes below.
pub(super) fn open_network() -> Network {
    let mut network = read(&["network", "open-by-default"]);
    with_rules(
        &mut network,
        "nsg-app",
        &["200 AllowBastion allow inbound tcp 10.0.1.0/26:* -> *:22"],
    );
    network
}

fn codes(report: &BastionReport) -> Vec<BastionCode> {
    report.blockers.iter().chain(&report.warnings).map(|cause| cause.code).collect()
}

type Change = fn(&mut Network);

/// One change for every code that one rule of one group brings about, and the verdict.
const CHANGES: &[(BastionCode, BastionVerdict, Change)] = {
    use BastionCode::*;
    use BastionVerdict::*;
    &[
        (ClientBlocked, Blocked, |n| changed(n, "nsg-bastion", &["AllowHttpsInbound"], &[])),
        (GatewayManagerBlocked, Degraded, |n| {
            changed(n, "nsg-bastion", &[], &["119 No deny inbound tcp GatewayManager:* -> *:443"])
        }),
        (ProbeBlocked, Degraded, |n| {
            changed(n, "nsg-bastion", &[], &["119 No deny inbound * VirtualNetwork:* -> *:443"])
        }),
        (HostsInBlocked, Degraded, |n| {
            changed(n, "nsg-bastion", &[], &["119 No deny inbound * VirtualNetwork:* -> *:5701"])
        }),
        (HostsOutBlocked, Degraded, |n| {
            changed(n, "nsg-bastion", &["AllowBastionCommunication"], &[])
        }),
        (EgressBlocked, Blocked, |n| changed(n, "nsg-bastion", &["AllowSshRdpOutbound"], &[])),
        (AzureCloudBlocked, Degraded, |n| {
            changed(n, "nsg-bastion", &[], &["109 No deny outbound tcp *:* -> AzureCloud:443"])
        }),
        (InternetBlocked, Degraded, |n| {
            changed(n, "nsg-bastion", &["AllowGetSessionInformation"], &[])
        }),
        (WrongProtocol, Blocked, |n| {
            changed(
                n,
                "nsg-bastion",
                &["AllowSshRdpOutbound"],
                &["100 Out allow outbound ah *:* -> VirtualNetwork:22,3389"],
            )
        }),
        (NotCompliant, Allowed, |n| {
            changed(n, "nsg-bastion", &["AllowBastionHostCommunication", "DenyAllInBound"], &[])
        }),
        (RegionalAzureCloud, Degraded, |n| {
            changed(
                n,
                "nsg-bastion",
                &["AllowAzureCloudOutbound", "AllowGetSessionInformation"],
                &[
                    "110 Region allow outbound tcp *:* -> AzureCloud.WestEurope:443",
                    "130 Http allow outbound tcp *:* -> Internet:80",
                ],
            )
        }),
        (AdminRuleDeny, Blocked, |n| {
            let avnm = read(&["admin-rule"]);
            n.admin_rule_collections = avnm.admin_rule_collections;
            n.network_groups = avnm.network_groups;
        }),
        (SubnetDeny, Blocked, |n| {
            changed(n, "nsg-app", &[], &["150 No deny inbound tcp *:* -> *:22"])
        }),
        (NicDeny, Blocked, |n| changed(n, "nsg-vm", &[], &["150 No deny inbound tcp *:* -> *:22"])),
        (BothDeny, Blocked, |n| {
            changed(n, "nsg-app", &[], &["150 No deny inbound tcp *:* -> *:22"]);
            changed(n, "nsg-vm", &[], &["150 No deny inbound tcp *:* -> *:22"]);
        }),
        (OneLevelAllows, Blocked, |n| {
            changed(n, "nsg-vm", &[], &["150 No deny inbound tcp *:* -> *:22"])
        }),
        (AllowShadowed, Blocked, |n| {
            changed(n, "nsg-vm", &[], &["199 No deny inbound * 10.0.0.0/16:* -> *:*"])
        }),
        (WrongSource, Blocked, |n| {
            only(n, &["200 Office allow inbound tcp 203.0.113.0/24:* -> *:22"])
        }),
        (PartialPrefix, Blocked, |n| {
            only(n, &["200 Half allow inbound tcp 10.0.1.0/27:* -> *:22"])
        }),
        (WrongPort, Blocked, |n| only(n, &["200 Rdp allow inbound tcp 10.0.1.0/26:* -> *:3389"])),
        (WrongRuleProtocol, Blocked, |n| {
            only(n, &["200 Udp allow inbound udp 10.0.1.0/26:* -> *:22"])
        }),
        (WrongDestination, Blocked, |n| {
            only(n, &["200 Public allow inbound tcp 10.0.1.0/26:* -> 198.51.100.50/32:22"])
        }),
        (SourcePortRestricted, Blocked, |n| {
            only(n, &["200 Port allow inbound tcp 10.0.1.0/26:22 -> *:22"])
        }),
        (WrongDirection, Blocked, |n| {
            only(n, &["200 Out allow outbound tcp 10.0.1.0/26:* -> 10.0.0.4/32:22"])
        }),
        (DenyVirtualNetwork, Blocked, |n| {
            changed(n, "nsg-vm", &[], &["150 No deny inbound * VirtualNetwork:* -> *:*"])
        }),
        (JitRule, Blocked, |n| {
            let rule = "150 microsoftdefenderforcloud-jitrule_1 deny inbound * *:* -> *:22";
            changed(n, "nsg-vm", &[], &[rule])
        }),
        (EmptyAsg, Blocked, |n| {
            only(n, &["200 Asg allow inbound tcp 10.0.1.0/26:* -> asg{asg-web}:22"])
        }),
        (OpenByDefault, Allowed, |n| with_rules(n, "nsg-vm", &[])),
        (HostAddressBlocked, Blocked, |n| {
            make_developer(n);
            changed(n, "nsg-vm", &[], &["300 No deny inbound * AzureLoadBalancer:* -> *:*"])
        }),
    ]
};

/// The machine's group with these rules and nothing else open.
fn only(network: &mut Network, rules: &[&str]) {
    let deny = "4000 DenyRest deny inbound * *:* -> *:*";
    with_rules(network, "nsg-vm", &[rules, &[deny]].concat());
}

fn make_developer(network: &mut Network) {
    let host = &mut network.bastion_hosts[0];
    host.sku = BastionSku::Developer;
    host.subnet = None;
    host.virtual_network = Some(network.virtual_networks[0].id.clone().into());
}

#[test]
fn every_code_is_reached_by_one_change_and_by_nothing_before_it() {
    let question = BastionQuestion::about("vm-web-01");
    let before = ask(open_network(), &question);
    assert_eq!((before.verdict, codes(&before)), (BastionVerdict::Allowed, vec![]));
    for (code, verdict, change) in CHANGES {
        let mut network = open_network();
        change(&mut network);
        let report = ask(network, &question);
        assert!(codes(&report).contains(code), "{code}: {:?}", codes(&report));
        assert_eq!(report.verdict, *verdict, "{code}: {}", report.summary);
        let mut warned = report.warnings.iter().map(|warning| warning.code);
        assert!(warned.all(|code| code.weight() == Weight::Warning), "{code}");
    }
    let elsewhere = [
        BastionCode::CustomPortNotInEgress,
        BastionCode::PeerNotInTag,
        BastionCode::OnPremisesTarget,
        BastionCode::NotOffered,
        BastionCode::UnsupportedSubnet,
    ];
    for code in BastionCode::ALL {
        let is_tested = elsewhere.contains(code) || CHANGES.iter().any(|(one, ..)| one == code);
        assert!(is_tested, "{code} is reached by no test");
    }
}

/// S7.12, S7.13, S7.16: each demand is met by the rule that is there for it and by no other, and
/// default rules do not count.
#[test]
fn the_group_on_the_bastion_subnet_must_hold_every_rule_azure_demands() {
    let question = BastionQuestion::about("vm-web-01");
    let unmet = |network: Network| -> Vec<Requirement> {
        let compliance = ask(network, &question).compliance.unwrap();
        let unmet = compliance.requirements.iter().filter(|one| !one.met);
        let unmet: Vec<Requirement> = unmet.map(|one| one.id).collect();
        assert_eq!(compliance.compliant, unmet.is_empty());
        unmet
    };
    assert_eq!(unmet(open_network()), []);
    for (requirement, rule) in [
        (Requirement::R1, "AllowHttpsInbound"),
        (Requirement::R2, "AllowGatewayManagerInbound"),
        (Requirement::R3, "AllowAzureLoadBalancerInbound"),
        (Requirement::R4, "AllowBastionHostCommunication"),
        (Requirement::R5, "AllowSshRdpOutbound"),
        (Requirement::R6, "AllowAzureCloudOutbound"),
        (Requirement::R7, "AllowBastionCommunication"),
        (Requirement::R8, "AllowGetSessionInformation"),
    ] {
        let mut network = open_network();
        changed(&mut network, "nsg-bastion", &[rule], &[]);
        assert_eq!(unmet(network), [requirement], "{rule}");
    }
    let mut network = open_network();
    with_rules(&mut network, "nsg-bastion", &[]);
    assert_eq!(unmet(network), Requirement::ALL);
    let mut network = open_network();
    changed(&mut network, "nsg-bastion", &[], &["100 No deny inbound * 203.0.113.0/24:* -> *:*"]);
    assert_eq!(unmet(network)[..1], [Requirement::R1]);
}

/// S7.11: custom ports replace 22 and 3389 on Bastion's own subnet.
#[test]
fn a_custom_port_must_leave_the_bastion_subnet() {
    let mut question = BastionQuestion::about("vm-web-01");
    question.port = Some(2222);
    let mut network = open_network();
    let report = ask(network.clone(), &question);
    assert!(codes(&report).contains(&BastionCode::CustomPortNotInEgress));
    network.bastion_hosts[0].sku = BastionSku::Basic;
    let report = ask(network, &question);
    assert!(report.other_causes.iter().any(|cause| cause.contains("Standard SKU")));
}

/// S7.6, S7.22, S4.5: a machine in another virtual network is reached while the peering is
/// connected, and out of both ends' VirtualNetwork when it is not.
#[test]
fn a_peered_machine_is_reached_while_the_peering_is_connected() {
    let report = |state: PeeringState| {
        let mut network = open_network();
        peer(&mut network, &state);
        ask(network, &BastionQuestion::about("vm-far"))
    };
    let connected = report(PeeringState::Connected);
    assert_eq!(connected.verdict, BastionVerdict::Allowed, "{}", connected.summary);
    let broken = report(PeeringState::Disconnected);
    assert_eq!(broken.verdict, BastionVerdict::Blocked);
    assert!(codes(&broken).contains(&BastionCode::PeerNotInTag), "{:?}", codes(&broken));
    assert!(codes(&broken).contains(&BastionCode::SubnetDeny), "{:?}", codes(&broken));
    assert!(broken.other_causes.iter().any(|cause| cause.contains("is disconnected")));
    let missed = &broken.near_misses;
    assert!(missed.iter().any(|miss| miss.rule == "AllowVnetInBound"), "{missed:?}");
    assert!(broken.summary.contains("is disconnected"), "{}", broken.summary);
}

/// A second virtual network 10.9.0.0/16 with `vm-far` at 10.9.0.4, whose subnet has a group
/// without rules, peered with the first.
pub(super) fn peer(network: &mut Network, state: &PeeringState) {
    let near = network.virtual_networks[0].id.clone();
    let mut far = VirtualNetwork::new("vnet-far".into());
    far.address_space.push("10.9.0.0/16".parse().unwrap());
    let mut subnet = Subnet::new(far.id.child("subnets", "far"));
    subnet.prefixes.push("10.9.0.0/24".parse().unwrap());
    let group = SecurityGroup::new("nsg-far".into());
    subnet.security_group = Some(group.id.clone().into());
    let mut interface = NetworkInterface::new("vm-far-nic".into());
    interface.virtual_machine = Some(ResourceId::new("vm-far").into());
    let address = Some("10.9.0.4".parse().unwrap());
    let configuration = IpConfiguration::new("ip", address, Some(subnet.id.clone().into()));
    interface.ip_configurations.push(configuration);
    far.subnets.push(subnet);
    let peering = |remote: ResourceId| {
        let mut peering = Peering::new("peering", Some(remote.into()));
        peering.state = state.clone();
        peering
    };
    far.peerings.push(peering(near));
    network.virtual_networks[0].peerings.push(peering(far.id.clone()));
    network.virtual_networks.push(far);
    network.security_groups.push(group);
    network.network_interfaces.push(interface);
}

/// S7.6, S7.7, S7.10, end of 7.4: what stands in the way whatever the rules say is the answer, and
/// the first thing to repair; rules change only where that is not enough.
#[test]
fn what_stands_in_the_way_outside_of_rules_blocks() {
    let named = |machine: &str| BastionQuestion::about(machine);
    let custom = || {
        let mut question = BastionQuestion::about("vm-web-01");
        question.port = Some(2222);
        question
    };
    let cases: [(BastionQuestion, Change, BastionCode, &str, Option<&str>); 8] = [
        (
            named("vm-far"),
            |n| peer(n, &PeeringState::Disconnected),
            BastionCode::PeerNotInTag,
            "is disconnected",
            Some("az network vnet peering delete"),
        ),
        (
            named("vm-far"),
            |n| {
                peer(n, &PeeringState::Connected);
                n.virtual_networks[0].peerings[0].allow_virtual_network_access = false.into();
            },
            BastionCode::PeerNotInTag,
            "allowVirtualNetworkAccess is off",
            Some("--set allowVirtualNetworkAccess=true"),
        ),
        (
            named("vm-far"),
            |n| {
                peer(n, &PeeringState::Connected);
                n.virtual_networks[0].peerings.clear();
                with_rules(n, "nsg-far", &["100 All allow inbound * *:* -> *:*"]);
            },
            BastionCode::PeerNotInTag,
            "`vnet-shop` has no peering with `vnet-far`",
            Some("az network vnet peering create"),
        ),
        (
            named("vm-far"),
            |n| {
                peer(n, &PeeringState::Connected);
                make_developer(n);
            },
            BastionCode::NotOffered,
            "serves its own virtual network",
            None,
        ),
        (
            named("192.168.7.7"),
            |n| {
                let rule = "99 Any allow outbound tcp *:* -> *:22";
                changed(n, "nsg-bastion", &[], &[&rule.replace("99", "109")]);
            },
            BastionCode::NotOffered,
            "enableIpConnect",
            Some("--enable-ip-connect true"),
        ),
        (
            custom(),
            |n| {
                n.bastion_hosts[0].sku = BastionSku::Basic;
                changed(n, "nsg-bastion", &[], &["99 Any allow outbound tcp *:* -> *:2222"]);
                with_rules(n, "nsg-vm", &["99 Any allow inbound tcp *:* -> *:2222"]);
            },
            BastionCode::NotOffered,
            "needs the Standard SKU",
            Some("--sku Standard"),
        ),
        (
            named("vm-web-01"),
            |n| {
                n.bastion_hosts[0].private_only = true;
                let clients = "119 Clients allow inbound tcp VirtualNetwork:* -> *:443";
                changed(n, "nsg-bastion", &[], &[clients]);
            },
            BastionCode::NotOffered,
            "needs the Premium SKU",
            Some("--sku Premium"),
        ),
        (
            named("vm-web-01"),
            |n| {
                let id = ResourceId::new(
                    n.virtual_networks[0].subnets[1]
                        .id
                        .as_str()
                        .replace("AzureBastionSubnet", "BastionSubnet")
                        .as_str(),
                );
                n.virtual_networks[0].subnets[1].id = id.clone();
                n.bastion_hosts[0].subnet = Some(id.into());
            },
            BastionCode::UnsupportedSubnet,
            "must be called AzureBastionSubnet exactly",
            None,
        ),
    ];
    for (question, change, code, text, az) in cases {
        let mut network = open_network();
        change(&mut network);
        let report = ask(network, &question);
        assert_eq!(report.verdict, BastionVerdict::Blocked, "{text}: {}", report.summary);
        assert!(report.summary.contains(text), "{text}: {}", report.summary);
        let blocker = &report.blockers[0];
        assert_eq!((blocker.code, blocker.gate.as_deref()), (code, None), "{text}");
        let first = &report.repairs[0];
        assert_eq!(first.action, Action::ChangeNetwork, "{text}: {first:?}");
        assert_eq!(first.proved, az.is_some(), "{text}: {first:?}");
        assert!(first.az.contains(az.unwrap_or("")), "{text}: {}", first.az);
        let mut others = report.repairs.iter();
        assert!(others.all(|one| one.action == Action::ChangeNetwork), "{text}");
        let page = report.render_text(Style::PLAIN);
        assert!(page.contains("──╳") && page.contains("fix  "), "{page}");
        assert!(!report.warnings.iter().any(|one| one.code == BastionCode::OpenByDefault));
    }
    let mut network = open_network();
    network.virtual_networks[0].subnets[1].route_table = Some(ResourceId::new("routes").into());
    let report = ask(network, &BastionQuestion::about("vm-web-01"));
    assert_eq!(report.verdict, BastionVerdict::Degraded, "{}", report.summary);
    assert!(report.summary.contains("a route table (routes)"), "{}", report.summary);
}

/// A machine behind a broken peering may be denied by rules as well: both are to be repaired.
#[test]
fn rules_that_deny_behind_an_obstacle_are_repaired_too() {
    let mut network = open_network();
    peer(&mut network, &PeeringState::Disconnected);
    with_rules(&mut network, "nsg-far", &["100 No deny inbound * *:* -> *:22"]);
    let report = ask(network, &BastionQuestion::about("vm-far"));
    let actions: Vec<(Action, &str, bool)> = report
        .repairs
        .iter()
        .map(|repair| (repair.action, repair.nsg.as_str(), repair.proved))
        .collect();
    assert_eq!(
        actions,
        [
            (Action::ChangeNetwork, "vnet-shop", true),
            (Action::ChangeNetwork, "vnet-far", true),
            (Action::RenumberAndInsertRule, "nsg-far", true),
        ]
    );
}

/// Each rule that denies is named with what it denies.
#[test]
fn rules_that_each_deny_a_part_are_each_named() {
    let mut network = open_network();
    with_rules(
        &mut network,
        "nsg-vm",
        &[
            "500 DenyHalf deny inbound * 10.0.1.0/28:* -> *:*",
            "1000 DenyVnet deny inbound * VirtualNetwork:* -> *:*",
        ],
    );
    let report = ask(network, &BastionQuestion::about("vm-web-01"));
    let denials: Vec<(&str, &str)> = report
        .blockers
        .iter()
        .filter(|cause| cause.code == BastionCode::NicDeny)
        .map(|cause| (cause.rule.as_deref().unwrap(), cause.message.as_str()))
        .collect();
    assert_eq!(denials.len(), 2, "{:?}", report.blockers);
    assert_eq!(denials[0].0, "DenyHalf");
    assert!(denials[0].1.ends_with("hits 10.0.1.0/28 of Bastion's 10.0.1.0/26"), "{denials:?}");
    assert_eq!(denials[1].0, "DenyVnet");
    let rest = "hits 10.0.1.16/28, 10.0.1.32/27 of Bastion's 10.0.1.0/26";
    assert!(denials[1].1.ends_with(rest), "{denials:?}");
    let of_tag: Vec<&str> = report
        .blockers
        .iter()
        .filter(|cause| cause.code == BastionCode::DenyVirtualNetwork)
        .filter_map(|cause| cause.rule.as_deref())
        .collect();
    assert_eq!(of_tag, ["DenyVnet"]);
}

/// S7.9.
#[test]
fn an_address_outside_azure_is_checked_as_far_as_bastions_own_subnet() {
    let question = BastionQuestion::about("192.168.7.7");
    let mut network = open_network();
    network.bastion_hosts[0].ip_connect = true;
    let report = ask(network, &question);
    assert!(codes(&report).contains(&BastionCode::OnPremisesTarget));
    assert!(codes(&report).contains(&BastionCode::PeerNotInTag));
    assert_eq!(report.verdict, BastionVerdict::Blocked);
    assert!(report.repairs.iter().all(|repair| repair.proved));
}

/// What a repair promises is checked again here: the rules are put into the groups they name and
/// the question is asked anew.
#[test]
fn repairs_open_what_they_are_for() {
    let question = BastionQuestion::about("vm-web-01");
    for (code, _, change) in CHANGES {
        let mut network = open_network();
        change(&mut network);
        let report = ask(network.clone(), &question);
        let denied: Vec<LegName> = report
            .legs
            .iter()
            .filter(|leg| leg.access == Verdict::Deny)
            .map(|leg| leg.name)
            .collect();
        for leg in &denied {
            assert!(report.repairs.iter().any(|repair| repair.leg == *leg), "{code}: {leg}");
        }
        for repair in &report.repairs {
            assert!(repair.proved, "{code}: {repair:?}");
            assert_ne!(repair.action, Action::RenumberAndInsertRule, "{code}");
            match repair.rule.clone().unwrap() {
                RepairRule::Security(rule) => {
                    let mut groups = network.security_groups.iter_mut();
                    let group = groups.find(|group| group.name() == repair.nsg).unwrap();
                    assert!(group.all_rules().all(|one| one.name != rule.name), "{code}");
                    group.rules.push(rule);
                }
                RepairRule::Admin(rule) => network.admin_rule_collections[0].rules.push(rule),
                other => panic!("{other:?}"),
            }
        }
        let after = ask(network, &question);
        assert!(after.repairs.is_empty(), "{code}: {}", after.summary);
        assert!(matches!(after.verdict, BastionVerdict::Allowed), "{code}: {}", after.summary);
    }
}

/// Makes the change that a repair or an offer describes, as its members tell it.
fn make(network: &mut Network, repair: &Repair) {
    let group = network.security_groups.iter_mut().find(|group| group.name() == repair.nsg);
    let Some(group) = group else { panic!("no group {}", repair.nsg) };
    for step in &repair.moves {
        let moving = group.rules.iter_mut().find(|rule| rule.name.as_str() == step.rule).unwrap();
        assert_eq!(moving.priority.known().unwrap().number(), step.from);
        moving.priority = Priority::new(step.to).into();
    }
    for rule in [&repair.rule, &repair.and_rule].into_iter().flatten() {
        let RepairRule::Security(rule) = rule else { panic!("{rule:?}") };
        group.rules.push(rule.clone());
    }
}

/// S1.3, S1.7: one answer's repairs and offers can be made one after the other, also where one
/// group stands at every gate.
#[test]
fn everything_proposed_in_one_answer_goes_together() {
    let demanded = |network: &mut Network| {
        changed(network, "nsg-bastion", &["AllowHttpsInbound", "AllowGatewayManagerInbound"], &[]);
    };
    let networks: [Change; 5] = [
        |n| with_rules(n, "nsg-bastion", &[]),
        |n| {
            with_rules(n, "nsg-bastion", &["100 No deny inbound * *:* -> *:443"]);
            with_rules(n, "nsg-vm", &[]);
            with_rules(n, "nsg-app", &[]);
        },
        |n| {
            let denies = ["100 In deny inbound * *:* -> *:*", "100 Out deny outbound * *:* -> *:*"];
            with_rules(n, "nsg-bastion", &denies);
            share(n, "nsg-bastion");
        },
        |n| {
            with_rules(n, "nsg-bastion", &["4095 Out deny outbound * *:* -> *:443,80"]);
            share(n, "nsg-bastion");
        },
        |n| {
            with_rules(n, "nsg-vm", &[]);
            share(n, "nsg-vm");
        },
    ];
    for (index, change) in networks.iter().enumerate() {
        let mut network = open_network();
        demanded(&mut network);
        change(&mut network);
        let question = BastionQuestion::about("vm-web-01");
        let report = ask(network.clone(), &question);
        let offers = report.warnings.iter().filter_map(|warning| warning.offer.as_deref());
        let proposed: Vec<&Repair> = report.repairs.iter().chain(offers).collect();
        assert!(proposed.len() > 1 || index == 4, "{index}");
        for repair in proposed {
            assert!(repair.proved, "{index}: {repair:?}");
            make(&mut network, repair);
        }
        let mut findings = Vec::new();
        for group in &network.security_groups {
            validate_group(group, &Limits::default(), &mut findings);
        }
        assert!(findings.is_empty(), "{index}: {findings:?}");
        let after = ask(network, &question);
        assert_eq!(after.verdict, BastionVerdict::Allowed, "{index}: {}", after.summary);
        assert!(after.repairs.is_empty(), "{index}");
    }
}

/// One group on every subnet and on the interface.
fn share(network: &mut Network, group: &str) {
    let group = network.security_groups.iter().find(|one| one.name() == group).unwrap().id.clone();
    for subnet in &mut network.virtual_networks[0].subnets {
        subnet.security_group = Some(group.clone().into());
    }
    network.network_interfaces[0].security_group = Some(group.into());
}

/// A rule that is right where it stands is not called useless because of another gate.
#[test]
fn a_repair_is_proved_at_its_own_gate_and_an_offer_by_what_azure_demands() {
    let rules: Vec<String> =
        (100..=4096).map(|n| format!("{n} R{n} deny inbound * *:* -> *:*")).collect();
    let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
    let mut network = open_network();
    with_rules(&mut network, "nsg-vm", &rules);
    with_rules(&mut network, "nsg-app", &["200 No deny inbound * *:* -> *:22"]);
    changed(&mut network, "nsg-bastion", &["AllowSshRdpOutbound"], &[]);
    let report = ask(network, &BastionQuestion::about("vm-web-01"));
    let at = |nsg: &str| {
        let mut all = report.repairs.iter();
        all.find(|repair| repair.nsg == nsg).unwrap_or_else(|| panic!("{nsg}: {report:?}"))
    };
    assert_eq!(at("nsg-vm").action, Action::ByHand);
    assert!(at("nsg-app").proved);
    assert!(at("nsg-app").also_needs.contains(&"nsg-vm".to_owned()));
}

/// S7.27: nobody said who the user is.
#[test]
fn a_client_without_an_address_is_some_address_of_the_internet() {
    let mut network = open_network();
    let office = ["120 Office allow inbound tcp 203.0.113.0/24:* -> *:443"];
    changed(&mut network, "nsg-bastion", &["AllowHttpsInbound"], &office);
    let mut question = BastionQuestion::about("vm-web-01");
    let access = |question: &BastionQuestion| {
        let report = ask(network.clone(), question);
        let leg = report.legs.iter().find(|leg| leg.name == LegName::ClientToBastion).unwrap();
        (leg.access, report.assumptions.join("; "))
    };
    let (allowed, assumptions) = access(&question);
    assert_eq!(allowed, Verdict::Allow);
    assert!(assumptions.contains("203.0.113.0/24"), "{assumptions}");
    question.client = Some("203.0.113.9".parse().unwrap());
    assert_eq!(access(&question), (Verdict::Allow, String::new()));
    question.client = Some("198.51.100.9".parse().unwrap());
    assert_eq!(access(&question).0, Verdict::Deny);
}

/// S7.17.
#[test]
fn without_a_group_on_the_bastion_subnet_there_is_nothing_to_check_there() {
    let mut network = open_network();
    network.virtual_networks[0].subnets[1].security_group = None;
    let report = ask(network, &BastionQuestion::about("vm-web-01"));
    assert_eq!((report.verdict, report.compliance), (BastionVerdict::Allowed, None));
    assert_eq!(report.legs.len(), 8);
}

/// S1.22: a client sends from any port above 1023.
#[test]
fn a_rule_for_all_client_ports_is_enough_and_one_for_some_is_not_known_to_be() {
    for (ports, verdict) in [
        ("1024-65535", BastionVerdict::Allowed),
        ("49152-65535", BastionVerdict::Indeterminate),
        ("0-1023", BastionVerdict::Blocked),
    ] {
        let mut network = open_network();
        let rule = format!("200 Ports allow inbound tcp 10.0.1.0/26:{ports} -> *:22");
        only(&mut network, &[&rule]);
        let report = ask(network, &BastionQuestion::about("vm-web-01"));
        assert_eq!(report.verdict, verdict, "{ports}: {}", report.summary);
    }
}

/// What the input does not hold is said, and never taken for open or closed.
#[test]
fn missing_facts_make_the_answer_indeterminate_and_are_named() {
    let mut network = open_network();
    network.security_groups.retain(|group| group.name() != "nsg-vm");
    let report = ask(network, &BastionQuestion::about("vm-web-01"));
    assert_eq!(report.verdict, BastionVerdict::Indeterminate);
    assert!(report.unknown.iter().any(|reason| reason.contains("nsg-vm")), "{:?}", report.unknown);

    let mut network = open_network();
    network.network_interfaces[0].ip_configurations[0].private_address = None;
    let question = BastionQuestion::about("vm-web-01");
    assert_eq!(ask(network.clone(), &question).verdict, BastionVerdict::Allowed);
    only(&mut network, &["200 One allow inbound tcp 10.0.1.0/26:* -> 10.0.0.4/32:22"]);
    let report = ask(network, &question);
    assert_eq!(report.verdict, BastionVerdict::Indeterminate);
    let session = report.legs.iter().find(|leg| leg.name == LegName::BastionToVm).unwrap();
    // S3.12: what may pass is not denied.
    let access: Vec<Verdict> = session.gates.iter().map(|gate| gate.access).collect();
    assert_eq!(access, [Verdict::Allow, Verdict::Allow, Verdict::Indeterminate]);
    assert!(report.unknown.iter().any(|one| one.contains("private address")));
}

#[test]
fn a_question_that_cannot_be_asked_says_what_is_missing() {
    let error = |network: &Network, question: &BastionQuestion| {
        let topology = Topology::new(network.clone(), ServiceTags::built_in());
        bastion(&topology, question).unwrap_err().to_string()
    };
    let network = open_network();
    let said = error(&network, &BastionQuestion::about("vm-other"));
    assert!(said.contains("`vm-other`") && said.contains("`vm-web-01`"), "{said}");
    let mut question = BastionQuestion::about("vm-web-01");
    question.bastion = Some("bas-other".to_owned());
    assert!(error(&network, &question).contains("`bas-shop`"));
    let mut without = network.clone();
    without.bastion_hosts.clear();
    without.virtual_networks[0].subnets.truncate(1);
    let said = error(&without, &BastionQuestion::about("vm-web-01"));
    assert!(said.contains("no Bastion host"), "{said}");
    assert!(error(&network, &BastionQuestion::about("fd00::4")).contains("IPv4 only"));
    let mut question = BastionQuestion::about("vm-web-01");
    question.client = Some("2001:db8::1".parse().unwrap());
    assert!(error(&network, &question).contains("2001:db8::1"));
}

#[test]
fn the_table_has_a_line_for_every_machine() {
    let mut network = open_network();
    peer(&mut network, &PeeringState::Disconnected);
    let topology = Topology::new(network, ServiceTags::built_in());
    let table = bastion_table(&topology, &BastionQuestion::default());
    let lines: Vec<(&str, BastionVerdict)> =
        table.vms.iter().map(|line| (line.vm.as_str(), line.verdict)).collect();
    assert_eq!(
        lines,
        [("vm-web-01", BastionVerdict::Allowed), ("vm-far", BastionVerdict::Blocked)]
    );
    assert!(table.render_text(Style::PLAIN).contains("vm-far     Azure Bastion cannot open SSH"));
    assert!(table.render_markdown().contains("| `vm-far` | blocked |"));
}

/// A name of the input never moves the reader's cursor.
#[test]
fn control_characters_of_names_are_spelled_out() {
    let mut network = open_network();
    let name = "Evil\u{1b}[2J\r\nallowed\u{9b}1m";
    let mut rule: SecurityRule = "150 No deny inbound tcp *:* -> *:22".parse().unwrap();
    rule.name = RuleName::as_written(name);
    changed(&mut network, "nsg-vm", &[], &[]);
    let group = network.security_groups.iter_mut().find(|group| group.name() == "nsg-vm").unwrap();
    rule.priority = Priority::new(100).into();
    group.rules.push(rule);
    let machine = format!("vm{name}");
    network.network_interfaces[0].virtual_machine = Some(ResourceId::new(machine.as_str()).into());
    network.virtual_machines.clear();
    let topology = Topology::new(network, ServiceTags::built_in());
    let report = bastion(&topology, &BastionQuestion::about(machine.as_str())).unwrap();
    let table = bastion_table(&topology, &BastionQuestion::default());
    for text in [
        report.render_text(Style::PLAIN),
        report.render_markdown(),
        table.render_text(Style::PLAIN),
        table.render_markdown(),
    ] {
        assert!(text.contains(r"Evil\u{1b}[2J"), "{text}");
        assert!(text.chars().all(|letter| letter == '\n' || !letter.is_control()), "{text:?}");
        assert!(text.lines().all(|line| !line.starts_with("allowed")), "{text}");
    }
    assert!(serde_json::to_value(&report).unwrap()["summary"].as_str().unwrap().contains('\u{1b}'));
}

/// Where names are not enough the answer says what was taken and how to ask otherwise.
#[test]
fn what_was_chosen_among_several_is_told() {
    let mut network = open_network();
    peer(&mut network, &PeeringState::Connected);
    let id = |group: &str| {
        ResourceId::new(&format!(
            "/subscriptions/s/resourceGroups/{group}/providers/Microsoft.Compute/virtualMachines/twin"
        ))
    };
    network.network_interfaces[0].virtual_machine = Some(id("rg-a").into());
    network.network_interfaces[1].virtual_machine = Some(id("rg-b").into());
    network.virtual_machines =
        vec![VirtualMachine::new(id("rg-a")), VirtualMachine::new(id("rg-b"))];
    let mut second = network.bastion_hosts[0].clone();
    second.id = ResourceId::new("bas-second");
    network.bastion_hosts.push(second);
    let report = ask(network.clone(), &BastionQuestion::about("twin"));
    let told = report.assumptions.join("; ");
    assert!(told.contains("several virtual machines are called `twin`"), "{told}");
    assert!(told.contains("/resourceGroups/rg-b/"), "{told}");
    assert!(told.contains("`bas-second` to ask about another"), "{told}");
    let mut exact = BastionQuestion::about(id("rg-b").as_str());
    exact.bastion = Some("bas-second".to_owned());
    assert_eq!(ask(network.clone(), &exact).assumptions, Vec::<String>::new());
    let topology = Topology::new(network, ServiceTags::built_in());
    let table = bastion_table(&topology, &BastionQuestion::default());
    let text = table.render_text(Style::PLAIN);
    assert!(text.contains("twin (rg-a)") && text.contains("twin (rg-b)"), "{text}");

    let mut network = open_network();
    peer(&mut network, &PeeringState::Connected);
    network.virtual_networks.iter_mut().for_each(|one| one.peerings.clear());
    let report = ask(network, &BastionQuestion::about("vm-far"));
    let told = report.assumptions.join("; ");
    assert!(told.contains("`bas-shop` is the only Bastion host"), "{told}");
}

#[test]
fn nothing_listens_on_port_0() {
    let mut question = BastionQuestion::about("vm-web-01");
    question.port = Some(0);
    let topology = Topology::new(open_network(), ServiceTags::built_in());
    let error = bastion(&topology, &question).unwrap_err();
    assert!(error.to_string().contains("port 0"), "{error}");
}

/// S7.27: who has no address is "Internet", not its prefixes; and a rule for one service of
/// Azure's is no near miss for another.
#[test]
fn near_misses_are_about_the_session_and_name_tags() {
    let mut network = open_network();
    with_rules(
        &mut network,
        "nsg-bastion",
        &[
            "100 Probes allow inbound tcp AzureLoadBalancer:* -> *:443",
            "110 Peers allow inbound tcp 10.0.0.0/8:* -> *:443",
        ],
    );
    let report = ask(network, &BastionQuestion::about("vm-web-01"));
    let messages: Vec<&str> = report.near_misses.iter().map(|miss| miss.message.as_str()).collect();
    assert!(
        messages.iter().any(|one| one.contains("10.0.0.0/8 does not contain Internet")),
        "{messages:?}"
    );
    assert!(messages.iter().all(|one| !one.contains("GatewayManager")), "{messages:?}");
}

/// The members that programs rely on.
#[test]
fn json_has_the_agreed_members() {
    let report =
        ask(read(&["network", "deny-virtual-network"]), &BastionQuestion::about("vm-web-01"));
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["verdict"], "blocked");
    let legs: Vec<&str> =
        json["legs"].as_array().unwrap().iter().map(|leg| leg["name"].as_str().unwrap()).collect();
    assert_eq!(
        legs,
        [
            "client-to-bastion",
            "gateway-manager-to-bastion",
            "load-balancer-to-bastion",
            "bastion-hosts-in",
            "bastion-hosts-out",
            "bastion-to-vm",
            "bastion-to-azure-cloud",
            "bastion-to-internet"
        ]
    );
    let session = &json["legs"][5];
    assert_eq!(session["flow"], "tcp 10.0.1.0/26:* -> 10.0.0.4:22");
    assert_eq!(session["access"], "Deny");
    let gate = &session["gates"][2];
    for (member, value) in [
        ("gate", "nic-inbound"),
        ("nsg", "nsg-vm"),
        ("access", "Deny"),
        ("ruleName", "securityRules/DenyVnetInBound"),
        ("pointer", "/resources/2/properties/securityRules/2"),
    ] {
        assert_eq!(gate[member], value, "{member}");
    }
    assert!(gate["appliedTo"].as_str().unwrap().ends_with("/networkInterfaces/vm-web-01-nic"));
    assert_eq!(gate["priority"], 1000);
    let blocker = &json["blockers"][0];
    for (member, value) in [
        ("code", "VM03_NIC_NSG_DENY"),
        ("leg", "bastion-to-vm"),
        ("gate", "nic-inbound"),
        ("nsg", "nsg-vm"),
        ("rule", "DenyVnetInBound"),
    ] {
        assert_eq!(blocker[member], value, "{member}");
    }
    assert_eq!(json["nearMisses"][0]["failed"], serde_json::json!(["source"]));
    let repair = &json["repairs"][0];
    assert_eq!(repair["action"], "insert-rule");
    assert_eq!(repair["proved"], true);
    assert_eq!(repair["closes"], "");
    assert_eq!(repair["rule"]["properties"]["priority"], 999);
    assert_eq!(repair["rule"]["properties"]["sourceAddressPrefix"], "10.0.1.0/26");
    assert!(json["assumptions"].is_array() && json["otherCauses"].is_array());
}

#[test]
fn colour_changes_only_colour_and_markdown_tells_the_same() {
    let report = ask(read(&["network", "both-levels"]), &BastionQuestion::about("vm-web-01"));
    let coloured = report.render_text(Style { color: true });
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain.push_str(rest);
    assert_ne!(coloured, plain);
    assert_eq!(plain, report.render_text(Style::PLAIN));
    let markdown = report.render_markdown();
    for repair in &report.repairs {
        assert!(markdown.contains(&repair.az));
    }
    for cause in &report.blockers {
        assert!(markdown.contains(cause.code.as_str()));
    }
}
