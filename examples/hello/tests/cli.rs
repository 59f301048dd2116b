//! The command line, as its users see it: the real programs, run in directories of their own.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect")]

#[path = "cli/commands.rs"]
mod commands;
#[path = "cli/configuration.rs"]
mod configuration;
#[path = "cli/logs.rs"]
mod logs;
#[path = "support/process.rs"]
mod process;
#[path = "cli/signals.rs"]
mod signals;

use process::Program;

fn hello() -> Program {
    Program::new(env!("CARGO_BIN_EXE_hello"))
}

fn misbehaving() -> Program {
    Program::new(env!("CARGO_BIN_EXE_misbehaving"))
}
