use wellspring_functions::{consumer, function, supplier};

#[function]
#[consumer]
fn two_kinds(number: u64) -> u64 {
    number
}

#[supplier]
#[wellspring_functions::supplier(name = "again")]
fn same_kind() -> u64 {
    0
}

fn main() {}
