use wellspring_functions::{Headers, function, supplier};

#[function]
#[rustfmt::skip]
fn nine(number: u64, _: Headers, _: Headers, _: Headers, _: Headers, _: Headers, _: Headers, _: Headers, _: Headers, _: Headers) -> u64 {
    number
}

#[supplier]
#[rustfmt::skip]
fn ten(_: Headers, _: Headers, _: Headers, _: Headers, _: Headers, _: Headers, _: Headers, _: Headers, _: Headers, _: Headers) -> u64 {
    0
}

fn main() {}
