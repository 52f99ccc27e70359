//! Changes that settle a finding, with what they open and close.

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use crate::analysis::repair::Edit;
use crate::analysis::{Change, Difference};
use crate::diagnose::command;
use crate::model::{ResourceId, SecurityRule};
use crate::space::{LimitExceeded, Region};

/// A change of one security group that settles a finding.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Fix {
    /// What it does, in lower case.
    pub summary: String,
    /// The group that is changed.
    pub group: ResourceId,
    /// The changes, in the order in which they are made.
    pub edits: Vec<Edit>,
    /// The flows that the group denied before and allows after, as disjoint regions.
    pub opens: Vec<Region>,
    /// The flows that the group allowed before and denies after, as disjoint regions.
    pub closes: Vec<Region>,
    /// Whether `opens` and `closes` are proved to be all that changes, however the unknown turns
    /// out.
    pub proved: bool,
}

impl Fix {
    pub(super) fn new(summary: impl Into<String>, group: &ResourceId, edits: Vec<Edit>) -> Self {
        Self {
            summary: summary.into(),
            group: group.clone(),
            edits,
            opens: Vec::new(),
            closes: Vec::new(),
            proved: false,
        }
    }

    /// The same fix with what it was found to change; a difference that was not finished, or that
    /// something unknown leaves open, proves nothing.
    pub(super) fn with_difference(self, made: Result<Difference, LimitExceeded>) -> Self {
        let regions = |changes: Vec<Change>| changes.into_iter().map(|one| one.region).collect();
        match made {
            Ok(Difference { opened, closed, unsettled, .. }) => Self {
                opens: regions(opened),
                closes: regions(closed),
                proved: unsettled.is_empty(),
                ..self
            },
            Err(_) => self,
        }
    }

    /// The commands of the Azure command line that make the changes, one a line.
    pub fn az(&self) -> String {
        let commands: Vec<String> =
            self.edits.iter().map(|edit| command::edit_rule(&self.group, edit)).collect();
        commands.join("\n")
    }

    /// Whether every flow meets with the same access after as before.
    pub fn changes_nothing(&self) -> bool {
        self.proved && self.opens.is_empty() && self.closes.is_empty()
    }
}

impl Serialize for Fix {
    /// With the rules as they are to be, in the shape of Azure's API, and the regions in text.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = |regions: &[Region]| regions.iter().map(Region::to_string).collect::<Vec<_>>();
        let rules: Vec<&SecurityRule> = self.edits.iter().filter_map(Edit::rule).collect();
        let mut members = serializer.serialize_struct("Fix", 7)?;
        members.serialize_field("summary", &self.summary)?;
        members.serialize_field("nsg", self.group.name())?;
        members.serialize_field("rules", &rules)?;
        members.serialize_field("az", &self.az())?;
        members.serialize_field("opens", &text(&self.opens))?;
        members.serialize_field("closes", &text(&self.closes))?;
        members.serialize_field("proved", &self.proved)?;
        members.end()
    }
}
