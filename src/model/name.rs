//! Names of security rules.

use std::fmt;
use std::hash::{Hash, Hasher};

/// The name of a security rule, compared without case (S1.3) and printed as written.
#[derive(Clone, Debug)]
pub struct RuleName {
    text: Box<str>,
}

impl RuleName {
    /// A name that Azure accepts: 1 to 80 letters, digits, `.`, `-` and `_`, the first a letter,
    /// digit or `_`, the last too (S1.2).
    ///
    /// # Errors
    ///
    /// When the text is not such a name.
    pub fn new(text: &str) -> Result<Self, RuleNameError> {
        let is_edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
        let is_inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let accepted = text.len() <= 80
            && is_edge(text.chars().next())
            && is_edge(text.chars().next_back())
            && text.chars().all(is_inner);
        if accepted {
            Ok(Self::as_written(text))
        } else {
            Err(RuleNameError { text: text.to_owned() })
        }
    }

    /// The name as it stands in a snapshot, whatever Azure would say to it.
    pub fn as_written(text: &str) -> Self {
        Self { text: text.into() }
    }

    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// The text is not a rule name that Azure accepts.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "`{text}` is not a rule name: expected 1 to 80 letters, digits, `.`, `-` or `_`, the first and last a letter, digit or `_`"
)]
pub struct RuleNameError {
    text: String,
}

impl PartialEq for RuleName {
    fn eq(&self, other: &Self) -> bool {
        self.text.eq_ignore_ascii_case(&other.text)
    }
}

impl Eq for RuleName {}

impl Hash for RuleName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for byte in self.text.bytes() {
            state.write_u8(byte.to_ascii_lowercase());
        }
    }
}

impl PartialOrd for RuleName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RuleName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let lower = |byte: u8| byte.to_ascii_lowercase();
        self.text.bytes().map(lower).cmp(other.text.bytes().map(lower))
    }
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S1.2.
    #[test]
    fn the_grammar_is_azures() {
        let longest = "a".repeat(80);
        for name in ["a", "_a", "Allow-SSH_22.x_", &longest] {
            assert!(RuleName::new(name).is_ok(), "{name}");
        }
        let too_long = "a".repeat(81);
        for name in ["", "-a", "a-", "a.", "a b", "a/b", "ä", &too_long] {
            assert!(RuleName::new(name).is_err(), "{name}");
        }
    }
}
