//! Security rules.

use super::{
    Access, AddressItem, AddressSpec, Direction, PortSpec, Priority, ProtocolSpec, RuleName,
    UnknownValue, Value,
};
use crate::net::PortSet;
use crate::report::Origin;

/// One rule of a security group: what Azure calls a security rule, with every field (S1.1).
///
/// Fields are public because any combination of them is a rule; Azure's limits on combinations
/// are checked where text is read.
///
/// # As text
///
/// ```text
/// PRIORITY [NAME] ACCESS DIRECTION PROTOCOL SOURCE:PORTS -> DESTINATION:PORTS [if CONDITION] [# DESCRIPTION]
/// ```
///
/// | part | form |
/// |---|---|
/// | name | bare where Azure takes it (S1.2), otherwise quoted; if left out, `Rule` and the priority |
/// | protocol | `*`, `tcp`, `udp`, `icmp`, `icmpv6`, `esp`, `ah`, or a number |
/// | address | `*`, `10.0.0.0/8`, `10.0.0.4`, `10.0.0.1-10.0.0.9`, `[fd00::/8]`, a service tag, `asg{ID}`, `group{ID}` |
/// | port | `*`, `22`, `8000-8080` |
/// | list | items separated by commas without blanks, `none` when there are none |
/// | condition | an unknown value |
/// | unknown value | `?"[parameters('port')]"`, in the place of any value but the name |
/// | quoted text | a JSON string; also a description that needs it, or a tag with odd characters |
///
/// `FromStr` takes words in any case; what `Display` prints, it reads back to an equal rule.
/// [`AdminRule`](super::AdminRule) has the same form, with `alwaysallow` as a third access.
///
/// ```
/// use nsg_engine::model::{RuleTextError, SecurityRule};
///
/// let rule: SecurityRule = "900 AllowBastion Allow Inbound TCP 10.0.1.0/26:* -> *:3389,22".parse()?;
/// assert_eq!(rule.to_string(), "900 AllowBastion allow inbound tcp 10.0.1.0/26:* -> *:22,3389");
///
/// let deny: SecurityRule = "4096 deny inbound * *:* -> *:* # nothing else".parse()?;
/// assert_eq!(deny.name.as_str(), "Rule4096");
/// assert_eq!(deny.description.as_deref(), Some("nothing else"));
/// # Ok::<(), RuleTextError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct SecurityRule {
    /// Unique in its group, in both directions together (S1.3).
    pub name: RuleName,
    /// A remark, at most 140 characters (S1.5).
    pub description: Option<String>,
    /// The lower number is looked at first; unique in its group and direction (S1.7).
    pub priority: Value<Priority>,
    /// Which traffic it applies to.
    pub direction: Value<Direction>,
    /// What it does with a match.
    pub access: Value<Access>,
    /// Which protocols it matches.
    pub protocol: Value<ProtocolSpec>,
    /// Where a matching packet comes from.
    pub source: AddressSpec,
    /// The port a matching packet comes from.
    pub source_ports: PortSpec,
    /// Where a matching packet goes.
    pub destination: AddressSpec,
    /// The port a matching packet goes to.
    pub destination_ports: PortSpec,
    /// The template expression that decides whether the rule exists; `None` when it does (S3.8).
    pub condition: Option<UnknownValue>,
    /// Where the rule was read.
    pub origin: Origin,
}

impl SecurityRule {
    /// A rule that matches everything in its direction.
    pub fn new(name: RuleName, priority: Priority, direction: Direction, access: Access) -> Self {
        Self {
            name,
            description: None,
            priority: priority.into(),
            direction: direction.into(),
            access: access.into(),
            protocol: ProtocolSpec::Any.into(),
            source: AddressSpec::any(),
            source_ports: PortSpec::any(),
            destination: AddressSpec::any(),
            destination_ports: PortSpec::any(),
            condition: None,
            origin: Origin::default(),
        }
    }

    /// Stands for any number of rules of which nothing is known but the text in their place,
    /// such as the expression `[variables('rules')]` (S3.8).
    pub fn unknown(text: &UnknownValue) -> Self {
        let ports = || PortSpec { known: PortSet::empty(), unknown: vec![text.clone()] };
        Self {
            name: RuleName::as_written(text.text()),
            description: None,
            priority: Value::Unknown(text.clone()),
            direction: Value::Unknown(text.clone()),
            access: Value::Unknown(text.clone()),
            protocol: Value::Unknown(text.clone()),
            source: AddressItem::Unknown(text.clone()).into(),
            source_ports: ports(),
            destination: AddressItem::Unknown(text.clone()).into(),
            destination_ports: ports(),
            condition: None,
            origin: Origin::default(),
        }
    }
}
