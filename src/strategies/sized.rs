//! Groups and networks of a wanted size, for benchmarks: rules like those of large real groups,
//! which name many prefixes that seldom meet, so that a flow walks far before a rule decides.

use std::net::IpAddr;

use super::Choices;
use super::generator::resource;
use crate::model::{
    Access, AddressItem, AddressSpec, Direction, PortSpec, Priority, ProtocolSpec, ResourceId,
    RuleName, SecurityGroup, SecurityRule,
};
use crate::net::{Interval, PortSet, Prefix, Protocol};
use crate::network::{
    IpConfiguration, Network, NetworkInterface, Subnet, VirtualMachine, VirtualNetwork,
};

/// A group of `rules` user rules, every other one outbound, each with `prefixes_per_rule`
/// prefixes on its remote side. The same numbers make the same group.
pub fn group(rules: usize, prefixes_per_rule: usize, seed: u64) -> SecurityGroup {
    group_called("nsg", rules, prefixes_per_rule, &mut Choices::from_seed(seed))
}

/// A network of `groups` subnets, each with a group of its own of `rules_per_group` rules and one
/// machine, whose interface carries the group of the next subnet. At most 65,536 groups.
pub fn network(groups: usize, rules_per_group: usize, seed: u64) -> Network {
    let mut choices = Choices::from_seed(seed);
    let mut network = Network::default();
    let mut virtual_network = VirtualNetwork::new(resource("virtualNetworks", "vnet"));
    virtual_network.address_space.extend(Prefix::truncated([10, 0, 0, 0].into(), 8));
    for number in 0..groups.min(1 << 16) {
        let group = group_called(&group_name(number), rules_per_group, 4, &mut choices);
        network.security_groups.push(group);
        let [.., high, low] = number.to_be_bytes();
        let next = number.saturating_add(1).checked_rem(groups).unwrap_or(0);
        let mut subnet =
            Subnet::new(virtual_network.id.child("subnets", &format!("subnet-{number}")));
        subnet.prefixes.extend(Prefix::truncated([10, high, low, 0].into(), 24));
        subnet.security_group = Some(group_id(number).into());
        let mut interface =
            NetworkInterface::new(resource("networkInterfaces", &format!("nic-{number}")));
        interface.security_group = Some(group_id(next).into());
        let address = IpAddr::from([10, high, low, 4]);
        let mut configuration =
            IpConfiguration::new("ipconfig", Some(address), Some(subnet.id.clone().into()));
        configuration.primary = true;
        interface.ip_configurations.push(configuration);
        let mut machine = VirtualMachine::new(resource("virtualMachines", &format!("vm-{number}")));
        machine.network_interfaces.push(interface.id.clone().into());
        interface.virtual_machine = Some(machine.id.clone().into());
        virtual_network.subnets.push(subnet);
        network.network_interfaces.push(interface);
        network.virtual_machines.push(machine);
    }
    network.virtual_networks.push(virtual_network);
    network
}

fn group_name(number: usize) -> String {
    format!("nsg-{number}")
}

fn group_id(number: usize) -> ResourceId {
    resource("networkSecurityGroups", &group_name(number))
}

fn group_called(
    name: &str,
    rules: usize,
    prefixes_per_rule: usize,
    choices: &mut Choices,
) -> SecurityGroup {
    let mut group = SecurityGroup::new(resource("networkSecurityGroups", name));
    group.rules = (0..rules)
        .map(|number| {
            let direction = if number & 1 == 0 { Direction::Inbound } else { Direction::Outbound };
            rule(number, direction, prefixes_per_rule, choices)
        })
        .collect();
    group
}

fn rule(
    number: usize,
    direction: Direction,
    prefixes: usize,
    choices: &mut Choices,
) -> SecurityRule {
    let name = RuleName::as_written(&format!("rule-{number}"));
    let priority = Priority::new(u32::try_from(number).unwrap_or(u32::MAX).saturating_add(100));
    let access = choices.one_of(Access::Allow, &[Access::Allow, Access::Deny]);
    let mut rule = SecurityRule::new(name, priority, direction, access);
    let tcp = ProtocolSpec::One(Protocol::TCP);
    rule.protocol =
        choices.one_of(tcp, &[tcp, ProtocolSpec::One(Protocol::UDP), ProtocolSpec::Any]).into();
    let (remote, local) = (blocks(prefixes, choices), blocks(1, choices));
    (rule.source, rule.destination) = match direction {
        Direction::Inbound => (remote, local),
        Direction::Outbound => (local, remote),
    };
    let ports: PortSet = (0..choices.between(1, 3)).map(|_| port_range(choices)).collect();
    rule.destination_ports = PortSpec::from(ports);
    rule
}

/// So many blocks of 1 to 4096 private or public addresses, none inside another: each in a /20
/// of its own, of which there are 16,384.
fn blocks(count: usize, choices: &mut Choices) -> AddressSpec {
    let first = u16::from_be_bytes(choices.bytes());
    let step = u16::from_be_bytes(choices.bytes()) | 1;
    let numbers = std::iter::successors(Some(first), |number| Some(number.wrapping_add(step)));
    numbers.take(count).map(|number| block(number, choices)).collect()
}

/// A block in the /20 of this number, of which the low 14 bits count.
fn block(number: u16, choices: &mut Choices) -> AddressItem {
    let [low, second] = number.to_le_bytes();
    let octet = match second & 0x30 {
        0x00 => 10,
        0x10 => 20,
        0x20 => 52,
        _ => 203,
    };
    let [third, fourth] = choices.bytes();
    let second = (second << 4) | (low >> 4);
    let third = (low << 4) | (third & 0x0f);
    let length = u8::try_from(choices.between(20, 32)).unwrap_or(32);
    let address = IpAddr::from([octet, second, third, fourth]);
    AddressItem::Prefix(Prefix::truncated(address, length).unwrap_or(Prefix::host(address)))
}

fn port_range(choices: &mut Choices) -> Interval<u16> {
    let random = u16::from_be_bytes(choices.bytes());
    let port = choices.one_of(443, &[22, 80, 1433, 3389, 5432, 8080, random]);
    let span = choices.one_of(0u16, &[0, 0, 15, 1000]);
    Interval::new(port, port.saturating_add(span)).unwrap_or(Interval::single(port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolve::{Names, Ruleset, ServiceTags};

    fn prefix(item: &AddressItem) -> Option<Prefix> {
        match item {
            AddressItem::Prefix(prefix) => Some(*prefix),
            _ => None,
        }
    }

    /// Blocks of one rule do not overlap: Azure would refuse them (S1.38).
    #[test]
    fn sizes_are_as_asked_for_and_the_same_each_time() {
        let group = group(200, 50, 1);
        assert_eq!(group, super::group(200, 50, 1));
        assert_ne!(group, super::group(200, 50, 2));
        let inbound =
            Ruleset::of_group(&group, Direction::Inbound, &Names::new(ServiceTags::built_in()));
        assert_eq!(inbound.rules().len(), 103);
        assert!(
            group
                .rules
                .iter()
                .all(|rule| { rule.source.items.len().max(rule.destination.items.len()) == 50 })
        );
        for rule in &group.rules {
            let prefixes: Vec<Prefix> = rule.source.items.iter().filter_map(prefix).collect();
            for (index, one) in prefixes.iter().enumerate() {
                assert!(!prefixes[index + 1..].iter().any(|other| one.covers(other)));
            }
        }
        let network = network(300, 10, 1);
        assert_eq!(network.security_groups.len(), 300);
        assert_eq!(network.holders_of("10.1.43.4".parse().unwrap()).count(), 1);
    }
}
