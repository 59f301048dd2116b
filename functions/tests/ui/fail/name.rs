use wellspring_functions::{consumer, function, supplier};

#[function(name = "")]
fn empty(number: u64) -> u64 {
    number
}

#[consumer(name = "two words")]
fn space(number: u64) {
    let _ = number;
}

#[supplier(name = "email|sms")]
fn pipe() -> u64 {
    0
}

#[supplier(name = "a;b")]
fn semicolon() -> u64 {
    0
}

#[supplier(name = "line\n")]
fn line() -> u64 {
    0
}

fn main() {}
