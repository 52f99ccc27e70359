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

/// The codes that `lint_contracts` finds.
const OF_CONTRACTS: [LintCode; 2] = [LintCode::ContractBroken, LintCode::ReliesOnAllowVnet];

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    if let Some(code) = arguments.explain {
        output::print(&format!("{code}\n\n{}", code.explanation()))?;
        return Ok(Outcome::Allowed);
    }
    if let Some(code) = arguments.code.iter().find(|code| OF_CONTRACTS.contains(code)) {
        let why = format!(
            "`{code}` is about contracts, which only code can state: see `lint_contracts` of the library"
        );
        return Err(Failure::new(why));
    }
    let (topology, input_problems) = arguments.common.topology_and_problems()?;
    let mut found = lint(&topology, &Limits::default());
    // A question that was not answered might have had any code.
    let is_stopped = |one: &Lint| one.code == LintCode::LimitReached;
    let is_wanted = |one: &Lint| arguments.code.is_empty() || arguments.code.contains(&one.code);
    found.retain(|one| is_wanted(one) || is_stopped(one));
    found.sort_by_key(|one| std::cmp::Reverse(one.severity));
    match arguments.common.format.unwrap_or(Format::Text) {
        Format::Json => {
            let findings = found.iter().map(Finding::from).collect();
            output::print_json(&Answer { findings, input_problems })?;
        }
        format => output::print(&text(&Paint::new(format), &found, input_problems))?,
    }
    Ok(if !found.iter().all(is_stopped) {
        Outcome::Blocked
    } else if found.is_empty() && input_problems == 0 {
        Outcome::Allowed
    } else {
        Outcome::Indeterminate
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    findings: Vec<Finding<'a>>,
    /// How many errors and warnings there are about the inputs: what was not understood was not
    /// looked at.
    input_problems: usize,
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

fn text(paint: &Paint, found: &[Lint], input_problems: usize) -> String {
    match (found, input_problems) {
        ([], 0) => return "nothing found".to_owned(),
        ([], 1) => {
            return "nothing found in what could be read: the input has a problem".to_owned();
        }
        ([], many) => {
            return format!("nothing found in what could be read: the input has {many} problems");
        }
        _ => {}
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
        text.push_str(&paint.line(0, &format!("{severity}: {subject}: {message} [{code}]")));
        if let Some(witness) = &lint.witness {
            let witness = paint.code(&witness.to_string());
            text.push_str(&paint.line(1, &format!("for example {witness}")));
        }
        if let Some(location) = &lint.location {
            let location = output::plain(&location.to_string());
            text.push_str(&paint.line(1, &format!("at {location}")));
        }
        if let Some(fix) = &lint.fix {
            text.push_str(&fix_text(paint, fix));
        }
    }
    text
}

fn fix_text(paint: &Paint, fix: &Fix) -> String {
    let mut summary = format!("fix: {}", output::plain(&fix.summary));
    if fix.changes_nothing() {
        summary.push_str("; no flow is treated in another way than before");
    } else if !fix.proved {
        summary.push_str("; what else it changes is not known");
    }
    let mut text = paint.line(1, &summary);
    for (word, regions) in [("opens", &fix.opens), ("closes", &fix.closes)] {
        for region in regions {
            let region = paint.code(&region.to_string());
            text.push_str(&paint.line(2, &format!("{word} {region}")));
        }
    }
    for command in fix.az().lines() {
        text.push_str(&paint.line(2, &paint.code(command)));
    }
    text
}
