use wellspring_functions::{consumer, function, supplier};

struct Accounts(u64);

impl Accounts {
    #[function]
    fn add(&self, number: u64) -> u64 {
        self.0 + number
    }

    #[consumer]
    fn forget(self, number: u64) {
        let _ = number;
    }

    #[supplier]
    fn count(self: Box<Self>) -> u64 {
        self.0
    }
}

fn main() {}
