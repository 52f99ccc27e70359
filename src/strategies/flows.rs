//! Flows at the corners of rules: where two readings of a rule differ, they differ there.

use std::net::IpAddr;
use std::sync::Arc;

use super::Generator;
use crate::model::{Flow, FlowError};
use crate::net::{AddressSet, PortSet, Protocol, ProtocolSet};
use crate::resolve::{Rule, RuleKind, Ruleset};

/// What a flow is aimed at.
#[derive(Clone)]
struct Aim {
    protocols: ProtocolSet,
    source: Arc<AddressSet>,
    source_ports: PortSet,
    destination: Arc<AddressSet>,
    destination_ports: PortSet,
}

impl Generator {
    /// A flow whose values lie at, or one beyond, the ends of what a rule of the ruleset
    /// certainly matches; at times one value is that of another rule, or of none.
    pub fn flow(&mut self, ruleset: &Ruleset) -> Flow {
        let aim = self.aim(ruleset);
        self.flow_at(&aim)
    }

    /// A flow between these addresses of one family, otherwise aimed at the ruleset; at random
    /// where the families differ.
    pub(super) fn flow_between(
        &mut self,
        source: IpAddr,
        destination: IpAddr,
        ruleset: &Ruleset,
    ) -> Flow {
        let mut aim = self.aim(ruleset);
        if source.is_ipv4() == destination.is_ipv4() {
            aim.source = Arc::new(source.into());
            aim.destination = Arc::new(destination.into());
        }
        self.flow_at(&aim)
    }

    #[expect(
        clippy::expect_used,
        reason = "both ends are of one family, ports are left out where the protocol has none"
    )]
    fn flow_at(&mut self, aim: &Aim) -> Flow {
        let ipv4 = self.family(aim);
        let source = self.end(&aim.source, ipv4);
        let destination = self.end(&aim.destination, ipv4);
        let protocol = self.protocol_in(aim.protocols);
        let source_port = self.end_port(&aim.source_ports);
        let destination_port = self.end_port(&aim.destination_ports);
        let flow = || -> Result<Flow, FlowError> {
            let flow = Flow::new(protocol, source, destination)?;
            match destination_port {
                _ if protocol.has_ports() => flow.with_ports(source_port, destination_port),
                Some(port) if protocol.is_icmp() => {
                    flow.with_icmp_type(u8::try_from(port).unwrap_or(u8::MAX))
                }
                _ => Ok(flow),
            }
        };
        flow().expect("the parts of a generated flow fit")
    }

    fn aim(&mut self, ruleset: &Ruleset) -> Aim {
        let mut aim = self.aim_at_one(ruleset);
        let other = self.aim_at_one(ruleset);
        match self.choices.below(12) {
            1 => aim.protocols = other.protocols,
            2 => aim.source = other.source,
            3 => aim.source_ports = other.source_ports,
            4 => aim.destination = other.destination,
            5 => aim.destination_ports = other.destination_ports,
            6 => aim.source = Arc::new(self.prefix().into()),
            7 => aim.destination = Arc::new(self.prefix().into()),
            8 => aim.protocols = ProtocolSet::FULL,
            _ => {}
        }
        aim
    }

    fn aim_at_one(&mut self, ruleset: &Ruleset) -> Aim {
        let is_custom = |rule: &&Rule| rule.kind != RuleKind::Default;
        let custom: Vec<&Rule> = ruleset.rules().iter().filter(is_custom).collect();
        let rule = if self.choices.one_in(6) { None } else { self.choices.pick(&custom).copied() };
        match rule.or_else(|| self.choices.pick(ruleset.rules())) {
            Some(rule) => Aim::at(rule),
            None => Aim::anywhere(),
        }
    }

    /// The family both ends can have; IPv4 where it is all one.
    fn family(&mut self, aim: &Aim) -> bool {
        let ipv4 = !aim.source.ipv4().is_empty() && !aim.destination.ipv4().is_empty();
        let ipv6 = !aim.source.ipv6().is_empty() && !aim.destination.ipv6().is_empty();
        if ipv4 == ipv6 { !self.choices.one_in(3) } else { ipv4 }
    }

    fn end(&mut self, set: &AddressSet, ipv4: bool) -> IpAddr {
        // The ends of everything are seldom of interest: what other rules name is.
        let aimed_at = if set.is_full() { self.prefix().into() } else { set.clone() };
        let corner = self.corner_address(&aimed_at, ipv4);
        corner.unwrap_or_else(|| match (ipv4, self.choices.below(2)) {
            (true, 0) => [10, 0, 0, 4].into(),
            (true, _) => [203, 0, 113, 7].into(),
            (false, 0) => [0xfd00, 0, 0, 0, 0, 0, 0, 4].into(),
            (false, _) => [0x2001, 0xdb8, 0, 0, 0, 0, 0, 7].into(),
        })
    }

    fn protocol_in(&mut self, protocols: ProtocolSet) -> Protocol {
        let drawn = self.protocol();
        if protocols.contains(drawn) || self.choices.one_in(6) {
            return drawn;
        }
        protocols.iter().next().unwrap_or(drawn)
    }

    /// A port, or none where its value is not known.
    fn end_port(&mut self, ports: &PortSet) -> Option<u16> {
        if self.is_unknown(10) {
            return None;
        }
        let corner = if ports.is_full() { None } else { self.corner(ports.ranges()) };
        corner.or_else(|| Some(self.port()))
    }
}

impl Aim {
    fn at(rule: &Rule) -> Self {
        Self {
            protocols: rule.protocols.known,
            source: Arc::clone(&rule.source.known),
            source_ports: rule.source_ports.known.clone(),
            destination: Arc::clone(&rule.destination.known),
            destination_ports: rule.destination_ports.known.clone(),
        }
    }

    fn anywhere() -> Self {
        Self {
            protocols: ProtocolSet::FULL,
            source: Arc::new(AddressSet::full()),
            source_ports: PortSet::full(),
            destination: Arc::new(AddressSet::full()),
            destination_ports: PortSet::full(),
        }
    }
}
