//! The platform's exemptions as lists of rules, for questions about all flows at once.

use std::net::IpAddr;
use std::sync::Arc;

use super::chain::Chain;
use super::platform::{HOST, METADATA, Platform, PlatformService};
use crate::model::{Direction, RuleName};
use crate::net::{AddressSet, PortSet, Protocol, ProtocolSet};
use crate::report::Origin;
use crate::resolve::{Dimension, Effect, Fallback, Rule, RuleKind, Ruleset, Side, Unresolved};

impl Chain {
    /// The platform's exemptions as lists of rules to be passed before the gates: first, for
    /// every group that names a platform tag, the rules that take an exemption away, then one
    /// that delivers what is exempt (S5.9). Rules are named after the service. Empty where the
    /// platform exempts nothing.
    pub fn exemptions(&self) -> Vec<Ruleset> {
        let Some(platform) = &self.platform else { return Vec::new() };
        let services = [
            PlatformService::Dhcp,
            PlatformService::Dns,
            PlatformService::InstanceMetadata,
            PlatformService::Licensing,
            PlatformService::WireServer,
        ];
        let list = |rules| Ruleset::new(Direction::Outbound, rules, Fallback::Pass);
        let overrides = services.iter().flat_map(|&service| {
            platform.overrides(service).map(move |one| match &one.rules {
                Ok(rules) => {
                    let rules = rules.rules().iter();
                    list(rules.map(|rule| narrowed(rule, platform, service)).collect())
                }
                Err(reason) => {
                    let rule = exempt(platform, service);
                    let doubts = vec![reason.clone()];
                    list(vec![Rule { kind: RuleKind::Custom, effect: None, doubts, ..rule }])
                }
            })
        });
        let exempt = services.iter().map(|&service| exempt(platform, service)).collect();
        overrides.chain([list(exempt)]).collect()
    }
}

/// The rule that delivers a service's traffic.
fn exempt(platform: &Platform, service: PlatformService) -> Rule {
    let (protocols, destination, ports) = flows(platform, service);
    Rule {
        name: RuleName::as_written(&service.to_string()),
        kind: RuleKind::Admin,
        priority: None,
        effect: Some(Effect::AlwaysAllow),
        protocols: Dimension::known(protocols),
        source: Side::known(AddressSet::full()),
        source_ports: Dimension::known(PortSet::full()),
        destination: Side::known(destination),
        destination_ports: Dimension::known(ports),
        doubts: doubts(platform, service),
        origin: Origin::default(),
    }
}

/// A rule that names the tag of a service, for the service's traffic alone.
fn narrowed(rule: &Rule, platform: &Platform, service: PlatformService) -> Rule {
    let (protocols, destination, ports) = flows(platform, service);
    let known = rule.destination_ports.known.ranges().intersection(ports.ranges());
    let own = PortSet::from(known);
    let is_whole = own == ports;
    let mut narrowed = Rule {
        protocols: Dimension {
            known: rule.protocols.known.intersection(&protocols),
            unknown: rule.protocols.unknown.clone(),
        },
        destination_ports: Dimension {
            known: own,
            unknown: if is_whole { Vec::new() } else { rule.destination_ports.unknown.clone() },
        },
        ..rule.clone()
    };
    narrowed.destination = if rule.destination.unknown.is_empty() {
        Side::known(destination)
    } else {
        let possible = Arc::new(destination);
        let unknown = rule.destination.unknown.clone();
        Side { possible, unknown, ..Side::known(AddressSet::empty()) }
    };
    narrowed.doubts.extend(doubts(platform, service));
    narrowed
}

fn doubts(platform: &Platform, service: PlatformService) -> Vec<Unresolved> {
    let doubt = platform.licensing_doubt.iter();
    doubt.filter(|_| service == PlatformService::Licensing).cloned().collect()
}

/// The traffic of a service: protocols, destinations and ports.
fn flows(platform: &Platform, service: PlatformService) -> (ProtocolSet, AddressSet, PortSet) {
    let ports = |ports: &[u16]| ports.iter().map(|&port| PortSet::from(port)).collect();
    let (tcp, udp) = (ProtocolSet::from(Protocol::TCP), ProtocolSet::from(Protocol::UDP));
    let at = |address: IpAddr| AddressSet::from(address);
    match service {
        PlatformService::Dhcp => (udp, AddressSet::full(), ports(&[67])),
        PlatformService::Dns => (tcp.union(&udp), at(HOST), ports(&[53])),
        PlatformService::InstanceMetadata => (tcp, at(METADATA), ports(&[80])),
        PlatformService::Licensing => (tcp, AddressSet::clone(&platform.licensing), ports(&[1688])),
        PlatformService::WireServer => (tcp, at(HOST), ports(&[80, 32526])),
    }
}
