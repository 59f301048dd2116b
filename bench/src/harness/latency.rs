//! How long things take at a fixed rate, open loop: each is due at a moment that does not depend on the ones before, and
//! its time counts from there. Whoever is late is late for all that were due meanwhile; nothing is omitted.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::Failure;
use crate::report::results::Figure;

/// What takes longer counts as this long, in nanoseconds: ten minutes.
const LONGEST: u64 = 600_000_000_000;

/// When things are due.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    begun: Instant,
    every: Duration,
}

impl Schedule {
    /// So many per second, from now.
    #[must_use]
    pub fn from_now(per_second: u32) -> Self {
        Self { begun: Instant::now(), every: Duration::from_secs(1) / per_second }
    }

    /// When one is due.
    #[must_use]
    pub fn due(&self, number: u64) -> Instant {
        self.begun + Duration::from_nanos(u64::try_from(self.every.as_nanos()).unwrap_or(u64::MAX) * number)
    }

    /// Rests until one is due.
    pub fn wait(&self, number: u64) {
        if let Some(left) = self.due(number).checked_duration_since(Instant::now()) {
            std::thread::sleep(left);
        }
    }
}

/// The times of what was scheduled.
#[derive(Debug)]
pub struct Times {
    schedule: Schedule,
    /// What is due before is not counted.
    warm_up: u64,
    taken: Histogram<u64>,
}

impl Times {
    /// Counts all but the first ones.
    ///
    /// # Errors
    /// Never, for the precision that is used.
    pub fn of(schedule: Schedule, warm_up: u64) -> Result<Self, Failure> {
        Ok(Self { schedule, warm_up, taken: Histogram::new_with_bounds(1, LONGEST, 3)? })
    }

    /// Notes that one is there.
    pub fn note(&mut self, number: u64, at: Instant) {
        if number >= self.warm_up {
            let took = at.saturating_duration_since(self.schedule.due(number));
            self.taken.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        }
    }

    /// The percentiles, in milliseconds.
    #[must_use]
    pub fn percentiles(&self) -> [(Figure, f64); 4] {
        let at = |quantile| self.taken.value_at_quantile(quantile) as f64 / 1e6;
        [(Figure::P50, at(0.5)), (Figure::P90, at(0.9)), (Figure::P99, at(0.99)), (Figure::P999, at(0.999))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() <= expected * 0.002, "{found} is not {expected}");
    }

    #[test]
    fn those_due_during_a_stall_count_from_when_they_were_due() {
        let schedule = Schedule::from_now(1_000);
        let mut times = Times::of(schedule, 100).unwrap();
        // Each takes 1 ms; then everything stands still for 100 ms, so that a tenth are late, the first by 101 ms.
        for number in 0..1_100 {
            let answered = schedule.due(number).max(schedule.due(if number < 600 { 0 } else { 700 }));
            times.note(number, answered + Duration::from_millis(1));
        }
        let [p50, p90, p99, p999] = times.percentiles().map(|(_, time)| time);
        close(p50, 1.0);
        close(p90, 1.0);
        close(p99, 91.0);
        close(p999, 100.0);
    }

    #[test]
    fn the_warm_up_does_not_count() {
        let schedule = Schedule::from_now(1_000);
        let mut times = Times::of(schedule, 1).unwrap();
        times.note(0, schedule.due(5_000));
        times.note(1, schedule.due(3));
        close(times.percentiles()[3].1, 2.0);
    }
}
