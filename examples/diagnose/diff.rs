//! `diff`: what traffic a change opens and closes, exactly.

use std::path::PathBuf;

use clap::Args;
use nsg_engine::analysis::{
    Change, Comparison, Difference, Side, TagChange, changed_tags, comparisons,
};
use nsg_engine::model::{Direction, ResourceId};
use nsg_engine::resolve::Topology;
use nsg_engine::space::Limits;
use serde::Serialize;

use crate::Failure;
use crate::input::Common;
use crate::output::{self, Format, Outcome, Paint};
use crate::region::{RegionJson, addresses};
use crate::target;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Only the group of this name
    #[arg(long, value_name = "NAME")]
    nsg: Option<String>,
    /// All gates of this network interface in place of groups by themselves
    #[arg(long, value_name = "NAME", conflicts_with = "nsg")]
    nic: Option<String>,
    /// All gates of every network interface in place of groups by themselves
    #[arg(long, conflicts_with_all = ["nsg", "nic"])]
    all_nics: bool,
    /// The service-tag file of the new side, if it is another; one INPUT then stands for both
    #[arg(long, alias = "service-tags-new", value_name = "FILE")]
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
    let (mut groups, mut interfaces) = (Vec::new(), Vec::new());
    for comparison in arguments.comparisons(&before, &after)? {
        let list = if comparison.configuration().is_none() { &mut groups } else { &mut interfaces };
        list.extend(compare(&comparison)?);
    }
    let places = || groups.iter().chain(&interfaces);
    let is_different = places().any(Place::is_different);
    let is_open = places().any(|place| !place.unsettled.is_empty());
    let service_tags = changed_tags(&before, &after).iter().map(Tag::from).collect();
    let answer = Answer { equivalent: !is_different && !is_open, groups, interfaces, service_tags };
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
    /// What is compared: security groups, or network interfaces if they are asked for.
    fn comparisons<'a>(
        &self,
        before: &'a Topology,
        after: &'a Topology,
    ) -> Result<Vec<Comparison<'a>>, Failure> {
        let is_interface = self.all_nics || self.nic.is_some();
        let (name, kind) = match (&self.nic, &self.nsg) {
            (Some(name), _) => (Some(name), "network interface"),
            (None, name) if !is_interface => (name.as_ref(), "security group"),
            _ => (None, "network interface"),
        };
        for topology in [before, after] {
            let network = topology.network();
            let ids: Vec<&ResourceId> = if is_interface {
                network.network_interfaces.iter().map(|one| &one.id).collect()
            } else {
                network.security_groups.iter().map(|one| &one.id).collect()
            };
            if let Some(name) = name {
                target::refuse_several(kind, ids.into_iter(), name).map_err(Failure::new)?;
            }
        }
        let is_wanted = |one: &Comparison<'a>| {
            one.configuration().is_some() == is_interface
                && name.is_none_or(|name| {
                    target::called(one.resources().into_iter(), name).next().is_some()
                })
        };
        let mut all = comparisons(before, after);
        all.retain(is_wanted);
        match (all.is_empty(), name) {
            (false, _) => Ok(all),
            (true, Some(name)) => {
                Err(Failure::new(format!("no {kind} is called `{name}` in either input")))
            }
            (true, None) => Err(Failure::new(format!("neither input holds a {kind}"))),
        }
    }
}

fn compare(comparison: &Comparison<'_>) -> Result<Vec<Place>, Failure> {
    if let Some(side) = comparison.missing() {
        return Ok(vec![Place::missing(comparison, side)]);
    }
    let one = |direction| {
        let name = comparison.resource().name();
        let found = comparison.difference(direction, &Limits::default());
        let found = found.map_err(|error| Failure::new(format!("{name} {direction}: {error}")))?;
        Ok(Place::new(comparison, direction, &found))
    };
    [Direction::Inbound, Direction::Outbound].into_iter().map(one).collect()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    equivalent: bool,
    groups: Vec<Place>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    interfaces: Vec<Place>,
    service_tags: Vec<Tag>,
}

/// A service tag that rules name and that holds something else on the new side.
#[derive(Serialize)]
struct Tag {
    tag: String,
    added: Vec<String>,
    removed: Vec<String>,
}

impl From<&TagChange> for Tag {
    fn from(change: &TagChange) -> Self {
        Self {
            tag: change.tag.to_string(),
            added: addresses(&change.added()),
            removed: addresses(&change.removed()),
        }
    }
}

/// A security group, or an IP configuration of a network interface.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    #[serde(skip_serializing_if = "Option::is_none")]
    nsg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    configuration: Option<String>,
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

impl Place {
    fn new(comparison: &Comparison<'_>, direction: Direction, found: &Difference) -> Self {
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
            direction: Some(direction.to_string()),
            opened: json(&found.opened),
            closed: json(&found.closed),
            unsettled: json(&found.unsettled),
            lines: [
                lines("+", &found.opened),
                lines("-", &found.closed),
                lines("?", &found.unsettled),
            ]
            .concat(),
            ..Self::unchanged(comparison)
        }
    }

    fn missing(comparison: &Comparison<'_>, side: Side) -> Self {
        let side = match side {
            Side::Before => "old",
            Side::After => "new",
        };
        Self { missing_in: Some(side), ..Self::unchanged(comparison) }
    }

    fn unchanged(comparison: &Comparison<'_>) -> Self {
        let name = || comparison.resource().name().to_owned();
        let configuration = comparison.configuration().map(str::to_owned);
        Self {
            nsg: configuration.is_none().then(name),
            nic: configuration.is_some().then(name),
            configuration,
            direction: None,
            opened: Vec::new(),
            closed: Vec::new(),
            unsettled: Vec::new(),
            missing_in: None,
            lines: Vec::new(),
        }
    }

    fn name(&self) -> &str {
        self.nsg.as_ref().or(self.nic.as_ref()).map_or("", String::as_str)
    }

    fn is_different(&self) -> bool {
        self.missing_in.is_some() || !self.opened.is_empty() || !self.closed.is_empty()
    }
}

impl Answer {
    fn text(&self, paint: &Paint) -> String {
        let mut text = String::new();
        for place in self.groups.iter().chain(&self.interfaces) {
            let name = output::plain(place.name());
            if let Some(side) = place.missing_in {
                text.push_str(&format!("{name}: the {side} input does not hold it\n"));
            }
            if place.lines.is_empty() {
                continue;
            }
            let direction = place.direction.as_deref().unwrap_or_default();
            text.push_str(&format!("{name} {direction}\n"));
            for Line { mark, region, reasons } in &place.lines {
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
