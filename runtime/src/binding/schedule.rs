//! When a supplier is called: after a fixed delay, or at the times of a cron expression.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use croner::Cron;
use croner::parser::{CronParser, Seconds};
use jiff::Zoned;

/// When a supplier is called, and how often in a row.
#[derive(Debug, Clone)]
pub struct Schedule {
    times: Times,
    /// Calls in a row at each time, fewer when the supplier has nothing.
    pub max_messages: u32,
}

#[derive(Debug, Clone)]
enum Times {
    Every { delay: Duration, initial: Duration },
    Cron { text: String, cron: Box<Cron> },
}

/// A text that is no cron expression.
#[derive(Debug, Clone, thiserror::Error)]
#[error("`{text}` is not a cron expression: {reason}; expected five fields, or six with seconds in front")]
pub struct InvalidCron {
    text: String,
    reason: String,
}

impl Schedule {
    /// A first call after `initial`, then one `delay` after the end of each.
    #[must_use]
    pub const fn every(delay: Duration, initial: Duration, max_messages: u32) -> Self {
        Self { times: Times::Every { delay, initial }, max_messages }
    }

    /// Calls at the times of a cron expression, in the time zone of the system; a time that passes during a call is
    /// skipped.
    ///
    /// # Errors
    /// When the text is no cron expression.
    pub fn cron(text: &str, max_messages: u32) -> Result<Self, InvalidCron> {
        let cron = CronParser::builder().seconds(Seconds::Optional).build().parse(text);
        match cron {
            Ok(cron) => {
                Ok(Self { times: Times::Cron { text: text.to_owned(), cron: Box::new(cron) }, max_messages })
            }
            Err(reason) => Err(InvalidCron { text: text.to_owned(), reason: reason.to_string() }),
        }
    }

    /// The wait before the next call. The wall clock is read anew each time, so that a changed clock is followed.
    #[must_use]
    pub fn wait(&self, first: bool) -> Duration {
        match &self.times {
            Times::Every { initial, .. } if first => *initial,
            Times::Every { delay, .. } => *delay,
            Times::Cron { cron, .. } => until_next(cron, &Zoned::now()),
        }
    }
}

/// An hour at most, so that a time far ahead is looked at again; a time that never comes is waited for in vain.
fn until_next(cron: &Cron, now: &Zoned) -> Duration {
    let longest = Duration::from_secs(3600);
    match cron.find_next_occurrence(now, false) {
        Ok(next) => Duration::try_from(now.duration_until(&next)).unwrap_or(Duration::ZERO),
        Err(_) => longest,
    }
}

impl FromStr for Schedule {
    type Err = InvalidCron;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::cron(text, 1)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.times {
            Times::Every { delay, .. } => write!(f, "every {delay:?}"),
            Times::Cron { text, .. } => write!(f, "at `{text}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_call_waits_for_the_initial_delay() {
        let schedule = Schedule::every(Duration::from_secs(2), Duration::from_millis(5), 1);
        assert_eq!((schedule.wait(true).as_millis(), schedule.wait(false).as_millis()), (5, 2000));
    }

    #[test]
    fn cron_has_five_fields_or_six() {
        let now: Zoned = "2026-03-01T10:00:30+00:00[UTC]".parse().unwrap();
        let next = |text: &str| match Schedule::cron(text, 1).unwrap().times {
            Times::Cron { cron, .. } => until_next(&cron, &now).as_secs(),
            Times::Every { .. } => panic!("expected cron"),
        };
        assert_eq!(next("*/5 * * * *"), 270);
        assert_eq!(next("*/20 * * * * *"), 10);
        let error = Schedule::cron("every day", 1).unwrap_err().to_string();
        assert!(error.starts_with("`every day` is not a cron expression: "), "{error}");
    }
}
