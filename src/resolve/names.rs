//! What names stand for at one place.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{ServiceTags, Unresolved};
use crate::model::{AddressItem, ResourceId, ServiceTag};
use crate::net::AddressSet;

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
    virtual_network: Option<Arc<AddressSet>>,
    groups: BTreeMap<ResourceId, Arc<AddressSet>>,
}

impl Names {
    /// The tags of a catalogue; `VirtualNetwork` and all groups are unknown.
    pub fn new(tags: impl Into<Arc<ServiceTags>>) -> Self {
        Self { tags: tags.into(), virtual_network: None, groups: BTreeMap::new() }
    }

    /// The same names with contents for the `VirtualNetwork` tag.
    #[must_use]
    pub fn with_virtual_network(mut self, addresses: AddressSet) -> Self {
        self.virtual_network = Some(Arc::new(addresses));
        self
    }

    /// The same names with contents for an application security group or a network group.
    #[must_use]
    pub fn with_group(mut self, id: ResourceId, addresses: AddressSet) -> Self {
        self.groups.insert(id, Arc::new(addresses));
        self
    }

    /// The catalogue of service tags.
    pub fn service_tags(&self) -> &ServiceTags {
        &self.tags
    }

    /// What a service tag holds here, if that is known.
    pub fn tag(&self, tag: &ServiceTag) -> Option<Arc<AddressSet>> {
        if tag.is("VirtualNetwork") {
            return self.virtual_network.clone();
        }
        self.tags.addresses(tag)
    }

    /// The addresses of an application security group or a network group, if they are known.
    pub fn group(&self, id: &ResourceId) -> Option<Arc<AddressSet>> {
        self.groups.get(id).cloned()
    }

    /// The addresses of one item of a rule, or why they are not known.
    pub(super) fn addresses(&self, item: &AddressItem) -> Result<Arc<AddressSet>, Unresolved> {
        match item {
            AddressItem::Any => Ok(Arc::new(AddressSet::full())),
            AddressItem::Prefix(prefix) => Ok(Arc::new((*prefix).into())),
            AddressItem::Range(first, last) => {
                Ok(Arc::new(AddressSet::range(*first, *last).unwrap_or_default()))
            }
            AddressItem::Tag(tag) => {
                self.tag(tag).ok_or_else(|| Unresolved::ServiceTag(tag.clone()))
            }
            AddressItem::Asg(id) => {
                self.group(id).ok_or_else(|| Unresolved::ApplicationSecurityGroup(id.clone()))
            }
            AddressItem::NetworkGroup(id) => {
                self.group(id).ok_or_else(|| Unresolved::NetworkGroup(id.clone()))
            }
            AddressItem::Unknown(unknown) => Err(Unresolved::Value(unknown.clone())),
        }
    }
}
