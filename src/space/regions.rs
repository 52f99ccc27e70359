//! Writing a diagram out as few disjoint regions.
//!
//! Branches that lead to one node are one region, and regions that differ in one field only are
//! joined. The edits of `tests/compactness.rs`, which prints these figures:
//!
//! | edit | by hand | regions | boxes of one range a field |
//! |---|---|---|---|
//! | one more rule; two rules change places | 1 | 1 | 1 |
//! | ports added and taken away | 2 | 2 | 3 |
//! | a deny before a wide allow | 3 | 2 | 8 |
//! | lists joined in one rule | 4 | 4 | 6 |
//! | an exception for one host goes | 4 | 6 | 13 |
//! | a wide allow is cut to what is needed | 4 | 4 | 21 |

use std::collections::BTreeMap;

use super::Region;
use super::boxes::{Family, Field, Kind, ORDER, Shape};
use super::diagram::{Diagram, NodeId};
use super::header_space::{OUT, protocol_branches};
use super::limits::{LimitExceeded, Meter};
use super::sweep::level;
use crate::net::{AddressSet, Interval, PortSet, Protocol, ProtocolSet, RangeSet};

/// The regions of the flows that have another value than [`OUT`].
pub(super) fn of(diagram: &Diagram, meter: &mut Meter) -> Result<Vec<Region>, LimitExceeded> {
    let mut found = Vec::new();
    // Protocols that lead to one node share its regions.
    let mut groups: BTreeMap<(Shape, NodeId), ProtocolSet> = BTreeMap::new();
    for (family, protocol, id) in protocol_branches(diagram) {
        let shape = Shape { family, kind: Kind::of(protocol) };
        let group = groups.entry((shape, id)).or_default();
        *group = group.union(&protocol.into());
    }
    for ((shape, id), protocols) in groups {
        let mut walk = Walk { diagram, shape, found: &mut found, meter };
        walk.node(id, 0, &Spans { protocols, fields: BTreeMap::new() })?;
    }
    Ok(join(found))
}

/// The fields decided on the way to a node; a field that is not there is free.
#[derive(Clone)]
pub(super) struct Spans {
    pub(super) protocols: ProtocolSet,
    pub(super) fields: BTreeMap<Field, RangeSet<u128>>,
}

struct Walk<'a> {
    diagram: &'a Diagram,
    shape: Shape,
    found: &'a mut Vec<Region>,
    meter: &'a mut Meter,
}

impl Walk<'_> {
    fn node(&mut self, id: NodeId, place: usize, above: &Spans) -> Result<(), LimitExceeded> {
        if id == OUT {
            return Ok(());
        }
        let (Some(node), Some(&field)) = (self.diagram.node(id), ORDER.get(place)) else {
            self.found.push(region(self.shape, above));
            return self.meter.regions(self.found.len());
        };
        let next = place.saturating_add(1);
        if node.level != level(next) {
            return self.node(id, next, above);
        }
        // All branches that lead to one node make one region.
        let mut by_child: Vec<(NodeId, Vec<Interval<u128>>)> = Vec::new();
        let mut places: BTreeMap<NodeId, usize> = BTreeMap::new();
        let mut first = 0;
        for branch in &node.branches {
            let place = *places.entry(branch.child).or_insert(by_child.len());
            if place == by_child.len() {
                by_child.push((branch.child, Vec::new()));
            }
            if let Some((_, intervals)) = by_child.get_mut(place) {
                intervals.extend(Interval::new(first, branch.end));
            }
            first = branch.end.saturating_add(1);
        }
        for (child, intervals) in by_child {
            let mut spans = above.clone();
            spans.fields.insert(field, intervals.into_iter().collect());
            self.node(child, next, &spans)?;
        }
        Ok(())
    }
}

/// The flows of a shape whose fields lie in these spans.
pub(super) fn region(shape: Shape, spans: &Spans) -> Region {
    let addresses = |field| match (spans.fields.get(&field), shape.family) {
        (None, Family::Ipv4) => AddressSet::new(RangeSet::full(), RangeSet::empty()),
        (None, Family::Ipv6) => AddressSet::new(RangeSet::empty(), RangeSet::full()),
        (Some(set), Family::Ipv4) => AddressSet::new(narrowed(set), RangeSet::empty()),
        (Some(set), Family::Ipv6) => AddressSet::new(RangeSet::empty(), set.clone()),
    };
    let ports = |field| {
        spans.fields.get(&field).map_or(PortSet::full(), |set| PortSet::from(narrowed::<u16>(set)))
    };
    Region {
        protocols: spans.protocols,
        source: addresses(Field::Source),
        source_ports: ports(Field::SourcePort),
        destination: addresses(Field::Destination),
        destination_ports: ports(Field::DestinationPort),
    }
}

fn narrowed<T: crate::net::Coordinate + TryFrom<u128>>(set: &RangeSet<u128>) -> RangeSet<T> {
    set.intervals()
        .iter()
        .filter_map(|interval| {
            Interval::new(T::try_from(interval.first()).ok()?, T::try_from(interval.last()).ok()?)
        })
        .collect()
}

/// Joins regions that differ in one field only, until none do.
fn join(mut regions: Vec<Region>) -> Vec<Region> {
    loop {
        let before = regions.len();
        regions = join_by(regions, |region| &mut region.protocols, ProtocolSet::union);
        regions = join_by(regions, |region| &mut region.destination_ports, PortSet::union);
        regions.iter_mut().for_each(name_all_types);
        regions = join_by(regions, |region| &mut region.source, AddressSet::union);
        regions = join_by(regions, |region| &mut region.destination, AddressSet::union);
        regions = join_by(regions, |region| &mut region.source_ports, PortSet::union);
        regions = join_families(regions);
        if regions.len() == before {
            break;
        }
    }
    regions.iter_mut().for_each(name_all_addresses);
    regions.sort();
    regions
}

/// What the destination ports of a region are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Meaning {
    Ports,
    Types,
    /// All of them, so that protocols without any may be there too.
    Nothing,
}

impl Meaning {
    fn of(region: &Region) -> Self {
        if region.source_ports.is_full() && region.destination_ports.is_full() {
            Self::Nothing
        } else if region.protocols.contains(Protocol::TCP)
            || region.protocols.contains(Protocol::UDP)
        {
            Self::Ports
        } else {
            Self::Types
        }
    }
}

fn join_by<F: Default>(
    regions: Vec<Region>,
    field: impl Fn(&mut Region) -> &mut F,
    union: impl Fn(&F, &F) -> F,
) -> Vec<Region> {
    let mut joined: BTreeMap<(Meaning, Region), F> = BTreeMap::new();
    for mut region in regions {
        let meaning = Meaning::of(&region);
        let value = std::mem::take(field(&mut region));
        let entry = joined.entry((meaning, region)).or_default();
        *entry = union(entry, &value);
    }
    joined
        .into_iter()
        .map(|((_, mut region), value)| {
            *field(&mut region) = value;
            region
        })
        .collect()
}

/// Joins IPv4 and IPv6 regions of the same protocols and ports: since no flow mixes families,
/// neither side gains a flow by the other's addresses.
fn join_families(regions: Vec<Region>) -> Vec<Region> {
    let (with_ipv6, ipv4): (Vec<Region>, Vec<Region>) =
        regions.into_iter().partition(|region| !region.source.ipv6().is_empty());
    let (both, mut ipv6): (Vec<Region>, Vec<Region>) =
        with_ipv6.into_iter().partition(|region| !region.source.ipv4().is_empty());
    let mut joined = both;
    for mut region in ipv4 {
        let alike = |other: &Region| {
            let fullness = |region: &Region, of: fn(&AddressSet) -> bool| {
                (of(&region.source), of(&region.destination))
            };
            other.protocols == region.protocols
                && other.source_ports == region.source_ports
                && other.destination_ports == region.destination_ports
                && fullness(other, |set| set.ipv6().is_full())
                    == fullness(&region, |set| set.ipv4().is_full())
        };
        if let Some(place) = ipv6.iter().position(alike) {
            let other = ipv6.remove(place);
            region.source = region.source.union(&other.source);
            region.destination = region.destination.union(&other.destination);
        }
        joined.push(region);
    }
    joined.extend(ipv6);
    joined
}

/// Every ICMP type is `*`.
fn name_all_types(region: &mut Region) {
    let types = PortSet::from_iter(Interval::new(0u16, u8::MAX.into()));
    if Meaning::of(region) == Meaning::Types && region.destination_ports.covers(&types) {
        region.destination_ports = PortSet::full();
    }
}

/// A side that holds every address the other side's families allow is `*`.
fn name_all_addresses(region: &mut Region) {
    let holds_all = |side: &AddressSet, other: &AddressSet| {
        (side.ipv4().is_full() || other.ipv4().is_empty())
            && (side.ipv6().is_full() || other.ipv6().is_empty())
    };
    if holds_all(&region.destination, &region.source) {
        region.destination = AddressSet::full();
    } else if holds_all(&region.source, &region.destination) {
        region.source = AddressSet::full();
    }
}
