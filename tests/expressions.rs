//! Parts of an input turned into template expressions: what is still answered for certain must be
//! what the whole input answers, which is one of its completions (S3.8, S10.11).

use nsg_engine::azure::read;
use nsg_engine::eval::Verdict;
use nsg_engine::model::{Direction, Flow, ResourceId};
use nsg_engine::network::IpConfiguration;
use nsg_engine::path::Chain;
use nsg_engine::resolve::{ServiceTags, Topology};
use nsg_engine::strategies::{Choices, NetworkCase, Shape, networks};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::arm;

const DIRECTIONS: [Direction; 2] = [Direction::Inbound, Direction::Outbound];

/// A question that both inputs can be asked.
#[derive(Clone, PartialEq, Debug)]
enum Question {
    /// The gates at the address of an interface.
    Interface(ResourceId, IpConfiguration, Direction),
    Subnet(ResourceId, Direction),
    Endpoint(ResourceId, Direction),
    /// Both ends, found by their addresses.
    Path,
}

impl Question {
    fn all(topology: &Topology) -> Vec<Self> {
        let network = topology.network();
        let mut all = vec![Self::Path];
        for direction in DIRECTIONS {
            all.extend(network.network_interfaces.iter().flat_map(|interface| {
                interface
                    .ip_configurations
                    .iter()
                    .map(move |one| Self::Interface(interface.id.clone(), one.clone(), direction))
            }));
            all.extend(network.subnets().map(|(_, one)| Self::Subnet(one.id.clone(), direction)));
            let endpoints = network.private_endpoints.iter();
            all.extend(endpoints.map(|one| Self::Endpoint(one.id.clone(), direction)));
        }
        all
    }

    /// The chain that answers it, if the input holds what it asks about.
    fn chain(&self, topology: &Topology) -> Option<Chain> {
        let network = topology.network();
        match self {
            Self::Interface(id, known, direction) => {
                let interface = network.network_interface(id)?;
                let mut configurations = interface.ip_configurations.iter();
                let configuration = configurations.find(|one| {
                    one.name == known.name && one.private_address == known.private_address
                })?;
                Some(Chain::of_interface(topology, interface, configuration, *direction))
            }
            Self::Subnet(id, direction) => Chain::of_subnet(topology, id, *direction),
            Self::Endpoint(id, direction) => {
                let endpoint = network.private_endpoints.iter().find(|one| one.id == *id)?;
                Some(Chain::of_private_endpoint(topology, endpoint, *direction))
            }
            Self::Path => None,
        }
    }

    /// The answers to all flows; `None` where the question makes no sense.
    fn answers(&self, topology: &Topology, flows: &[Flow]) -> Vec<Option<Verdict>> {
        if *self == Self::Path {
            let answer = |flow| topology.path(flow).ok().map(|path| path.verdict());
            return flows.iter().map(answer).collect();
        }
        let chain = self.chain(topology);
        flows.iter().map(|flow| Some(chain.as_ref()?.evaluate(flow).verdict())).collect()
    }
}

fn topology(document: &Value, tags: &ServiceTags) -> Topology {
    read(document.to_string().as_bytes()).unwrap().network.bind(tags.clone())
}

/// Makes up to three facts of a document unknown, and tells which.
fn forget(document: &mut Value, choices: &mut Choices) -> Vec<String> {
    (0..choices.one_of(1, &[1, 2, 3]))
        .map(|number| {
            if choices.one_in(4) {
                return strike_out(document, choices);
            }
            let text = json!(format!("[parameters('{number}')]"));
            replace(document, &text, choices, "")
        })
        .collect()
}

/// Puts a text in the place of a value at random.
fn replace(value: &mut Value, text: &Value, choices: &mut Choices, at: &str) -> String {
    let goes_deeper = !choices.one_in(if at.is_empty() { 40 } else { 10 });
    match value {
        Value::Object(members) if goes_deeper && !members.is_empty() => {
            let names: Vec<String> = members.keys().cloned().collect();
            let name = choices.pick(&names).unwrap();
            replace(&mut members[name], text, choices, &format!("{at}/{name}"))
        }
        Value::Array(elements) if goes_deeper && !elements.is_empty() => {
            let index = choices.below(elements.len());
            replace(&mut elements[index], text, choices, &format!("{at}/{index}"))
        }
        _ => {
            *value = text.clone();
            at.to_owned()
        }
    }
}

/// What an input may leave out without saying that it is not there: a member that Azure always
/// has, or a resource that others name.
fn strike_out(document: &mut Value, choices: &mut Choices) -> String {
    const MEMBERS: [&str; 13] = [
        "access",
        "addressPrefixes",
        "addressSpace",
        "appliesToGroups",
        "direction",
        "ipAddress",
        "networkGroupId",
        "nextHopType",
        "priority",
        "privateIPAddress",
        "protocol",
        "remoteVirtualNetwork",
        "resourceId",
    ];
    const RESOURCES: [&str; 5] = [
        "networkgroups",
        "networksecuritygroups",
        "publicipaddresses",
        "routetables",
        "securityadminconfigurations",
    ];
    let mut places = Vec::new();
    find(document, "", &mut |name, value, place| {
        let last = |member: &str, skipped: usize| {
            let text = value[member].as_str().unwrap_or_default();
            text.rsplit('/').nth(skipped).unwrap_or_default().to_ascii_lowercase()
        };
        let kinds = [last("id", 1), last("type", 0)];
        let is_resource = kinds.iter().any(|kind| RESOURCES.contains(&kind.as_str()));
        if MEMBERS.contains(&name) || (is_resource && value["properties"].is_object()) {
            places.push(place.to_owned());
        }
    });
    let Some(place) = choices.pick(&places) else { return "nothing".to_owned() };
    let (parent, name) = place.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap() {
        Value::Object(members) => drop(members.remove(name)),
        Value::Array(elements) => drop(elements.remove(name.parse().unwrap())),
        _ => {}
    }
    format!("without {place}")
}

fn find(value: &Value, at: &str, found: &mut dyn FnMut(&str, &Value, &str)) {
    let mut go_on = |name: &str, value: &Value| {
        let place = format!("{at}/{name}");
        found(name, value, &place);
        find(value, &place, found);
    };
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| go_on(name, value)),
        Value::Array(elements) => {
            elements.iter().enumerate().for_each(|(at, value)| go_on(&at.to_string(), value));
        }
        _ => {}
    }
}

/// How the answers of an input in which something is unknown compare with those of the whole.
#[derive(Default)]
struct Comparison {
    definite: usize,
    weakened: usize,
    contradicted: Vec<String>,
}

impl Comparison {
    fn of(case: &NetworkCase, choices: &mut Choices) -> Self {
        let document = arm::document(&case.network, choices);
        let whole = topology(&document, &case.tags);
        let mut partial = document;
        let forgotten = forget(&mut partial, choices);
        let open = topology(&partial, &case.tags);
        let mut comparison = Self::default();
        for question in Question::all(&whole) {
            let answers = question.answers(&whole, &case.flows);
            let others = question.answers(&open, &case.flows);
            for ((expected, answer), flow) in answers.into_iter().zip(others).zip(&case.flows) {
                let (Some(expected), Some(answer)) = (expected, answer) else { continue };
                if answer == expected {
                    comparison.definite += 1;
                } else if answer == Verdict::Indeterminate {
                    comparison.weakened += 1;
                } else {
                    comparison.contradicted.push(format!(
                        "{answer} for {flow}, which is {expected} before {forgotten:?} is \
                         unknown: {question:?}\n{partial}"
                    ));
                }
            }
        }
        comparison
    }
}

/// What is forgotten weakens some answers and leaves most.
#[test]
fn forgetting_matters_and_leaves_enough_to_compare() {
    let (mut definite, mut weakened) = (0, 0);
    for seed in 0..60 {
        let case = NetworkCase::draw(Choices::from_seed(seed), Shape::definite());
        let comparison = Comparison::of(&case, &mut Choices::from_seed(!seed));
        definite += comparison.definite;
        weakened += comparison.weakened;
    }
    assert!(weakened * 20 > definite && definite > weakened, "{definite} and {weakened}");
}

proptest! {
    /// What the other property compares with is what the network says.
    #[test]
    fn the_document_of_a_network_answers_as_the_network(
        mut case in networks(Shape::definite()),
        seed in any::<u64>(),
    ) {
        // The caller says these, not the document.
        case.network.extra_virtual_network_prefixes.clear();
        let document = arm::document(&case.network, &mut Choices::from_seed(seed));
        let read = topology(&document, &case.tags);
        let whole = Topology::new(case.network, case.tags);
        for question in Question::all(&whole).iter().filter(|one| one.chain(&read).is_some()) {
            prop_assert_eq!(
                question.answers(&read, &case.flows),
                question.answers(&whole, &case.flows),
                "{:?}\n{}", question, document
            );
        }
    }

    /// `PROPTEST_CASES=100000 cargo test --release --all-features --test integration unknown_turns`
    /// looks longer.
    #[test]
    fn nothing_unknown_turns_an_answer_into_another(
        case in networks(Shape::definite()),
        seed in any::<u64>(),
    ) {
        let comparison = Comparison::of(&case, &mut Choices::from_seed(seed));
        let contradicted = &comparison.contradicted;
        prop_assert!(contradicted.is_empty(), "{}", contradicted[0]);
    }
}
