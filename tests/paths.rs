//! What holds for the gates of every network, over generated ones.

use std::collections::BTreeSet;
use std::net::IpAddr;

use nsg_engine::eval::{Outcomes, Verdict};
use nsg_engine::model::{Direction, Flow};
use nsg_engine::network::{IpConfiguration, Network, NetworkInterface};
use nsg_engine::path::Chain;
use nsg_engine::resolve::Topology;
use nsg_engine::strategies::{Choices, NetworkCase, Shape, networks};
use proptest::prelude::*;

use crate::completion::Completion;

fn places(network: &Network) -> Vec<(&NetworkInterface, &IpConfiguration)> {
    let interfaces = network.network_interfaces.iter();
    interfaces
        .flat_map(|interface| interface.ip_configurations.iter().map(move |one| (interface, one)))
        .collect()
}

/// Both chains of every IP configuration.
fn chains(topology: &Topology) -> Vec<Chain> {
    let both = [Direction::Inbound, Direction::Outbound];
    places(topology.network())
        .into_iter()
        .flat_map(|(interface, configuration)| {
            both.map(|direction| Chain::of_interface(topology, interface, configuration, direction))
        })
        .collect()
}

/// Traffic that may concern the platform, which asks more than the gates (S5.9), or that stays
/// inside the machine (S3.17).
fn may_be_exempt(flow: &Flow, direction: Direction) -> bool {
    let platform: [IpAddr; 2] = [[168, 63, 129, 16].into(), [169, 254, 169, 254].into()];
    let port_is = |ports: &[u16]| flow.destination_port().is_none_or(|port| ports.contains(&port));
    let outbound = direction == Direction::Outbound
        && (platform.contains(&flow.destination())
            || (flow.protocol().has_ports() && port_is(&[67, 1688])));
    outbound || flow.source() == flow.destination()
}

/// S3.12: the gates one after another, each way the unknown could turn out on its own. `true` is
/// delivered, `false` dropped.
fn futures(gates: &[Option<Outcomes>]) -> BTreeSet<bool> {
    let Some((first, rest)) = gates.split_first() else { return [true].into() };
    let anything = Outcomes { allow: true, deny: true, ..Outcomes::default() };
    let Outcomes { allow, always_allow, deny, pass } = first.unwrap_or(anything);
    let mut futures = BTreeSet::new();
    if deny {
        futures.insert(false);
    }
    if always_allow {
        futures.insert(true);
    }
    if allow || pass {
        futures.extend(self::futures(rest));
    }
    futures
}

fn verdict(futures: &BTreeSet<bool>) -> Verdict {
    match (futures.contains(&true), futures.contains(&false)) {
        (true, false) => Verdict::Allow,
        (false, true) => Verdict::Deny,
        _ => Verdict::Indeterminate,
    }
}

/// Generated networks are worth asking: their flows meet none to three gates and get every
/// answer.
#[test]
fn generated_networks_reach_every_kind_of_answer() {
    let (mut lengths, mut verdicts, mut paths) = (BTreeSet::new(), BTreeSet::new(), 0);
    for seed in 0..200 {
        let case = NetworkCase::draw(Choices::from_seed(seed), Shape::default());
        let topology = Topology::new(case.network, case.tags);
        for chain in chains(&topology) {
            lengths.insert(chain.gates().len());
            verdicts.extend(case.flows.iter().map(|flow| chain.evaluate(flow).verdict()));
        }
        paths += case.flows.iter().filter(|flow| topology.path(flow).is_ok()).count();
    }
    assert_eq!(lengths, [0, 1, 2, 3].into());
    assert_eq!(verdicts, [Verdict::Allow, Verdict::Deny, Verdict::Indeterminate].into());
    assert!(paths > 600, "{paths}");
}

proptest! {
    /// S3.6, S3.12: a chain is its gates, each asked by itself.
    #[test]
    fn a_chain_is_the_conjunction_of_its_gates(case in networks(Shape::default())) {
        let topology = Topology::new(case.network, case.tags);
        for chain in chains(&topology) {
            for flow in case.flows.iter().filter(|flow| !may_be_exempt(flow, chain.direction())) {
                let outcomes: Vec<Option<Outcomes>> = chain
                    .gates()
                    .iter()
                    .map(|gate| gate.evaluate(flow).map(|decision| decision.outcomes()))
                    .collect();
                let decision = chain.evaluate(flow);
                prop_assert_eq!(decision.verdict(), verdict(&futures(&outcomes)), "{}", flow);
                if decision.verdict() == Verdict::Deny {
                    let denies = |outcomes: &Option<Outcomes>| {
                        outcomes.is_some_and(|outcomes| outcomes.verdict() == Verdict::Deny)
                    };
                    let first = outcomes.iter().position(denies).and_then(|at| chain.gates().get(at));
                    prop_assert_eq!(decision.gate(), first, "{}", flow);
                }
            }
        }
    }

    /// S8.13: the trace looks further than the answer needs, and gives the same one.
    #[test]
    fn a_trace_of_a_chain_agrees_with_its_answer(case in networks(Shape::default())) {
        let topology = Topology::new(case.network, case.tags);
        for chain in chains(&topology) {
            for flow in &case.flows {
                let (trace, decision) = (chain.trace(flow), chain.evaluate(flow));
                prop_assert_eq!(trace.verdict(), decision.verdict(), "{}", flow);
                if decision.verdict() == Verdict::Indeterminate {
                    prop_assert!(!trace.unresolved().is_empty(), "{} without a reason", flow);
                }
            }
        }
    }

    /// S3.15: both ends must allow.
    #[test]
    fn a_path_is_the_conjunction_of_its_ends(case in networks(Shape::default())) {
        let topology = Topology::new(case.network, case.tags);
        for flow in &case.flows {
            let Ok(path) = topology.path(flow) else { continue };
            let full = path.evaluate();
            prop_assert_eq!(full.verdict, path.verdict(), "{}", flow);
            let ends = [&full.source, &full.destination];
            let verdicts: Vec<Verdict> =
                ends.into_iter().flatten().map(|end| end.verdict()).collect();
            let expected = if verdicts.contains(&Verdict::Deny) {
                Verdict::Deny
            } else if verdicts.contains(&Verdict::Indeterminate) {
                Verdict::Indeterminate
            } else {
                Verdict::Allow
            };
            prop_assert_eq!(full.verdict, expected, "{}", flow);
        }
    }

    /// S3.8 for whole chains: names, links, address spaces and memberships that are not known.
    #[test]
    fn no_completion_contradicts_a_definite_chain(
        case in networks(Shape::default()),
        seed in any::<u64>(),
    ) {
        let mut completion = Completion::new(seed);
        let completed = completion.network(&case.network, &case.tags);
        let topology = Topology::new(case.network, case.tags);
        for (before, after) in chains(&topology).iter().zip(chains(&completed)) {
            for flow in &case.flows {
                let full = completion.flow(flow);
                let (open, decided) = (before.evaluate(flow), after.evaluate(&full));
                prop_assert_ne!(decided.verdict(), Verdict::Indeterminate, "{}", full);
                if open.verdict() != Verdict::Indeterminate {
                    prop_assert_eq!(open.verdict(), decided.verdict(), "{} as {}", flow, full);
                }
            }
        }
    }
}
