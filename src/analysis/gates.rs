//! What questions are asked of: lists of rules in the order that flows pass them.

use std::fmt;
use std::sync::Arc;

use crate::model::{Access, Direction, Flow, ResourceId, RuleName};
use crate::net::{AddressSet, PortSet, ProtocolSet};
use crate::path::{Chain, Gate, GateRules};
use crate::report::Origin;
use crate::resolve::{Dimension, Fallback, Rule, RuleKind, Ruleset, Side, Unresolved};
use crate::space::{Allowed, Effects, LimitExceeded, Limits, Lists, Region};

/// Lists of rules in the order that flows pass them: all must let a flow go on, except that an
/// admin rule may deliver it at once (S3.12, S6.4).
#[derive(Clone, Debug)]
pub struct Gates {
    rulesets: Vec<Arc<Ruleset>>,
    /// Whose each of them is.
    owners: Vec<Owner>,
}

/// Whose rules a list holds.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Owner {
    /// Those of the platform.
    Platform,
    /// Those of a security group or a network manager, if that is known.
    User(Option<ResourceId>),
    /// Nobody knows which.
    Unknown,
}

impl Gates {
    /// These lists in this order.
    pub fn new(rulesets: impl IntoIterator<Item = Arc<Ruleset>>) -> Self {
        Self::owned(rulesets.into_iter().map(|rules| (Owner::User(None), rules)))
    }

    fn owned(lists: impl IntoIterator<Item = (Owner, Arc<Ruleset>)>) -> Self {
        let (owners, rulesets) = lists.into_iter().unzip();
        Self { rulesets, owners }
    }

    /// The gates of a chain, with the platform's exemptions in front (S5.9). A gate whose rules
    /// are not known may do anything.
    ///
    /// Traffic of a machine to its own address never leaves it and meets no gate (S3.17): what
    /// the gates do with it means nothing.
    pub fn of_chain(chain: &Chain) -> Self {
        let list = |gate: &Gate| match &gate.rules {
            GateRules::Group { group, rules } => {
                (Owner::User(Some(group.clone())), Arc::clone(rules))
            }
            GateRules::Admin { manager, rules } => {
                (Owner::User(manager.clone()), Arc::clone(rules))
            }
            GateRules::Unknown(reason) => {
                (Owner::Unknown, Arc::new(anything(chain.direction(), reason)))
            }
        };
        let exemptions = chain.exemptions().into_iter();
        let exemptions = exemptions.map(|rules| (Owner::Platform, Arc::new(rules)));
        Self::owned(exemptions.chain(chain.gates().iter().map(list)))
    }

    /// Gates that may do anything with any flow.
    pub(super) fn unknown(direction: Direction, reason: &Unresolved) -> Self {
        Self::owned([(Owner::Unknown, Arc::new(anything(direction, reason)))])
    }

    /// The lists, in order.
    pub fn rulesets(&self) -> &[Arc<Ruleset>] {
        &self.rulesets
    }

    /// The flows that pass all of them.
    ///
    /// # Errors
    ///
    /// When that takes more than the limits allow.
    pub fn allowed(&self, limits: &Limits) -> Result<Allowed, LimitExceeded> {
        Allowed::by_all(self.iter(), limits)
    }

    /// The flows of some regions that pass all of them.
    ///
    /// # Errors
    ///
    /// When that takes more than the limits allow.
    pub fn allowed_within(
        &self,
        regions: &[Region],
        limits: &Limits,
    ) -> Result<Allowed, LimitExceeded> {
        Allowed::by_all_within(self.iter(), regions, limits)
    }

    /// Everything that is not known about the rules, each thing once.
    pub fn unresolved(&self) -> Vec<&Unresolved> {
        let mut all = Vec::new();
        for unresolved in self.rulesets.iter().flat_map(|ruleset| ruleset.unresolved()) {
            if !all.contains(&unresolved) {
                all.push(unresolved);
            }
        }
        all
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Ruleset> {
        self.rulesets.iter().map(Arc::as_ref)
    }

    /// Why a flow of which every field is known passes or does not; `first` is the number of
    /// these gates' first list among `lists`.
    pub(super) fn reason(&self, lists: &Lists, first: usize, flow: &Flow) -> Reason {
        let mut reason = Reason {
            access: Some(Access::Allow),
            rule: None,
            undecided: Vec::new(),
            unresolved: Vec::new(),
            at: None,
        };
        let (mut may_arrive, mut may_be_dropped, mut may_be_delivered) = (true, false, false);
        let mut dropped_by = None;
        for gate in 0..self.rulesets.len() {
            if !may_arrive {
                break;
            }
            let list = first.saturating_add(gate);
            let (undecided, certain) = lists.deciders(list, flow);
            let named = |index| self.rule(gate, index);
            reason.undecided.extend(undecided.iter().copied().filter_map(named));
            let effects = lists.effects(list, &undecided, certain);
            reason.rule = certain.and_then(named);
            may_be_dropped |= effects.may(Effects::DROP);
            may_be_delivered |= effects.may(Effects::DELIVER);
            may_arrive = effects.may(Effects::GO_ON);
            if effects == Effects::DROP {
                dropped_by.clone_from(&reason.rule);
            }
        }
        reason.access = match (may_be_dropped, may_arrive || may_be_delivered) {
            (false, _) => Some(Access::Allow),
            (true, false) => {
                reason.rule = dropped_by;
                Some(Access::Deny)
            }
            (true, true) => None,
        };
        if reason.access.is_none() {
            reason.unresolved = self.unresolved_of(&reason.undecided);
        }
        reason
    }

    /// What is not known about these rules, each thing once.
    fn unresolved_of(&self, rules: &[RuleRef]) -> Vec<Unresolved> {
        let mut all: Vec<Unresolved> = Vec::new();
        let rules =
            rules.iter().filter_map(|one| self.rulesets.get(one.gate)?.rules().get(one.index));
        for unresolved in rules.flat_map(Rule::unresolved) {
            if !all.contains(unresolved) {
                all.push(unresolved.clone());
            }
        }
        all
    }

    pub(super) fn rule(&self, gate: usize, index: usize) -> Option<RuleRef> {
        let rule = self.rulesets.get(gate)?.rules().get(index)?;
        let (name, group) = match self.owners.get(gate)? {
            Owner::Platform if rule.kind == RuleKind::Admin => {
                (format!("platform/{}", rule.name), None)
            }
            Owner::User(group) => (rule.qualified_name(), group.clone()),
            Owner::Platform | Owner::Unknown => (rule.qualified_name(), None),
        };
        Some(RuleRef { gate, index, name, group })
    }

    /// Whether somebody wrote the rule who could remove it.
    pub(super) fn is_removable(&self, rule: &RuleRef) -> bool {
        let list = self.rulesets.get(rule.gate).map(|list| list.rules());
        let kind = list.and_then(|rules| rules.get(rule.index)).map(|rule| rule.kind);
        matches!(self.owners.get(rule.gate), Some(Owner::User(_)))
            && kind.is_some_and(|kind| kind != RuleKind::Default)
    }
}

impl From<&Ruleset> for Gates {
    fn from(ruleset: &Ruleset) -> Self {
        Self::new([Arc::new(ruleset.clone())])
    }
}

impl From<&Chain> for Gates {
    fn from(chain: &Chain) -> Self {
        Self::of_chain(chain)
    }
}

/// A list that may let anything go on and drop anything.
fn anything(direction: Direction, reason: &Unresolved) -> Ruleset {
    let rule = Rule {
        name: RuleName::as_written("unknown"),
        kind: RuleKind::Custom,
        priority: None,
        effect: None,
        protocols: Dimension::known(ProtocolSet::FULL),
        source: Side::known(AddressSet::full()),
        source_ports: Dimension::known(PortSet::full()),
        destination: Side::known(AddressSet::full()),
        destination_ports: Dimension::known(PortSet::full()),
        doubts: vec![reason.clone()],
        origin: Origin::default(),
    };
    Ruleset::new(direction, vec![rule], Fallback::Pass)
}

/// A rule of some gates.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub struct RuleRef {
    /// The number of its list in [`Gates::rulesets`].
    pub gate: usize,
    /// Its index in that list.
    pub index: usize,
    /// Its name with the list it stands in, such as `securityRules/AllowSsh`.
    pub name: String,
    /// The security group or network manager of the list, where the gates are those of a chain.
    pub group: Option<ResourceId>,
}

impl fmt::Display for RuleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Why a flow passes or does not.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Reason {
    /// What becomes of it; `None` when facts are missing and they decide.
    pub access: Option<Access>,
    /// The rule that decides: of a denied flow one that certainly denies it, of an allowed flow
    /// that of the last gate it comes to (S3.12). `None` when no rule matches there, or rules of
    /// several gates may deny it together.
    pub rule: Option<RuleRef>,
    /// The rules that may match, before the one that certainly does.
    pub undecided: Vec<RuleRef>,
    /// Of an undecided flow, what is not known about these rules: what to supply for an answer.
    pub unresolved: Vec<Unresolved>,
    /// The network interface, private endpoint or subnet whose gates these are, in answers about
    /// a whole network.
    pub at: Option<ResourceId>,
}

impl fmt::Display for Reason {
    /// For example `denied by securityRules/DenyVnet`, in answers about a whole network with
    /// where that is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.access {
            Some(Access::Allow) => "allowed",
            Some(Access::Deny) => "denied",
            None => "undecided",
        })?;
        if let Some(rule) = &self.rule {
            let before = if self.access.is_some() { "by" } else { "before" };
            write!(f, " {before} {rule}")?;
        }
        for (index, rule) in self.undecided.iter().enumerate() {
            let word = if index == 0 { "; may match:" } else { "," };
            write!(f, "{word} {rule}")?;
        }
        for (index, unresolved) in self.unresolved.iter().enumerate() {
            let word = if index == 0 { "; not known:" } else { "," };
            write!(f, "{word} {unresolved}")?;
        }
        if let Some(at) = &self.at {
            write!(f, " at `{}`", at.name())?;
        }
        Ok(())
    }
}
