//! Effective security rules: what Azure says applies to an interface (S8.16 to S8.21).
//!
//! They are written unlike the rules of a group: singular and plural are filled together, `All`,
//! `0-65535` and `0.0.0.0/0` stand for wildcards, and names carry a path. Here they become rules
//! again, and the prefixes that Azure put in for tags become contents of these tags.

use std::borrow::Cow;

use super::json::{Members, Node};
use super::part::{EffectiveEntry, Part, Target};
use super::read::Stage;
use super::view::{Element, View};
use super::{admin, group};
use crate::model::{
    AdminRule, Field, Log, Mode, ResourceId, RuleDraft, SecurityGroup, SecurityRule, ServiceTag,
    SideDraft, Written, read_choice,
};
use crate::net::Prefix;
use crate::network::TagContents;
use crate::report::{Code, Finding, Location, Severity};

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
    let manager = link("networkManager", findings);
    let is_of_manager = manager.is_some();
    let entry = EffectiveEntry {
        interface: interface.clone(),
        subnet: subnet.clone(),
        contents: read_contents(stage, view),
        admin_rules: manager.map(|manager| (manager, read_admin_rules(stage, view))),
        at: view.at.clone(),
    };
    stage.parts.push(Part::Effective { answer: view.at.parent(), entry });
    if is_of_manager {
        return;
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
    for element in view.all_objects("effectiveSecurityRules", &mut stage.findings) {
        let rule = match element {
            Element::Known(rule) => rule,
            Element::Unknown(text, at) => {
                group.rules.push(group::unknown_rule(&text, at));
                continue;
            }
        };
        let name = rule.own_text("name").unwrap_or_default();
        let (path, own_name) = name.rsplit_once('/').unwrap_or(("", name));
        if path.eq_ignore_ascii_case("defaultSecurityRules") || name.starts_with("DefaultRule_") {
            continue;
        }
        let own_name = own_name.strip_prefix("UserRule_").unwrap_or(own_name);
        group.rules.push(check(&draft(&rule, own_name), &rule.at, &mut stage.findings));
    }
    stage.parts.push(Part::EffectiveGroup(group));
}

/// Reads a rule without reporting the forms that Azure itself prints here.
fn check(draft: &RuleDraft<'_>, at: &Location, findings: &mut Vec<Finding>) -> SecurityRule {
    let mut all = Vec::new();
    let rule = draft.check(Mode::Lenient, at, &mut all);
    findings.extend(all.into_iter().filter(|finding| {
        finding.severity == Severity::Error || finding.code == Code::UnknownValue
    }));
    rule
}

/// Admin rules stand here in the form of security rules, but for their access (S8.19).
fn read_admin_rules(stage: &mut Stage, view: &View<'_, '_>) -> Vec<AdminRule> {
    let findings = &mut stage.findings;
    let mut rules = Vec::new();
    for element in view.all_objects("effectiveSecurityRules", findings) {
        rules.push(match element {
            Element::Known(rule) => read_admin_rule(&rule, findings),
            Element::Unknown(text, at) => admin::unknown_rule(&text, at),
        });
    }
    rules
}

fn read_admin_rule(view: &View<'_, '_>, findings: &mut Vec<Finding>) -> AdminRule {
    let name = view.own_text("name").unwrap_or_default();
    let (_, own_name) = name.rsplit_once('/').unwrap_or(("", name));
    let draft = RuleDraft {
        // Admin rules have priorities that security rules cannot have (S6.2).
        is_default: true,
        // Read by itself: security rules lack `AlwaysAllow`.
        access: Field::new("access", Written::text("Allow")),
        ..draft(view, own_name)
    };
    let rule = check(&draft, &view.at, findings);
    let mut log = Log { mode: Mode::Lenient, at: &view.at, findings };
    AdminRule {
        name: rule.name,
        description: rule.description,
        priority: rule.priority,
        direction: rule.direction,
        access: read_choice(&view.field("access"), "access", &mut log),
        protocol: rule.protocol,
        source: rule.source,
        source_ports: rule.source_ports,
        destination: rule.destination,
        destination_ports: rule.destination_ports,
        condition: rule.condition,
        origin: rule.origin,
    }
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
        condition: None,
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
    for rule in view.split_objects("effectiveSecurityRules", &mut stage.findings).0 {
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

/// The prefixes of a list; none where one of them cannot be read, since a part is not the contents.
fn read_prefixes(stage: &mut Stage, view: &View<'_, '_>, name: &str) -> Vec<Prefix> {
    let (known, unknown) = view.prefixes(&[name], &mut stage.findings);
    if unknown.is_empty() { known } else { Vec::new() }
}

/// The tag that is all a side names: then the expanded list is its contents.
fn only_tag(view: &View<'_, '_>, one: &str, many: &str) -> Option<ServiceTag> {
    let mut names = view.names(many, &mut Vec::new());
    if names.is_empty() {
        names = view.names(one, &mut Vec::new());
    }
    let first = names.first()?.known()?;
    let is_tag = first.starts_with(|c: char| c.is_ascii_alphabetic())
        && !first.contains([':', '/'])
        && names.iter().all(|name| name.known() == Some(first));
    is_tag.then(|| ServiceTag::new(first))
}

fn add(contents: &mut Vec<TagContents>, tag: ServiceTag, prefixes: Vec<Prefix>) {
    if !contents.iter().any(|known| known.tag == tag) {
        contents.push(TagContents { tag, prefixes });
    }
}
