//! A crate that re-exports everything under a path of its own.
#![deny(warnings)]

mod platform {
    pub use wellspring_functions as functions;
}

use platform::functions::function;

#[function(crate = crate::platform::functions)]
fn double(number: u64) -> u64 {
    number * 2
}

fn main() {
    let catalog = platform::functions::Catalog::builder().registered().build().unwrap();
    assert!(catalog.function("double").is_some());
}
