//! Sets of ports.

use std::fmt;
use std::str::FromStr;

use super::{Interval, RangeSet};

/// A set of TCP or UDP ports, 0 to 65535.
///
/// In text it is `*`, or items `22` and `8000-8080` separated by commas. `Display` prints the
/// fewest items in ascending order and round-trips; the empty set prints as `none`.
///
/// ```
/// use nsg_engine::net::PortSet;
///
/// let web: PortSet = "443,8000-8080,80,8081".parse()?;
/// assert_eq!(web.to_string(), "80,443,8000-8081");
/// assert!("0-65535".parse::<PortSet>()?.is_full());
/// # Ok::<(), nsg_engine::net::PortSetError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct PortSet {
    ranges: RangeSet<u16>,
}

impl PortSet {
    /// The set with nothing in it.
    pub const fn empty() -> Self {
        Self { ranges: RangeSet::empty() }
    }

    /// Every port: what `*` means (S1.17).
    pub fn full() -> Self {
        Self { ranges: RangeSet::full() }
    }

    /// The ports as a set of numbers.
    pub fn ranges(&self) -> &RangeSet<u16> {
        &self.ranges
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether every port is in it.
    pub fn is_full(&self) -> bool {
        self.ranges.is_full()
    }

    /// Whether `port` is in it.
    pub fn contains(&self, port: u16) -> bool {
        self.ranges.contains(port)
    }

    /// Whether every port of `other` is in it.
    pub fn covers(&self, other: &Self) -> bool {
        self.ranges.covers(&other.ranges)
    }

    /// Whether some port is in both.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.ranges.overlaps(&other.ranges)
    }

    /// Every port that is in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.ranges.union(&other.ranges).into()
    }
}

impl From<RangeSet<u16>> for PortSet {
    fn from(ranges: RangeSet<u16>) -> Self {
        Self { ranges }
    }
}

impl From<Interval<u16>> for PortSet {
    fn from(interval: Interval<u16>) -> Self {
        Self { ranges: interval.into() }
    }
}

impl From<u16> for PortSet {
    fn from(port: u16) -> Self {
        Interval::single(port).into()
    }
}

impl FromIterator<Interval<u16>> for PortSet {
    fn from_iter<I: IntoIterator<Item = Interval<u16>>>(intervals: I) -> Self {
        Self { ranges: intervals.into_iter().collect() }
    }
}

impl FromIterator<PortSet> for PortSet {
    fn from_iter<I: IntoIterator<Item = PortSet>>(sets: I) -> Self {
        sets.into_iter().flat_map(|set| set.ranges.intervals().to_vec()).collect()
    }
}

impl fmt::Display for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_full() {
            return f.write_str("*");
        }
        if self.is_empty() {
            return f.write_str("none");
        }
        for (index, interval) in self.ranges.intervals().iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            let (first, last) = (interval.first(), interval.last());
            if first == last {
                write!(f, "{separator}{first}")?;
            } else {
                write!(f, "{separator}{first}-{last}")?;
            }
        }
        Ok(())
    }
}

/// A port item is neither `*`, nor a port from 0 to 65535, nor an ascending range of them.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "`{text}` is not a port: expected `*`, a number from 0 to 65535, or a range such as `8000-8080`"
)]
pub struct PortSetError {
    text: String,
}

impl FromStr for PortSet {
    type Err = PortSetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "none" {
            return Ok(Self::empty());
        }
        if !text.contains(',') {
            return parse_item(text);
        }
        text.split(',').map(parse_item).collect()
    }
}

/// One item of the port grammar (S1.16), blanks around it trimmed (S1.21).
fn parse_item(text: &str) -> Result<PortSet, PortSetError> {
    let item = text.trim();
    if item == "*" {
        return Ok(PortSet::full());
    }
    let (first, last) = item.split_once('-').unwrap_or((item, item));
    port(first)
        .zip(port(last))
        .and_then(|(first, last)| Interval::new(first, last))
        .map(PortSet::from)
        .ok_or_else(|| PortSetError { text: text.to_owned() })
}

fn port(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips() {
        for text in ["*", "none", "0", "65535", "22", "22,3389", "0-21,23-65535"] {
            assert_eq!(text.parse::<PortSet>().unwrap().to_string(), text);
        }
    }

    /// S1.16, S1.20, S1.21.
    #[test]
    fn items_outside_the_grammar_are_refused() {
        for text in ["", "any", "66600", "80-", "-80", "9-8", "+80", "80;443", "1-2-3", "80 - 81"] {
            assert!(text.parse::<PortSet>().is_err(), "{text}");
        }
        assert_eq!(" 80-81 ".parse::<PortSet>().unwrap().to_string(), "80-81");
    }
}
