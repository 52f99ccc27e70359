//! The compiled matcher: a [`Ruleset`] becomes a [`Classifier`], which finds the deciding rule of
//! a flow in nanoseconds and of columns of flows at hundreds of millions a second.
//!
//! Its answers are those of [`eval`](crate::eval), which it never calls. Where something unknown
//! may decide it says so ([`Answer::Evaluate`]), and the caller asks `eval` for the three-valued
//! answer; all other lookups pay nothing for that.
//!
//! A rule stays five sets all the way; no product of lists is ever built, so a tag of ten
//! thousand prefixes costs a lookup nothing. Each field is cut into equivalence classes once;
//! a [`Strategy`] says how the classes of a flow are brought together.
//!
//! ```
//! use nsg_engine::classify::Answer;
//! use nsg_engine::model::{Direction, Flow, ResourceId, SecurityGroup};
//! use nsg_engine::net::Prefix;
//! use nsg_engine::resolve::{Names, Ruleset, ServiceTags};
//!
//! let group = SecurityGroup::new(ResourceId::new("nsg-vm"));
//! let names = Names::new(ServiceTags::built_in())
//!     .with_virtual_network("10.0.0.0/16".parse::<Prefix>()?.into());
//! let ruleset = Ruleset::of_group(&group, Direction::Inbound, &names);
//! let classifier = ruleset.compile()?;
//!
//! let from_internet: Flow = "tcp 203.0.113.7:50000 -> 10.0.0.4:22".parse()?;
//! let Answer::Rule(rule) = classifier.classify(&from_internet) else { panic!() };
//! assert_eq!(ruleset.rules()[rule].name.as_str(), "DenyAllInBound");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bitsets;
mod chain;
mod chain_answer;
mod classes;
mod config;
mod engine;
mod fields;
mod forest;
mod groups;
mod index;
mod key;
mod pairs;
mod report;
mod rules;
mod scan;
mod service;
mod simd;
mod table;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use chain::{ChainClassifier, ChainReport};
pub use chain_answer::ChainAnswer;
pub use config::{BuildError, Config, Ports, Strategy, StrategyError};
use engine::Part;
pub use groups::{GroupsClassifier, GroupsPartReport, GroupsReport};
use key::SplitKey;
pub use key::{Answer, FlowColumns, FlowKey, RuleIndex};
pub use report::{FieldReport, PartReport, Report};
use rules::{Products, Wide};
pub use simd::Tier;

use crate::model::Flow;
use crate::resolve::Ruleset;

/// Why a structure cannot be built.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Unfit {
    /// It would take too many bytes.
    Size,
    /// It does not take such rules.
    Rules(&'static str),
}

impl Ruleset {
    /// The compiled matcher of these rules, with the usual [`Config`].
    ///
    /// # Errors
    ///
    /// When it does not fit into 64 MiB.
    pub fn compile(&self) -> Result<Classifier, BuildError> {
        Classifier::new(self, &Config::new())
    }
}

/// A compiled [`Ruleset`]: immutable, and shared between threads as it is. After a change of the
/// rules a new one is built and put in its place.
pub struct Classifier {
    ipv4: Part<u32>,
    ipv6: Part<u128>,
}

impl Classifier {
    /// Compiles a ruleset.
    ///
    /// # Errors
    ///
    /// When it does not fit the size limit, or the strategy asked for does not take such rules.
    pub fn new(ruleset: &Ruleset, config: &Config) -> Result<Self, BuildError> {
        let wide = Wide::new();
        let products = Products::new(ruleset, config.ports, &wide);
        let ipv6 = Part::new(&products.of_version(), config, config.size_limit)?;
        let left = config.size_limit.saturating_sub(ipv6.report().bytes);
        let ipv4 = Part::new(&products.of_version(), config, left)?;
        Ok(Self { ipv4, ipv6 })
    }

    /// The rule that decides about a flow.
    ///
    /// A flow with a port or an ICMP type that is not known is left to `eval`.
    pub fn classify(&self, flow: &Flow) -> Answer {
        FlowKey::of(flow).map_or(Answer::Evaluate, |key| self.classify_key(&key).answer())
    }

    /// The rule that decides about a key.
    #[inline]
    pub fn classify_key<A: Address>(&self, key: &FlowKey<A>) -> RuleIndex {
        A::classify(self, key)
    }

    /// The rules that decide about `keys`, each into the same place of `answers`, up to the end
    /// of the shorter slice.
    pub fn classify_batch<A: Address>(&self, keys: &[FlowKey<A>], answers: &mut [RuleIndex]) {
        A::classify_all(self, keys.iter().copied(), answers);
    }

    /// The rules that decide about flows in columns, each into the same place of `answers`, up to
    /// the end of the shorter.
    pub fn classify_columns<A: Address>(
        &self,
        columns: &FlowColumns<'_, A>,
        answers: &mut [RuleIndex],
    ) {
        A::classify_all(self, columns.keys(), answers);
    }

    /// The structure that lookups of IPv4 flows go through.
    pub fn kind(&self) -> Strategy {
        self.ipv4.report().strategy
    }

    /// The bytes it takes: never more than the size limit.
    pub fn memory_usage(&self) -> usize {
        [self.ipv4.report().bytes, self.ipv6.report().bytes].iter().sum()
    }

    /// What was built, and why.
    pub fn report(&self) -> Report {
        Report { ipv4: self.ipv4.report().clone(), ipv6: self.ipv6.report().clone() }
    }
}

impl fmt::Debug for Classifier {
    /// Its report; the tables themselves may be millions of numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Classifier").field(&self.report()).finish()
    }
}

/// The addresses of a [`FlowKey`]: [`Ipv4Addr`], [`Ipv6Addr`], or [`IpAddr`] where mixed.
pub trait Address: Copy + sealed::Sealed {
    #[doc(hidden)]
    fn classify(classifier: &Classifier, key: &FlowKey<Self>) -> RuleIndex;

    #[doc(hidden)]
    fn classify_all(
        classifier: &Classifier,
        keys: impl Iterator<Item = FlowKey<Self>>,
        answers: &mut [RuleIndex],
    );

    #[doc(hidden)]
    fn classify_in(groups: &GroupsClassifier, group: usize, key: &FlowKey<Self>) -> RuleIndex;

    #[doc(hidden)]
    fn classify_all_in(
        classifier: &GroupsClassifier,
        groups: &[u32],
        keys: &[FlowKey<Self>],
        answers: &mut [RuleIndex],
    );
}

mod sealed {
    use super::{FlowKey, SplitKey};

    #[expect(unnameable_types, reason = "nobody else is to implement it")]
    pub trait Sealed: Sized {
        /// The key by its IP version; `None` where it mixes them.
        fn split(key: &FlowKey<Self>) -> Option<SplitKey>;
    }
}

macro_rules! address {
    ($address:ty, $part:ident, $version:ident) => {
        impl sealed::Sealed for $address {
            #[inline(always)]
            fn split(key: &FlowKey<Self>) -> Option<SplitKey> {
                Some(SplitKey::$version(key.bits()))
            }
        }

        impl Address for $address {
            #[inline]
            fn classify(classifier: &Classifier, key: &FlowKey<Self>) -> RuleIndex {
                classifier.$part.classify(key.bits())
            }

            fn classify_all(
                classifier: &Classifier,
                keys: impl Iterator<Item = FlowKey<Self>>,
                answers: &mut [RuleIndex],
            ) {
                classifier.$part.classify_all(keys.map(|key| key.bits()), answers);
            }

            #[inline]
            fn classify_in(
                groups: &GroupsClassifier,
                group: usize,
                key: &FlowKey<Self>,
            ) -> RuleIndex {
                groups.$part.classify(group, key.bits())
            }

            fn classify_all_in(
                classifier: &GroupsClassifier,
                groups: &[u32],
                keys: &[FlowKey<Self>],
                answers: &mut [RuleIndex],
            ) {
                classifier.$part.classify_all(groups, keys.iter().map(|key| key.bits()), answers);
            }
        }
    };
}
address!(Ipv4Addr, ipv4, V4);
address!(Ipv6Addr, ipv6, V6);

impl sealed::Sealed for IpAddr {
    #[inline(always)]
    fn split(key: &FlowKey<Self>) -> Option<SplitKey> {
        key.split()
    }
}

impl Address for IpAddr {
    #[inline]
    fn classify(classifier: &Classifier, key: &FlowKey<Self>) -> RuleIndex {
        match key.split() {
            Some(SplitKey::V4(key)) => classifier.ipv4.classify(key),
            Some(SplitKey::V6(key)) => classifier.ipv6.classify(key),
            None => RuleIndex::NONE,
        }
    }

    fn classify_all(
        classifier: &Classifier,
        keys: impl Iterator<Item = FlowKey<Self>>,
        answers: &mut [RuleIndex],
    ) {
        for (answer, key) in answers.iter_mut().zip(keys) {
            *answer = Self::classify(classifier, &key);
        }
    }

    #[inline]
    fn classify_in(groups: &GroupsClassifier, group: usize, key: &FlowKey<Self>) -> RuleIndex {
        match key.split() {
            Some(SplitKey::V4(key)) => groups.ipv4.classify(group, key),
            Some(SplitKey::V6(key)) => groups.ipv6.classify(group, key),
            None if group < groups.len() => RuleIndex::NONE,
            None => RuleIndex::EVALUATE,
        }
    }

    fn classify_all_in(
        classifier: &GroupsClassifier,
        groups: &[u32],
        keys: &[FlowKey<Self>],
        answers: &mut [RuleIndex],
    ) {
        for (answer, (group, key)) in answers.iter_mut().zip(groups.iter().zip(keys)) {
            *answer = Self::classify_in(classifier, *group as usize, key);
        }
    }
}
