//! Addresses of which nobody knows who holds them, as far as that matters to a region of flows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::places::{Place, Translation};
use crate::model::ServiceTag;
use crate::net::AddressSet;
use crate::resolve::{Topology, Unresolved};
use crate::space::{HeaderSpace, LimitExceeded, Limits, Region};

/// Parts of a region at one of whose ends somebody may stand whom the input does not tell.
#[derive(Default)]
pub(super) struct Doubts {
    parts: Vec<(Region, Unresolved)>,
}

impl Doubts {
    /// The doubts about sources and about destinations. Who holds an address is the same for all
    /// addresses that no place, subnet, address space or tag tells apart, so one of each such
    /// cell is asked about.
    pub(super) fn of_both(
        region: &Region,
        topology: &Topology,
        places: &[Place<'_>],
        translations: &[Translation<'_>],
    ) -> [Self; 2] {
        let borders = borders(topology, places, translations);
        let sources = cells(&region.source, &borders);
        let destinations = cells(&region.destination, &borders);
        let (mut of_sources, mut of_destinations) = (Self::default(), Self::default());
        for (from, source) in &sources {
            for (to, destination) in &destinations {
                if from.is_ipv4() != to.is_ipv4() {
                    continue;
                }
                let [at_source, at_destination] = topology.unknown_ends(*from, *to);
                for (doubts, reason) in
                    [(&mut of_sources, at_source), (&mut of_destinations, at_destination)]
                {
                    if let Some(reason) = reason {
                        doubts.add(region, source, destination, reason);
                    }
                }
            }
        }
        [of_sources, of_destinations]
    }

    fn add(
        &mut self,
        region: &Region,
        source: &AddressSet,
        destination: &AddressSet,
        reason: Unresolved,
    ) {
        if let Some((last, of)) = self.parts.last_mut()
            && last.source == *source
            && *of == reason
        {
            last.destination = last.destination.union(destination);
            return;
        }
        let (source, destination) = (source.clone(), destination.clone());
        self.parts.push((Region { source, destination, ..region.clone() }, reason));
    }

    /// The parts, each with what is not known.
    pub(super) fn iter(&self) -> impl Iterator<Item = &(Region, Unresolved)> {
        self.parts.iter()
    }

    /// The sources of flows to one address about which there is doubt, each with its reason.
    pub(super) fn sources_to(
        &self,
        destination: IpAddr,
    ) -> impl Iterator<Item = (&AddressSet, &Unresolved)> {
        let parts =
            self.parts.iter().filter(move |(part, _)| part.destination.contains(destination));
        parts.map(|(part, reason)| (&part.source, reason))
    }

    /// The flows of `space` about which there is none.
    pub(super) fn without(
        &self,
        space: HeaderSpace,
        limits: &Limits,
    ) -> Result<HeaderSpace, LimitExceeded> {
        if self.parts.is_empty() {
            return Ok(space);
        }
        let parts: Vec<Region> = self.parts.iter().map(|(part, _)| part.clone()).collect();
        space.difference(&HeaderSpace::of_regions(&parts, limits)?, limits)
    }
}

/// The sets of addresses that tell apart who may hold them.
fn borders(
    topology: &Topology,
    places: &[Place<'_>],
    translations: &[Translation<'_>],
) -> Vec<AddressSet> {
    let network = topology.network();
    let ipv4 = AddressSet::range(Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::BROADCAST.into());
    let ipv6 = AddressSet::range(Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::from(u128::MAX).into());
    let internet = topology.service_tags().addresses(&ServiceTag::internet());
    let spaces = network.virtual_networks.iter().map(|one| &one.address_space);
    let subnets = network.subnets().map(|(_, subnet)| &subnet.prefixes);
    let blocks = spaces.chain(subnets).map(|blocks| blocks.iter().copied().map(AddressSet::from));
    let mut borders: Vec<AddressSet> = ipv4.into_iter().chain(ipv6).collect();
    borders.extend(internet.map(|internet| internet.as_ref().clone()));
    borders.extend(blocks.map(Iterator::collect::<AddressSet>));
    borders.extend(places.iter().map(|place| place.addresses.clone()));
    borders.extend(translations.iter().map(|one| AddressSet::from(one.public)));
    borders
}

/// The parts of a set that no border cuts, each with an address of it.
fn cells(set: &AddressSet, borders: &[AddressSet]) -> Vec<(IpAddr, AddressSet)> {
    let mut cells = vec![set.clone()];
    for border in borders {
        let cut = |cell: AddressSet| [cell.intersection(border), cell.difference(border)];
        cells = cells.into_iter().flat_map(cut).filter(|cell| !cell.is_empty()).collect();
    }
    cells.into_iter().filter_map(|cell| Some((cell.first()?, cell))).collect()
}
