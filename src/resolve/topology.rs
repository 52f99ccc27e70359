//! A network whose names are bound to addresses, place by place.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use super::virtual_network::{Joined, TagOf};
use super::{Contents, Names, Ruleset, ServiceTags, Unresolved};
use crate::model::{
    AddressItem, Direction, ResourceId, SecurityGroup, SecurityRule, ServiceTag, Value,
};
use crate::net::{AddressSet, Prefix};
use crate::network::{
    IpConfiguration, Link, Network, NetworkGroup, NetworkInterface, PrivateEndpoint, RouteTable,
    Subnet, VirtualNetwork,
};
use crate::report::{AzureCode, Code, Finding, Origin, Severity};

const LICENSING: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(20, 118, 99, 224)),
    IpAddr::V4(Ipv4Addr::new(23, 102, 135, 246)),
    IpAddr::V4(Ipv4Addr::new(40, 83, 235, 53)),
];

/// A network together with a service-tag catalogue: what every name stands for at every place.
///
/// Cheap to clone and shared between threads. Names and rules are bound when a subnet is first
/// asked for and then kept.
///
/// ```
/// use nsg_engine::model::{ResourceId, ServiceTag};
/// use nsg_engine::network::{Network, Subnet, VirtualNetwork};
/// use nsg_engine::resolve::{ServiceTags, Topology};
///
/// let mut virtual_network = VirtualNetwork::new(ResourceId::new("vnet"));
/// virtual_network.address_space.push("10.0.0.0/16".parse()?);
/// let app = virtual_network.id.child("subnets", "app");
/// virtual_network.subnets.push(Subnet::new(app.clone()));
/// let mut network = Network::default();
/// network.virtual_networks.push(virtual_network);
///
/// let topology = Topology::new(network, ServiceTags::built_in());
/// let tag = topology.names_at(&app).tag(&ServiceTag::virtual_network()).unwrap();
/// assert_eq!(tag.to_string(), "10.0.0.0/16, 168.63.129.16/32");
/// # Ok::<(), nsg_engine::net::PrefixError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Topology {
    facts: Arc<Facts>,
    licensing: Arc<AddressSet>,
}

#[derive(Debug)]
struct Facts {
    network: Network,
    index: Index,
    /// The names that hold everywhere: service tags, application security groups, network groups.
    names: Names,
    /// What was computed for each subnet.
    at_subnet: HashMap<ResourceId, Computed>,
}

/// The names at a subnet and the rules of groups bound by them, computed on demand.
#[derive(Debug, Default)]
struct Computed {
    names: OnceLock<Arc<Names>>,
    rulesets: RwLock<BTreeMap<(usize, Direction), Arc<Ruleset>>>,
}

impl Topology {
    /// Binds the names of a network.
    pub fn new(network: Network, tags: impl Into<Arc<ServiceTags>>) -> Self {
        let index = Index::of(&network);
        let names = with_groups(Names::new(tags), &network, &index);
        let at_subnet =
            network.subnets().map(|(_, subnet)| (subnet.id.clone(), Computed::default())).collect();
        let facts = Arc::new(Facts { network, index, names, at_subnet });
        Self { facts, licensing: Arc::new(LICENSING.into_iter().map(AddressSet::from).collect()) }
    }

    /// The same topology with other addresses of the Windows licensing service (S5.4, S5.10).
    #[must_use]
    pub fn with_licensing_addresses(mut self, addresses: AddressSet) -> Self {
        self.licensing = Arc::new(addresses);
        self
    }

    /// The addresses of the Windows licensing service. Unless the caller gave others: those of
    /// kms.core.windows.net and azkms.core.windows.net in the public cloud as they are commonly
    /// listed, which no source here verifies (S5.10).
    pub fn licensing_addresses(&self) -> &Arc<AddressSet> {
        &self.licensing
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.facts.network
    }

    /// The service-tag catalogue.
    pub fn service_tags(&self) -> &ServiceTags {
        self.facts.names.service_tags()
    }

    /// The names at a subnet: its `VirtualNetwork` tag (S4.3), application security groups and
    /// network groups. A subnet that the input does not hold is a place about which little is
    /// known, not an error.
    pub fn names_at(&self, subnet: &ResourceId) -> Arc<Names> {
        let compute = || self.with_tag(self.tag_of().subnet(subnet));
        match self.facts.at_subnet.get(subnet) {
            Some(kept) => Arc::clone(kept.names.get_or_init(compute)),
            None => compute(),
        }
    }

    /// The names at one IP configuration of a network interface: those of its subnet, with the
    /// tag contents that Azure itself reported for the interface in their place (S8.20).
    pub fn names_at_interface(
        &self,
        interface: &NetworkInterface,
        configuration: &IpConfiguration,
    ) -> Arc<Names> {
        let names = match &configuration.subnet {
            Some(Value::Known(subnet)) => self.names_at(subnet),
            Some(Value::Unknown(text)) => self.nowhere(Unresolved::Value(text.clone())),
            None => self.nowhere(Unresolved::ServiceTag(ServiceTag::virtual_network())),
        };
        if interface.tag_contents.is_empty() {
            return names;
        }
        let mut reported: BTreeMap<&ServiceTag, AddressSet> = BTreeMap::new();
        for contents in &interface.tag_contents {
            let addresses = contents.prefixes.iter().copied().collect();
            let all = reported.entry(&contents.tag).or_default();
            *all = all.union(&addresses);
        }
        let mut names = Names::clone(&names);
        let mut tags = names.service_tags().clone();
        for (tag, addresses) in reported {
            if tag.is("VirtualNetwork") {
                names = names.with_virtual_network(addresses);
            } else {
                tags = tags.with(tag.clone(), addresses);
            }
        }
        Arc::new(names.with_service_tags(tags))
    }

    /// The names for a security group by itself: `VirtualNetwork` is that of all places the group
    /// is attached to, together; that of the only virtual network of the input, or of the
    /// caller's prefixes, when it is attached to none; else unknown.
    pub fn names_of_group(&self, group: &SecurityGroup) -> Arc<Names> {
        let subnets = self.subnets_of_group(&group.id);
        let mut attached: Vec<Arc<Names>> = Vec::new();
        for names in subnets.iter().flat_map(|subnet| self.names_around(subnet, &group.id)) {
            if !attached.contains(&names) {
                attached.push(names);
            }
        }
        if let [only] = attached.as_slice() {
            return Arc::clone(only);
        }
        let tag = ServiceTag::virtual_network();
        if !attached.is_empty() {
            return self.with_tag(attached.iter().map(|names| names.tag_contents(&tag)).collect());
        }
        match self.network().virtual_networks.as_slice() {
            [only] => self.with_tag(self.tag_of().virtual_network(only)),
            _ => self.nowhere(Unresolved::ServiceTag(tag)),
        }
    }

    /// The names that a group sees in a subnet: those that Azure reported for interfaces that the
    /// group filters there, else those of the subnet.
    fn names_around(&self, subnet: &ResourceId, group: &ResourceId) -> Vec<Arc<Names>> {
        let is_on_subnet =
            self.subnet(subnet).is_some_and(|(_, facts)| is_link_to(&facts.security_group, group));
        let filtered = self.network().network_interfaces.iter().filter(|interface| {
            !interface.tag_contents.is_empty()
                && (is_on_subnet || is_link_to(&interface.security_group, group))
        });
        let reported: Vec<Arc<Names>> = filtered
            .flat_map(|interface| {
                let configurations = interface.ip_configurations.iter();
                configurations.map(move |configuration| (interface, configuration))
            })
            .filter(|(_, configuration)| is_link_to(&configuration.subnet, subnet))
            .map(|(interface, configuration)| self.names_at_interface(interface, configuration))
            .collect();
        if reported.is_empty() { vec![self.names_at(subnet)] } else { reported }
    }

    /// The subnets where a security group filters: those it is on, and those of the network
    /// interfaces it is on. Each once, in the order of the input.
    pub fn subnets_of_group(&self, group: &ResourceId) -> Vec<ResourceId> {
        let network = self.network();
        let on_subnets = network
            .subnets()
            .filter(|(_, subnet)| is_link_to(&subnet.security_group, group))
            .map(|(_, subnet)| &subnet.id);
        let on_interfaces = network
            .network_interfaces
            .iter()
            .filter(|interface| is_link_to(&interface.security_group, group))
            .flat_map(|interface| &interface.ip_configurations)
            .filter_map(|configuration| configuration.subnet.as_ref()?.known());
        let mut all: Vec<ResourceId> = Vec::new();
        for id in on_subnets.chain(on_interfaces) {
            if !all.contains(id) {
                all.push(id.clone());
            }
        }
        all
    }

    /// The security group with this id.
    pub fn security_group(&self, id: &ResourceId) -> Option<&SecurityGroup> {
        let position = *self.facts.index.security_groups.get(id)?;
        self.network().security_groups.get(position)
    }

    /// The rules of a security group of the network in one direction, as they read at a subnet;
    /// `None` when the network lacks the group. Bound once and then shared.
    pub fn ruleset_at(
        &self,
        subnet: &ResourceId,
        group: &ResourceId,
        direction: Direction,
    ) -> Option<Arc<Ruleset>> {
        let facts = self.security_group(group)?;
        let bind = || Arc::new(Ruleset::of_group(facts, direction, &self.names_at(subnet)));
        let Some(computed) = self.facts.at_subnet.get(subnet) else { return Some(bind()) };
        let key = (*self.facts.index.security_groups.get(group)?, direction);
        let kept = computed.rulesets.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(rules) = kept.get(&key) {
            return Some(Arc::clone(rules));
        }
        drop(kept);
        let rules = bind();
        let mut kept = computed.rulesets.write().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(kept.entry(key).or_insert(rules)))
    }

    /// The interfaces and IP configurations that hold this private address, as
    /// [`Network::holders_of`] finds them.
    pub fn holders_of(
        &self,
        address: IpAddr,
    ) -> impl Iterator<Item = (&NetworkInterface, &IpConfiguration)> {
        let index = &self.facts.index;
        let by_address = index.addresses.get(&address).into_iter().flatten();
        let in_blocks = index.blocks.iter().filter(move |(block, _)| block.contains(address));
        let mut positions: Vec<_> = by_address.chain(in_blocks.map(|(_, at)| at)).collect();
        positions.sort_unstable();
        positions.dedup();
        positions.into_iter().filter_map(|(interface, configuration)| {
            let interface = self.network().network_interfaces.get(*interface)?;
            Some((interface, interface.ip_configurations.get(*configuration)?))
        })
    }

    /// The virtual network with this id.
    pub fn virtual_network(&self, id: &ResourceId) -> Option<&VirtualNetwork> {
        self.facts.index.virtual_network(self.network(), id)
    }

    /// The subnet with this id, and its virtual network.
    pub fn subnet(&self, id: &ResourceId) -> Option<(&VirtualNetwork, &Subnet)> {
        self.facts.index.subnet(self.network(), id)
    }

    /// The route table with this id.
    pub fn route_table(&self, id: &ResourceId) -> Option<&RouteTable> {
        self.facts.index.route_table(self.network(), id)
    }

    /// Whether a peering joins the first virtual network with the second, or they are one;
    /// `None` when the input does not tell.
    pub fn are_joined(&self, first: &VirtualNetwork, second: &VirtualNetwork) -> Option<bool> {
        if first.id == second.id {
            return Some(true);
        }
        let states: Vec<Joined> = first
            .peerings
            .iter()
            .filter_map(|peering| {
                let state = self.tag_of().joined(first, peering);
                match peering.remote.as_ref().and_then(Value::known) {
                    Some(id) => (*id == second.id).then_some(state),
                    None => (state != Joined::No).then_some(Joined::Unknown),
                }
            })
            .collect();
        if states.contains(&Joined::Yes) {
            return Some(true);
        }
        if states.contains(&Joined::Unknown) || !first.unknown_peerings.is_empty() {
            return None;
        }
        Some(false)
    }

    /// What is worth reporting about the names: a `VirtualNetwork` tag that holds every address
    /// (S4.4), application security groups without members in rules (S1.48).
    pub fn findings(&self) -> Vec<Finding> {
        let tags = self.network().subnets().filter_map(|(_, subnet)| self.tag_is_any(subnet));
        let groups = self.network().security_groups.iter();
        let rules = groups.flat_map(|group| {
            let of_rule =
                |rule| self.empty_groups(group, rule).into_iter().chain(self.unknown_tags(rule));
            group.rules.iter().flat_map(of_rule)
        });
        tags.chain(rules).collect()
    }

    /// Azure refuses a tag that it does not know (S1.41). Without a catalogue every tag is one
    /// that it may know.
    fn unknown_tags(&self, rule: &SecurityRule) -> Vec<Finding> {
        let catalogue = self.service_tags();
        if catalogue.tags().next().is_none() {
            return Vec::new();
        }
        let is_unknown =
            |tag: &&ServiceTag| !tag.is("VirtualNetwork") && catalogue.addresses(tag).is_none();
        let sides = [&rule.source, &rule.destination];
        let items = sides.into_iter().flat_map(|side| &side.items);
        let tags = items.filter_map(|item| match item {
            AddressItem::Tag(tag) => Some(tag),
            _ => None,
        });
        tags.filter(is_unknown)
            .map(|tag| {
                let message = format!(
                    "rule `{}` names the service tag `{tag}`, which the service-tag file does not hold: Azure refuses a tag that it does not know",
                    rule.name
                );
                let code = AzureCode::SecurityRuleInvalidAddressPrefix.into();
                finding(Severity::Warning, code, &rule.origin, message)
            })
            .collect()
    }

    fn tag_is_any(&self, subnet: &Subnet) -> Option<Finding> {
        let tag = self.names_at(&subnet.id).tag_contents(&ServiceTag::virtual_network());
        if !tag.known.ipv4().is_full() && !tag.known.ipv6().is_full() {
            return None;
        }
        let message = format!(
            "the `VirtualNetwork` tag at subnet `{}` holds every address, because a route of the subnet or a prefix of the network does: AllowVnetInBound then admits the Internet",
            subnet.name()
        );
        Some(finding(Severity::Error, Code::VirtualNetworkTagIsAny, &subnet.origin, message))
    }

    fn empty_groups(&self, group: &SecurityGroup, rule: &SecurityRule) -> Vec<Finding> {
        let is_empty = |id: &ResourceId| {
            self.facts.names.group(id).is_some_and(|addresses| addresses.is_empty())
        };
        let named = rule.source.asgs().chain(rule.destination.asgs());
        named
            .filter(|id| is_empty(id))
            .map(|id| {
                let message = format!(
                    "rule `{}` of `{}` names application security group `{}`, which has no members: Azure was seen not to apply such a rule at all",
                    rule.name,
                    group.name(),
                    id.name()
                );
                finding(Severity::Warning, Code::EmptyAsgInRule, &rule.origin, message)
            })
            .collect()
    }

    fn with_tag(&self, virtual_network: Contents) -> Arc<Names> {
        Arc::new(self.facts.names.clone().with_virtual_network_contents(virtual_network))
    }

    fn nowhere(&self, reason: Unresolved) -> Arc<Names> {
        self.with_tag(self.tag_of().nowhere(Contents::unknown(reason)))
    }

    fn tag_of(&self) -> TagOf<'_> {
        TagOf { network: self.network(), index: &self.facts.index, tags: self.service_tags() }
    }
}

impl Network {
    /// The network with its names bound by a service-tag catalogue; short for
    /// [`Topology::new`].
    pub fn bind(self, tags: impl Into<Arc<ServiceTags>>) -> Topology {
        Topology::new(self, tags)
    }
}

/// Where each resource stands in a network; the first of those with one id.
#[derive(Debug)]
pub(super) struct Index {
    security_groups: HashMap<ResourceId, usize>,
    virtual_networks: HashMap<ResourceId, usize>,
    subnets: HashMap<ResourceId, (usize, usize)>,
    route_tables: HashMap<ResourceId, usize>,
    /// Interface and IP configuration by private address.
    addresses: HashMap<IpAddr, Vec<(usize, usize)>>,
    /// The same for configurations that hold a block.
    blocks: Vec<(Prefix, (usize, usize))>,
}

impl Index {
    fn of(network: &Network) -> Self {
        let mut subnets = HashMap::new();
        for (position, virtual_network) in network.virtual_networks.iter().enumerate() {
            for (below, subnet) in virtual_network.subnets.iter().enumerate() {
                subnets.entry(subnet.id.clone()).or_insert((position, below));
            }
        }
        let (mut addresses, mut blocks) = (HashMap::<_, Vec<_>>::new(), Vec::new());
        for (position, interface) in network.network_interfaces.iter().enumerate() {
            for (below, configuration) in interface.ip_configurations.iter().enumerate() {
                if let Some(address) = configuration.private_address {
                    addresses.entry(address).or_default().push((position, below));
                }
                blocks.extend(configuration.private_prefix.map(|block| (block, (position, below))));
            }
        }
        Self {
            addresses,
            blocks,
            security_groups: positions(network.security_groups.iter().map(|group| &group.id)),
            virtual_networks: positions(network.virtual_networks.iter().map(|one| &one.id)),
            subnets,
            route_tables: positions(network.route_tables.iter().map(|table| &table.id)),
        }
    }

    pub(super) fn virtual_network<'a>(
        &self,
        network: &'a Network,
        id: &ResourceId,
    ) -> Option<&'a VirtualNetwork> {
        network.virtual_networks.get(*self.virtual_networks.get(id)?)
    }

    pub(super) fn subnet<'a>(
        &self,
        network: &'a Network,
        id: &ResourceId,
    ) -> Option<(&'a VirtualNetwork, &'a Subnet)> {
        let (position, below) = *self.subnets.get(id)?;
        let virtual_network = network.virtual_networks.get(position)?;
        Some((virtual_network, virtual_network.subnets.get(below)?))
    }

    pub(super) fn route_table<'a>(
        &self,
        network: &'a Network,
        id: &ResourceId,
    ) -> Option<&'a RouteTable> {
        network.route_tables.get(*self.route_tables.get(id)?)
    }
}

fn is_link_to(link: &Option<Link>, id: &ResourceId) -> bool {
    link.as_ref().and_then(Value::known) == Some(id)
}

fn positions<'a>(ids: impl Iterator<Item = &'a ResourceId>) -> HashMap<ResourceId, usize> {
    let mut positions = HashMap::new();
    for (position, id) in ids.enumerate() {
        positions.entry(id.clone()).or_insert(position);
    }
    positions
}

fn finding(severity: Severity, code: Code, origin: &Origin, message: String) -> Finding {
    Finding::new(severity, code, origin.location().cloned().unwrap_or_default(), message)
}

/// Adds the application security groups and network groups of a network.
fn with_groups(names: Names, network: &Network, index: &Index) -> Names {
    let mut parts: BTreeMap<ResourceId, Vec<Contents>> = BTreeMap::new();
    let mut of_any: Vec<Contents> = Vec::new();
    for (links, addresses) in members(network) {
        for link in links {
            match link {
                Value::Known(id) => parts.entry(id.clone()).or_default().push(addresses.clone()),
                // Whichever group the expression names, these addresses may be in it.
                Value::Unknown(text) => of_any.push(Contents::unknown_within(
                    Arc::clone(&addresses.possible),
                    Unresolved::Value(text.clone()),
                )),
            }
        }
    }
    of_any.extend(unread_members(network));
    let input_tells = !network.network_interfaces.is_empty();
    for id in mentioned(network) {
        let of_this = parts.entry(id.clone()).or_default();
        if !input_tells {
            of_this.push(Contents::unknown(Unresolved::ApplicationSecurityGroup(id)));
        }
    }
    let mut names = names;
    for (id, members) in parts {
        let contents = members.into_iter().chain(of_any.iter().cloned()).collect();
        names = names.with_group_contents(id, contents);
    }
    let tag_of = TagOf { network, index, tags: &names.service_tags().clone() };
    for group in &network.network_groups {
        names = names.with_group_contents(group.id.clone(), network_group(group, &tag_of));
    }
    names
}

/// The memberships that IP configurations (S1.47) and private endpoints (S1.50) declare, each
/// with the addresses of the member.
fn members(network: &Network) -> impl Iterator<Item = (&[Value<ResourceId>], Contents)> {
    let configurations = network.network_interfaces.iter().flat_map(|interface| {
        interface.ip_configurations.iter().map(move |configuration| {
            let groups = configuration.application_security_groups.as_slice();
            (groups, addresses_of_configuration(interface, configuration))
        })
    });
    let endpoints = network.private_endpoints.iter().map(|endpoint| {
        let groups = endpoint.application_security_groups.as_slice();
        (groups, addresses_of_endpoint(network, endpoint))
    });
    configurations.chain(endpoints).filter(|(groups, _)| !groups.is_empty())
}

/// What stands in the place of members: of any group, with any address.
fn unread_members(network: &Network) -> impl Iterator<Item = Contents> {
    let interfaces = network.network_interfaces.iter();
    let configurations = interfaces.flat_map(|interface| &interface.unknown_ip_configurations);
    let texts = configurations.chain(&network.unlisted.interfaces);
    texts.cloned().map(|text| Contents::unknown(Unresolved::Value(text)))
}

fn addresses_of_configuration(
    interface: &NetworkInterface,
    configuration: &IpConfiguration,
) -> Contents {
    let address = configuration.private_address.map(AddressSet::from);
    let block = configuration.private_prefix.map(AddressSet::from);
    if address.is_none() && block.is_none() {
        return Contents::unknown(Unresolved::InterfaceAddress(interface.id.clone()));
    }
    Contents::known(address.into_iter().chain(block).collect::<AddressSet>())
}

fn addresses_of_endpoint(network: &Network, endpoint: &PrivateEndpoint) -> Contents {
    let own = endpoint.addresses.iter().copied();
    let interfaces = endpoint.network_interfaces.iter().filter_map(Value::known);
    let of_interfaces = interfaces
        .filter_map(|id| network.network_interface(id))
        .flat_map(NetworkInterface::addresses);
    let all: AddressSet = own.chain(of_interfaces).map(AddressSet::from).collect();
    let unread = endpoint.unknown_addresses.iter().cloned().map(Unresolved::Value);
    let none = all.is_empty().then(|| Unresolved::InterfaceAddress(endpoint.id.clone()));
    let unknown = unread.chain(none).map(Contents::unknown);
    [Contents::known(all)].into_iter().chain(unknown).collect()
}

/// Every application security group that is a resource of the network or named by a rule.
fn mentioned(network: &Network) -> impl Iterator<Item = ResourceId> {
    let resources = network.application_security_groups.iter().map(|group| group.id.clone());
    let rules = network.security_groups.iter().flat_map(SecurityGroup::all_rules);
    let items = rules.flat_map(|rule| rule.source.items.iter().chain(&rule.destination.items));
    resources.chain(items.filter_map(|item| match item {
        AddressItem::Asg(id) => Some(id.clone()),
        _ => None,
    }))
}

/// The address spaces of the members of a network group (S6.11).
fn network_group(group: &NetworkGroup, tag_of: &TagOf<'_>) -> Contents {
    let member = |id: &ResourceId| {
        if let Some(member) = tag_of.index.virtual_network(tag_of.network, id) {
            return tag_of.address_space(member);
        }
        match tag_of.index.subnet(tag_of.network, id) {
            Some((_, subnet)) => tag_of.subnet_space(subnet),
            None => Contents::unknown(Unresolved::VirtualNetwork(id.clone())),
        }
    };
    let others =
        (!group.complete).then(|| Contents::unknown(Unresolved::NetworkGroup(group.id.clone())));
    group.members.iter().map(member).chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::UnknownValue;
    use crate::network::testing::{id, network};
    use crate::network::{NextHop, TagContents};

    fn hub() -> Network {
        network(&[("hub", "10.0.0.0/16"), ("spoke", "10.1.0.0/16")])
            .with_subnet("hub/app", "10.0.0.0/24")
            .with_subnet("hub/db", "10.0.1.0/24")
            .with_subnet("spoke/app", "10.1.0.0/24")
    }

    fn with_member(network: Network, group: &str) -> Network {
        network.with(|all| {
            let link = id(group).into();
            let configuration = &mut all.interface("nic").ip_configurations[0];
            configuration.application_security_groups.push(link);
        })
    }

    fn group_contents(network: Network, name: &str) -> Contents {
        let topology = network.bind(ServiceTags::built_in());
        topology.names_at(&id("hub/app")).addresses(&AddressItem::Asg(id(name)))
    }

    const WEB: &str = "100 Web allow inbound tcp *:* -> asg{web}:80";

    /// S1.46, S1.47, S1.49.
    #[test]
    fn a_group_holds_the_addresses_of_its_member_configurations() {
        let two = hub().with_interface("nic", "hub/app", "10.0.0.4").with(|all| {
            let second = Some("fd00::4".parse().unwrap());
            let subnet = Some(id("hub/app").into());
            let configuration = IpConfiguration::new("two", second, subnet);
            all.interface("nic").ip_configurations.push(configuration);
        });
        let one = with_member(two, "WEB");
        assert_eq!(group_contents(one.clone(), "web").known.to_string(), "10.0.0.4/32");
        let both = one.with(|all| {
            let link = id("web").into();
            all.interface("nic").ip_configurations[1].application_security_groups.push(link);
        });
        assert_eq!(group_contents(both, "web").known.to_string(), "10.0.0.4/32, fd00::4/128");
    }

    /// S1.48: empty when the input holds interfaces, unknown when it holds none.
    #[test]
    fn a_group_without_members_is_empty_only_where_interfaces_are_known() {
        let ruled = hub().with_group("nsg", &["hub/app"], &[WEB]);
        let contents = group_contents(ruled.clone(), "web");
        assert_eq!(contents.unknown, [Unresolved::ApplicationSecurityGroup(id("web"))]);
        assert_eq!(ruled.clone().bind(ServiceTags::built_in()).findings(), []);

        let peopled = ruled.with_interface("nic", "hub/app", "10.0.0.4");
        assert_eq!(group_contents(peopled.clone(), "web"), Contents::known(AddressSet::empty()));
        let findings = peopled.clone().bind(ServiceTags::built_in()).findings();
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].code, Code::EmptyAsgInRule);
        assert_eq!(findings[0].severity, Severity::Warning);

        let member = with_member(peopled, "web").bind(ServiceTags::built_in());
        assert_eq!(member.findings(), []);
    }

    #[test]
    fn members_whose_address_or_group_cannot_be_read_leave_the_group_open() {
        let nic = hub()
            .with_group("nsg", &["hub/app"], &[WEB])
            .with_interface("nic", "hub/app", "10.0.0.4");
        let dynamic = with_member(nic.clone(), "web")
            .with(|all| all.interface("nic").ip_configurations[0].private_address = None);
        let contents = group_contents(dynamic, "web");
        assert_eq!(contents.unknown, [Unresolved::InterfaceAddress(id("nic"))]);

        let text = UnknownValue::new("[parameters('asg')]");
        let of_some_group = nic.with(|all| {
            let links = &mut all.interface("nic").ip_configurations[0].application_security_groups;
            links.push(Value::Unknown(text.clone()));
        });
        let contents = group_contents(of_some_group, "web");
        assert_eq!(contents.unknown, [Unresolved::Value(text)]);
        assert_eq!(contents.possible.to_string(), "10.0.0.4/32");
    }

    /// S1.50.
    #[test]
    fn a_private_endpoint_may_be_a_member() {
        let endpoint = |addresses: &[&str]| {
            hub().with_interface("nic", "hub/app", "10.0.0.4").with(|all| {
                let mut one = PrivateEndpoint::new(id("endpoint"), Some(id("hub/db").into()));
                one.addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
                one.application_security_groups.push(id("web").into());
                all.private_endpoints.push(one);
            })
        };
        let contents = group_contents(endpoint(&["10.0.1.9"]), "web");
        assert_eq!(contents.complete().unwrap().to_string(), "10.0.1.9/32");
        let contents = group_contents(endpoint(&[]), "web");
        assert_eq!(contents.unknown, [Unresolved::InterfaceAddress(id("endpoint"))]);
    }

    /// S6.11, S6.1.
    #[test]
    fn a_network_group_holds_the_spaces_of_its_members() {
        let group = |members: &[&str], complete: bool| {
            let all = hub().with(|all| {
                let members = members.iter().map(|member| id(member)).collect();
                let mut group = NetworkGroup::new(id("production"), members);
                group.complete = complete;
                all.network_groups.push(group);
            });
            let topology = all.bind(ServiceTags::built_in());
            topology
                .names_at(&id("hub/app"))
                .addresses(&AddressItem::NetworkGroup(id("production")))
        };
        let contents = group(&["hub", "spoke/app"], true);
        assert_eq!(contents.complete().unwrap().to_string(), "10.0.0.0/16, 10.1.0.0/24");
        let contents = group(&["hub"], false);
        assert_eq!(contents.unknown, [Unresolved::NetworkGroup(id("production"))]);
        assert_eq!(contents.known.to_string(), "10.0.0.0/16");
        let contents = group(&["elsewhere"], true);
        assert_eq!(contents.unknown, [Unresolved::VirtualNetwork(id("elsewhere"))]);
    }

    /// S8.20, S4.15.
    #[test]
    fn what_azure_reported_for_an_interface_takes_the_place_of_what_is_computed() {
        let reported = hub().with_interface("nic", "hub/app", "10.0.0.4").with(|all| {
            for (tag, prefix) in [
                ("VirtualNetwork", "10.7.0.0/16"),
                ("VirtualNetwork", "10.8.0.0/16"),
                ("Internet", "8.0.0.0/7"),
                ("Storage", "20.1.0.0/16"),
            ] {
                let (tag, prefixes) = (ServiceTag::new(tag), vec![prefix.parse().unwrap()]);
                all.interface("nic").tag_contents.push(TagContents { tag, prefixes });
            }
        });
        let topology = reported.bind(ServiceTags::built_in());
        let nic = topology.network().network_interface(&id("nic")).unwrap();
        let names = topology.names_at_interface(nic, &nic.ip_configurations[0]);
        let held = |tag: &str| names.tag(&ServiceTag::new(tag)).map(|set| set.to_string());
        assert_eq!(held("VirtualNetwork").unwrap(), "10.7.0.0/16, 10.8.0.0/16");
        assert_eq!(held("Internet").unwrap(), "8.0.0.0/7");
        assert_eq!(held("Storage").unwrap(), "20.1.0.0/16");
        let elsewhere = topology.names_at(&id("hub/app"));
        assert_eq!(elsewhere.tag(&ServiceTag::new("Storage")), None);
    }

    #[test]
    fn a_bare_group_has_the_tag_of_the_places_it_is_attached_to() {
        let tag_of = |network: Network| {
            let topology = network.bind(ServiceTags::built_in());
            let group = topology.security_group(&id("nsg")).unwrap().clone();
            topology.names_of_group(&group).tag_contents(&ServiceTag::virtual_network())
        };
        let known = |network| tag_of(network).complete().unwrap().to_string();
        let one = hub().with_group("nsg", &["hub/app"], &[]);
        assert_eq!(known(one), "10.0.0.0/16, 168.63.129.16/32");
        let by_interface =
            hub().with_interface("nic", "spoke/app", "10.1.0.4").with_group("nsg", &["nic"], &[]);
        assert_eq!(known(by_interface), "10.1.0.0/16, 168.63.129.16/32");
        let several = hub().with_group("nsg", &["hub/app", "spoke/app"], &[]);
        assert_eq!(known(several), "10.0.0.0/15, 168.63.129.16/32");
        let nowhere = hub().with_group("nsg", &[], &[]);
        let unknown = Unresolved::ServiceTag(ServiceTag::virtual_network());
        assert_eq!(tag_of(nowhere).unknown, [unknown]);
        let only_network = network(&[("hub", "10.0.0.0/16")]).with_group("nsg", &[], &[]);
        assert_eq!(known(only_network), "10.0.0.0/16, 168.63.129.16/32");
    }

    /// S4.4.
    #[test]
    fn a_tag_that_holds_every_address_is_reported() {
        let routed = |prefix, hop| {
            hub().with_route("hub/app", prefix, hop).bind(ServiceTags::built_in()).findings()
        };
        let findings = routed("0.0.0.0/0", NextHop::VirtualAppliance);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].code, Code::VirtualNetworkTagIsAny);
        assert!(findings[0].message.contains("`app`"), "{}", findings[0]);
        assert_eq!(routed("::/0", NextHop::VirtualAppliance).len(), 1);
        assert_eq!(routed("0.0.0.0/1", NextHop::VirtualAppliance), []);
        assert_eq!(routed("0.0.0.0/0", NextHop::Internet), []);
    }

    #[test]
    fn the_rules_of_a_group_are_bound_once_for_each_subnet() {
        let topology = hub().with_group("nsg", &["hub/app"], &[WEB]).bind(ServiceTags::built_in());
        let rules = |place: &str, group: &str| {
            topology.ruleset_at(&id(place), &id(group), Direction::Inbound)
        };
        let here = rules("hub/app", "nsg").unwrap();
        assert!(Arc::ptr_eq(&here, &rules("HUB/app", "NSG").unwrap()));
        assert_eq!(here.rules().len(), 4);
        let far = rules("spoke/app", "nsg").unwrap();
        assert_ne!(here.rules()[1].source, far.rules()[1].source, "another VirtualNetwork");
        assert_eq!(rules("hub/gone", "nsg").unwrap().rules().len(), 4);
        assert!(rules("hub/app", "gone").is_none());
    }

    #[test]
    fn holders_are_found_as_a_scan_finds_them() {
        let all = hub()
            .with_interface("one", "hub/app", "10.0.0.4")
            .with_interface("two", "spoke/app", "10.0.0.4")
            .with_interface("three", "hub/app", "10.0.0.64")
            .with(|all| {
                let block = Some("10.0.0.64/28".parse().unwrap());
                all.interface("three").ip_configurations[0].private_prefix = block;
            });
        let topology = all.bind(ServiceTags::built_in());
        for (text, count) in [("10.0.0.4", 2), ("10.0.0.64", 1), ("10.0.0.79", 1), ("10.0.0.80", 0)]
        {
            let address = text.parse().unwrap();
            let found: Vec<_> = topology.holders_of(address).collect();
            assert_eq!(found, topology.network().holders_of(address).collect::<Vec<_>>());
            assert_eq!(found.len(), count, "{text}");
        }
    }

    #[test]
    fn the_first_of_two_resources_with_one_id_counts() {
        let twice = network(&[("hub", "10.0.0.0/16"), ("HUB", "10.1.0.0/16")])
            .with_subnet("hub/app", "10.0.0.0/24");
        let topology = twice.bind(ServiceTags::built_in());
        let hub = topology.virtual_network(&id("Hub")).unwrap();
        assert_eq!(hub.address_space[0].to_string(), "10.0.0.0/16");
    }
}
