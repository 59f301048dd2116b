//! One row of the tables, and how it is executed.

use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_util::future::BoxFuture;

use crate::app::problems;

/// What executes a row; it panics when the answer is another one.
pub(crate) type Check = fn() -> BoxFuture<'static, ()>;

/// A test: its file below `runtime/tests`, and its name.
pub(crate) type Place = (&'static str, &'static str);

/// A behaviour and how we answer it.
pub(crate) struct Row {
    pub(crate) id: &'static str,
    pub(crate) answer: Answer,
}

/// How we answer.
pub(crate) enum Answer {
    /// As Spring does.
    Same(Check),
    /// Otherwise, on purpose; what is executed asserts our answer.
    Differs(&'static str, Check),
    /// Not supported yet; the key of Spring that asks for it, if there is one, is refused by its name.
    NotYet(&'static str, Option<&'static str>),
    /// It is about something that a Rust program does not have.
    NoCounterpart(&'static str),
    /// A test elsewhere executes our answer, which is Spring's unless it says why not.
    Elsewhere(Option<&'static str>, Place),
}

/// A row that we answer as Spring does, and what executes it.
macro_rules! same {
    ($id:literal, $check:block) => {
        crate::row::Row {
            id: $id,
            answer: crate::row::Answer::Same(|| futures_util::FutureExt::boxed(async $check)),
        }
    };
}

/// A row that we answer otherwise, why, and what executes our answer.
macro_rules! differs {
    ($id:literal, $why:expr, $check:block) => {
        crate::row::Row {
            id: $id,
            answer: crate::row::Answer::Differs($why, || futures_util::FutureExt::boxed(async $check)),
        }
    };
}

pub(crate) use {differs, same};

pub(crate) const fn not_yet(id: &'static str, why: &'static str) -> Row {
    Row { id, answer: Answer::NotYet(why, None) }
}

/// What is not supported yet, and the key that is refused for it.
pub(crate) const fn refused(id: &'static str, why: &'static str, key: &'static str) -> Row {
    Row { id, answer: Answer::NotYet(why, Some(key)) }
}

pub(crate) const fn no_counterpart(id: &'static str, why: &'static str) -> Row {
    Row { id, answer: Answer::NoCounterpart(why) }
}

/// A row that we answer as Spring does, which a test elsewhere executes.
pub(crate) const fn covered(id: &'static str, test: Place) -> Row {
    Row { id, answer: Answer::Elsewhere(None, test) }
}

/// A row that we answer otherwise, why, and the test elsewhere that executes our answer.
pub(crate) const fn differs_in(id: &'static str, why: &'static str, test: Place) -> Row {
    Row { id, answer: Answer::Elsewhere(Some(why), test) }
}

/// Looks whether a test is there.
fn is_there((file, name): Place) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(text.contains(&format!("fn {name}(")), "{file} has no `{name}`");
}

/// Executes all rows, each in a runtime of its own with a paused clock, and reports every one that fails.
pub(crate) fn execute(rows: Vec<Row>) {
    let mut failed = Vec::new();
    for Row { id, answer } in rows {
        let executed = catch_unwind(AssertUnwindSafe(|| match answer {
            Answer::Same(check) | Answer::Differs(_, check) => {
                let mut tokio = tokio::runtime::Builder::new_current_thread();
                tokio.enable_all().start_paused(true).build().unwrap().block_on(check());
            }
            Answer::NotYet(_, Some(key)) => refuses(key),
            Answer::Elsewhere(_, test) => is_there(test),
            Answer::NotYet(_, None) | Answer::NoCounterpart(_) => {}
        }));
        if executed.is_err() {
            failed.push(id);
        }
    }
    assert!(failed.is_empty(), "these rows are answered otherwise: {failed:?}");
}

/// A key of Spring that we do not support is refused by its full name, or one value of it if that stands behind it.
pub(crate) fn refuses(key: &str) {
    let (key, value) = key.split_once(": ").unwrap_or((key, "x"));
    let problems =
        problems(&format!("{key}: {value}"), |catalog| catalog.function("echo", |text: String| text));
    assert_eq!(problems.len(), 1, "{problems:?}");
    if value != "x" {
        assert!(problems[0].contains(&format!("found `{value}`, expected")), "{problems:?}");
        return;
    }
    let expected = format!("`{key}`: is a Spring Cloud ");
    assert!(problems[0].contains(&expected) && problems[0].contains("does not support; "), "{problems:?}");
}
