//! Measures Kafka end to end, ours beside a bare client, in turns on one broker:
//! `WELLSPRING_TEST_KAFKA=host:port cargo run --release -p wellspring-bench --features kafka --bin kafka [MESSAGES] [ROUNDS]`.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use wellspring_bench::Failure;
use wellspring_bench::kafka::{Cluster, Pass, Side, latencies};

/// How long messages wait for others while throughput is measured, in milliseconds; both sides take what they have
/// when nothing is said, too.
const LINGERS: [Option<u32>; 2] = [Some(5), None];

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next();
    if first.as_deref() == Some("pass") {
        return Pass::from_arguments(arguments)?.run();
    }
    let address =
        std::env::var("WELLSPRING_TEST_KAFKA").map_err(|_| "WELLSPRING_TEST_KAFKA names no broker")?;
    let messages = first.map_or(Ok(500_000), |count| count.parse())?;
    let rounds = arguments.next().map_or(Ok(5), |rounds| rounds.parse())?;
    println!("| what | bare client | bindings | ratio |");
    println!("|---|---|---|---|");
    let cluster = Cluster::fill(&address, messages)?;
    let measured = LINGERS.iter().try_for_each(|linger| throughput(&cluster, messages, rounds, *linger));
    let measured = measured.and_then(|()| exactly_once(&cluster, messages, rounds));
    cluster.delete()?;
    measured?;
    latency(&address, rounds)
}

fn throughput(cluster: &Cluster, messages: u64, rounds: u32, linger: Option<u32>) -> Result<(), Failure> {
    let [mut cpu, mut speed, mut memory] = [const { Figures::new() }; 3];
    for round in 0..rounds {
        let pass = |side| {
            let group = format!("{}.{side:?}-{round}-{linger:?}", cluster.from);
            Pass { side, cluster: cluster.clone(), group, messages, linger }.measure()
        };
        // Who begins changes, so that neither always finds the caches of the broker warm.
        let (bare, ours) = if round % 2 == 0 {
            let bare = pass(Side::Bare)?;
            (bare, pass(Side::Ours)?)
        } else {
            let ours = pass(Side::Ours)?;
            (pass(Side::Bare)?, ours)
        };
        cpu.add(bare.cpu_per_message(), ours.cpu_per_message());
        speed.add(bare.throughput() / 1e3, ours.throughput() / 1e3);
        memory.add(bare.memory as f64 / 1e6, ours.memory as f64 / 1e6);
    }
    let lingering = linger.map_or_else(|| "as by default".to_owned(), |linger| format!("{linger} ms"));
    cpu.print(&format!("processor time per message, µs, lingering {lingering}"));
    speed.print(&format!("thousand messages per second, lingering {lingering}"));
    memory.print("peak memory, MB");
    Ok(())
}

/// What it costs that all of it is seen once.
fn exactly_once(cluster: &Cluster, messages: u64, rounds: u32) -> Result<(), Failure> {
    let [mut cpu, mut speed] = [const { Figures::new() }; 2];
    for round in 0..rounds {
        let pass = |side| {
            let group = format!("{}.{side:?}-{round}", cluster.from);
            Pass { side, cluster: cluster.clone(), group, messages, linger: Some(5) }.measure()
        };
        let (ours, exact) = (pass(Side::Ours)?, pass(Side::Exact)?);
        cpu.add(ours.cpu_per_message(), exact.cpu_per_message());
        speed.add(ours.throughput() / 1e3, exact.throughput() / 1e3);
    }
    println!("| | at least once | exactly once | |");
    cpu.print("processor time per message, µs, bindings lingering 5 ms");
    speed.print("thousand messages per second, bindings lingering 5 ms");
    Ok(())
}

fn latency(address: &str, rounds: u32) -> Result<(), Failure> {
    let [mut half, mut most] = [const { Figures::new() }; 2];
    for round in 0..rounds {
        let bare = latencies(address, Side::Bare, round)?;
        let ours = latencies(address, Side::Ours, round)?;
        half.add(bare.p50.as_secs_f64() * 1e3, ours.p50.as_secs_f64() * 1e3);
        most.add(bare.p99.as_secs_f64() * 1e3, ours.p99.as_secs_f64() * 1e3);
    }
    half.print("p50 end to end at 1,000 messages per second, ms");
    most.print("p99 end to end at 1,000 messages per second, ms");
    Ok(())
}

/// One figure of each round.
struct Figures {
    bare: Vec<f64>,
    ours: Vec<f64>,
    ratios: Vec<f64>,
}

impl Figures {
    const fn new() -> Self {
        Self { bare: Vec::new(), ours: Vec::new(), ratios: Vec::new() }
    }

    fn add(&mut self, bare: f64, ours: f64) {
        self.bare.push(bare);
        self.ours.push(ours);
        self.ratios.push(ours / bare);
    }

    fn print(mut self, what: &str) {
        let [bare, ours, ratios] =
            [&mut self.bare, &mut self.ours, &mut self.ratios].map(|figures| range(figures));
        println!("| {what} | {bare} | {ours} | {ratios} |");
    }
}

/// The least, the one in the middle and the greatest.
fn range(figures: &mut [f64]) -> String {
    figures.sort_by(f64::total_cmp);
    match figures {
        [] => String::new(),
        [first, ..] => {
            let first = *first;
            format!("{first:.2} / {:.2} / {:.2}", figures[figures.len() / 2], figures[figures.len() - 1])
        }
    }
}
