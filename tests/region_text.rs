//! Regions as `diff` and `exposure` write them: names and exceptions mean the same flows.

use std::net::IpAddr;

use nsg_engine::model::ServiceTag;
use nsg_engine::net::{AddressSet, PortSet, Prefix, ProtocolSet};
use nsg_engine::network::Network;
use nsg_engine::resolve::ServiceTags;
use nsg_engine::space::Region;
use nsg_engine::strategies::Choices;
use proptest::prelude::*;

use crate::naming::Naming;

/// Some blocks with holes, at times with all that is called Internet in it.
fn addresses(choices: &mut Choices, internet: &AddressSet) -> AddressSet {
    let [blocks, holes]: [AddressSet; 2] =
        [(); 2].map(|()| (0..3).map(|_| block(choices)).collect());
    let set = match choices.below(4) {
        0 => internet.clone(),
        1 => internet.intersection(&blocks.families()),
        2 => AddressSet::full(),
        _ => blocks,
    };
    if choices.one_in(4) { set } else { set.difference(&holes) }
}

fn block(choices: &mut Choices) -> Prefix {
    let [a, b, c, d] = choices.bytes();
    let (address, longest) = if choices.one_in(3) {
        ([0x2a01, 0, u16::from(a & 3), 0, 0, 0, 0, u16::from(b)].into(), 128)
    } else {
        (IpAddr::from([20 + (a & 3), b & 1, c, d]), 32)
    };
    Prefix::truncated(address, u8::try_from(choices.between(6, longest)).unwrap()).unwrap()
}

/// What one side means, within the IP versions of the other.
fn read(text: &str, internet: &AddressSet) -> AddressSet {
    let mut set = AddressSet::empty();
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, behind) = match rest.strip_prefix('(') {
            Some(inner) => inner.split_once(')').unwrap(),
            None => rest.split_at(rest.find(',').unwrap_or(rest.len())),
        };
        let (name, holes) = piece.split_once(" except ").unwrap_or((piece, ""));
        let mut named = all(name, internet);
        for hole in holes.split(',').filter(|hole| !hole.is_empty()) {
            assert!(named.covers(&all(hole, internet)), "{text}");
            named = named.difference(&all(hole, internet));
        }
        set = set.union(&named);
        rest = behind.strip_prefix(',').unwrap_or(behind);
    }
    set
}

fn all(name: &str, internet: &AddressSet) -> AddressSet {
    match name {
        "*" => AddressSet::full(),
        "Internet" => internet.clone(),
        "nothing" => AddressSet::empty(),
        block => block.trim_matches(['[', ']']).parse::<Prefix>().unwrap().into(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_region_in_words_holds_the_same_flows(seed: u64) {
        let topology = Network::default().bind(ServiceTags::built_in());
        let naming = Naming::of([&topology]);
        let internet = topology.service_tags().addresses(&ServiceTag::new("Internet")).unwrap();
        let mut choices = Choices::from_seed(seed);
        let source = addresses(&mut choices, &internet);
        let destination = addresses(&mut choices, &internet);
        let region = Region {
            protocols: ProtocolSet::FULL,
            source: source.clone(),
            source_ports: PortSet::full(),
            destination: destination.clone(),
            destination_ports: PortSet::full(),
        };
        let text = naming.text(&region);
        let (from, to) = text.strip_prefix("* ").unwrap().split_once(" -> ").unwrap();
        let [from, to] = [from, to].map(|side| read(side.strip_suffix(":*").unwrap(), &internet));
        for versions in ["0.0.0.0/0", "::/0"].map(|all_of_one| all(all_of_one, &internet)) {
            let flows = |source: &AddressSet, destination: &AddressSet| {
                let sides = [source, destination].map(|side| side.intersection(&versions));
                if sides.iter().any(AddressSet::is_empty) { None } else { Some(sides) }
            };
            prop_assert_eq!(flows(&from, &to), flows(&source, &destination), "{}", text);
        }
        prop_assert!(text.len() <= region.to_string().len() + 9, "{}", text);
    }
}
