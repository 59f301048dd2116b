use wellspring_functions::{consumer, function, supplier};

#[function(nmae = "upper")]
fn misspelled(number: u64) -> u64 {
    number
}

#[consumer(retries = 3, each)]
fn unknown(number: u64) {
    let _ = number;
}

#[function("upper")]
fn bare(number: u64) -> u64 {
    number
}

#[supplier(name = 7)]
fn not_text() -> u64 {
    0
}

#[supplier(name)]
fn no_name() -> u64 {
    0
}

#[function(blocking = true, crate = "wellspring")]
fn values(number: u64) -> u64 {
    number
}

#[function(name("upper"))]
fn parentheses(number: u64) -> u64 {
    number
}

#[function(name = "one", blocking, name = "two", blocking)]
fn twice(number: u64) -> u64 {
    number
}

fn main() {}
