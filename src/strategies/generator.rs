//! The generator and its vocabulary.

use std::net::IpAddr;

use super::Choices;
use crate::model::{ResourceId, ServiceTag, UnknownValue};
use crate::net::{AddressSet, Prefix};
use crate::resolve::{Names, ServiceTags};

/// How large and how odd generated values are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Shape {
    /// The most rules a group's user has written.
    pub rules: usize,
    /// The most items in a list of prefixes or ports.
    pub items: usize,
    /// How many prefixes are in use at once: the fewer, the more often rules meet.
    pub prefixes: usize,
    /// The most flows of a case.
    pub flows: usize,
    /// Whether values, names and ports may be unknown. Where they may not, every verdict is
    /// definite.
    pub unknown: bool,
}

impl Default for Shape {
    /// Up to 8 rules of up to 4 items over 12 prefixes, 12 flows, with unknown values.
    fn default() -> Self {
        Self { rules: 8, items: 4, prefixes: 12, flows: 12, unknown: true }
    }
}

impl Shape {
    /// The default shape with nothing unknown in it.
    pub fn definite() -> Self {
        Self { unknown: false, ..Self::default() }
    }

    /// The same shape with up to this many rules in a group.
    #[must_use]
    pub fn with_rules(self, rules: usize) -> Self {
        Self { rules, ..self }
    }

    /// The same shape with this many flows in a case.
    #[must_use]
    pub fn with_flows(self, flows: usize) -> Self {
        Self { flows, ..self }
    }

    /// How many bytes of choices a case of this shape is drawn from.
    pub(super) fn choices(&self) -> usize {
        let rules = self.rules.saturating_mul(24).saturating_add(self.flows.saturating_mul(12));
        rules.saturating_add(128)
    }
}

/// Draws values from a stream of choices. Everything one generator draws shares one vocabulary,
/// a few prefixes, ports and names, so that its rules overlap, nest and touch.
///
/// ```
/// use nsg_engine::eval::evaluate;
/// use nsg_engine::model::Direction;
/// use nsg_engine::resolve::Ruleset;
/// use nsg_engine::strategies::{Choices, Generator, Shape};
///
/// let mut generator = Generator::new(Choices::from_seed(7), Shape::default());
/// let group = generator.group();
/// let ruleset = Ruleset::of_group(&group, Direction::Inbound, generator.names());
/// let flow = generator.flow(&ruleset);
/// println!("{flow}: {}", evaluate(&ruleset, &flow).verdict());
/// ```
#[derive(Clone, Debug)]
pub struct Generator {
    pub(super) choices: Choices,
    pub(super) shape: Shape,
    pub(super) prefixes: Vec<Prefix>,
    names: Names,
}

impl Generator {
    /// A generator of values of this shape, its vocabulary drawn from the choices.
    pub fn new(choices: Choices, shape: Shape) -> Self {
        let names = Names::new(ServiceTags::built_in());
        let mut generator = Self { choices, shape, prefixes: Vec::new(), names };
        generator.names = generator.draw_names();
        generator
    }

    /// What the names of the vocabulary stand for: a `VirtualNetwork`, three catalogue tags and
    /// four application security groups. [`unknown_tags`](Self::unknown_tags) are not in it.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Tags that no catalogue of the generator has: two of public services, which hold no private
    /// address (S1.41), and one that may hold anything (S4.20).
    pub fn unknown_tags() -> [ServiceTag; 3] {
        ["Sql", "Storage.EastUS", "AzureBastion"].map(ServiceTag::new)
    }

    /// The application security group of this number; those below 4 have known members.
    pub fn asg(number: usize) -> ResourceId {
        resource("applicationSecurityGroups", &format!("asg-{number}"))
    }

    /// The shape values are drawn in.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    fn draw_names(&mut self) -> Names {
        let mut names = Names::new(catalogue());
        if !(self.shape.unknown && self.choices.one_in(8)) {
            let mut space = AddressSet::from(vnet_space());
            if self.choices.one_in(2) {
                space = space.union(&self.prefix().into());
            }
            names = names.with_virtual_network(space);
        }
        for number in 0..4 {
            let members = self.choices.below(4);
            let addresses = (0..members).map(|_| Prefix::host(self.address())).collect();
            names = names.with_group(Self::asg(number), addresses);
        }
        names
    }

    /// A name that is in the catalogue of the vocabulary or built in.
    pub(super) fn known_tag(&mut self) -> ServiceTag {
        let name = self.choices.one_of(
            "VirtualNetwork",
            &[
                "Internet",
                "AzureLoadBalancer",
                "Storage",
                "Storage.WestUS",
                "AzureCloud",
                "AzurePlatformDNS",
            ],
        );
        ServiceTag::new(name)
    }

    /// Text that stands where a value should be.
    pub(super) fn unknown_value(&mut self) -> UnknownValue {
        UnknownValue::new(self.choices.one_of("[parameters('a')]", &["[variables('b')]"]))
    }

    /// Whether this value, of a field that can be unknown, is.
    pub(super) fn is_unknown(&mut self, one_in: usize) -> bool {
        self.shape.unknown && self.choices.one_in(one_in)
    }

    /// An address at or beside a corner of a prefix in use, or one of the landmarks.
    pub fn address(&mut self) -> IpAddr {
        let prefix = self.prefix();
        let set = AddressSet::from(prefix);
        self.corner_address(&set, prefix.is_ipv4()).unwrap_or(prefix.address())
    }
}

/// A catalogue whose tags nest and touch.
fn catalogue() -> ServiceTags {
    let entry = |name: &str, texts: &[&str]| {
        let addresses = texts.iter().filter_map(|text| text.parse::<Prefix>().ok()).collect();
        (ServiceTag::new(name), addresses)
    };
    let entries = [
        entry("AzureCloud", &["20.0.0.0/8", "52.96.0.0/12", "2603:1000::/24"]),
        entry("Storage", &["20.60.0.0/16", "52.96.0.0/31", "2603:1030::/32"]),
        entry("Storage.WestUS", &["20.60.128.0/17", "2603:1030:0:8000::/49"]),
    ];
    ServiceTags::new(entries, None, None)
}

/// The address space every generated virtual network begins with.
pub(super) fn vnet_space() -> Prefix {
    Prefix::truncated(IpAddr::from([10, 0, 0, 0]), 16)
        .unwrap_or(Prefix::host(IpAddr::from([10, 0, 0, 0])))
}

/// An id in the one subscription and resource group of generated networks.
pub(super) fn resource(kind: &str, name: &str) -> ResourceId {
    ResourceId::new(&format!(
        "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Network/{kind}/{name}"
    ))
}
