//! The catalogue of lints: stable codes, each with one paragraph that tells a person what it
//! means.

use std::fmt;
use std::str::FromStr;

macro_rules! codes {
    ($($variant:ident $text:literal $explanation:literal;)+) => {
        /// What a lint finds.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[non_exhaustive]
        pub enum LintCode {
            $(#[doc = $explanation] $variant,)+
        }

        impl LintCode {
            /// Every code, in the order of the catalogue.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The code as printed, such as `shadowed-rule`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// One paragraph on what it means and what to do.
            pub fn explanation(self) -> &'static str {
                match self { $(Self::$variant => $explanation,)+ }
            }
        }
    };
}

codes! {
    ShadowedRule "shadowed-rule"
        "The rule never decides: rules before it, alone or together, match everything it matches. The rules named under `by` are such a cover with none to spare. Where one of them does the opposite, the group does not do what this rule says. Remove the rule, or move it before them; but keep the rules that Azure demands on AzureBastionSubnet. Exact over all flows.";
    RedundantRule "redundant-rule"
        "The rule decides some traffic, but without it every flow would meet with the same access, because what comes after does the same. It can be removed, unless Azure Bastion requires it: Azure refuses a group on AzureBastionSubnet without its rules. Of several redundant rules remove one at a time, since one may stand in for another. Exact over all flows.";
    RuleMatchesNothing "rule-matches-nothing"
        "No flow matches the rule: one of its sides holds no address, or its protocol has no ports while its ports are restricted. It was meant to do something; correct the field or remove the rule.";
    ManagementPortOpen "management-port-open"
        "A port for managing machines (22, 3389, 5985, 5986) can be reached from the Internet through every gate in front of the interface. This is computed over admin rules, subnet and interface together, not read off one rule. Narrow the source, or use Azure Bastion. Exact over all flows.";
    AnyAnyAllow "any-any-allow"
        "The rule allows every protocol from everywhere to everywhere, so that no rule after it matters. Name the traffic that is meant.";
    SourcePortRestricted "source-port-restricted"
        "The rule matches only some source ports. Clients choose theirs at random, so that such a rule seldom matches what was meant; the service's port belongs into the destination.";
    IcmpRuleWithPorts "icmp-rule-with-ports"
        "The rule is for ICMP and restricts ports. ICMP has none: destination ports are compared with the ICMP type, and source ports are ignored. Use `*` for both.";
    PortlessProtocolWithPorts "portless-protocol-with-ports"
        "The rule is for a protocol that has no ports, yet restricts them, and so matches nothing. Use `*` for both.";
    UnattachedGroup "unattached-group"
        "The security group is on no subnet and no network interface of the input: it does nothing there.";
    NoRoomBefore "no-room-before"
        "A rule has priority 100, the first there is: no rule can be put before it without renumbering.";
    NamedLikeDefault "named-like-default-rule"
        "The rule has the name of one of Azure's default rules. Logs and tools that print bare names then do not tell which of the two decided.";
    PlatformServiceDenied "platform-service-denied"
        "The rule denies by a platform tag (AzurePlatformDNS, AzurePlatformIMDS, AzurePlatformLKM), which cuts machines off from name resolution, instance metadata or Windows licensing. Without such a rule no deny reaches that traffic. Make sure that this is meant.";
    ProbeBlocked "load-balancer-probe-blocked"
        "A rule of the group denies inbound traffic from the tag AzureLoadBalancer, which the default rules allow: health probes of a load balancer then fail, and it takes the machines out of service. Allow AzureLoadBalancer before the deny if a load balancer is in use. Exact over all flows.";
    UnresolvedName "unresolved-name"
        "Something the rule names is not known here, so that lints are careful about it and about the rules after it. The message says what to add to the input.";
    LimitReached "limit-reached"
        "The rules are so entangled that a question about all flows was stopped at its limit. Nothing is claimed about what was not finished.";
}

impl fmt::Display for LintCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text is not the code of a lint.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{text}` is not the code of a lint: expected one of {}", all())]
pub struct LintCodeError {
    text: String,
}

fn all() -> String {
    let codes: Vec<&str> = LintCode::ALL.iter().map(|code| code.as_str()).collect();
    codes.join(", ")
}

impl FromStr for LintCode {
    type Err = LintCodeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let code = Self::ALL.iter().find(|code| code.as_str() == text);
        code.copied().ok_or_else(|| LintCodeError { text: text.to_owned() })
    }
}
