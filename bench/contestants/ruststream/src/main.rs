//! RustStream doing the work of the measurements; the environment says which, until SIGTERM.

mod kafka;
mod rabbitmq;
mod story;

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;

use ruststream::prelude::*;

/// What the environment asks for.
struct Work {
    address: String,
    input: String,
    group: String,
    output: Arc<str>,
    tuned: bool,
}

impl Work {
    fn from_environment() -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            address: variable("BENCH_ADDRESS")?,
            input: variable("BENCH_INPUT")?,
            group: variable("BENCH_GROUP")?,
            output: variable("BENCH_OUTPUT")?.into(),
            tuned: variable("BENCH_TUNED")? == "true",
        })
    }
}

/// What handlers are given.
#[derive(Debug, Clone, FromRef)]
struct Given {
    output: Arc<str>,
}

impl Given {
    async fn at_start(self) -> Result<Self, Infallible> {
        Ok(self)
    }
}

fn variable(name: &str) -> Result<String, Box<dyn Error>> {
    std::env::var(name).map_err(|error| format!("`{name}`: {error}").into())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let work = Work::from_environment()?;
    match variable("BENCH_WORK")?.as_str() {
        "kafka" => kafka::run(work).await,
        "rabbitmq" => rabbitmq::run(work).await,
        other => Err(format!("unknown work `{other}`, expected `kafka` or `rabbitmq`").into()),
    }
}
