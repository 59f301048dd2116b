//! What follows the failure of a delivery, as the configuration of its binding says.

use std::collections::BTreeMap;
use std::time::Duration;

use wellspring_functions::Error;

use super::retry::RetryPolicy;
use crate::config::{ConsumerConfig, Ending, Located, OnFailure};

/// What happens to deliveries that fail.
#[derive(Debug, Clone, PartialEq)]
pub struct FailurePolicy {
    /// How often and when a delivery is tried again.
    pub retry: RetryPolicy,
    /// Whether errors that nobody names are tried again, as far as their kind allows it.
    pub default_retryable: bool,
    /// Whether an error is tried again, by its type or the name it gives itself.
    pub retryable: BTreeMap<String, bool>,
    /// What follows a failure, by its kind or error.
    pub on_failure: BTreeMap<String, OnFailure>,
    /// What follows the last attempt, if the configuration says it.
    pub on_exhausted: Option<Ending>,
}

impl FailurePolicy {
    pub(super) fn of(consumer: &ConsumerConfig) -> Self {
        Self {
            retry: RetryPolicy {
                max_attempts: consumer.max_attempts.value.max(1),
                initial_interval: consumer.back_off_initial_interval,
                max_interval: consumer.back_off_max_interval,
                multiplier: consumer.back_off_multiplier,
                jitter: consumer.back_off_jitter,
            },
            default_retryable: consumer.default_retryable,
            retryable: values(&consumer.retryable_exceptions),
            on_failure: values(&consumer.on_failure),
            on_exhausted: consumer.on_exhausted.as_ref().map(|ending| ending.value),
        }
    }
}

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

impl FailurePolicy {
    /// What is done with a delivery after so many calls that count.
    pub(super) fn disposition(&self, error: &Error, calls: u32) -> Disposition {
        if error.kind().is_retryable() && calls < self.retry.max_attempts {
            return Disposition::Retry { wait: self.retry.backoff(calls), counted: true };
        }
        match self.on_exhausted {
            None | Some(Ending::DeadLetter) => Disposition::DeadLetter,
            Some(Ending::Drop) => Disposition::Drop,
            Some(Ending::Requeue) => Disposition::Requeue,
            Some(Ending::Pause) => Disposition::Pause,
            Some(Ending::Stop) => Disposition::Stop,
        }
    }
}

fn values<T: Copy>(named: &BTreeMap<String, Located<T>>) -> BTreeMap<String, T> {
    named.iter().map(|(name, value)| (name.clone(), value.value)).collect()
}
