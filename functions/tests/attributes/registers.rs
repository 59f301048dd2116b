//! What a correct use registers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wellspring_functions::{
    DataKind, FunctionKind, Message, Port, Shape, State, Streaming, consumer, function, schemars, supplier,
};

use super::catalog;

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Account {
    account_number: u64,
    #[serde(default)]
    note: String,
}

#[derive(Serialize, Deserialize)]
struct Undescribed {
    number: u64,
}

#[derive(Serialize)]
struct OnlyWritten {
    number: u64,
}

type Accounts = Streaming<Message<Account>>;
type Answer<T> = Result<Option<Message<T>>, std::fmt::Error>;

/// Doubles a number.
///
/// Twice as much as before:
/// - no more
/// - no less
#[function]
fn double(n: u64) -> u64 {
    n * 2
}

#[consumer]
async fn forget(_: String, State(_): State<u64>) -> Result<(), std::io::Error> {
    Ok(())
}

#[doc = "One half. "]
#[doc = concat!("The other", " half.")]
#[supplier(name = "the/answer")]
fn answer() -> Option<u8> {
    Some(42)
}

/**
 * In a block.
 */
#[function]
fn r#match(account: Account) -> Undescribed {
    Undescribed { number: account.account_number }
}

#[function]
async fn through_aliases(accounts: Accounts) -> Answer<Account> {
    drop(accounts);
    Ok(None)
}

#[function(each)]
fn only_written(unknown: Undescribed) -> Vec<OnlyWritten> {
    vec![OnlyWritten { number: unknown.number }]
}

#[supplier]
#[deprecated = "counts no more"]
#[expect(non_snake_case, reason = "an attribute of the user's")]
pub(crate) const fn oldCount() -> u64 {
    0
}

#[cfg(any())]
#[function]
fn conditional_before(n: u64) -> u64 {
    n
}

#[function]
#[cfg(any())]
fn conditional_after(n: Missing) -> u64 {
    n
}

#[test]
fn names_kinds_types_and_descriptions() {
    let catalog = catalog();
    let of = |name| {
        let function = catalog.function(name).unwrap_or_else(|| panic!("`{name}` is registered"));
        (function.kind, function.signature.to_string(), function.description.as_str())
    };
    let description = "Doubles a number.\n\nTwice as much as before:\n- no more\n- no less";
    assert_eq!(of("double"), (FunctionKind::Function, "u64 → u64".into(), description));
    assert_eq!(of("forget"), (FunctionKind::Consumer, "String →".into(), ""));
    assert_eq!(of("the/answer"), (FunctionKind::Supplier, "→ u8".into(), "One half.\nThe other half."));
    assert_eq!(of("match"), (FunctionKind::Function, "Account → Undescribed".into(), "In a block."));
    assert_eq!(of("through_aliases").1, "stream of Account → Account");
    assert_eq!(of("only_written").1, "Undescribed → many OnlyWritten");
    assert_eq!(of("oldCount").0, FunctionKind::Supplier);
}

#[test]
fn what_is_not_compiled_is_not_registered() {
    let catalog = catalog();
    assert!(catalog.function("conditional_before").is_none());
    assert!(catalog.function("conditional_after").is_none());
}

#[test]
fn the_place_is_that_of_the_function() {
    let source = include_str!("registers.rs");
    let line = source.lines().position(|line| line.starts_with("fn double")).unwrap() + 1;
    let location = catalog().function("double").unwrap().location;
    assert_eq!(location.to_string(), format!("functions/tests/attributes/registers.rs:{line}"));
}

#[test]
fn a_schema_is_there_where_the_type_has_one() {
    let catalog = catalog();
    let input = |name| catalog.function(name).unwrap().signature.input.clone().unwrap();
    let output = |name| catalog.function(name).unwrap().signature.output.clone().unwrap();
    let required = |port: Port| {
        let schema = port.schema().expect("a schema");
        serde_json::to_string(schema.get("required").expect("required properties")).unwrap()
    };
    assert_eq!(required(input("match")), r#"["accountNumber"]"#, "what may be absent on reading");
    assert_eq!(required(input("through_aliases")), r#"["accountNumber"]"#);
    assert_eq!(required(output("through_aliases")), r#"["accountNumber","note"]"#, "is there on writing");
    assert!(output("match").schema().is_none());
    assert!(input("only_written").schema().is_none() && output("only_written").schema().is_none());
}

#[test]
fn the_kind_of_data_is_known_where_the_type_can_be_read() {
    let catalog = catalog();
    let output = |name| catalog.function(name).unwrap().signature.output.clone().unwrap();
    assert_eq!((output("match").data_kind, output("match").shape), (DataKind::Object, Shape::One));
    assert_eq!(output("through_aliases").data_kind, DataKind::Object);
    assert_eq!(
        (output("only_written").data_kind, output("only_written").shape),
        (DataKind::Any, Shape::Many)
    );
    assert_eq!(output("double").data_kind, DataKind::Number);
    assert_eq!(
        catalog.function("match").unwrap().signature.input.clone().unwrap().data_kind,
        DataKind::Object
    );
}
