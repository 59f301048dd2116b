//! The Kafka binder while its broker goes away and comes back. A binary of its own: nobody else may use the broker
//! meanwhile.
#![cfg(feature = "kafka")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect")]

#[path = "support/brokers.rs"]
mod brokers;
#[path = "kafka/faults.rs"]
mod faults;
#[path = "support/log.rs"]
mod log;
#[path = "support/skip.rs"]
mod skip;
#[path = "kafka/support.rs"]
#[allow(dead_code, reason = "shared with the tests of a broker that stays")]
mod support;
#[path = "support/web.rs"]
#[allow(dead_code, reason = "shared with tests that wait for an answer")]
mod web;
