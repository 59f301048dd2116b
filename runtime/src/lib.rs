//! Wellspring: plain functions, invoked by name over HTTP or bound to a broker, told only by configuration.

pub mod invocation;

pub use wellspring_functions::*;
// Shadows what the line above re-exports: these attributes name `wellspring` in what they generate.
pub use wellspring_functions::for_wellspring::{consumer, function, supplier};
