//! The client's producer as an expert would use it: as many sends in flight as the loop has, reports counted.

use std::cell::Cell;
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, ProducerContext};

use super::kafka::{WINDOW, headers, producer};
use super::{Ending, Task};
use crate::Failure;
use crate::story::{AccountsMsg, FIRST, PAYLOAD};

thread_local! {
    /// How many are unconfirmed. Reports are delivered to the thread that polls, which is the only one.
    static OPEN: Cell<usize> = const { Cell::new(0) };
    static FAILED: Cell<bool> = const { Cell::new(false) };
}

struct Reports;

impl ClientContext for Reports {}

impl ProducerContext for Reports {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        OPEN.set(OPEN.get() - 1);
        FAILED.set(FAILED.get() || result.is_err());
    }
}

/// Sends one message after the other.
pub(super) fn run(task: &Task, ending: &Ending) -> Result<(), Failure> {
    let producer: BaseProducer<Reports> = producer(task).create_with_context(Reports)?;
    let mut next = FIRST;
    while !ending.has_come() || OPEN.get() > 0 {
        let full = ending.has_come() || OPEN.get() >= WINDOW;
        producer.poll(Duration::from_millis(u64::from(full)));
        if FAILED.get() {
            return Err("a message was not confirmed".into());
        }
        for _ in 0..if full { 0 } else { 256 } {
            let payload = serde_json::to_vec(&AccountsMsg::numbered(next, PAYLOAD.len()))?;
            let record = BaseRecord::<[u8], [u8]>::to(&task.output).payload(&payload).headers(headers());
            producer.send(record).map_err(|(error, _)| error)?;
            OPEN.set(OPEN.get() + 1);
            next += 1;
        }
    }
    Ok(())
}
