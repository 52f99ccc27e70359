//! Repairs at all gates of one end of a path.

use super::proof::{Judged, judge};
use super::worlds::World;
use super::{Extent, Goal, List, Repair, Repairs, repairs};
use crate::analysis::{Contract, Difference, Gates, difference};
use crate::model::{Access, Direction, ResourceId, SecurityGroup};
use crate::network::{IpConfiguration, NetworkInterface};
use crate::path::{Chain, Gate, GateKind};
use crate::resolve::{Topology, Unresolved};
use crate::space::{LimitExceeded, Limits, Region};

/// One IP configuration of a network interface, in one direction: the gates that stand there.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "these four say where an end is")]
pub struct End<'a> {
    /// The network it is in.
    pub topology: &'a Topology,
    /// The interface, of that network.
    pub interface: &'a NetworkInterface,
    /// The IP configuration, of that interface.
    pub configuration: &'a IpConfiguration,
    /// The direction of the traffic, seen from the interface.
    pub direction: Direction,
}

impl End<'_> {
    fn chain(&self) -> Chain {
        let Self { topology, interface, configuration, direction } = self;
        Chain::of_interface(topology, interface, configuration, *direction)
    }

    /// The gates as they would be with other groups in the place of those of the same ids.
    fn chain_with(&self, groups: &[SecurityGroup]) -> Option<Chain> {
        let mut network = self.topology.network().clone();
        for group in groups {
            let places = network.security_groups.iter_mut().filter(|one| one.id == group.id);
            places.for_each(|place| place.clone_from(group));
        }
        let topology = Topology::new(network, self.topology.service_tags().clone())
            .with_licensing_addresses(self.topology.licensing_addresses().as_ref().clone());
        let interface = topology.network().network_interface(&self.interface.id)?;
        let mut configurations = interface.ip_configurations.iter();
        let configuration = configurations.find(|one| *one == self.configuration)?;
        Some(Chain::of_interface(&topology, interface, configuration, self.direction))
    }
}

/// Ways to reach a goal at the gates of one end.
#[derive(Clone, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct PathRepairs {
    /// Whether the goal is reached as things are.
    pub holds: bool,
    /// The security groups to change. What is to be allowed needs a repair of every one of them,
    /// in the order of the gates; what is to be denied needs one of any, the best first.
    pub groups: Vec<GroupRepairs>,
    /// The gates that keep the goal from being reached and are no group's: those of admin rules,
    /// and those whose rules are not known.
    pub others: Vec<GateKind>,
    /// What the first repair of every group, or of the first group where one is enough, does
    /// along all gates together; `None` when there is none, or they do not reach the goal.
    pub together: Option<Together>,
}

/// Ways to reach a goal in one security group.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct GroupRepairs {
    /// The group.
    pub group: ResourceId,
    /// The first gate at which it stands.
    pub gate: GateKind,
    /// The ways.
    pub ways: Repairs,
}

/// What several repairs do together.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Together {
    /// How what they change compares with what was wanted.
    pub extent: Extent,
    /// What they open and close; `None` when that could not be worked out within the limits.
    pub difference: Option<Difference>,
}

/// Ways to reach a goal at one end of a path: allowed means at every gate, denied means at one
/// (S3.12).
///
/// ```
/// use nsg_engine::analysis::repair::{End, Goal, repair_path};
/// use nsg_engine::azure;
/// use nsg_engine::model::Direction;
/// use nsg_engine::resolve::{ServiceTags, Topology};
/// use nsg_engine::space::Limits;
///
/// let network = azure::read(&std::fs::read("examples/data/network.json")?)?.network;
/// let topology = Topology::new(network, ServiceTags::built_in());
/// let interface = &topology.network().network_interfaces[0];
/// let end = End {
///     topology: &topology,
///     interface,
///     configuration: &interface.ip_configurations[0],
///     direction: Direction::Inbound,
/// };
/// let goal = Goal::allow("udp 203.0.113.7/32:* -> 10.0.0.4/32:53".parse()?);
/// let found = repair_path(&end, &goal, &Limits::default());
/// // Neither the subnet's group nor that of the interface allows it.
/// let groups: Vec<_> = found.groups.iter().map(|one| one.group.name()).collect();
/// assert_eq!(groups, ["nsg-app", "nsg-vm"]);
/// assert!(found.together.unwrap().extent.is_exact());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn repair_path(end: &End<'_>, goal: &Goal, limits: &Limits) -> PathRepairs {
    let chain = end.chain();
    let gates = Gates::of_chain(&chain);
    let here = World::of(chain.names());
    let nobody = SecurityGroup::new(ResourceId::new(""));
    let (region, unknown) = goal.region(&List::new(&nobody, end.direction, chain.names()), &here);
    let contract = Contract::new(goal.access(), region);
    let keeps = |gates: &Gates| contract.check(gates, limits).is_ok_and(|one| one.holds());
    if unknown.is_empty() && keeps(&gates) {
        return PathRepairs { holds: true, ..PathRepairs::default() };
    }
    let mut found = PathRepairs::default();
    for gate in chain.gates() {
        match gate.group().and_then(|id| end.topology.security_group(id)) {
            Some(group) => found.add(gate, group, end, &chain, goal, limits),
            None if goal.access() == Access::Allow => {
                let is_open = gate.ruleset().is_some_and(|rules| keeps(&rules.as_ref().into()));
                found.others.extend((!is_open).then_some(gate.kind));
            }
            None => {}
        }
    }
    let best = |one: &GroupRepairs| one.ways.repairs.first().cloned();
    if goal.access() == Access::Deny {
        found.groups.retain(|one| !one.ways.repairs.is_empty());
        found.groups.sort_by(|one, other| {
            let (one, other) = (one.ways.repairs.first(), other.ways.repairs.first());
            one.zip(other).map_or(std::cmp::Ordering::Equal, |(one, other)| one.compare(other))
        });
    }
    let needed = if goal.access() == Access::Deny { 1 } else { found.groups.len() };
    let chosen: Option<Vec<(&GroupRepairs, Repair)>> =
        found.groups.iter().take(needed).map(|one| Some((one, best(one)?))).collect();
    let chosen = chosen.filter(|chosen| !chosen.is_empty());
    let wanted = (contract.region.clone(), unknown);
    found.together = chosen.and_then(|chosen| {
        let after = Gates::of_chain(&chain_after(end, &chosen)?);
        together(goal.access(), wanted, [&gates, &after], limits)
    });
    found
}

impl PathRepairs {
    fn add(
        &mut self,
        gate: &Gate,
        group: &SecurityGroup,
        end: &End<'_>,
        chain: &Chain,
        goal: &Goal,
        limits: &Limits,
    ) {
        if self.groups.iter().any(|one| one.group == group.id) {
            return;
        }
        let ways = repairs(&List::new(group, end.direction, chain.names()), goal, limits);
        if !ways.holds {
            self.groups.push(GroupRepairs { group: group.id.clone(), gate: gate.kind, ways });
        }
    }
}

/// The gates after some repairs.
fn chain_after(end: &End<'_>, repairs: &[(&GroupRepairs, Repair)]) -> Option<Chain> {
    let mut changed = Vec::new();
    for (place, repair) in repairs {
        let mut group = end.topology.security_group(&place.group)?.clone();
        changed.push(repair.apply(&mut group).then_some(group)?);
    }
    end.chain_with(&changed)
}

fn together(
    access: Access,
    wanted: (Region, Vec<Unresolved>),
    [before, after]: [&Gates; 2],
    limits: &Limits,
) -> Option<Together> {
    let compared = || -> Result<Option<Together>, LimitExceeded> {
        let made = difference(before, after, limits)?;
        let extent = match judge(access, wanted, after, &made, limits)? {
            Judged::Missed => return Ok(None),
            Judged::Idle => Extent::Nothing,
            Judged::Changes(extent) => extent,
        };
        Ok(Some(Together { extent, difference: Some(made) }))
    };
    compared().unwrap_or_else(|exceeded| {
        Some(Together { extent: Extent::Unfinished(exceeded), difference: None })
    })
}
