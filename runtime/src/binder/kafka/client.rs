//! How the client library is configured, and what its errors mean here.

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::config::{Config, ConsumerSettings, ProducerSettings, StartOffset};
use crate::binder::{Error, Kind};
use crate::config::Properties;

/// Properties that this binder sets itself, each with what to use instead.
const OWN: &[(&str, &str)] = &[
    ("bootstrap.servers", "`stream.kafka.brokers`"),
    ("metadata.broker.list", "`stream.kafka.brokers`"),
    ("group.id", "`group` of the binding"),
    ("enable.auto.commit", "nothing: offsets are committed when their messages are settled"),
    ("enable.auto.offset.store", "nothing: offsets are committed when their messages are settled"),
    ("auto.offset.reset", "`start-offset` of the binding"),
    ("transactional.id", "nothing: transactions are not supported"),
];

impl Config {
    /// What every client of this cluster has in common.
    pub(super) fn client(&self, name: &str) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", self.addresses());
        client.set("client.id", name);
        client.set_log_level(RDKafkaLogLevel::Warning);
        lay(&mut client, &self.properties);
        lay(&mut client, &self.configuration);
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
        lay(&mut client, &self.consumer_properties);
        lay(&mut client, &settings.configuration);
        let reset = match start {
            StartOffset::Earliest => "earliest",
            StartOffset::Latest => "latest",
        };
        client
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", reset)
            .set("allow.auto.create.topics", "false");
        if !client.config_map().contains_key("partition.assignment.strategy") {
            client.set("partition.assignment.strategy", "range");
        }
        client
    }

    pub(super) fn producer_client(&self, name: &str, settings: &ProducerSettings) -> ClientConfig {
        let mut client = self.client(name);
        client
            .set("acks", self.required_acks.as_deref().unwrap_or("all"))
            .set("enable.idempotence", if self.is_acked_by_all() { "true" } else { "false" })
            .set("partitioner", "murmur2_random")
            .set("linger.ms", settings.batch_timeout.unwrap_or(0).to_string());
        report_by_itself(&mut client);
        if let Some(size) = settings.buffer_size {
            client.set("batch.size", size.to_string());
        }
        if let Some(compression) = &settings.compression_type {
            client.set("compression.type", compression);
        }
        lay(&mut client, &self.producer_properties);
        lay(&mut client, &settings.configuration);
        client
    }

    fn is_acked_by_all(&self) -> bool {
        matches!(self.required_acks.as_deref(), None | Some("all" | "-1"))
    }

    /// What is wrong with the settings, a sentence each.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.brokers.is_some() && self.bootstrap_servers.is_some() {
            problems.push("`brokers` and `bootstrap-servers` mean the same, expected one of them".to_owned());
        }
        if self.min_partition_count == 0 {
            problems.push("`min-partition-count` is 0, expected at least 1".to_owned());
        }
        if self.replication_factor == 0 || self.replication_factor < -1 {
            let found = self.replication_factor;
            problems.push(format!("`replication-factor` is {found}, expected -1 or at least 1"));
        }
        let shared = [
            ("configuration", &self.configuration),
            ("properties", &self.properties),
            ("consumer-properties", &self.consumer_properties),
            ("producer-properties", &self.producer_properties),
            ("default.consumer.configuration", &self.default.consumer.configuration),
            ("default.producer.configuration", &self.default.producer.configuration),
        ];
        for (path, properties) in shared {
            check(path, properties, &mut problems);
        }
        for (name, settings) in &self.bindings {
            let path = |end: &str| format!("bindings.{name}.{end}.configuration");
            check(&path("consumer"), &settings.consumer.configuration, &mut problems);
            check(&path("producer"), &settings.producer.configuration, &mut problems);
        }
        problems
    }
}

/// Checks each property with the library itself, which does no I/O.
fn check(path: &str, properties: &Properties, problems: &mut Vec<String>) {
    for (name, value) in properties.iter() {
        if let Some((_, instead)) = OWN.iter().find(|(own, _)| own == name) {
            problems.push(format!("`{path}.{name}` cannot be set, use {instead}"));
            continue;
        }
        let mut client = ClientConfig::new();
        client.set(name, value);
        if let Err(KafkaError::ClientConfig(_, reason, ..)) = client.create_native_config() {
            // The reason may repeat the value, which may be a credential.
            let reason = if is_secret(name) { "it is not accepted".to_owned() } else { reason };
            problems.push(format!("`{path}.{name}` is no good property of the client: {reason}"));
        }
    }
}

fn is_secret(name: &str) -> bool {
    ["password", "secret", "pem", "jaas", "token", "key"].iter().any(|part| name.contains(part))
}

/// Lets the library report how it stands with the cluster, unless that is configured.
fn report_by_itself(client: &mut ClientConfig) {
    let interval = "statistics.interval.ms";
    if !client.config_map().contains_key(interval) {
        client.set(interval, super::health::INTERVAL_MS);
    }
}

fn lay(client: &mut ClientConfig, properties: &Properties) {
    for (name, value) in properties.iter() {
        client.set(name, value);
    }
}

/// What an error of the client means to whoever uses the binder.
pub(super) fn kind(error: &KafkaError) -> Kind {
    use RDKafkaErrorCode as Code;
    let code = match error {
        KafkaError::AdminOp(code) => Some(*code),
        other => other.rdkafka_error_code(),
    };
    match code {
        Some(Code::MessageSizeTooLarge | Code::InvalidMessageSize) => Kind::TooLarge,
        Some(Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition) => Kind::Unroutable,
        Some(
            Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::Resolve
            | Code::OperationTimedOut
            | Code::MessageTimedOut
            | Code::RequestTimedOut
            | Code::BrokerNotAvailable
            | Code::LeaderNotAvailable
            | Code::NotLeaderForPartition
            | Code::NotEnoughReplicas
            | Code::NotEnoughReplicasAfterAppend
            | Code::NetworkException
            | Code::WaitingForCoordinator
            | Code::CoordinatorLoadInProgress
            | Code::CoordinatorNotAvailable
            | Code::QueueFull,
        ) => Kind::Unreachable,
        Some(Code::PurgeQueue | Code::PurgeInflight) => Kind::Closed,
        _ => Kind::Refused,
    }
}

/// An error of the client, with a sentence that names the object.
pub(super) fn failed(what: impl Into<String>, error: KafkaError) -> Error {
    Error::new(kind(&error), what).because(error)
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
