//! Why Azure Bastion can or cannot reach a machine (SEMANTICS 7): the texts people read, every
//! code of the catalogue, repairs that work, and what is said where facts are missing.

use std::path::{Path, PathBuf};

use nsg_engine::azure::Reader;
use nsg_engine::diagnose::{BastionQuestion, BastionReport, Style, bastion};
use nsg_engine::model::Mode;
use nsg_engine::network::Network;
use nsg_engine::resolve::{ServiceTags, Topology};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/bastion")
}

fn read(names: &[&str]) -> Network {
    let mut reader = Reader::new(Mode::Lenient);
    for name in names {
        let file = format!("{name}.json");
        let json = std::fs::read(folder().join(&file)).unwrap();
        reader.add(&file, &json).unwrap();
    }
    reader.finish().network
}

fn ask(network: Network, question: &BastionQuestion) -> BastionReport {
    bastion(&Topology::new(network, ServiceTags::built_in()), question).unwrap()
}

/// The texts a person reads, compared to the letter. `NSG_UPDATE_GOLDEN=1` writes them anew.
#[test]
fn the_text_is_as_kept() {
    for scenario in
        ["deny-virtual-network", "open-by-default", "both-levels", "bastion-subnet", "admin-rule"]
    {
        let report = ask(read(&["network", scenario]), &BastionQuestion::about("vm-web-01"));
        let text = report.render_text(Style::PLAIN);
        let kept = folder().join(format!("{scenario}.txt"));
        if std::env::var_os("NSG_UPDATE_GOLDEN").is_some() {
            std::fs::write(&kept, &text).unwrap();
        }
        let expected = std::fs::read_to_string(&kept).unwrap_or_default();
        assert_eq!(text, expected, "{scenario}");
    }
}
