//! What to change so that what is denied gets through: narrow rules in free places, each tried
//! out on a copy of the network.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::changes::{Changes, OtherWay, opened_instead};
use super::command;
use super::compliance::Requirement;
use super::legs::{Leg, LegName, legs};
use super::probe::Station;
use super::scene::Scene;
use super::wording;
use crate::analysis::repair::{self, Edit, Goal, List, NoRoom};
use crate::eval::Verdict;
use crate::model::{
    Access, AddressItem, AddressSpec, AdminAccess, AdminRule, Direction, PortSpec, Priority,
    ProtocolSpec, ResourceId, RuleName, SecurityGroup, SecurityRule, ServiceTag,
};
use crate::net::{Interval, PortSet, Prefix, Protocol};
use crate::network::Network;
use crate::resolve::{Names, Topology};
use crate::space::Limits;

/// One change.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Repair {
    /// The security group to change; of an admin rule its network manager, of a change outside of
    /// rules the virtual network, subnet or Bastion host.
    pub nsg: String,
    /// What kind of change it is.
    pub action: Action,
    /// The rule to add; `None` where no rule can be added.
    pub rule: Option<RepairRule>,
    /// A second rule that belongs to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub and_rule: Option<RepairRule>,
    /// Exactly what the change opens.
    pub opens: String,
    /// What the change closes on purpose; empty for nothing.
    pub closes: String,
    /// What the list of rules then does with all flows; `None` where rules of no group change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Changes>,
    /// The commands that make the change, one a line.
    pub az: String,
    /// The rules that take another number first, in this order; none unless the action says so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<Move>,
    /// Other ways to the same end, where a rule cannot just be added.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<OtherWay>,
    /// Whether a copy of the network with all repairs made lets through, at every gate of this
    /// list, what this one is for. What other lists deny is for the repairs in `also_needs`.
    pub proved: bool,
    /// The leg it opens.
    pub leg: LegName,
    /// Other lists that must be repaired too before the leg opens; the list's own name where its
    /// other direction must.
    pub also_needs: Vec<String>,
    /// What to know before making it.
    pub note: Option<String>,
    /// The id of the list: names repeat.
    #[serde(skip)]
    pub(super) list: Option<ResourceId>,
    #[serde(skip)]
    pub(super) direction: Direction,
}

/// How many other ways are told.
const OTHERS: usize = 2;

/// A rule that takes another number.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Move {
    /// The name of the rule.
    pub rule: String,
    /// The number it has.
    pub from: u32,
    /// The number it takes.
    pub to: u32,
}

impl Move {
    fn of(edit: &Edit) -> Option<Self> {
        let Edit::Replace { before, after } = edit else { return None };
        let number = |rule: &SecurityRule| rule.priority.known().map(|one| one.number());
        let (from, to) = number(before).zip(number(after)).filter(|_| edit.is_move())?;
        Some(Self { rule: before.name.to_string(), from, to })
    }
}

/// What kind of change a repair makes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Action {
    /// One rule is added to a security group.
    InsertRule,
    /// One rule is added where rules had to move first: no number was free.
    RenumberAndInsertRule,
    /// Rules that are there are narrowed, moved or removed.
    ChangeRules,
    /// A rule that allows and, behind it, one that denies are added.
    InsertRulePair,
    /// One rule is added to a collection of a network manager.
    InsertAdminRule,
    /// Something other than rules is changed, such as a peering: the note says what.
    ChangeNetwork,
    /// No rule can be added: the note says what else would do.
    ByHand,
}

/// A rule that a repair adds, as Azure Resource Manager takes it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RepairRule {
    /// A rule of a security group.
    Security(SecurityRule),
    /// A security admin rule.
    Admin(AdminRule),
}

impl Serialize for RepairRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Security(rule) => rule.serialize(serializer),
            Self::Admin(rule) => {
                let mut members = serializer.serialize_map(Some(3))?;
                members.serialize_entry("name", rule.name.as_str())?;
                members.serialize_entry("kind", "Custom")?;
                members.serialize_entry("properties", &AdminProperties(rule))?;
                members.end()
            }
        }
    }
}

struct AdminProperties<'a>(&'a AdminRule);

impl Serialize for AdminProperties<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(rule) = self;
        let sides = |spec: &AddressSpec| -> Vec<std::collections::BTreeMap<&str, String>> {
            let of = |item: &AddressItem| {
                let kind =
                    if matches!(item, AddressItem::Tag(_)) { "ServiceTag" } else { "IPPrefix" };
                let prefix = item.azure_text()?;
                Some([("addressPrefix", prefix), ("addressPrefixType", kind.to_owned())].into())
            };
            spec.items.iter().filter_map(of).collect()
        };
        let ports = |ports: &PortSpec| -> Vec<String> {
            ports.known.to_string().split(',').map(str::to_owned).collect()
        };
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("access", &rule.access.known().map(ToString::to_string))?;
        members.serialize_entry("direction", &rule.direction.known().map(ToString::to_string))?;
        members.serialize_entry("priority", &rule.priority.known().map(|one| one.number()))?;
        members.serialize_entry("protocol", &rule.protocol.known().map(ToString::to_string))?;
        members.serialize_entry("sources", &sides(&rule.source))?;
        members.serialize_entry("sourcePortRanges", &ports(&rule.source_ports))?;
        members.serialize_entry("destinations", &sides(&rule.destination))?;
        members.serialize_entry("destinationPortRanges", &ports(&rule.destination_ports))?;
        members.end()
    }
}

/// The repairs for every gate that denies, one for each list of rules, direction and leg; they
/// are made in `copy`.
pub(super) fn repairs(scene: &Scene<'_>, legs_before: &[Leg], copy: &mut Network) -> Vec<Repair> {
    let mut repairs: Vec<Repair> = Vec::new();
    for leg in legs_before {
        for (station, _) in leg.denying() {
            if repairs.iter().any(|repair| repair.leg == leg.name && repair.is_of(station)) {
                continue;
            }
            let repair = if station.is_admin() {
                admin_repair(scene, leg, station, copy)
            } else {
                group_repair(scene, leg, station, copy)
            };
            let (list, direction) = (list(station).cloned(), station.direction());
            repairs.push(Repair { list, direction, ..repair });
        }
    }
    prove(scene, copy, &mut repairs);
    repairs
}

/// Tries all repairs together on the changed copy, and tells each what else its leg needs.
fn prove(scene: &Scene<'_>, copy: &Network, repairs: &mut [Repair]) {
    if repairs.is_empty() {
        return;
    }
    let topology = Topology::new(copy.clone(), scene.topology.service_tags().clone());
    let Ok(repaired) = Scene::new(&topology, scene.question) else { return };
    let legs_after = legs(&repaired);
    for repair in repairs.iter_mut().filter(|repair| repair.action != Action::ByHand) {
        let leg = legs_after.iter().find(|leg| leg.name == repair.leg);
        repair.proved = leg.is_some_and(|leg| {
            leg.all_stops()
                .filter(|(station, _)| repair.is_of(station))
                .all(|(_, stop)| stop.verdict == Verdict::Allow)
        });
    }
    let lists: Vec<_> =
        repairs.iter().map(|repair| (repair.leg, repair.list.clone(), repair.direction)).collect();
    for repair in repairs.iter_mut() {
        let is_other = |(leg, list, direction): &&(LegName, Option<ResourceId>, Direction)| {
            *leg == repair.leg && (*list != repair.list || *direction != repair.direction)
        };
        let others = lists.iter().filter(is_other);
        repair.also_needs = others.map(|(_, list, _)| name_of(list.as_ref())).collect();
    }
}

impl Repair {
    /// Whether it is made in the list of rules at this gate.
    fn is_of(&self, station: &Station) -> bool {
        self.list.as_ref() == list(station) && self.direction == station.direction()
    }
}

/// The list of rules at a gate: a security group, or the rules of a network manager.
fn list(station: &Station) -> Option<&ResourceId> {
    station.group().or(station.manager())
}

fn name_of(list: Option<&ResourceId>) -> String {
    list.map_or("network manager", ResourceId::name).to_owned()
}

/// The lowest number of a rule that denies some of the leg at this list, over all its checks.
fn ceiling(leg: &Leg, at: &Station) -> Option<(u32, String)> {
    leg.all_stops()
        .filter(|(station, _)| list(station) == list(at) && station.direction() == at.direction())
        .flat_map(|(station, stop)| stop.denying(station))
        .filter_map(|(_, rule)| Some((rule.priority?.number(), rule.name.to_string())))
        .min()
}

fn group_repair(scene: &Scene<'_>, leg: &Leg, station: &Station, copy: &mut Network) -> Repair {
    let name = name_of(list(station));
    let (ceiling, denier) = ceiling(leg, station).unwrap_or((u32::MAX, String::new()));
    let group = station
        .group()
        .and_then(|id| copy.security_groups.iter_mut().find(|group| group.id == *id));
    let Some(group) = group else {
        return by_hand(leg.name, name, "its rules are not in the input".to_owned());
    };
    let mut rule = wanted_rule(scene, leg, station);
    rule.name = free_name(group, rule.name.as_str());
    let demand = Requirement::of_leg(leg.name);
    let must_be_rule = demand.is_some_and(|one| station.direction() == one.direction());
    let wanted = Wanted { rule, ceiling, denier: &denier, must_be_rule, leg: leg.name };
    wanted.make_in(group, station.names())
}

/// A rule for what is to be allowed.
pub(super) struct Wanted<'a> {
    pub(super) rule: SecurityRule,
    /// The number of the first rule that denies some of it, over all checks of the leg.
    pub(super) ceiling: u32,
    /// The name of that rule.
    pub(super) denier: &'a str,
    /// Whether Azure demands a rule of its own, so that no change of another is enough (S7.13).
    pub(super) must_be_rule: bool,
    pub(super) leg: LegName,
}

impl Wanted<'_> {
    /// Ways to allow it, the best first, and why the rule cannot just be added, where it cannot.
    fn ways(&self, list: &List<'_>) -> (Vec<repair::Repair>, Option<NoRoom>) {
        let (limits, goal) = (Limits::default(), Goal::of_rule(self.rule.clone()));
        match repair::insertion(list, &goal, Priority::new(self.ceiling), &limits) {
            Ok(way) if self.must_be_rule || way.edits.len() == 1 => (vec![way], None),
            Err(reason) if self.must_be_rule => (Vec::new(), Some(reason)),
            inserted => {
                let found = repair::repairs(list, &goal, &limits);
                let reason = found.no_room.or_else(|| inserted.as_ref().err().cloned());
                let mut ways = found.repairs;
                ways.extend(
                    inserted.ok().filter(|way| ways.iter().all(|one| one.edits != way.edits)),
                );
                (ways, reason)
            }
        }
    }

    /// Makes the best way in the group.
    pub(super) fn make_in(self, group: &mut SecurityGroup, names: &Names) -> Repair {
        let direction = direction_of(&self.rule);
        let Self { denier, leg, .. } = self;
        let (ways, no_room) = self.ways(&List::new(group, direction, names));
        let nsg = group.name().to_owned();
        let Some((way, others)) = ways.split_first() else {
            let reason = no_room.map(|reason| reason.to_string());
            let reason = reason.unwrap_or_else(|| "no way was found".to_owned());
            return by_hand(leg, nsg, format!("{reason}: remove a rule, or narrow {denier}"));
        };
        let others = others.iter().take(OTHERS);
        let others = others.map(|other| OtherWay::new(&group.id, other)).collect();
        let note = no_room.map(|reason| reason.to_string());
        let changes = Changes::of(way);
        let opens = opened(&self.rule);
        let opens = opened_instead(way, &changes, &opens).unwrap_or(opens);
        let moves: Vec<Move> = way.edits.iter().filter_map(Move::of).collect();
        let mut new_rules = way.edits.iter().rev().filter_map(|edit| match edit {
            Edit::Insert(rule) => Some(RepairRule::Security(rule.clone())),
            Edit::Replace { .. } | Edit::Remove(_) => None,
        });
        let rule = new_rules.next();
        let action = match (&rule, way.edits.len()) {
            (Some(_), 0 | 1) => Action::InsertRule,
            (Some(_), _) => Action::RenumberAndInsertRule,
            (None, _) => Action::ChangeRules,
        };
        let az: Vec<String> =
            way.edits.iter().map(|edit| command::edit_rule(&group.id, edit)).collect();
        if !way.apply(group) {
            return by_hand(leg, nsg, format!("{way} cannot be made"));
        }
        Repair {
            nsg,
            action,
            opens,
            rule,
            and_rule: None,
            closes: String::new(),
            changes: Some(changes),
            az: az.join("\n"),
            moves,
            others,
            proved: false,
            leg,
            also_needs: Vec::new(),
            list: None,
            direction,
            note,
        }
    }
}

fn direction_of(rule: &SecurityRule) -> Direction {
    rule.direction.known().copied().unwrap_or(Direction::Inbound)
}

pub(super) fn free_name(group: &SecurityGroup, wanted: &str) -> RuleName {
    let is_free = |name: &RuleName| group.all_rules().all(|rule| rule.name != *name);
    let numbered = (2u32..).map(|number| RuleName::as_written(&format!("{wanted}{number}")));
    std::iter::once(RuleName::as_written(wanted)).chain(numbered).find(is_free).unwrap_or_else(
        // The numbers do not run out before the rules do.
        || RuleName::as_written(wanted),
    )
}

/// The narrow rule that opens a leg at a gate (S7.26), its priority still open.
fn wanted_rule(scene: &Scene<'_>, leg: &Leg, station: &Station) -> SecurityRule {
    match Requirement::of_leg(leg.name) {
        Some(requirement) if station.direction() == requirement.direction() => {
            required_rule(scene, requirement, station)
        }
        _ => session_rule(scene),
    }
}

/// Inbound at the machine: from Bastion's addresses to the machine's, on the session's port.
pub(super) fn session_rule(scene: &Scene<'_>) -> SecurityRule {
    let question = scene.question;
    let port = question.port();
    let mut session = question.session.to_string().to_ascii_lowercase();
    session = wording::capitalised(&session);
    let name = if port == question.session.default_port() {
        format!("AllowBastion{session}")
    } else {
        format!("AllowBastion{session}{port}")
    };
    let mut rule = allow(&name, Direction::Inbound);
    rule.protocol = ProtocolSpec::One(Protocol::TCP).into();
    rule.source = prefixes(scene.bastion.addresses.prefixes());
    rule.destination = prefixes(scene.target.addresses.prefixes());
    rule.destination_ports = PortSet::from(port).into();
    rule
}

/// On AzureBastionSubnet: what Azure's table demands (S7.11).
pub(super) fn required_rule(
    scene: &Scene<'_>,
    requirement: Requirement,
    station: &Station,
) -> SecurityRule {
    let name = match requirement {
        Requirement::R1 => "AllowHttpsInbound",
        Requirement::R2 => "AllowGatewayManagerInbound",
        Requirement::R3 => "AllowAzureLoadBalancerInbound",
        Requirement::R4 => "AllowBastionHostsInbound",
        Requirement::R5 => "AllowSshRdpOutbound",
        Requirement::R6 => "AllowAzureCloudOutbound",
        Requirement::R7 => "AllowBastionHostsOutbound",
        Requirement::R8 => "AllowHttpOutbound",
    };
    let mut rule = allow(name, requirement.direction());
    let tcp_only = matches!(
        requirement,
        Requirement::R1 | Requirement::R2 | Requirement::R3 | Requirement::R5 | Requirement::R6
    );
    if tcp_only {
        rule.protocol = ProtocolSpec::One(Protocol::TCP).into();
    }
    let side = |tag: Option<ServiceTag>| {
        tag.map_or_else(AddressSpec::any, |tag| AddressItem::from(tag).into())
    };
    let (source, destination) = requirement.tags();
    rule.source = side(source);
    rule.destination = side(destination);
    if requirement == Requirement::R1 {
        rule.source = clients(scene);
    }
    let mut ports = requirement.ports(scene.question.port());
    if requirement == Requirement::R5 {
        let tag = station.names().tag(&ServiceTag::virtual_network());
        if !tag.is_some_and(|tag| tag.covers(&scene.target.addresses)) {
            rule.destination = prefixes(scene.target.addresses.prefixes());
            ports = vec![scene.question.port()];
        }
    }
    let ports: PortSet = ports.into_iter().map(Interval::single).collect();
    rule.destination_ports = ports.into();
    rule
}

fn clients(scene: &Scene<'_>) -> AddressSpec {
    if let Some(client) = scene.question.client {
        return AddressItem::from(Prefix::host(client)).into();
    }
    if scene.bastion.host.is_some_and(|host| host.private_only) {
        return AddressItem::from(ServiceTag::virtual_network()).into();
    }
    AddressItem::from(ServiceTag::internet()).into()
}

fn allow(name: &str, direction: Direction) -> SecurityRule {
    let name = RuleName::as_written(name);
    SecurityRule::new(name, Priority::LAST, direction, Access::Allow)
}

fn prefixes(prefixes: impl Iterator<Item = Prefix>) -> AddressSpec {
    prefixes.map(AddressItem::from).collect()
}

/// Exactly what a rule opens: `tcp 10.0.1.0/26:* -> 10.0.0.4:22`.
pub(super) fn opened(rule: &SecurityRule) -> String {
    let protocol = match rule.protocol.known() {
        Some(ProtocolSpec::One(protocol)) => protocol.to_string(),
        _ => "*".to_owned(),
    };
    let side = |spec: &AddressSpec| {
        let items = spec.items.iter().map(|item| match item {
            AddressItem::Prefix(prefix) => wording::prefix(prefix),
            other => other.to_string(),
        });
        items.collect::<Vec<_>>().join(",")
    };
    format!(
        "{protocol} {}:{} -> {}:{}",
        side(&rule.source),
        rule.source_ports,
        side(&rule.destination),
        rule.destination_ports
    )
}

/// Above an admin rule that denies only the network manager can allow (S7.26): `Allow`, so that
/// the security groups still decide.
fn admin_repair(scene: &Scene<'_>, leg: &Leg, station: &Station, copy: &mut Network) -> Repair {
    let name = name_of(list(station));
    let Some((number, denier)) = ceiling(leg, station) else {
        return by_hand(leg.name, name, "the denying admin rule has no known priority".to_owned());
    };
    let holds = |rule: &AdminRule| {
        rule.name == RuleName::as_written(&denier)
            && rule.priority.known() == Some(&Priority::new(number))
    };
    let collection =
        copy.admin_rule_collections.iter_mut().find(|list| list.rules.iter().any(holds));
    let Some(collection) = collection else {
        return by_hand(leg.name, name, format!("the collection of {denier} is not in the input"));
    };
    let is_taken = |number: &u32| {
        collection
            .rules
            .iter()
            .any(|rule| rule.priority.known().is_none_or(|priority| priority.number() == *number))
    };
    let Some(free) = (1..number).rev().find(|number| !is_taken(number)) else {
        return by_hand(
            leg.name,
            name,
            format!(
                "no number from 1 below {number} {denier} is free in rule collection {}: give {denier} a larger number, or narrow it",
                collection.id.name()
            ),
        );
    };
    let wanted = session_rule(scene);
    let mut rule = AdminRule::new(
        wanted.name.clone(),
        Priority::new(free),
        Direction::Inbound,
        AdminAccess::Allow,
    );
    rule.protocol = wanted.protocol.clone();
    rule.source = wanted.source.clone();
    rule.destination = wanted.destination.clone();
    rule.destination_ports = wanted.destination_ports.clone();
    let az = command::create_admin_rule(&collection.id, &rule);
    collection.rules.push(rule.clone());
    Repair {
        nsg: name,
        action: Action::InsertAdminRule,
        opens: format!("{}, as far as the security groups allow it", opened(&wanted)),
        rule: Some(RepairRule::Admin(rule)),
        and_rule: None,
        closes: String::new(),
        changes: None,
        az,
        moves: Vec::new(),
        others: Vec::new(),
        proved: false,
        leg: leg.name,
        also_needs: Vec::new(),
        list: None,
        direction: Direction::Inbound,
        note: Some(
            "a change of the network manager's owner; deploy the configuration again afterwards"
                .to_owned(),
        ),
    }
}

/// A change of something other than rules.
pub(super) fn outside_groups(leg: LegName, resource: String, words: String, az: String) -> Repair {
    Repair { action: Action::ChangeNetwork, az, ..by_hand(leg, resource, words) }
}

fn by_hand(leg: LegName, nsg: String, note: String) -> Repair {
    Repair {
        nsg,
        action: Action::ByHand,
        rule: None,
        and_rule: None,
        opens: String::new(),
        closes: String::new(),
        changes: None,
        az: String::new(),
        moves: Vec::new(),
        others: Vec::new(),
        proved: false,
        leg,
        also_needs: Vec::new(),
        list: None,
        direction: Direction::Inbound,
        note: Some(note),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolve::ServiceTags;

    fn group(rules: &[&str]) -> SecurityGroup {
        let mut group = SecurityGroup::new(ResourceId::new("nsg"));
        group.rules = rules.iter().map(|text| text.parse().unwrap()).collect();
        group
    }

    fn place(rules: &[&str], ceiling: u32) -> (Repair, SecurityGroup) {
        let mut group = group(rules);
        let mut rule = allow("Wanted", Direction::Inbound);
        rule.source = AddressItem::from("203.0.113.0/24".parse::<Prefix>().unwrap()).into();
        let names = Names::new(ServiceTags::built_in());
        let leg = LegName::BastionToVm;
        let wanted = Wanted { rule, ceiling, denier: "Deny", must_be_rule: true, leg };
        let repair = wanted.make_in(&mut group, &names);
        (repair, group)
    }

    fn numbers(group: &SecurityGroup) -> Vec<String> {
        let mut rules: Vec<_> = group
            .rules
            .iter()
            .map(|rule| (rule.priority.known().copied().unwrap(), rule.name.to_string()))
            .collect();
        rules.sort();
        rules.into_iter().map(|(number, name)| format!("{number} {name}")).collect()
    }

    /// S7.26: at most the deny's number less one, at least 100; numbers of the other direction
    /// do not count (S1.7).
    /// A rule of an admin rule collection as it is offered, read again.
    #[cfg(feature = "proptest")]
    #[test]
    fn an_offered_admin_rule_reads_back_as_itself() {
        use crate::azure::read;
        use crate::strategies::{Choices, Generator, Shape};
        for seed in 0..300 {
            let mut generator = Generator::new(Choices::from_seed(seed), Shape::definite());
            let rule = AdminRule { description: None, condition: None, ..generator.admin_rule() };
            let mut document = serde_json::to_value(RepairRule::Admin(rule.clone())).unwrap();
            let id = format!(
                "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/networkManagers/m/\
                 securityAdminConfigurations/c/ruleCollections/r/rules/{}",
                rule.name
            );
            document["id"] = id.into();
            document["type"] = "Microsoft.Network/networkManagers/securityAdminConfigurations/ruleCollections/rules".into();
            let read = read(document.to_string().as_bytes()).unwrap();
            let [collection] = &read.network.admin_rule_collections[..] else {
                panic!("{document}")
            };
            let mut again = collection.rules[0].clone();
            again.origin = rule.origin.clone();
            assert_eq!(again, rule, "{document}");
        }
    }

    #[test]
    fn the_largest_free_number_below_the_deny_is_taken() {
        let rules = [
            "1000 Deny deny inbound * *:* -> *:*",
            "999 Other allow inbound tcp *:* -> *:443",
            "998 Out allow outbound tcp *:* -> *:443",
        ];
        let (repair, changed) = place(&rules, 1000);
        assert_eq!(repair.action, Action::InsertRule);
        assert!(numbers(&changed).contains(&"998 Wanted".to_owned()));
        let (_, changed) = place(&[], 65500);
        assert_eq!(numbers(&changed), ["4096 Wanted"]);
    }

    #[test]
    fn without_a_free_number_rules_move_up_in_order() {
        let rules = [
            "100 Deny deny inbound * *:* -> *:*",
            "101 Next allow inbound tcp *:* -> *:443",
            "103 Far allow inbound tcp *:* -> *:80",
        ];
        let (repair, changed) = place(&rules, 100);
        assert_eq!(repair.action, Action::RenumberAndInsertRule);
        assert_eq!(numbers(&changed), ["100 Wanted", "101 Deny", "102 Next", "103 Far"]);
        let moves: Vec<_> =
            repair.moves.iter().map(|one| (one.rule.as_str(), one.from, one.to)).collect();
        assert_eq!(moves, [("Next", 101, 102), ("Deny", 100, 101)]);
        let commands: Vec<_> = repair.az.lines().collect();
        assert_eq!(commands.len(), 3);
        assert!(commands[0].contains("-n Next --priority 102"));
        assert!(commands[1].contains("-n Deny --priority 101"));
        assert!(commands[2].contains("-n Wanted --priority 100"));
    }

    #[test]
    fn a_full_list_is_said_to_be_full() {
        let rules: Vec<String> =
            (100..=4096).map(|n| format!("{n} R{n} deny inbound * *:* -> *:*")).collect();
        let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
        let (repair, changed) = place(&rules, 100);
        assert_eq!(repair.action, Action::ByHand);
        assert!(repair.note.unwrap().contains("narrow Deny"));
        assert_eq!(changed.rules.len(), 3997);
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        let group = group(&["100 Wanted deny outbound * *:* -> *:*"]);
        assert_eq!(free_name(&group, "wanted").as_str(), "wanted2");
        assert_eq!(free_name(&group, "DenyAllInBound").as_str(), "DenyAllInBound2");
    }
}
