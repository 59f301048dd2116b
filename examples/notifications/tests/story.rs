//! The story of the README, told to the real program on its embedded broker and a database of its own.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect")]

#[path = "story/accounts.rs"]
mod accounts;
#[path = "story/configurations.rs"]
mod configurations;
#[path = "../../hello/tests/support/process.rs"]
mod process;

use process::Program;

fn notifications() -> Program {
    Program::new(env!("CARGO_BIN_EXE_notifications"))
}
