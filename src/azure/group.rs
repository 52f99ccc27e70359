//! Security groups and their rules (S10.1, S10.2).

use super::kind::Kind;
use super::part::{Part, Target};
use super::read::Stage;
use super::view::View;
use crate::model::{Mode, ResourceId, RuleDraft, SecurityGroup, SecurityRule, SideDraft, Written};
use crate::report::{Code, Finding};

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
    let rule = read_rule(view, is_default, stage.mode, &mut stage.findings);
    stage.parts.push(Part::Rule { group, rule, is_default });
}

fn read_rules(
    view: &View<'_, '_>,
    name: &str,
    is_default: bool,
    mode: Mode,
    findings: &mut Vec<Finding>,
) -> Vec<SecurityRule> {
    view.objects(name, findings)
        .iter()
        .map(|rule| read_rule(rule, is_default, mode, findings))
        .collect()
}

fn read_rule(
    view: &View<'_, '_>,
    is_default: bool,
    mode: Mode,
    findings: &mut Vec<Finding>,
) -> SecurityRule {
    draft(view, is_default).check(mode, &view.at, findings)
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
