//! Findings about rules that are probably not what was meant.

use super::lint_code::LintCode;
use crate::analysis::{Gates, Judgement, Survey, always_allows, always_denies, survey};
use crate::model::{Access, Direction, Flow, Priority, ResourceId, SecurityGroup, ServiceTag};
use crate::net::{AddressSet, PortSet, Protocol};
use crate::network::{Link, Network, NetworkInterface};
use crate::path::Chain;
use crate::report::{Location, Severity};
use crate::resolve::{Effect, Rule, RuleKind, Ruleset, Side, Topology};
use crate::space::{LimitExceeded, Limits, Region};

/// One finding of [`lint`].
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Lint {
    /// What was found.
    pub code: LintCode,
    /// How much it weighs.
    pub severity: Severity,
    /// The security group, or the network interface of a finding about several groups.
    pub subject: ResourceId,
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
    /// Where the rule or the group was read.
    pub location: Option<Location>,
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
            direction: None,
            rule: None,
            by: Vec::new(),
            message: message.into(),
            witness: None,
            location: None,
        }
    }
}

/// The ports that [`LintCode::ManagementPortOpen`] is about: SSH, RDP and Windows remoting.
pub const MANAGEMENT_PORTS: [u16; 4] = [22, 3389, 5985, 5986];

/// Everything worth saying about the security groups and interfaces of a network, group by group
/// in the order of the input, then interface by interface.
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
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn lint(topology: &Topology, limits: &Limits) -> Vec<Lint> {
    let network = topology.network();
    let mut found = Vec::new();
    for group in &network.security_groups {
        if !is_attached(network, group) {
            let message = "it is on no subnet and no network interface of the input";
            let lint = Lint::new(LintCode::UnattachedGroup, Severity::Note, &group.id, message);
            found.push(Lint { location: group.origin.location().cloned(), ..lint });
        }
        for direction in [Direction::Inbound, Direction::Outbound] {
            let chain = Chain::of_group(topology, group, direction);
            let Some(ruleset) = chain.gates().first().and_then(|gate| gate.ruleset()) else {
                continue;
            };
            let at = At { group, direction, ruleset };
            for rule in ruleset.rules().iter().filter(|rule| rule.kind == RuleKind::Custom) {
                found.extend(at.rule(rule));
            }
            found.extend(at.roles(limits));
            if direction == Direction::Inbound {
                found.extend(at.probe(limits));
            }
        }
    }
    found.extend(management_ports(topology, limits));
    found
}

fn is_attached(network: &Network, group: &SecurityGroup) -> bool {
    let is_group = |link: &Option<Link>| {
        link.as_ref().is_some_and(|link| link.known().is_none_or(|id| *id == group.id))
    };
    network.subnets().any(|(_, subnet)| is_group(&subnet.security_group))
        || network.network_interfaces.iter().any(|one| is_group(&one.security_group))
}

/// The rules of one group in one direction.
struct At<'a> {
    group: &'a SecurityGroup,
    direction: Direction,
    ruleset: &'a Ruleset,
}

impl At<'_> {
    fn lint(
        &self,
        code: LintCode,
        severity: Severity,
        rule: &Rule,
        message: impl Into<String>,
    ) -> Lint {
        Lint {
            direction: Some(self.direction),
            rule: Some(rule.qualified_name()),
            location: rule.origin.location().cloned(),
            ..Lint::new(code, severity, &self.group.id, message)
        }
    }

    /// What one rule by itself shows.
    fn rule(&self, rule: &Rule) -> Vec<Lint> {
        use LintCode::*;
        let restricts_ports =
            !(rule.source_ports.known.is_full() && rule.destination_ports.known.is_full());
        let is_any = |side: &Side| side.known.is_full();
        let only = |has: fn(Protocol) -> bool| {
            !rule.protocols.known.is_empty() && rule.protocols.known.iter().all(has)
        };
        let mut found = Vec::new();
        let mut add = |code, severity, message: String| {
            found.push(self.lint(code, severity, rule, message));
        };
        if rule.effect == Some(Effect::Allow)
            && rule.protocols.known.is_full()
            && !restricts_ports
            && is_any(&rule.source)
            && is_any(&rule.destination)
        {
            add(AnyAnyAllow, Severity::Warning, "it allows everything from everywhere".into());
        }
        if rule.is_icmp() && restricts_ports {
            let message = "ICMP has no ports: destination ports are compared with the type";
            add(IcmpRuleWithPorts, Severity::Warning, message.into());
        } else if only(|one| !one.has_ports() && !one.is_icmp()) && restricts_ports {
            let message = "its protocol has no ports: it matches nothing";
            add(PortlessProtocolWithPorts, Severity::Warning, message.into());
        } else if !rule.source_ports.known.is_full() && rule.source_ports.unknown.is_empty() {
            let message = format!("it matches source ports {} only", rule.source_ports.known);
            add(SourcePortRestricted, Severity::Note, message);
        }
        if rule.priority == Some(Priority::FIRST) {
            add(NoRoomBefore, Severity::Note, "no rule can be put before priority 100".into());
        }
        if self.group.default_rules.iter().any(|default| default.name == rule.name) {
            let message = format!("a default rule is called `{}` too", rule.name);
            add(NamedLikeDefault, Severity::Note, message);
        }
        let platform = rule.destination.tags.iter().find(|tag| tag.is_platform());
        if let (Some(tag), Some(Effect::Deny)) = (platform, rule.effect) {
            let message = format!("it cuts machines off from what `{tag}` stands for");
            add(PlatformServiceDenied, Severity::Warning, message);
        }
        let unresolved: Vec<String> = rule.unresolved().map(ToString::to_string).collect();
        if !unresolved.is_empty() {
            add(UnresolvedName, Severity::Note, format!("not known: {}", unresolved.join("; ")));
        }
        found
    }

    /// The user's rules that never decide, and those that could go.
    fn roles(&self, limits: &Limits) -> Vec<Lint> {
        let Survey { shadowed, redundant, .. } = match survey(self.ruleset, limits) {
            Ok(survey) => survey,
            Err(unfinished) => return vec![self.stopped(&unfinished)],
        };
        let custom = |index: usize| {
            self.ruleset.rules().get(index).filter(|rule| rule.kind == RuleKind::Custom)
        };
        let mut found = Vec::new();
        for one in shadowed {
            let Some(rule) = custom(one.rule.index) else { continue };
            let by: Vec<String> = one.by.iter().map(ToString::to_string).collect();
            let (code, severity, message) = if by.is_empty() {
                let message = "no flow matches it".to_owned();
                (LintCode::RuleMatchesNothing, Severity::Warning, message)
            } else {
                let (severity, what) = match (one.contradicts, rule.effect) {
                    (true, Some(Effect::Deny)) => (Severity::Error, ", some of which is allowed"),
                    (true, _) => (Severity::Warning, ", some of which is denied"),
                    (false, _) => (Severity::Note, " to the same end"),
                };
                let message = format!(
                    "it never decides: {} matches all of it first{what}",
                    by.join(" with ")
                );
                (LintCode::ShadowedRule, severity, message)
            };
            let lint = self.lint(code, severity, rule, message);
            found.push(Lint { by, witness: one.witness, ..lint });
        }
        for one in redundant {
            let Some(rule) = custom(one.index) else { continue };
            let message = "without it every flow would meet with the same access";
            found.push(self.lint(LintCode::RedundantRule, Severity::Note, rule, message));
        }
        found
    }

    /// Whether a rule of the user's denies the probes of a load balancer.
    fn probe(&self, limits: &Limits) -> Option<Lint> {
        let tag = ServiceTag::azure_load_balancer();
        let by_tag = |rule: &&Rule| rule.source.tags.contains(&tag);
        let source = self.ruleset.rules().iter().find(by_tag)?.source.known.as_ref().clone();
        let region = Region { protocols: Protocol::TCP.into(), source, ..Region::full() };
        let gates = Gates::from(self.ruleset);
        let example = match always_allows(&gates, &[region], limits) {
            Ok(Judgement::Fails(example)) => example,
            Ok(Judgement::Holds | Judgement::Unknown(_)) => return None,
            Err(exceeded) => return Some(self.stopped(&exceeded)),
        };
        let reason = example.reasons.first().filter(|one| one.access == Some(Access::Deny))?;
        let rule = self.ruleset.rules().get(reason.rule.as_ref()?.index)?;
        let message = "it denies traffic of Azure's load balancer, its health probes among it";
        let lint = self.lint(LintCode::ProbeBlocked, Severity::Note, rule, message);
        Some(Lint { witness: Some(example.flow), ..lint })
    }

    fn stopped(&self, error: &impl std::fmt::Display) -> Lint {
        Lint {
            direction: Some(self.direction),
            ..Lint::new(
                LintCode::LimitReached,
                Severity::Warning,
                &self.group.id,
                error.to_string(),
            )
        }
    }
}

/// The management ports that the Internet reaches, interface by interface.
fn management_ports(topology: &Topology, limits: &Limits) -> Vec<Lint> {
    let mut found = Vec::new();
    for interface in &topology.network().network_interfaces {
        match management_ports_of(topology, interface, limits) {
            Ok(lints) => found.extend(lints),
            Err(exceeded) => found.push(Lint::new(
                LintCode::LimitReached,
                Severity::Warning,
                &interface.id,
                exceeded.to_string(),
            )),
        }
    }
    found
}

fn management_ports_of(
    topology: &Topology,
    interface: &NetworkInterface,
    limits: &Limits,
) -> Result<Vec<Lint>, LimitExceeded> {
    let mut found = Vec::new();
    for configuration in &interface.ip_configurations {
        let chain = Chain::of_interface(topology, interface, configuration, Direction::Inbound);
        let gates = Gates::of_chain(&chain);
        let internet = chain.names().tag_contents(&ServiceTag::internet()).known;
        let Some(address) = configuration.private_address else { continue };
        let asked = Region {
            protocols: Protocol::TCP.into(),
            source: AddressSet::clone(&internet),
            destination: address.into(),
            destination_ports: MANAGEMENT_PORTS.into_iter().map(PortSet::from).collect(),
            ..Region::full()
        };
        for region in gates.allowed_within(&[asked], limits)?.certain.regions(limits)? {
            let regions = std::slice::from_ref(&region);
            let Judgement::Fails(example) = always_denies(&gates, regions, limits)? else {
                continue;
            };
            let is_all = if address.is_ipv4() {
                region.source.ipv4().covers(internet.ipv4())
            } else {
                region.source.ipv6().covers(internet.ipv6())
            };
            let (severity, from) = if is_all {
                (Severity::Error, "the whole Internet")
            } else {
                (Severity::Warning, "parts of the Internet")
            };
            let message = format!("port {} is open to {from}", region.destination_ports);
            let rule = example.reasons.first().and_then(|reason| reason.rule.as_ref());
            let lint = Lint::new(LintCode::ManagementPortOpen, severity, &interface.id, message);
            found.push(Lint {
                direction: Some(Direction::Inbound),
                rule: rule.map(ToString::to_string),
                witness: Some(example.flow),
                location: interface.origin.location().cloned(),
                ..lint
            });
        }
    }
    Ok(found)
}
