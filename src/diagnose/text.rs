//! The diagnosis as text for a terminal: the answer, a picture, the gates, why, and what to type.

use std::fmt::Write as _;

use super::code::BastionCode;
use super::legs::LegName;
use super::printable::Printable as _;
use super::repair::{Action, Repair};
use super::report::{BastionReport, BastionTable, BastionVerdict, Cause, GateReport, LegReport};
use super::style::{Role, Style};
use crate::eval::Verdict;
use crate::path::GateKind;

/// How many near misses are printed.
const NEAR_MISSES: usize = 3;
/// How wide the words at the left of the explanations are.
const MARGIN: usize = 12;

impl BastionReport {
    /// The report as lines for a terminal.
    pub fn render_text(&self, style: Style) -> String {
        let mut page = Page { style, text: String::new() };
        let report = &self.printable();
        page.headline(report.verdict, &report.summary);
        page.line(&format!("  {}", picture(report, style)));
        page.blank();
        let (in_detail, in_short): (Vec<&LegReport>, Vec<&LegReport>) = report
            .legs
            .iter()
            .partition(|leg| leg.name == LegName::BastionToVm || leg.access != Verdict::Allow);
        for leg in in_detail {
            page.leg(leg);
        }
        page.short_legs(report.verdict, &in_short);
        page.causes(report);
        page.near_misses(report);
        page.repairs(report);
        page.notes("unknown", &report.unknown);
        page.warnings(report);
        page.notes("assuming", &report.assumptions);
        let heading = match report.verdict {
            BastionVerdict::Blocked => "besides",
            _ => "if it fails",
        };
        page.notes(heading, &report.other_possible_causes());
        page.text.truncate(page.text.trim_end().len());
        page.text.push('\n');
        page.text
    }
}

impl BastionReport {
    /// The other causes that are not among the blockers already.
    pub(super) fn other_possible_causes(&self) -> Vec<String> {
        let is_told = |text: &String| self.blockers.iter().any(|cause| cause.message == *text);
        self.other_causes.iter().filter(|text| !is_told(text)).cloned().collect()
    }
}

impl BastionTable {
    /// One line for each machine.
    pub fn render_text(&self, style: Style) -> String {
        let width =
            self.vms.iter().map(|line| line.printable().name().chars().count()).max().unwrap_or(0);
        let mut text = String::new();
        if self.vms.is_empty() {
            text.push_str("the input holds no virtual machine\n");
        }
        for line in &self.vms {
            let line = line.printable();
            let verdict = style.paint(role_of(line.verdict), &format!("{:<13}", line.verdict));
            let _ = writeln!(text, "{verdict}  {:<width$}  {}", line.name(), line.summary);
        }
        text
    }
}

/// `client ──443──▶ bastion ──22──╳ vm-web-01`.
fn picture(report: &BastionReport, style: Style) -> String {
    let subject = &report.subject;
    let leg = |name| report.legs.iter().find(|leg| leg.name == name);
    let mut picture = String::new();
    if let Some(client) = leg(LegName::ClientToBastion) {
        let _ = write!(picture, "client {} ", arrow(443, client.access, style));
    }
    let stands = |cause: &Cause| cause.is_an_obstacle() && cause.leg == LegName::BastionToVm;
    let session = match leg(LegName::BastionToVm) {
        _ if report.blockers.iter().any(stands) => Verdict::Deny,
        Some(leg) => leg.access,
        None => Verdict::Indeterminate,
    };
    let arrow = arrow(subject.port, session, style);
    let _ = write!(picture, "{} {arrow} {}", subject.bastion, subject.vm);
    picture
}

fn arrow(port: u16, access: Verdict, style: Style) -> String {
    let (head, role) = match access {
        Verdict::Allow => ("▶", Role::Good),
        Verdict::Deny => ("╳", Role::Bad),
        Verdict::Indeterminate => ("?", Role::Doubtful),
    };
    format!("──{port}──{}", style.paint(role, head))
}

fn role_of(verdict: BastionVerdict) -> Role {
    match verdict {
        BastionVerdict::Allowed => Role::Good,
        BastionVerdict::Blocked => Role::Bad,
        BastionVerdict::Degraded | BastionVerdict::Indeterminate => Role::Doubtful,
    }
}

/// A page that grows.
struct Page {
    style: Style,
    text: String,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn blank(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    fn headline(&mut self, verdict: BastionVerdict, summary: &str) {
        let verdict = self.style.paint(role_of(verdict), &verdict.to_string());
        self.line(&format!("{verdict}   {summary}"));
        self.blank();
    }

    fn leg(&mut self, leg: &LegReport) {
        let title = self.style.paint(Role::Heading, title(leg.name));
        self.line(&format!("  {title}   {}", leg.flow));
        let mut rows: Vec<Row> = leg.gates.iter().map(Row::new).collect();
        for place in &leg.without_group {
            let nic = rows.iter().position(|row| row.place.starts_with("nic "));
            let at = match nic {
                _ if place.ends_with(" out") => 0,
                Some(nic) if place.starts_with("subnet ") => nic,
                _ => rows.len(),
            };
            rows.insert(at, Row::open(place));
        }
        self.rows(&rows);
        self.blank();
    }

    fn rows(&mut self, rows: &[Row]) {
        let width = |of: fn(&Row) -> &str| {
            rows.iter().map(|row| of(row).chars().count()).max().unwrap_or(0)
        };
        let (place, list) = (width(|row| &row.place), width(|row| &row.list));
        let (priority, rule) = (width(|row| &row.priority), width(|row| &row.rule));
        for row in rows {
            let mark = self.style.paint(row.role, row.mark);
            let aside = self.style.paint(Role::Aside, &row.aside);
            let line = format!(
                "    {mark} {:<place$}   {:<list$}   {:>priority$}  {:<rule$}   {aside}",
                row.place, row.list, row.priority, row.rule
            );
            self.line(&line);
        }
    }

    /// The legs that pass: with the rule that lets each pass where all is well (S7.25), else
    /// by name only.
    fn short_legs(&mut self, verdict: BastionVerdict, legs: &[&LegReport]) {
        if legs.is_empty() {
            return;
        }
        let heading = self.style.paint(Role::Heading, "what else Bastion needs");
        let mark = self.style.paint(Role::Good, "✓");
        if legs.iter().all(|leg| leg.gates.is_empty()) {
            self.line(&format!("  {heading}"));
            self.line(&format!(
                "    {mark} Bastion's own subnet has no security group: nothing is filtered there"
            ));
        } else if verdict == BastionVerdict::Allowed {
            let rows = legs.iter().filter_map(|leg| {
                let row = Row::new(leg.gates.last()?);
                Some(Row { place: title(leg.name).to_owned(), ..row })
            });
            let rows: Vec<Row> = rows.collect();
            self.line(&format!("  {heading}"));
            self.rows(&rows);
        } else {
            let names: Vec<&str> = legs.iter().map(|leg| short_title(leg.name)).collect();
            self.line(&format!("  {heading}"));
            self.line(&format!("    {mark} {}", names.join(", ")));
        }
        self.blank();
    }

    /// A word at the left, text beside it.
    fn entry(&mut self, word: &str, lines: &[String]) {
        for (index, line) in lines.iter().enumerate() {
            let word = if index == 0 { word } else { "" };
            let padded = self.style.paint(Role::Heading, &format!("{word:<MARGIN$}"));
            self.line(&format!("  {padded}{line}"));
        }
    }

    fn notes(&mut self, word: &str, notes: &[String]) {
        self.entry(word, notes);
        self.blank();
    }

    /// One line for every gate that denies, with the codes of all that is known about it, and
    /// further lines for what near misses do not tell.
    fn causes(&mut self, report: &BastionReport) {
        let mut lines = Vec::new();
        let several = several_lists(&report.blockers);
        for (primary, others) in grouped(&report.blockers) {
            let codes: Vec<&str> = std::iter::once(primary.code.short())
                .chain(others.iter().map(|cause| cause.code.short()))
                .collect();
            let codes = self.style.paint(Role::Aside, &unique(codes).join(" "));
            let at = match &primary.nsg {
                Some(nsg) if several => format!("{nsg}: "),
                _ => String::new(),
            };
            lines.push(format!("{at}{}   {codes}", primary.message));
            let told = |cause: &&Cause| is_told_apart(cause.code);
            lines.extend(others.into_iter().filter(told).map(|cause| cause.message.clone()));
        }
        self.entry("why", &lines);
        self.blank();
    }

    fn near_misses(&mut self, report: &BastionReport) {
        let several = several_lists(&report.blockers);
        let (aimed, others): (Vec<_>, Vec<_>) =
            report.near_misses.iter().partition(|miss| miss.is_aimed);
        let misses = if aimed.is_empty() { others } else { aimed };
        let shown = misses.iter().take(NEAR_MISSES);
        let mut lines: Vec<String> = shown
            .map(|miss| {
                if several {
                    format!("{}: {}", miss.nsg, miss.message)
                } else {
                    miss.message.clone()
                }
            })
            .collect();
        let more = misses.len().saturating_sub(NEAR_MISSES);
        if more > 0 {
            lines.push(format!("and {more} more"));
        }
        self.entry("near miss", &lines);
        self.blank();
    }

    fn repairs(&mut self, report: &BastionReport) {
        for repair in &report.repairs {
            let lines = repair_lines(repair, self.style);
            self.entry("fix", &lines);
        }
        let is_pair = report.repairs.iter().any(|repair| !repair.also_needs.is_empty());
        if is_pair {
            self.entry(
                "",
                &["each of these is needed: one alone does not open the path".to_owned()],
            );
        }
        self.blank();
    }

    fn warnings(&mut self, report: &BastionReport) {
        for (warning, others) in by_leg(&report.warnings) {
            let codes: Vec<&str> = std::iter::once(warning.code.short())
                .chain(others.iter().map(|cause| cause.code.short()))
                .collect();
            let codes = self.style.paint(Role::Aside, &codes.join(" "));
            self.entry("warning", &[format!("{}   {codes}", warning.message)]);
        }
        for offer in report.warnings.iter().filter_map(|warning| warning.offer.as_deref()) {
            let lines = repair_lines(offer, self.style);
            self.entry("to tidy up", &lines);
        }
        self.blank();
    }
}

/// What a repair is, line by line.
fn repair_lines(repair: &Repair, style: Style) -> Vec<String> {
    let mut lines = Vec::new();
    if repair.action == Action::ByHand {
        lines.push(format!(
            "{}: no rule can be added: {}",
            repair.nsg,
            repair.note.as_deref().unwrap_or_default()
        ));
        return lines;
    }
    if repair.action == Action::ChangeNetwork {
        let proof = if repair.proved { "   (proved on a copy of the network)" } else { "" };
        lines.push(format!("{}{proof}", repair.note.as_deref().unwrap_or_default()));
        lines.extend(repair.az.lines().map(str::to_owned));
        return lines;
    }
    lines.extend(repair.az.lines().map(str::to_owned));
    let is_exact = repair.changes.as_ref().is_some_and(|changes| changes.exact);
    let proof = match (repair.proved, is_exact) {
        (true, true) => "   (proved: no other flow changes)",
        (true, false) => "   (proved on a copy of the network)",
        (false, _) => "",
    };
    if repair.closes.is_empty() {
        for (index, region) in repair.opens.split("; ").enumerate() {
            let (verb, proof) = if index == 0 { ("opens", proof) } else { ("  and", "") };
            lines.push(style.paint(Role::Aside, &format!("{verb} {region}{proof}")));
        }
    } else {
        lines.push(style.paint(Role::Aside, &format!("keeps {}{proof}", repair.opens)));
        lines.push(style.paint(Role::Aside, &format!("closes {}", repair.closes)));
    }
    if let Some(but) = repair.changes.as_ref().and_then(|changes| changes.but.as_ref()) {
        lines.push(style.paint(Role::Aside, &format!("but {but}")));
    }
    if let Some(note) = &repair.note {
        lines.push(style.paint(Role::Aside, note));
    }
    for other in &repair.others {
        lines.push(style.paint(Role::Aside, &format!("or {}:", other.text)));
        lines.extend(other.az.lines().map(str::to_owned));
        let proof = match &other.changes.but {
            None => "proved: no other flow changes".to_owned(),
            Some(but) => format!("but {but}"),
        };
        lines.push(style.paint(Role::Aside, &proof));
    }
    if !repair.proved {
        lines.push(style.paint(
            Role::Doubtful,
            "not proved: tried on a copy of the network, it does not open its gate",
        ));
    }
    lines
}

/// One gate in columns.
struct Row {
    mark: &'static str,
    role: Role,
    place: String,
    list: String,
    priority: String,
    rule: String,
    aside: String,
}

impl Row {
    fn new(gate: &GateReport) -> Self {
        let (mark, role) = match gate.access {
            Verdict::Allow => ("✓", Role::Good),
            Verdict::Deny => ("✗", Role::Bad),
            Verdict::Indeterminate => ("?", Role::Doubtful),
        };
        let (kind, rule) = match gate.rule_name.as_deref().and_then(|name| name.split_once('/')) {
            Some((kind, rule)) => (kind, rule),
            None if gate.access == Verdict::Indeterminate => ("", "not known which rule decides"),
            None => ("", "no rule matches"),
        };
        let place = match (&gate.input, &gate.pointer) {
            (Some(input), Some(pointer)) => format!("{input} {pointer}"),
            (None, Some(pointer)) => pointer.clone(),
            _ => String::new(),
        };
        let aside = match kind {
            "defaultSecurityRules" => "default rule".to_owned(),
            "securityAdminRules" => format!("admin rule  {place}"),
            _ => place,
        };
        let list = gate.nsg.as_ref().or(gate.manager.as_ref());
        Self {
            mark,
            role,
            place: place_of(gate),
            list: list.cloned().unwrap_or_default(),
            priority: gate.priority.map(|priority| priority.to_string()).unwrap_or_default(),
            rule: rule.to_owned(),
            aside,
        }
    }

    fn open(place: &str) -> Self {
        Self {
            mark: "✓",
            role: Role::Good,
            place: place.to_owned(),
            list: String::new(),
            priority: String::new(),
            rule: "no security group".to_owned(),
            aside: String::new(),
        }
    }
}

/// `subnet app in`.
fn place_of(gate: &GateReport) -> String {
    let name = gate.applied_to.name();
    match gate.gate {
        GateKind::AdminInbound => format!("admin rules of {name} in"),
        GateKind::AdminOutbound => format!("admin rules of {name} out"),
        GateKind::SubnetInbound if name.ends_with("Subnet") => format!("{name} in"),
        GateKind::SubnetOutbound if name.ends_with("Subnet") => format!("{name} out"),
        GateKind::SubnetInbound => format!("subnet {name} in"),
        GateKind::SubnetOutbound => format!("subnet {name} out"),
        GateKind::NicInbound => format!("nic {name} in"),
        GateKind::NicOutbound => format!("nic {name} out"),
        GateKind::Platform => "platform".to_owned(),
    }
}

/// The leg as a person says it.
pub(super) fn title(leg: LegName) -> &'static str {
    match leg {
        LegName::ClientToBastion => "client → bastion",
        LegName::GatewayManagerToBastion => "gateway manager → bastion",
        LegName::LoadBalancerToBastion => "load balancer → bastion",
        LegName::BastionHostsIn => "between bastion hosts, in",
        LegName::BastionHostsOut => "between bastion hosts, out",
        LegName::BastionToVm => "bastion → vm",
        LegName::BastionToAzureCloud => "bastion → Azure",
        LegName::BastionToInternet => "bastion → Internet",
    }
}

/// The other end of a leg, where the heading tells the rest.
fn short_title(leg: LegName) -> &'static str {
    match leg {
        LegName::ClientToBastion => "client",
        LegName::GatewayManagerToBastion => "gateway manager",
        LegName::LoadBalancerToBastion => "load balancer",
        LegName::BastionHostsIn => "its hosts in",
        LegName::BastionHostsOut => "its hosts out",
        LegName::BastionToVm => "vm",
        LegName::BastionToAzureCloud => "Azure",
        LegName::BastionToInternet => "Internet",
    }
}

/// The causes by gate: the first of each is what denies, the others explain it.
fn grouped(causes: &[Cause]) -> Vec<(&Cause, Vec<&Cause>)> {
    let mut groups: Vec<(&Cause, Vec<&Cause>)> = Vec::new();
    for cause in causes {
        let is_same = |first: &Cause| {
            first.leg == cause.leg
                && !first.is_an_obstacle()
                && (first.gate == cause.gate || explains_leg(cause.code))
        };
        match groups.iter_mut().rev().find(|(first, _)| is_same(first)) {
            // Several rules of one gate may each deny a part.
            Some((_, others)) if !cause.code.is_a_gate() => others.push(cause),
            _ => groups.push((cause, Vec::new())),
        }
    }
    groups
}

/// Warnings about one requirement of Bastion's subnet belong together.
fn by_leg(warnings: &[Cause]) -> Vec<(&Cause, Vec<&Cause>)> {
    let mut groups: Vec<(&Cause, Vec<&Cause>)> = Vec::new();
    for warning in warnings {
        let is_same =
            |first: &&Cause| first.leg == warning.leg && warning.code == BastionCode::NotCompliant;
        match groups.iter_mut().find(|(first, _)| is_same(first)) {
            Some((_, others)) => others.push(warning),
            None => groups.push((warning, Vec::new())),
        }
    }
    groups
}

/// Whether the code speaks of the leg as a whole rather than of the gate it names.
fn explains_leg(code: BastionCode) -> bool {
    matches!(
        code,
        BastionCode::OneLevelAllows | BastionCode::BothDeny | BastionCode::WrongDirection
    )
}

/// Whether its message is worth a line beside the near misses and the denying rule.
fn is_told_apart(code: BastionCode) -> bool {
    matches!(
        code,
        BastionCode::WrongProtocol
            | BastionCode::RegionalAzureCloud
            | BastionCode::BothDeny
            | BastionCode::OneLevelAllows
            | BastionCode::AllowShadowed
            | BastionCode::WrongDirection
            | BastionCode::JitRule
            | BastionCode::EmptyAsg
            | BastionCode::HostAddressBlocked
    )
}

fn several_lists(blockers: &[Cause]) -> bool {
    let mut lists: Vec<&Option<String>> = blockers.iter().map(|cause| &cause.nsg).collect();
    lists.retain(|list| list.is_some());
    lists.sort();
    lists.dedup();
    lists.len() > 1
}

fn unique(words: Vec<&str>) -> Vec<&str> {
    let mut once = Vec::new();
    for word in words {
        if !once.contains(&word) {
            once.push(word);
        }
    }
    once
}
