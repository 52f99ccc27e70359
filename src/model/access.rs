//! What a rule does and to which direction of traffic it applies.

use std::fmt;
use std::str::FromStr;

/// The direction of traffic relative to the subnet or network interface that holds the group
/// (S3.4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "Azure has these two")]
pub enum Direction {
    /// Towards the resource.
    Inbound,
    /// Away from the resource.
    Outbound,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inbound => "Inbound",
            Self::Outbound => "Outbound",
        })
    }
}

/// The text is not a direction.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{text}` is not a direction: expected `Inbound` or `Outbound`")]
pub struct DirectionError {
    text: String,
}

impl FromStr for Direction {
    type Err = DirectionError;

    /// Ignores case (S1.9).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Inbound, Self::Outbound]
            .into_iter()
            .find(|direction| direction.to_string().eq_ignore_ascii_case(text))
            .ok_or_else(|| DirectionError { text: text.to_owned() })
    }
}

/// What a security rule does with the traffic it matches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "Azure has these two")]
pub enum Access {
    /// Let it pass this gate.
    Allow,
    /// Drop it.
    Deny,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "Allow",
            Self::Deny => "Deny",
        })
    }
}

/// The text is not an access.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{text}` is not an access: expected {expected}")]
pub struct AccessError {
    text: String,
    expected: &'static str,
}

impl FromStr for Access {
    type Err = AccessError;

    /// Ignores case (S1.9).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Allow, Self::Deny]
            .into_iter()
            .find(|access| access.to_string().eq_ignore_ascii_case(text))
            .ok_or_else(|| AccessError { text: text.to_owned(), expected: "`Allow` or `Deny`" })
    }
}

/// What a security admin rule of Azure Virtual Network Manager does (S6.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "Azure has these three")]
pub enum AdminAccess {
    /// Leave the decision to the security groups.
    Allow,
    /// Deliver it; no security group is asked.
    AlwaysAllow,
    /// Drop it; no security group is asked.
    Deny,
}

impl fmt::Display for AdminAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "Allow",
            Self::AlwaysAllow => "AlwaysAllow",
            Self::Deny => "Deny",
        })
    }
}

impl FromStr for AdminAccess {
    type Err = AccessError;

    /// Ignores case (S1.9).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Allow, Self::AlwaysAllow, Self::Deny]
            .into_iter()
            .find(|access| access.to_string().eq_ignore_ascii_case(text))
            .ok_or_else(|| AccessError {
                text: text.to_owned(),
                expected: "`Allow`, `AlwaysAllow` or `Deny`",
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_is_canonical_out_and_any_case_in() {
        for access in [AdminAccess::Allow, AdminAccess::AlwaysAllow, AdminAccess::Deny] {
            assert_eq!(access.to_string().to_uppercase().parse(), Ok(access));
        }
        assert_eq!("DENY".parse(), Ok(Access::Deny));
        assert!("AlwaysAllow".parse::<Access>().is_err());
        assert_eq!("inbound".parse(), Ok(Direction::Inbound));
        assert!("in".parse::<Direction>().is_err());
    }
}
