//! Repairs: what they claim to change, against the specification in a sample of all cells.

use std::collections::BTreeSet;

use nsg_engine::analysis::repair::{
    Edit, End, Extent, Goal, List, NoRoom, Repair, insertion, repairs,
};
use nsg_engine::analysis::{Contract, Gates};
use nsg_engine::eval::{Verdict, evaluate};
use nsg_engine::model::{
    Access, AddressItem, Direction, Flow, Priority, ResourceId, RuleName, SecurityGroup,
    SecurityRule, UnknownValue, Value,
};
use nsg_engine::net::{AddressSet, PortSet, Prefix};
use nsg_engine::path::Chain;
use nsg_engine::resolve::{Fallback, Names, RuleKind, Ruleset, ServiceTags, Topology};
use nsg_engine::space::{HeaderSpace, Limits, Region};
use nsg_engine::strategies::{Case, Choices, Generator, NetworkCase, Shape};

use crate::space::{Cells, region_of, small_cases};

const DIRECTIONS: [Direction; 2] = [Direction::Inbound, Direction::Outbound];

fn limits() -> Limits {
    Limits::default()
}

/// Regions that some rules would match: those of a rule of the case, and those of others.
fn regions(case: &Case, seed: u64, direction: Direction) -> Vec<Region> {
    let mut shape = Shape::definite();
    (shape.rules, shape.items, shape.prefixes) = (3, 2, 4);
    let other = Case::draw(Choices::from_seed(seed + 10_000), shape).ruleset(direction);
    let own = case.ruleset(direction);
    let custom = |ruleset: &Ruleset| -> Vec<Region> {
        let rules = ruleset.rules().iter().rev().filter(|rule| rule.kind == RuleKind::Custom);
        let rules = rules.filter(|rule| rule.unresolved().next().is_none());
        rules.map(region_of).filter(|one| !HeaderSpace::of_region(one).is_empty()).collect()
    };
    let own: Vec<Region> = custom(&own).into_iter().take(2).collect();
    // A corner of a rule's flows, so that a rule is in the way of more than is wanted.
    let corners = own.iter().map(|region| {
        let first = |set: &AddressSet| {
            let prefix = set.prefixes().next().filter(|_| !set.is_full())?;
            Some(Prefix::host(prefix.address()).into())
        };
        let ports = region.destination_ports.ranges().intervals();
        let port = ports.first().filter(|_| !region.destination_ports.is_full());
        Region {
            source: first(&region.source).unwrap_or_else(|| region.source.clone()),
            destination_ports: port.map_or(PortSet::full(), |range| range.first().into()),
            ..region.clone()
        }
    });
    let corners: Vec<Region> = corners.collect();
    corners.into_iter().chain(own).chain(custom(&other).into_iter().take(1)).collect()
}

/// One rule alone, so that its bounds make cells too.
fn ruleset_of(regions: &[Region], direction: Direction) -> Ruleset {
    let mut group = SecurityGroup::new(ResourceId::new("nsg"));
    group.default_rules.clear();
    for region in regions {
        group.rules.extend(Goal::allow(region.clone()).rules(direction).unwrap_or_default());
    }
    let rules = Ruleset::of_group(&group, direction, &Names::new(ServiceTags::built_in()));
    Ruleset::new(direction, rules.rules().to_vec(), Fallback::Deny)
}

/// A case whose rules are all of one direction; every second one with its rules as close to each
/// other and to the first number as can be, every third one with the opposite of its first rule
/// as the last.
fn crowded(mut case: Case, seed: u64) -> (Case, Direction) {
    let direction = DIRECTIONS[usize::from(seed % 4 > 1)];
    let numbers = |rule: &SecurityRule| rule.priority.known().copied();
    case.group.rules.sort_by_key(|rule| (numbers(rule), rule.name.clone()));
    if let Some(first) = case.group.rules.first().filter(|_| seed.is_multiple_of(3)) {
        let mut opposite = first.clone();
        opposite.name = RuleName::as_written("Opposite");
        opposite.access = match first.access.known() {
            Some(Access::Allow) => Access::Deny.into(),
            _ => Access::Allow.into(),
        };
        case.group.rules.push(opposite);
    }
    for (number, rule) in (100..).zip(&mut case.group.rules) {
        rule.direction = direction.into();
        let spread = if seed.is_multiple_of(2) { number } else { 100 + (number - 99) * 10 };
        rule.priority = Priority::new(spread).into();
    }
    (case, direction)
}

/// Flows of the cells that some rulesets make together, not too many.
fn sample<'a>(rulesets: impl IntoIterator<Item = &'a Ruleset>) -> Vec<Flow> {
    let flows = Cells::of(rulesets).flows();
    let step = flows.len() / 500 + 1;
    flows.into_iter().step_by(step).collect()
}

fn wanted(access: Access) -> Verdict {
    match access {
        Access::Allow => Verdict::Allow,
        Access::Deny => Verdict::Deny,
    }
}

/// Makes the edits one after the other; at no time do two rules have one name, or one number in
/// one direction (S1.3, S1.7).
fn make(group: &SecurityGroup, repair: &Repair) -> SecurityGroup {
    let mut changed = group.clone();
    for edit in &repair.edits {
        assert!(edit.apply(&mut changed), "{edit} cannot be made");
        for (index, rule) in changed.rules.iter().enumerate() {
            for other in &changed.rules[..index] {
                assert!(rule.name != other.name, "{edit}: two rules are called {}", rule.name);
                let is_same = rule.direction == other.direction && rule.priority == other.priority;
                assert!(!is_same || rule.priority.known().is_none(), "{edit}: {rule}, {other}");
            }
        }
    }
    for edit in &repair.edits {
        let rule = edit.rule().and_then(|rule| rule.priority.known());
        assert!(rule.is_none_or(Priority::is_custom), "{edit}");
    }
    changed
}

/// What a repair may consist of.
fn kind(repair: &Repair) -> &'static str {
    let has = |is: fn(&Edit) -> bool| repair.edits.iter().any(is);
    let adds = has(|edit| matches!(edit, Edit::Insert(_)));
    let moves = has(Edit::is_move);
    let removes = has(|edit| matches!(edit, Edit::Remove(_)));
    match (adds, moves, removes) {
        (true, false, _) => "add",
        (true, true, _) => "move and add",
        (false, true, _) => "move",
        (false, false, true) => "remove",
        (false, false, false) => "narrow",
    }
}

/// The claims of every repair hold for a flow of each cell: all of the region is as wanted; an
/// exact repair leaves every other flow as it was; what else changes is what was said to.
#[test]
fn a_repair_changes_what_it_says_in_every_cell() {
    let mut seen = BTreeSet::new();
    let (mut exact, mut more) = (0, 0);
    for (seed, case) in (0u64..).zip(small_cases(48, false)) {
        let (case, direction) = crowded(case, seed);
        let before = case.ruleset(direction);
        let list = List::new(&case.group, direction, &case.names);
        for region in regions(&case, seed, direction) {
            let space = HeaderSpace::of_region(&region);
            let extra = ruleset_of(std::slice::from_ref(&region), direction);
            for access in [Access::Allow, Access::Deny] {
                let goal = Goal::new(access, region.clone());
                let found = repairs(&list, &goal, &limits());
                assert_ne!(found.holds, !found.repairs.is_empty(), "{goal}\n{case:?}");
                for repair in &found.repairs {
                    let after = Case { group: make(&case.group, repair), ..case.clone() };
                    let after = after.ruleset(direction);
                    let flows = sample([&before, &after, &extra]);
                    check(repair, &goal, &space, (&before, &after), &flows);
                    seen.insert((access.to_string(), kind(repair)));
                    exact += usize::from(repair.extent.is_exact());
                    more += usize::from(matches!(repair.extent, Extent::More(_)));
                }
            }
        }
    }
    assert!(exact > 150 && more > 10, "{exact} {more}");
    for access in ["Allow", "Deny"] {
        for kind in ["add", "move and add", "move", "narrow", "remove"] {
            assert!(seen.contains(&(access.to_owned(), kind)), "{access} {kind}: {seen:?}");
        }
    }
}

fn check(
    repair: &Repair,
    goal: &Goal,
    space: &HeaderSpace,
    (before, after): (&Ruleset, &Ruleset),
    flows: &[Flow],
) {
    let change = repair.difference.as_ref().unwrap();
    let of = |changes: &[nsg_engine::analysis::Change]| {
        HeaderSpace::of_regions(changes.iter().map(|one| &one.region), &limits()).unwrap()
    };
    let (opened, closed) = (of(&change.opened), of(&change.closed));
    assert!(change.unsettled.is_empty());
    for flow in flows {
        let verdicts = [before, after].map(|rules| evaluate(rules, flow).verdict());
        assert_eq!(opened.contains(flow), verdicts == [Verdict::Deny, Verdict::Allow], "{flow}");
        assert_eq!(closed.contains(flow), verdicts == [Verdict::Allow, Verdict::Deny], "{flow}");
        if space.contains(flow) {
            assert_eq!(verdicts[1], wanted(goal.access()), "{flow} after {repair}");
        } else if let Extent::More(more) = &repair.extent {
            assert_eq!(more.contains(flow), verdicts[0] != verdicts[1], "{flow} after {repair}");
        } else {
            assert_eq!(verdicts[0], verdicts[1], "{flow} after {repair}");
        }
    }
    let (change, other) = match goal.access() {
        Access::Allow => (&opened, &closed),
        Access::Deny => (&closed, &opened),
    };
    match &repair.extent {
        Extent::Whole => assert!(change == space && other.is_empty()),
        Extent::Rest => {
            assert!(change != space && !change.is_empty() && other.is_empty());
            assert!(space.covers(change, &limits()).unwrap());
        }
        Extent::More(_) => {}
        other => panic!("{other:?}: {repair}"),
    }
}

/// Where rules hold something unknown, an exact repair makes the region certain and leaves
/// every other flow as certain, or as open, as it was.
#[test]
fn unknown_values_of_other_rules_do_not_make_a_claim_wrong() {
    let (mut exact, mut open) = (0, 0);
    for (seed, case) in (0u64..).zip(small_cases(48, true)) {
        let (mut case, direction) = crowded(case, seed);
        if let Some(first) = case.group.rules.first_mut().filter(|_| seed % 4 == 1) {
            first.priority = Value::Unknown(UnknownValue::new("[parameters('number')]"));
        }
        let before = case.ruleset(direction);
        let list = List::new(&case.group, direction, &case.names);
        for region in regions(&case, seed, direction) {
            let space = HeaderSpace::of_region(&region);
            let extra = ruleset_of(std::slice::from_ref(&region), direction);
            for access in [Access::Allow, Access::Deny] {
                let goal = Goal::new(access, region.clone());
                for repair in repairs(&list, &goal, &limits()).repairs {
                    let after = Case { group: make(&case.group, &repair), ..case.clone() };
                    let after = after.ruleset(direction);
                    if let Extent::Open(reasons) = &repair.extent {
                        assert!(!reasons.is_empty());
                        open += 1;
                    }
                    if !repair.extent.is_exact() {
                        continue;
                    }
                    exact += 1;
                    for flow in sample([&before, &after, &extra]) {
                        let [was, is] =
                            [&before, &after].map(|rules| evaluate(rules, &flow).verdict());
                        let expected = if space.contains(&flow) { wanted(access) } else { was };
                        assert_eq!(is, expected, "{flow} after {repair}\n{case:?}");
                    }
                }
            }
        }
    }
    assert!(exact > 100 && open > 2, "{exact} {open}");
}

/// A goal in the words of a rule whose tags nobody knows: a repair that is called exact is so for
/// whatever the tags turn out to hold, tried with contents at random.
#[test]
fn goals_with_unknown_names_are_reached_however_the_names_turn_out() {
    let mut exact = 0;
    for (seed, case) in (0u64..).zip(small_cases(40, true)) {
        let mut generator = Generator::new(Choices::from_seed(seed + 777), Shape::default());
        let [sql, storage, _] = Generator::unknown_tags();
        for direction in DIRECTIONS {
            let mut rule: SecurityRule =
                "100 Wanted allow inbound tcp *:* -> *:443".parse().unwrap();
            rule.source = AddressItem::from(sql.clone()).into();
            if seed % 3 == 0 {
                rule.destination = AddressItem::from(sql.clone()).into();
            } else if seed % 3 == 1 {
                rule.destination = AddressItem::from(storage.clone()).into();
            }
            if seed % 2 == 0 {
                rule.access = Access::Deny.into();
            }
            rule.direction = direction.into();
            let goal = Goal::of_rule(rule.clone());
            let list = List::new(&case.group, direction, &case.names);
            for repair in repairs(&list, &goal, &limits()).repairs {
                if !repair.extent.is_exact() {
                    continue;
                }
                exact += 1;
                let changed = make(&case.group, &repair);
                for _ in 0..4 {
                    let names = completed(&case.names, &mut generator);
                    let rules = |group| Ruleset::of_group(group, direction, &names);
                    let (before, after) = (rules(&case.group), rules(&changed));
                    let mut alone = SecurityGroup::new(ResourceId::new("alone"));
                    alone.default_rules.clear();
                    alone.rules.push(rule.clone());
                    let alone = rules(&alone);
                    let space = HeaderSpace::of_region(&region_of(&alone.rules()[0]));
                    for flow in sample([&before, &after, &alone]) {
                        let [was, is] =
                            [&before, &after].map(|rules| evaluate(rules, &flow).verdict());
                        let expected =
                            if space.contains(&flow) { wanted(goal.access()) } else { was };
                        assert_eq!(is, expected, "{flow} after {repair}\n{case:?}");
                        let is_whole = repair.extent == Extent::Whole && space.contains(&flow);
                        assert!(!is_whole || was != is, "{flow}: nothing changes by {repair}");
                    }
                }
            }
        }
    }
    assert!(exact > 50, "{exact}");
}

/// The unknown tags with some public addresses each.
fn completed(names: &Names, generator: &mut Generator) -> Names {
    let mut tags = names.service_tags().clone();
    for tag in Generator::unknown_tags() {
        let bound = names.tag_contents(&tag).possible;
        let some: AddressSet = (0..3).map(|_| generator.prefix()).collect();
        tags = tags.with(tag, some.intersection(&bound));
    }
    names.clone().with_service_tags(tags)
}

fn group(rules: &[&str]) -> SecurityGroup {
    let mut group = SecurityGroup::new(ResourceId::new("nsg"));
    group.rules = rules.iter().map(|rule| rule.parse().unwrap()).collect();
    group
}

fn names() -> Names {
    let vnet: Prefix = "10.0.0.0/16".parse().unwrap();
    Names::new(ServiceTags::built_in()).with_virtual_network(vnet.into())
}

/// The repairs of an inbound list in words, each with how exact it is, and why nothing can just
/// be added.
fn told(rules: &[&str], goal: &Goal) -> (Vec<String>, Option<String>) {
    let (group, names) = (group(rules), names());
    let found = repairs(&List::new(&group, Direction::Inbound, &names), goal, &limits());
    let told = found.repairs.iter().map(|repair| {
        let mark = match &repair.extent {
            Extent::Whole => "=",
            Extent::Rest => "<",
            Extent::More(_) => ">",
            other => panic!("{other:?}"),
        };
        format!("{mark} {repair}")
    });
    (told.collect(), found.no_room.map(|reason| reason.to_string()))
}

fn ssh() -> Goal {
    Goal::allow("tcp 10.0.1.0/26:* -> 10.0.0.4/32:22".parse().unwrap()).named("AllowSsh")
}

const ADD: &str = "allow inbound tcp 10.0.1.0/26:* -> 10.0.0.4/32:22";

#[test]
fn a_free_number_before_the_deny_is_the_least_change() {
    let (told, no_room) = told(&["1000 DenyVnet deny inbound * VirtualNetwork:* -> *:*"], &ssh());
    // A tag cannot be narrowed in its own words, ports can.
    assert_eq!(
        told,
        [
            format!("= add 999 AllowSsh {ADD}"),
            "> narrow 1000 DenyVnet to 1000 DenyVnet deny inbound * VirtualNetwork:* -> *:0-21,23-65535".to_owned(),
        ]
    );
    assert_eq!(no_room, None);
}

#[test]
fn a_deny_at_the_first_number_is_moved_narrowed_or_put_behind() {
    let (ways, no_room) = told(
        &[
            "100 DenySsh deny inbound tcp 10.0.0.0/16:* -> 10.0.0.4:22",
            "101 Web allow inbound tcp *:* -> *:443",
            "102 AllowBastion allow inbound tcp 10.0.1.0/26:* -> *:22",
        ],
        &ssh(),
    );
    let first = "100 DenySsh has the first number there is: no rule can be put before it";
    assert_eq!(no_room.as_deref(), Some(first));
    assert_eq!(
        ways,
        [
            // Of what stands before 102 AllowBastion only that is let through which it allows.
            "= move 100 DenySsh to 103".to_owned(),
            "= narrow 100 DenySsh to 100 DenySsh deny inbound tcp \
             10.0.0.0/24,10.0.1.64/26,10.0.1.128/25,10.0.2.0/23,10.0.4.0/22,10.0.8.0/21,\
             10.0.16.0/20,10.0.32.0/19,10.0.64.0/18,10.0.128.0/17:* -> 10.0.0.4/32:22"
                .to_owned(),
            format!("= move 100 DenySsh to 103, add 100 AllowSsh {ADD}"),
            format!(
                "= move 102 AllowBastion to 103, move 101 Web to 102, move 100 DenySsh to 101, \
                 add 100 AllowSsh {ADD}"
            ),
        ]
    );
}

#[test]
fn a_rule_whose_flows_are_all_wanted_is_removed_and_one_that_comes_too_late_moved() {
    let (ways, no_room) = told(
        &[
            "200 DenyBastion deny inbound tcp 10.0.1.0/26:* -> 10.0.0.4:22",
            "300 Late allow inbound tcp 10.0.1.0/24:* -> 10.0.0.4:22",
        ],
        &ssh(),
    );
    assert_eq!(no_room, None);
    let all: BTreeSet<&str> = ways.iter().map(String::as_str).collect();
    assert_eq!(ways[0], format!("= add 199 AllowSsh {ADD}"));
    for way in
        ["= remove 200 DenyBastion", "= move 300 Late to 199", "= move 200 DenyBastion to 301"]
    {
        assert!(all.contains(way), "{way}: {ways:?}");
    }
}

/// S1.51: Azure takes a thousand rules in a group.
#[test]
fn a_full_group_is_repaired_without_a_new_rule() {
    let filler = (0..999).map(|n| {
        format!("{} R{n} allow inbound udp 10.{}.{}.0/24:* -> *:53", n + 2000, n / 250, n % 250)
    });
    let rules: Vec<String> = std::iter::once("1000 No deny inbound tcp 10.0.1.0/26:* -> *:22")
        .map(str::to_owned)
        .chain(filler)
        .collect();
    let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
    let (ways, no_room) = told(&rules, &ssh());
    assert_eq!(
        no_room.as_deref(),
        Some("the group holds 1000 rules, and Azure takes 1000 at most")
    );
    assert!(ways.is_empty(), "part of what it denies is not wanted: {ways:?}");
}

#[test]
fn what_is_as_wanted_needs_no_repair() {
    let (ways, no_room) = told(&[], &ssh());
    assert_eq!((ways.len(), no_room), (0, None));
    let (group, names) = (group(&[]), names());
    let list = List::new(&group, Direction::Inbound, &names);
    assert!(repairs(&list, &ssh(), &limits()).holds);
    // By name it can be said all the same.
    let said = insertion(&list, &ssh(), Priority::new(4000), &limits()).unwrap();
    assert_eq!(said.extent, Extent::Nothing);
    assert_eq!(said.to_string(), format!("add 3999 AllowSsh {ADD}"));
}

#[test]
fn limits_end_in_an_honest_answer() {
    let group = group(&["1000 DenyVnet deny inbound * VirtualNetwork:* -> *:*"]);
    let names = names();
    let list = List::new(&group, Direction::Inbound, &names);
    let found = repairs(&list, &ssh(), &limits().with_steps(1));
    assert_eq!(found.repairs[0].to_string(), format!("add 999 AllowSsh {ADD}"));
    for repair in &found.repairs {
        assert!(matches!(repair.extent, Extent::Unfinished(_)), "{repair:?}");
        assert_eq!(repair.difference, None);
    }
}

#[test]
fn a_region_that_no_rule_can_say_is_not_offered_as_a_rule() {
    let goal = Goal::deny("0-5,7-255 10.0.1.0/26:* -> *:*".parse().unwrap());
    let (group, names) = (group(&["100 All allow inbound * 10.0.1.0/26:* -> *:*"]), names());
    let found = repairs(&List::new(&group, Direction::Inbound, &names), &goal, &limits());
    assert!(matches!(found.no_room, Some(NoRoom::NotARule(_))), "{found:?}");
}

/// An unknown priority may be any: nothing is certain to stand before it.
#[test]
fn a_rule_without_a_number_leaves_a_repair_open_and_says_why() {
    let rule = r#"?"[parameters('number')]" Deny deny inbound tcp *:* -> *:22"#;
    let (group, names) = (group(&[rule]), names());
    let found = repairs(&List::new(&group, Direction::Inbound, &names), &ssh(), &limits());
    let Extent::Open(reasons) = &found.repairs[0].extent else { panic!("{found:?}") };
    assert_eq!(reasons[0].to_string(), "value `[parameters('number')]` in the input");
}

/// One end of every generated network that has an interface.
fn ends(count: u64, shape: Shape) -> impl Iterator<Item = (u64, Topology, Direction)> {
    (0..count).filter_map(move |seed| {
        let case = NetworkCase::draw(Choices::from_seed(seed), shape);
        let topology = Topology::new(case.network, case.tags);
        let interface = topology.network().network_interfaces.first()?;
        interface.ip_configurations.first()?;
        Some((seed, topology, DIRECTIONS[usize::from(seed % 3 == 0)]))
    })
}

/// The end at the first interface.
fn end(topology: &Topology, direction: Direction) -> End<'_> {
    let interface = &topology.network().network_interfaces[0];
    End { topology, interface, configuration: &interface.ip_configurations[0], direction }
}

fn chain(topology: &Topology, direction: Direction) -> Chain {
    let End { interface, configuration, .. } = end(topology, direction);
    Chain::of_interface(topology, interface, configuration, direction)
}

/// The repairs of all gates together do along the whole chain what they claim, as the chain itself
/// says of a sample of the flows of all cells.
#[test]
fn repairs_of_all_gates_together_change_what_they_say() {
    let mut shape = Shape::default();
    (shape.rules, shape.items, shape.prefixes) = (3, 2, 4);
    let (mut exact, mut several, mut hopeless) = (0, 0, 0);
    for (seed, topology, direction) in ends(60, shape) {
        let before = chain(&topology, direction);
        let rules = before.gates().iter().filter_map(|gate| gate.ruleset());
        let mut regions: Vec<Region> = rules
            .flat_map(|rules| rules.rules().iter().rev().skip(3).take(1))
            .map(region_of)
            .filter(|region| !HeaderSpace::of_region(region).is_empty())
            .collect();
        regions.truncate(1);
        regions.push("tcp 203.0.113.0/25:* -> 198.51.100.7/32:22".parse().unwrap());
        for region in regions {
            let space = HeaderSpace::of_region(&region);
            for access in [Access::Allow, Access::Deny] {
                let contract = Contract::new(access, region.clone());
                let found = contract.repairs(&end(&topology, direction), &limits());
                let gates = Gates::of_chain(&before);
                assert_eq!(contract.check(&gates, &limits()).unwrap().holds(), found.holds);
                let Some(together) = &found.together else {
                    hopeless += usize::from(!found.holds);
                    continue;
                };
                if !together.extent.is_exact() {
                    continue;
                }
                exact += 1;
                let needed = if access == Access::Allow { found.groups.len() } else { 1 };
                several += usize::from(needed > 1);
                let mut network = topology.network().clone();
                for place in &found.groups[..needed] {
                    let groups = network.security_groups.iter_mut();
                    for group in groups.filter(|group| group.id == place.group) {
                        *group = make(group, &place.ways.repairs[0]);
                    }
                }
                let changed = Topology::new(network, topology.service_tags().clone());
                let after = chain(&changed, direction);
                let extra = ruleset_of(std::slice::from_ref(&region), direction);
                let rulesets = [&before, &after].into_iter().flat_map(|chain| chain.gates());
                let rulesets = rulesets.filter_map(|gate| gate.ruleset().map(AsRef::as_ref));
                for flow in sample(rulesets.chain([&extra])) {
                    if flow.source() == flow.destination() {
                        continue;
                    }
                    let [was, is] = [&before, &after].map(|chain| chain.evaluate(&flow).verdict());
                    let expected = if space.contains(&flow) { wanted(access) } else { was };
                    assert_eq!(is, expected, "seed {seed}: {flow}, {contract}");
                }
            }
        }
    }
    assert!(exact > 40 && several > 4 && hopeless > 3, "{exact} {several} {hopeless}");
}
