//! Topics to measure with, filled before and deleted after.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};

use super::PARTITIONS;
use crate::Failure;
use crate::story::PAYLOAD;

/// A broker and two topics on it.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Its address.
    pub address: String,
    /// The topic that is read.
    pub from: String,
    /// The topic that is written.
    pub to: String,
}

impl Cluster {
    /// Makes the topics, empty.
    ///
    /// # Errors
    /// When the broker does not do it.
    pub fn make(address: &str, what: &str) -> Result<Self, Failure> {
        let name = format!("ws-bench-{}-{what}", std::process::id());
        let cluster =
            Self { address: address.to_owned(), from: format!("{name}.from"), to: format!("{name}.to") };
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let new = |topic| NewTopic::new(topic, PARTITIONS, TopicReplication::Fixed(1));
        let topics = [new(&cluster.from), new(&cluster.to)];
        for made in tokio.block_on(cluster.admin()?.create_topics(&topics, &AdminOptions::new()))? {
            made.map_err(|(topic, code)| format!("{topic}: {code}"))?;
        }
        Ok(cluster)
    }

    /// Makes the topics and fills the first with the message of the story.
    ///
    /// # Errors
    /// When the broker does not do it.
    pub fn fill(address: &str, messages: u64) -> Result<Self, Failure> {
        let cluster = Self::make(address, "throughput")?;
        let mut client = cluster.client();
        let producer: ThreadedProducer<DefaultProducerContext> = client.set("linger.ms", "20").create()?;
        for number in 0..messages {
            let partition = i32::try_from(number % u64::from(PARTITIONS.unsigned_abs()))?;
            let mut record = BaseRecord::<[u8], [u8]>::to(&cluster.from)
                .payload(PAYLOAD)
                .partition(partition)
                .headers(headers());
            while let Err((error, back)) = producer.send(record) {
                if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                    return Err(error.into());
                }
                producer.flush(Duration::from_secs(30))?;
                record = back;
            }
        }
        producer.flush(Duration::from_secs(60))?;
        Ok(cluster)
    }

    /// A client of the broker.
    #[must_use]
    pub fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", &self.address);
        client
    }

    /// Deletes the topics.
    ///
    /// # Errors
    /// When the broker does not do it.
    pub fn delete(&self) -> Result<(), Failure> {
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let topics = [self.from.as_str(), self.to.as_str()];
        tokio.block_on(self.admin()?.delete_topics(&topics, &AdminOptions::new()))?;
        Ok(())
    }

    fn admin(&self) -> Result<AdminClient<DefaultClientContext>, KafkaError> {
        self.client().create()
    }
}

/// The headers that Spring writes and reads.
pub(super) fn headers() -> OwnedHeaders {
    let header = |key, value| Header { key, value: Some(value) };
    OwnedHeaders::new_with_capacity(2)
        .insert(header("contentType", "application/json"))
        .insert(header("spring_json_header_types", r#"{"contentType":"java.lang.String"}"#))
}
