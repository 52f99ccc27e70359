//! Which service tags differ between two catalogues, of those that rules name.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::ServiceTag;
use crate::net::AddressSet;
use crate::network::Network;
use crate::resolve::{ServiceTags, Topology};

/// A service tag that holds something else under another catalogue.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct TagChange {
    /// The tag.
    pub tag: ServiceTag,
    /// What it held; `None` when the catalogue before does not have it.
    pub before: Option<Arc<AddressSet>>,
    /// What it holds; `None` when the catalogue after does not have it.
    pub after: Option<Arc<AddressSet>>,
}

impl TagChange {
    /// The addresses that it holds and did not.
    pub fn added(&self) -> AddressSet {
        gain(self.before.as_deref(), self.after.as_deref())
    }

    /// The addresses that it held and does not.
    pub fn removed(&self) -> AddressSet {
        gain(self.after.as_deref(), self.before.as_deref())
    }
}

fn gain(before: Option<&AddressSet>, after: Option<&AddressSet>) -> AddressSet {
    match (before, after) {
        (_, None) => AddressSet::empty(),
        (None, Some(after)) => after.clone(),
        (Some(before), Some(after)) => after.difference(before),
    }
}

/// The service tags that a rule of either network names and that hold something else in the
/// catalogue of the one than in that of the other, by name.
pub fn changed_tags(before: &Topology, after: &Topology) -> Vec<TagChange> {
    let [old, new] = [before, after].map(Topology::service_tags);
    let mut named: BTreeSet<&ServiceTag> = BTreeSet::new();
    for topology in [before, after] {
        named.extend(named_tags(topology.network()));
    }
    let change = |tag: &ServiceTag| -> TagChange {
        let look = |tags: &ServiceTags| tags.addresses(tag);
        TagChange { tag: tag.clone(), before: look(old), after: look(new) }
    };
    named.into_iter().map(change).filter(|one| one.before != one.after).collect()
}

fn named_tags(network: &Network) -> impl Iterator<Item = &ServiceTag> {
    let rules = network.security_groups.iter().flat_map(|group| group.all_rules());
    let of_groups = rules.flat_map(|rule| rule.source.tags().chain(rule.destination.tags()));
    let rules = network.admin_rule_collections.iter().flat_map(|collection| &collection.rules);
    of_groups.chain(rules.flat_map(|rule| rule.source.tags().chain(rule.destination.tags())))
}
