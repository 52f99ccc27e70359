//! `flow`: what the rules do with one flow at one end, as IP flow verify asks it.

use std::path::PathBuf;

use clap::Args;
use nsg_engine::eval::Verdict;
use nsg_engine::model::{Direction, Flow};
use nsg_engine::net::Protocol;
use nsg_engine::path::{ChainTrace, GateTrace};
use nsg_engine::resolve::{Rule, RuleKind};
use serde::Serialize;

use crate::Failure;
use crate::input::Common;
use crate::output::{self, Format, Outcome, Paint};
use crate::stream;
use crate::target::{Chains, TargetArguments};

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    target: TargetArguments,
    /// Which way the flow goes at the target
    #[arg(long, required_unless_present = "flows", value_name = "Inbound|Outbound")]
    direction: Option<Direction>,
    /// tcp, udp, icmp, icmpv6, esp, ah or a number
    #[arg(long, required_unless_present = "flows", value_name = "P")]
    protocol: Option<Protocol>,
    /// The target's side, in both directions; a port that is left out or `*` may be any
    #[arg(long, required_unless_present = "flows", value_name = "IP[:PORT]")]
    local: Option<String>,
    /// The other side
    #[arg(long, required_unless_present = "flows", value_name = "IP[:PORT]")]
    remote: Option<String>,
    /// Answers a stream instead, `-` is standard input: a JSON object a line in, with the members
    /// direction, protocol, localIPAddress, localPort, remoteIPAddress and remotePort; one a line
    /// out, in the same order. An answer lists the deciding gate only; a line that cannot be read
    /// is answered with `error` at its place
    #[arg(long, value_name = "FILE.jsonl", conflicts_with_all = ["direction", "protocol", "local", "remote"])]
    flows: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) common: Common,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let common = &arguments.common;
    if let Some(flows) = &arguments.flows {
        common.refuse_second_stdin(flows)?;
        if common.format.is_some_and(|format| format != Format::Json) {
            return Err(Failure::new("--flows is answered in JSON lines: leave out --format"));
        }
    }
    let topology = common.topology()?;
    let target = arguments.target.find(topology.network()).map_err(Failure::new)?;
    let mut chains = Chains::new(&topology, &target).map_err(Failure::new)?;
    if let Some(flows) = &arguments.flows {
        return stream::run(flows, &mut chains);
    }
    let (direction, flow) = arguments.flow()?;
    let local = match direction {
        Direction::Inbound => flow.destination(),
        Direction::Outbound => flow.source(),
    };
    let trace = chains.at(local, direction).map_err(Failure::new)?.trace(&flow);
    let answer = Answer::new(&flow, &trace);
    match common.format.unwrap_or(Format::Text) {
        Format::Json => output::print_json(&answer)?,
        format => {
            let paint = Paint::new(format);
            let mut text = heading(&paint, &flow, direction, chains.name(local), &trace);
            text.push_str(&body(&paint, &trace));
            output::print(&text)?;
        }
    }
    Ok(trace.verdict().into())
}

impl Arguments {
    fn flow(&self) -> Result<(Direction, Flow), Failure> {
        // The parser has made sure of all four.
        let (Some(direction), Some(protocol), Some(local), Some(remote)) =
            (self.direction, self.protocol, &self.local, &self.remote)
        else {
            return Err(Failure::new("a flow needs --direction, --protocol, --local and --remote"));
        };
        let (source, destination) = match direction {
            Direction::Inbound => (remote, local),
            Direction::Outbound => (local, remote),
        };
        let text = format!("{protocol} {source} -> {destination}");
        Ok((direction, text.parse().map_err(Failure::new)?))
    }
}

/// The answer in JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    access: String,
    rule_name: Option<String>,
    flow: String,
    gates: Vec<Gate>,
    unknown: Vec<String>,
    assumptions: Vec<String>,
}

impl Answer {
    fn new(flow: &Flow, trace: &ChainTrace) -> Self {
        let rule = trace.deciding().and_then(GateTrace::rule);
        Self {
            access: trace.verdict().to_string(),
            rule_name: rule.map(|rule| rule.qualified_name()),
            flow: flow.to_string(),
            gates: trace.gates().iter().map(Gate::new).collect(),
            unknown: trace.unresolved().iter().map(ToString::to_string).collect(),
            assumptions: trace.assumptions().to_vec(),
        }
    }
}

/// One gate in JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Gate {
    gate: String,
    applied_to: String,
    nsg: Option<String>,
    access: String,
    rule_name: Option<String>,
    priority: Option<u32>,
    pointer: Option<String>,
}

impl Gate {
    fn new(gate: &GateTrace) -> Self {
        let rule = gate.rule();
        Self {
            gate: gate.kind.to_string(),
            applied_to: gate.applied_to.to_string(),
            nsg: gate.group.as_ref().map(|group| group.name().to_owned()),
            access: gate.verdict.to_string(),
            rule_name: rule.map(|rule| rule.qualified_name()),
            priority: rule.and_then(|rule| rule.priority).map(|priority| priority.number()),
            pointer: rule
                .and_then(|rule| rule.origin.location())
                .map(|location| location.pointer().to_owned()),
        }
    }
}

fn heading(
    paint: &Paint,
    flow: &Flow,
    direction: Direction,
    target: &str,
    trace: &ChainTrace,
) -> String {
    let way = direction.to_string().to_lowercase();
    let verdict = paint.verdict(trace.verdict(), word(trace.verdict()));
    let flow = paint.code(&flow.to_string());
    format!("{verdict}   {flow}   {way} at {}\n\n", output::plain(target))
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allow => "allowed",
        Verdict::Deny => "denied",
        Verdict::Indeterminate => "indeterminate",
    }
}

fn body(paint: &Paint, trace: &ChainTrace) -> String {
    let mut rows = Vec::new();
    for gate in trace.gates() {
        let owner = gate.group.as_ref().or(gate.manager.as_ref());
        let rule = gate.rule();
        rows.push((
            gate.verdict,
            [
                format!("{} {}", place(gate), gate.applied_to.name()),
                owner.map(|id| id.name().to_owned()).unwrap_or_default(),
                rule.and_then(|rule| rule.priority).map(|p| p.to_string()).unwrap_or_default(),
                rule.map(|rule| rule.name.to_string()).unwrap_or_else(|| reason(gate)),
                rule.map(read_from).unwrap_or_default(),
            ],
        ));
    }
    let mut text = String::new();
    if rows.is_empty() {
        text.push_str("  no security group: everything passes\n");
    }
    if !rows.is_empty() {
        text.push_str(&paint.table(["gate", "group", "priority", "rule", "read from"], &rows));
    }
    for unknown in trace.unresolved() {
        text.push_str(&format!("\n  not known   {}", output::plain(&unknown.to_string())));
    }
    for assumption in trace.assumptions() {
        text.push_str(&format!("\n  assumed     {}", output::plain(assumption)));
    }
    text
}

/// Where a gate stands, for people: `subnet`, `nic`, `admin rules on`.
fn place(gate: &GateTrace) -> &'static str {
    use nsg_engine::path::GateKind::*;
    match gate.kind {
        AdminInbound | AdminOutbound => "admin rules on",
        SubnetInbound | SubnetOutbound => "subnet",
        NicInbound | NicOutbound => "nic",
        Platform => "platform at",
    }
}

fn reason(gate: &GateTrace) -> String {
    if let Some(service) = gate.platform {
        return format!("the platform's {service}");
    }
    match gate.unresolved.first() {
        Some(unknown) => format!("not known: {unknown}"),
        None => "no rule matches".to_owned(),
    }
}

fn read_from(rule: &Rule) -> String {
    match (rule.origin.location(), rule.kind) {
        (Some(location), _) => location.to_string(),
        (None, RuleKind::Default) => "default rule".to_owned(),
        (None, RuleKind::Admin | RuleKind::Custom) => String::new(),
    }
}
