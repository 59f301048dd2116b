//! What single bindings have of their own: `bindings.<name>.{consumer,producer}.*`, and `default.*` for all of them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::config::{Properties, human};
use crate::expression::Expression;

/// What a binding has of its own.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct BindingSettings {
    /// As an input.
    pub consumer: ConsumerSettings,
    /// As an output.
    pub producer: ProducerSettings,
}

/// `consumer.*` of a binding.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct ConsumerSettings {
    /// Whether the group shares the partitions out; if not, each instance takes those of its index.
    pub auto_rebalance_enabled: Option<bool>,
    /// Where a group without committed offsets starts.
    pub start_offset: Option<StartOffset>,
    /// Whether every start begins at `start-offset`, whatever was committed.
    pub reset_offsets: Option<bool>,
    /// Whether the destination is a regular expression for names of topics.
    pub destination_is_pattern: Option<bool>,
    /// Whether messages that fail for good go to a topic of dead letters.
    pub enable_dlq: Option<bool>,
    /// The topic of dead letters, instead of `error.<topic>.<group>`.
    pub dlq_name: Option<String>,
    /// How many partitions it has; without it, as many as the topic itself.
    pub dlq_partitions: Option<u32>,
    /// How dead letters are sent.
    pub dlq_producer_properties: ProducerSettings,
    /// When Spring commits offsets. Here it is always when their messages are settled.
    pub ack_mode: Option<AckMode>,
    /// Headers that Spring makes up for each message; only `none`.
    pub standard_headers: Option<StandardHeaders>,
    /// How long Spring waits for records at a time. An input is woken by them and needs no bound.
    #[serde(deserialize_with = "milliseconds")]
    pub poll_timeout: Option<Duration>,
    /// How a missing topic is made.
    pub topic: TopicSettings,
    /// Any property of librdkafka.
    pub configuration: Properties,
}

/// `producer.*` of a binding.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct ProducerSettings {
    /// The largest batch, in bytes (`batch.size`).
    pub buffer_size: Option<u32>,
    /// How many milliseconds messages gather for a batch (`linger.ms`).
    pub batch_timeout: Option<u32>,
    /// What of a message is its key; null for none. Its header `message-key` or `kafka_messageKey`, unless given.
    pub message_key_expression: Option<Expression>,
    /// How batches are compressed.
    pub compression_type: Option<Compression>,
    /// Which headers are written: the first pattern that a name fits decides, `!` in front leaves it out.
    pub header_patterns: Option<Vec<String>>,
    /// Whether the header `kafka_topic` chooses the topic of a message.
    pub use_topic_header: Option<bool>,
    /// Whether Spring waits for each message. Here every message is confirmed before its input is settled.
    pub sync: Option<bool>,
    /// How long a closing output waits for what is on its way; a plain number is in seconds.
    #[serde(deserialize_with = "seconds")]
    pub close_timeout: Option<Duration>,
    /// How a missing topic is made.
    pub topic: TopicSettings,
    /// Any property of librdkafka.
    pub configuration: Properties,
}

/// `topic.*`: how a missing topic is made.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct TopicSettings {
    /// Properties of the topic, such as `retention.ms`.
    pub properties: Properties,
    /// How many replicas it has.
    pub replication_factor: Option<i32>,
    /// The brokers that hold each partition, by its number, instead of `replication-factor`.
    pub replicas_assignments: BTreeMap<String, Vec<i32>>,
}

/// Where a group starts that has committed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StartOffset {
    /// With the oldest message that is kept.
    Earliest,
    /// With what comes from now on.
    Latest,
}

/// When Spring commits offsets (`ack-mode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AckMode {
    /// After each message.
    Record,
    /// After what was polled at once.
    Batch,
    /// Every so often.
    Time,
    /// After so many messages.
    Count,
    /// Whichever of the two comes first.
    CountTime,
    /// When the handler says so; refused.
    Manual,
    /// When the handler says so, at once; refused.
    ManualImmediate,
}

/// Headers that Spring makes up for each message (`standard-headers`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StandardHeaders {
    /// None of them.
    None,
    /// An id; refused.
    Id,
    /// A timestamp; refused.
    Timestamp,
    /// Both; refused.
    Both,
}

/// How batches are compressed (`compression-type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip.
    Gzip,
    /// Snappy.
    Snappy,
    /// LZ4.
    Lz4,
    /// Zstandard.
    Zstd,
}

impl Compression {
    /// The client's name of it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

impl ConsumerSettings {
    /// These with what they leave open as in `base`.
    pub(in crate::binder::kafka) fn over(&self, base: &Self) -> Self {
        Self {
            auto_rebalance_enabled: self.auto_rebalance_enabled.or(base.auto_rebalance_enabled),
            start_offset: self.start_offset.or(base.start_offset),
            reset_offsets: self.reset_offsets.or(base.reset_offsets),
            destination_is_pattern: self.destination_is_pattern.or(base.destination_is_pattern),
            enable_dlq: self.enable_dlq.or(base.enable_dlq),
            dlq_name: self.dlq_name.clone().or_else(|| base.dlq_name.clone()),
            dlq_partitions: self.dlq_partitions.or(base.dlq_partitions),
            dlq_producer_properties: self.dlq_producer_properties.over(&base.dlq_producer_properties),
            ack_mode: self.ack_mode.or(base.ack_mode),
            standard_headers: self.standard_headers.or(base.standard_headers),
            poll_timeout: self.poll_timeout.or(base.poll_timeout),
            topic: self.topic.over(&base.topic),
            configuration: self.configuration.over(&base.configuration),
        }
    }
}

impl ProducerSettings {
    /// These with what they leave open as in `base`.
    pub(in crate::binder::kafka) fn over(&self, base: &Self) -> Self {
        Self {
            buffer_size: self.buffer_size.or(base.buffer_size),
            batch_timeout: self.batch_timeout.or(base.batch_timeout),
            message_key_expression: self
                .message_key_expression
                .clone()
                .or_else(|| base.message_key_expression.clone()),
            compression_type: self.compression_type.or(base.compression_type),
            header_patterns: self.header_patterns.clone().or_else(|| base.header_patterns.clone()),
            use_topic_header: self.use_topic_header.or(base.use_topic_header),
            sync: self.sync.or(base.sync),
            close_timeout: self.close_timeout.or(base.close_timeout),
            topic: self.topic.over(&base.topic),
            configuration: self.configuration.over(&base.configuration),
        }
    }
}

impl TopicSettings {
    fn over(&self, base: &Self) -> Self {
        let own = !self.replicas_assignments.is_empty();
        Self {
            properties: self.properties.over(&base.properties),
            replication_factor: self.replication_factor.or(base.replication_factor),
            replicas_assignments: if own { self } else { base }.replicas_assignments.clone(),
        }
    }

    /// The brokers of each partition from 0 on.
    ///
    /// # Errors
    /// When a key is no number of a partition, or one is left out.
    pub(in crate::binder::kafka) fn assignments(&self) -> Result<Vec<&[i32]>, String> {
        let mut known = BTreeMap::new();
        for (partition, brokers) in &self.replicas_assignments {
            let number = partition.parse::<usize>();
            let number = number.map_err(|_| format!("`{partition}` is no number of a partition"))?;
            known.insert(number, brokers.as_slice());
        }
        match known.keys().enumerate().find(|(index, partition)| index != *partition) {
            Some((index, _)) => Err(format!("partition {index} is left out")),
            None => Ok(known.into_values().collect()),
        }
    }
}

/// A time, a plain number in milliseconds.
pub(super) fn milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    human::duration(deserializer).map(Some)
}

/// A time, a plain number in seconds.
pub(super) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if let Ok(seconds) = text.trim().parse() {
        return Ok(Some(Duration::from_secs(seconds)));
    }
    let text = serde::de::value::StringDeserializer::new(text);
    human::duration(text).map(Some)
}
