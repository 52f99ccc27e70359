//! The README shows what the program really prints, and the checks run what the README tells.

use std::fs;

use super::cli;

const BASTION: [&str; 4] = ["bastion", "--vm", "vm-web-01", "examples/data/network.json"];

#[test]
fn the_diagnosis_in_the_readme_is_what_the_program_prints() {
    let readme = fs::read_to_string("README.md").unwrap();
    let (_, rest) = readme.split_once("```text\n").unwrap();
    let (shown, _) = rest.split_once("\n```").unwrap();
    let root = env!("CARGO_MANIFEST_DIR");
    let printed = cli::stdout(&cli::program().current_dir(root).args(BASTION).output().unwrap());
    let trimmed: Vec<&str> = printed.trim_end().lines().map(str::trim_end).collect();
    assert_eq!(shown, trimmed.join("\n"), "update the block in README.md");
}

#[test]
fn the_two_commands_of_the_readme_are_those_of_the_checks() {
    let readme = fs::read_to_string("README.md").unwrap();
    let (_, rest) = readme.split_once("```sh\n").unwrap();
    let (commands, _) = rest.split_once("```").unwrap();
    let checks = fs::read_to_string(".ci/run").unwrap();
    assert_eq!(commands.lines().count(), 2);
    for command in commands.lines() {
        assert!(checks.contains(&format!("step {command}\n")), "{command}");
    }
}
