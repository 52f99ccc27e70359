//! Every lint of the catalogue fires on one input and not on its neighbour.

use std::collections::BTreeSet;

use nsg_engine::analysis::Contract;
use nsg_engine::diagnose::{Lint, LintCode, lint, lint_contracts};
use nsg_engine::eval::{FieldMatches, Match};
use nsg_engine::model::{
    Access, AddressItem, AddressSpec, AdminRule, AdminRuleCollection, Direction, Flow, PortSpec,
    Priority, ProtocolSpec, ResourceId, SecurityGroup, SecurityRule, default_rules,
};
use nsg_engine::network::{
    IpConfiguration, Network, NetworkGroup, NetworkInterface, Subnet, VirtualNetwork,
};
use nsg_engine::path::Chain;
use nsg_engine::resolve::{Rule, RuleKind, Ruleset, ServiceTags, Topology};
use nsg_engine::space::Limits;

use crate::space::{Cells, small_cases};

const APP: &str = "/v/virtualNetworks/vnet/subnets/app";

fn id(text: &str) -> ResourceId {
    ResourceId::new(text)
}

/// A machine in a subnet whose group holds these rules.
fn site(rules: &[&str]) -> Network {
    let mut network = Network::default();
    let mut group = SecurityGroup::new(id("/g/networkSecurityGroups/nsg"));
    group.rules = rules.iter().map(|rule| rule.parse().unwrap()).collect();
    let mut vnet = VirtualNetwork::new(id("/v/virtualNetworks/vnet"));
    vnet.address_space.push("10.0.0.0/16".parse().unwrap());
    let mut subnet = Subnet::new(id(APP));
    subnet.prefixes.push("10.0.0.0/24".parse().unwrap());
    subnet.security_group = Some(group.id.clone().into());
    vnet.subnets.push(subnet);
    let mut nic = NetworkInterface::new(id("/n/networkInterfaces/nic"));
    let place = Some(id(APP).into());
    nic.ip_configurations.push(IpConfiguration::new(
        "one",
        Some("10.0.0.4".parse().unwrap()),
        place,
    ));
    network.security_groups.push(group);
    network.virtual_networks.push(vnet);
    network.network_interfaces.push(nic);
    network
}

fn with(mut network: Network, change: impl FnOnce(&mut Network)) -> Network {
    change(&mut network);
    network
}

fn found(network: Network) -> Vec<Lint> {
    lint(&Topology::new(network, ServiceTags::built_in()), &Limits::default())
}

fn codes(network: Network) -> BTreeSet<LintCode> {
    found(network).iter().map(|one| one.code).collect()
}

/// The finding of this code that rules have.
fn one(code: LintCode, rules: &[&str]) -> Lint {
    let all = found(site(rules));
    all.iter().find(|one| one.code == code).unwrap_or_else(|| panic!("{code} in {all:#?}")).clone()
}

/// A code, rules that have it, and rules that nearly do.
const OF_RULES: &[(LintCode, &[&str], &[&str])] = &[
    (
        LintCode::ShadowedRule,
        &[
            "100 Low deny inbound * 10.0.0.0/9:* -> *:*",
            "110 High deny inbound * 10.128.0.0/9:* -> *:*",
            "120 Ssh allow inbound tcp 10.0.0.0/8:* -> *:22",
        ],
        &[
            "100 Low deny inbound * 10.0.0.0/9:* -> *:*",
            "110 High deny inbound * 10.128.0.0/10:* -> *:*",
            "120 Ssh allow inbound tcp 10.0.0.0/8:* -> *:22",
        ],
    ),
    (
        LintCode::RedundantRule,
        &["200 Ping deny inbound icmp 192.0.2.4/32:* -> *:*"],
        &["200 Ping deny inbound icmp 10.0.0.9/32:* -> *:*"],
    ),
    (
        LintCode::PartlyShadowedRule,
        &[
            "200 Web allow inbound tcp 203.0.113.0/24:* -> *:80",
            "300 Office deny inbound * 203.0.112.0/23:* -> 10.0.0.4/32:*",
        ],
        // An exception of the later rule.
        &[
            "200 Web allow inbound tcp 203.0.113.0/24:* -> 10.0.0.4/32:80",
            "300 Office deny inbound * 203.0.112.0/23:* -> 10.0.0.4/32:*",
        ],
    ),
    (
        LintCode::MaybeShadowedRule,
        &[
            "200 Storage deny inbound tcp Storage:* -> *:443",
            "300 Some allow inbound tcp 203.0.113.0/24:* -> *:443",
        ],
        // No tag of a public service holds private addresses (S4.23).
        &[
            "200 Storage deny inbound tcp Storage:* -> *:443",
            "300 Some allow inbound tcp 10.9.0.0/24:* -> *:443",
        ],
    ),
    (
        LintCode::DuplicateRule,
        &[
            "200 One allow inbound tcp 10.0.0.0/24:* -> *:80",
            "300 Two allow inbound tcp 10.0.0.0/25,10.0.0.128/25:* -> *:80",
        ],
        &[
            "200 One allow inbound tcp 10.0.0.0/24:* -> *:80",
            "300 Two allow inbound tcp 10.0.0.0/25:* -> *:80",
        ],
    ),
    (
        LintCode::ContradictingRule,
        &[
            "200 One allow inbound tcp 203.0.113.0/24:* -> *:80",
            "300 Two deny inbound tcp 203.0.113.0/24:* -> *:80",
        ],
        &[
            "200 One allow inbound tcp 203.0.113.0/24:* -> *:80",
            "300 Two deny inbound tcp 203.0.113.0/24:* -> *:81",
        ],
    ),
    (
        LintCode::ManagementPortOpen,
        &["200 Ssh allow inbound tcp 203.0.113.0/24:* -> *:22"],
        &["200 Ssh allow inbound tcp 10.9.0.0/24,168.63.129.16/32:* -> *:22"],
    ),
    (
        LintCode::AnyAnyAllow,
        &["200 All allow inbound * *:* -> *:*"],
        &["200 All allow inbound tcp *:* -> *:*"],
    ),
    (
        LintCode::TagUnusualDirection,
        &["200 Tag allow outbound tcp *:* -> GatewayManager:443"],
        &["200 Tag allow inbound tcp GatewayManager:* -> *:443"],
    ),
    (
        LintCode::SourcePortRestricted,
        &["200 Web allow inbound tcp 203.0.113.0/24:80 -> *:80"],
        &["200 Web allow inbound tcp 203.0.113.0/24:* -> *:80"],
    ),
    (
        LintCode::IcmpRuleWithPorts,
        &["200 Ping allow inbound icmp 203.0.113.0/24:* -> *:8"],
        &["200 Ping allow inbound icmp 203.0.113.0/24:* -> *:*"],
    ),
    (
        LintCode::PortlessProtocolWithPorts,
        &["200 Esp allow inbound esp 203.0.113.0/24:* -> *:500"],
        &["200 Esp allow inbound esp 203.0.113.0/24:* -> *:*"],
    ),
    (
        LintCode::RuleMatchesNothing,
        &["200 Esp allow inbound esp 203.0.113.0/24:* -> *:500"],
        &["200 Esp allow inbound esp 203.0.113.0/24:* -> *:*"],
    ),
    (
        LintCode::OwnSideOutsideNetworks,
        &["200 Web allow inbound tcp *:* -> 203.0.113.9/32:80"],
        &["200 Web allow inbound tcp 203.0.113.9/32:* -> 10.0.0.0/8:80"],
    ),
    (
        LintCode::NoRoomBefore,
        &["100 Web allow inbound tcp 203.0.113.0/24:* -> *:80"],
        &["101 Web allow inbound tcp 203.0.113.0/24:* -> *:80"],
    ),
    (
        LintCode::NoRoomBetween,
        &[
            "200 Web allow inbound tcp 203.0.113.0/24:* -> *:80",
            "201 Ssh deny inbound tcp 10.0.0.0/24:* -> *:22",
        ],
        &[
            "200 Web allow inbound tcp 203.0.113.0/24:* -> *:80",
            "202 Ssh deny inbound tcp 10.0.0.0/24:* -> *:22",
        ],
    ),
    (
        LintCode::NoRoomAfter,
        &["4096 Web allow inbound tcp 203.0.113.0/24:* -> *:80"],
        &["4096 All deny inbound * *:* -> *:*"],
    ),
    (
        LintCode::NamedLikeDefault,
        &["200 AllowVnetInBound allow inbound tcp 203.0.113.0/24:* -> *:80"],
        &["200 AllowVnet allow inbound tcp 203.0.113.0/24:* -> *:80"],
    ),
    (
        LintCode::PlatformServiceDenied,
        &["200 Dns deny outbound * *:* -> AzurePlatformDNS:*"],
        // Without a platform tag no deny reaches that traffic (S5.9).
        &["200 Dns deny outbound * *:* -> *:*"],
    ),
    (
        LintCode::ProbeBlocked,
        &["200 Vnet deny inbound * VirtualNetwork:* -> *:*"],
        &[
            "190 Probes allow inbound tcp AzureLoadBalancer:* -> *:*",
            "200 Vnet deny inbound * VirtualNetwork:* -> *:*",
        ],
    ),
    (
        LintCode::UnresolvedName,
        &["200 Storage deny outbound tcp *:* -> Storage:443"],
        &["200 Storage deny outbound tcp *:* -> Internet:443"],
    ),
];

#[test]
fn lints_of_rules_fire_on_what_they_are_about_and_not_on_what_is_near() {
    for (code, fires, near) in OF_RULES {
        let finding = one(*code, fires);
        assert!(!finding.message.is_empty());
        assert!(!codes(site(near)).contains(code), "{code} in {near:?}");
    }
}

/// The codes that other tests here are about, or that take long to bring about.
const ELSEWHERE: &[LintCode] = &[
    LintCode::ReliesOnAllowVnet,
    LintCode::ContractBroken,
    LintCode::VirtualNetworkTagIsAny,
    LintCode::InternalSpaceInInternetTag,
    LintCode::EmptyAsgInRule,
    LintCode::AsgsDifferWithinInterface,
    LintCode::UnattachedGroup,
    LintCode::DefaultRuleDeviation,
    LintCode::BastionNotCompliant,
    LintCode::AdminRuleTie,
    LintCode::LimitReached,
];

#[test]
fn every_code_has_a_test() {
    let tested: BTreeSet<LintCode> =
        OF_RULES.iter().map(|(code, ..)| *code).chain(ELSEWHERE.iter().copied()).collect();
    let all: BTreeSet<LintCode> = LintCode::ALL.iter().copied().collect();
    assert_eq!(tested, all);
}

/// Fixes are what they say: where a removal or a move is offered, no flow is treated in another
/// way.
#[test]
fn fixes_are_proved_by_the_difference_they_make() {
    for (code, fires, _) in OF_RULES {
        let Some(fix) = one(*code, fires).fix else { continue };
        let before = site(fires);
        let mut after = before.clone();
        assert!(fix.edits.iter().all(|edit| edit.apply(&mut after.security_groups[0])), "{code}");
        assert!(fix.az().starts_with("az network nsg rule "), "{}", fix.az());
        assert!(!codes(after).contains(code), "{code} is still there after its fix");
        let removes = [
            LintCode::ShadowedRule,
            LintCode::RedundantRule,
            LintCode::DuplicateRule,
            LintCode::ContradictingRule,
            LintCode::NoRoomBefore,
            LintCode::NoRoomAfter,
        ];
        if removes.contains(code) {
            assert!(fix.changes_nothing(), "{code}");
        }
    }
}

#[test]
fn fixes_of_the_removing_kind_are_offered() {
    for code in [
        LintCode::ShadowedRule,
        LintCode::RedundantRule,
        LintCode::DuplicateRule,
        LintCode::IcmpRuleWithPorts,
        LintCode::SourcePortRestricted,
        LintCode::NoRoomBefore,
        LintCode::NoRoomAfter,
        LintCode::ProbeBlocked,
    ] {
        let (_, fires, _) = OF_RULES.iter().find(|(one, ..)| *one == code).unwrap();
        assert!(one(code, fires).fix.is_some(), "{code}");
    }
}

/// An earlier rule that lets through what a later one cannot match is an exception to it in all
/// but its text, and what sets hold counts, not how they are written.
#[test]
fn rules_are_compared_as_sets_of_flows() {
    let codes = |rules: &[&str]| -> Vec<LintCode> {
        let found = found(site(rules));
        let about = found.iter().filter(|one| one.rule.as_deref() == Some("securityRules/Late"));
        let of_pairs =
            [LintCode::PartlyShadowedRule, LintCode::DuplicateRule, LintCode::ContradictingRule];
        about.map(|one| one.code).filter(|code| of_pairs.contains(code)).collect()
    };
    // No flow goes to an IPv4 address from an IPv6 one.
    let exception = "100 Web allow inbound tcp *:* -> 10.0.0.4/32:443";
    assert_eq!(codes(&[exception, "200 Late deny inbound * 0.0.0.0/0:* -> *:*"]), []);
    assert_eq!(
        codes(&[exception, "200 Late deny inbound * 203.0.113.0/24:* -> *:*"]),
        [LintCode::PartlyShadowedRule]
    );
    // S1.23: the ports of an ICMP rule are compared with the type, of which there are 256.
    let ping = "200 Late deny inbound icmp 203.0.113.0/24:* -> *:0-255";
    assert_eq!(codes(&["100 Ping allow inbound icmp 203.0.113.9/32:* -> *:0-1000", ping]), []);
    assert_eq!(
        codes(&["100 Ping deny inbound icmp 203.0.113.0/24:* -> *:*", ping]),
        [LintCode::DuplicateRule]
    );
    // The same flows, though the source of the one holds IPv6 addresses too.
    assert_eq!(
        codes(&[
            "100 Web deny inbound tcp *:* -> 10.0.0.4/32:443",
            "200 Late deny inbound tcp 0.0.0.0/0:* -> 10.0.0.4/32:443",
        ]),
        [LintCode::DuplicateRule]
    );
    assert_eq!(
        codes(&[
            "100 Web allow inbound tcp *:* -> 10.0.0.4/32:443",
            "200 Late deny inbound tcp 0.0.0.0/0:* -> 10.0.0.4/32:443",
        ]),
        [LintCode::ContradictingRule]
    );
}

/// A rule is partly shadowed exactly if some cell of it is decided first by a rule of the other
/// access that matches cells beside it; where exceptions come first, as if they were the rule.
#[test]
fn partly_shadowed_rules_are_those_found_by_trying_every_cell() {
    let mut told = 0;
    for case in small_cases(300, false) {
        let mut rules = case.group.rules;
        for (rule, number) in rules.iter_mut().zip(100..) {
            rule.direction = Direction::Inbound.into();
            rule.priority = Priority::new(number).into();
            // So that they meet, each with the opposite access of the one before.
            let (wide, access) = if number % 2 == 0 {
                (&mut rule.source, Access::Allow)
            } else {
                (&mut rule.destination, Access::Deny)
            };
            *wide = AddressSpec::any();
            rule.access = access.into();
            rule.protocol = ProtocolSpec::Any.into();
            rule.source_ports = PortSpec::any();
        }
        let network = with(site(&[]), |all| all.security_groups[0].rules = rules);
        let topology = Topology::new(network, ServiceTags::built_in());
        let group = &topology.network().security_groups[0];
        let chain = Chain::of_group(&topology, group, Direction::Inbound);
        let ruleset = chain.gates()[0].ruleset().unwrap();
        if ruleset.rules().iter().any(|rule| rule.unresolved().next().is_some()) {
            continue;
        }
        let found: BTreeSet<String> = lint(&topology, &Limits::default())
            .into_iter()
            .filter(|one| one.code == LintCode::PartlyShadowedRule)
            .filter_map(|one| one.rule)
            .collect();
        let crossed = crossed_rules(ruleset);
        assert_eq!(found, crossed, "{ruleset:#?}");
        told += crossed.len();
    }
    assert!(told > 10, "{told}");
}

fn crossed_rules(ruleset: &Ruleset) -> BTreeSet<String> {
    let rules = ruleset.rules();
    let flows = Cells::of([ruleset]).flows();
    let matching: Vec<BTreeSet<usize>> = rules
        .iter()
        .map(|rule| (0..flows.len()).filter(|at| matches(rule, &flows[*at])).collect())
        .collect();
    let is_crossed = |index: usize| {
        let first = |at: &usize| (0..index).find(|earlier| matching[*earlier].contains(at));
        matching[index].iter().filter_map(first).any(|earlier| {
            rules[earlier].effect != rules[index].effect
                && !matching[earlier].is_subset(&matching[index])
        })
    };
    let custom = (0..rules.len()).filter(|index| rules[*index].kind == RuleKind::Custom);
    custom.filter(|index| is_crossed(*index)).map(|index| rules[index].qualified_name()).collect()
}

fn matches(rule: &Rule, flow: &Flow) -> bool {
    FieldMatches::of(rule, flow).overall(rule) == Match::Yes
}

/// A rule written twice is said to be so once, though what it matches is not known.
#[test]
fn a_rule_with_an_unknown_name_that_is_there_twice_is_told_once() {
    let found = found(site(&[
        "200 One deny inbound tcp Storage:* -> *:443",
        "300 Two deny inbound tcp Storage:* -> *:443",
    ]));
    let about = found.iter().filter(|one| one.rule.as_deref() == Some("securityRules/Two"));
    let codes: Vec<LintCode> = about.map(|one| one.code).collect();
    assert!(codes.contains(&LintCode::DuplicateRule), "{codes:?}");
    assert!(!codes.contains(&LintCode::MaybeShadowedRule), "{codes:?}");
}

#[test]
fn a_group_on_nothing_is_told() {
    assert!(!codes(site(&[])).contains(&LintCode::UnattachedGroup));
    let off = with(site(&[]), |all| all.virtual_networks[0].subnets[0].security_group = None);
    assert!(codes(off).contains(&LintCode::UnattachedGroup));
}

#[test]
fn default_rules_that_are_not_azures_are_told() {
    let with_defaults = |change: fn(&mut Vec<SecurityRule>)| {
        with(site(&[]), |all| {
            let mut rules: Vec<SecurityRule> = default_rules();
            change(&mut rules);
            all.security_groups[0].default_rules = rules;
        })
    };
    assert!(!codes(with_defaults(|_| {})).contains(&LintCode::DefaultRuleDeviation));
    let without_one = with_defaults(|rules| drop(rules.pop()));
    assert!(codes(without_one).contains(&LintCode::DefaultRuleDeviation));
}

/// S4.4, S4.15.
#[test]
fn tags_that_hold_what_nobody_expects_are_told() {
    let own = |prefix: &str| {
        with(site(&[]), |all| {
            all.virtual_networks[0].address_space.push(prefix.parse().unwrap());
        })
    };
    let codes_of = |prefix| codes(own(prefix));
    assert!(codes_of("0.0.0.0/0").contains(&LintCode::VirtualNetworkTagIsAny));
    assert!(!codes_of("0.0.0.0/1").contains(&LintCode::VirtualNetworkTagIsAny));
    assert!(codes_of("203.0.113.0/24").contains(&LintCode::InternalSpaceInInternetTag));
    assert!(!codes_of("192.168.0.0/24").contains(&LintCode::InternalSpaceInInternetTag));
}

/// S1.47, S1.48.
#[test]
fn application_security_groups_without_members_and_of_half_an_interface_are_told() {
    let asg = |name: &str| id(&format!("/a/applicationSecurityGroups/{name}"));
    let with_rule = |members: bool, alike: bool| {
        with(site(&[]), |all| {
            let mut rule: SecurityRule = "200 Web allow inbound tcp *:* -> *:80".parse().unwrap();
            rule.destination = AddressItem::Asg(asg("web")).into();
            all.security_groups[0].rules.push(rule);
            let nic = &mut all.network_interfaces[0];
            let mut second = nic.ip_configurations[0].clone();
            second.name = "two".to_owned();
            second.private_address = Some("10.0.0.5".parse().unwrap());
            if members {
                nic.ip_configurations[0].application_security_groups.push(asg("web").into());
            }
            if members && alike {
                second.application_security_groups.push(asg("WEB").into());
            }
            nic.ip_configurations.push(second);
        })
    };
    let empty = LintCode::EmptyAsgInRule;
    let differ = LintCode::AsgsDifferWithinInterface;
    let told = |members, alike| {
        let codes = codes(with_rule(members, alike));
        (codes.contains(&empty), codes.contains(&differ))
    };
    assert_eq!(told(false, true), (true, false));
    assert_eq!(told(true, true), (false, false));
    assert_eq!(told(true, false), (false, true));
}

/// S7.11, S7.12: a group on AzureBastionSubnet is told what it lacks, and nobody is told to remove
/// what it must have.
#[test]
fn azures_demands_on_the_bastion_subnet_are_kept() {
    const DEMANDED: [&str; 8] = [
        "100 R1 allow inbound tcp Internet:* -> *:443",
        "110 R2 allow inbound tcp GatewayManager:* -> *:443",
        "120 R3 allow inbound tcp AzureLoadBalancer:* -> *:443",
        "130 R4 allow inbound * VirtualNetwork:* -> VirtualNetwork:8080,5701",
        "100 R5 allow outbound * *:* -> VirtualNetwork:22,3389",
        "110 R6 allow outbound tcp *:* -> AzureCloud:443",
        "120 R7 allow outbound * VirtualNetwork:* -> VirtualNetwork:8080,5701",
        "130 R8 allow outbound * *:* -> Internet:80",
    ];
    let bastion = |rules: &[&str]| {
        with(site(rules), |all| {
            let subnet = &mut all.virtual_networks[0].subnets[0];
            subnet.id = id("/v/virtualNetworks/vnet/subnets/AzureBastionSubnet");
            all.network_interfaces.clear();
        })
    };
    let found = |rules: &[&str]| found(bastion(rules));
    let whole = found(&DEMANDED);
    for lint in &whole {
        let removes =
            [LintCode::RedundantRule, LintCode::ShadowedRule, LintCode::BastionNotCompliant];
        assert!(!removes.contains(&lint.code), "{lint:?}");
    }
    let lacking = found(&DEMANDED[1..]);
    let told: Vec<&Lint> =
        lacking.iter().filter(|one| one.code == LintCode::BastionNotCompliant).collect();
    assert!(told.len() == 1 && told[0].message.contains("R1"), "{told:?}");
    // The same rules elsewhere are as redundant as any.
    assert!(codes(site(&DEMANDED)).contains(&LintCode::RedundantRule));
}

#[test]
fn contracts_tell_what_is_broken_and_what_rests_on_a_default_rule() {
    let ssh = "tcp 10.0.1.0/26:* -> 10.0.0.4/32:22";
    let codes = |access, rules: &[&str]| -> Vec<LintCode> {
        let contract = Contract::new(access, ssh.parse().unwrap());
        let topology = Topology::new(site(rules), ServiceTags::built_in());
        let found = lint_contracts(&topology, &[contract], &Limits::default());
        found.iter().map(|one| one.code).collect()
    };
    let named = "200 Ssh allow inbound tcp 10.0.1.0/26:* -> *:22";
    assert_eq!(codes(Access::Allow, &[]), [LintCode::ReliesOnAllowVnet]);
    assert_eq!(codes(Access::Allow, &[named]), []);
    let denied = "100 No deny inbound tcp 10.0.1.1/32:* -> *:22";
    assert_eq!(codes(Access::Allow, &[named, denied]), [LintCode::ContractBroken]);
    assert_eq!(codes(Access::Deny, &[named]), [LintCode::ContractBroken]);
    assert_eq!(codes(Access::Deny, &["200 No deny inbound * *:* -> *:*"]), []);
}

/// S6.12: admin rules are looked at where they apply.
#[test]
fn admin_rules_that_never_decide_are_told() {
    let admin = |rules: &[&str]| {
        with(site(&[]), |all| {
            let vnet = all.virtual_networks[0].id.clone();
            all.network_groups.push(NetworkGroup::new(id("group"), vec![vnet]));
            let mut collection =
                AdminRuleCollection::new(id("/p/networkManagers/m/configurations/c/collections/c"));
            collection.applies_to.push(id("group").into());
            collection.rules = rules.iter().map(|one| one.parse::<AdminRule>().unwrap()).collect();
            all.admin_rule_collections.push(collection);
        })
    };
    let all = "1 Stop deny inbound tcp *:* -> *:*";
    let late = "2 Late allow inbound tcp *:* -> *:22";
    let shadowed = |rules: &[&str]| {
        let found = found(admin(rules));
        found.into_iter().find(|one| one.code == LintCode::ShadowedRule)
    };
    let told = shadowed(&[all, late]).unwrap();
    assert_eq!(told.rule.as_deref(), Some("securityAdminRules/Late"));
    assert_eq!(told.direction, Some(Direction::Inbound));
    assert!(shadowed(&[all, "2 Late allow inbound udp *:* -> *:22"]).is_none());

    let tie = |other: &str| codes(admin(&[all, other])).contains(&LintCode::AdminRuleTie);
    assert!(tie("1 Web allow inbound tcp *:* -> *:80"));
    assert!(!tie("1 Web deny inbound tcp *:* -> *:80"));
    assert!(!tie("1 Web allow inbound udp *:* -> *:80"));
    assert!(!tie("2 Web allow inbound tcp *:* -> *:80"));
}

#[test]
fn a_question_that_is_too_large_is_a_finding() {
    let rules: Vec<String> = (0..60)
        .map(|n| {
            let access = if n % 2 == 0 { "allow" } else { "deny" };
            format!(
                "{} R{n} {access} inbound tcp 203.{}.0.0/15:* -> *:{n}-{}",
                200 + n,
                n & !1,
                n + 9
            )
        })
        .collect();
    let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
    let topology = Topology::new(site(&rules), ServiceTags::built_in());
    let codes = |limits: &Limits| -> BTreeSet<LintCode> {
        lint(&topology, limits).iter().map(|one| one.code).collect()
    };
    assert!(!codes(&Limits::default()).contains(&LintCode::LimitReached));
    assert!(
        codes(&Limits::default().with_branches(2).with_steps(2)).contains(&LintCode::LimitReached)
    );
}
