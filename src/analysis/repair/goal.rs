//! What a repair is to bring about.

use std::fmt;

use super::List;
use super::worlds::World;
use crate::model::{
    Access, AddressItem, AddressSpec, Direction, Limits, Priority, ProtocolSpec, RuleName,
    SecurityRule,
};
use crate::net::{AddressSet, PortSet, Protocol, ProtocolSet, RangeSet};
use crate::resolve::{Rule, Unresolved};
use crate::space::Region;

/// That some traffic is allowed, or that it is denied.
///
/// ```
/// use nsg_engine::analysis::repair::Goal;
///
/// let goal = Goal::allow("tcp,udp 10.0.1.0/26:* -> 10.0.0.4/32:53".parse()?).named("AllowDns");
/// let rules = goal.rules(nsg_engine::model::Direction::Inbound)?;
/// assert_eq!(
///     rules.iter().map(ToString::to_string).collect::<Vec<_>>(),
///     [
///         "4096 AllowDns allow inbound tcp 10.0.1.0/26:* -> 10.0.0.4/32:53",
///         "4096 AllowDns allow inbound udp 10.0.1.0/26:* -> 10.0.0.4/32:53",
///     ],
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Goal {
    access: Access,
    name: RuleName,
    traffic: Traffic,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Traffic {
    Region(Region),
    /// Whatever this rule matches, by the names it is written with.
    Rule(Box<SecurityRule>),
}

impl Goal {
    /// That every flow of the region is allowed.
    pub fn allow(region: Region) -> Self {
        Self::new(Access::Allow, region)
    }

    /// That every flow of the region is denied.
    pub fn deny(region: Region) -> Self {
        Self::new(Access::Deny, region)
    }

    /// That this becomes of every flow of the region.
    pub fn new(access: Access, region: Region) -> Self {
        let name = match access {
            Access::Allow => "AllowWanted",
            Access::Deny => "DenyUnwanted",
        };
        let traffic = Traffic::Region(region);
        Self { access, name: RuleName::as_written(name), traffic }
    }

    /// That what the rule matches becomes what the rule says, in the rule's own words: tags and
    /// application security groups stay names. Its priority and direction do not matter.
    ///
    /// An access that is not known is taken to be `Deny`.
    pub fn of_rule(rule: SecurityRule) -> Self {
        let access = rule.access.known().copied().unwrap_or(Access::Deny);
        Self { access, name: rule.name.clone(), traffic: Traffic::Rule(Box::new(rule)) }
    }

    /// The same goal, with a name for rules that are added; where it is taken they get a number
    /// behind it.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = RuleName::as_written(name);
        self
    }

    /// What is to become of the traffic.
    pub fn access(&self) -> Access {
        self.access
    }

    /// The rules that say it, one for each protocol and address family (S1.37), as they read at
    /// the end of a list: all with the goal's name and the last priority there is.
    ///
    /// # Errors
    ///
    /// When no rules can say it.
    pub fn rules(&self, direction: Direction) -> Result<Vec<SecurityRule>, NotARule> {
        let own = |mut rule: SecurityRule| {
            rule.name = self.name.clone();
            rule.priority = Priority::LAST.into();
            rule.direction = direction.into();
            rule.access = self.access.into();
            rule.condition = None;
            rule
        };
        match &self.traffic {
            Traffic::Rule(rule) => Ok(vec![own(rule.as_ref().clone())]),
            Traffic::Region(region) => {
                let rule =
                    SecurityRule::new(self.name.clone(), Priority::LAST, direction, self.access);
                rules_of(region, &rule)
            }
        }
    }

    /// The flows in one world, and what is not known of them even there.
    pub(super) fn region(&self, list: &List<'_>, world: &World) -> (Region, Vec<Unresolved>) {
        match &self.traffic {
            Traffic::Region(region) => (region.clone(), Vec::new()),
            Traffic::Rule(rule) => {
                let rule = SecurityRule { condition: None, ..rule.as_ref().clone() };
                let rule = world.resolve(&rule, list.direction);
                let unknown = rule.iter().flat_map(Rule::unresolved).cloned().collect();
                (rule.as_ref().map_or_else(nothing, certain_region), unknown)
            }
        }
    }

    /// The addresses that the goal's own rule names, on both sides.
    pub(super) fn written(&self) -> Option<[&AddressSpec; 2]> {
        match &self.traffic {
            Traffic::Region(_) => None,
            Traffic::Rule(rule) => Some([&rule.source, &rule.destination]),
        }
    }
}

fn nothing() -> Region {
    Region { source: AddressSet::empty(), ..Region::full() }
}

/// What a rule certainly matches.
pub(super) fn certain_region(rule: &Rule) -> Region {
    Region {
        protocols: rule.protocols.known,
        source: AddressSet::clone(&rule.source.known),
        source_ports: rule.source_ports.known.clone(),
        destination: AddressSet::clone(&rule.destination.known),
        destination_ports: rule.destination_ports.known.clone(),
    }
}

/// No rules can say what is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotARule {
    /// It speaks of protocols that rules cannot name one by one (S1.10).
    #[error(
        "no rule names just these protocols: a rule is for Tcp, Udp, Icmp, Esp, Ah or all there are"
    )]
    Protocols,
    /// It has more blocks of addresses than a group may list (S1.51).
    #[error("{0} blocks of addresses are more than a security group may list")]
    Addresses(usize),
}

/// The rules that together match exactly the region, each like `like` in all else.
fn rules_of(region: &Region, like: &SecurityRule) -> Result<Vec<SecurityRule>, NotARule> {
    if region.source_ports.is_empty() || region.destination_ports.is_empty() {
        return Ok(Vec::new());
    }
    let protocols = protocols(region)?;
    let mut rules = Vec::new();
    for (source, destination) in sides(region) {
        let blocks = source.items.len().max(destination.items.len());
        if blocks > Limits::azure().addresses_per_group {
            return Err(NotARule::Addresses(blocks));
        }
        rules.extend(protocols.iter().map(|&protocol| SecurityRule {
            protocol: protocol.into(),
            source: source.clone(),
            source_ports: region.source_ports.clone().into(),
            destination: destination.clone(),
            destination_ports: region.destination_ports.clone().into(),
            ..like.clone()
        }));
    }
    Ok(rules)
}

/// The protocols of the region in the words of rules. Those that restricted ports leave out
/// (S1.24) need no word.
fn protocols(region: &Region) -> Result<Vec<ProtocolSpec>, NotARule> {
    let all = region.protocols;
    let is_for_all = region.source_ports.is_full() && region.destination_ports.is_full();
    let is_icmp_alone = all.iter().all(Protocol::is_icmp);
    if all.is_full() {
        return Ok(vec![ProtocolSpec::Any]);
    }
    let ported: ProtocolSet = [Protocol::TCP, Protocol::UDP].into_iter().collect();
    let meant = if is_for_all || is_icmp_alone { all } else { all.intersection(&ported) };
    let named = |protocol: Protocol| {
        let others = [Protocol::ICMP, Protocol::ESP, Protocol::AH, Protocol::ICMPV6];
        let has_name = ported.contains(protocol) || others.contains(&protocol);
        has_name.then_some(ProtocolSpec::One(protocol)).ok_or(NotARule::Protocols)
    };
    meant.iter().map(named).collect()
}

/// The address fields of the rules: one pair for each family, or one for both where they read
/// the same.
fn sides(region: &Region) -> Vec<(AddressSpec, AddressSpec)> {
    let (source, destination) = (&region.source, &region.destination);
    if source.is_full() && destination.is_full() {
        return vec![(AddressSpec::any(), AddressSpec::any())];
    }
    let ipv4 = |set: &AddressSet| AddressSet::new(set.ipv4().clone(), RangeSet::empty());
    let ipv6 = |set: &AddressSet| AddressSet::new(RangeSet::empty(), set.ipv6().clone());
    let of_family = |part: fn(&AddressSet) -> AddressSet| {
        let (from, to) = (part(source), part(destination));
        let every = part(&AddressSet::full());
        if from.is_empty() || to.is_empty() {
            return None;
        }
        // The other side's addresses tell the family.
        let says_all = |one: &AddressSet, other: &AddressSet| *one == every && *other != every;
        let side = |one: &AddressSet, other: &AddressSet| {
            if says_all(one, other) {
                AddressSpec::any()
            } else {
                one.prefixes().map(AddressItem::from).collect()
            }
        };
        Some((side(&from, &to), side(&to, &from)))
    };
    [of_family(ipv4), of_family(ipv6)].into_iter().flatten().collect()
}

/// Whether a rule certainly matches every flow of the region.
pub(super) fn covers(rule: &Rule, region: &Region) -> bool {
    let own = certain_region(rule);
    let ports = |set: fn(&Region) -> &PortSet| set(&own).covers(set(region));
    rule.doubts.is_empty()
        && own.protocols.covers(&region.protocols)
        && own.source.covers(&region.source)
        && own.destination.covers(&region.destination)
        && ports(|region| &region.source_ports)
        && ports(|region| &region.destination_ports)
}

impl fmt::Display for Goal {
    /// For example `Allow tcp 10.0.1.0/26:* -> *:22`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.traffic {
            Traffic::Region(region) => write!(f, "{} {region}", self.access),
            Traffic::Rule(rule) => write!(f, "{} what {} matches", self.access, rule.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolve::{Names, ServiceTags};
    use crate::space::{HeaderSpace, Limits};

    /// The flows of the rules are those of the region, whatever it looks like.
    #[test]
    fn rules_say_exactly_the_region() {
        let names = Names::new(ServiceTags::built_in());
        let world = World::of(&names);
        for (text, count) in [
            ("* *:* -> *:*", 1),
            ("tcp 10.0.1.0/26:* -> 10.0.0.4/32:22", 1),
            ("tcp,udp,icmp 10.0.1.0/26:* -> 10.0.0.4/32:22", 2),
            ("icmp *:* -> *:8", 1),
            ("icmp,icmpv6 10.0.0.0/8:* -> *:8", 2),
            ("* 0.0.0.0/0:* -> *:22", 1),
            ("* 0.0.0.0/0,[::/0]:* -> 10.0.0.0/8:*", 1),
            ("* 10.0.0.0/8,[fd00::/8]:* -> *:22", 2),
            ("tcp 10.0.0.0/8:* -> [fd00::/8]:22", 0),
            ("6,17,1,50,51,58 *:* -> 10.0.0.0/8:*", 6),
            ("0-16 *:* -> *:443", 1),
        ] {
            let region: Region = text.parse().unwrap();
            let rules = Goal::allow(region.clone()).rules(Direction::Inbound).unwrap();
            assert_eq!(rules.len(), count, "{text}: {rules:?}");
            let regions: Vec<Region> = rules
                .iter()
                .map(|rule| certain_region(&world.resolve(rule, Direction::Inbound).unwrap()))
                .collect();
            let said = HeaderSpace::of_regions(&regions, &Limits::default()).unwrap();
            assert_eq!(said, HeaderSpace::of_region(&region), "{text}");
        }
    }

    #[test]
    fn what_no_rule_can_say_is_said_to_be_so() {
        let of = |text: &str| Goal::allow(text.parse().unwrap()).rules(Direction::Inbound);
        assert_eq!(of("0-5,7-255 *:* -> *:*"), Err(NotARule::Protocols));
        assert_eq!(of("2 *:* -> *:*"), Err(NotARule::Protocols));
        // No flow of protocol 2 has a port.
        assert_eq!(of("2 *:* -> *:22"), Ok(Vec::new()));
    }
}
