//! What network configuration diagnostic is asked, read so that whatever is wrong is told with
//! its JSON pointer.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ProfileError;
use crate::model::{Direction, DirectionError, Endpoint, ProtocolSpec, Query};
use crate::report::Location;

/// What network configuration diagnostic is asked (S8.8).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", try_from = "Value")]
#[non_exhaustive]
pub struct ConfigurationDiagnosticRequest {
    /// The virtual machine or network interface asked about; Azure demands it, and a caller who
    /// names interfaces can do without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_resource_id: Option<String>,
    /// How much Azure is to answer; this crate always answers everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verbosity_level: Option<VerbosityLevel>,
    /// The sets of flows.
    pub profiles: Vec<DiagnosticProfile>,
}

/// One set of flows, in the words of the request.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DiagnosticProfile {
    /// `Inbound` or `Outbound`, seen from the target.
    pub direction: String,
    /// `TCP`, `UDP`, `*`, or any other protocol a rule can name.
    pub protocol: String,
    /// `*`, an address, a block or a service tag.
    pub source: String,
    /// `*`, an address, a block or a service tag.
    pub destination: String,
    /// `*` or one port.
    pub destination_port: String,
}

impl DiagnosticProfile {
    /// The direction.
    ///
    /// # Errors
    ///
    /// When the text is no direction.
    pub fn direction(&self) -> Result<Direction, DirectionError> {
        self.direction.parse()
    }

    /// The set of flows.
    ///
    /// # Errors
    ///
    /// When a member cannot be read or the members do not fit together.
    pub fn query(&self) -> Result<Query, ProfileError> {
        let protocol = match self.protocol.parse()? {
            ProtocolSpec::Any => None,
            ProtocolSpec::One(protocol) => Some(protocol),
        };
        let port = match self.destination_port.as_str() {
            "*" => Some(None),
            digits if digits.starts_with('+') => None,
            digits => digits.parse().ok().map(Some),
        };
        let port =
            port.ok_or_else(|| ProfileError::Port { text: self.destination_port.clone() })?;
        let (source, destination): (Endpoint, Endpoint) =
            (self.source.parse()?, self.destination.parse()?);
        Ok(Query::new(protocol, source, destination, port)?)
    }
}

/// How much network configuration diagnostic is to answer (S8.8).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
#[non_exhaustive]
pub enum VerbosityLevel {
    /// Azure's default.
    Normal,
    /// Less.
    Minimum,
    /// More.
    Full,
}

impl FromStr for VerbosityLevel {
    type Err = VerbosityLevelError;

    /// Ignores case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let levels = [("Normal", Self::Normal), ("Minimum", Self::Minimum), ("Full", Self::Full)];
        let found = levels.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        found.map(|(_, level)| level).ok_or_else(|| VerbosityLevelError { text: text.to_owned() })
    }
}

/// The text is not a verbosity level.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{text}` is not a verbosity level: expected `Normal`, `Minimum` or `Full`")]
pub struct VerbosityLevelError {
    text: String,
}

/// A request does not have the shape of Azure's API.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}{}{message}", .location.pointer(), if .location.pointer().is_empty() { "" } else { ": " })]
pub struct RequestError {
    location: Location,
    message: String,
}

impl RequestError {
    fn new(location: Location, message: impl Into<String>) -> Self {
        Self { location, message: message.into() }
    }

    /// The JSON pointer of what is wrong; empty for the whole request.
    pub fn pointer(&self) -> &str {
        self.location.pointer()
    }
}

impl TryFrom<Value> for ConfigurationDiagnosticRequest {
    type Error = RequestError;

    fn try_from(json: Value) -> Result<Self, Self::Error> {
        let request = Object::new(&json, Location::default())?;
        let target_resource_id = match request.optional("targetResourceId") {
            None => None,
            Some(id) => Some(text_of(id, &request.location.child("targetResourceId"))?),
        };
        let verbosity_level = match request.optional("verbosityLevel") {
            None => None,
            Some(level) => {
                let at = request.location.child("verbosityLevel");
                let text = text_of(level, &at)?;
                let parsed = text.parse().map_err(|error: VerbosityLevelError| error.to_string());
                Some(parsed.map_err(|message| RequestError::new(at, message))?)
            }
        };
        let profiles_at = request.location.child("profiles");
        let Value::Array(profiles) = request.required("profiles")? else {
            return Err(RequestError::new(profiles_at, "expected a list of profiles"));
        };
        let profiles = profiles.iter().enumerate();
        let profiles = profiles
            .map(|(index, profile)| DiagnosticProfile::read(profile, profiles_at.child(index)));
        Ok(Self {
            target_resource_id,
            verbosity_level,
            profiles: profiles.collect::<Result<_, _>>()?,
        })
    }
}

impl DiagnosticProfile {
    fn read(json: &Value, location: Location) -> Result<Self, RequestError> {
        let profile = Object::new(json, location)?;
        let destination_port = match profile.required("destinationPort")? {
            // Azure writes text; programs that build requests often write the number.
            Value::Number(number) => number.to_string(),
            other => text_of(other, &profile.location.child("destinationPort"))?,
        };
        Ok(Self {
            direction: profile.text("direction")?,
            protocol: profile.text("protocol")?,
            source: profile.text("source")?,
            destination: profile.text("destination")?,
            destination_port,
        })
    }
}

/// A JSON object and where it stands.
struct Object<'a> {
    members: &'a Map<String, Value>,
    location: Location,
}

impl<'a> Object<'a> {
    fn new(json: &'a Value, location: Location) -> Result<Self, RequestError> {
        match json {
            Value::Object(members) => Ok(Self { members, location }),
            _ => Err(RequestError::new(location, "expected an object")),
        }
    }

    fn optional(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    fn required(&self, name: &str) -> Result<&'a Value, RequestError> {
        let missing = || RequestError::new(self.location.child(name), "missing");
        self.optional(name).ok_or_else(missing)
    }

    fn text(&self, name: &str) -> Result<String, RequestError> {
        text_of(self.required(name)?, &self.location.child(name))
    }
}

fn text_of(json: &Value, location: &Location) -> Result<String, RequestError> {
    match json {
        Value::String(text) => Ok(text.clone()),
        _ => Err(RequestError::new(location.clone(), "expected text")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request() -> Value {
        json!({
            "targetResourceId": "/vm",
            "verbosityLevel": "full",
            "profiles": [{
                "direction": "Inbound", "protocol": "TCP", "source": "*", "destination": "*",
                "destinationPort": 22,
            }],
        })
    }

    #[test]
    fn a_port_may_be_a_number_and_a_level_is_one_of_azures() {
        let read: ConfigurationDiagnosticRequest = serde_json::from_value(request()).unwrap();
        assert_eq!(read.profiles[0].destination_port, "22");
        assert_eq!(read.verbosity_level, Some(VerbosityLevel::Full));
        let mut without = request();
        without["verbosityLevel"] = Value::Null;
        let read: ConfigurationDiagnosticRequest = serde_json::from_value(without).unwrap();
        assert_eq!(read.verbosity_level, None);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_pointer() {
        for (pointer, value, expected) in [
            ("/verbosityLevel", json!("Loud"), "/verbosityLevel: `Loud` is not a verbosity level"),
            ("/profiles/0/destinationPort", json!(null), "/profiles/0/destinationPort: missing"),
            ("/profiles/0/source", json!(["*"]), "/profiles/0/source: expected text"),
            ("/profiles/0", json!([]), "/profiles/0: expected an object"),
            ("/profiles", json!({}), "/profiles: expected a list"),
            ("/targetResourceId", json!(7), "/targetResourceId: expected text"),
            ("", json!([]), "expected an object"),
        ] {
            let mut request = request();
            *request.pointer_mut(pointer).unwrap() = value;
            let error = ConfigurationDiagnosticRequest::try_from(request).unwrap_err();
            assert!(error.to_string().starts_with(expected), "{error}");
            assert_eq!(error.pointer(), pointer);
        }
    }
}
