//! What a rule or a region matches, dimension by dimension, for each kind of flow.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
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
            // A rule of unknown protocol may be an ICMP rule, whose ports are types (S1.23).
            icmp_types: if rule.is_icmp() || !(protocol_is_known || portless) {
                types(&destination_ports)
            } else {
                all_if(portless)
            },
            source_ports,
            destination_ports,
            portless,
        }
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
    fn is_of(self, protocols: &ProtocolSet) -> bool {
        let has = |protocols: &ProtocolSet, some: [Protocol; 2]| {
            some.into_iter().any(|one| protocols.contains(one))
        };
        match self {
            Self::Ported => has(protocols, [Protocol::TCP, Protocol::UDP]),
            Self::Icmp => has(protocols, [Protocol::ICMP, Protocol::ICMPV6]),
            Self::Bare => protocols.iter().any(|one| Self::of(one) == Self::Bare),
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
    protocol_groups: Vec<(Kind, ProtocolSet)>,
    /// How many numbers [`Placed::rests`] uses.
    rest_kinds: usize,
}

/// A box as extents on every axis.
#[derive(Clone, Debug)]
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
            .collect::<Vec<_>>();
        let axes = builders
            .into_iter()
            .zip(AxisName::ALL)
            .map(|(builder, name)| builder.finish(name.last()))
            .collect();
        let protocol_groups = protocol_groups(&placed);
        let mut ground = Self { axes, boxes: placed, protocol_groups, rest_kinds: 1 };
        ground.number_rests();
        ground
    }

    /// Adds boxes that cover what others do.
    pub(super) fn repeat(&mut self, ids: &[u32]) {
        let placed = |&id| self.boxes.get(usize::try_from(id).ok()?).cloned();
        let repeated: Vec<Placed> = ids.iter().filter_map(placed).collect();
        self.boxes.extend(repeated);
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
        self.names(index, protocol, shape)
            && ORDER.iter().all(|&field| self.extent(index, shape, field) != Extent::Empty)
    }

    /// Whether a box may hold flows of this protocol, as far as the protocol decides.
    pub(super) fn names(&self, index: usize, protocol: Protocol, shape: Shape) -> bool {
        self.boxes.get(index).is_some_and(|placed| {
            placed.protocols.contains(protocol) && (shape.kind != Kind::Bare || placed.portless)
        })
    }

    /// What a box covers: equal for boxes that cover the same.
    pub(super) fn content(&self, id: u32) -> impl Eq + Hash + use<> {
        let placed = usize::try_from(id).ok().and_then(|index| self.boxes.get(index));
        placed.map(|placed| (placed.protocols, placed.portless, placed.extents))
    }

    /// Whether two boxes share a flow.
    pub(super) fn meet(&self, one: u32, other: u32) -> bool {
        let placed = |id: u32| self.boxes.get(usize::try_from(id).ok()?);
        let (Some(one), Some(other)) = (placed(one), placed(other)) else { return false };
        let protocols = one.protocols.intersection(&other.protocols);
        let share = |name: AxisName| {
            let extent = |placed: &Placed| placed.extents.get(name as usize).copied();
            match (extent(one), extent(other)) {
                (Some(Extent::Set(one)), Some(Extent::Set(other))) if one != other => {
                    let classes = |set| self.axis(name).and_then(|axis| axis.classes(set));
                    classes(one).zip(classes(other)).is_some_and(|(one, other)| one.overlaps(other))
                }
                (one, other) => ![one, other].contains(&Some(Extent::Empty)),
            }
        };
        let kinds = || {
            (Kind::Ported.is_of(&protocols)
                && share(AxisName::DestinationPort)
                && share(AxisName::SourcePort))
                || (Kind::Icmp.is_of(&protocols) && share(AxisName::IcmpType))
                || (one.portless && other.portless && Kind::Bare.is_of(&protocols))
        };
        !protocols.is_empty()
            && kinds()
            && (share(AxisName::Source4) && share(AxisName::Destination4)
                || share(AxisName::Source6) && share(AxisName::Destination6))
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

    /// The classes of a field that a box covers; `None` when these are all there are.
    pub(super) fn classes(&self, id: u32, shape: Shape, field: Field) -> Option<&RangeSet<u32>> {
        match self.extent(usize::try_from(id).ok()?, shape, field) {
            Extent::Full => None,
            Extent::Empty => Some(const { &RangeSet::empty() }),
            Extent::Set(set) => self.axis(shape.axis(field)?)?.classes(set),
        }
    }

    /// All classes of a field; one when the shape does not have it.
    pub(super) fn classes_of(&self, shape: Shape, field: Field) -> RangeSet<u32> {
        let axis = shape.axis(field).and_then(|name| self.axis(name));
        Interval::new(0, axis.map_or(0, Axis::last_class)).into_iter().collect()
    }

    /// The protocols by kind and by which boxes name them: no box tells those of a group apart.
    pub(super) fn protocol_groups(&self) -> &[(Kind, ProtocolSet)] {
        &self.protocol_groups
    }

    pub(super) fn axis(&self, name: AxisName) -> Option<&Axis> {
        self.axes.get(name as usize)
    }
}

fn protocol_groups(boxes: &[Placed]) -> Vec<(Kind, ProtocolSet)> {
    let sets: BTreeSet<ProtocolSet> = boxes.iter().map(|placed| placed.protocols).collect();
    let mut groups: BTreeMap<(Kind, Vec<bool>), ProtocolSet> = BTreeMap::new();
    for protocol in ProtocolSet::FULL.iter() {
        let named = sets.iter().map(|set| set.contains(protocol)).collect();
        let group = groups.entry((Kind::of(protocol), named)).or_default();
        *group = group.union(&protocol.into());
    }
    groups.into_iter().map(|((kind, _), protocols)| (kind, protocols)).collect()
}

/// The order in which fields are looked at, in diagrams too.
pub(crate) const ORDER: [Field; 4] =
    [Field::DestinationPort, Field::Source, Field::Destination, Field::SourcePort];
