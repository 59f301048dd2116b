//! The sending end: a producer of the client library, whose delivery reports come back in batches.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, NoCustomPartitioner, Producer, ProducerContext, ThreadedProducer};
use wellspring_functions::HeaderValue;

use super::client::kind;
use super::health::Pulse;
use super::inbox::wake;
use super::{outgoing, rebalance};
use crate::binder::{Confirmation, Error, Health, Kind, Outgoing, Output};

/// How many messages of an output may be unconfirmed.
const WINDOW: usize = 10_000;
/// How long a closing output waits for what is on its way.
const LAST_WORDS: Duration = Duration::from_secs(1);

// A message's number travels as the library's opaque pointer.
const _: () = assert!(usize::BITS >= 64, "numbers of messages must fit into a pointer");

/// Collects what became of messages, on the library's thread.
#[derive(Debug)]
pub(super) struct Reports {
    pub(super) binding: String,
    pub(super) topic: String,
    pulse: Arc<Pulse>,
    collected: Mutex<Collected>,
}

#[derive(Debug, Default)]
struct Collected {
    confirmed: Vec<Confirmation>,
    waker: Option<Waker>,
}

impl Reports {
    pub(super) fn new(binding: &str, topic: &str) -> Self {
        Self {
            binding: binding.to_owned(),
            topic: topic.to_owned(),
            pulse: Arc::default(),
            collected: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Collected> {
        self.collected.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cold]
    fn failed(&self, error: &KafkaError, size: usize) -> Error {
        let topic = &self.topic;
        let kind = kind(error);
        let sentence = match kind {
            Kind::TooLarge => format!(
                "a message of {size} bytes is larger than `{topic}` takes: the client's limit is \
                 `message.max.bytes`, the topic's is `max.message.bytes`"
            ),
            Kind::Unroutable => format!("the topic `{topic}` or the partition does not exist"),
            _ => format!("`{topic}` has not taken a message"),
        };
        Error::new(kind, sentence).because(error.clone())
    }
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        rebalance::log(&self.binding, level, facility, message);
    }

    fn stats_raw(&self, report: &[u8]) {
        self.pulse.statistics(report);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.pulse.error(&error, reason);
        tracing::warn!(binding = self.binding, %error, reason, "trouble with the broker");
    }
}

impl ProducerContext<NoCustomPartitioner> for Reports {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        let result = match result {
            Ok(_) => Ok(()),
            Err((error, message)) => Err(self.failed(error, message.payload_len())),
        };
        let waker = {
            let mut collected = self.lock();
            collected.confirmed.push(Confirmation { number: number as u64, result });
            // Once taken, nobody is woken again until the task has looked.
            collected.waker.take()
        };
        wake(waker);
    }
}

pub(super) struct KafkaOutput {
    producer: Option<ThreadedProducer<Reports>>,
    reports: Arc<Reports>,
    in_flight: usize,
    /// What the library had no room for.
    waiting: VecDeque<(Outgoing, u64)>,
    /// What was refused at once.
    refused: Vec<Confirmation>,
}

impl KafkaOutput {
    pub(super) fn new(producer: ThreadedProducer<Reports>) -> Self {
        let reports = Arc::clone(producer.client().context());
        Self {
            producer: Some(producer),
            reports,
            in_flight: 0,
            waiting: VecDeque::new(),
            refused: Vec::new(),
        }
    }

    /// Hands a message to the library. Gives it back when there is no room.
    fn hand(&mut self, message: Outgoing, number: u64) -> Option<Outgoing> {
        let Some(producer) = &self.producer else { return None };
        let headers = message.message.headers();
        let key = message.key.clone().or_else(|| key_of(outgoing::get(headers, outgoing::KEY)));
        let partition = match message.partition {
            Some(partition) => i32::try_from(partition).ok(),
            None => outgoing::get(headers, outgoing::PARTITION)
                .and_then(HeaderValue::as_integer)
                .and_then(|n| i32::try_from(n).ok()),
        };
        #[expect(clippy::cast_possible_truncation, reason = "a pointer has 64 bits, see above")]
        let mut record =
            BaseRecord::<[u8], [u8], usize>::with_opaque_to(&self.reports.topic, number as usize);
        record.key = key.as_deref();
        record.payload = message.message.payload().as_deref();
        record.partition = partition;
        record.headers = outgoing::write(headers);
        let Err((error, _)) = producer.send(record) else { return None };
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) {
            return Some(message);
        }
        let result = Err(self.reports.failed(&error, message.message.bytes().len()));
        self.refused.push(Confirmation { number, result });
        None
    }

    /// Hands over again what there was no room for.
    fn retry(&mut self) {
        while let Some((message, number)) = self.waiting.pop_front() {
            if let Some(message) = self.hand(message, number) {
                self.waiting.push_front((message, number));
                return;
            }
        }
    }
}

fn key_of(header: Option<&HeaderValue>) -> Option<Bytes> {
    match header? {
        HeaderValue::Bytes(bytes) => Some(bytes.clone()),
        HeaderValue::Null => None,
        other => Some(other.to_string().into()),
    }
}

impl Output for KafkaOutput {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.in_flight < WINDOW && self.waiting.is_empty() {
            return Poll::Ready(Ok(()));
        }
        // Before trying, so that no report is missed in between.
        self.reports.lock().waker = Some(cx.waker().clone());
        self.retry();
        if self.in_flight < WINDOW && self.waiting.is_empty() { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn send(&mut self, message: Outgoing, number: u64) {
        self.in_flight += 1;
        if let Some(message) = self.hand(message, number) {
            self.waiting.push_back((message, number));
        }
    }

    fn poll_confirmed(
        &mut self,
        cx: &mut Context<'_>,
        confirmed: &mut Vec<Confirmation>,
    ) -> Poll<Result<(), Error>> {
        let before = confirmed.len();
        if !self.waiting.is_empty() {
            self.retry();
        }
        confirmed.append(&mut self.refused);
        {
            let mut collected = self.reports.lock();
            if confirmed.is_empty() && confirmed.capacity() == 0 {
                std::mem::swap(confirmed, &mut collected.confirmed);
            } else {
                confirmed.append(&mut collected.confirmed);
            }
            if confirmed.len() == before {
                collected.waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
        }
        self.in_flight = self.in_flight.saturating_sub(confirmed.len() - before);
        Poll::Ready(Ok(()))
    }

    fn health(&self) -> Arc<dyn Health> {
        Arc::clone(&self.reports.pulse) as _
    }

    fn close(mut self: Box<Self>) -> BoxFuture<'static, Result<(), Error>> {
        let producer = self.producer.take();
        async move {
            let closed = tokio::task::spawn_blocking(move || {
                // Both block: what is on its way gets a moment, then the library's threads end.
                let flushed = producer.as_ref().map_or(Ok(()), |producer| producer.flush(LAST_WORDS));
                drop(producer);
                flushed
            });
            match closed.await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => {
                    Err(super::client::failed("some messages were not confirmed in time", error))
                }
                Err(error) => Err(Error::new(Kind::Closed, "the output did not close").because(error)),
            }
        }
        .boxed()
    }
}

impl Drop for KafkaOutput {
    fn drop(&mut self) {
        // Ending the library's threads blocks, which an async thread must not.
        if let Some(producer) = self.producer.take() {
            std::thread::spawn(move || drop(producer));
        }
    }
}
