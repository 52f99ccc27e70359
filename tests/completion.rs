//! Ways the unknown could turn out, to hold three-valued answers against.

use nsg_engine::model::{
    AddressItem, AddressSpec, AdminRule, Flow, PortSpec, ResourceId, SecurityRule, ServiceTag,
    UnknownValue, Value,
};
use nsg_engine::net::AddressSet;
use nsg_engine::network::Network;
use nsg_engine::resolve::{ServiceTags, Topology, internet};
use nsg_engine::strategies::{Case, Choices, Generator, Shape};

/// One way everything unknown could turn out.
pub(crate) struct Completion {
    generator: Generator,
    choices: Choices,
}

impl Completion {
    pub(crate) fn new(seed: u64) -> Self {
        let generator = Generator::new(Choices::from_seed(seed), Shape::definite());
        Self { generator, choices: Choices::from_seed(!seed) }
    }

    pub(crate) fn case(&mut self, case: &Case) -> Case {
        let mut completed = case.clone();
        self.rules(&mut completed.group.rules);
        if case.names.tag(&ServiceTag::virtual_network()).is_none() {
            let space = self.addresses(&AddressSet::full());
            completed.names = completed.names.with_virtual_network(space);
        }
        let unknown_asg = Generator::asg(4);
        let members = self.addresses(&AddressSet::full());
        completed.names = completed.names.with_group(unknown_asg, members);
        let tags = self.tags(completed.names.service_tags());
        completed.names = completed.names.with_service_tags(tags);
        completed
    }

    /// The network and its catalogue with nothing unknown left.
    pub(crate) fn network(&mut self, network: &Network, tags: &ServiceTags) -> Topology {
        let mut network = network.clone();
        for group in &mut network.security_groups {
            self.rules(&mut group.rules);
        }
        for collection in &mut network.admin_rule_collections {
            collection.rules.retain_mut(|rule| {
                let exists = self.exists(rule.condition.take().as_ref());
                self.admin_rule(rule);
                exists
            });
        }
        for virtual_network in &mut network.virtual_networks {
            for subnet in &mut virtual_network.subnets {
                if !subnet.unknown_prefixes.is_empty() {
                    subnet.unknown_prefixes.clear();
                    subnet.prefixes.push(self.generator.prefix());
                }
            }
            if !virtual_network.unknown_address_space.is_empty() {
                virtual_network.unknown_address_space.clear();
                virtual_network.address_space.push(self.generator.prefix());
            }
        }
        let groups: Vec<ResourceId> =
            network.security_groups.iter().map(|group| group.id.clone()).collect();
        let subnets = network.virtual_networks.iter_mut().flat_map(|one| &mut one.subnets);
        let links = subnets.map(|subnet| &mut subnet.security_group).chain(
            network.network_interfaces.iter_mut().map(|interface| &mut interface.security_group),
        );
        for link in links {
            match link {
                Some(Value::Unknown(_)) => {
                    *link = self.choices.pick(&groups).cloned().map(Value::Known)
                }
                Some(Value::Known(id)) if !groups.contains(id) => {
                    *link = self.choices.pick(&groups).cloned().map(Value::Known);
                }
                _ => {}
            }
        }
        for group in network.network_groups.iter_mut().filter(|group| !group.complete) {
            group.complete = true;
            let others = network.virtual_networks.iter().map(|one| one.id.clone());
            group.members.extend(others.filter(|_| self.choices.one_in(2)));
        }
        Topology::new(network, self.tags(tags))
    }

    /// S1.41: whatever a tag of a public service holds is public.
    fn tags(&mut self, tags: &ServiceTags) -> ServiceTags {
        Generator::unknown_tags().into_iter().fold(tags.clone(), |tags, tag| {
            let within = if tag.is("AzureBastion") { AddressSet::full() } else { internet() };
            tags.with(tag, self.addresses(&within))
        })
    }

    /// Nothing, everything, or a few prefixes.
    fn addresses(&mut self, within: &AddressSet) -> AddressSet {
        let some: AddressSet = match self.choices.below(4) {
            0 => AddressSet::empty(),
            1 => AddressSet::full(),
            few => (0..few).map(|_| self.generator.prefix()).collect(),
        };
        some.intersection(within)
    }

    fn rules(&mut self, rules: &mut Vec<SecurityRule>) {
        rules.retain_mut(|rule| {
            let exists = self.exists(rule.condition.take().as_ref());
            self.rule(rule);
            exists
        });
    }

    /// Whether a rule under this condition exists.
    fn exists(&mut self, condition: Option<&UnknownValue>) -> bool {
        condition.is_none() || self.choices.one_in(2)
    }

    fn rule(&mut self, rule: &mut SecurityRule) {
        let donor = self.generator.rule();
        fill(&mut rule.priority, donor.priority);
        fill(&mut rule.direction, donor.direction);
        fill(&mut rule.access, donor.access);
        fill(&mut rule.protocol, donor.protocol);
        self.ports([&mut rule.source_ports, &mut rule.destination_ports]);
        self.sides([&mut rule.source, &mut rule.destination]);
    }

    fn admin_rule(&mut self, rule: &mut AdminRule) {
        let donor = self.generator.admin_rule();
        fill(&mut rule.priority, donor.priority);
        fill(&mut rule.direction, donor.direction);
        fill(&mut rule.access, donor.access);
        fill(&mut rule.protocol, donor.protocol);
        self.ports([&mut rule.source_ports, &mut rule.destination_ports]);
        self.sides([&mut rule.source, &mut rule.destination]);
    }

    fn ports(&mut self, fields: [&mut PortSpec; 2]) {
        for ports in fields.into_iter().filter(|ports| !ports.unknown.is_empty()) {
            ports.unknown.clear();
            ports.known = ports.known.union(&self.generator.port_set());
        }
    }

    fn sides(&mut self, sides: [&mut AddressSpec; 2]) {
        for side in sides {
            let items = side.items.drain(..).flat_map(|item| match item {
                AddressItem::Unknown(_) => {
                    let addresses = self.addresses(&AddressSet::full());
                    addresses.prefixes().map(AddressItem::from).collect()
                }
                known => vec![known],
            });
            side.items = items.collect();
        }
    }

    pub(crate) fn flow(&mut self, flow: &Flow) -> Flow {
        if flow.protocol().has_ports() {
            let [source, destination] = [flow.source_port(), flow.destination_port()]
                .map(|port| port.or_else(|| Some(self.generator.port())));
            return flow.with_ports(source, destination).unwrap();
        }
        if flow.protocol().is_icmp() && flow.icmp_type().is_none() {
            let [icmp_type] = self.choices.bytes();
            return flow.with_icmp_type(icmp_type).unwrap();
        }
        *flow
    }
}

fn fill<T>(value: &mut Value<T>, known: Value<T>) {
    if value.known().is_none() {
        *value = known;
    }
}
