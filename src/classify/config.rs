//! How to build a classifier, and why that may fail.

use std::fmt;
use std::str::FromStr;

use super::simd::Tier;

/// How a [`Classifier`](super::Classifier) is built.
///
/// ```
/// use nsg_engine::classify::{Config, Strategy};
///
/// let small = Config::new().size_limit(1 << 20).strategy(Strategy::Bitsets);
/// assert_ne!(small, Config::default());
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    pub(super) size_limit: usize,
    pub(super) strategy: Option<Strategy>,
    pub(super) ports: Ports,
    pub(super) tier: Tier,
}

impl Config {
    /// A limit of 64 MiB, the strategy chosen by what the rules look like, ports as Azure means
    /// them.
    pub fn new() -> Self {
        Self { size_limit: 64 << 20, strategy: None, ports: Ports::OfTcpAndUdp, tier: Tier::Avx512 }
    }

    /// The most bytes that the classifier may take; more than about twice that is never held
    /// while it is built.
    #[must_use]
    pub fn size_limit(mut self, bytes: usize) -> Self {
        self.size_limit = bytes;
        self
    }

    /// Uses this strategy for both IP versions, whatever the rules look like.
    #[must_use]
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = Some(strategy);
        self
    }

    /// The most that lookups may use of what the processor has; everything unless this is
    /// called. The answers are the same.
    #[must_use]
    pub fn tier(mut self, most: Tier) -> Self {
        self.tier = most;
        self
    }

    /// Which protocols have ports.
    #[must_use]
    pub fn ports(mut self, ports: Ports) -> Self {
        self.ports = ports;
        self
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

/// Which protocols have ports.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Ports {
    /// TCP and UDP; ICMP has a type in their place (S1.23, S1.24).
    #[default]
    OfTcpAndUdp,
    /// Every protocol: plain five-tuple filters, such as those of ClassBench.
    OfEveryProtocol,
}

/// The structure a lookup goes through. All give the same answers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Strategy {
    /// Equivalence classes, then an AND of three sets of rules.
    Bitsets,
    /// Cut trees over plain rules.
    Forest,
    /// Address classes in pairs, and lists of rules by kind.
    Pairs,
    /// One rule after the other; fits whenever the rules themselves do.
    Scan,
    /// Equivalence classes, then two loads from exactly reduced decision tables.
    Table,
}

impl Strategy {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Bitsets, Self::Forest, Self::Pairs, Self::Scan, Self::Table];
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bitsets => "bitsets",
            Self::Forest => "forest",
            Self::Pairs => "pairs",
            Self::Scan => "scan",
            Self::Table => "table",
        })
    }
}

/// The text is not a strategy.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{text}` is not a strategy: expected `bitsets`, `forest`, `pairs`, `scan` or `table`")]
pub struct StrategyError {
    text: String,
}

impl FromStr for Strategy {
    type Err = StrategyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|strategy| strategy.to_string() == text)
            .ok_or_else(|| StrategyError { text: text.to_owned() })
    }
}

/// A classifier cannot be built.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// It would take more bytes than it may.
    #[error("the {strategy} classifier does not fit into {limit} bytes: raise the size limit")]
    SizeLimit {
        /// What was to be built.
        strategy: Strategy,
        /// The limit.
        limit: usize,
    },
    /// A chain has more gates than it may.
    #[error("{gates} gates in one chain: at most {most} are possible")]
    TooManyGates {
        /// How many there are.
        gates: usize,
        /// How many there may be.
        most: usize,
    },
    /// Many groups together would take more bytes than they may.
    #[error("the groups do not fit into {limit} bytes together: raise the size limit")]
    TooManyGroups {
        /// The limit.
        limit: usize,
    },
    /// A change is of a group that there is not.
    #[error("there is no group {group}: there are {groups}, numbered from 0")]
    NoSuchGroup {
        /// The number asked for.
        group: usize,
        /// How many there are.
        groups: usize,
    },
    /// The strategy that was asked for cannot take these rules.
    #[error("the {strategy} strategy cannot take these rules: {reason}")]
    Unsuitable {
        /// What was asked for.
        strategy: Strategy,
        /// Why not.
        reason: &'static str,
    },
}
