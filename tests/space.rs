//! The sets of `space` against the specification and against the laws of sets.
//!
//! Rules look at a flow only to compare it with their bounds, so one flow from each cell between
//! the bounds stands for all flows: for a small ruleset the comparison below is complete.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nsg_engine::eval::{Verdict, evaluate};
use nsg_engine::model::{Direction, Flow, ResourceId, SecurityGroup};
use nsg_engine::net::{AddressSet, Protocol};
use nsg_engine::resolve::{Names, Ruleset, ServiceTags};
use nsg_engine::space::{Allowed, HeaderSpace, Limits, Region};
use nsg_engine::strategies::{Case, Choices, Shape};

/// One value from each piece between the bounds of some sets.
pub(crate) struct Cells {
    addresses: [BTreeSet<IpAddr>; 2],
    ports: [BTreeSet<u16>; 2],
    protocols: BTreeSet<Protocol>,
}

impl Cells {
    pub(crate) fn of<'a>(rulesets: impl IntoIterator<Item = &'a Ruleset>) -> Self {
        let start: BTreeSet<IpAddr> =
            [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()].into();
        let mut cells = Self {
            addresses: [start.clone(), start],
            ports: [[0].into(), [0].into()],
            protocols: [0, 1, 6, 17, 50, 58].map(Protocol::new).into(),
        };
        for rule in rulesets.into_iter().flat_map(Ruleset::rules) {
            for (cell, side) in cells.addresses.iter_mut().zip([&rule.source, &rule.destination]) {
                add_bounds(cell, &side.known);
                add_bounds(cell, &side.possible);
            }
            let ports = [&rule.source_ports, &rule.destination_ports];
            for (cell, ports) in cells.ports.iter_mut().zip(ports) {
                for interval in ports.known.ranges().intervals() {
                    cell.insert(interval.first());
                    cell.extend(interval.last().checked_add(1));
                }
            }
            cells.protocols.extend(rule.protocols.known.iter().next());
        }
        cells
    }

    /// One flow of each cell. ICMP types run over the destination ports that are types.
    pub(crate) fn flows(&self) -> Vec<Flow> {
        self.flows_between(&self.sources(), &self.destinations())
    }

    pub(crate) fn sources(&self) -> Vec<IpAddr> {
        self.addresses[0].iter().copied().collect()
    }

    pub(crate) fn destinations(&self) -> Vec<IpAddr> {
        self.addresses[1].iter().copied().collect()
    }

    /// One flow of each cell of protocols and ports between these addresses.
    pub(crate) fn flows_between(&self, sources: &[IpAddr], destinations: &[IpAddr]) -> Vec<Flow> {
        let mut flows = Vec::new();
        for &protocol in &self.protocols {
            for &source in sources {
                for &destination in destinations {
                    let Ok(flow) = Flow::new(protocol, source, destination) else { continue };
                    if protocol.has_ports() {
                        for &from in &self.ports[0] {
                            for &to in &self.ports[1] {
                                flows.push(flow.with_ports(Some(from), Some(to)).unwrap());
                            }
                        }
                    } else if protocol.is_icmp() {
                        let types = self.ports[1].iter().filter_map(|&port| port.try_into().ok());
                        flows.extend(types.map(|number| flow.with_icmp_type(number).unwrap()));
                    } else {
                        flows.push(flow);
                    }
                }
            }
        }
        flows
    }
}

fn add_bounds(cells: &mut BTreeSet<IpAddr>, addresses: &AddressSet) {
    for interval in addresses.ipv4().intervals() {
        cells.insert(Ipv4Addr::from(interval.first()).into());
        cells.extend(interval.last().checked_add(1).map(|next| IpAddr::from(Ipv4Addr::from(next))));
    }
    for interval in addresses.ipv6().intervals() {
        cells.insert(Ipv6Addr::from(interval.first()).into());
        cells.extend(interval.last().checked_add(1).map(|next| IpAddr::from(Ipv6Addr::from(next))));
    }
}

/// Rules few and small enough that all their cells can be looked at.
pub(crate) fn small_cases(count: u64, unknown: bool) -> impl Iterator<Item = Case> {
    let mut shape = if unknown { Shape::default() } else { Shape::definite() };
    (shape.rules, shape.items, shape.prefixes) = (3, 2, 4);
    (0..count).map(move |seed| Case::draw(Choices::from_seed(seed), shape))
}

fn limits() -> Limits {
    Limits::default()
}

/// Both borders of what is allowed are where the specification says, in every cell.
#[test]
fn allowed_flows_are_those_the_specification_allows_cell_by_cell() {
    let mut compared = 0;
    let mut seen = BTreeSet::new();
    for case in small_cases(60, true) {
        for direction in [Direction::Inbound, Direction::Outbound] {
            let ruleset = case.ruleset(direction);
            let allowed = Allowed::by(&ruleset, &limits()).unwrap();
            for flow in Cells::of([&ruleset]).flows().iter().chain(&case.flows) {
                let is_whole = flow.protocol().has_ports() && flow.destination_port().is_some()
                    || flow.icmp_type().is_some()
                    || !flow.protocol().has_ports() && !flow.protocol().is_icmp();
                let verdict = evaluate(&ruleset, flow).verdict();
                seen.insert(verdict);
                if is_whole && flow.source_port().is_some() == flow.protocol().has_ports() {
                    let possible = allowed.possible.contains(flow);
                    assert_eq!(possible, verdict != Verdict::Deny, "{flow}\n{ruleset:#?}");
                    let certain = allowed.certain.contains(flow);
                    assert_eq!(certain, verdict == Verdict::Allow, "{flow}\n{ruleset:#?}");
                    compared += 1;
                }
            }
        }
    }
    assert_eq!(seen.len(), 3);
    assert!(compared > 20_000, "{compared}");
}

/// Sets of regions drawn from rules, with the flows of all their cells.
fn sets() -> impl Iterator<Item = ([HeaderSpace; 3], Vec<Flow>)> {
    small_cases(60, false).map(|case| {
        let ruleset = case.ruleset(Direction::Inbound);
        let regions: Vec<Region> = ruleset.rules().iter().map(region_of).collect();
        let set = |skip: usize| {
            let some = regions.iter().skip(skip).step_by(2);
            HeaderSpace::of_regions(some, &limits()).unwrap()
        };
        let one = regions.first().map_or(HeaderSpace::empty(), HeaderSpace::of_region);
        ([one, set(1), set(0)], Cells::of([&ruleset]).flows())
    })
}

pub(crate) fn region_of(rule: &nsg_engine::resolve::Rule) -> Region {
    Region {
        protocols: rule.protocols.known,
        source: rule.source.known.as_ref().clone(),
        source_ports: rule.source_ports.known.clone(),
        destination: rule.destination.known.as_ref().clone(),
        destination_ports: rule.destination_ports.known.clone(),
    }
}

#[test]
fn operations_are_those_on_the_flows_of_every_cell() {
    for ([a, b, c], flows) in sets() {
        let union = a.union(&b, &limits()).unwrap();
        let both = b.intersection(&c, &limits()).unwrap();
        let rest = c.difference(&a, &limits()).unwrap();
        let outside = b.complement();
        for flow in &flows {
            let [in_a, in_b, in_c] = [&a, &b, &c].map(|set| set.contains(flow));
            assert_eq!(union.contains(flow), in_a || in_b, "{flow}");
            assert_eq!(both.contains(flow), in_b && in_c, "{flow}");
            assert_eq!(rest.contains(flow), in_c && !in_a, "{flow}");
            assert_eq!(outside.contains(flow), !in_b, "{flow}");
        }
        assert_eq!(b.is_empty(), !flows.iter().any(|flow| b.contains(flow)));
        assert_eq!(union.covers(&a, &limits()), Ok(true));
        assert_eq!(b.overlaps(&c, &limits()), Ok(!both.is_empty()));
    }
}

/// Equal sets are equal values, however they came about.
#[test]
fn the_laws_of_sets_hold_as_equalities() {
    let union = |a: &HeaderSpace, b: &HeaderSpace| a.union(b, &limits()).unwrap();
    let both = |a: &HeaderSpace, b: &HeaderSpace| a.intersection(b, &limits()).unwrap();
    let minus = |a: &HeaderSpace, b: &HeaderSpace| a.difference(b, &limits()).unwrap();
    for ([a, b, c], _) in sets() {
        assert_eq!(union(&a, &b), union(&b, &a));
        assert_eq!(both(&a, &b), both(&b, &a));
        assert_eq!(union(&union(&a, &b), &c), union(&a, &union(&b, &c)));
        assert_eq!(both(&a, &union(&b, &c)), union(&both(&a, &b), &both(&a, &c)));
        assert_eq!(minus(&a, &b), both(&a, &b.complement()));
        assert_eq!(union(&a, &b).complement(), both(&a.complement(), &b.complement()));
        assert_eq!(a.complement().complement(), a);
        assert_eq!(both(&a, &union(&a, &b)), a);
        assert!(union(&a, &a.complement()).is_full());
        assert!(both(&a, &a.complement()).is_empty());
        let sum = union(&a, &b).size().to_string();
        let parts = [minus(&a, &b), both(&a, &b), minus(&b, &a)].map(|part| part.size());
        assert_eq!(big(&parts.map(|part| part.to_string())), sum);
    }
}

/// Adds decimal numbers of any length.
fn big(numbers: &[String]) -> String {
    let width = numbers.iter().map(String::len).max().unwrap() + 1;
    let mut digits = vec![0u32; width];
    for number in numbers {
        for (digit, byte) in digits.iter_mut().zip(number.bytes().rev()) {
            *digit += u32::from(byte - b'0');
        }
    }
    for place in 0..width - 1 {
        digits[place + 1] += digits[place] / 10;
        digits[place] %= 10;
    }
    let text: String = digits.iter().rev().map(|digit| digit.to_string()).collect();
    let trimmed = text.trim_start_matches('0');
    if trimmed.is_empty() { "0".to_owned() } else { trimmed.to_owned() }
}

#[test]
fn regions_are_disjoint_and_make_up_the_set() {
    for ([a, b, c], _) in sets() {
        for set in [&a, &b, &c, &c.complement(), &c.difference(&a, &limits()).unwrap()] {
            let regions = set.regions(&limits()).unwrap();
            assert_eq!(HeaderSpace::of_regions(&regions, &limits()).unwrap(), *set);
            let sizes = regions.iter().map(|one| HeaderSpace::of_region(one).size().to_string());
            let sizes: Vec<String> = sizes.collect();
            if !sizes.is_empty() {
                assert_eq!(big(&sizes), set.size().to_string(), "{set}");
            }
        }
    }
}

#[test]
fn a_witness_lies_in_its_set() {
    for ([a, b, c], _) in sets() {
        for set in [&a, &b, &c, &c.complement(), &c.difference(&a, &limits()).unwrap()] {
            match set.witness() {
                Some(flow) => assert!(set.contains(&flow), "{flow} in {set}"),
                None => assert!(set.is_empty()),
            }
        }
    }
}

/// S1.23, S1.24: what ports mean for flows without them.
#[test]
fn portless_flows_have_one_place_each() {
    let mut region = Region::full();
    region.destination_ports = 8.into();
    let set = HeaderSpace::of_region(&region);
    assert_eq!(set.to_string(), "tcp,udp *:* -> *:8");
    region.protocols = Protocol::ICMP.into();
    let set = HeaderSpace::of_region(&region);
    assert_eq!(set.to_string(), "icmp *:* -> *:8");
    assert!(set.contains(&"icmp 10.0.0.1 -> 10.0.0.2 type 8".parse().unwrap()));
    assert!(!set.contains(&"icmp 10.0.0.1 -> 10.0.0.2 type 0".parse().unwrap()));
    assert!(!set.contains(&"icmp 10.0.0.1 -> 10.0.0.2".parse().unwrap()));
    let all: HeaderSpace = (&"icmp 10.0.0.1 -> 10.0.0.2".parse::<Flow>().unwrap()).into();
    assert_eq!(all.size().to_string(), "256");
    assert_eq!(all.to_string(), "icmp 10.0.0.1/32:* -> 10.0.0.2/32:*");
    let esp: HeaderSpace = (&"esp 10.0.0.1 -> 10.0.0.2".parse::<Flow>().unwrap()).into();
    assert_eq!(esp.size().to_string(), "1");
    assert_eq!(HeaderSpace::full().to_string(), "* *:* -> *:*");
}

/// An operation over budget is an error that says so, and never a wrong set.
#[test]
fn budgets_hold() {
    let case = small_cases(9, false).last().unwrap();
    let ruleset = case.ruleset(Direction::Inbound);
    let error = Allowed::by(&ruleset, &Limits::default().with_steps(10)).unwrap_err();
    assert_eq!(error.limit(), 10);
    assert!(error.to_string().starts_with("stopped at the limit of 10 steps"), "{error}");
    let error = Allowed::by(&ruleset, &Limits::default().with_branches(1)).unwrap_err();
    assert!(error.to_string().contains("1 branches"), "{error}");
}

/// A port and an ICMP type of one number are not the same thing, though both are written as
/// destination ports.
#[test]
fn types_and_ports_are_never_joined_into_one_region() {
    let regions: Vec<Region> =
        ["tcp *:* -> *:8", "icmp *:* -> *:8"].map(|text| text.parse().unwrap()).into();
    let both = HeaderSpace::of_regions(&regions, &limits()).unwrap();
    let written = both.regions(&limits()).unwrap();
    assert_eq!(HeaderSpace::of_regions(&written, &limits()).unwrap(), both, "{both}");
}

/// S1.23: a rule of unknown protocol may be an ICMP rule, whose ports are types.
#[test]
fn a_rule_of_unknown_protocol_may_match_icmp() {
    let mut group = SecurityGroup::new(ResourceId::new("nsg"));
    group.rules.push(r#"100 allow inbound ?"[parameters('p')]" *:* -> *:8"#.parse().unwrap());
    let names = Names::new(ServiceTags::built_in()).with_virtual_network(AddressSet::empty());
    let ruleset = Ruleset::of_group(&group, Direction::Inbound, &names);
    let allowed = Allowed::by(&ruleset, &limits()).unwrap();
    for (text, verdict) in [
        ("icmp 10.0.0.1 -> 10.0.0.2 type 8", Verdict::Indeterminate),
        ("tcp 10.0.0.1:1 -> 10.0.0.2:8", Verdict::Indeterminate),
        ("tcp 10.0.0.1:1 -> 10.0.0.2:9", Verdict::Deny),
        ("esp 10.0.0.1 -> 10.0.0.2", Verdict::Deny),
    ] {
        let flow: Flow = text.parse().unwrap();
        assert_eq!(evaluate(&ruleset, &flow).verdict(), verdict, "{flow}");
        assert_eq!(allowed.possible.contains(&flow), verdict != Verdict::Deny, "{flow}");
        assert!(!allowed.certain.contains(&flow), "{flow}");
    }
}
