//! Rules like those of security groups, of a wanted size.

use std::net::IpAddr;

use nsg_engine::model::{
    Access, AddressItem, AddressSpec, Direction, Priority, ProtocolSpec, ResourceId, RuleName,
    SecurityGroup, SecurityRule, ServiceTag,
};
use nsg_engine::net::{AddressSet, Interval, Prefix, Protocol};
use nsg_engine::resolve::{Names, Ruleset, ServiceTags};
use nsg_engine::strategies::Choices;

/// The inbound rules of a group: lists of subnets and of ports, every fifth rule naming a tag of
/// hundreds of prefixes as long as there are `tags`, the broad ones last.
pub(crate) fn group_like(rules: u32, tags: u32, seed: u64) -> Ruleset {
    let mut choices = Choices::from_seed(seed);
    let mut catalogue = ServiceTags::built_in();
    for number in 0..tags {
        let prefixes = (0..choices.between(50, 900)).map(|_| random_prefix(&mut choices, 16, 30));
        catalogue = catalogue.with(tag(number), prefixes.collect::<AddressSet>());
    }
    let mut group = SecurityGroup::new(ResourceId::new("nsg"));
    for number in 0..rules {
        let mut rule = rule(number);
        let mut subnets = || -> AddressSpec {
            (0..choices.between(1, 6))
                .map(|_| AddressItem::from(random_prefix(&mut choices, 20, 32)))
                .collect()
        };
        rule.source = subnets();
        rule.destination = subnets();
        if number % 5 == 0 && number / 5 < tags {
            rule.source = AddressItem::from(tag(number / 5)).into();
        }
        if number * 10 > rules * 9 {
            rule.source = AddressSpec::any();
        }
        let ports = (0..choices.between(1, 4)).map(|_| {
            let first = u16::from_be_bytes(choices.bytes()) >> choices.below(4);
            Interval::new(first, first.saturating_add(choices.one_of(0, &[0, 9, 999]))).unwrap()
        });
        rule.destination_ports.known = ports.collect();
        rule.protocol =
            choices.one_of(ProtocolSpec::One(Protocol::TCP), &[ProtocolSpec::Any]).into();
        group.rules.push(rule);
    }
    let vnet = ["10.0.0.0/8", "fd00::/16"].map(|text| text.parse::<Prefix>().unwrap());
    let names = Names::new(catalogue).with_virtual_network(vnet.into_iter().collect());
    Ruleset::of_group(&group, Direction::Inbound, &names)
}

fn rule(number: u32) -> SecurityRule {
    let name = RuleName::as_written(&format!("rule{number}"));
    SecurityRule::new(name, Priority::new(100 + number), Direction::Inbound, Access::Allow)
}

fn tag(number: u32) -> ServiceTag {
    ServiceTag::new(&format!("Tag{number}"))
}

/// A prefix of either IP version in a few blocks; of IPv6 twice as long, and one in four a host.
fn random_prefix(choices: &mut Choices, least: usize, most: usize) -> Prefix {
    let [a, b, c, d] = choices.bytes();
    let length = choices.between(least, most);
    let (address, length) = if choices.one_in(2) {
        (IpAddr::from([10 + (a & 0x3f), b, c, d]), length)
    } else {
        let words =
            [0xfd00 | u16::from(a & 7), u16::from(b), u16::from_be_bytes([c, d]), 0, 0, 0, 0, 1];
        (IpAddr::from(words), if choices.one_in(4) { 128 } else { 2 * length })
    };
    Prefix::truncated(address, u8::try_from(length).unwrap()).unwrap()
}
