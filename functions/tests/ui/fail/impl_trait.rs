use wellspring_functions::{Sender, consumer, function, supplier};

#[function]
fn payload(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.sum()
}

#[consumer]
fn injected(number: u64, log: impl Fn(u64)) {
    log(number);
}

#[supplier]
fn supplied(sender: Option<impl Into<Sender>>) -> bool {
    sender.is_some()
}

fn main() {}
