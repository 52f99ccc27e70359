//! Whose gates are asked: those of a machine, of a network interface, or one group by itself.

use std::collections::HashMap;
use std::net::IpAddr;

use clap::Args;
use nsg_engine::model::{Direction, ResourceId, SecurityGroup};
use nsg_engine::network::{IpConfiguration, Network, NetworkInterface};
use nsg_engine::path::Chain;
use nsg_engine::resolve::Topology;

/// The options that name a target; without any, flows are asked at whatever holds their local
/// address.
#[derive(Args)]
#[group(multiple = false)]
pub(crate) struct TargetArguments {
    /// Only the rules of this security group, without platform exemptions
    #[arg(long, value_name = "NAME")]
    nsg: Option<String>,
    /// Every gate of this network interface
    #[arg(long, value_name = "NAME")]
    nic: Option<String>,
    /// Every gate of this machine's network interface that holds the local address
    #[arg(long, value_name = "NAME")]
    vm: Option<String>,
}

/// A security group, or the interfaces one of which is asked.
pub(crate) enum Target<'a> {
    Group(&'a SecurityGroup),
    Interfaces {
        interfaces: Vec<&'a NetworkInterface>,
        /// Whether they were named: an address that none of them is known to hold is asked at one
        /// whose addresses are not all known.
        named: bool,
    },
}

impl TargetArguments {
    pub(crate) fn find<'a>(&self, network: &'a Network) -> Result<Target<'a>, String> {
        if let Some(name) = &self.nsg {
            return group_called(network, name).map(Target::Group);
        }
        let interfaces = match (&self.nic, &self.vm) {
            (Some(name), _) => vec![interface_called(network, name)?],
            (None, Some(name)) => interfaces_of_machine(network, name)?,
            (None, None) => network.network_interfaces.iter().collect(),
        };
        let named = self.nic.is_some() || self.vm.is_some();
        match (interfaces.as_slice(), network.security_groups.as_slice()) {
            ([], [only]) if !named => Ok(Target::Group(only)),
            ([], _) => Err("the input holds no network interface: name a group with --nsg".into()),
            _ => Ok(Target::Interfaces { interfaces, named }),
        }
    }
}

pub(crate) fn group_called<'a>(
    network: &'a Network,
    name: &str,
) -> Result<&'a SecurityGroup, String> {
    only_called("security group", &network.security_groups, |group| &group.id, name)
}

pub(crate) fn interface_called<'a>(
    network: &'a Network,
    name: &str,
) -> Result<&'a NetworkInterface, String> {
    only_called("network interface", &network.network_interfaces, |one| &one.id, name)
}

pub(crate) fn interfaces_of_machine<'a>(
    network: &'a Network,
    name: &str,
) -> Result<Vec<&'a NetworkInterface>, String> {
    let machines = &network.virtual_machines;
    let machine = only_called("virtual machine", machines, |machine| &machine.id, name)?;
    let interfaces: Vec<_> = network.interfaces_of(machine).collect();
    if interfaces.is_empty() {
        return Err(format!("virtual machine `{name}` has no network interface in the input"));
    }
    Ok(interfaces)
}

fn only_called<'a, T>(
    kind: &str,
    all: &'a [T],
    id: impl Fn(&'a T) -> &'a ResourceId,
    name: &str,
) -> Result<&'a T, String> {
    let wanted = only_id(kind, all.iter().map(&id), name)?;
    // The id is one of theirs.
    all.iter().find(|one| id(one) == wanted).ok_or_else(|| format!("no {kind} is `{wanted}`"))
}

/// The one id that is this name or ends in it.
pub(crate) fn only_id<'a>(
    kind: &str,
    ids: impl Iterator<Item = &'a ResourceId> + Clone,
    name: &str,
) -> Result<&'a ResourceId, String> {
    refuse_several(kind, ids.clone(), name)?;
    let found = called(ids.clone(), name).next();
    found.ok_or_else(|| nothing_called(kind, name, ids.map(ResourceId::name)))
}

/// Whoever is asked about one of several of a name has to be told which.
pub(crate) fn refuse_several<'a>(
    kind: &str,
    ids: impl Iterator<Item = &'a ResourceId>,
    name: &str,
) -> Result<(), String> {
    let mut found: Vec<&ResourceId> = called(ids, name).collect();
    found.sort();
    found.dedup();
    if found.len() < 2 || found.contains(&&ResourceId::new(name)) {
        return Ok(());
    }
    let list: Vec<&str> = found.iter().map(|id| id.as_str()).collect();
    let (count, list) = (found.len(), list.join("`, `"));
    Err(format!("{count} of the input are {kind} `{name}`: name one by its id, `{list}`"))
}

/// The ids that are this one, or end in this name.
pub(crate) fn called<'a>(
    ids: impl Iterator<Item = &'a ResourceId>,
    name: &str,
) -> impl Iterator<Item = &'a ResourceId> {
    let id = ResourceId::new(name);
    ids.filter(move |one| **one == id || one.name().eq_ignore_ascii_case(id.as_str()))
}

fn nothing_called<'a>(kind: &str, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    const SHOWN: usize = 10;
    let mut known: Vec<&str> = known.collect();
    let count = known.len();
    known.truncate(SHOWN);
    let list = known.join("`, `");
    match count {
        0 => format!("no {kind} is called `{name}`: the input holds none"),
        _ if count > SHOWN => {
            format!("no {kind} is called `{name}`: the input holds {count}, among them `{list}`")
        }
        _ => format!("no {kind} is called `{name}`: the input holds `{list}`"),
    }
}

/// The chains of a target, made when first asked for.
pub(crate) struct Chains<'a> {
    topology: &'a Topology,
    places: Vec<Place<'a>>,
    by_address: HashMap<IpAddr, usize>,
    /// What is asked about an address that no place holds.
    otherwise: Option<usize>,
}

struct Place<'a> {
    at: At<'a>,
    inbound: Option<Chain>,
    outbound: Option<Chain>,
    /// Whether another place has an address of this one.
    is_ambiguous: bool,
}

#[derive(Clone, Copy)]
enum At<'a> {
    Group(&'a SecurityGroup),
    Configuration(&'a NetworkInterface, &'a IpConfiguration),
}

impl<'a> Chains<'a> {
    pub(crate) fn new(topology: &'a Topology, target: &Target<'a>) -> Result<Self, String> {
        let mut chains =
            Self { topology, places: Vec::new(), by_address: HashMap::new(), otherwise: None };
        match target {
            Target::Group(group) => {
                chains.places.push(Place::new(At::Group(group)));
                chains.otherwise = Some(0);
            }
            Target::Interfaces { interfaces, named } => {
                for interface in interfaces {
                    chains.add(interface);
                }
                if *named {
                    chains.otherwise = chains.place_of_unknown_address();
                }
            }
        }
        if chains.places.is_empty() {
            return Err("no network interface of the input has an IP configuration".into());
        }
        Ok(chains)
    }

    fn add(&mut self, interface: &'a NetworkInterface) {
        for configuration in &interface.ip_configurations {
            let index = self.places.len();
            self.places.push(Place::new(At::Configuration(interface, configuration)));
            let Some(address) = configuration.private_address else { continue };
            let earlier = self.by_address.get(&address).copied();
            match earlier.and_then(|earlier| self.places.get_mut(earlier)) {
                Some(place) => place.is_ambiguous = true,
                None => {
                    self.by_address.insert(address, index);
                }
            }
        }
    }

    fn place_of_unknown_address(&self) -> Option<usize> {
        self.places.iter().position(|place| match place.at {
            At::Group(_) => false,
            At::Configuration(interface, configuration) => {
                configuration.private_address.is_none()
                    || !interface.unknown_ip_configurations.is_empty()
            }
        })
    }

    /// The place that holds this address, else the one that may.
    fn place_of(&self, local: IpAddr) -> Option<usize> {
        let holds_block = |place: &Place<'_>| {
            let At::Configuration(_, configuration) = place.at else { return false };
            configuration.private_prefix.is_some_and(|block| block.contains(local))
        };
        let by_address = self.by_address.get(&local).copied();
        by_address.or_else(|| self.places.iter().position(holds_block)).or(self.otherwise)
    }

    /// The gates that traffic of this direction meets at this address.
    pub(crate) fn at(&mut self, local: IpAddr, direction: Direction) -> Result<&Chain, String> {
        let Some(index) = self.place_of(local) else {
            return Err(self.nowhere(local));
        };
        let topology = self.topology;
        let Some(place) = self.places.get_mut(index) else {
            return Err(format!("nothing is known about {local}"));
        };
        if place.is_ambiguous {
            return Err(format!(
                "several network interfaces have the local address {local}: name one with --nic"
            ));
        }
        let chain = match direction {
            Direction::Inbound => &mut place.inbound,
            Direction::Outbound => &mut place.outbound,
        };
        let at = place.at;
        Ok(chain.get_or_insert_with(|| match at {
            At::Group(group) => Chain::of_group(topology, group, direction),
            At::Configuration(interface, configuration) => {
                Chain::of_interface(topology, interface, configuration, direction)
            }
        }))
    }

    fn nowhere(&self, local: IpAddr) -> String {
        const SHOWN: usize = 5;
        let mut held: Vec<&IpAddr> = self.by_address.keys().collect();
        held.sort();
        let shown: Vec<String> = held.iter().take(SHOWN).map(ToString::to_string).collect();
        let more = if held.len() > SHOWN { ", ..." } else { "" };
        format!(
            "no network interface asked about has the local address {local}: known are {}{more}",
            shown.join(", ")
        )
    }

    /// The name of what is asked at this address.
    pub(crate) fn name(&self, local: IpAddr) -> &str {
        let index = self.place_of(local).unwrap_or(0);
        match self.places.get(index).map(|place| place.at) {
            Some(At::Group(group)) => group.name(),
            Some(At::Configuration(interface, _)) => interface.name(),
            None => "",
        }
    }
}

impl<'a> Place<'a> {
    fn new(at: At<'a>) -> Self {
        Self { at, inbound: None, outbound: None, is_ambiguous: false }
    }
}
