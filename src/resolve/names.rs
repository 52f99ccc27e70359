//! What names stand for at one place.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{ServiceTags, Unresolved};
use crate::model::{AddressItem, ResourceId, ServiceTag};
use crate::net::AddressSet;

/// The addresses a name stands for: those it certainly holds, and those it may hold.
///
/// Whatever the unknown turns out to be, the addresses lie between `known` and `possible`. The
/// two are equal exactly when nothing about the name is unknown.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_structs, reason = "two bounds and the reasons are all there is")]
pub struct Contents {
    /// The addresses it certainly holds.
    pub known: Arc<AddressSet>,
    /// Every address it could hold; covers `known`.
    pub possible: Arc<AddressSet>,
    /// What is not known; empty when `known` is all.
    pub unknown: Vec<Unresolved>,
}

impl Contents {
    /// Exactly these addresses.
    pub fn known(addresses: impl Into<Arc<AddressSet>>) -> Self {
        let known = addresses.into();
        Self { possible: Arc::clone(&known), known, unknown: Vec::new() }
    }

    /// Any addresses at all, for this reason.
    pub fn unknown(reason: Unresolved) -> Self {
        Self::unknown_within(AddressSet::full(), reason)
    }

    /// Any addresses among these, for this reason.
    pub fn unknown_within(bound: impl Into<Arc<AddressSet>>, reason: Unresolved) -> Self {
        Self { known: Arc::default(), possible: bound.into(), unknown: vec![reason] }
    }

    /// The addresses, if all of them are known.
    pub fn complete(&self) -> Option<&Arc<AddressSet>> {
        self.unknown.is_empty().then_some(&self.known)
    }
}

impl FromIterator<Contents> for Contents {
    /// The union. What is unknown about a part stays unknown about the whole only where it can
    /// add an address that is not already known to be in it.
    fn from_iter<I: IntoIterator<Item = Self>>(parts: I) -> Self {
        let mut parts: Vec<Self> = parts.into_iter().collect();
        if parts.len() == 1 {
            // The common case, kept shared: one tag, one group, one prefix.
            return parts.remove(0);
        }
        let known: AddressSet = parts.iter().map(|part| AddressSet::clone(&part.known)).collect();
        let mut possible = known.clone();
        let mut unknown = Vec::new();
        for part in parts {
            if part.unknown.is_empty() || known.covers(&part.possible) {
                continue;
            }
            possible = possible.union(&part.possible);
            for reason in part.unknown {
                if !unknown.contains(&reason) {
                    unknown.push(reason);
                }
            }
        }
        Self { known: Arc::new(known), possible: Arc::new(possible), unknown }
    }
}

/// What service tags, application security groups and network groups stand for at one place:
/// the `VirtualNetwork` tag differs from subnet to subnet (S4.3).
///
/// ```
/// use nsg_engine::model::ServiceTag;
/// use nsg_engine::net::{AddressSet, Prefix};
/// use nsg_engine::resolve::{Names, ServiceTags};
///
/// let vnet: Prefix = "10.0.0.0/16".parse()?;
/// let names = Names::new(ServiceTags::built_in()).with_virtual_network(vnet.into());
/// assert!(names.tag(&ServiceTag::virtual_network()).is_some());
/// assert!(names.tag(&ServiceTag::new("Storage")).is_none());
/// # Ok::<(), nsg_engine::net::PrefixError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Names {
    tags: Arc<ServiceTags>,
    virtual_network: Option<Contents>,
    groups: Arc<BTreeMap<ResourceId, Contents>>,
}

impl Names {
    /// The tags of a catalogue; `VirtualNetwork` and all groups are unknown.
    pub fn new(tags: impl Into<Arc<ServiceTags>>) -> Self {
        Self { tags: tags.into(), virtual_network: None, groups: Arc::default() }
    }

    /// The same names with another catalogue.
    #[must_use]
    pub fn with_service_tags(mut self, tags: impl Into<Arc<ServiceTags>>) -> Self {
        self.tags = tags.into();
        self
    }

    /// The same names with contents for the `VirtualNetwork` tag.
    #[must_use]
    pub fn with_virtual_network(self, addresses: AddressSet) -> Self {
        self.with_virtual_network_contents(Contents::known(addresses))
    }

    /// The same names with contents for the `VirtualNetwork` tag that may be known in part.
    #[must_use]
    pub fn with_virtual_network_contents(mut self, contents: Contents) -> Self {
        self.virtual_network = Some(contents);
        self
    }

    /// The same names with contents for an application security group or a network group.
    #[must_use]
    pub fn with_group(self, id: ResourceId, addresses: AddressSet) -> Self {
        self.with_group_contents(id, Contents::known(addresses))
    }

    /// The same names with contents for an application security group or a network group that
    /// may be known in part.
    #[must_use]
    pub fn with_group_contents(mut self, id: ResourceId, contents: Contents) -> Self {
        Arc::make_mut(&mut self.groups).insert(id, contents);
        self
    }

    /// The catalogue of service tags.
    pub fn service_tags(&self) -> &ServiceTags {
        &self.tags
    }

    /// What a service tag holds here, if all of it is known.
    pub fn tag(&self, tag: &ServiceTag) -> Option<Arc<AddressSet>> {
        self.tag_contents(tag).complete().cloned()
    }

    /// The addresses of an application security group or a network group, if all are known.
    pub fn group(&self, id: &ResourceId) -> Option<Arc<AddressSet>> {
        self.groups.get(id).and_then(Contents::complete).cloned()
    }

    /// What a service tag holds here, as far as it is known.
    pub fn tag_contents(&self, tag: &ServiceTag) -> Contents {
        let unresolved = || Unresolved::ServiceTag(tag.clone());
        if tag.is("VirtualNetwork") {
            let here = self.virtual_network.clone();
            return here.unwrap_or_else(|| Contents::unknown(unresolved()));
        }
        match self.tags.addresses(tag) {
            Some(addresses) => Contents::known(addresses),
            None if tag.is_public_service() => {
                Contents::unknown_within(self.tags.public_addresses(), unresolved())
            }
            None => Contents::unknown(unresolved()),
        }
    }

    /// The addresses of one item of a rule, as far as they are known.
    pub(crate) fn addresses(&self, item: &AddressItem) -> Contents {
        let group = |id, unresolved: fn(ResourceId) -> Unresolved| {
            let listed = self.groups.get(id).cloned();
            listed.unwrap_or_else(|| Contents::unknown(unresolved(id.clone())))
        };
        match item {
            AddressItem::Any => Contents::known(AddressSet::full()),
            AddressItem::Prefix(prefix) => Contents::known(AddressSet::from(*prefix)),
            AddressItem::Range(first, last) => {
                Contents::known(AddressSet::range(*first, *last).unwrap_or_default())
            }
            AddressItem::Tag(tag) => self.tag_contents(tag),
            AddressItem::Asg(id) => group(id, Unresolved::ApplicationSecurityGroup),
            AddressItem::NetworkGroup(id) => group(id, Unresolved::NetworkGroup),
            AddressItem::Unknown(unknown) => Contents::unknown(Unresolved::Value(unknown.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Prefix;

    fn set(text: &str) -> AddressSet {
        text.parse::<Prefix>().unwrap().into()
    }

    /// S1.41, S4.17: a private address is in no tag of a public service, known or not.
    #[test]
    fn an_unknown_tag_of_a_public_service_holds_public_addresses_only() {
        let names = Names::default();
        for tag in ["AzureCloud", "storage.westus", "AzureFrontDoor.Backend"] {
            let contents = names.tag_contents(&ServiceTag::new(tag));
            assert!(contents.known.is_empty(), "{tag}");
            assert!(!contents.possible.contains("10.0.1.4".parse().unwrap()), "{tag}");
            assert!(contents.possible.contains("20.1.2.3".parse().unwrap()), "{tag}");
        }
        for tag in ["AzureBastion", "StorageX", "VirtualNetwork"] {
            assert!(names.tag_contents(&ServiceTag::new(tag)).possible.is_full(), "{tag}");
        }
    }

    #[test]
    fn a_union_forgets_only_the_unknown_that_cannot_add_anything() {
        let reason = |name| Unresolved::ServiceTag(ServiceTag::new(name));
        let union: Contents = [
            Contents::known(set("10.0.0.0/16")),
            Contents::unknown_within(set("10.0.1.0/24"), reason("inside")),
            Contents::unknown_within(set("10.1.0.0/24"), reason("outside")),
        ]
        .into_iter()
        .collect();
        assert_eq!(*union.known, set("10.0.0.0/16"));
        assert_eq!(*union.possible, set("10.0.0.0/16").union(&set("10.1.0.0/24")));
        assert_eq!(union.unknown, [reason("outside")]);
    }
}
