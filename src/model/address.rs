//! The address field of one side of a rule.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use super::{ResourceId, UnknownValue};
use crate::net::Prefix;

/// What one side of a rule lists as its addresses: the union of its items.
///
/// Where the input gives no address, which Azure refuses (E10), the only item is an unknown one.
/// An empty list, which only code and the text `none` make, matches nothing.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a list of items is all there is")]
pub struct AddressSpec {
    /// The items, in the order written.
    pub items: Vec<AddressItem>,
}

impl AddressSpec {
    /// Every address of both families: `*`.
    pub fn any() -> Self {
        AddressItem::Any.into()
    }

    /// Whether it is certainly every address.
    pub fn is_any(&self) -> bool {
        self.items.contains(&AddressItem::Any)
    }

    /// The service tags it names.
    pub fn tags(&self) -> impl Iterator<Item = &ServiceTag> {
        self.items.iter().filter_map(|item| match item {
            AddressItem::Tag(tag) => Some(tag),
            _ => None,
        })
    }

    /// The application security groups it names.
    pub fn asgs(&self) -> impl Iterator<Item = &ResourceId> {
        self.items.iter().filter_map(|item| match item {
            AddressItem::Asg(id) => Some(id),
            _ => None,
        })
    }
}

impl From<AddressItem> for AddressSpec {
    fn from(item: AddressItem) -> Self {
        Self { items: vec![item] }
    }
}

impl FromIterator<AddressItem> for AddressSpec {
    fn from_iter<I: IntoIterator<Item = AddressItem>>(items: I) -> Self {
        Self { items: items.into_iter().collect() }
    }
}

/// One item of an address list.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum AddressItem {
    /// `*`: every address of both families (S1.36).
    Any,
    /// An application security group (S1.43).
    Asg(ResourceId),
    /// A network group of Azure Virtual Network Manager; in admin rules only (S6.11).
    NetworkGroup(ResourceId),
    /// A block of addresses, or one address as a host prefix.
    Prefix(Prefix),
    /// The addresses from the first to the last, which Azure refuses but exports hold (S1.34).
    /// Both are of one family and ascend; a range made otherwise holds nothing.
    Range(IpAddr, IpAddr),
    /// A service tag.
    Tag(ServiceTag),
    /// Something that could not be read.
    Unknown(UnknownValue),
}

impl AddressItem {
    /// The item as Azure's API and command line write it; `None` for application security groups,
    /// which stand in a list of their own.
    pub(crate) fn azure_text(&self) -> Option<String> {
        Some(match self {
            Self::Any => "*".to_owned(),
            Self::Asg(_) => return None,
            Self::NetworkGroup(id) => id.to_string(),
            Self::Prefix(prefix) => prefix.to_string(),
            Self::Range(first, last) => format!("{first}-{last}"),
            Self::Tag(tag) => tag.to_string(),
            Self::Unknown(unknown) => unknown.text().to_owned(),
        })
    }
}

impl From<Prefix> for AddressItem {
    fn from(prefix: Prefix) -> Self {
        Self::Prefix(prefix)
    }
}

impl From<ServiceTag> for AddressItem {
    fn from(tag: ServiceTag) -> Self {
        Self::Tag(tag)
    }
}

/// The name of a service tag, such as `VirtualNetwork` or `Storage.WestUS`.
///
/// Compared without case (S1.39) and as a whole: a dot is part of the name (S4.28). Built-in
/// tags print in Azure's spelling, others as written.
#[derive(Clone, Debug)]
pub struct ServiceTag {
    name: Box<str>,
}

impl ServiceTag {
    /// Tags whose contents depend on the topology or the platform, not on the catalogue (S4.24).
    const BUILT_IN: [&'static str; 6] = [
        "VirtualNetwork",
        "Internet",
        "AzureLoadBalancer",
        "AzurePlatformDNS",
        "AzurePlatformIMDS",
        "AzurePlatformLKM",
    ];

    /// Tags of public services, without regions (S4.23).
    const PUBLIC_SERVICES: [&'static str; 37] = [
        "ActionGroup",
        "ApiManagement",
        "AppConfiguration",
        "ApplicationInsightsAvailability",
        "AppService",
        "AppServiceManagement",
        "AzureActiveDirectory",
        "AzureBackup",
        "AzureCloud",
        "AzureCognitiveSearch",
        "AzureContainerRegistry",
        "AzureCosmosDB",
        "AzureDatabricks",
        "AzureDevOps",
        "AzureEventGrid",
        "AzureFrontDoor",
        "AzureKeyVault",
        "AzureMachineLearning",
        "AzureMonitor",
        "AzureResourceManager",
        "AzureSiteRecovery",
        "AzureTrafficManager",
        "BatchNodeManagement",
        "EventHub",
        "GatewayManager",
        "GuestAndHybridManagement",
        "HDInsight",
        "LogicApps",
        "LogicAppsManagement",
        "MicrosoftContainerRegistry",
        "ServiceBus",
        "ServiceFabric",
        "Sql",
        "SqlManagement",
        "Storage",
        "StorageSyncService",
        "WindowsVirtualDesktop",
    ];

    /// The tag with this name, known to any catalogue or not.
    pub fn new(name: &str) -> Self {
        let built_in = Self::BUILT_IN.iter().find(|known| known.eq_ignore_ascii_case(name));
        Self { name: (*built_in.unwrap_or(&name)).into() }
    }

    /// The virtual network of the subnet or network interface, its peers and more (S4.1).
    pub fn virtual_network() -> Self {
        Self::new("VirtualNetwork")
    }

    /// The publicly reachable addresses (S4.11).
    pub fn internet() -> Self {
        Self::new("Internet")
    }

    /// The host virtual address that health probes come from (S4.9).
    pub fn azure_load_balancer() -> Self {
        Self::new("AzureLoadBalancer")
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// Whether this is the tag of that name, in any case.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Whether its contents come from the topology or the platform rather than the catalogue.
    pub fn is_built_in(&self) -> bool {
        Self::BUILT_IN.iter().any(|known| self.is(known))
    }

    /// Whether it is the tag of a public service of Azure's, global or of a region: those hold
    /// addresses of `Internet` alone (S4.17).
    pub fn is_public_service(&self) -> bool {
        let is_regional_form = |known: &str| {
            let (start, rest) = (self.name.get(..known.len()), self.name.get(known.len()..));
            start.is_some_and(|start| start.eq_ignore_ascii_case(known))
                && rest.is_some_and(|rest| rest.starts_with('.'))
        };
        Self::PUBLIC_SERVICES.iter().any(|known| self.is(known) || is_regional_form(known))
    }

    /// Whether it is one of the tags that switch off a platform exemption (S4.21).
    pub fn is_platform(&self) -> bool {
        ["AzurePlatformDNS", "AzurePlatformIMDS", "AzurePlatformLKM"]
            .iter()
            .any(|name| self.is(name))
    }
}

impl PartialEq for ServiceTag {
    fn eq(&self, other: &Self) -> bool {
        self.is(&other.name)
    }
}

impl Eq for ServiceTag {}

impl Hash for ServiceTag {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for byte in self.name.bytes() {
            state.write_u8(byte.to_ascii_lowercase());
        }
    }
}

impl PartialOrd for ServiceTag {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ServiceTag {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let lower = |byte: u8| byte.to_ascii_lowercase();
        self.name.bytes().map(lower).cmp(other.name.bytes().map(lower))
    }
}

impl fmt::Display for ServiceTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S1.39, S4.28.
    #[test]
    fn tags_compare_without_case_and_as_a_whole() {
        assert_eq!(ServiceTag::new("virtualNetwork"), ServiceTag::virtual_network());
        assert_eq!(ServiceTag::new("VIRTUALNETWORK").to_string(), "VirtualNetwork");
        assert_ne!(ServiceTag::new("Storage"), ServiceTag::new("Storage.WestUS"));
    }
}
