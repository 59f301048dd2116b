//! Functions that misbehave in every way: what the tests of the command line start, interrupt and stop.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use wellspring::{Error, consumer, function, supplier};

/// Tells whoever reads the log that a function has been called.
fn begun(function: &str) {
    // Nobody reads the log any more: then nobody wants to know.
    let _ = writeln!(std::io::stderr(), "begun: {function}");
}

/// Returns as soon as a file is there.
#[function(blocking)]
fn wait_for_file(path: String) -> String {
    begun("wait_for_file");
    while !Path::new(&path).exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    "finished".to_owned()
}

/// Never answers, but lets others work.
#[function]
async fn hang(text: String) -> String {
    begun("hang");
    std::future::pending::<()>().await;
    text
}

/// Never answers and keeps its thread.
#[function]
fn never_return(text: String) -> String {
    begun("never_return");
    while !text.is_empty() {
        std::thread::park();
    }
    text
}

/// Panics.
#[function]
fn panic_always(text: String) -> String {
    assert!(text.is_empty(), "no text is welcome, not even `{text}`");
    text
}

/// Fails.
#[function]
fn fail(text: String) -> Result<String, Error> {
    Err(Error::fatal(format!("no text is welcome, not even `{text}`")))
}

/// Gives one number after the other.
#[supplier]
fn number() -> u64 {
    7
}

/// Takes numbers.
#[consumer]
fn take(number: u64) {
    begun(&format!("take {number}"));
}

fn main() -> ExitCode {
    wellspring::main()
}
