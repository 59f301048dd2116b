//! Messages that are sent one by one for a while, to find the one among them that is at fault.
//!
//! A broker refuses a batch as a whole. Of a batch with one bad message the client library tells every message that it is
//! the bad one (the error of all overwrites that of each), so that none is blamed until it has failed alone.

use std::time::{Duration, Instant};

use rdkafka::error::RDKafkaErrorCode;

use super::native::Refusal;

/// How long messages go one by one at most: the one at fault may not come again, or only after a long wait.
const AT_MOST: Duration = Duration::from_secs(60);

/// Until when messages go one by one, if they do.
#[derive(Debug, Default)]
pub(super) struct Apart(Option<Instant>);

impl Apart {
    /// Whether a message waits until nothing else is on its way.
    pub(super) fn is_on(&self) -> bool {
        self.0.is_some_and(|until| Instant::now() < until)
    }

    /// Looks at what was not taken.
    pub(super) fn note(&mut self, refusal: &Refusal) {
        if refusal.is_one_of_several {
            self.0 = Some(Instant::now() + AT_MOST);
        } else if refusal.code == RDKafkaErrorCode::InvalidRecord {
            self.end();
        }
    }

    /// Lets messages go together again.
    pub(super) const fn end(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(code: RDKafkaErrorCode, is_one_of_several: bool) -> Refusal {
        Refusal { code, is_one_of_several, topic: String::new(), size: 1 }
    }

    #[test]
    fn messages_go_one_by_one_until_the_one_at_fault_is_found() {
        let mut apart = Apart::default();
        apart.note(&refusal(RDKafkaErrorCode::InvalidDifferentRecord, false));
        assert!(!apart.is_on(), "the other was told itself");
        apart.note(&refusal(RDKafkaErrorCode::InvalidDifferentRecord, true));
        apart.note(&refusal(RDKafkaErrorCode::MessageTimedOut, false));
        assert!(apart.is_on());
        apart.note(&refusal(RDKafkaErrorCode::InvalidRecord, false));
        assert!(!apart.is_on());
    }
}
