//! Where in which input something stands.

use std::fmt::{self, Write};
use std::sync::Arc;

/// A place in an input: the input's name, if it has one, and a JSON pointer (RFC 6901).
///
/// Displayed as `network.json /resources/4/properties/securityRules/0`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Location {
    input: Option<Arc<str>>,
    pointer: String,
}

impl Location {
    /// The root of the named input.
    pub fn root(input: impl Into<Arc<str>>) -> Self {
        Self { input: Some(input.into()), pointer: String::new() }
    }

    /// The place one member or element below this one.
    #[must_use]
    pub fn child(&self, key: impl fmt::Display) -> Self {
        let mut pointer = String::with_capacity(self.pointer.len().saturating_add(24));
        pointer.push_str(&self.pointer);
        pointer.push('/');
        let _ = write!(Escaped(&mut pointer), "{key}");
        Self { input: self.input.clone(), pointer }
    }

    /// The place that this one is a member or element of; the root for the root.
    #[must_use]
    pub fn parent(&self) -> Self {
        let pointer = self.pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
        Self { input: self.input.clone(), pointer: pointer.to_owned() }
    }

    /// The name of the input, often a file name.
    pub fn input(&self) -> Option<&str> {
        self.input.as_deref()
    }

    /// The JSON pointer; empty for the whole document.
    pub fn pointer(&self) -> &str {
        &self.pointer
    }
}

/// Writes a key as RFC 6901 escapes it.
struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if !text.contains(['~', '/']) {
            self.0.push_str(text);
            return Ok(());
        }
        for character in text.chars() {
            match character {
                '~' => self.0.push_str("~0"),
                '/' => self.0.push_str("~1"),
                other => self.0.push(other),
            }
        }
        Ok(())
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.input(), self.pointer()) {
            (Some(input), "") => f.write_str(input),
            (Some(input), pointer) => write!(f, "{input} {pointer}"),
            (None, pointer) => f.write_str(pointer),
        }
    }
}

/// Where a value of the model came from, if it was read from somewhere.
///
/// Provenance is not part of what a value *is*: two origins are always equal, so that a rule
/// read from a file equals the same rule written in code.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    location: Option<Arc<Location>>,
}

impl Origin {
    /// The place the value was read from; `None` for a value made in code.
    pub fn location(&self) -> Option<&Location> {
        self.location.as_deref()
    }
}

impl From<Location> for Origin {
    fn from(location: Location) -> Self {
        Self { location: Some(Arc::new(location)) }
    }
}

impl PartialEq for Origin {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Origin {}

impl std::hash::Hash for Origin {
    fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_escape_what_rfc_6901_escapes() {
        let place = Location::root("a.json").child("resources").child(4).child("a/b~c");
        assert_eq!(place.to_string(), "a.json /resources/4/a~1b~0c");
        assert_eq!(place.parent().to_string(), "a.json /resources/4");
        assert_eq!(Location::root("a.json").parent(), Location::root("a.json"));
    }
}
