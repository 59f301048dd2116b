//! Wellspring: plain functions, invoked by name over HTTP or bound to a broker, told only by configuration.

pub mod binder;
pub mod binding;
pub mod config;
pub mod invocation;
pub mod testing;

pub use wellspring_functions::*;
// Shadows what the line above re-exports: these attributes name `wellspring` in what they generate.
pub use wellspring_functions::for_wellspring::{consumer, function, supplier};
