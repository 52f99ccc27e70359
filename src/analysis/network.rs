//! What a change of a network opens and closes, place by place.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use super::attachments::changed_attachments;
use super::compare::difference_within;
use super::places::own_addresses;
use super::{AttachmentChange, Difference, Gates};
use crate::model::{Direction, ResourceId, SecurityGroup};
use crate::net::AddressSet;
use crate::network::{IpConfiguration, Network, NetworkInterface};
use crate::path::Chain;
use crate::resolve::{ServiceTags, Topology};
use crate::space::{LimitExceeded, Limits, Region};

/// What a change of a network opens and closes.
///
/// ```
/// use nsg_engine::analysis::network_difference;
/// use nsg_engine::resolve::ServiceTags;
/// use nsg_engine::space::Limits;
///
/// # #[cfg(feature = "azure")] {
/// let read = |json| nsg_engine::azure::read(json).map(|read| read.network);
/// let before = read(include_bytes!("../../examples/data/network.json").as_slice())?;
/// let after = read(include_bytes!("../../examples/data/network-fixed.json").as_slice())?;
/// let [before, after] = [before, after].map(|one| one.bind(ServiceTags::built_in()));
///
/// let change = network_difference(&before, &after, &Limits::default());
/// let web = &change.interfaces[0];
/// assert_eq!(web.resource.name(), "vm-web-01-nic");
/// let opened = &web.difference.as_ref().unwrap().opened;
/// assert_eq!(opened[0].region.to_string(), "tcp 10.0.1.0/26:* -> 10.0.0.4/32:22");
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct NetworkDifference {
    /// The whole path at every IP configuration of every network interface that both networks
    /// hold, in both directions.
    pub interfaces: Vec<PlaceDifference>,
    /// Every security group by itself that both networks hold, in both directions.
    pub groups: Vec<PlaceDifference>,
    /// Subnets and interfaces that both networks hold and that have another security group.
    pub attachments: Vec<AttachmentChange>,
    /// Interfaces and groups that only the network before holds.
    pub removed: Vec<ResourceId>,
    /// Interfaces and groups that only the network after holds.
    pub added: Vec<ResourceId>,
}

impl NetworkDifference {
    /// Whether nothing changes, however the unknowns turn out; not so if a comparison was
    /// stopped by its limits.
    pub fn is_empty(&self) -> bool {
        let places = || self.interfaces.iter().chain(&self.groups);
        self.attachments.is_empty()
            && self.removed.is_empty()
            && self.added.is_empty()
            && places().all(|one| one.difference.as_ref().is_ok_and(Difference::is_empty))
    }
}

/// What a change opens and closes at one place in one direction.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct PlaceDifference {
    /// The network interface or security group, as the network after names it.
    pub resource: ResourceId,
    /// The name of the IP configuration of an interface.
    pub configuration: Option<String>,
    /// The direction of traffic, seen from the place.
    pub direction: Direction,
    /// What is opened and closed. An error is about this place alone.
    pub difference: Result<Difference, LimitExceeded>,
}

/// What the step from one network to another opens and closes, at every interface and in every
/// group. Limits hold for each place.
pub fn network_difference(
    before: &Topology,
    after: &Topology,
    limits: &Limits,
) -> NetworkDifference {
    let mut found = NetworkDifference {
        interfaces: Vec::new(),
        groups: Vec::new(),
        attachments: changed_attachments(before, after),
        removed: Vec::new(),
        added: Vec::new(),
    };
    for comparison in comparisons(before, after) {
        let resource = comparison.resource().clone();
        match comparison.missing() {
            Some(Side::Before) => found.added.push(resource),
            Some(Side::After) => found.removed.push(resource),
            None => {
                let list = match comparison.subject {
                    Subject::Group(_) => &mut found.groups,
                    Subject::Interface(_) => &mut found.interfaces,
                };
                for direction in [Direction::Inbound, Direction::Outbound] {
                    list.push(PlaceDifference {
                        resource: resource.clone(),
                        configuration: comparison.configuration().map(str::to_owned),
                        direction,
                        difference: comparison.difference(direction, limits),
                    });
                }
            }
        }
    }
    found
}

/// What another service-tag catalogue opens and closes in one network: what this week's tag file
/// changed for it.
pub fn catalogue_difference(
    network: &Network,
    before: ServiceTags,
    after: ServiceTags,
    limits: &Limits,
) -> NetworkDifference {
    let [before, after] = [before, after].map(|tags| network.clone().bind(tags));
    network_difference(&before, &after, limits)
}

/// One of two networks that are compared.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "there are two sides")]
pub enum Side {
    /// The network before.
    Before,
    /// The network after.
    After,
}

/// One place to compare in two networks: a security group by itself, or an IP configuration of a
/// network interface with all its gates.
#[derive(Clone, Copy, Debug)]
pub struct Comparison<'a> {
    topologies: [&'a Topology; 2],
    subject: Subject<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Subject<'a> {
    Group(Held<&'a SecurityGroup>),
    Interface(Held<(&'a NetworkInterface, &'a IpConfiguration)>),
}

/// A resource of either network or of both.
#[derive(Clone, Copy, Debug)]
pub(super) enum Held<R> {
    Before(R),
    After(R),
    Both(R, R),
}

impl<R> Held<R> {
    fn latest(self) -> R {
        match self {
            Self::Before(one) | Self::After(one) | Self::Both(_, one) => one,
        }
    }

    fn each(self) -> impl Iterator<Item = R> {
        let (old, new) = match self {
            Self::Before(old) => (Some(old), None),
            Self::After(new) => (None, Some(new)),
            Self::Both(old, new) => (Some(old), Some(new)),
        };
        old.into_iter().chain(new)
    }

    fn missing(&self) -> Option<Side> {
        match self {
            Self::Before(_) => Some(Side::After),
            Self::After(_) => Some(Side::Before),
            Self::Both(..) => None,
        }
    }
}

/// Every place of two networks: interfaces in the order of the network before, then those that
/// are new, then security groups likewise.
///
/// The counterpart of a resource is the one with its id, else the only one with its name, since
/// copies of a network differ in subscription and resource group.
pub fn comparisons<'a>(before: &'a Topology, after: &'a Topology) -> Vec<Comparison<'a>> {
    let topologies = [before, after];
    let [old, new] = topologies.map(|one| one.network().network_interfaces.as_slice());
    let interfaces = pairs(old, new, |one| &one.id).into_iter().flat_map(configurations);
    let [old, new] = topologies.map(|one| one.network().security_groups.as_slice());
    let groups = pairs(old, new, |one| &one.id).into_iter().map(Subject::Group);
    interfaces.chain(groups).map(|subject| Comparison { topologies, subject }).collect()
}

impl<'a> Comparison<'a> {
    /// The security group or network interface, as the network after names it if it holds it.
    pub fn resource(&self) -> &'a ResourceId {
        match self.subject {
            Subject::Group(held) => &held.latest().id,
            Subject::Interface(held) => &held.latest().0.id,
        }
    }

    /// The same as each network that holds it names it.
    pub fn resources(&self) -> Vec<&'a ResourceId> {
        match self.subject {
            Subject::Group(held) => held.each().map(|group| &group.id).collect(),
            Subject::Interface(held) => held.each().map(|(interface, _)| &interface.id).collect(),
        }
    }

    /// The name of the IP configuration of an interface; `None` for a security group.
    pub fn configuration(&self) -> Option<&'a str> {
        match self.subject {
            Subject::Group(_) => None,
            Subject::Interface(held) => Some(&held.latest().1.name),
        }
    }

    /// The network that does not hold it; `None` when both do.
    pub fn missing(&self) -> Option<Side> {
        match self.subject {
            Subject::Group(held) => held.missing(),
            Subject::Interface(held) => held.missing(),
        }
    }

    /// What the step from one network to the other opens and closes there; nothing where only
    /// one of them has the place. Of an interface these are flows to or from its own addresses;
    /// where an address changes, those of both.
    ///
    /// # Errors
    ///
    /// When that takes more than the limits allow.
    pub fn difference(
        &self,
        direction: Direction,
        limits: &Limits,
    ) -> Result<Difference, LimitExceeded> {
        let [before, after] = self.topologies;
        let (chains, region) = match self.subject {
            Subject::Group(Held::Both(old, new)) => {
                let chain = |topology, group| Chain::of_group(topology, group, direction);
                ([chain(before, old), chain(after, new)], None)
            }
            Subject::Interface(Held::Both(old, new)) => {
                let chain = |topology, (interface, configuration)| {
                    Chain::of_interface(topology, interface, configuration, direction)
                };
                let region = region_of(direction, [old.1, new.1]);
                ([chain(before, old), chain(after, new)], region)
            }
            Subject::Group(_) | Subject::Interface(_) => return Ok(Difference::default()),
        };
        let [old, new] = chains.map(|chain| Gates::of_chain(&chain));
        difference_within(&old, &new, region.as_slice(), limits)
    }
}

/// The flows of configurations in one direction without those that stay inside (S3.17); `None`,
/// for all flows, where an address is not known.
fn region_of(direction: Direction, configurations: [&IpConfiguration; 2]) -> Option<Region> {
    let addresses = configurations.map(own_addresses);
    if addresses.iter().any(AddressSet::is_empty) {
        return None;
    }
    let own: AddressSet = addresses.into_iter().collect();
    let others = own.complement();
    let (source, destination) = match direction {
        Direction::Inbound => (others, own),
        Direction::Outbound => (own, others),
    };
    Some(Region { source, destination, ..Region::full() })
}

/// The IP configurations of an interface, those with one name together.
fn configurations<'a>(interface: Held<&'a NetworkInterface>) -> Vec<Subject<'a>> {
    let all = |one: &'a NetworkInterface| one.ip_configurations.iter().map(move |it| (one, it));
    let name = |configuration: &IpConfiguration| configuration.name.to_ascii_lowercase();
    let held = match interface {
        Held::Before(one) => all(one).map(Held::Before).collect(),
        Held::After(one) => all(one).map(Held::After).collect(),
        Held::Both(old, new) => join(all(old), all(new), |(_, one)| name(one)),
    };
    held.into_iter().map(Subject::Interface).collect()
}

/// The resources of both sides with their counterparts.
pub(super) fn pairs<'a, R>(
    old: &'a [R],
    new: &'a [R],
    id: fn(&R) -> &ResourceId,
) -> Vec<Held<&'a R>> {
    let count = |all: &'a [R]| {
        let mut counts: HashMap<String, usize> = HashMap::new();
        for one in all {
            let count = counts.entry(id(one).name().to_ascii_lowercase()).or_default();
            *count = count.saturating_add(1);
        }
        counts
    };
    let names = [count(old), count(new)];
    let is_only = |name: &str| names.iter().all(|counts| counts.get(name) == Some(&1));
    let ids: HashSet<&ResourceId> = old.iter().map(id).collect();
    let shared: HashSet<&ResourceId> = new.iter().map(id).filter(|id| ids.contains(id)).collect();
    let key = |one: &'a R| {
        let name = id(one).name().to_ascii_lowercase();
        let by_name = !shared.contains(id(one)) && is_only(&name);
        (by_name, if by_name { name } else { id(one).as_str().to_ascii_lowercase() })
    };
    join(old.iter(), new.iter(), key)
}

/// Joins those of two lists that have one key: in the order of the first, then the rest of the
/// second.
fn join<R: Copy, K: Hash + Eq>(
    old: impl Iterator<Item = R>,
    new: impl Iterator<Item = R> + Clone,
    key: impl Fn(R) -> K,
) -> Vec<Held<R>> {
    let mut left: HashMap<K, R> = new.clone().map(|one| (key(one), one)).collect();
    let held = old.map(|one| match left.remove(&key(one)) {
        Some(other) => Held::Both(one, other),
        None => Held::Before(one),
    });
    let mut held: Vec<Held<R>> = held.collect();
    held.extend(new.filter_map(|one| left.remove(&key(one))).map(Held::After));
    held
}
