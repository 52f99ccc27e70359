//! Lists of rules as boxes: the ground that questions about rulesets stand on.

use std::collections::HashMap;
use std::ops::Range;

use super::apart::Apart;
use super::boxes::{FlowBox, Ground};
use super::diagram::{Diagram, NodeId};
use super::limits::{LimitExceeded, Meter};
use super::sweep::{Place, Question, sweep};
use super::{Corner, Coverage, HeaderSpace, Left, Limits, Region};
use crate::model::{Flow, Priority};
use crate::net::{AddressSet, PortSet, ProtocolSet};
use crate::resolve::{Effect, Fallback, Rule, RuleKind, Ruleset, Unresolved};

/// What may become of a flow at one list, as a set of outcomes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Effects(u8);

impl Effects {
    /// It goes on to the next list, or passes if there is none: an allow, or for admin rules no
    /// match either (S6.4).
    pub(crate) const GO_ON: Self = Self(1);
    /// It is dropped.
    pub(crate) const DROP: Self = Self(2);
    /// It is delivered and no further list is asked (S6.4).
    pub(crate) const DELIVER: Self = Self(4);

    fn of_rule(rule: &Rule) -> Self {
        match (rule.effect, rule.kind) {
            (Some(Effect::Allow), _) => Self::GO_ON,
            (Some(Effect::Deny), _) => Self::DROP,
            (Some(Effect::AlwaysAllow), _) => Self::DELIVER,
            (None, RuleKind::Admin) => Self::GO_ON.or(Self::DROP).or(Self::DELIVER),
            (None, _) => Self::GO_ON.or(Self::DROP),
        }
    }

    fn of_fallback(fallback: Fallback) -> Self {
        match fallback {
            Fallback::Deny => Self::DROP,
            Fallback::Pass => Self::GO_ON,
        }
    }

    pub(crate) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn may(self, effect: Self) -> bool {
        self.0 & effect.0 != 0
    }

    pub(crate) fn is_one(self) -> bool {
        self.0.is_power_of_two()
    }
}

/// What a rule looks like to a question: one entry when all about it is known, else one for
/// what it possibly matches and, right after, one for what it certainly does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// The number of its list.
    pub(crate) list: usize,
    /// The index of its rule.
    pub(crate) rule: usize,
    /// Whether a flow in its box certainly matches.
    pub(crate) is_certain: bool,
    pub(crate) effects: Effects,
    /// Whether its number is not known. Such rules come first in a list (S3.8) and may yet stand
    /// before or after any that have a [`place`](Self::place).
    pub(crate) is_anywhere: bool,
    /// Its number, unless every rule whose number is not known comes before it, as before a
    /// default rule.
    pub(crate) place: Option<Priority>,
    /// Equal for entries that match the same flows and do the same, however what is unknown
    /// about them turns out.
    content: u32,
}

/// What an entry matches and does and, where it matters, its place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Look {
    effects: Effects,
    content: u32,
    place: Option<Priority>,
}

/// Rulesets as boxes over one ground. The entries of a list follow each other.
#[derive(Debug)]
pub(crate) struct Lists {
    entries: Vec<Entry>,
    boxes: Vec<FlowBox>,
    fallbacks: Vec<Effects>,
    /// Where the boxes of the regions begin that questions are narrowed to.
    focus: usize,
    /// Where four boxes of all flows begin, which stand for a side whose fate is settled.
    settled: usize,
    /// The boxes that sweeps look at, ascending.
    asked: Vec<u32>,
    ground: Ground,
}

impl Lists {
    pub(crate) fn new<'a>(rulesets: impl IntoIterator<Item = &'a Ruleset>) -> Self {
        Self::within(rulesets, &[])
    }

    /// The same, with regions to which questions can be narrowed.
    pub(crate) fn within<'a>(
        rulesets: impl IntoIterator<Item = &'a Ruleset>,
        regions: &[Region],
    ) -> Self {
        let mut draft = Draft::default();
        rulesets.into_iter().for_each(|ruleset| draft.add(ruleset));
        draft.within(regions)
    }

    /// The lists of two sides for questions about where they do different things. Only flows of
    /// rules are looked at that the sides do not share or have in another order, if such rules
    /// are few.
    pub(crate) fn apart<'a>(
        one: impl IntoIterator<Item = &'a Ruleset>,
        other: impl IntoIterator<Item = &'a Ruleset>,
    ) -> Self {
        let mut draft = Draft::default();
        one.into_iter().for_each(|ruleset| draft.add(ruleset));
        let first = draft.fallbacks.len();
        other.into_iter().for_each(|ruleset| draft.add(ruleset));
        let mut lists = draft.place(std::iter::empty());
        match lists.unshared(first) {
            Some(unshared) => {
                let is_near = |id: &u32| unshared.iter().any(|&one| lists.ground.meet(one, *id));
                lists.asked = lists.asked.iter().copied().filter(is_near).collect();
                lists.focus(&unshared);
            }
            None => lists.focus(&[]),
        }
        lists
    }

    /// Narrows questions to what these boxes hold, if there are any.
    fn focus(&mut self, boxes: &[u32]) {
        let ids = u32::try_from(self.focus).unwrap_or(u32::MAX)..;
        self.asked.extend(ids.zip(boxes).map(|(id, _)| id));
        self.ground.repeat(boxes);
        self.settled = self.focus.saturating_add(boxes.len());
        // The last box that was placed is that of all flows.
        let all = u32::try_from(self.focus.saturating_sub(1)).unwrap_or(u32::MAX);
        self.ground.repeat(&[all; 4]);
    }

    /// Entries such that flows that lie in none of them meet rules on both sides that do the
    /// same. `None` when they are many, or the sides are not comparable list by list.
    fn unshared(&self, first: usize) -> Option<Vec<u32>> {
        // Finding what meets so many must not cost more than it saves.
        const FEW: usize = 32;
        let (one, other) = self.fallbacks.split_at_checked(first)?;
        if one != other {
            return None;
        }
        let mut unshared = Vec::new();
        for list in 0..first {
            let [one, other] = [list, list.saturating_add(first)].map(|list| self.ids(list));
            let contents = |ids: &[u32]| self.looks(ids);
            let apart = Apart::new(&contents(&one), &contents(&other));
            unshared.extend(apart.lost.iter().filter_map(|&place| one.get(place)));
            unshared.extend(apart.new.iter().filter_map(|&place| other.get(place)));
            for &(place, second) in &apart.moved {
                let Some(&id) = one.get(place) else { continue };
                let passed = apart.kept.iter().filter(|kept| (kept.0 < place) != (kept.1 < second));
                let mut passed = passed.filter_map(|kept| one.get(kept.0));
                if passed.any(|&other| self.order_matters(id, other)) {
                    unshared.push(id);
                }
                if unshared.len() > FEW {
                    return None;
                }
            }
        }
        (unshared.len() <= FEW).then_some(unshared)
    }

    /// The entries of a list.
    fn ids(&self, list: usize) -> Vec<u32> {
        let own = (0..).zip(&self.entries).filter(|(_, entry)| entry.list == list);
        own.map(|(id, _)| id).collect()
    }

    /// Whether it may matter to some flow which of two entries of a list comes first.
    fn order_matters(&self, one: u32, other: u32) -> bool {
        let effects = |id| self.entry(id).map(|entry| entry.effects);
        let is_same = effects(one) == effects(other) && effects(one).is_some_and(Effects::is_one);
        !is_same && self.ground.meet(one, other)
    }

    pub(crate) fn entry(&self, id: u32) -> Option<&Entry> {
        self.entries.get(usize::try_from(id).ok()?)
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = (u32, &Entry)> {
        (0..).zip(&self.entries)
    }

    /// Whether all about the rule of an entry is known, so that it is the only one.
    pub(crate) fn is_known(&self, id: u32) -> bool {
        let Some(entry) = self.entry(id).filter(|entry| entry.is_certain) else { return false };
        let before = id.checked_sub(1).and_then(|id| self.entry(id));
        before.is_none_or(|one| (one.list, one.rule) != (entry.list, entry.rule))
    }

    /// Whether some flow lies in two entries.
    pub(crate) fn meet(&self, one: u32, other: u32) -> bool {
        self.ground.meet(one, other)
    }

    pub(crate) fn entry_count(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn len(&self) -> usize {
        self.fallbacks.len()
    }

    /// The numbers of the lists.
    pub(crate) fn numbers(&self) -> Range<usize> {
        0..self.len()
    }

    pub(crate) fn is_last(&self, list: usize) -> bool {
        list.saturating_add(1) >= self.len()
    }

    /// For every entry, whether some flow in its box may match this rule.
    pub(crate) fn near(&self, (list, rule): (usize, usize)) -> Vec<bool> {
        let mut all = (0..).zip(&self.entries);
        let own = all.find(|(_, entry)| (entry.list, entry.rule) == (list, rule));
        let Some((own, _)) = own else { return Vec::new() };
        let ids = (0..).zip(&self.entries).map(|(id, _)| id);
        ids.map(|id| self.ground.meet(own, id)).collect()
    }

    pub(crate) fn fallback(&self, list: usize) -> Effects {
        self.fallbacks.get(list).copied().unwrap_or(Effects::DROP)
    }

    /// What entries of a list match and do, and where they stand if that is not told by their
    /// order.
    fn looks(&self, ids: &[u32]) -> Vec<Look> {
        let is_ordered = self.are_ordered(ids);
        let entries = ids.iter().filter_map(|&id| self.entry(id));
        entries
            .map(|entry| {
                let place = if is_ordered { None } else { entry.place };
                Look { effects: entry.effects, content: entry.content, place }
            })
            .collect()
    }

    /// Whether the order of entries of a list is known.
    fn are_ordered(&self, ids: &[u32]) -> bool {
        !ids.iter().any(|&id| self.is_anywhere(id))
    }

    fn is_anywhere(&self, id: u32) -> bool {
        self.entry(id).is_some_and(|entry| entry.is_anywhere)
    }

    /// Whether two runs of entries match the same flows in the same order and do the same; the
    /// order of neighbours that do the same does not matter.
    fn do_the_same(&self, one: &[u32], other: &[u32]) -> bool {
        if one.len() != other.len() {
            return false;
        }
        let (mut looks, mut others) = (self.looks(one), self.looks(other));
        if looks == others {
            return true;
        }
        // A rule that may stand anywhere may stand between neighbours that do the same.
        if !self.are_ordered(one) {
            return false;
        }
        for side in [&mut looks, &mut others] {
            for run in side.chunk_by_mut(|a, b| a.effects == b.effects && a.effects.is_one()) {
                run.sort_unstable_by_key(|look| look.content);
            }
        }
        looks == others
    }

    /// Where an entry stands; `None` for other boxes.
    pub(crate) fn place(&self, id: u32) -> Option<Place> {
        self.entry(id).map(|entry| Place { list: entry.list, ends: entry.is_certain })
    }

    fn is_focus(&self, id: u32) -> bool {
        usize::try_from(id).is_ok_and(|id| id >= self.focus)
    }

    /// The box that stands for a side, first or second, whose fate is settled.
    pub(crate) fn settled(&self, is_second: bool, fate: Fate) -> Option<u32> {
        let place = match (is_second, fate) {
            (_, Fate::Open) => return None,
            (false, Fate::Dropped) => 0,
            (false, Fate::Passed) => 1,
            (true, Fate::Dropped) => 2,
            (true, Fate::Passed) => 3,
        };
        u32::try_from(self.settled.saturating_add(place)).ok()
    }

    /// Takes the boxes of settled sides from the end of `active`.
    pub(crate) fn take_settled(&self, active: &mut Vec<u32>) -> [Option<Fate>; 2] {
        let mut fates = [None, None];
        while let Some(&id) = active.last() {
            let place = usize::try_from(id).ok().and_then(|id| id.checked_sub(self.settled));
            let fate = match place {
                None => break,
                Some(0 | 2) => Fate::Dropped,
                Some(_) => Fate::Passed,
            };
            let side = usize::from(place >= Some(2));
            if let Some(side) = fates.get_mut(side) {
                *side = Some(fate);
            }
            active.pop();
        }
        fates
    }

    /// Sweeps over all flows.
    pub(crate) fn ask(
        &self,
        question: &mut impl Question,
        meter: &mut Meter,
    ) -> Result<Answer, LimitExceeded> {
        sweep(&self.ground, &self.asked, question, meter).map(Answer)
    }

    /// Whether all flows of the piece lie in one of the regions a question is narrowed to, if it
    /// is; `None` when none lies in any. A region that covers the piece makes the others
    /// superfluous.
    pub(crate) fn narrow(
        &self,
        active: &mut Vec<u32>,
        covers: impl Fn(u32) -> bool,
    ) -> Option<bool> {
        if self.focus == self.settled {
            return Some(true);
        }
        let start = active.partition_point(|&id| !self.is_focus(id));
        let covering = active.iter().skip(start).copied().find(|&id| covers(id));
        if let Some(covering) = covering {
            active.truncate(start);
            active.push(covering);
        }
        (active.len() > start).then_some(covering.is_some())
    }

    /// Cuts the entries of `active` into lists and drops those that cannot matter there; what
    /// is dropped is gone from `active` too.
    pub(crate) fn trim(&self, active: &mut Vec<u32>, covers: impl Fn(u32) -> bool) -> Vec<Trimmed> {
        let mut lists = Vec::with_capacity(self.len());
        let mut kept: Vec<u32> = Vec::with_capacity(active.len());
        let mut rest = active.as_slice();
        for (list, &fallback) in self.fallbacks.iter().enumerate() {
            let count =
                rest.partition_point(|&id| self.entry(id).is_some_and(|entry| entry.list <= list));
            let (own, later) = rest.split_at(count);
            rest = later;
            let start = kept.len();
            let mut end = fallback;
            let mut last = None;
            for &id in own {
                let Some(entry) = self.entry(id) else { continue };
                if entry.is_certain && covers(id) {
                    (end, last) = (entry.effects, Some((id, entry.place)));
                    break;
                }
                kept.push(id);
            }
            // Whether a rule matches does not matter where what comes after does the same, unless
            // a rule without a number that does something else may stand between them.
            let does_the_same =
                |id: &u32| end.is_one() && self.entry(*id).is_some_and(|one| one.effects == end);
            let before = kept.get(start..).unwrap_or_default();
            let is_split = before.iter().any(|id| self.is_anywhere(*id) && !does_the_same(id));
            if !is_split {
                let same = before.iter().rev().take_while(|id| does_the_same(id)).count();
                kept.truncate(kept.len().saturating_sub(same));
            }
            let place = last.and_then(|(_, place)| place).filter(|_| is_split);
            let last = last.map(|(id, _)| id).filter(|_| end != fallback || place.is_some());
            let own = kept.get(start..).unwrap_or_default();
            let effects = own
                .iter()
                .filter_map(|&id| self.entry(id))
                .fold(end, |all, one| all.or(one.effects));
            let is_exact = own.iter().all(|&id| covers(id));
            let undecided = start..kept.len();
            kept.extend(last);
            lists.push(Trimmed {
                undecided,
                end: kept.len(),
                effects,
                is_exact,
                last: (end, place),
            });
        }
        kept.extend(rest);
        *active = kept;
        lists
    }

    /// What entries leave of the flows that lie in all entries of `inside`.
    pub(crate) fn coverage(
        &self,
        inside: &[u32],
        by: &[u32],
        meter: &mut Meter,
    ) -> Result<Coverage, LimitExceeded> {
        self.ground.coverage(inside, by, meter)
    }

    /// What entries left, as a set of flows.
    pub(crate) fn left(&self, left: &Left) -> HeaderSpace {
        HeaderSpace::of_region(&self.ground.region(left))
    }

    /// The entries that meet another one, ascending.
    pub(crate) fn meeting(&self, id: u32) -> impl Iterator<Item = (u32, &Entry)> {
        let all = (0..).zip(&self.entries);
        all.filter(move |&(other, _)| self.ground.meet(id, other))
    }

    /// For each rule of the only list, the entry of all that it may match.
    pub(crate) fn rules(&self) -> impl Iterator<Item = (u32, &Entry)> {
        let mut next = 0;
        (0..).zip(&self.entries).filter(move |(_, entry)| {
            let is_first = entry.rule >= next;
            next = entry.rule.saturating_add(1);
            is_first
        })
    }

    /// Some flows that an entry matches.
    pub(crate) fn corners(&self, id: u32) -> impl Iterator<Item = Corner> + '_ {
        self.ground.corners(id)
    }

    /// The entries that match a flow, ascending.
    pub(crate) fn matching(&self, corner: Corner) -> impl Iterator<Item = (u32, &Entry)> {
        let all = (0..).zip(&self.entries);
        all.filter(move |&(id, _)| self.ground.holds(id, &corner))
    }

    /// All that an entry matches.
    pub(crate) fn flows(&self, id: u32) -> HeaderSpace {
        let flows = usize::try_from(id).ok().and_then(|place| self.boxes.get(place));
        flows.map_or_else(HeaderSpace::empty, HeaderSpace::of_box)
    }

    /// What may become of a flow that these rules of a list may decide.
    pub(crate) fn effects(
        &self,
        list: usize,
        undecided: &[usize],
        certain: Option<usize>,
    ) -> Effects {
        let end = match certain {
            Some(_) => Effects(0),
            None => self.fallback(list),
        };
        let decides = |entry: &&Entry| {
            entry.list == list && (certain == Some(entry.rule) || undecided.contains(&entry.rule))
        };
        self.entries.iter().filter(decides).fold(end, |all, entry| all.or(entry.effects))
    }

    /// The rules of a list that may decide a flow of which every field is known: those that
    /// possibly match, and the first that certainly does.
    pub(crate) fn deciders(&self, list: usize, flow: &Flow) -> (Vec<usize>, Option<usize>) {
        let mut undecided: Vec<usize> = Vec::new();
        for (entry, flows) in self.entries.iter().zip(&self.boxes) {
            if entry.list != list || !flows.contains(flow) {
                continue;
            }
            if entry.is_certain {
                undecided.retain(|&rule| rule != entry.rule);
                return (undecided, Some(entry.rule));
            }
            undecided.push(entry.rule);
        }
        (undecided, None)
    }
}

/// Rules as boxes that do not stand on a ground yet.
#[derive(Default)]
struct Draft<'a> {
    entries: Vec<Entry>,
    boxes: Vec<FlowBox>,
    /// Of entries in doubt, what tells their doubt from others.
    doubts: Vec<Option<Doubt<'a>>>,
    fallbacks: Vec<Effects>,
}

/// All that a rule whose effect or reach is not known depends on: of two rules with equal doubts
/// the same becomes, however the unknowns turn out.
#[derive(PartialEq, Eq, Hash)]
struct Doubt<'a> {
    unknown: [&'a [Unresolved]; 6],
    protocols: ProtocolSet,
    addresses: [&'a AddressSet; 2],
    ports: [&'a PortSet; 2],
}

impl<'a> Doubt<'a> {
    fn of(rule: &'a Rule) -> Option<Self> {
        rule.unresolved().next().map(|_| Self {
            unknown: [
                &rule.doubts,
                &rule.protocols.unknown,
                &rule.source.unknown,
                &rule.source_ports.unknown,
                &rule.destination.unknown,
                &rule.destination_ports.unknown,
            ],
            protocols: rule.protocols.known,
            addresses: [&rule.source.known, &rule.destination.known],
            ports: [&rule.source_ports.known, &rule.destination_ports.known],
        })
    }
}

impl<'a> Draft<'a> {
    fn add(&mut self, ruleset: &'a Ruleset) {
        let list = self.fallbacks.len();
        self.fallbacks.push(Effects::of_fallback(ruleset.fallback()));
        for (index, rule) in ruleset.rules().iter().enumerate() {
            let effects = Effects::of_rule(rule);
            let is_known = rule.unresolved().next().is_none();
            let possible = (!is_known).then(|| (false, FlowBox::possible(rule)));
            for (is_certain, flows) in possible.into_iter().chain([(true, FlowBox::certain(rule))])
            {
                self.entries.push(Entry {
                    list,
                    rule: index,
                    is_certain,
                    effects,
                    is_anywhere: rule.priority.is_none() && !rule.doubts.is_empty(),
                    place: rule.priority.filter(|_| rule.kind != RuleKind::Default),
                    content: 0,
                });
                self.boxes.push(flows);
                self.doubts.push(Doubt::of(rule));
            }
        }
    }

    /// Lists with questions narrowed to some regions, if there are any.
    fn within(self, regions: &[Region]) -> Lists {
        let ids: Vec<u32> = (0..).skip(self.boxes.len()).take(regions.len()).collect();
        let mut lists = self.place(regions.iter().map(FlowBox::of_region));
        lists.focus(&ids);
        lists
    }

    /// Entries and some more boxes on a ground, with no focus yet.
    fn place(self, more: impl Iterator<Item = FlowBox>) -> Lists {
        let Self { mut entries, mut boxes, doubts, fallbacks } = self;
        boxes.extend(more);
        boxes.push(FlowBox::of_region(&Region::full()));
        let ground = Ground::new(&boxes);
        let mut contents = HashMap::new();
        for ((id, entry), doubt) in (0..).zip(&mut entries).zip(doubts) {
            let next = u32::try_from(contents.len()).unwrap_or(u32::MAX);
            let key = (ground.content(id), entry.effects, entry.is_certain, doubt);
            entry.content = *contents.entry(key).or_insert(next);
        }
        let all = boxes.len();
        boxes.truncate(entries.len());
        let asked = (0..).zip(&entries).map(|(id, _)| id).collect();
        Lists { entries, boxes, fallbacks, focus: all, settled: all, asked, ground }
    }
}

/// What is left of a list for a piece of the flows.
#[derive(Clone, Debug)]
pub(crate) struct Trimmed {
    /// Where its entries stand in the active ones that may or may not match.
    undecided: Range<usize>,
    /// Where its entries end.
    end: usize,
    /// Everything that may happen to some flow of the piece.
    pub(crate) effects: Effects,
    /// Whether that may happen to every flow of the piece.
    pub(crate) is_exact: bool,
    /// What happens to flows that none of these decides, and the number of the rule that says so
    /// where that matters.
    last: (Effects, Option<Priority>),
}

impl Trimmed {
    fn undecided<'a>(&self, active: &'a [u32]) -> &'a [u32] {
        active.get(self.undecided.clone()).unwrap_or_default()
    }
}

/// What becomes of flows that pass several lists.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Fate {
    Dropped,
    Passed,
    /// Either, as far as is known.
    Open,
}

impl Fate {
    /// The lists in order: one that certainly drops decides even when one before it is open
    /// (S3.12).
    pub(crate) fn of(lists: &[Trimmed]) -> Self {
        Self::of_effects(lists.iter().map(|list| list.effects))
    }

    /// The same of what may happen at each list.
    pub(crate) fn of_effects(lists: impl IntoIterator<Item = Effects>) -> Self {
        let (mut may_arrive, mut may_be_dropped, mut may_be_delivered) = (true, false, false);
        for effects in lists {
            if may_arrive {
                may_be_dropped |= effects.may(Effects::DROP);
                may_be_delivered |= effects.may(Effects::DELIVER);
                may_arrive = effects.may(Effects::GO_ON);
            }
        }
        match (may_be_dropped, may_arrive || may_be_delivered) {
            (false, _) => Self::Passed,
            (true, false) => Self::Dropped,
            (true, true) => Self::Open,
        }
    }
}

/// Functions on flows that a question was answered with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Answer(Diagram);

impl Answer {
    /// The flows whose value is one of these.
    pub(crate) fn flows(
        &self,
        values: &[NodeId],
        limits: &Limits,
    ) -> Result<HeaderSpace, LimitExceeded> {
        let inside = |leaf| NodeId::from(values.contains(&leaf));
        self.0.relabel(inside, &mut Meter::new(limits)).map(HeaderSpace::from)
    }
}

/// What lists do with flows, one after the other, before and after a change. With one side it
/// is the fate alone.
pub(crate) struct Fates<'a, F> {
    lists: &'a Lists,
    /// The first list of the second side.
    second: usize,
    /// The value for the fates on both sides, and whether both sides come to the same rules.
    value: F,
}

impl<'a, F: Fn(Fate, Fate, bool) -> NodeId> Fates<'a, F> {
    /// Both sides are judged by `value`.
    pub(crate) fn new(lists: &'a Lists, second: usize, value: F) -> Self {
        Self { lists, second, value }
    }

    fn are_same(&self, one: &[Trimmed], other: &[Trimmed], active: &[u32]) -> bool {
        one.len() == other.len()
            && one.iter().zip(other).all(|(one, other)| {
                one.last == other.last
                    && self.lists.do_the_same(one.undecided(active), other.undecided(active))
            })
    }
}

impl<F: Fn(Fate, Fate, bool) -> NodeId> Question for Fates<'_, F> {
    fn place(&self, id: u32) -> Option<Place> {
        self.lists.place(id)
    }

    fn settle(&mut self, active: &mut Vec<u32>, covers: impl Fn(u32) -> bool) -> Option<NodeId> {
        let [mut first, mut second] = self.lists.take_settled(active);
        let Some(is_inside) = self.lists.narrow(active, &covers) else { return Some(0) };
        let lists = self.lists.trim(active, covers);
        let (one, other) = lists.split_at(self.second.min(lists.len()));
        let is_same = first.is_none() && second.is_none() && self.are_same(one, other, active);
        let same = |fate| (self.value)(fate, fate, true);
        if is_same
            && same(Fate::Open) == same(Fate::Passed)
            && same(Fate::Open) == same(Fate::Dropped)
        {
            let value = same(Fate::Open);
            if is_inside || value == 0 {
                return Some(value);
            }
        }
        let settle = |side: &[Trimmed]| {
            let fate = Fate::of(side);
            let is_exact = side.iter().all(|list| list.is_exact);
            (fate != Fate::Open || is_exact).then_some(fate)
        };
        first = first.or_else(|| settle(one));
        second = second.or_else(|| settle(other));
        if let (Some(first), Some(second)) = (first, second) {
            let value = (self.value)(first, second, is_same);
            if is_inside || value == 0 {
                return Some(value);
            }
        }
        let between = one.last().map_or(0, |list| list.end);
        let end = other.last().map_or(between, |list| list.end);
        let settled = |fate: Option<Fate>, is_second| {
            fate.and_then(|fate| self.lists.settled(is_second, fate))
        };
        let (first, second) = (settled(first, false), settled(second, true));
        if second.is_some() {
            active.drain(between..end);
        }
        if first.is_some() {
            active.drain(..between);
        }
        active.extend(first);
        active.extend(second);
        None
    }
}
