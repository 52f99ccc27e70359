//! Which security admin rules apply at a place, and in which order (SEMANTICS 6).

use std::sync::Arc;

use super::gate::{Gate, GateKind, GateRules};
use crate::model::{
    AdminAccess, AdminRule, AdminRuleCollection, Direction, Priority, ResourceId, RuleName, Value,
};
use crate::network::{Subnet, VirtualNetwork};
use crate::resolve::{Fallback, Names, Rule, Ruleset, Topology, Unresolved};

/// The admin gate of a subnet, and what is assumed about it; none when no collection applies.
pub(super) fn gate(
    topology: &Topology,
    subnet: &ResourceId,
    direction: Direction,
    names: &Names,
) -> Option<(Gate, Option<String>)> {
    if Subnet::new(subnet.clone()).is_exempt_from_admin_rules() {
        return None;
    }
    let virtual_network = subnet.parent();
    let facts = virtual_network.as_ref().and_then(|id| topology.virtual_network(id));
    let mut applying: Vec<Applying<'_>> = Vec::new();
    for collection in &topology.network().admin_rule_collections {
        let place = [Some(subnet), virtual_network.as_ref()];
        let Some(doubts) = membership(topology, collection, &place) else { continue };
        let kept = IntentPolicy::of(collection, facts);
        applying.extend(
            collection.rules.iter().filter(|rule| kept.keeps(rule)).map(|rule| Applying {
                collection,
                rule,
                doubts: doubts.clone(),
            }),
        );
    }
    applying.sort_by_cached_key(Applying::order);
    let managers = managers(&applying);
    let rules: Vec<Rule> =
        applying.into_iter().filter_map(|one| one.resolve(direction, names)).collect();
    if rules.is_empty() {
        return None;
    }
    let assumption = (managers.len() > 1).then(|| {
        let names: Vec<String> = managers.iter().map(|id| format!("`{}`", id.name())).collect();
        format!(
            "rules of the network managers {} meet: a management group's come first, else the lower priority number",
            names.join(", ")
        )
    });
    let manager = match managers.as_slice() {
        [only] => Some(only.clone()),
        _ => None,
    };
    let rules = Arc::new(Ruleset::new(direction, rules, Fallback::Pass));
    let applied_to = virtual_network.unwrap_or_else(|| subnet.clone());
    let gate =
        Gate::new(GateKind::admin(direction), applied_to, GateRules::Admin { manager, rules });
    Some((gate, assumption))
}

/// A rule of a collection that applies, or may.
struct Applying<'a> {
    collection: &'a AdminRuleCollection,
    rule: &'a AdminRule,
    doubts: Vec<Unresolved>,
}

type Order = (bool, Option<Priority>, Option<ResourceId>, ResourceId, RuleName);

impl Applying<'_> {
    /// Scope, priority, configuration, collection, name (S6.12); the rules of a management
    /// group's manager before those of a subscription's (S6.14), where the id tells.
    fn order(&self) -> Order {
        let id = &self.collection.id;
        (
            !is_of_management_group(id),
            self.rule.priority.known().copied(),
            id.parent(),
            id.clone(),
            self.rule.name.clone(),
        )
    }

    fn resolve(self, direction: Direction, names: &Names) -> Option<Rule> {
        let alone = Ruleset::of_admin_rules([self.rule], direction, names);
        let mut rule = alone.rules().first()?.clone();
        rule.doubts.extend(self.doubts);
        Some(rule)
    }
}

fn is_of_management_group(id: &ResourceId) -> bool {
    id.as_str().split('/').any(|segment| segment.eq_ignore_ascii_case("managementGroups"))
}

fn managers(applying: &[Applying<'_>]) -> Vec<ResourceId> {
    let mut all = Vec::new();
    for id in applying.iter().filter_map(|one| one.collection.manager()) {
        if !all.contains(&id) {
            all.push(id);
        }
    }
    all
}

/// Whether a collection applies to one of the resources of a place (S6.1): `None` for no, else
/// why that is in doubt, with no reasons for a certain yes.
fn membership(
    topology: &Topology,
    collection: &AdminRuleCollection,
    place: &[Option<&ResourceId>],
) -> Option<Vec<Unresolved>> {
    let mut doubts = Vec::new();
    for group in &collection.applies_to {
        let id = match group {
            Value::Known(id) => id,
            Value::Unknown(text) => {
                doubts.push(Unresolved::Value(text.clone()));
                continue;
            }
        };
        let group = topology.network().network_group(id);
        if group.is_some_and(|group| group.members.iter().any(|id| place.contains(&Some(id)))) {
            return Some(Vec::new());
        }
        if group.is_none_or(|group| !group.complete) {
            doubts.push(Unresolved::NetworkGroup(id.clone()));
        }
    }
    (!doubts.is_empty()).then_some(doubts)
}

/// Which rules a virtual network gets that holds a service with network intent policies (S6.15).
#[derive(Clone, Copy)]
enum IntentPolicy {
    AllRules,
    AllowRulesOnly,
    NoRules,
}

impl IntentPolicy {
    fn of(collection: &AdminRuleCollection, place: Option<&VirtualNetwork>) -> Self {
        let holds_service = place.is_some_and(|place| {
            place.subnets.iter().flat_map(|subnet| &subnet.delegations).any(|service| {
                ["Microsoft.Sql/managedInstances", "Microsoft.Databricks/workspaces"]
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(service))
            })
        });
        let says = |value: &str| {
            collection.intent_policy_services.iter().any(|one| one.eq_ignore_ascii_case(value))
        };
        if !holds_service || says("All") {
            Self::AllRules
        } else if says("AllowRulesOnly") {
            Self::AllowRulesOnly
        } else {
            Self::NoRules
        }
    }

    fn keeps(self, rule: &AdminRule) -> bool {
        match self {
            Self::AllRules => true,
            Self::AllowRulesOnly => rule.access.known() != Some(&AdminAccess::Deny),
            Self::NoRules => false,
        }
    }
}
