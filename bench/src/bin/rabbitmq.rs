//! Measures RabbitMQ end to end, ours beside loops by hand, in turns on one broker:
//! `WELLSPRING_TEST_RABBITMQ=amqp://.. cargo run --release -p wellspring-bench --features rabbitmq --bin rabbitmq
//! [MESSAGES [ROUNDS [PREFETCH]]]`.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::str::FromStr;

use wellspring_bench::Failure;
use wellspring_bench::rabbitmq::{Broker, Cost, Latency, Side};

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let texts: Vec<_> = arguments.iter().map(String::as_str).collect();
    if let ["pass", side, messages, from, to, uri, prefetch] = texts[..] {
        let (from, to, uri) = (from.to_owned(), to.to_owned(), uri.to_owned());
        let broker = Broker { uri, from, to, prefetch: prefetch.parse()? };
        println!("{}", side.parse::<Side>()?.run(&broker, messages.parse()?).await?);
        return Ok(());
    }
    let uri =
        std::env::var("WELLSPRING_TEST_RABBITMQ").map_err(|_| "WELLSPRING_TEST_RABBITMQ names no broker")?;
    let broker = Broker::new(uri, number(&texts, 2, 250)?);
    let connection = broker.connect().await?;
    let (messages, rounds) = (number(&texts, 0, 200_000)?, number(&texts, 1, 5)?);
    let mut measured = Measured::default();
    for _ in 0..rounds {
        for side in Side::ALL {
            broker.fill(&connection, messages).await?;
            let cost = side.start(&broker, messages)?.finish().await?;
            let Cost { cpu, throughput, switches, .. } = cost;
            println!("{}: {cpu:.2} µs, {throughput:.0} msg/s, {switches:.2} switches", side.title());
            measured.costs.push((side, cost));
            measured.latencies.push((side, Latency::measure(&broker, side, messages / 50).await?));
        }
    }
    broker.delete(&connection).await?;
    measured.print();
    Ok(())
}

fn number<T: FromStr>(texts: &[&str], at: usize, default: T) -> Result<T, T::Err> {
    texts.get(at).map_or(Ok(default), |text| text.parse())
}

#[derive(Default)]
struct Measured {
    costs: Vec<(Side, Cost)>,
    latencies: Vec<(Side, Latency)>,
}

impl Measured {
    fn print(&self) {
        println!("\n| min / median / max | {} |", Side::ALL.map(Side::title).join(" | "));
        println!("|---|---|---|---|---|");
        row("CPU µs/message", |side| self.of(side, |cost| cost.cpu));
        row("messages/s", |side| self.of(side, |cost| cost.throughput));
        row("switches of threads/message", |side| self.of(side, |cost| cost.switches));
        row("peak memory, MB", |side| self.of(side, |cost| cost.memory));
        row("p50 at 1,000/s, ms", |side| self.at_rest(side, |one| one.p50));
        row("p99 at 1,000/s, ms", |side| self.at_rest(side, |one| one.p99));
        row("CPU µs/message at 1,000/s", |side| self.at_rest(side, |one| one.cpu));
        for other in [Side::Bare, Side::Apart, Side::Gathering] {
            let pairs = self.of(Side::Bindings, |cost| cost.cpu);
            let ratios = pairs.iter().zip(self.of(other, |cost| cost.cpu)).map(|(ours, bare)| ours / bare);
            println!("\nbindings over {}, CPU per message: {}", other.title(), spread(ratios.collect(), 3));
        }
    }

    fn of(&self, side: Side, figure: impl Fn(&Cost) -> f64) -> Vec<f64> {
        self.costs.iter().filter(|(own, _)| *own == side).map(|(_, cost)| figure(cost)).collect()
    }

    fn at_rest(&self, side: Side, figure: impl Fn(&Latency) -> f64) -> Vec<f64> {
        self.latencies.iter().filter(|(own, _)| *own == side).map(|(_, one)| figure(one)).collect()
    }
}

fn row(what: &str, figures: impl Fn(Side) -> Vec<f64>) {
    let cells: Vec<_> = Side::ALL.into_iter().map(|side| spread(figures(side), 2)).collect();
    println!("| {what} | {} |", cells.join(" | "));
}

/// Least, median and most.
fn spread(mut figures: Vec<f64>, places: usize) -> String {
    figures.sort_by(f64::total_cmp);
    let picked = [0, figures.len() / 2, figures.len().saturating_sub(1)].map(|at| figures[at]);
    let places = if picked[1] >= 1000.0 { 0 } else { places };
    picked.map(|figure| format!("{figure:.places$}")).join(" / ")
}
