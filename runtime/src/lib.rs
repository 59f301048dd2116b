//! Wellspring: plain functions, invoked by name over HTTP or bound to a broker, told only by configuration.

pub mod config;
#[cfg(feature = "http")]
pub mod http;
pub mod invocation;

pub use wellspring_functions::*;
