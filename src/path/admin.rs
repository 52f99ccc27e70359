//! Which security admin rules apply at a place, and in which order (SEMANTICS 6).

use std::sync::Arc;

use super::gate::{Gate, GateKind, GateRules};
use crate::model::{
    AdminAccess, AdminRule, AdminRuleCollection, Direction, ManagerScope, Priority, ResourceId,
    RuleName, UnknownValue, Value,
};
use crate::network::{Network, Subnet, VirtualNetwork};
use crate::resolve::{Fallback, Names, Rule, Ruleset, Topology, Unresolved};

/// The admin gate of a subnet, and what is assumed about it; none when no collection applies. Of a
/// subnet that is not known, only why: any collection may apply there.
pub(super) fn gate(
    topology: &Topology,
    subnet: Result<&ResourceId, &Unresolved>,
    applied_to: &ResourceId,
    direction: Direction,
    names: &Names,
) -> Option<(Gate, Option<String>)> {
    let exemption = subnet.map(|id| Subnet::new(id.clone()).is_exempt_from_admin_rules());
    let may_be_exempt = match exemption {
        Ok(Ok(true)) => return None,
        Ok(Err(name)) => Some(Unresolved::Value(name)),
        Ok(Ok(false)) | Err(_) => None,
    };
    let virtual_network = subnet.ok().and_then(ResourceId::parent);
    let facts = virtual_network.as_ref().and_then(|id| topology.virtual_network(id));
    let unlisted = unlisted(topology.network());
    let mut applying: Vec<Applying<'_>> = Vec::new();
    for collection in topology.network().admin_rule_collections.iter().chain(&unlisted) {
        let doubts = match subnet {
            Ok(subnet) => {
                membership(topology, collection, &[Some(subnet), virtual_network.as_ref()])
            }
            Err(reason) => Some(vec![reason.clone()]),
        };
        let Some(mut doubts) = doubts else { continue };
        doubts.extend(may_be_exempt.clone());
        let policy = IntentPolicy::of(collection, facts);
        applying.extend(collection.rules.iter().filter_map(|rule| {
            let doubts = match policy.drops(rule) {
                Dropped::Yes => return None,
                Dropped::No => doubts.clone(),
                Dropped::Perhaps(doubt) => doubts.iter().cloned().chain([doubt]).collect(),
            };
            let scope = collection.manager_scope.known().copied();
            let scope = scope.unwrap_or(ManagerScope::Subscription);
            Some(Applying { collection, rule, scope, doubts })
        }));
    }
    let managers = managers(&applying);
    if managers.len() > 1 {
        let first: Vec<_> = applying.iter().filter_map(Applying::perhaps_first).collect();
        applying.extend(first);
    }
    applying.sort_by_cached_key(Applying::order);
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
    let applied_to = virtual_network.unwrap_or_else(|| applied_to.clone());
    let gate =
        Gate::new(GateKind::admin(direction), applied_to, GateRules::Admin { manager, rules });
    Some((gate, assumption))
}

/// A collection for each text that stands for admin rules of which nothing is known, and which may
/// come before all others.
fn unlisted(network: &Network) -> Vec<AdminRuleCollection> {
    let collection = |text: &UnknownValue| {
        let mut collection = AdminRuleCollection::new(ResourceId::new(text.text()));
        collection.applies_to.push(Value::Unknown(text.clone()));
        collection.intent_policy_services.push(Value::Unknown(text.clone()));
        collection.manager_scope = ManagerScope::ManagementGroup.into();
        collection.rules.push(AdminRule::unknown(text));
        collection
    };
    network.unlisted.admin_rules.iter().map(collection).collect()
}

/// A rule of a collection that applies, or may.
struct Applying<'a> {
    collection: &'a AdminRuleCollection,
    rule: &'a AdminRule,
    scope: ManagerScope,
    doubts: Vec<Unresolved>,
}

type Order = (ManagerScope, Option<Priority>, Option<ResourceId>, ResourceId, RuleName);

impl Applying<'_> {
    /// The same rule as it applies if its manager turns out to be that of a management group,
    /// where that is not known: it may decide before all others, and also in its place.
    fn perhaps_first(&self) -> Option<Self> {
        let unknown = self.collection.manager_scope.unknown()?;
        let mut doubts = self.doubts.clone();
        doubts.push(Unresolved::Value(unknown.clone()));
        Some(Self { scope: ManagerScope::ManagementGroup, doubts, ..*self })
    }

    /// Scope, priority, configuration, collection, name (S6.12); the rules of a management
    /// group's manager before those of a subscription's (S6.14).
    fn order(&self) -> Order {
        let id = &self.collection.id;
        (
            self.scope,
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
struct IntentPolicy {
    /// Whether it holds such a service; the reason where that is not known.
    holds_service: Result<bool, UnknownValue>,
    /// What it gets then; the reason where the configuration does not tell.
    gets: Result<Gets, UnknownValue>,
}

#[derive(Clone, Copy)]
enum Gets {
    AllRules,
    AllowRulesOnly,
    NoRules,
}

/// Whether a rule is left out at a place.
enum Dropped {
    Yes,
    No,
    Perhaps(Unresolved),
}

impl IntentPolicy {
    fn of(collection: &AdminRuleCollection, place: Option<&VirtualNetwork>) -> Self {
        let unseen = || UnknownValue::new("(virtual network that is not in the input)");
        let holds_service = place.map_or_else(|| Err(unseen()), holds_service);
        Self { holds_service, gets: gets(collection) }
    }

    fn drops(&self, rule: &AdminRule) -> Dropped {
        let doubt = |text: &UnknownValue| Dropped::Perhaps(Unresolved::Value(text.clone()));
        let of_service = match (&self.gets, &rule.access) {
            (Ok(Gets::AllRules), _) => Dropped::No,
            (Ok(Gets::NoRules), _) => Dropped::Yes,
            (Ok(Gets::AllowRulesOnly), Value::Known(AdminAccess::Deny)) => Dropped::Yes,
            (Ok(Gets::AllowRulesOnly), Value::Known(_)) => Dropped::No,
            (Ok(Gets::AllowRulesOnly), Value::Unknown(text)) | (Err(text), _) => doubt(text),
        };
        match (&self.holds_service, of_service) {
            (Ok(false), _) | (_, Dropped::No) => Dropped::No,
            (Ok(true), of_service) => of_service,
            (Err(text), _) => doubt(text),
        }
    }
}

fn holds_service(place: &VirtualNetwork) -> Result<bool, UnknownValue> {
    let subnets = place.subnets.iter();
    let is_service = subnets.clone().flat_map(|subnet| &subnet.delegations).any(|service| {
        ["Microsoft.Sql/managedInstances", "Microsoft.Databricks/workspaces"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(service))
    });
    if is_service {
        return Ok(true);
    }
    let unread = subnets.flat_map(|subnet| &subnet.unknown_delegations);
    unread.chain(&place.unknown_subnets).next().cloned().map_or(Ok(false), Err)
}

fn gets(collection: &AdminRuleCollection) -> Result<Gets, UnknownValue> {
    let services = &collection.intent_policy_services;
    let says = |value: &str| {
        services.iter().filter_map(Value::known).any(|one| one.eq_ignore_ascii_case(value))
    };
    if says("All") {
        return Ok(Gets::AllRules);
    }
    if let Some(text) = services.iter().find_map(Value::unknown) {
        return Err(text.clone());
    }
    Ok(if says("AllowRulesOnly") { Gets::AllowRulesOnly } else { Gets::NoRules })
}

#[cfg(test)]
mod tests {
    use crate::eval::Verdict::{self, Allow, Deny, Indeterminate};
    use crate::model::{Direction, Flow, ManagerScope, ResourceId, UnknownValue, Value};
    use crate::network::Network;
    use crate::network::testing::{id, network};
    use crate::path::{Chain, ChainTrace, GateKind};
    use crate::resolve::{ServiceTags, Unresolved};

    const RULES: &str = "manager/configurations/c/collections/rules";
    const SSH: &str = "tcp 203.0.113.7:50000 -> 10.0.0.4:22";
    const DENY_SSH: &str = "100 DenySsh deny inbound tcp *:* -> *:22";
    const ALLOW_SSH: &str = "100 AllowSsh allow inbound tcp *:* -> *:22";

    fn hub() -> Network {
        network(&[("hub", "10.0.0.0/16"), ("spoke", "10.1.0.0/16")])
            .with_subnet("hub/app", "10.0.0.0/24")
            .with_subnet("hub/AzureBastionSubnet", "10.0.1.0/26")
            .with_interface("nic", "hub/app", "10.0.0.4")
    }

    fn trace(network: Network, text: &str) -> ChainTrace {
        let topology = network.bind(ServiceTags::built_in());
        let nic = topology.network().network_interface(&id("nic")).unwrap();
        let chain =
            Chain::of_interface(&topology, nic, &nic.ip_configurations[0], Direction::Inbound);
        let flow: Flow = text.parse().unwrap();
        let trace = chain.trace(&flow);
        assert_eq!(chain.evaluate(&flow).verdict(), trace.verdict());
        trace
    }

    /// The verdict and `gate rule` of whatever decides.
    fn answer(network: Network) -> (Verdict, String) {
        let trace = trace(network, SSH);
        let by = trace.deciding().map(|gate| {
            let rule = gate.rule().map(|rule| rule.qualified_name()).unwrap_or_default();
            format!("{} {rule}", gate.kind)
        });
        (trace.verdict(), by.unwrap_or_default())
    }

    #[track_caller]
    fn decides(network: Network, verdict: Verdict, by: &str) {
        assert_eq!(answer(network), (verdict, by.to_owned()));
    }

    /// S6.4, S6.7, T6.
    #[test]
    fn each_access_has_its_own_end() {
        let site = |nsg: &[&str], admin: &str| {
            hub().with_group("nsg", &["nic"], nsg).with_admin(RULES, &["hub"], &[admin])
        };
        let denied = site(&[ALLOW_SSH], "1 Stop deny inbound tcp *:* -> *:22");
        decides(denied, Deny, "admin-inbound securityAdminRules/Stop");
        let delivered = site(&[DENY_SSH], "1 Always alwaysallow inbound tcp *:* -> *:22");
        decides(delivered.clone(), Allow, "admin-inbound securityAdminRules/Always");
        assert_eq!(trace(delivered, SSH).gates().len(), 1);
        let left_to_groups = "1 Fine allow inbound tcp *:* -> *:22";
        decides(site(&[DENY_SSH], left_to_groups), Deny, "nic-inbound securityRules/DenySsh");
        decides(site(&[ALLOW_SSH], left_to_groups), Allow, "nic-inbound securityRules/AllowSsh");
        let no_match = "1 Rdp deny inbound tcp *:* -> *:3389";
        decides(site(&[ALLOW_SSH], no_match), Allow, "nic-inbound securityRules/AllowSsh");
        decides(site(&[DENY_SSH], no_match), Deny, "nic-inbound securityRules/DenySsh");
        let no_group = hub().with_admin(RULES, &["hub"], &["1 Stop deny inbound tcp *:* -> *:22"]);
        decides(no_group, Deny, "admin-inbound securityAdminRules/Stop");
    }

    /// S6.5, T10.
    #[test]
    fn an_allow_above_a_deny_is_the_exception() {
        let rules = ["10 Stop deny inbound tcp *:* -> *:22"];
        let exception = ["5 AppTeam allow inbound tcp *:* -> *:22"];
        let other = "manager/configurations/c/collections/apps";
        let with = |members: &[&str]| {
            let all = hub().with_group("nsg", &["nic"], &[ALLOW_SSH]);
            all.with_admin(RULES, &["hub", "spoke"], &rules).with_admin(other, members, &exception)
        };
        decides(with(&["hub"]), Allow, "nic-inbound securityRules/AllowSsh");
        decides(with(&["spoke"]), Deny, "admin-inbound securityAdminRules/Stop");
    }

    /// S6.1: by virtual network, by subnet, and not elsewhere.
    #[test]
    fn a_collection_applies_to_the_members_of_its_groups() {
        let stop = ["1 Stop deny inbound tcp *:* -> *:22"];
        for (members, verdict) in [
            (["hub"].as_slice(), Deny),
            (&["HUB"], Deny),
            (&["hub/app"], Deny),
            (&["spoke"], Allow),
            (&["hub/AzureBastionSubnet"], Allow),
            (&[], Allow),
        ] {
            assert_eq!(answer(hub().with_admin(RULES, members, &stop)).0, verdict, "{members:?}");
        }
    }

    /// S6.1, S3.8: an unknown membership makes a collection one that may apply.
    #[test]
    fn a_collection_that_may_apply_casts_doubt_and_nothing_more() {
        let stop = ["1 Stop deny inbound tcp *:* -> *:22"];
        let group = ResourceId::new("group-of-rules");
        let by_policy = |rules: &[&str], nsg: &[&str]| {
            let all = hub().with_group("nsg", &["nic"], nsg).with_admin(RULES, &["spoke"], rules);
            all.with(|all| all.network_groups[0].complete = false)
        };
        decides(by_policy(&stop, &[ALLOW_SSH]), Indeterminate, "");
        let trace_of = trace(by_policy(&stop, &[ALLOW_SSH]), SSH);
        assert_eq!(trace_of.unresolved(), [&Unresolved::NetworkGroup(group.clone())]);
        // A certain deny behind a possible deny decides; behind a possible AlwaysAllow it cannot.
        decides(by_policy(&stop, &[DENY_SSH]), Deny, "nic-inbound securityRules/DenySsh");
        let always = ["1 Always alwaysallow inbound tcp *:* -> *:22"];
        decides(by_policy(&always, &[DENY_SSH]), Indeterminate, "");
        let trace_of = trace(by_policy(&always, &[DENY_SSH]), SSH);
        assert_eq!(trace_of.unresolved(), [&Unresolved::NetworkGroup(group)]);
        decides(by_policy(&always, &[ALLOW_SSH]), Allow, "nic-inbound securityRules/AllowSsh");

        let not_read = hub().with_admin(RULES, &[], &stop).with(|all| all.network_groups.clear());
        assert_eq!(answer(not_read).0, Indeterminate);
        let expression = hub().with_admin(RULES, &[], &stop).with(|all| {
            let text = UnknownValue::new("[parameters('group')]");
            all.admin_rule_collections[0].applies_to = vec![Value::Unknown(text)];
        });
        assert_eq!(answer(expression).0, Indeterminate);
    }

    /// S6.12, S6.14.
    #[test]
    fn the_higher_scope_comes_first_then_the_lower_number() {
        let other = "manager2/configurations/c/collections/others";
        let low_number = ["1 Subscription deny inbound tcp *:* -> *:22"];
        let high_number = ["4000 Root alwaysallow inbound tcp *:* -> *:22"];
        let both = |scope: Value<ManagerScope>| {
            let site = hub().with_admin(RULES, &["hub"], &low_number);
            let mut site = site.with_admin(other, &["hub"], &high_number);
            site.admin_rule_collections[1].manager_scope = scope;
            site
        };
        let beside = || both(ManagerScope::Subscription.into());
        decides(
            both(ManagerScope::ManagementGroup.into()),
            Allow,
            "admin-inbound securityAdminRules/Root",
        );
        decides(beside(), Deny, "admin-inbound securityAdminRules/Subscription");
        let text = UnknownValue::new("scope of the other");
        let open = both(Value::Unknown(text.clone()));
        assert_eq!(trace(open.clone(), SSH).unresolved(), [&Unresolved::Value(text)]);
        decides(open, Indeterminate, "");
        let assumed = trace(beside(), SSH);
        assert!(
            assumed.assumptions()[0].contains("`manager` and `manager2`")
                || assumed.assumptions()[0].contains("`manager`, `manager2`")
        );
        let one = hub().with_admin(RULES, &["hub"], &low_number);
        assert_eq!(trace(one, SSH).assumptions(), [] as [String; 0]);
    }

    /// S6.12: ties are ordered by configuration, collection and name.
    #[test]
    fn a_tie_is_settled_by_name() {
        let tie = |first: &str, second: &str| {
            let deny = format!("1 {first} deny inbound tcp *:* -> *:22");
            let allow = format!("1 {second} alwaysallow inbound tcp *:* -> *:22");
            answer(hub().with_admin(RULES, &["hub"], &[&deny, &allow])).0
        };
        assert_eq!((tie("a", "b"), tie("b", "a")), (Deny, Allow));
    }

    /// S6.15.
    #[test]
    fn networks_with_intent_policies_get_what_the_configuration_says() {
        let rules = [
            "1 Stop deny inbound tcp *:* -> *:3389",
            "2 Always alwaysallow inbound tcp *:* -> *:22",
            "3 StopSsh deny inbound tcp *:* -> *:22",
        ];
        let site = |service: Option<&str>, setting: &[&str]| {
            hub().with_group("nsg", &["nic"], &[]).with_admin(RULES, &["hub"], &rules).with(|all| {
                all.subnet_called("hub/app").delegations.extend(service.map(str::to_owned));
                all.admin_rule_collections[0].intent_policy_services =
                    setting.iter().map(|&text| text.to_owned().into()).collect();
            })
        };
        let gates = |network| trace(network, SSH).gates()[0].rules.clone().unwrap().rules().len();
        let managed_instance = Some("Microsoft.Sql/managedInstances");
        assert_eq!(gates(site(None, &[])), 3);
        assert_eq!(gates(site(Some("Microsoft.Web/serverFarms"), &[])), 3);
        assert_eq!(gates(site(managed_instance, &["All"])), 3);
        let allow_only = site(Some("microsoft.databricks/workspaces"), &["AllowRulesOnly"]);
        assert_eq!(gates(allow_only.clone()), 1);
        decides(allow_only, Allow, "admin-inbound securityAdminRules/Always");
        for none in [&[] as &[&str], &["None"]] {
            let trace = trace(site(managed_instance, none), SSH);
            assert_eq!(trace.gates()[0].kind, GateKind::NicInbound);
        }
    }

    /// S6.16: AzureBastionSubnet is untouched, its neighbours are not.
    #[test]
    fn some_subnets_never_get_admin_rules() {
        let all = hub().with_admin(RULES, &["hub"], &["1 Stop deny inbound * *:* -> *:*"]);
        let topology = all.bind(ServiceTags::built_in());
        let gates = |place: &str| {
            let chain = Chain::of_subnet(&topology, &id(place), Direction::Inbound).unwrap();
            chain.gates().len()
        };
        assert_eq!((gates("hub/AzureBastionSubnet"), gates("hub/app")), (0, 1));
    }

    /// S6.16, S10.11: a subnet whose name is an expression may be one of those.
    #[test]
    fn a_subnet_may_be_exempt_whose_name_is_not_known() {
        let stop = ["1 Stop deny inbound * *:* -> *:*"];
        let all = hub().with_subnet("hub/[parameters('name')]", "10.0.2.0/24");
        let topology = all.with_admin(RULES, &["hub"], &stop).bind(ServiceTags::built_in());
        let verdict = |place: &str, address: &str| {
            let chain = Chain::of_subnet(&topology, &id(place), Direction::Inbound).unwrap();
            let flow: Flow = format!("tcp 203.0.113.7:50000 -> {address}:22").parse().unwrap();
            chain.evaluate(&flow).verdict()
        };
        assert_eq!(verdict("hub/app", "10.0.0.4"), Deny);
        assert_eq!(verdict("hub/[parameters('name')]", "10.0.2.4"), Indeterminate);
    }

    /// S6.9: tags and prefixes mix; S6.10, S6.8.
    #[test]
    fn admin_rules_mix_tags_and_prefixes() {
        let rule = "1 Stop deny inbound * Internet,192.168.0.0/16:* -> *:*";
        let all = hub().with_admin(RULES, &["hub"], &[rule]);
        assert_eq!(trace(all.clone(), SSH).verdict(), Deny);
        assert_eq!(trace(all.clone(), "tcp 192.168.1.1:1 -> 10.0.0.4:22").verdict(), Deny);
        assert_eq!(trace(all, "tcp 10.0.0.9:1 -> 10.0.0.4:22").verdict(), Allow);
    }
}
