use wellspring_functions::{Headers, Sender, State, consumer, function};

#[function]
fn nothing() -> u64 {
    0
}

#[consumer]
async fn forgets() {}

#[function]
fn state(State(number): State<u64>) -> u64 {
    number
}

#[consumer]
async fn headers(headers: Headers, sender: Sender) {
    let _ = (headers, sender);
}

fn main() {}
