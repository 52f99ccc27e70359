//! Goals that speak of names whose contents are not known.
//!
//! Which flows `GatewayManager` stands for may not be known, and yet it is certain that a rule
//! for it opens these flows and no others. An address either is in the tag or it is not, and
//! what becomes of a flow depends on its own two addresses alone. So it is enough to look at
//! every flow as if its source were in the tag, and as if it were not, and the same for its
//! destination: a claim that holds in these worlds holds however the tag turns out.

use super::{Goal, List};
use crate::model::{AddressItem, AddressSpec, Direction, SecurityGroup, SecurityRule};
use crate::net::AddressSet;
use crate::resolve::{Contents, Names, Rule, Ruleset};

/// One way that the names of a goal could turn out, for sources and for destinations.
pub(super) struct World {
    source: Names,
    /// `None` where it is the same for destinations.
    destination: Option<Names>,
}

impl World {
    /// The names as they are.
    pub(super) fn of(names: &Names) -> Self {
        Self { source: names.clone(), destination: None }
    }

    /// The worlds that a goal has to hold in: one, unless it names something unknown.
    pub(super) fn all(goal: &Goal, list: &List<'_>) -> Vec<Self> {
        let Some([source, destination]) = goal.written() else { return vec![Self::of(list.names)] };
        let (sources, destinations) = (turns(source, list.names), turns(destination, list.names));
        if let ([source], [_]) = (sources.as_slice(), destinations.as_slice()) {
            return vec![Self { source: source.clone(), destination: None }];
        }
        let pairs = sources.iter().flat_map(|source| {
            destinations.iter().map(move |destination| Self {
                source: source.clone(),
                destination: Some(destination.clone()),
            })
        });
        pairs.collect()
    }

    /// The rules of a group in this world.
    pub(super) fn ruleset(&self, group: &SecurityGroup, direction: Direction) -> Ruleset {
        let ruleset = Ruleset::of_group(group, direction, &self.source);
        let Some(destination) = &self.destination else { return ruleset };
        let other = Ruleset::of_group(group, direction, destination);
        let rules = ruleset.rules().iter().zip(other.rules());
        let rules = rules.map(|(source, destination)| Rule {
            destination: destination.destination.clone(),
            ..source.clone()
        });
        Ruleset::new(direction, rules.collect(), ruleset.fallback())
    }

    /// One rule in this world; `None` when it is for the other direction.
    pub(super) fn resolve(&self, rule: &SecurityRule, direction: Direction) -> Option<Rule> {
        let mut group = SecurityGroup::new("".into());
        group.default_rules.clear();
        group.rules.push(SecurityRule { direction: direction.into(), ..rule.clone() });
        self.ruleset(&group, direction).rules().first().cloned()
    }
}

/// The names with the unknown ones of a list of addresses holding all they could, and no more
/// than they certainly do. One alone when all are known.
fn turns(spec: &AddressSpec, names: &Names) -> Vec<Names> {
    let unknown: Vec<(&AddressItem, Contents)> = spec
        .items
        .iter()
        .filter(|item| matches!(item, AddressItem::Tag(_) | AddressItem::Asg(_)))
        .map(|item| (item, names.addresses(item)))
        .filter(|(_, contents)| contents.complete().is_none())
        .collect();
    if unknown.is_empty() {
        return vec![names.clone()];
    }
    let with = |bound: fn(&Contents) -> &AddressSet| {
        unknown.iter().fold(names.clone(), |names, (item, contents)| {
            let addresses = bound(contents).clone();
            match item {
                AddressItem::Tag(tag) if tag.is("VirtualNetwork") => {
                    names.with_virtual_network(addresses)
                }
                AddressItem::Tag(tag) => {
                    let tags = names.service_tags().clone().with(tag.clone(), addresses);
                    names.with_service_tags(tags)
                }
                AddressItem::Asg(id) => names.with_group(id.clone(), addresses),
                _ => names,
            }
        })
    };
    vec![with(|contents| &contents.possible), with(|contents| &contents.known)]
}
