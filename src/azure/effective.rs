//! Effective security rules: what Azure says applies to an interface (S8.16 to S8.21).
//!
//! They are written unlike the rules of a group: singular and plural are filled together, `All`,
//! `0-65535` and `0.0.0.0/0` stand for wildcards, and names carry a path. Here they become rules
//! again, and the prefixes that Azure put in for tags become contents of these tags.

use std::borrow::Cow;

use super::json::{Members, Node};
use super::part::{Part, Target};
use super::read::Stage;
use super::view::{View, read_prefix};
use crate::model::{
    Field, Mode, ResourceId, RuleDraft, SecurityGroup, ServiceTag, SideDraft, Written,
};
use crate::net::Prefix;
use crate::network::TagContents;
use crate::report::{Code, Severity};

/// Reads the rules of one group and what it is on.
pub(super) fn read(stage: &mut Stage, view: &View<'_, '_>) {
    let findings = &mut stage.findings;
    let association = view.object("association", findings);
    let link = |name: &str, findings: &mut Vec<_>| {
        let link = association.as_ref().and_then(|view| view.link(name, findings));
        link.and_then(|link| link.known().cloned())
    };
    let interface = link("networkInterface", findings);
    let subnet = link("subnet", findings);
    if let Some(manager) = link("networkManager", findings) {
        let message = format!("admin rules of `{manager}` in effective rules are passed over");
        return stage.report(Code::UnknownValue, &view.at, message);
    }
    if let Some(interface) = &interface {
        let contents = read_contents(stage, view);
        let interface = interface.clone();
        stage.parts.push(Part::TagContents { interface, contents });
    }
    let group = view.link("networkSecurityGroup", &mut stage.findings);
    let Some(group) = group.and_then(|link| link.known().cloned()) else {
        let message = "the effective rules do not tell their security group";
        return stage.report(Code::InvalidField, &view.at, message);
    };
    let subnet = subnet.map(Target::Subnet);
    for target in subnet.into_iter().chain(interface.map(Target::Interface)) {
        let (group, at) = (group.clone(), view.at.clone());
        stage.parts.push(Part::Attachment { group, target, at });
    }
    read_group(stage, view, group);
}

/// The user's rules. The default rules are left out: they cannot be other than Azure's six (S2.1).
fn read_group(stage: &mut Stage, view: &View<'_, '_>, id: ResourceId) {
    let mut group = SecurityGroup::new(id);
    group.origin = view.at.clone().into();
    for rule in view.objects("effectiveSecurityRules", &mut stage.findings) {
        let name = rule.own_text("name").unwrap_or_default();
        let (path, own_name) = name.rsplit_once('/').unwrap_or(("", name));
        if path.eq_ignore_ascii_case("defaultSecurityRules") || name.starts_with("DefaultRule_") {
            continue;
        }
        let own_name = own_name.strip_prefix("UserRule_").unwrap_or(own_name);
        let mut findings = Vec::new();
        group.rules.push(draft(&rule, own_name).check(Mode::Lenient, &rule.at, &mut findings));
        // The forms that Azure itself prints here are no faults.
        stage.findings.extend(findings.into_iter().filter(|finding| {
            finding.severity == Severity::Error || finding.code == Code::UnknownValue
        }));
    }
    stage.parts.push(Part::EffectiveGroup(group));
}

fn draft<'n>(view: &View<'n, '_>, name: &'n str) -> RuleDraft<'n> {
    let side = |name: &str| match name {
        "source" => SideDraft {
            address: addresses(view, "sourceAddressPrefix", "sourceAddressPrefixes"),
            port: ports(view, "sourcePortRange", "sourcePortRanges"),
            ..SideDraft::default()
        },
        _ => SideDraft {
            address: addresses(view, "destinationAddressPrefix", "destinationAddressPrefixes"),
            port: ports(view, "destinationPortRange", "destinationPortRanges"),
            ..SideDraft::default()
        },
    };
    RuleDraft {
        is_default: false,
        name: Field::new("name", Written::text(name)),
        description: Field::default(),
        priority: view.field("priority"),
        direction: view.field("direction"),
        access: view.field("access"),
        protocol: view.field("protocol"),
        source: side("source"),
        destination: side("destination"),
    }
}

/// The plural where it is filled, else the singular; printed wildcards as wildcards (S8.18).
fn addresses<'n>(view: &View<'n, '_>, one: &'static str, many: &'static str) -> Field<'n> {
    restore(view, one, many, |text| text == "0.0.0.0/0")
}

fn ports<'n>(view: &View<'n, '_>, one: &'static str, many: &'static str) -> Field<'n> {
    restore(view, one, many, |text| text == "0-65535")
}

fn restore<'n>(
    view: &View<'n, '_>,
    one: &'static str,
    many: &'static str,
    is_any: impl Fn(&str) -> bool,
) -> Field<'n> {
    let mut field = view.field(many);
    if field.written.is_absent() {
        field = view.field(one);
    }
    let star = || Written::Text(Cow::Borrowed("*"));
    match &mut field.written {
        Written::Text(text) if is_any(text) => field.written = star(),
        Written::List(items) => {
            for item in items.iter_mut() {
                if matches!(item, Written::Text(text) if is_any(text)) {
                    *item = star();
                }
            }
            // `*` is printed once for each address family.
            let mut seen = Vec::new();
            for item in items.drain(..) {
                if !seen.contains(&item) {
                    seen.push(item);
                }
            }
            *items = seen;
        }
        _ => {}
    }
    field
}

/// What tags held (S8.20): of the map of tags, and of the lists beside each rule.
fn read_contents(stage: &mut Stage, view: &View<'_, '_>) -> Vec<TagContents> {
    let mut contents: Vec<TagContents> = Vec::new();
    if let Some(Node::Object(map)) = view.node("tagMap") {
        let map_view = View::new(map, view.at.child("tagMap"));
        for name in names(map) {
            let prefixes = read_prefixes(stage, &map_view, name);
            add(&mut contents, ServiceTag::new(name), prefixes);
        }
    }
    for rule in view.objects("effectiveSecurityRules", &mut stage.findings) {
        for (address, addresses, expanded) in [
            ("sourceAddressPrefix", "sourceAddressPrefixes", "expandedSourceAddressPrefix"),
            (
                "destinationAddressPrefix",
                "destinationAddressPrefixes",
                "expandedDestinationAddressPrefix",
            ),
        ] {
            let prefixes = read_prefixes(stage, &rule, expanded);
            if let Some(tag) = only_tag(&rule, address, addresses)
                && !prefixes.is_empty()
            {
                add(&mut contents, tag, prefixes);
            }
        }
    }
    contents
}

fn names<'m>(members: &'m Members<'_>) -> Vec<&'m str> {
    members.iter().map(|(name, _)| name).collect()
}

fn read_prefixes(stage: &mut Stage, view: &View<'_, '_>, name: &str) -> Vec<Prefix> {
    let findings = &mut stage.findings;
    let texts = view.texts(name, findings);
    texts.into_iter().filter_map(|(text, at)| read_prefix(text, at, findings)).collect()
}

/// The tag that is all a side names: then the expanded list is its contents.
fn only_tag(view: &View<'_, '_>, one: &str, many: &str) -> Option<ServiceTag> {
    let mut texts = view.texts(many, &mut Vec::new());
    if texts.is_empty() {
        texts = view.texts(one, &mut Vec::new());
    }
    let (first, _) = texts.first()?;
    let is_tag = first.starts_with(|c: char| c.is_ascii_alphabetic())
        && !first.contains([':', '/'])
        && texts.iter().all(|(text, _)| text == first);
    is_tag.then(|| ServiceTag::new(first))
}

fn add(contents: &mut Vec<TagContents>, tag: ServiceTag, prefixes: Vec<Prefix>) {
    if !contents.iter().any(|known| known.tag == tag) {
        contents.push(TagContents { tag, prefixes });
    }
}
