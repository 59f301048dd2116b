//! Requests per second of a function over HTTP, beside the same handler in bare axum.
//!
//! `cargo run --release -p wellspring-benches --bin http [seconds] [rounds]` starts both servers, each on one thread of
//! a process of its own, lets `wrk` load them in turn, and prints requests per second, the processor time of one request,
//! and our share of bare axum's rate: of every round, and the median.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};

use axum::routing::post;
use axum::{Json, Router};
use wellspring::config::{Config, Sources};
use wellspring::http::Server;
use wellspring::invocation::Functions;

#[path = "../story.rs"]
#[allow(unreachable_pub, reason = "the module is shared with the other measurements")]
mod story;

type Failure = Box<dyn std::error::Error>;

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "this program prints a table")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.first().map(String::as_str) {
        Some("serve") => serve(arguments.get(1).map_or("", String::as_str)),
        seconds => {
            let rounds = arguments.get(1).and_then(|text| text.parse().ok()).unwrap_or(5);
            compare(seconds.unwrap_or("3"), rounds).map(|table| println!("{table}"))
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Serves one of the two until standard input ends; the first line says where.
#[expect(clippy::print_stdout, reason = "the parent process reads the address")]
fn serve(which: &str) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let _running = match which {
        "axum" => {
            let router =
                Router::new().route("/email", post(async |Json(account)| Json(story::email(account))));
            let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
            println!("{}", listener.local_addr()?);
            let mut tasks = tokio::task::JoinSet::new();
            tasks.spawn_on(async { axum::serve(listener, router).await }, runtime.handle());
            (Some(tasks), None)
        }
        _ => {
            let config = Config::load(&Sources::new().arg("--http.port=0"))?;
            let functions = Functions::new(story::functions().build()?, &[], Some(config.http.timeout))?;
            let bound = runtime.block_on(Server::new(functions, config.http).bind())?;
            println!("127.0.0.1:{}", bound.address().port());
            let _inside = runtime.enter();
            (None, Some(bound.start()))
        }
    };
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn compare(seconds: &str, rounds: usize) -> Result<String, Failure> {
    let script = std::env::temp_dir().join("wellspring-http.lua");
    let body = String::from_utf8(story::PAYLOAD.to_vec())?;
    std::fs::write(
        &script,
        format!("wrk.method='POST' wrk.headers['Content-Type']='application/json' wrk.body='{body}'"),
    )?;
    let (axum, ours) = (Served::start("axum")?, Served::start("wellspring")?);
    axum.load(&script, "1")?;
    ours.load(&script, "1")?;
    let mut table =
        String::from("      axum requests/s (µs)   wellspring requests/s (µs)   ratio (by time)\n");
    let mut ratios = Vec::new();
    for _ in 0..rounds {
        let (bare, own) = (axum.load(&script, seconds)?, ours.load(&script, seconds)?);
        let (ratio, by_time) = (own.rate / bare.rate, bare.micros / own.micros);
        table += &format!(
            "{:>15.0} ({:>5.2}) {:>20.0} ({:>5.2}) {ratio:>14.3} ({by_time:.3})\n",
            bare.rate, bare.micros, own.rate, own.micros
        );
        ratios.push((ratio, by_time));
    }
    let median = |mut all: Vec<f64>| {
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
    };
    let (by_rate, by_time) = ratios.into_iter().unzip();
    Ok(format!("{table}median ratio {:.3}, by processor time {:.3}", median(by_rate), median(by_time)))
}

/// What one load came to.
struct Load {
    /// Requests per second.
    rate: f64,
    /// Processor time of the server per request, in microseconds.
    micros: f64,
}

/// A server in a process of its own; ends with this value.
struct Served {
    child: Child,
    address: String,
}

impl Served {
    fn start(which: &str) -> Result<Self, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["serve", which])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut address = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut address)?;
        Ok(Self { child, address: address.trim().to_owned() })
    }
}

impl Served {
    fn load(&self, script: &Path, seconds: &str) -> Result<Load, Failure> {
        let before = self.processor_time()?;
        let wrk = Command::new("wrk")
            .args(["-t1", "-c32", "-d", seconds, "-s"])
            .arg(script)
            .arg(format!("http://{}/email", self.address))
            .output()
            .map_err(|error| format!("cannot run `wrk` (apt-get install wrk): {error}"))?;
        let report = String::from_utf8_lossy(&wrk.stdout).into_owned();
        let number =
            |line: Option<&str>| line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        let rate = number(report.lines().find_map(|line| line.strip_prefix("Requests/sec:")));
        let requests = number(report.lines().find(|line| line.contains(" requests in ")));
        match (rate, requests) {
            (Some(rate), Some(requests)) if !report.contains("Non-2xx") => {
                Ok(Load { rate, micros: (self.processor_time()? - before) * 1e6 / requests })
            }
            _ => Err(report.into()),
        }
    }

    /// The processor time that the server has used, in seconds; the kernel counts in hundredths.
    fn processor_time(&self) -> Result<f64, Failure> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |index: usize| fields.get(index).and_then(|text| text.parse::<f64>().ok());
        Ok((ticks(11).ok_or("no user time")? + ticks(12).ok_or("no system time")?) / 100.0)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
