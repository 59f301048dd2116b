//! What the crate `wellspring` re-exports names that crate.
#![deny(warnings)]

extern crate wellspring_functions as wellspring;

use wellspring::for_wellspring::{consumer, function, supplier};

#[function]
fn double(number: u64) -> u64 {
    number * 2
}

#[consumer]
fn forget(_: u64) {}

#[supplier]
fn answer() -> u64 {
    42
}

fn main() {
    let catalog = wellspring::Catalog::builder().registered().build().unwrap();
    assert_eq!(catalog.len(), 3);
}
