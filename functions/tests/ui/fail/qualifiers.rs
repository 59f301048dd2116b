use wellspring_functions::{consumer, function, supplier};

#[function]
unsafe fn trusting(number: u64) -> u64 {
    number
}

#[consumer]
extern "C" fn foreign(number: u64) {
    let _ = number;
}

#[supplier]
pub unsafe extern "C" fn both() -> u64 {
    0
}

#[consumer]
unsafe extern "C" fn many(number: u64, _: ...) {
    let _ = number;
}

fn main() {}
