//! The settings of the Kafka binder: `stream.kafka.*`, in our spelling and in Spring's.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use crate::config::{Properties, human};

mod bindings;
mod boot;
mod transaction;

pub use bindings::{
    AckMode, BindingSettings, Compression, ConsumerSettings, ProducerSettings, StandardHeaders, StartOffset,
    TopicSettings,
};
pub use boot::{BootAdmin, BootConsumer, BootProducer, Isolation, Jaas, Listener, Security, Ssl};
pub use transaction::{TransactionProducer, TransactionSettings};

/// The port of a broker that names none.
const DEFAULT_PORT: u16 = 9092;

/// The settings of the Kafka binder (`stream.kafka.*`).
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// Where the cluster is: `host:port`, several with commas. A host without a port gets `default-broker-port`.
    pub brokers: Option<String>,
    /// Where the cluster is when `brokers` does not say: Spring Boot's key.
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
    /// What the broker calls the clients, instead of the names of their bindings (Spring Boot).
    pub client_id: Option<String>,
    /// What all consumers have in common (Spring Boot).
    pub consumer: BootConsumer,
    /// What all producers have in common (Spring Boot).
    pub producer: BootProducer,
    /// The client that asks about topics and makes them (Spring Boot).
    pub admin: BootAdmin,
    /// How connections are protected (Spring Boot).
    pub security: Security,
    /// Whom to trust, and who we are (Spring Boot).
    pub ssl: Ssl,
    /// How to log in (Spring Boot).
    pub jaas: Jaas,
    /// How Spring's consumers commit and poll (Spring Boot).
    pub listener: Listener,
    /// How many replicas must have a message before it is confirmed.
    pub required_acks: Option<String>,
    /// How many partitions a topic made by this program has at least.
    pub min_partition_count: u32,
    /// How many replicas a topic made by this program has; -1 leaves it to the broker.
    pub replication_factor: i32,
    /// Whether topics that are missing are made.
    pub auto_create_topics: bool,
    /// Whether topics that exist get the properties that `topic.properties` of a binding says.
    pub auto_alter_topics: bool,
    /// Whether topics with too few partitions get more.
    pub auto_add_partitions: bool,
    /// How long a binding waits for the cluster when it is made.
    #[serde(deserialize_with = "human::duration")]
    pub bind_timeout: Duration,
    /// How often offsets are committed.
    #[serde(deserialize_with = "human::duration")]
    pub commit_interval: Duration,
    /// Makes what a function sends and the offsets of its input one transaction, and begins the names of transactions:
    /// each instance of an application needs one of its own, or an `instance-index`.
    pub transaction_id_prefix: Option<String>,
    /// Transactions, in Spring's words.
    pub transaction: TransactionSettings,
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
            client_id: None,
            consumer: BootConsumer::default(),
            producer: BootProducer::default(),
            admin: BootAdmin::default(),
            security: Security::default(),
            ssl: Ssl::default(),
            jaas: Jaas::default(),
            listener: Listener::default(),
            required_acks: None,
            min_partition_count: 1,
            replication_factor: -1,
            auto_create_topics: true,
            auto_alter_topics: false,
            auto_add_partitions: false,
            bind_timeout: Duration::from_secs(10),
            commit_interval: Duration::from_millis(500),
            transaction_id_prefix: None,
            transaction: TransactionSettings::default(),
            default: BindingSettings::default(),
            bindings: BTreeMap::new(),
        }
    }
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
        self.of(binding).map_or_else(|| base.clone(), |settings| settings.consumer.over(base))
    }

    /// What an output has of its own and what it starts from.
    pub(super) fn producer(&self, binding: &str) -> ProducerSettings {
        let base = &self.default.producer;
        self.of(binding).map_or_else(|| base.clone(), |settings| settings.producer.over(base))
    }

    fn of(&self, binding: &str) -> Option<&BindingSettings> {
        self.bindings
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(binding))
            .map(|(_, settings)| settings)
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

names_only!(
    BindingSettings,
    ConsumerSettings,
    ProducerSettings,
    TopicSettings,
    BootConsumer,
    BootProducer,
    BootAdmin,
    Security,
    Ssl,
    Jaas,
    Listener,
    TransactionSettings,
    TransactionProducer
);

#[cfg(test)]
mod tests;
