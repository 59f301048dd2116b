use wellspring_functions::{BatchError, consumer, function};

struct Opaque;

#[function]
fn outcomes(numbers: Vec<u64>) -> Vec<Result<u64, Opaque>> {
    numbers.into_iter().map(Ok).collect()
}

#[consumer]
fn answers(numbers: Vec<u64>) -> Result<Vec<u64>, BatchError> {
    Ok(numbers)
}

#[function]
fn items(_: Vec<Opaque>) -> u64 {
    0
}

fn main() {}
