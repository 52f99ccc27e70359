//! `exposure`: exactly what reaches each network interface through all its gates.

use clap::Args;
use nsg_engine::analysis::{Exposed, Exposure, exposure};
use nsg_engine::model::Endpoint;
use nsg_engine::net::AddressSet;
use nsg_engine::network::NetworkInterface;
use nsg_engine::space::{Limits, Region};
use serde::Serialize;

use crate::Failure;
use crate::input::Common;
use crate::naming::Naming;
use crate::output::{self, Format, Outcome, Paint};
use crate::region::RegionJson;
use crate::target::interface_called;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Where the traffic comes from: `*`, a block or a service tag
    #[arg(long, value_name = "TAG|CIDR", default_value = "Internet")]
    from: Endpoint,
    /// Only this network interface
    #[arg(long, value_name = "NAME")]
    nic: Option<String>,
    #[command(flatten)]
    pub(crate) common: Common,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let topology = arguments.common.topology()?;
    let network = topology.network();
    let interfaces: Vec<&NetworkInterface> = match &arguments.nic {
        Some(name) => vec![interface_called(network, name).map_err(Failure::new)?],
        None => network.network_interfaces.iter().collect(),
    };
    if interfaces.is_empty() {
        return Err(Failure::new("the input holds no network interface"));
    }
    let (mut all, mut unanswered) = (Vec::new(), Vec::new());
    for interface in interfaces {
        match exposure(&topology, interface, &arguments.from, &Limits::default()) {
            Ok(none) if none.is_empty() => {
                let why = "the input holds no IP configuration of it".to_owned();
                unanswered.push(Unanswered { nic: interface.name().to_owned(), why });
            }
            Ok(found) => all.extend(found),
            Err(exceeded) => unanswered
                .push(Unanswered { nic: interface.name().to_owned(), why: exceeded.to_string() }),
        }
    }
    let from = arguments.from.to_string();
    match arguments.common.format.unwrap_or(Format::Text) {
        Format::Json => {
            let interfaces = all.iter().map(Interface::from).collect();
            output::print_json(&Answer { from, interfaces, unanswered: &unanswered })?;
        }
        format => {
            let paint = Paint::new(format);
            let text = text(&paint, &from, &Naming::of([&topology]), &all);
            let rest: String = unanswered.iter().map(|one| one.text(&paint)).collect();
            output::print(&(text + &rest))?;
        }
    }
    Ok(if all.iter().any(|one| !one.certain.is_empty()) {
        Outcome::Blocked
    } else if !unanswered.is_empty() || all.iter().any(|one| !one.possible.is_empty()) {
        Outcome::Indeterminate
    } else {
        Outcome::Allowed
    })
}

#[derive(Serialize)]
struct Answer<'a> {
    from: String,
    interfaces: Vec<Interface>,
    unanswered: &'a [Unanswered],
}

/// An interface of which it is not known what reaches it.
#[derive(Serialize)]
struct Unanswered {
    nic: String,
    why: String,
}

impl Unanswered {
    fn text(&self, paint: &Paint) -> String {
        let text = format!("{}: not known what reaches it: {}", self.nic, self.why);
        paint.line(0, &output::plain(&text))
    }
}

#[derive(Serialize)]
struct Interface {
    nic: String,
    configuration: String,
    addresses: Option<String>,
    exposed: Vec<RegionJson>,
    /// What may be exposed: something unknown decides.
    possible: Vec<RegionJson>,
    unknown: Vec<String>,
}

impl From<&Exposure> for Interface {
    fn from(one: &Exposure) -> Self {
        Self {
            nic: one.interface.name().to_owned(),
            configuration: one.configuration.clone(),
            addresses: one.addresses.as_ref().map(ToString::to_string),
            exposed: one.certain.iter().map(RegionJson::from).collect(),
            possible: one.possible.iter().map(RegionJson::from).collect(),
            unknown: one.unresolved.iter().map(ToString::to_string).collect(),
        }
    }
}

fn text(paint: &Paint, from: &str, naming: &Naming, all: &[Exposure]) -> String {
    let mut text = String::new();
    for one in all {
        let addresses =
            one.addresses.as_ref().map_or("unknown address".into(), ToString::to_string);
        let name = output::plain(one.interface.name());
        text.push_str(&paint.line(0, &format!("{name} ({addresses})")));
        if one.certain.is_empty() && one.possible.is_empty() {
            text.push_str(&paint.line(1, &format!("nothing from {from} reaches it")));
        }
        let mut list = |mark: &'static str, exposed: &[Exposed]| {
            for Exposed { region, reason, from_all, .. } in exposed {
                let region = if *from_all { named(from, region) } else { naming.text(region) };
                let region = paint.code(&region);
                let reason = output::plain(&reason.to_string());
                text.push_str(&paint.line(1, &format!("{} {region}", paint.sign(mark))));
                text.push_str(&paint.line(3, &reason));
            }
        };
        list("!", &one.certain);
        list("?", &one.possible);
        if !one.possible.is_empty() {
            for unknown in &one.unresolved {
                let unknown = output::plain(&unknown.to_string());
                text.push_str(&paint.line(1, &format!("not known: {unknown}")));
            }
        }
    }
    text
}

/// The region with the name of what was asked about in place of all its addresses.
fn named(from: &str, region: &Region) -> String {
    let nowhere = Region { source: AddressSet::full(), ..region.clone() };
    nowhere.to_string().replacen("*:", &format!("{from}:"), 1)
}
