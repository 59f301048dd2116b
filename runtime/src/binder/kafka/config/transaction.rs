//! `transaction.*`: what a function sends and the offsets of its input, together or not at all.

use std::iter;
use std::time::Duration;

use rdkafka::ClientConfig;
use serde::Deserialize;

use super::{BindingSettings, Compression, Config, Isolation, ProducerSettings};
use crate::config::{Properties, human};

/// How long the library lets a transaction be open unless `transaction.timeout.ms` says otherwise.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The client's name of it.
const TIMEOUT_KEY: &str = "transaction.timeout.ms";

/// Why what is not committed is not read.
const NOT_YET: &str = "with `transaction-id-prefix` an input must not see what may be taken back";

/// `transaction.*`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct TransactionSettings {
    /// Another name of `transaction-id-prefix`, Spring's.
    pub transaction_id_prefix: Option<String>,
    /// How long deliveries are given out in one transaction before it is committed; sooner if no more are there.
    #[serde(deserialize_with = "human::duration")]
    pub interval: Duration,
    /// The producers of transactions, instead of what their outputs say.
    pub producer: TransactionProducer,
}

/// `transaction.producer.*`.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct TransactionProducer {
    /// The largest batch, in bytes (`batch.size`).
    pub buffer_size: Option<u32>,
    /// How many milliseconds messages gather for a batch (`linger.ms`).
    pub batch_timeout: Option<u32>,
    /// How batches are compressed.
    pub compression_type: Option<Compression>,
    /// Any property of librdkafka.
    pub configuration: Properties,
}

impl Default for TransactionSettings {
    fn default() -> Self {
        let (interval, producer) = (Duration::from_millis(100), TransactionProducer::default());
        Self { transaction_id_prefix: None, interval, producer }
    }
}

impl Config {
    /// How the ids of transactions begin, if there are any.
    pub(in crate::binder::kafka) fn transaction_prefix(&self) -> Option<&str> {
        let prefix = self.transaction_id_prefix.as_deref();
        prefix.or(self.transaction.transaction_id_prefix.as_deref()).filter(|prefix| !prefix.is_empty())
    }

    /// A producer of transactions, and how long one may be open.
    pub(in crate::binder::kafka) fn transaction_client(
        &self,
        name: &str,
        id: &str,
        limit: Option<u32>,
    ) -> (ClientConfig, Duration) {
        let TransactionProducer { buffer_size, batch_timeout, compression_type, configuration } =
            self.transaction.producer.clone();
        let settings = ProducerSettings {
            buffer_size,
            batch_timeout,
            compression_type,
            configuration,
            ..ProducerSettings::default()
        };
        let mut client = self.producer_client(name, &settings, limit);
        client.set("transactional.id", id);
        let timeout = client.get(TIMEOUT_KEY).and_then(|millis| millis.parse().ok());
        (client, timeout.map_or(TIMEOUT, Duration::from_millis))
    }

    /// What transactions exclude, a sentence each.
    pub(in crate::binder::kafka) fn check_transactions(&self, problems: &mut Vec<String>) {
        if self.transaction_prefix().is_none() {
            return;
        }
        let (client, _) = self.transaction_client("", "", None);
        let found = client.get("acks").unwrap_or_default();
        if !matches!(found, "all" | "-1") {
            problems.push(format!(
                "`required-acks`, or `acks` of the producer, is `{found}`, expected `all`: a transaction \
                 (`transaction-id-prefix`) is confirmed by all"
            ));
        }
        if self.consumer.isolation_level == Some(Isolation::ReadUncommitted) {
            problems.push(format!(
                "`consumer.isolation-level` is `read-uncommitted`, expected `read-committed`: {NOT_YET}"
            ));
        }
        self.check_consumers(problems);
    }

    /// What the settings of bindings and properties cannot be where there are transactions.
    fn check_consumers(&self, problems: &mut Vec<String>) {
        let shared = [
            ("configuration", &self.configuration),
            ("properties", &self.properties),
            ("consumer-properties", &self.consumer_properties),
            ("consumer.properties", &self.consumer.properties),
        ];
        shared.iter().for_each(|(path, properties)| check_isolation(path, properties, problems));
        let bindings = self.bindings.iter().map(|(name, settings)| (format!("bindings.{name}"), settings));
        let all = iter::once(("default".to_owned(), &self.default)).chain(bindings);
        for (path, BindingSettings { consumer, .. }) in all {
            check_isolation(&format!("{path}.consumer.configuration"), &consumer.configuration, problems);
            if consumer.reset_offsets == Some(true) {
                problems.push(format!(
                    "`{path}.consumer.reset-offsets` is `true`, expected `false`: with `transaction-id-prefix` an \
                     input goes on where its group is, which tells what was committed"
                ));
            }
        }
    }
}

fn check_isolation(path: &str, properties: &Properties, problems: &mut Vec<String>) {
    let isolation = properties.iter().find(|(name, _)| *name == "isolation.level");
    if isolation.is_some_and(|(_, level)| level.trim().eq_ignore_ascii_case("read_uncommitted")) {
        problems.push(format!(
            "`{path}.isolation.level` is `read_uncommitted`, expected `read_committed`: {NOT_YET}"
        ));
    }
}
