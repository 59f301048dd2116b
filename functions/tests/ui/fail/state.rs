use wellspring_functions::{State, function, supplier};

struct Database;

#[function]
fn not_clone(number: u64, State(_): State<Database>) -> u64 {
    number
}

#[supplier]
async fn not_sync(State(_): State<std::rc::Rc<u8>>) -> u64 {
    0
}

fn main() {}
