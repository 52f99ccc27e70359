//! How the five fields of a rule compare with a flow.

use crate::model::Flow;
use crate::net::PortSet;
use crate::resolve::{Dimension, Rule, Side};

/// Whether something matches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "three-valued logic has three values")]
pub enum Match {
    /// It certainly does not.
    No,
    /// It may: something is not known.
    Unknown,
    /// It certainly does.
    Yes,
}

impl Match {
    /// `Yes` when `known`; otherwise `Unknown` when something could still make it match.
    pub(crate) fn of(known: bool, could_be_more: bool) -> Self {
        match (known, could_be_more) {
            (true, _) => Self::Yes,
            (false, true) => Self::Unknown,
            (false, false) => Self::No,
        }
    }
}

/// The comparison of each field of a rule with a flow, by Azure's five names (S8.9).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a rule has these five fields (S3.2)")]
pub struct FieldMatches {
    /// The protocol.
    pub protocol: Match,
    /// The source address.
    pub source: Match,
    /// The source port.
    pub source_port: Match,
    /// The destination address.
    pub destination: Match,
    /// The destination port.
    pub destination_port: Match,
}

impl FieldMatches {
    /// Compares every field of `rule` with `flow`.
    pub fn of(rule: &Rule, flow: &Flow) -> Self {
        Self {
            protocol: protocol(rule, flow),
            source: address(&rule.source, flow.source()),
            source_port: source_port(rule, flow),
            destination: address(&rule.destination, flow.destination()),
            destination_port: destination_port(rule, flow),
        }
    }

    /// Whether the rule as a whole matches: all fields do (S3.2), and nothing casts doubt on
    /// the rule itself.
    pub fn overall(&self, rule: &Rule) -> Match {
        let all = self.all().into_iter().min().unwrap_or(Match::No);
        if rule.doubts.is_empty() { all } else { all.min(Match::Unknown) }
    }

    /// The five comparisons in Azure's order.
    pub fn all(&self) -> [Match; 5] {
        [self.protocol, self.source, self.source_port, self.destination, self.destination_port]
    }
}

/// Whether a rule as a whole matches a flow: [`FieldMatches::overall`], without looking further
/// once a field does not match.
pub(super) fn matches(rule: &Rule, flow: &Flow) -> Match {
    let fails = protocol(rule, flow) == Match::No
        || destination_port(rule, flow) == Match::No
        || address(&rule.source, flow.source()) == Match::No
        || address(&rule.destination, flow.destination()) == Match::No;
    if fails { Match::No } else { FieldMatches::of(rule, flow).overall(rule) }
}

fn protocol(rule: &Rule, flow: &Flow) -> Match {
    let Dimension { known, unknown } = &rule.protocols;
    Match::of(known.contains(flow.protocol()), !unknown.is_empty())
}

fn address(side: &Side, address: std::net::IpAddr) -> Match {
    if side.known.contains(address) {
        return Match::Yes;
    }
    Match::of(false, !side.unknown.is_empty() && side.possible.contains(address))
}

pub(super) fn source_port(rule: &Rule, flow: &Flow) -> Match {
    if flow.protocol().has_ports() {
        return port(&rule.source_ports, flow.source_port());
    }
    // The source ports of an ICMP rule are ignored (S1.23).
    portless(rule, &rule.source_ports, flow, Match::Yes)
}

pub(super) fn destination_port(rule: &Rule, flow: &Flow) -> Match {
    if flow.protocol().has_ports() {
        return port(&rule.destination_ports, flow.destination_port());
    }
    // The destination ports of an ICMP rule are compared with the ICMP type (S1.23).
    let as_icmp = port(&rule.destination_ports, flow.icmp_type().map(u16::from));
    portless(rule, &rule.destination_ports, flow, as_icmp)
}

/// A port, or a number whose value is not known: that one matches for certain only where every
/// value does (S8.4).
fn port(ports: &Dimension<PortSet>, port: Option<u16>) -> Match {
    match port {
        Some(port) => Match::of(ports.known.contains(port), !ports.unknown.is_empty()),
        None => {
            Match::of(ports.known.is_full(), !ports.known.is_empty() || !ports.unknown.is_empty())
        }
    }
}

/// A flow without ports meets only rules that do not restrict ports (S1.24), an ICMP flow at an
/// ICMP rule apart. Where the rule's protocol is unknown it may be either.
fn portless(rule: &Rule, ports: &Dimension<PortSet>, flow: &Flow, as_icmp: Match) -> Match {
    let as_other = Match::of(ports.known.is_full(), !ports.unknown.is_empty());
    if !flow.protocol().is_icmp() || as_icmp == as_other {
        return as_other;
    }
    match (rule.is_icmp(), rule.protocols.unknown.is_empty()) {
        (true, _) => as_icmp,
        (false, true) => as_other,
        (false, false) => Match::Unknown,
    }
}
