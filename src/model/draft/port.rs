//! The port fields of a side (S1.16 to S1.21).

use super::written::Spot;
use super::{Log, SideDraft, Written, is_expression};
use crate::model::{PortSpec, UnknownValue};
use crate::net::PortSet;
use crate::report::{AzureCode, Code};

/// Reads the ports of one side, `source` or `destination`.
pub(super) fn read_side(side: &SideDraft<'_>, name: &str, log: &mut Log<'_>) -> PortSpec {
    let (one, many) = (&side.port, &side.ports);
    match (one.written.is_absent(), many.written.is_absent()) {
        (true, true) => {
            let message = format!("the rule has no {name} port: give one, or `*` for any");
            log.lost(one.spot(), Code::InvalidField, message);
            let unknown = vec![Written::Absent.unknown()];
            return PortSpec { known: PortSet::empty(), unknown };
        }
        (false, false) => {
            let message = format!("both the one {name} port and the list of them carry a value");
            log.refused(many.spot(), Code::InvalidField, message);
        }
        _ => {}
    }
    log.check_form(one, false);
    log.check_form(many, true);
    let mut ports = Ports::default();
    for (spot, item) in one.items() {
        ports.add(item, spot, false, log);
    }
    for (spot, item) in many.items() {
        ports.add(item, spot, true, log);
    }
    ports.spec()
}

#[derive(Default)]
struct Ports {
    sets: Vec<PortSet>,
    unknown: Vec<UnknownValue>,
}

impl Ports {
    fn add(&mut self, item: &Written<'_>, spot: Spot<'_>, in_list: bool, log: &mut Log<'_>) {
        let Written::Text(text) = item else {
            log.lost(spot, Code::InvalidField, "a port must be a text or a number");
            self.unknown.push(item.unknown());
            return;
        };
        if in_list && text.trim() == "*" {
            let message = "a list of port ranges cannot hold `*`: use the field for one range";
            log.refused(spot, AzureCode::SecurityRuleParameterContainsInvalidPortRanges, message);
        }
        read_port(text, spot, log, &mut |read| match read {
            Ok(set) => self.sets.push(set),
            Err(unknown) => self.unknown.push(unknown),
        });
    }

    fn spec(mut self) -> PortSpec {
        let known = match (self.sets.pop(), self.sets.is_empty()) {
            (Some(only), true) => only,
            (last, _) => self.sets.into_iter().chain(last).collect(),
        };
        PortSpec { known, unknown: self.unknown }
    }
}

/// Reads one port text, which may hold several items if it is a comma list.
pub(crate) fn read_port(
    text: &str,
    spot: Spot<'_>,
    log: &mut Log<'_>,
    take: &mut dyn FnMut(Result<PortSet, UnknownValue>),
) {
    let trimmed = text.trim();
    if is_expression(trimmed) {
        return take(Err(log.expression(spot, trimmed)));
    }
    if trimmed.contains(',') {
        log.refused(spot, AzureCode::SecurityRuleInvalidPortRange, invalid(text));
        return trimmed.split(',').for_each(|item| take(read_item(item, spot, log)));
    }
    take(read_item(text, spot, log));
}

fn read_item(text: &str, spot: Spot<'_>, log: &mut Log<'_>) -> Result<PortSet, UnknownValue> {
    let item = text.trim();
    if item.eq_ignore_ascii_case("any") {
        log.refused(spot, AzureCode::SecurityRuleInvalidPortRange, invalid(text));
        return Ok(PortSet::full());
    }
    // Blanks around the dash leave no doubt, but Azure takes none there (S1.16).
    if let Some((first, last)) = item.split_once('-')
        && (first.ends_with(char::is_whitespace) || last.starts_with(char::is_whitespace))
        && let Ok(ports) = format!("{}-{}", first.trim_end(), last.trim_start()).parse::<PortSet>()
    {
        log.refused(spot, AzureCode::SecurityRuleInvalidPortRange, invalid(text));
        return Ok(ports);
    }
    match item.parse::<PortSet>() {
        // The text of the empty set is ours, not Azure's.
        Ok(ports) if !ports.is_empty() => Ok(ports),
        _ => {
            log.lost(spot, AzureCode::SecurityRuleInvalidPortRange, invalid(text));
            Err(UnknownValue::new(text))
        }
    }
}

/// E1, as Azure words it.
fn invalid(text: &str) -> String {
    format!(
        "security rule has invalid Port range. Value provided: `{text}`. Value should be an \
         integer OR integer range with '-' delimiter. Valid range 0-65535"
    )
}
