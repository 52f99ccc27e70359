//! Putting a diagnosis together.

use std::collections::HashMap;

use super::causes;
use super::code::BastionCode;
use super::compliance;
use super::legs::{self, Check, Leg, LegName};
use super::near_miss::near_misses;
use super::obstacle::{Obstacle, obstacles, remedies};
use super::offer::make_offers;
use super::other_causes::other_causes;
use super::primary::Primary;
use super::probe::{Demand, Station, Stop};
use super::question::{BastionQuestion, QuestionError};
use super::repair::repairs;
use super::report::{
    BastionLine, BastionReport, BastionTable, BastionVerdict, Cause, GateReport, LegReport, Subject,
};
use super::scene::{Scene, machines};
use super::wording;
use crate::eval::{Endpoint, Match, Verdict};
use crate::net::AddressSet;
use crate::path::GateKind;
use crate::resolve::{Rule, Topology, Unresolved};

/// Why Azure Bastion can or cannot open a session to one machine.
///
/// # Errors
///
/// When the machine or the Bastion host cannot be found in the network, or what is needed to ask
/// about them (an IPv4 address, the subnet's prefix) is not in it.
pub fn bastion(
    topology: &Topology,
    question: &BastionQuestion,
) -> Result<BastionReport, QuestionError> {
    let scene = Scene::new(topology, question)?;
    let legs = legs::legs(&scene);
    let compliance = compliance::of_legs(&scene, &legs);
    let obstacles = obstacles(&scene);
    let verdict = verdict(&legs, &obstacles);
    let nothing_denies = verdict != BastionVerdict::Blocked;
    let gates = causes::blockers(&scene, &legs, compliance.as_ref());
    let mut unknown = unknown(&legs);
    let mut assumptions = assumptions(&scene, &legs);
    let mut summary = summary(&scene, &legs, verdict, &gates, &unknown, &obstacles);
    let mut answer = verdict;
    match Primary::of(&scene, verdict, verdict_of) {
        Primary::Known => {}
        Primary::Same(assumption) => assumptions.insert(0, assumption),
        Primary::Open(reason) => {
            (answer, summary) = not_known(&scene, &reason);
            unknown.insert(0, reason);
        }
    }
    let mut warnings = causes::warnings(&scene, &legs, compliance.as_ref());
    if obstacles.iter().any(Obstacle::stops_the_session) {
        // Nothing is open.
        warnings.retain(|warning| warning.code != BastionCode::OpenByDefault);
    }
    let mut copy = topology.network().clone();
    let repairs = remedies(&scene, &obstacles, &mut copy, |scene, copy| {
        repairs(scene, &legs::legs(scene), copy)
    });
    make_offers(&scene, &legs, compliance.as_ref(), &mut warnings, &mut copy);
    let obstacle_texts = obstacles.iter().map(|one| one.text.clone());
    let other_causes =
        obstacle_texts.chain(other_causes(&scene, nothing_denies)).collect::<Vec<String>>();
    Ok(BastionReport {
        verdict: answer,
        summary,
        subject: subject(&scene),
        near_misses: near_misses(&scene, &legs),
        repairs,
        assumptions,
        legs: legs.iter().map(|leg| leg_report(&scene, leg)).collect(),
        blockers: obstacles.iter().map(Obstacle::cause).chain(gates).collect(),
        warnings,
        compliance,
        unknown,
        other_causes,
    })
}

/// The same question for every machine of the network, in one line each. What the question says
/// about the machine is passed over.
pub fn bastion_table(topology: &Topology, question: &BastionQuestion) -> BastionTable {
    let all = machines(topology.network());
    let mut count: HashMap<String, usize> = HashMap::new();
    for machine in &all {
        let number = count.entry(machine.name().to_ascii_lowercase()).or_default();
        *number = number.saturating_add(1);
    }
    let lines = all.iter().map(|machine| {
        let name = machine.name().to_owned();
        let has_namesake = count.get(&name.to_ascii_lowercase()).is_some_and(|count| *count > 1);
        let resource_group = machine.resource_group().filter(|_| has_namesake).map(str::to_owned);
        let question =
            BastionQuestion { machine: Some(machine.as_str().to_owned()), ..question.clone() };
        match line(topology, &question) {
            Ok((verdict, summary)) => BastionLine { vm: name, resource_group, verdict, summary },
            Err(error) => BastionLine {
                vm: name,
                resource_group,
                verdict: BastionVerdict::Indeterminate,
                summary: error.to_string(),
            },
        }
    });
    BastionTable { vms: lines.collect() }
}

fn line(
    topology: &Topology,
    question: &BastionQuestion,
) -> Result<(BastionVerdict, String), QuestionError> {
    let scene = Scene::new(topology, question)?;
    let legs = legs::legs(&scene);
    let obstacles = obstacles(&scene);
    let verdict = verdict(&legs, &obstacles);
    if let Primary::Open(reason) = Primary::of(&scene, verdict, verdict_of) {
        return Ok(not_known(&scene, &reason));
    }
    let gates = causes::blockers(&scene, &legs, None);
    Ok((verdict, summary(&scene, &legs, verdict, &gates, &unknown(&legs), &obstacles)))
}

fn verdict_of(scene: &Scene<'_>) -> BastionVerdict {
    verdict(&legs::legs(scene), &obstacles(scene))
}

fn not_known(scene: &Scene<'_>, reason: &str) -> (BastionVerdict, String) {
    let session = session_text(scene, &scene.target.name);
    let summary = format!("It is not known whether Azure Bastion can {session}: {reason}");
    (BastionVerdict::Indeterminate, summary)
}

fn session_text(scene: &Scene<'_>, machine: &str) -> String {
    let question = scene.question;
    format!("open {} (tcp/{}) to {machine}", question.session, question.port())
}

fn verdict(legs: &[Leg], obstacles: &[Obstacle]) -> BastionVerdict {
    let has = |session: bool, verdict| {
        legs.iter().any(|leg| leg.name.carries_the_session() == session && leg.verdict() == verdict)
    };
    if has(true, Verdict::Deny) || obstacles.iter().any(Obstacle::stops_the_session) {
        BastionVerdict::Blocked
    } else if has(true, Verdict::Indeterminate) {
        BastionVerdict::Indeterminate
    } else if has(false, Verdict::Deny) || !obstacles.is_empty() {
        BastionVerdict::Degraded
    } else if has(false, Verdict::Indeterminate) {
        BastionVerdict::Indeterminate
    } else {
        BastionVerdict::Allowed
    }
}

fn summary(
    scene: &Scene<'_>,
    legs: &[Leg],
    verdict: BastionVerdict,
    blockers: &[Cause],
    unknown: &[String],
    obstacles: &[Obstacle],
) -> String {
    let question = scene.question;
    let session = session_text(scene, &machine_text(scene));
    let text = match verdict {
        BastionVerdict::Blocked => {
            let session_blockers: Vec<&Cause> =
                blockers.iter().filter(|cause| cause.leg.carries_the_session()).collect();
            let denier = blame(&session_blockers);
            let stops = obstacles.iter().find(|one| one.stops_the_session());
            let is_client =
                session_blockers.first().is_some_and(|one| one.leg == LegName::ClientToBastion);
            if let Some(obstacle) = stops {
                let also = match denier.strip_prefix(": ") {
                    Some(_) if is_client => {
                        format!("; also, users cannot reach {}{denier}", scene.bastion.name)
                    }
                    Some(denier) => format!("; as things are, {denier}"),
                    None => String::new(),
                };
                format!("Azure Bastion cannot {session}: {}{also}", obstacle.text)
            } else if is_client {
                format!("users cannot reach {} to {session}{denier}", scene.bastion.name)
            } else {
                format!("Azure Bastion cannot {session}{denier}")
            }
        }
        BastionVerdict::Degraded => {
            let mut legs: Vec<String> =
                blockers.iter().map(|cause| in_words(cause.leg).to_owned()).collect();
            legs.dedup();
            let mut reasons: Vec<String> = obstacles.iter().map(|one| one.text.clone()).collect();
            if !legs.is_empty() {
                reasons.push(format!("something else it needs is denied: {}", legs.join(", ")));
            }
            format!("Azure Bastion can {session}, but {}", reasons.join("; also, "))
        }
        BastionVerdict::Indeterminate => {
            let reason = unknown.first().map_or(String::new(), |reason| format!(": {reason}"));
            let carries = |leg: &&Leg| leg.name.carries_the_session();
            if legs.iter().filter(carries).all(|leg| leg.verdict() == Verdict::Allow) {
                format!(
                    "Azure Bastion can {session}, but it is not known whether all else it needs is allowed{reason}"
                )
            } else {
                format!("it is not known whether Azure Bastion can {session}{reason}")
            }
        }
        BastionVerdict::Allowed => {
            format!(
                "no security group or admin rule keeps Azure Bastion from opening {} (tcp/{}) to {}",
                question.session,
                question.port(),
                machine_text(scene)
            )
        }
    };
    wording::capitalised(&text)
}

/// What Bastion needs, in words.
fn in_words(leg: LegName) -> &'static str {
    match leg {
        LegName::ClientToBastion => "its users",
        LegName::GatewayManagerToBastion => "Azure's control plane",
        LegName::LoadBalancerToBastion => "the health probes of its load balancer",
        LegName::BastionHostsIn => "traffic between its hosts, inbound",
        LegName::BastionHostsOut => "traffic between its hosts, outbound",
        LegName::BastionToVm => "the session",
        LegName::BastionToAzureCloud => "Azure's endpoints (AzureCloud)",
        LegName::BastionToInternet => "the Internet on port 80",
    }
}

fn machine_text(scene: &Scene<'_>) -> String {
    let address = scene.address_text();
    if scene.target.name == address {
        address
    } else {
        format!("{} ({address})", scene.target.name)
    }
}

/// Who denies: the first gate, and the lists of the others.
fn blame(blockers: &[&Cause]) -> String {
    let Some(first) = blockers.first() else { return String::new() };
    let blame = match (&first.rule, first.priority, &first.nsg) {
        (Some(rule), Some(priority), Some(nsg)) => format!("{priority} {rule} of {nsg} denies it"),
        (Some(rule), Some(priority), None) => format!("admin rule {priority} {rule} denies it"),
        _ => return String::new(),
    };
    let mut others: Vec<&str> = blockers
        .iter()
        .filter(|cause| cause.code.is_a_gate() && cause.gate != first.gate)
        .filter_map(|cause| cause.nsg.as_deref().or(Some("an admin rule")))
        .collect();
    others.dedup();
    match others.as_slice() {
        [] => format!(": {blame}"),
        [one] => format!(": {blame}, and so does {one}"),
        [all @ .., last] => format!(": {blame}, and so do {} and {last}", all.join(", ")),
    }
}

fn subject(scene: &Scene<'_>) -> Subject {
    Subject {
        vm: scene.target.name.clone(),
        address: scene.address_text(),
        session: scene.question.session,
        port: scene.question.port(),
        bastion: scene.bastion.name.clone(),
        bastion_addresses: wording::set(&scene.bastion.addresses),
    }
}

fn leg_report(scene: &Scene<'_>, leg: &Leg) -> LegReport {
    LegReport {
        name: leg.name,
        flow: leg.decisive().map(|check| flow_text(scene, leg, check.demand)).unwrap_or_default(),
        access: leg.verdict(),
        gates: leg.stops().map(|(station, stop)| gate_report(station, stop)).collect(),
        without_group: without_group(scene, leg),
    }
}

/// The packets in text; "some address of the Internet" by the tag's name.
fn flow_text(scene: &Scene<'_>, leg: &Leg, demand: Demand) -> String {
    let Some(check) = leg.decisive() else { return String::new() };
    if demand != Demand::SomeSource || scene.bastion.host.is_some_and(|host| host.private_only) {
        return check.query.to_string();
    }
    let destination = check.query.destination();
    let port = check.query.destination_port().unwrap_or_default();
    format!("tcp Internet:* -> {destination}:{port}")
}

fn gate_report(station: &Station, stop: &Stop) -> GateReport {
    // Where something unknown may decide, no rule is said to.
    let rule = stop.rule(station).filter(|_| stop.verdict != Verdict::Indeterminate);
    let location = rule.and_then(|rule| rule.origin.location());
    GateReport {
        gate: station.kind(),
        applied_to: station.applied_to().clone(),
        nsg: station.group().map(|id| id.name().to_owned()),
        manager: station.manager().map(|id| id.name().to_owned()),
        access: stop.verdict,
        rule_name: rule.map(Rule::qualified_name),
        priority: rule.and_then(|rule| rule.priority).map(|priority| priority.number()),
        input: location.and_then(|location| location.input()).map(str::to_owned),
        pointer: location.map(|location| location.pointer().to_owned()),
    }
}

/// The places on the way that could have a security group and have none (S3.11).
fn without_group(scene: &Scene<'_>, leg: &Leg) -> Vec<String> {
    let has = |kind: GateKind| leg.stations.iter().any(|station| station.kind() == kind);
    let mut places = Vec::new();
    if let Some((_, subnet)) = scene.bastion.place
        && !has(GateKind::SubnetOutbound)
        && leg.name == LegName::BastionToVm
    {
        places.push(format!("{} out", subnet.name()));
    }
    if leg.name == LegName::BastionToVm {
        if let Some((_, subnet)) = scene.target.place.filter(|_| !has(GateKind::SubnetInbound)) {
            places.push(format!("subnet {} in", subnet.name()));
        }
        if let Some((interface, _)) = scene.target.interface.filter(|_| !has(GateKind::NicInbound))
        {
            places.push(format!("nic {} in", interface.name()));
        }
    }
    places
}

/// What is not known and leaves legs open, each thing once.
fn unknown(legs: &[Leg]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut add = |reason: String| {
        if !all.contains(&reason) {
            all.push(reason);
        }
    };
    for leg in legs.iter().filter(|leg| leg.verdict() == Verdict::Indeterminate) {
        let Some(check) = leg.decisive() else { continue };
        if check.demand == Demand::OneDestination {
            add("the private address of the machine".to_owned());
        }
        for (station, stop) in
            leg.stops().filter(|(_, stop)| stop.verdict == Verdict::Indeterminate)
        {
            if let Some(reason) = station.unknown() {
                add(reason.to_string());
            }
            for (rule, reason) in stop.unresolved(station) {
                let field = field_of(rule, reason).map_or("", |field| field);
                add(format!("{reason}, {field}in {} of {}", wording::rule(rule), list(station)));
            }
            for rule in stop.undecided(station).filter(|rule| rule.unresolved().next().is_none()) {
                add(open_question(station, rule, check));
            }
        }
    }
    all
}

/// Which field of a rule it is that something unknown stands in.
fn field_of(rule: &Rule, reason: &Unresolved) -> Option<&'static str> {
    [
        (&rule.protocols.unknown, "the protocol "),
        (&rule.source.unknown, "the source "),
        (&rule.source_ports.unknown, "the source ports "),
        (&rule.destination.unknown, "the destination "),
        (&rule.destination_ports.unknown, "the destination ports "),
    ]
    .into_iter()
    .find_map(|(unknown, field)| unknown.contains(reason).then_some(field))
}

/// What is open about a rule all of whose own names are known.
fn open_question(station: &Station, rule: &Rule, check: &Check) -> String {
    let fields = station.compare(rule, &check.query);
    let rule = format!("{} of {}", wording::rule(rule), list(station));
    if fields.source_port == Match::Unknown {
        return format!("whether clients send from the source ports that {rule} lists");
    }
    let end = if fields.source == Match::Unknown {
        check.query.source()
    } else {
        check.query.destination()
    };
    let help = match end {
        Endpoint::Tag(tag) if station.names().tag(tag).is_none() => {
            ": give a service-tag file that has it"
        }
        _ => ", of which it holds a part",
    };
    format!("whether {rule} is for all that Bastion needs of {end}{help}")
}

fn list(station: &Station) -> String {
    station.group().or(station.manager()).map_or("the network manager", |id| id.name()).to_owned()
}

fn assumptions(scene: &Scene<'_>, legs: &[Leg]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    all.extend(scene.target.assumptions.iter().cloned());
    all.extend(scene.bastion.assumptions.iter().cloned());
    for leg in legs {
        all.extend(leg.assumptions.iter().cloned());
        all.extend(client_assumption(leg));
    }
    let mut once: Vec<String> = Vec::new();
    for assumption in all {
        if !once.contains(&assumption) {
            once.push(assumption);
        }
    }
    once
}

/// Who of the clients nobody named gets through (S7.27).
fn client_assumption(leg: &Leg) -> Option<String> {
    let check = leg.decisive().filter(|check| check.demand == Demand::SomeSource)?;
    let (allowed, others) = (&check.passage.allowed_sources, &check.passage.other_sources);
    if leg.verdict() != Verdict::Allow || others.is_empty() {
        return None;
    }
    let count = |set: &AddressSet| set.prefixes().count();
    Some(if count(allowed) <= count(others) {
        format!("the user's address is in {}: others do not reach Bastion", wording::set(allowed))
    } else {
        format!("the user's address is not in {}", wording::set(others))
    })
}
