//! Service-tag files: Microsoft's weekly download and the answer of the discovery API (S4.26).

use super::error::ReadError;
use super::json::Node;
use super::text::as_utf8;
use super::view::View;
use crate::model::ServiceTag;
use crate::net::AddressSet;
use crate::report::{Code, Finding, Location, Severity};
use crate::resolve::ServiceTags;

/// Reads a service-tag file; `name` stands in errors, and is often a file name.
///
/// Each entry's `name` is a tag, looked up as a whole (S4.27, S4.28).
///
/// # Errors
///
/// When it is not JSON, holds no `values`, or any entry or prefix in it cannot be read: a tag
/// with a part of its contents would deny or allow what the whole would not.
pub fn read_service_tags(name: &str, json: &[u8]) -> Result<ServiceTags, ReadError> {
    let text = as_utf8(json);
    let document: Node<'_> =
        serde_json::from_slice(&text).map_err(|error| ReadError::of_json(name, &error))?;
    let root = Location::root(name);
    let Node::Object(members) = &document else {
        return Err(ReadError::new(name, "not a service-tag file: expected an object"));
    };
    let file = View::new(members, root);
    if !file.has_list("values") {
        return Err(ReadError::new(name, "not a service-tag file: it has no list `values`"));
    }
    let mut findings = Vec::new();
    let mut entries = Vec::new();
    for entry in file.split_objects("values", &mut findings).0 {
        let prefixes = read_prefixes(&entry, &mut findings);
        match entry.own_text("name") {
            Some(tag) => entries.push((ServiceTag::new(tag), prefixes)),
            None => {
                let message = "the entry has no name";
                let at = entry.at.child("name");
                findings.push(Finding::new(Severity::Error, Code::InvalidField, at, message));
            }
        }
    }
    let mut errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    if let Some(first) = errors.next() {
        let others = match errors.count() {
            0 => String::new(),
            count => format!(" (and {count} more)"),
        };
        let message = format!("{}: {}{others}", first.location.pointer(), first.message);
        return Err(ReadError::new(name, message));
    }
    let text = |name| match members.get(name) {
        Some(Node::Text(text)) => Some(text.to_string()),
        Some(Node::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    Ok(ServiceTags::new(entries, text("cloud"), text("changeNumber")))
}

fn read_prefixes(entry: &View<'_, '_>, findings: &mut Vec<Finding>) -> AddressSet {
    entry.prefixes(&["addressPrefixes"], findings).0.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOWNLOAD: &str = r#"{"changeNumber": 7, "cloud": "Public", "values": [
        {"name": "Storage", "id": "Storage", "properties": {"region": "", "addressPrefixes":
            ["192.0.2.0/25", "2001:db8::/48"]}},
        {"name": "AzureFrontDoor.Backend", "properties": {"addressPrefixes": ["198.51.100.0/24"]}}
    ]}"#;

    /// S4.26 to S4.31: numbers as change numbers, dots in global names, both families.
    #[test]
    fn the_download_is_read() {
        let tags = read_service_tags("tags.json", DOWNLOAD.as_bytes()).unwrap();
        assert_eq!((tags.change_number(), tags.cloud()), (Some("7"), Some("Public")));
        let storage = tags.addresses(&ServiceTag::new("STORAGE")).unwrap();
        assert_eq!(storage.to_string(), "192.0.2.0/25, 2001:db8::/48");
        assert!(tags.addresses(&ServiceTag::new("azurefrontdoor.backend")).is_some());
        assert!(tags.addresses(&ServiceTag::new("AzureFrontDoor")).is_none());
    }

    #[test]
    fn the_discovery_answer_is_read() {
        let answer = r#"{"name": "public", "id": "x", "type": "t", "changeNumber": "63",
            "cloud": "Public", "values": [], "nextLink": ""}"#;
        let tags = read_service_tags("a.json", answer.as_bytes()).unwrap();
        assert_eq!(tags.change_number(), Some("63"));
    }

    #[test]
    fn what_cannot_be_read_is_an_error_with_its_place() {
        let cases = [
            ("[]", "tags.json: not a service-tag file: expected an object"),
            ("{}", "tags.json: not a service-tag file: it has no list `values`"),
            ("{\"values\": [", "tags.json: not JSON: EOF while parsing a list at line 1 column 12"),
            (
                r#"{"values": [{"name": "A", "properties": {"addressPrefixes": ["1.2.3.0/24", "x", 3]}}]}"#,
                "tags.json: /values/0/properties/addressPrefixes/2: expected a text, found a number (and 1 more)",
            ),
            (r#"{"values": [{}]}"#, "tags.json: /values/0/name: the entry has no name"),
        ];
        for (json, message) in cases {
            let error = read_service_tags("tags.json", json.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }
}
