//! What a correct use registers.

use wellspring_functions::{Catalog, FunctionKind, State, consumer, function, supplier};

/// Doubles a number.
#[function]
fn double(n: u64) -> u64 {
    n * 2
}

#[consumer]
async fn forget(_: String, State(_): State<u8>) -> Result<(), std::io::Error> {
    Ok(())
}

#[supplier(name = "the-answer")]
fn answer() -> Option<u8> {
    Some(42)
}

#[test]
fn names_kinds_and_descriptions() {
    let catalog = Catalog::builder().registered().state(0u8).build().unwrap();
    let of = |name| {
        let function = catalog.function(name).unwrap();
        (function.kind, function.signature.to_string(), function.description.as_str())
    };
    assert_eq!(of("double"), (FunctionKind::Function, "u64 → u64".to_owned(), "Doubles a number."));
    assert_eq!(of("forget"), (FunctionKind::Consumer, "String →".to_owned(), ""));
    assert_eq!(of("the-answer"), (FunctionKind::Supplier, "→ u8".to_owned(), ""));
}
