//! How often a failed delivery is tried again, and how long to wait before each time.

use std::time::Duration;

/// How many different waits there may be where each of them is a place at the broker.
pub(in crate::binding) const MOST_WAITS: usize = 16;

/// When to try again. `max_attempts` counts calls: 3 means three.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryPolicy {
    /// How often the function is called with one delivery at most, the first time included; at least 1.
    pub max_attempts: u32,
    /// The wait before the second call.
    pub initial_interval: Duration,
    /// No wait is longer.
    pub max_interval: Duration,
    /// Each wait is so many times the one before; at least 1.
    pub multiplier: f64,
    /// The share of each wait, from 0 to 1, that is added to it at most, at random.
    pub jitter: f64,
}

impl RetryPolicy {
    /// The wait after so many calls.
    #[must_use]
    pub fn backoff(&self, calls: u32) -> Duration {
        let factor =
            self.multiplier.max(1.0).powi(i32::try_from(calls.saturating_sub(1)).unwrap_or(i32::MAX));
        let millis = self.initial_interval.as_secs_f64() * factor;
        if millis.is_finite() && millis < self.max_interval.as_secs_f64() {
            Duration::from_secs_f64(millis)
        } else {
            self.max_interval
        }
    }

    /// The wait after so many calls where messages wait at the broker: whole milliseconds, and nothing left to chance.
    pub(in crate::binding) fn durable_wait(&self, calls: u32) -> Duration {
        let millis = u64::try_from(self.backoff(calls).as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(millis.max(1))
    }

    /// Every wait there is where messages wait at the broker, the shortest first; too many of them are not all told.
    pub(in crate::binding) fn durable_waits(&self) -> Vec<Duration> {
        let mut waits = Vec::new();
        for calls in 1..self.max_attempts {
            let wait = self.durable_wait(calls);
            if waits.last() != Some(&wait) {
                waits.push(wait);
            }
            let is_last = self.initial_interval.is_zero() || self.multiplier <= 1.0;
            if is_last || waits.len() > MOST_WAITS || self.backoff(calls) >= self.max_interval {
                break;
            }
        }
        waits
    }

    /// The wait after so many calls with its random part, for which `chance` is drawn from 0 to 1.
    pub(in crate::binding) fn wait(&self, calls: u32, chance: f64) -> Duration {
        let wait = self.backoff(calls);
        let share = (self.jitter * chance).clamp(0.0, 1.0);
        wait + Duration::try_from_secs_f64(wait.as_secs_f64() * share).unwrap_or_default()
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 3,
            initial_interval: Duration::from_secs(1),
            max_interval: Duration::from_secs(10),
            multiplier: 2.0,
            jitter: 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_the_longest() {
        let policy = RetryPolicy { max_attempts: 9, ..RetryPolicy::default() };
        let waits: Vec<_> = (1..7).map(|calls| policy.backoff(calls).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 10, 10]);
        assert_eq!(policy.backoff(u32::MAX), Duration::from_secs(10));
        assert_eq!(RetryPolicy { multiplier: 0.0, ..policy }.backoff(5), Duration::from_secs(1));
    }

    #[test]
    fn every_wait_at_the_broker_is_told_once() {
        let waits = |policy: RetryPolicy| -> Vec<_> {
            policy.durable_waits().iter().map(|wait| u64::try_from(wait.as_millis()).unwrap()).collect()
        };
        let policy = RetryPolicy { jitter: 1.0, ..RetryPolicy::default() };
        assert_eq!(waits(policy), [1000, 2000]);
        assert_eq!(waits(RetryPolicy { max_attempts: u32::MAX, ..policy }), [1000, 2000, 4000, 8000, 10_000]);
        assert!(waits(RetryPolicy { max_attempts: 1, ..policy }).is_empty());
        assert_eq!(waits(RetryPolicy { multiplier: 1.0, max_attempts: u32::MAX, ..policy }), [1000]);
        assert_eq!(waits(RetryPolicy { initial_interval: Duration::ZERO, ..policy }), [1]);
        let many = RetryPolicy { multiplier: 1.01, max_attempts: u32::MAX, ..policy };
        assert!(waits(many).len() > MOST_WAITS);
    }

    #[test]
    fn a_share_of_the_wait_is_left_to_chance() {
        let policy = RetryPolicy { jitter: 0.5, ..RetryPolicy::default() };
        let millis = |chance| policy.wait(2, chance).as_millis();
        assert_eq!([millis(0.0), millis(0.5), millis(1.0)], [2000, 2500, 3000]);
        assert_eq!(RetryPolicy::default().wait(2, 1.0), Duration::from_secs(2));
    }
}
