//! Who the question is about: the machine, the address Bastion connects to, and the Bastion host.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};

use super::question::{BastionQuestion, QuestionError};
use crate::model::{ResourceId, Value};
use crate::net::{AddressSet, Prefix, RangeSet};
use crate::network::{
    BastionHost, BastionSku, IpConfiguration, Link, Network, NetworkInterface, Subnet,
    VirtualMachine, VirtualNetwork,
};
use crate::resolve::Topology;

/// The host virtual address, which Developer sessions come from (S7.8).
const HOST_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16));

/// Everything a diagnosis looks at.
pub(super) struct Scene<'a> {
    pub(super) topology: &'a Topology,
    pub(super) question: &'a BastionQuestion,
    pub(super) target: Target<'a>,
    pub(super) bastion: Bastion<'a>,
}

/// What Bastion is to connect to.
pub(super) struct Target<'a> {
    /// What people call it.
    pub(super) name: String,
    /// Its private IPv4 address; several where only its subnet is known, none where it has none.
    pub(super) addresses: AddressSet,
    /// The interface and IP configuration that hold the address.
    pub(super) interface: Option<(&'a NetworkInterface, &'a IpConfiguration)>,
    /// Where it is.
    pub(super) place: Option<(&'a VirtualNetwork, &'a Subnet)>,
    /// Others that may be meant, where the input does not say which address is the primary one.
    pub(super) rivals: Vec<(&'a NetworkInterface, &'a IpConfiguration)>,
    /// What had to be assumed to choose it.
    pub(super) assumptions: Vec<String>,
}

/// What connects.
pub(super) struct Bastion<'a> {
    /// What people call it.
    pub(super) name: String,
    /// The host, unless only its subnet is in the input.
    pub(super) host: Option<&'a BastionHost>,
    /// Its subnet; a Developer host has none (S7.8).
    pub(super) place: Option<(&'a VirtualNetwork, &'a Subnet)>,
    /// The IPv4 addresses that its sessions come from (S7.3).
    pub(super) addresses: AddressSet,
    /// What had to be assumed to choose it.
    pub(super) assumptions: Vec<String>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(
        topology: &'a Topology,
        question: &'a BastionQuestion,
    ) -> Result<Self, QuestionError> {
        if let Some(client) = question.client.filter(IpAddr::is_ipv6) {
            return Err(QuestionError::ClientIpv6 { client });
        }
        if question.port == Some(0) {
            return Err(QuestionError::PortZero);
        }
        let target = Target::find(topology, question)?;
        let bastion = Bastion::find(topology, question, &target)?;
        Ok(Self { topology, question, target, bastion })
    }

    /// Bastion's subnet seen for itself: its hosts stand in for the machine, of which nothing is
    /// asked.
    pub(super) fn of_subnet(
        topology: &'a Topology,
        question: &'a BastionQuestion,
        network: &'a VirtualNetwork,
        subnet: &'a Subnet,
    ) -> Self {
        let addresses: AddressSet =
            subnet.prefixes.iter().filter(|prefix| prefix.is_ipv4()).copied().collect();
        let name = subnet.name().to_owned();
        let place = Some((network, subnet));
        let is_here =
            |host: &&BastionHost| host.subnet.as_ref().and_then(Value::known) == Some(&subnet.id);
        let host = topology.network().bastion_hosts.iter().find(is_here);
        let target = Target {
            name: name.clone(),
            addresses: addresses.clone(),
            interface: None,
            place,
            rivals: Vec::new(),
            assumptions: Vec::new(),
        };
        let bastion = Bastion { name, host, place, addresses, assumptions: Vec::new() };
        Self { topology, question, target, bastion }
    }

    /// The same question about each of the addresses that may be meant instead.
    pub(super) fn rivals(&self) -> impl Iterator<Item = Result<Self, QuestionError>> {
        self.target.rivals.iter().map(|&(interface, configuration)| {
            let target = Target {
                name: self.target.name.clone(),
                addresses: configuration.private_address.map(Prefix::host).into_iter().collect(),
                interface: Some((interface, configuration)),
                place: place_of(self.topology, configuration.subnet.as_ref()),
                rivals: Vec::new(),
                assumptions: Vec::new(),
            };
            let bastion = Bastion::find(self.topology, self.question, &target)?;
            Ok(Self { topology: self.topology, question: self.question, target, bastion })
        })
    }

    /// Whether the target is an address that no given virtual network holds (S7.9).
    pub(super) fn is_outside(&self) -> bool {
        self.target.place.is_none() && self.target.interface.is_none()
    }

    pub(super) fn is_developer(&self) -> bool {
        self.bastion.sku() == Some(BastionSku::Developer)
    }

    /// The address in text, as far as there is one; an IPv6 address where there is no other.
    pub(super) fn address_text(&self) -> String {
        if self.target.addresses.is_empty() {
            let configurations =
                self.target.interface.iter().flat_map(|(one, _)| &one.ip_configurations);
            let addresses = configurations.filter_map(|one| one.private_address);
            return addresses.map(|one| one.to_string()).collect::<Vec<_>>().join(", ");
        }
        crate::eval::Endpoint::Addresses(self.target.addresses.clone()).to_string()
    }
}

impl<'a> Target<'a> {
    fn find(topology: &'a Topology, question: &BastionQuestion) -> Result<Self, QuestionError> {
        let network = topology.network();
        let Some(name) = &question.machine else {
            let all = machines(network);
            let [only] = all.as_slice() else {
                return Err(QuestionError::NoMachineNamed { count: all.len() });
            };
            return Self::called(topology, only.as_str());
        };
        match crate::net::parse_address(name) {
            Some(address) => Self::at(topology, address),
            None => Self::called(topology, name),
        }
    }

    fn at(topology: &'a Topology, address: IpAddr) -> Result<Self, QuestionError> {
        if address.is_ipv6() {
            return Err(QuestionError::NoIpv4 { machine: address.to_string() });
        }
        let mut holders = topology.network().holders_of(address);
        let addresses = AddressSet::from(Prefix::host(address));
        if let Some((interface, configuration)) = holders.next() {
            let others = holders.count();
            let assumptions = (others > 0).then(|| {
                format!(
                    "{others} other interfaces hold {address} too; this is about `{}`",
                    interface.name()
                )
            });
            return Ok(Self {
                name: name_of(interface),
                addresses,
                interface: Some((interface, configuration)),
                place: place_of(topology, configuration.subnet.as_ref()),
                rivals: Vec::new(),
                assumptions: assumptions.into_iter().collect(),
            });
        }
        let place = topology
            .network()
            .subnets()
            .find(|(_, subnet)| subnet.prefixes.iter().any(|prefix| prefix.contains(address)));
        Ok(Self {
            name: address.to_string(),
            addresses,
            interface: None,
            place,
            rivals: Vec::new(),
            assumptions: Vec::new(),
        })
    }

    fn called(topology: &'a Topology, name: &str) -> Result<Self, QuestionError> {
        let network = topology.network();
        let machine = network.machine(name);
        let is_namesake = |one: &&ResourceId| {
            machine.is_some_and(|this| {
                one.name().eq_ignore_ascii_case(this.name()) && **one != this.id
            })
        };
        let all = machines(network);
        let namesakes = all
            .iter()
            .filter(is_namesake)
            .filter(|_| name != machine.map_or("", |one| one.id.as_str()));
        let namesakes: Vec<&str> = namesakes.map(ResourceId::as_str).collect();
        let ambiguity = machine.filter(|_| !namesakes.is_empty()).map(|machine| {
            format!(
                "several virtual machines are called `{}`: this is about {}; ask by id for {}",
                machine.name(),
                machine.id,
                namesakes.join(" or ")
            )
        });
        let mut interfaces: Vec<&NetworkInterface> = match machine {
            Some(machine) => network.interfaces_of(machine).collect(),
            None => interfaces_naming(network, name).collect(),
        };
        if interfaces.is_empty() {
            interfaces.extend(network.interface_called(name));
        }
        let text = machine.map_or(name, |machine| machine.name());
        let Some(first) = interfaces.first() else {
            return Err(match machine {
                Some(_) => QuestionError::NoInterface { machine: text.to_owned() },
                None => QuestionError::NoSuchMachine {
                    name: name.to_owned(),
                    known: known_names(machines(network).iter().map(ResourceId::name)),
                },
            });
        };
        let text = machine.map_or_else(|| name_of(first), |machine| machine.name().to_owned());
        let primary = primary_of(machine, &interfaces);
        let mut target = Self::of_interfaces(topology, text, &interfaces, &primary)?;
        target.assumptions.extend(ambiguity);
        Ok(target)
    }

    /// Takes the primary IPv4 address (S7.3) of those interfaces that may be the primary one.
    fn of_interfaces(
        topology: &'a Topology,
        name: String,
        interfaces: &[&'a NetworkInterface],
        primary: &[&ResourceId],
    ) -> Result<Self, QuestionError> {
        let ipv4 = |one: &IpConfiguration| one.private_address.filter(IpAddr::is_ipv4);
        let is_primary = |interface: &NetworkInterface| primary.contains(&&interface.id);
        let configurations = || {
            interfaces.iter().filter(|interface| is_primary(interface)).flat_map(|interface| {
                let (primary, others): (Vec<_>, Vec<_>) =
                    interface.ip_configurations.iter().partition(|one| one.primary);
                primary.into_iter().chain(others).map(move |one| (*interface, one))
            })
        };
        let mut addressed = configurations().filter_map(|(nic, one)| Some((nic, one, ipv4(one)?)));
        if let Some((interface, configuration, address)) = addressed.next() {
            let is_said =
                |nic: &NetworkInterface| nic.ip_configurations.iter().any(|it| it.primary);
            let may_be_meant = addressed.filter(|(nic, one, _)| one.primary || !is_said(nic));
            let rivals: Vec<_> = may_be_meant.map(|(nic, one, _)| (nic, one)).collect();
            let all = interfaces.iter().flat_map(|interface| &interface.ip_configurations);
            let others: Vec<String> = all
                .filter_map(ipv4)
                .filter(|other| *other != address)
                .map(|other| other.to_string())
                .collect();
            let assumption = (rivals.is_empty() && !others.is_empty()).then(|| {
                format!(
                    "Bastion connects to the primary address {address}, not to {}",
                    others.join(", ")
                )
            });
            return Ok(Self {
                name,
                addresses: Prefix::host(address).into(),
                interface: Some((interface, configuration)),
                place: place_of(topology, configuration.subnet.as_ref()),
                rivals,
                assumptions: assumption.into_iter().collect(),
            });
        }
        let dynamic = configurations().find(|(_, one)| one.private_address.is_none());
        let Some((interface, configuration)) = dynamic else {
            let first = configurations().next();
            let Some((_, configuration)) = first else {
                return Err(QuestionError::UnknownAddress { machine: name });
            };
            return Ok(Self {
                name,
                addresses: AddressSet::empty(),
                interface: first,
                place: place_of(topology, configuration.subnet.as_ref()),
                rivals: Vec::new(),
                assumptions: Vec::new(),
            });
        };
        let place = place_of(topology, configuration.subnet.as_ref());
        let addresses = place.map(|(_, subnet)| ipv4_of(subnet)).unwrap_or_default();
        if addresses.is_empty() {
            return Err(QuestionError::UnknownAddress { machine: name });
        }
        let assumption = format!(
            "the input does not give the private address of `{}`: it is some address of its subnet",
            interface.name()
        );
        Ok(Self {
            name,
            addresses,
            interface: Some((interface, configuration)),
            place,
            rivals: Vec::new(),
            assumptions: vec![assumption],
        })
    }
}

/// The interfaces that may be the primary one (S10.28): the one that is said to be, by the machine
/// or by the interface; where none is, all that are not said to be another.
fn primary_of<'a>(
    machine: Option<&'a VirtualMachine>,
    interfaces: &[&'a NetworkInterface],
) -> Vec<&'a ResourceId> {
    let said_first = machine.filter(|machine| machine.first_is_primary);
    if let Some(Link::Known(first)) = said_first.and_then(|it| it.network_interfaces.first()) {
        return vec![first];
    }
    let said = |primary| interfaces.iter().filter(move |one| one.primary == primary);
    let primary: Vec<_> = said(Some(true)).collect();
    let primary = if primary.is_empty() { said(None).collect() } else { primary };
    primary.into_iter().map(|interface| &interface.id).collect()
}

impl<'a> Bastion<'a> {
    pub(super) fn sku(&self) -> Option<BastionSku> {
        self.host.map(|host| host.sku)
    }

    fn find(
        topology: &'a Topology,
        question: &BastionQuestion,
        target: &Target<'a>,
    ) -> Result<Self, QuestionError> {
        let network = topology.network();
        if let Some(name) = &question.bastion {
            let host = network.bastion_host(name).ok_or_else(|| QuestionError::NoSuchBastion {
                name: name.clone(),
                known: known_names(network.bastion_hosts.iter().map(BastionHost::name)),
            })?;
            return Self::of_host(topology, host);
        }
        if let Some((host, assumption)) = nearest_host(topology, target) {
            let mut bastion = Self::of_host(topology, host)?;
            bastion.assumptions.extend(assumption);
            return Ok(bastion);
        }
        let subnets = || network.subnets().filter(|(_, subnet)| subnet.is_bastion());
        let here = target.place.map(|(virtual_network, _)| virtual_network);
        let own = subnets().find(|(bastions, _)| here.is_some_and(|here| here.id == bastions.id));
        let joined = || {
            subnets().find(|(bastions, _)| {
                here.is_some_and(|here| topology.are_joined(bastions, here) == Some(true))
            })
        };
        let Some((virtual_network, subnet)) = own.or_else(joined) else {
            return Err(QuestionError::NoBastion { machine: target.name.clone() });
        };
        let addresses = ipv4_of(subnet);
        if addresses.is_empty() {
            return Err(QuestionError::NoBastionSubnet { bastion: subnet.name().to_owned() });
        }
        Ok(Self {
            name: "Azure Bastion".to_owned(),
            host: None,
            place: Some((virtual_network, subnet)),
            addresses,
            assumptions: vec![format!(
                "the input holds no Bastion host: one of a dedicated SKU is taken to be in AzureBastionSubnet of `{}`",
                virtual_network.name()
            )],
        })
    }

    fn of_host(topology: &'a Topology, host: &'a BastionHost) -> Result<Self, QuestionError> {
        let place = place_of(topology, host.subnet.as_ref());
        let addresses = match place {
            _ if host.sku == BastionSku::Developer => Prefix::host(HOST_ADDRESS).into(),
            Some((_, subnet)) => ipv4_of(subnet),
            None => AddressSet::empty(),
        };
        if addresses.is_empty() {
            return Err(QuestionError::NoBastionSubnet { bastion: host.name().to_owned() });
        }
        Ok(Self {
            name: host.name().to_owned(),
            host: Some(host),
            place: place.filter(|_| host.sku != BastionSku::Developer),
            addresses,
            assumptions: Vec::new(),
        })
    }
}

/// The host of the target's virtual network, else of a network joined with it, else of one that
/// has a peering with it in whatever state, else the only one there is; and what was assumed to
/// choose it.
fn nearest_host<'a>(
    topology: &'a Topology,
    target: &Target<'a>,
) -> Option<(&'a BastionHost, Option<String>)> {
    let hosts = &topology.network().bastion_hosts;
    let Some((here, _)) = target.place else {
        // Only an IP-based connection leads out of the given networks (S7.9).
        let host = hosts.iter().find(|host| host.ip_connect).or_else(|| hosts.first())?;
        let others = hosts.iter().filter(|other| other.id != host.id).collect();
        return Some((host, choice(host, others)));
    };
    let distance = |host: &BastionHost| {
        let Some(id) = network_of(host) else { return 5 };
        if id == here.id {
            return u8::from(host.sku == BastionSku::Developer);
        }
        let Some(there) = topology.virtual_network(&id) else { return 5 };
        match topology.are_joined(there, here) {
            Some(true) => 2,
            None => 3,
            Some(false) if peering_between(there, here) => 4,
            Some(false) => 5,
        }
    };
    let nearest = hosts.iter().min_by_key(|host| distance(host))?;
    let far = distance(nearest);
    if far == 5 {
        let assumption = format!(
            "`{}` is the only Bastion host of the input, though its virtual network has no peering with `{}`; name another where there is one",
            nearest.name(),
            here.name()
        );
        return (hosts.len() == 1).then_some((nearest, Some(assumption)));
    }
    let others = hosts.iter().filter(|other| other.id != nearest.id && distance(other) == far);
    Some((nearest, choice(nearest, others.collect())))
}

/// What to say where other hosts are as near.
fn choice(taken: &BastionHost, others: Vec<&BastionHost>) -> Option<String> {
    let others: Vec<String> = others.into_iter().map(|host| format!("`{}`", host.id)).collect();
    (!others.is_empty()).then(|| {
        format!(
            "of several Bastion hosts this is about `{}`; name {} to ask about another",
            taken.name(),
            others.join(" or ")
        )
    })
}

/// Whether either network names the other in a peering, in whatever state.
fn peering_between(one: &VirtualNetwork, other: &VirtualNetwork) -> bool {
    let names = |from: &VirtualNetwork, to: &VirtualNetwork| {
        from.peerings
            .iter()
            .any(|peering| peering.remote.as_ref().and_then(Value::known) == Some(&to.id))
    };
    names(one, other) || names(other, one)
}

/// The virtual network a host is in.
pub(super) fn network_of(host: &BastionHost) -> Option<ResourceId> {
    let of_subnet = host.subnet.as_ref().and_then(Value::known).and_then(ResourceId::parent);
    of_subnet.or_else(|| host.virtual_network.as_ref().and_then(Value::known).cloned())
}

/// Every machine of a network: those given, and those that only their interfaces name.
pub(super) fn machines(network: &Network) -> Vec<ResourceId> {
    let given = network.virtual_machines.iter().map(|machine| &machine.id);
    let named = network
        .network_interfaces
        .iter()
        .filter_map(|interface| interface.virtual_machine.as_ref()?.known());
    let mut seen = HashSet::new();
    given.chain(named).filter(|id| seen.insert(*id)).cloned().collect()
}

fn interfaces_naming<'a>(
    network: &'a Network,
    machine: &str,
) -> impl Iterator<Item = &'a NetworkInterface> {
    let id = ResourceId::new(machine);
    network.network_interfaces.iter().filter(move |interface| {
        let owner = interface.virtual_machine.as_ref().and_then(Value::known);
        owner.is_some_and(|owner| *owner == id || owner.name().eq_ignore_ascii_case(id.as_str()))
    })
}

fn name_of(interface: &NetworkInterface) -> String {
    let machine = interface.virtual_machine.as_ref().and_then(Value::known);
    machine.map_or(interface.name(), ResourceId::name).to_owned()
}

fn place_of<'a>(
    topology: &'a Topology,
    subnet: Option<&Link>,
) -> Option<(&'a VirtualNetwork, &'a Subnet)> {
    topology.subnet(subnet?.known()?)
}

fn ipv4_of(subnet: &Subnet) -> AddressSet {
    let all: AddressSet = subnet.prefixes.iter().copied().collect();
    AddressSet::new(all.ipv4().clone(), RangeSet::empty())
}

fn known_names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<&str> = names.collect();
    let count = names.len();
    names.truncate(5);
    match (count, names.join("`, `")) {
        (0, _) => "the input holds none".to_owned(),
        (1..=5, list) => format!("there is `{list}`"),
        (_, list) => format!("there are {count}, such as `{list}`"),
    }
}
