//! Names of the user's cannot clash with those in what is generated.
#![deny(warnings)]
#![allow(dead_code, non_camel_case_types, reason = "the names are the point")]

use wellspring_functions::{consumer, function, supplier};

mod core {}
mod std {}
struct Ask;
struct Look;
struct Entry;
struct Registration;
enum Result {}
enum Option {}

#[function]
fn call(call: u64) -> u64 {
    call
}

#[function]
fn first(out: u64) -> u64 {
    out
}

#[consumer]
fn argument0(_: u64) {}

#[supplier]
fn entry() -> u64 {
    0
}

#[function]
fn r#type(r#match: u64) -> u64 {
    r#match
}

fn main() {
    let catalog = wellspring_functions::Catalog::builder().registered().build().unwrap();
    for name in ["call", "first", "argument0", "entry", "type"] {
        assert!(catalog.function(name).is_some(), "{name}");
    }
}
