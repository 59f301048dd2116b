//! What a producer has to say: of itself, of the cluster, and why it has not taken a message.

use std::sync::Arc;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{NoCustomPartitioner, ProducerContext};

use super::failure::kind;
use super::health::Pulse;
use super::logging;
use crate::binder::{Error, Kind};

/// What a producer is, for what it has to say.
#[derive(Debug, Clone)]
pub(super) struct Reports {
    binding: String,
    topic: String,
    pulse: Arc<Pulse>,
}

impl Reports {
    pub(super) fn new(binding: &str, topic: &str) -> Self {
        Self::shared(binding, topic, Arc::default())
    }

    /// Those of one output among several that share a producer.
    pub(super) fn shared(binding: &str, topic: &str, pulse: Arc<Pulse>) -> Self {
        Self { binding: binding.to_owned(), topic: topic.to_owned(), pulse }
    }

    /// Whose producer it is.
    pub(super) fn binding(&self) -> &str {
        &self.binding
    }

    /// Where its messages go unless they say otherwise.
    pub(super) fn topic(&self) -> &str {
        &self.topic
    }

    /// How the producer stands with the cluster.
    pub(super) fn pulse(&self) -> Arc<Pulse> {
        Arc::clone(&self.pulse)
    }

    /// Why a message of so many bytes was not taken.
    #[cold]
    pub(super) fn failed(&self, code: RDKafkaErrorCode, topic: &str, size: usize) -> Error {
        let error = KafkaError::MessageProduction(code);
        let kind = kind(&error);
        let sentence = match kind {
            Kind::TooLarge => format!(
                "a message of {size} bytes is larger than `{topic}` takes: the client's limit is \
                 `message.max.bytes`, the topic's is `max.message.bytes`"
            ),
            Kind::Unroutable => format!("the topic `{topic}` or the partition does not exist"),
            _ => format!("`{topic}` has not taken a message"),
        };
        Error::new(kind, sentence).because(error)
    }
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        logging::log(&self.binding, &self.pulse, level, facility, message);
    }

    fn stats_raw(&self, report: &[u8]) {
        logging::statistics(&self.binding, &self.pulse, report);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        logging::error(&self.binding, &self.pulse, &error, reason);
    }
}

impl ProducerContext<NoCustomPartitioner> for Reports {
    type DeliveryOpaque = usize;

    /// Called only while the producer closes, when nobody waits for reports any more.
    fn delivery(&self, _: &DeliveryResult<'_>, _: usize) {}
}
