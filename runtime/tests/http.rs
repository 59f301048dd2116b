//! Functions over HTTP, over real sockets.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect")]

#[path = "http/bad_input.rs"]
mod bad_input;
#[path = "http/calls.rs"]
mod calls;
#[path = "http/captures.rs"]
mod captures;
#[path = "http/errors.rs"]
mod errors;
#[path = "http/handlers.rs"]
mod handlers;
#[path = "http/lifecycle.rs"]
mod lifecycle;
#[path = "http/management.rs"]
mod management;
#[path = "http/messages.rs"]
mod messages;
#[path = "http/rows.rs"]
mod rows;
#[path = "http/support.rs"]
mod support;
