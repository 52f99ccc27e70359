//! A resource as a set of fields, wherever they stand.
//!
//! Azure's API keeps the fields of a resource in `properties`, its command line flattens them
//! into the resource, at any depth (S10.4, S10.8). A [`View`] finds them in both.

use std::net::IpAddr;

use super::json::{Members, Node};
use crate::model::{Field, ResourceId, UnknownValue, Value, Written, is_expression};
use crate::net::{Prefix, parse_address};
use crate::network::Link;
use crate::report::{Code, Finding, Location, Severity};

/// An object of the input, its `properties`, and its place.
#[derive(Clone, Debug)]
pub(super) struct View<'n, 'a> {
    pub(super) object: &'n Members<'a>,
    properties: Option<(&'n str, &'n Members<'a>)>,
    /// The expression that stands for the properties.
    unknown_properties: Option<(&'n str, &'n str)>,
    pub(super) at: Location,
}

/// What leaves open whether, or how many times, an object exists.
pub(super) struct Doubt {
    /// What stands for the answer.
    pub(super) text: UnknownValue,
    what: String,
    at: Location,
}

impl Doubt {
    /// Tells of it, and of what follows.
    pub(super) fn finding(self, outcome: &str) -> Finding {
        unknown(self.at, format!("{}: {outcome}", self.what))
    }
}

/// One of the values that a list holds.
pub(super) enum Element<T> {
    Known(T),
    /// Any number of values, of which only the text in their place is known.
    Unknown(UnknownValue, Location),
}

/// A member that was found.
#[derive(Clone, Copy)]
struct Found<'n, 'a> {
    below: &'n str,
    member: &'n str,
    node: &'n Node<'a>,
}

impl<'n, 'a> View<'n, 'a> {
    pub(super) fn new(object: &'n Members<'a>, at: Location) -> Self {
        let properties = object
            .find("properties")
            .and_then(|(key, node)| node.as_object().map(|members| (key, members)));
        let unknown_properties = match object.find("properties") {
            Some((key, Node::Text(text))) if is_expression(text) => Some((key, text.as_ref())),
            _ => None,
        };
        Self { object, properties, unknown_properties, at }
    }

    /// The expression that stands for all properties, reported.
    pub(super) fn unknown_properties(&self, findings: &mut Vec<Finding>) -> Option<UnknownValue> {
        let (key, text) = self.unknown_properties?;
        let message = format!("the properties are the expression `{text}` and are not known");
        findings.push(unknown(self.at.child(key), message));
        Some(UnknownValue::new(text))
    }

    /// What leaves open whether, or how many times, a template makes the object: conditions and
    /// loops are not evaluated (S10.11).
    pub(super) fn doubt(&self) -> Option<Doubt> {
        match self.object.find("condition") {
            Some((key, Node::Text(text))) if !text.eq_ignore_ascii_case("true") => {
                let what = format!("whether `{text}` holds is not known");
                let text = UnknownValue::new(text.as_ref());
                return Some(Doubt { text, what, at: self.at.child(key) });
            }
            _ => {}
        }
        match self.object.find("copy") {
            Some((key, Node::Object(_))) => {
                let what = "`copy` makes it any number of times".to_owned();
                Some(Doubt { text: UnknownValue::new("(copy)"), what, at: self.at.child(key) })
            }
            _ => None,
        }
    }

    /// The loop in the properties by which a template makes the list of that name.
    fn copied(&self, name: &str) -> Option<Location> {
        let inside = self.properties.and_then(|(below, members)| {
            members.find("copy").map(|(key, node)| (self.at.child(below).child(key), node))
        });
        let outside = || self.object.find("copy").map(|(key, node)| (self.at.child(key), node));
        let (place, Node::List(loops)) = inside.or_else(outside)? else { return None };
        let index = loops.iter().position(|one| {
            let target = one.as_object().and_then(|one| one.get("name")).and_then(Node::as_text);
            target.is_some_and(|target| target.eq_ignore_ascii_case(name))
        })?;
        Some(place.child(index))
    }

    fn find(&self, name: &str) -> Option<Found<'n, 'a>> {
        let inside = self.properties.and_then(|(below, members)| {
            members.find(name).map(|(member, node)| Found { below, member, node })
        });
        inside.or_else(|| {
            self.object.find(name).map(|(member, node)| Found { below: "", member, node })
        })
    }

    fn place(&self, found: &Found<'n, 'a>) -> Location {
        if found.below.is_empty() {
            self.at.child(found.member)
        } else {
            self.at.child(found.below).child(found.member)
        }
    }

    /// Whether it merely names a resource: none of these fields is there, which Azure always
    /// prints with an id, and it is no resource of a template, which may leave them out.
    pub(super) fn is_reference(&self, fields: &[&str]) -> bool {
        let names = ["apiVersion", "resources", "copy"];
        self.own_text("id").is_some()
            && self.unknown_properties.is_none()
            && fields.iter().chain(&names).all(|name| !self.has(name))
    }

    /// Whether the field is there and not null.
    pub(super) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Whether the field is a list, empty or not.
    pub(super) fn has_list(&self, name: &str) -> bool {
        self.find(name).is_some_and(|found| matches!(found.node, Node::List(_)))
    }

    pub(super) fn node(&self, name: &str) -> Option<&'n Node<'a>> {
        self.find(name).map(|found| found.node)
    }

    /// The text of a field of the object itself, not of its properties; empty is absent.
    pub(super) fn own_text(&self, name: &str) -> Option<&'n str> {
        self.object.find(name).and_then(|(_, node)| node.as_text()).filter(|text| !text.is_empty())
    }

    /// The field as a rule's field. `name` stands for the member if there is none.
    pub(super) fn field(&self, name: &'static str) -> Field<'n> {
        match self.find(name) {
            Some(Found { below, member, node }) => Field { below, member, written: written(node) },
            None => {
                let below = self.properties.map_or("", |(key, _)| key);
                Field { below, member: name, written: Written::Absent }
            }
        }
    }

    /// The text of a field; empty is absent.
    pub(super) fn text(&self, name: &str, findings: &mut Vec<Finding>) -> Option<&'n str> {
        let found = self.find(name)?;
        match found.node {
            Node::Text(text) => Some(text.as_ref()).filter(|text| !text.is_empty()),
            other => {
                self.wrong(&found, "a text", other, findings);
                None
            }
        }
    }

    /// Whether the field says yes; absent is `default`, and an expression is unknown.
    pub(super) fn known_flag(
        &self,
        name: &str,
        default: bool,
        findings: &mut Vec<Finding>,
    ) -> Value<bool> {
        let Some(found) = self.find(name) else {
            let text = self.unknown_properties.map(|(_, text)| text);
            return text
                .map_or(Value::Known(default), |text| Value::Unknown(UnknownValue::new(text)));
        };
        match found.node {
            Node::Bool(flag) => return Value::Known(*flag),
            Node::Text(text) if text.eq_ignore_ascii_case("true") => return Value::Known(true),
            Node::Text(text) if text.eq_ignore_ascii_case("false") => return Value::Known(false),
            Node::Text(text) if is_expression(text) => {
                let message = format!("the value of the expression `{text}` is not known");
                findings.push(unknown(self.place(&found), message));
            }
            other => self.wrong(&found, "true or false", other, findings),
        }
        Value::Unknown(unread(found.node))
    }

    /// What stands for a field that is there and cannot be read, or for properties that are
    /// unknown.
    pub(super) fn unread(&self, name: &str) -> Option<UnknownValue> {
        match self.find(name) {
            None => self.unknown_properties.map(|(_, text)| UnknownValue::new(text)),
            Some(found) => Some(unread(found.node)),
        }
    }

    /// What stands for a field that is there and is no text, or for properties that are unknown.
    pub(super) fn unread_text(&self, name: &str) -> Option<UnknownValue> {
        match self.find(name) {
            None => self.unknown_properties.map(|(_, text)| UnknownValue::new(text)),
            Some(Found { node: Node::Text(_), .. }) => None,
            Some(found) => Some(unread(found.node)),
        }
    }

    /// Whether the field says yes, where no verdict depends on it; absent is `default`.
    pub(super) fn flag(&self, name: &str, default: bool, findings: &mut Vec<Finding>) -> bool {
        let Some(found) = self.find(name) else { return default };
        match found.node {
            Node::Bool(flag) => return *flag,
            Node::Text(text) if text.eq_ignore_ascii_case("true") => return true,
            Node::Text(text) if text.eq_ignore_ascii_case("false") => return false,
            Node::Text(text) if is_expression(text) => {
                let message =
                    format!("the value of the expression `{text}` is not known: read as {default}");
                findings.push(unknown(self.place(&found), message));
            }
            other => self.wrong(&found, "true or false", other, findings),
        }
        default
    }

    /// The object in a field.
    pub(super) fn object(&self, name: &str, findings: &mut Vec<Finding>) -> Option<View<'n, 'a>> {
        let found = self.find(name)?;
        match found.node {
            Node::Object(members) => Some(View::new(members, self.place(&found))),
            Node::Text(text) if is_expression(text) => {
                let message = format!("the value of the expression `{text}` is not known");
                findings.push(unknown(self.place(&found), message));
                None
            }
            other => {
                self.wrong(&found, "an object", other, findings);
                None
            }
        }
    }

    /// The nodes in a field that is a list, each with its place, and the places where it holds
    /// nobody knows what: an expression, or the loop that makes it.
    fn elements(
        &self,
        name: &str,
        findings: &mut Vec<Finding>,
    ) -> Vec<Element<(&'n Node<'a>, Location)>> {
        let mut elements = Vec::new();
        if let Some(place) = self.copied(name) {
            let message = format!("`copy` makes `{name}`, whose elements are not known");
            findings.push(unknown(place.clone(), message));
            elements.push(Element::Unknown(UnknownValue::new("(copy)"), place));
        }
        let Some(found) = self.find(name) else {
            if let Some((key, text)) = self.unknown_properties {
                let place = self.at.child(key);
                let message = format!("`{name}` is in the expression `{text}` and is not known");
                findings.push(unknown(place.clone(), message));
                elements.push(Element::Unknown(UnknownValue::new(text), place));
            }
            return elements;
        };
        let place = self.place(&found);
        match found.node {
            Node::List(nodes) => {
                let placed = nodes.iter().enumerate().map(|(i, node)| (node, place.child(i)));
                elements.extend(placed.map(Element::Known));
            }
            Node::Text(text) if is_expression(text) => {
                let message = format!("the list `{text}` is an expression and is not known");
                findings.push(unknown(place.clone(), message));
                elements.push(Element::Unknown(UnknownValue::new(text.as_ref()), place));
            }
            // PowerShell writes a list of one as its element.
            single @ Node::Object(_) => elements.push(Element::Known((single, place))),
            // It writes an empty list as an empty text.
            Node::Text(text) if text.is_empty() => {}
            other => {
                self.wrong(&found, "a list", other, findings);
                let text = format!("({})", other.kind());
                elements.push(Element::Unknown(UnknownValue::new(text), place));
            }
        }
        elements
    }

    /// The objects in a field that is a list of them, and what stands in the place of some.
    pub(super) fn all_objects(
        &self,
        name: &str,
        findings: &mut Vec<Finding>,
    ) -> Vec<Element<View<'n, 'a>>> {
        let elements = self.elements(name, findings).into_iter();
        elements
            .filter_map(|element| match element {
                Element::Unknown(text, at) => Some(Element::Unknown(text, at)),
                Element::Known((Node::Object(members), at)) => {
                    Some(Element::Known(View::new(members, at)))
                }
                Element::Known((Node::Null, _)) => None,
                Element::Known((Node::Text(text), at)) if is_expression(text) => {
                    let message = format!("the element `{text}` is an expression and is not known");
                    findings.push(unknown(at.clone(), message));
                    Some(Element::Unknown(UnknownValue::new(text.as_ref()), at))
                }
                Element::Known((other, at)) => {
                    findings.push(invalid(at.clone(), "an object", other));
                    let text = format!("({})", other.kind());
                    Some(Element::Unknown(UnknownValue::new(text), at))
                }
            })
            .collect()
    }

    /// The objects in a field that is a list of them, and what stands in the place of others.
    pub(super) fn split_objects(
        &self,
        name: &str,
        findings: &mut Vec<Finding>,
    ) -> (Vec<View<'n, 'a>>, Vec<UnknownValue>) {
        let (mut known, mut lost) = (Vec::new(), Vec::new());
        for element in self.all_objects(name, findings) {
            match element {
                Element::Known(view) => known.push(view),
                Element::Unknown(text, _) => lost.push(text),
            }
        }
        (known, lost)
    }

    /// The names in a field that is a list of them, or one name.
    pub(super) fn names(&self, name: &str, findings: &mut Vec<Finding>) -> Vec<Value<String>> {
        let elements = self.all_texts(name, findings).into_iter();
        elements
            .map(|element| match element {
                Element::Unknown(text, _) => Value::Unknown(text),
                Element::Known((text, at)) if is_expression(text) => {
                    findings.push(unreadable(at, text, "a name"));
                    Value::Unknown(UnknownValue::new(text))
                }
                Element::Known((text, _)) => Value::Known(text.to_owned()),
            })
            .collect()
    }

    /// The texts in a field that is a list of them, or one text.
    pub(super) fn all_texts(
        &self,
        name: &str,
        findings: &mut Vec<Finding>,
    ) -> Vec<Element<(&'n str, Location)>> {
        if let Some(found @ Found { node: Node::Text(text), .. }) = self.find(name)
            && !text.is_empty()
        {
            return vec![Element::Known((text.as_ref(), self.place(&found)))];
        }
        let elements = self.elements(name, findings).into_iter();
        elements
            .filter_map(|element| match element {
                Element::Unknown(text, at) => Some(Element::Unknown(text, at)),
                Element::Known((Node::Text(text), at)) => Some(Element::Known((text.as_ref(), at))),
                Element::Known((Node::Null, _)) => None,
                Element::Known((other, at)) => {
                    findings.push(invalid(at.clone(), "a text", other));
                    let text = format!("({})", other.kind());
                    Some(Element::Unknown(UnknownValue::new(text), at))
                }
            })
            .collect()
    }

    /// The reference in a field that is an object with an `id`, or the id itself.
    pub(super) fn link(&self, name: &str, findings: &mut Vec<Finding>) -> Option<Link> {
        match self.find(name) {
            Some(found) => read_link(found.node, &self.place(&found), findings),
            // What the properties are not known to lack may be in them.
            None => {
                self.unknown_properties.map(|(_, text)| Value::Unknown(UnknownValue::new(text)))
            }
        }
    }

    /// The reference that the object itself is.
    pub(super) fn own_link(&self, findings: &mut Vec<Finding>) -> Option<Link> {
        match self.object.find("id") {
            Some((key, node)) => read_link(node, &self.at.child(key), findings),
            None => None,
        }
    }

    /// The references in a field that is a list of them.
    pub(super) fn links(&self, name: &str, findings: &mut Vec<Finding>) -> Vec<Link> {
        self.elements(name, findings)
            .into_iter()
            .filter_map(|element| match element {
                Element::Known((node, at)) => read_link(node, &at, findings),
                Element::Unknown(text, _) => Some(Value::Unknown(text)),
            })
            .collect()
    }

    /// The address blocks in the first of the fields that holds any, and those that could not
    /// be read.
    pub(super) fn prefixes(
        &self,
        names: &[&str],
        findings: &mut Vec<Finding>,
    ) -> (Vec<Prefix>, Vec<UnknownValue>) {
        let (mut known, mut lost) = (Vec::new(), Vec::new());
        for name in names {
            for element in self.all_texts(name, findings) {
                match element {
                    Element::Unknown(text, _) => lost.push(text),
                    Element::Known((text, at)) => match read_prefix(text, at, findings) {
                        Some(prefix) => known.push(prefix),
                        None => lost.push(UnknownValue::new(text)),
                    },
                }
            }
            if !known.is_empty() || !lost.is_empty() {
                break;
            }
        }
        (known, lost)
    }

    /// The address in a field; absent is none.
    pub(super) fn address(&self, name: &str, findings: &mut Vec<Finding>) -> Option<Value<IpAddr>> {
        let Some(text) = self.text(name, findings) else {
            return self.unread_text(name).map(Value::Unknown);
        };
        let place = self.find(name).map(|found| self.place(&found)).unwrap_or_default();
        Some(read_address(text, place, findings))
    }

    fn wrong(
        &self,
        found: &Found<'n, 'a>,
        expected: &str,
        actual: &Node<'_>,
        findings: &mut Vec<Finding>,
    ) {
        findings.push(invalid(self.place(found), expected, actual));
    }
}

/// A reference: an object with an `id`, or the id itself.
pub(super) fn read_link(
    node: &Node<'_>,
    at: &Location,
    findings: &mut Vec<Finding>,
) -> Option<Link> {
    let (text, at) = match node {
        Node::Null => return None,
        Node::Text(text) => (text.as_ref(), at.clone()),
        Node::Object(members) => match members.find("id") {
            Some((key, Node::Text(text))) => (text.as_ref(), at.child(key)),
            Some((key, other)) => {
                findings.push(invalid(at.child(key), "an id", other));
                return Some(Value::Unknown(unread(other)));
            }
            None if members.is_empty() => return None,
            None => {
                findings.push(invalid(at.clone(), "an object with an `id`", node));
                return Some(Value::Unknown(UnknownValue::new("(no id)")));
            }
        },
        other => {
            findings.push(invalid(at.clone(), "an object with an `id`", other));
            return Some(Value::Unknown(unread(other)));
        }
    };
    if text.is_empty() {
        return None;
    }
    if is_expression(text) {
        let message = format!("the reference `{text}` is an expression and is not known");
        findings.push(unknown(at, message));
        return Some(Value::Unknown(UnknownValue::new(text)));
    }
    Some(Value::Known(ResourceId::new(text)))
}

/// What stands in the place of a value that cannot be read.
fn unread(node: &Node<'_>) -> UnknownValue {
    UnknownValue::new(node.as_text().map_or_else(|| format!("({})", node.kind()), str::to_owned))
}

/// An address by itself.
pub(super) fn read_address(text: &str, at: Location, findings: &mut Vec<Finding>) -> Value<IpAddr> {
    let address = parse_address(text);
    address.map(Value::Known).unwrap_or_else(|| {
        findings.push(unreadable(at, text, "an address"));
        Value::Unknown(UnknownValue::new(text))
    })
}

/// An address block, or one address, with host bits masked.
pub(super) fn read_prefix(text: &str, at: Location, findings: &mut Vec<Finding>) -> Option<Prefix> {
    let text = text.trim();
    match text.parse::<Prefix>() {
        Ok(prefix) => Some(prefix),
        Err(error) => {
            if is_expression(text) {
                let message = format!("the value of the expression `{text}` is not known");
                findings.push(unknown(at, message));
                return None;
            }
            let (severity, code) = match error.canonical() {
                Some(_) => (Severity::Warning, Code::NonCanonicalPrefix),
                None => (Severity::Error, Code::InvalidField),
            };
            findings.push(Finding::new(severity, code, at, error.to_string()));
            error.canonical()
        }
    }
}

/// A template expression stands where a value should.
pub(super) fn unknown(at: Location, message: String) -> Finding {
    Finding::new(Severity::Warning, Code::UnknownValue, at, message)
}

/// A text that is not what it should be.
pub(super) fn unreadable(at: Location, text: &str, expected: &str) -> Finding {
    if is_expression(text) {
        return unknown(at, format!("the value of the expression `{text}` is not known"));
    }
    let message = format!("`{text}` is not {expected}");
    Finding::new(Severity::Error, Code::InvalidField, at, message)
}

/// A value of the wrong JSON type.
pub(super) fn invalid(at: Location, expected: &str, actual: &Node<'_>) -> Finding {
    let message = format!("expected {expected}, found {}", actual.kind());
    Finding::new(Severity::Error, Code::InvalidField, at, message)
}

/// What a node writes in a rule's field.
fn written<'n>(node: &'n Node<'_>) -> Written<'n> {
    match node {
        Node::Null => Written::Absent,
        Node::Text(text) => Written::text(text.as_ref()),
        Node::Number(number) => Written::text(number.to_string()),
        Node::List(nodes) => Written::List(nodes.iter().map(written_item).collect()),
        Node::Object(members) => match members.get("id") {
            Some(Node::Text(id)) => Written::text(id.as_ref()),
            _ => Written::Other(node.kind()),
        },
        Node::Bool(_) => Written::Other(node.kind()),
    }
}

/// In a list an empty text is an item that says nothing, not an absent list.
fn written_item<'n>(node: &'n Node<'_>) -> Written<'n> {
    match node {
        Node::Text(text) => Written::Text(text.as_ref().into()),
        Node::Null => Written::Other("null"),
        other => written(other),
    }
}
