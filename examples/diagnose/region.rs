//! Regions of flows in JSON.

use std::collections::BTreeSet;

use nsg_engine::analysis::{Change, Exposed, Reason};
use nsg_engine::model::Flow;
use nsg_engine::net::{AddressSet, PortSet};
use nsg_engine::space::Region;
use serde::Serialize;

/// Five lists of disjoint items, `*` for all, and a flow that lies in them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RegionJson {
    protocol: Vec<String>,
    source: Vec<String>,
    source_port: Vec<String>,
    destination: Vec<String>,
    destination_port: Vec<String>,
    witness: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    /// What to supply so that it is known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown: Vec<String>,
}

impl RegionJson {
    fn new(region: &Region, witness: &Flow) -> Self {
        Self {
            protocol: region.protocol_text().split(',').map(str::to_owned).collect(),
            source: addresses(&region.source),
            source_port: ports(&region.source_ports),
            destination: addresses(&region.destination),
            destination_port: ports(&region.destination_ports),
            witness: witness.to_string(),
            before: None,
            after: None,
            rule: None,
            unknown: Vec::new(),
        }
    }
}

impl From<&Change> for RegionJson {
    fn from(change: &Change) -> Self {
        Self {
            before: rule(&change.before),
            after: rule(&change.after),
            unknown: unknown([&change.before, &change.after]),
            ..Self::new(&change.region, &change.witness)
        }
    }
}

impl From<&Exposed> for RegionJson {
    fn from(exposed: &Exposed) -> Self {
        Self {
            rule: rule(&exposed.reason),
            unknown: unknown([&exposed.reason]),
            ..Self::new(&exposed.region, &exposed.witness)
        }
    }
}

fn unknown<const N: usize>(reasons: [&Reason; N]) -> Vec<String> {
    let all: BTreeSet<String> =
        reasons.iter().flat_map(|one| &one.unresolved).map(ToString::to_string).collect();
    all.into_iter().collect()
}

fn rule(reason: &Reason) -> Option<String> {
    reason.rule.as_ref().map(ToString::to_string)
}

/// The prefixes of a set.
pub(crate) fn addresses(addresses: &AddressSet) -> Vec<String> {
    if addresses.is_full() {
        return vec!["*".to_owned()];
    }
    addresses.prefixes().map(|prefix| prefix.to_string()).collect()
}

fn ports(ports: &PortSet) -> Vec<String> {
    ports.to_string().split(',').map(str::to_owned).collect()
}
