//! Findings and their severities.

use std::fmt;

use super::printable::printable;
use super::{Code, Location};

/// How much a finding weighs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "three levels are what every consumer maps to")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Probably not what was meant; the value was understood all the same.
    Warning,
    /// Azure would refuse it, or its meaning is lost.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One thing to report about an input.
///
/// Displayed as `error: nsg.json /properties/securityRules/0/…: message [Code]`, control characters
/// spelled out.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Finding {
    /// What kind of thing it is.
    pub code: Code,
    /// How much it weighs.
    pub severity: Severity,
    /// Where it stands.
    pub location: Location,
    /// What is wrong, in lower case and without a final period, the offending text in backticks.
    pub message: String,
}

impl Finding {
    /// A finding of any severity.
    pub fn new(
        severity: Severity,
        code: impl Into<Code>,
        location: Location,
        message: impl Into<String>,
    ) -> Self {
        Self { code: code.into(), severity, location, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, severity, location, message } = self;
        write!(f, "{severity}: ")?;
        if *location != Location::default() {
            write!(f, "{}: ", printable(&location.to_string()))?;
        }
        write!(f, "{} [{code}]", printable(message))
    }
}
