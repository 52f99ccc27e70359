//! Questions about sets of flows: endpoints may be blocks of addresses, service tags or `*`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use super::{FieldMatches, Match, Trace, matching, trace_by};
use crate::model::{Flow, ServiceTag};
use crate::net::{AddressSet, Prefix, Protocol, ProtocolSet, RangeSet};
use crate::resolve::{Dimension, Names, Rule, Ruleset, Side};

/// All flows between two endpoints, as network diagnostics asks for them (S8.8): with any source
/// port, and where protocol or destination port are not given with any of these too.
///
/// In text like a flow: `tcp Internet:* -> 10.0.1.0/26:443`, `icmp * -> 10.0.0.4`, and
/// `* 10.0.1.0/26 -> VirtualNetwork` for every protocol and port. `Display` and `FromStr`
/// round-trip.
///
/// ```
/// use nsg_engine::eval::Query;
///
/// let query: Query = "tcp Internet -> 10.0.1.0/26:443".parse()?;
/// assert_eq!(query.to_string(), "tcp Internet:* -> 10.0.1.0/26:443");
/// assert!("tcp 10.0.0.4 -> fd00::4".parse::<Query>().is_err());
/// # Ok::<(), nsg_engine::eval::QueryError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Query {
    // INVARIANT: no endpoint is an empty set, the endpoints have an IP family in common, and a
    // port is given only where the protocol has ports or is any.
    protocol: Option<Protocol>,
    source: Endpoint,
    destination: Endpoint,
    destination_port: Option<u16>,
}

impl Query {
    /// The flows of one protocol, or of any, from `source` to `destination`, to one port or to
    /// any. A port with any protocol asks for the protocols that have ports.
    ///
    /// # Errors
    ///
    /// When an endpoint is an empty set, the endpoints have no IP family in common, or a port is
    /// given for a protocol without ports.
    pub fn new(
        protocol: Option<Protocol>,
        source: Endpoint,
        destination: Endpoint,
        destination_port: Option<u16>,
    ) -> Result<Self, QueryError> {
        for endpoint in [&source, &destination] {
            if matches!(endpoint, Endpoint::Addresses(addresses) if addresses.is_empty()) {
                return Err(QueryError::Empty);
            }
        }
        if !source.families().overlaps(&destination.families()) {
            return Err(QueryError::Families { source_endpoint: source, destination });
        }
        if let Some(protocol) = protocol.filter(|protocol| !protocol.has_ports())
            && destination_port.is_some()
        {
            return Err(QueryError::Portless { protocol });
        }
        Ok(Self { protocol, source, destination, destination_port })
    }

    /// The protocol; `None` for any.
    pub fn protocol(&self) -> Option<Protocol> {
        self.protocol
    }

    /// Where the flows come from.
    pub fn source(&self) -> &Endpoint {
        &self.source
    }

    /// Where they go.
    pub fn destination(&self) -> &Endpoint {
        &self.destination
    }

    /// The port they go to; `None` for any, and where the protocol has none.
    pub fn destination_port(&self) -> Option<u16> {
        self.destination_port
    }

    fn protocols(&self) -> ProtocolSet {
        match (self.protocol, self.destination_port) {
            (Some(protocol), _) => protocol.into(),
            (None, Some(_)) => [Protocol::TCP, Protocol::UDP].into_iter().collect(),
            (None, None) => ProtocolSet::FULL,
        }
    }
}

/// One end of a query.
///
/// In text: `*`, an address, a block, several of them separated by commas, or the name of a
/// service tag. `Display` and `FromStr` round-trip.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "Azure has these three (S8.8)")]
pub enum Endpoint {
    /// Every address.
    Any,
    /// These addresses.
    Addresses(AddressSet),
    /// What a service tag stands for, whether or not its contents are known (S7.27).
    Tag(ServiceTag),
}

impl Endpoint {
    /// Every address of the families that it has addresses of; a tag may have both.
    fn families(&self) -> AddressSet {
        match self {
            Self::Addresses(addresses) => families(addresses),
            Self::Any | Self::Tag(_) => AddressSet::full(),
        }
    }
}

impl<A: Into<AddressSet>> From<A> for Endpoint {
    fn from(addresses: A) -> Self {
        Self::Addresses(addresses.into())
    }
}

/// Walks the rules as [`trace`](super::trace) does, for all flows of `query` at once. A rule
/// matches when it matches all of them, does not when it matches none, and otherwise may: so the
/// verdict is definite only when it holds for every flow of the query (S8.14).
pub fn trace_query(ruleset: &Ruleset, query: &Query, names: &Names) -> Trace {
    let asked = Asked::new(query, names);
    trace_by(ruleset, |rule| asked.compare(rule))
}

impl FieldMatches {
    /// Compares every field of `rule` with all flows of `query`: `Yes` where the rule covers all
    /// of them, `No` where it covers none, `Unknown` where it covers some or may (S8.14).
    /// `names` says what the tags of the query stand for.
    pub fn of_query(rule: &Rule, query: &Query, names: &Names) -> Self {
        Asked::new(query, names).compare(rule)
    }
}

/// A query whose endpoints are bound to addresses.
struct Asked {
    protocols: ProtocolSet,
    source: End,
    destination: End,
    /// One flow of each kind of protocol in the query, for what rules make of its ports.
    probes: Vec<Flow>,
}

impl Asked {
    fn new(query: &Query, names: &Names) -> Self {
        let source = End::new(&query.source, names);
        let destination = End::new(&query.destination, names);
        // No flow has ends of different families: `*` towards an IPv4 address is all of IPv4.
        let common = families(&source.addresses).intersection(&families(&destination.addresses));
        let protocols = query.protocols();
        Self {
            protocols,
            source: source.within(&common),
            destination: destination.within(&common),
            probes: probes(protocols, query.destination_port),
        }
    }

    fn compare(&self, rule: &Rule) -> FieldMatches {
        let Dimension { known, unknown } = &rule.protocols;
        FieldMatches {
            protocol: Match::of(
                known.covers(&self.protocols),
                known.overlaps(&self.protocols) || !unknown.is_empty(),
            ),
            source: self.source.compare(&rule.source),
            source_port: self.of_all_probes(|flow| matching::source_port(rule, flow)),
            destination: self.destination.compare(&rule.destination),
            destination_port: self.of_all_probes(|flow| matching::destination_port(rule, flow)),
        }
    }

    fn of_all_probes(&self, compare: impl Fn(&Flow) -> Match) -> Match {
        self.probes
            .iter()
            .map(compare)
            .reduce(|all, one| if all == one { all } else { Match::Unknown })
            .unwrap_or(Match::Unknown)
    }
}

/// Rules read ports in three ways: those of TCP and UDP, those of ICMP, and those of the rest.
fn probes(protocols: ProtocolSet, destination_port: Option<u16>) -> Vec<Flow> {
    let somewhere = IpAddr::from(Ipv4Addr::UNSPECIFIED);
    let with_ports = protocols.iter().find(|protocol| protocol.has_ports());
    let icmp = protocols.iter().find(|protocol| protocol.is_icmp());
    let rest = protocols.iter().find(|protocol| !protocol.has_ports() && !protocol.is_icmp());
    let flows = [with_ports, icmp, rest].into_iter().flatten().map(|protocol| {
        let port = destination_port.filter(|_| protocol.has_ports());
        Flow::new(protocol, somewhere, somewhere)?.with_ports(None, port)
    });
    flows.filter_map(Result::ok).collect()
}

/// One end of a query, bound to addresses.
struct End {
    tag: Option<ServiceTag>,
    /// The addresses it stands for; those that hold them all, for a tag of unknown contents.
    addresses: AddressSet,
}

impl End {
    fn new(endpoint: &Endpoint, names: &Names) -> Self {
        match endpoint {
            Endpoint::Any => Self { tag: None, addresses: AddressSet::full() },
            Endpoint::Addresses(addresses) => Self { tag: None, addresses: addresses.clone() },
            Endpoint::Tag(tag) => {
                Self { tag: Some(tag.clone()), addresses: addresses_of(tag, names) }
            }
        }
    }

    fn within(self, bounds: &AddressSet) -> Self {
        Self { addresses: self.addresses.intersection(bounds), ..self }
    }

    fn compare(&self, side: &Side) -> Match {
        let is_named = |tag: &ServiceTag| {
            side.tags.contains(tag)
                || (tag.is_public_service() && side.tags.iter().any(|own| own.is("Internet")))
        };
        if self.tag.as_ref().is_some_and(is_named) {
            return Match::Yes;
        }
        if self.addresses.is_empty() {
            // The tag has no addresses of the other end's family, or none at all.
            return Match::Unknown;
        }
        Match::of(side.known.covers(&self.addresses), side.possible.overlaps(&self.addresses))
    }
}

/// The addresses that hold all of a tag's hosts. The platform's own address is at once in
/// `VirtualNetwork` (S4.2) and in `Internet` (S4.15); no host of either sends from it, and to a
/// question that names them the two are disjoint (S7.27).
fn addresses_of(tag: &ServiceTag, names: &Names) -> AddressSet {
    let contents = names.tag_contents(tag).possible;
    if tag.is("AzureLoadBalancer") {
        return AddressSet::clone(&contents);
    }
    contents.difference(&names.tag_contents(&ServiceTag::azure_load_balancer()).possible)
}

/// Every address of the families that `addresses` has some of.
fn families(addresses: &AddressSet) -> AddressSet {
    let all = AddressSet::full();
    AddressSet::new(
        if addresses.ipv4().is_empty() { RangeSet::empty() } else { all.ipv4().clone() },
        if addresses.ipv6().is_empty() { RangeSet::empty() } else { all.ipv6().clone() },
    )
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { protocol, source, destination, destination_port } = self;
        match protocol {
            Some(protocol) => write!(f, "{protocol} ")?,
            None => f.write_str("* ")?,
        }
        let has_ports = protocol.map_or(destination_port.is_some(), Protocol::has_ports);
        if !has_ports {
            return write!(f, "{source} -> {destination}");
        }
        write_with_port(f, source, None)?;
        f.write_str(" -> ")?;
        write_with_port(f, destination, *destination_port)
    }
}

fn write_with_port(
    f: &mut fmt::Formatter<'_>,
    endpoint: &Endpoint,
    port: Option<u16>,
) -> fmt::Result {
    match endpoint {
        Endpoint::Addresses(addresses) if !addresses.ipv6().is_empty() => {
            write!(f, "[{endpoint}]")?
        }
        _ => write!(f, "{endpoint}")?,
    }
    match port {
        Some(port) => write!(f, ":{port}"),
        None => f.write_str(":*"),
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addresses = match self {
            Self::Any => return f.write_str("*"),
            Self::Tag(tag) => return write!(f, "{tag}"),
            Self::Addresses(addresses) => addresses,
        };
        for (index, prefix) in addresses.prefixes().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            if prefix == Prefix::host(prefix.address()) {
                write!(f, "{separator}{}", prefix.address())?;
            } else {
                write!(f, "{separator}{prefix}")?;
            }
        }
        Ok(())
    }
}

/// The text is not a query, or its parts do not fit together.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// An endpoint holds no address.
    #[error("an endpoint without addresses: nothing is asked")]
    Empty,
    /// The text is not an endpoint.
    #[error(
        "`{text}` is not an endpoint: expected `*`, an address, a block such as `10.0.1.0/26` or a service tag"
    )]
    Endpoint {
        /// The text.
        text: String,
    },
    /// Source and destination have no IP family in common.
    #[error("source {source_endpoint} and destination {destination} have no IP family in common")]
    Families {
        /// The source.
        source_endpoint: Endpoint,
        /// The destination.
        destination: Endpoint,
    },
    /// A port was given for a protocol without ports.
    #[error("protocol {protocol} has no ports")]
    Portless {
        /// The protocol.
        protocol: Protocol,
    },
    /// The text does not have the form of a query.
    #[error("`{text}` is not a query: expected a form such as `tcp Internet:* -> 10.0.1.0/26:443`")]
    Text {
        /// The text.
        text: String,
    },
}

impl FromStr for Query {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || QueryError::Text { text: text.to_owned() };
        let words: Vec<&str> = text.split_whitespace().collect();
        let [protocol, source, "->", destination] = words.as_slice() else {
            return Err(malformed());
        };
        let protocol = match *protocol {
            "*" => None,
            name => Some(name.parse().map_err(|_| malformed())?),
        };
        let (source, source_port) = split_port(source).ok_or_else(malformed)?;
        let (destination, destination_port) = split_port(destination).ok_or_else(malformed)?;
        if let Some(protocol) = protocol.filter(|protocol: &Protocol| !protocol.has_ports())
            && (source_port.is_some() || destination_port.is_some())
        {
            return Err(QueryError::Portless { protocol });
        }
        if !matches!(source_port, None | Some("*")) {
            return Err(malformed());
        }
        let destination_port = match destination_port {
            None | Some("*") => None,
            Some(port) => Some(parse_port(port).ok_or_else(malformed)?),
        };
        Self::new(protocol, source.parse()?, destination.parse()?, destination_port)
    }
}

/// Splits `10.0.0.4:22`, `[fd00::/8]:443`, `Internet:*`, or an endpoint without port, such as
/// `fd00::1`.
fn split_port(text: &str) -> Option<(&str, Option<&str>)> {
    if let Some(bracketed) = text.strip_prefix('[') {
        let (endpoint, port) = bracketed.split_once("]:")?;
        return Some((endpoint, Some(port)));
    }
    match text.split_once(':') {
        Some((endpoint, port)) if !port.contains(':') => Some((endpoint, Some(port))),
        _ => Some((text, None)),
    }
}

fn parse_port(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

impl FromStr for Endpoint {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let prefixes: Result<AddressSet, _> = text.split(',').map(str::parse::<Prefix>).collect();
        match prefixes {
            Ok(addresses) => Ok(Self::Addresses(addresses)),
            // Every tag starts with a letter; what does not was meant as an address.
            Err(_) if is_tag_name(text) => Ok(Self::Tag(ServiceTag::new(text))),
            Err(_) => Err(QueryError::Endpoint { text: text.to_owned() }),
        }
    }
}

fn is_tag_name(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.bytes().all(is_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::Verdict;
    use crate::model::{
        Access, AddressItem, AddressSpec, Direction, Priority, ProtocolSpec, ResourceId, RuleName,
        SecurityGroup, SecurityRule,
    };
    use crate::resolve::ServiceTags;

    fn query(text: &str) -> Query {
        text.parse().unwrap()
    }

    fn names() -> Names {
        let vnet: Prefix = "10.0.0.0/16".parse().unwrap();
        let host: Prefix = "168.63.129.16".parse().unwrap();
        let both: AddressSet = [vnet, host].into_iter().collect();
        Names::new(ServiceTags::built_in()).with_virtual_network(both)
    }

    fn side(text: &str) -> AddressSpec {
        let item = match text.parse().unwrap() {
            Endpoint::Any => AddressItem::Any,
            Endpoint::Tag(tag) => tag.into(),
            Endpoint::Addresses(addresses) => addresses.prefixes().next().unwrap().into(),
        };
        item.into()
    }

    fn rule(source: &str, protocol: &str, ports: &str) -> SecurityRule {
        let name = RuleName::as_written("rule");
        let mut rule =
            SecurityRule::new(name, Priority::new(100), Direction::Inbound, Access::Allow);
        rule.source = side(source);
        rule.protocol = protocol.parse::<ProtocolSpec>().unwrap().into();
        rule.destination_ports = ports.parse::<crate::net::PortSet>().unwrap().into();
        rule
    }

    fn ruleset(rules: Vec<SecurityRule>, names: &Names) -> Ruleset {
        let mut group = SecurityGroup::new(ResourceId::new("nsg"));
        group.rules = rules;
        Ruleset::of_group(&group, Direction::Inbound, names)
    }

    fn fields(rule: SecurityRule, asked: &str, names: &Names) -> FieldMatches {
        let ruleset = ruleset(vec![rule], names);
        FieldMatches::of_query(&ruleset.rules()[0], &query(asked), names)
    }

    fn source(of_rule: &str, asked: &str) -> Match {
        let asked = format!("tcp {asked} -> 10.0.1.0/26:443");
        fields(rule(of_rule, "*", "*"), &asked, &names()).source
    }

    #[test]
    fn text_round_trips() {
        for text in [
            "tcp Internet:* -> 10.0.1.0/26:443",
            "tcp *:* -> 10.0.0.4:*",
            "* 10.0.1.0/26 -> 10.0.0.4",
            "* 10.0.1.0/26:* -> 10.0.0.4:443",
            "icmp AzureCloud.WestEurope -> 10.0.0.0/24,10.1.0.0/24",
            "udp [fd00::1]:* -> [fd00::/64]:53",
        ] {
            assert_eq!(query(text).to_string(), text);
        }
        assert_eq!(
            query("udp fd00::1 -> fd00::/64").to_string(),
            "udp [fd00::1]:* -> [fd00::/64]:*"
        );
    }

    #[test]
    fn text_that_is_no_query_is_refused_with_the_reason() {
        for (text, reason) in [
            ("tcp 10.0.0.4 -> fd00::4", "no IP family in common"),
            ("icmp * -> 10.0.0.4:8", "has no ports"),
            ("icmp *:* -> 10.0.0.4", "has no ports"),
            ("tcp *:22 -> 10.0.0.4:22", "not a query"),
            ("tcp * -> 10.0.0.4:65536", "not a query"),
            ("tcp * -> 10.0.0.4:+22", "not a query"),
            ("sctp * -> 10.0.0.4", "not a query"),
            ("tcp * 10.0.0.4", "not a query"),
            ("tcp 10.0.0.1/24 -> *", "not an endpoint"),
            ("tcp 10.0.0.300 -> *", "not an endpoint"),
        ] {
            let error = text.parse::<Query>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
        let nowhere = Endpoint::Addresses(AddressSet::empty());
        assert_eq!(Query::new(None, nowhere, Endpoint::Any, None), Err(QueryError::Empty));
    }

    /// S8.14.
    #[test]
    fn a_rule_covers_all_of_a_block_or_part_of_it_or_nothing() {
        for (of_rule, expected) in [
            ("10.2.0.0/24", Match::Yes),
            ("10.2.0.0/26", Match::Yes),
            ("10.2.0.0/27", Match::Unknown),
            ("10.2.0.64/26", Match::No),
            ("0.0.0.0/0", Match::Yes),
            ("::/0", Match::No),
        ] {
            assert_eq!(source(of_rule, "10.2.0.0/26"), expected, "{of_rule}");
        }
        // `*` towards an IPv4 address is every IPv4 address.
        assert_eq!(source("0.0.0.0/0", "*"), Match::Yes);
        assert_eq!(source("10.0.0.0/8", "*"), Match::Unknown);
    }

    /// S7.27, S8.15, S4.17.
    #[test]
    fn tags_compare_by_name_and_by_what_is_known_to_hold_them() {
        for (of_rule, asked, expected) in [
            ("*", "GatewayManager", Match::Yes),
            ("gatewaymanager", "GatewayManager", Match::Yes),
            ("Internet", "GatewayManager", Match::Yes),
            ("Internet", "AzureCloud.WestEurope", Match::Yes),
            ("Sql", "GatewayManager", Match::Unknown),
            ("20.0.0.0/8", "GatewayManager", Match::Unknown),
            ("10.0.0.0/8", "GatewayManager", Match::No),
            ("VirtualNetwork", "GatewayManager", Match::No),
            ("AzureLoadBalancer", "GatewayManager", Match::No),
            ("VirtualNetwork", "Internet", Match::No),
            ("GatewayManager", "Internet", Match::Unknown),
            ("203.0.113.0/24", "Internet", Match::Unknown),
            ("Internet", "VirtualNetwork", Match::No),
            ("10.0.0.0/16", "VirtualNetwork", Match::Yes),
            ("AzureLoadBalancer", "168.63.129.16", Match::Yes),
            ("168.63.129.16", "AzureLoadBalancer", Match::Yes),
            ("VirtualNetwork", "AzureLoadBalancer", Match::Yes),
            // Not a tag that is known to be a public service's (S4.20).
            ("VirtualNetwork", "AzureBastion", Match::Unknown),
            ("Internet", "AzureBastion", Match::Unknown),
        ] {
            assert_eq!(source(of_rule, asked), expected, "{asked} at {of_rule}");
        }
    }

    /// S1.41: a private address is in no public service, whatever its prefixes.
    #[test]
    fn an_unknown_public_service_does_not_hold_private_addresses() {
        assert_eq!(source("Storage", "10.0.0.0/26"), Match::No);
        assert_eq!(source("Storage", "20.0.0.0/26"), Match::Unknown);
        assert_eq!(source("AzureBastion", "10.0.0.0/26"), Match::Unknown);
        let flow = |text: &str| text.parse::<Flow>().unwrap();
        let group = ruleset(vec![rule("Storage.WestUS", "Tcp", "22")], &names());
        let source_of = |text: &str| FieldMatches::of(&group.rules()[0], &flow(text)).source;
        assert_eq!(source_of("tcp 172.16.0.4:1 -> 10.0.0.4:22"), Match::No);
        assert_eq!(source_of("tcp 20.0.0.4:1 -> 10.0.0.4:22"), Match::Unknown);
    }

    /// A `VirtualNetwork` tag that holds every address (S4.3) holds GatewayManager too; one that
    /// is not known may.
    #[test]
    fn the_virtual_network_tag_is_what_it_holds() {
        let asked = "tcp GatewayManager:* -> 10.0.1.0/26:443";
        let rule = rule("VirtualNetwork", "*", "*");
        let everything: Prefix = "0.0.0.0/0".parse().unwrap();
        let names = Names::new(ServiceTags::built_in());
        assert_eq!(fields(rule.clone(), asked, &names).source, Match::Unknown);
        let names = names.with_virtual_network(everything.into());
        assert_eq!(fields(rule, asked, &names).source, Match::Yes);
    }

    #[test]
    fn a_tag_of_the_catalogue_is_compared_by_its_contents() {
        let block: Prefix = "20.1.0.0/16".parse().unwrap();
        let sql = (ServiceTag::new("Sql"), AddressSet::from(block));
        let names = Names::new(ServiceTags::new([sql], None, None));
        let asked = "tcp Sql:* -> 10.0.0.4:443";
        let source = |text: &str| fields(rule(text, "*", "*"), asked, &names).source;
        assert_eq!(source("20.0.0.0/8"), Match::Yes);
        assert_eq!(source("20.1.0.0/24"), Match::Unknown);
        assert_eq!(source("30.0.0.0/8"), Match::No);
        // No address of the tag talks IPv6: nothing can be said of such flows.
        let asked = "tcp Sql:* -> fd00::4:443";
        assert_eq!(fields(rule("*", "*", "*"), asked, &names).source, Match::Unknown);
    }

    /// S8.8, S1.23, S1.24.
    #[test]
    fn protocols_and_ports_are_sets_too() {
        let compare = |protocol: &str, ports: &str, asked: &str| {
            let fields = fields(rule("*", protocol, ports), asked, &names());
            (fields.protocol, fields.destination_port)
        };
        use Match::*;
        for (protocol, ports, asked, expected) in [
            ("Tcp", "*", "* * -> 10.0.0.4", (Unknown, Yes)),
            ("*", "*", "* * -> 10.0.0.4", (Yes, Yes)),
            ("*", "443", "* * -> 10.0.0.4", (Yes, Unknown)),
            ("*", "443", "* *:* -> 10.0.0.4:443", (Yes, Yes)),
            ("Icmp", "*", "* *:* -> 10.0.0.4:443", (No, Yes)),
            ("Tcp", "443", "tcp * -> 10.0.0.4", (Yes, Unknown)),
            ("Udp", "443", "tcp * -> 10.0.0.4:443", (No, Yes)),
            ("Tcp", "80", "tcp * -> 10.0.0.4:443", (Yes, No)),
            ("Icmp", "8", "icmp * -> 10.0.0.4", (Yes, Unknown)),
            ("*", "8", "icmp * -> 10.0.0.4", (Yes, No)),
        ] {
            assert_eq!(compare(protocol, ports, asked), expected, "{protocol} {ports} for {asked}");
        }
    }

    /// S8.14: definite only where every flow of the query has the same answer.
    #[test]
    fn a_partly_covered_query_is_indeterminate() {
        let names = names();
        let group = ruleset(vec![rule("203.0.113.0/25", "Tcp", "22")], &names);
        let verdict = |text: &str| trace_query(&group, &query(text), &names).decision.verdict();
        assert_eq!(verdict("tcp 203.0.113.0/26 -> 10.0.0.4:22"), Verdict::Allow);
        assert_eq!(verdict("tcp 203.0.113.0/24 -> 10.0.0.4:22"), Verdict::Indeterminate);
        assert_eq!(verdict("tcp 203.0.113.128/25 -> 10.0.0.4:22"), Verdict::Deny);
    }
}
