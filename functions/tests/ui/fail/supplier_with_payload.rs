use wellspring_functions::{Message, State, supplier};

#[derive(serde::Deserialize)]
struct Account;

#[supplier]
fn account(account: Account) -> u64 {
    let _ = account;
    0
}

#[supplier]
async fn message(State(number): State<u64>, message: Message<String>) -> u64 {
    let _ = message;
    number
}

fn main() {}
