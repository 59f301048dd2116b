use futures_util::Stream;
use wellspring_functions::{consumer, function, supplier};

struct Locked;

type Answer<T> = Result<T, Locked>;

#[function]
fn plain(number: u64) -> Result<u64, Locked> {
    let _ = number;
    Err(Locked)
}

#[consumer]
async fn alias(number: u64) -> Answer<()> {
    let _ = number;
    Err(Locked)
}

#[supplier]
fn stream() -> impl Stream<Item = Result<u64, Locked>> {
    futures_util::stream::empty()
}

fn main() {}
