//! Making a rule spare some traffic.

use super::Edit;
use crate::model::{AddressItem, AddressSpec, PortSpec, SecurityRule};
use crate::net::{AddressSet, PortSet};
use crate::resolve::Rule;
use crate::space::Region;

/// How many blocks the addresses of a narrowed rule may take to write down: more than that
/// nobody would want to read in a rule.
const BLOCKS: usize = 64;

/// The ways to make a rule spare a region, each by cutting it along one field.
///
/// A rule is a product of five lists, and what is left of it without the region mostly is not. So
/// a cut may spare more than was wanted, unless the region covers the rule in all other fields;
/// what a cut really does is for the proof to say. Fields that cannot be cut in the rule's own
/// words are left alone: the rest of `*` is no list of one family (S1.37), and the rest of a tag
/// would not follow the tag when Azure changes it.
pub(super) fn narrowings(written: &SecurityRule, rule: &Rule, region: &Region) -> Vec<Edit> {
    if rule.unresolved().next().is_some() {
        return Vec::new();
    }
    let source = cut_addresses(&written.source, &rule.source.known, &region.source);
    let destination =
        cut_addresses(&written.destination, &rule.destination.known, &region.destination);
    let source_ports = cut_ports(&written.source_ports, &region.source_ports);
    let ports = cut_ports(&written.destination_ports, &region.destination_ports);
    let is_covered = source.is_nothing()
        && destination.is_nothing()
        && source_ports.is_nothing()
        && ports.is_nothing()
        && region.protocols.covers(&rule.protocols.known);
    if is_covered {
        return vec![Edit::Remove(written.clone())];
    }
    let own = || written.clone();
    let cuts = [
        source.rest().map(|source| SecurityRule { source, ..own() }),
        destination.rest().map(|destination| SecurityRule { destination, ..own() }),
        ports.rest().map(|destination_ports| SecurityRule { destination_ports, ..own() }),
        source_ports.rest().map(|source_ports| SecurityRule { source_ports, ..own() }),
    ];
    cuts.into_iter().flatten().map(|after| Edit::replace(written, after)).collect()
}

/// What is left of a field.
enum Cut<S> {
    /// The region covers it.
    Nothing,
    Rest(S),
    /// What is left cannot be written down.
    Impossible,
}

impl<S> Cut<S> {
    fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    fn rest(self) -> Option<S> {
        match self {
            Self::Rest(rest) => Some(rest),
            Self::Nothing | Self::Impossible => None,
        }
    }
}

fn cut_addresses(spec: &AddressSpec, own: &AddressSet, spared: &AddressSet) -> Cut<AddressSpec> {
    let rest = own.difference(spared);
    if rest.is_empty() {
        return Cut::Nothing;
    }
    let is_block =
        |item: &AddressItem| matches!(item, AddressItem::Prefix(_) | AddressItem::Range(..));
    let is_short = rest.prefixes().nth(BLOCKS).is_none();
    if rest == *own || !is_short || !spec.items.iter().all(is_block) {
        return Cut::Impossible;
    }
    Cut::Rest(rest.prefixes().map(AddressItem::from).collect())
}

fn cut_ports(own: &PortSpec, spared: &PortSet) -> Cut<PortSpec> {
    let rest = own.known.ranges().difference(spared.ranges());
    if rest.is_empty() {
        Cut::Nothing
    } else if rest == *own.known.ranges() {
        Cut::Impossible
    } else {
        Cut::Rest(PortSet::from(rest).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Direction, ResourceId, SecurityGroup};
    use crate::resolve::{Names, Ruleset, ServiceTags};

    fn narrowed(rule: &str, region: &str) -> Vec<String> {
        let mut group = SecurityGroup::new(ResourceId::new("nsg"));
        group.default_rules.clear();
        group.rules.push(rule.parse().unwrap());
        let names = Names::new(ServiceTags::built_in());
        let ruleset = Ruleset::of_group(&group, Direction::Inbound, &names);
        narrowings(&group.rules[0], &ruleset.rules()[0], &region.parse().unwrap())
            .iter()
            .map(|edit| edit.rule().map_or_else(|| "gone".to_owned(), ToString::to_string))
            .collect()
    }

    #[test]
    fn a_rule_is_cut_along_every_field_that_can_be_written() {
        let deny = "200 No deny inbound tcp 10.0.1.0/24:* -> 10.0.0.4/32:22-23";
        assert_eq!(
            narrowed(deny, "tcp 10.0.1.0/25:* -> 10.0.0.0/24:22"),
            [
                "200 No deny inbound tcp 10.0.1.128/25:* -> 10.0.0.4/32:22-23",
                "200 No deny inbound tcp 10.0.1.0/24:* -> 10.0.0.4/32:23",
            ]
        );
        assert_eq!(narrowed(deny, "* *:* -> 10.0.0.0/24:*"), ["gone"]);
        // Nothing of it is in the region: cutting changes nothing.
        assert_eq!(narrowed(deny, "tcp 10.0.9.0/24:* -> 10.0.9.0/24:80"), [] as [&str; 0]);
    }

    #[test]
    fn tags_and_everything_are_not_written_out() {
        for side in ["*", "Internet", "VirtualNetwork"] {
            let deny = format!("200 No deny inbound tcp {side}:* -> *:22");
            let none: [&str; 0] = [];
            assert_eq!(narrowed(&deny, "tcp 20.0.0.0/8:* -> *:22"), none, "{side}");
        }
        // The flows of all other protocols are lost, which the proof will tell.
        let ports = narrowed("200 No deny inbound * *:* -> *:*", "tcp *:* -> *:22");
        assert_eq!(ports, ["200 No deny inbound * *:* -> *:0-21,23-65535"]);
    }
}
