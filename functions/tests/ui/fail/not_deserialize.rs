use wellspring_functions::{Headers, Message, Streaming, consumer, function};

struct Account;

type Accounts = Streaming<Message<Account>>;

#[function]
fn plain(account: Account) -> u64 {
    let _ = account;
    0
}

#[consumer]
async fn message(message: Message<Account>, headers: Headers) {
    let _ = (message, headers);
}

#[function]
async fn list(accounts: Vec<Account>) -> usize {
    accounts.len()
}

#[consumer]
fn stream(accounts: Accounts) {
    let _ = accounts;
}

fn main() {}
