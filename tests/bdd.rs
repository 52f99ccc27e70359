//! The sets of `space` against binary decision diagrams over the bits of a flow, made by a crate
//! that knows nothing of this one.
//!
//! A flow is 8 bits of protocol, one for the family, 32 for each port and 256 for both addresses.
//! What a flow does not carry has no bits of its own: they are zero in the one place it has.

use std::net::IpAddr;

use biodivine_lib_bdd::{Bdd, BddValuation, BddVariable, BddVariableSet};
use nsg_engine::model::{Direction, Flow};
use nsg_engine::net::{AddressSet, Interval, PortSet, Protocol, RangeSet};
use nsg_engine::space::{HeaderSpace, Limits, Region};

use crate::space::{region_of, small_cases};

/// Where the bits of each field begin; the addresses come last.
const FAMILY: usize = 8;
const PORTS: [usize; 2] = [9, 25];
const ADDRESSES: [usize; 2] = [41, 169];
const BITS: u16 = 297;

/// All flows, and the means to make sets of them.
struct Universe {
    variables: BddVariableSet,
    bits: Vec<BddVariable>,
    /// The valuations that stand for a flow.
    flows: Bdd,
}

impl Universe {
    fn new() -> Self {
        let variables = BddVariableSet::new_anonymous(BITS);
        let bits = variables.variables();
        let flows = variables.mk_true();
        let mut all = Self { variables, bits, flows };
        let full = all.region(&Region::full());
        all.flows = full;
        all
    }

    /// The values from `first` to `last` of a field of so many bits.
    fn range(&self, start: usize, width: u32, first: u128, last: u128) -> Bdd {
        let at_least = self.bound(start, width, first, true);
        at_least.and(&self.bound(start, width, last, false))
    }

    /// The values not below, or not above, a bound, built from the last bit to the first.
    fn bound(&self, start: usize, width: u32, bound: u128, is_least: bool) -> Bdd {
        let mut set = self.variables.mk_true();
        for place in (0..width).rev() {
            let is_set = bound >> (width - 1 - place) & 1 == 1;
            let bit = self.variables.mk_literal(self.bits[start + place as usize], is_set);
            set = match is_set == is_least {
                true => bit.and(&set),
                false => bit.not().or(&set),
            };
        }
        set
    }

    fn any_of(&self, sets: impl Iterator<Item = Bdd>) -> Bdd {
        sets.fold(self.variables.mk_false(), |all, set| all.or(&set))
    }

    fn zero(&self, start: usize, width: u32) -> Bdd {
        self.range(start, width, 0, 0)
    }

    fn ports(&self, start: usize, ports: &PortSet) -> Bdd {
        let intervals = ports.ranges().intervals().iter();
        self.any_of(
            intervals
                .map(|one| self.range(start, 16, u128::from(one.first()), u128::from(one.last()))),
        )
    }

    fn addresses(&self, start: usize, addresses: &AddressSet, is_ipv6: bool) -> Bdd {
        if is_ipv6 {
            let intervals = addresses.ipv6().intervals().iter();
            return self
                .any_of(intervals.map(|one| self.range(start, 128, one.first(), one.last())));
        }
        let intervals = addresses.ipv4().intervals().iter();
        let sets = intervals
            .map(|one| self.range(start, 32, u128::from(one.first()), u128::from(one.last())));
        self.any_of(sets).and(&self.zero(start + 32, 96))
    }

    /// What a region means (S1.23, S1.24), one protocol and family at a time.
    fn region(&self, region: &Region) -> Bdd {
        let [from, to] = PORTS;
        let sides = [false, true].map(|is_ipv6| {
            self.variables
                .mk_literal(self.bits[FAMILY], is_ipv6)
                .and(&self.addresses(ADDRESSES[0], &region.source, is_ipv6))
                .and(&self.addresses(ADDRESSES[1], &region.destination, is_ipv6))
        });
        let protocols = |wanted: &dyn Fn(Protocol) -> bool| {
            let numbers = region.protocols.iter().filter(|one| wanted(*one));
            let numbers: RangeSet<u8> =
                numbers.filter_map(|one| Interval::new(one.number(), one.number())).collect();
            let intervals = numbers.intervals().iter();
            self.any_of(
                intervals
                    .map(|one| self.range(0, 8, u128::from(one.first()), u128::from(one.last()))),
            )
        };
        let are_full = region.source_ports.is_full() && region.destination_ports.is_full();
        let is_for_icmp_alone = region.protocols.iter().all(Protocol::is_icmp);
        let ported = protocols(&Protocol::has_ports)
            .and(&self.ports(from, &region.source_ports))
            .and(&self.ports(to, &region.destination_ports));
        let types = self.ports(to, &region.destination_ports).and(&self.range(to, 16, 0, 255));
        let icmp = protocols(&Protocol::is_icmp).and(&self.zero(from, 16)).and(&types);
        let bare = protocols(&|one| !one.has_ports() && !one.is_icmp())
            .and(&self.zero(from, 16))
            .and(&self.zero(to, 16));
        let mut flows = ported;
        if are_full || is_for_icmp_alone {
            flows = flows.or(&icmp);
        }
        if are_full {
            flows = flows.or(&bare);
        }
        flows.and(&sides[0].or(&sides[1]))
    }

    fn regions(&self, regions: &[Region]) -> Bdd {
        self.any_of(regions.iter().map(|one| self.region(one)))
    }

    /// The same set of flows: read off its printed regions.
    fn set(&self, set: &HeaderSpace) -> Bdd {
        self.regions(&set.regions(&limits()).unwrap())
    }

    fn holds(&self, set: &Bdd, flow: &Flow) -> bool {
        let mut bits = vec![false; usize::from(BITS)];
        let mut put = |start: usize, width: u32, value: u128| {
            for place in 0..width {
                bits[start + place as usize] = value >> (width - 1 - place) & 1 == 1;
            }
        };
        put(0, 8, u128::from(flow.protocol().number()));
        put(FAMILY, 1, u128::from(flow.source().is_ipv6()));
        let icmp_type = flow.icmp_type().map(u16::from);
        put(PORTS[0], 16, u128::from(flow.source_port().unwrap_or(0)));
        put(PORTS[1], 16, u128::from(flow.destination_port().or(icmp_type).unwrap_or(0)));
        for (start, address) in ADDRESSES.into_iter().zip([flow.source(), flow.destination()]) {
            match address {
                IpAddr::V4(address) => put(start, 32, u128::from(address.to_bits())),
                IpAddr::V6(address) => put(start, 128, address.to_bits()),
            }
        }
        set.eval_in(&BddValuation::new(bits))
    }
}

fn limits() -> Limits {
    Limits::default()
}

/// Whether the flow says all that its protocol carries, so that it is one flow and not several.
fn is_whole(flow: &Flow) -> bool {
    let has_ports = flow.source_port().is_some() && flow.destination_port().is_some();
    let is_told = if flow.protocol().is_icmp() { flow.icmp_type().is_some() } else { has_ports };
    is_told || !flow.protocol().is_icmp() && !flow.protocol().has_ports()
}

/// Operations, questions, sizes and printed regions are those of the diagrams, over all flows.
#[test]
fn the_algebra_is_that_of_binary_decision_diagrams() {
    let all = Universe::new();
    assert_eq!(all.flows.exact_cardinality().to_string(), HeaderSpace::full().size().to_string());
    let (mut covered, mut apart) = (0, 0);
    for case in small_cases(40, false) {
        let ruleset = case.ruleset(Direction::Inbound);
        let regions: Vec<Region> = ruleset.rules().iter().map(region_of).collect();
        let halves: Vec<Vec<Region>> =
            [0, 1].map(|skip| regions.iter().skip(skip).step_by(2).cloned().collect()).into();
        let sets = [&regions[..1], &halves[0], &halves[1]].map(|regions| {
            (HeaderSpace::of_regions(regions, &limits()).unwrap(), all.regions(regions))
        });
        for (set, diagram) in &sets {
            assert!(all.set(set) == *diagram, "{set}");
            assert!(all.set(&set.complement()) == all.flows.and_not(diagram), "{set}");
            assert_eq!(set.size().to_string(), diagram.exact_cardinality().to_string(), "{set}");
            assert_eq!(set.is_empty(), diagram.is_false());
            let witness = set.witness();
            assert!(witness.is_none_or(|flow| all.holds(diagram, &flow)), "{set}");
            for flow in &case.flows {
                assert!(
                    !is_whole(flow) || set.contains(flow) == all.holds(diagram, flow),
                    "{flow}"
                );
            }
        }
        for (one, a) in &sets {
            for (other, b) in &sets {
                assert!(all.set(&one.union(other, &limits()).unwrap()) == a.or(b));
                assert!(all.set(&one.intersection(other, &limits()).unwrap()) == a.and(b));
                assert!(all.set(&one.difference(other, &limits()).unwrap()) == a.and_not(b));
                let (covers, overlaps) = (b.and_not(a).is_false(), !a.and(b).is_false());
                assert_eq!(one.covers(other, &limits()), Ok(covers), "{one}\n{other}");
                assert_eq!(one.overlaps(other, &limits()), Ok(overlaps), "{one}\n{other}");
                assert_eq!(one == other, a == b);
                covered += usize::from(covers);
                apart += usize::from(!overlaps);
            }
        }
    }
    assert!(covered > 130 && apart > 10, "{covered} {apart}");
}
