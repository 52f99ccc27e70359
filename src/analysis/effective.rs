//! What a rule still decides.

use crate::resolve::Ruleset;
use crate::space::{HeaderSpace, LimitExceeded, Limits, Lists, Meter, NodeId, Place, Question};

/// The flows that one rule decides: those it matches and no rule before it does.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_structs, reason = "the two borders of a three-valued set")]
pub struct Effective {
    /// The flows it decides however the unknowns turn out.
    pub certain: HeaderSpace,
    /// The flows it decides in some way the unknowns could turn out.
    pub possible: HeaderSpace,
}

/// What the rule with this index decides; nothing when there is no such rule.
///
/// # Errors
///
/// When that takes more than the limits allow.
///
/// ```
/// use nsg_engine::analysis::effective;
/// use nsg_engine::model::{Direction, ResourceId, SecurityGroup};
/// use nsg_engine::resolve::{Names, Ruleset, ServiceTags};
/// use nsg_engine::space::Limits;
///
/// let mut group = SecurityGroup::new(ResourceId::new("nsg-vm"));
/// group.rules.push("100 DenySsh deny inbound tcp *:* -> *:22".parse()?);
/// group.rules.push("110 AllowLow allow inbound tcp *:* -> *:0-1023".parse()?);
/// let names = Names::new(ServiceTags::built_in());
/// let ruleset = Ruleset::of_group(&group, Direction::Inbound, &names);
/// let low = effective(&ruleset, 1, &Limits::default())?;
/// assert_eq!(low.certain.to_string(), "tcp *:* -> *:0-21,23-1023");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn effective(
    ruleset: &Ruleset,
    index: usize,
    limits: &Limits,
) -> Result<Effective, LimitExceeded> {
    let lists = Lists::new([ruleset]);
    let mut question = Decides { lists: &lists, rule: index };
    let answer = lists.ask(&mut question, &mut Meter::new(limits))?;
    Ok(Effective {
        certain: answer.flows(&[CERTAIN], limits)?,
        possible: answer.flows(&[CERTAIN, POSSIBLE], limits)?,
    })
}

const NOT: NodeId = 0;
const CERTAIN: NodeId = 1;
const POSSIBLE: NodeId = 2;

/// Whether one rule decides.
struct Decides<'a> {
    lists: &'a Lists,
    rule: usize,
}

impl Question for Decides<'_> {
    fn place(&self, id: u32) -> Option<Place> {
        self.lists.place(id)
    }

    fn settle(&mut self, active: &mut Vec<u32>, covers: impl Fn(u32) -> bool) -> Option<NodeId> {
        let rule_of = |id: &u32| self.lists.entry(*id).map(|entry| entry.rule);
        let is_certain = |id: &u32| self.lists.entry(*id).is_some_and(|entry| entry.is_certain);
        active.truncate(active.partition_point(|id| rule_of(id) <= Some(self.rule)));
        let before = active.partition_point(|id| rule_of(id) < Some(self.rule));
        let (before, own) = active.split_at(before);
        if own.is_empty() || before.iter().any(|id| is_certain(id) && covers(*id)) {
            return Some(NOT);
        }
        if !active.iter().all(|&id| covers(id)) {
            return None;
        }
        let is_certain = before.is_empty() && own.iter().any(is_certain);
        Some(if is_certain { CERTAIN } else { POSSIBLE })
    }
}
