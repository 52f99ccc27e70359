//! Faults planted in the classifier, one at a time, are found by the tests of it.
//!
//! `cargo test --all-features planted_faults -- --ignored --nocapture` copies the crate, plants
//! each fault of `data/faults.toml` in the copy, runs the classifier's tests there until one
//! fails, and prints how long that took. A word in `NSG_FAULTS` chooses the faults whose name
//! holds it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

#[derive(Deserialize)]
struct Faults {
    fault: Vec<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    name: String,
    file: PathBuf,
    text: String,
    instead: String,
}

fn faults() -> Vec<Fault> {
    let text = std::fs::read_to_string(root().join("tests/data/faults.toml")).unwrap();
    toml::from_str::<Faults>(&text).unwrap().fault
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn each_fault_has_one_place() {
    for fault in faults() {
        let source = std::fs::read_to_string(root().join(&fault.file)).unwrap();
        assert_eq!(source.matches(&fault.text).count(), 1, "{}", fault.name);
        assert_ne!(fault.text, fault.instead, "{}", fault.name);
    }
}

#[test]
#[ignore = "compiles the crate once for each fault: cargo test --all-features planted_faults -- \
            --ignored --nocapture"]
fn planted_faults_are_found() {
    let copy = std::env::temp_dir().join(format!("nsg-engine-faults-{}", std::process::id()));
    std::fs::create_dir_all(&copy).unwrap();
    for part in ["Cargo.toml", "Cargo.lock", "README.md", "src", "tests", "benches", "examples"] {
        copy_all(&root().join(part), &copy.join(part));
    }
    assert_eq!(first_failure(&copy).0, None, "the copy fails without a fault");
    let wanted = std::env::var("NSG_FAULTS").unwrap_or_default();
    let mut missed = Vec::new();
    for fault in faults().into_iter().filter(|fault| fault.name.contains(&wanted)) {
        let file = copy.join(&fault.file);
        let source = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, source.replace(&fault.text, &fault.instead)).unwrap();
        let (failed, took) = first_failure(&copy);
        std::fs::write(&file, source).unwrap();
        let found = failed.as_deref().unwrap_or("NOT FOUND");
        println!("{:5.1} s  {}  [{found}]", took.as_secs_f64(), fault.name);
        if failed.is_none() {
            missed.push(fault.name);
        }
    }
    std::fs::remove_dir_all(&copy).unwrap();
    assert!(missed.is_empty(), "{missed:#?}");
}

fn copy_all(from: &Path, to: &Path) {
    if from.is_dir() {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let name = entry.unwrap().file_name();
            copy_all(&from.join(&name), &to.join(&name));
        }
    } else {
        std::fs::copy(from, to).unwrap();
    }
}

/// The first test of the classifier to fail in the crate at `root`, and how long the tests ran
/// until then, without compiling them.
fn first_failure(root: &Path) -> (Option<String>, Duration) {
    let tests = executables(root);
    let started = Instant::now();
    let failed = tests.iter().find_map(|test| {
        let mut run = Command::new(test)
            .args(["classify", "--format=pretty"])
            .current_dir(root)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(run.stdout.take().unwrap()).lines().map_while(Result::ok);
        let failed = lines.find_map(|line| Some(line.strip_suffix(" ... FAILED")?.to_owned()));
        if failed.is_some() {
            run.kill().unwrap();
        }
        let passed = run.wait().unwrap().success();
        // What aborts the process names no test.
        failed.or_else(|| (!passed).then(|| "the test process".to_owned()))
    });
    (failed, started.elapsed())
}

/// Compiles the tests -> their executables.
fn executables(root: &Path) -> Vec<PathBuf> {
    let built = Command::new(env!("CARGO"))
        .args(["test", "--no-run", "--all-features", "--lib", "--test", "integration"])
        .arg("--message-format=json")
        .current_dir(root)
        .env("CARGO_PROFILE_TEST_OPT_LEVEL", "1")
        .env("CARGO_PROFILE_TEST_DEBUG", "false")
        .env_remove("CARGO_TARGET_DIR")
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "it does not compile: {errors}");
    let messages = serde_json::Deserializer::from_slice(&built.stdout).into_iter::<Message>();
    messages.filter_map(|message| message.unwrap().executable).collect()
}

#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
}
