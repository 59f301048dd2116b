//! Printing: the only place of the crate that writes to the terminal.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use super::FAILED;
use crate::runtime::Runtime;

/// Prints to standard output. A reader that has gone away (`| head`) is no failure.
pub(super) fn print(text: &str) -> ExitCode {
    print_bytes(text.as_bytes())
}

/// Prints bytes as they are, and a line break after text that has none.
pub(super) fn print_bytes(bytes: &[u8]) -> ExitCode {
    let mut out = io::stdout().lock();
    let ends_line = bytes.is_empty() || bytes.ends_with(b"\n");
    let written = out.write_all(bytes).and_then(|()| if ends_line { Ok(()) } else { out.write_all(b"\n") });
    match written.and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(FAILED),
    }
}

/// Prints to standard error; where that is impossible nothing can be said.
pub(super) fn print_error(error: &impl Display) {
    let _ = writeln!(io::stderr(), "{error}");
}

/// Prints to standard error and stays on the line.
pub(super) fn print_prompt(text: &str) {
    let mut err = io::stderr().lock();
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}

/// Prints an error and everything beneath it, each said once.
pub(super) fn print_chain(error: &dyn std::error::Error) -> ExitCode {
    let mut text = format!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    print_error(&text);
    ExitCode::from(FAILED)
}

/// Prints the value of a key and where it comes from.
pub(super) fn explain(runtime: &Runtime, key: &str) -> ExitCode {
    match runtime.config().explain(key) {
        Some((value, origin)) => print(&format!("{key} = {value} ({origin})\n")),
        None => {
            print_error(&format!(
                "error: `{key}` is not a key with a value, expected one of the reference configuration"
            ));
            ExitCode::from(FAILED)
        }
    }
}
