//! How short the printed difference of an edit is, against what a person would write by hand.

use nsg_engine::analysis::{Gates, difference};
use nsg_engine::model::{Direction, ResourceId, SecurityGroup};
use nsg_engine::net::{AddressSet, Prefix};
use nsg_engine::resolve::{Names, Ruleset, ServiceTags};
use nsg_engine::space::{HeaderSpace, Limits, Region};

struct Edit {
    name: &'static str,
    before: &'static [&'static str],
    after: &'static [&'static str],
    /// The flows that are treated in another way, as a person would put it,
    by_hand: &'static [&'static str],
    /// and exceptions from that.
    but: &'static [&'static str],
}

const EDITS: &[Edit] = &[
    Edit {
        name: "one more rule",
        before: &["100 allow inbound tcp 203.0.113.0/24:* -> *:443"],
        after: &[
            "100 allow inbound tcp 203.0.113.0/24:* -> *:443",
            "110 allow inbound tcp 10.0.1.0/26:* -> *:22",
        ],
        by_hand: &["tcp 10.0.1.0/26:* -> *:22"],
        but: &[],
    },
    Edit {
        name: "ports added and taken away",
        before: &["100 allow inbound tcp 203.0.113.0/24:* -> *:22,80,8000-8100"],
        after: &["100 allow inbound tcp 203.0.113.0/24:* -> *:22,443,8000-8080"],
        by_hand: &["tcp 203.0.113.0/24:* -> *:443", "tcp 203.0.113.0/24:* -> *:80,8081-8100"],
        but: &[],
    },
    Edit {
        name: "a deny before a wide allow",
        before: &["200 allow inbound * 10.0.0.0/8:* -> *:*"],
        after: &[
            "100 deny inbound tcp *:* -> *:22,3389",
            "200 allow inbound * 10.0.0.0/8:* -> *:*",
        ],
        by_hand: &[
            "tcp 10.0.0.0/8:* -> *:22,3389",
            // By AllowVnetInBound and AllowAzureLoadBalancerInBound.
            "tcp 172.16.0.0/16:* -> 172.16.0.0/16:22,3389",
            "tcp 168.63.129.16/32,[fe80::1234:5678:9abc/128]:* -> *:22,3389",
        ],
        but: &[],
    },
    Edit {
        name: "an allow behind an exception",
        before: &["100 deny inbound * 10.1.0.0/16:* -> *:*"],
        after: &[
            "100 deny inbound * 10.1.0.0/16:* -> *:*",
            "200 allow inbound tcp 10.0.0.0/8:* -> *:443",
        ],
        by_hand: &["tcp 10.0.0.0/8:* -> *:443"],
        but: &["* 10.1.0.0/16:* -> *:*"],
    },
    Edit {
        name: "two rules change places",
        before: &[
            "100 deny inbound tcp 10.0.0.0/8:* -> *:0-1023",
            "200 allow inbound tcp 10.1.0.0/16:* -> 10.0.0.0/16:*",
        ],
        after: &[
            "100 allow inbound tcp 10.1.0.0/16:* -> 10.0.0.0/16:*",
            "200 deny inbound tcp 10.0.0.0/8:* -> *:0-1023",
        ],
        by_hand: &["tcp 10.1.0.0/16:* -> 10.0.0.0/16:0-1023"],
        but: &[],
    },
    Edit {
        name: "lists joined in one rule",
        before: &[
            "100 allow inbound tcp 10.1.0.0/16:* -> 10.0.0.4:22",
            "110 allow inbound tcp 10.2.0.0/16:* -> 10.0.0.8:443",
        ],
        after: &["100 allow inbound tcp 10.1.0.0/16,10.2.0.0/16:* -> 10.0.0.4,10.0.0.8:22,443"],
        by_hand: &[
            "tcp 10.1.0.0/16:* -> 10.0.0.4/32:443",
            "tcp 10.1.0.0/16:* -> 10.0.0.8/32:22,443",
            "tcp 10.2.0.0/16:* -> 10.0.0.4/32:22,443",
            "tcp 10.2.0.0/16:* -> 10.0.0.8/32:22",
        ],
        but: &[],
    },
    Edit {
        name: "any protocol becomes TCP and UDP",
        before: &["100 allow inbound * 10.1.0.0/16:* -> *:*"],
        after: &[
            "100 allow inbound tcp 10.1.0.0/16:* -> *:*",
            "110 allow inbound udp 10.1.0.0/16:* -> *:*",
        ],
        by_hand: &["0-5,7-16,18-255 10.1.0.0/16:* -> *:*"],
        but: &[],
    },
    Edit {
        name: "an exception for one host goes",
        before: &[
            "100 deny inbound * *:* -> 10.0.0.4:*",
            "200 allow inbound tcp 10.1.0.0/16,10.2.0.0/16:* -> *:22",
            "210 allow inbound udp 10.2.0.0/16,10.3.0.0/16:* -> *:53",
            "220 allow inbound tcp *:* -> 10.0.0.0/24:443",
        ],
        after: &[
            "200 allow inbound tcp 10.1.0.0/16,10.2.0.0/16:* -> *:22",
            "210 allow inbound udp 10.2.0.0/16,10.3.0.0/16:* -> *:53",
            "220 allow inbound tcp *:* -> 10.0.0.0/24:443",
        ],
        by_hand: &[
            "tcp 10.1.0.0/16,10.2.0.0/16:* -> 10.0.0.4/32:22",
            "udp 10.2.0.0/16,10.3.0.0/16:* -> 10.0.0.4/32:53",
            "tcp *:* -> 10.0.0.4/32:443",
            // By AllowAzureLoadBalancerInBound.
            "* 168.63.129.16/32:* -> 10.0.0.4/32:*",
        ],
        but: &[],
    },
    Edit {
        name: "both families",
        before: &["100 deny inbound tcp *:* -> *:22"],
        after: &["100 allow inbound tcp *:* -> *:22"],
        by_hand: &["tcp *:* -> *:22"],
        but: &[],
    },
    Edit {
        name: "a wide allow is cut to what is needed",
        before: &["100 allow inbound * *:* -> 10.0.0.0/16:*"],
        after: &[
            "100 allow inbound tcp 203.0.113.0/24:* -> 10.0.0.0/16:443",
            "110 allow inbound tcp 198.51.100.0/24:* -> 10.0.0.0/16:22,3389",
        ],
        by_hand: &["* 0.0.0.0/0:* -> 10.0.0.0/16:*"],
        but: &[
            "* 168.63.129.16/32:* -> *:*",
            "tcp 203.0.113.0/24:* -> *:443",
            "tcp 198.51.100.0/24:* -> *:22,3389",
        ],
    },
];

fn gates(rules: &[&str]) -> Gates {
    let mut group = SecurityGroup::new(ResourceId::new("nsg"));
    group.rules.extend(rules.iter().map(|rule| rule.parse().unwrap()));
    let own: Prefix = "172.16.0.0/16".parse().unwrap();
    let names = Names::new(ServiceTags::built_in()).with_virtual_network(own.into());
    Gates::from(&Ruleset::of_group(&group, Direction::Inbound, &names))
}

/// How many boxes of one range a field make up a region: what it would be without joining.
fn boxes(region: &Region) -> usize {
    let blocks = |set: &AddressSet| [set.ipv4().intervals().len(), set.ipv6().intervals().len()];
    let (source, destination) = (blocks(&region.source), blocks(&region.destination));
    let pairs = source[0] * destination[0] + source[1] * destination[1];
    let ports = [&region.source_ports, &region.destination_ports]
        .map(|ports| ports.ranges().intervals().len());
    region.protocol_text().split(',').count() * pairs * ports[0] * ports[1]
}

#[test]
fn differences_are_almost_as_short_as_by_hand() {
    let limits = Limits::default();
    let set = |texts: &[&str]| {
        let regions: Vec<Region> = texts.iter().map(|text| text.parse().unwrap()).collect();
        HeaderSpace::of_regions(&regions, &limits).unwrap()
    };
    println!("by hand  printed  boxes");
    for edit in EDITS {
        let found = difference(&gates(edit.before), &gates(edit.after), &limits).unwrap();
        let printed: Vec<Region> =
            found.opened.into_iter().chain(found.closed).map(|change| change.region).collect();
        let (by_hand, count) = (edit.by_hand.len() + edit.but.len(), printed.len());
        let boxes: usize = printed.iter().map(boxes).sum();
        println!("{by_hand:>7}  {count:>7}  {boxes:>5}  {}", edit.name);
        let expected = set(edit.by_hand).difference(&set(edit.but), &limits).unwrap();
        let printed = HeaderSpace::of_regions(&printed, &limits).unwrap();
        assert_eq!(printed.to_string(), expected.to_string(), "{}", edit.name);
        assert!(printed == expected && count <= 3 * by_hand, "{}: {count}", edit.name);
    }
}
