//! Wellspring: plain functions, invoked by name over HTTP or bound to a broker, told only by configuration.

pub mod invocation;

pub use wellspring_functions::*;
