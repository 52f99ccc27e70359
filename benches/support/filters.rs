//! Filter sets like ClassBench's (Taylor and Turner 2005): one prefix a side, one range of ports a
//! side, one protocol, drawn in the proportions of its three kinds of seed.

use std::fmt;

use nsg_engine::model::{
    Access, AddressItem, Direction, Priority, ProtocolSpec, ResourceId, RuleName, SecurityGroup,
    SecurityRule,
};
use nsg_engine::net::{Interval, Prefix, Protocol};
use nsg_engine::resolve::{Names, Ruleset};
use nsg_engine::strategies::Choices;

/// What the filters are for.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// Access control lists: narrow on both sides, exact destination ports.
    Acl,
    /// Firewalls: wide on one side or both, ranges of ports on both.
    Fw,
    /// Chains of Linux's packet filter: something of both.
    Ipc,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Acl, Self::Fw, Self::Ipc];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Acl => "acl",
            Self::Fw => "fw",
            Self::Ipc => "ipc",
        })
    }
}

/// The proportions of one kind, as counted in sets of ClassBench's own seeds.
struct Profile {
    source_lengths: &'static [u8],
    destination_lengths: &'static [u8],
    /// How many different destinations there are at most.
    destinations: u32,
    /// How many different ranges of ports a side has, and how many filters in a hundred take any.
    source_ports: (usize, usize),
    destination_ports: (usize, usize),
}

impl Kind {
    fn profile(self) -> Profile {
        match self {
            Self::Acl => Profile {
                source_lengths: &[32, 32, 32, 32, 32, 31, 31, 30, 24, 23],
                destination_lengths: &[32, 32, 32, 32, 32, 31, 31, 30, 23, 22],
                destinations: 750,
                source_ports: (0, 100),
                destination_ports: (107, 28),
            },
            Self::Fw => Profile {
                source_lengths: &[32, 31, 30, 2, 1, 1, 0, 0, 0, 0],
                destination_lengths: &[32, 32, 32, 31, 31, 31, 30, 1, 0, 0],
                destinations: u32::MAX,
                source_ports: (12, 77),
                destination_ports: (42, 28),
            },
            Self::Ipc => Profile {
                source_lengths: &[32, 32, 31, 25, 24, 24, 23, 23, 16, 0],
                destination_lengths: &[32, 32, 32, 31, 31, 25, 24, 24, 23, 0],
                destinations: u32::MAX,
                source_ports: (33, 81),
                destination_ports: (53, 56),
            },
        }
    }
}

/// So many filters, narrow ones before broad ones as people write them, though not strictly.
pub(crate) fn filters(kind: Kind, count: u32, seed: u64) -> Ruleset {
    let mut choices = Choices::from_seed(seed);
    let profile = kind.profile();
    let networks: Vec<[u8; 4]> = (0..count / 24 + 8).map(|_| choices.bytes()).collect();
    let destinations: Vec<Prefix> = (0..count.min(profile.destinations))
        .map(|_| side(&mut choices, &networks, profile.destination_lengths))
        .collect();
    let source_ports = ranges(&mut choices, profile.source_ports.0);
    let destination_ports = ranges(&mut choices, profile.destination_ports.0);
    let mut drawn: Vec<(usize, SecurityRule)> = (0..count)
        .map(|number| {
            let mut rule = SecurityRule::new(
                RuleName::as_written(&format!("filter{number}")),
                Priority::new(number),
                Direction::Inbound,
                Access::Allow,
            );
            let source = side(&mut choices, &networks, profile.source_lengths);
            let destination = *choices.pick(&destinations).unwrap();
            rule.source = AddressItem::from(source).into();
            rule.destination = AddressItem::from(destination).into();
            let any = profile.source_ports.1;
            rule.source_ports.known = ports(&mut choices, &source_ports, any).into();
            let any = profile.destination_ports.1;
            rule.destination_ports.known = ports(&mut choices, &destination_ports, any).into();
            let (tcp, udp) = (ProtocolSpec::One(Protocol::TCP), ProtocolSpec::One(Protocol::UDP));
            rule.protocol = choices.one_of(tcp, &[tcp, tcp, udp, ProtocolSpec::Any]).into();
            let length = usize::from(source.length()) + usize::from(destination.length());
            (64 - length + choices.below(24), rule)
        })
        .collect();
    drawn.sort_by_key(|(breadth, _)| *breadth);
    let mut group = SecurityGroup::new(ResourceId::new("filters"));
    group.default_rules.clear();
    for (number, (_, mut rule)) in (0..).zip(drawn) {
        rule.priority = Priority::new(number).into();
        group.rules.push(rule);
    }
    Ruleset::of_group(&group, Direction::Inbound, &Names::default())
}

fn side(choices: &mut Choices, networks: &[[u8; 4]], lengths: &[u8]) -> Prefix {
    // The lesser of two draws: few networks hold most of the filters.
    let network = networks[choices.below(networks.len()).min(choices.below(networks.len()))];
    let [c, d] = choices.bytes();
    let address = [network[0], network[1], network[2] & 0xf8 | c & 0x07, d];
    Prefix::truncated(address.into(), *choices.pick(lengths).unwrap()).unwrap()
}

/// So many ranges: the ephemeral ports, the well-known ones, and then mostly single ports.
fn ranges(choices: &mut Choices, count: usize) -> Vec<Interval<u16>> {
    let mut ranges: Vec<_> = (0..count)
        .map(|_| {
            let first = u16::from_be_bytes(choices.bytes()) >> choices.below(6);
            let span = choices.one_of(0, &[0, 0, 0, 9, 999]);
            Interval::new(first, first.saturating_add(span)).unwrap()
        })
        .collect();
    let wide = [(1024, u16::MAX), (0, 1023)].map(|(first, last)| Interval::new(first, last));
    for (range, wide) in ranges.iter_mut().zip(wide) {
        *range = wide.unwrap();
    }
    ranges
}

/// One of `ranges`, the first ones more often, or in `any` of a hundred cases all ports.
fn ports(choices: &mut Choices, ranges: &[Interval<u16>], any: usize) -> Interval<u16> {
    if choices.below(100) < any {
        return Interval::new(0, u16::MAX).unwrap();
    }
    ranges[choices.below(ranges.len()).min(choices.below(ranges.len()))]
}
