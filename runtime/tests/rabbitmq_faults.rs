//! The RabbitMQ binder while its broker goes away and comes back. A binary of its own: nobody else may use the broker
//! meanwhile.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect")]

#[path = "support/brokers.rs"]
mod brokers;
#[path = "rabbitmq/faults.rs"]
mod faults;
#[path = "support/skip.rs"]
mod skip;
#[allow(dead_code, reason = "shared with the tests of a broker that stays")]
#[path = "rabbitmq/support.rs"]
mod support;
