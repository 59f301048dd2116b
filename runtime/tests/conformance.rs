//! The conformance suite on every binder of this crate, and on binders that are broken on purpose.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect")]

#[path = "conformance/memory.rs"]
mod memory;
