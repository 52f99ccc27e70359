//! `diff`: what traffic a change opens and closes, exactly.

use std::path::PathBuf;

use clap::Args;
use nsg_engine::analysis::{
    AttachmentChange, Change, Comparison, Difference, Side, TagChange, changed_attachments,
    changed_tags, comparisons,
};
use nsg_engine::model::{Direction, ResourceId};
use nsg_engine::network::Link;
use nsg_engine::resolve::Topology;
use nsg_engine::space::{LimitExceeded, Limits, Region};
use serde::Serialize;

use crate::Failure;
use crate::input::Common;
use crate::naming::Naming;
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
        list.extend(compare(&comparison));
    }
    let attachments = arguments.attachments(&before, &after);
    let service_tags = changed_tags(&before, &after).iter().map(Tag::from).collect();
    let uncompared = arguments.is_about_everything()
        && interfaces.is_empty()
        && differ_beyond_groups(&before, &after);
    let answer = Answer::new(groups, interfaces, attachments, service_tags, uncompared);
    match common.format.unwrap_or(Format::Text) {
        Format::Json => output::print_json(&answer)?,
        format => {
            let naming = Naming::of([&before, &after]);
            output::print(&answer.text(&Paint::new(format), &naming))?;
        }
    }
    Ok(match (answer.is_different(), answer.is_open()) {
        (true, _) => Outcome::Blocked,
        (false, true) => Outcome::Indeterminate,
        (false, false) => Outcome::Allowed,
    })
}

/// Whether two networks differ in more than what their security groups hold.
fn differ_beyond_groups(before: &Topology, after: &Topology) -> bool {
    let rest = |topology: &Topology| {
        let mut network = topology.network().clone();
        network.security_groups.clear();
        network
    };
    rest(before) != rest(after)
}

impl Arguments {
    fn is_about_everything(&self) -> bool {
        self.nsg.is_none() && self.nic.is_none() && !self.all_nics
    }

    /// Where another group is attached, of the groups that are asked about. What that does to an
    /// interface is part of what is said of it.
    fn attachments(&self, before: &Topology, after: &Topology) -> Vec<Attachment> {
        if self.nic.is_some() || self.all_nics {
            return Vec::new();
        }
        let is_wanted = |change: &AttachmentChange| {
            let ids = [&change.before, &change.after].into_iter().flatten().filter_map(Link::known);
            self.nsg.as_ref().is_none_or(|name| target::called(ids, name).next().is_some())
        };
        let changes = changed_attachments(before, after);
        let wanted = changes.iter().filter(|change| is_wanted(change));
        wanted.map(|change| Attachment::new(change, after)).collect()
    }

    /// What is compared: security groups, and network interfaces if they are asked for or if the
    /// inputs differ in more than what their groups hold.
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
        let is_all = self.is_about_everything() && differ_beyond_groups(before, after);
        let is_wanted = |one: &Comparison<'a>| {
            (is_all || one.configuration().is_some() == is_interface)
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

fn compare(comparison: &Comparison<'_>) -> Vec<Place> {
    if let Some(side) = comparison.missing() {
        return vec![Place::missing(comparison, side)];
    }
    let one = |direction| match comparison.difference(direction, &Limits::default()) {
        Ok(found) => Place::new(comparison, direction, &found),
        Err(exceeded) => Place::stopped(comparison, direction, &exceeded),
    };
    [Direction::Inbound, Direction::Outbound].map(one).into()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    equivalent: bool,
    groups: Vec<Place>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    interfaces: Vec<Place>,
    attachments: Vec<Attachment>,
    service_tags: Vec<Tag>,
    /// What differs and what it does to traffic is not told above.
    #[serde(skip_serializing_if = "Option::is_none")]
    uncompared: Option<&'static str>,
}

/// A subnet or network interface to which another group is attached, all by ids.
#[derive(Serialize)]
struct Attachment {
    #[serde(skip_serializing_if = "Option::is_none")]
    subnet: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nic: Option<String>,
    before: Option<String>,
    after: Option<String>,
}

impl Attachment {
    fn new(change: &AttachmentChange, after: &Topology) -> Self {
        let is_subnet = after.subnet(&change.resource).is_some();
        let id = || change.resource.to_string();
        let text = |link: &Link| match link {
            Link::Known(id) => id.to_string(),
            Link::Unknown(unknown) => unknown.to_string(),
        };
        Self {
            subnet: is_subnet.then(id),
            nic: (!is_subnet).then(id),
            before: change.before.as_ref().map(text),
            after: change.after.as_ref().map(text),
        }
    }

    fn text(&self) -> String {
        let kind = if self.subnet.is_some() { "subnet" } else { "network interface" };
        let named = |id: &String| format!("`{}`", ResourceId::new(id).name());
        let resource = self.subnet.as_ref().or(self.nic.as_ref()).map(named).unwrap_or_default();
        let group = |id: &Option<String>| id.as_ref().map_or("no security group".to_owned(), named);
        let (before, after) = (group(&self.before), group(&self.after));
        output::plain(&format!("{kind} {resource}: {before} was attached, now {after}"))
    }
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
    /// The id of the group or interface.
    id: String,
    direction: Option<String>,
    opened: Vec<RegionJson>,
    closed: Vec<RegionJson>,
    /// Flows of which it is not known whether they are opened or closed.
    unsettled: Vec<RegionJson>,
    /// The side, `old` or `new`, that does not hold the group.
    missing_in: Option<&'static str>,
    /// Why it was not compared to the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<String>,
    #[serde(skip)]
    lines: Vec<Line>,
}

/// One change in text.
#[derive(Clone)]
struct Line {
    mark: &'static str,
    region: Region,
    reasons: String,
}

impl Place {
    fn new(comparison: &Comparison<'_>, direction: Direction, found: &Difference) -> Self {
        let json = |changes: &[Change]| changes.iter().map(RegionJson::from).collect();
        let lines = |mark, changes: &[Change]| {
            let line = |change: &Change| {
                let Change { region, witness, before, after, .. } = change;
                let reasons = format!("{witness}: {before}; now {after}");
                Line { mark, region: region.clone(), reasons }
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

    fn stopped(comparison: &Comparison<'_>, direction: Direction, why: &LimitExceeded) -> Self {
        let direction = Some(direction.to_string());
        Self { direction, stopped: Some(why.to_string()), ..Self::unchanged(comparison) }
    }

    fn unchanged(comparison: &Comparison<'_>) -> Self {
        let name = || comparison.resource().name().to_owned();
        let configuration = comparison.configuration().map(str::to_owned);
        Self {
            nsg: configuration.is_none().then(name),
            nic: configuration.is_some().then(name),
            configuration,
            id: comparison.resource().to_string(),
            direction: None,
            opened: Vec::new(),
            closed: Vec::new(),
            unsettled: Vec::new(),
            missing_in: None,
            stopped: None,
            lines: Vec::new(),
        }
    }

    fn name(&self) -> &str {
        self.nsg.as_ref().or(self.nic.as_ref()).map_or("", String::as_str)
    }

    /// The name, or the id where another one has the name too, and the configuration where it has
    /// several.
    fn title(&self, all: &[&Self]) -> String {
        let is_same = |other: &Self| self.id.eq_ignore_ascii_case(&other.id);
        let is_namesake =
            |other: &&Self| !is_same(other) && self.name().eq_ignore_ascii_case(other.name());
        let is_sibling =
            |other: &&Self| is_same(other) && self.configuration != other.configuration;
        let name = if all.iter().any(is_namesake) { &self.id } else { self.name() };
        output::plain(&match &self.configuration {
            Some(configuration) if all.iter().any(is_sibling) => format!("{name} {configuration}"),
            _ => name.to_owned(),
        })
    }

    fn is_different(&self) -> bool {
        self.missing_in.is_some() || !self.opened.is_empty() || !self.closed.is_empty()
    }
}

impl Answer {
    fn new(
        groups: Vec<Place>,
        interfaces: Vec<Place>,
        attachments: Vec<Attachment>,
        service_tags: Vec<Tag>,
        is_uncompared: bool,
    ) -> Self {
        let uncompared = is_uncompared.then_some(
            "the inputs differ in more than security groups, and hold no network interface at which to compare what passes",
        );
        let answer =
            Self { equivalent: false, groups, interfaces, attachments, service_tags, uncompared };
        Self { equivalent: !answer.is_different() && !answer.is_open(), ..answer }
    }

    fn places(&self) -> impl Iterator<Item = &Place> {
        self.groups.iter().chain(&self.interfaces)
    }

    fn is_different(&self) -> bool {
        !self.attachments.is_empty() || self.places().any(Place::is_different)
    }

    fn is_open(&self) -> bool {
        let is_open = |place: &Place| !place.unsettled.is_empty() || place.stopped.is_some();
        self.uncompared.is_some() || self.places().any(is_open)
    }

    fn text(&self, paint: &Paint, naming: &Naming) -> String {
        let mut text = String::new();
        for attachment in &self.attachments {
            text.push_str(&paint.line(0, &attachment.text()));
        }
        let all: Vec<&Place> = self.places().collect();
        for place in &all {
            let name = place.title(&all);
            if let Some(side) = place.missing_in {
                text.push_str(
                    &paint.line(0, &format!("{name}: the {side} input does not hold it")),
                );
            }
            let direction = place.direction.as_deref().unwrap_or_default();
            if let Some(why) = &place.stopped {
                text.push_str(&paint.line(0, &format!("{name} {direction}: not compared: {why}")));
            }
            if place.lines.is_empty() {
                continue;
            }
            text.push_str(&paint.line(0, &format!("{name} {direction}")));
            for Line { mark, region, reasons } in &place.lines {
                let region = paint.code(&naming.text(region));
                let reasons = output::plain(reasons);
                text.push_str(&paint.line(1, &format!("{} {region}", paint.sign(mark))));
                text.push_str(&paint.line(3, &reasons));
            }
        }
        if let Some(why) = self.uncompared {
            text.push_str(&format!("not known to be equivalent: {why}\n"));
        }
        if text.is_empty() {
            text.push_str("equivalent: the same traffic passes\n");
        }
        text
    }
}
