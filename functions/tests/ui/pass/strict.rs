//! Nothing in what is generated offends a strict crate.
#![forbid(unsafe_code, missing_docs, unused, deprecated, unreachable_code, let_underscore_drop)]
#![deny(warnings)]

use wellspring_functions::{State, consumer, function, supplier};

#[function]
fn double(number: u64) -> u64 {
    number * 2
}

#[consumer]
async fn forget(text: String, State(_): State<u8>) -> Result<(), std::io::Error> {
    let _text = text;
    Ok(())
}

#[supplier(blocking)]
fn list() -> Vec<u8> {
    vec![1]
}

fn main() {
    let catalog = wellspring_functions::Catalog::builder().registered().state(0u8).build();
    assert_eq!(catalog.map(|catalog| catalog.len()), Ok(3));
}
