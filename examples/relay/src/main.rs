//! Passes numbers on. It takes its time for each, fails now and then, and refuses some for good: what the fault tests kill.

use std::collections::HashSet;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wellspring::{Error, function};

/// One number of a row: rows are kept in order, each by itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Step {
    row: u32,
    number: u64,
}

/// Numbers that failed once in this process.
static FAILED: Mutex<Option<HashSet<u64>>> = Mutex::new(None);

/// Passes a number on. Each fiftieth is refused, and each seventieth fails the first time.
#[function]
async fn relay(step: Step) -> Result<Step, Error> {
    tokio::time::sleep(Duration::from_millis(1)).await;
    if step.number % 50 == 49 {
        return Err(Error::fatal("the number is refused"));
    }
    if step.number % 70 == 69 && is_new(step.number) {
        return Err(Error::retryable("the number fails once"));
    }
    Ok(step)
}

fn is_new(number: u64) -> bool {
    FAILED.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default().insert(number)
}

fn main() -> ExitCode {
    wellspring::main()
}
