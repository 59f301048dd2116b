//! What the pages tell of this service is what it does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect")]

#[path = "../../../runtime/tests/readme/console.rs"]
mod console;
#[path = "../../../runtime/tests/readme/page.rs"]
mod page;

use console::Program;

const HELLO: Program = Program { package: "hello", path: env!("CARGO_BIN_EXE_hello") };

#[test]
fn the_readme_shows_what_it_answers() {
    assert!(console::run("README.md", &HELLO) >= 2);
}

#[test]
fn its_own_readme_shows_what_it_answers() {
    assert!(console::run("examples/hello/README.md", &HELLO) >= 3);
}
