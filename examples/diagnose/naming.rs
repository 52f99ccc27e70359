//! Regions of flows in text, with a name in place of a long list of blocks.

use std::fmt;
use std::sync::Arc;

use nsg_engine::model::ServiceTag;
use nsg_engine::net::{AddressSet, Prefix};
use nsg_engine::resolve::Topology;
use nsg_engine::space::Region;

/// Sets of addresses by their names.
pub(crate) struct Naming(Vec<(&'static str, Arc<AddressSet>)>);

impl Naming {
    /// What these networks agree on.
    pub(crate) fn of<'a>(topologies: impl IntoIterator<Item = &'a Topology>) -> Self {
        let internet = ServiceTag::new("Internet");
        let mut sets: Vec<_> = topologies
            .into_iter()
            .filter_map(|topology| topology.service_tags().addresses(&internet))
            .collect();
        sets.dedup();
        let internet = if sets.len() == 1 { sets.pop() } else { None };
        let internet = internet.map(|set| ("Internet", set));
        Self([("*", Arc::new(AddressSet::full()))].into_iter().chain(internet).collect())
    }

    /// A region as it reads shortest. Both addresses of a flow are of one IP version, so that a
    /// name means the addresses of the versions that the other side has; it must then say which.
    pub(crate) fn text(&self, region: &Region) -> String {
        let (source, destination) = (pieces(&region.source), pieces(&region.destination));
        let named = self.name(&region.source, &region.destination.families(), &source);
        let other_side = if named.is_some() { AddressSet::full() } else { region.source.clone() };
        let source = named.unwrap_or_else(|| list(&source));
        let named = self.name(&region.destination, &other_side.families(), &destination);
        let destination = named.unwrap_or_else(|| list(&destination));
        let (protocol, ports) = (region.protocol_text(), &region.source_ports);
        format!("{protocol} {source}:{ports} -> {destination}:{}", region.destination_ports)
    }

    /// A name that means this set within these IP versions, if it is shorter than its pieces.
    fn name(&self, set: &AddressSet, versions: &AddressSet, pieces: &[Piece]) -> Option<String> {
        let met = set.intersection(versions);
        let named = self.0.iter().filter(|(_, named)| named.covers(&met)).map(|(name, named)| {
            let exceptions = named.intersection(versions).difference(&met);
            Piece { name: (*name).to_owned(), exceptions: exceptions.prefixes().collect() }
        });
        let shortest = named.min_by_key(Piece::length)?;
        let length = pieces.iter().map(Piece::length).sum();
        let is_shorter = if shortest.exceptions.is_empty() {
            shortest.length() < length
        } else {
            shortest.is_half(length)
        };
        is_shorter.then(|| shortest.to_string())
    }
}

fn list(pieces: &[Piece]) -> String {
    if pieces.is_empty() {
        return "nothing".to_owned();
    }
    pieces.iter().map(Piece::to_string).collect::<Vec<_>>().join(",")
}

/// A set that has a name, without some blocks of it.
struct Piece {
    name: String,
    exceptions: Vec<Prefix>,
}

impl Piece {
    fn block(block: Prefix, exceptions: Vec<Prefix>) -> Self {
        Self { name: written(block), exceptions }
    }

    /// How many names it takes.
    fn length(&self) -> usize {
        self.exceptions.len().saturating_add(1)
    }

    /// Whether it is half as long or shorter: otherwise exceptions are not worth thinking of.
    fn is_half(&self, length: usize) -> bool {
        self.length().saturating_mul(2) <= length
    }
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, exceptions } = self;
        if exceptions.is_empty() {
            return f.write_str(name);
        }
        let exceptions: Vec<String> = exceptions.iter().copied().map(written).collect();
        write!(f, "({name} except {})", exceptions.join(","))
    }
}

fn written(block: Prefix) -> String {
    if block.is_ipv4() { block.to_string() } else { format!("[{block}]") }
}

/// A set as blocks, with exceptions where these make it half as long or shorter.
fn pieces(set: &AddressSet) -> Vec<Piece> {
    let versions: Vec<Prefix> = set.families().prefixes().collect();
    let of_version = |version: Prefix| pieces_of(&set.intersection(&version.into()));
    versions.into_iter().flat_map(of_version).collect()
}

/// The same for addresses of one IP version.
fn pieces_of(set: &AddressSet) -> Vec<Piece> {
    let blocks: Vec<Prefix> = set.prefixes().collect();
    let (first, last) = match blocks.as_slice() {
        [] => return Vec::new(),
        [one] => return vec![Piece::block(*one, Vec::new())],
        [first, .., last] => (first, last),
    };
    let around = |length| Prefix::truncated(first.address(), length);
    let common = (0..first.length()).rev().filter_map(around).find(|block| block.covers(last));
    let Some(common) = common else { return Vec::new() };
    let lower = around(common.length().saturating_add(1)).map_or(AddressSet::empty(), Into::into);
    let pieces: Vec<Piece> =
        [set.intersection(&lower), set.difference(&lower)].iter().flat_map(pieces_of).collect();
    let exceptions = AddressSet::from(common).difference(set);
    let whole = Piece::block(common, exceptions.prefixes().collect());
    if whole.is_half(pieces.iter().map(Piece::length).sum()) { vec![whole] } else { pieces }
}
