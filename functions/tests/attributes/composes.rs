//! Joints between functions that carry an attribute.

use serde::{Deserialize, Serialize};
use wellspring_functions::{CompositionError, DataKind, function, supplier};

use super::{answers, catalog};

#[derive(Serialize, Deserialize)]
struct Account {
    number: u64,
}

#[derive(Deserialize)]
struct Numbered {
    number: u64,
}

#[supplier]
fn numbers() -> Vec<u64> {
    vec![1, 2]
}

#[function]
async fn number(account: Account) -> Result<u64, std::fmt::Error> {
    Ok(account.number)
}

#[function]
fn open(number: u64) -> Option<Account> {
    Some(Account { number })
}

#[function]
fn read(numbered: Numbered) -> u64 {
    numbered.number
}

#[test]
fn values_move_or_are_converted() {
    assert_eq!(answers("open|number", "7"), ["7"]);
    assert_eq!(answers("open|read|open|number", "7"), ["7"]);
}

#[test]
fn a_joint_that_cannot_convert_is_refused_with_both_types_and_places() {
    let catalog = catalog();
    let refused = |definition| match catalog.compose(definition).unwrap_err() {
        CompositionError::Joint(joint) => {
            assert!(
                joint.from_location.file.ends_with("composes.rs")
                    && joint.to_location.line > joint.from_location.line
            );
            (joint.output, joint.output_kind, joint.input, joint.input_kind)
        }
        other => panic!("{other}"),
    };
    let (list, number, object) = (DataKind::List, DataKind::Number, DataKind::Object);
    assert_eq!(refused("numbers|number"), ("Vec<u64>".into(), list, "Account".into(), object));
    assert_eq!(refused("number|read"), ("u64".into(), number, "Numbered".into(), object));
}
