use wellspring_functions::{consumer, function};

struct Secret;

#[consumer(outputs)]
fn consumes(_: u64) {}

#[function(outputs)]
fn one(n: u64) -> u64 {
    n
}

#[function(outputs)]
fn single(n: u64) -> (u64,) {
    (n,)
}

#[function(outputs, each)]
fn both(n: u64) -> (Vec<u64>, Vec<u64>) {
    (vec![n], vec![n])
}

#[function(outputs)]
fn unwritable(n: u64) -> Result<(u64, Option<Secret>), std::fmt::Error> {
    Ok((n, Some(Secret)))
}

fn main() {}
