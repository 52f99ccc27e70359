//! The cases of `tests/data/cases`, which mean the same for every engine.
//!
//! A `[[gate]]` is one list of rules at one place. Each line of its tables `fires` and
//! `otherwise` is a case: a flow and what must come of it. In `fires` the clauses named by the
//! gate decide; in `otherwise` they do not, and something else does.
//!
//! ```toml
//! [[gate]]
//! name = "the lower number is looked at first"
//! clause = ["S3.1"]
//! rules = ["100 First deny inbound tcp *:* -> *:22", "200 Second allow inbound * *:* -> *:*"]
//! fires."tcp 10.0.0.5:50000 -> 10.0.0.4:22" = "Deny First"
//! otherwise."tcp 10.0.0.5:50000 -> 10.0.0.4:23" = "Allow Second"
//! ```
//!
//! A `[[chain]]` is every gate at one end of a flow: `at` names a network interface or a subnet of
//! `network`. Without `at` it is both ends. What must come of it is the verdict (at one end with
//! the deciding gate), then each gate in order, in parentheses where the flow does not get to it:
//!
//! ```toml
//! fires."tcp 10.0.1.4:50000 -> 10.0.0.4:22" = ["Deny nic-inbound", "subnet-inbound Allow AllowVnetInBound", "nic-inbound Deny NoSsh"]
//! ```
//!
//! A `[[reading]]` is a security group as JSON: its key is members of the one rule `r` that differ
//! from an ordinary one, or a list of such rules. What must come of it is the codes of the findings
//! of at least a warning, `fine` for none, and after `=>` the rules in their text form. With a
//! `document` the key stands for its `@`:
//!
//! ```toml
//! [[reading]]
//! name = "a range runs upwards"
//! clause = ["S1.21"]
//! mode = "lenient"
//! fires.'"destinationPortRange": "9-8"' = "SecurityRuleInvalidPortRange"
//! otherwise.'"destinationPortRange": "8-9"' = "fine => 100 r allow inbound tcp *:* -> *:8-9"
//! ```
//!
//! What must come of a `[[gate]]`:
//!
//! | text | means |
//! |---|---|
//! | `Allow NAME`, `Deny NAME`, `AlwaysAllow NAME` | this rule decides; `securityRules/NAME` says of which list |
//! | `Deny` | no rule matches a security group |
//! | `Pass` | no rule matches admin rules |
//! | `Indeterminate NAME...` | facts are missing: these rules may match, before one that certainly does |
//! | `{ decides = "...", looked_at = ["NAME", "NAME: FIELD..."] }` | also the walk: each rule with the fields that do not match |

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use nsg_engine::eval::Verdict;
use nsg_engine::model::{
    AdminRule, Direction, Flow, Mode, ResourceId, SecurityGroup, SecurityRule, ServiceTag,
};
use nsg_engine::net::{AddressSet, Prefix};
use nsg_engine::resolve::{Effect, Names, Rule, Ruleset, ServiceTags, Topology};
use serde::Deserialize;

use super::networks::{NetworkText, resource, subnet_id};

/// One flow at one list of rules.
pub(crate) struct GateCase {
    /// The file, the gate's name and the flow: for messages.
    pub(crate) id: String,
    pub(crate) clauses: Vec<String>,
    /// Whether the clauses decide this case, rather than leave it alone.
    pub(crate) fires: bool,
    pub(crate) ruleset: Ruleset,
    pub(crate) flow: Flow,
    pub(crate) expected: Expected,
}

/// What must come of a case.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    pub(crate) verdict: Verdict,
    /// What the deciding rule does; `None` where no rule decides.
    pub(crate) effect: Option<Effect>,
    /// The deciding rule's name, qualified or not.
    pub(crate) rule: Option<String>,
    /// Of an indeterminate case: the rules that may match, in order.
    pub(crate) undecided: Vec<String>,
    /// The rules looked at, with the fields that do not certainly match.
    pub(crate) looked_at: Option<Vec<String>>,
}

impl Expected {
    /// Whether the answer is certain.
    pub(crate) fn is_definite(&self) -> bool {
        self.verdict != Verdict::Indeterminate
    }

    /// Whether this is the rule that must decide.
    pub(crate) fn is_decided_by(&self, rule: Option<&Rule>) -> bool {
        match (&self.rule, rule) {
            (None, None) => true,
            (Some(name), Some(rule)) => {
                let is_named = if name.contains('/') {
                    *name == rule.qualified_name()
                } else {
                    *name == rule.name.as_str()
                };
                is_named && self.effect == rule.effect
            }
            _ => false,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (outcome, names) = text.split_once(' ').unwrap_or((text, ""));
        let rule = Some(names.to_owned()).filter(|name| !name.is_empty());
        let (verdict, effect) = match outcome {
            "Allow" => (Verdict::Allow, Some(Effect::Allow)),
            "AlwaysAllow" => (Verdict::Allow, Some(Effect::AlwaysAllow)),
            "Deny" => (Verdict::Deny, Some(Effect::Deny)),
            "Pass" => (Verdict::Allow, None),
            "Indeterminate" => {
                let undecided = names.split(' ').map(str::to_owned).collect();
                let verdict = Verdict::Indeterminate;
                return Some(Self {
                    verdict,
                    effect: None,
                    rule: None,
                    undecided,
                    looked_at: None,
                });
            }
            _ => return None,
        };
        let effect = effect.filter(|_| rule.is_some());
        Some(Self { verdict, effect, rule, undecided: Vec::new(), looked_at: None })
    }
}

/// Every gate case of every file.
pub(crate) fn gate_cases() -> Vec<GateCase> {
    files()
        .iter()
        .flat_map(|(name, file)| file.gate.iter().flat_map(|gate| gate.cases(name)))
        .collect()
}

/// One flow through the gates of one end, or of both.
pub(crate) struct ChainCase {
    pub(crate) id: String,
    pub(crate) clauses: Vec<String>,
    pub(crate) fires: bool,
    pub(crate) topology: Topology,
    /// The end; `None` for both.
    pub(crate) at: Option<(At, Direction)>,
    pub(crate) flow: Flow,
    /// The verdict, then each gate.
    pub(crate) expected: Vec<String>,
}

/// Where a chain stands.
#[derive(Clone)]
pub(crate) enum At {
    Interface(String),
    Subnet(ResourceId),
}

/// Every chain case of every file.
pub(crate) fn chain_cases() -> Vec<ChainCase> {
    let cases_of = |(name, file): &(String, File)| -> Vec<ChainCase> {
        file.chain.iter().flat_map(|chain| chain.cases(name, file)).collect()
    };
    files().iter().flat_map(cases_of).collect()
}

/// A document in Azure's JSON.
pub(crate) struct ReadingCase {
    pub(crate) id: String,
    pub(crate) clauses: Vec<String>,
    pub(crate) fires: bool,
    pub(crate) mode: Mode,
    pub(crate) json: String,
    /// The codes of what is found, ascending.
    pub(crate) codes: Vec<String>,
    /// The rules as they are read, where the case says so.
    pub(crate) rules: Option<Vec<String>>,
}

/// Every reading case of every file.
pub(crate) fn reading_cases() -> Vec<ReadingCase> {
    let cases_of = |(name, file): &(String, File)| -> Vec<ReadingCase> {
        file.reading.iter().flat_map(|reading| reading.cases(name)).collect()
    };
    files().iter().flat_map(cases_of).collect()
}

/// The name and the mistake of every exhibit of `museum.toml`.
pub(crate) fn exhibits() -> Vec<(String, Option<String>)> {
    let (_, museum) = files().into_iter().find(|(name, _)| name == "museum.toml").unwrap();
    let gates = museum.gate.into_iter().map(|gate| (gate.name, gate.mistake));
    let chains = museum.chain.into_iter().map(|chain| (chain.name, chain.mistake));
    let readings = museum.reading.into_iter().map(|reading| (reading.name, reading.mistake));
    gates.chain(chains).chain(readings).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    reading: Vec<ReadingText>,
    #[serde(default)]
    gate: Vec<Gate>,
    #[serde(default)]
    chain: Vec<ChainText>,
    /// Networks that chains share, by name.
    #[serde(default)]
    networks: BTreeMap<String, NetworkText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadingText {
    name: String,
    clause: Vec<String>,
    mistake: Option<String>,
    mode: String,
    /// A whole document, in which the key of a case stands for `@`.
    document: Option<String>,
    #[serde(default)]
    fires: BTreeMap<String, String>,
    #[serde(default)]
    otherwise: BTreeMap<String, String>,
}

impl ReadingText {
    fn cases(&self, file: &str) -> Vec<ReadingCase> {
        let mode = match self.mode.as_str() {
            "strict" => Mode::Strict,
            "lenient" => Mode::Lenient,
            other => panic!("{file}: {}: mode `{other}`", self.name),
        };
        let fires = self.fires.iter().map(|(members, expected)| (true, members, expected));
        let otherwise = self.otherwise.iter().map(|(members, expected)| (false, members, expected));
        fires
            .chain(otherwise)
            .map(|(fires, members, expected)| {
                let (codes, rules) = match expected.split_once(" => ") {
                    Some((codes, rules)) => (codes, Some(rules)),
                    None => (expected.as_str(), None),
                };
                let codes = codes.split(' ').filter(|code| *code != "fine");
                let mut codes: Vec<String> = codes.map(str::to_owned).collect();
                codes.sort();
                let id = format!("{file}: {}: {members}", self.name);
                let json = match &self.document {
                    Some(document) => document.replace('@', members),
                    None => group_json(members).unwrap_or_else(|error| panic!("{id}: {error}")),
                };
                ReadingCase {
                    id,
                    clauses: self.clause.clone(),
                    fires,
                    mode,
                    json,
                    codes,
                    rules: rules.map(|rules| rules.lines().map(str::to_owned).collect()),
                }
            })
            .collect()
    }
}

/// A group whose rules differ from an ordinary one in these members.
fn group_json(members: &str) -> serde_json::Result<String> {
    let text =
        if members.starts_with('[') { members.to_owned() } else { format!("[{{{members}}}]") };
    let given: Vec<serde_json::Map<String, serde_json::Value>> = serde_json::from_str(&text)?;
    let rules = given.into_iter().map(|members| {
        let ordinary = serde_json::json!({
            "protocol": "Tcp", "access": "Allow", "direction": "Inbound", "priority": 100,
            "sourceAddressPrefix": "*", "sourcePortRange": "*",
            "destinationAddressPrefix": "*", "destinationPortRange": "22",
        });
        let mut rule = ordinary.as_object().unwrap().clone();
        let mut name = serde_json::json!("r");
        for (member, value) in members {
            if member == "name" {
                name = value;
            } else {
                rule.retain(|known, _| !known.eq_ignore_ascii_case(&member));
                rule.insert(member, value);
            }
        }
        serde_json::json!({ "name": name, "properties": rule })
    });
    let rules: Vec<_> = rules.collect();
    let group = serde_json::json!({
        "id": resource("networkSecurityGroups", "nsg").as_str(),
        "type": "Microsoft.Network/networkSecurityGroups",
        "properties": { "securityRules": rules },
    });
    Ok(group.to_string())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChainText {
    name: String,
    clause: Vec<String>,
    mistake: Option<String>,
    network: Shared,
    #[serde(default)]
    tags: BTreeMap<String, Vec<String>>,
    at: Option<String>,
    direction: Option<String>,
    #[serde(default)]
    fires: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    otherwise: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Shared {
    Named(String),
    Here(Box<NetworkText>),
}

impl ChainText {
    fn cases(&self, file: &str, shared: &File) -> Vec<ChainCase> {
        let place = format!("{file}: {}", self.name);
        let network = match &self.network {
            Shared::Here(network) => network,
            Shared::Named(name) => {
                shared.networks.get(name).unwrap_or_else(|| panic!("{place}: no network `{name}`"))
            }
        };
        let topology = Topology::new(network.build(&place), catalogue(&self.tags));
        let direction = self.direction.as_deref().unwrap_or("Inbound").parse().unwrap();
        let at = self.at.as_deref().map(|at| {
            let subnet = || At::Subnet(subnet_id(at));
            if at.contains('/') { subnet() } else { At::Interface(at.to_owned()) }
        });
        let fires = self.fires.iter().map(|(flow, expected)| (true, flow, expected));
        let otherwise = self.otherwise.iter().map(|(flow, expected)| (false, flow, expected));
        fires
            .chain(otherwise)
            .map(|(fires, flow, expected)| ChainCase {
                id: format!("{place}: {flow}"),
                clauses: self.clause.clone(),
                fires,
                topology: topology.clone(),
                at: at.clone().map(|at| (at, direction)),
                flow: flow.parse().unwrap_or_else(|error| panic!("{place}: {error}")),
                expected: expected.clone(),
            })
            .collect()
    }
}

fn files() -> Vec<(String, File)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cases");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let text = fs::read_to_string(path).unwrap();
            let file = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, file)
        })
        .collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Gate {
    name: String,
    clause: Vec<String>,
    /// What a tool once got wrong here, in one sentence that names it.
    mistake: Option<String>,
    #[serde(default)]
    direction: Option<String>,
    /// What `VirtualNetwork` holds: 10.0.0.0/16 and the host address unless given (S4.2);
    /// `unknown` when it is not known.
    #[serde(default)]
    virtual_network: Option<Vec<String>>,
    /// Service tags that are known besides the built-in ones.
    #[serde(default)]
    tags: BTreeMap<String, Vec<String>>,
    /// Application security groups and network groups whose members are known.
    #[serde(default)]
    groups: BTreeMap<String, Vec<String>>,
    /// The custom rules of a security group.
    #[serde(default)]
    rules: Vec<String>,
    /// The default rules it holds instead of Azure's six.
    #[serde(default)]
    default_rules: Option<Vec<String>>,
    /// Admin rules, instead of a security group.
    #[serde(default)]
    admin_rules: Option<Vec<String>>,
    #[serde(default)]
    fires: BTreeMap<String, Outcome>,
    #[serde(default)]
    otherwise: BTreeMap<String, Outcome>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Outcome {
    Text(String),
    Walk { decides: String, looked_at: Vec<String> },
}

impl Gate {
    fn cases(&self, file: &str) -> Vec<GateCase> {
        let ruleset = self.ruleset(file);
        let fires = self.fires.iter().map(|(flow, outcome)| (true, flow, outcome));
        let otherwise = self.otherwise.iter().map(|(flow, outcome)| (false, flow, outcome));
        fires
            .chain(otherwise)
            .map(|(fires, flow, outcome)| {
                let id = format!("{file}: {}: {flow}", self.name);
                let (text, looked_at) = match outcome {
                    Outcome::Text(text) => (text, None),
                    Outcome::Walk { decides, looked_at } => (decides, Some(looked_at.clone())),
                };
                let expected = Expected::parse(text).unwrap_or_else(|| panic!("{id}: `{text}`"));
                GateCase {
                    clauses: self.clause.clone(),
                    fires,
                    ruleset: ruleset.clone(),
                    flow: flow.parse().unwrap_or_else(|error| panic!("{id}: {error}")),
                    expected: Expected { looked_at, ..expected },
                    id,
                }
            })
            .collect()
    }

    fn ruleset(&self, file: &str) -> Ruleset {
        let direction: Direction = self.direction.as_deref().unwrap_or("Inbound").parse().unwrap();
        let names = self.names();
        let place = format!("{file}: {}", self.name);
        if let Some(rules) = &self.admin_rules {
            let rules: Vec<AdminRule> = parse_all(rules, &place);
            return Ruleset::of_admin_rules(&rules, direction, &names);
        }
        let mut group = SecurityGroup::new(ResourceId::new("nsg"));
        group.rules = parse_all::<SecurityRule>(&self.rules, &place);
        if let Some(rules) = &self.default_rules {
            group.default_rules = parse_all(rules, &place);
        }
        Ruleset::of_group(&group, direction, &names)
    }

    fn names(&self) -> Names {
        let mut names = Names::new(catalogue(&self.tags));
        match self.virtual_network.as_deref() {
            None => {
                names = names.with_virtual_network(addresses(&["10.0.0.0/16", "168.63.129.16"]));
            }
            Some([unknown]) if unknown == "unknown" => {}
            Some(prefixes) => names = names.with_virtual_network(addresses(prefixes)),
        }
        self.groups.iter().fold(names, |names, (id, prefixes)| {
            names.with_group(ResourceId::new(id), addresses(prefixes))
        })
    }
}

fn catalogue(tags: &BTreeMap<String, Vec<String>>) -> ServiceTags {
    tags.iter().fold(ServiceTags::built_in(), |tags, (name, prefixes)| {
        tags.with(ServiceTag::new(name), addresses(prefixes))
    })
}

fn addresses(prefixes: &[impl AsRef<str>]) -> AddressSet {
    prefixes.iter().map(|text| text.as_ref().parse::<Prefix>().unwrap()).collect()
}

pub(super) fn parse_all<T: std::str::FromStr<Err: std::fmt::Display>>(
    lines: &[String],
    place: &str,
) -> Vec<T> {
    let parse =
        |line: &String| line.parse().unwrap_or_else(|error| panic!("{place}: {line}: {error}"));
    lines.iter().map(parse).collect()
}
