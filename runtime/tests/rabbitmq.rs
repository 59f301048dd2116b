//! The RabbitMQ binder against a real broker, seen from outside by a bare client and by the management interface.
//!
//! `scripts/brokers up rabbitmq` starts one; without it these tests say loudly that they were skipped.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect")]

#[path = "rabbitmq/captures.rs"]
mod captures;
#[path = "rabbitmq/cuts.rs"]
mod cuts;
#[path = "rabbitmq/delivery.rs"]
mod delivery;
#[path = "rabbitmq/ends.rs"]
mod ends;
#[path = "rabbitmq/expressions.rs"]
mod expressions;
#[path = "rabbitmq/later.rs"]
mod later;
#[path = "rabbitmq/letters.rs"]
mod letters;
#[path = "rabbitmq/redrive.rs"]
mod redrive;
#[path = "rabbitmq/refusals.rs"]
mod refusals;
#[path = "rabbitmq/sending.rs"]
mod sending;
#[path = "rabbitmq/sends.rs"]
mod sends;
#[path = "rabbitmq/settings.rs"]
mod settings;
#[path = "support/skip.rs"]
mod skip;
#[path = "rabbitmq/story.rs"]
mod story;
#[path = "rabbitmq/support.rs"]
mod support;
#[path = "rabbitmq/tls.rs"]
mod tls;
#[path = "rabbitmq/wire.rs"]
mod wire;
