//! A function of the library and one of the program with the same name: refused, with both places.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect")]

use notifications as _;
use wellspring::config::Sources;
use wellspring::{Runtime, function};

/// Has the name of a function of the library.
#[function(name = "sms")]
fn another(text: String) -> String {
    text
}

#[tokio::test]
async fn a_name_that_two_crates_give_is_refused_with_both_places() {
    let builder = Runtime::builder().state_with(notifications::Accounts::new).sources(Sources::new());
    let report = builder.build().unwrap_err().to_string();
    assert!(
        report.starts_with("1 problem in the configuration:\n  1. the name `sms` is given twice: "),
        "{report}"
    );
    for place in ["examples/notifications/src/message.rs:", "examples/notifications/tests/duplicates.rs:"] {
        assert!(report.contains(place), "{report}");
    }
    assert!(report.ends_with("; rename one with `name = \"…\"`"), "{report}");
}

#[test]
fn state_that_nobody_provides_is_named_by_its_type() {
    let report = Runtime::builder().sources(Sources::new()).build().unwrap_err().to_string();
    for function in ["account", "create_account", "update_communication"] {
        let expected = format!("`{function}` at examples/notifications/src/accounts.rs:");
        assert!(report.contains(&expected), "{report}");
    }
    let expected = "state of type `Accounts` is missing, expected `.state(…)` with a `Accounts` where the application is built";
    assert_eq!(report.matches(expected).count(), 3, "{report}");
}
