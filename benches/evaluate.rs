//! The reference evaluator against a scan written by hand over the same sets: what three-valued
//! matching and the decision cost.
#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use nsg_engine::eval::evaluate;
use nsg_engine::model::{Direction, Flow};
use nsg_engine::net::Prefix;
use nsg_engine::resolve::{Names, Ruleset, ServiceTags};
use nsg_engine::strategies::{Choices, Generator, Shape, sized};

const RULES: usize = 100;
const FLOWS: usize = 1_000;

fn main() {
    let (ruleset, flows) = setup();
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("evaluate");
    group.throughput(Throughput::Elements(FLOWS as u64));
    group.bench_function("eval", |bencher| bencher.iter(|| evaluate_all(&ruleset, &flows)));
    group.bench_function("scan", |bencher| bencher.iter(|| scan_all(&ruleset, &flows)));
    group.finish();
    criterion.final_summary();
    report_ratio(&ruleset, &flows);
}

/// 100 rules of four prefixes each and the three default ones, and flows at their corners.
fn setup() -> (Ruleset, Vec<Flow>) {
    let vnet: Prefix = "10.0.0.0/8".parse().unwrap();
    let names = Names::new(ServiceTags::built_in()).with_virtual_network(vnet.into());
    let group = sized::group(2 * RULES, 4, 1);
    let ruleset = Ruleset::of_group(&group, Direction::Inbound, &names);
    let mut generator = Generator::new(Choices::from_seed(2), Shape::definite());
    let has_ports = |flow: &Flow| flow.protocol().has_ports();
    let flows: Vec<Flow> =
        std::iter::repeat_with(|| generator.flow(&ruleset)).filter(has_ports).take(FLOWS).collect();
    for flow in &flows {
        assert_eq!(evaluate(&ruleset, flow).rule_index(), scan(&ruleset, flow), "{flow}");
    }
    (ruleset, flows)
}

fn evaluate_all(ruleset: &Ruleset, flows: &[Flow]) -> usize {
    flows.iter().filter_map(|flow| evaluate(ruleset, black_box(flow)).rule_index()).sum()
}

fn scan_all(ruleset: &Ruleset, flows: &[Flow]) -> usize {
    flows.iter().filter_map(|flow| scan(ruleset, black_box(flow))).sum()
}

/// The first rule whose five sets hold the five values of a TCP or UDP flow.
fn scan(ruleset: &Ruleset, flow: &Flow) -> Option<usize> {
    let (source_port, destination_port) = flow.source_port().zip(flow.destination_port())?;
    ruleset.rules().iter().position(|rule| {
        rule.protocols.known.contains(flow.protocol())
            && rule.source.known.contains(flow.source())
            && rule.source_ports.known.contains(source_port)
            && rule.destination.known.contains(flow.destination())
            && rule.destination_ports.known.contains(destination_port)
    })
}

/// Both in turns, so that whatever else the machine does falls on both alike.
fn report_ratio(ruleset: &Ruleset, flows: &[Flow]) {
    let mut best = [Duration::MAX; 2];
    for _ in 0..200 {
        let runs: [&dyn Fn() -> usize; 2] =
            [&|| evaluate_all(ruleset, flows), &|| scan_all(ruleset, flows)];
        for (best, run) in best.iter_mut().zip(runs) {
            let start = Instant::now();
            black_box(run());
            *best = start.elapsed().min(*best);
        }
    }
    let [eval, scan] = best.map(|time| time.as_secs_f64() * 1e9 / FLOWS as f64);
    println!("{RULES} rules: eval {eval:.0} ns, scan {scan:.0} ns, ratio {:.2}", eval / scan);
}
