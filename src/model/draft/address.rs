//! The address fields of a side (S1.26 to S1.49).

use std::net::IpAddr;

use super::written::Spot;
use super::{Log, Mode, SideDraft, Written, is_expression};
use crate::model::{AddressItem, AddressSpec, ResourceId, ServiceTag};
use crate::net::{AddressSet, Prefix, parse_address};
use crate::report::{AzureCode, Code};

/// Names of the classic deployment model, which Azure Resource Manager refuses (S1.40).
const CLASSIC_TAGS: [(&str, &str); 2] =
    [("VIRTUAL_NETWORK", "VirtualNetwork"), ("AZURE_LOADBALANCER", "AzureLoadBalancer")];

/// In which field an address stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum AddressForm {
    /// The field for one address or tag.
    One,
    /// The field for a list, where Azure takes neither `*` nor tags (S1.29).
    List,
}

/// The items of one side, each with its place.
pub(super) struct Side<'a> {
    items: Vec<(Spot<'a>, AddressItem)>,
}

impl Side<'_> {
    pub(super) fn spec(self) -> AddressSpec {
        // Collecting in place would keep the room of the places.
        let mut items = Vec::with_capacity(self.items.len());
        items.extend(self.items.into_iter().map(|(_, item)| item));
        AddressSpec { items }
    }
}

/// Reads the addresses of one side, `Source` or `Destination`.
pub(super) fn read_side<'d>(side: &'d SideDraft<'_>, name: &str, log: &mut Log<'_>) -> Side<'d> {
    let fields = [&side.address, &side.addresses, &side.groups];
    let mut given = fields.into_iter().filter(|field| !field.written.is_absent());
    match (given.next(), given.next()) {
        (None, _) => {
            // E10, as Azure words it.
            let message = format!("security rule must specify {}", three_fields(name));
            log.lost(side.address.spot(), AzureCode::SecurityRuleParametersMissing, message);
            let missing = AddressItem::Unknown(Written::Absent.unknown());
            return Side { items: vec![(side.address.spot(), missing)] };
        }
        (Some(_), None) => {}
        (Some(_), Some(second)) => {
            let three = three_fields(name);
            let message = format!("only one of {three} can carry a value; all of them are read");
            log.refused(second.spot(), Code::SeveralAddressForms, message);
        }
    }
    let mut items = Vec::new();
    for (field, form) in [(&side.address, AddressForm::One), (&side.addresses, AddressForm::List)] {
        log.check_form(field, form == AddressForm::List);
        for (spot, written) in field.items() {
            let Written::Text(text) = written else {
                log.lost(spot, Code::InvalidField, "an address must be a text");
                items.push((spot, AddressItem::Unknown(written.unknown())));
                continue;
            };
            read_address(text, form, spot, name, log, &mut |item| items.push((spot, item)));
        }
    }
    check_overlaps(&items, name, log);
    items.extend(side.groups.items().map(|(spot, written)| (spot, read_group(written, spot, log))));
    Side { items }
}

fn three_fields(side: &str) -> String {
    format!("{side}AddressPrefixes, {side}AddressPrefix, or {side}ApplicationSecurityGroups")
}

fn read_group(written: &Written<'_>, spot: Spot<'_>, log: &mut Log<'_>) -> AddressItem {
    match written {
        Written::Text(text) if is_expression(text) => {
            AddressItem::Unknown(log.expression(spot, text))
        }
        Written::Text(text) => AddressItem::Asg(ResourceId::new(text)),
        other => {
            log.lost(spot, Code::InvalidField, "an application security group must be an id");
            AddressItem::Unknown(other.unknown())
        }
    }
}

/// Reads one address text, which may hold several items if it is a comma list.
pub(crate) fn read_address(
    text: &str,
    form: AddressForm,
    spot: Spot<'_>,
    side: &str,
    log: &mut Log<'_>,
    take: &mut dyn FnMut(AddressItem),
) {
    let trimmed = text.trim();
    if is_expression(trimmed) {
        return take(AddressItem::Unknown(log.expression(spot, trimmed)));
    }
    if trimmed.contains(',') {
        let hint = "a list belongs in the plural field";
        log.refused(spot, AzureCode::SecurityRuleInvalidAddressPrefix, invalid(text, hint));
        return trimmed.split(',').for_each(|item| take(read_item(item.trim(), spot, log)));
    }
    let item = read_item(trimmed, spot, log);
    if form == AddressForm::List && matches!(item, AddressItem::Any | AddressItem::Tag(_)) {
        // E4, as Azure words it.
        let message = format!(
            "security rule parameter {side}AddressPrefix cannot specify existing VIRTUALNETWORK, \
             INTERNET, AZURELOADBALANCER, '*' or system tags. Unsupported value used: `{text}`"
        );
        log.refused(spot, AzureCode::SecurityRuleParameterContainsUnsupportedValue, message);
    }
    take(item);
}

fn read_item(text: &str, spot: Spot<'_>, log: &mut Log<'_>) -> AddressItem {
    let code = AzureCode::SecurityRuleInvalidAddressPrefix;
    if text == "*" {
        return AddressItem::Any;
    }
    if text.eq_ignore_ascii_case("any") {
        log.refused(spot, code, invalid(text, "any address is `*`"));
        return AddressItem::Any;
    }
    let classic = CLASSIC_TAGS.iter().find(|(classic, _)| classic.eq_ignore_ascii_case(text));
    if let Some((_, today)) = classic {
        log.refused(spot, code, invalid(text, &format!("the tag is called `{today}` today")));
        return ServiceTag::new(today).into();
    }
    if looks_like_a_tag(text) {
        return ServiceTag::new(text).into();
    }
    if let Some((first, last)) = dashed_range(text) {
        let code = if log.mode == Mode::Strict { code.into() } else { Code::LenientForm };
        log.refused(spot, code, invalid(text, "a range must be written as prefixes"));
        return AddressItem::Range(first, last);
    }
    match text.parse::<Prefix>() {
        Ok(prefix) => prefix.into(),
        Err(error) => match error.canonical() {
            Some(prefix) => {
                let code =
                    if log.mode == Mode::Strict { code.into() } else { Code::NonCanonicalPrefix };
                log.refused(spot, code, invalid(text, &error.to_string()));
                prefix.into()
            }
            None => {
                log.lost(spot, code, invalid(text, &error.to_string()));
                AddressItem::Unknown(Written::text(text).unknown())
            }
        },
    }
}

/// Tags begin with a letter and hold letters, digits and a few signs; those that no published
/// list has are tags all the same (S1.41).
fn looks_like_a_tag(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

fn dashed_range(text: &str) -> Option<(IpAddr, IpAddr)> {
    let (first, last) = text.split_once('-')?;
    let (first, last) = (parse_address(first.trim())?, parse_address(last.trim())?);
    AddressSet::range(first, last).map(|_| (first, last))
}

/// E2, as Azure words it, and what to do.
fn invalid(text: &str, hint: &str) -> String {
    format!("security rule has invalid Address prefix. Value provided: `{text}`: {hint}")
}

/// E6: prefixes of one side that overlap, duplicates included (S1.38).
fn check_overlaps(items: &[(Spot<'_>, AddressItem)], side: &str, log: &mut Log<'_>) {
    let mut prefixes: Vec<(Prefix, Spot<'_>)> = items
        .iter()
        .filter_map(|(spot, item)| match item {
            AddressItem::Prefix(prefix) => Some((*prefix, *spot)),
            _ => None,
        })
        .collect();
    if prefixes.len() < 2 {
        return;
    }
    // A block sorts directly before everything inside it, and blocks overlap only by nesting.
    prefixes.sort_by_key(|(prefix, _)| (!prefix.is_ipv4(), prefix.address(), prefix.length()));
    let mut outer: Option<Prefix> = None;
    for (prefix, spot) in prefixes {
        match outer {
            Some(outer) if outer.covers(&prefix) => {
                let message = format!(
                    "security rule parameter {side}AddressPrefix has overlapping subnets: \
                     `{outer}` and `{prefix}`"
                );
                let code = AzureCode::OverlappingSubnetsNotPermittedInSecurityRule;
                log.refused(spot, code, message);
            }
            _ => outer = Some(prefix),
        }
    }
}

/// E7: IPv4 and IPv6 prefixes in one rule, over both sides (S1.37).
pub(super) fn check_families(sides: &[&Side<'_>], log: &mut Log<'_>) {
    let mut prefixes =
        sides.iter().flat_map(|side| &side.items).filter_map(|(spot, item)| match item {
            AddressItem::Prefix(prefix) => Some((spot, prefix)),
            _ => None,
        });
    let Some((_, first)) = prefixes.next() else { return };
    if let Some((spot, other)) = prefixes.find(|(_, prefix)| prefix.is_ipv4() != first.is_ipv4()) {
        let message = format!(
            "the rule cannot contain address prefixes from different address families: \
             `{first}` and `{other}`"
        );
        let code = AzureCode::ResourceCannotContainAddressPrefixesFromDifferentAddressFamilies;
        log.refused(*spot, code, message);
    }
}
