//! IP flow verify: one flow at one end.

use std::fmt;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::str::FromStr;

use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::eval::Verdict;
use crate::model::{Direction, Flow, FlowError};
use crate::net::{Protocol, parse_address};

/// What IP flow verify is asked (S8.2), with more protocols than Azure's two and IPv6 as well.
///
/// Local is the resource's side in both directions (S8.3). A port that is missing, null or `*` is
/// one whose value is not known (S8.4); ports may be written as text or as numbers.
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
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct IpFlowRequest {
    /// Which way the flow goes at the resource.
    #[serde(deserialize_with = "from_text")]
    pub direction: Direction,
    /// The protocol.
    #[serde(deserialize_with = "from_text")]
    pub protocol: Protocol,
    /// The address of the resource.
    #[serde(rename = "localIPAddress", deserialize_with = "address")]
    pub local_address: IpAddr,
    /// The port of the resource.
    #[serde(default, deserialize_with = "port")]
    pub local_port: Option<u16>,
    /// The address of the other side.
    #[serde(rename = "remoteIPAddress", deserialize_with = "address")]
    pub remote_address: IpAddr,
    /// The port of the other side.
    #[serde(default, deserialize_with = "port")]
    pub remote_port: Option<u16>,
    /// The virtual machine asked about, which one answer about one resource does not need.
    #[serde(default)]
    pub target_resource_id: Option<String>,
    /// The network interface, where the machine has several.
    #[serde(default)]
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

/// Reads text without copying it first: a stream of requests has hundreds of thousands a second.
fn from_text<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    struct Text<T>(PhantomData<T>);

    impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for Text<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }
    }

    deserializer.deserialize_str(Text(PhantomData))
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<IpAddr, D::Error> {
    struct Address(IpAddr);

    impl FromStr for Address {
        type Err = String;

        fn from_str(text: &str) -> Result<Self, Self::Err> {
            parse_address(text).map(Self).ok_or_else(|| format!("`{text}` is not an address"))
        }
    }

    from_text(deserializer).map(|Address(address)| address)
}

fn port<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    struct Port;

    impl<'de> Visitor<'de> for Port {
        type Value = Option<u16>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a port from 0 to 65535 or `*`")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
            if text == "*" {
                return Ok(None);
            }
            let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
            let port = is_number.then(|| text.parse().ok()).flatten();
            port.map(Some).ok_or_else(|| {
                E::custom(format_args!("`{text}` is not a port from 0 to 65535 or `*`"))
            })
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
            u16::try_from(number).map(Some).map_err(|_| {
                E::custom(format_args!("`{number}` is not a port from 0 to 65535 or `*`"))
            })
        }

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }

    deserializer.deserialize_any(Port)
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
        let null = r#""protocol": "Udp", "localPort": null"#;
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
            ("Inbound", r#""protocol": "TCP", "localPort": "22-80""#, "`22-80` is not a port"),
            ("Inbound", r#""protocol": "TCP", "localPort": 65536"#, "`65536` is not a port"),
            ("Inbound", r#""localPort": 1"#, "missing field `protocol`"),
        ] {
            let error = flow(direction, members).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }
}
