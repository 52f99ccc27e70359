//! A document is walked value by value: only one resource of a list is in memory at a time.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::json::{Key, Members, Node};
use super::read::CONTAINERS;
use crate::report::Location;

/// Where the values of a document go, one at a time.
pub(super) trait Sink<'a> {
    /// Takes a value that stands at this place.
    fn take(&mut self, node: Node<'a>, at: Location);
}

/// Reads a whole document into the sink.
///
/// The elements of a list, and those of a top-level `value`, `resources` or `data`, arrive one by
/// one; what remains of the top-level object arrives last.
pub(super) fn walk<'a>(
    json: &'a [u8],
    at: Location,
    sink: &mut impl Sink<'a>,
) -> Result<(), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    Walk { at, sink, is_top: true }.deserialize(&mut deserializer)?;
    deserializer.end()
}

struct Walk<'s, S> {
    at: Location,
    sink: &'s mut S,
    is_top: bool,
}

impl<'de, S: Sink<'de>> DeserializeSeed<'de> for Walk<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// Scalars are no resources: they are passed over.
macro_rules! pass_over {
    ($($visit:ident: $type:ty),*) => {$(
        fn $visit<E>(self, _: $type) -> Result<(), E> {
            Ok(())
        }
    )*};
}

impl<'de, S: Sink<'de>> Visitor<'de> for Walk<'_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    pass_over!(visit_bool: bool, visit_u64: u64, visit_i64: i64, visit_f64: f64);

    /// An expression may stand for resources.
    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.sink.take(Node::Text(text.to_owned().into()), self.at);
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let mut index = 0usize;
        while let Some(node) = elements.next_element()? {
            self.sink.take(node, self.at.child(index));
            index = index.saturating_add(1);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let Self { at, sink, is_top } = self;
        if !is_top {
            // A template may key its resources by symbolic names (S10.9).
            while let Some(key) = entries.next_key::<Key<'de>>()? {
                let node = entries.next_value()?;
                sink.take(node, at.child(key.as_str()));
            }
            return Ok(());
        }
        let mut rest = Members::default();
        while let Some(key) = entries.next_key::<Key<'de>>()? {
            let is_container = CONTAINERS.iter().any(|name| key.as_str() == *name);
            // The children of a resource are read with it: their names depend on its name.
            if is_container && rest.get("type").is_none() {
                let at = at.child(key.as_str());
                entries.next_value_seed(Walk { at, sink: &mut *sink, is_top: false })?;
            } else {
                rest.push(key, entries.next_value()?);
            }
        }
        if !rest.is_empty() {
            sink.take(Node::Object(rest), at);
        }
        Ok(())
    }
}
