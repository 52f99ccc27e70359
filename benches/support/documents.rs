//! Documents of a wanted size, for the benches that read.

use nsg_engine::strategies::{Choices, sized};
use serde_json::{Value, json};

/// A list of security groups of 100 rules each, as the API prints it, of about so many bytes.
pub(crate) fn groups(bytes: usize) -> Vec<u8> {
    let mut document = b"{\"value\":[".to_vec();
    for seed in 0.. {
        let group = sized::group(100, 8, seed);
        let mut value = serde_json::to_value(&group).unwrap();
        value["id"] = json!(format!("{}-{seed}", group.id));
        value["name"] = json!(format!("{}-{seed}", group.name()));
        serde_json::to_writer_pretty(&mut document, &value).unwrap();
        if document.len() >= bytes {
            break;
        }
        document.push(b',');
    }
    document.extend(b"]}");
    document
}

/// A service-tag file in the shape of the weekly download, of about so many bytes.
pub(crate) fn service_tags(bytes: usize) -> Vec<u8> {
    let mut choices = Choices::from_seed(1);
    let mut values = Vec::new();
    let mut written = 0;
    for number in 0.. {
        let prefixes: Vec<String> =
            (0..choices.between(4, 60)).map(|_| prefix(&mut choices)).collect();
        let value = json!({
            "name": format!("Service{number}.WestEurope"),
            "id": format!("Service{number}.WestEurope"),
            "properties": {
                "changeNumber": number, "region": "westeurope", "regionId": 18,
                "platform": "Azure", "systemService": format!("Service{number}"),
                "addressPrefixes": prefixes, "networkFeatures": ["API", "NSG", "UDR", "FW"],
            },
        });
        written += serde_json::to_string_pretty(&value).unwrap().len();
        values.push(value);
        if written >= bytes {
            break;
        }
    }
    let file: Value = json!({ "changeNumber": 1, "cloud": "Public", "values": values });
    serde_json::to_vec_pretty(&file).unwrap()
}

fn prefix(choices: &mut Choices) -> String {
    let [a, b, c] = choices.bytes();
    if choices.one_in(4) {
        format!("2603:{a:x}{b:02x}:{c:x}::/48")
    } else {
        format!("20.{a}.{b}.{}/27", c & 0xe0)
    }
}
