//! What becomes of Spring's keys for Kafka.

use crate::binder::SpringKey;

const fn yes(key: &'static str) -> SpringKey {
    SpringKey::supported(key, "")
}

const fn but(key: &'static str, note: &'static str) -> SpringKey {
    SpringKey::supported(key, note)
}

const fn no(key: &'static str, instead: &'static str) -> SpringKey {
    SpringKey::refused(key, instead)
}

const CLIENT: &str = "any property of librdkafka; those of Java's client that have a counterpart are translated, others are refused by name";
const BEANS: &str = "there are no beans";
const TRANSACTIONS: &str = "use `spring.cloud.stream.kafka.binder.transaction.transaction-id-prefix`: outputs, dead letters and offsets of a function are one transaction then";
const OUTPUTS: &str = "set it for each output: the producer of a transaction is for all of them";
const COMMIT: &str = "leave it out: a message is settled when its function has succeeded and its outputs are confirmed, and offsets are committed every `commit-interval`";
const BYTES: &str = "leave it out: keys and payloads are bytes, which `content-type` says how to read";
const SIDE: &str = "use `brokers`, or `stream.binders` for a second cluster";
const PROTOCOL: &str = "set it for all clients: `security.protocol` and `ssl.*` without the side";
const CONTAINER: &str = "leave it out: there is no listener container";

/// Every key of Spring Cloud Stream's Kafka binder, and of Spring Boot's `spring.kafka`.
pub const SPRING_KEYS: &[SpringKey] = &[
    yes("spring.cloud.stream.kafka.binder.brokers"),
    yes("spring.cloud.stream.kafka.binder.default-broker-port"),
    but("spring.cloud.stream.kafka.binder.configuration.**", CLIENT),
    but("spring.cloud.stream.kafka.binder.consumer-properties.**", CLIENT),
    but("spring.cloud.stream.kafka.binder.producer-properties.**", CLIENT),
    yes("spring.cloud.stream.kafka.binder.required-acks"),
    yes("spring.cloud.stream.kafka.binder.min-partition-count"),
    yes("spring.cloud.stream.kafka.binder.replication-factor"),
    yes("spring.cloud.stream.kafka.binder.auto-create-topics"),
    yes("spring.cloud.stream.kafka.binder.auto-alter-topics"),
    yes("spring.cloud.stream.kafka.binder.auto-add-partitions"),
    but("spring.cloud.stream.kafka.binder.jaas.login-module", "`PlainLoginModule` and `ScramLoginModule`"),
    but("spring.cloud.stream.kafka.binder.jaas.control-flag", "means nothing here"),
    but("spring.cloud.stream.kafka.binder.jaas.options.**", "`username` and `password`"),
    no("spring.cloud.stream.kafka.binder.headers", "leave it out: headers are those of the record"),
    no("spring.cloud.stream.kafka.binder.header-mapper-bean-name", BEANS),
    no(
        "spring.cloud.stream.kafka.binder.health-timeout",
        "leave it out: asking for the health never waits for a broker",
    ),
    no(
        "spring.cloud.stream.kafka.binder.health-indicator-consumer-group",
        "leave it out: the health is that of the bindings",
    ),
    but(
        "spring.cloud.stream.kafka.binder.transaction.transaction-id-prefix",
        "the id goes on with group, binding, `instance-index` and member",
    ),
    yes("spring.cloud.stream.kafka.binder.transaction.producer.buffer-size"),
    yes("spring.cloud.stream.kafka.binder.transaction.producer.batch-timeout"),
    yes("spring.cloud.stream.kafka.binder.transaction.producer.compression-type"),
    but("spring.cloud.stream.kafka.binder.transaction.producer.configuration.**", CLIENT),
    no("spring.cloud.stream.kafka.binder.transaction.producer.**", OUTPUTS),
    no(
        "spring.cloud.stream.kafka.binder.authorization-exception-retry-interval",
        "leave it out: a binding that is not allowed ends with an error",
    ),
    no(
        "spring.cloud.stream.kafka.binder.consider-down-when-any-partition-has-no-leader",
        "leave it out: the health is that of the bindings",
    ),
    no(
        "spring.cloud.stream.kafka.binder.certificate-store-directory",
        "name files by their paths: there is no classpath",
    ),
    no("spring.cloud.stream.kafka.binder.enable-observation", ""),
    no("spring.cloud.stream.kafka.binder.metrics.**", ""),
    yes("spring.cloud.stream.kafka.bindings.*.consumer.auto-rebalance-enabled"),
    but(
        "spring.cloud.stream.kafka.bindings.*.consumer.ack-mode",
        "every mode but the manual ones, which are refused; offsets are committed every `commit-interval`",
    ),
    yes("spring.cloud.stream.kafka.bindings.*.consumer.start-offset"),
    yes("spring.cloud.stream.kafka.bindings.*.consumer.reset-offsets"),
    yes("spring.cloud.stream.kafka.bindings.*.consumer.enable-dlq"),
    yes("spring.cloud.stream.kafka.bindings.*.consumer.dlq-name"),
    but(
        "spring.cloud.stream.kafka.bindings.*.consumer.dlq-partitions",
        "any count: the partition is the original one, modulo the count",
    ),
    but("spring.cloud.stream.kafka.bindings.*.consumer.dlq-producer-properties.configuration.**", CLIENT),
    yes("spring.cloud.stream.kafka.bindings.*.consumer.dlq-producer-properties.buffer-size"),
    yes("spring.cloud.stream.kafka.bindings.*.consumer.dlq-producer-properties.batch-timeout"),
    yes("spring.cloud.stream.kafka.bindings.*.consumer.dlq-producer-properties.compression-type"),
    yes("spring.cloud.stream.kafka.bindings.*.consumer.dlq-producer-properties.topic.properties.**"),
    but("spring.cloud.stream.kafka.bindings.*.consumer.standard-headers", "only `none`"),
    yes("spring.cloud.stream.kafka.bindings.*.consumer.destination-is-pattern"),
    yes("spring.cloud.stream.kafka.bindings.*.consumer.topic.properties.**"),
    yes("spring.cloud.stream.kafka.bindings.*.consumer.topic.replication-factor"),
    yes("spring.cloud.stream.kafka.bindings.*.consumer.topic.replicas-assignments.**"),
    but(
        "spring.cloud.stream.kafka.bindings.*.consumer.poll-timeout",
        "changes nothing: an input is woken by what arrives",
    ),
    but("spring.cloud.stream.kafka.bindings.*.consumer.configuration.**", CLIENT),
    no("spring.cloud.stream.kafka.bindings.*.consumer.auto-commit-on-error", COMMIT),
    no("spring.cloud.stream.kafka.bindings.*.consumer.auto-commit-offset", COMMIT),
    no("spring.cloud.stream.kafka.bindings.*.consumer.ack-each-record", COMMIT),
    no("spring.cloud.stream.kafka.bindings.*.consumer.reactive-auto-commit", COMMIT),
    no("spring.cloud.stream.kafka.bindings.*.consumer.reactive-at-most-once", COMMIT),
    no("spring.cloud.stream.kafka.bindings.*.consumer.converter-bean-name", BEANS),
    no(
        "spring.cloud.stream.kafka.bindings.*.consumer.idle-event-interval",
        "leave it out: nobody is told of an idle input",
    ),
    no("spring.cloud.stream.kafka.bindings.*.consumer.transaction-manager", TRANSACTIONS),
    no(
        "spring.cloud.stream.kafka.bindings.*.consumer.tx-commit-recovered",
        "leave it out: a dead letter and the offset of its message are one transaction",
    ),
    no("spring.cloud.stream.kafka.bindings.*.consumer.common-error-handler-bean-name", BEANS),
    no(
        "spring.cloud.stream.kafka.bindings.*.consumer.trusted-packages",
        "leave it out: no class is ever loaded",
    ),
    yes("spring.cloud.stream.kafka.bindings.*.producer.buffer-size"),
    yes("spring.cloud.stream.kafka.bindings.*.producer.batch-timeout"),
    but(
        "spring.cloud.stream.kafka.bindings.*.producer.sync",
        "changes nothing: every message is confirmed before its input is settled",
    ),
    yes("spring.cloud.stream.kafka.bindings.*.producer.compression-type"),
    yes("spring.cloud.stream.kafka.bindings.*.producer.header-patterns"),
    yes("spring.cloud.stream.kafka.bindings.*.producer.use-topic-header"),
    but("spring.cloud.stream.kafka.bindings.*.producer.close-timeout", "1 s without it"),
    but("spring.cloud.stream.kafka.bindings.*.producer.configuration.**", CLIENT),
    yes("spring.cloud.stream.kafka.bindings.*.producer.topic.properties.**"),
    yes("spring.cloud.stream.kafka.bindings.*.producer.topic.replication-factor"),
    yes("spring.cloud.stream.kafka.bindings.*.producer.message-key-expression"),
    yes("spring.cloud.stream.kafka.bindings.*.producer.topic.replicas-assignments.**"),
    no(
        "spring.cloud.stream.kafka.bindings.*.producer.send-timeout-expression",
        "use `configuration.message.timeout.ms`",
    ),
    no(
        "spring.cloud.stream.kafka.bindings.*.producer.record-metadata-channel",
        "leave it out: there are no channels",
    ),
    no(
        "spring.cloud.stream.kafka.bindings.*.producer.allow-non-transactional",
        "leave it out: an output that belongs to no input is never part of a transaction",
    ),
    no("spring.cloud.stream.kafka.bindings.*.producer.transaction-manager", TRANSACTIONS),
    yes("spring.kafka.bootstrap-servers"),
    yes("spring.kafka.client-id"),
    but("spring.kafka.properties.**", CLIENT),
    yes("spring.kafka.security.protocol"),
    but("spring.kafka.ssl.trust-store-location", "a PEM file"),
    but("spring.kafka.ssl.trust-store-type", "only `PEM`"),
    yes("spring.kafka.ssl.trust-store-certificates"),
    but("spring.kafka.ssl.key-store-location", "a PKCS#12 or PEM file"),
    yes("spring.kafka.ssl.key-store-password"),
    but("spring.kafka.ssl.key-store-type", "`PKCS12` or `PEM`"),
    yes("spring.kafka.ssl.key-store-certificate-chain"),
    yes("spring.kafka.ssl.key-store-key"),
    yes("spring.kafka.ssl.key-password"),
    no("spring.kafka.ssl.trust-store-password", "use a PEM file, which has none"),
    no("spring.kafka.ssl.protocol", "leave it out: the newest that both sides know is used"),
    no("spring.kafka.ssl.bundle", "use `ssl.trust-store-location` and `ssl.key-store-location`"),
    yes("spring.kafka.jaas.enabled"),
    but("spring.kafka.jaas.login-module", "`PlainLoginModule` and `ScramLoginModule`"),
    but("spring.kafka.jaas.control-flag", "means nothing here"),
    but("spring.kafka.jaas.options.**", "`username` and `password`"),
    yes("spring.kafka.admin.client-id"),
    but("spring.kafka.admin.properties.**", CLIENT),
    no("spring.kafka.admin.ssl.**", PROTOCOL),
    no("spring.kafka.admin.security.**", PROTOCOL),
    no("spring.kafka.admin.auto-create", "use `auto-create-topics`"),
    no("spring.kafka.admin.modify-topic-configs", "use `auto-alter-topics`"),
    no(
        "spring.kafka.admin.fail-fast",
        "leave it out: a topic that cannot be made is an error of its binding",
    ),
    no("spring.kafka.admin.operation-timeout", "use `bind-timeout`"),
    no("spring.kafka.admin.close-timeout", "leave it out: nothing is waited for"),
    yes("spring.kafka.consumer.client-id"),
    but(
        "spring.kafka.consumer.auto-offset-reset",
        "`earliest` or `latest`; `start-offset` of a binding decides if it is there",
    ),
    but("spring.kafka.consumer.enable-auto-commit", "only `false`"),
    yes("spring.kafka.consumer.fetch-max-wait"),
    yes("spring.kafka.consumer.fetch-min-size"),
    yes("spring.kafka.consumer.heartbeat-interval"),
    yes("spring.kafka.consumer.isolation-level"),
    yes("spring.kafka.consumer.max-poll-interval"),
    but("spring.kafka.consumer.properties.**", CLIENT),
    no("spring.kafka.consumer.auto-commit-interval", "use `commit-interval`"),
    no("spring.kafka.consumer.bootstrap-servers", SIDE),
    no("spring.kafka.consumer.group-id", "use `group` of the binding"),
    no("spring.kafka.consumer.key-deserializer", BYTES),
    no("spring.kafka.consumer.value-deserializer", BYTES),
    no("spring.kafka.consumer.max-poll-records", "set `consumer.batch-size` of the binding"),
    no("spring.kafka.consumer.ssl.**", PROTOCOL),
    no("spring.kafka.consumer.security.**", PROTOCOL),
    yes("spring.kafka.producer.acks"),
    yes("spring.kafka.producer.batch-size"),
    yes("spring.kafka.producer.buffer-memory"),
    yes("spring.kafka.producer.client-id"),
    yes("spring.kafka.producer.compression-type"),
    yes("spring.kafka.producer.retries"),
    but("spring.kafka.producer.properties.**", CLIENT),
    no("spring.kafka.producer.bootstrap-servers", SIDE),
    no("spring.kafka.producer.key-serializer", BYTES),
    no("spring.kafka.producer.value-serializer", BYTES),
    no("spring.kafka.producer.transaction-id-prefix", TRANSACTIONS),
    no("spring.kafka.producer.ssl.**", PROTOCOL),
    no("spring.kafka.producer.security.**", PROTOCOL),
    but(
        "spring.kafka.listener.ack-mode",
        "every mode but the manual ones, which are refused; offsets are committed every `commit-interval`",
    ),
    but("spring.kafka.listener.poll-timeout", "changes nothing: an input is woken by what arrives"),
    no("spring.kafka.listener.ack-count", "use `commit-interval`"),
    no("spring.kafka.listener.ack-time", "use `commit-interval`"),
    no("spring.kafka.listener.async-acks", COMMIT),
    no("spring.kafka.listener.concurrency", "use `consumer.concurrency` of the binding"),
    no("spring.kafka.listener.type", CONTAINER),
    no("spring.kafka.listener.client-id", "use `consumer.client-id`"),
    no("spring.kafka.listener.auto-startup", "use `auto-startup` of the binding"),
    no(
        "spring.kafka.listener.missing-topics-fatal",
        "use `auto-create-topics`: a topic that is missing and not made is an error",
    ),
    no(
        "spring.kafka.listener.auth-exception-retry-interval",
        "leave it out: a binding that is not allowed ends with an error",
    ),
    no("spring.kafka.listener.no-poll-threshold", CONTAINER),
    no("spring.kafka.listener.idle-between-polls", CONTAINER),
    no("spring.kafka.listener.idle-event-interval", CONTAINER),
    no("spring.kafka.listener.idle-partition-event-interval", CONTAINER),
    no("spring.kafka.listener.monitor-interval", CONTAINER),
    no("spring.kafka.listener.log-container-config", CONTAINER),
    no("spring.kafka.listener.immediate-stop", CONTAINER),
    no("spring.kafka.listener.change-consumer-thread-name", CONTAINER),
    no("spring.kafka.listener.observation-enabled", CONTAINER),
    no("spring.kafka.listener.max-attempts", "use `consumer.max-attempts` of the binding"),
    no("spring.kafka.retry.**", "use `consumer.max-attempts` and `enable-dlq`"),
    no("spring.kafka.streams.**", "leave it out: there are no Kafka Streams here"),
    no("spring.kafka.template.**", "use the settings of the binding"),
];

#[cfg(test)]
mod tests {
    use crate::binder::kafka::KafkaFactory;
    use crate::binder::spring_keys::differences;

    #[test]
    fn every_key_is_what_the_table_says() {
        let wrong = differences::<KafkaFactory>();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn no_key_is_listed_twice() {
        let mut keys: Vec<_> = super::SPRING_KEYS.iter().map(|known| known.key).collect();
        keys.sort_unstable();
        assert!(keys.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
