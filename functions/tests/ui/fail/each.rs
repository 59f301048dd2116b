use wellspring_functions::{Error, consumer, function, supplier};

#[function(each)]
fn number(number: u64) -> u64 {
    number
}

#[supplier(each)]
async fn text() -> Result<String, Error> {
    Ok(String::new())
}

#[consumer(each)]
fn nothing(number: u64) {
    let _ = number;
}

fn main() {}
