//! What a diagnosis says, in the shape that programs read.

use serde::{Serialize, Serializer};

use super::code::BastionCode;
use super::compliance::Compliance;
use super::legs::LegName;
use super::near_miss::NearMiss;
use super::question::Session;
use super::repair::Repair;
use crate::eval::Verdict;
use crate::model::ResourceId;
use crate::path::GateKind;

/// Whether Bastion can open the session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "a caller must handle every answer")]
pub enum BastionVerdict {
    /// Users reach Bastion, Bastion reaches the machine, and nothing else it needs is denied.
    Allowed,
    /// Users cannot reach Bastion, or Bastion cannot reach the machine.
    Blocked,
    /// The session opens, but something else that Bastion needs is denied.
    Degraded,
    /// Facts are missing, and they decide.
    Indeterminate,
}

impl std::fmt::Display for BastionVerdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Allowed => "allowed",
            Self::Blocked => "blocked",
            Self::Degraded => "degraded",
            Self::Indeterminate => "indeterminate",
        })
    }
}

/// Why Bastion can or cannot reach one machine. Serialises to the JSON of the diagnosis; see
/// [`render_text`](Self::render_text) and [`render_markdown`](Self::render_markdown) for people.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct BastionReport {
    /// The answer.
    pub verdict: BastionVerdict,
    /// The answer in one sentence.
    pub summary: String,
    /// Who was asked about.
    pub subject: Subject,
    /// Everything that must get through, and what the rules at the gates it passes say.
    pub legs: Vec<LegReport>,
    /// What stands in the way outside of rules, then every gate that denies and what explains it.
    pub blockers: Vec<Cause>,
    /// What does not stop anything but should be known.
    pub warnings: Vec<Cause>,
    /// Rules that would have allowed what is denied, but for a field or two; the nearest first.
    pub near_misses: Vec<NearMiss>,
    /// What to change, outside of rules first, then one entry per rule list; together they open
    /// everything that is denied.
    pub repairs: Vec<Repair>,
    /// Whether the group on AzureBastionSubnet holds what Azure demands of it; `None` where
    /// there is no such group.
    pub compliance: Option<Compliance>,
    /// What is not known and keeps a leg from being decided.
    pub unknown: Vec<String>,
    /// What the answer takes for granted.
    pub assumptions: Vec<String>,
    /// Causes outside of security groups that this network makes possible.
    pub other_causes: Vec<String>,
}

/// Who a report is about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Subject {
    /// The machine.
    pub vm: String,
    /// Its private address, or the prefix of its subnet where only that is known.
    pub address: String,
    /// What Bastion is to open.
    #[serde(serialize_with = "lower_case")]
    pub session: Session,
    /// The port at the machine.
    pub port: u16,
    /// The Bastion host.
    pub bastion: String,
    /// The addresses its sessions come from.
    pub bastion_addresses: String,
}

fn lower_case<S: Serializer>(session: &Session, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&session.to_string().to_ascii_lowercase())
}

/// One leg and what came of it.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct LegReport {
    /// Which leg.
    pub name: LegName,
    /// The packets asked about; of several ports, those that decide.
    pub flow: String,
    /// What becomes of them.
    #[serde(serialize_with = "display")]
    pub access: Verdict,
    /// The gates they pass, in order.
    pub gates: Vec<GateReport>,
    /// Places on the way that have no security group, where everything passes (S3.11).
    #[serde(skip)]
    pub without_group: Vec<String>,
}

/// What one gate does.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct GateReport {
    /// Its level and direction.
    #[serde(serialize_with = "display")]
    pub gate: GateKind,
    /// The virtual network, subnet or network interface where it stands.
    #[serde(serialize_with = "display")]
    pub applied_to: ResourceId,
    /// The name of the security group.
    pub nsg: Option<String>,
    /// The name of the network manager, where admin rules stand here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manager: Option<String>,
    /// What it does with the packets.
    #[serde(serialize_with = "display")]
    pub access: Verdict,
    /// The rule that decides, with the list it stands in.
    pub rule_name: Option<String>,
    /// The priority of that rule.
    pub priority: Option<u32>,
    /// The input that the rule was read from, often a file name.
    pub input: Option<String>,
    /// Where in the input the rule stands.
    pub pointer: Option<String>,
}

/// One cause.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Cause {
    /// What kind of cause.
    pub code: BastionCode,
    /// The leg it stops or touches.
    pub leg: LegName,
    /// The gate, where it is one gate's.
    pub gate: Option<String>,
    /// The name of the security group.
    pub nsg: Option<String>,
    /// The name of the rule.
    pub rule: Option<String>,
    /// The name of the rule with the list it stands in.
    pub rule_name: Option<String>,
    /// The priority of the rule.
    pub priority: Option<u32>,
    /// What it is, in words.
    pub message: String,
    /// Where in the input the rule stands.
    pub pointer: Option<String>,
    /// What could be done about a warning; nothing that has to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer: Option<Box<Repair>>,
}

impl Cause {
    /// Whether it is no rule but something of the network that stands in the way.
    pub(super) fn is_an_obstacle(&self) -> bool {
        use BastionCode::{NotOffered, PeerNotInTag, UnsupportedSubnet};
        self.gate.is_none() && matches!(self.code, NotOffered | PeerNotInTag | UnsupportedSubnet)
    }
}

impl BastionLine {
    /// The machine, with its resource group where that tells it from another.
    pub(super) fn name(&self) -> String {
        match &self.resource_group {
            Some(group) => format!("{} ({group})", self.vm),
            None => self.vm.clone(),
        }
    }
}

pub(super) fn display<T: std::fmt::Display, S: Serializer>(
    value: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// The answer for every machine of a network.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct BastionTable {
    /// One line for each machine, in the order of the input.
    pub vms: Vec<BastionLine>,
}

/// The answer for one machine in short.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct BastionLine {
    /// The machine.
    pub vm: String,
    /// Its resource group, where another machine has the same name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_group: Option<String>,
    /// The answer.
    pub verdict: BastionVerdict,
    /// The answer in one sentence, or why there is none.
    pub summary: String,
}
