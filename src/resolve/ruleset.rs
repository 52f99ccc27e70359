//! The ordered, resolved rules of one direction.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::{Contents, Names};
use crate::model::{
    Access, AddressSpec, AdminAccess, AdminRule, Direction, PortSpec, Priority, ProtocolSpec,
    ResourceId, RuleName, SecurityGroup, SecurityRule, ServiceTag, UnknownValue, Value,
};
use crate::net::{AddressSet, PortSet, Protocol, ProtocolSet};
use crate::report::Origin;

/// The rules of one list and one direction, in the order they are looked at.
///
/// Each rule is five sets and is never expanded into the product of its lists. A rule whose
/// priority is unknown stands first: whatever it may do is then weighed against everything that
/// any completion of the input could let decide.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ruleset {
    direction: Direction,
    rules: Vec<Rule>,
    fallback: Fallback,
}

impl Ruleset {
    /// The rules of a security group in one direction, default rules included (S3.1), ordered by
    /// priority and ties by name (S1.7).
    pub fn of_group(group: &SecurityGroup, direction: Direction, names: &Names) -> Self {
        let custom = group.rules.iter().map(|rule| (RuleKind::Custom, rule));
        let default = group.default_rules.iter().map(|rule| (RuleKind::Default, rule));
        let mut rules: Vec<Rule> = custom
            .chain(default)
            .filter(|(_, rule)| may_apply(&rule.direction, direction))
            .map(|(kind, rule)| Rule::of_security_rule(rule, kind, names))
            .collect();
        rules.sort_by(|a, b| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
        Self { direction, rules, fallback: Fallback::Deny }
    }

    /// Admin rules in one direction, in the order given: rules of several collections and
    /// managers have more to their order than their priorities (S6.12, S6.14).
    pub fn of_admin_rules<'a>(
        rules: impl IntoIterator<Item = &'a AdminRule>,
        direction: Direction,
        names: &Names,
    ) -> Self {
        let rules = rules
            .into_iter()
            .filter(|rule| may_apply(&rule.direction, direction))
            .map(|rule| Rule::of_admin_rule(rule, names))
            .collect();
        Self { direction, rules, fallback: Fallback::Pass }
    }

    /// Rules made elsewhere, in the order given.
    pub fn new(direction: Direction, rules: Vec<Rule>, fallback: Fallback) -> Self {
        Self { direction, rules, fallback }
    }

    /// The direction the rules are for.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// The rules, in the order they are looked at.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// What happens to a flow that no rule matches.
    pub fn fallback(&self) -> Fallback {
        self.fallback
    }

    /// Everything that is not known about the rules, each thing once, in rule order.
    pub fn unresolved(&self) -> Vec<&Unresolved> {
        let mut all = Vec::new();
        for unresolved in self.rules.iter().flat_map(Rule::unresolved) {
            if !all.contains(&unresolved) {
                all.push(unresolved);
            }
        }
        all
    }
}

fn may_apply(written: &Value<Direction>, direction: Direction) -> bool {
    written.known().is_none_or(|known| *known == direction)
}

/// What happens to a flow that no rule of a list matches.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the engines must handle every case")]
pub enum Fallback {
    /// It is denied: a security group without its default rules (S3.3).
    Deny,
    /// It goes on to the next list: admin rules (S6.4).
    Pass,
}

/// What a rule does at its gate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the engines must handle every case")]
pub enum Effect {
    /// The flow passes this gate; for an admin rule: the security groups decide (S6.4).
    Allow,
    /// The flow is delivered and no security group is asked (S6.4).
    AlwaysAllow,
    /// The flow is dropped.
    Deny,
}

impl From<Access> for Effect {
    fn from(access: Access) -> Self {
        match access {
            Access::Allow => Self::Allow,
            Access::Deny => Self::Deny,
        }
    }
}

impl From<AdminAccess> for Effect {
    fn from(access: AdminAccess) -> Self {
        match access {
            AdminAccess::Allow => Self::Allow,
            AdminAccess::AlwaysAllow => Self::AlwaysAllow,
            AdminAccess::Deny => Self::Deny,
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "Allow",
            Self::AlwaysAllow => "AlwaysAllow",
            Self::Deny => "Deny",
        })
    }
}

/// Which kind of list a rule stands in; rules are told apart by kind *and* name (S1.4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "Azure has these three")]
pub enum RuleKind {
    /// A security admin rule of a virtual network manager.
    Admin,
    /// A rule of a security group's user.
    Custom,
    /// One of the default rules of every security group.
    Default,
}

/// One resolved rule.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Rule {
    /// Its name.
    pub name: RuleName,
    /// Which kind of list it stands in.
    pub kind: RuleKind,
    /// Its priority; `None` when unknown.
    pub priority: Option<Priority>,
    /// What it does with a match; `None` when unknown.
    pub effect: Option<Effect>,
    /// The protocols it matches.
    pub protocols: Dimension<ProtocolSet>,
    /// The source addresses it matches.
    pub source: Side,
    /// The source ports it matches.
    pub source_ports: Dimension<PortSet>,
    /// The destination addresses it matches.
    pub destination: Side,
    /// The destination ports it matches.
    pub destination_ports: Dimension<PortSet>,
    /// Why even a full match would not be certain: an unknown priority, direction,
    /// access or condition.
    pub doubts: Vec<Unresolved>,
    /// Where the rule was read.
    pub origin: Origin,
}

impl Rule {
    fn of_security_rule(rule: &SecurityRule, kind: RuleKind, names: &Names) -> Self {
        Self {
            name: rule.name.clone(),
            kind,
            priority: rule.priority.known().copied(),
            effect: rule.access.known().map(|access| (*access).into()),
            protocols: Dimension::of_protocol(&rule.protocol),
            source: Side::new(&rule.source, names),
            source_ports: Dimension::of_ports(&rule.source_ports),
            destination: Side::new(&rule.destination, names),
            destination_ports: Dimension::of_ports(&rule.destination_ports),
            doubts: doubts(
                rule.priority.unknown(),
                rule.direction.unknown(),
                rule.access.unknown(),
                rule.condition.as_ref(),
            ),
            origin: rule.origin.clone(),
        }
    }

    fn of_admin_rule(rule: &AdminRule, names: &Names) -> Self {
        Self {
            name: rule.name.clone(),
            kind: RuleKind::Admin,
            priority: rule.priority.known().copied(),
            effect: rule.access.known().map(|access| (*access).into()),
            protocols: Dimension::of_protocol(&rule.protocol),
            source: Side::new(&rule.source, names),
            source_ports: Dimension::of_ports(&rule.source_ports),
            destination: Side::new(&rule.destination, names),
            destination_ports: Dimension::of_ports(&rule.destination_ports),
            doubts: doubts(
                rule.priority.unknown(),
                rule.direction.unknown(),
                rule.access.unknown(),
                rule.condition.as_ref(),
            ),
            origin: rule.origin.clone(),
        }
    }

    /// Whether it is certainly a rule for ICMP alone, whose destination ports are compared with
    /// the ICMP type (S1.23).
    pub fn is_icmp(&self) -> bool {
        !self.protocols.known.is_empty()
            && self.protocols.unknown.is_empty()
            && self.protocols.known.iter().all(Protocol::is_icmp)
    }

    /// Everything that is not known about it.
    pub fn unresolved(&self) -> impl Iterator<Item = &Unresolved> {
        self.doubts
            .iter()
            .chain(&self.protocols.unknown)
            .chain(&self.source.unknown)
            .chain(&self.source_ports.unknown)
            .chain(&self.destination.unknown)
            .chain(&self.destination_ports.unknown)
    }

    /// Its name with the list it stands in, as IP flow verify gives it (S8.6):
    /// `securityRules/X`, `defaultSecurityRules/X` or `securityAdminRules/X`.
    pub fn qualified_name(&self) -> String {
        let list = match self.kind {
            RuleKind::Admin => "securityAdminRules",
            RuleKind::Custom => "securityRules",
            RuleKind::Default => "defaultSecurityRules",
        };
        format!("{list}/{}", self.name)
    }
}

fn doubts(
    priority: Option<&UnknownValue>,
    direction: Option<&UnknownValue>,
    access: Option<&UnknownValue>,
    condition: Option<&UnknownValue>,
) -> Vec<Unresolved> {
    let all = [priority, direction, access, condition];
    all.into_iter().flatten().cloned().map(Unresolved::Value).collect()
}

/// The values of one field that a rule certainly matches, and what is unknown about the rest.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_structs, reason = "known and unknown are all there is")]
pub struct Dimension<S> {
    /// The values it certainly matches.
    pub known: S,
    /// What may make it match more; empty when `known` is all.
    pub unknown: Vec<Unresolved>,
}

impl<S> Dimension<S> {
    /// A dimension about which everything is known.
    pub fn known(known: S) -> Self {
        Self { known, unknown: Vec::new() }
    }
}

impl Dimension<ProtocolSet> {
    fn of_protocol(protocol: &Value<ProtocolSpec>) -> Self {
        match protocol {
            Value::Known(protocol) => Self::known(protocol.set()),
            Value::Unknown(unknown) => Self {
                known: ProtocolSet::EMPTY,
                unknown: vec![Unresolved::Value(unknown.clone())],
            },
        }
    }
}

impl Dimension<PortSet> {
    fn of_ports(ports: &PortSpec) -> Self {
        // What `*` already covers cannot be made larger by an unknown item.
        let unknown = if ports.is_any() { &[] } else { ports.unknown.as_slice() };
        Self {
            known: ports.known.clone(),
            unknown: unknown.iter().cloned().map(Unresolved::Value).collect(),
        }
    }
}

/// The addresses of one side of a rule.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Side {
    /// The addresses it certainly matches; shared between rules that name the same thing.
    pub known: Arc<AddressSet>,
    /// Every address it could match, whatever the unknown names turn out to hold: covers
    /// `known`, and equals it when nothing is unknown.
    pub possible: Arc<AddressSet>,
    /// The names that may make it match more; empty when `known` is all.
    pub unknown: Vec<Unresolved>,
    /// The service tags it was written with, for questions that name a tag (S7.27) and for
    /// explanations.
    pub tags: Vec<ServiceTag>,
}

impl Side {
    /// A side that matches exactly these addresses.
    pub fn known(addresses: impl Into<Arc<AddressSet>>) -> Self {
        Contents::known(addresses).into()
    }

    fn new(spec: &AddressSpec, names: &Names) -> Self {
        let contents: Contents = spec.items.iter().map(|item| names.addresses(item)).collect();
        Self { tags: spec.tags().cloned().collect(), ..contents.into() }
    }
}

impl From<Contents> for Side {
    /// A side that was not written with tags.
    fn from(Contents { known, possible, unknown }: Contents) -> Self {
        Self { known, possible, unknown, tags: Vec::new() }
    }
}

/// Something a rule depends on that is not known.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Unresolved {
    /// The members of an application security group: the input holds no network interfaces.
    ApplicationSecurityGroup(ResourceId),
    /// A field of the flow that the question leaves open, such as its destination port (S8.4).
    FlowField(&'static str),
    /// The prefixes that the gateway of this virtual network learns (S4.1, S4.6).
    Gateway(ResourceId),
    /// The network interface that holds this address, and what is on it.
    Holder(IpAddr),
    /// The private address of a network interface or private endpoint.
    InterfaceAddress(ResourceId),
    /// The members of a network group.
    NetworkGroup(ResourceId),
    /// Whether this peering of a virtual network is connected.
    Peering(ResourceId),
    /// The public address that a network interface is seen with from outside (S3.21).
    PublicAddress(ResourceId),
    /// The routes of a route table.
    RouteTable(ResourceId),
    /// The rules of a security group that is not in the input.
    SecurityGroup(ResourceId),
    /// The contents of a service tag: no catalogue was given, or it does not have the tag.
    ServiceTag(ServiceTag),
    /// What is on a subnet that is not in the input.
    Subnet(ResourceId),
    /// The subnet that this network interface or private endpoint is in.
    SubnetOf(ResourceId),
    /// A value of the input that could not be read, such as a template expression.
    Value(UnknownValue),
    /// The address space of a virtual network that is not in the input.
    VirtualNetwork(ResourceId),
}

impl fmt::Display for Unresolved {
    /// Says what is not known and what would settle it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ApplicationSecurityGroup(id) => write!(
                f,
                "members of application security group `{}`: add the network interfaces to the input",
                id.name()
            ),
            Self::FlowField(field) => write!(f, "{field} of the flow: give its value"),
            Self::Gateway(id) => write!(
                f,
                "prefixes behind the gateway of virtual network `{}`: give them as further prefixes of the `VirtualNetwork` tag",
                id.name()
            ),
            Self::Holder(address) => {
                write!(f, "network interface that holds {address}: add it to the input")
            }
            Self::InterfaceAddress(id) => write!(f, "private address of `{}`", id.name()),
            Self::NetworkGroup(id) => {
                write!(f, "members of network group `{}`: add the group's members to the input", id.name())
            }
            Self::Peering(id) => write!(f, "whether peering `{}` is connected", id.name()),
            Self::PublicAddress(id) => {
                write!(f, "public address that `{}` is seen with from outside", id.name())
            }
            Self::RouteTable(id) => {
                write!(f, "routes of route table `{}`: add the route table to the input", id.name())
            }
            Self::SecurityGroup(id) => {
                write!(f, "rules of security group `{}`: add the group to the input", id.name())
            }
            Self::ServiceTag(tag) if tag.is("VirtualNetwork") => f.write_str(
                "service tag `VirtualNetwork`: add the virtual network to the input or give its prefixes",
            ),
            Self::ServiceTag(tag) => {
                write!(f, "service tag `{tag}`: give a service-tag file that has it")
            }
            Self::Subnet(id) => {
                write!(f, "what is on subnet `{}`: add its virtual network to the input", id.name())
            }
            Self::SubnetOf(id) => write!(
                f,
                "which subnet `{}` is in: add it with its subnet, and the virtual network, to the input",
                id.name()
            ),
            Self::Value(unknown) => write!(f, "value `{unknown}` in the input"),
            Self::VirtualNetwork(id) => write!(
                f,
                "address space of virtual network `{}`: add the virtual network to the input",
                id.name()
            ),
        }
    }
}
