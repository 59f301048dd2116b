//! Wellspring: plain functions, invoked by name over HTTP or bound to a broker, told only by configuration.

pub mod binder;
pub mod binding;
#[cfg(feature = "cli")]
pub mod cli;
pub mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod expression;
#[cfg(feature = "http")]
pub mod http;
pub mod invocation;
pub mod letters;
mod runtime;
#[cfg(feature = "cli")]
pub mod telemetry;
pub mod testing;

pub use runtime::{Running, Runtime, RuntimeBuilder, StartError};
pub use wellspring_functions::*;
// Shadows what the line above re-exports: these attributes name `wellspring` in what they generate.
pub use wellspring_functions::for_wellspring::{consumer, function, supplier};

/// Runs the command line of an application that consists of functions with attributes and configuration.
///
/// More is said with [`Runtime::builder`]; the commands are described in [`cli`].
#[cfg(feature = "cli")]
#[must_use]
pub fn main() -> std::process::ExitCode {
    Runtime::builder().main()
}

/// What a crate of functions uses most: `use wellspring::prelude::*;`.
pub mod prelude {
    pub use crate::{
        Batch, BatchError, Classify, Either, Error, Headers, Kind, Many, Message, PerItem, PerOutput, Sender,
        State, Streaming, consumer, function, schemars, schemars::JsonSchema, supplier,
    };
}

/// The snippets of the pages, as documentation tests.
#[cfg(all(doctest, feature = "http", feature = "cli"))]
mod pages {
    #[doc = include_str!("../../README.md")]
    mod readme {}
    #[doc = include_str!("../../docs/guide.md")]
    mod guide {}
    #[doc = include_str!("../../examples/hello/README.md")]
    mod hello {}
    #[cfg(feature = "conformance")]
    #[doc = include_str!("../../docs/writing-a-binder.md")]
    mod writing_a_binder {}
}
