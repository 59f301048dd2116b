use wellspring_functions::{Error, consumer};

type Answer = Result<Vec<u8>, Error>;

#[consumer]
fn number(number: u64) -> u64 {
    number
}

#[consumer]
async fn result(number: u64) -> Result<String, Error> {
    Ok(number.to_string())
}

#[consumer]
fn alias(number: u8) -> Answer {
    Ok(vec![number])
}

fn main() {}
