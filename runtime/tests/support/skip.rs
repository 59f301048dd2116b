//! A test that cannot run on this machine says so, and is counted by `scripts/test`.

use std::io::Write as _;

/// Notes that the running test is skipped for want of a broker.
///
/// What a test prints is kept back when it passes, and a skipped test must not be taken for one that passed: the line
/// goes around that. `scripts/test` names a file in `WELLSPRING_TEST_SKIPPED` and counts what is in it.
pub(crate) fn skipped(broker: &str, reason: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: no {broker}: {reason}");
    if let Some(path) = std::env::var_os("WELLSPRING_TEST_SKIPPED") {
        let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
        file.and_then(|mut file| file.write_all(format!("{broker}\t{test}\t{reason}\n").as_bytes()))
            .expect("a place to note what was skipped");
    }
}

/// The address that a variable names; without one the running test is skipped.
pub(crate) fn address(broker: &str, variable: &str) -> Option<String> {
    let address = std::env::var(variable).ok().filter(|address| !address.is_empty());
    if address.is_none() {
        skipped(broker, &format!("`{variable}` is not set; `scripts/brokers up {broker}` starts one"));
    }
    address
}
