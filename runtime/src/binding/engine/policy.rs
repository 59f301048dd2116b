//! What follows the failure of a delivery, as the configuration of its binding says.
//!
//! Nothing here does anything: an error, the number of calls and a number drawn at random make one [`Disposition`]. What is
//! said of the error by its name prevails over what is said of its kind, and that over the default.

mod disposition;

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use wellspring_functions::{Error, Kind};

use super::retry::RetryPolicy;
use crate::config::{ConsumerConfig, Ending, Located, OnFailure, kind_of_failure};

pub(in crate::binding) use disposition::Disposition;

/// No wait for a broker, or for others to be done, is shorter: it may come again and again.
const LEAST_WAIT: Duration = Duration::from_millis(100);

/// What happens to deliveries that fail.
#[derive(Debug, Clone, PartialEq)]
pub struct FailurePolicy {
    /// How often and when a delivery is tried again.
    pub retry: RetryPolicy,
    /// What follows the last attempt, if the configuration says it.
    pub on_exhausted: Option<Ending>,
    /// Whether there is a destination for dead letters.
    pub dead_letters: bool,
    /// Whether failures that nobody names are tried again, as far as their kind allows it.
    default_retryable: bool,
    /// By kind, at most one each.
    kinds: Vec<(Kind, Rule)>,
    /// By the type of an error or the name it gives itself. Of two that are equally close the later one counts.
    errors: Vec<(String, Rule)>,
}

/// What the configuration says of one sort of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// It is tried again.
    Retry,
    /// It is not, and the end is that of the last attempt.
    Exhaust,
    /// It is not, and this is the end.
    End(Ending),
}

impl FailurePolicy {
    pub(in crate::binding) fn of(consumer: &ConsumerConfig) -> Self {
        let mut policy = Self {
            retry: RetryPolicy {
                max_attempts: consumer.max_attempts.value.max(1),
                initial_interval: consumer.back_off_initial_interval,
                max_interval: consumer.back_off_max_interval,
                multiplier: consumer.back_off_multiplier,
                jitter: consumer.back_off_jitter,
            },
            on_exhausted: consumer.on_exhausted.as_ref().map(|ending| ending.value),
            dead_letters: consumer.dead_letter.is_some(),
            default_retryable: consumer.default_retryable,
            ..Self::default()
        };
        policy.add(&consumer.retryable_exceptions, |retryable| match retryable {
            true => Rule::Retry,
            false => Rule::Exhaust,
        });
        policy.add(&consumer.on_failure, |on_failure| match on_failure {
            OnFailure::Retry => Rule::Retry,
            OnFailure::End(ending) => Rule::End(ending),
        });
        policy
    }

    /// Lays rules over those that are there.
    fn add<T: Copy>(&mut self, named: &BTreeMap<String, Located<T>>, rule: impl Fn(T) -> Rule) {
        for (name, said) in named {
            match kind_of_failure(name) {
                Some(kind) => {
                    self.kinds.retain(|(other, _)| *other != kind);
                    self.kinds.push((kind, rule(said.value)));
                }
                None => self.errors.push((name.clone(), rule(said.value))),
            }
        }
    }

    /// What is done with a delivery after so many calls that count, the one that failed included. `chance` is drawn
    /// from 0 to 1, as [`chance`] does.
    pub(in crate::binding) fn disposition(&self, error: &Error, calls: u32, chance: f64) -> Disposition {
        match self.rule(error) {
            Rule::Retry if error.kind().passes_by_waiting() => {
                let wait = self.retry.wait(calls, chance).max(LEAST_WAIT);
                Disposition::Retry { wait, counted: false }
            }
            Rule::Retry if calls < self.retry.max_attempts => {
                Disposition::Retry { wait: self.retry.wait(calls, chance), counted: true }
            }
            Rule::Retry | Rule::Exhaust => self.last().map_or(Disposition::Reject, Disposition::from),
            Rule::End(ending) => ending.into(),
        }
    }

    /// What follows the last attempt. When nobody says it, the delivery is given up, and only its broker may keep it.
    pub(in crate::binding) fn last(&self) -> Option<Ending> {
        self.on_exhausted.or_else(|| self.dead_letters.then_some(Ending::DeadLetter))
    }

    fn rule(&self, error: &Error) -> Rule {
        let close = |(name, rule): &(String, Rule)| Some((error.closeness(name)?, *rule));
        if let Some((_, rule)) = self.errors.iter().filter_map(close).max_by_key(|(closeness, _)| *closeness)
        {
            return rule;
        }
        let kind = error.kind();
        if let Some((_, rule)) = self.kinds.iter().find(|(other, _)| *other == kind) {
            return *rule;
        }
        let retryable = kind.is_retryable() && (self.default_retryable || kind.passes_by_waiting());
        if retryable { Rule::Retry } else { Rule::Exhaust }
    }

    /// Every end that the configuration names, with the key that says it.
    pub(in crate::binding) fn endings(&self) -> impl Iterator<Item = (String, Ending)> {
        let last = self.on_exhausted.map(|ending| ("on-exhausted".to_owned(), ending));
        let kinds = self.kinds.iter().map(|(kind, rule)| (kind.as_str(), *rule));
        let errors = self.errors.iter().map(|(name, rule)| (name.as_str(), *rule));
        let ruled = kinds.chain(errors).filter_map(|(name, rule)| match rule {
            Rule::End(ending) => Some((format!("on-failure.{name}"), ending)),
            Rule::Retry | Rule::Exhaust => None,
        });
        last.into_iter().chain(ruled)
    }
}

impl Default for FailurePolicy {
    /// What a binding does of which nothing is said.
    fn default() -> Self {
        Self {
            retry: RetryPolicy::default(),
            on_exhausted: None,
            dead_letters: false,
            default_retryable: true,
            kinds: Vec::new(),
            errors: Vec::new(),
        }
    }
}

/// A number from 0 to 1, drawn at random.
pub(in crate::binding) fn chance() -> f64 {
    let drawn = RandomState::new().hash_one(()) >> 32;
    u32::try_from(drawn).map_or(0.0, |drawn| f64::from(drawn) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests;
