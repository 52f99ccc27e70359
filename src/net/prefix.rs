//! Address blocks in CIDR form.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::IpNet;

use super::Interval;

/// An IPv4 or IPv6 address block such as `10.0.1.0/26`, its host bits zero.
///
/// `FromStr` takes a CIDR or a bare address (a host prefix, S1.28) and refuses host bits
/// (S1.31), leading zeros and anything else; [`Prefix::truncated`] masks host bits instead.
/// `Display` always prints the length.
///
/// ```
/// use nsg_engine::net::Prefix;
///
/// let bastion: Prefix = "10.0.1.0/26".parse()?;
/// assert!(bastion.contains("10.0.1.63".parse()?));
/// assert_eq!("10.0.0.4".parse::<Prefix>()?.to_string(), "10.0.0.4/32");
/// assert_eq!(
///     "10.0.1.4/26".parse::<Prefix>().unwrap_err().to_string(),
///     "`10.0.1.4/26` has host bits set: the prefix is `10.0.1.0/26`",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    // INVARIANT: the host bits are zero.
    net: IpNet,
}

impl Prefix {
    /// The block of `length` leading bits around `address`, or `None` when `length` exceeds the
    /// address width (32 or 128).
    pub fn truncated(address: IpAddr, length: u8) -> Option<Self> {
        IpNet::new(address, length).ok().map(|net| Self { net: net.trunc() })
    }

    /// The block that holds one address.
    pub fn host(address: IpAddr) -> Self {
        Self { net: address.into() }
    }

    /// Reads a CIDR or a bare address, masking host bits instead of refusing them.
    ///
    /// # Errors
    ///
    /// When the text is not an address, or the length is missing its number or too large.
    pub fn parse_truncating(text: &str) -> Result<Self, PrefixError> {
        let malformed = || PrefixError { text: text.to_owned(), kind: PrefixErrorKind::Malformed };
        let Some((address, length)) = text.split_once('/') else {
            return parse_address(text).map(Self::host).ok_or_else(malformed);
        };
        let address = parse_address(address).ok_or_else(malformed)?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let canonical = length.bytes().all(|byte| byte.is_ascii_digit())
            && (length == "0" || !length.starts_with('0'));
        let length = length.parse::<u8>().ok().filter(|_| canonical).ok_or_else(malformed)?;
        Self::truncated(address, length).ok_or_else(|| PrefixError {
            text: text.to_owned(),
            kind: PrefixErrorKind::Length { width },
        })
    }

    /// The lowest address of the block.
    pub fn address(&self) -> IpAddr {
        self.net.addr()
    }

    /// The number of leading bits that are fixed.
    pub fn length(&self) -> u8 {
        self.net.prefix_len()
    }

    /// Whether it is an IPv4 block.
    pub fn is_ipv4(&self) -> bool {
        self.address().is_ipv4()
    }

    /// Whether `address` lies in the block. IPv4-mapped IPv6 addresses are IPv6.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.net.contains(&address)
    }

    /// Whether all of `other` lies in the block.
    pub fn covers(&self, other: &Self) -> bool {
        self.net.contains(&other.net)
    }

    /// The block as an interval of IPv4 addresses, if it is one.
    pub fn ipv4_interval(&self) -> Option<Interval<u32>> {
        match self.net {
            IpNet::V4(net) => Interval::new(net.network().into(), net.broadcast().into()),
            IpNet::V6(_) => None,
        }
    }

    /// The block as an interval of IPv6 addresses, if it is one.
    pub fn ipv6_interval(&self) -> Option<Interval<u128>> {
        match self.net {
            IpNet::V4(_) => None,
            IpNet::V6(net) => Interval::new(net.network().into(), net.broadcast().into()),
        }
    }
}

impl From<Prefix> for IpNet {
    fn from(prefix: Prefix) -> Self {
        prefix.net
    }
}

impl From<IpNet> for Prefix {
    /// Masks host bits.
    fn from(net: IpNet) -> Self {
        Self { net: net.trunc() }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.net, f)
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let prefix = Self::parse_truncating(text)?;
        let written = text.split_once('/').and_then(|(address, _)| parse_address(address));
        if written.is_some_and(|address| address != prefix.address()) {
            let kind = PrefixErrorKind::HostBits { canonical: prefix };
            return Err(PrefixError { text: text.to_owned(), kind });
        }
        Ok(prefix)
    }
}

/// Reads an IPv4 or IPv6 address without scope id.
///
/// Leading zeros (`010.0.0.1`) are refused: some programs read them as octal.
pub fn parse_address(text: &str) -> Option<IpAddr> {
    let ipv4 = || text.parse::<Ipv4Addr>().ok().map(IpAddr::from);
    let ipv6 = || text.parse::<Ipv6Addr>().ok().map(IpAddr::from);
    ipv4().or_else(ipv6)
}

/// The text is not an address block, or not in canonical form.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{text}` {kind}")]
pub struct PrefixError {
    text: String,
    kind: PrefixErrorKind,
}

impl PrefixError {
    /// The block that was probably meant, when only its host bits are wrong.
    pub fn canonical(&self) -> Option<Prefix> {
        match self.kind {
            PrefixErrorKind::HostBits { canonical } => Some(canonical),
            PrefixErrorKind::Length { .. } | PrefixErrorKind::Malformed => None,
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
enum PrefixErrorKind {
    #[error("has host bits set: the prefix is `{canonical}`")]
    HostBits { canonical: Prefix },
    #[error("has a length over {width} bits")]
    Length { width: u8 },
    #[error("is not an address or an address block such as `10.0.0.0/24`")]
    Malformed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_text_round_trips() {
        for text in
            ["0.0.0.0/0", "10.0.0.0/8", "10.0.0.4/32", "::/0", "fd00::/8", "2001:db8::1/128"]
        {
            assert_eq!(text.parse::<Prefix>().unwrap().to_string(), text);
        }
    }

    /// S1.31, S1.32 and the addresses that other readers take for something else.
    #[test]
    fn malformed_blocks_are_refused_and_say_why() {
        let cases = [
            ("192.168.0.0/34", "over 32 bits"),
            ("fd00::/129", "over 128 bits"),
            ("10.0.0/0/16", "not an address"),
            ("208.130.28/24", "not an address"),
            ("010.0.0.0/8", "not an address"),
            ("10.0.0.0/08", "not an address"),
            ("10.0.0.0/+8", "not an address"),
            ("10.0.0.0/", "not an address"),
            ("fe80::1%eth0", "not an address"),
            ("50.206.209.68/27", "`50.206.209.64/27`"),
            ("", "not an address"),
        ];
        for (text, reason) in cases {
            let error = text.parse::<Prefix>().unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn a_mapped_address_is_ipv6() {
        let v4: Prefix = "10.0.0.0/8".parse().unwrap();
        assert!(!v4.contains("::ffff:10.0.0.1".parse().unwrap()));
    }
}
