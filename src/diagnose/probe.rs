//! A question about many packets at once, put to a row of gates.
//!
//! Bastion's hosts may stand anywhere in their subnet, so every address of it must get through;
//! of the users' addresses it is enough that one does. The addresses are therefore cut into parts
//! that no rule tells apart, each part is asked about by itself, and the answers are put together
//! as the question demands.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::eval::{Endpoint, FieldMatches, Match, Query, Trace, Verdict, trace_query};
use crate::model::{Direction, ResourceId, RuleName, SecurityGroup, SecurityRule, ServiceTag};
use crate::net::{AddressSet, Interval, PortSet};
use crate::path::{Chain, Gate, GateKind, GateRules};
use crate::resolve::{Dimension, Effect, Names, Rule, RuleKind, Ruleset, Side, Unresolved};

/// The ports that clients send from (RFC 6056 section 3.2).
pub(super) fn ephemeral_ports() -> PortSet {
    Interval::new(1024, u16::MAX).into_iter().collect()
}

/// One gate, ready to be asked.
pub(super) struct Station {
    gate: Gate,
    ruleset: Option<Arc<Ruleset>>,
    names: Arc<Names>,
    /// Where the user's rules of this direction stand in their group.
    places: OnceCell<HashMap<RuleName, usize>>,
}

impl Station {
    /// The gates of a chain.
    pub(super) fn of_chain(chain: &Chain) -> Vec<Self> {
        let names = Arc::new(chain.names().clone());
        chain
            .gates()
            .iter()
            .map(|gate| Self {
                gate: gate.clone(),
                ruleset: gate.ruleset().map(with_client_ports),
                names: Arc::clone(&names),
                places: OnceCell::new(),
            })
            .collect()
    }

    /// The gate of an interface that the input lacks: whatever group stands there may deny (S7.18).
    pub(super) fn of_unknown_interface(address: IpAddr) -> Self {
        let gate = Gate {
            kind: GateKind::NicInbound,
            applied_to: ResourceId::new(&address.to_string()),
            rules: GateRules::Unknown(Unresolved::Holder(address)),
        };
        Self { gate, ruleset: None, names: Arc::default(), places: OnceCell::new() }
    }

    pub(super) fn kind(&self) -> GateKind {
        self.gate.kind
    }

    pub(super) fn applied_to(&self) -> &ResourceId {
        &self.gate.applied_to
    }

    pub(super) fn rules(&self) -> &[Rule] {
        self.ruleset.as_ref().map_or(&[], |ruleset| ruleset.rules())
    }

    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    /// The security group at this gate, also one that is not in the input.
    pub(super) fn group(&self) -> Option<&ResourceId> {
        match &self.gate.rules {
            GateRules::Group { group, .. } => Some(group),
            GateRules::Unknown(Unresolved::SecurityGroup(id)) => Some(id),
            _ => None,
        }
    }

    /// The rule of that name in the group that stands at this gate, as its author wrote it.
    pub(super) fn written<'g>(
        &self,
        group: &'g SecurityGroup,
        name: &RuleName,
    ) -> Option<&'g SecurityRule> {
        let places = self.places.get_or_init(|| {
            let mut places = HashMap::new();
            for (place, rule) in group.rules.iter().enumerate() {
                if rule.direction.known().is_none_or(|one| *one == self.direction()) {
                    places.entry(rule.name.clone()).or_insert(place);
                }
            }
            places
        });
        group.rules.get(*places.get(name)?)
    }

    /// The network manager whose admin rules stand here.
    pub(super) fn manager(&self) -> Option<&ResourceId> {
        match &self.gate.rules {
            GateRules::Admin { manager, .. } => manager.as_ref(),
            _ => None,
        }
    }

    /// Why the rules here are not known, where they are not.
    pub(super) fn unknown(&self) -> Option<&Unresolved> {
        match &self.gate.rules {
            GateRules::Unknown(reason) => Some(reason),
            _ => None,
        }
    }

    pub(super) fn is_admin(&self) -> bool {
        matches!(self.gate.rules, GateRules::Admin { .. })
    }

    pub(super) fn direction(&self) -> Direction {
        match self.gate.kind {
            GateKind::AdminOutbound | GateKind::SubnetOutbound | GateKind::NicOutbound => {
                Direction::Outbound
            }
            _ => Direction::Inbound,
        }
    }

    /// The same gate as it looks to traffic that needs all of a tag: to allow a region of it,
    /// such as `AzureCloud.WestEurope`, is not to allow the tag.
    #[must_use]
    pub(super) fn without_regions_of(self, tag: &str) -> Self {
        let prefix = format!("{}.", tag.to_ascii_lowercase());
        let is_region = |tag: &ServiceTag| tag.as_str().to_ascii_lowercase().starts_with(&prefix);
        self.map_rules(|mut rule| {
            let tags = &rule.destination.tags;
            let names_regions_only = !tags.is_empty() && tags.iter().all(is_region);
            if rule.effect == Some(Effect::Allow) && names_regions_only {
                rule.destination = nothing(rule.destination);
            }
            rule
        })
    }

    /// The same gate as it looks to traffic that never comes from a tag's addresses.
    #[must_use]
    pub(super) fn without_source(self, tag: &ServiceTag) -> Self {
        self.map_rules(|mut rule| {
            if rule.source.tags.as_slice() == std::slice::from_ref(tag) {
                rule.source = nothing(rule.source);
            }
            rule
        })
    }

    fn map_rules(mut self, change: impl Fn(Rule) -> Rule) -> Self {
        self.ruleset = self.ruleset.map(|ruleset| {
            let rules = ruleset.rules().iter().cloned().map(change);
            Arc::new(Ruleset::new(ruleset.direction(), rules.collect(), ruleset.fallback()))
        });
        self
    }

    /// How a rule of this gate compares with all packets of the question.
    pub(super) fn compare(&self, rule: &Rule, query: &Query) -> FieldMatches {
        FieldMatches::of_query(rule, query, &self.names)
    }
}

/// A side that matches nothing and still tells its tags.
fn nothing(side: Side) -> Side {
    Side { tags: side.tags, ..Side::known(AddressSet::empty()) }
}

/// The same rules as they look to a client, whose port is ephemeral: a source-port list that
/// holds all such ports is as good as `*`, one that holds none matches nothing (S1.22).
fn with_client_ports(ruleset: &Arc<Ruleset>) -> Arc<Ruleset> {
    let is_restricted = |rule: &Rule| !rule.source_ports.known.is_full();
    if !ruleset.rules().iter().any(is_restricted) {
        return Arc::clone(ruleset);
    }
    let ephemeral = ephemeral_ports();
    let rules = ruleset.rules().iter().cloned().map(|mut rule| {
        let ports = &rule.source_ports;
        if ports.known.covers(&ephemeral) {
            rule.source_ports = Dimension::known(PortSet::full());
        } else if ports.unknown.is_empty() && !ports.known.overlaps(&ephemeral) {
            rule.source_ports = Dimension::known(PortSet::empty());
        }
        rule
    });
    Arc::new(Ruleset::new(ruleset.direction(), rules.collect(), ruleset.fallback()))
}

/// Which of the packets must get through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Demand {
    /// Those between every source and every destination.
    All,
    /// Those of some source: nobody said which.
    SomeSource,
    /// Those to one destination: the input does not say which.
    OneDestination,
}

/// What a row of gates does with the packets of a question.
pub(super) struct Passage {
    /// Whether they get through as demanded.
    pub(super) verdict: Verdict,
    /// One per station, in order; `None` where an admin rule has already delivered everything.
    pub(super) stops: Vec<Option<Stop>>,
    /// With [`Demand::SomeSource`]: the sources that certainly get through and those that do not.
    pub(super) allowed_sources: AddressSet,
    pub(super) other_sources: AddressSet,
}

/// What one gate does with the packets.
pub(super) struct Stop {
    /// The worst answer for any of them.
    pub(super) verdict: Verdict,
    /// The walk that gave it.
    pub(super) trace: Option<Trace>,
    /// Every rule that denies some of them, or that may.
    pub(super) deniers: Vec<usize>,
    /// The rules that certainly deny some of them, in the order they are looked at, each with
    /// the sources it denies as far as they are addresses.
    pub(super) denials: Vec<(usize, AddressSet)>,
}

/// Puts `query` to the stations.
pub(super) fn ask(stations: &[Station], query: &Query, demand: Demand) -> Passage {
    let sources = parts(query.source(), stations, query, |rule| &rule.source);
    let destinations = parts(query.destination(), stations, query, |rule| &rule.destination);
    let (outer, inner, outer_is_source) = match demand {
        Demand::OneDestination => (destinations, sources, false),
        Demand::SomeSource | Demand::All => (sources, destinations, true),
    };
    let mut rounds: Vec<Round> = outer
        .iter()
        .map(|outer_part| {
            let walks = inner.iter().map(|inner_part| {
                let (source, destination) = if outer_is_source {
                    (outer_part, inner_part)
                } else {
                    (inner_part, outer_part)
                };
                Walk::new(stations, query, source, destination)
            });
            let walks: Vec<Walk> = walks.collect();
            Round { part: outer_part.clone(), verdict: all(walks.iter().map(|w| w.verdict)), walks }
        })
        .collect();
    let sources_where = |wanted: fn(Verdict) -> bool| {
        let parts = rounds.iter().filter(|round| wanted(round.verdict));
        parts
            .filter_map(|round| addresses(&round.part))
            .fold(AddressSet::empty(), |a, b| a.union(b))
    };
    let allowed_sources = sources_where(|verdict| verdict == Verdict::Allow);
    let other_sources = sources_where(|verdict| verdict != Verdict::Allow);
    let verdicts = || rounds.iter().map(|round| round.verdict);
    let verdict = match demand {
        Demand::All => all(verdicts()),
        Demand::SomeSource => some(verdicts()),
        Demand::OneDestination => one(verdicts()),
    };
    if demand == Demand::SomeSource {
        // What is shown is the best that a client can get.
        rounds.retain(|round| round.verdict == verdict);
        rounds.truncate(1);
    }
    let is_open: Vec<bool> = (0..stations.len())
        .map(|station| demand == Demand::OneDestination && differs_at(station, &rounds))
        .collect();
    let walks: Vec<Walk> = rounds.into_iter().flat_map(|round| round.walks).collect();
    let stops = is_open.into_iter().enumerate().map(|(index, is_open)| {
        let mut stop = stop_at(index, &walks)?;
        if is_open {
            stop.verdict = Verdict::Indeterminate;
        }
        Some(stop)
    });
    let stops = stops.collect();
    Passage { verdict, stops, allowed_sources, other_sources }
}

/// Whether a gate treats the destinations differently of which the input does not say which it is.
fn differs_at(station: usize, rounds: &[Round]) -> bool {
    let verdicts = rounds.iter().map(|round| {
        let answers = round.walks.iter().filter_map(|walk| walk.answers.get(station)?.as_ref());
        all(answers.map(|(verdict, _)| *verdict))
    });
    one(verdicts) == Verdict::Indeterminate
}

struct Round {
    part: Endpoint,
    verdict: Verdict,
    walks: Vec<Walk>,
}

/// The way of packets that no rule tells apart.
struct Walk {
    source: Endpoint,
    verdict: Verdict,
    answers: Vec<Option<(Verdict, Option<Trace>)>>,
}

impl Walk {
    fn new(stations: &[Station], query: &Query, source: &Endpoint, destination: &Endpoint) -> Self {
        let part = Query::new(
            query.protocol(),
            source.clone(),
            destination.clone(),
            query.destination_port(),
        )
        // The parts of a query's endpoints make a query: they are of its families and not empty.
        .unwrap_or_else(|_| query.clone());
        let mut answers = Vec::with_capacity(stations.len());
        let mut delivered = (Direction::Outbound, Match::No);
        for station in stations {
            if delivered.0 != station.direction() {
                delivered = (station.direction(), Match::No);
            }
            if delivered.1 == Match::Yes {
                answers.push(None);
                continue;
            }
            let Some(ruleset) = &station.ruleset else {
                answers.push(Some((Verdict::Indeterminate, None)));
                continue;
            };
            let trace = trace_query(ruleset, &part, &station.names);
            let outcomes = trace.decision.outcomes();
            // What may have been delivered already is not certainly denied by a later gate.
            let verdict = match (delivered.1, trace.decision.verdict()) {
                (Match::Unknown, Verdict::Deny) => Verdict::Indeterminate,
                (_, verdict) => verdict,
            };
            if outcomes.always_allow {
                let only = !outcomes.allow && !outcomes.deny && !outcomes.pass;
                delivered.1 = if only { Match::Yes } else { Match::Unknown };
            }
            answers.push(Some((verdict, Some(trace))));
        }
        let verdict = all(answers.iter().flatten().map(|(verdict, _)| *verdict));
        Self { source: source.clone(), verdict, answers }
    }
}

fn stop_at(station: usize, walks: &[Walk]) -> Option<Stop> {
    let mut stop: Option<Stop> = None;
    for walk in walks {
        let Some(Some((verdict, trace))) = walk.answers.get(station) else { continue };
        let stop = stop.get_or_insert_with(|| Stop {
            verdict: *verdict,
            trace: trace.clone(),
            deniers: Vec::new(),
            denials: Vec::new(),
        });
        if badness(*verdict) > badness(stop.verdict) {
            stop.verdict = *verdict;
            stop.trace = trace.clone();
        }
        if *verdict == Verdict::Allow {
            continue;
        }
        let decision = trace.as_ref().map(|trace| &trace.decision);
        if *verdict == Verdict::Deny
            && let Some(rule) = decision.and_then(|decision| decision.rule_index())
        {
            let source = addresses(&walk.source).cloned().unwrap_or_default();
            match stop.denials.iter_mut().find(|(one, _)| *one == rule) {
                Some((_, sources)) => *sources = sources.union(&source),
                None => stop.denials.push((rule, source)),
            }
        }
        let rules = decision
            .into_iter()
            .flat_map(|decision| decision.undecided().iter().copied().chain(decision.rule_index()));
        for rule in rules {
            if !stop.deniers.contains(&rule) {
                stop.deniers.push(rule);
            }
        }
    }
    if let Some(stop) = &mut stop {
        stop.deniers.sort_unstable();
        stop.denials.sort_by_key(|(rule, _)| *rule);
    }
    stop
}

impl Stop {
    /// The rule that decides, or that decides unless an unknown one does.
    pub(super) fn rule<'a>(&self, station: &'a Station) -> Option<&'a Rule> {
        station.rules().get(self.trace.as_ref()?.decision.rule_index()?)
    }

    /// The rules that deny some of the packets, or may, in the order they are looked at.
    pub(super) fn denying<'a>(
        &'a self,
        station: &'a Station,
    ) -> impl Iterator<Item = (usize, &'a Rule)> {
        self.deniers
            .iter()
            .filter_map(|&index| station.rules().get(index).map(|rule| (index, rule)))
            .filter(|(_, rule)| matches!(rule.effect, Some(Effect::Deny) | None))
    }

    /// The rules that may match and leave the answer open.
    pub(super) fn undecided<'a>(&'a self, station: &'a Station) -> impl Iterator<Item = &'a Rule> {
        let trace = self.trace.as_ref().filter(|_| self.verdict == Verdict::Indeterminate);
        let undecided = trace.into_iter().flat_map(|trace| trace.decision.undecided());
        undecided.filter_map(|&index| station.rules().get(index))
    }

    /// What is not known about these rules.
    pub(super) fn unresolved<'a>(
        &'a self,
        station: &'a Station,
    ) -> impl Iterator<Item = (&'a Rule, &'a Unresolved)> {
        self.undecided(station)
            .flat_map(|rule| rule.unresolved().map(move |unresolved| (rule, unresolved)))
    }
}

/// The user's rules that allow, in order, with their places.
pub(super) fn custom_allows(station: &Station) -> impl Iterator<Item = (usize, &Rule)> {
    station
        .rules()
        .iter()
        .enumerate()
        .filter(|(_, rule)| rule.kind == RuleKind::Custom && rule.effect == Some(Effect::Allow))
}

pub(super) fn addresses(endpoint: &Endpoint) -> Option<&AddressSet> {
    match endpoint {
        Endpoint::Addresses(addresses) => Some(addresses),
        _ => None,
    }
}

/// Cuts the addresses of an endpoint at the edges of every rule that could match the packets
/// otherwise. Tags and `*` stay whole and are compared by name (S7.27).
fn parts(
    endpoint: &Endpoint,
    stations: &[Station],
    query: &Query,
    side: impl Fn(&Rule) -> &Side,
) -> Vec<Endpoint> {
    let Some(whole) = addresses(endpoint) else { return vec![endpoint.clone()] };
    let mut parts = vec![whole.clone()];
    let concerned = stations.iter().flat_map(Station::rules).filter(|rule| {
        query.destination_port().is_none_or(|port| {
            rule.destination_ports.known.contains(port)
                || !rule.destination_ports.unknown.is_empty()
        })
    });
    for rule in concerned {
        let side = side(rule);
        for edge in [&side.known, &side.possible] {
            if edge.is_full() || edge.covers(whole) || !edge.overlaps(whole) {
                continue;
            }
            parts = parts
                .iter()
                .flat_map(|part| [part.intersection(edge), part.difference(edge)])
                .filter(|part| !part.is_empty())
                .collect();
        }
    }
    parts.into_iter().map(Endpoint::Addresses).collect()
}

fn badness(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Allow => 0,
        Verdict::Indeterminate => 1,
        Verdict::Deny => 2,
    }
}

/// Whether all get through.
pub(super) fn all(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    verdicts.max_by_key(|verdict| badness(*verdict)).unwrap_or(Verdict::Allow)
}

/// Whether at least one gets through.
fn some(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    verdicts.min_by_key(|verdict| badness(*verdict)).unwrap_or(Verdict::Deny)
}

/// Whether a certain one gets through, when it is not known which it is.
fn one(mut verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    let first = verdicts.next().unwrap_or(Verdict::Indeterminate);
    if verdicts.all(|verdict| verdict == first) { first } else { Verdict::Indeterminate }
}
