//! Which rules decide a region.

use std::collections::BTreeSet;

use crate::resolve::Ruleset;
use crate::space::{LimitExceeded, Limits, Lists, Meter, NodeId, Place, Question, Region};

/// The indices of the rules that decide, or may decide, some flow of the region.
pub(super) fn deciders(
    ruleset: &Ruleset,
    region: &Region,
    limits: &Limits,
) -> Result<BTreeSet<usize>, LimitExceeded> {
    let lists = Lists::within([ruleset], std::slice::from_ref(region));
    let mut question = Deciders { lists: &lists, found: BTreeSet::new() };
    lists.ask(&mut question, &mut Meter::new(limits))?;
    Ok(question.found)
}

struct Deciders<'a> {
    lists: &'a Lists,
    found: BTreeSet<usize>,
}

impl Question for Deciders<'_> {
    const DRAWS: bool = false;

    fn place(&self, id: u32) -> Option<Place> {
        self.lists.place(id)
    }

    fn settle(&mut self, active: &mut Vec<u32>, covers: impl Fn(u32) -> bool) -> Option<NodeId> {
        let is_inside = self.lists.narrow(active, &covers).unwrap_or(false);
        let entries: Vec<_> = active.iter().filter_map(|&id| self.lists.entry(id)).collect();
        let outside = active.len() == entries.len();
        let is_final =
            |&id: &u32| self.lists.entry(id).is_some_and(|one| one.is_certain) && covers(id);
        let last = active.iter().position(is_final);
        let deciding = last.map_or(entries.len(), |last| last.saturating_add(1));
        let rules: Vec<usize> = entries.iter().take(deciding).map(|entry| entry.rule).collect();
        active.drain(deciding..entries.len());
        if outside || rules.iter().all(|rule| self.found.contains(rule)) {
            return Some(0);
        }
        if !is_inside || !active.iter().all(|&id| covers(id)) {
            return None;
        }
        self.found.extend(rules);
        Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Direction, ResourceId, SecurityGroup};
    use crate::resolve::{Names, ServiceTags};

    /// Rules that match some of the region but come too late for it are left out.
    #[test]
    fn only_rules_that_decide_some_of_the_region_are_named() {
        let mut group = SecurityGroup::new(ResourceId::new("nsg"));
        for rule in [
            "100 Low allow inbound tcp 10.0.0.0/25:* -> *:22",
            "110 Other deny inbound udp *:* -> *:*",
            "120 Late deny inbound tcp 10.0.0.0/26:* -> *:*",
            "130 High deny inbound tcp 10.0.0.128/25:* -> *:22",
            "140 Again deny inbound * 10.0.0.0/24:* -> *:*",
        ] {
            group.rules.push(rule.parse().unwrap());
        }
        let names = Names::new(ServiceTags::built_in());
        let ruleset = Ruleset::of_group(&group, Direction::Inbound, &names);
        let of = |region: &str| {
            let found = deciders(&ruleset, &region.parse().unwrap(), &Limits::default()).unwrap();
            found.into_iter().collect::<Vec<_>>()
        };
        assert_eq!(of("tcp 10.0.0.0/24:* -> *:22"), [0, 3]);
        assert_eq!(of("tcp 10.0.0.0/24:* -> *:22,23"), [0, 2, 3, 4]);
        // What `AllowVnetInBound` holds is not known.
        assert_eq!(of("icmp 192.0.2.0/24:* -> *:*"), [5, 7]);
        assert_eq!(of("tcp nothing:* -> *:*"), [] as [usize; 0]);
    }
}
