//! `lint`: what is probably not meant in the security groups of a network.

use clap::Args;
use nsg_engine::diagnose::{Lint, LintCode, lint};
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
struct Answer {
    findings: Vec<Finding>,
}

#[derive(Serialize)]
struct Finding {
    code: &'static str,
    severity: String,
    /// The group, or the interface of a finding about all gates in front of it.
    nsg: String,
    direction: Option<String>,
    rule: Option<String>,
    by: Vec<String>,
    message: String,
    witness: Option<String>,
    pointer: Option<String>,
}

impl From<&Lint> for Finding {
    fn from(lint: &Lint) -> Self {
        Self {
            code: lint.code.as_str(),
            severity: lint.severity.to_string(),
            nsg: lint.subject.name().to_owned(),
            direction: lint.direction.map(|direction| direction.to_string()),
            rule: lint.rule.clone(),
            by: lint.by.clone(),
            message: lint.message.clone(),
            witness: lint.witness.map(|flow| flow.to_string()),
            pointer: lint.location.as_ref().map(|location| location.pointer().to_owned()),
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
    }
    text
}
