//! The rules as the strategies see them: plain products of five sets, each distinct set once.
//!
//! What a port means depends on the protocol of the flow *and* of the rule (S1.23, S1.24). That
//! is settled here, by narrowing the protocols of a rule to those whose flows can meet it and
//! widening ports that are not looked at, so that every strategy may compare all five fields of
//! every key in the same way:
//!
//! | rule | becomes |
//! |---|---|
//! | for ICMP alone | source ports widened to all |
//! | ports unrestricted | unchanged |
//! | else | protocols narrowed to TCP and UDP |
//!
//! A rule about which something is unknown becomes two products: the flows it certainly matches,
//! and behind them the flows it may match, whose answer is [`RuleIndex::EVALUATE`].

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use super::classes::Rows;
use super::config::Ports;
use super::index::Bits;
use super::key::RuleIndex;
use crate::net::{AddressSet, PortSet, Protocol, ProtocolSet, RangeSet};
use crate::resolve::{Dimension, Rule, Ruleset, Side};

/// Both IP versions' view of a ruleset.
pub(super) struct Products<'a> {
    products: Vec<Product<'a>>,
}

pub(super) struct Product<'a> {
    pub(super) protocols: ProtocolSet,
    pub(super) source: &'a Arc<AddressSet>,
    pub(super) source_ports: &'a PortSet,
    pub(super) destination: &'a Arc<AddressSet>,
    pub(super) destination_ports: &'a PortSet,
    pub(super) answer: RuleIndex,
}

/// What an unknown field may turn out to be.
pub(super) struct Wide {
    ports: PortSet,
}

impl Wide {
    pub(super) fn new() -> Self {
        Self { ports: PortSet::full() }
    }
}

impl<'a> Products<'a> {
    pub(super) fn new(ruleset: &'a Ruleset, ports: Ports, wide: &'a Wide) -> Self {
        let mut products = Vec::with_capacity(ruleset.rules().len());
        for (rule, code) in ruleset.rules().iter().zip(0u32..) {
            let certain = rule.doubts.is_empty();
            if certain {
                products.extend(known(rule, RuleIndex::from_code(code), ports, wide));
            }
            if !certain || is_open(rule) {
                products.extend(possible(rule, ports, wide));
            }
        }
        Self { products }
    }

    /// The products that flows of one IP version can meet, up to one that takes every flow.
    pub(super) fn met_by<B: Bits>(&self) -> impl Iterator<Item = &Product<'a>> {
        let mut is_settled = false;
        self.products
            .iter()
            .filter(|product| !B::of(product.source).is_empty())
            .filter(|product| !B::of(product.destination).is_empty())
            .take_while(move |product| {
                !std::mem::replace(&mut is_settled, product.takes_everything::<B>())
            })
    }

    /// Those products with each distinct set once.
    pub(super) fn of_version<B: Bits>(&self) -> Rules<'a, B> {
        Rules::of_lists([self]).0
    }
}

fn known<'a>(
    rule: &'a Rule,
    answer: RuleIndex,
    ports: Ports,
    wide: &'a Wide,
) -> Option<Product<'a>> {
    let product = Product {
        protocols: rule.protocols.known,
        source: &rule.source.known,
        source_ports: &rule.source_ports.known,
        destination: &rule.destination.known,
        destination_ports: &rule.destination_ports.known,
        answer,
    };
    product.normal(rule.is_icmp(), ports, wide)
}

/// Every flow that `rule` could match, and perhaps some more: those are looked at again anyway.
fn possible<'a>(rule: &'a Rule, ports: Ports, wide: &'a Wide) -> Option<Product<'a>> {
    let protocols_known = rule.protocols.unknown.is_empty();
    let widest = |dimension: &'a Dimension<PortSet>| {
        // Of an unknown protocol we do not know either what the ports mean.
        let known = protocols_known && dimension.unknown.is_empty();
        if known { &dimension.known } else { &wide.ports }
    };
    let product = Product {
        protocols: if protocols_known { rule.protocols.known } else { ProtocolSet::FULL },
        source: &rule.source.possible,
        source_ports: widest(&rule.source_ports),
        destination: &rule.destination.possible,
        destination_ports: widest(&rule.destination_ports),
        answer: RuleIndex::EVALUATE,
    };
    product.normal(rule.is_icmp(), ports, wide)
}

/// Whether some flow may match that does not certainly do.
fn is_open(rule: &Rule) -> bool {
    let open =
        |side: &Side| !Arc::ptr_eq(&side.known, &side.possible) && side.known != side.possible;
    !rule.protocols.unknown.is_empty()
        || !rule.source_ports.unknown.is_empty()
        || !rule.destination_ports.unknown.is_empty()
        || open(&rule.source)
        || open(&rule.destination)
}

impl<'a> Product<'a> {
    /// The same flows in the form that compares all five fields alike; `None` when there are
    /// none.
    fn normal(mut self, is_icmp: bool, ports: Ports, wide: &'a Wide) -> Option<Self> {
        if ports == Ports::OfTcpAndUdp {
            let unrestricted = self.source_ports.is_full() && self.destination_ports.is_full();
            if is_icmp {
                self.source_ports = &wide.ports;
            } else if !unrestricted {
                let with_ports = [Protocol::TCP, Protocol::UDP].into_iter().collect();
                self.protocols = self.protocols.intersection(&with_ports);
            }
        }
        let empty = self.protocols.is_empty()
            || self.source_ports.is_empty()
            || self.destination_ports.is_empty();
        (!empty).then_some(self)
    }

    fn takes_everything<B: Bits>(&self) -> bool {
        B::of(self.source).is_full()
            && B::of(self.destination).is_full()
            && self.protocols.is_full()
            && self.source_ports.is_full()
            && self.destination_ports.is_full()
    }
}

/// The rules that flows of one IP version can meet, in order.
#[derive(Debug)]
pub(super) struct Rules<'a, B> {
    pub(super) entries: Vec<Entry>,
    pub(super) protocols: Distinct<ProtocolSet>,
    pub(super) sources: Distinct<&'a RangeSet<B>>,
    pub(super) source_ports: Distinct<&'a RangeSet<u16>>,
    pub(super) destinations: Distinct<&'a RangeSet<B>>,
    pub(super) destination_ports: Distinct<&'a RangeSet<u16>>,
}

impl<B> Default for Rules<'_, B> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            protocols: Distinct::default(),
            sources: Distinct::default(),
            source_ports: Distinct::default(),
            destinations: Distinct::default(),
            destination_ports: Distinct::default(),
        }
    }
}

/// One rule: the numbers of its five sets, and what to answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) protocols: u32,
    pub(super) source: u32,
    pub(super) source_ports: u32,
    pub(super) destination: u32,
    pub(super) destination_ports: u32,
    pub(super) answer: RuleIndex,
}

impl<'a, B: Bits> Rules<'a, B> {
    /// The rules of several lists one after the other, and where each list ends.
    pub(super) fn of_lists<'b>(
        lists: impl IntoIterator<Item = &'b Products<'a>>,
    ) -> (Self, Vec<usize>)
    where
        'a: 'b,
    {
        let mut rules = Self::default();
        // A tag shared by a hundred rules is compared with the other sets once.
        let (mut sources, mut destinations) = (HashMap::new(), HashMap::new());
        let mut ends = Vec::new();
        for products in lists {
            for product in products.met_by::<B>() {
                let source = B::of(product.source);
                let destination = B::of(product.destination);
                rules.entries.push(Entry {
                    protocols: rules.protocols.number(product.protocols),
                    source: *sources
                        .entry(Arc::as_ptr(product.source))
                        .or_insert_with(|| rules.sources.number(source)),
                    source_ports: rules.source_ports.number(product.source_ports.ranges()),
                    destination: *destinations
                        .entry(Arc::as_ptr(product.destination))
                        .or_insert_with(|| rules.destinations.number(destination)),
                    destination_ports: rules
                        .destination_ports
                        .number(product.destination_ports.ranges()),
                    answer: product.answer,
                });
            }
            ends.push(rules.entries.len());
        }
        (rules, ends)
    }

    /// Some of the rules, whose answers are the numbers of their entries here.
    pub(super) fn numbered(&self, entries: &[u32]) -> Self {
        let mut some = Self::default();
        let by_number = entries.iter().filter_map(|n| Some((n, self.entries.get(*n as usize)?)));
        for (number, entry) in by_number {
            let mut renumbered = || {
                Some(Entry {
                    protocols: some.protocols.number(*self.protocols.at(entry.protocols)?),
                    source: some.sources.number(*self.sources.at(entry.source)?),
                    source_ports: some
                        .source_ports
                        .number(*self.source_ports.at(entry.source_ports)?),
                    destination: some
                        .destinations
                        .number(*self.destinations.at(entry.destination)?),
                    destination_ports: some
                        .destination_ports
                        .number(*self.destination_ports.at(entry.destination_ports)?),
                    answer: RuleIndex::from_code(*number),
                })
            };
            let entry = renumbered();
            some.entries.extend(entry);
        }
        some
    }
}

impl<B> Rules<'_, B> {
    /// For each of `sets` sets, the entries that have it as their `field`.
    pub(super) fn users(&self, sets: usize, field: impl Fn(&Entry) -> u32) -> Rows {
        let mut users = Rows::zeroed(sets, self.words());
        for (bit, entry) in self.entries.iter().enumerate() {
            users.insert(field(entry) as usize, bit);
        }
        users
    }

    /// How many words a set of entries takes; at least one.
    pub(super) fn words(&self) -> usize {
        self.entries.len().div_ceil(64).max(1)
    }
}

/// Distinct values, numbered in the order they were first seen.
#[derive(Debug)]
pub(super) struct Distinct<T> {
    pub(super) values: Vec<T>,
    numbers: HashMap<T, u32>,
}

impl<T> Default for Distinct<T> {
    fn default() -> Self {
        Self { values: Vec::new(), numbers: HashMap::new() }
    }
}

impl<T: Copy + Eq + Hash> Distinct<T> {
    fn at(&self, number: u32) -> Option<&T> {
        self.values.get(number as usize)
    }

    pub(super) fn number(&mut self, value: T) -> u32 {
        let next = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        *self.numbers.entry(value).or_insert_with(|| {
            self.values.push(value);
            next
        })
    }
}
