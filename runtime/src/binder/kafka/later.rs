//! Messages that wait until they are tried again: a topic beside each topic of the input, for every wait, which the
//! input reads as well and whose records it gives out when their time has come.

use std::collections::HashMap;
use std::pin::Pin;
use std::task::Context;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rdkafka::message::Timestamp;
use tokio::time::{Instant, Sleep, sleep_until};
use wellspring_functions::{HeaderValue, Headers};

use super::config::{Config, ConsumerSettings, StartOffset};
use super::names::{self, OFFSET, RECEIVED_PARTITION, RECEIVED_TOPIC, TIMESTAMP, TIMESTAMP_TYPE};
use super::provision::{Provisioner, Wanted};
use super::topics::{is_pattern, provision, start_offset};
use crate::binder::{Delivery, Error, InputSpec, Kind, Outgoing};

/// What tells where a record was received first, and which of its facts it is.
const NOTED: [(&str, &str); 5] = [
    ("x-retry-topic", RECEIVED_TOPIC),
    ("x-retry-partition", RECEIVED_PARTITION),
    ("x-retry-offset", OFFSET),
    ("x-retry-timestamp", TIMESTAMP),
    ("x-retry-timestamp-type", TIMESTAMP_TYPE),
];

/// The topics that records wait in, each with its wait.
pub(super) type Waits = HashMap<String, Duration>;

/// Whether messages of an input can wait.
///
/// # Errors
/// Why they cannot.
pub(super) fn check(config: &Config, settings: &ConsumerSettings, spec: &InputSpec) -> Result<(), Error> {
    let why = if config.transaction_prefix().is_some() {
        "with transactions (`transaction-id-prefix`) what waits would be part of none"
    } else if is_pattern(settings) {
        "with `destination-is-pattern` the topics of the input are not known"
    } else if settings.reset_offsets == Some(true) {
        "with `reset-offsets` everything that has ever waited would be tried again at each start"
    } else if start_offset(config, settings, spec) == StartOffset::Latest {
        "with `start-offset: latest` what waits may be passed by when the group first reads it"
    } else {
        return Ok(());
    };
    Err(Error::new(Kind::Refused, why))
}

/// The beginning of the names of all topics that records of a topic wait in.
fn stem(topic: &str, group: &str) -> String {
    format!("{topic}.{group}.retry-")
}

/// Makes the topics in which records wait, as many partitions as each topic of the input has. Those of waits that were
/// configured before are read as long as they are there. Blocks.
pub(super) fn provisioned(
    config: &Config,
    spec: &InputSpec,
    group: &str,
    waits: &[Duration],
) -> Result<Waits, Error> {
    let settings = config.consumer(&spec.binding);
    let provisioner = Provisioner::new(config)?;
    let mut all = Waits::new();
    for (topic, partitions) in provision(&provisioner, spec, &settings)? {
        let stem = stem(&topic, group);
        for wait in waits {
            let name = format!("{stem}{}", wait.as_millis());
            let wanted = Wanted { topic: &name, partitions, settings: &settings.topic, strict: false };
            provisioner.ready(&wanted)?;
            all.insert(name, *wait);
        }
        for name in provisioner.beginning_with(&stem)? {
            if let Some(millis) = name.strip_prefix(&stem).and_then(|millis| millis.parse().ok()) {
                all.insert(name, Duration::from_millis(millis));
            }
        }
    }
    Ok(all)
}

/// Has a message of a group wait for so long.
pub(super) fn put_off(mut outgoing: Outgoing, group: &str, wait: Duration) -> Outgoing {
    let headers = outgoing.message.headers_mut();
    let topic = headers.text(RECEIVED_TOPIC).unwrap_or_default();
    let topic = format!("{}{}", stem(topic, group), wait.as_millis());
    for (noted, fact) in NOTED {
        if let Some(value) = headers.get(fact).cloned() {
            headers.set(noted, value);
        }
    }
    // Those who set the partition of what they send mean another topic.
    headers.remove(names::PARTITION);
    headers.set(names::TOPIC, topic);
    outgoing
}

/// Makes of a record that has waited what it was when it was received first.
pub(super) fn restore(delivery: &mut Delivery) {
    let headers = delivery.message.headers_mut();
    for (noted, fact) in NOTED {
        if let Some(value) = headers.get(noted).cloned() {
            headers.set(fact, value);
            headers.remove(noted);
        }
    }
    let number = |headers: &Headers, name| headers.get(name).and_then(HeaderValue::as_integer);
    if let Some(partition) = number(headers, RECEIVED_PARTITION).and_then(|n| u32::try_from(n).ok()) {
        delivery.partition = partition;
    }
    if let Some(position) = number(headers, OFFSET).and_then(|n| u64::try_from(n).ok()) {
        delivery.position = position;
    }
}

/// How long a record has to wait yet that came into its topic at a time; nothing when it is due. After a whole wait it is
/// looked at again, whatever the time that it came is said to be: clocks are put right.
pub(super) fn remaining(timestamp: Timestamp, wait: Duration, now: SystemTime) -> Option<Duration> {
    let came = Duration::from_millis(u64::try_from(timestamp.to_millis()?).ok()?);
    let due = UNIX_EPOCH.checked_add(came)?.checked_add(wait)?;
    due.duration_since(now).ok().filter(|left| !left.is_zero()).map(|left| left.min(wait))
}

/// Partitions whose next record is not due.
#[derive(Debug, Default)]
pub(super) struct Resting {
    /// By their slots: from where to go on, and when.
    places: HashMap<u32, (i64, Instant)>,
    /// Ends when the first of them is due.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Resting {
    pub(super) fn has(&self, slot: u32) -> bool {
        self.places.contains_key(&slot)
    }

    /// A partition rests from a record on.
    pub(super) fn rest(&mut self, slot: u32, offset: i64, left: Duration) {
        self.places.insert(slot, (offset, Instant::now() + left));
    }

    /// A partition rests no more.
    pub(super) fn end(&mut self, slot: u32) {
        self.places.remove(&slot);
    }

    /// Those that have rested, each with the record from which to go on.
    pub(super) fn take_over(&mut self) -> HashMap<u32, i64> {
        if self.places.is_empty() {
            return HashMap::new();
        }
        let now = Instant::now();
        let over = self.places.extract_if(|_, (_, until)| *until <= now);
        over.map(|(slot, (offset, _))| (slot, offset)).collect()
    }

    /// Wakes a task when the first of them has rested.
    pub(super) fn wake(&mut self, cx: &mut Context<'_>) {
        let Some(until) = self.places.values().map(|(_, until)| *until).min() else {
            self.sleep = None;
            return;
        };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(until)));
        if sleep.deadline() != until {
            sleep.as_mut().reset(until);
        }
        if sleep.as_mut().poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_due_when_it_has_waited_and_looked_at_again_after_a_wait() {
        let (now, wait) = (UNIX_EPOCH + Duration::from_secs(1000), Duration::from_secs(10));
        let left = |came| remaining(Timestamp::CreateTime(came), wait, now);
        assert_eq!(left(1_000_000), Some(wait));
        assert_eq!(left(990_001), Some(Duration::from_millis(1)));
        assert_eq!(left(990_000), None);
        assert_eq!(left(0), None);
        assert_eq!(left(9_000_000), Some(wait));
        assert_eq!(remaining(Timestamp::LogAppendTime(995_000), wait, now), Some(Duration::from_secs(5)));
        assert_eq!(remaining(Timestamp::NotAvailable, wait, now), None);
    }
}
