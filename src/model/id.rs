//! Azure Resource Manager ids.

use std::fmt;
use std::hash::{Hash, Hasher};

/// An Azure Resource Manager id, such as `/subscriptions/…/resourceGroups/rg/providers/
/// Microsoft.Network/networkSecurityGroups/nsg`.
///
/// Compared without case (S10.32) and without a trailing slash; printed as written. Nothing is
/// demanded of its form, because exports hold placeholders and cut ids.
#[derive(Clone)]
pub struct ResourceId {
    text: Box<str>,
}

impl ResourceId {
    /// Stands for the name of a parent that only an expression tells.
    pub(crate) const UNKNOWN_NAME: &'static str = "(unknown)";

    /// The id written as `text`.
    pub fn new(text: &str) -> Self {
        Self { text: text.trim_end_matches('/').into() }
    }

    /// The id as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The last segment: the resource's name.
    pub fn name(&self) -> &str {
        self.text.rsplit('/').next().unwrap_or_default()
    }

    /// Whether only an expression tells the name, together with that of a child.
    pub(crate) fn is_unknown(&self) -> bool {
        self.name() == Self::UNKNOWN_NAME
    }

    /// The id of the resource this one is a child of, such as the virtual network of a subnet.
    pub fn parent(&self) -> Option<Self> {
        let (above_name, _) = self.text.rsplit_once('/')?;
        let (parent, _) = above_name.rsplit_once('/')?;
        (!parent.is_empty()).then(|| Self { text: parent.into() })
    }

    /// The id of a child of this resource.
    #[must_use]
    pub fn child(&self, kind: &str, name: &str) -> Self {
        Self { text: format!("{}/{kind}/{name}", self.text).into() }
    }

    /// The name of the resource group, if the id holds one.
    pub fn resource_group(&self) -> Option<&str> {
        self.segment_after("resourceGroups")
    }

    /// The subscription, if the id holds one.
    pub fn subscription(&self) -> Option<&str> {
        self.segment_after("subscriptions")
    }

    fn segment_after(&self, key: &str) -> Option<&str> {
        let mut segments = self.text.split('/');
        segments.find(|segment| segment.eq_ignore_ascii_case(key))?;
        segments.next().filter(|value| !value.is_empty())
    }
}

impl PartialEq for ResourceId {
    fn eq(&self, other: &Self) -> bool {
        self.text.eq_ignore_ascii_case(&other.text)
    }
}

impl Eq for ResourceId {}

impl Hash for ResourceId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for byte in self.text.bytes() {
            state.write_u8(byte.to_ascii_lowercase());
        }
    }
}

impl PartialOrd for ResourceId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ResourceId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let lower = |byte: u8| byte.to_ascii_lowercase();
        self.text.bytes().map(lower).cmp(other.text.bytes().map(lower))
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<&str> for ResourceId {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_compare_without_case_and_know_their_family() {
        let subnet = ResourceId::new(
            "/subscriptions/s/resourceGroups/Rg/providers/Microsoft.Network/virtualNetworks/v/subnets/app/",
        );
        assert_eq!(subnet, ResourceId::new(&subnet.as_str().to_uppercase()));
        assert_eq!(subnet.name(), "app");
        assert_eq!(subnet.resource_group(), Some("Rg"));
        assert_eq!(subnet.subscription(), Some("s"));
        assert_eq!(subnet.parent().unwrap().name(), "v");
        assert_eq!(subnet.parent().unwrap().child("subnets", "APP"), subnet);
        assert_eq!(ResourceId::new("nsg").parent(), None);
    }
}
