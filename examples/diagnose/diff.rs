//! `diff`: what traffic a change opens and closes, exactly.

use std::path::PathBuf;

use clap::Args;
use nsg_engine::analysis::{Change, Difference, Gates, difference};
use nsg_engine::model::{Direction, SecurityGroup};
use nsg_engine::path::Chain;
use nsg_engine::resolve::Topology;
use nsg_engine::space::Limits;
use serde::Serialize;

use crate::Failure;
use crate::input::Common;
use crate::output::{self, Format, Outcome, Paint};
use crate::region::RegionJson;
use crate::target;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Only the group of this name
    #[arg(long, value_name = "NAME")]
    nsg: Option<String>,
    /// The service-tag file of the new side, if it is another; one INPUT then stands for both
    #[arg(long, value_name = "FILE")]
    new_service_tags: Option<PathBuf>,
    /// OLD and NEW
    #[command(flatten)]
    pub(crate) common: Common,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let common = &arguments.common;
    let (old, new) = match (common.inputs.as_slice(), &arguments.new_service_tags) {
        ([old, new], _) => (old, new),
        ([both], Some(_)) => (both, both),
        _ => return Err(Failure::new("diff takes two inputs: OLD NEW")),
    };
    let tags = common.service_tags.as_deref();
    let before = common.topology_of(std::slice::from_ref(old), tags)?;
    let new_tags = arguments.new_service_tags.as_deref().or(tags);
    let after = common.topology_of(std::slice::from_ref(new), new_tags)?;
    let mut groups = Vec::new();
    let (old, new) = (arguments.groups(&before)?, arguments.groups(&after)?);
    for &group in &old {
        match counterpart(group, &old, &new) {
            Some(new) => groups.extend(compare((&before, group), (&after, new))?),
            None => groups.push(Group::missing(group, "new")),
        }
    }
    for &group in &new {
        if counterpart(group, &new, &old).is_none() {
            groups.push(Group::missing(group, "old"));
        }
    }
    if groups.is_empty() {
        return Err(Failure::new(match &arguments.nsg {
            Some(name) => format!("no security group is called `{name}` in either input"),
            None => "neither input holds a security group".to_owned(),
        }));
    }
    let is_different = groups.iter().any(Group::is_different);
    let is_open = groups.iter().any(|group| !group.unsettled.is_empty());
    let answer = Answer { equivalent: !is_different && !is_open, groups };
    match common.format.unwrap_or(Format::Text) {
        Format::Json => output::print_json(&answer)?,
        format => output::print(&answer.text(&Paint::new(format)))?,
    }
    Ok(match (is_different, is_open) {
        (true, _) => Outcome::Blocked,
        (false, true) => Outcome::Indeterminate,
        (false, false) => Outcome::Allowed,
    })
}

impl Arguments {
    /// The groups asked about, which one side may lack.
    fn groups<'a>(&self, topology: &'a Topology) -> Result<Vec<&'a SecurityGroup>, Failure> {
        let all = &topology.network().security_groups;
        let Some(name) = &self.nsg else { return Ok(all.iter().collect()) };
        target::refuse_several("security group", all.iter().map(|group| &group.id), name)
            .map_err(Failure::new)?;
        Ok(topology.network().group(name).into_iter().collect())
    }
}

/// The same group on the other side: that with its id, else the only one with its name, since
/// copies of a network differ in subscription and resource group.
fn counterpart<'a>(
    group: &SecurityGroup,
    own: &[&SecurityGroup],
    others: &[&'a SecurityGroup],
) -> Option<&'a SecurityGroup> {
    if let Some(same) = others.iter().find(|other| other.id == group.id) {
        return Some(same);
    }
    let is_namesake = |other: &SecurityGroup| other.name().eq_ignore_ascii_case(group.name());
    let mut namesakes = others.iter().filter(|other| is_namesake(other));
    let only = namesakes.next().filter(|_| namesakes.next().is_none())?;
    let is_only_here = own.iter().filter(|other| is_namesake(other)).count() == 1;
    is_only_here.then_some(*only)
}

fn compare(
    (before, old): (&Topology, &SecurityGroup),
    (after, new): (&Topology, &SecurityGroup),
) -> Result<[Group; 2], Failure> {
    let one = |direction| -> Result<Group, Failure> {
        let old_gates = Gates::of_chain(&Chain::of_group(before, old, direction));
        let new_gates = Gates::of_chain(&Chain::of_group(after, new, direction));
        let found = difference(&old_gates, &new_gates, &Limits::default())
            .map_err(|error| Failure::new(format!("{} {direction}: {error}", new.name())))?;
        Ok(Group::new(new, direction, &found))
    };
    Ok([one(Direction::Inbound)?, one(Direction::Outbound)?])
}

#[derive(Serialize)]
struct Answer {
    equivalent: bool,
    groups: Vec<Group>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    nsg: String,
    direction: Option<String>,
    opened: Vec<RegionJson>,
    closed: Vec<RegionJson>,
    /// Flows of which it is not known whether they are opened or closed.
    unsettled: Vec<RegionJson>,
    /// The side, `old` or `new`, that does not hold the group.
    missing_in: Option<&'static str>,
    #[serde(skip)]
    lines: Vec<Line>,
}

/// One change in text.
#[derive(Clone)]
struct Line {
    mark: &'static str,
    region: String,
    reasons: String,
}

impl Group {
    fn new(group: &SecurityGroup, direction: Direction, found: &Difference) -> Self {
        let json = |changes: &[Change]| changes.iter().map(RegionJson::from).collect();
        let lines = |mark, changes: &[Change]| {
            let line = |change: &Change| {
                let Change { region, witness, before, after, .. } = change;
                let reasons = format!("{witness}: {before}; now {after}");
                Line { mark, region: region.to_string(), reasons }
            };
            changes.iter().map(line).collect::<Vec<_>>()
        };
        Self {
            nsg: group.name().to_owned(),
            direction: Some(direction.to_string()),
            opened: json(&found.opened),
            closed: json(&found.closed),
            unsettled: json(&found.unsettled),
            missing_in: None,
            lines: [
                lines("+", &found.opened),
                lines("-", &found.closed),
                lines("?", &found.unsettled),
            ]
            .concat(),
        }
    }

    fn missing(group: &SecurityGroup, side: &'static str) -> Self {
        Self {
            nsg: group.name().to_owned(),
            direction: None,
            opened: Vec::new(),
            closed: Vec::new(),
            unsettled: Vec::new(),
            missing_in: Some(side),
            lines: Vec::new(),
        }
    }

    fn is_different(&self) -> bool {
        self.missing_in.is_some() || !self.opened.is_empty() || !self.closed.is_empty()
    }
}

impl Answer {
    fn text(&self, paint: &Paint) -> String {
        let mut text = String::new();
        for group in &self.groups {
            let name = output::plain(&group.nsg);
            if let Some(side) = group.missing_in {
                text.push_str(&format!("{name}: the {side} input does not hold it\n"));
            }
            if group.lines.is_empty() {
                continue;
            }
            let direction = group.direction.as_deref().unwrap_or_default();
            text.push_str(&format!("{name} {direction}\n"));
            for Line { mark, region, reasons } in &group.lines {
                let (region, reasons) = (paint.code(region), output::plain(reasons));
                text.push_str(&format!("  {mark} {region}\n      {reasons}\n"));
            }
        }
        if text.is_empty() {
            text.push_str("equivalent: the same traffic passes\n");
        }
        text
    }
}
