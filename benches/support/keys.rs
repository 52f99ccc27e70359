//! Keys to look up: each a random point of a rule, the rules drawn evenly, so that nearly all of
//! them decide about some key and no branch can be foretold.

use nsg_engine::classify::FlowKey;
use nsg_engine::net::{AddressSet, Protocol, RangeSet};
use nsg_engine::resolve::{Rule, Ruleset};
use nsg_engine::strategies::Choices;

use super::family::Family;

/// So many keys, one in ten with the destination of another rule.
pub(crate) fn keys<B: Family>(ruleset: &Ruleset, count: usize) -> Vec<FlowKey<B::Address>> {
    let mut choices = Choices::from_seed(9);
    let is_met = |rule: &&Rule| {
        !B::of(&rule.source.known).is_empty() && !B::of(&rule.destination.known).is_empty()
    };
    let rules: Vec<&Rule> = ruleset.rules().iter().filter(is_met).collect();
    let mut draw = || {
        let rule = rules[choices.below(rules.len())];
        let other = if choices.one_in(10) { rules[choices.below(rules.len())] } else { rule };
        B::key(
            protocol(rule),
            address::<B>(&rule.source.known, &mut choices),
            port(rule.source_ports.known.ranges(), &mut choices),
            address::<B>(&other.destination.known, &mut choices),
            port(rule.destination_ports.known.ranges(), &mut choices),
        )
    };
    (0..count).map(|_| draw()).collect()
}

/// TCP where the rule takes it.
fn protocol(rule: &Rule) -> Protocol {
    let protocols = rule.protocols.known;
    let first = protocols.iter().next().filter(|_| !protocols.contains(Protocol::TCP));
    first.unwrap_or(Protocol::TCP)
}

fn address<B: Family>(set: &AddressSet, choices: &mut Choices) -> B {
    let ranges = B::of(set).intervals();
    let range = ranges[choices.below(ranges.len())];
    B::between(range.first(), range.last(), u64::from_be_bytes(choices.bytes()))
}

fn port(set: &RangeSet<u16>, choices: &mut Choices) -> u16 {
    let range = set.intervals()[choices.below(set.intervals().len())];
    let count = usize::from(range.last() - range.first()) + 1;
    range.first() + u16::try_from(choices.below(count)).unwrap()
}
