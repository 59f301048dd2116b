use wellspring_functions::function;

struct Accounts;

impl Accounts {
    #[function]
    fn double(number: u64) -> u64 {
        number * 2
    }
}

fn main() {}
