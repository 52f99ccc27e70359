//! The names that Network Watcher and flow logs give to rules.

use std::convert::Infallible;
use std::str::FromStr;

use crate::model::RuleName;
use crate::resolve::{Rule, RuleKind};

/// A rule as Network Watcher names it: the list it stands in, as far as the text tells, and its
/// name there.
///
/// `FromStr` takes every form seen (S8.6, S8.10): `securityRules/X` and `defaultSecurityRules/X`,
/// `UserRule_X` and `DefaultRule_X`, `DefaultInboundDenyAll` and `DefaultOutboundDenyAll`,
/// full ids that end in the first forms, and bare names.
///
/// ```
/// use nsg_engine::azure::network_watcher::RuleReference;
/// use nsg_engine::resolve::RuleKind;
///
/// let short: RuleReference = "UserRule_AllowSsh".parse()?;
/// let long: RuleReference = "securityRules/AllowSsh".parse()?;
/// assert_eq!(short, long);
/// assert_eq!(short.kind, Some(RuleKind::Custom));
/// # Ok::<(), std::convert::Infallible>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a list and a name are all there is (S1.4)")]
pub struct RuleReference {
    /// The kind of list; `None` for a bare name, which is that of an admin rule (S8.10) or one
    /// that a sample left without its list.
    pub kind: Option<RuleKind>,
    /// The name of the rule in its list.
    pub name: RuleName,
}

impl RuleReference {
    /// Whether this names `rule`.
    pub fn is(&self, rule: &Rule) -> bool {
        self.kind.is_none_or(|kind| kind == rule.kind) && self.name == rule.name
    }
}

impl From<&Rule> for RuleReference {
    fn from(rule: &Rule) -> Self {
        Self { kind: Some(rule.kind), name: rule.name.clone() }
    }
}

impl FromStr for RuleReference {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The names of the last default rules in recordings of 2018.
        const OLD_DEFAULTS: [(&str, &str); 2] = [
            ("DefaultInboundDenyAll", "DenyAllInBound"),
            ("DefaultOutboundDenyAll", "DenyAllOutBound"),
        ];
        const PREFIXES: [(&str, RuleKind); 2] =
            [("UserRule_", RuleKind::Custom), ("DefaultRule_", RuleKind::Default)];
        const LISTS: [(&str, RuleKind); 3] = [
            ("securityRules", RuleKind::Custom),
            ("defaultSecurityRules", RuleKind::Default),
            ("securityAdminRules", RuleKind::Admin),
        ];
        let reference = |kind, name| Self { kind, name: RuleName::as_written(name) };
        if let Some((above, name)) = text.rsplit_once('/') {
            let list = above.rsplit('/').next().unwrap_or_default();
            let kind = LISTS.iter().find(|(known, _)| known.eq_ignore_ascii_case(list));
            return Ok(reference(kind.map(|(_, kind)| *kind), name));
        }
        if let Some((_, name)) = OLD_DEFAULTS.iter().find(|(old, _)| *old == text) {
            return Ok(reference(Some(RuleKind::Default), name));
        }
        let prefixed = PREFIXES
            .iter()
            .find_map(|(prefix, kind)| text.strip_prefix(prefix).map(|name| (*kind, name)));
        Ok(match prefixed {
            Some((kind, name)) => reference(Some(kind), name),
            None => reference(None, text),
        })
    }
}

/// The name of a rule in an answer of NSG diagnostics: `UserRule_X`, `DefaultRule_X`, or the bare
/// name of an admin rule (S8.10).
pub fn diagnostic_name(rule: &Rule) -> String {
    match rule.kind {
        RuleKind::Admin => rule.name.to_string(),
        RuleKind::Custom => format!("UserRule_{}", rule.name),
        RuleKind::Default => format!("DefaultRule_{}", rule.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S8.6, S8.10.
    #[test]
    fn every_form_seen_is_read() {
        use RuleKind::*;
        let subscription = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network";
        let id = format!("{subscription}/networkSecurityGroups/nsg/securityRules/AllowSsh");
        for (text, kind, name) in [
            ("securityRules/AllowSsh", Some(Custom), "AllowSsh"),
            ("defaultSecurityRules/DenyAllInBound", Some(Default), "DenyAllInBound"),
            ("securityAdminRules/Block", Some(Admin), "Block"),
            ("UserRule_default-allow-ssh", Some(Custom), "default-allow-ssh"),
            ("DefaultRule_AllowVnetInBound", Some(Default), "AllowVnetInBound"),
            ("DefaultInboundDenyAll", Some(Default), "DenyAllInBound"),
            ("DefaultOutboundDenyAll", Some(Default), "DenyAllOutBound"),
            ("Rule1", None, "Rule1"),
            (&id, Some(Custom), "AllowSsh"),
        ] {
            let reference: RuleReference = text.parse().unwrap();
            assert_eq!(reference, RuleReference { kind, name: RuleName::as_written(name) });
        }
    }

    /// S1.4: a user may call a rule as a default one is called.
    #[test]
    fn a_reference_tells_lists_apart() {
        let user: RuleReference = "UserRule_DenyAllInBound".parse().unwrap();
        let default: RuleReference = "DefaultRule_DenyAllInBound".parse().unwrap();
        assert_ne!(user, default);
    }
}
