//! The library's part of a stream of flows: a JSON line in, the gates of a network interface
//! evaluated, a JSON line out.
#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::hint::black_box;
use std::io::Write;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nsg_engine::azure::network_watcher::{IpFlowRequest, IpFlowResponse};
use nsg_engine::model::{Direction, Flow};
use nsg_engine::path::Chain;
use nsg_engine::resolve::{Rule, ServiceTags, Topology};
use nsg_engine::strategies::{Choices, Generator, Shape, sized};

const LINES: usize = 10_000;

/// The two chains of a network interface in a network of 10 groups with 100 rules each.
fn chains() -> [Chain; 2] {
    let topology = Topology::new(sized::network(10, 100, 1), ServiceTags::built_in());
    let interface = topology.network().network_interfaces.first().unwrap();
    let configuration = interface.ip_configurations.first().unwrap();
    [Direction::Inbound, Direction::Outbound]
        .map(|direction| Chain::of_interface(&topology, interface, configuration, direction))
}

/// Requests about flows at the corners of the rules.
fn lines(chains: &[Chain; 2]) -> String {
    let mut generator = Generator::new(Choices::from_seed(2), Shape::definite());
    let mut text = String::new();
    for chain in chains.iter().cycle().take(LINES) {
        let rules = chain.gates().first().and_then(|gate| gate.ruleset()).unwrap();
        let flow = std::iter::repeat_with(|| generator.flow(rules))
            .find(|flow| flow.protocol().has_ports())
            .unwrap();
        text.push_str(&line(chain.direction(), &flow));
    }
    text
}

fn line(direction: Direction, flow: &Flow) -> String {
    let port = |port: Option<u16>| port.map_or("*".to_owned(), |port| port.to_string());
    let source = (flow.source(), port(flow.source_port()));
    let destination = (flow.destination(), port(flow.destination_port()));
    let (local, remote) = match direction {
        Direction::Inbound => (destination, source),
        Direction::Outbound => (source, destination),
    };
    let protocol = flow.protocol().to_string().to_uppercase();
    format!(
        "{{\"direction\":\"{direction}\",\"protocol\":\"{protocol}\",\"localIPAddress\":\"{}\",\"localPort\":\"{}\",\"remoteIPAddress\":\"{}\",\"remotePort\":\"{}\"}}\n",
        local.0, local.1, remote.0, remote.1
    )
}

fn answer(chains: &[Chain; 2], lines: &str, mut output: impl Write) {
    let [inbound, outbound] = chains;
    for line in lines.lines() {
        let request: IpFlowRequest = serde_json::from_str(line).unwrap();
        let flow = request.flow().unwrap();
        let chain = if request.direction == Direction::Inbound { inbound } else { outbound };
        let decision = chain.evaluate(&flow);
        let rule = decision.rule().map(Rule::qualified_name);
        serde_json::to_writer(&mut output, &IpFlowResponse::new(decision.verdict(), rule)).unwrap();
        output.write_all(b"\n").unwrap();
    }
}

fn flow_stream(criterion: &mut Criterion) {
    let chains = chains();
    let lines = lines(&chains);
    let mut group = criterion.benchmark_group("flow stream");
    group.throughput(Throughput::Elements(LINES as u64));
    let mut output = Vec::new();
    group.bench_function("lines", |bencher| {
        bencher.iter(|| {
            output.clear();
            answer(&chains, black_box(&lines), &mut output);
            output.len()
        });
    });
    group.finish();
}

criterion_group!(benches, flow_stream);
criterion_main!(benches);
