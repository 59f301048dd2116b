//! Where it is kept which letters are removed: a compacted topic beside that of the letters.
//!
//! Offsets of a group would do for letters that are removed in their order. But those of a group that nobody is in expire,
//! by default after a week, and a letter that was sent again would be found once more; and what a filter passes over would
//! have to fit into the metadata of an offset.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use bytes::Bytes;
use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use wellspring_functions::{ContentType, Message};

use super::removed::{Removed, Seen};
use crate::binder::kafka::config::{Config, TopicSettings};
use crate::binder::kafka::failure::{failed, kind};
use crate::binder::kafka::output::{KafkaOutput, Options};
use crate::binder::kafka::provision::{Provisioner, Wanted};
use crate::binder::{Error, Kind, Outgoing, Output as _, send_all};

/// The topic of the marks of a topic.
pub(super) fn topic_of(letters: &str) -> String {
    format!("{letters}.removed")
}

/// Asks about topics and reads a little of them. Blocks.
pub(super) struct Asking<'a> {
    pub(super) config: &'a Config,
    pub(super) consumer: BaseConsumer,
}

impl Asking<'_> {
    /// How many partitions a topic has; nothing when there is none.
    pub(super) fn partitions(&self, topic: &str) -> Result<Option<i32>, Error> {
        let metadata = self.consumer.fetch_metadata(Some(topic), self.config.bind_timeout);
        let metadata = metadata.map_err(|error| failed(self.nothing(topic), error))?;
        let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else {
            return Ok(None);
        };
        match found.error().map(RDKafkaErrorCode::from) {
            None => Ok(i32::try_from(found.partitions().len()).ok().filter(|count| *count > 0)),
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => Ok(None),
            Some(code) => Err(failed(self.nothing(topic), KafkaError::MetadataFetch(code))),
        }
    }

    /// The first offset of a partition and the one behind its last.
    pub(super) fn ends(&self, topic: &str, partition: i32) -> Result<(i64, i64), Error> {
        let ends = self.consumer.fetch_watermarks(topic, partition, self.config.bind_timeout);
        ends.map_err(|error| failed(self.nothing(topic), error))
    }

    fn nothing(&self, topic: &str) -> String {
        format!("Kafka at {} says nothing about the topic `{topic}`", self.config.addresses())
    }

    /// Reads a partition from an offset up to another, as long as it is wanted.
    fn read(
        &self,
        topic: &str,
        partition: i32,
        (from, to): (i64, i64),
        mut wanted: impl FnMut(&rdkafka::message::BorrowedMessage<'_>) -> bool,
    ) -> Result<(), Error> {
        if from >= to {
            return Ok(());
        }
        let cannot = |error| failed(format!("partition {partition} of `{topic}` cannot be read"), error);
        let mut places = TopicPartitionList::new();
        places.add_partition_offset(topic, partition, Offset::Offset(from)).map_err(cannot)?;
        self.consumer.assign(&places).map_err(cannot)?;
        let mut until = Instant::now() + self.config.bind_timeout;
        loop {
            let polled = self.consumer.poll(until.saturating_duration_since(Instant::now()));
            if polled.as_ref().is_some_and(Result::is_ok) {
                until = Instant::now() + self.config.bind_timeout;
            }
            match polled {
                Some(Ok(record)) if record.offset() >= to => return Ok(()),
                Some(Ok(record)) => {
                    if !wanted(&record) || record.offset() + 1 >= to {
                        return Ok(());
                    }
                }
                Some(Err(KafkaError::PartitionEOF(_))) => return Ok(()),
                // The client goes on trying.
                Some(Err(error)) if kind(&error) == Kind::Unreachable => {}
                Some(Err(error)) => return Err(cannot(error)),
                None => {
                    let sentence = format!("nothing came from partition {partition} of `{topic}`");
                    return Err(Error::new(Kind::Unreachable, sentence));
                }
            }
        }
    }

    /// What a group has removed of each partition of a topic.
    pub(super) fn marks(&self, letters: &str, group: &str) -> Result<HashMap<i32, Removed>, Error> {
        let topic = topic_of(letters);
        let mut found = HashMap::new();
        if self.partitions(&topic)?.is_none() {
            return Ok(found);
        }
        self.read(&topic, 0, self.ends(&topic, 0)?, |record| {
            let place = record.key().and_then(|key| std::str::from_utf8(key).ok()).and_then(|key| {
                let (owner, partition) = key.rsplit_once('/')?;
                partition.parse().ok().filter(|_| owner == group)
            });
            if let Some(partition) = place {
                match record.payload().map(Removed::read) {
                    Some(Ok(removed)) => drop(found.insert(partition, removed)),
                    Some(Err(error)) => tracing::warn!(topic, partition, %error, "a mark cannot be read"),
                    None => drop(found.remove(&partition)),
                }
            }
            true
        })?;
        Ok(found)
    }

    /// Whether a partition is the one that something was removed of, and not another that was made later under its name.
    pub(super) fn recognizes(
        &self,
        topic: &str,
        partition: i32,
        (low, high): (i64, i64),
        removed: &Removed,
    ) -> Result<bool, Error> {
        let Some(Seen { offset, time }) = removed.last() else { return Ok(true) };
        if offset >= high {
            return Ok(false);
        }
        // What was deleted cannot be told from what never was; its offsets are gone either way.
        let mut same = true;
        if offset >= low {
            self.read(topic, partition, (offset, high), |record| {
                same = record.offset() != offset || record.timestamp().to_millis().unwrap_or(-1) == time;
                false
            })?;
        }
        Ok(same)
    }
}

/// Writes marks, to a topic for each topic of letters.
#[derive(Default)]
pub(super) struct Marks(BTreeMap<String, KafkaOutput>);

impl Marks {
    /// Whether the marks of a topic can be written.
    pub(super) fn is_ready(&self, letters: &str) -> bool {
        self.0.contains_key(letters)
    }

    /// Takes the output for the marks of a topic.
    pub(super) fn set(&mut self, letters: &str, output: KafkaOutput) {
        self.0.insert(letters.to_owned(), output);
    }

    /// Notes what a group has removed of a partition; when this ends well, the broker has it.
    pub(super) async fn write(
        &mut self,
        letters: &str,
        changed: Vec<(String, Vec<u8>)>,
    ) -> Result<(), Error> {
        let Some(output) = self.0.get_mut(letters) else { return Ok(()) };
        let marks = changed.into_iter().map(|(key, text)| Outgoing {
            message: Message::encoded(text, ContentType::JSON),
            key: Some(Bytes::from(key)),
            partition: Some(0),
        });
        let written = send_all(output, marks.collect()).await?;
        written.into_iter().collect()
    }

    pub(super) async fn close(self) {
        for output in self.0.into_values() {
            // Everything was confirmed.
            let _ = Box::new(output).close().await;
        }
    }
}

/// Makes the topic of the marks ready and an output for it. Blocks.
pub(super) fn output(config: &Config, binding: &str, letters: &str) -> Result<KafkaOutput, Error> {
    let topic = topic_of(letters);
    let consumer = config.consumer(binding);
    let compacted = serde_json::from_str(r#"{ "cleanup.policy": "compact" }"#).unwrap_or_default();
    let settings = TopicSettings { properties: compacted, ..consumer.dlq_producer_properties.topic.clone() };
    let settings = TopicSettings { replicas_assignments: BTreeMap::new(), ..settings };
    let provisioner = Provisioner::new(config)?;
    provisioner.ready(&Wanted { topic: &topic, partitions: 1, settings: &settings, strict: false })?;
    let client =
        config.producer_client(binding, &consumer.dlq_producer_properties, provisioner.limit(&topic));
    super::super::output(config, binding, &topic, &client, Options::default())
}
