//! Filter sets like ClassBench's (Taylor and Turner 2005): one prefix a side, one range of ports a
//! side, one protocol, drawn in the proportions of its three kinds of seed.

use std::fmt;

use nsg_engine::model::{
    Access, AddressItem, AddressSpec, Direction, Priority, ProtocolSpec, ResourceId, RuleName,
    SecurityGroup, SecurityRule,
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

/// The proportions of one kind.
struct Profile {
    /// One side in so many is everything.
    any_source: usize,
    any_destination: usize,
    /// Lengths of the other prefixes.
    lengths: &'static [u8],
    source_ports: &'static [Ports],
    destination_ports: &'static [Ports],
}

/// ClassBench's classes of port ranges.
#[derive(Clone, Copy)]
enum Ports {
    All,
    Ephemeral,
    WellKnown,
    Exact,
    Range,
}

impl Kind {
    fn profile(self) -> Profile {
        use Ports::{All, Ephemeral, Exact, Range, WellKnown};
        match self {
            Self::Acl => Profile {
                any_source: 50,
                any_destination: 200,
                lengths: &[32, 32, 32, 32, 30, 28, 27, 24, 24, 21],
                source_ports: &[All],
                destination_ports: &[Exact, Exact, Exact, Exact, Range, All],
            },
            Self::Fw => Profile {
                any_source: 3,
                any_destination: 6,
                lengths: &[32, 32, 32, 30, 28, 24, 24, 20, 16],
                source_ports: &[All, All, All, Ephemeral, Exact],
                destination_ports: &[Exact, Exact, Exact, Range, Ephemeral, WellKnown, All],
            },
            Self::Ipc => Profile {
                any_source: 12,
                any_destination: 15,
                lengths: &[32, 32, 32, 31, 28, 26, 24, 24, 22, 16],
                source_ports: &[All, All, All, All, Exact, Ephemeral],
                destination_ports: &[Exact, Exact, Exact, All, All, Range, Ephemeral],
            },
        }
    }
}

/// So many filters, narrow ones before broad ones as people write them, though not strictly.
pub(crate) fn filters(kind: Kind, count: u32, seed: u64) -> Ruleset {
    let mut choices = Choices::from_seed(seed);
    let profile = kind.profile();
    let networks: Vec<[u8; 4]> = (0..count / 24 + 8).map(|_| choices.bytes()).collect();
    let mut drawn: Vec<(usize, SecurityRule)> = (0..count)
        .map(|number| {
            let mut rule = SecurityRule::new(
                RuleName::as_written(&format!("filter{number}")),
                Priority::new(number),
                Direction::Inbound,
                Access::Allow,
            );
            let (source, a) = side(&mut choices, &networks, &profile, profile.any_source);
            let (destination, b) = side(&mut choices, &networks, &profile, profile.any_destination);
            (rule.source, rule.destination) = (source, destination);
            for (ports, classes) in [
                (&mut rule.source_ports, profile.source_ports),
                (&mut rule.destination_ports, profile.destination_ports),
            ] {
                ports.known = range(&mut choices, classes).into();
            }
            let (tcp, udp) = (ProtocolSpec::One(Protocol::TCP), ProtocolSpec::One(Protocol::UDP));
            rule.protocol = choices.one_of(tcp, &[tcp, tcp, udp, ProtocolSpec::Any]).into();
            (a + b + choices.below(24), rule)
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

/// One side, and how many bits of it are open.
fn side(
    choices: &mut Choices,
    networks: &[[u8; 4]],
    profile: &Profile,
    any: usize,
) -> (AddressSpec, usize) {
    if choices.one_in(any) {
        return (AddressSpec::any(), 32);
    }
    // The lesser of two draws: few networks hold most of the filters.
    let network = networks[choices.below(networks.len()).min(choices.below(networks.len()))];
    let [c, d] = choices.bytes();
    let length = *choices.pick(profile.lengths).unwrap();
    let address = [network[0], network[1], network[2] & 0xf8 | c & 0x07, d];
    let prefix = Prefix::truncated(address.into(), length).unwrap();
    (AddressItem::from(prefix).into(), usize::from(32 - length))
}

fn range(choices: &mut Choices, classes: &[Ports]) -> Interval<u16> {
    let port = u16::from_be_bytes(choices.bytes());
    let usual = choices.one_of(80u16, &[22, 25, 53, 123, 443, 1521, 1723, 5632, 8080, port]);
    let (first, last) = match choices.pick(classes).unwrap() {
        Ports::All => (0, u16::MAX),
        Ports::Ephemeral => (1024, u16::MAX),
        Ports::WellKnown => (0, 1023),
        Ports::Exact => (usual, usual),
        Ports::Range => (usual, usual.saturating_add(port >> 6)),
    };
    Interval::new(first, last).unwrap()
}
