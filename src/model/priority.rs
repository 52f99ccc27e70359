//! Priorities of rules.

use std::fmt;
use std::str::FromStr;

/// The place of a rule in its list: the lower number is looked at first (S1.6).
///
/// Any `u32` is a priority, because default rules stand at 65000 to 65500 and snapshots hold
/// odd values; [`Priority::custom`] makes only those that Azure lets a user choose.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Priority(u32);

impl Priority {
    /// The first priority a user may choose.
    pub const FIRST: Self = Self(100);
    /// The last priority a user may choose.
    pub const LAST: Self = Self(4096);

    /// The priority with this number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The priority of a user's rule.
    ///
    /// # Errors
    ///
    /// When the number is outside 100 to 4096.
    pub fn custom(number: u32) -> Result<Self, PriorityError> {
        Some(Self(number))
            .filter(Self::is_custom)
            .ok_or_else(|| PriorityError { text: number.to_string() })
    }

    /// Whether a user may choose it: 100 to 4096.
    pub fn is_custom(&self) -> bool {
        (Self::FIRST..=Self::LAST).contains(self)
    }

    /// The number.
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The priority is not a number, or not one that a user may choose.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{text}` is not a priority: expected a number from 100 to 4096")]
pub struct PriorityError {
    text: String,
}

impl FromStr for Priority {
    type Err = PriorityError;

    /// Reads any `u32`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| PriorityError { text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S1.6, with the two numbers of the recorded refusals (E11).
    #[test]
    fn a_user_may_choose_100_to_4096() {
        for (number, accepted) in [(99, false), (100, true), (4096, true), (4097, false)] {
            assert_eq!(Priority::custom(number).is_ok(), accepted, "{number}");
        }
    }
}
