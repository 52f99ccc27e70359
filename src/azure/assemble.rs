//! Parts of all inputs become one network.
//!
//! Copies of a resource are merged as long as they do not contradict each other; of two that do,
//! the first counts and the second is reported.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::kind::Kind;
use super::link::{is_partial, names_of};
use super::part::{EffectiveEntry, Part, Target};
use crate::model::{
    AdminRule, AdminRuleCollection, ManagerScope, ResourceId, RuleName, SecurityGroup,
    SecurityRule, UnknownValue, Value, is_expression,
};
use crate::network::{
    ApplicationSecurityGroup, BastionHost, IpConfiguration, Link, Network, NetworkGroup,
    NetworkInterface, PrivateEndpoint, PublicIpAddress, Route, RouteTable, Subnet, VirtualMachine,
    VirtualNetwork,
};
use crate::report::{Code, Finding, Location, Severity};

/// Puts the parts together, in the order read.
pub(super) fn assemble(parts: Vec<Part>, findings: &mut Vec<Finding>) -> Network {
    let mut assembly = Assembly {
        findings,
        network: Network::default(),
        places: HashMap::new(),
        by_names: HashMap::new(),
    };
    // Pieces wait until everything that they may belong to is there.
    let (mut pieces, mut attachments, mut unlisted) = (Vec::new(), Vec::new(), Vec::new());
    let (mut open_groups, mut configurations) = (HashSet::new(), HashMap::new());
    let mut scopes: HashMap<ResourceId, Value<ManagerScope>> = HashMap::new();
    let mut answers: BTreeMap<Location, Vec<EffectiveEntry>> = BTreeMap::new();
    for part in parts {
        match part {
            Part::AdminCollection(collection) => assembly.add(collection),
            Part::ApplicationSecurityGroup(group) => assembly.add(group),
            Part::BastionHost(host) => assembly.add(host),
            Part::NetworkGroup { group, is_conditional } => {
                if is_conditional {
                    open_groups.insert(group.id.clone());
                }
                assembly.add(group);
            }
            Part::NetworkManager { id, scope } => {
                let known = scopes.entry(id).or_insert_with(|| scope.clone());
                if known.known().is_none() {
                    *known = scope;
                }
            }
            Part::NetworkInterface(interface) => assembly.add(interface),
            Part::PrivateEndpoint(endpoint) => assembly.add(endpoint),
            Part::PublicIpAddress(address) => assembly.add(address),
            Part::RouteTable(table) => assembly.add(table),
            Part::SecurityGroup(group) => assembly.add(group),
            Part::VirtualMachine(machine) => assembly.add(machine),
            Part::VirtualNetwork(network) => assembly.add(network),
            Part::AdminConfiguration { id, services } => {
                let known: &mut Vec<Value<String>> = configurations.entry(id).or_default();
                fill_list(known, services);
            }
            Part::StaticMember { group, member: Value::Unknown(_) } => {
                open_groups.insert(group);
            }
            Part::Unlisted { kind, parent, text } => unlisted.push((kind, parent, text)),
            Part::Attachment { .. } => attachments.push(part),
            Part::Effective { answer, entry } => answers.entry(answer).or_default().push(entry),
            piece => pieces.push(piece),
        }
    }
    // Those that tell their whole id first, and those that do not tell their parent last: what the
    // others make, they may belong to.
    pieces.sort_by_key(|piece| {
        piece.parent().map(|id| (is_partial(id), id.is_unknown())).unwrap_or_default()
    });
    for piece in pieces {
        assembly.join(piece);
    }
    for group in &mut assembly.network.network_groups {
        group.complete &= !open_groups.contains(&group.id);
    }
    for collection in &mut assembly.network.admin_rule_collections {
        collection.intent_policy_services = services_of(collection, &configurations);
    }
    for answer in answers.into_values() {
        assembly.join_answer(answer);
    }
    for collection in &mut assembly.network.admin_rule_collections {
        collection.manager_scope = scope_of(collection, &scopes);
    }
    for attachment in attachments {
        assembly.join(attachment);
    }
    for (kind, parent, text) in unlisted {
        assembly.doubt(kind, parent.as_ref(), &text);
    }
    assembly.network
}

/// What the configuration of a collection says of services with network intent policies (S6.15).
fn services_of(
    collection: &AdminRuleCollection,
    configurations: &HashMap<ResourceId, Vec<Value<String>>>,
) -> Vec<Value<String>> {
    let configuration = collection.id.parent();
    let services = configuration.as_ref().and_then(|id| configurations.get(id));
    services.cloned().unwrap_or_else(|| {
        let of = configuration.as_ref().unwrap_or(&collection.id);
        let text = format!("configuration `{of}`, which is not in the input");
        vec![Value::Unknown(UnknownValue::new(text))]
    })
}

/// How high the network manager of a collection stands (S6.14).
fn scope_of(
    collection: &AdminRuleCollection,
    scopes: &HashMap<ResourceId, Value<ManagerScope>>,
) -> Value<ManagerScope> {
    let manager = collection.manager();
    let scope = manager.as_ref().and_then(|id| scopes.get(id));
    scope.cloned().unwrap_or_else(|| {
        let of = manager.as_ref().unwrap_or(&collection.id);
        let text = format!("scope of network manager `{of}`, which is not in the input");
        Value::Unknown(UnknownValue::new(text))
    })
}

struct Assembly<'f> {
    findings: &'f mut Vec<Finding>,
    network: Network,
    /// Where in its list each resource is.
    places: HashMap<&'static str, HashMap<ResourceId, usize>>,
    /// The resource of each kind that has these type and names; `None` where several share them.
    by_names: HashMap<&'static str, HashMap<String, Option<ResourceId>>>,
}

impl Assembly<'_> {
    fn find<R: Resource>(&mut self, id: &ResourceId) -> Option<&mut R> {
        let place = *self.places.get(R::KIND)?.get(id)?;
        R::list(&mut self.network).get_mut(place)
    }

    fn find_or_add<R: Resource>(
        &mut self,
        id: &ResourceId,
        new: impl FnOnce(ResourceId) -> R,
    ) -> Option<&mut R> {
        if self.find::<R>(id).is_none() {
            self.add(new(id.clone()));
        }
        self.find(id)
    }

    /// The resource that a piece belongs to: the one with this id, else the only one of that type
    /// and those names if one of the two ids is partial (S10.12, S10.13). One that is not in the
    /// input is made of its pieces, which is said if they do not tell its whole id.
    fn parent<R: Resource>(
        &mut self,
        id: ResourceId,
        at: &Location,
        new: impl FnOnce(ResourceId) -> R,
    ) -> ResourceId {
        if self.find::<R>(&id).is_some() {
            return id;
        }
        let same = names_of(&id)
            .and_then(|names| self.by_names.get(R::KIND)?.get(&names))
            .filter(|_| !id.is_unknown());
        match same {
            Some(Some(meant)) if is_partial(&id) || is_partial(meant) => return meant.clone(),
            Some(None) if is_partial(&id) => {
                let message = format!(
                    "several {}s are called `{}`: which one this belongs to is not known, and it \
                     is kept apart",
                    R::KIND,
                    id.name()
                );
                self.report(Code::DanglingId, at.clone(), message);
            }
            _ if is_partial(&id) => {
                let message = format!(
                    "the {} `{}` is not in the input: it is made of what belongs to it",
                    R::KIND,
                    id.name()
                );
                self.report(Code::DanglingId, at.clone(), message);
            }
            _ => {}
        }
        self.add(new(id.clone()));
        id
    }

    fn add<R: Resource>(&mut self, resource: R) {
        let place = resource.location().cloned().unwrap_or_default();
        let id = resource.id().clone();
        match self.find::<R>(&id) {
            // Two templates may name their groups by one expression and mean two names.
            Some(known) if id.name().starts_with('[') && *known != resource => {
                R::list(&mut self.network).push(resource);
            }
            Some(known) => {
                if !known.absorb(resource) {
                    self.contradiction(R::KIND, &id, place);
                }
            }
            None => {
                let list = R::list(&mut self.network);
                let index = list.len();
                list.push(resource);
                if let Some(names) = names_of(&id) {
                    let known = self.by_names.entry(R::KIND).or_default().entry(names);
                    known.and_modify(|known| *known = None).or_insert_with(|| Some(id.clone()));
                }
                self.places.entry(R::KIND).or_default().insert(id, index);
            }
        }
    }

    fn contradiction(&mut self, kind: &str, id: &ResourceId, at: Location) {
        let message = format!("the {kind} `{id}` was read before with other contents, which stay");
        self.report(Code::DuplicateId, at, message);
        if !self.network.contradicted.contains(id) {
            self.network.contradicted.push(id.clone());
        }
    }

    fn report(&mut self, code: Code, at: Location, message: String) {
        self.findings.push(Finding::new(Severity::Warning, code, at, message));
    }

    fn join(&mut self, piece: Part) {
        match piece {
            Part::Rule { group, rule, is_default: false } if group.is_unknown() => {
                if let Some(rule) = self.join_rule_of_any(rule) {
                    self.join_rule(group, rule, false);
                }
            }
            Part::Rule { group, rule, is_default } => self.join_rule(group, rule, is_default),
            Part::Subnet { network, subnet } => self.join_subnet(network, subnet),
            Part::Peering { network, peering } => {
                let at = peering.origin.location().cloned().unwrap_or_default();
                let network = self.parent(network, &at, VirtualNetwork::new);
                if let Some(network) = self.find::<VirtualNetwork>(&network)
                    && !network
                        .peerings
                        .iter()
                        .any(|known| is_copy(&known.name, &peering.name, *known == peering))
                {
                    network.peerings.push(peering);
                }
            }
            Part::Route { table, route, at } => {
                let table = self.parent(table, &at, RouteTable::new);
                if let Some(table) = self.find::<RouteTable>(&table)
                    && !table
                        .routes
                        .iter()
                        .any(|known| is_copy(&known.name, &route.name, *known == route))
                {
                    table.routes.push(route);
                }
            }
            Part::AdminRule { collection, applies_to, rule } => {
                let unseen = |id: ResourceId| {
                    let text = format!("network groups of `{id}`, which is not in the input");
                    let mut collection = AdminRuleCollection::new(id);
                    collection.applies_to.push(Value::Unknown(UnknownValue::new(text)));
                    collection
                };
                let Some(known) = self.find_or_add(&collection, unseen) else { return };
                fill_links(&mut known.applies_to, applies_to);
                match known.rules.iter().find(|known| known.name == rule.name) {
                    Some(_) if known.rules.contains(&rule) => {}
                    Some(other)
                        if may_both_exist(&rule.name, &[&other.condition, &rule.condition]) =>
                    {
                        known.rules.push(rule);
                    }
                    Some(_) => {
                        let at = rule.origin.location().cloned().unwrap_or_default();
                        let id = collection.child("rules", rule.name.as_str());
                        self.contradiction("admin rule", &id, at);
                    }
                    None => known.rules.push(rule),
                }
            }
            Part::StaticMember { group, member: Value::Known(member) } => {
                let new = |id| NetworkGroup::new(id, Vec::new());
                if let Some(group) = self.find_or_add(&group, new) {
                    group.complete = true;
                    if !group.members.contains(&member) {
                        group.members.push(member);
                    }
                }
            }
            Part::EffectiveGroup(group) => {
                let id = group.id.clone();
                self.find_or_add(&id, |_| group);
            }
            Part::Attachment { group, target: Target::Subnet(subnet), at } => {
                self.attach_subnet(&group, &subnet, at);
            }
            Part::Attachment { group, target: Target::Interface(interface), at } => {
                self.attach_interface(&group, &interface, at);
            }
            _ => {}
        }
    }

    /// Leaves room for resources of a kind, or of any, that are not known.
    fn doubt(&mut self, kind: Option<Kind>, parent: Option<&ResourceId>, text: &UnknownValue) {
        let may_be = |one: Kind| kind.is_none_or(|kind| kind == one);
        let is_parent = |id: &ResourceId| parent.is_none_or(|parent| parent == id);
        let Network { unlisted, virtual_networks, security_groups, .. } = &mut self.network;
        if may_be(Kind::NetworkInterface) || may_be(Kind::PrivateEndpoint) {
            unlisted.interfaces.push(text.clone());
        }
        if may_be(Kind::VirtualNetwork) {
            unlisted.virtual_networks.push(text.clone());
        }
        if may_be(Kind::PublicIpAddress) {
            unlisted.public_addresses.push(text.clone());
        }
        if may_be(Kind::AdminCollection) || may_be(Kind::AdminRule) {
            unlisted.admin_rules.push(text.clone());
        }
        for network in virtual_networks.iter_mut().filter(|one| is_parent(&one.id)) {
            if may_be(Kind::Subnet) {
                network.unknown_subnets.push(text.clone());
            }
            if may_be(Kind::Peering) {
                network.unknown_peerings.push(text.clone());
            }
        }
        for group in security_groups.iter_mut().filter(|one| is_parent(&one.id)) {
            if may_be(Kind::Rule) {
                group.rules.push(SecurityRule::unknown(text));
            }
        }
        for table in self.network.route_tables.iter_mut().filter(|one| is_parent(&one.id)) {
            if may_be(Kind::Route) {
                table.routes.push(Route::unknown(text.clone()));
            }
        }
        for group in self.network.network_groups.iter_mut().filter(|one| is_parent(&one.id)) {
            group.complete &= !may_be(Kind::StaticMember);
        }
    }

    /// A rule whose group only an expression tells may be in any group of the template: those
    /// without a subscription (S10.12).
    fn join_rule_of_any(&mut self, mut rule: SecurityRule) -> Option<SecurityRule> {
        let is_of_template = |group: &&mut SecurityGroup| group.id.subscription().is_none();
        let mut groups = self.network.security_groups.iter_mut().filter(is_of_template).peekable();
        if groups.peek().is_none() {
            return Some(rule);
        }
        let at = rule.origin.location().cloned().unwrap_or_default();
        let name = rule.name.as_str().to_owned();
        rule.condition = rule.condition.or_else(|| Some(UnknownValue::new(&name)));
        for group in groups {
            group.rules.push(rule.clone());
        }
        let message = format!(
            "`{name}` does not tell the group of the rule: any group of the template may hold it"
        );
        self.report(Code::UnknownValue, at, message);
        None
    }

    fn join_rule(&mut self, group: ResourceId, rule: SecurityRule, is_default: bool) {
        let at = rule.origin.location().cloned().unwrap_or_default();
        let group = self.parent(group, &at, SecurityGroup::new);
        let Some(known) = self.find::<SecurityGroup>(&group) else { return };
        let rules = if is_default { &mut known.default_rules } else { &mut known.rules };
        match rules.iter().find(|known| known.name == rule.name) {
            Some(_) if rules.contains(&rule) || is_default => {}
            Some(other) if may_both_exist(&rule.name, &[&other.condition, &rule.condition]) => {
                rules.push(rule);
            }
            Some(_) => {
                let id = group.child("securityRules", rule.name.as_str());
                self.contradiction("rule", &id, at);
            }
            None => rules.push(rule),
        }
    }

    /// An answer is about one interface (S8.16): what some of its entries name holds for all.
    fn join_answer(&mut self, entries: Vec<EffectiveEntry>) {
        let mut interfaces = distinct(entries.iter().filter_map(|entry| entry.interface.clone()));
        let subnets = distinct(entries.iter().filter_map(|entry| entry.subnet.clone()));
        if let ([], [subnet]) = (interfaces.as_slice(), subnets.as_slice()) {
            let inside = self.network.network_interfaces.iter();
            let inside = inside.filter(|interface| subnets_of(interface).any(|id| id == subnet));
            interfaces = inside.map(|interface| interface.id.clone()).collect();
        }
        let only = match interfaces.as_slice() {
            [only] => Some(only.clone()),
            _ => None,
        };
        let is_one_place = interfaces.len() < 2 && subnets.len() < 2;
        for entry in entries {
            let EffectiveEntry { interface, contents, admin_rules, at, .. } = entry;
            let interface = interface.or_else(|| only.clone());
            match &interface {
                Some(id) => {
                    let subnet = subnets.first().filter(|_| is_one_place);
                    let new = |id| unseen_interface(id, subnet.cloned());
                    if let Some(interface) = self.find_or_add(id, new) {
                        interface.tag_contents.extend(contents);
                    }
                }
                None if !contents.is_empty() => {
                    let message = "what tags held is passed over: the answer does not tell for \
                                   which network interface";
                    let (severity, code) = (Severity::Note, Code::UnknownValue);
                    self.findings.push(Finding::new(severity, code, at.clone(), message));
                }
                None => {}
            }
            if let Some((manager, rules)) = admin_rules {
                let known = interface.and_then(|id| self.find::<NetworkInterface>(&id));
                let of_interface = known.into_iter().flat_map(|known| subnets_of(known)).cloned();
                let members = distinct(of_interface.chain(subnets.iter().cloned()));
                let members = if is_one_place { members } else { Vec::new() };
                self.join_effective_admin_rules(&manager, rules, members, at);
            }
        }
    }

    /// Admin rules apply to virtual networks and subnets (S6.1), so that those of an interface
    /// are those of its subnet: the only member of a network group made up here. Where no subnet
    /// is told, the members of the group are not known.
    fn join_effective_admin_rules(
        &mut self,
        manager: &ResourceId,
        rules: Vec<AdminRule>,
        members: Vec<ResourceId>,
        at: Location,
    ) {
        if members.is_empty() {
            let message =
                format!("the answer does not tell to which subnet the rules of `{manager}` apply");
            self.report(Code::UnknownValue, at.clone(), message);
        }
        let configuration = manager.child("securityAdminConfigurations", "(effective)");
        let collections = &self.network.admin_rule_collections;
        let of_manager =
            collections.iter().filter(|one| one.id.parent().as_ref() == Some(&configuration));
        let same = of_manager.clone().find(|one| one.rules == rules);
        let name = match same {
            Some(same) => same.id.name().to_owned(),
            None => of_manager.count().to_string(),
        };
        let group = manager.child("networkGroups", &format!("(effective {name})"));
        if same.is_none() {
            let mut collection =
                AdminRuleCollection::new(configuration.child("ruleCollections", &name));
            collection.rules = rules;
            collection.applies_to.push(group.clone().into());
            // What is in effect is in effect whatever the configuration says of services (S6.15).
            collection.intent_policy_services.push("All".to_owned().into());
            collection.origin = at.into();
            self.add(collection);
        }
        let is_told = !members.is_empty();
        let new = |id| NetworkGroup::new(id, Vec::new());
        if let Some(group) = self.find_or_add(&group, new) {
            group.complete &= is_told;
            group.members.extend(members);
        }
    }

    fn join_subnet(&mut self, network: ResourceId, mut subnet: Subnet) {
        let at = subnet.origin.location().cloned().unwrap_or_default();
        let network = self.parent(network, &at, VirtualNetwork::new);
        let Some(known) = self.find::<VirtualNetwork>(&network) else { return };
        let id = network.child("subnets", subnet.id.name());
        subnet.id = id.clone();
        if !absorb_subnet(&mut known.subnets, subnet) {
            self.contradiction("subnet", &id, at);
        }
    }

    /// A group that says it is on a subnet is on it, whether or not the subnet says so.
    fn attach_subnet(&mut self, group: &ResourceId, id: &ResourceId, at: Location) {
        let Some(network) = id.parent() else { return };
        let Some(network) = self.find_or_add(&network, VirtualNetwork::new) else { return };
        let subnets = &mut network.subnets;
        if subnets.iter().all(|subnet| subnet.id != *id) {
            subnets.push(unseen_subnet(id.clone()));
        }
        let Some(subnet) = subnets.iter_mut().find(|subnet| subnet.id == *id) else { return };
        if !attach(&mut subnet.security_group, group) {
            let message = format!("`{id}` names another security group than `{group}`");
            self.report(Code::DuplicateId, at, message);
        }
    }

    /// An interface that nothing but its group tells of has no address, and is left out: a
    /// network whose interfaces are known in part would make application security groups empty.
    fn attach_interface(&mut self, group: &ResourceId, id: &ResourceId, at: Location) {
        let Some(interface) = self.find::<NetworkInterface>(id) else { return };
        if !attach(&mut interface.security_group, group) {
            let message = format!("`{id}` names another security group than `{group}`");
            self.report(Code::DuplicateId, at, message);
        }
    }
}

/// Whether two rules of one name may both exist: their names are only the same expression, or they
/// stand under conditions that may exclude each other.
fn may_both_exist(name: &RuleName, conditions: &[&Option<UnknownValue>]) -> bool {
    is_expression(name.as_str()) || conditions.iter().any(|condition| condition.is_some())
}

/// Whether two children of one parent are one: they have one name, and it is no expression that
/// may stand for two.
fn is_copy(name: &str, other: &str, is_equal: bool) -> bool {
    name == other && (is_equal || !is_expression(name))
}

fn distinct(ids: impl Iterator<Item = ResourceId>) -> Vec<ResourceId> {
    let mut distinct = Vec::new();
    for id in ids {
        if !distinct.contains(&id) {
            distinct.push(id);
        }
    }
    distinct
}

fn subnets_of(interface: &NetworkInterface) -> impl Iterator<Item = &ResourceId> {
    let configurations = interface.ip_configurations.iter();
    configurations.filter_map(|configuration| configuration.subnet.as_ref()?.known())
}

/// An interface of which only effective rules are known. It may be in any application security
/// group, so that none is taken to be empty for its sake (S1.48).
fn unseen_interface(id: ResourceId, subnet: Option<ResourceId>) -> NetworkInterface {
    let mut configuration = IpConfiguration::new("", None, subnet.map(Link::Known));
    let unseen = UnknownValue::new("(not in the input)");
    configuration.application_security_groups.push(Link::Unknown(unseen));
    let mut interface = NetworkInterface::new(id);
    interface.ip_configurations.push(configuration);
    interface
}

/// Whether the link now leads to the group.
fn attach(link: &mut Option<Link>, group: &ResourceId) -> bool {
    match link.as_ref().and_then(Link::known) {
        Some(known) => known == group,
        None => {
            *link = Some(Link::Known(group.clone()));
            true
        }
    }
}

/// A subnet of which only its security group is known.
fn unseen_subnet(id: ResourceId) -> Subnet {
    let mut subnet = Subnet::new(id);
    let unseen = || UnknownValue::new("(not in the input)");
    subnet.unknown_prefixes.push(unseen());
    subnet.unknown_delegations.push(unseen());
    subnet.private_endpoint_policies = Some(Value::Unknown(unseen()));
    subnet
}

/// A kind of resource that has a list in the network.
trait Resource: Sized + PartialEq {
    /// What to call one of them.
    const KIND: &'static str;
    fn id(&self) -> &ResourceId;
    fn location(&self) -> Option<&Location>;
    fn list(network: &mut Network) -> &mut Vec<Self>;
    /// Takes over what the other copy knows; false if it contradicts.
    fn absorb(&mut self, other: Self) -> bool;
}

macro_rules! resource {
    ($type:ty, $kind:literal, $list:ident, |$me:ident, $other:ident| $absorb:expr) => {
        impl Resource for $type {
            const KIND: &'static str = $kind;

            fn id(&self) -> &ResourceId {
                &self.id
            }

            fn location(&self) -> Option<&Location> {
                self.origin.location()
            }

            fn list(network: &mut Network) -> &mut Vec<Self> {
                &mut network.$list
            }

            fn absorb(&mut self, other: Self) -> bool {
                let ($me, $other) = (self, other);
                $absorb
            }
        }
    };
}

resource!(SecurityGroup, "security group", security_groups, |me, other| {
    fill(&mut me.region, other.region) & fill_rules(&mut me.rules, other.rules)
});
resource!(VirtualNetwork, "virtual network", virtual_networks, |me, other| {
    let mut agree = fill_list(&mut me.unknown_subnets, other.unknown_subnets)
        & fill_list(&mut me.address_space, other.address_space)
        & fill_list(&mut me.unknown_address_space, other.unknown_address_space)
        & fill_list(&mut me.peerings, other.peerings)
        & fill_list(&mut me.unknown_peerings, other.unknown_peerings)
        & fill(&mut me.flow_timeout_minutes, other.flow_timeout_minutes);
    for subnet in other.subnets {
        agree &= absorb_subnet(&mut me.subnets, subnet);
    }
    agree
});
resource!(NetworkInterface, "network interface", network_interfaces, |me, other| {
    fill(&mut me.security_group, other.security_group)
        & fill(&mut me.virtual_machine, other.virtual_machine)
        & fill(&mut me.primary, other.primary)
        & fill(&mut me.private_endpoint, other.private_endpoint)
        & fill_list(&mut me.ip_configurations, other.ip_configurations)
        & fill_list(&mut me.unknown_ip_configurations, other.unknown_ip_configurations)
});
resource!(VirtualMachine, "virtual machine", virtual_machines, |me, other| {
    if me.network_interfaces.is_empty() {
        me.first_is_primary = other.first_is_primary;
    }
    fill_list(&mut me.network_interfaces, other.network_interfaces)
});
resource!(
    ApplicationSecurityGroup,
    "application security group",
    application_security_groups,
    |me, other| fill(&mut me.region, other.region)
);
resource!(RouteTable, "route table", route_tables, |me, other| {
    fill_list(&mut me.routes, other.routes)
});
resource!(PublicIpAddress, "public address", public_addresses, |me, other| {
    fill(&mut me.address, other.address)
});
resource!(PrivateEndpoint, "private endpoint", private_endpoints, |me, other| {
    fill(&mut me.subnet, other.subnet)
        & fill_list(&mut me.addresses, other.addresses)
        & fill_list(&mut me.unknown_addresses, other.unknown_addresses)
        & fill_list(&mut me.network_interfaces, other.network_interfaces)
        & fill_list(&mut me.application_security_groups, other.application_security_groups)
});
resource!(BastionHost, "Bastion host", bastion_hosts, |me, other| *me == other);
resource!(AdminRuleCollection, "rule collection", admin_rule_collections, |me, other| {
    fill_links(&mut me.applies_to, other.applies_to) & fill_list(&mut me.rules, other.rules)
});

impl Resource for NetworkGroup {
    const KIND: &'static str = "network group";

    fn id(&self) -> &ResourceId {
        &self.id
    }

    fn location(&self) -> Option<&Location> {
        None
    }

    fn list(network: &mut Network) -> &mut Vec<Self> {
        &mut network.network_groups
    }

    fn absorb(&mut self, other: Self) -> bool {
        fill_list(&mut self.members, other.members)
    }
}

fn absorb_subnet(subnets: &mut Vec<Subnet>, other: Subnet) -> bool {
    let Some(me) = subnets.iter_mut().find(|subnet| subnet.id == other.id) else {
        subnets.push(other);
        return true;
    };
    fill_list(&mut me.prefixes, other.prefixes)
        & fill_list(&mut me.unknown_prefixes, other.unknown_prefixes)
        & fill(&mut me.security_group, other.security_group)
        & fill(&mut me.route_table, other.route_table)
        & fill(&mut me.private_endpoint_policies, other.private_endpoint_policies)
        & fill_list(&mut me.delegations, other.delegations)
        & fill_list(&mut me.unknown_delegations, other.unknown_delegations)
}

fn fill<T: PartialEq>(mine: &mut Option<T>, theirs: Option<T>) -> bool {
    match (&mine, theirs) {
        (None, theirs) => {
            *mine = theirs;
            true
        }
        (Some(_), None) => true,
        (Some(mine), Some(theirs)) => *mine == theirs,
    }
}

fn fill_list<T: PartialEq>(mine: &mut Vec<T>, theirs: Vec<T>) -> bool {
    if mine.is_empty() {
        *mine = theirs;
        return true;
    }
    theirs.is_empty() || *mine == theirs
}

/// Links that are known count more than those that are not.
fn fill_links(mine: &mut Vec<Link>, theirs: Vec<Link>) -> bool {
    let tells = |links: &[Link]| links.iter().any(|link| link.known().is_some());
    match (tells(mine), tells(&theirs)) {
        (true, true) => return *mine == theirs,
        (false, true) => *mine = theirs,
        (_, false) if mine.is_empty() => *mine = theirs,
        (_, false) => {}
    }
    true
}

/// The order of rules in a list says nothing.
fn fill_rules(mine: &mut Vec<SecurityRule>, mut theirs: Vec<SecurityRule>) -> bool {
    if mine.is_empty() || theirs.is_empty() {
        return fill_list(mine, theirs);
    }
    let mut sorted: Vec<&SecurityRule> = mine.iter().collect();
    sorted.sort_by(|a, b| a.name.cmp(&b.name));
    theirs.sort_by(|a, b| a.name.cmp(&b.name));
    sorted.into_iter().eq(&theirs)
}
