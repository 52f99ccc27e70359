//! Rules and groups in the shape of Azure's API (S10.1, S10.2).
//!
//! One value goes to the singular field, several go to the plural one (S10.6). What is not known
//! is written as it was read. Reading the result back gives the same rule, with addresses before
//! application security groups.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{AddressItem, AddressSpec, PortSpec, SecurityGroup, SecurityRule, Value};

impl Serialize for SecurityRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("name", self.name.as_str())?;
        if let Some(condition) = &self.condition {
            map.serialize_entry("condition", condition.text())?;
        }
        map.serialize_entry("properties", &Properties(self))?;
        map.end()
    }
}

impl Serialize for SecurityGroup {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", self.id.as_str())?;
        map.serialize_entry("name", self.name())?;
        map.serialize_entry("type", "Microsoft.Network/networkSecurityGroups")?;
        if let Some(region) = &self.region {
            map.serialize_entry("location", region)?;
        }
        map.serialize_entry("properties", &GroupProperties(self))?;
        map.end()
    }
}

struct GroupProperties<'a>(&'a SecurityGroup);

impl Serialize for GroupProperties<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("flushConnection", &self.0.flush_connection)?;
        map.serialize_entry("securityRules", &self.0.rules)?;
        map.serialize_entry("defaultSecurityRules", &self.0.default_rules)?;
        map.end()
    }
}

struct Properties<'a>(&'a SecurityRule);

impl Serialize for Properties<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rule = self.0;
        let mut map = serializer.serialize_map(None)?;
        if let Some(description) = &rule.description {
            map.serialize_entry("description", description)?;
        }
        map.serialize_entry("protocol", &text(&rule.protocol))?;
        write_ports(&mut map, ["sourcePortRange", "sourcePortRanges"], &rule.source_ports)?;
        write_ports(
            &mut map,
            ["destinationPortRange", "destinationPortRanges"],
            &rule.destination_ports,
        )?;
        let source =
            ["sourceAddressPrefix", "sourceAddressPrefixes", "sourceApplicationSecurityGroups"];
        write_addresses(&mut map, source, &rule.source)?;
        let destination = [
            "destinationAddressPrefix",
            "destinationAddressPrefixes",
            "destinationApplicationSecurityGroups",
        ];
        write_addresses(&mut map, destination, &rule.destination)?;
        map.serialize_entry("access", &text(&rule.access))?;
        match &rule.priority {
            Value::Known(priority) => map.serialize_entry("priority", &priority.number())?,
            Value::Unknown(unknown) => map.serialize_entry("priority", unknown.text())?,
        }
        map.serialize_entry("direction", &text(&rule.direction))?;
        map.end()
    }
}

fn text<T: ToString>(value: &Value<T>) -> String {
    match value {
        Value::Known(value) => value.to_string(),
        Value::Unknown(unknown) => unknown.text().to_owned(),
    }
}

fn write_ports<M: SerializeMap>(
    map: &mut M,
    names: [&'static str; 2],
    ports: &PortSpec,
) -> Result<(), M::Error> {
    let mut items: Vec<String> = Vec::new();
    if !ports.known.is_empty() {
        items.extend(ports.known.to_string().split(',').map(str::to_owned));
    }
    items.extend(ports.unknown.iter().map(|unknown| unknown.text().to_owned()));
    write_one_or_many(map, names, &items)
}

fn write_addresses<M: SerializeMap>(
    map: &mut M,
    [one, many, groups]: [&'static str; 3],
    addresses: &AddressSpec,
) -> Result<(), M::Error> {
    let items: Vec<String> = addresses.items.iter().filter_map(AddressItem::azure_text).collect();
    if !items.is_empty() {
        write_one_or_many(map, [one, many], &items)?;
    }
    let ids: Vec<Id<'_>> = addresses.asgs().map(|id| Id { id: id.as_str() }).collect();
    if !ids.is_empty() {
        map.serialize_entry(groups, &ids)?;
    }
    Ok(())
}

/// A reference to another resource.
#[derive(serde::Serialize)]
struct Id<'a> {
    id: &'a str,
}

fn write_one_or_many<M: SerializeMap>(
    map: &mut M,
    [one, many]: [&'static str; 2],
    items: &[String],
) -> Result<(), M::Error> {
    match items {
        [item] => map.serialize_entry(one, item),
        items => map.serialize_entry(many, items),
    }
}
