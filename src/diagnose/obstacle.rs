//! What keeps Bastion from a machine whatever the rules say (end of SEMANTICS 7.4): a peering that
//! carries nothing, a SKU that lacks what is asked for, a subnet that Bastion cannot work in. Each
//! with what to do about it, tried out on a copy of the network where that can be.

use super::code::BastionCode as Code;
use super::command;
use super::legs::{LegName, legs};
use super::question::{BastionQuestion, Session};
use super::repair::{Action, Repair, outside_groups};
use super::report::Cause;
use super::scene::{Scene, network_of};
use crate::eval::Verdict;
use crate::model::{ResourceId, Value};
use crate::network::{BastionHost, BastionSku, Network, Peering, PeeringState, Subnet};
use crate::network::{Link, VirtualNetwork};
use crate::resolve::Topology;

/// One thing outside of rules that the topology shows to stand in the way.
pub(super) struct Obstacle {
    pub(super) code: Code,
    pub(super) text: String,
    /// What to do; `None` where the remedy of another obstacle is enough.
    remedy: Option<Remedy>,
    /// What that does to the network; `None` where it cannot be tried.
    change: Option<Change>,
}

/// What a person does about it.
struct Remedy {
    resource: String,
    words: String,
    az: String,
}

enum Change {
    /// Traffic passes from the first virtual network to the second.
    Connect(ResourceId, ResourceId),
    Upgrade(ResourceId, BastionSku),
    ConnectToAddresses(ResourceId),
    RemoveRouteTable(ResourceId),
}

impl Obstacle {
    /// Whether no session opens while it is there; else Bastion itself does not work as it should.
    pub(super) fn stops_the_session(&self) -> bool {
        !matches!(self.change, Some(Change::RemoveRouteTable(_)))
    }

    /// The same as a blocker.
    pub(super) fn cause(&self) -> Cause {
        let leg = if self.stops_the_session() {
            LegName::BastionToVm
        } else {
            LegName::BastionToAzureCloud
        };
        Cause {
            code: self.code,
            leg,
            gate: None,
            nsg: None,
            rule: None,
            rule_name: None,
            priority: None,
            message: self.text.clone(),
            pointer: None,
            offer: None,
        }
    }
}

/// Everything that certainly stands in the way.
pub(super) fn obstacles(scene: &Scene<'_>) -> Vec<Obstacle> {
    let mut all = Vec::new();
    of_the_machine(scene, &mut all);
    between_networks(scene, &mut all);
    of_the_sku(scene, &mut all);
    on_bastion_subnet(scene, &mut all);
    all
}

/// S7.3.
fn of_the_machine(scene: &Scene<'_>, all: &mut Vec<Obstacle>) {
    let target = &scene.target;
    if !target.addresses.is_empty() {
        return;
    }
    let nic = target.interface.map(|(interface, _)| interface.name().to_owned());
    all.push(Obstacle {
        code: Code::NotOffered,
        text: format!(
            "`{}` has no private IPv4 address: Azure Bastion connects over IPv4 only",
            target.name
        ),
        remedy: nic.map(|nic| Remedy {
            words: format!("give `{nic}` an IP configuration with a private IPv4 address"),
            resource: nic,
            az: String::new(),
        }),
        change: None,
    });
}

fn on_bastion_subnet(scene: &Scene<'_>, all: &mut Vec<Obstacle>) {
    let Some((_, subnet)) = scene.bastion.place else { return };
    let name = subnet.name();
    if !subnet.is_bastion() {
        all.push(Obstacle {
            code: Code::UnsupportedSubnet,
            text: format!(
                "Bastion's subnet is called `{name}`: it must be called {} exactly",
                Subnet::BASTION
            ),
            remedy: Some(Remedy {
                resource: name.to_owned(),
                words: format!("deploy Bastion into a subnet called {}", Subnet::BASTION),
                az: String::new(),
            }),
            change: None,
        });
    }
    if let Some(table) = &subnet.route_table {
        let table = table.known().map_or("an unknown table", |id| id.name());
        all.push(Obstacle {
            code: Code::UnsupportedSubnet,
            text: format!(
                "a route table ({table}) is on the Bastion subnet, which Bastion does not support"
            ),
            remedy: Some(Remedy {
                resource: name.to_owned(),
                words: format!("take the route table off `{name}`"),
                az: command::remove_route_table(&subnet.id),
            }),
            change: Some(Change::RemoveRouteTable(subnet.id.clone())),
        });
    }
}

/// The virtual network that Bastion works from.
pub(super) fn network_of_bastion<'a>(scene: &Scene<'a>) -> Option<&'a VirtualNetwork> {
    scene.bastion.place.map(|(network, _)| network).or_else(|| {
        let id = network_of(scene.bastion.host?)?;
        scene.topology.virtual_network(&id)
    })
}

fn between_networks(scene: &Scene<'_>, all: &mut Vec<Obstacle>) {
    let Some((here, _)) = scene.target.place else { return };
    let Some(there) = network_of_bastion(scene).filter(|there| there.id != here.id) else {
        return;
    };
    if scene.is_developer() {
        all.push(Obstacle {
            code: Code::NotOffered,
            text: format!(
                "a Developer host serves its own virtual network `{}` only, and the machine is in `{}`",
                there.name(),
                here.name()
            ),
            remedy: Some(Remedy {
                resource: scene.bastion.name.clone(),
                words: format!(
                    "use a Bastion host in `{}`, or one of a dedicated SKU in a peered virtual network",
                    here.name()
                ),
                az: String::new(),
            }),
            change: None,
        });
        return;
    }
    for (from, to) in [(there, here), (here, there)] {
        all.extend(peering(from, to));
    }
}

/// The peering that one virtual network has with another.
pub(super) fn peering_with<'a>(
    from: &'a VirtualNetwork,
    to: &VirtualNetwork,
) -> Option<&'a Peering> {
    let mut peerings = from.peerings.iter();
    peerings.find(|one| one.remote.as_ref().and_then(Value::known) == Some(&to.id))
}

/// Whether a virtual network may have peerings that the input does not tell.
pub(super) fn may_have_others(from: &VirtualNetwork) -> bool {
    let is_unknown = |one: &Peering| one.remote.as_ref().is_none_or(|to| to.known().is_none());
    !from.unknown_peerings.is_empty() || from.peerings.iter().any(is_unknown)
}

/// What is wrong with the peering that `from` has with `to`.
fn peering(from: &VirtualNetwork, to: &VirtualNetwork) -> Option<Obstacle> {
    let remedy =
        |words: String, az: String| Some(Remedy { resource: from.name().to_owned(), words, az });
    let (text, remedy) = match peering_with(from, to) {
        None if may_have_others(from) => return None,
        None => {
            let name = format!("{}-to-{}", from.name(), to.name());
            (
                format!("`{}` has no peering with `{}`", from.name(), to.name()),
                remedy(
                    format!("peer `{}` with `{}`", from.name(), to.name()),
                    command::create_peering(&from.id, &name, &to.id),
                ),
            )
        }
        Some(one) => {
            let which = format!("peering `{}` of `{}` with `{}`", one.name, from.name(), to.name());
            match one.state {
                _ if one.allow_virtual_network_access == Value::Known(false) => (
                    format!("{which} lets no traffic through: allowVirtualNetworkAccess is off"),
                    remedy(
                        format!("allow virtual network access in peering `{}`", one.name),
                        command::open_peering(&from.id, &one.name),
                    ),
                ),
                PeeringState::Disconnected => (
                    format!("{which} is disconnected"),
                    remedy(
                        format!(
                            "delete peering `{}` and create it anew: a disconnected one does not connect again",
                            one.name
                        ),
                        [
                            command::delete_peering(&from.id, &one.name),
                            command::create_peering(&from.id, &one.name, &to.id),
                        ]
                        .join("\n"),
                    ),
                ),
                PeeringState::Initiated => (
                    format!("{which} is only initiated: the other side is missing"),
                    peering_with(to, from)
                        .filter(|back| back.state == PeeringState::Connected)
                        .and_then(|_| {
                            remedy(
                                format!("connect peering `{}`", one.name),
                                command::sync_peering(&from.id, &one.name),
                            )
                        }),
                ),
                PeeringState::Connected | PeeringState::Unstated | PeeringState::Unknown => {
                    return None;
                }
            }
        }
    };
    let change = Some(Change::Connect(from.id.clone(), to.id.clone()));
    Some(Obstacle { code: Code::PeerNotInTag, text, remedy, change })
}

/// S7.7, S7.9, S7.10.
fn of_the_sku(scene: &Scene<'_>, all: &mut Vec<Obstacle>) {
    let Some(host) = scene.bastion.host else { return };
    let port = scene.question.port();
    let is_custom = !matches!(port, 22 | 3389);
    let crossed =
        matches!((scene.question.session, port), (Session::Ssh, 3389) | (Session::Rdp, 22));
    let mut needs: Vec<(String, BastionSku)> = Vec::new();
    if is_custom || crossed {
        needs.push((format!("{} on port {port}", scene.question.session), BastionSku::Standard));
    }
    if scene.is_outside() {
        needs.push(("connecting to an address".to_owned(), BastionSku::Standard));
    }
    if host.private_only {
        needs.push(("a private-only host".to_owned(), BastionSku::Premium));
    }
    needs.retain(|(_, sku)| host.sku < *sku);
    let mut upgrade = needs.iter().map(|(_, sku)| *sku).max().map(|sku| upgrade(host, sku));
    for (what, sku) in needs {
        let or_higher = if sku == BastionSku::Premium { "" } else { " or higher" };
        let is_dedicated = host.sku != BastionSku::Developer;
        all.push(Obstacle {
            code: Code::NotOffered,
            text: format!(
                "{what} needs the {sku} SKU{or_higher}, and {} is {}",
                host.name(),
                host.sku
            ),
            remedy: upgrade.take(),
            change: is_dedicated.then(|| Change::Upgrade(host.id.clone(), sku)),
        });
    }
    if scene.is_outside() && !host.ip_connect {
        all.push(Obstacle {
            code: Code::NotOffered,
            text: format!("IP-based connection is off at {} (enableIpConnect)", host.name()),
            remedy: Some(Remedy {
                resource: host.name().to_owned(),
                words: format!("turn on IP-based connection at {}", host.name()),
                az: command::update_bastion(&host.id, "--enable-ip-connect", "true"),
            }),
            change: Some(Change::ConnectToAddresses(host.id.clone())),
        });
    }
}

fn upgrade(host: &BastionHost, sku: BastionSku) -> Remedy {
    let is_dedicated = host.sku != BastionSku::Developer;
    let sku = sku.to_string();
    Remedy {
        resource: host.name().to_owned(),
        words: if is_dedicated {
            format!("upgrade {} to the {sku} SKU", host.name())
        } else {
            format!(
                "replace {} by a host of the {sku} SKU, which needs a subnet {} of its own",
                host.name(),
                Subnet::BASTION
            )
        },
        az: if is_dedicated {
            command::update_bastion(&host.id, "--sku", &sku)
        } else {
            String::new()
        },
    }
}

impl Change {
    fn make(&self, network: &mut Network) {
        match self {
            Self::Connect(from, to) => connect(network, from, to),
            Self::Upgrade(id, sku) => {
                let hosts = network.bastion_hosts.iter_mut().filter(|host| host.id == *id);
                hosts.for_each(|host| host.sku = host.sku.max(*sku));
            }
            Self::ConnectToAddresses(id) => {
                let hosts = network.bastion_hosts.iter_mut().filter(|host| host.id == *id);
                hosts.for_each(|host| host.ip_connect = true);
            }
            Self::RemoveRouteTable(id) => {
                let subnets = network.virtual_networks.iter_mut().flat_map(|one| &mut one.subnets);
                subnets.filter(|one| one.id == *id).for_each(|one| one.route_table = None);
            }
        }
    }
}

fn connect(network: &mut Network, from: &ResourceId, to: &ResourceId) {
    let Some(from) = network.virtual_networks.iter_mut().find(|one| one.id == *from) else {
        return;
    };
    let leads_there = |one: &&mut Peering| one.remote.as_ref().and_then(Value::known) == Some(to);
    match from.peerings.iter_mut().find(leads_there) {
        Some(peering) => {
            peering.state = PeeringState::Connected;
            peering.allow_virtual_network_access = true.into();
        }
        None => from.peerings.push(Peering::new("peering", Some(Link::from(to.clone())))),
    }
}

/// What to do about the obstacles, made in `copy`, and then what still has to change in rules:
/// `repairs` finds that out on the copy without the obstacles.
pub(super) fn remedies(
    scene: &Scene<'_>,
    all: &[Obstacle],
    copy: &mut Network,
    repairs: impl FnOnce(&Scene<'_>, &mut Network) -> Vec<Repair>,
) -> Vec<Repair> {
    if all.is_empty() {
        return repairs(scene, copy);
    }
    all.iter().filter_map(|one| one.change.as_ref()).for_each(|change| change.make(copy));
    let host = scene.bastion.host.map(|host| host.id.as_str().to_owned());
    let question = BastionQuestion {
        bastion: host.or_else(|| scene.question.bastion.clone()),
        ..scene.question.clone()
    };
    let topology = Topology::new(copy.clone(), scene.topology.service_tags().clone());
    let mut of_rules = Vec::new();
    let mut is_tried = all.iter().all(|one| one.change.is_some());
    if let Ok(cleared) = Scene::new(&topology, &question) {
        is_tried = is_tried && obstacles(&cleared).is_empty();
        of_rules = repairs(&cleared, copy);
    } else {
        is_tried = false;
    }
    if !is_tried {
        // Which rules the session needs is not known before.
        of_rules.retain(|repair| repair.leg != LegName::BastionToVm);
    }
    let is_open = is_tried && opens(scene, &question, copy);
    let remains = if !is_tried {
        "ask again then: the rules that the session passes may be others"
    } else if of_rules.iter().any(|repair| repair.leg.carries_the_session()) {
        "the changes of rules below are needed too"
    } else if is_open {
        "no rule has to change for the session"
    } else {
        "what else the session needs is not known"
    };
    let mut repairs: Vec<Repair> = all
        .iter()
        .filter_map(|one| Some((one, one.remedy.as_ref()?)))
        .map(|(one, remedy)| {
            let (resource, az) = (remedy.resource.clone(), remedy.az.clone());
            let mut repair = outside_groups(one.cause().leg, resource, remedy.words.clone(), az);
            repair.proved = is_open;
            repair
        })
        .collect();
    if let Some(note) = repairs.last_mut().and_then(|last| last.note.as_mut()) {
        *note = format!("{note}; {remains}");
    }
    repairs.extend(of_rules);
    add_needs(&mut repairs);
    repairs
}

/// Whatever stops the session has to go before it opens: the obstacles of each other and of the
/// changes of rules, and the other way about.
fn add_needs(repairs: &mut [Repair]) {
    let of_session: Vec<(usize, bool, String)> = repairs
        .iter()
        .enumerate()
        .filter(|(_, repair)| repair.leg == LegName::BastionToVm)
        .map(|(index, repair)| (index, repair.action == Action::ChangeNetwork, repair.nsg.clone()))
        .collect();
    for (index, is_obstacle, _) in &of_session {
        let Some(repair) = repairs.get_mut(*index) else { continue };
        let others = of_session.iter().filter(|(other, is_other_obstacle, _)| {
            other != index && (*is_obstacle || *is_other_obstacle)
        });
        repair.also_needs.extend(others.map(|(_, _, name)| name.clone()));
    }
}

/// Whether the session opens in the changed network.
fn opens(scene: &Scene<'_>, question: &BastionQuestion, copy: &Network) -> bool {
    let topology = Topology::new(copy.clone(), scene.topology.service_tags().clone());
    Scene::new(&topology, question).is_ok_and(|scene| {
        let legs = legs(&scene);
        legs.iter()
            .filter(|leg| leg.name == LegName::BastionToVm)
            .all(|leg| leg.verdict() == Verdict::Allow)
    })
}
