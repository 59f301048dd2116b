//! Prints the table of all figures beside their goals: `cargo run --release -p wellspring-bench`.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::path::PathBuf;
use std::time::Duration;

use wellspring_bench::counted::Work;
use wellspring_bench::counting_allocator::{Counting, allocations};
use wellspring_bench::process::{Server, stripped_size};
use wellspring_bench::story::PAYLOAD;
use wellspring_bench::{Failure, instructions, memory, web};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const ROUNDS: usize = 5;

fn main() {
    println!("| what | figure (min / median / max) | goal | reached |");
    println!("|---|---|---|---|");
    for (what, measure) in [
        ("allocations", allocations_table as fn() -> Result<(), Failure>),
        ("instructions", instructions_table),
        ("memory binder", memory_table),
        ("process", process_table),
        ("http", http_table),
    ] {
        if let Err(error) = measure() {
            println!("| {what} | not measured: {error} | | |");
        }
    }
}

fn row(what: &str, figure: &str, goal: &str, reached: bool) {
    println!("| {what} | {figure} | {goal} | {} |", if reached { "yes" } else { "**no**" });
}

/// A figure without a goal.
fn reading(what: &str, figure: &str) {
    println!("| {what} | {figure} | | |");
}

fn allocations_table() -> Result<(), Failure> {
    let once = |work: Work| -> Result<u64, Failure> {
        let call = work.prepare()?;
        call(PAYLOAD.into())?;
        let payload = PAYLOAD.into();
        let (count, result) = allocations(|| call(payload));
        result.map(|_| count)
    };
    let (hand, one, two) = (once(Work::ByHand)?, once(Work::Engine(1))?, once(Work::Engine(2))?);
    let more = one.saturating_sub(hand);
    row("engine over by hand, allocations", &format!("+{more} ({one} against {hand})"), "≤ 1", more <= 1);
    row("one more sync stage, allocations", &format!("+{}", two - one), "0", two == one);
    Ok(())
}

fn instructions_table() -> Result<(), Failure> {
    let count = program("count")?;
    let hand = instructions::per_repetition(&count, &["by-hand"])?;
    let one = instructions::per_repetition(&count, &["1"])?;
    let two = instructions::per_repetition(&count, &["2"])?;
    let figure = format!("+{:.0} ({one:.0} against {hand:.0})", one - hand);
    row("engine over by hand, instructions", &figure, "≤ 400", one - hand <= 400.0);
    row("one more sync stage, instructions", &format!("+{:.0}", two - one), "≤ 300", two - one <= 300.0);
    Ok(())
}

fn memory_table() -> Result<(), Failure> {
    for (definition, count, goal) in
        [("bytes", 2_000_000, 2.0), ("email", 1_000_000, 1.0), ("email|sms", 1_000_000, 1.0)]
    {
        let rounds = (0..ROUNDS)
            .map(|_| memory::throughput(definition, &[], PAYLOAD, count))
            .collect::<Result<Vec<_>, _>>()?;
        let Spread { least, median, most } = Spread::of(rounds);
        let figure = format!("{:.2} / {:.2} / {:.2} M msg/s", least / 1e6, median / 1e6, most / 1e6);
        let what = format!("memory binder through `{}`, one core", definition.replace('|', "\\|"));
        row(&what, &figure, &format!("≥ {goal} M msg/s"), median >= goal * 1e6);
    }
    let again = ["order=none", "max-attempts=2", "back-off-initial-interval=1ms"];
    for (what, definition, consumer) in [
        ("dead letters", "rejects", &[][..]),
        ("every message tried twice, 1 ms apart", "stumbles", &again[..]),
    ] {
        let rounds = (0..ROUNDS)
            .map(|_| memory::throughput(definition, consumer, PAYLOAD, 100_000))
            .collect::<Result<Vec<_>, _>>()?;
        let Spread { least, median, most } = Spread::of(rounds);
        let figure = format!("{:.0} / {:.0} / {:.0} k msg/s", least / 1e3, median / 1e3, most / 1e3);
        row(&format!("memory binder, {what}"), &figure, "≥ 50 k msg/s", median >= 50_000.0);
    }
    Ok(())
}

fn process_table() -> Result<(), Failure> {
    let hello = program("hello")?;
    let request = b"POST /hello HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\ncontent-length: 3\r\n\r\nbob";
    let arguments = ["--http.port={port}", "--management.port=0"];
    let mut starts = Vec::new();
    let mut idle = Vec::new();
    for _ in 0..4 * ROUNDS {
        let server = Server::start(&hello, &arguments, request)?;
        starts.push(server.started_in.as_secs_f64() * 1e3);
        std::thread::sleep(Duration::from_millis(200));
        idle.push(server.resident()? as f64 / 1e6);
    }
    let Spread { least, median, most } = Spread::of(starts);
    row(
        "start to first answer",
        &format!("{least:.1} / {median:.1} / {most:.1} ms"),
        "≤ 10 ms",
        median <= 10.0,
    );
    let Spread { least, median, most } = Spread::of(idle);
    row("idle memory", &format!("{least:.1} / {median:.1} / {most:.1} MB"), "≤ 12 MB", median <= 12.0);
    let size = stripped_size(&hello)? as f64 / 1e6;
    row("stripped binary", &format!("{size:.1} MB"), "≤ 12 MB", size <= 12.0);
    Ok(())
}

fn http_table() -> Result<(), Failure> {
    let serve = program("serve")?;
    let (mut bare, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare.push(web::load(&serve, "bare", 3)?);
        ours.push(web::load(&serve, "wellspring", 3)?);
    }
    let ratios = bare.iter().zip(&ours).map(|(bare, ours)| ours.per_second / bare.per_second).collect();
    let Spread { least, median, most } = Spread::of(ratios);
    let figure = format!("{least:.3} / {median:.3} / {most:.3}");
    row("HTTP requests per second, ratio to bare axum, 32 connections", &figure, "≥ 0.97", median >= 0.97);
    let ratios = bare.iter().zip(&ours).map(|(bare, ours)| ours.micros / bare.micros).collect();
    let Spread { least, median, most } = Spread::of(ratios);
    let figure = format!("{least:.3} / {median:.3} / {most:.3}");
    reading("HTTP processor time per request, ratio to bare axum", &figure);
    let micros = Spread::of(bare.iter().map(|load| load.micros).collect()).median;
    reading("HTTP processor time per request, bare axum", &format!("{micros:.1} µs"));
    Ok(())
}

/// The smallest, the middle and the largest of some figures.
struct Spread {
    least: f64,
    median: f64,
    most: f64,
}

impl Spread {
    fn of(mut figures: Vec<f64>) -> Self {
        figures.sort_by(f64::total_cmp);
        let at = |index: usize| figures.get(index).copied().unwrap_or(f64::NAN);
        Self { least: at(0), median: at(figures.len() / 2), most: at(figures.len().saturating_sub(1)) }
    }
}

/// A program that lies beside this one.
fn program(name: &str) -> Result<PathBuf, Failure> {
    let path = std::env::current_exe()?.with_file_name(name);
    if !path.exists() {
        return Err(format!("`{name}` is not built, expected `./bench/run` to build it").into());
    }
    Ok(path)
}
