//! JSON as a borrowed tree of loosely typed nodes.
//!
//! A resource is read into a [`Node`] before it is understood, so that a member of the wrong type
//! is a finding with a pointer rather than the end of the document. Texts without escapes are
//! borrowed from the input.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// Any JSON value.
#[derive(Debug, PartialEq)]
pub(super) enum Node<'a> {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Object(Members<'a>),
}

impl<'a> Node<'a> {
    pub(super) fn as_object(&self) -> Option<&Members<'a>> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether an object in it has two members of one name.
    pub(super) fn has_repeated_names(&self) -> bool {
        match self {
            Self::List(nodes) => nodes.iter().any(Self::has_repeated_names),
            Self::Object(members) => {
                members.has_repeated_name()
                    || members.members.iter().any(|(_, node)| node.has_repeated_names())
            }
            _ => false,
        }
    }

    /// What kind of value it is, with its article.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(true) => "true",
            Self::Bool(false) => "false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

/// The members of a JSON object, in the order written. Where a name repeats, the last one counts.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Members<'a> {
    members: Vec<(Cow<'a, str>, Node<'a>)>,
}

impl<'a> Members<'a> {
    /// The member of that name, in any case (S10.3). Null is no member (S1.27).
    pub(super) fn find(&self, name: &str) -> Option<(&str, &Node<'a>)> {
        let mut last_first = self.members.iter().rev();
        let (key, node) = last_first.find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        (!matches!(node, Node::Null)).then_some((key.as_ref(), node))
    }

    pub(super) fn get(&self, name: &str) -> Option<&Node<'a>> {
        self.find(name).map(|(_, node)| node)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Node<'a>)> {
        self.members.iter().map(|(key, node)| (key.as_ref(), node))
    }

    /// The names of members that do not count, because a later one of the same name says
    /// something else.
    pub(super) fn overruled(&self) -> Vec<&str> {
        let mut last: HashMap<String, &Node<'a>> = HashMap::new();
        let mut overruled = Vec::new();
        for (key, node) in self.members.iter().rev() {
            if *last.entry(key.to_ascii_lowercase()).or_insert(node) != node {
                overruled.push(key.as_ref());
            }
        }
        overruled
    }

    fn has_repeated_name(&self) -> bool {
        if self.members.len() > 32 {
            let names = self.members.iter().map(|(key, _)| key.to_ascii_lowercase());
            return names.collect::<HashSet<_>>().len() < self.members.len();
        }
        let mut rest = self.members.iter();
        while let Some((key, _)) = rest.next() {
            if rest.clone().any(|(other, _)| other.eq_ignore_ascii_case(key)) {
                return true;
            }
        }
        false
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(super) fn push(&mut self, key: Key<'a>, node: Node<'a>) {
        self.members.push((key.0, node));
    }
}

/// The name of a member.
#[derive(Debug)]
pub(super) struct Key<'a>(Cow<'a, str>);

impl Key<'_> {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;

        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a member")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(KeyVisitor)
    }
}

impl<'de> Deserialize<'de> for Node<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Node::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        // `1e3` and `100.0` are whole numbers to JSON, in whatever form they are written.
        let whole = format!("{value}").parse::<i64>().ok().map(serde_json::Number::from);
        let number = whole.or_else(|| serde_json::Number::from_f64(value));
        Ok(number.map_or(Node::Null, Node::Number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Node::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Node::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element()? {
            list.push(element);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut members = Members::default();
        while let Some(key) = entries.next_key()? {
            members.push(key, entries.next_value()?);
        }
        Ok(Node::Object(members))
    }
}
