//! Security groups and their rules (S10.1, S10.2).

use super::kind::Kind;
use super::part::{Part, Target};
use super::read::Stage;
use super::view::{Element, View};
use crate::model::{
    Mode, ResourceId, RuleDraft, SecurityGroup, SecurityRule, SideDraft, UnknownValue, Written,
};
use crate::report::{Code, Finding, Location, Severity};

/// Effective rules name their group inside; it serves as id where one is needed.
pub(super) fn id_of_effective(kind: Kind, view: &View<'_, '_>) -> Option<ResourceId> {
    (kind == Kind::Effective).then(|| ResourceId::new(view.own_text("id").unwrap_or_default()))
}

/// Reads a group with its rules, and what it says it is attached to.
pub(super) fn read(stage: &mut Stage, view: &View<'_, '_>, id: ResourceId) {
    let findings = &mut stage.findings;
    let mut group = SecurityGroup::new(id);
    group.origin = view.at.clone().into();
    group.region = view.own_text("location").map(str::to_owned);
    group.flush_connection = view.flag("flushConnection", false, findings);
    group.rules = read_rules(view, "securityRules", false, stage.mode, findings);
    let defaults = read_rules(view, "defaultSecurityRules", true, stage.mode, findings);
    if !defaults.is_empty() {
        group.default_rules = defaults;
    }
    let subnets = view.links("subnets", findings);
    let interfaces = view.links("networkInterfaces", findings);
    for target in subnets.iter().filter_map(|link| link.known().cloned()) {
        let (group, at) = (group.id.clone(), view.at.clone());
        stage.parts.push(Part::Attachment { group, target: Target::Subnet(target), at });
    }
    for target in interfaces.iter().filter_map(|link| link.known().cloned()) {
        let (group, at) = (group.id.clone(), view.at.clone());
        stage.parts.push(Part::Attachment { group, target: Target::Interface(target), at });
    }
    if view.is_reference(&["properties", "securityRules", "defaultSecurityRules"]) {
        return stage
            .note_reference(&view.at, "security group has no rules, not even an empty list");
    }
    if view.is_reference(&["securityRules", "defaultSecurityRules"]) {
        let message = "`securityRules` is missing: read as a group whose only rules are the six \
                       defaults and those given elsewhere";
        let (severity, code) = (Severity::Warning, Code::UnknownValue);
        stage.findings.push(Finding::new(severity, code, view.at.clone(), message));
    }
    // Where the template does not make it, another group may go by its id.
    group.rules.extend(stage.condition.as_ref().map(|text| unknown_rule(text, view.at.clone())));
    stage.parts.push(Part::SecurityGroup(group));
}

/// Reads a group that another resource holds where only its id is needed, if it is there whole.
pub(super) fn read_embedded(stage: &mut Stage, view: &View<'_, '_>, name: &str) {
    let Some(group) = view.object(name, &mut Vec::new()) else { return };
    if let Some(id) = group.own_text("id")
        && group.has_list("securityRules")
    {
        read(stage, &group, ResourceId::new(id));
    }
}

/// Reads a rule that stands outside its group (S10.13).
pub(super) fn read_child(stage: &mut Stage, view: &View<'_, '_>, id: &ResourceId) {
    let Some(group) = id.parent() else {
        let message = format!("the id `{id}` of the rule does not tell its group");
        return stage.report(Code::InvalidField, &view.at, message);
    };
    let is_default = id.as_str().to_ascii_lowercase().contains("/defaultsecurityrules/");
    let mut rule = read_rule(view, is_default, stage.mode, &mut stage.findings);
    rule.condition = rule.condition.or_else(|| stage.condition.clone());
    stage.parts.push(Part::Rule { group, rule, is_default });
}

fn read_rules(
    view: &View<'_, '_>,
    name: &str,
    is_default: bool,
    mode: Mode,
    findings: &mut Vec<Finding>,
) -> Vec<SecurityRule> {
    let elements = view.all_objects(name, findings).into_iter();
    elements
        .map(|element| match element {
            Element::Known(rule) => read_rule(&rule, is_default, mode, findings),
            // Rules that nobody knows may decide any flow (S3.8, S10.11).
            Element::Unknown(text, at) => unknown_rule(&text, at),
        })
        .collect()
}

pub(super) fn unknown_rule(text: &UnknownValue, at: Location) -> SecurityRule {
    let mut rule = SecurityRule::unknown(text);
    rule.origin = at.into();
    rule
}

fn read_rule(
    view: &View<'_, '_>,
    is_default: bool,
    mode: Mode,
    findings: &mut Vec<Finding>,
) -> SecurityRule {
    let mut rule = match view.unknown_properties(findings) {
        Some(text) => unknown_rule(&text, view.at.clone()),
        None => draft(view, is_default).check(mode, &view.at, findings),
    };
    rule.condition = existence(view, findings);
    rule
}

/// What leaves open whether a rule exists.
pub(super) fn existence(view: &View<'_, '_>, findings: &mut Vec<Finding>) -> Option<UnknownValue> {
    let doubt = view.doubt()?;
    let text = doubt.text.clone();
    findings.push(doubt.finding("the rule may not exist"));
    Some(text)
}

/// The fields of S10.2.
fn draft<'n>(view: &View<'n, '_>, is_default: bool) -> RuleDraft<'n> {
    let mut name = view.field("name");
    if let Written::Text(text) = &mut name.written
        && let Some((_, own)) = text.rsplit_once('/')
        && !text.starts_with('[')
    {
        // A child resource of a template is named after its group too (S10.10).
        *text = own.to_owned().into();
    }
    RuleDraft {
        is_default,
        condition: None,
        name,
        description: view.field("description"),
        priority: view.field("priority"),
        direction: view.field("direction"),
        access: view.field("access"),
        protocol: view.field("protocol"),
        source: SideDraft {
            address: view.field("sourceAddressPrefix"),
            addresses: view.field("sourceAddressPrefixes"),
            groups: view.field("sourceApplicationSecurityGroups"),
            port: view.field("sourcePortRange"),
            ports: view.field("sourcePortRanges"),
        },
        destination: SideDraft {
            address: view.field("destinationAddressPrefix"),
            addresses: view.field("destinationAddressPrefixes"),
            groups: view.field("destinationApplicationSecurityGroups"),
            port: view.field("destinationPortRange"),
            ports: view.field("destinationPortRanges"),
        },
    }
}
