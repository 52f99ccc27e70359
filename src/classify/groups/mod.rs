//! Thousands of groups compiled together.
//!
//! Most groups are small and much alike: they name the same tags, ports and subnets. What is
//! equal is stored once, and large sets that several groups name have one index for all.

mod build;
mod cells;
mod layout;
mod part;
mod pool;
mod shared;

use std::fmt;

use super::Address;
use super::config::{BuildError, Config};
use super::index::Bits;
use super::key::{Answer, FlowKey, RuleIndex};
use super::rules::{Products, Wide};
use crate::model::Flow;
use crate::resolve::Ruleset;
use build::{Builder, shared_sets};
use cells::InCells;
use part::{ARC, GroupsPart};

/// Many rulesets compiled together: which rule of group `g` decides about a flow.
///
/// Groups go by their number in the list they were compiled from; a ruleset is one direction of a
/// group. Immutable, and shared between threads as it is; after a change of some groups
/// [`with`](Self::with) makes a new one from it, which is put in its place.
///
/// ```
/// use nsg_engine::classify::{Answer, Config, GroupsClassifier};
/// use nsg_engine::model::{Direction, Flow, ResourceId, SecurityGroup};
/// use nsg_engine::resolve::{Names, Ruleset};
///
/// let mut open = SecurityGroup::new(ResourceId::new("open"));
/// open.rules.push("100 AllowAll allow inbound * *:* -> *:*".parse()?);
/// let mut ssh = SecurityGroup::new(ResourceId::new("ssh"));
/// ssh.rules.push("100 NoSsh deny inbound tcp *:* -> *:22".parse()?);
/// let inbound = |group| Ruleset::of_group(group, Direction::Inbound, &Names::default());
///
/// let groups = GroupsClassifier::new(&[&inbound(&open), &inbound(&ssh)], &Config::new())?;
/// let flow: Flow = "tcp 10.0.1.4:50000 -> 10.0.0.4:22".parse()?;
/// assert_eq!(groups.classify(0, &flow), Answer::Rule(0));
/// let edited = groups.with(&[(0, &inbound(&ssh))])?;
/// assert_eq!(edited.classify(0, &flow), edited.classify(1, &flow));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct GroupsClassifier {
    config: Config,
    pub(super) ipv4: GroupsPart<u32>,
    pub(super) ipv6: GroupsPart<u128>,
}

impl GroupsClassifier {
    /// Compiles the groups.
    ///
    /// A [`Strategy`](super::Strategy) that is asked for gives each group a structure of that kind
    /// for itself, and nothing is shared.
    ///
    /// # Errors
    ///
    /// When they do not fit the size limit, or the strategy asked for does not take such rules.
    pub fn new(groups: &[&Ruleset], config: &Config) -> Result<Self, BuildError> {
        let wide = Wide::new();
        let products = || groups.iter().map(|group| Products::new(group, config.ports, &wide));
        let (ipv4, ipv6) = (shared_sets(products(), config), shared_sets(products(), config));
        let mut builders = Builders {
            config,
            ipv4: Builder::new(ipv4.as_ref(), config),
            ipv6: Builder::new(ipv6.as_ref(), config),
        };
        for products in products() {
            builders.push(&products)?;
        }
        builders.build()
    }

    /// These groups after some were changed: each of `changes` is the number of a group and its
    /// rules now; the number after the last one adds a group.
    ///
    /// All other groups are taken over as they are. Where a changed group names a large set that
    /// was not shared before, the set becomes its own; after a change of the sets themselves, as
    /// by a new file of service tags, compile the groups anew.
    ///
    /// # Errors
    ///
    /// When they no longer fit the size limit, or there is no group with such a number.
    pub fn with(&self, changes: &[(usize, &Ruleset)]) -> Result<Self, BuildError> {
        let wide = Wide::new();
        let mut changed: Vec<Option<&Ruleset>> = vec![None; self.len()];
        for (group, ruleset) in changes {
            if *group == changed.len() {
                changed.push(None);
            }
            let groups = changed.len();
            let place = changed.get_mut(*group);
            *place.ok_or(BuildError::NoSuchGroup { group: *group, groups })? = Some(ruleset);
        }
        let config = &self.config;
        let mut builders = Builders {
            config,
            ipv4: Builder::new(self.ipv4.shared.as_ref(), config),
            ipv6: Builder::new(self.ipv6.shared.as_ref(), config),
        };
        let slots = self.ipv4.slots.iter().zip(&self.ipv6.slots).map(Some);
        for (ruleset, slots) in changed.into_iter().zip(slots.chain(std::iter::repeat(None))) {
            match (ruleset, slots) {
                (Some(ruleset), _) => {
                    builders.push(&Products::new(ruleset, config.ports, &wide))?;
                }
                (None, Some((ipv4, ipv6))) => {
                    builders.ipv4.push_again(&self.ipv4, *ipv4)?;
                    builders.ipv6.push_again(&self.ipv6, *ipv6)?;
                }
                (None, None) => {}
            }
        }
        builders.build()
    }

    /// How many groups there are.
    pub fn len(&self) -> usize {
        self.ipv4.slots.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rule of a group that decides about a flow.
    ///
    /// A flow with a port or an ICMP type that is not known is left to `eval`, and so is a number
    /// that no group has.
    pub fn classify(&self, group: usize, flow: &Flow) -> Answer {
        FlowKey::of(flow).map_or(Answer::Evaluate, |key| self.classify_key(group, &key).answer())
    }

    /// The rule of a group that decides about a key; [`RuleIndex::EVALUATE`] where there is no
    /// such group.
    #[inline]
    pub fn classify_key<A: Address>(&self, group: usize, key: &FlowKey<A>) -> RuleIndex {
        A::classify_in(self, group, key)
    }

    /// The rules that decide about `keys`, each in the group whose number stands at the same place
    /// of `groups`, into the same place of `answers`, up to the end of the shortest slice.
    pub fn classify_batch<A: Address>(
        &self,
        groups: &[u32],
        keys: &[FlowKey<A>],
        answers: &mut [RuleIndex],
    ) {
        A::classify_all_in(self, groups, keys, answers);
    }

    /// The bytes it takes: never more than the size limit.
    pub fn memory_usage(&self) -> usize {
        self.ipv4.bytes().saturating_add(self.ipv6.bytes())
    }

    /// What was built.
    pub fn report(&self) -> GroupsReport {
        GroupsReport { ipv4: self.ipv4.report(), ipv6: self.ipv6.report() }
    }
}

struct Builders<'a> {
    config: &'a Config,
    ipv4: Builder<'a, u32>,
    ipv6: Builder<'a, u128>,
}

impl<'a> Builders<'a> {
    fn push(&mut self, products: &Products<'a>) -> Result<(), BuildError> {
        self.ipv6.push(products, self.left()?)?;
        self.ipv4.push(products, self.left()?)
    }

    /// What may still be used.
    fn left(&self) -> Result<usize, BuildError> {
        let bytes = self.ipv4.bytes().saturating_add(self.ipv6.bytes());
        let left = self.config.size_limit.checked_sub(bytes);
        left.ok_or(BuildError::TooManyGroups { limit: self.config.size_limit })
    }

    fn build(self) -> Result<GroupsClassifier, BuildError> {
        self.left()?;
        let (ipv4, ipv6) = (self.ipv4.build(), self.ipv6.build());
        Ok(GroupsClassifier { config: self.config.clone(), ipv4, ipv6 })
    }
}

impl fmt::Debug for GroupsClassifier {
    /// Its report; the tables themselves may be millions of numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GroupsClassifier").field(&self.report()).finish()
    }
}

/// What a [`GroupsClassifier`] was built of.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct GroupsReport {
    /// For IPv4 flows.
    pub ipv4: GroupsPartReport,
    /// For IPv6 flows.
    pub ipv6: GroupsPartReport,
}

/// What was built for the flows of one IP version.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct GroupsPartReport {
    /// How many groups there are.
    pub groups: usize,
    /// How many of them are by themselves, since they are large.
    pub by_themselves: usize,
    /// How many large sets have one index for all groups.
    pub shared_sets: usize,
    /// The bytes of that index.
    pub shared_bytes: usize,
    /// The bytes of everything.
    pub bytes: usize,
}

impl<B: Bits + InCells> GroupsPart<B> {
    fn report(&self) -> GroupsPartReport {
        let shared = self.shared.as_deref();
        GroupsPartReport {
            groups: self.slots.len(),
            by_themselves: self.own.len(),
            shared_sets: shared.map_or(0, |shared| shared.len()),
            shared_bytes: shared.map_or(0, |shared| shared.bytes().saturating_add(ARC)),
            bytes: self.bytes(),
        }
    }
}

impl fmt::Display for GroupsReport {
    /// One line for each IP version.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IPv4: {}\nIPv6: {}", self.ipv4, self.ipv6)
    }
}

impl fmt::Display for GroupsPartReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { groups, by_themselves, shared_sets, shared_bytes, bytes } = self;
        write!(
            f,
            "{groups} groups, {by_themselves} by themselves, {bytes} bytes, of them {shared_bytes} \
             for {shared_sets} shared sets"
        )
    }
}
