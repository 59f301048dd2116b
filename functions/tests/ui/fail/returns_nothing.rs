use wellspring_functions::{Error, function, supplier};

#[function]
fn no_arrow(number: u64) {
    let _ = number;
}

#[function]
async fn unit(number: u64) -> () {
    let _ = number;
}

#[function]
fn result(number: u64) -> Result<(), Error> {
    let _ = number;
    Ok(())
}

#[supplier]
fn supplies() {}

#[supplier]
fn never() -> ! {
    loop {}
}

fn main() {}
