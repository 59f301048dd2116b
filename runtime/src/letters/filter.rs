//! Which letters are meant.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::reading::{failure, text};
use crate::binder::Letter;

/// Which letters are meant: those that fit everything that is said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// What a name or the text of the error contains, in any case.
    pub error: Option<String>,
    /// How old it is at least.
    pub older_than: Option<Duration>,
    /// How old it is at most.
    pub newer_than: Option<Duration>,
    /// Names and texts of headers.
    pub headers: Vec<(String, String)>,
    /// The key, or on brokers without one the routing key.
    pub key: Option<String>,
    /// How many letters at most.
    pub max: Option<u64>,
}

impl Filter {
    /// Whether a letter fits, but for [`max`](Self::max). One without a time fits no age.
    #[must_use]
    pub fn fits(&self, letter: &Letter) -> bool {
        self.fits_at(letter, now())
    }

    fn fits_at(&self, letter: &Letter, now: i64) -> bool {
        let headers = letter.message.headers();
        let age = || letter.time.map(|time| now.saturating_sub(time));
        let content_type = || headers.content_type().map(ToString::to_string);
        self.error.as_ref().is_none_or(|error| failure(headers).mentions(error))
            && self.older_than.is_none_or(|least| age().is_some_and(|age| age >= millis(least)))
            && self.newer_than.is_none_or(|most| age().is_some_and(|age| age <= millis(most)))
            && self.key.as_ref().is_none_or(|key| letter.key.as_deref() == Some(key.as_bytes()))
            && self.headers.iter().all(|(name, value)| {
                headers.get_all(name).any(|own| text(own) == *value)
                    || name.eq_ignore_ascii_case("contentType") && content_type().as_ref() == Some(value)
            })
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binder::{Outgoing, Ticket};
    use wellspring_functions::{ContentType, Message};

    fn letter(time: Option<i64>) -> Letter {
        let message = Message::encoded("x", ContentType::JSON)
            .with_header("x-exception-message", "No such Account")
            .with_header("tenant", "red")
            .with_header("raw", b"blue".to_vec());
        Letter {
            original: Outgoing { message: message.clone(), key: None, partition: None },
            message,
            place: "dlq".to_owned(),
            partition: 0,
            position: 0,
            key: Some("k".into()),
            origin: None,
            time,
            ticket: Ticket::new(0),
        }
    }

    fn header(name: &str, value: &str) -> Filter {
        Filter { headers: vec![(name.to_owned(), value.to_owned())], ..Filter::default() }
    }

    #[test]
    fn a_letter_fits_when_everything_that_is_said_holds() {
        let letter = letter(None);
        let error = |text: &str| Filter { error: Some(text.to_owned()), ..Filter::default() };
        let key = |key: &str| Filter { key: Some(key.to_owned()), ..Filter::default() };
        for fits in [
            Filter::default(),
            error("account"),
            key("k"),
            header("Tenant", "red"),
            header("raw", "blue"),
            header("contentType", "application/json"),
        ] {
            assert!(fits.fits(&letter), "{fits:?}");
        }
        let both = Filter { error: Some("account".to_owned()), ..header("tenant", "blue") };
        for not in [error("other"), key("other"), header("tenant", "re"), header("none", ""), both] {
            assert!(!not.fits(&letter), "{not:?}");
        }
    }

    #[test]
    fn an_age_is_that_of_the_letter_and_one_without_a_time_has_none() {
        let hour = Some(Duration::from_secs(3600));
        let (older, newer) = (
            Filter { older_than: hour, ..Filter::default() },
            Filter { newer_than: hour, ..Filter::default() },
        );
        for (time, is_older, is_newer) in [
            (Some(0), true, false),
            (Some(9_000_000), false, true),
            (Some(6_400_000), true, true),
            (None, false, false),
        ] {
            let letter = letter(time);
            assert_eq!(older.fits_at(&letter, 10_000_000), is_older, "{time:?}");
            assert_eq!(newer.fits_at(&letter, 10_000_000), is_newer, "{time:?}");
        }
    }
}
