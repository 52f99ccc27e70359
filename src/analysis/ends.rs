//! Whether a whole network keeps a contract: the gates at both ends of every flow.

use std::net::IpAddr;
use std::sync::Arc;

use super::places::{Place, Translation, places, translations};
use super::{Contract, Counterexample, Gates, Judgement, Reason};
use crate::model::{Access, Direction, Flow, ResourceId};
use crate::net::AddressSet;
use crate::resolve::{Topology, Unresolved};
use crate::space::{Allowed, HeaderSpace, LimitExceeded, Limits, Lists, Region};

/// See [`Contract::check_network`].
pub(super) fn check(
    contract: &Contract,
    topology: &Topology,
    limits: &Limits,
) -> Result<Judgement, LimitExceeded> {
    let ends = Ends::new(contract, topology, limits)?;
    match contract.access {
        Access::Allow => ends.all_pass(),
        Access::Deny => ends.none_passes(),
    }
}

/// The ends that flows of a contract have in a network, with what each lets pass.
struct Ends<'a> {
    limits: &'a Limits,
    /// Flows that do not begin in the network: nothing leaves it from a public address.
    from_outside: Region,
    /// Flows that do not end in the network.
    to_outside: Region,
    sources: Vec<End>,
    destinations: Vec<End>,
}

impl<'a> Ends<'a> {
    fn new(
        contract: &'a Contract,
        topology: &Topology,
        limits: &'a Limits,
    ) -> Result<Self, LimitExceeded> {
        let region = &contract.region;
        let places = places(topology);
        let private: AddressSet = places.iter().map(|place| place.addresses.clone()).collect();
        let translations = translations(topology, &private);
        let public: AddressSet =
            translations.iter().map(|one| AddressSet::from(one.public)).collect();
        let mut ends = Self {
            limits,
            from_outside: Region { source: private.complement(), ..Region::full() },
            to_outside: Region {
                destination: private.union(&public).complement(),
                ..Region::full()
            },
            sources: Vec::new(),
            destinations: Vec::new(),
        };
        for place in &places {
            let source = region.source.intersection(&place.addresses);
            let flows = Region { source, ..region.clone() };
            ends.sources.extend(End::of_place(
                place,
                topology,
                Direction::Outbound,
                flows,
                limits,
            )?);
            let destination = region.destination.intersection(&place.addresses);
            let flows = Region { destination, ..region.clone() };
            let end = End::of_place(place, topology, Direction::Inbound, flows, limits)?;
            ends.destinations.extend(end);
        }
        for translation in &translations {
            if !region.destination.contains(translation.public) {
                continue;
            }
            let mut behind = |source: AddressSet, seen: Seen| -> Result<(), LimitExceeded> {
                let destination = translation.public.into();
                let flows = Region { source, destination, ..region.clone() };
                let end = End::behind(translation, topology, &flows, seen, limits)?;
                ends.destinations.extend(end);
                Ok(())
            };
            behind(region.source.difference(&private), Seen::AsItIs)?;
            for place in &places {
                let seen = place.public_address(topology).map_or_else(
                    || Seen::Unknown(Unresolved::PublicAddress(place.id().clone())),
                    Seen::As,
                );
                behind(region.source.intersection(&place.addresses), seen)?;
            }
        }
        Ok(ends)
    }

    /// Every end must let every flow pass.
    fn all_pass(&self) -> Result<Judgement, LimitExceeded> {
        let mut unknown = None;
        for end in self.sources.iter().chain(&self.destinations) {
            let rest = end.all.difference(&end.allowed.certain, self.limits)?;
            let denied = end.all.difference(&end.allowed.possible, self.limits)?;
            if let Some(example) = self.example(denied, &[end])? {
                return Ok(Judgement::Fails(example));
            }
            if unknown.is_none() {
                unknown = self.example(rest, &[end])?;
            }
        }
        Ok(unknown.map_or(Judgement::Holds, Judgement::Unknown))
    }

    /// One end of every flow must stop it.
    fn none_passes(&self) -> Result<Judgement, LimitExceeded> {
        let mut unknown = None;
        let alone = self.destinations.iter().map(|end| (end, &self.from_outside));
        let alone = alone.chain(self.sources.iter().map(|end| (end, &self.to_outside)));
        for (end, region) in alone {
            let [certain, possible] = end.borders(&HeaderSpace::of_region(region), self.limits)?;
            if let Some(example) = self.example(certain, &[end])? {
                return Ok(Judgement::Fails(example));
            }
            if unknown.is_none() {
                unknown = self.example(possible, &[end])?;
            }
        }
        for to in self.destinations.iter().filter(|end| !end.allowed.possible.is_empty()) {
            for from in &self.sources {
                let [_, arriving] = to.borders(&from.allowed.possible, self.limits)?;
                if arriving.is_empty() {
                    continue;
                }
                let [certain, _] = to.borders(&from.allowed.certain, self.limits)?;
                if let Some(example) = self.example(certain, &[from, to])? {
                    return Ok(Judgement::Fails(example));
                }
                if unknown.is_none() {
                    unknown = self.example(arriving, &[from, to])?;
                }
            }
        }
        Ok(unknown.map_or(Judgement::Holds, Judgement::Unknown))
    }

    /// A flow of these that goes from one address to another: what a machine sends to itself
    /// meets no gate (S3.17).
    fn example(
        &self,
        mut flows: HeaderSpace,
        ends: &[&End],
    ) -> Result<Option<Box<Counterexample>>, LimitExceeded> {
        while let Some(flow) = flows.witness() {
            if flow.source() != flow.destination() {
                let reasons = ends.iter().map(|end| end.reason(&flow)).collect();
                return Ok(Some(Box::new(Counterexample { flow, reasons, flows })));
            }
            let own = flow.source();
            let itself = Region { source: own.into(), destination: own.into(), ..Region::full() };
            flows = flows.difference(&HeaderSpace::of_region(&itself), self.limits)?;
        }
        Ok(None)
    }
}

/// What the gates behind a public address see of a flow (S3.21).
enum Seen {
    /// The source as it is.
    AsItIs,
    /// The public address of the source.
    As(IpAddr),
    /// Another source, and nobody knows which.
    Unknown(Unresolved),
}

/// One end, for the flows of a contract that have it.
struct End {
    gates: Gates,
    /// What the gates see in place of the flow's addresses.
    source: Option<IpAddr>,
    destination: Option<IpAddr>,
    at: ResourceId,
    all: HeaderSpace,
    allowed: Allowed,
}

impl End {
    /// `None` when no flow of the region has it.
    fn of_place(
        place: &Place<'_>,
        topology: &Topology,
        direction: Direction,
        flows: Region,
        limits: &Limits,
    ) -> Result<Option<Self>, LimitExceeded> {
        let all = HeaderSpace::of_region(&flows);
        let Some(chain) = place.chain(topology, direction).filter(|_| !all.is_empty()) else {
            return Ok(None);
        };
        let gates = Gates::of_chain(&chain);
        let allowed = gates.allowed_within(&[flows], limits)?;
        let at = place.id().clone();
        Ok(Some(Self { gates, source: None, destination: None, at, all, allowed }))
    }

    /// The end behind a public address, which is the only destination of `flows`.
    fn behind(
        translation: &Translation<'_>,
        topology: &Topology,
        flows: &Region,
        seen: Seen,
        limits: &Limits,
    ) -> Result<Option<Self>, LimitExceeded> {
        let all = HeaderSpace::of_region(flows);
        if all.is_empty() {
            return Ok(None);
        }
        let chain = translation.chain(topology);
        let at = translation.interface.id.clone();
        let (gates, source) = match (seen, translation.private) {
            (Seen::Unknown(reason), _) if !chain.gates().is_empty() => {
                (Gates::unknown(chain.direction(), &reason), None)
            }
            (_, None) if !chain.gates().is_empty() => {
                let reason = Unresolved::InterfaceAddress(at.clone());
                (Gates::unknown(chain.direction(), &reason), None)
            }
            (Seen::As(address), _) => (Gates::of_chain(&chain), Some(address)),
            _ => (Gates::of_chain(&chain), None),
        };
        let destination = translation.private;
        let region = Region {
            source: source.map_or_else(|| flows.source.clone(), AddressSet::from),
            destination: destination.map_or_else(|| flows.destination.clone(), AddressSet::from),
            ..flows.clone()
        };
        let allowed = gates.allowed_within(&[region], limits)?;
        let back = |space: &HeaderSpace| -> Result<HeaderSpace, LimitExceeded> {
            let mut regions = space.regions(limits)?;
            for region in &mut regions {
                region.destination.clone_from(&flows.destination);
                if source.is_some() {
                    region.source.clone_from(&flows.source);
                }
            }
            HeaderSpace::of_regions(&regions, limits)
        };
        let allowed =
            Allowed { certain: back(&allowed.certain)?, possible: back(&allowed.possible)? };
        Ok(Some(Self { gates, source, destination, at, all, allowed }))
    }

    /// The certain and the possible flows of `within` that it lets pass.
    fn borders(
        &self,
        within: &HeaderSpace,
        limits: &Limits,
    ) -> Result<[HeaderSpace; 2], LimitExceeded> {
        let certain = self.allowed.certain.intersection(within, limits)?;
        Ok([certain, self.allowed.possible.intersection(within, limits)?])
    }

    fn reason(&self, flow: &Flow) -> Reason {
        let (source, destination) =
            (self.source.unwrap_or(flow.source()), self.destination.unwrap_or(flow.destination()));
        let seen = flow.between(source, destination).unwrap_or(*flow);
        let lists = Lists::new(self.gates.rulesets().iter().map(Arc::as_ref));
        Reason { at: Some(self.at.clone()), ..self.gates.reason(&lists, 0, &seen) }
    }
}
