//! Compiles rules and classifies a trace with them, three ways, with the time each takes.
//!
//! ```text
//! cargo run --release --example classify -- RULES --trace FILE [--engine NAME] [--rounds N] [--dump FILE] [--csv]
//! ```
//!
//! RULES is a ClassBench filter file, whose first matching line wins, or JSON as Azure prints it,
//! with `--nsg` and `--direction`. The trace has one packet a line, `source destination
//! source-port destination-port protocol`, in decimal numbers. Both may be compressed (`.gz`).

#![expect(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "it counts lines, and the truncated number is zero"
)]

mod filters;

use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::io::{BufWriter, Read, Write};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use nsg_engine::azure;
use nsg_engine::classify::{Answer, Classifier, Config, FlowKey, Ports, RuleIndex, Strategy};
use nsg_engine::model::Direction;
use nsg_engine::net::Protocol;
use nsg_engine::resolve::{Ruleset, ServiceTags, Topology};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Measures the compiled classifier on a trace of packets.
#[derive(Parser)]
struct Arguments {
    /// ClassBench filters, or JSON with security groups
    rules: PathBuf,
    /// Packets, one a line: source destination source-port destination-port protocol
    #[arg(long)]
    trace: PathBuf,
    /// The strategy to use, instead of the one chosen for the rules
    #[arg(long)]
    engine: Option<Strategy>,
    /// How often the whole trace is classified
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Writes the number of the matching rule of each packet, -1 for none
    #[arg(long)]
    dump: Option<PathBuf>,
    /// Prints one line of comma-separated values under a line of names
    #[arg(long)]
    csv: bool,
    /// The security group to take from JSON input
    #[arg(long)]
    nsg: Option<String>,
    /// The direction to take from JSON input
    #[arg(long, default_value_t = Direction::Inbound)]
    direction: Direction,
    /// Microsoft's service-tag file
    #[arg(long)]
    service_tags: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let (ruleset, ports) = read_rules(arguments)?;
    let mut config = Config::new().ports(ports).size_limit(1 << 30);
    if let Some(strategy) = arguments.engine {
        config = config.strategy(strategy);
    }
    let started = Instant::now();
    let classifier = Classifier::new(&ruleset, &config)?;
    let build = started.elapsed();
    let keys = read_trace(&arguments.trace)?;

    let rounds = arguments.rounds.max(1);
    let mut answers = vec![RuleIndex::NONE; keys.len()];
    let dependent = timed(rounds, keys.len(), || dependent(&classifier, &keys, &mut answers));
    let expected = checksum(&answers)?;
    let single = timed(rounds, keys.len(), || {
        for (answer, key) in answers.iter_mut().zip(&keys) {
            *answer = classifier.classify_key(black_box(key));
        }
    });
    agree("single", checksum(&answers)?, expected)?;
    let batch =
        timed(rounds, keys.len(), || classifier.classify_batch(&keys, black_box(&mut answers)));
    agree("batch", checksum(&answers)?, expected)?;
    if let Some(path) = &arguments.dump {
        dump(path, &answers)?;
    }

    let scan = Classifier::new(&ruleset, &config.strategy(Strategy::Scan))?;
    // A sample of about ten million rules looked at is enough.
    let every = (keys.len() * ruleset.rules().len() / 10_000_000).max(1);
    let sample: Vec<_> = keys.iter().step_by(every).copied().collect();
    let mut scanned = vec![RuleIndex::NONE; sample.len()];
    let scan_times =
        timed(1, sample.len(), || scan.classify_batch(&sample, black_box(&mut scanned)));
    if !answers.iter().step_by(every).eq(&scanned) {
        return Err("the reference scan disagrees".into());
    }

    let lines = [
        ("rules", ruleset.rules().len().to_string()),
        ("engine", classifier.kind().to_string()),
        ("build_ms", format!("{:.3}", build.as_secs_f64() * 1e3)),
        ("memory_bytes", classifier.memory_usage().to_string()),
        ("dependent_ns", best_and_median(&dependent)),
        ("single_ns", best_and_median(&single)),
        ("batch_ns", best_and_median(&batch)),
        ("scan_ns", best_and_median(&scan_times)),
        ("checksum", expected.to_string()),
        ("report", classifier.report().ipv4.to_string()),
    ];
    if arguments.csv {
        let (names, values): (Vec<_>, Vec<_>) = lines.into_iter().take(9).unzip();
        println!("{}\n{}", names.join(","), values.join(","));
    } else {
        for (name, value) in lines {
            println!("{name}: {value}");
        }
    }
    Ok(())
}

/// Nanoseconds a packet of each round, ascending.
fn timed(rounds: usize, packets: usize, mut work: impl FnMut()) -> Vec<f64> {
    let mut times: Vec<f64> = (0..rounds)
        .map(|_| {
            let started = Instant::now();
            work();
            started.elapsed().as_secs_f64() * 1e9 / packets.max(1) as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times
}

fn best_and_median(times: &[f64]) -> String {
    let at = |place: usize| times.get(place).copied().unwrap_or(f64::NAN);
    format!("best {:.2} median {:.2}", at(0), at(times.len() / 2))
}

/// Each key depends on the answer before it, by adding zero that the compiler cannot foresee.
fn dependent(classifier: &Classifier, keys: &[FlowKey<Ipv4Addr>], answers: &mut [RuleIndex]) {
    let mask = black_box(0u32);
    let mut before = 0u32;
    for (answer, key) in answers.iter_mut().zip(keys) {
        let moved = before & mask;
        let key = FlowKey::<Ipv4Addr>::new(
            key.protocol(),
            Ipv4Addr::from(u32::from(key.source()) ^ moved),
            key.source_port(),
            Ipv4Addr::from(u32::from(key.destination()) ^ moved),
            key.destination_port() ^ (moved as u16),
        );
        *answer = classifier.classify_key(&key);
        before = answer.to_bits();
    }
}

/// The sum over the trace of (line + 1) × (rule + 1), no match counting as rule -1.
fn checksum(answers: &[RuleIndex]) -> Result<u64> {
    let mut sum = 0u64;
    for (line, answer) in (1u64..).zip(answers) {
        let rule = match answer.answer() {
            Answer::Rule(rule) => rule as u64 + 1,
            Answer::NoRule => 0,
            Answer::Evaluate => {
                return Err("the rules hold unknown names: give --service-tags".into());
            }
        };
        sum = sum.wrapping_add(line.wrapping_mul(rule));
    }
    Ok(sum)
}

fn agree(way: &str, found: u64, expected: u64) -> Result<()> {
    if found == expected { Ok(()) } else { Err(format!("{way} lookups disagree").into()) }
}

fn dump(path: &Path, answers: &[RuleIndex]) -> Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for answer in answers {
        match answer.rule() {
            Some(rule) => writeln!(file, "{rule}")?,
            None => writeln!(file, "-1")?,
        }
    }
    Ok(file.flush()?)
}

fn read_text(path: &Path) -> Result<String> {
    let at = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut file = File::open(path).map_err(at)?;
    let mut text = String::new();
    if path.extension().is_some_and(|extension| extension == "gz") {
        flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).map_err(at)?;
    } else {
        file.read_to_string(&mut text).map_err(at)?;
    }
    Ok(text)
}

fn read_trace(path: &Path) -> Result<Vec<FlowKey<Ipv4Addr>>> {
    let text = read_text(path)?;
    let line = |(number, line): (usize, &str)| {
        read_packet(line).ok_or_else(|| {
            let expected = "source destination source-port destination-port protocol";
            format!(
                "{}, line {}: `{line}` is not a packet: expected {expected}",
                path.display(),
                number + 1
            )
        })
    };
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    Ok(lines.map(line).collect::<std::result::Result<_, _>>()?)
}

fn read_packet(line: &str) -> Option<FlowKey<Ipv4Addr>> {
    let mut fields = line.split_whitespace();
    let source: u32 = fields.next()?.parse().ok()?;
    let destination: u32 = fields.next()?.parse().ok()?;
    let source_port = fields.next()?.parse().ok()?;
    let destination_port = fields.next()?.parse().ok()?;
    let protocol = Protocol::new(fields.next()?.parse().ok()?);
    Some(FlowKey::<Ipv4Addr>::new(
        protocol,
        source.into(),
        source_port,
        destination.into(),
        destination_port,
    ))
}

fn read_rules(arguments: &Arguments) -> Result<(Ruleset, Ports)> {
    let text = read_text(&arguments.rules)?;
    if text.trim_start().starts_with('@') {
        let ruleset = filters::read(&arguments.rules.display().to_string(), &text)?;
        return Ok((ruleset, Ports::OfEveryProtocol));
    }
    let network = azure::read(text.as_bytes())?.network;
    let tags = match &arguments.service_tags {
        Some(path) => {
            let text = read_text(path)?;
            azure::read_service_tags(&path.display().to_string(), text.as_bytes())?
        }
        None => ServiceTags::built_in(),
    };
    let topology = Topology::new(network, tags);
    let groups = &topology.network().security_groups;
    let group = match &arguments.nsg {
        Some(name) => groups.iter().find(|group| group.name().eq_ignore_ascii_case(name)),
        None => groups.first(),
    };
    let group = group.ok_or("the input does not hold the security group: name one with --nsg")?;
    let names = topology.names_of_group(group);
    Ok((Ruleset::of_group(group, arguments.direction, &names), Ports::OfTcpAndUdp))
}
