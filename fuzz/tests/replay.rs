//! Every stored input, and some thousands made from them: the fuzz targets on stable.

use std::fs;
use std::path::{Path, PathBuf};

use nsg_engine::strategies::Choices;
use nsg_engine_fuzz::mutate::mutate;
use nsg_engine_fuzz::{TARGETS, Target};

/// How many inputs are made for each target.
const MADE: u64 = 1_000;

fn files(folder: &str, target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(target);
    let Ok(entries) = fs::read_dir(&folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// A target that reads what another one reads shares its seeds.
fn seeds(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    files("seeds", if target == "evaluate_after_read" { "read_azure" } else { target })
}

/// Says which input it was when a target panics.
fn run(target: Target, name: &str, input: &[u8]) {
    let outcome = std::panic::catch_unwind(|| target(input));
    assert!(outcome.is_ok(), "{name} panics on\n{}", String::from_utf8_lossy(input));
}

#[test]
fn stored_inputs_end_without_a_panic() {
    for (name, target) in TARGETS {
        for (path, input) in seeds(name).into_iter().chain(files("regressions", name)) {
            run(target, &path.display().to_string(), &input);
        }
    }
}

#[test]
fn inputs_made_from_seeds_end_without_a_panic() {
    for (name, target) in TARGETS {
        let seeds: Vec<Vec<u8>> = seeds(name).into_iter().map(|(_, seed)| seed).collect();
        for number in 0..MADE {
            let mut choices = Choices::from_seed(number);
            let input = match choices.pick(&seeds) {
                Some(seed) => mutate(seed, &seeds, &mut choices),
                None => choices.bytes::<1024>().to_vec(),
            };
            run(target, name, &input);
        }
    }
}
