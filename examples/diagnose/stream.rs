//! `flow --flows`: a flow a line in, an answer a line out.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;

use nsg_engine::azure::network_watcher::IpFlowRequest;
use nsg_engine::eval::Verdict;
use nsg_engine::model::{Priority, ResourceId};
use nsg_engine::path::ChainDecision;
use nsg_engine::resolve::{Rule, RuleKind};

use crate::Failure;
use crate::output::Outcome;
use crate::target::Chains;

/// Bytes read and written at once.
const BLOCK: usize = 1 << 17;
/// The longest line that is read; flows take some 150 bytes.
const LONGEST_LINE: u64 = 1 << 20;

pub(crate) fn run(flows: &Path, chains: &mut Chains<'_>) -> Result<Outcome, Failure> {
    let input: Box<dyn Read> = if flows == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        let file = File::open(flows);
        Box::new(file.map_err(|error| Failure::new(format!("{}: {error}", flows.display())))?)
    };
    let mut input = BufReader::with_capacity(BLOCK, input);
    let mut output = BufWriter::with_capacity(BLOCK, io::stdout().lock());
    let mut tally = Tally::default();
    let mut line = Vec::new();
    let mut number: u64 = 0;
    loop {
        // Whoever writes line by line and waits for each answer gets it; a file is answered in
        // blocks.
        if !input.buffer().contains(&b'\n') {
            output.flush()?;
        }
        line.clear();
        let read = input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line);
        let length = read.map_err(|error| Failure::new(format!("{}: {error}", flows.display())))?;
        if length == 0 {
            break;
        }
        number = number.saturating_add(1);
        let is_cut = line.last() != Some(&b'\n') && line.len() as u64 == LONGEST_LINE;
        let answered = if is_cut {
            input.skip_until(b'\n').map_err(Failure::new)?;
            Err("the line is longer than 1 MiB".to_owned())
        } else {
            answer(line.trim_ascii_end(), chains, &mut output)
        };
        match answered {
            Ok(verdict) => tally.count(verdict?),
            Err(message) => {
                tally.bad = true;
                let error = serde_json::json!({ "error": format!("line {number}: {message}") });
                writeln!(output, "{error}")?;
            }
        }
    }
    output.flush()?;
    Ok(tally.outcome())
}

/// Writes the answer about one line. The outer error is about the line, the inner about writing.
fn answer(
    line: &[u8],
    chains: &mut Chains<'_>,
    output: &mut impl Write,
) -> Result<io::Result<Verdict>, String> {
    if line.is_empty() {
        return Err("empty line".to_owned());
    }
    let request: IpFlowRequest = serde_json::from_slice(line).map_err(|error| {
        // The line number of the parser is always 1; the caller knows the real one.
        let message = error.to_string().replace(" at line 1 column ", " at column ");
        message.strip_suffix(" at column 0").map_or(message.clone(), str::to_owned)
    })?;
    let flow = request.flow().map_err(|error| error.to_string())?;
    let chain = chains.at(request.local_address, request.direction)?;
    let decision = chain.evaluate(&flow);
    let verdict = decision.verdict();
    if verdict == Verdict::Indeterminate {
        let trace = chain.trace(&flow);
        let unknown: Vec<String> = trace.unresolved().iter().map(ToString::to_string).collect();
        let answer = serde_json::json!({
            "access": verdict.to_string(), "ruleName": null, "gates": [], "unknown": unknown,
        });
        return Ok(writeln!(output, "{answer}").map(|()| verdict));
    }
    Ok(write_answer(&decision, output).map(|()| verdict))
}

/// Writes the members of a single answer; of the gates only the one that decides, because the
/// others need not be asked to know it.
fn write_answer(decision: &ChainDecision<'_>, output: &mut impl Write) -> io::Result<()> {
    let access = match decision.verdict() {
        Verdict::Allow => "Allow",
        Verdict::Deny => "Deny",
        Verdict::Indeterminate => "Indeterminate",
    };
    write!(output, "{{\"access\":\"{access}\",\"ruleName\":")?;
    write_rule_name(decision.rule(), output)?;
    output.write_all(b",\"gates\":[")?;
    if let Some(gate) = decision.gate() {
        write!(output, "{{\"gate\":\"{}\",\"appliedTo\":", gate.kind)?;
        serde_json::to_writer(&mut *output, gate.applied_to.as_str())?;
        output.write_all(b",\"nsg\":")?;
        serde_json::to_writer(&mut *output, &gate.group().map(ResourceId::name))?;
        write!(output, ",\"access\":\"{access}\",\"ruleName\":")?;
        write_rule_name(decision.rule(), output)?;
        output.write_all(b",\"priority\":")?;
        let priority = decision.rule().and_then(|rule| rule.priority);
        serde_json::to_writer(&mut *output, &priority.map(Priority::number))?;
        output.write_all(b"}")?;
    }
    output.write_all(b"],\"unknown\":[]}\n")
}

fn write_rule_name(rule: Option<&Rule>, output: &mut impl Write) -> io::Result<()> {
    let Some(rule) = rule else { return output.write_all(b"null") };
    output.write_all(match rule.kind {
        RuleKind::Admin => b"\"securityAdminRules/",
        RuleKind::Custom => b"\"securityRules/",
        RuleKind::Default => b"\"defaultSecurityRules/",
    })?;
    let name = serde_json::to_string(rule.name.as_str())?;
    output.write_all(name.strip_prefix('"').unwrap_or(&name).as_bytes())
}

/// What came of the lines so far.
#[derive(Default)]
struct Tally {
    bad: bool,
    denied: bool,
    indeterminate: bool,
}

impl Tally {
    fn count(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Allow => {}
            Verdict::Deny => self.denied = true,
            Verdict::Indeterminate => self.indeterminate = true,
        }
    }

    fn outcome(&self) -> Outcome {
        match (self.bad, self.denied, self.indeterminate) {
            (true, _, _) => Outcome::BadLines,
            (false, true, _) => Outcome::Blocked,
            (false, false, true) => Outcome::Indeterminate,
            (false, false, false) => Outcome::Allowed,
        }
    }
}
