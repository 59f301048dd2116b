use wellspring_functions::function;

#[function(blocking)]
async fn waits(number: u64) -> u64 {
    number
}

fn main() {}
