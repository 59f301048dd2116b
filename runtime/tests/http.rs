//! Functions over HTTP, over real sockets.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect")]

#[path = "http/support.rs"]
mod support;

#[path = "http/calls.rs"]
mod calls;
#[path = "http/errors.rs"]
mod errors;
