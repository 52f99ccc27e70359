//! The house plan: which module may import which, and how long a file may grow.
//!
//! The engines (`eval`, `classify`, `space`) never import one another, which is why their
//! agreement is evidence; lower floors never import higher ones, which is why they can be read
//! alone.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A room and the rooms it may import. A room that is not here may not exist.
const DOORS: &[(&str, &[&str])] = &[
    ("net", &[]),
    ("report", &[]),
    ("model", &["net", "report"]),
    ("network", &["net", "report", "model"]),
    ("resolve", &["net", "report", "model", "network"]),
    ("eval", &["net", "model", "resolve"]),
    ("space", &["net", "model", "resolve"]),
    ("classify", &["net", "model", "resolve"]),
    ("path", &["net", "report", "model", "network", "resolve", "eval"]),
    ("azure", &["net", "report", "model", "network", "resolve", "eval", "path"]),
    ("analysis", &["net", "report", "model", "network", "resolve", "eval", "space", "path"]),
    (
        "diagnose",
        &[
            "net", "report", "model", "network", "resolve", "eval", "space", "path", "azure",
            "analysis",
        ],
    ),
    ("strategies", &["net", "report", "model", "network", "resolve"]),
];

/// Lines of a file, unit tests not counted.
const LONGEST_FILE: usize = 800;

/// Lines of code of the reference evaluator: blank lines, comments and unit tests not counted.
const LONGEST_EVAL: usize = 300;

#[test]
fn every_import_goes_through_a_door_of_the_plan() {
    let mut closed = Vec::new();
    for source in sources() {
        let Some(room) = &source.room else { continue };
        let Some((_, doors)) = DOORS.iter().find(|(name, _)| name == room) else {
            closed.push(format!("{}: room `{room}` is not in the plan", source.path.display()));
            continue;
        };
        let own = imports(without_tests(&source.text));
        for imported in imports(&source.text) {
            // Unit tests may draw their cases from the room that exists for tests.
            let is_for_tests = imported == "strategies" && !own.contains(&imported);
            if imported != *room && !doors.contains(&imported.as_str()) && !is_for_tests {
                let path = source.path.display();
                closed.push(format!("{path}: `{room}` may not import `{imported}`"));
            }
        }
        if code_lines(&source.text).any(|line| line.contains("super::super")) {
            closed.push(format!("{}: `super::super` hides a door", source.path.display()));
        }
    }
    assert!(closed.is_empty(), "{}", closed.join("\n"));
}

#[test]
fn the_plan_itself_has_no_way_round() {
    for (index, (room, doors)) in DOORS.iter().enumerate() {
        for door in *doors {
            let below = DOORS.iter().position(|(name, _)| name == door);
            assert!(below.is_some_and(|below| below < index), "`{room}` imports upwards: `{door}`");
        }
    }
}

#[test]
fn imports_are_found_in_every_spelling() {
    let text = "use crate::net::Prefix;\nuse crate::{model::{Flow, self}, report};\n\
                /// [`x`](crate::diagnose::X)\nfn f() -> crate::resolve::Names {}";
    let found: Vec<String> = imports(text).into_iter().collect();
    assert_eq!(found, ["model", "net", "report", "resolve"]);
}

#[test]
fn no_file_is_too_long_to_read() {
    let long: Vec<String> = sources()
        .into_iter()
        .map(|source| (without_tests(&source.text).lines().count(), source.path))
        .filter(|(lines, _)| *lines > LONGEST_FILE)
        .map(|(lines, path)| format!("{}: {lines} lines", path.display()))
        .collect();
    assert!(long.is_empty(), "over {LONGEST_FILE} lines:\n{}", long.join("\n"));
}

#[test]
fn the_specification_stays_short() {
    let lines: usize = sources()
        .iter()
        .filter(|source| source.room.as_deref() == Some("eval"))
        .map(|source| code_lines(without_tests(&source.text)).count())
        .sum();
    assert!((1..=LONGEST_EVAL).contains(&lines), "`eval` has {lines} lines of code");
}

struct Source {
    path: PathBuf,
    /// The folder or file below `src`; `None` for `lib.rs`.
    room: Option<String>,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let inside = path.strip_prefix(&root).unwrap();
                let room = inside.iter().next().unwrap().to_str().unwrap();
                let room = Some(room.trim_end_matches(".rs").to_owned());
                let text = fs::read_to_string(&path).unwrap();
                found.push(Source { room: room.filter(|room| room != "lib"), text, path });
            }
        }
    }
    assert!(found.len() > 10, "the sources were not found");
    found
}

/// The first names after every `crate::`, groups in braces included, comments left out.
fn imports(text: &str) -> BTreeSet<String> {
    let code = code_lines(text).collect::<Vec<_>>().join("\n");
    let mut found = BTreeSet::new();
    for after in code.split("crate::").skip(1) {
        if let Some(group) = after.strip_prefix('{') {
            found.extend(members(group));
        } else {
            found.extend(identifier(after));
        }
    }
    found
}

/// The first names of the members of a brace group, given what follows its opening brace.
fn members(group: &str) -> Vec<String> {
    let (mut depth, mut found, mut is_start) = (1, Vec::new(), true);
    for (position, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => is_start = true,
            c if is_start && c.is_alphabetic() => {
                found.extend(identifier(&group[position..]));
                is_start = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    found
}

fn identifier(text: &str) -> Option<String> {
    let name: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}

fn code_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"))
}

fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests").next().unwrap()
}
