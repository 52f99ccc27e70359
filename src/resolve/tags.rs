//! The contents of service tags.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::model::ServiceTag;
use crate::net::{AddressSet, Prefix};

/// What each service tag holds: a catalogue such as Microsoft's weekly file, or the built-in tags
/// alone.
///
/// Sets are shared, so that cloning a catalogue or naming one tag in many rules costs nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServiceTags {
    tags: BTreeMap<ServiceTag, Arc<AddressSet>>,
    internet: Arc<AddressSet>,
    public: Arc<AddressSet>,
    load_balancer: Arc<AddressSet>,
    change_number: Option<String>,
    cloud: Option<String>,
}

impl ServiceTags {
    /// The built-in tags `Internet` and `AzureLoadBalancer` alone.
    pub fn built_in() -> Self {
        let public = Arc::new(internet());
        Self {
            tags: BTreeMap::new(),
            internet: Arc::clone(&public),
            public,
            load_balancer: Arc::new(load_balancer()),
            change_number: None,
            cloud: None,
        }
    }

    /// A catalogue: the built-in tags and these. An entry for a built-in tag is passed over
    /// (S4.24), and no tag is made up from others (S4.31).
    pub fn new(
        entries: impl IntoIterator<Item = (ServiceTag, AddressSet)>,
        cloud: Option<String>,
        change_number: Option<String>,
    ) -> Self {
        let tags = entries
            .into_iter()
            .filter(|(tag, _)| !tag.is_built_in())
            .map(|(tag, addresses)| (tag, Arc::new(addresses)))
            .collect();
        Self { tags, cloud, change_number, ..Self::built_in() }
    }

    /// The same catalogue with other contents for one tag, built-in or not (S4.15, S8.20).
    /// `VirtualNetwork` belongs to a place and is set on [`Names`](super::Names) instead.
    #[must_use]
    pub fn with(mut self, tag: ServiceTag, addresses: AddressSet) -> Self {
        let addresses = Arc::new(addresses);
        if tag.is("Internet") {
            self.internet = addresses;
        } else if tag.is("AzureLoadBalancer") {
            self.load_balancer = addresses;
        } else if !tag.is("VirtualNetwork") {
            self.tags.insert(tag, addresses);
        }
        self
    }

    /// What the tag holds, or `None` when that is not known here.
    ///
    /// The `AzurePlatform` tags hold nothing: their use is to switch off a platform exemption
    /// (S4.21), which is decided before any rule is matched by address.
    pub fn addresses(&self, tag: &ServiceTag) -> Option<Arc<AddressSet>> {
        if tag.is("Internet") {
            return Some(Arc::clone(&self.internet));
        }
        if tag.is("AzureLoadBalancer") {
            return Some(Arc::clone(&self.load_balancer));
        }
        if tag.is_platform() {
            return Some(Arc::default());
        }
        self.tags.get(tag).cloned()
    }

    /// The addresses that a tag of a public service can hold at most, whatever the contents of
    /// `Internet` were replaced with (S4.17).
    pub(super) fn public_addresses(&self) -> Arc<AddressSet> {
        Arc::clone(&self.public)
    }

    /// The tags of the catalogue, without the built-in ones, by name.
    pub fn tags(&self) -> impl Iterator<Item = &ServiceTag> {
        self.tags.keys()
    }

    /// The change number of the catalogue, as its file gives it (S4.26).
    pub fn change_number(&self) -> Option<&str> {
        self.change_number.as_deref()
    }

    /// The cloud of the catalogue, such as `Public` (S4.25).
    pub fn cloud(&self) -> Option<&str> {
        self.cloud.as_deref()
    }
}

impl Default for ServiceTags {
    fn default() -> Self {
        Self::built_in()
    }
}

/// The host virtual address, and its IPv6 counterpart in newer answers of Azure (S4.9).
fn load_balancer() -> AddressSet {
    let ipv4 = Ipv4Addr::new(168, 63, 129, 16);
    let ipv6 = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0x1234, 0x5678, 0x9abc);
    [IpAddr::from(ipv4), IpAddr::from(ipv6)].into_iter().map(Prefix::host).collect()
}

/// What the tag `Internet` holds where nothing better is known (S4.15): IPv4 without the blocks
/// that are not publicly reachable, as nine recorded answers of Azure agree, and IPv6 2000::/3.
/// Nothing of the virtual network is subtracted.
pub fn internet() -> AddressSet {
    const NOT_PUBLIC: [([u8; 4], u8); 10] = [
        ([0, 0, 0, 0], 8),
        ([10, 0, 0, 0], 8),
        ([100, 64, 0, 0], 10),
        ([127, 0, 0, 0], 8),
        ([169, 254, 0, 0], 16),
        ([172, 16, 0, 0], 12),
        ([192, 0, 2, 0], 24),
        ([192, 168, 0, 0], 16),
        ([198, 18, 0, 0], 15),
        ([224, 0, 0, 0], 3),
    ];
    let all_ipv4 = Prefix::truncated(Ipv4Addr::UNSPECIFIED.into(), 0);
    let global_ipv6 = Prefix::truncated(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0).into(), 3);
    let not_public: AddressSet = NOT_PUBLIC
        .into_iter()
        .filter_map(|(address, length)| Prefix::truncated(address.into(), length))
        .collect();
    let everything: AddressSet = all_ipv4.into_iter().chain(global_ipv6).collect();
    everything.difference(&not_public)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(tag: &ServiceTag, address: &str) -> bool {
        let addresses = ServiceTags::built_in().addresses(tag).unwrap();
        addresses.contains(address.parse().unwrap())
    }

    /// S4.12 to S4.15.
    #[test]
    fn internet_is_what_azure_recorded() {
        for address in ["8.8.8.8", "168.63.129.16", "198.51.100.7", "203.0.113.7", "2603:1030::1"] {
            assert!(holds(&ServiceTag::internet(), address), "{address}");
        }
        for address in
            ["10.0.0.4", "172.31.0.100", "100.64.0.1", "192.0.2.1", "224.0.0.1", "fd00::1"]
        {
            assert!(!holds(&ServiceTag::internet(), address), "{address}");
        }
    }

    /// S4.9.
    #[test]
    fn the_load_balancer_is_the_host_address() {
        assert!(holds(&ServiceTag::azure_load_balancer(), "168.63.129.16"));
        assert!(holds(&ServiceTag::azure_load_balancer(), "fe80::1234:5678:9abc"));
        assert!(!holds(&ServiceTag::azure_load_balancer(), "168.63.129.17"));
    }

    /// S1.41, S4.24, S4.31.
    #[test]
    fn a_tag_that_is_not_in_the_catalogue_is_unknown() {
        let west = (ServiceTag::new("Storage.WestUS"), AddressSet::full());
        let fake_internet = (ServiceTag::internet(), AddressSet::full());
        let tags = ServiceTags::new([west, fake_internet], None, None);
        assert!(tags.addresses(&ServiceTag::new("storage.westus")).is_some());
        assert_eq!(tags.addresses(&ServiceTag::new("Storage")), None);
        assert!(!tags.addresses(&ServiceTag::internet()).unwrap().is_full());
    }
}
