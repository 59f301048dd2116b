//! Functions that a macro of the user's writes.
#![deny(warnings)]

use wellspring_functions::{Error, function};

macro_rules! scale {
    ($name:ident, $number:ty, $factor:expr, $result:ty) => {
        #[function]
        fn $name(number: $number) -> $result {
            Ok(number * $factor)
        }
    };
}

scale!(double, u64, 2, Result<u64, Error>);
scale!(triple, u8, 3, Result<u8, String>);

fn main() {
    let catalog = wellspring_functions::Catalog::builder().registered().build().unwrap();
    assert_eq!(catalog.function("double").unwrap().signature.to_string(), "u64 → u64");
    assert_eq!(catalog.function("triple").unwrap().signature.to_string(), "u8 → u8");
}
