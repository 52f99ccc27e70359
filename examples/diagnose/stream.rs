//! `flow --flows`: a flow a line in, an answer a line out.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;

use nsg_engine::azure::network_watcher::IpFlowRequest;
use nsg_engine::eval::Verdict;
use nsg_engine::path::ChainDecision;
use nsg_engine::resolve::RuleKind;

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
            answer(&line, chains, &mut output)
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
    let request: IpFlowRequest = serde_json::from_slice(line).map_err(|error| {
        // The line number of the parser is always 1; the caller knows the real one.
        error.to_string().replace(" at line 1 column ", " at column ")
    })?;
    let flow = request.flow().map_err(|error| error.to_string())?;
    let chain = chains.at(request.local_address, request.direction)?;
    let decision = chain.evaluate(&flow);
    let verdict = decision.verdict();
    if verdict == Verdict::Indeterminate {
        let trace = chain.trace(&flow);
        let unknown: Vec<String> = trace.unresolved().iter().map(ToString::to_string).collect();
        let answer = serde_json::json!({
            "access": verdict.to_string(), "ruleName": null, "unknown": unknown,
        });
        return Ok(writeln!(output, "{answer}").map(|()| verdict));
    }
    Ok(write_answer(&decision, output).map(|()| verdict))
}

fn write_answer(decision: &ChainDecision<'_>, output: &mut impl Write) -> io::Result<()> {
    output.write_all(match decision.verdict() {
        Verdict::Allow => br#"{"access":"Allow","ruleName":"#,
        Verdict::Deny => br#"{"access":"Deny","ruleName":"#,
        Verdict::Indeterminate => br#"{"access":"Indeterminate","ruleName":"#,
    })?;
    match decision.rule() {
        None => output.write_all(b"null")?,
        Some(rule) => {
            output.write_all(match rule.kind {
                RuleKind::Admin => b"\"securityAdminRules/",
                RuleKind::Custom => b"\"securityRules/",
                RuleKind::Default => b"\"defaultSecurityRules/",
            })?;
            let name = serde_json::to_string(rule.name.as_str())?;
            output.write_all(name.trim_start_matches('"').as_bytes())?;
        }
    }
    output.write_all(b",\"unknown\":[]}\n")
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
