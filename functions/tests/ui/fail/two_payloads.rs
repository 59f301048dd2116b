use wellspring_functions::{Message, State, consumer, function};

#[derive(serde::Deserialize)]
struct Account;

#[function]
fn add(one: u64, two: u64) -> u64 {
    one + two
}

#[consumer]
async fn join(account: Account, State(_): State<u8>, message: Message<Account>) {
    let _ = (account, message);
}

fn main() {}
