//! What a rule or a region matches, dimension by dimension, for each kind of flow.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::Region;
use super::axis::{Axis, AxisBuilder, Extent, Spans, spans};
use crate::model::Flow;
use crate::net::{AddressSet, Interval, PortSet, Protocol, ProtocolSet, RangeSet};
use crate::resolve::{Dimension, Rule};

/// A product of sets: all that a rule certainly, or possibly, matches.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct FlowBox {
    protocols: ProtocolSet,
    source: Arc<AddressSet>,
    source_ports: PortSet,
    destination: Arc<AddressSet>,
    destination_ports: PortSet,
    /// The ICMP types it matches of the ICMP protocols among `protocols`.
    icmp_types: RangeSet<u8>,
    /// Whether it matches flows of protocols with neither ports nor types.
    portless: bool,
}

impl FlowBox {
    pub(crate) fn of_region(region: &Region) -> Self {
        let protocols = region.protocols;
        let icmp_alone = !protocols.is_empty() && protocols.iter().all(|one| one.is_icmp());
        let portless = region.source_ports.is_full() && region.destination_ports.is_full();
        Self {
            protocols,
            source: Arc::new(region.source.clone()),
            source_ports: region.source_ports.clone(),
            destination: Arc::new(region.destination.clone()),
            destination_ports: region.destination_ports.clone(),
            icmp_types: if icmp_alone {
                types(&region.destination_ports)
            } else {
                all_if(portless)
            },
            portless,
        }
    }

    /// What the rule matches however the unknowns turn out; nothing when the rule itself is in
    /// doubt.
    pub(crate) fn certain(rule: &Rule) -> Self {
        let portless = rule.source_ports.known.is_full() && rule.destination_ports.known.is_full();
        let protocols =
            if rule.doubts.is_empty() { rule.protocols.known } else { ProtocolSet::EMPTY };
        Self {
            protocols,
            source: Arc::clone(&rule.source.known),
            source_ports: rule.source_ports.known.clone(),
            destination: Arc::clone(&rule.destination.known),
            destination_ports: rule.destination_ports.known.clone(),
            icmp_types: if rule.is_icmp() {
                types(&rule.destination_ports.known)
            } else {
                all_if(portless)
            },
            portless,
        }
    }

    /// What the rule may match in some way that the unknowns could turn out.
    pub(crate) fn possible(rule: &Rule) -> Self {
        let source_ports = possible_ports(&rule.source_ports);
        let destination_ports = possible_ports(&rule.destination_ports);
        let portless = source_ports.is_full() && destination_ports.is_full();
        let protocol_is_known = rule.protocols.unknown.is_empty();
        Self {
            protocols: if protocol_is_known { rule.protocols.known } else { ProtocolSet::FULL },
            source: Arc::clone(&rule.source.possible),
            destination: Arc::clone(&rule.destination.possible),
            icmp_types: if rule.is_icmp() {
                types(&destination_ports)
            } else {
                // A rule of unknown protocol may be an ICMP rule, whose ports are types.
                all_if(portless || !protocol_is_known)
            },
            source_ports,
            destination_ports,
            portless,
        }
    }

    /// Whether every flow of `other` lies in it. It may say no of sets that only their empty
    /// parts keep apart.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let has = |kind: Kind| other.protocols.overlaps(&kind.protocols());
        self.protocols.covers(&other.protocols)
            && (!has(Kind::Ported)
                || self.source_ports.covers(&other.source_ports)
                    && self.destination_ports.covers(&other.destination_ports))
            && (!has(Kind::Icmp) || self.icmp_types.covers(&other.icmp_types))
            && (self.portless || !other.portless || !has(Kind::Bare))
            && self.source.covers(&other.source)
            && self.destination.covers(&other.destination)
    }

    /// The flows that lie in both.
    pub(super) fn intersection(&self, other: &Self) -> Self {
        let ports = |one: &PortSet, other: &PortSet| {
            PortSet::from(one.ranges().intersection(other.ranges()))
        };
        Self {
            protocols: self.protocols.intersection(&other.protocols),
            source: Arc::new(self.source.intersection(&other.source)),
            source_ports: ports(&self.source_ports, &other.source_ports),
            destination: Arc::new(self.destination.intersection(&other.destination)),
            destination_ports: ports(&self.destination_ports, &other.destination_ports),
            icmp_types: self.icmp_types.intersection(&other.icmp_types),
            portless: self.portless && other.portless,
        }
    }

    /// Whether some flow lies in both.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let protocols = self.protocols.intersection(&other.protocols);
        let has = |kind: Kind| protocols.overlaps(&kind.protocols());
        let kinds = || {
            (has(Kind::Ported)
                && self.source_ports.overlaps(&other.source_ports)
                && self.destination_ports.overlaps(&other.destination_ports))
                || (has(Kind::Icmp) && self.icmp_types.overlaps(&other.icmp_types))
                || (has(Kind::Bare) && self.portless && other.portless)
        };
        let ipv4 = || {
            self.source.ipv4().overlaps(other.source.ipv4())
                && self.destination.ipv4().overlaps(other.destination.ipv4())
        };
        let ipv6 = || {
            self.source.ipv6().overlaps(other.source.ipv6())
                && self.destination.ipv6().overlaps(other.destination.ipv6())
        };
        !protocols.is_empty() && (ipv4() || ipv6()) && kinds()
    }

    /// Whether `flow` lies in it, for every value of what the flow leaves open.
    pub(crate) fn contains(&self, flow: &Flow) -> bool {
        let within = |ports: &PortSet, port: Option<u16>| {
            port.map_or(ports.is_full(), |port| ports.contains(port))
        };
        let ports = match Kind::of(flow.protocol()) {
            Kind::Ported => {
                within(&self.source_ports, flow.source_port())
                    && within(&self.destination_ports, flow.destination_port())
            }
            Kind::Icmp => flow
                .icmp_type()
                .map_or(self.icmp_types.is_full(), |number| self.icmp_types.contains(number)),
            Kind::Bare => self.portless,
        };
        ports
            && self.protocols.contains(flow.protocol())
            && self.source.contains(flow.source())
            && self.destination.contains(flow.destination())
    }
}

fn types(ports: &PortSet) -> RangeSet<u8> {
    ports
        .ranges()
        .intervals()
        .iter()
        .filter_map(|ports| {
            let first = u8::try_from(ports.first()).ok()?;
            Interval::new(first, u8::try_from(ports.last()).unwrap_or(u8::MAX))
        })
        .collect()
}

fn all_if(all: bool) -> RangeSet<u8> {
    if all { RangeSet::full() } else { RangeSet::empty() }
}

fn possible_ports(ports: &Dimension<PortSet>) -> PortSet {
    if ports.unknown.is_empty() { ports.known.clone() } else { PortSet::full() }
}

/// What a flow carries beside its addresses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Kind {
    /// TCP and UDP: two ports.
    Ported,
    /// ICMP: a type, which stands where others have a destination port (S1.23).
    Icmp,
    /// All other protocols: nothing.
    Bare,
}

impl Kind {
    fn protocols(self) -> ProtocolSet {
        let ported = || [Protocol::TCP, Protocol::UDP].into_iter();
        let icmp = || [Protocol::ICMP, Protocol::ICMPV6].into_iter();
        match self {
            Self::Ported => ported().collect(),
            Self::Icmp => icmp().collect(),
            Self::Bare => ported().chain(icmp()).collect::<ProtocolSet>().complement(),
        }
    }

    pub(crate) fn of(protocol: Protocol) -> Self {
        if protocol.has_ports() {
            Self::Ported
        } else if protocol.is_icmp() {
            Self::Icmp
        } else {
            Self::Bare
        }
    }
}

/// The IP version of a flow: source and destination always share it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Family {
    Ipv4,
    Ipv6,
}

/// A dimension after family and protocol.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Field {
    Source,
    Destination,
    SourcePort,
    DestinationPort,
}

/// The family and kind of some flows: which axes they have.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Shape {
    pub(crate) family: Family,
    pub(crate) kind: Kind,
}

impl Shape {
    fn all() -> impl Iterator<Item = Self> {
        let families = [Family::Ipv4, Family::Ipv6].into_iter();
        families.flat_map(|family| {
            [Kind::Ported, Kind::Icmp, Kind::Bare].map(|kind| Self { family, kind })
        })
    }

    /// Its place in [`Shape::all`].
    fn number(self) -> usize {
        (self.family as usize).saturating_mul(3).saturating_add(self.kind as usize)
    }

    /// The largest value of a field, or `None` when flows of this shape do not have it.
    pub(crate) fn last(self, field: Field) -> Option<u128> {
        self.axis(field).map(|axis| axis.last())
    }

    pub(super) fn axis(self, field: Field) -> Option<AxisName> {
        match (field, self.family, self.kind) {
            (Field::Source, Family::Ipv4, _) => Some(AxisName::Source4),
            (Field::Source, Family::Ipv6, _) => Some(AxisName::Source6),
            (Field::Destination, Family::Ipv4, _) => Some(AxisName::Destination4),
            (Field::Destination, Family::Ipv6, _) => Some(AxisName::Destination6),
            (Field::SourcePort, _, Kind::Ported) => Some(AxisName::SourcePort),
            (Field::DestinationPort, _, Kind::Ported) => Some(AxisName::DestinationPort),
            (Field::DestinationPort, _, Kind::Icmp) => Some(AxisName::IcmpType),
            _ => None,
        }
    }
}

/// An axis: a field with the range of values it has in some shape.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum AxisName {
    Source4,
    Source6,
    Destination4,
    Destination6,
    SourcePort,
    DestinationPort,
    IcmpType,
}

impl AxisName {
    const ALL: [Self; 7] = [
        Self::Source4,
        Self::Source6,
        Self::Destination4,
        Self::Destination6,
        Self::SourcePort,
        Self::DestinationPort,
        Self::IcmpType,
    ];

    fn last(self) -> u128 {
        match self {
            Self::Source4 | Self::Destination4 => u32::MAX.into(),
            Self::Source6 | Self::Destination6 => u128::MAX,
            Self::SourcePort | Self::DestinationPort => u16::MAX.into(),
            Self::IcmpType => u8::MAX.into(),
        }
    }

    fn spans(self, flows: &FlowBox) -> Spans {
        match self {
            Self::Source4 => spans(flows.source.ipv4()),
            Self::Source6 => spans(flows.source.ipv6()),
            Self::Destination4 => spans(flows.destination.ipv4()),
            Self::Destination6 => spans(flows.destination.ipv6()),
            Self::SourcePort => spans(flows.source_ports.ranges()),
            Self::DestinationPort => spans(flows.destination_ports.ranges()),
            Self::IcmpType => spans(&flows.icmp_types),
        }
    }
}

/// Boxes over axes cut into classes: the ground on which questions are asked.
#[derive(Debug)]
pub(super) struct Ground {
    axes: Vec<Axis>,
    boxes: Vec<Placed>,
    /// How many numbers [`Placed::rests`] uses.
    rest_kinds: usize,
}

/// A box as extents on every axis.
#[derive(Debug)]
struct Placed {
    protocols: ProtocolSet,
    portless: bool,
    extents: [Extent; 7],
    /// For each shape and place of the order: equal numbers for boxes that cover the same from
    /// that place on.
    rests: [[usize; 5]; 6],
}

impl Ground {
    pub(super) fn new<'a>(boxes: impl IntoIterator<Item = &'a FlowBox>) -> Self {
        let mut builders: [AxisBuilder; 7] = Default::default();
        // Rules that name one tag share its addresses: look at them once.
        let mut known: HashMap<(AxisName, *const AddressSet), Extent> = HashMap::new();
        let placed = boxes
            .into_iter()
            .map(|flows| {
                let mut extents = [Extent::Empty; 7];
                for ((extent, name), builder) in
                    extents.iter_mut().zip(AxisName::ALL).zip(&mut builders)
                {
                    let mut add = || builder.add(name.spans(flows), name.last());
                    let shared = match name {
                        AxisName::Source4 | AxisName::Source6 => Some(&flows.source),
                        AxisName::Destination4 | AxisName::Destination6 => Some(&flows.destination),
                        _ => None,
                    };
                    *extent = match shared {
                        Some(set) => *known.entry((name, Arc::as_ptr(set))).or_insert_with(add),
                        None => add(),
                    };
                }
                Placed {
                    protocols: flows.protocols,
                    portless: flows.portless,
                    extents,
                    rests: Default::default(),
                }
            })
            .collect();
        let axes = builders
            .into_iter()
            .zip(AxisName::ALL)
            .map(|(builder, name)| builder.finish(name.last()))
            .collect();
        let mut ground = Self { axes, boxes: placed, rest_kinds: 1 };
        ground.number_rests();
        ground
    }

    fn number_rests(&mut self) {
        let mut numbers: HashMap<(Extent, usize), usize> = HashMap::new();
        for placed in &mut self.boxes {
            for (shape, rests) in Shape::all().zip(&mut placed.rests) {
                let mut after = 0;
                for (field, rest) in ORDER.iter().zip(rests).rev() {
                    let extent = shape
                        .axis(*field)
                        .and_then(|axis| placed.extents.get(axis as usize).copied())
                        .unwrap_or(Extent::Full);
                    let next = self.rest_kinds;
                    after = *numbers.entry((extent, after)).or_insert(next);
                    self.rest_kinds = next.saturating_add(usize::from(after == next));
                    *rest = after;
                }
            }
        }
    }

    /// A number that is equal for boxes which cover the same from a place of the order on.
    pub(super) fn rest(&self, index: usize, shape: Shape, from: usize) -> usize {
        let rests = self.boxes.get(index).and_then(|placed| placed.rests.get(shape.number()));
        rests.and_then(|rests| rests.get(from)).copied().unwrap_or(0)
    }

    /// Numbers of rests are below this.
    pub(super) fn rest_kinds(&self) -> usize {
        self.rest_kinds
    }

    /// Whether a box has any flows of this protocol and shape.
    pub(super) fn may_hold(&self, index: usize, protocol: Protocol, shape: Shape) -> bool {
        self.boxes.get(index).is_some_and(|placed| {
            placed.protocols.contains(protocol)
                && (shape.kind != Kind::Bare || placed.portless)
                && ORDER.iter().all(|&field| self.extent(index, shape, field) != Extent::Empty)
        })
    }

    /// What a box covers of a field; all of it when the shape does not have the field.
    pub(super) fn extent(&self, index: usize, shape: Shape, field: Field) -> Extent {
        let Some(axis) = shape.axis(field) else { return Extent::Full };
        self.boxes
            .get(index)
            .and_then(|placed| placed.extents.get(axis as usize))
            .copied()
            .unwrap_or(Extent::Empty)
    }

    /// The distinct sets of protocols that boxes name.
    pub(super) fn protocol_sets(&self) -> Vec<ProtocolSet> {
        let sets: BTreeSet<ProtocolSet> =
            self.boxes.iter().map(|placed| placed.protocols).collect();
        sets.into_iter().collect()
    }

    pub(super) fn axis(&self, name: AxisName) -> Option<&Axis> {
        self.axes.get(name as usize)
    }
}

/// The order in which fields are looked at, in diagrams too.
pub(crate) const ORDER: [Field; 4] =
    [Field::DestinationPort, Field::Source, Field::Destination, Field::SourcePort];
