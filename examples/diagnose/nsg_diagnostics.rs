//! `nsg-diagnostics`: Azure's networkConfigurationDiagnostic request in, Azure's response out.

use std::path::PathBuf;

use clap::Args;
use nsg_engine::azure::network_watcher::{
    ConfigurationDiagnosticRequest, ConfigurationDiagnosticResponse, configuration_diagnostic,
};

use crate::Failure;
use crate::input::{self, Common};
use crate::output::{self, Format, Outcome, Paint};
use crate::target;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The request, as the API takes it; `-` is standard input
    #[arg(long, value_name = "FILE")]
    request: PathBuf,
    /// The network interface to ask, instead of the request's targetResourceId
    #[arg(long, value_name = "NAME", conflicts_with = "vm")]
    nic: Option<String>,
    /// The machine to ask, instead of the request's targetResourceId
    #[arg(long, value_name = "NAME")]
    vm: Option<String>,
    #[command(flatten)]
    pub(crate) common: Common,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let common = &arguments.common;
    common.refuse_second_stdin(&arguments.request)?;
    let request = arguments.request()?;
    let topology = common.topology()?;
    let network = topology.network();
    let target = match (&arguments.nic, &arguments.vm) {
        (Some(name), _) => vec![target::interface_called(network, name).map_err(Failure::new)?],
        (None, Some(name)) => target::interfaces_of_machine(network, name).map_err(Failure::new)?,
        (None, None) => Vec::new(),
    };
    let response = configuration_diagnostic(&topology, &request, &target)
        .map_err(|error| Failure::new(format!("{}: {error}", input::name(&arguments.request))))?;
    match common.format.unwrap_or(Format::Json) {
        Format::Json => output::print_json(&response)?,
        format => output::print(&text(&Paint::new(format), &response))?,
    }
    let accesses = response
        .results
        .iter()
        .map(|result| result.network_security_group_result.security_rule_access_result);
    Ok(Outcome::worst(accesses.map(Outcome::from)))
}

impl Arguments {
    fn request(&self) -> Result<ConfigurationDiagnosticRequest, Failure> {
        let json = input::read(&self.request).map_err(Failure::new)?;
        serde_json::from_slice(&json)
            .map_err(|error| Failure::new(format!("{}: {error}", input::name(&self.request))))
    }
}

fn text(paint: &Paint, response: &ConfigurationDiagnosticResponse) -> String {
    let mut text = String::new();
    for result in &response.results {
        let (profile, answer) = (&result.profile, &result.network_security_group_result);
        let verdict = answer.security_rule_access_result;
        let asked = format!(
            "{} {} -> {}:{}",
            profile.protocol, profile.source, profile.destination, profile.destination_port
        );
        text.push_str(&format!(
            "{}   {}   {}\n\n",
            paint.verdict(verdict, &verdict.to_string()),
            paint.code(&asked),
            output::plain(&profile.direction)
        ));
        let last = |id: &str| id.rsplit('/').next().unwrap_or_default().to_owned();
        let rows = answer.evaluated_network_security_groups.iter().map(|group| {
            let rule = group.matched_rule.as_ref();
            let id = group.network_security_group_id.as_deref().unwrap_or_default();
            let verdict = group.access;
            let count = group.rules_evaluation_result.len();
            let looked_at = format!("{count} rule{}", if count == 1 { "" } else { "s" });
            let name =
                rule.map_or_else(|| "no rule for certain".into(), |rule| rule.rule_name.clone());
            (verdict, [last(&group.applied_to), last(id), name, looked_at])
        });
        let rows: Vec<_> = rows.collect();
        text.push_str(&paint.table(["applied to", "group", "rule", "looked at"], &rows));
        for unknown in &answer.unknown {
            text.push_str(&format!("\n  not known   {}", output::plain(unknown)));
        }
        text.push('\n');
    }
    text
}
