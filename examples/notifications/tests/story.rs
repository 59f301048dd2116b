//! The story of the README, told to the real program and a database of its own: on its embedded broker, and as two
//! processes on real ones.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect")]

#[path = "story/accounts.rs"]
mod accounts;
#[cfg(all(feature = "kafka", feature = "rabbitmq"))]
#[path = "story/brokers.rs"]
mod brokers;
#[path = "story/configurations.rs"]
mod configurations;
#[cfg(all(feature = "kafka", feature = "rabbitmq"))]
#[path = "story/letters.rs"]
mod letters;
#[path = "../../hello/tests/support/process.rs"]
mod process;
#[cfg(all(feature = "kafka", feature = "rabbitmq"))]
#[path = "../../../runtime/tests/support/skip.rs"]
mod skip;

use process::Program;

fn notifications() -> Program {
    Program::new(env!("CARGO_BIN_EXE_notifications"))
}

/// Asks until something holds.
#[cfg(all(feature = "kafka", feature = "rabbitmq"))]
fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + process::PATIENCE;
    while !holds() {
        assert!(std::time::Instant::now() < deadline, "never happened: {what}");
        std::thread::yield_now();
    }
}
