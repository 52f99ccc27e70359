//! What every gate of a chain says to a question, and why.

use std::fmt;
use std::sync::Arc;

use super::chain::Chain;
use super::gate::{ANYTHING, Composition, Gate, GateKind, GateRules};
use super::platform::{Exemption, Override, Platform, PlatformService};
use crate::eval::{self, Endpoint, Match, Outcomes, Query, Trace, Verdict};
use crate::model::{Flow, ResourceId, ServiceTag};
use crate::report::printable;
use crate::resolve::{Names, Rule, Ruleset, Side, Unresolved};

/// What is asked of a chain.
#[derive(Clone, Copy)]
pub(super) enum Question<'a> {
    Flow(&'a Flow),
    Query(&'a Query),
}

impl Question<'_> {
    fn trace(self, rules: &Ruleset, names: &Names) -> Trace {
        match self {
            Self::Flow(flow) => eval::trace(rules, flow),
            Self::Query(query) => eval::trace_query(rules, query, names),
        }
    }

    fn exemption(self, chain: &Chain) -> Exemption {
        match (self, &chain.platform) {
            (_, None) => Exemption::None,
            (Self::Flow(flow), Some(platform)) => platform.exemption(flow),
            (Self::Query(query), Some(platform)) => {
                platform.exemption_of_query(query, &chain.names)
            }
        }
    }

    /// The fields of a flow that it leaves open and a rule may depend on.
    fn open_fields(self, compared: &eval::FieldMatches) -> Vec<Unresolved> {
        let Self::Flow(flow) = self else { return Vec::new() };
        let mut open = Vec::new();
        if compared.source_port == Match::Unknown
            && flow.protocol().has_ports()
            && flow.source_port().is_none()
        {
            open.push(Unresolved::FlowField("source port"));
        }
        if compared.destination_port == Match::Unknown {
            if flow.protocol().has_ports() && flow.destination_port().is_none() {
                open.push(Unresolved::FlowField("destination port"));
            }
            if flow.protocol().is_icmp() && flow.icmp_type().is_none() {
                open.push(Unresolved::FlowField("ICMP type"));
            }
        }
        open
    }
}

/// What every gate of one end does with a flow, or with all flows of a query.
///
/// Displayed with one gate to a line.
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use]
pub struct ChainTrace {
    gates: Vec<GateTrace>,
    verdict: Verdict,
    assumptions: Vec<String>,
}

/// What one gate does, and how its rules compare.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct GateTrace {
    /// Its level and direction.
    pub kind: GateKind,
    /// The virtual network, subnet or network interface where it stands.
    pub applied_to: ResourceId,
    /// The security group it asks. At the platform's gate: the group whose rule decides.
    pub group: Option<ResourceId>,
    /// The network manager it asks, where there is one and it is known.
    pub manager: Option<ResourceId>,
    /// What this gate does by itself.
    pub verdict: Verdict,
    /// Whether the flow may get to it at all: no gate before it certainly denies (S3.12).
    pub is_asked: bool,
    /// The rules it asks; `None` when they are not known, and where the platform asks none.
    pub rules: Option<Arc<Ruleset>>,
    /// How the rules compare, up to the one that decides.
    pub trace: Option<Trace>,
    /// At the platform's gate: the service whose traffic it is, or may be.
    pub platform: Option<PlatformService>,
    /// What is not known and may change what happens here.
    pub unresolved: Vec<Unresolved>,
    outcomes: Outcomes,
}

impl ChainTrace {
    pub(super) fn new(chain: &Chain, question: Question<'_>) -> Self {
        if let Question::Flow(flow) = question
            && chain.stays_inside(flow)
        {
            let why = "a packet to the machine's own address never leaves it".to_owned();
            return Self { gates: Vec::new(), verdict: Verdict::Allow, assumptions: vec![why] };
        }
        let mut gates = Vec::new();
        let exemption = question.exemption(chain);
        if let (Some(platform), Some(end)) = (&chain.platform, &chain.end)
            && exemption != Exemption::None
        {
            gates.push(GateTrace::of_platform(platform, exemption, end, question, &chain.names));
        }
        for gate in chain.gates() {
            let is_delivered = gates.last().is_some_and(GateTrace::delivers);
            if is_delivered {
                break;
            }
            gates.push(GateTrace::of_gate(gate, question, &chain.names));
        }
        let mut all = Composition::new();
        for gate in &mut gates {
            gate.is_asked = all.is_open();
            all.add(gate.outcomes);
        }
        let verdict = all.verdict();
        let mut trace = Self { gates, verdict, assumptions: chain.assumptions.clone() };
        trace.assume(question, &chain.names);
        trace
    }

    /// A chain without gates: everything passes (S3.11).
    pub(super) fn open() -> Self {
        Self { gates: Vec::new(), verdict: Verdict::Allow, assumptions: Vec::new() }
    }

    /// A chain about whose end nothing can be said.
    pub(super) fn unknown(kind: GateKind, applied_to: ResourceId, reason: Unresolved) -> Self {
        let gate = Gate::new(kind, applied_to, GateRules::Unknown(reason.clone()));
        let gate = GateTrace { unresolved: vec![reason], ..GateTrace::empty(&gate, ANYTHING) };
        Self { gates: vec![gate], verdict: Verdict::Indeterminate, assumptions: Vec::new() }
    }

    /// The answer.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// The gates in the order they are asked, with those after one that denies; after one that
    /// delivers (an admin rule's `AlwaysAllow`, the platform) there are no others.
    pub fn gates(&self) -> &[GateTrace] {
        &self.gates
    }

    /// The gate that decides: the first that denies; of an allowed flow the last one (S3.12).
    /// `None` when the answer is indeterminate, and when there is no gate.
    pub fn deciding(&self) -> Option<&GateTrace> {
        match self.verdict {
            Verdict::Allow => self.gates.last(),
            Verdict::Deny => self.denying().next(),
            Verdict::Indeterminate => None,
        }
    }

    /// Every gate that certainly denies, also after the first: opening one is then not enough
    /// (S3.13).
    pub fn denying(&self) -> impl Iterator<Item = &GateTrace> {
        self.gates.iter().filter(|gate| gate.verdict == Verdict::Deny)
    }

    /// What is not known and keeps the answer from being definite, each thing once; empty when
    /// it is definite.
    pub fn unresolved(&self) -> Vec<&Unresolved> {
        let mut all: Vec<&Unresolved> = Vec::new();
        if self.verdict == Verdict::Indeterminate {
            for reason in self.gates.iter().flat_map(|gate| &gate.unresolved) {
                if !all.contains(&reason) {
                    all.push(reason);
                }
            }
        }
        all
    }

    /// What the answer takes for granted, one sentence each.
    pub fn assumptions(&self) -> &[String] {
        &self.assumptions
    }

    /// Adds what the tags take for granted where they decide: of what is denied, at gates that deny.
    fn assume(&mut self, question: Question<'_>, names: &Names) {
        let mut found = Vec::new();
        let is_denied = self.verdict == Verdict::Deny;
        for gate in self.gates.iter().filter(|gate| !is_denied || gate.verdict == Verdict::Deny) {
            found.extend(gate.assumptions(question, names));
        }
        for assumption in found {
            if !self.assumptions.contains(&assumption) {
                self.assumptions.push(assumption);
            }
        }
    }
}

impl GateTrace {
    fn empty(gate: &Gate, outcomes: Outcomes) -> Self {
        Self {
            kind: gate.kind,
            applied_to: gate.applied_to.clone(),
            group: gate.group().cloned(),
            manager: None,
            verdict: outcomes.verdict(),
            is_asked: true,
            rules: None,
            trace: None,
            platform: None,
            unresolved: Vec::new(),
            outcomes,
        }
    }

    fn of_gate(gate: &Gate, question: Question<'_>, names: &Names) -> Self {
        let manager = match &gate.rules {
            GateRules::Unknown(reason) => {
                let unresolved = vec![reason.clone()];
                return Self { unresolved, ..Self::empty(gate, ANYTHING) };
            }
            GateRules::Group { .. } => None,
            GateRules::Admin { manager, .. } => manager.clone(),
        };
        let rules = gate.ruleset().cloned();
        let trace = rules.as_ref().map(|rules| question.trace(rules, names));
        let outcomes = trace.as_ref().map_or(ANYTHING, |trace| trace.decision.outcomes());
        let unresolved = match (&rules, &trace) {
            (Some(rules), Some(trace)) => unresolved(question, rules, trace),
            _ => Vec::new(),
        };
        Self { manager, rules, trace, unresolved, ..Self::empty(gate, outcomes) }
    }

    fn of_platform(
        platform: &Platform,
        exemption: Exemption,
        end: &ResourceId,
        question: Question<'_>,
        names: &Names,
    ) -> Self {
        let ask = |rules: &Ruleset| question.trace(rules, names);
        let outcomes = platform.outcomes(exemption, |rules| ask(rules).decision.outcomes());
        let overrides: Vec<&Override> =
            exemption.services().flat_map(|service| platform.overrides(service)).collect();
        let mut reasons: Vec<Unresolved> = platform.doubt(exemption).into_iter().collect();
        for one in &overrides {
            match &one.rules {
                Ok(rules) => reasons.extend(unresolved(question, rules, &ask(rules))),
                Err(reason) => reasons.push(reason.clone()),
            }
        }
        let verdict = outcomes.verdict();
        // The group to blame or to thank: the first that denies, else the first with a rule.
        let says = |wanted: &dyn Fn(&Ruleset, &Trace) -> bool| {
            overrides.iter().find_map(|one| {
                let rules = one.rules.as_ref().ok()?;
                let trace = ask(rules);
                wanted(rules, &trace).then(|| (one.group.clone(), Arc::clone(rules), trace))
            })
        };
        let decider = says(&|_, trace| trace.decision.verdict() == Verdict::Deny)
            .or_else(|| says(&|_, trace| trace.decision.rule_index().is_some()));
        let (group, rules, trace) = match decider {
            Some((group, rules, trace)) => (group, Some(rules), Some(trace)),
            None => (None, None, None),
        };
        Self {
            kind: GateKind::Platform,
            applied_to: end.clone(),
            group,
            manager: None,
            verdict,
            is_asked: true,
            rules,
            trace,
            platform: exemption.services().next(),
            unresolved: reasons,
            outcomes,
        }
    }

    /// The rule that decides at this gate; `None` when no rule matches or the answer is
    /// indeterminate.
    pub fn rule(&self) -> Option<&Rule> {
        let (rules, trace) = (self.rules.as_ref()?, self.trace.as_ref()?);
        trace.decision.rule(rules).filter(|_| self.verdict != Verdict::Indeterminate)
    }

    /// Everything that may happen at this gate.
    pub fn outcomes(&self) -> Outcomes {
        self.outcomes
    }

    /// Whether the flow is certainly delivered here, and no further gate is asked.
    fn delivers(&self) -> bool {
        self.outcomes == Outcomes { always_allow: true, ..Outcomes::default() }
    }

    fn assumptions(&self, question: Question<'_>, names: &Names) -> Vec<String> {
        let mut found = Vec::new();
        if let Some(rule) = self.rule() {
            for (side, end) in sides(rule, question) {
                found.extend(in_both_tags(side, end, names));
            }
        }
        let (Some(rules), Some(trace)) = (&self.rules, &self.trace) else { return found };
        let gateways = names.tag_contents(&ServiceTag::virtual_network()).unknown;
        let gateway = gateways.iter().find_map(|reason| match reason {
            Unresolved::Gateway(id) => Some(id),
            _ => None,
        });
        let Some(gateway) = gateway else { return found };
        let missed_tag = trace.steps.iter().any(|step| {
            let names_tag = |side: &Side| side.tags.contains(&ServiceTag::virtual_network());
            rules.rules().get(step.rule).is_some_and(|rule| {
                (step.fields.source == Match::No && names_tag(&rule.source))
                    || (step.fields.destination == Match::No && names_tag(&rule.destination))
            })
        });
        if missed_tag {
            found.push(format!(
                "the gateway of `{}` is taken to learn no public prefixes and no default route: they would be in the `VirtualNetwork` tag",
                gateway.name()
            ));
        }
        found
    }
}

/// The sides of a rule with the address each is compared with, where the question has one.
fn sides<'a>(
    rule: &'a Rule,
    question: Question<'_>,
) -> impl Iterator<Item = (&'a Side, std::net::IpAddr)> {
    let single = |endpoint: &Endpoint| match endpoint {
        Endpoint::Addresses(addresses) => addresses.first(),
        Endpoint::Any | Endpoint::Tag(_) => None,
    };
    let (source, destination) = match question {
        Question::Flow(flow) => (Some(flow.source()), Some(flow.destination())),
        Question::Query(query) => (single(query.source()), single(query.destination())),
    };
    let source = source.map(|address| (&rule.source, address));
    source.into_iter().chain(destination.map(|address| (&rule.destination, address)))
}

/// S4.15: an address in both tags, decided by one of them.
fn in_both_tags(side: &Side, address: std::net::IpAddr, names: &Names) -> Option<String> {
    let (virtual_network, internet) = (ServiceTag::virtual_network(), ServiceTag::internet());
    let named = side.tags.iter().find(|tag| **tag == virtual_network || **tag == internet)?;
    let holds = |tag: &ServiceTag| names.tag_contents(tag).known.contains(address);
    (holds(&virtual_network) && holds(&internet)).then(|| {
        format!(
            "{address} is in both tags, `VirtualNetwork` and `Internet`: nothing is subtracted from either, and the first rule that names one decides (here `{named}`)"
        )
    })
}

/// Why rules of a list may or may not match: what is unknown in the fields that are in doubt.
fn unresolved(question: Question<'_>, rules: &Ruleset, trace: &Trace) -> Vec<Unresolved> {
    let mut all: Vec<Unresolved> = Vec::new();
    if trace.decision.verdict() != Verdict::Indeterminate && !trace.decision.outcomes().always_allow
    {
        return all;
    }
    for step in trace.steps.iter().filter(|step| step.overall == Match::Unknown) {
        let Some(rule) = rules.rules().get(step.rule) else { continue };
        let fields = &step.fields;
        let of = |compared: Match, unknown: &[Unresolved]| match compared {
            Match::Unknown => unknown.to_vec(),
            Match::No | Match::Yes => Vec::new(),
        };
        let reasons = rule
            .doubts
            .iter()
            .cloned()
            .chain(of(fields.protocol, &rule.protocols.unknown))
            .chain(of(fields.source, &rule.source.unknown))
            .chain(of(fields.source_port, &rule.source_ports.unknown))
            .chain(of(fields.destination, &rule.destination.unknown))
            .chain(of(fields.destination_port, &rule.destination_ports.unknown))
            .chain(question.open_fields(fields));
        for reason in reasons {
            if !all.contains(&reason) {
                all.push(reason);
            }
        }
    }
    all
}

impl fmt::Display for ChainTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.gates.is_empty() {
            return write!(f, "  {:<15} {}", "no gate", self.verdict);
        }
        for (position, gate) in self.gates.iter().enumerate() {
            if position > 0 {
                f.write_str("\n")?;
            }
            write!(f, "  {gate}")?;
        }
        Ok(())
    }
}

impl fmt::Display for GateTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, applied_to, verdict, .. } = self;
        write!(f, "{kind:<15} {verdict:<13} {}", printable(applied_to.name()))?;
        if let Some(service) = self.platform {
            let perhaps = if self.outcomes.pass { "perhaps " } else { "" };
            write!(f, ": {perhaps}traffic to the platform's {service}")?;
        }
        if let Some(group) = self.group.as_ref().or(self.manager.as_ref()) {
            write!(f, ": {}", printable(group.name()))?;
        }
        match (self.rule(), self.unresolved.as_slice()) {
            (Some(rule), _) => {
                if let Some(priority) = rule.priority {
                    write!(f, " {priority}")?;
                }
                write!(f, " {}", printable(rule.name.as_str()))?;
            }
            (None, []) => {}
            (None, [first, ..]) => write!(f, ", not known: {}", printable(&first.to_string()))?,
        }
        if !self.is_asked {
            f.write_str(" (not asked: a gate before it denies)")?;
        }
        Ok(())
    }
}
