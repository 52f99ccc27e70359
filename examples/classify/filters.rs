//! Reads ClassBench's filter files.

use nsg_engine::model::{
    Access, AddressItem, AddressSpec, Direction, Priority, ProtocolSpec, ResourceId, RuleName,
    SecurityGroup, SecurityRule,
};
use nsg_engine::net::{Interval, Prefix, Protocol};
use nsg_engine::resolve::{Names, Ruleset};

/// Reads lines of `@source/length destination/length low : high low : high protocol/mask`.
pub(crate) fn read(place: &str, text: &str) -> Result<Ruleset, String> {
    let mut group = SecurityGroup::new(ResourceId::new("classbench"));
    group.default_rules.clear();
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    for (line, number) in lines.zip(0u32..) {
        let rule = read_filter(line, number)
            .ok_or_else(|| format!("{place}, line {}: `{line}` is not a filter", number + 1))?;
        group.rules.push(rule);
    }
    Ok(Ruleset::of_group(&group, Direction::Inbound, &Names::default()))
}

fn read_filter(line: &str, number: u32) -> Option<SecurityRule> {
    let mut fields = line.strip_prefix('@')?.split_whitespace();
    let name = RuleName::as_written(&format!("filter{number}"));
    let mut rule =
        SecurityRule::new(name, Priority::new(number), Direction::Inbound, Access::Allow);
    rule.source = read_side(fields.next()?)?;
    rule.destination = read_side(fields.next()?)?;
    for ports in [&mut rule.source_ports, &mut rule.destination_ports] {
        let first = fields.next()?.parse().ok()?;
        let _colon = fields.next().filter(|colon| *colon == ":")?;
        ports.known = Interval::new(first, fields.next()?.parse().ok()?)?.into();
    }
    let (protocol, mask) = fields.next()?.split_once('/')?;
    let hexadecimal = |text: &str| u8::from_str_radix(text.trim_start_matches("0x"), 16).ok();
    rule.protocol = match hexadecimal(mask)? {
        0 => ProtocolSpec::Any.into(),
        0xff => ProtocolSpec::One(Protocol::new(hexadecimal(protocol)?)).into(),
        _ => return None,
    };
    Some(rule)
}

fn read_side(text: &str) -> Option<AddressSpec> {
    let (address, length) = text.split_once('/')?;
    let prefix = Prefix::truncated(address.parse().ok()?, length.parse().ok()?)?;
    Some(AddressItem::Prefix(prefix).into())
}
