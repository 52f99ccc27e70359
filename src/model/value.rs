//! Values that may be unknown.

use std::fmt;

/// What stands in the input where a value could not be read: most often a template expression
/// such as `[parameters('port')]`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UnknownValue {
    text: String,
}

impl UnknownValue {
    /// The unknown value written as `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }

    /// The text as it stands in the input.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for UnknownValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A value, or the text that stands where it should be. Never silently a default.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a value is known or it is not")]
pub enum Value<T> {
    /// The value.
    Known(T),
    /// What stands in its place.
    Unknown(UnknownValue),
}

impl<T> Value<T> {
    /// The value, if it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// What stands in its place, if it is unknown.
    pub fn unknown(&self) -> Option<&UnknownValue> {
        match self {
            Self::Known(_) => None,
            Self::Unknown(unknown) => Some(unknown),
        }
    }
}

impl<T> From<T> for Value<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}
