//! Measures Kafka end to end, ours beside a bare client, in turns on one broker:
//! `WELLSPRING_TEST_KAFKA=host:port cargo run --release -p wellspring-benches --features kafka --bin kafka [MESSAGES]`.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use wellspring_benches::Failure;
use wellspring_benches::kafka::{Cluster, Cost, bare, ours};

const ROUNDS: u32 = 3;

fn main() -> Result<(), Failure> {
    let address =
        std::env::var("WELLSPRING_TEST_KAFKA").map_err(|_| "WELLSPRING_TEST_KAFKA names no broker")?;
    let messages = std::env::args().nth(1).map_or(Ok(500_000), |count| count.parse())?;
    let cluster = Cluster::fill(&address, messages)?;
    let measured = measure(&cluster, messages);
    cluster.delete()?;
    measured
}

fn measure(cluster: &Cluster, messages: u64) -> Result<(), Failure> {
    println!("| what | CPU µs/message | messages/s |");
    println!("|---|---|---|");
    let mut ratios = Vec::new();
    for round in 0..ROUNDS {
        let by_hand = bare(cluster, &format!("{}.bare-{round}", cluster.from), messages)?;
        print("bare client", &by_hand);
        let engine = ours(cluster, &format!("{}.ours-{round}", cluster.from), messages)?;
        print("bindings", &engine);
        ratios.push(engine.cpu_per_message() / by_hand.cpu_per_message());
    }
    ratios.sort_by(f64::total_cmp);
    println!("\nbindings over bare client, CPU per message, median: {:.2}", ratios[ratios.len() / 2]);
    Ok(())
}

fn print(what: &str, cost: &Cost) {
    println!("| {what} | {:.2} | {:.0} |", cost.cpu_per_message(), cost.throughput());
}
