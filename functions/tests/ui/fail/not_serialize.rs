use futures_util::Stream;
use wellspring_functions::{Error, Message, function, supplier};

struct Account;

#[function]
fn plain(_: u64) -> Account {
    Account
}

#[supplier]
async fn nested() -> Result<Option<Message<Account>>, Error> {
    Ok(None)
}

#[function(each)]
fn list(_: u64) -> Vec<Account> {
    Vec::new()
}

#[supplier]
fn stream() -> impl Stream<Item = Result<Account, Error>> {
    futures_util::stream::empty()
}

fn main() {}
