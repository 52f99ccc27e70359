//! Whether a whole network keeps a contract: the gates at both ends of every flow.

use std::net::IpAddr;
use std::sync::Arc;

use super::doubts::Doubts;
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
    from_outside: HeaderSpace,
    /// Flows that do not end in the network.
    to_outside: HeaderSpace,
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
        let [of_sources, of_destinations] =
            Doubts::of_both(region, topology, &places, &translations);
        let from_outside = Region { source: private.complement(), ..region.clone() };
        let to_outside =
            Region { destination: private.union(&public).complement(), ..region.clone() };
        let mut ends = Self {
            limits,
            from_outside: of_sources.without(HeaderSpace::of_region(&from_outside), limits)?,
            to_outside: of_destinations.without(HeaderSpace::of_region(&to_outside), limits)?,
            sources: Vec::new(),
            destinations: Vec::new(),
        };
        for (direction, doubts, ends) in [
            (Direction::Outbound, &of_sources, &mut ends.sources),
            (Direction::Inbound, &of_destinations, &mut ends.destinations),
        ] {
            for place in &places {
                let mut flows = region.clone();
                let side = match direction {
                    Direction::Inbound => &mut flows.destination,
                    Direction::Outbound => &mut flows.source,
                };
                *side = side.intersection(&place.addresses);
                let flows = doubts.without(HeaderSpace::of_region(&flows), limits)?;
                ends.extend(End::of_place(place, topology, direction, flows, limits)?);
            }
            for (flows, reason) in doubts.iter() {
                ends.push(End::unknown(direction, flows, reason, limits)?);
            }
        }
        for translation in &translations {
            if !region.destination.contains(translation.public) {
                continue;
            }
            let mut told = region.source.clone();
            for (sources, _) in of_destinations.sources_to(translation.public) {
                told = told.difference(sources);
            }
            let mut behind = |source: AddressSet, seen: Seen| -> Result<(), LimitExceeded> {
                let destination = translation.public.into();
                let flows = Region { source, destination, ..region.clone() };
                let end = End::behind(translation, topology, &flows, seen, limits)?;
                ends.destinations.extend(end);
                Ok(())
            };
            for (sources, reason) in of_sources.sources_to(translation.public) {
                behind(told.intersection(sources), Seen::Unknown(reason.clone()))?;
                told = told.difference(sources);
            }
            behind(told.difference(&private), Seen::AsItIs)?;
            for place in &places {
                let seen = place.public_address(topology).map_or_else(
                    || Seen::Unknown(Unresolved::PublicAddress(place.id().clone())),
                    Seen::As,
                );
                behind(told.intersection(&place.addresses), seen)?;
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
        for (end, flows) in alone {
            let [certain, possible] = end.borders(flows, self.limits)?;
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
    /// Whose gates they are; `None` where that is not known.
    at: Option<ResourceId>,
    all: HeaderSpace,
    allowed: Allowed,
}

impl End {
    /// `None` when no flow has it.
    fn of_place(
        place: &Place<'_>,
        topology: &Topology,
        direction: Direction,
        all: HeaderSpace,
        limits: &Limits,
    ) -> Result<Option<Self>, LimitExceeded> {
        let Some(chain) = place.chain(topology, direction).filter(|_| !all.is_empty()) else {
            return Ok(None);
        };
        let gates = Gates::of_chain(&chain);
        let allowed = gates.allowed_within(&all.regions(limits)?, limits)?;
        let at = Some(place.id().clone());
        Ok(Some(Self { gates, source: None, destination: None, at, all, allowed }))
    }

    /// An end of which nobody knows whose it is: its gates may do anything.
    fn unknown(
        direction: Direction,
        flows: &Region,
        reason: &Unresolved,
        limits: &Limits,
    ) -> Result<Self, LimitExceeded> {
        let gates = Gates::unknown(direction, reason);
        let allowed = gates.allowed_within(std::slice::from_ref(flows), limits)?;
        let all = HeaderSpace::of_region(flows);
        Ok(Self { gates, source: None, destination: None, at: None, all, allowed })
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
        Ok(Some(Self { gates, source, destination, at: Some(at), all, allowed }))
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
        Reason { at: self.at.clone(), ..self.gates.reason(&lists, 0, &seen) }
    }
}
