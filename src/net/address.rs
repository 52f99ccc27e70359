//! Sets of IPv4 and IPv6 addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Subnets, Ipv6Subnets};

use super::{Interval, Prefix, RangeSet};

/// A set of addresses of both families.
///
/// ```
/// use nsg_engine::net::{AddressSet, Prefix};
///
/// let vnet: AddressSet = ["10.0.0.0/24", "10.0.1.0/24"]
///     .iter()
///     .filter_map(|text| text.parse::<Prefix>().ok())
///     .collect();
/// assert_eq!(vnet.to_string(), "10.0.0.0/23");
/// assert!(vnet.contains("10.0.1.4".parse()?));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct AddressSet {
    ipv4: RangeSet<u32>,
    ipv6: RangeSet<u128>,
}

impl AddressSet {
    /// The set with nothing in it.
    pub const fn empty() -> Self {
        Self { ipv4: RangeSet::empty(), ipv6: RangeSet::empty() }
    }

    /// Every IPv4 and every IPv6 address: what `*` means (S1.36).
    pub fn full() -> Self {
        Self { ipv4: RangeSet::full(), ipv6: RangeSet::full() }
    }

    /// The set of these addresses.
    pub const fn new(ipv4: RangeSet<u32>, ipv6: RangeSet<u128>) -> Self {
        Self { ipv4, ipv6 }
    }

    /// The addresses from `first` to `last`, or `None` when they run backwards or mix families.
    pub fn range(first: IpAddr, last: IpAddr) -> Option<Self> {
        match (first, last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => Interval::new(first.into(), last.into())
                .map(|range| Self { ipv4: range.into(), ipv6: RangeSet::empty() }),
            (IpAddr::V6(first), IpAddr::V6(last)) => Interval::new(first.into(), last.into())
                .map(|range| Self { ipv4: RangeSet::empty(), ipv6: range.into() }),
            _ => None,
        }
    }

    /// The IPv4 addresses in it, as numbers.
    pub fn ipv4(&self) -> &RangeSet<u32> {
        &self.ipv4
    }

    /// The IPv6 addresses in it, as numbers.
    pub fn ipv6(&self) -> &RangeSet<u128> {
        &self.ipv6
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.ipv4.is_empty() && self.ipv6.is_empty()
    }

    /// Whether every address of both families is in it.
    pub fn is_full(&self) -> bool {
        self.ipv4.is_full() && self.ipv6.is_full()
    }

    /// Whether `address` is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.ipv4.contains(address.into()),
            IpAddr::V6(address) => self.ipv6.contains(address.into()),
        }
    }

    /// Whether every address of `other` is in it.
    pub fn covers(&self, other: &Self) -> bool {
        self.ipv4.covers(&other.ipv4) && self.ipv6.covers(&other.ipv6)
    }

    /// Whether some address is in both.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.ipv4.overlaps(&other.ipv4) || self.ipv6.overlaps(&other.ipv6)
    }

    /// Every address that is in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self { ipv4: self.ipv4.union(&other.ipv4), ipv6: self.ipv6.union(&other.ipv6) }
    }

    /// Every address that is in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self {
            ipv4: self.ipv4.intersection(&other.ipv4),
            ipv6: self.ipv6.intersection(&other.ipv6),
        }
    }

    /// Every address of `self` that is not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self { ipv4: self.ipv4.difference(&other.ipv4), ipv6: self.ipv6.difference(&other.ipv6) }
    }

    /// Every address of both families that is not in it.
    #[must_use]
    pub fn complement(&self) -> Self {
        Self { ipv4: self.ipv4.complement(), ipv6: self.ipv6.complement() }
    }

    /// Every address of the IP families that it has addresses of.
    #[must_use]
    pub fn families(&self) -> Self {
        Self {
            ipv4: if self.ipv4.is_empty() { RangeSet::empty() } else { RangeSet::full() },
            ipv6: if self.ipv6.is_empty() { RangeSet::empty() } else { RangeSet::full() },
        }
    }

    /// The lowest address, IPv4 before IPv6.
    pub fn first(&self) -> Option<IpAddr> {
        let ipv4 = self.ipv4.first().map(|address| Ipv4Addr::from(address).into());
        ipv4.or_else(|| self.ipv6.first().map(|address| Ipv6Addr::from(address).into()))
    }

    /// The fewest prefixes that make it up, ascending, IPv4 before IPv6.
    pub fn prefixes(&self) -> impl Iterator<Item = Prefix> + '_ {
        let ipv4 = self.ipv4.intervals().iter().flat_map(|interval| {
            Ipv4Subnets::new(interval.first().into(), interval.last().into(), 0)
                .map(|net| ipnet::IpNet::from(net).into())
        });
        let ipv6 = self.ipv6.intervals().iter().flat_map(|interval| {
            Ipv6Subnets::new(interval.first().into(), interval.last().into(), 0)
                .map(|net| ipnet::IpNet::from(net).into())
        });
        ipv4.chain(ipv6)
    }
}

impl From<Prefix> for AddressSet {
    fn from(prefix: Prefix) -> Self {
        std::iter::once(prefix).collect()
    }
}

impl From<IpAddr> for AddressSet {
    fn from(address: IpAddr) -> Self {
        Prefix::host(address).into()
    }
}

impl FromIterator<Prefix> for AddressSet {
    fn from_iter<I: IntoIterator<Item = Prefix>>(prefixes: I) -> Self {
        let (mut ipv4, mut ipv6) = (Vec::new(), Vec::new());
        for prefix in prefixes {
            ipv4.extend(prefix.ipv4_interval());
            ipv6.extend(prefix.ipv6_interval());
        }
        Self { ipv4: ipv4.into_iter().collect(), ipv6: ipv6.into_iter().collect() }
    }
}

impl FromIterator<AddressSet> for AddressSet {
    fn from_iter<I: IntoIterator<Item = AddressSet>>(sets: I) -> Self {
        let (mut ipv4, mut ipv6) = (Vec::new(), Vec::new());
        for set in sets {
            ipv4.extend_from_slice(set.ipv4.intervals());
            ipv6.extend_from_slice(set.ipv6.intervals());
        }
        Self { ipv4: ipv4.into_iter().collect(), ipv6: ipv6.into_iter().collect() }
    }
}

impl fmt::Display for AddressSet {
    /// `*`, or its prefixes separated by `, `, or `nothing`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_full() {
            return f.write_str("*");
        }
        if self.is_empty() {
            return f.write_str("nothing");
        }
        for (index, prefix) in self.prefixes().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{prefix}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(texts: &[&str]) -> AddressSet {
        texts.iter().map(|text| text.parse::<Prefix>().unwrap()).collect()
    }

    #[test]
    fn families_never_meet() {
        let (v4, v6) = (set(&["0.0.0.0/0"]), set(&["::/0"]));
        assert!(!v4.overlaps(&v6));
        assert!(!v4.is_full());
        assert!(v4.union(&v6).is_full());
    }

    #[test]
    fn prefixes_are_the_fewest() {
        let odd =
            AddressSet::range("10.0.0.1".parse().unwrap(), "10.0.0.4".parse().unwrap()).unwrap();
        assert_eq!(odd.to_string(), "10.0.0.1/32, 10.0.0.2/31, 10.0.0.4/32");
        assert_eq!(
            set(&["10.0.0.0/25", "10.0.0.128/25", "fd00::/9"]).to_string(),
            "10.0.0.0/24, fd00::/9"
        );
    }

    #[test]
    fn a_range_needs_one_family_and_the_right_order() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(AddressSet::range(address("10.0.0.2"), address("10.0.0.1")), None);
        assert_eq!(AddressSet::range(address("10.0.0.2"), address("::1")), None);
    }
}
