//! `lint`: what is probably not meant in the security groups of a network.

use clap::Args;
use nsg_engine::diagnose::{Fix, Lint, LintCode, lint};
use nsg_engine::space::Limits;
use serde::Serialize;

use crate::Failure;
use crate::input::Common;
use crate::output::{self, Format, Outcome, Paint};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Only findings of this code; may be repeated
    #[arg(long, value_name = "CODE")]
    code: Vec<LintCode>,
    /// Says what a code means, and does nothing else
    #[arg(long, value_name = "CODE", exclusive = true)]
    explain: Option<LintCode>,
    #[command(flatten)]
    pub(crate) common: Common,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    if let Some(code) = arguments.explain {
        output::print(&format!("{code}\n\n{}", code.explanation()))?;
        return Ok(Outcome::Allowed);
    }
    let topology = arguments.common.topology()?;
    let mut found = lint(&topology, &Limits::default());
    found.retain(|one| arguments.code.is_empty() || arguments.code.contains(&one.code));
    found.sort_by_key(|one| std::cmp::Reverse(one.severity));
    match arguments.common.format.unwrap_or(Format::Text) {
        Format::Json => {
            let findings = found.iter().map(Finding::from).collect();
            output::print_json(&Answer { findings })?;
        }
        format => output::print(&text(&Paint::new(format), &found))?,
    }
    Ok(if found.is_empty() { Outcome::Allowed } else { Outcome::Blocked })
}

#[derive(Serialize)]
struct Answer<'a> {
    findings: Vec<Finding<'a>>,
}

#[derive(Serialize)]
struct Finding<'a> {
    code: &'static str,
    severity: String,
    /// The group, or the interface, subnet or network of a finding about something else.
    nsg: String,
    /// The id of the same.
    subject: &'a str,
    direction: Option<String>,
    rule: Option<String>,
    by: Vec<String>,
    message: String,
    witness: Option<String>,
    file: Option<String>,
    pointer: Option<String>,
    fix: Option<&'a Fix>,
}

impl<'a> From<&'a Lint> for Finding<'a> {
    fn from(lint: &'a Lint) -> Self {
        Self {
            code: lint.code.as_str(),
            severity: lint.severity.to_string(),
            nsg: lint.subject.name().to_owned(),
            subject: lint.subject.as_str(),
            direction: lint.direction.map(|direction| direction.to_string()),
            rule: lint.rule.clone(),
            by: lint.by.clone(),
            message: lint.message.clone(),
            witness: lint.witness.map(|flow| flow.to_string()),
            file: lint.location.as_ref().and_then(|one| one.input()).map(ToString::to_string),
            pointer: lint.location.as_ref().map(|location| location.pointer().to_owned()),
            fix: lint.fix.as_deref(),
        }
    }
}

fn text(paint: &Paint, found: &[Lint]) -> String {
    if found.is_empty() {
        return "nothing found".to_owned();
    }
    let mut text = String::new();
    for lint in found {
        let subject = match (&lint.direction, &lint.rule) {
            (_, Some(rule)) => format!("{} {rule}", lint.subject.name()),
            (Some(direction), None) => format!("{} {direction}", lint.subject.name()),
            (None, None) => lint.subject.name().to_owned(),
        };
        let Lint { severity, code, message, .. } = lint;
        let (subject, message) = (paint.code(&subject), output::plain(message));
        text.push_str(&format!("{severity}: {subject}: {message} [{code}]\n"));
        if let Some(witness) = &lint.witness {
            text.push_str(&format!("  for example {}\n", paint.code(&witness.to_string())));
        }
        if let Some(location) = &lint.location {
            text.push_str(&format!("  at {}\n", output::plain(&location.to_string())));
        }
        if let Some(fix) = &lint.fix {
            text.push_str(&fix_text(paint, fix));
        }
    }
    text
}

fn fix_text(paint: &Paint, fix: &Fix) -> String {
    let mut text = format!("  fix: {}", output::plain(&fix.summary));
    if fix.changes_nothing() {
        text.push_str("; no flow is treated in another way than before");
    } else if !fix.proved {
        text.push_str("; what else it changes is not known");
    }
    text.push('\n');
    for (word, regions) in [("opens", &fix.opens), ("closes", &fix.closes)] {
        for region in regions {
            text.push_str(&format!("    {word} {}\n", paint.code(&region.to_string())));
        }
    }
    for command in fix.az().lines() {
        text.push_str(&format!("    {}\n", paint.code(command)));
    }
    text
}
