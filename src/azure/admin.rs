//! Security admin rules of Azure Virtual Network Manager (S6, S10.31).

use super::group::existence;
use super::part::Part;
use super::read::{Stage, segments};
use super::view::{Element, View, unreadable};
use crate::model::{
    AddressForm, AddressItem, AddressSpec, AdminRule, AdminRuleCollection, Field, Log,
    ManagerScope, Mode, PortSpec, ResourceId, RuleName, Spot, UnknownValue, Value, Written,
    is_expression, read_address, read_choice, read_port, read_priority_in, read_protocol,
};
use crate::net::PortSet;
use crate::network::{Link, NetworkGroup};
use crate::report::{Code, Finding, Location};

/// The member `networkManagerScopes` lists management groups and subscriptions; the manager's id
/// lies in a resource group in either case.
pub(super) fn read_manager(stage: &mut Stage, view: &View<'_, '_>, id: ResourceId) {
    let scopes = view.object("networkManagerScopes", &mut stage.findings);
    let groups = scopes.as_ref().map(|it| it.names("managementGroups", &mut stage.findings));
    let unread =
        view.unread("networkManagerScopes").unwrap_or_else(|| UnknownValue::new("(missing)"));
    let scope = match groups {
        None => Value::Unknown(unread),
        Some(groups) if groups.iter().any(|group| group.known().is_some()) => {
            ManagerScope::ManagementGroup.into()
        }
        Some(groups) => match groups.first().and_then(Value::unknown) {
            Some(text) => Value::Unknown(text.clone()),
            None => ManagerScope::Subscription.into(),
        },
    };
    stage.parts.push(Part::NetworkManager { id, scope });
}

pub(super) fn read_configuration(stage: &mut Stage, view: &View<'_, '_>, id: ResourceId) {
    let services = view.names("applyOnNetworkIntentPolicyBasedServices", &mut stage.findings);
    stage.parts.push(Part::AdminConfiguration { id, services });
}

pub(super) fn read_collection(stage: &mut Stage, view: &View<'_, '_>, id: ResourceId) {
    let mut collection = AdminRuleCollection::new(id);
    collection.origin = view.at.clone().into();
    collection.applies_to = read_groups(view, "appliesToGroups", &mut stage.findings);
    if !view.has("appliesToGroups") && collection.applies_to.is_empty() {
        collection.applies_to.push(Value::Unknown(UnknownValue::new("(missing)")));
    }
    for element in view.all_objects("rules", &mut stage.findings) {
        collection.rules.push(match element {
            Element::Known(rule) => read_admin_rule(&rule, stage.mode, &mut stage.findings),
            Element::Unknown(text, at) => unknown_rule(&text, at),
        });
    }
    collection
        .rules
        .extend(stage.condition.as_ref().map(|text| unknown_rule(text, view.at.clone())));
    stage.parts.push(Part::AdminCollection(collection));
}

pub(super) fn read_rule(stage: &mut Stage, view: &View<'_, '_>, id: &ResourceId) {
    let Some(collection) = id.parent() else {
        let message = format!("the id `{id}` of the admin rule does not tell its collection");
        return stage.report(Code::InvalidField, &view.at, message);
    };
    let mut rule = read_admin_rule(view, stage.mode, &mut stage.findings);
    rule.condition = rule.condition.or_else(|| stage.condition.clone());
    let applies_to = read_groups(view, "ruleCollectionAppliesToGroups", &mut stage.findings);
    stage.parts.push(Part::AdminRule { collection, applies_to, rule });
}

/// A group has static members, members that a policy chooses, or both; the policy is not part of
/// the group, so its members are complete only where they are listed (S6.1).
pub(super) fn read_network_group(stage: &mut Stage, view: &View<'_, '_>, id: ResourceId) {
    let mut group = NetworkGroup::new(id, Vec::new());
    group.complete = false;
    let condition = view.node("conditionalMembership");
    let is_conditional =
        stage.condition.is_some() || condition.is_some_and(|text| text.as_text() != Some(""));
    stage.parts.push(Part::NetworkGroup { group, is_conditional });
}

pub(super) fn read_static_member(stage: &mut Stage, view: &View<'_, '_>, id: &ResourceId) {
    let group = id.parent();
    let member = match &stage.condition {
        Some(text) => Value::Unknown(text.clone()),
        None => view.link("resourceId", &mut stage.findings).unwrap_or_else(missing),
    };
    if let Some(group) = group {
        stage.parts.push(Part::StaticMember { group, member });
    }
}

fn read_groups(view: &View<'_, '_>, name: &str, findings: &mut Vec<Finding>) -> Vec<Link> {
    let elements = view.all_objects(name, findings).into_iter();
    elements
        .map(|element| match element {
            Element::Unknown(text, _) => Value::Unknown(text),
            Element::Known(group) => group.link("networkGroupId", findings).unwrap_or_else(missing),
        })
        .collect()
}

fn missing() -> Link {
    Value::Unknown(UnknownValue::new("(missing)"))
}

pub(super) fn unknown_rule(text: &UnknownValue, at: Location) -> AdminRule {
    let mut rule = AdminRule::unknown(text);
    rule.origin = at.into();
    rule
}

fn read_admin_rule(view: &View<'_, '_>, mode: Mode, findings: &mut Vec<Finding>) -> AdminRule {
    let condition = existence(view, findings);
    if let Some(text) = view.unknown_properties(findings) {
        return AdminRule { condition, ..unknown_rule(&text, view.at.clone()) };
    }
    let source = read_addresses(view, "sources", mode, findings);
    let destination = read_addresses(view, "destinations", mode, findings);
    let mut log = Log { mode, at: &view.at, findings };
    let name = view.own_text("name").and_then(|name| segments(name).pop()).unwrap_or_default();
    AdminRule {
        name: RuleName::as_written(&name),
        priority: read_priority_in(&view.field("priority"), &(1..=4096), &mut log),
        direction: read_choice(&view.field("direction"), "direction", &mut log),
        access: read_choice(&view.field("access"), "access", &mut log),
        protocol: read_protocol(&view.field("protocol"), &mut log),
        description: view.text("description", log.findings).map(str::to_owned),
        source,
        source_ports: read_ports(&view.field("sourcePortRanges"), &mut log),
        destination,
        destination_ports: read_ports(&view.field("destinationPortRanges"), &mut log),
        condition,
        origin: view.at.clone().into(),
    }
}

/// Ports: `*` may stand in the list, and an empty list is any (S6.10).
fn read_ports(field: &Field<'_>, log: &mut Log<'_>) -> PortSpec {
    let mut spec = PortSpec { known: PortSet::empty(), unknown: Vec::new() };
    if field.written.is_absent() {
        return PortSpec::any();
    }
    for (spot, item) in field.items() {
        match item {
            Written::Text(text) => read_port(text, spot, log, &mut |read| match read {
                Ok(set) => spec.known = spec.known.union(&set),
                Err(unknown) => spec.unknown.push(unknown),
            }),
            other => {
                log.lost(spot, Code::InvalidField, "a port must be a text or a number");
                spec.unknown.push(other.unknown());
            }
        }
    }
    spec
}

/// Addresses: prefixes, tags and network groups may mix, and an empty list is any (S6.9).
fn read_addresses(
    view: &View<'_, '_>,
    name: &str,
    mode: Mode,
    findings: &mut Vec<Finding>,
) -> AddressSpec {
    let mut items = Vec::new();
    for element in view.all_objects(name, findings) {
        match element {
            Element::Known(address) => read_item(&address, mode, findings, &mut items),
            Element::Unknown(text, _) => items.push(AddressItem::Unknown(text)),
        }
    }
    if items.is_empty() { AddressSpec::any() } else { AddressSpec { items } }
}

fn read_item(
    view: &View<'_, '_>,
    mode: Mode,
    findings: &mut Vec<Finding>,
    items: &mut Vec<AddressItem>,
) {
    let kind = view.text("addressPrefixType", findings).unwrap_or_default();
    let Some(text) = view.text("addressPrefix", findings) else {
        let at = view.at.child("addressPrefix");
        findings.push(unreadable(at, "", "an address prefix"));
        items.push(AddressItem::Unknown(UnknownValue::new("(missing)")));
        return;
    };
    if kind.eq_ignore_ascii_case("NetworkGroup") && !is_expression(text) {
        items.push(AddressItem::NetworkGroup(ResourceId::new(text)));
        return;
    }
    let mut log = Log { mode, at: &view.at, findings };
    let spot = Spot { below: "", member: "addressPrefix", index: None };
    read_address(text, AddressForm::One, spot, "", &mut log, &mut |item| items.push(item));
}
