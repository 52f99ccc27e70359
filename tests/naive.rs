//! A second reading of the semantics, as unlike the first as possible, and the two compared.
//!
//! The library keeps a rule as five sets, walks the list once and carries three-valued matches
//! along. Here addresses are strings of `0` and `1`, a prefix is what such a string begins with,
//! ports are such strings of 65,536, a rule is the product of its lists, and the unknown is
//! *tried out*: every way it could turn out is evaluated, and the answers are collected. It is
//! slow, and has nothing in common with the library but the clauses.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use nsg_engine::eval::{Outcomes, Verdict, evaluate};
use nsg_engine::model::{
    Access, AddressItem, AddressSpec, AdminAccess, AdminRule, Direction, Flow, PortSpec,
    ProtocolSpec, ResourceId, SecurityRule, ServiceTag, Value,
};
use nsg_engine::resolve::{Names, Rule, Ruleset};
use nsg_engine::strategies::{Case, Choices, Drawn, Generator, Shape, cases};
use proptest::prelude::*;

/// `Some` answer, or `None` where it depends on something unknown.
type Answer = Option<bool>;

/// What names hold, as texts `10.0.0.0/16`; a name that is not here is unknown.
struct Book {
    tags: BTreeMap<String, Vec<String>>,
    groups: BTreeMap<ResourceId, Vec<String>>,
}

impl Book {
    /// Copies what the names of a case stand for, apart from the tags that this reading defines
    /// for itself.
    fn of(names: &Names) -> Self {
        let texts = |set: &nsg_engine::net::AddressSet| {
            set.prefixes().map(|prefix| prefix.to_string()).collect::<Vec<_>>()
        };
        let tags = ["VirtualNetwork", "Storage", "Storage.WestUS", "AzureCloud"];
        let tags = tags.iter().filter_map(|name| {
            let contents = names.tag(&ServiceTag::new(name))?;
            Some((name.to_lowercase(), texts(&contents)))
        });
        let groups = (0..4).map(Generator::asg);
        let groups = groups.filter_map(|id| Some((id.clone(), texts(&*names.group(&id)?))));
        Self { tags: tags.collect(), groups: groups.collect() }
    }

    fn tag(&self, name: &str, address: &str) -> Answer {
        match name.to_lowercase().as_str() {
            "internet" => Some(is_public(address)),
            // S4.9.
            "azureloadbalancer" => Some(
                ["168.63.129.16/32", "fe80::1234:5678:9abc/128"]
                    .iter()
                    .any(|host| is_inside(address, host)),
            ),
            // S4.21: its use is to switch off an exemption.
            "azureplatformdns" => Some(false),
            known if self.tags.contains_key(known) => {
                Some(self.tags[known].iter().any(|prefix| is_inside(address, prefix)))
            }
            // S1.41: a private address is in no public service, whatever its prefixes are.
            "sql" | "storage.eastus" if !is_public(address) => Some(false),
            _ => None,
        }
    }
}

/// S4.15.
fn is_public(address: &str) -> bool {
    let excluded = [
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.2.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "224.0.0.0/3",
    ];
    match address.len() {
        32 => !excluded.iter().any(|prefix| is_inside(address, prefix)),
        _ => is_inside(address, "2000::/3"),
    }
}

/// The bits of an address: 32 or 128 characters.
fn bits(address: IpAddr) -> String {
    let octets = match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    octets.iter().map(|octet| format!("{octet:08b}")).collect()
}

fn is_inside(address: &str, prefix: &str) -> bool {
    let (first, length) = prefix.split_once('/').unwrap();
    let first = bits(first.parse().unwrap());
    first.len() == address.len() && address.starts_with(&first[..length.parse().unwrap()])
}

fn item_matches(item: &AddressItem, address: &str, book: &Book) -> Answer {
    match item {
        AddressItem::Any => Some(true),
        AddressItem::Prefix(prefix) => Some(is_inside(address, &prefix.to_string())),
        AddressItem::Range(first, last) => {
            let (first, last) = (bits(*first), bits(*last));
            let one_family = first.len() == address.len();
            Some(one_family && first.as_str() <= address && address <= last.as_str())
        }
        AddressItem::Tag(tag) => book.tag(tag.as_str(), address),
        AddressItem::Asg(id) => {
            let members = book.groups.get(id)?;
            Some(members.iter().any(|prefix| is_inside(address, prefix)))
        }
        _ => None,
    }
}

/// One `0` or `1` for each port.
struct Table(String);

impl Table {
    /// Which ports a field lists when its unknown items turn out to hold nothing, or everything.
    fn all_of(spec: &PortSpec) -> Vec<Self> {
        let mut flags = String::new();
        for interval in spec.known.ranges().intervals() {
            flags += &"0".repeat(usize::from(interval.first()) - flags.len());
            flags += &"1".repeat(usize::from(interval.last()) + 1 - flags.len());
        }
        flags += &"0".repeat(65536 - flags.len());
        let everything = (!spec.unknown.is_empty()).then(|| Self("1".repeat(65536)));
        [Self(flags)].into_iter().chain(everything).collect()
    }

    /// Whether a number is listed; one that is not known, for certain only where all are.
    fn lists(&self, number: Option<u16>) -> Answer {
        match number {
            Some(number) => Some(self.0.as_bytes()[usize::from(number)] == b'1'),
            None if self.lists_all() => Some(true),
            None if self.0.contains('1') => None,
            None => Some(false),
        }
    }

    fn lists_all(&self) -> bool {
        !self.0.contains('0')
    }
}

/// A rule of either kind, its unknown values replaced by every value they could have.
struct Plain {
    name: String,
    /// `None`: it could stand anywhere.
    priority: Option<u32>,
    /// Whether it is a rule of the direction asked about, for certain.
    is_certain: bool,
    effects: Vec<&'static str>,
    /// Protocol numbers; `None` for every one.
    protocols: Vec<Option<u8>>,
    sources: Vec<AddressItem>,
    source_tables: Vec<Table>,
    destinations: Vec<AddressItem>,
    destination_tables: Vec<Table>,
}

impl Plain {
    fn of_security_rule(rule: &SecurityRule, direction: Direction) -> Option<Self> {
        let effects = match rule.access.known() {
            Some(Access::Allow) => vec!["allow"],
            Some(Access::Deny) => vec!["deny"],
            None => vec!["allow", "deny"],
        };
        let SecurityRule { priority, protocol, source, destination, .. } = rule;
        let ports = [&rule.source_ports, &rule.destination_ports];
        let plain = Self::new(rule.name.as_str(), effects, protocol, [source, destination], ports);
        let plain =
            plain.placed(priority.known().map(|one| one.number()), &rule.direction, direction)?;
        Some(plain.that_exists(rule.condition.is_none()))
    }

    fn of_admin_rule(rule: &AdminRule, direction: Direction) -> Option<Self> {
        let effects = match rule.access.known() {
            Some(AdminAccess::Allow) => vec!["allow"],
            Some(AdminAccess::AlwaysAllow) => vec!["always"],
            Some(AdminAccess::Deny) => vec!["deny"],
            None => vec!["allow", "always", "deny"],
        };
        let AdminRule { priority, protocol, source, destination, .. } = rule;
        let ports = [&rule.source_ports, &rule.destination_ports];
        let plain = Self::new(rule.name.as_str(), effects, protocol, [source, destination], ports);
        let plain =
            plain.placed(priority.known().map(|one| one.number()), &rule.direction, direction)?;
        Some(plain.that_exists(rule.condition.is_none()))
    }

    fn new(
        name: &str,
        effects: Vec<&'static str>,
        protocol: &Value<ProtocolSpec>,
        [source, destination]: [&AddressSpec; 2],
        [source_ports, destination_ports]: [&PortSpec; 2],
    ) -> Self {
        let protocols = match protocol.known() {
            Some(ProtocolSpec::Any) => vec![None],
            Some(ProtocolSpec::One(protocol)) => vec![Some(protocol.number())],
            // S1.10, S1.14: what a rule can name.
            None => vec![None, Some(1), Some(6), Some(17), Some(50), Some(51), Some(58)],
        };
        Self {
            name: name.to_lowercase(),
            priority: None,
            is_certain: effects.len() == 1,
            effects,
            protocols,
            sources: source.items.clone(),
            source_tables: Table::all_of(source_ports),
            destinations: destination.items.clone(),
            destination_tables: Table::all_of(destination_ports),
        }
    }

    fn placed(
        mut self,
        priority: Option<u32>,
        written: &Value<Direction>,
        direction: Direction,
    ) -> Option<Self> {
        if written.known().is_some_and(|known| *known != direction) {
            return None;
        }
        self.is_certain &= priority.is_some() && written.known().is_some();
        self.priority = priority;
        Some(self)
    }

    fn that_exists(mut self, for_certain: bool) -> Self {
        self.is_certain &= for_certain;
        self
    }

    /// S3.2, for every way the unknown could turn out: definite where all agree.
    fn matches(&self, flow: &Flow, book: &Book) -> Answer {
        let mut answers = BTreeSet::new();
        for protocol in &self.protocols {
            for source_table in &self.source_tables {
                for destination_table in &self.destination_tables {
                    let tables = [source_table, destination_table];
                    answers.insert(self.atoms_match(*protocol, tables, flow, book));
                }
            }
        }
        match answers.len() {
            1 => answers.into_iter().next().flatten(),
            _ => None,
        }
    }

    /// The rule as the product of its lists: it matches when any combination does.
    fn atoms_match(
        &self,
        protocol: Option<u8>,
        tables: [&Table; 2],
        flow: &Flow,
        book: &Book,
    ) -> Answer {
        let numbers_match = numbers_match(protocol, tables, flow);
        let (from, to) = (bits(flow.source()), bits(flow.destination()));
        let mut answer = Some(false);
        for source in &self.sources {
            for destination in &self.destinations {
                let atom = [
                    numbers_match,
                    item_matches(source, &from, book),
                    item_matches(destination, &to, book),
                ];
                let atom = if atom.contains(&Some(false)) {
                    Some(false)
                } else if atom.contains(&None) {
                    None
                } else {
                    Some(true)
                };
                answer = match (answer, atom) {
                    (Some(true), _) | (_, Some(true)) => Some(true),
                    (Some(false), Some(false)) => Some(false),
                    _ => None,
                };
            }
        }
        answer
    }
}

/// Protocol and ports together, because what ports mean depends on the protocol.
fn numbers_match(protocol: Option<u8>, tables: [&Table; 2], flow: &Flow) -> Answer {
    let of_flow = flow.protocol().number();
    if protocol.is_some_and(|protocol| protocol != of_flow) {
        return Some(false);
    }
    let [source, destination] = tables;
    match (protocol, of_flow) {
        (_, 6 | 17) => {
            let answers =
                [source.lists(flow.source_port()), destination.lists(flow.destination_port())];
            if answers.contains(&Some(false)) {
                return Some(false);
            }
            (!answers.contains(&None)).then_some(true)
        }
        // S1.23: an ICMP rule compares its destination ports with the type and has no others.
        (Some(1 | 58), _) => destination.lists(flow.icmp_type().map(u16::from)),
        // S1.24: whoever restricts ports means a protocol that has them.
        _ => Some(source.lists_all() && destination.lists_all()),
    }
}

/// S3.1, S3.8: everything that can happen, and the first rule that matches for certain. Rules
/// whose match is open are tried both ways, in all combinations.
fn outcomes(
    rules: &[Plain],
    flow: &Flow,
    book: &Book,
    otherwise: &'static str,
) -> (BTreeSet<&'static str>, Option<Name>) {
    let answers: Vec<(usize, Answer)> = rules
        .iter()
        .enumerate()
        .map(|(index, rule)| {
            let answer = rule.matches(flow, book);
            (index, if rule.is_certain || answer == Some(false) { answer } else { None })
        })
        .collect();
    let open: Vec<usize> =
        answers.iter().filter(|(_, answer)| answer.is_none()).map(|(index, _)| *index).collect();
    let mut possible = BTreeSet::new();
    for combination in 0..1u32 << open.len() {
        let is_taken = |index: usize| {
            let place = open.iter().position(|other| *other == index);
            place.is_some_and(|place| combination >> place & 1 == 1)
        };
        let first =
            answers.iter().find(|(index, answer)| *answer == Some(true) || is_taken(*index));
        match first {
            Some((index, _)) => possible.extend(&rules[*index].effects),
            None => {
                possible.insert(otherwise);
            }
        }
    }
    let certain = answers.iter().find(|(_, answer)| *answer == Some(true));
    (possible, certain.map(|(index, _)| (rules[*index].priority, rules[*index].name.clone())))
}

/// Takes the smallest again and again: the order of a group's rules. One that could stand
/// anywhere may well stand first.
fn in_order(mut rules: Vec<Plain>) -> Vec<Plain> {
    let mut ordered = Vec::new();
    while let Some(smallest) =
        (0..rules.len()).min_by_key(|index| (rules[*index].priority, rules[*index].name.clone()))
    {
        ordered.push(rules.swap_remove(smallest));
    }
    ordered
}

/// A rule, told apart from a default rule of the same name (S1.4).
type Name = (Option<u32>, String);

fn name(rule: &Rule) -> Name {
    (rule.priority.map(|priority| priority.number()), rule.name.as_str().to_lowercase())
}

fn as_texts(outcomes: Outcomes) -> BTreeSet<&'static str> {
    let Outcomes { allow, always_allow, deny, pass } = outcomes;
    [(allow, "allow"), (always_allow, "always"), (deny, "deny"), (pass, "pass")]
        .into_iter()
        .filter_map(|(may_happen, text)| may_happen.then_some(text))
        .collect()
}

/// Compares both readings on every flow of a case; the number of comparisons.
fn compare(case: &Case) -> Result<usize, TestCaseError> {
    let book = Book::of(&case.names);
    let mut compared = 0;
    for direction in [Direction::Inbound, Direction::Outbound] {
        let ruleset = case.ruleset(direction);
        let plain = |rule| Plain::of_security_rule(rule, direction);
        let rules = in_order(case.group.all_rules().filter_map(plain).collect());
        for flow in &case.flows {
            let decision = evaluate(&ruleset, flow);
            let (possible, certain) = outcomes(&rules, flow, &book, "deny");
            prop_assert_eq!(as_texts(decision.outcomes()), possible.clone(), "{}", flow);
            let deciding = decision.rule(&ruleset).map(name);
            prop_assert_eq!(deciding, certain, "{}", flow);
            let verdict = match (possible.contains("allow"), possible.contains("deny")) {
                (true, false) => Verdict::Allow,
                (false, true) => Verdict::Deny,
                _ => Verdict::Indeterminate,
            };
            prop_assert_eq!(decision.verdict(), verdict, "{}", flow);
            compared += 1;
        }
    }
    Ok(compared)
}

/// A list of admin rules with its names and flows aimed at it.
#[derive(Clone)]
struct AdminCase {
    rules: Vec<AdminRule>,
    names: Names,
    flows: Vec<Flow>,
}

impl std::fmt::Debug for AdminCase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.rules.iter().try_for_each(|rule| writeln!(f, "{rule}"))?;
        self.flows.iter().try_for_each(|flow| writeln!(f, "{flow}"))
    }
}

fn admin_cases() -> Drawn<AdminCase> {
    Drawn::new(400, |choices| {
        let mut generator = Generator::new(choices, Shape::default());
        let rules: Vec<AdminRule> = (0..5).map(|_| generator.admin_rule()).collect();
        let names = generator.names().clone();
        let ruleset = Ruleset::of_admin_rules(&rules, Direction::Inbound, &names);
        let flows = (0..12).map(|_| generator.flow(&ruleset)).collect();
        AdminCase { rules, names, flows }
    })
}

proptest! {
    #[test]
    fn both_readings_of_a_group_agree(case in cases(Shape::default())) {
        compare(&case)?;
    }

    /// S6.4: as a group, but what matches nothing goes on, and `AlwaysAllow` ends the matter.
    #[test]
    fn both_readings_of_admin_rules_agree(case in admin_cases()) {
        let AdminCase { rules, names, flows } = &case;
        let book = Book::of(names);
        for direction in [Direction::Inbound, Direction::Outbound] {
            let ruleset = Ruleset::of_admin_rules(rules, direction, names);
            let plain: Vec<Plain> =
                rules.iter().filter_map(|rule| Plain::of_admin_rule(rule, direction)).collect();
            for flow in flows {
                let decision = evaluate(&ruleset, flow);
                let (possible, certain) = outcomes(&plain, flow, &book, "pass");
                prop_assert_eq!(as_texts(decision.outcomes()), possible, "{}", flow);
                let deciding = decision.rule(&ruleset).map(name);
                prop_assert_eq!(deciding, certain, "{}", flow);
            }
        }
    }
}

/// The same over fixed seeds, so that every run makes these comparisons and their number is
/// known.
#[test]
fn both_readings_agree_on_the_first_thousand_seeds() {
    let compared: usize = (0..1000)
        .map(|seed| compare(&Case::draw(Choices::from_seed(seed), Shape::default())).unwrap())
        .sum();
    assert_eq!(compared, 24_000);
}
