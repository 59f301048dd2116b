//! The Kafka binder against a real broker, whose address is in `WELLSPRING_TEST_KAFKA` (`scripts/brokers env`).
//!
//! What is put onto the wire and what is read from it is checked with the bare client library.
#![cfg(feature = "kafka")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect")]

#[path = "kafka/bad_input.rs"]
mod bad_input;
#[path = "kafka/consumers.rs"]
mod consumers;
#[path = "kafka/dead_letters.rs"]
mod dead_letters;
#[path = "kafka/delivery.rs"]
mod delivery;
#[path = "kafka/exactly_once.rs"]
mod exactly_once;
#[path = "kafka/expressions.rs"]
mod expressions;
#[path = "kafka/failures.rs"]
mod failures;
#[path = "kafka/forgotten.rs"]
mod forgotten;
#[path = "kafka/groups.rs"]
mod groups;
#[path = "kafka/holds.rs"]
mod holds;
#[path = "kafka/later.rs"]
mod later;
#[path = "kafka/leaders.rs"]
mod leaders;
#[path = "kafka/lost_producers.rs"]
mod lost_producers;
#[path = "kafka/producers.rs"]
mod producers;
#[path = "kafka/provisioning.rs"]
mod provisioning;
#[path = "kafka/redrive.rs"]
mod redrive;
#[path = "kafka/runtime.rs"]
mod runtime;
#[path = "kafka/security.rs"]
mod security;
#[path = "support/skip.rs"]
mod skip;
#[path = "kafka/support.rs"]
mod support;
#[path = "kafka/transactions.rs"]
mod transactions;
#[path = "kafka/wire.rs"]
mod wire;
