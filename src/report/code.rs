//! Stable codes of findings: Azure's where Azure has one, our own where it has not (S1.57).

use std::fmt;

/// An error code of the Azure Resource Manager API, spelled as Azure returns it
/// (SEMANTICS 1.6, E1 to E12).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum AzureCode {
    /// E1: a port item is neither a number nor a range of them.
    SecurityRuleInvalidPortRange,
    /// E2: an address prefix or tag that Azure cannot read.
    SecurityRuleInvalidAddressPrefix,
    /// E3: two rules with one priority and direction.
    SecurityRuleConflict,
    /// E4: `*` or a tag in a list of prefixes.
    SecurityRuleParameterContainsUnsupportedValue,
    /// E5: `*` in a list of ports.
    SecurityRuleParameterContainsInvalidPortRanges,
    /// E6: overlapping prefixes in one list.
    OverlappingSubnetsNotPermittedInSecurityRule,
    /// E7: IPv4 and IPv6 prefixes in one rule.
    ResourceCannotContainAddressPrefixesFromDifferentAddressFamilies,
    /// E8: application security groups of several virtual networks in one rule.
    AllApplicationSecurityGroupsInSecurityRuleMustBeFromSameVnet,
    /// E9: the group on `AzureBastionSubnet` lacks rules that Bastion requires.
    NetworkSecurityGroupNotCompliantForAzureBastionSubnet,
    /// E10: a side with no address, prefix or application security group.
    SecurityRuleParametersMissing,
    /// E11: a priority outside 100 to 4096.
    SecurityRuleInvalidPriority,
    /// E12: a description over 140 characters.
    SecurityRuleDescriptionTooLong,
}

impl AzureCode {
    /// The code as Azure spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SecurityRuleInvalidPortRange => "SecurityRuleInvalidPortRange",
            Self::SecurityRuleInvalidAddressPrefix => "SecurityRuleInvalidAddressPrefix",
            Self::SecurityRuleConflict => "SecurityRuleConflict",
            Self::SecurityRuleParameterContainsUnsupportedValue => {
                "SecurityRuleParameterContainsUnsupportedValue"
            }
            Self::SecurityRuleParameterContainsInvalidPortRanges => {
                "SecurityRuleParameterContainsInvalidPortRanges"
            }
            Self::OverlappingSubnetsNotPermittedInSecurityRule => {
                "OverlappingSubnetsNotPermittedInSecurityRule"
            }
            Self::ResourceCannotContainAddressPrefixesFromDifferentAddressFamilies => {
                "ResourceCannotContainAddressPrefixesFromDifferentAddressFamilies"
            }
            Self::AllApplicationSecurityGroupsInSecurityRuleMustBeFromSameVnet => {
                "AllApplicationSecurityGroupsInSecurityRuleMustBeFromSameVnet"
            }
            Self::NetworkSecurityGroupNotCompliantForAzureBastionSubnet => {
                "NetworkSecurityGroupNotCompliantForAzureBastionSubnet"
            }
            Self::SecurityRuleParametersMissing => "SecurityRuleParametersMissing",
            Self::SecurityRuleInvalidPriority => "SecurityRuleInvalidPriority",
            Self::SecurityRuleDescriptionTooLong => "SecurityRuleDescriptionTooLong",
        }
    }
}

macro_rules! own_codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $text:literal,)+) => {
        /// The kind of a [`Finding`](super::Finding).
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[non_exhaustive]
        pub enum Code {
            /// What Azure's own API would answer.
            Azure(AzureCode),
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Code {
            /// The code as printed.
            pub fn as_str(self) -> &'static str {
                match self {
                    Self::Azure(code) => code.as_str(),
                    $(Self::$variant => $text,)+
                }
            }
        }
    };
}

own_codes! {
    /// A protocol Azure does not know.
    InvalidProtocol = "InvalidProtocol",
    /// A rule name outside Azure's grammar (S1.2).
    InvalidRuleName = "InvalidRuleName",
    /// Two rules of one group with one name (S1.3).
    DuplicateRuleName = "DuplicateRuleName",
    /// More than one of prefix, prefixes and application security groups on a side (S1.26).
    SeveralAddressForms = "SeveralAddressForms",
    /// A required field is missing or of the wrong JSON type.
    InvalidField = "InvalidField",
    /// A limit of Azure's is exceeded (S1.51).
    LimitExceeded = "LimitExceeded",
    /// A prefix whose host bits were masked (S1.31).
    NonCanonicalPrefix = "non-canonical-prefix",
    /// A form Azure refuses that was read leniently.
    LenientForm = "lenient-form",
    /// A value this crate cannot know, such as a template expression.
    UnknownValue = "unknown-value",
    /// An id that names no resource of the input.
    DanglingId = "dangling-id",
    /// Two different resources with one id.
    DuplicateId = "duplicate-id",
    /// A member that stands several times in one object, with different values.
    DuplicateMember = "duplicate-member",
    /// A default rule that differs from Azure's six (S2.5).
    DefaultRuleDeviation = "default-rule-deviation",
    /// A rule names an application security group without members (S1.48).
    EmptyAsgInRule = "empty-asg-in-rule",
    /// The `VirtualNetwork` tag holds every address (S4.4).
    VirtualNetworkTagIsAny = "virtual-network-tag-is-any",
    /// Nothing in the input is of a kind this crate reads.
    NothingRecognised = "nothing-recognised",
}

impl Code {
    /// Azure's code, where Azure has one.
    pub fn azure_code(self) -> Option<AzureCode> {
        match self {
            Self::Azure(code) => Some(code),
            _ => None,
        }
    }
}

impl From<AzureCode> for Code {
    fn from(code: AzureCode) -> Self {
        Self::Azure(code)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
