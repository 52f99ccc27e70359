//! IP flow verify: one flow at one end.

use std::fmt;
use std::marker::PhantomData;
use std::net::IpAddr;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::eval::Verdict;
use crate::model::{Direction, DirectionError, Flow, FlowError};
use crate::net::{Protocol, ProtocolError, parse_address};

/// What IP flow verify is asked (S8.2), with more protocols than Azure's two and IPv6 as well.
///
/// Local is the resource's side in both directions (S8.3). A port that is missing, null or `*` is
/// one whose value is not known (S8.4); ports and protocols may be written as text or as numbers.
///
/// ```
/// use nsg_engine::azure::network_watcher::IpFlowRequest;
///
/// let request: IpFlowRequest = serde_json::from_str(
///     r#"{ "direction": "Inbound", "protocol": "TCP", "localIPAddress": "10.0.0.4",
///          "localPort": "22", "remoteIPAddress": "10.0.1.4", "remotePort": "*" }"#,
/// )?;
/// assert_eq!(request.flow()?.to_string(), "tcp 10.0.1.4:* -> 10.0.0.4:22");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct IpFlowRequest {
    /// Which way the flow goes at the resource.
    pub direction: Direction,
    /// The protocol.
    pub protocol: Protocol,
    /// The address of the resource.
    pub local_address: IpAddr,
    /// The port of the resource.
    pub local_port: Option<u16>,
    /// The address of the other side.
    pub remote_address: IpAddr,
    /// The port of the other side.
    pub remote_port: Option<u16>,
    /// The virtual machine asked about, which one answer about one resource does not need.
    pub target_resource_id: Option<String>,
    /// The network interface, where the machine has several.
    pub target_nic_resource_id: Option<String>,
}

impl IpFlowRequest {
    /// The flow asked about: from remote to local when inbound, from local to remote when
    /// outbound (S8.3).
    ///
    /// # Errors
    ///
    /// When the addresses are of different families, or the protocol has no ports and one is
    /// given.
    pub fn flow(&self) -> Result<Flow, FlowError> {
        let (local, remote) = (self.local_address, self.remote_address);
        match self.direction {
            Direction::Inbound => Flow::new(self.protocol, remote, local)?
                .with_ports(self.remote_port, self.local_port),
            Direction::Outbound => Flow::new(self.protocol, local, remote)?
                .with_ports(self.local_port, self.remote_port),
        }
    }
}

/// What IP flow verify answers (S8.5).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct IpFlowResponse {
    /// Whether the flow passes.
    #[serde(serialize_with = "as_text")]
    pub access: Verdict,
    /// The deciding rule, as `securityRules/X` (S8.6); `None` when no rule matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_name: Option<String>,
}

impl IpFlowResponse {
    /// An answer.
    pub fn new(access: Verdict, rule_name: Option<String>) -> Self {
        Self { access, rule_name }
    }
}

pub(super) fn as_text<S: Serializer>(
    value: &impl fmt::Display,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

impl<'de> Deserialize<'de> for IpFlowRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Request)
    }
}

/// Reads the members one by one, so that what is wrong is told with the member's name, and
/// without copying text first: a stream of requests has hundreds of thousands a second.
struct Request;

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Name {
    Direction,
    Protocol,
    #[serde(rename = "localIPAddress")]
    LocalAddress,
    LocalPort,
    #[serde(rename = "remoteIPAddress")]
    RemoteAddress,
    RemotePort,
    TargetResourceId,
    TargetNicResourceId,
    #[serde(other)]
    Other,
}

impl<'de> Visitor<'de> for Request {
    type Value = IpFlowRequest;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<IpFlowRequest, A::Error> {
        let mut direction = Slot::<Direction>::new("direction");
        let mut protocol = Slot::<Protocol>::new("protocol");
        let mut local_address = Slot::<IpAddr>::new("localIPAddress");
        let mut local_port = Slot::<Option<u16>>::new("localPort");
        let mut remote_address = Slot::<IpAddr>::new("remoteIPAddress");
        let mut remote_port = Slot::<Option<u16>>::new("remotePort");
        let mut target = Slot::<Option<String>>::new("targetResourceId");
        let mut target_nic = Slot::<Option<String>>::new("targetNicResourceId");
        while let Some(name) = map.next_key()? {
            match name {
                Name::Direction => direction.read(&mut map)?,
                Name::Protocol => protocol.read(&mut map)?,
                Name::LocalAddress => local_address.read(&mut map)?,
                Name::LocalPort => local_port.read(&mut map)?,
                Name::RemoteAddress => remote_address.read(&mut map)?,
                Name::RemotePort => remote_port.read(&mut map)?,
                Name::TargetResourceId => target.read(&mut map)?,
                Name::TargetNicResourceId => target_nic.read(&mut map)?,
                Name::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(IpFlowRequest {
            direction: direction.required()?,
            protocol: protocol.required()?,
            local_address: local_address.required()?,
            local_port: local_port.value.flatten(),
            remote_address: remote_address.required()?,
            remote_port: remote_port.value.flatten(),
            target_resource_id: target.value.flatten(),
            target_nic_resource_id: target_nic.value.flatten(),
        })
    }
}

/// A member and what was read of it.
struct Slot<T> {
    name: &'static str,
    value: Option<T>,
}

impl<T: Member> Slot<T> {
    fn new(name: &'static str) -> Self {
        Self { name, value: None }
    }

    fn read<'de, A: MapAccess<'de>>(&mut self, map: &mut A) -> Result<(), A::Error> {
        if self.value.is_some() {
            return Err(A::Error::duplicate_field(self.name));
        }
        self.value = Some(map.next_value_seed(Seed { name: self.name, kind: PhantomData })?);
        Ok(())
    }

    fn required<E: Error>(self) -> Result<T, E> {
        self.value.ok_or_else(|| E::missing_field(self.name))
    }
}

struct Seed<T> {
    name: &'static str,
    kind: PhantomData<T>,
}

impl<'de, T: Member> DeserializeSeed<'de> for Seed<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<T: Member> Visitor<'_> for Seed<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as `{}`", T::EXPECTED, self.name)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::of_text(text).map_err(|error| E::custom(format_args!("`{}`: {error}", self.name)))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        T::of_number(number).ok_or_else(|| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_unit<E: Error>(self) -> Result<T, E> {
        T::of_null().ok_or_else(|| E::invalid_type(Unexpected::Unit, &self))
    }
}

/// What a member may hold.
trait Member: Sized {
    const EXPECTED: &'static str;

    fn of_text(text: &str) -> Result<Self, String>;

    fn of_number(_: u64) -> Option<Self> {
        None
    }

    fn of_null() -> Option<Self> {
        None
    }
}

impl Member for Direction {
    const EXPECTED: &'static str = "`Inbound` or `Outbound`";

    fn of_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error: DirectionError| error.to_string())
    }
}

impl Member for Protocol {
    const EXPECTED: &'static str = "a protocol by name or by number from 0 to 255";

    fn of_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error: ProtocolError| error.to_string())
    }

    fn of_number(number: u64) -> Option<Self> {
        u8::try_from(number).ok().map(Self::new)
    }
}

impl Member for IpAddr {
    const EXPECTED: &'static str = "an address";

    fn of_text(text: &str) -> Result<Self, String> {
        parse_address(text).ok_or_else(|| format!("`{text}` is not an address"))
    }
}

impl Member for Option<u16> {
    const EXPECTED: &'static str = "a port from 0 to 65535 or `*`";

    fn of_text(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(None);
        }
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        let port = is_number.then(|| text.parse().ok()).flatten();
        port.map(Some).ok_or_else(|| format!("`{text}` is not {}", Self::EXPECTED))
    }

    fn of_number(number: u64) -> Option<Self> {
        u16::try_from(number).ok().map(Some)
    }

    fn of_null() -> Option<Self> {
        Some(None)
    }
}

impl Member for Option<String> {
    const EXPECTED: &'static str = "a resource id";

    fn of_text(text: &str) -> Result<Self, String> {
        Ok(Some(text.to_owned()))
    }

    fn of_null() -> Option<Self> {
        Some(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(direction: &str, members: &str) -> Result<String, String> {
        let json = format!(
            r#"{{"direction": "{direction}", "localIPAddress": "10.0.0.4",
                "remoteIPAddress": "203.0.113.7", {members}}}"#
        );
        let request: IpFlowRequest = serde_json::from_str(&json).map_err(|e| e.to_string())?;
        request.flow().map(|flow| flow.to_string()).map_err(|e| e.to_string())
    }

    /// S8.3.
    #[test]
    fn local_is_the_resource_in_both_directions() {
        let tcp = r#""protocol": "TCP", "localPort": "22", "remotePort": 50000"#;
        assert_eq!(flow("Inbound", tcp).unwrap(), "tcp 203.0.113.7:50000 -> 10.0.0.4:22");
        assert_eq!(flow("outbound", tcp).unwrap(), "tcp 10.0.0.4:22 -> 203.0.113.7:50000");
    }

    /// S8.4, S1.24.
    #[test]
    fn a_port_may_be_unknown_and_icmp_has_none() {
        let any = r#""protocol": "Udp", "localPort": "53", "remotePort": "*""#;
        assert_eq!(flow("Inbound", any).unwrap(), "udp 203.0.113.7:* -> 10.0.0.4:53");
        let null = r#""protocol": 17, "localPort": null, "unknown": [{}]"#;
        assert_eq!(flow("Inbound", null).unwrap(), "udp 203.0.113.7:* -> 10.0.0.4:*");
        let icmp = r#""protocol": "Icmp", "localPort": "*", "remotePort": "*""#;
        assert_eq!(flow("Inbound", icmp).unwrap(), "icmp 203.0.113.7 -> 10.0.0.4");
        let icmp = r#""protocol": "Icmp", "localPort": "22""#;
        assert!(flow("Inbound", icmp).unwrap_err().contains("no ports"));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (direction, members, reason) in [
            ("In", r#""protocol": "TCP""#, "`In` is not a direction"),
            ("Inbound", r#""protocol": "Tpc""#, "`Tpc` is not a protocol"),
            (
                "Inbound",
                r#""protocol": "TCP", "localPort": "22-80""#,
                "`localPort`: `22-80` is not a port",
            ),
            (
                "Inbound",
                r#""protocol": "TCP", "localPort": 65536"#,
                "`65536`, expected a port from 0 to 65535 or `*` as `localPort`",
            ),
            ("Inbound", r#""protocol": 256"#, "by number from 0 to 255 as `protocol`"),
            ("Inbound", r#""protocol": null"#, "by number from 0 to 255 as `protocol`"),
            ("Inbound", r#""protocol": 6, "protocol": 6"#, "duplicate field `protocol`"),
            ("Inbound", r#""localPort": 1"#, "missing field `protocol`"),
        ] {
            let error = flow(direction, members).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }
}
