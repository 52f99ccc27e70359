//! Reading the inputs: every verb takes the same.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use nsg_engine::azure;
use nsg_engine::diagnose::bastion_compliance;
use nsg_engine::model::Mode;
use nsg_engine::net::Prefix;
use nsg_engine::report::{AzureCode, Code, Finding, Severity};
use nsg_engine::resolve::{ServiceTags, Topology};

use crate::Failure;
use crate::output::{self, Format};

/// How many findings are printed unless all are asked for: the answer comes first.
const SHOWN: usize = 5;

/// The options of every verb.
#[derive(Args)]
pub(crate) struct Common {
    /// JSON of the network: ARM resources or templates, Azure CLI output, effective security
    /// rules; several are merged, `-` is standard input
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,
    /// Microsoft's service-tag file; without it only the built-in tags are known
    #[arg(long, value_name = "FILE")]
    pub(crate) service_tags: Option<PathBuf>,
    /// Adds a prefix to the VirtualNetwork tag; may be repeated
    #[arg(long, value_name = "CIDR")]
    virtual_network: Vec<Prefix>,
    /// Reads as Azure's API would: what Azure refuses is an error
    #[arg(long)]
    strict: bool,
    /// How the answer is printed [default: text, for nsg-diagnostics json]
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// Exits with 1 for blocked, degraded, findings or a difference, and with 3 where missing
    /// facts decide
    #[arg(long)]
    pub(crate) exit_code: bool,
    /// Shows every finding about the inputs
    #[arg(long)]
    verbose: bool,
}

impl Common {
    /// Reads the inputs into a network whose names are bound, and reports on standard error what
    /// was found in them.
    pub(crate) fn topology(&self) -> Result<Topology, Failure> {
        self.topology_and_problems().map(|(topology, _)| topology)
    }

    /// The same, and how many errors and warnings there are about the inputs: what they mean was
    /// not all understood.
    pub(crate) fn topology_and_problems(&self) -> Result<(Topology, usize), Failure> {
        let network = self.network(&self.inputs)?;
        let is_other = |finding: &Finding| finding.code == Code::NothingRecognised;
        let others: Vec<_> = network.findings.iter().filter(|one| is_other(one)).collect();
        // An answer about a wrong file would be that all is well.
        if others.len() == self.inputs.len() {
            let text = |other: &&Finding| format!("error: {}: {}", other.location, other.message);
            return Err(Failure::Input(others.iter().map(text).collect()));
        }
        self.bind(network, self.service_tags.as_deref())
    }

    /// The same for some of the inputs, which may be empty, under one service-tag file.
    pub(crate) fn topology_of(
        &self,
        inputs: &[PathBuf],
        service_tags: Option<&Path>,
    ) -> Result<Topology, Failure> {
        self.bind(self.network(inputs)?, service_tags).map(|(topology, _)| topology)
    }

    fn network(&self, inputs: &[PathBuf]) -> Result<azure::Read, Failure> {
        let mode = if self.strict { Mode::Strict } else { Mode::Lenient };
        let mut reader = azure::Reader::new(mode);
        let mut failures = Vec::new();
        for path in inputs {
            let added = read(path)
                .and_then(|json| reader.add(&name(path), &json).map_err(|e| e.to_string()));
            failures.extend(added.err().map(|error| format!("error: {error}")));
        }
        if !failures.is_empty() {
            return Err(Failure::Input(failures));
        }
        let read = reader.finish();
        if self.strict && read.findings.iter().any(|one| one.severity == Severity::Error) {
            return Err(Failure::Input(read.findings.iter().map(ToString::to_string).collect()));
        }
        Ok(read)
    }

    fn bind(
        &self,
        read: azure::Read,
        service_tags: Option<&Path>,
    ) -> Result<(Topology, usize), Failure> {
        let azure::Read { mut network, mut findings, .. } = read;
        network.extra_virtual_network_prefixes.extend_from_slice(&self.virtual_network);
        let topology = Topology::new(network, tags(service_tags)?);
        findings.extend(topology.findings());
        if self.strict {
            findings.extend(bastion_compliance(&topology));
            refuse(&mut findings)?;
        }
        self.report(&findings);
        let problems = findings.iter().filter(|one| one.severity > Severity::Note).count();
        Ok((topology, problems))
    }

    /// Standard input can be read once.
    pub(crate) fn refuse_second_stdin(&self, other: &Path) -> Result<(), Failure> {
        let stdin = Path::new("-");
        if other == stdin && self.inputs.iter().any(|input| input == stdin) {
            return Err(Failure::new("standard input is asked for twice"));
        }
        Ok(())
    }

    fn report(&self, findings: &[Finding]) {
        let is_shown = |finding: &&Finding| self.verbose || finding.severity > Severity::Note;
        let mut shown: Vec<&Finding> = findings.iter().filter(is_shown).collect();
        shown.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        let limit = if self.verbose { usize::MAX } else { SHOWN };
        for finding in shown.iter().take(limit) {
            anstream::eprintln!("{}", output::plain(&finding.to_string()));
        }
        let hidden = shown.len().saturating_sub(limit);
        if hidden > 0 {
            let count = shown.len();
            anstream::eprintln!(
                "the input has {count} problems, {hidden} more: --verbose lists all"
            );
        }
    }
}

/// What Azure refuses is no input where Azure is the measure, be it seen only when rules are bound
/// to their places.
fn refuse(findings: &mut [Finding]) -> Result<(), Failure> {
    let unknown_tag = Some(AzureCode::SecurityRuleInvalidAddressPrefix);
    for finding in findings.iter_mut().filter(|one| one.code.azure_code() == unknown_tag) {
        finding.severity = Severity::Error;
    }
    let is_refused =
        |one: &Finding| one.code.azure_code().is_some() && one.severity == Severity::Error;
    if findings.iter().any(is_refused) {
        return Err(Failure::Input(findings.iter().map(ToString::to_string).collect()));
    }
    Ok(())
}

fn tags(path: Option<&Path>) -> Result<ServiceTags, Failure> {
    let Some(path) = path else { return Ok(ServiceTags::built_in()) };
    let json = read(path).map_err(Failure::new)?;
    azure::read_service_tags(&name(path), &json).map_err(Failure::new)
}

/// Reads a file, or standard input for `-`.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, String> {
    let bytes = if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(path)
    };
    bytes.map_err(|error| format!("{}: {error}", name(path)))
}

/// What a path is called in messages.
pub(crate) fn name(path: &Path) -> String {
    if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() }
}
