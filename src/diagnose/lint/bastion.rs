//! What Azure demands of the group on AzureBastionSubnet (S7.11, S7.12).

use super::at::At;
use super::{Lint, LintCode};
use crate::diagnose::compliance::{Compliance, of_subnet};
use crate::model::SecurityGroup;
use crate::network::Link;
use crate::report::Severity;
use crate::resolve::{Rule, Topology};

/// How a group meets the demands, at every AzureBastionSubnet that it is on.
pub(super) struct Demands {
    checks: Vec<Check>,
}

struct Check {
    compliance: Compliance,
    /// Whether values of its rules that are not known leave it open.
    is_open: bool,
}

impl Demands {
    pub(super) fn of(topology: &Topology, group: &SecurityGroup) -> Self {
        let subnets = topology.network().subnets().filter(|(_, subnet)| subnet.is_bastion());
        let is_on = |link: &Option<Link>| {
            link.as_ref().and_then(Link::known).is_some_and(|id| *id == group.id)
        };
        let checks = subnets
            .filter(|(_, subnet)| is_on(&subnet.security_group))
            .filter_map(|(network, subnet)| of_subnet(topology, network, subnet))
            .map(|(compliance, is_open)| Check { compliance, is_open })
            .collect();
        Self { checks }
    }

    /// The finding that the group lacks rules.
    pub(super) fn lacking(&self, group: &SecurityGroup) -> Option<Lint> {
        let check = self.checks.iter().find(|check| !check.compliance.compliant)?;
        let lacking = check.compliance.requirements.iter().filter(|one| !one.met);
        let lacking: Vec<String> =
            lacking.map(|one| format!("{:?} ({})", one.id, one.demands)).collect();
        let (severity, lacks) = if check.is_open {
            (Severity::Warning, "may lack")
        } else {
            (Severity::Error, "lacks")
        };
        let message =
            format!("on AzureBastionSubnet it {lacks} what Azure demands: {}", lacking.join(", "));
        let lint = Lint::new(LintCode::BastionNotCompliant, severity, &group.id, message);
        Some(Lint { group: Some(group.id.clone()), ..lint.at(group.origin.location()) })
    }

    /// A finding by which a rule could go. Where Azure demands the rule, being idle is no fault
    /// of it, and being contradicted is none that removing it would mend.
    pub(super) fn keep(&self, at: &At<'_>, rule: &Rule, lint: Lint) -> Option<Lint> {
        let mut met = self.checks.iter().flat_map(|check| &check.compliance.requirements);
        let name = rule.name.to_string();
        let demand =
            met.find(|one| one.id.direction() == at.direction && one.rules.contains(&name));
        match demand {
            None => Some(lint),
            Some(_) if lint.severity == Severity::Note => None,
            Some(demand) => {
                let message = format!(
                    "{}; keep it all the same: Azure demands it on AzureBastionSubnet ({:?})",
                    lint.message, demand.id
                );
                Some(Lint { message, fix: None, ..lint })
            }
        }
    }
}
