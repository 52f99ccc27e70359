//! What a ruleset lets pass.

use super::limits::Meter;
use super::lists::{Fate, Fates, Lists};
use super::{HeaderSpace, LimitExceeded, Limits, Region};
use crate::resolve::Ruleset;

/// The flows that rules let pass, with two borders where names are unknown.
///
/// ```
/// use nsg_engine::model::{Direction, ResourceId, SecurityGroup};
/// use nsg_engine::net::Prefix;
/// use nsg_engine::resolve::{Names, Ruleset, ServiceTags};
/// use nsg_engine::space::{Allowed, Limits};
///
/// let group = SecurityGroup::new(ResourceId::new("nsg-vm"));
/// let names = Names::new(ServiceTags::built_in());
/// let limits = Limits::default();
///
/// // Without a virtual network, nobody knows what `AllowVnetInBound` lets in.
/// let ruleset = Ruleset::of_group(&group, Direction::Inbound, &names);
/// let allowed = Allowed::by(&ruleset, &limits)?;
/// assert!(!allowed.is_certain());
///
/// let names = names.with_virtual_network("10.0.0.0/16".parse::<Prefix>()?.into());
/// let ruleset = Ruleset::of_group(&group, Direction::Inbound, &names);
/// let allowed = Allowed::by(&ruleset, &limits)?;
/// assert!(allowed.is_certain());
/// assert_eq!(allowed.certain.regions(&limits)?.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_structs, reason = "the two borders of a three-valued set")]
pub struct Allowed {
    /// The flows that pass however the unknowns turn out.
    pub certain: HeaderSpace,
    /// The flows that pass in some way the unknowns could turn out; it covers `certain`.
    pub possible: HeaderSpace,
}

impl Allowed {
    /// What one list of rules lets pass. Of admin rules that is what is not dropped there.
    ///
    /// # Errors
    ///
    /// When that takes more than the limits allow.
    pub fn by(ruleset: &Ruleset, limits: &Limits) -> Result<Self, LimitExceeded> {
        Self::by_all([ruleset], limits)
    }

    /// What several lists let pass that flows go through in this order: every list must let a
    /// flow go on, except that an admin rule may deliver it at once (S3.12, S6.4).
    ///
    /// # Errors
    ///
    /// When that takes more than the limits allow.
    pub fn by_all<'a>(
        rulesets: impl IntoIterator<Item = &'a Ruleset>,
        limits: &Limits,
    ) -> Result<Self, LimitExceeded> {
        Self::of_lists(&Lists::new(rulesets), limits)
    }

    /// The flows of some regions, which may overlap, that several lists let pass.
    ///
    /// # Errors
    ///
    /// When that takes more than the limits allow.
    pub fn by_all_within<'a>(
        rulesets: impl IntoIterator<Item = &'a Ruleset>,
        regions: &[Region],
        limits: &Limits,
    ) -> Result<Self, LimitExceeded> {
        if regions.is_empty() {
            return Ok(Self { certain: HeaderSpace::empty(), possible: HeaderSpace::empty() });
        }
        Self::of_lists(&Lists::within(rulesets, regions), limits)
    }

    fn of_lists(lists: &Lists, limits: &Limits) -> Result<Self, LimitExceeded> {
        let value = |fate, _, _| match fate {
            Fate::Dropped => 0,
            Fate::Passed => 1,
            Fate::Open => 2,
        };
        let mut fates = Fates::new(lists, lists.len(), value);
        let answer = lists.ask(&mut fates, &mut Meter::new(limits))?;
        Ok(Self { certain: answer.flows(&[1], limits)?, possible: answer.flows(&[1, 2], limits)? })
    }

    /// Whether nothing unknown decides.
    pub fn is_certain(&self) -> bool {
        self.certain == self.possible
    }
}
