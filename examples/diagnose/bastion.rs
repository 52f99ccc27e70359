//! `bastion`: why Azure Bastion can or cannot reach a virtual machine.

use std::net::IpAddr;

use clap::Args;
use nsg_engine::diagnose::{self, BastionQuestion, BastionVerdict, Session, Style};
use nsg_engine::network::{Link, Network};

use crate::Failure;
use crate::input::Common;
use crate::output::{self, Format, Outcome};
use crate::target;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The machine, by name or private address; without it a table of all machines
    #[arg(long, value_name = "NAME|PRIVATE-IP")]
    vm: Option<String>,
    /// The kind of session
    #[arg(long, default_value = "ssh", value_name = "ssh|rdp")]
    protocol: Session,
    /// The port at the machine [default: 22 or 3389]
    #[arg(long, value_name = "N")]
    port: Option<u16>,
    /// The Bastion host [default: that of the machine's network or of a peer]
    #[arg(long, value_name = "NAME")]
    bastion: Option<String>,
    /// The address the client comes from [default: any of the Internet]
    #[arg(long, value_name = "IP")]
    client: Option<IpAddr>,
    #[command(flatten)]
    pub(crate) common: Common,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let topology = arguments.common.topology()?;
    arguments.refuse_unclear_names(topology.network()).map_err(Failure::new)?;
    let mut question = BastionQuestion::default();
    question.machine = arguments.vm.clone();
    question.session = arguments.protocol;
    question.port = arguments.port;
    question.bastion = arguments.bastion.clone();
    question.client = arguments.client;
    let style = Style { color: output::is_coloured() };
    let format = arguments.common.format.unwrap_or(Format::Text);
    if question.machine.is_none() {
        let table = diagnose::bastion_table(&topology, &question);
        match format {
            Format::Text => output::print(&table.render_text(style))?,
            Format::Json => output::print_json(&table)?,
            Format::Markdown => output::print(&table.render_markdown())?,
        }
        // A gate that asked about nothing has not found that everything is well.
        if table.vms.is_empty() {
            return Ok(Outcome::Indeterminate);
        }
        return Ok(Outcome::worst(table.vms.iter().map(|line| outcome(line.verdict))));
    }
    let report = diagnose::bastion(&topology, &question).map_err(Failure::new)?;
    match format {
        Format::Text => output::print(&report.render_text(style))?,
        Format::Json => output::print_json(&report)?,
        Format::Markdown => output::print(&report.render_markdown())?,
    }
    Ok(outcome(report.verdict))
}

impl Arguments {
    /// Names that nothing has, which a table would pass over, and names that several have.
    fn refuse_unclear_names(&self, network: &Network) -> Result<(), String> {
        if let Some(name) = &self.bastion {
            let hosts = network.bastion_hosts.iter().map(|host| &host.id);
            target::only_id("Bastion host", hosts, name)?;
        }
        let Some(name) = &self.vm else { return Ok(()) };
        let given = network.virtual_machines.iter().map(|machine| &machine.id);
        let named = network
            .network_interfaces
            .iter()
            .filter_map(|interface| interface.virtual_machine.as_ref().and_then(Link::known));
        target::refuse_several("virtual machine", given.chain(named), name)
    }
}

fn outcome(verdict: BastionVerdict) -> Outcome {
    match verdict {
        BastionVerdict::Allowed => Outcome::Allowed,
        BastionVerdict::Blocked | BastionVerdict::Degraded => Outcome::Blocked,
        BastionVerdict::Indeterminate => Outcome::Indeterminate,
    }
}
