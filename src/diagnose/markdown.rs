//! The diagnosis as Markdown, for pull requests and tickets.

use std::fmt::Write as _;

use super::printable::Printable as _;
use super::repair::Repair;
use super::report::{BastionReport, BastionTable, Cause, GateReport, LegReport};
use super::text::title;
use crate::eval::Verdict;

impl BastionReport {
    /// The report as Markdown.
    pub fn render_markdown(&self) -> String {
        let report = &self.printable();
        let mut text = format!("### {}: {}\n\n", report.verdict, escaped(&report.summary));
        text.push_str("| leg | | gate | security group | priority | rule |\n");
        text.push_str("| --- | --- | --- | --- | ---: | --- |\n");
        for leg in &report.legs {
            text.push_str(&leg_rows(leg));
        }
        causes(&mut text, "Why", &report.blockers);
        let misses =
            report.near_misses.iter().map(|miss| format!("`{}`: {}", miss.nsg, miss.message));
        items(&mut text, "Near misses", misses);
        repairs(&mut text, "Fix", report.repairs.iter());
        items(&mut text, "Not known", report.unknown.iter().cloned());
        causes(&mut text, "Warnings", &report.warnings);
        let offers = report.warnings.iter().filter_map(|warning| warning.offer.as_deref());
        repairs(&mut text, "To tidy up", offers);
        items(&mut text, "Assuming", report.assumptions.iter().cloned());
        items(&mut text, "Other causes", report.other_possible_causes().into_iter());
        text
    }
}

impl BastionTable {
    /// One row for each machine.
    pub fn render_markdown(&self) -> String {
        let mut text = "| machine | verdict | |\n| --- | --- | --- |\n".to_owned();
        for line in &self.vms {
            let line = line.printable();
            let _ = writeln!(
                text,
                "| `{}` | {} | {} |",
                line.name(),
                line.verdict,
                escaped(&line.summary)
            );
        }
        text
    }
}

fn leg_rows(leg: &LegReport) -> String {
    let mut rows = String::new();
    if leg.gates.is_empty() {
        let mark = mark(leg.access);
        let _ = writeln!(rows, "| {} | {mark} | no security group | | | |", title(leg.name));
    }
    for (index, gate) in leg.gates.iter().enumerate() {
        let name = if index == 0 { title(leg.name) } else { "" };
        let _ = writeln!(rows, "| {name} | {} |", gate_cells(gate));
    }
    rows
}

fn gate_cells(gate: &GateReport) -> String {
    let list = gate.nsg.as_ref().or(gate.manager.as_ref());
    let list = list.map(|name| format!("`{name}`")).unwrap_or_default();
    let rule = gate.rule_name.as_ref().map(|name| format!("`{name}`")).unwrap_or_default();
    let priority = gate.priority.map(|priority| priority.to_string()).unwrap_or_default();
    format!(
        "{} | {} of `{}` | {list} | {priority} | {rule}",
        mark(gate.access),
        gate.gate,
        gate.applied_to.name()
    )
}

fn mark(access: Verdict) -> &'static str {
    match access {
        Verdict::Allow => "✅",
        Verdict::Deny => "❌",
        Verdict::Indeterminate => "❔",
    }
}

fn causes(text: &mut String, heading: &str, causes: &[Cause]) {
    let lines = causes.iter().map(|cause| {
        let at = cause.nsg.as_ref().map(|nsg| format!(" `{nsg}`:")).unwrap_or_default();
        format!("**{}**{at} {}", cause.code, cause.message)
    });
    items(text, heading, lines);
}

fn repairs<'a>(text: &mut String, heading: &str, repairs: impl Iterator<Item = &'a Repair>) {
    let mut is_first = true;
    for repair in repairs {
        if is_first {
            let _ = writeln!(text, "\n**{heading}**");
            is_first = false;
        }
        if !repair.az.is_empty() {
            let _ = writeln!(text, "\n```sh\n{}\n```\n", repair.az);
        }
        let mut notes = Vec::new();
        if !repair.opens.is_empty() {
            let verb = if repair.closes.is_empty() { "opens" } else { "keeps" };
            notes.push(format!("{verb} `{}`", repair.opens));
        }
        if !repair.closes.is_empty() {
            notes.push(format!("closes {}", repair.closes));
        }
        if !repair.also_needs.is_empty() {
            notes.push(format!("also needed: the repair of `{}`", repair.also_needs.join("`, `")));
        }
        notes.extend(repair.changes.iter().filter_map(|changes| changes.but.clone()));
        notes.extend(repair.note.clone());
        let is_exact = repair.changes.as_ref().is_some_and(|changes| changes.exact);
        let proof = match (repair.proved, is_exact) {
            (true, true) => "proved, and no other flow changes",
            (true, false) => "proved",
            (false, _) => "not proved",
        };
        notes.push(proof.to_owned());
        let _ = writeln!(text, "`{}`: {}", repair.nsg, escaped(&notes.join("; ")));
        for other in &repair.others {
            let but = other.changes.but.as_ref().map(|but| format!(" (but {but})"));
            let _ = writeln!(
                text,
                "\nOr {}{}:",
                escaped(&other.text),
                escaped(&but.unwrap_or_default())
            );
            let _ = writeln!(text, "\n```sh\n{}\n```\n", other.az);
        }
    }
}

fn items(text: &mut String, heading: &str, lines: impl Iterator<Item = String>) {
    let mut is_first = true;
    for line in lines {
        if is_first {
            let _ = writeln!(text, "\n**{heading}**\n");
            is_first = false;
        }
        let _ = writeln!(text, "- {}", escaped(&line));
    }
}

/// Text in which `*`, `|` and `<` mean themselves.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let (mut in_code, mut in_bold) = (false, text.starts_with("**"));
    let mut rest = text;
    if in_bold {
        // The code of a cause, which is ours.
        if let Some((code, after)) = text.get(2..).and_then(|text| text.split_once("**")) {
            let _ = write!(escaped, "**{code}**");
            rest = after;
        }
        in_bold = false;
    }
    for letter in rest.chars() {
        if letter == '`' {
            in_code = !in_code;
        }
        if !in_code && !in_bold && matches!(letter, '*' | '|' | '<') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}
