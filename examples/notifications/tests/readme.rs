//! What the pages tell of this service is what it does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect")]

#[path = "../../../runtime/tests/readme/console.rs"]
mod console;
#[path = "../../../runtime/tests/readme/page.rs"]
mod page;

use console::Program;

const NOTIFICATIONS: Program =
    Program { package: "notifications", path: env!("CARGO_BIN_EXE_notifications") };

#[test]
fn the_readme_tells_the_story_as_it_happens() {
    assert!(console::run("README.md", &NOTIFICATIONS) >= 4);
}

#[test]
fn the_guide_shows_what_the_service_answers() {
    assert!(console::run("docs/guide.md", &NOTIFICATIONS) >= 10);
}

#[test]
fn its_own_readme_shows_what_it_answers() {
    assert!(console::run("examples/notifications/README.md", &NOTIFICATIONS) >= 4);
}
