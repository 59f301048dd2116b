//! How the client library is configured.

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;

use super::config::{
    AckMode, BindingSettings, Config, ConsumerSettings, ProducerSettings, StandardHeaders, StartOffset,
};
use super::java::translate;
use crate::config::Properties;

/// How long a client waits at most between two tries to reach a broker that does not answer, in milliseconds.
const RECONNECT_AT_MOST: &str = "2000";

/// The largest batch that is sent, in bytes, as for Java's client: what Spring can send can be sent. Used where the topic
/// does not tell what it takes.
const LARGEST: u32 = 1_048_576;
/// The least that the library accepts as a limit of batches, in bytes.
const LEAST: u32 = 1000;

/// How often a member of a group tells that it is alive, and learns that others come and go, in milliseconds.
const HEARTBEAT: &str = "1000";

/// How long nothing more is fetched once enough was, in milliseconds. The library waits for a second, in which what was
/// fetched is long used up.
const FETCH_AGAIN: &str = "10";

/// How long a message waits for a topic that no broker knows, before it is refused, in milliseconds. Topics are made
/// before their outputs, so that none is on its way to be known.
const UNKNOWN_AFTER: &str = "5000";

/// How long a broker waits for records at a time where there are transactions, in milliseconds: what comes again is
/// asked for afterwards.
const LOOK_AGAIN: &str = "100";

/// How one may log in.
const MECHANISMS: [&str; 3] = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];

/// What is said of encryption that is not compiled in.
const NEEDS_SSL: &str = "needs the feature `kafka-ssl` of `wellspring`";

impl Config {
    /// What every client of this cluster has in common.
    fn client(&self, name: &str) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", self.addresses());
        client.set("client.id", self.client_id.as_deref().unwrap_or(name));
        client.set("reconnect.backoff.max.ms", RECONNECT_AT_MOST);
        client.set_log_level(RDKafkaLogLevel::Warning);
        if let Some(protocol) = &self.security.protocol {
            client.set("security.protocol", protocol);
        }
        self.ssl.lay(&mut client);
        lay(&mut client, &self.properties);
        lay(&mut client, &self.configuration);
        for (name, value) in
            self.jaas.property().iter().flat_map(|login| translated("sasl.jaas.config", login))
        {
            client.set(name, value);
        }
        client
    }

    pub(super) fn admin_client(&self) -> ClientConfig {
        let mut client = self.client("wellspring-admin");
        if let Some(id) = &self.admin.client_id {
            client.set("client.id", id);
        }
        lay(&mut client, &self.admin.properties);
        client
    }

    pub(super) fn consumer_client(
        &self,
        name: &str,
        group: &str,
        settings: &ConsumerSettings,
        start: StartOffset,
    ) -> ClientConfig {
        let mut client = self.client(name);
        report_by_itself(&mut client);
        if self.transaction_prefix().is_some() {
            by_default(&mut client, "fetch.wait.max.ms", LOOK_AGAIN);
        }
        by_default(&mut client, "heartbeat.interval.ms", HEARTBEAT);
        by_default(&mut client, "fetch.queue.backoff.ms", FETCH_AGAIN);
        self.consumer.lay(&mut client);
        lay(&mut client, &self.consumer.properties);
        lay(&mut client, &self.consumer_properties);
        lay(&mut client, &settings.configuration);
        let reset = match start {
            StartOffset::Earliest => "earliest",
            StartOffset::Latest => "latest",
        };
        if self.transaction_prefix().is_some() {
            client.set("isolation.level", "read_committed");
        }
        client
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", reset)
            .set("allow.auto.create.topics", "false");
        by_default(&mut client, "partition.assignment.strategy", "range");
        client
    }

    /// A producer for topics that take batches of so many bytes at most, as far as that is known: a broker refuses a
    /// larger batch with all the messages in it, so that none must be made.
    pub(super) fn producer_client(
        &self,
        name: &str,
        settings: &ProducerSettings,
        limit: Option<u32>,
    ) -> ClientConfig {
        let mut client = self.client(name);
        by_default(&mut client, "acks", self.acks());
        by_default(&mut client, "partitioner", "murmur2_random");
        by_default(&mut client, "topic.metadata.propagation.max.ms", UNKNOWN_AFTER);
        by_default(&mut client, "linger.ms", "0");
        report_by_itself(&mut client);
        self.producer.lay(&mut client);
        if let Some(timeout) = settings.batch_timeout {
            client.set("linger.ms", timeout.to_string());
        }
        if let Some(size) = settings.buffer_size {
            client.set("batch.size", size.to_string());
        }
        if let Some(compression) = settings.compression_type {
            client.set("compression.type", compression.as_str());
        }
        lay(&mut client, &self.producer.properties);
        lay(&mut client, &self.producer_properties);
        lay(&mut client, &settings.configuration);
        let is_confirmed_by_all = matches!(client.get("acks"), Some("all" | "-1"));
        by_default(&mut client, "enable.idempotence", if is_confirmed_by_all { "true" } else { "false" });
        let asked = client.get("message.max.bytes").and_then(|bytes| bytes.parse::<u32>().ok());
        let most = match (asked, limit) {
            (Some(asked), Some(limit)) => asked.min(limit),
            (one, other) => one.or(other).unwrap_or(LARGEST),
        };
        client.set("message.max.bytes", most.max(LEAST).to_string());
        client
    }

    fn acks(&self) -> &str {
        self.required_acks.as_deref().or(self.producer.acks.as_deref()).unwrap_or("all")
    }

    /// What is wrong with the settings, a sentence each.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.min_partition_count == 0 {
            problems.push("`min-partition-count` is 0, expected at least 1".to_owned());
        }
        if self.replication_factor == 0 || self.replication_factor < -1 {
            let found = self.replication_factor;
            problems.push(format!("`replication-factor` is {found}, expected -1 or at least 1"));
        }
        if self.consumer.enable_auto_commit == Some(true) {
            let instead = "offsets are committed when their messages are settled";
            problems.push(format!("`consumer.enable-auto-commit` is `true`, expected `false`: {instead}"));
        }
        self.check_transactions(&mut problems);
        self.ssl.problems(&mut problems);
        check_ack_mode("listener", self.listener.ack_mode, &mut problems);
        self.check_properties(&mut problems);
        check_binding("default", &self.default, &mut problems);
        for (name, settings) in &self.bindings {
            check_binding(&format!("bindings.{name}"), settings, &mut problems);
        }
        if problems.is_empty() {
            problems.extend(self.check_whole());
        }
        problems
    }

    fn check_properties(&self, problems: &mut Vec<String>) {
        let shared = [
            ("configuration", &self.configuration),
            ("properties", &self.properties),
            ("consumer-properties", &self.consumer_properties),
            ("producer-properties", &self.producer_properties),
            ("consumer.properties", &self.consumer.properties),
            ("producer.properties", &self.producer.properties),
            ("admin.properties", &self.admin.properties),
            ("transaction.producer.configuration", &self.transaction.producer.configuration),
        ];
        for (path, properties) in shared {
            check(path, properties, problems);
        }
        if let Some(login) = self.jaas.property()
            && let Err(wrong) = translate("sasl.jaas.config", &login)
        {
            problems.push(format!("`jaas` {wrong}"));
        }
    }

    /// Lets the library check what only makes sense together. Makes no connection.
    fn check_whole(&self) -> Option<String> {
        let client = self.client("check");
        let protocol = client.get("security.protocol").unwrap_or("plaintext").to_ascii_lowercase();
        let mechanism = client.get("sasl.mechanism");
        let is_login = protocol.starts_with("sasl");
        let scram = is_login && mechanism.is_some_and(|found| found.starts_with("SCRAM"));
        if (protocol.contains("ssl") || scram) && !cfg!(feature = "kafka-ssl") {
            let what = if scram { mechanism.unwrap_or_default() } else { "encryption" };
            return Some(format!("{what} {NEEDS_SSL}"));
        }
        match client.create_native_config() {
            Err(KafkaError::ClientConfig(_, reason, ..)) if lacks_ssl(&reason) => {
                Some(format!("`ssl` {NEEDS_SSL}"))
            }
            // The reason may repeat the value, which may be a credential.
            Err(KafkaError::ClientConfig(_, _, name, _)) if is_secret(&name) => {
                Some(format!("the client does not accept `{name}`"))
            }
            Err(KafkaError::ClientConfig(_, reason, name, _)) => {
                Some(format!("the client does not accept `{name}`: {reason}"))
            }
            _ if is_login && !mechanism.is_some_and(|found| MECHANISMS.contains(&found)) => {
                let found = mechanism.map_or("is missing".to_owned(), |found| format!("is `{found}`"));
                let expected = MECHANISMS.map(|known| format!("`{known}`")).join(", ");
                Some(format!("`sasl.mechanism` {found}, expected one of {expected}"))
            }
            _ => None,
        }
    }
}

fn check_binding(path: &str, settings: &BindingSettings, problems: &mut Vec<String>) {
    let BindingSettings { consumer, producer } = settings;
    check_ack_mode(&format!("{path}.consumer"), consumer.ack_mode, problems);
    if consumer.standard_headers.is_some_and(|headers| headers != StandardHeaders::None) {
        let instead = "read `kafka_receivedTimestamp`; a message has no id of its own";
        problems.push(format!("`{path}.consumer.standard-headers` can only be `none`: {instead}"));
    }
    if consumer.dlq_partitions == Some(0) {
        problems.push(format!("`{path}.consumer.dlq-partitions` is 0, expected at least 1"));
    }
    let dlq = &consumer.dlq_producer_properties;
    check(&format!("{path}.consumer.configuration"), &consumer.configuration, problems);
    check(&format!("{path}.consumer.dlq-producer-properties.configuration"), &dlq.configuration, problems);
    check(&format!("{path}.producer.configuration"), &producer.configuration, problems);
    let topics = [
        ("consumer", &consumer.topic),
        ("consumer.dlq-producer-properties", &dlq.topic),
        ("producer", &producer.topic),
    ];
    for (side, topic) in topics {
        if let Err(wrong) = topic.assignments() {
            problems.push(format!("`{path}.{side}.topic.replicas-assignments`: {wrong}"));
        }
    }
}

fn check_ack_mode(path: &str, mode: Option<AckMode>, problems: &mut Vec<String>) {
    if matches!(mode, Some(AckMode::Manual | AckMode::ManualImmediate)) {
        let instead = "leave it out; a message is settled when its function has succeeded and its outputs are confirmed";
        problems.push(format!("`{path}.ack-mode` cannot be manual: {instead}"));
    }
}

/// Checks each property with the library itself, which does no I/O.
fn check(path: &str, properties: &Properties, problems: &mut Vec<String>) {
    for (name, value) in properties.iter() {
        let translated = match translate(name, value) {
            Ok(translated) => translated,
            Err(wrong) => {
                problems.push(format!("`{path}.{name}` {wrong}"));
                continue;
            }
        };
        for (ours, value) in translated {
            let mut client = ClientConfig::new();
            client.set(&ours, value);
            if let Err(KafkaError::ClientConfig(_, reason, ..)) = client.create_native_config() {
                // The reason may repeat the value, which may be a credential.
                let wrong = match reason.as_str() {
                    lacking if lacks_ssl(lacking) => NEEDS_SSL.to_owned(),
                    _ if is_secret(&ours) => {
                        "is no good property of the client: it is not accepted".to_owned()
                    }
                    reason => format!("is no good property of the client: {reason}"),
                };
                problems.push(format!("`{path}.{name}` {wrong}"));
            }
        }
    }
}

/// Whether the library was built without encryption.
fn lacks_ssl(reason: &str) -> bool {
    reason.contains("OpenSSL not available")
}

fn is_secret(name: &str) -> bool {
    ["password", "secret", "pem", "jaas", "token", "key"].iter().any(|part| name.contains(part))
}

/// Lets the library report how it stands with the cluster.
fn report_by_itself(client: &mut ClientConfig) {
    by_default(client, "statistics.interval.ms", super::health::INTERVAL_MS);
}

/// Sets a property unless it was configured for all clients.
fn by_default(client: &mut ClientConfig, name: &str, value: &str) {
    if !client.config_map().contains_key(name) {
        client.set(name, value);
    }
}

fn lay(client: &mut ClientConfig, properties: &Properties) {
    for (name, value) in properties.iter().flat_map(|(name, value)| translated(name, value)) {
        if name == "debug" {
            // The library passes over what is below its level.
            client.set_log_level(RDKafkaLogLevel::Debug);
        }
        client.set(name, value);
    }
}

/// What cannot be translated has been refused when the settings were checked.
fn translated(name: &str, value: &str) -> Vec<(String, String)> {
    translate(name, value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Section;

    fn problems(text: &str) -> Vec<String> {
        let config: Config = Section::from_yaml("stream.kafka", text).unwrap().deserialize().unwrap();
        config.problems()
    }

    #[test]
    fn any_property_of_the_library_is_taken_and_others_are_refused() {
        assert!(problems("configuration: { fetch.min.bytes: 10, security.protocol: plaintext }").is_empty());
        let found =
            problems("configuration: { fetch.mim.bytes: 1 }\nproducer-properties: { linger.ms: much }");
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("fetch.mim.bytes") && found[1].contains("linger.ms"), "{found:?}");
    }

    #[test]
    fn properties_that_the_binder_decides_are_refused_with_what_to_use() {
        let found = problems("bindings: { a-in-0: { consumer: { configuration: { group.id: x } } } }");
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("`group` of the binding"), "{found:?}");
    }

    #[test]
    fn says_nothing_of_a_credential() {
        let found = problems("configuration: { ssl.key.password2: geheim }");
        assert!(found.iter().all(|sentence| !sentence.contains("geheim")), "{found:?}");
    }
}
