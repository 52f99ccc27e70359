//! Sets of flows.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::boxes::{Family, Field, FlowBox, Ground, Kind, ORDER, Shape};
use super::diagram::{Combined, Diagram, NodeId};
use super::limits::{LimitExceeded, Limits, Meter};
use super::sweep::{Place, Question, level, sweep};
use super::{FlowCount, Region, regions};
use crate::model::Flow;
use crate::net::Protocol;

/// A set of flows: any combination of protocol, source, source port, destination and
/// destination port (or ICMP type), over IPv4 and IPv6.
///
/// Two sets are equal exactly when they hold the same flows.
///
/// ```
/// use nsg_engine::net::PortSet;
/// use nsg_engine::space::{HeaderSpace, Limits, Region};
///
/// let limits = Limits::default();
/// let ssh = Region {
///     protocols: nsg_engine::net::Protocol::TCP.into(),
///     destination_ports: 22.into(),
///     ..Region::full()
/// };
/// let ssh = HeaderSpace::of_region(&ssh);
/// let rest = ssh.complement();
/// assert!(rest.intersection(&ssh, &limits)?.is_empty());
/// assert!(rest.union(&ssh, &limits)?.is_full());
/// assert!(ssh.contains(&"tcp 10.0.1.4:50000 -> 10.0.0.4:22".parse()?));
/// assert_eq!(ssh.to_string(), "tcp *:* -> *:22");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct HeaderSpace {
    // INVARIANT: its leaves are OUT and IN alone.
    diagram: Arc<Diagram>,
}

pub(super) const OUT: NodeId = 0;
pub(super) const IN: NodeId = 1;

impl HeaderSpace {
    /// The set with nothing in it.
    pub fn empty() -> Self {
        Diagram::constant(OUT).into()
    }

    /// Every flow.
    pub fn full() -> Self {
        Diagram::constant(IN).into()
    }

    /// The flows of one region.
    pub fn of_region(region: &Region) -> Self {
        Self::of_box(&FlowBox::of_region(region))
    }

    pub(super) fn of_box(flows: &FlowBox) -> Self {
        // One box has no more pieces than its lists have items: no limit is needed.
        Self::of_boxes(std::slice::from_ref(flows), &Limits::NONE).unwrap_or_else(|_| Self::empty())
    }

    /// The flows that lie in any of several regions, which may overlap.
    ///
    /// # Errors
    ///
    /// When that takes more than the limits allow.
    pub fn of_regions<'a>(
        regions: impl IntoIterator<Item = &'a Region>,
        limits: &Limits,
    ) -> Result<Self, LimitExceeded> {
        let boxes: Vec<FlowBox> = regions.into_iter().map(FlowBox::of_region).collect();
        Self::of_boxes(&boxes, limits)
    }

    fn of_boxes(boxes: &[FlowBox], limits: &Limits) -> Result<Self, LimitExceeded> {
        let ground = Ground::new(boxes);
        let all: Vec<u32> = (0..).zip(boxes).map(|(id, _)| id).collect();
        sweep(&ground, &all, &mut Any, &mut Meter::new(limits)).map(Self::from)
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.diagram.root() == OUT
    }

    /// Whether every flow is in it.
    pub fn is_full(&self) -> bool {
        self.diagram.root() == IN
    }

    /// Whether `flow` is in it, whatever the ports or the ICMP type are that the flow leaves
    /// open.
    pub fn contains(&self, flow: &Flow) -> bool {
        self.holds(self.diagram.root(), flow)
    }

    fn holds(&self, id: NodeId, flow: &Flow) -> bool {
        let Some(node) = self.diagram.node(id) else { return id == IN };
        let value = match field_at(node.level) {
            None => Some(protocol_value(flow)),
            Some(field) => field_value(flow, field),
        };
        match value {
            Some(value) => {
                let place = node.branches.partition_point(|branch| branch.end < value);
                node.branches.get(place).is_some_and(|branch| self.holds(branch.child, flow))
            }
            None => node.branches.iter().all(|branch| self.holds(branch.child, flow)),
        }
    }

    /// Every flow that is not in it.
    #[must_use]
    pub fn complement(&self) -> Self {
        let swapped = self
            .diagram
            .relabel(|leaf| if leaf == IN { OUT } else { IN }, &mut Meter::new(&Limits::NONE));
        swapped.map_or_else(|_| Self::empty(), Self::from)
    }

    /// Every flow that is in either.
    ///
    /// # Errors
    ///
    /// When that takes more than the limits allow; so do the operations below.
    pub fn union(&self, other: &Self, limits: &Limits) -> Result<Self, LimitExceeded> {
        self.combine(other, limits, |left, right| match (left, right) {
            (IN, _) | (_, IN) => Some(Combined::Leaf(IN)),
            (OUT, _) => Some(Combined::Right),
            (_, OUT) => Some(Combined::Left),
            (left, right) => (left == right).then_some(Combined::Left),
        })
    }

    /// Every flow that is in both.
    ///
    /// # Errors
    ///
    /// When that takes more than the limits allow.
    pub fn intersection(&self, other: &Self, limits: &Limits) -> Result<Self, LimitExceeded> {
        self.combine(other, limits, |left, right| match (left, right) {
            (OUT, _) | (_, OUT) => Some(Combined::Leaf(OUT)),
            (IN, _) => Some(Combined::Right),
            (_, IN) => Some(Combined::Left),
            (left, right) => (left == right).then_some(Combined::Left),
        })
    }

    /// Every flow of `self` that is not in `other`.
    ///
    /// # Errors
    ///
    /// When that takes more than the limits allow.
    pub fn difference(&self, other: &Self, limits: &Limits) -> Result<Self, LimitExceeded> {
        self.combine(other, limits, |left, right| match (left, right) {
            (OUT, _) | (_, IN) => Some(Combined::Leaf(OUT)),
            (IN, OUT) => Some(Combined::Leaf(IN)),
            (_, OUT) => Some(Combined::Left),
            (left, right) => (left == right).then_some(Combined::Leaf(OUT)),
        })
    }

    /// Whether every flow of `other` is in it.
    ///
    /// # Errors
    ///
    /// When that takes more than the limits allow.
    pub fn covers(&self, other: &Self, limits: &Limits) -> Result<bool, LimitExceeded> {
        other.difference(self, limits).map(|rest| rest.is_empty())
    }

    /// Whether some flow is in both.
    ///
    /// # Errors
    ///
    /// When that takes more than the limits allow.
    pub fn overlaps(&self, other: &Self, limits: &Limits) -> Result<bool, LimitExceeded> {
        self.intersection(other, limits).map(|both| !both.is_empty())
    }

    fn combine(
        &self,
        other: &Self,
        limits: &Limits,
        combine: impl Fn(NodeId, NodeId) -> Option<Combined>,
    ) -> Result<Self, LimitExceeded> {
        self.diagram.apply(&other.diagram, combine, &mut Meter::new(limits)).map(Self::from)
    }

    /// How many flows are in it. ICMP flows count once for each type, flows of other protocols
    /// without ports once for each pair of addresses.
    pub fn size(&self) -> FlowCount {
        let mut sizes = HashMap::new();
        let branches = self.protocol_branches();
        branches.fold(FlowCount::default(), |sum, (family, protocol, id)| {
            let shape = Shape { family, kind: Kind::of(protocol) };
            sum.plus(self.size_below(id, 0, shape, &mut sizes))
        })
    }

    /// The size of what is below a node, of the fields from this place of the order on.
    fn size_below(
        &self,
        id: NodeId,
        place: usize,
        shape: Shape,
        sizes: &mut HashMap<(NodeId, usize, Shape), FlowCount>,
    ) -> FlowCount {
        let Some(&field) = ORDER.get(place).filter(|_| id != OUT) else {
            return FlowCount::from(u128::from(id));
        };
        if let Some(&known) = sizes.get(&(id, place, shape)) {
            return known;
        }
        let next = place.saturating_add(1);
        let size = match (self.diagram.node(id), shape.last(field)) {
            (_, None) => self.size_below(id, next, shape, sizes),
            (Some(node), Some(_)) if node.level == level(next) => {
                let mut first = 0u128;
                let mut sum = FlowCount::default();
                for branch in &node.branches {
                    let width = width(first, branch.end);
                    first = branch.end.saturating_add(1);
                    sum = sum.plus(self.size_below(branch.child, next, shape, sizes).times(width));
                }
                sum
            }
            (_, Some(last)) => self.size_below(id, next, shape, sizes).times(width(0, last)),
        };
        sizes.insert((id, place, shape), size);
        size
    }

    /// A flow of the set, the same for equal sets; `None` when it is empty.
    ///
    /// It looks like ordinary traffic where the set lets it: TCP before UDP before ICMP before
    /// others, IPv4 before IPv6, a high source port, an address that a machine could have.
    pub fn witness(&self) -> Option<Flow> {
        let favourites = [Protocol::TCP, Protocol::UDP, Protocol::ICMP, Protocol::ICMPV6];
        let rank = |protocol: Protocol| {
            let place = favourites.iter().position(|favourite| *favourite == protocol);
            (place.unwrap_or(favourites.len()), protocol)
        };
        let (family, protocol, id) = self
            .protocol_branches()
            .filter(|&(_, _, id)| id != OUT)
            .min_by_key(|&(family, protocol, _)| (rank(protocol), family))?;
        let shape = Shape { family, kind: Kind::of(protocol) };
        let mut values = HashMap::new();
        let mut id = id;
        for (place, &field) in ORDER.iter().enumerate() {
            let Some(last) = shape.last(field) else { continue };
            let node =
                self.diagram.node(id).filter(|node| node.level == level(place.saturating_add(1)));
            let value = match node {
                None => liked_value(field, shape, 0, last),
                Some(node) => {
                    let firsts = std::iter::once(0)
                        .chain(node.branches.iter().map(|branch| branch.end.saturating_add(1)));
                    let (first, branch) =
                        firsts.zip(&node.branches).find(|(_, branch)| branch.child != OUT)?;
                    id = branch.child;
                    liked_value(field, shape, first, branch.end)
                }
            };
            values.insert(field, value);
        }
        flow_of(protocol, shape, &values)
    }

    /// The set as disjoint regions, few and in a fixed order.
    ///
    /// # Errors
    ///
    /// When there are more regions than the limits allow.
    pub fn regions(&self, limits: &Limits) -> Result<Vec<Region>, LimitExceeded> {
        regions::of(&self.diagram, &mut Meter::new(limits))
    }

    /// How many nodes and branches represent it; a branch takes 32 bytes.
    pub fn diagram_size(&self) -> (usize, usize) {
        (self.diagram.node_count(), self.diagram.branch_count())
    }

    fn protocol_branches(&self) -> impl Iterator<Item = (Family, Protocol, NodeId)> + '_ {
        protocol_branches(&self.diagram)
    }
}

/// Family, protocol and the node that decides below them, for all 512.
pub(super) fn protocol_branches(
    diagram: &Diagram,
) -> impl Iterator<Item = (Family, Protocol, NodeId)> + '_ {
    let root = diagram.node(diagram.root()).filter(|node| node.level == 0);
    let families = [Family::Ipv4, Family::Ipv6].into_iter();
    let all = families.flat_map(|family| (0..=u8::MAX).map(move |number| (family, number)));
    (0u128..).zip(all).map(move |(value, (family, number))| {
        let id = root.map_or(Some(diagram.root()), |node| {
            let place = node.branches.partition_point(|branch| branch.end < value);
            node.branches.get(place).map(|branch| branch.child)
        });
        (family, Protocol::new(number), id.unwrap_or(OUT))
    })
}

/// The field that a level looks at; `None` for family and protocol.
pub(super) fn field_at(level: u8) -> Option<Field> {
    ORDER.get(usize::from(level).checked_sub(1)?).copied()
}

fn protocol_value(flow: &Flow) -> u128 {
    let family = if flow.source().is_ipv4() { 0u128 } else { 256 };
    family.saturating_add(flow.protocol().number().into())
}

fn field_value(flow: &Flow, field: Field) -> Option<u128> {
    match field {
        Field::Source => Some(number(flow.source())),
        Field::Destination => Some(number(flow.destination())),
        Field::SourcePort => flow.source_port().map(u128::from),
        Field::DestinationPort if flow.protocol().is_icmp() => flow.icmp_type().map(u128::from),
        Field::DestinationPort => flow.destination_port().map(u128::from),
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}

fn width(first: u128, end: u128) -> FlowCount {
    FlowCount::from(end.saturating_sub(first)).plus(1.into())
}

/// A value between two that looks like ordinary traffic.
fn liked_value(field: Field, shape: Shape, first: u128, last: u128) -> u128 {
    let liked = match (field, shape) {
        (Field::SourcePort, _) => 50_000,
        (Field::DestinationPort, Shape { kind: Kind::Ported, .. }) => first,
        // Echo requests.
        (Field::DestinationPort, Shape { family: Family::Ipv4, .. }) => 8,
        (Field::DestinationPort, _) => 128,
        // The first address of a subnet that Azure gives to a machine.
        (Field::Source | Field::Destination, _) => first.saturating_add(4),
    };
    if (first..=last).contains(&liked) { liked } else { first }
}

fn flow_of(protocol: Protocol, shape: Shape, values: &HashMap<Field, u128>) -> Option<Flow> {
    let address = |field| {
        let value = *values.get(&field)?;
        Some(match shape.family {
            Family::Ipv4 => Ipv4Addr::from(u32::try_from(value).ok()?).into(),
            Family::Ipv6 => Ipv6Addr::from(value).into(),
        })
    };
    let flow = Flow::new(protocol, address(Field::Source)?, address(Field::Destination)?).ok()?;
    let port = |field| values.get(&field).and_then(|&value| u16::try_from(value).ok());
    match shape.kind {
        Kind::Ported => flow.with_ports(port(Field::SourcePort), port(Field::DestinationPort)).ok(),
        Kind::Icmp => {
            let number = u8::try_from(port(Field::DestinationPort)?).ok()?;
            flow.with_icmp_type(number).ok()
        }
        Kind::Bare => Some(flow),
    }
}

impl From<Diagram> for HeaderSpace {
    fn from(diagram: Diagram) -> Self {
        Self { diagram: Arc::new(diagram) }
    }
}

impl From<&Region> for HeaderSpace {
    fn from(region: &Region) -> Self {
        Self::of_region(region)
    }
}

impl From<&Flow> for HeaderSpace {
    /// The flow alone, with every value of the ports or the ICMP type that it leaves open.
    fn from(flow: &Flow) -> Self {
        Self::of_region(&flow.into())
    }
}

impl fmt::Display for HeaderSpace {
    /// Its regions, separated by `; `; `nothing` when it is empty. A set of very many regions
    /// is told by its number of flows.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("nothing");
        }
        let Ok(regions) = self.regions(&Limits::default()) else {
            return write!(f, "2^{:.1} flows in very many regions", self.size().log2());
        };
        for (index, region) in regions.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{region}")?;
        }
        Ok(())
    }
}

/// Whether a flow lies in any box.
struct Any;

impl Question for Any {
    fn place(&self, _: u32) -> Option<Place> {
        Some(Place { list: 0, ends: true })
    }

    fn settle(&mut self, active: &mut Vec<u32>, covers: impl Fn(u32) -> bool) -> Option<NodeId> {
        if active.is_empty() {
            return Some(OUT);
        }
        active.iter().any(|&id| covers(id)).then_some(IN)
    }
}
