//! The smallest service: one function, no configuration.

use std::process::ExitCode;

use wellspring::function;

/// Greets whoever is named.
#[function]
fn hello(name: String) -> String {
    format!("hello, {name}")
}

fn main() -> ExitCode {
    wellspring::main()
}
