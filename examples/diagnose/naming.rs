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
        let source = self.name(&region.source, &region.destination.families());
        let other_side = if source.is_some() { AddressSet::full() } else { region.source.clone() };
        let destination = self.name(&region.destination, &other_side.families());
        let source = source.unwrap_or_else(|| blocks(&region.source));
        let destination = destination.unwrap_or_else(|| blocks(&region.destination));
        let (protocol, ports) = (region.protocol_text(), &region.source_ports);
        format!("{protocol} {source}:{ports} -> {destination}:{}", region.destination_ports)
    }

    /// A name that means this set within these IP versions, if it is shorter than its blocks.
    fn name(&self, set: &AddressSet, versions: &AddressSet) -> Option<String> {
        let met = set.intersection(versions);
        let named = self.0.iter().filter(|(_, named)| named.covers(&met)).map(|(name, named)| {
            let exceptions = named.intersection(versions).difference(&met);
            Piece { name: (*name).to_owned(), exceptions: exceptions.prefixes().collect() }
        });
        let shortest = named.min_by_key(Piece::length)?;
        let length: usize = pieces(set).iter().map(Piece::length).sum();
        (shortest.length() < length).then(|| shortest.to_string())
    }
}

fn blocks(set: &AddressSet) -> String {
    if set.is_empty() {
        return "nothing".to_owned();
    }
    pieces(set).iter().map(Piece::to_string).collect::<Vec<_>>().join(",")
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
    versions
        .into_iter()
        .flat_map(|version| pieces_in(version, &set.intersection(&version.into())))
        .collect()
}

fn pieces_in(block: Prefix, set: &AddressSet) -> Vec<Piece> {
    let exceptions = AddressSet::from(block).difference(set);
    if set.is_empty() || exceptions.is_empty() {
        return set.prefixes().map(|all| Piece::block(all, Vec::new())).collect();
    }
    let half = |address| Prefix::truncated(address, block.length().saturating_add(1));
    let lower = half(block.address()).into_iter();
    let upper = lower.clone().flat_map(|lower| {
        AddressSet::from(block).difference(&lower.into()).prefixes().collect::<Vec<_>>()
    });
    let pieces: Vec<Piece> = lower
        .chain(upper)
        .flat_map(|half| pieces_in(half, &set.intersection(&half.into())))
        .collect();
    let whole = Piece::block(block, exceptions.prefixes().collect());
    let length: usize = pieces.iter().map(Piece::length).sum();
    if whole.length().saturating_mul(2) <= length { vec![whole] } else { pieces }
}
