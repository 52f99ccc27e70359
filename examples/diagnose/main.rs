//! Answers questions about the security groups of an Azure network, offline:
//!
//! ```text
//! cargo run --release --example diagnose -- bastion --vm vm-web-01 examples/data/network.json
//! cargo run --release --example diagnose -- flow --vm vm-web-01 --direction Inbound \
//!     --protocol tcp --local 10.0.0.4:22 --remote 203.0.113.7 examples/data/network.json
//! ```
//!
//! Everything printed comes from the library's public interface; another program can compute it.
//!
//! Exit status: 0 the question was answered, 2 usage or input error. With `--exit-code` also
//! 1 for blocked or degraded, and 3 where facts are missing that decide.

mod bastion;
mod diff;
mod exposure;
mod flow;
mod input;
mod lint;
mod naming;
mod nsg_diagnostics;
mod output;
mod region;
mod stream;
mod target;

use std::io::{self, ErrorKind};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use output::Outcome;

#[derive(Parser)]
#[command(
    name = "diagnose",
    about = "What the security groups of an Azure network do with traffic, and why",
    after_help = "Exit status: 0 answered, 2 usage or input error; with --exit-code also 1 blocked or degraded, 3 indeterminate."
)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Why Azure Bastion can or cannot reach a virtual machine
    Bastion(bastion::Arguments),
    /// What the rules do with one flow at one end, or with a stream of flows
    Flow(flow::Arguments),
    /// What traffic a change opens and closes: OLD NEW
    Diff(diff::Arguments),
    /// Exactly what reaches each network interface through all its gates
    Exposure(exposure::Arguments),
    /// What is probably not meant in the security groups
    Lint(lint::Arguments),
    /// Answers a networkConfigurationDiagnostic request as Azure Network Watcher does
    NsgDiagnostics(nsg_diagnostics::Arguments),
}

impl Verb {
    fn common(&self) -> &input::Common {
        match self {
            Self::Bastion(arguments) => &arguments.common,
            Self::Flow(arguments) => &arguments.common,
            Self::Diff(arguments) => &arguments.common,
            Self::Exposure(arguments) => &arguments.common,
            Self::Lint(arguments) => &arguments.common,
            Self::NsgDiagnostics(arguments) => &arguments.common,
        }
    }

    fn run(&self) -> Result<Outcome, Failure> {
        match self {
            Self::Bastion(arguments) => bastion::run(arguments),
            Self::Flow(arguments) => flow::run(arguments),
            Self::Diff(arguments) => diff::run(arguments),
            Self::Exposure(arguments) => exposure::run(arguments),
            Self::Lint(arguments) => lint::run(arguments),
            Self::NsgDiagnostics(arguments) => nsg_diagnostics::run(arguments),
        }
    }
}

fn main() -> ExitCode {
    let Arguments { verb } = Arguments::parse();
    match verb.run() {
        Ok(outcome) => outcome.exit_code(verb.common().exit_code),
        // Whoever read our output has seen enough: `diagnose … | head -1`.
        Err(Failure::Write(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            for message in failure.messages() {
                anstream::eprintln!("{}", output::plain(&message));
            }
            ExitCode::from(output::FAILED)
        }
    }
}

/// Why a question could not be answered.
enum Failure {
    /// Messages for standard error, each with its own `error: `.
    Input(Vec<String>),
    Write(io::Error),
}

impl Failure {
    fn new(error: impl std::fmt::Display) -> Self {
        Self::Input(vec![format!("error: {error}")])
    }

    fn messages(self) -> Vec<String> {
        match self {
            Self::Input(messages) => messages,
            Self::Write(error) => vec![format!("error: cannot write the answer: {error}")],
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}
