//! Several inputs become one network.

use super::assemble::assemble;
use super::document::walk;
use super::error::ReadError;
use super::link::link;
use super::part::Part;
use super::read::Stage;
use super::text::{as_utf8, with_representable_values, without_extensions};
use crate::model::{Limits, Mode, validate_group};
use crate::network::{Network, validate_network};
use crate::report::{Code, Finding, Location, Severity};

/// Gathers inputs and links them into one network.
///
/// ```
/// use nsg_engine::azure::Reader;
/// use nsg_engine::model::Mode;
///
/// let mut reader = Reader::new(Mode::Lenient);
/// reader.add("nsg.json", br#"{"id": "/x/networkSecurityGroups/web", "securityRules": []}"#)?;
/// let read = reader.finish();
/// assert_eq!(read.network.security_groups.len(), 1);
/// assert!(read.findings.is_empty());
/// # Ok::<(), nsg_engine::azure::ReadError>(())
/// ```
#[derive(Debug)]
pub struct Reader {
    mode: Mode,
    parts: Vec<Part>,
    findings: Vec<Finding>,
}

/// What was read.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a network and what is to be said about it")]
pub struct Read {
    /// The resources of all inputs.
    pub network: Network,
    /// Everything that is to be said about the inputs, in their order.
    pub findings: Vec<Finding>,
}

/// Reads one input as a snapshot.
///
/// # Errors
///
/// When it is not JSON.
pub fn read(json: &[u8]) -> Result<Read, ReadError> {
    let mut reader = Reader::new(Mode::Lenient);
    reader.add("input", json)?;
    Ok(reader.finish())
}

impl Reader {
    /// A reader without inputs yet.
    pub fn new(mode: Mode) -> Self {
        Self { mode, parts: Vec::new(), findings: Vec::new() }
    }

    /// Reads one more input; `name` stands in findings and errors, and is often a file name.
    ///
    /// Comments, commas before a closing bracket and line breaks in texts, which templates may
    /// hold, are passed over; UTF-16 is read if a byte order mark says so. A number too large for
    /// any type and half of a surrogate pair cost their field, not the document.
    ///
    /// # Errors
    ///
    /// When it is not JSON. Then nothing of it is kept, and the reader can go on.
    pub fn add(&mut self, name: &str, json: &[u8]) -> Result<(), ReadError> {
        let root = Location::root(name);
        let text = as_utf8(json);
        let mut stage = Stage::new(self.mode);
        if walk(&text, root.clone(), &mut stage).is_err() {
            stage = Stage::new(self.mode);
            let text = with_representable_values(&without_extensions(&text));
            walk(&text, root.clone(), &mut stage)
                .map_err(|error| ReadError::of_json(name, &error))?;
        }
        if !stage.has_recognised {
            let message = "nothing in it is a resource that is read: expected security groups, \
                           virtual networks, network interfaces and the like";
            let code = Code::NothingRecognised;
            stage.findings.push(Finding::new(Severity::Warning, code, root, message));
        }
        self.parts.append(&mut stage.parts);
        self.findings.append(&mut stage.findings);
        Ok(())
    }

    /// Merges the inputs, links them, and checks groups as wholes.
    pub fn finish(self) -> Read {
        let Self { parts, mut findings, .. } = self;
        let mut network = assemble(parts, &mut findings);
        link(&mut network, &mut findings);
        let limits = Limits::azure();
        for group in &network.security_groups {
            validate_group(group, &limits, &mut findings);
        }
        validate_network(&network, &limits, &mut findings);
        Read { network, findings }
    }
}
