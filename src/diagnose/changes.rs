//! What changes of rules really do, over all flows of a list.

use serde::Serialize;

use super::command;
use crate::analysis::Change;
use crate::analysis::repair::{Extent, Repair};
use crate::model::ResourceId;
use crate::space::{HeaderSpace, Limits};

/// How many regions are told.
const REGIONS: usize = 8;

/// What a change of a list of rules does with all flows that meet it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Changes {
    /// Whether it is proved that what was wanted comes about and that no other flow is treated in
    /// another way than before.
    pub exact: bool,
    /// The flows that were denied before and are allowed after, as disjoint regions; the first of
    /// them where there are many.
    pub opened: Vec<String>,
    /// The flows that were allowed before and are denied after, as disjoint regions; the first of
    /// them where there are many.
    pub closed: Vec<String>,
    /// How many more regions there are of both kinds.
    pub left_out: usize,
    /// What keeps it from being exact; `None` where it is.
    pub but: Option<String>,
}

/// How long a region may be that stands as an example in a sentence.
const EXAMPLE_LENGTH: usize = 80;

impl Changes {
    pub(super) fn of(way: &Repair) -> Self {
        let regions = |changes: &[Change]| {
            changes.iter().take(REGIONS).map(|one| one.region.to_string()).collect()
        };
        let made = way.difference.as_ref();
        let opened = made.map_or(&[][..], |made| &made.opened);
        let closed = made.map_or(&[][..], |made| &made.closed);
        let left_out = [opened, closed].map(|changes| changes.len().saturating_sub(REGIONS));
        Self {
            exact: way.extent.is_exact(),
            opened: regions(opened),
            closed: regions(closed),
            left_out: left_out.iter().sum(),
            but: but(&way.extent),
        }
    }
}

/// What a way opens in place of exactly the wanted flows; `None` where it is those.
pub(super) fn opened_instead(way: &Repair, changes: &Changes, wanted: &str) -> Option<String> {
    match way.extent {
        Extent::Rest => Some(format!("{wanted}, as far as it was not open before")),
        Extent::More(_) if !changes.opened.is_empty() => {
            let all = way.difference.as_ref().map_or(0, |made| made.opened.len());
            let more = all.saturating_sub(changes.opened.len());
            let more = (more > 0).then(|| format!("{more} more regions"));
            Some(changes.opened.iter().cloned().chain(more).collect::<Vec<_>>().join("; "))
        }
        _ => None,
    }
}

fn but(extent: &Extent) -> Option<String> {
    match extent {
        Extent::Whole | Extent::Rest | Extent::Nothing => None,
        Extent::More(flows) => Some(format!("other flows change too, such as {}", example(flows))),
        Extent::Open(unknown) => {
            let unknown: Vec<String> = unknown.iter().map(ToString::to_string).collect();
            Some(format!("it depends on what is not known: {}", unknown.join("; ")))
        }
        Extent::Unfinished(exceeded) => Some(exceeded.to_string()),
    }
}

fn example(flows: &HeaderSpace) -> String {
    let regions = flows.regions(&Limits::default()).unwrap_or_default();
    let mut regions = regions.iter().map(ToString::to_string);
    let short = regions.find(|region| region.len() <= EXAMPLE_LENGTH);
    let one = || flows.witness().map(|flow| flow.to_string());
    short.or_else(one).unwrap_or_default()
}

/// Another way to the same end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct OtherWay {
    /// What it does, in words.
    pub text: String,
    /// The commands that make the change, one a line.
    pub az: String,
    /// What the list of rules then does with all flows.
    pub changes: Changes,
}

impl OtherWay {
    pub(super) fn new(group: &ResourceId, way: &Repair) -> Self {
        let commands: Vec<String> =
            way.edits.iter().map(|edit| command::edit_rule(group, edit)).collect();
        Self { text: way.to_string(), az: commands.join("\n"), changes: Changes::of(way) }
    }
}
