//! Contracts over whole networks, against the path of every flow that is tried.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use nsg_engine::analysis::{Contract, Judgement};
use nsg_engine::eval::Verdict;
use nsg_engine::model::{Access, Direction, Flow};
use nsg_engine::net::{AddressSet, PortSet, Protocol, ProtocolSet};
use nsg_engine::network::Network;
use nsg_engine::path::Chain;
use nsg_engine::resolve::Topology;
use nsg_engine::space::{HeaderSpace, Limits, Region};
use nsg_engine::strategies::{Choices, NetworkCase, Shape};

use crate::space::Cells;

/// Networks in which one address is one place.
fn cases(unknown: bool) -> impl Iterator<Item = (u64, Topology)> {
    let mut shape = if unknown { Shape::default() } else { Shape::definite() };
    (shape.rules, shape.items, shape.prefixes) = (3, 2, 4);
    (0..80).filter_map(move |seed| {
        let case = NetworkCase::draw(Choices::from_seed(seed), shape);
        let spaces = case.network.virtual_networks.iter().flat_map(|one| &one.address_space);
        let spaces: Vec<AddressSet> = spaces.copied().map(AddressSet::from).collect();
        let overlap =
            |one: usize| spaces.iter().skip(one + 1).any(|two| two.overlaps(&spaces[one]));
        let is_plain = !(0..spaces.len()).any(overlap);
        is_plain.then(|| (seed, Topology::new(case.network, case.tags)))
    })
}

/// Addresses of machines, of public addresses, of subnets beside them, and of elsewhere.
fn addresses(network: &Network) -> Vec<IpAddr> {
    let mut all: BTreeSet<IpAddr> =
        network.network_interfaces.iter().flat_map(|one| one.addresses()).collect();
    all.extend(network.public_addresses.iter().filter_map(|one| one.address));
    all.extend(network.private_endpoints.iter().flat_map(|one| &one.addresses));
    let subnets = network.subnets().flat_map(|(_, subnet)| &subnet.prefixes);
    all.extend(subnets.map(|prefix| prefix.address()));
    all.extend(["192.0.2.1", "10.9.0.1"].map(|text| text.parse::<IpAddr>().unwrap()));
    all.into_iter().collect()
}

/// Flows at the corners of all gates between these addresses.
fn flows(topology: &Topology, addresses: &[IpAddr]) -> Vec<Flow> {
    let network = topology.network();
    let chains: Vec<Chain> = network
        .security_groups
        .iter()
        .flat_map(|group| {
            [Direction::Inbound, Direction::Outbound]
                .map(|direction| Chain::of_group(topology, group, direction))
        })
        .collect();
    let rulesets = chains.iter().flat_map(|chain| chain.gates()).filter_map(|gate| gate.ruleset());
    let cells = Cells::of(rulesets.map(AsRef::as_ref));
    let flows = cells.flows_between(addresses, addresses);
    // Enough of them to meet everything, few enough to be quick.
    let step = flows.len() / 4000 + 1;
    flows.into_iter().step_by(step).collect()
}

fn regions(choices: &mut Choices, addresses: &[IpAddr]) -> Region {
    let mut side = || match choices.below(3) {
        0 => AddressSet::full(),
        1 => "10.0.0.0/16".parse::<nsg_engine::net::Prefix>().unwrap().into(),
        _ => choices.pick(addresses).copied().unwrap().into(),
    };
    let (source, destination) = (side(), side());
    let is_ssh = choices.one_in(2);
    Region {
        protocols: if is_ssh { Protocol::TCP.into() } else { ProtocolSet::FULL },
        source,
        source_ports: PortSet::full(),
        destination,
        destination_ports: if is_ssh { 22.into() } else { PortSet::full() },
    }
}

fn check(unknown: bool) -> BTreeMap<(Access, &'static str), u32> {
    let mut seen = BTreeMap::new();
    for (seed, topology) in cases(unknown) {
        let addresses = addresses(topology.network());
        let flows = flows(&topology, &addresses);
        let mut choices = Choices::from_seed(seed);
        for _ in 0..4 {
            let region = regions(&mut choices, &addresses);
            let space = HeaderSpace::of_region(&region);
            for (access, broken) in [(Access::Allow, Verdict::Deny), (Access::Deny, Verdict::Allow)]
            {
                let contract = Contract::new(access, region.clone());
                let judgement = contract.check_network(&topology, &Limits::default()).unwrap();
                // What a machine sends to itself is not judged (S3.17).
                let inside = flows
                    .iter()
                    .filter(|flow| space.contains(flow) && flow.source() != flow.destination());
                let step = inside.clone().count() / 100 + 1;
                let one_with = |verdicts: &[Verdict]| {
                    inside.clone().step_by(step).find(|flow| {
                        topology.path(flow).is_ok_and(|path| verdicts.contains(&path.verdict()))
                    })
                };
                let name = match &judgement {
                    Judgement::Holds => {
                        let refuting = one_with(&[broken, Verdict::Indeterminate]);
                        assert_eq!(refuting, None, "{contract} of {seed}");
                        "holds"
                    }
                    Judgement::Fails(example) => {
                        assert!(space.contains(&example.flow));
                        let path = topology.path(&example.flow).unwrap();
                        assert_eq!(path.verdict(), broken, "{contract} of {seed}: {example}");
                        assert!(!example.reasons.is_empty());
                        "fails"
                    }
                    Judgement::Unknown(example) => {
                        assert!(space.contains(&example.flow));
                        let path = topology.path(&example.flow).unwrap();
                        let verdict = path.verdict();
                        assert_eq!(
                            verdict,
                            Verdict::Indeterminate,
                            "{contract} of {seed}: {example}"
                        );
                        let named = example.reasons.iter().any(|one| !one.unresolved.is_empty());
                        assert!(named, "{contract} of {seed}: {example} names nothing to supply");
                        let refuting = one_with(&[broken]);
                        assert_eq!(refuting, None, "{contract} of {seed} fails for certain");
                        "unknown"
                    }
                };
                *seen.entry((access, name)).or_default() += 1;
            }
        }
    }
    seen
}

#[test]
fn contracts_of_known_networks_are_judged_as_the_paths_are() {
    let seen = check(false);
    for key in
        [Access::Allow, Access::Deny].iter().flat_map(|&one| [(one, "holds"), (one, "fails")])
    {
        assert!(seen.get(&key).is_some_and(|count| *count > 20), "{key:?} in {seen:?}");
    }
}

#[test]
fn contracts_of_networks_with_unknowns_say_what_to_supply() {
    let seen = check(true);
    for key in [(Access::Allow, "unknown"), (Access::Deny, "unknown"), (Access::Deny, "holds")] {
        assert!(seen.get(&key).is_some_and(|count| *count > 5), "{key:?} in {seen:?}");
    }
}

#[test]
fn the_example_network_keeps_its_promise_only_when_it_is_fixed() {
    let verdict = |file: &str| {
        let json = std::fs::read(format!("{}/examples/data/{file}", env!("CARGO_MANIFEST_DIR")));
        let network = nsg_engine::azure::read(&json.unwrap()).unwrap().network;
        let topology = network.bind(nsg_engine::resolve::ServiceTags::built_in());
        let region = "tcp 10.0.1.0/26:* -> 10.0.0.4:22".parse().unwrap();
        let contract = Contract::new(Access::Allow, region);
        contract.check_network(&topology, &Limits::default()).unwrap()
    };
    assert!(verdict("network-fixed.json").holds());
    let Judgement::Fails(example) = verdict("network.json") else { panic!("it must fail") };
    let reason = &example.reasons[0];
    assert_eq!(reason.at.as_ref().unwrap().name(), "vm-web-01-nic");
    assert_eq!(reason.rule.as_ref().unwrap().name, "securityRules/DenyVnetInBound");
}
