//! Service tags in the direction that Microsoft does not recommend for them (S4.22, S4.23).

use super::at::At;
use super::{Lint, LintCode};
use crate::model::{Direction, ServiceTag};
use crate::report::Severity;
use crate::resolve::Rule;

/// Tags of services that connect to machines.
const INBOUND: [&str; 9] = [
    "ActionGroup",
    "ApiManagement",
    "ApplicationInsightsAvailability",
    "AzureCognitiveSearch",
    "AzureDevOps",
    "AzureTrafficManager",
    "GatewayManager",
    "HDInsight",
    "LogicAppsManagement",
];

/// Tags of services that machines connect to.
const OUTBOUND: [&str; 20] = [
    "AppConfiguration",
    "AppService",
    "AzureActiveDirectory",
    "AzureBackup",
    "AzureCloud",
    "AzureContainerRegistry",
    "AzureCosmosDB",
    "AzureKeyVault",
    "AzureMonitor",
    "AzurePlatformDNS",
    "AzurePlatformIMDS",
    "AzurePlatformLKM",
    "AzureResourceManager",
    "AzureSiteRecovery",
    "EventHub",
    "GuestAndHybridManagement",
    "MicrosoftContainerRegistry",
    "ServiceBus",
    "Sql",
    "Storage",
];

pub(super) fn lints(at: &At<'_>) -> Vec<Lint> {
    at.custom().filter_map(|(_, rule)| unusual_direction(at, rule)).collect()
}

fn unusual_direction(at: &At<'_>, rule: &Rule) -> Option<Lint> {
    let (tags, words) = match at.direction {
        Direction::Inbound => (
            &rule.source.tags,
            "as a source of inbound traffic: machines connect to that service, it seldom connects to them",
        ),
        Direction::Outbound => (
            &rule.destination.tags,
            "as a destination of outbound traffic: that service connects to machines, they seldom connect to it",
        ),
    };
    let is_unusual =
        |tag: &&ServiceTag| usual_direction(tag).is_some_and(|one| one != at.direction);
    let tag = tags.iter().find(is_unusual)?;
    let message = format!("it names `{tag}` {words}");
    Some(at.lint(LintCode::TagUnusualDirection, Severity::Note, rule, message))
}

/// The direction that is recommended for a tag, or for the global form of a regional one; `None`
/// for tags of both directions and tags that are in no list.
fn usual_direction(tag: &ServiceTag) -> Option<Direction> {
    let is_one_of = |names: &[&str]| {
        names.iter().any(|name| {
            let start = tag.as_str().get(..name.len());
            let rest = tag.as_str().get(name.len()..).unwrap_or_default();
            start.is_some_and(|start| start.eq_ignore_ascii_case(name))
                && (rest.is_empty() || rest.starts_with('.'))
        })
    };
    match (is_one_of(&INBOUND), is_one_of(&OUTBOUND)) {
        (true, _) => Some(Direction::Inbound),
        (_, true) => Some(Direction::Outbound),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regional_forms_go_with_their_global_tag_and_longer_names_do_not() {
        for (tag, usual) in [
            ("gatewaymanager", Some(Direction::Inbound)),
            ("Storage.WestUS", Some(Direction::Outbound)),
            ("StorageSyncService", None),
            ("SqlManagement", None),
            ("AppServiceManagement", None),
            ("AzureFrontDoor.Backend", None),
            ("Internet", None),
            ("AzurePlatformDNS", Some(Direction::Outbound)),
            ("Sto", None),
        ] {
            assert_eq!(usual_direction(&ServiceTag::new(tag)), usual, "{tag}");
        }
    }
}
