//! The catalogue of causes (SEMANTICS 7.4): stable codes, each with its weight and one paragraph
//! that tells a person what it means.
//!
//! Three go beyond the catalogue: `BAS14_NOT_OFFERED` and `BAS15_UNSUPPORTED_SUBNET` for what
//! stands in the way outside of rules, and `VM17_OPEN_BY_DEFAULT_RULE` for what is open by chance.

use std::fmt;

use serde::{Serialize, Serializer};

/// Whether a cause stands in the way or is worth knowing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a cause stops something or it does not")]
pub enum Weight {
    /// It stops a flow that Bastion needs, or says why another cause does.
    Blocker,
    /// The flow passes all the same.
    Warning,
}

macro_rules! codes {
    ($($variant:ident $text:literal $weight:ident $explanation:literal;)+) => {
        /// A cause, or possible cause, of Bastion not reaching a virtual machine.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[non_exhaustive]
        pub enum BastionCode {
            $(#[doc = $explanation] $variant,)+
        }

        impl BastionCode {
            /// Every code, in the order of the catalogue.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The code as printed, such as `VM03_NIC_NSG_DENY`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// One paragraph on what it means and what to do.
            pub fn explanation(self) -> &'static str {
                match self { $(Self::$variant => $explanation,)+ }
            }

            /// How much it weighs where it is found by itself. A warning that explains why a
            /// flow is denied is reported among the blockers.
            pub fn weight(self) -> Weight {
                match self { $(Self::$variant => Weight::$weight,)+ }
            }
        }
    };
}

codes! {
    ClientBlocked "BAS01_CLIENT_443_BLOCKED" Blocker
        "Users cannot reach Bastion: the security group of AzureBastionSubnet denies TCP 443 from them. Allow it inbound from Internet, or from the clients' public addresses; for a private-only host, from the clients' private ranges.";
    GatewayManagerBlocked "BAS02_GATEWAY_MANAGER_BLOCKED" Blocker
        "Azure's control plane cannot reach Bastion: TCP 443 from the tag GatewayManager is denied. Running sessions may survive, but the service cannot be managed or updated.";
    ProbeBlocked "BAS03_LB_PROBE_BLOCKED" Blocker
        "The health probes of Bastion's load balancer are denied: TCP 443 from the tag AzureLoadBalancer. Hosts then count as down and new sessions fail. A deny of VirtualNetwork does this too, because the probe address 168.63.129.16 is inside that tag.";
    HostsInBlocked "BAS04_HOST_COMM_IN_BLOCKED" Blocker
        "Bastion's hosts cannot talk to each other: ports 8080 and 5701 from VirtualNetwork to VirtualNetwork must be open inbound on AzureBastionSubnet.";
    HostsOutBlocked "BAS05_HOST_COMM_OUT_BLOCKED" Blocker
        "Bastion's hosts cannot talk to each other: ports 8080 and 5701 from VirtualNetwork to VirtualNetwork must be open outbound on AzureBastionSubnet.";
    EgressBlocked "BAS06_EGRESS_TO_VM_BLOCKED" Blocker
        "Bastion cannot leave its own subnet towards the machine: its security group denies the session port outbound. Allow 22 and 3389, or the custom port in use, outbound to VirtualNetwork.";
    AzureCloudBlocked "BAS07_EGRESS_AZURECLOUD_BLOCKED" Blocker
        "Bastion cannot reach Azure's public endpoints for diagnostics and metering: TCP 443 outbound to the tag AzureCloud is denied.";
    InternetBlocked "BAS08_EGRESS_INTERNET_80_BLOCKED" Blocker
        "Bastion cannot reach the Internet on port 80, which it needs for session information and certificate validation.";
    WrongProtocol "BAS09_WRONG_PROTOCOL" Warning
        "A rule that Bastion requires has the right ports and tags but names a protocol such as Ah, Esp, Icmp or Udp. Azure accepts such a group, yet the traffic is TCP and does not match the rule. Set the protocol to Tcp or *.";
    NotCompliant "BAS10_NOT_COMPLIANT" Warning
        "Azure demands that the group on AzureBastionSubnet holds explicit rules for everything Bastion needs, whatever the default rules allow. It works now, but Azure refuses to create or associate such a group (NetworkSecurityGroupNotCompliantForAzureBastionSubnet).";
    CustomPortNotInEgress "BAS11_CUSTOM_PORT_NOT_IN_EGRESS" Blocker
        "The group on AzureBastionSubnet lets sessions out to 22 or 3389 but not to the custom port in use. Add that port to the outbound rule.";
    PeerNotInTag "BAS12_PEER_NOT_IN_TAG" Blocker
        "Bastion reaches a machine in another virtual network over a peering that is connected and open at both sides. Here it is missing, not connected or closed; or the outbound rule for sessions names VirtualNetwork, and the machine's address is outside that tag as seen from AzureBastionSubnet, as an address on-premises is. Repair the peering or allow the address explicitly.";
    RegionalAzureCloud "BAS13_REGIONAL_AZURECLOUD" Warning
        "The outbound rule for Azure's endpoints names a regional tag such as AzureCloud.WestEurope. Bastion needs the global tag AzureCloud.";
    NotOffered "BAS14_NOT_OFFERED" Blocker
        "The Bastion host does not offer what is asked for, whatever the rules say: its SKU is too low for the port, the address or private-only access, IP-based connection is off, or it is a Developer host of another virtual network.";
    UnsupportedSubnet "BAS15_UNSUPPORTED_SUBNET" Blocker
        "Bastion cannot work as it should in its subnet: the subnet is not called AzureBastionSubnet, or a route table is on it.";
    AdminRuleDeny "VM01_ADMIN_RULE_DENY" Blocker
        "A security admin rule of Azure Virtual Network Manager denies the session at the machine's virtual network, before any security group is asked. No rule in a security group can undo that: the network manager's owner must allow it above the denying rule.";
    SubnetDeny "VM02_SUBNET_NSG_DENY" Blocker
        "The security group on the machine's subnet denies the session.";
    NicDeny "VM03_NIC_NSG_DENY" Blocker
        "The security group on the machine's network interface denies the session.";
    BothDeny "VM04_BOTH_NSG_DENY" Blocker
        "The groups on the subnet and on the network interface both deny the session. Repairing one of them changes nothing; both must allow.";
    OneLevelAllows "VM05_ONLY_ONE_LEVEL_ALLOWS" Blocker
        "One level has an explicit rule that allows the session, the other denies it. Traffic must pass the groups of both the subnet and the network interface, so the rule is needed in both.";
    AllowShadowed "VM06_ALLOW_SHADOWED" Blocker
        "A rule that allows the session exists, but a deny rule with a lower number matches first. Give the allow rule a number below the deny's.";
    WrongSource "VM07_ALLOW_FROM_WRONG_SOURCE" Blocker
        "A rule allows the port, but from another source: the Internet, an office address, another subnet or a former Bastion prefix. The machine sees addresses of AzureBastionSubnet, never that of the user.";
    PartialPrefix "VM08_ALLOW_PARTIAL_PREFIX" Blocker
        "A rule allows only part of AzureBastionSubnet. Bastion's hosts may stand anywhere in the subnet and scale over all of it, so sessions fail now and then. Allow the whole prefix.";
    WrongPort "VM09_ALLOW_WRONG_PORT" Blocker
        "A rule allows Bastion, but on another port than the session uses, such as 3389 for SSH or 22 where sshd listens elsewhere.";
    WrongRuleProtocol "VM10_ALLOW_WRONG_PROTOCOL" Blocker
        "A rule allows Bastion on the right port, but names a protocol other than Tcp. SSH and RDP through Bastion are TCP.";
    WrongDestination "VM11_ALLOW_WRONG_DESTINATION" Blocker
        "A rule allows the session, but to another destination: the machine's public address, a former private one, another subnet, or an application security group that the interface is not in. Rules see the machine's private address.";
    SourcePortRestricted "VM12_ALLOW_SOURCE_PORT_RESTRICTED" Blocker
        "A rule restricts the source port. The port a client sends from is ephemeral, any of 1024 to 65535; leave the rule's source port at *.";
    WrongDirection "VM13_ALLOW_WRONG_DIRECTION" Blocker
        "The rule that was meant to allow the session has the wrong direction or stands at the wrong end: outbound at the machine, or inbound at Bastion. It must be inbound at the machine.";
    DenyVirtualNetwork "VM14_DENY_VIRTUALNETWORK" Blocker
        "A rule denies the tag VirtualNetwork, which AzureBastionSubnet belongs to, and so overrides the default AllowVnetInBound. Allow the Bastion prefix at a lower number.";
    JitRule "VM15_DENY_JIT_RULE" Blocker
        "The denying rule looks like one that just-in-time access of Defender for Cloud has placed. Request access there, which opens the port for a while, rather than editing the rule.";
    EmptyAsg "VM16_EMPTY_ASG" Warning
        "A rule that allows the session names an application security group without members. Such a rule was seen not to work at all, even where its other groups have members.";
    OpenByDefault "VM17_OPEN_BY_DEFAULT_RULE" Warning
        "The session passes only because of the default rule AllowVnetInBound, which lets in every port and protocol from everything in the tag VirtualNetwork. An explicit rule for Bastion, with a deny behind it, says what is meant.";
    HostAddressBlocked "DEV01_HOST_IP_BLOCKED" Blocker
        "The Developer SKU connects from the host address 168.63.129.16, and it is denied. Denies of VirtualNetwork or AzureLoadBalancer do this too, because both tags hold that address.";
    OnPremisesTarget "IPC01_ONPREM_TARGET" Warning
        "The target is an address outside the given network, reached by IP-based connection. Only Bastion's own outbound rules can be checked; what stands in front of the target is not known here.";
}

impl BastionCode {
    /// Whether it says that one gate denies, rather than why it does.
    pub(super) fn is_a_gate(self) -> bool {
        matches!(
            self,
            Self::ClientBlocked
                | Self::GatewayManagerBlocked
                | Self::ProbeBlocked
                | Self::HostsInBlocked
                | Self::HostsOutBlocked
                | Self::EgressBlocked
                | Self::AzureCloudBlocked
                | Self::InternetBlocked
                | Self::AdminRuleDeny
                | Self::SubnetDeny
                | Self::NicDeny
        )
    }

    /// The first part of the code, such as `VM03`, for places where space is short.
    pub fn short(self) -> &'static str {
        self.as_str().split('_').next().unwrap_or_default()
    }
}

impl fmt::Display for BastionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for BastionCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_catalogue_is_there_once_with_its_own_number() {
        let mut short: Vec<_> = BastionCode::ALL.iter().map(|code| code.short()).collect();
        let expected = (1..=15)
            .map(|n| format!("BAS{n:02}"))
            .chain((1..=17).map(|n| format!("VM{n:02}")))
            .chain(["DEV01".to_owned(), "IPC01".to_owned()]);
        assert_eq!(short, expected.collect::<Vec<_>>());
        short.sort_unstable();
        short.dedup();
        assert_eq!(short.len(), BastionCode::ALL.len());
    }
}
