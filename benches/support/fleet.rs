//! The groups of a large landing zone: every group in a virtual network with subnets of its own,
//! all of them naming the same service tags, networks on premises and well-known ports.

use std::net::IpAddr;
use std::sync::Arc;

use nsg_engine::model::{
    Access, AddressItem, AddressSpec, Direction, Priority, ProtocolSpec, ResourceId, RuleName,
    SecurityGroup, SecurityRule, ServiceTag,
};
use nsg_engine::net::{AddressSet, Interval, PortSet, Prefix, Protocol};
use nsg_engine::resolve::{Names, Ruleset, ServiceTags};
use nsg_engine::strategies::Choices;

/// The inbound rules of so many groups, each of so many rules and the default ones.
pub(crate) fn fleet(groups: u32, rules: u32, seed: u64) -> Vec<Ruleset> {
    let mut choices = Choices::from_seed(seed);
    let catalogue = Arc::new(catalogue(&mut choices));
    let premises: Vec<Prefix> = (0..12).map(|number| of(10, 200 + number, 0, 0, 18)).collect();
    // Four groups to a virtual network; one network in four has IPv6 as well.
    let networks: Vec<Network> =
        (0..groups.div_ceil(4)).map(|number| Network::draw(number, &mut choices)).collect();
    let mut draw = |number: u32| {
        let network = &networks[number as usize / 4];
        let names = Names::new(Arc::clone(&catalogue)).with_virtual_network(network.space.clone());
        let mut group = SecurityGroup::new(ResourceId::new(&format!("nsg{number}")));
        for position in 0..rules {
            let is_broad = position * 10 > rules * 9;
            group.rules.push(rule(position, is_broad, network, &premises, &mut choices));
        }
        Ruleset::of_group(&group, Direction::Inbound, &names)
    };
    (0..groups).map(&mut draw).collect()
}

/// How many service tags there are.
const TAGS: usize = 150;

fn tag(number: usize) -> ServiceTag {
    ServiceTag::new(&format!("Service{number}"))
}

/// Tags of 20 to 900 prefixes, a third of them IPv6.
fn catalogue(choices: &mut Choices) -> ServiceTags {
    (0..TAGS).fold(ServiceTags::built_in(), |catalogue, number| {
        let prefixes = (0..choices.between(20, 900)).map(|_| {
            let [a, b, c, d] = choices.bytes();
            if choices.one_in(3) {
                let words =
                    [0x2603, 0x1000 | u16::from(a), u16::from_be_bytes([b, c]), 0, 0, 0, 0, 0];
                Prefix::truncated(IpAddr::from(words), 48).unwrap()
            } else {
                let length = choices.between(20, 30);
                of(20 + (a & 0x3f), b, c, d, u8::try_from(length).unwrap())
            }
        });
        let prefixes: AddressSet = prefixes.collect();
        catalogue.with(tag(number), prefixes)
    })
}

/// A virtual network.
struct Network {
    space: AddressSet,
    subnets: Vec<Prefix>,
}

impl Network {
    /// One in 10.0.0.0/8 of sixteen blocks of 256 addresses, up to eight of them subnets.
    fn draw(number: u32, choices: &mut Choices) -> Self {
        let [_, a, b, _] = ((number % 3000) << 12).to_be_bytes();
        let mut space = vec![of(10, a, b, 0, 20)];
        let mut subnets: Vec<Prefix> = (0..8)
            .map(|subnet| {
                let length = choices.between(24, 27);
                of(10, a, b | subnet, 0, u8::try_from(length).unwrap())
            })
            .collect();
        if number.is_multiple_of(4) {
            let [.., high, low] = number.to_be_bytes();
            let words = |subnet| [0xfd00, u16::from_be_bytes([high, low]), 0, subnet, 0, 0, 0, 0];
            space.push(Prefix::truncated(IpAddr::from(words(0)), 48).unwrap());
            subnets.extend(
                (0..8).map(|subnet| Prefix::truncated(IpAddr::from(words(subnet)), 64).unwrap()),
            );
        }
        Self { space: space.into_iter().collect(), subnets }
    }

    /// A few of the subnets, or a few hosts in one of them.
    fn part(&self, choices: &mut Choices) -> AddressSpec {
        let mut subnet = || self.subnets[choices.below(self.subnets.len())];
        let subnets = [subnet(), subnet(), subnet()];
        let count = choices.between(1, 3);
        if choices.one_in(3) {
            let hosts = subnets.iter().take(count).map(|subnet| {
                let [host] = choices.bytes();
                AddressItem::from(host_in(*subnet, host & 31))
            });
            return hosts.collect();
        }
        subnets.into_iter().take(count).map(AddressItem::from).collect()
    }
}

fn rule(
    position: u32,
    is_broad: bool,
    network: &Network,
    premises: &[Prefix],
    choices: &mut Choices,
) -> SecurityRule {
    let name = RuleName::as_written(&format!("rule{position}"));
    let access = if choices.one_in(3) { Access::Deny } else { Access::Allow };
    let mut rule =
        SecurityRule::new(name, Priority::new(100 + position), Direction::Inbound, access);
    rule.source = match choices.below(10) {
        _ if is_broad => AddressSpec::any(),
        0..=2 => AddressItem::from(tag(choices.below(TAGS))).into(),
        3 => AddressSpec::any(),
        4 => AddressItem::from(ServiceTag::new("VirtualNetwork")).into(),
        5..=6 => {
            let count = choices.between(1, 4);
            (0..count).map(|_| AddressItem::from(premises[choices.below(premises.len())])).collect()
        }
        _ => network.part(choices),
    };
    rule.destination = match choices.below(5) {
        0 => AddressSpec::any(),
        _ => network.part(choices),
    };
    if !(is_broad && choices.one_in(2)) {
        rule.destination_ports.known = ports(choices);
    }
    let protocols = [ProtocolSpec::Any, ProtocolSpec::One(Protocol::UDP)];
    rule.protocol = choices.one_of(ProtocolSpec::One(Protocol::TCP), &protocols).into();
    rule
}

/// Up to three ports that are much used, or a range.
fn ports(choices: &mut Choices) -> PortSet {
    const KNOWN: [u16; 12] = [80, 443, 22, 3389, 53, 123, 389, 636, 1433, 3306, 5432, 8080];
    if choices.one_in(5) {
        let [upper, lower] = choices.bytes();
        let first = 1024 + (u16::from_be_bytes([upper, lower]) & 0x7fff);
        return Interval::new(first, first + choices.one_of(0, &[9, 99, 999])).unwrap().into();
    }
    let count = choices.between(1, 3);
    (0..count).map(|_| Interval::single(KNOWN[choices.below(KNOWN.len())])).collect()
}

fn of(a: u8, b: u8, c: u8, d: u8, length: u8) -> Prefix {
    Prefix::truncated(IpAddr::from([a, b, c, d]), length).unwrap()
}

fn host_in(prefix: Prefix, host: u8) -> Prefix {
    match prefix.address() {
        IpAddr::V4(address) => {
            Prefix::truncated(IpAddr::V4((u32::from(address) | u32::from(host)).into()), 32)
        }
        IpAddr::V6(address) => {
            Prefix::truncated(IpAddr::V6((u128::from(address) | u128::from(host)).into()), 128)
        }
    }
    .unwrap()
}
