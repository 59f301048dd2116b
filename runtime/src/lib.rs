//! Wellspring: plain functions, invoked by name over HTTP or bound to a broker, told only by configuration.

pub mod binder;
pub mod binding;
pub mod config;
pub mod invocation;
pub mod testing;

pub use wellspring_functions::*;
