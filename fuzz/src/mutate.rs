//! Inputs made from seeds: a small deterministic stand-in for a fuzzer, so that every test run
//! tries some thousands of inputs.

use nsg_engine::strategies::Choices;
use serde_json::{Map, Value, json};

/// A changed seed: as JSON where it is JSON and the choices say so, else byte by byte.
pub fn mutate(seed: &[u8], others: &[Vec<u8>], choices: &mut Choices) -> Vec<u8> {
    if choices.one_in(2)
        && let Ok(mut value) = serde_json::from_slice(seed)
    {
        for _ in 0..choices.between(1, 4) {
            change_value(&mut value, choices);
        }
        return value.to_string().into_bytes();
    }
    let mut bytes = seed.to_vec();
    for _ in 0..choices.between(1, 6) {
        change_bytes(&mut bytes, others, choices);
    }
    bytes
}

/// Goes down at random and changes what it comes to.
fn change_value(value: &mut Value, choices: &mut Choices) {
    let goes_deeper = !choices.one_in(5);
    match value {
        Value::Object(members) if goes_deeper && !members.is_empty() => {
            let names: Vec<String> = members.keys().cloned().collect();
            let name = &names[choices.below(names.len())];
            match choices.below(8) {
                0 => drop(members.remove(name)),
                1 => rename(members, name, choices),
                _ => change_value(&mut members[name], choices),
            }
        }
        Value::Array(items) if goes_deeper && !items.is_empty() => {
            let index = choices.below(items.len());
            match choices.below(8) {
                0 => drop(items.remove(index)),
                1 => items.push(items[index].clone()),
                2 => items.reverse(),
                _ => change_value(&mut items[index], choices),
            }
        }
        _ => *value = odd_value(value, choices),
    }
}

fn rename(members: &mut Map<String, Value>, name: &str, choices: &mut Choices) {
    let value = members.remove(name).unwrap_or_default();
    let new = match choices.below(4) {
        0 => name.to_uppercase(),
        1 => format!("{name}s"),
        2 => name.trim_end_matches('s').to_owned(),
        _ => {
            ["id", "name", "type", "properties", "value", "resources"][choices.below(6)].to_owned()
        }
    };
    members.insert(new, value);
}

/// Another type, another text, or the value in a place where it does not belong.
fn odd_value(value: &Value, choices: &mut Choices) -> Value {
    let texts = [
        "",
        "*",
        "Any",
        "Internet",
        "VirtualNetwork",
        "10.0.0.0/33",
        "10.0.0.5/24",
        "::/0",
        "1-0",
        "0-65535",
        "65536",
        "22,80",
        "[parameters('x')]",
        "10.0.0.9-10.0.0.1",
        "Inbound",
        "Deny",
        "Icmp",
        "/",
        "//",
        "a/b/c",
        "\u{0}",
        "\u{2028}",
        "é",
    ];
    match choices.below(12) {
        0 => Value::Null,
        1 => json!(choices.one_in(2)),
        2 => json!(choices.below(70_000)),
        3 => json!(-1),
        4 => json!(1e308),
        5 => json!([]),
        6 => json!({}),
        7 => json!([value, value]),
        8 => json!({ "properties": value, "id": value }),
        9 => (0..200).fold(value.clone(), |inner, _| json!([inner])),
        _ => json!(texts[choices.below(texts.len())]),
    }
}

fn change_bytes(bytes: &mut Vec<u8>, others: &[Vec<u8>], choices: &mut Choices) {
    let tokens: [&[u8]; 12] = [
        b"null", b"\"\"", b"[", b"]", b"{", b"}", b"-1", b"1e999", b"\\u0000", b"/", b"*", b"\xff",
    ];
    let start = choices.below(bytes.len() + 1);
    let end = (start + choices.below(16)).min(bytes.len());
    match choices.below(6) {
        0 => bytes[start..end].iter_mut().for_each(|byte| *byte ^= 1 << (start % 8)),
        1 => drop(bytes.drain(start..end)),
        2 => bytes.splice(end..end, bytes[start..end].to_vec()).for_each(drop),
        3 => {
            let token = tokens[choices.below(tokens.len())];
            bytes.splice(start..start, token.iter().copied()).for_each(drop);
        }
        4 => bytes.truncate(start),
        _ => {
            if let Some(other) = choices.pick(others) {
                let from = choices.below(other.len() + 1);
                let part = other[from..].iter().copied().take(200);
                bytes.splice(start..end, part).for_each(drop);
            }
        }
    }
}
