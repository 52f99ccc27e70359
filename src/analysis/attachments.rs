//! Where another security group filters after a change than before it.

use super::network::{Held, pairs};
use crate::model::ResourceId;
use crate::network::{Link, Network, NetworkInterface, Subnet};
use crate::resolve::Topology;

/// A subnet or network interface that has another security group after a change, or has one no
/// longer, or has one now.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct AttachmentChange {
    /// The subnet or network interface, as the network after names it.
    pub resource: ResourceId,
    /// The group that was attached to it.
    pub before: Option<Link>,
    /// The group that is attached to it.
    pub after: Option<Link>,
}

/// The subnets and network interfaces of both networks to which another security group is
/// attached after than before.
///
/// What that opens and closes is what [`network_difference`](super::network_difference) finds at
/// the interfaces behind; a subnet without interfaces is told of here alone.
pub fn changed_attachments(before: &Topology, after: &Topology) -> Vec<AttachmentChange> {
    let [old, new] = [before, after].map(Topology::network);
    let groups: Vec<[&ResourceId; 2]> =
        both(&old.security_groups, &new.security_groups, |group| &group.id)
            .map(|pair| pair.map(|group| &group.id))
            .collect();
    let is_same = |one: &Link, other: &Link| {
        one == other
            || matches!((one.known(), other.known()), (Some(one), Some(other))
                if groups.contains(&[one, other]))
    };
    let change = |resource: &ResourceId, [before, after]: [&Option<Link>; 2]| {
        let is_kept = match (before, after) {
            (Some(before), Some(after)) => is_same(before, after),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        let [before, after] = [before, after].map(Clone::clone);
        (!is_kept).then(|| AttachmentChange { resource: resource.clone(), before, after })
    };
    let subnets = [old, new].map(|network: &Network| -> Vec<&Subnet> {
        network.subnets().map(|(_, subnet)| subnet).collect()
    });
    let [old_subnets, new_subnets] = &subnets;
    let of_subnets = both(old_subnets, new_subnets, |subnet| &subnet.id)
        .filter_map(|pair| change(&pair[1].id, pair.map(|subnet| &subnet.security_group)));
    let interfaces: [&[NetworkInterface]; 2] = [&old.network_interfaces, &new.network_interfaces];
    let of_interfaces = both(interfaces[0], interfaces[1], |one| &one.id)
        .filter_map(|pair| change(&pair[1].id, pair.map(|one| &one.security_group)));
    of_subnets.chain(of_interfaces).collect()
}

/// The resources that both sides hold.
fn both<'a, R>(
    old: &'a [R],
    new: &'a [R],
    id: fn(&R) -> &ResourceId,
) -> impl Iterator<Item = [&'a R; 2]> {
    pairs(old, new, id).into_iter().filter_map(|held| match held {
        Held::Both(old, new) => Some([old, new]),
        Held::Before(_) | Held::After(_) => None,
    })
}
