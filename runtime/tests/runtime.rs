//! Whole applications on the memory binder: what goes wrong in messages, functions and configurations, and what
//! becomes of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect")]

#[path = "support/app.rs"]
mod app;
#[path = "runtime/batches.rs"]
mod batches;
#[path = "runtime/ends.rs"]
mod ends;
#[path = "runtime/engine.rs"]
mod engine;
#[path = "runtime/failures.rs"]
mod failures;
#[path = "runtime/isolation.rs"]
mod isolation;
#[path = "support/log.rs"]
mod log;
#[path = "runtime/messages.rs"]
mod messages;
#[path = "runtime/names.rs"]
mod names;
#[path = "runtime/partitions.rs"]
mod partitions;
#[path = "runtime/policies.rs"]
mod policies;
#[path = "runtime/sending.rs"]
mod sending;
#[path = "runtime/startup.rs"]
mod startup;
#[path = "runtime/stopping.rs"]
mod stopping;
#[path = "runtime/waiting.rs"]
mod waiting;
#[path = "support/web.rs"]
mod web;
