//! The one-line text form of rules, for people, tests and logs: reading and printing. What it
//! looks like is told at [`SecurityRule`].

use std::fmt;
use std::str::FromStr;

use super::{
    AddressItem, AddressSpec, AdminRule, PortSpec, ProtocolSpec, ResourceId, RuleName,
    SecurityRule, ServiceTag, UnknownValue, Value,
};
use crate::net::{PortSet, Prefix, Protocol, parse_address};

const EXAMPLE: &str = "900 AllowBastion allow inbound tcp 10.0.1.0/26:* -> *:22,3389";

/// The text is not a rule, or not a part of one.
///
/// ```
/// use nsg_engine::model::SecurityRule;
///
/// let error = "900 allow inbound tcp 10.0.1.4/26:* -> *:22".parse::<SecurityRule>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "source: `10.0.1.4/26` has host bits set: the prefix is `10.0.1.0/26`",
/// );
/// ```
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{part}: {problem}")]
pub struct RuleTextError {
    part: &'static str,
    problem: String,
}

impl RuleTextError {
    fn new(part: &'static str, problem: impl fmt::Display) -> Self {
        Self { part, problem: problem.to_string() }
    }

    /// Which part of the rule is wrong, such as `source ports`.
    pub fn part(&self) -> &str {
        self.part
    }
}

macro_rules! text_form {
    ($rule:ty) => {
        impl fmt::Display for $rule {
            /// One line, as told at [`SecurityRule`].
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(
                    f,
                    "{} {} {} {} {} {}:{} -> {}:{}",
                    Word(&self.priority),
                    NameText(&self.name),
                    Word(&self.access),
                    Word(&self.direction),
                    Word(&self.protocol),
                    self.source,
                    self.source_ports,
                    self.destination,
                    self.destination_ports,
                )?;
                if let Some(condition) = &self.condition {
                    write!(f, " if ?{}", Quoted(condition.text()))?;
                }
                match &self.description {
                    Some(description) => write!(f, " # {}", DescriptionText(description)),
                    None => Ok(()),
                }
            }
        }

        impl FromStr for $rule {
            type Err = RuleTextError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let line = Line::split(text)?;
                let priority = value("priority", line.priority)?;
                Ok(Self {
                    name: parse_name(line.name, line.priority, priority.known().is_some())?,
                    description: line.description.map(parse_description).transpose()?.flatten(),
                    priority,
                    direction: value("direction", line.direction)?,
                    access: value("access", line.access)?,
                    protocol: parse_protocol(line.protocol)?,
                    source: parse_addresses("source", line.source)?,
                    source_ports: parse_ports("source ports", line.source_ports)?,
                    destination: parse_addresses("destination", line.destination)?,
                    destination_ports: parse_ports("destination ports", line.destination_ports)?,
                    condition: line.condition.map(parse_condition).transpose()?,
                    origin: Default::default(),
                })
            }
        }
    };
}

text_form!(SecurityRule);
text_form!(AdminRule);

impl fmt::Display for AddressSpec {
    /// Its items as in a rule, separated by commas, or `none`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_list(f, &self.items)
    }
}

impl FromStr for AddressSpec {
    type Err = RuleTextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_addresses("addresses", text)
    }
}

impl fmt::Display for AddressItem {
    /// The item as in a rule.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Asg(id) => write!(f, "asg{{{}}}", IdText(id)),
            Self::NetworkGroup(id) => write!(f, "group{{{}}}", IdText(id)),
            Self::Prefix(prefix) if prefix.is_ipv4() => fmt::Display::fmt(prefix, f),
            Self::Prefix(prefix) => write!(f, "[{prefix}]"),
            Self::Range(first, last) if first.is_ipv4() && last.is_ipv4() => {
                write!(f, "{first}-{last}")
            }
            Self::Range(first, last) => write!(f, "[{first}-{last}]"),
            Self::Tag(tag) if is_bare_tag(tag.as_str()) => fmt::Display::fmt(tag, f),
            Self::Tag(tag) => Quoted(tag.as_str()).fmt(f),
            Self::Unknown(unknown) => write!(f, "?{}", Quoted(unknown.text())),
        }
    }
}

impl fmt::Display for PortSpec {
    /// Its ports and unknown items as in a rule, separated by commas, or `none`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = (!self.known.is_empty()).then(|| self.known.to_string());
        let unknown = self.unknown.iter().map(|unknown| format!("?{}", Quoted(unknown.text())));
        write_list(f, &known.into_iter().chain(unknown).collect::<Vec<_>>())
    }
}

impl FromStr for PortSpec {
    type Err = RuleTextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_ports("ports", text)
    }
}

fn write_list(f: &mut fmt::Formatter<'_>, items: &[impl fmt::Display]) -> fmt::Result {
    if items.is_empty() {
        return f.write_str("none");
    }
    for (index, item) in items.iter().enumerate() {
        let separator = if index == 0 { "" } else { "," };
        write!(f, "{separator}{item}")?;
    }
    Ok(())
}

/// A scalar: lower case when known.
struct Word<'a, T>(&'a Value<T>);

impl<T: fmt::Display> fmt::Display for Word<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Known(value) => f.write_str(&value.to_string().to_ascii_lowercase()),
            Value::Unknown(unknown) => write!(f, "?{}", Quoted(unknown.text())),
        }
    }
}

struct NameText<'a>(&'a RuleName);

impl fmt::Display for NameText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match RuleName::new(self.0.as_str()) {
            Ok(name) => fmt::Display::fmt(&name, f),
            Err(_) => Quoted(self.0.as_str()).fmt(f),
        }
    }
}

struct IdText<'a>(&'a ResourceId);

impl fmt::Display for IdText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.as_str();
        let is_bare = !text.is_empty()
            && text.trim() == text
            && !text.contains(|c: char| is_unprintable(c) || "\"{}[]".contains(c));
        if is_bare { f.write_str(text) } else { Quoted(text).fmt(f) }
    }
}

struct DescriptionText<'a>(&'a str);

impl fmt::Display for DescriptionText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0;
        let is_bare = !text.is_empty()
            && text.trim() == text
            && !text.starts_with('"')
            && !text.contains(is_unprintable);
        if is_bare { f.write_str(text) } else { Quoted(text).fmt(f) }
    }
}

/// A JSON string.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                c if is_unprintable(c) => write!(f, "\\u{:04x}", u32::from(c))?,
                c => write!(f, "{c}")?,
            }
        }
        f.write_str("\"")
    }
}

/// Control characters and the two Unicode line ends; all are below U+10000.
fn is_unprintable(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// The parts of a line, as written.
struct Line<'a> {
    priority: &'a str,
    name: Option<&'a str>,
    access: &'a str,
    direction: &'a str,
    protocol: &'a str,
    source: &'a str,
    source_ports: &'a str,
    destination: &'a str,
    destination_ports: &'a str,
    condition: Option<&'a str>,
    description: Option<&'a str>,
}

impl<'a> Line<'a> {
    fn split(text: &'a str) -> Result<Self, RuleTextError> {
        let mut enclosed = Enclosed::default();
        let hash = |c| enclosed.is_outside(c) && c == '#';
        let (rule, description) = match text.split_once(hash) {
            Some((rule, description)) => (rule, Some(description)),
            None => (text, None),
        };
        let words: Vec<&str> =
            split_outside(rule, char::is_whitespace).filter(|word| !word.is_empty()).collect();
        let (words, condition) = match words.as_slice() {
            [words @ .., word, condition] if word.eq_ignore_ascii_case("if") => {
                (words, Some(*condition))
            }
            words => (words, None),
        };
        let (priority, name, rest) = match words {
            [priority, name, rest @ ..] if rest.len() == 6 => (priority, Some(*name), rest),
            [priority, rest @ ..] => (priority, None, rest),
            [] => return Err(malformed(text)),
        };
        let &[access, direction, protocol, source, "->", destination] = rest else {
            return Err(malformed(text));
        };
        let (source, source_ports) = split_side("source", source)?;
        let (destination, destination_ports) = split_side("destination", destination)?;
        Ok(Self {
            priority,
            name,
            access,
            direction,
            protocol,
            source,
            source_ports,
            destination,
            destination_ports,
            condition,
            description,
        })
    }
}

fn malformed(text: &str) -> RuleTextError {
    let text = text.trim();
    RuleTextError::new("rule", format_args!("`{text}` is not a rule: expected `{EXAMPLE}`"))
}

fn split_side<'a>(part: &'static str, text: &'a str) -> Result<(&'a str, &'a str), RuleTextError> {
    let pieces: Vec<&str> = split_outside(text, |c| c == ':').collect();
    match pieces.as_slice() {
        &[addresses, ports] => Ok((addresses, ports)),
        [_] => Err(RuleTextError::new(
            part,
            format_args!("`{text}` has no ports: expected `{text}:*` for every port"),
        )),
        _ => Err(RuleTextError::new(
            part,
            format_args!(
                "`{text}` has several `:`: expected IPv6 in brackets, as in `[fd00::/8]:22`"
            ),
        )),
    }
}

/// Follows a text character by character and knows what quotes, brackets and braces enclose.
#[derive(Default)]
struct Enclosed {
    is_quoted: bool,
    is_escaped: bool,
    depth: usize,
}

impl Enclosed {
    fn is_outside(&mut self, c: char) -> bool {
        if self.is_quoted {
            match c {
                _ if self.is_escaped => self.is_escaped = false,
                '\\' => self.is_escaped = true,
                '"' => self.is_quoted = false,
                _ => {}
            }
            return false;
        }
        match c {
            '"' => self.is_quoted = true,
            '[' | '{' => self.depth = self.depth.saturating_add(1),
            ']' | '}' => self.depth = self.depth.saturating_sub(1),
            _ => return self.depth == 0,
        }
        false
    }
}

fn split_outside(text: &str, is_separator: impl Fn(char) -> bool) -> impl Iterator<Item = &str> {
    let mut enclosed = Enclosed::default();
    text.split(move |c| enclosed.is_outside(c) && is_separator(c))
}

fn value<T: FromStr<Err: fmt::Display>>(
    part: &'static str,
    text: &str,
) -> Result<Value<T>, RuleTextError> {
    match parse_unknown(text) {
        Some(unknown) => Ok(Value::Unknown(unknown)),
        None => {
            text.parse().map(Value::Known).map_err(|error: T::Err| RuleTextError::new(part, error))
        }
    }
}

fn parse_condition(text: &str) -> Result<UnknownValue, RuleTextError> {
    parse_unknown(text).ok_or_else(|| {
        let problem =
            format!("`{text}` is not a condition: expected one such as `?\"[equals(1, 2)]\"`");
        RuleTextError::new("condition", problem)
    })
}

fn parse_unknown(text: &str) -> Option<UnknownValue> {
    text.strip_prefix('?').and_then(unquote).map(UnknownValue::new)
}

/// A protocol of a rule, or any other protocol number, which a rule built in code may hold.
fn parse_protocol(text: &str) -> Result<Value<ProtocolSpec>, RuleTextError> {
    let by_number = || text.parse::<Protocol>().ok().map(|one| ProtocolSpec::One(one).into());
    value("protocol", text).or_else(|error| by_number().ok_or(error))
}

fn parse_name(
    text: Option<&str>,
    priority: &str,
    is_priority_known: bool,
) -> Result<RuleName, RuleTextError> {
    let wrong = |problem: &dyn fmt::Display| RuleTextError::new("name", problem);
    match text {
        Some(quoted) if quoted.starts_with('"') => {
            unquote(quoted).map(|name| RuleName::as_written(&name)).ok_or_else(|| {
                wrong(&format_args!("`{quoted}` is not a name: expected a JSON string"))
            })
        }
        Some(name) => RuleName::new(name).map_err(|error| wrong(&error)),
        None if is_priority_known => Ok(RuleName::as_written(&format!("Rule{priority}"))),
        None => Err(wrong(&"expected one, because the priority is not known")),
    }
}

/// A description with nothing in it is none; an empty one is written `""`.
fn parse_description(text: &str) -> Result<Option<String>, RuleTextError> {
    let text = text.trim();
    if !text.starts_with('"') {
        return Ok(Some(text.to_owned()).filter(|text| !text.is_empty()));
    }
    unquote(text).map(Some).ok_or_else(|| {
        let problem =
            format_args!("`{text}` begins with a quote: expected a JSON string").to_string();
        RuleTextError::new("description", problem)
    })
}

fn parse_ports(part: &'static str, text: &str) -> Result<PortSpec, RuleTextError> {
    let mut spec = PortSpec::from(PortSet::empty());
    if text == "none" {
        return Ok(spec);
    }
    let mut known = Vec::new();
    for item in split_outside(text, |c| c == ',') {
        match parse_unknown(item) {
            Some(unknown) => spec.unknown.push(unknown),
            None => known.push(
                item.parse::<PortSet>()
                    .ok()
                    .filter(|ports| !ports.is_empty())
                    .ok_or_else(|| {
                        let problem = format!(
                            "`{item}` is not a port: expected `*`, a number from 0 to 65535, or a range such as `8000-8080`"
                        );
                        RuleTextError::new(part, problem)
                    })?,
            ),
        }
    }
    spec.known = known.into_iter().collect();
    Ok(spec)
}

fn parse_addresses(part: &'static str, text: &str) -> Result<AddressSpec, RuleTextError> {
    if text == "none" {
        return Ok(AddressSpec::default());
    }
    split_outside(text, |c| c == ',')
        .map(|item| parse_item(item).map_err(|problem| RuleTextError::new(part, problem)))
        .collect()
}

fn parse_item(text: &str) -> Result<AddressItem, String> {
    if text == "*" || text.eq_ignore_ascii_case("any") {
        return Ok(AddressItem::Any);
    }
    if let Some(unknown) = parse_unknown(text) {
        return Ok(AddressItem::Unknown(unknown));
    }
    if let Some(id) = parse_id("asg{", text) {
        return Ok(AddressItem::Asg(id));
    }
    if let Some(id) = parse_id("group{", text) {
        return Ok(AddressItem::NetworkGroup(id));
    }
    if let Some(tag) = unquote(text) {
        return Ok(ServiceTag::new(&tag).into());
    }
    if let Some(block) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return parse_block(block);
    }
    if is_bare_tag(text) {
        return Ok(ServiceTag::new(text).into());
    }
    if text.contains(':') {
        return Err(format!("`{text}` has a `:`: expected IPv6 in brackets, as in `[fd00::/8]`"));
    }
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(format!(
            "`{text}` is not an address: expected `*`, a prefix such as `10.0.0.0/24`, a service tag, `asg{{ID}}` or `group{{ID}}`"
        ));
    }
    parse_block(text)
}

fn parse_block(text: &str) -> Result<AddressItem, String> {
    let Some((first, last)) = text.split_once('-') else {
        return text.parse::<Prefix>().map(AddressItem::from).map_err(|error| error.to_string());
    };
    parse_address(first)
        .zip(parse_address(last))
        .filter(|(first, last)| first.is_ipv4() == last.is_ipv4() && first <= last)
        .map(|(first, last)| AddressItem::Range(first, last))
        .ok_or_else(|| {
            format!("`{text}` is not a range: expected two ascending addresses of one family, as in `10.0.0.1-10.0.0.9`")
        })
}

fn parse_id(opening: &str, text: &str) -> Option<ResourceId> {
    let id = text.strip_prefix(opening)?.strip_suffix('}')?;
    match unquote(id) {
        Some(id) => Some(ResourceId::new(&id)),
        None => (!id.is_empty() && !id.contains('"')).then(|| ResourceId::new(id)),
    }
}

/// Whether a service tag of this name needs no quotes.
fn is_bare_tag(text: &str) -> bool {
    let is_reserved = ["any", "none"].iter().any(|word| text.eq_ignore_ascii_case(word));
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
        && !is_reserved
}

/// The text of a whole JSON string, or `None` when it is not one.
fn unquote(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut units = Vec::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        let c = match c {
            '"' => return None,
            '\\' => match chars.next()? {
                c @ ('"' | '\\' | '/') => c,
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => {
                    let digits: String = chars.by_ref().take(4).collect();
                    let is_hex = digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_hexdigit());
                    units.push(u16::from_str_radix(&digits, 16).ok().filter(|_| is_hex)?);
                    continue;
                }
                _ => return None,
            },
            c => c,
        };
        units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
    }
    String::from_utf16(&units).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Access, AdminAccess, Direction, Priority};

    fn rule(text: &str) -> SecurityRule {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn printed_form_is_the_canonical_one() {
        for (written, printed) in [
            (EXAMPLE, EXAMPLE),
            (
                "100 Allow InBound ANY any:0-65535 -> internet:80,443,81 #  web ",
                "100 Rule100 allow inbound * *:* -> Internet:80-81,443 # web",
            ),
            (
                "100 x deny outbound 58 [fd00::1],[fd00::1-fd00::9]:* -> 10.0.0.4:none #",
                "100 x deny outbound icmpv6 [fd00::1/128],[fd00::1-fd00::9]:* -> 10.0.0.4/32:none",
            ),
            (
                "100 x deny inbound 132 asg{/a b/c:d,#},group{g}:* -> none:?\"p\",7",
                "100 x deny inbound 132 asg{/a b/c:d,#},group{g}:* -> none:7,?\"p\"",
            ),
            (
                "100 if deny inbound * *:* -> *:* IF ?\"[a # b]\" # if",
                "100 if deny inbound * *:* -> *:* if ?\"[a # b]\" # if",
            ),
            (
                "?\"[p('x')]\" \"a b\" ?\"y\" ?\"\" ?\"z\" ?\"[a, b]:{\":* -> \"any\":* # \"a\\nb\"",
                "?\"[p('x')]\" \"a b\" ?\"y\" ?\"\" ?\"z\" ?\"[a, b]:{\":* -> \"any\":* # \"a\\nb\"",
            ),
        ] {
            assert_eq!(rule(written).to_string(), printed);
            assert_eq!(rule(printed), rule(written));
        }
    }

    #[test]
    fn any_text_in_any_place_round_trips() {
        let awkward = [
            "",
            " ",
            "a b",
            "\"",
            "\\",
            "a\\\"b",
            "#",
            "a#b",
            "x\r\n\ty",
            "\u{0}",
            "\u{85}\u{2028}",
            "{",
            "}",
            "[",
            "]",
            "any",
            "None",
            "*",
            "10.0.0.4",
            "10.0.0.0/8",
            "a,b",
            "a:b",
            "->",
            "?",
            "?\"a\"",
            "Ünicode 🦀",
            "\u{1f980}\n",
            "a-",
            "-a",
            "fe80",
            "asg{x}",
        ];
        for text in awkward {
            let mut rule = SecurityRule::new(
                RuleName::as_written(text),
                Priority::new(7),
                Direction::Outbound,
                Access::Deny,
            );
            rule.description = Some(text.to_owned());
            let unknown = UnknownValue::new(text);
            rule.source = [
                AddressItem::Tag(ServiceTag::new(text)),
                AddressItem::Asg(ResourceId::new(text)),
                AddressItem::NetworkGroup(ResourceId::new(text)),
                AddressItem::Unknown(unknown.clone()),
                AddressItem::Any,
            ]
            .into_iter()
            .collect();
            rule.destination_ports.unknown = vec![unknown.clone(), unknown.clone()];
            rule.protocol = Value::Unknown(unknown.clone());
            rule.condition = Some(unknown.clone());
            let line = rule.to_string();
            assert!(!line.contains(is_unprintable), "{line}");
            let read: SecurityRule = line.parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(read, rule);
            assert_eq!(read.name.as_str(), text);

            rule.priority = Value::Unknown(unknown.clone());
            rule.access = Value::Unknown(unknown.clone());
            rule.direction = Value::Unknown(unknown);
            assert_eq!(rule.to_string().parse(), Ok(rule));
        }
    }

    #[test]
    fn every_protocol_number_round_trips() {
        for number in 0..=255 {
            let mut rule = rule(EXAMPLE);
            rule.protocol = ProtocolSpec::One(Protocol::new(number)).into();
            assert_eq!(rule.to_string().parse(), Ok(rule));
        }
    }

    #[test]
    fn admin_rules_have_the_same_form() {
        let text = "1 Ssh alwaysallow inbound tcp group{g},Internet,10.0.0.0/8:* -> *:22";
        let rule: AdminRule = text.parse().unwrap();
        assert_eq!(rule.access, AdminAccess::AlwaysAllow.into());
        assert_eq!(rule.to_string(), text);
        assert!("1 x alwaysallow inbound tcp *:* -> *:22".parse::<SecurityRule>().is_err());
    }

    #[test]
    fn errors_name_the_part_and_what_was_expected() {
        for (text, part, hint) in [
            ("", "rule", "expected `900 AllowBastion allow"),
            ("100 x allow inbound tcp *:* *:22", "rule", "expected `900 AllowBastion allow"),
            ("100 x allow inbound tcp *:*->*:22", "rule", "expected `900 AllowBastion allow"),
            ("first x allow inbound tcp *:* -> *:22", "priority", "a number"),
            ("?\"p\" allow inbound tcp *:* -> *:22", "name", "priority is not known"),
            ("100 a/b allow inbound tcp *:* -> *:22", "name", "expected 1 to 80 letters"),
            ("100 x permit inbound tcp *:* -> *:22", "access", "`Allow` or `Deny`"),
            ("100 x allow in tcp *:* -> *:22", "direction", "`Inbound` or `Outbound`"),
            ("100 x allow inbound tpc *:* -> *:22", "protocol", "Tcp, Udp"),
            ("100 x allow inbound tcp * -> *:22", "source", "expected `*:*`"),
            ("100 x allow inbound tcp fd00::/8:* -> *:22", "source", "`[fd00::/8]:22`"),
            ("100 x allow inbound tcp 10.0.0.0/33:* -> *:22", "source", "over 32 bits"),
            ("100 x allow inbound tcp 10.0.0.9-10.0.0.1:* -> *:22", "source", "ascending"),
            ("100 x allow inbound tcp Office Net:* -> *:22", "rule", "expected"),
            ("100 x allow inbound tcp *:* -> /app:22", "destination", "a service tag"),
            ("100 x allow inbound tcp *:any -> *:22", "source ports", "from 0 to 65535"),
            ("100 x allow inbound tcp *:* -> *:22,none", "destination ports", "`none`"),
            ("100 x allow inbound tcp *:* -> *:22 if x", "condition", "expected one such as"),
            ("100 x allow inbound tcp *:* -> *:22 # \"open", "description", "JSON string"),
        ] {
            let error = text.parse::<SecurityRule>().unwrap_err();
            assert_eq!(error.part(), part, "{text}: {error}");
            assert!(error.to_string().contains(hint), "{text}: {error}");
        }
    }
}
