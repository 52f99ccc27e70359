//! What a change of a network opens and closes, against its chains before and after.

use std::net::IpAddr;

use nsg_engine::analysis::{
    Change, Difference, catalogue_difference, changed_tags, comparisons, network_difference,
};
use nsg_engine::eval::Verdict;
use nsg_engine::model::{Direction, ResourceId, ServiceTag};
use nsg_engine::net::{AddressSet, Prefix};
use nsg_engine::network::Network;
use nsg_engine::path::Chain;
use nsg_engine::resolve::{ServiceTags, Topology};
use nsg_engine::space::{HeaderSpace, Limits, Region};
use nsg_engine::strategies::{Choices, NetworkCase, Shape};

use crate::space::Cells;

fn cases(count: u64, unknown: bool) -> impl Iterator<Item = NetworkCase> {
    let mut shape = if unknown { Shape::default() } else { Shape::definite() };
    (shape.rules, shape.items, shape.prefixes) = (3, 2, 4);
    (0..count).map(move |seed| NetworkCase::draw(Choices::from_seed(seed), shape))
}

/// One edit of a network, another one each time.
fn edited(network: &Network, number: usize) -> Network {
    let mut network = network.clone();
    let links: Vec<_> = network.security_groups.iter().map(|group| group.id.clone()).collect();
    match number % 4 {
        0 => network.security_groups.iter_mut().for_each(|group| drop(group.rules.pop())),
        1 => {
            let rule = "101 Inserted deny inbound tcp 10.0.0.0/9:* -> *:22";
            let rules = network.security_groups.iter_mut().map(|group| &mut group.rules);
            rules.for_each(|rules| rules.push(rule.parse().unwrap()));
        }
        2 => {
            for (interface, link) in network.network_interfaces.iter_mut().zip(links) {
                interface.security_group = Some(link.into());
            }
        }
        _ => network.admin_rule_collections.clear(),
    }
    network
}

fn space(changes: &[Change]) -> HeaderSpace {
    let regions: Vec<Region> = changes.iter().map(|one| one.region.clone()).collect();
    HeaderSpace::of_regions(&regions, &Limits::default()).unwrap()
}

/// Compares what is said of one interface with its chains, on flows at the corners of both.
fn check(found: &Difference, chains: [&Chain; 2], own: IpAddr) -> usize {
    let rulesets = chains.iter().flat_map(|chain| chain.gates()).filter_map(|gate| gate.ruleset());
    let cells = Cells::of(rulesets.map(AsRef::as_ref));
    let [sources, destinations] = match chains[0].direction() {
        Direction::Inbound => [cells.sources(), vec![own]],
        Direction::Outbound => [vec![own], cells.destinations()],
    };
    let mut flows = cells.flows_between(&sources, &destinations);
    flows.retain(|flow| flow.source() != flow.destination());
    let step = flows.len() / 400 + 1;
    let [opened, closed, unsettled] =
        [&found.opened, &found.closed, &found.unsettled].map(|changes| space(changes));
    let mut changed = 0;
    for flow in flows.iter().step_by(step) {
        let [before, after] = chains.map(|chain| chain.evaluate(flow).verdict());
        let is_opened = (before, after) == (Verdict::Deny, Verdict::Allow);
        let is_closed = (before, after) == (Verdict::Allow, Verdict::Deny);
        assert_eq!(opened.contains(flow), is_opened, "{flow}");
        assert_eq!(closed.contains(flow), is_closed, "{flow}");
        let is_other = before != after && !is_opened && !is_closed;
        assert!(!is_other || unsettled.contains(flow), "{flow}");
        let is_same = before == after && before != Verdict::Indeterminate;
        assert!(!is_same || !unsettled.contains(flow), "{flow}");
        changed += usize::from(before != after);
    }
    for (changes, wanted) in [
        (&found.opened, [Verdict::Deny, Verdict::Allow]),
        (&found.closed, [Verdict::Allow, Verdict::Deny]),
    ] {
        for change in changes {
            let verdicts = chains.map(|chain| chain.evaluate(&change.witness).verdict());
            assert_eq!(verdicts, wanted, "{}", change.witness);
            for (chain, reason) in chains.iter().zip([&change.before, &change.after]) {
                let decision = chain.evaluate(&change.witness);
                let name = decision.rule().map(|rule| rule.qualified_name());
                if decision.platform().is_none() {
                    assert_eq!(reason.rule.as_ref().map(|rule| rule.name.clone()), name);
                }
            }
        }
    }
    changed
}

fn check_network(before: &Topology, after: &Topology) -> usize {
    let found = network_difference(before, after, &Limits::default());
    assert!(found.added.is_empty() && found.removed.is_empty());
    let mut changed = 0;
    for place in &found.interfaces {
        let chains = [before, after].map(|topology| {
            let interface = topology.network().network_interface(&place.resource).unwrap();
            let configuration = interface
                .ip_configurations
                .iter()
                .find(|one| Some(&one.name) == place.configuration.as_ref())
                .unwrap();
            let chain = Chain::of_interface(topology, interface, configuration, place.direction);
            (chain, configuration.private_address)
        });
        let [(old, own), (new, _)] = &chains;
        let Some(own) = *own else { continue };
        changed += check(place.difference.as_ref().unwrap(), [old, new], own);
    }
    changed
}

#[test]
fn every_interface_changes_as_its_chains_do() {
    for unknown in [false, true] {
        let mut changed = 0;
        for (number, case) in cases(32, unknown).enumerate() {
            let after = Topology::new(edited(&case.network, number), case.tags.clone());
            let before = Topology::new(case.network, case.tags);
            changed += check_network(&before, &after);
            assert!(network_difference(&before, &before, &Limits::default()).is_empty());
        }
        assert!(changed > 100, "{changed}");
    }
}

/// The same network under two catalogues: what changes is what the chains say, and only tags that
/// rules name are told.
#[test]
fn another_catalogue_changes_what_its_tags_change() {
    let mut changed = 0;
    for case in cases(60, false) {
        let tags: Vec<ServiceTag> = case.tags.tags().cloned().collect();
        let other = tags.iter().fold(case.tags.clone(), |tags, tag| {
            tags.with(tag.clone(), "10.0.0.0/8".parse::<Prefix>().unwrap().into())
        });
        let [before, after] =
            [&case.tags, &other].map(|tags| Topology::new(case.network.clone(), tags.clone()));
        changed += check_network(&before, &after);
        let by_catalogue = catalogue_difference(
            &case.network,
            case.tags.clone(),
            other.clone(),
            &Limits::default(),
        );
        assert_eq!(by_catalogue, network_difference(&before, &after, &Limits::default()));
        if changed_tags(&before, &after).is_empty() {
            assert!(by_catalogue.is_empty());
        }
    }
    assert!(changed > 50, "{changed}");
}

#[test]
fn changed_tags_are_those_that_rules_name() {
    let json = r#"{"type": "Microsoft.Network/networkSecurityGroups", "id": "nsg", "properties": {
        "securityRules": [{"name": "a", "properties": {"priority": 100, "direction": "Inbound",
            "access": "Allow", "protocol": "Tcp", "sourceAddressPrefix": "Sql.WestEurope",
            "sourcePortRange": "*", "destinationAddressPrefix": "*",
            "destinationPortRange": "1433"}}]}}"#;
    let mut network = nsg_engine::azure::read(json.as_bytes()).unwrap().network;
    network.extra_virtual_network_prefixes.push("10.0.0.0/16".parse().unwrap());
    let sql = || ServiceTag::new("Sql.WestEurope");
    let storage = || ServiceTag::new("Storage");
    let set = |text: &str| AddressSet::from(text.parse::<Prefix>().unwrap());
    let catalogue = |sql_set: &str, storage_set: &str| {
        ServiceTags::new([(sql(), set(sql_set)), (storage(), set(storage_set))], None, None)
    };
    let old = catalogue("20.0.0.0/24", "20.1.0.0/24");
    let new = catalogue("20.0.0.128/25", "20.2.0.0/24");
    let [before, after] = [&old, &new].map(|tags| network.clone().bind(tags.clone()));
    let changes = changed_tags(&before, &after);
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].tag, sql());
    assert!(changes[0].added().is_empty());
    assert_eq!(changes[0].removed(), set("20.0.0.0/25"));
    let found = catalogue_difference(&network, old, new, &Limits::default());
    let closed = &found.groups[0].difference.as_ref().unwrap().closed;
    assert_eq!(closed.len(), 1);
    assert_eq!(closed[0].region.to_string(), "tcp 20.0.0.0/25:* -> *:1433");
}

/// A copy in another subscription is the same network; what only one side has is told.
#[test]
fn counterparts_are_found_by_id_and_else_by_name() {
    let case = cases(40, false).max_by_key(|case| case.network.network_interfaces.len()).unwrap();
    let mut copy = case.network.clone();
    let moved = |id: &ResourceId| ResourceId::new(&format!("/elsewhere{}", id.as_str()));
    for interface in &mut copy.network_interfaces {
        interface.id = moved(&interface.id);
    }
    let gone = copy.network_interfaces.pop().unwrap();
    let count = |one: &NetworkCase| {
        let all = one.network.network_interfaces.iter();
        all.map(|one| one.ip_configurations.len()).sum::<usize>()
    };
    let groups = case.network.security_groups.len();
    let expected = count(&case) + groups;
    let before = Topology::new(case.network, case.tags.clone());
    let after = Topology::new(copy, case.tags);
    let all = comparisons(&before, &after);
    assert_eq!(all.len(), expected);
    let missing: Vec<&str> =
        all.iter().filter(|one| one.missing().is_some()).map(|one| one.resource().name()).collect();
    assert_eq!(missing, vec![gone.id.name(); gone.ip_configurations.len()]);
    let all = network_difference(&before, &after, &Limits::default());
    assert_eq!(all.groups.len(), groups * 2);
    assert!(!all.is_empty());
}

/// A place whose comparison is too much work does not keep the others from being answered.
#[test]
fn limits_stop_single_places() {
    let case = cases(40, false).max_by_key(|case| case.network.security_groups.len()).unwrap();
    let after = Topology::new(edited(&case.network, 1), case.tags.clone());
    let before = Topology::new(case.network, case.tags);
    let found = network_difference(&before, &after, &Limits::default().with_steps(60));
    let places = || found.interfaces.iter().chain(&found.groups);
    assert!(places().any(|one| one.difference.is_err()));
    assert!(places().any(|one| one.difference.is_ok()));
    assert!(!found.is_empty());
}
