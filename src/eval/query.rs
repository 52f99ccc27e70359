//! The same walk for a set of flows at once.

use super::{FieldMatches, Match, Trace, trace_by};
use crate::model::{Endpoint, Flow, Query, ServiceTag};
use crate::net::AddressSet;
use crate::resolve::{Names, Rule, Ruleset, Side};

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
struct Asked<'a> {
    query: &'a Query,
    source: AddressSet,
    destination: AddressSet,
    probes: Vec<Flow>,
}

impl<'a> Asked<'a> {
    fn new(query: &'a Query, names: &Names) -> Self {
        let source = addresses(query.source(), names);
        let destination = addresses(query.destination(), names);
        // No flow has ends of different families: `*` towards an IPv4 address is all of IPv4.
        let common = source.families().intersection(&destination.families());
        let [source, destination] = [source, destination].map(|end| end.intersection(&common));
        Self { query, source, destination, probes: query.probes().collect() }
    }

    fn compare(&self, rule: &Rule) -> FieldMatches {
        let (rules, asked) = (&rule.protocols, &self.query.protocols());
        let probed = || self.probes.iter().map(|flow| FieldMatches::of(rule, flow));
        FieldMatches {
            protocol: Match::of(
                rules.known.covers(asked),
                rules.known.overlaps(asked) || !rules.unknown.is_empty(),
            ),
            source: side(&rule.source, self.query.source(), &self.source),
            source_port: all(probed().map(|fields| fields.source_port)),
            destination: side(&rule.destination, self.query.destination(), &self.destination),
            destination_port: all(probed().map(|fields| fields.destination_port)),
        }
    }
}

fn all(mut matches: impl Iterator<Item = Match>) -> Match {
    let first = matches.next().unwrap_or(Match::Unknown);
    if matches.all(|other| other == first) { first } else { Match::Unknown }
}

fn side(side: &Side, asked: &Endpoint, addresses: &AddressSet) -> Match {
    if let Endpoint::Tag(asked) = asked {
        // A tag is inside itself and a public service's inside `Internet`, whatever they hold
        // (S4.17).
        let holds =
            |tag: &ServiceTag| tag == asked || (tag.is("Internet") && asked.is_public_service());
        if side.tags.iter().any(holds) {
            return Match::Yes;
        }
    }
    if addresses.is_empty() {
        // The tag has no addresses of the other end's family, or none at all.
        return Match::Unknown;
    }
    Match::of(side.known.covers(addresses), side.possible.overlaps(addresses))
}

/// The addresses that hold all of an endpoint's hosts. The platform's own address is at once in
/// `VirtualNetwork` (S4.2) and in `Internet` (S4.15); no host of either sends from it, and to a
/// question that names them the two are disjoint (S7.27).
fn addresses(endpoint: &Endpoint, names: &Names) -> AddressSet {
    let possible = |tag: &ServiceTag| names.tag_contents(tag).possible;
    let platform = ServiceTag::azure_load_balancer();
    match endpoint {
        Endpoint::Any => AddressSet::full(),
        Endpoint::Addresses(addresses) => addresses.clone(),
        Endpoint::Tag(tag) if *tag == platform => AddressSet::clone(&possible(tag)),
        Endpoint::Tag(tag) => possible(tag).difference(&possible(&platform)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::Verdict;
    use crate::model::{
        Access, AddressItem, AddressSpec, Direction, Flow, Priority, ProtocolSpec, ResourceId,
        RuleName, SecurityGroup, SecurityRule,
    };
    use crate::net::Prefix;
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
