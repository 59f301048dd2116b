//! What follows a failure.

use std::time::Duration;

use wellspring_functions::Error;

use super::retry::RetryPolicy;

/// What is done with a delivery that failed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Disposition {
    /// It is tried again after a wait.
    Retry {
        /// How long it rests.
        wait: Duration,
        /// Whether the failed call counts as an attempt.
        counted: bool,
    },
    /// It becomes a dead letter.
    DeadLetter,
    /// It is given up.
    Drop,
    /// It goes back to its broker, after a wait.
    Requeue,
    /// It stays, and the binding pauses.
    Pause,
    /// It stays, and the binding stops.
    Stop,
}

/// What is done with deliveries that fail.
#[derive(Debug, Clone)]
pub struct FailurePolicy {
    pub(super) retry: RetryPolicy,
    pub(super) has_dead_letters: bool,
}

impl FailurePolicy {
    /// What is done with a delivery after so many calls that count.
    pub(super) fn disposition(&self, error: &Error, calls: u32) -> Disposition {
        if error.kind().is_retryable() && calls < self.retry.max_attempts {
            return Disposition::Retry { wait: self.retry.backoff(calls), counted: true };
        }
        if self.has_dead_letters { Disposition::DeadLetter } else { Disposition::Drop }
    }
}
