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
        "The rule never decides: rules before it, alone or together, match everything it matches. The rules named under `by` are such a cover with none to spare. Where one of them does the opposite, the group does not do what this rule says. Remove the rule, or move it before them. A rule that Azure demands on AzureBastionSubnet is reported only where it is contradicted, and has to stay. Exact over all flows.";
    RedundantRule "redundant-rule"
        "The rule decides some traffic, but without it every flow would meet with the same access, because what comes after does the same. It can be removed. Rules that Azure demands on AzureBastionSubnet are not reported: Azure refuses the group without them. Of several redundant rules remove one at a time, since one may stand in for another. Exact over all flows.";
    PartlyShadowedRule "partly-shadowed-rule"
        "A part of what the rule matches meets with the opposite access, because a rule before it matches that part first, and that rule is no mere exception: it also matches traffic beside this one's. Which of the two wins depends on their order alone, so make sure that the order is meant. An exception that lies wholly inside the rule, and all that is decided before by it, is not reported. Exact over all flows.";
    MaybeShadowedRule "maybe-shadowed-rule"
        "It is not known whether the rule ever decides. It does as far as the known contents of names go; but rules before it name things whose contents are not known here, and if those hold all they could, nothing is left for this rule. Add what the message names to the input. Exact over all flows and over everything the unknown names could hold.";
    RuleMatchesNothing "rule-matches-nothing"
        "No flow matches the rule: one of its sides holds no address, or its protocol has no ports while its ports are restricted. It was meant to do something; correct the field or remove the rule.";
    DuplicateRule "duplicate-rule"
        "The rule matches exactly the flows of an earlier rule of the group and direction and does the same with them, be it written in another way. It never decides and can be removed. Exact over all flows.";
    ContradictingRule "contradicting-rule"
        "The rule matches exactly the flows of an earlier rule of the group and direction and does the opposite with them. Only the earlier one counts: one of the two is a mistake. Exact over all flows.";
    ManagementPortOpen "management-port-open"
        "A port for managing machines (22, 3389, 5985, 5986) can be reached from the Internet through every gate in front of the interface. This is computed over admin rules, subnet and interface together, not read off one rule. The platform's own address 168.63.129.16 and the address space of known virtual networks do not count as Internet. Narrow the source, or use Azure Bastion. Exact over all flows; `may be open` is said where it depends on something that is not known.";
    AnyAnyAllow "any-any-allow"
        "The rule allows every protocol from everywhere to everywhere, for IPv4, IPv6 or both, so that no rule after it matters there. Name the traffic that is meant.";
    ReliesOnAllowVnet "relies-on-allow-vnet"
        "Traffic that has to be allowed passes a group only by the default rule AllowVnetInBound, which lets in every port and protocol from everything in the tag VirtualNetwork, and whose reach changes with each peering and route. An explicit rule says what is meant and stays when the tag changes. Looked for in the traffic that the caller names. Exact over all flows.";
    ContractBroken "contract-broken"
        "Traffic that the caller says must be allowed does not get through every gate in front of an interface that it is for, or must be denied and does; or that depends on something that is not known. The witness shows it. Exact over all flows.";
    VirtualNetworkTagIsAny "virtual-network-tag-is-any"
        "The tag VirtualNetwork holds every address at a subnet, because a route sends all traffic to an appliance or gateway, or because a network's own prefix does. Then the default rule AllowVnetInBound admits the whole Internet, and AllowVnetOutBound lets everything out. Deny what is not meant by explicit rules, or take the route away.";
    InternalSpaceInInternetTag "internal-space-in-internet-tag"
        "A virtual network uses public addresses, which the tag Internet holds as well: nothing is subtracted from that tag. A rule that denies Internet then also stops traffic inside the network, and one that allows Internet admits it. Name the network's prefixes in a rule before.";
    TagUnusualDirection "tag-unusual-direction"
        "The rule names a service tag in the direction that Microsoft does not recommend for it: as the source of inbound traffic where the service only ever is connected to, or the other way round. It is legal, and for tags such as AzureCloud sometimes meant; make sure.";
    SourcePortRestricted "source-port-restricted"
        "The rule matches only some source ports. Clients choose theirs at random, so that such a rule seldom matches what was meant; the service's port belongs into the destination.";
    IcmpRuleWithPorts "icmp-rule-with-ports"
        "The rule is for ICMP and restricts ports. ICMP has none: destination ports are compared with the ICMP type, and source ports are ignored. Use `*` for both.";
    PortlessProtocolWithPorts "portless-protocol-with-ports"
        "The rule is for a protocol that has no ports, yet restricts them, and so matches nothing. Use `*` for both.";
    EmptyAsgInRule "empty-asg-in-rule"
        "The rule names an application security group that no network interface of the input is in. It adds nothing to the rule; and Azure was seen not to apply such a rule at all, even where its other groups have members. Remove the group from the rule, or give it members.";
    AsgsDifferWithinInterface "asgs-differ-within-interface"
        "The IP configurations of one network interface are in different application security groups. Azure's command line keeps them alike; where they differ, a rule that names such a group matches some addresses of the machine and not others.";
    OwnSideOutsideNetworks "own-side-outside-networks"
        "An inbound rule names a destination, or an outbound rule a source, that holds no address of any virtual network of the input. Rules see the private addresses of Azure's resources, inbound after and outbound before translation: a machine's public address, or one of another network, is never on that side. It may be meant where a machine forwards traffic for others, or behind a load balancer with floating IP.";
    UnattachedGroup "unattached-group"
        "The security group is on no subnet and no network interface of the input: it does nothing there.";
    NoRoomBefore "no-room-before"
        "A rule has priority 100, the first there is: no rule can be put before it without renumbering. The fix gives way by one, order and effect unchanged.";
    NoRoomBetween "no-room-between"
        "Rules that do different things stand at numbers that follow each other, so that none can be put between them without renumbering. Reported once for each run of numbers that holds an allow and a deny. Leave gaps, such as steps of ten.";
    NoRoomAfter "no-room-after"
        "A rule has priority 4096, the last that a user may give: none of the user's rules can be put after it without renumbering. Not reported of a rule that matches everything, behind which no rule could matter. The fix gives way by one, order and effect unchanged.";
    NamedLikeDefault "named-like-default-rule"
        "The rule has the name of one of Azure's default rules. Logs and tools that print bare names then do not tell which of the two decided.";
    DefaultRuleDeviation "default-rule-deviation"
        "The group's default rules in the input are not Azure's six. Nobody can change those, so the export is cut, edited, or made by a tool that writes them in its own way. Every answer about the group rests on what the input holds.";
    PlatformServiceDenied "platform-service-denied"
        "The rule denies by a platform tag (AzurePlatformDNS, AzurePlatformIMDS, AzurePlatformLKM), which cuts machines off from name resolution, instance metadata or Windows licensing. Without such a rule no deny reaches that traffic. Make sure that this is meant. Exact: it is reported only where the deny takes effect.";
    ProbeBlocked "load-balancer-probe-blocked"
        "A rule of the group denies inbound traffic from the tag AzureLoadBalancer, which the default rules allow: health probes of a load balancer then fail, and it takes the machines out of service. A deny of VirtualNetwork does this too, because that tag holds the probes' address 168.63.129.16. Allow AzureLoadBalancer before the deny if a load balancer is in use. Exact over all flows.";
    BastionNotCompliant "bastion-not-compliant"
        "The group on AzureBastionSubnet lacks rules that Azure demands there. Azure refuses to attach such a group or to deploy Bastion, and platform updates stop where it is attached all the same. Default rules do not count: each demand wants an explicit rule of the user's.";
    AdminRuleTie "admin-rule-tie"
        "Two security admin rules of one manager that follow each other at one place have the same priority and do different things with some flow. Which of them Azure asks first is not documented across collections: this crate orders them by configuration, collection and name. Give them different priorities. Exact over all flows.";
    UnresolvedName "unresolved-name"
        "Something that rules of the group name is not known here, so that lints are careful about those rules and about the rules after them. The message says what to add to the input.";
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_distinct_and_round_trip_and_each_is_one_paragraph() {
        let texts: BTreeSet<&str> = LintCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), LintCode::ALL.len());
        for code in LintCode::ALL {
            assert_eq!(code.as_str().parse(), Ok(*code));
            let explanation = code.explanation();
            assert!(explanation.ends_with('.') && !explanation.contains('\n'), "{code}");
        }
        assert!("shadowed".parse::<LintCode>().unwrap_err().to_string().contains("shadowed-rule"));
    }
}
