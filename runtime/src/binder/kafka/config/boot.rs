//! Spring Boot's `spring.kafka.*`, and what the client library calls it.

use std::time::Duration;

use rdkafka::ClientConfig;
use serde::Deserialize;

use super::bindings::{AckMode, Compression, milliseconds};
use crate::config::Properties;
use crate::config::human;

/// `consumer.*`: what all consumers have in common.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct BootConsumer {
    /// What the broker calls the client.
    pub client_id: Option<String>,
    /// Where a group without committed offsets starts, unless `start-offset` says so: `earliest` or `latest`.
    pub auto_offset_reset: Option<super::StartOffset>,
    /// Only `false`: offsets are committed when their messages are settled.
    pub enable_auto_commit: Option<bool>,
    /// How long the broker waits for `fetch-min-size`.
    #[serde(deserialize_with = "milliseconds")]
    pub fetch_max_wait: Option<Duration>,
    /// How much the broker waits for before it answers.
    #[serde(deserialize_with = "size")]
    pub fetch_min_size: Option<u64>,
    /// How often a member of a group tells that it is alive.
    #[serde(deserialize_with = "milliseconds")]
    pub heartbeat_interval: Option<Duration>,
    /// Whether records of open transactions are read: `read-uncommitted` or `read-committed`.
    pub isolation_level: Option<Isolation>,
    /// How long a member may be busy before the group takes its partitions away.
    #[serde(deserialize_with = "milliseconds")]
    pub max_poll_interval: Option<Duration>,
    /// Any property of librdkafka.
    pub properties: Properties,
}

/// `producer.*`: what all producers have in common.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct BootProducer {
    /// How many replicas must have a message before it is confirmed.
    pub acks: Option<String>,
    /// The largest batch.
    #[serde(deserialize_with = "size")]
    pub batch_size: Option<u64>,
    /// How much may wait to be sent.
    #[serde(deserialize_with = "size")]
    pub buffer_memory: Option<u64>,
    /// What the broker calls the client.
    pub client_id: Option<String>,
    /// How batches are compressed.
    pub compression_type: Option<Compression>,
    /// How often a message is sent again.
    pub retries: Option<u32>,
    /// Any property of librdkafka.
    pub properties: Properties,
}

/// `admin.*`: the client that asks about topics and makes them.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct BootAdmin {
    /// What the broker calls the client.
    pub client_id: Option<String>,
    /// Any property of librdkafka.
    pub properties: Properties,
}

/// `security.*`.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Security {
    /// `PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`.
    pub protocol: Option<String>,
}

/// `ssl.*`: whom to trust and who we are. A location is a path, with `file:` in front or not.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Ssl {
    /// Certificates to trust, as a PEM file.
    pub trust_store_location: Option<String>,
    /// Only `PEM`.
    pub trust_store_type: Option<String>,
    /// Certificates to trust, as PEM text.
    pub trust_store_certificates: Option<String>,
    /// Our certificate and its key: a PKCS#12 or a PEM file.
    pub key_store_location: Option<String>,
    /// The password of a PKCS#12 file.
    pub key_store_password: Option<String>,
    /// `PKCS12` or `PEM`.
    pub key_store_type: Option<String>,
    /// Our certificate, as PEM text.
    pub key_store_certificate_chain: Option<String>,
    /// Our key, as PEM text.
    pub key_store_key: Option<String>,
    /// The password of the key.
    pub key_password: Option<String>,
}

/// `jaas.*`: how to log in.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Jaas {
    /// Boot's switch; what is written here holds unless it is `false`.
    pub enabled: Option<bool>,
    /// Java's login module: `…PlainLoginModule` or `…ScramLoginModule`.
    pub login_module: Option<String>,
    /// Java's control flag, which means nothing here.
    pub control_flag: Option<String>,
    /// `username` and `password`.
    pub options: Properties,
}

/// `listener.*`.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Listener {
    /// When Spring commits offsets. Here it is always when their messages are settled.
    pub ack_mode: Option<AckMode>,
    /// How long Spring waits for records at a time. An input is woken by them and needs no bound.
    #[serde(deserialize_with = "milliseconds")]
    pub poll_timeout: Option<Duration>,
}

/// Whether records of open transactions are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// All records.
    ReadUncommitted,
    /// Those of transactions that were committed, and those of none.
    ReadCommitted,
}

fn size<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    human::size(deserializer).map(Some)
}

/// Sets a property if there is a value.
fn set(client: &mut ClientConfig, name: &str, value: Option<impl ToString>) {
    if let Some(value) = value {
        client.set(name, value.to_string());
    }
}

fn millis(duration: Option<Duration>) -> Option<u128> {
    duration.map(|duration| duration.as_millis())
}

impl BootConsumer {
    pub(crate) fn lay(&self, client: &mut ClientConfig) {
        set(client, "client.id", self.client_id.as_ref());
        set(client, "fetch.wait.max.ms", millis(self.fetch_max_wait));
        set(client, "fetch.min.bytes", self.fetch_min_size);
        set(client, "heartbeat.interval.ms", millis(self.heartbeat_interval));
        set(client, "max.poll.interval.ms", millis(self.max_poll_interval));
        set(
            client,
            "isolation.level",
            self.isolation_level.map(|level| match level {
                Isolation::ReadUncommitted => "read_uncommitted",
                Isolation::ReadCommitted => "read_committed",
            }),
        );
    }
}

impl BootProducer {
    pub(crate) fn lay(&self, client: &mut ClientConfig) {
        set(client, "client.id", self.client_id.as_ref());
        set(client, "batch.size", self.batch_size);
        set(
            client,
            "queue.buffering.max.kbytes",
            self.buffer_memory.map(|bytes| bytes.div_ceil(1024).max(1)),
        );
        set(client, "compression.type", self.compression_type.map(Compression::as_str));
        set(client, "retries", self.retries);
    }
}

impl Ssl {
    pub(crate) fn lay(&self, client: &mut ClientConfig) {
        set(client, "ssl.ca.location", self.trust_store_location.as_deref().map(path));
        set(client, "ssl.ca.pem", self.trust_store_certificates.as_ref());
        set(client, "ssl.certificate.pem", self.key_store_certificate_chain.as_ref());
        set(client, "ssl.key.pem", self.key_store_key.as_ref());
        set(client, "ssl.key.password", self.key_password.as_ref());
        let location = self.key_store_location.as_deref().map(path);
        if is(self.key_store_type.as_deref(), "PEM") {
            set(client, "ssl.certificate.location", location);
            set(client, "ssl.key.location", location);
        } else {
            set(client, "ssl.keystore.location", location);
            set(client, "ssl.keystore.password", self.key_store_password.as_ref());
        }
    }

    /// What cannot be used, a sentence each.
    pub(crate) fn problems(&self, problems: &mut Vec<String>) {
        if let Some(kind) = self.trust_store_type.as_deref().filter(|kind| !is(Some(kind), "PEM")) {
            problems.push(format!(
                "`ssl.trust-store-type` is `{kind}`, expected `PEM`; `keytool -exportcert -rfc` writes one"
            ));
        }
        let known = |kind: &&str| is(Some(kind), "PEM") || is(Some(kind), "PKCS12");
        if let Some(kind) = self.key_store_type.as_deref().filter(|kind| !known(kind)) {
            problems.push(format!("`ssl.key-store-type` is `{kind}`, expected `PKCS12` or `PEM`"));
        }
        let locations = [
            ("key-store-location", &self.key_store_location),
            ("trust-store-location", &self.trust_store_location),
        ];
        for (name, location) in locations {
            if let Some(found) = location.as_deref().filter(|found| found.starts_with("classpath:")) {
                problems.push(format!("`ssl.{name}` is `{found}`, expected a path: there is no classpath"));
            }
        }
    }
}

fn is(kind: Option<&str>, expected: &str) -> bool {
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case(expected))
}

/// A location as a path.
pub(super) fn path(location: &str) -> &str {
    let path = location.strip_prefix("file:").unwrap_or(location);
    path.strip_prefix("//").unwrap_or(path)
}

impl Jaas {
    /// As the one property that a Java client has for it.
    pub(crate) fn property(&self) -> Option<String> {
        let module = self.login_module.as_deref().filter(|_| self.enabled != Some(false))?;
        let options = self.options.iter().map(|(name, value)| {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"");
            format!(" {name}=\"{value}\"")
        });
        Some(format!("{module} required{};", options.collect::<String>()))
    }
}
