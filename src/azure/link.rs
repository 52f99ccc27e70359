//! References find the resources they name.
//!
//! Resources of a template have no subscription and resource group; a reference to one of them,
//! or from one of them to an exported resource, is compared by type and names (S10.12).

use std::collections::{HashMap, HashSet};

use crate::model::{AddressItem, ResourceId, UnknownValue, Value, is_expression};
use crate::network::{Link, Network};
use crate::report::{Code, Finding, Origin, Severity};

/// Points every reference at the resource it means, and reports those that mean none.
pub(super) fn link(network: &mut Network, findings: &mut Vec<Finding>) {
    let known = Known::of(network);
    visit(network, &mut |id, what, origin| {
        if known.holds(id) {
            return;
        }
        if let Some(meant) = known.by_names(id) {
            *id = meant.clone();
            return;
        }
        let severity = match what {
            What::SecurityGroup | What::Subnet => Severity::Warning,
            What::Asg | What::Other => return,
        };
        let at = origin.location().cloned().unwrap_or_default();
        let message = format!("`{id}` is not in the input");
        findings.push(Finding::new(severity, Code::DanglingId, at, message));
    });
    doubt_names(network, &known);
}

/// Leaves open what names a resource that is not there, where it may be one of those whose names
/// only expressions tell. Other references of this kind lead nowhere, which is unknown already.
fn doubt_names(network: &mut Network, known: &Known) {
    let subnets = network.virtual_networks.iter().flat_map(|one| &one.subnets).map(|one| &one.id);
    let ids = network.virtual_networks.iter().map(|one| &one.id).chain(subnets);
    let open: Vec<(String, UnknownValue)> = ids
        .filter_map(|id| Some((names_of(id)?, UnknownValue::new(id.name()))))
        .filter(|(names, _)| names.split('/').any(is_open))
        .collect();
    let may_be = |id: &ResourceId| {
        let names = names_of(id).filter(|_| !known.holds(id))?;
        open.iter().find(|(open, _)| are_alike(&names, open)).map(|(_, text)| text.clone())
    };
    for group in &mut network.network_groups {
        group.complete &= !group.members.iter().any(|id| may_be(id).is_some());
    }
    for peering in network.virtual_networks.iter_mut().flat_map(|one| &mut one.peerings) {
        if let Some(text) = peering.remote.as_ref().and_then(Value::known).and_then(may_be) {
            peering.remote = Some(Value::Unknown(text));
        }
    }
}

/// What a reference leads to. Only what decides verdicts is missed when it is not there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    /// The resource says nothing that its members do not.
    Asg,
    Other,
    SecurityGroup,
    Subnet,
}

/// The resources of the network.
struct Known {
    ids: HashSet<ResourceId>,
    /// By type and names in lower case; `None` where several share them.
    by_names: HashMap<String, Option<ResourceId>>,
}

impl Known {
    fn of(network: &Network) -> Self {
        let mut known = Self { ids: HashSet::new(), by_names: HashMap::new() };
        let subnets = network.subnets().map(|(_, subnet)| &subnet.id);
        let ids = subnets
            .chain(network.virtual_networks.iter().map(|it| &it.id))
            .chain(network.security_groups.iter().map(|it| &it.id))
            .chain(network.network_interfaces.iter().map(|it| &it.id))
            .chain(network.virtual_machines.iter().map(|it| &it.id))
            .chain(network.application_security_groups.iter().map(|it| &it.id))
            .chain(network.route_tables.iter().map(|it| &it.id))
            .chain(network.public_addresses.iter().map(|it| &it.id))
            .chain(network.private_endpoints.iter().map(|it| &it.id))
            .chain(network.network_groups.iter().map(|it| &it.id));
        for id in ids {
            if known.ids.insert(id.clone())
                && let Some(names) = names_of(id)
            {
                known
                    .by_names
                    .entry(names)
                    .and_modify(|several| *several = None)
                    .or_insert_with(|| Some(id.clone()));
            }
        }
        known
    }

    fn holds(&self, id: &ResourceId) -> bool {
        self.ids.contains(id)
    }

    /// The only resource of that type and those names, if one of the two ids is partial.
    fn by_names(&self, id: &ResourceId) -> Option<&ResourceId> {
        let meant = self.by_names.get(&names_of(id)?)?.as_ref()?;
        (is_partial(id) || is_partial(meant)).then_some(meant)
    }
}

/// Whether an id lacks its subscription or resource group, as those of a template do.
pub(super) fn is_partial(id: &ResourceId) -> bool {
    id.subscription().is_none() || id.resource_group().is_none()
}

/// Type and names: what follows `/providers/`.
pub(super) fn names_of(id: &ResourceId) -> Option<String> {
    let lower = id.as_str().to_ascii_lowercase();
    lower.rsplit_once("/providers/").map(|(_, names)| names.to_owned())
}

fn is_open(segment: &str) -> bool {
    is_expression(segment) || segment == ResourceId::UNKNOWN_NAME
}

/// Whether a type and names may be those of a resource of which expressions tell some.
fn are_alike(names: &str, open: &str) -> bool {
    let [names, open] = [names, open].map(|one| one.split('/').collect::<Vec<&str>>());
    names.len() == open.len()
        && names.iter().zip(open).all(|(name, other)| *name == other || is_open(other))
}

/// Calls `f` with every reference between resources.
fn visit(network: &mut Network, f: &mut dyn FnMut(&mut ResourceId, What, &Origin)) {
    let mut follow = |links: &mut dyn Iterator<Item = &mut Link>, what, origin: &Origin| {
        for link in links {
            if let Value::Known(id) = link {
                f(id, what, origin);
            }
        }
    };
    for network in &mut network.virtual_networks {
        for subnet in &mut network.subnets {
            follow(&mut subnet.security_group.iter_mut(), What::SecurityGroup, &subnet.origin);
            follow(&mut subnet.route_table.iter_mut(), What::Other, &subnet.origin);
        }
        for peering in &mut network.peerings {
            follow(&mut peering.remote.iter_mut(), What::Other, &peering.origin);
        }
    }
    for interface in &mut network.network_interfaces {
        let origin = &interface.origin;
        follow(&mut interface.security_group.iter_mut(), What::SecurityGroup, origin);
        follow(&mut interface.virtual_machine.iter_mut(), What::Other, origin);
        follow(&mut interface.private_endpoint.iter_mut(), What::Other, origin);
        for configuration in &mut interface.ip_configurations {
            follow(&mut configuration.subnet.iter_mut(), What::Subnet, origin);
            follow(&mut configuration.public_address.iter_mut(), What::Other, origin);
            follow(&mut configuration.application_security_groups.iter_mut(), What::Asg, origin);
        }
    }
    for machine in &mut network.virtual_machines {
        follow(&mut machine.network_interfaces.iter_mut(), What::Other, &machine.origin);
    }
    for endpoint in &mut network.private_endpoints {
        follow(&mut endpoint.subnet.iter_mut(), What::Subnet, &endpoint.origin);
        follow(&mut endpoint.network_interfaces.iter_mut(), What::Other, &endpoint.origin);
        follow(&mut endpoint.application_security_groups.iter_mut(), What::Asg, &endpoint.origin);
    }
    for host in &mut network.bastion_hosts {
        follow(&mut host.subnet.iter_mut(), What::Subnet, &host.origin);
        follow(&mut host.public_address.iter_mut(), What::Other, &host.origin);
        follow(&mut host.virtual_network.iter_mut(), What::Other, &host.origin);
    }
    for collection in &mut network.admin_rule_collections {
        follow(&mut collection.applies_to.iter_mut(), What::Other, &collection.origin);
    }
    let rules = network.admin_rule_collections.iter_mut().flat_map(|one| &mut one.rules);
    for rule in rules {
        for item in rule.source.items.iter_mut().chain(&mut rule.destination.items) {
            if let AddressItem::NetworkGroup(id) = item {
                f(id, What::Other, &rule.origin);
            }
        }
    }
    for group in &mut network.network_groups {
        for member in &mut group.members {
            f(member, What::Other, &Origin::default());
        }
    }
    for group in &mut network.security_groups {
        for rule in &mut group.rules {
            for item in rule.source.items.iter_mut().chain(&mut rule.destination.items) {
                if let AddressItem::Asg(id) = item {
                    f(id, What::Asg, &rule.origin);
                }
            }
        }
    }
}
