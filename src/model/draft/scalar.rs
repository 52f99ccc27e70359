//! The fields that hold one value.

use std::fmt::Display;
use std::str::FromStr;

use super::{Field, Log, Mode, Written, is_expression};
use crate::model::{Priority, ProtocolSpec, RuleName, Value};
use crate::net::Protocol;
use crate::report::{AzureCode, Code, Severity};

/// The longest description, in characters (S1.5).
const LONGEST_DESCRIPTION: usize = 140;

pub(super) fn read_name(field: &Field<'_>, log: &mut Log<'_>) -> RuleName {
    let Written::Text(text) = &field.written else {
        log.lost(field.spot(), Code::InvalidRuleName, "the rule has no name");
        return RuleName::as_written("");
    };
    if is_expression(text) {
        let message = format!("the name is the expression `{text}`, whose value is not known");
        log.report(Severity::Note, field.spot(), Code::UnknownValue, message);
    } else if let Err(error) = RuleName::new(text) {
        log.refused(field.spot(), Code::InvalidRuleName, error.to_string());
    } else if text.starts_with('_') {
        let message = format!("the name `{text}` begins with `_`, which not all of Azure accepts");
        log.report(Severity::Note, field.spot(), Code::InvalidRuleName, message);
    }
    RuleName::as_written(text)
}

pub(super) fn read_description(field: &Field<'_>, log: &mut Log<'_>) -> Option<String> {
    match &field.written {
        Written::Absent => None,
        Written::Text(text) => {
            if text.chars().count() > LONGEST_DESCRIPTION {
                let message = format!(
                    "security rule description cannot exceed 140 chars: `{}`",
                    text.chars().take(LONGEST_DESCRIPTION).chain(['…']).collect::<String>(),
                );
                log.refused(field.spot(), AzureCode::SecurityRuleDescriptionTooLong, message);
            }
            Some(text.to_string())
        }
        Written::List(_) | Written::Other(_) => {
            log.refused(field.spot(), Code::InvalidField, "a description must be a text");
            None
        }
    }
}

pub(super) fn read_priority(
    field: &Field<'_>,
    is_default: bool,
    log: &mut Log<'_>,
) -> Value<Priority> {
    let allowed = if is_default { 0..=u32::MAX } else { 100..=4096 };
    read_priority_in(field, &allowed, log)
}

/// Reads a priority that Azure allows in `allowed`.
pub(crate) fn read_priority_in(
    field: &Field<'_>,
    allowed: &std::ops::RangeInclusive<u32>,
    log: &mut Log<'_>,
) -> Value<Priority> {
    // E11, as Azure words it.
    let invalid = |text: &str| {
        format!(
            "security rule has invalid Priority. Value provided: `{text}` Allowed range {}-{}",
            allowed.start(),
            allowed.end(),
        )
    };
    let code = AzureCode::SecurityRuleInvalidPriority;
    match &field.written {
        Written::Text(text) if is_expression(text) => {
            Value::Unknown(log.expression(field.spot(), text))
        }
        Written::Text(text) => match text.trim().parse::<Priority>() {
            Ok(priority) => {
                if !allowed.contains(&priority.number()) {
                    log.refused(field.spot(), code, invalid(text));
                }
                Value::Known(priority)
            }
            Err(_) => {
                log.lost(field.spot(), code, invalid(text));
                Value::Unknown(field.written.unknown())
            }
        },
        Written::Absent => {
            log.lost(field.spot(), Code::InvalidField, "the rule has no priority");
            Value::Unknown(field.written.unknown())
        }
        Written::List(_) | Written::Other(_) => {
            log.lost(field.spot(), Code::InvalidField, "a priority must be a number");
            Value::Unknown(field.written.unknown())
        }
    }
}

/// Reads a field that holds one of a few words in any case, such as `Allow` (S1.9).
pub(crate) fn read_choice<T>(field: &Field<'_>, what: &str, log: &mut Log<'_>) -> Value<T>
where
    T: FromStr<Err: Display>,
{
    let message = match &field.written {
        Written::Text(text) if is_expression(text) => {
            return Value::Unknown(log.expression(field.spot(), text));
        }
        Written::Text(text) => match text.trim().parse() {
            Ok(value) => return Value::Known(value),
            Err(error) => error.to_string(),
        },
        Written::Absent => format!("the rule has no {what}"),
        Written::List(_) | Written::Other(_) => format!("a rule's {what} must be one text"),
    };
    log.lost(field.spot(), Code::InvalidField, message);
    Value::Unknown(field.written.unknown())
}

/// Reads the protocol of a security rule: `Any` and `All` are words of the portal and of
/// effective rules (S1.11), numbers are in no enumeration of Azure's (S1.15).
pub(super) fn read_rule_protocol(field: &Field<'_>, log: &mut Log<'_>) -> Value<ProtocolSpec> {
    let protocol = read_protocol(field, log);
    let Written::Text(text) = &field.written else { return protocol };
    match protocol {
        Value::Known(ProtocolSpec::One(Protocol::ICMPV6)) => {
            let message = format!("`{text}` is not in Azure's published list of protocols");
            log.report(Severity::Warning, field.spot(), Code::LenientForm, message);
        }
        Value::Known(known) if !known.to_string().eq_ignore_ascii_case(text.trim()) => {
            let code = match log.mode {
                Mode::Strict => Code::InvalidProtocol,
                Mode::Lenient => Code::LenientForm,
            };
            log.refused(field.spot(), code, format!("the protocol `{text}` is read as `{known}`"));
        }
        _ => {}
    }
    protocol
}

/// Reads a protocol in any form that [`ProtocolSpec`] understands.
pub(crate) fn read_protocol(field: &Field<'_>, log: &mut Log<'_>) -> Value<ProtocolSpec> {
    let message = match &field.written {
        Written::Text(text) if is_expression(text) => {
            return Value::Unknown(log.expression(field.spot(), text));
        }
        Written::Text(text) => match text.trim().parse() {
            Ok(protocol) => return Value::Known(protocol),
            Err(error) => format!("{error}"),
        },
        Written::Absent => "the rule has no protocol".to_owned(),
        Written::List(_) | Written::Other(_) => "a protocol must be one text".to_owned(),
    };
    log.lost(field.spot(), Code::InvalidProtocol, message);
    Value::Unknown(field.written.unknown())
}
