//! What groups and rules have to do with the networks of the input.

use super::at::At;
use super::{Lint, LintCode};
use crate::model::{Direction, SecurityGroup, ServiceTag};
use crate::net::AddressSet;
use crate::network::{Link, Network, Subnet, VirtualNetwork};
use crate::report::Severity;
use crate::resolve::Topology;

/// A group that is on nothing.
pub(super) fn unattached(network: &Network, group: &SecurityGroup) -> Option<Lint> {
    let may_be_group = |link: &Option<Link>| {
        link.as_ref().is_some_and(|link| link.known().is_none_or(|id| *id == group.id))
    };
    let is_attached = network.subnets().any(|(_, subnet)| may_be_group(&subnet.security_group))
        || network.network_interfaces.iter().any(|one| may_be_group(&one.security_group));
    if is_attached {
        return None;
    }
    let message = "it is on no subnet and no network interface of the input";
    let lint = Lint::new(LintCode::UnattachedGroup, Severity::Note, &group.id, message);
    Some(Lint { group: Some(group.id.clone()), ..lint.at(group.origin.location()) })
}

/// Rules whose own side holds no address of any virtual network.
pub(super) fn strangers(at: &At<'_>) -> Vec<Lint> {
    let Some(spaces) = address_spaces(at.topology.network()) else { return Vec::new() };
    let mut found = Vec::new();
    for (_, rule) in at.custom() {
        let (side, word) = match at.direction {
            Direction::Inbound => (&rule.destination, "destination"),
            Direction::Outbound => (&rule.source, "source"),
        };
        let is_stranger = side.unknown.is_empty()
            && side.tags.is_empty()
            && !side.known.is_empty()
            && !side.known.overlaps(&spaces);
        if is_stranger {
            let message =
                format!("its {word} {} is in no virtual network of the input", side.known);
            found.push(at.lint(LintCode::OwnSideOutsideNetworks, Severity::Note, rule, message));
        }
    }
    found
}

/// The addresses of all virtual networks; `None` where they are not all known, or there are none.
fn address_spaces(network: &Network) -> Option<AddressSet> {
    let is_told = |one: &VirtualNetwork| {
        one.unknown_address_space.is_empty() && !one.address_space.is_empty()
    };
    let all = &network.virtual_networks;
    if all.is_empty() || !all.iter().all(is_told) || !network.unlisted.virtual_networks.is_empty() {
        return None;
    }
    let spaces = all.iter().flat_map(|one| &one.address_space);
    Some(spaces.chain(&network.extra_virtual_network_prefixes).copied().collect())
}

/// What the tags VirtualNetwork and Internet hold that one would not think.
pub(super) fn lints(topology: &Topology) -> Vec<Lint> {
    let network = topology.network();
    let tags = network.subnets().filter_map(|(_, subnet)| tag_is_any(topology, subnet));
    let spaces = network.virtual_networks.iter().filter_map(|one| public_space(topology, one));
    tags.chain(spaces).collect()
}

/// S4.4.
fn tag_is_any(topology: &Topology, subnet: &Subnet) -> Option<Lint> {
    let tag = topology.names_at(&subnet.id).tag_contents(&ServiceTag::virtual_network()).known;
    let family = match (tag.ipv4().is_full(), tag.ipv6().is_full()) {
        (true, true) => "every address",
        (true, false) => "every IPv4 address",
        (false, true) => "every IPv6 address",
        (false, false) => return None,
    };
    let message =
        format!("the tag VirtualNetwork holds {family} here: AllowVnetInBound admits the Internet");
    let code = LintCode::VirtualNetworkTagIsAny;
    let lint = Lint::new(code, Severity::Error, &subnet.id, message);
    Some(lint.at(subnet.origin.location()))
}

/// S4.15: nothing is subtracted from the tag Internet.
fn public_space(topology: &Topology, network: &VirtualNetwork) -> Option<Lint> {
    let internet = topology.service_tags().addresses(&ServiceTag::internet())?;
    // A prefix of all addresses is a default route, not a network of one's own.
    let own = network.address_space.iter().filter(|prefix| prefix.length() > 0);
    let public = own.copied().collect::<AddressSet>().intersection(&internet);
    if public.is_empty() {
        return None;
    }
    let message = format!("its addresses {public} are in the tag Internet too");
    let code = LintCode::InternalSpaceInInternetTag;
    let lint = Lint::new(code, Severity::Warning, &network.id, message);
    Some(lint.at(network.origin.location()))
}
