//! Rules, admin rules and groups.

use super::Generator;
use super::generator::resource;
use crate::model::{
    Access, AddressItem, AddressSpec, AdminAccess, AdminRule, Direction, PortSpec, Priority,
    ProtocolSpec, RuleName, SecurityGroup, SecurityRule, Value,
};
use crate::net::Protocol;

impl Generator {
    /// A group of up to [`Shape::rules`](super::Shape::rules) rules of both directions, beside
    /// its default rules. Names are unique without case, priorities in their direction.
    pub fn group(&mut self) -> SecurityGroup {
        self.group_called("nsg")
    }

    pub(super) fn group_called(&mut self, name: &str) -> SecurityGroup {
        let mut group = SecurityGroup::new(resource("networkSecurityGroups", name));
        for _ in 0..self.choices.between(0, self.shape.rules) {
            let rule = self.rule();
            let is_taken = group.rules.iter().any(|other| {
                let same_place =
                    other.direction == rule.direction && other.priority == rule.priority;
                other.name == rule.name || (same_place && rule.priority.known().is_some())
            });
            if !is_taken {
                group.rules.push(rule);
            }
        }
        group
    }

    /// A rule of a group's user.
    pub fn rule(&mut self) -> SecurityRule {
        let (name, priority) = (self.rule_name(), self.priority());
        let direction = self.direction();
        let access = self.choices.one_of(Access::Allow, &[Access::Deny]);
        let mut rule = SecurityRule::new(name, priority, direction, access);
        rule.protocol = self.protocol_spec().into();
        rule.source = self.address_spec();
        rule.destination = self.address_spec();
        rule.source_ports = if self.choices.one_in(4) { self.port_spec() } else { PortSpec::any() };
        rule.destination_ports = self.port_spec();
        if self.choices.one_in(6) {
            rule.description = Some("as agreed with \"ops\"".to_owned());
        }
        self.forget_some(&mut rule.priority);
        self.forget_some(&mut rule.direction);
        self.forget_some(&mut rule.access);
        self.forget_some(&mut rule.protocol);
        if self.is_unknown(64) {
            rule.condition = Some(self.unknown_value());
        }
        rule
    }

    /// A security admin rule.
    pub fn admin_rule(&mut self) -> AdminRule {
        let (name, priority) = (self.rule_name(), self.priority());
        let direction = self.direction();
        let access =
            self.choices.one_of(AdminAccess::Allow, &[AdminAccess::Deny, AdminAccess::AlwaysAllow]);
        let mut rule = AdminRule::new(name, priority, direction, access);
        rule.protocol = self.protocol_spec().into();
        rule.source = self.admin_address_spec();
        rule.destination = self.admin_address_spec();
        rule.destination_ports = self.port_spec();
        self.forget_some(&mut rule.priority);
        self.forget_some(&mut rule.direction);
        self.forget_some(&mut rule.access);
        self.forget_some(&mut rule.protocol);
        if self.is_unknown(64) {
            rule.condition = Some(self.unknown_value());
        }
        rule
    }

    fn forget_some<T>(&mut self, value: &mut Value<T>) {
        if self.is_unknown(24) {
            *value = Value::Unknown(self.unknown_value());
        }
    }

    pub(super) fn direction(&mut self) -> Direction {
        self.choices.one_of(Direction::Inbound, &[Direction::Outbound])
    }

    /// A name out of a good many; that of a default rule at times, which Azure allows (S1.4).
    fn rule_name(&mut self) -> RuleName {
        let number = self.choices.below(256);
        let text = match self.choices.below(8) {
            0..=5 => format!("rule-{number}"),
            6 => format!("Rule_{number}.x"),
            _ => self.choices.one_of("DenyAllInBound", &["AllowVnetOutBound", "_"]).to_owned(),
        };
        RuleName::as_written(&text)
    }

    /// A priority at or near the ends of the user's range, or one of a few neighbours (S1.6).
    fn priority(&mut self) -> Priority {
        let base = self.choices.one_of(100u32, &[100, 1000, 1000, 4081]);
        let offset = u32::try_from(self.choices.below(16)).unwrap_or(0);
        Priority::new(base.saturating_add(offset))
    }

    fn protocol_spec(&mut self) -> ProtocolSpec {
        let others = [
            ProtocolSpec::One(Protocol::TCP),
            ProtocolSpec::One(Protocol::TCP),
            ProtocolSpec::One(Protocol::UDP),
            ProtocolSpec::One(Protocol::ICMP),
            ProtocolSpec::One(Protocol::ESP),
            ProtocolSpec::One(Protocol::AH),
            ProtocolSpec::One(Protocol::ICMPV6),
        ];
        self.choices.one_of(ProtocolSpec::Any, &others)
    }

    fn port_spec(&mut self) -> PortSpec {
        let mut spec = PortSpec::from(self.port_set());
        if !spec.is_any() && self.is_unknown(8) {
            spec.unknown.push(self.unknown_value());
        }
        spec
    }

    /// One side of a security rule: `*`, one tag, or a list of one kind, as Azure has it (S1.26).
    fn address_spec(&mut self) -> AddressSpec {
        let items = self.choices.between(1, self.shape.items);
        match self.choices.below(8) {
            0 | 1 => AddressSpec::any(),
            2..=4 => (0..items).map(|_| self.block()).collect(),
            5 => AddressItem::Tag(self.known_tag()).into(),
            6 => (0..items.min(2)).map(|_| self.asg_item()).collect(),
            _ => self.odd_item().into(),
        }
    }

    /// One side of an admin rule, where kinds mix (S6.9).
    fn admin_address_spec(&mut self) -> AddressSpec {
        if self.choices.below(3) == 0 {
            return AddressSpec::any();
        }
        let items = self.choices.between(1, self.shape.items);
        (0..items)
            .map(|_| match self.choices.below(4) {
                0..=2 => self.block(),
                _ => AddressItem::Tag(self.known_tag()),
            })
            .collect()
    }

    fn block(&mut self) -> AddressItem {
        AddressItem::Prefix(self.prefix())
    }

    fn asg_item(&mut self) -> AddressItem {
        let unknown = usize::from(self.shape.unknown);
        AddressItem::Asg(Self::asg(self.choices.below(4usize.saturating_add(unknown))))
    }

    /// What Azure refuses but exports hold, and what nobody knows.
    fn odd_item(&mut self) -> AddressItem {
        let [tag, others @ ..] = Self::unknown_tags();
        match self.choices.below(if self.shape.unknown { 3 } else { 1 }) {
            0 => {
                let (one, two) = (self.address(), self.address());
                let (first, last) = (one.min(two), one.max(two));
                if first.is_ipv4() == last.is_ipv4() && first != last {
                    AddressItem::Range(first, last)
                } else {
                    self.block()
                }
            }
            1 => AddressItem::Tag(self.choices.one_of(tag, &others)),
            _ => AddressItem::Unknown(self.unknown_value()),
        }
    }
}
