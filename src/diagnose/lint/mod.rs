//! Findings about rules that are probably not what was meant.
//!
//! [`LintCode`] is the catalogue; each file here holds the lints of one topic.

mod admin;
mod asgs;
mod at;
mod bastion;
mod code;
mod contract;
mod defaults;
mod fields;
mod fix;
mod networks;
mod pairs;
mod ports;
mod priorities;
mod roles;
mod services;
mod tags;

pub use code::{LintCode, LintCodeError};
pub use contract::lint_contracts;
pub use fix::Fix;
pub use ports::MANAGEMENT_PORTS;

use at::At;

use crate::model::{Direction, Flow, ResourceId};
use crate::report::{Location, Severity};
use crate::resolve::Topology;
use crate::space::Limits;

/// One finding of [`lint`].
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Lint {
    /// What was found.
    pub code: LintCode,
    /// How much it weighs.
    pub severity: Severity,
    /// What it is about: a security group, or the network interface, subnet, virtual network or
    /// admin rule collection of a finding about several groups or none.
    pub subject: ResourceId,
    /// The security group that holds the rule, or that is to be changed.
    pub group: Option<ResourceId>,
    /// The direction of traffic, where it is about one.
    pub direction: Option<Direction>,
    /// The rule with the list it stands in, such as `securityRules/AllowSsh`.
    pub rule: Option<String>,
    /// The rules that stand in its way.
    pub by: Vec<String>,
    /// What is the matter, in lower case.
    pub message: String,
    /// A flow that shows it.
    pub witness: Option<Flow>,
    /// Where the rule, or what else it is about, was read.
    pub location: Option<Location>,
    /// A change that settles it, where there is one that can be made without knowing more.
    pub fix: Option<Box<Fix>>,
}

impl Lint {
    fn new(
        code: LintCode,
        severity: Severity,
        subject: &ResourceId,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            severity,
            subject: subject.clone(),
            group: None,
            direction: None,
            rule: None,
            by: Vec::new(),
            message: message.into(),
            witness: None,
            location: None,
            fix: None,
        }
    }

    /// The same finding, read at this place.
    fn at(self, location: Option<&Location>) -> Self {
        Self { location: location.cloned(), ..self }
    }
}

/// Everything worth saying about the security groups and interfaces of a network, group by group
/// in the order of the input, then interface by interface, then about networks and admin rules.
///
/// Questions about all flows have these limits each; where one is stopped, that is a finding.
///
/// ```
/// use nsg_engine::diagnose::{LintCode, lint};
/// use nsg_engine::model::{ResourceId, SecurityGroup};
/// use nsg_engine::network::Network;
/// use nsg_engine::resolve::{ServiceTags, Topology};
/// use nsg_engine::space::Limits;
///
/// let mut group = SecurityGroup::new(ResourceId::new("nsg-vm"));
/// group.rules.push("200 DenyAll deny inbound * *:* -> *:*".parse()?);
/// group.rules.push("300 AllowSsh allow inbound tcp 10.0.0.0/8:* -> *:22".parse()?);
/// let mut network = Network::default();
/// network.security_groups.push(group);
///
/// let found = lint(&Topology::new(network, ServiceTags::built_in()), &Limits::default());
/// let shadowed = found.iter().find(|one| one.code == LintCode::ShadowedRule).unwrap();
/// assert_eq!(shadowed.rule.as_deref(), Some("securityRules/AllowSsh"));
/// assert_eq!(shadowed.by, ["securityRules/DenyAll"]);
/// let fix = shadowed.fix.as_ref().unwrap();
/// assert!(fix.proved && fix.opens.is_empty() && fix.closes.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn lint(topology: &Topology, limits: &Limits) -> Vec<Lint> {
    let mut found = Vec::new();
    for group in &topology.network().security_groups {
        found.extend(networks::unattached(topology.network(), group));
        found.extend(defaults::deviations(group));
        let demands = bastion::Demands::of(topology, group);
        found.extend(demands.lacking(group));
        let directions = [Direction::Inbound, Direction::Outbound];
        let lists = directions.map(|direction| At::new(topology, group, direction, limits));
        for at in lists.iter().flatten() {
            found.extend(fields::lints(at));
            found.extend(defaults::namesakes(at));
            found.extend(tags::lints(at));
            found.extend(priorities::lints(at));
            let repeated = pairs::repeated(at, &demands);
            // A rule that is another one once more need not be said to be hidden by it, perhaps.
            let is_said = |lint: &Lint| {
                lint.code == LintCode::MaybeShadowedRule
                    && repeated.iter().any(|other| other.rule == lint.rule)
            };
            found.extend(roles::lints(at, &demands).into_iter().filter(|lint| !is_said(lint)));
            found.extend(repeated);
            found.extend(pairs::crossed(at));
            found.extend(services::lints(at));
            found.extend(asgs::empty(at));
            found.extend(networks::strangers(at));
        }
        found.extend(fields::unresolved(group, lists.iter().flatten()));
    }
    found.extend(ports::lints(topology, limits));
    found.extend(asgs::differing(topology));
    found.extend(networks::lints(topology));
    found.extend(admin::lints(topology, limits));
    found
}
