use wellspring_functions::{Either, Message, function};

struct Opaque;

#[function]
fn unreadable(event: Either<u64, Message<Opaque>>) -> u64 {
    match event {
        Either::In0(n) => n,
        Either::In1(_) => 0,
    }
}

fn main() {}
