//! The settings of the Kafka binder: `stream.kafka.*`, in our spelling and in Spring's.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use crate::config::{Properties, human};
use crate::expression::Expression;

/// The port of a broker that names none.
const DEFAULT_PORT: u16 = 9092;

/// The settings of the Kafka binder (`stream.kafka.*`).
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// Where the cluster is: `host:port`, several with commas. A host without a port gets `default-broker-port`.
    pub brokers: Option<String>,
    /// Another name of `brokers`, Spring Boot's.
    pub bootstrap_servers: Option<String>,
    /// The port of brokers that name none.
    pub default_broker_port: u16,
    /// Any property of librdkafka, for consumers and producers alike.
    pub configuration: Properties,
    /// Another name of `configuration`, Spring Boot's.
    pub properties: Properties,
    /// Properties for consumers alone.
    pub consumer_properties: Properties,
    /// Properties for producers alone.
    pub producer_properties: Properties,
    /// How many replicas must have a message before it is confirmed.
    pub required_acks: Option<String>,
    /// How many partitions a topic made by this program has at least.
    pub min_partition_count: u32,
    /// How many replicas a topic made by this program has; -1 leaves it to the broker.
    pub replication_factor: i32,
    /// Whether topics that are missing are made.
    pub auto_create_topics: bool,
    /// Whether topics with too few partitions get more.
    pub auto_add_partitions: bool,
    /// How long a binding waits for the cluster when it is made.
    #[serde(deserialize_with = "human::duration")]
    pub bind_timeout: Duration,
    /// How often offsets are committed.
    #[serde(deserialize_with = "human::duration")]
    pub commit_interval: Duration,
    /// What every binding starts from.
    pub default: BindingSettings,
    /// What single bindings have of their own, by their names.
    pub bindings: BTreeMap<String, BindingSettings>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            brokers: None,
            bootstrap_servers: None,
            default_broker_port: DEFAULT_PORT,
            configuration: Properties::default(),
            properties: Properties::default(),
            consumer_properties: Properties::default(),
            producer_properties: Properties::default(),
            required_acks: None,
            min_partition_count: 1,
            replication_factor: -1,
            auto_create_topics: true,
            auto_add_partitions: false,
            bind_timeout: Duration::from_secs(10),
            commit_interval: Duration::from_millis(500),
            default: BindingSettings::default(),
            bindings: BTreeMap::new(),
        }
    }
}

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
    /// What of a message is its key; else its header `message-key` or `kafka_messageKey`.
    pub message_key_expression: Option<Expression>,
    /// `gzip`, `snappy`, `lz4` or `none`.
    pub compression_type: Option<String>,
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

impl Config {
    /// The addresses of the cluster, each with a port.
    #[must_use]
    pub fn addresses(&self) -> String {
        let written = self.brokers.as_deref().or(self.bootstrap_servers.as_deref()).unwrap_or("localhost");
        let hosts = written.split(',').map(str::trim).filter(|host| !host.is_empty());
        let hosts = hosts.map(|host| self.with_port(host));
        hosts.collect::<Vec<_>>().join(",")
    }

    fn with_port(&self, host: &str) -> String {
        let behind_brackets = host.rsplit(']').next().unwrap_or(host);
        if behind_brackets.contains(':') {
            host.to_owned()
        } else {
            format!("{host}:{}", self.default_broker_port)
        }
    }

    /// What an input has of its own and what it starts from.
    pub(super) fn consumer(&self, binding: &str) -> ConsumerSettings {
        let base = &self.default.consumer;
        let Some(own) = self.of(binding).map(|settings| &settings.consumer) else { return base.clone() };
        ConsumerSettings {
            auto_rebalance_enabled: own.auto_rebalance_enabled.or(base.auto_rebalance_enabled),
            start_offset: own.start_offset.or(base.start_offset),
            reset_offsets: own.reset_offsets.or(base.reset_offsets),
            destination_is_pattern: own.destination_is_pattern.or(base.destination_is_pattern),
            topic: own.topic.over(&base.topic),
            configuration: own.configuration.over(&base.configuration),
        }
    }

    /// What an output has of its own and what it starts from.
    pub(super) fn producer(&self, binding: &str) -> ProducerSettings {
        let base = &self.default.producer;
        let Some(own) = self.of(binding).map(|settings| &settings.producer) else { return base.clone() };
        ProducerSettings {
            buffer_size: own.buffer_size.or(base.buffer_size),
            batch_timeout: own.batch_timeout.or(base.batch_timeout),
            message_key_expression: own
                .message_key_expression
                .clone()
                .or_else(|| base.message_key_expression.clone()),
            compression_type: own.compression_type.clone().or_else(|| base.compression_type.clone()),
            topic: own.topic.over(&base.topic),
            configuration: own.configuration.over(&base.configuration),
        }
    }

    fn of(&self, binding: &str) -> Option<&BindingSettings> {
        self.bindings
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(binding))
            .map(|(_, settings)| settings)
    }
}

impl TopicSettings {
    fn over(&self, base: &Self) -> Self {
        Self {
            properties: self.properties.over(&base.properties),
            replication_factor: self.replication_factor.or(base.replication_factor),
        }
    }
}

/// Properties may be credentials: only names are shown.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("brokers", &self.addresses())
            .field("configuration", &self.configuration.keys())
            .field("bindings", &self.bindings.keys())
            .finish_non_exhaustive()
    }
}

macro_rules! names_only {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}

names_only!(BindingSettings, ConsumerSettings, ProducerSettings, TopicSettings);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Section;

    fn read(text: &str) -> Config {
        Section::from_yaml("stream.kafka", text).expect("yaml").deserialize().expect("good settings")
    }

    #[test]
    fn a_broker_without_a_port_gets_the_default_one() {
        assert_eq!(read("").addresses(), "localhost:9092");
        assert_eq!(read("brokers: 'a, b:1, [::1]'").addresses(), "a:9092,b:1,[::1]:9092");
        assert_eq!(read("{ bootstrap-servers: x, default-broker-port: 7 }").addresses(), "x:7");
    }

    #[test]
    fn a_binding_lays_its_own_settings_over_the_default() {
        let config = read(
            "default: { consumer: { start-offset: latest, configuration: { fetch.min.bytes: 1 } } }\n\
             bindings: { a-in-0: { consumer: { reset-offsets: true, configuration: { fetch.max.bytes: 2 } } } }",
        );
        let own = config.consumer("A-in-0");
        assert_eq!((own.start_offset, own.reset_offsets), (Some(StartOffset::Latest), Some(true)));
        assert_eq!(own.configuration.len(), 2);
        assert_eq!(config.consumer("other-in-0").reset_offsets, None);
    }

    #[test]
    fn shows_no_value_of_a_property() {
        let config = read("configuration: { sasl.password: geheim }");
        let shown = format!("{config:?}");
        assert!(shown.contains("sasl.password") && !shown.contains("geheim"), "{shown}");
    }
}
