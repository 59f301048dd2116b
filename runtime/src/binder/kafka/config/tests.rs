//! The settings in Spring's words and what the client library is told.

use super::*;
use crate::config::Section;

fn read(text: &str) -> Config {
    Section::from_yaml("stream.kafka", text).expect("yaml").deserialize().expect("good settings")
}

fn problems(text: &str) -> Vec<String> {
    read(text).problems()
}

#[test]
fn spring_boots_settings_are_properties_of_the_client() {
    let config = read(
        "client-id: c\nproperties: { metadata.max.age.ms: 7000 }\n\
         consumer: { fetch-max-wait: 1s, fetch-min-size: 1KB, heartbeat-interval: 2s, isolation-level: read-committed,\n\
         max-poll-interval: 1m, client-id: cc, properties: { max.partition.fetch.bytes: 9 } }\n\
         producer: { acks: '1', batch-size: 2KB, buffer-memory: 1MB, compression-type: zstd, retries: 3 }\n\
         admin: { client-id: ca }\nsecurity.protocol: PLAINTEXT",
    );
    assert_eq!(config.problems(), Vec::<String>::new());
    let consumer = config.consumer_client("b", "g", &config.consumer("b"), StartOffset::Latest);
    for (name, value) in [
        ("client.id", "cc"),
        ("metadata.max.age.ms", "7000"),
        ("fetch.wait.max.ms", "1000"),
        ("fetch.min.bytes", "1024"),
        ("heartbeat.interval.ms", "2000"),
        ("isolation.level", "read_committed"),
        ("max.poll.interval.ms", "60000"),
        ("max.partition.fetch.bytes", "9"),
        ("auto.offset.reset", "latest"),
        ("security.protocol", "PLAINTEXT"),
    ] {
        assert_eq!(consumer.get(name), Some(value), "{name}");
    }
    let producer = config.producer_client("b", &config.producer("b"), None);
    for (name, value) in [
        ("client.id", "c"),
        ("acks", "1"),
        ("enable.idempotence", "false"),
        ("batch.size", "2048"),
        ("queue.buffering.max.kbytes", "1024"),
        ("compression.type", "zstd"),
        ("retries", "3"),
    ] {
        assert_eq!(producer.get(name), Some(value), "{name}");
    }
    assert_eq!(config.admin_client().get("client.id"), Some("ca"));
}

#[test]
fn properties_of_the_client_say_how_a_message_is_confirmed_before_the_binder_does() {
    for (settings, acks, idempotence) in [
        ("", "all", "true"),
        ("required-acks: '1'", "1", "false"),
        ("configuration: { acks: 1 }", "1", "false"),
        ("required-acks: '1'\nconfiguration: { acks: -1 }", "-1", "true"),
        ("producer-properties: { acks: 1 }", "1", "false"),
        ("bindings: { b: { producer: { configuration: { acks: 0 } } } }", "0", "false"),
        ("configuration: { enable.idempotence: false }", "all", "false"),
    ] {
        let config = read(settings);
        assert_eq!(config.problems(), Vec::<String>::new(), "{settings}");
        let client = config.producer_client("b", &config.producer("b"), None);
        let found = (client.get("acks"), client.get("enable.idempotence"));
        assert_eq!(found, (Some(acks), Some(idempotence)), "{settings}");
    }
}

#[test]
fn the_settings_of_an_output_lie_over_those_of_all_producers() {
    let config = read(
        "producer: { batch-size: 1KB, compression-type: gzip }\n\
         default: { producer: { compression-type: lz4 } }\n\
         bindings: { a-out-0: { producer: { buffer-size: 7, batch-timeout: 5, close-timeout: 2,\n\
         header-patterns: 'x-*, !y', use-topic-header: true, sync: true } } }",
    );
    let settings = config.producer("a-out-0");
    let client = config.producer_client("a", &settings, None);
    for (name, value) in [("batch.size", "7"), ("compression.type", "lz4"), ("linger.ms", "5")] {
        assert_eq!(client.get(name), Some(value), "{name}");
    }
    assert_eq!(settings.close_timeout, Some(Duration::from_secs(2)), "seconds, as in Spring");
    assert_eq!(settings.header_patterns, Some(vec!["x-*".to_owned(), "!y".to_owned()]));
    assert_eq!(settings.use_topic_header, Some(true));
}

#[test]
fn how_to_log_in_is_told_in_any_of_springs_ways() {
    for text in [
        "jaas: { login-module: a.b.PlainLoginModule, options: { username: me, password: 'p\"w' } }",
        "properties: { sasl.jaas.config: 'a.PlainLoginModule required username=\"me\" password=\"p\\\"w\";' }",
        "configuration: { sasl.username: me, sasl.password: 'p\"w', sasl.mechanism: PLAIN }",
    ] {
        let config = read(&format!("security.protocol: SASL_PLAINTEXT\n{text}"));
        assert_eq!(config.problems(), Vec::<String>::new(), "{text}");
        let client = config.admin_client();
        let told = ["sasl.username", "sasl.password", "sasl.mechanism"].map(|name| client.get(name));
        assert_eq!(told, [Some("me"), Some("p\"w"), Some("PLAIN")], "{text}");
    }
}

#[test]
fn a_value_that_means_something_else_here_is_refused_with_the_reason() {
    let rows = [
        ("consumer.enable-auto-commit: true", "expected `false`"),
        ("listener.ack-mode: MANUAL", "`listener.ack-mode` cannot be manual"),
        ("default.consumer.ack-mode: MANUAL_IMMEDIATE", "`default.consumer.ack-mode`"),
        ("default.consumer.standard-headers: both", "can only be `none`"),
        ("default.consumer.dlq-partitions: 0", "expected at least 1"),
        ("default.producer.topic.replicas-assignments: { 1: [1] }", "partition 0 is left out"),
        ("ssl.trust-store-type: JKS", "expected `PEM`"),
        ("ssl.key-store-type: JKS", "expected `PKCS12` or `PEM`"),
        ("ssl.key-store-location: 'classpath:x.p12'", "there is no classpath"),
        ("security.protocol: SASL_SLL", "security.protocol"),
        ("properties: { value.deserializer: x }", "the content type of the message decides"),
        ("security.protocol: SASL_PLAINTEXT", "`sasl.mechanism` is missing, expected one of `PLAIN`"),
        ("configuration: { security.protocol: sasl_plaintext, sasl.mechanism: GSSAPI }", "is `GSSAPI`"),
        ("jaas: { login-module: x.Krb5LoginModule }", "expected `PlainLoginModule`"),
    ];
    for (text, expected) in rows {
        let found = problems(text);
        assert!(found.iter().any(|problem| problem.contains(expected)), "{text}: {found:?}");
    }
    for mode in ["RECORD", "batch", "COUNT_TIME"] {
        assert!(problems(&format!("listener.ack-mode: {mode}")).is_empty(), "{mode}");
    }
}

#[cfg(not(feature = "kafka-ssl"))]
#[test]
fn encryption_that_is_not_compiled_in_names_its_feature() {
    for text in [
        "security.protocol: SSL",
        "configuration: { security.protocol: sasl_ssl, sasl.mechanism: PLAIN, sasl.username: a, sasl.password: b }",
        "security.protocol: SASL_PLAINTEXT\nproperties: { sasl.mechanism: SCRAM-SHA-512, sasl.username: a, sasl.password: b }",
        "ssl.trust-store-location: /ca.pem",
        "configuration: { ssl.ca.location: /ca.pem }",
    ] {
        let found = problems(text);
        assert!(found.iter().any(|problem| problem.contains("`kafka-ssl`")), "{text}: {found:?}");
    }
}

#[cfg(feature = "kafka-ssl")]
#[test]
fn encryption_is_set_up_in_springs_words() {
    let config = read(
        "security.protocol: SSL\nssl: { trust-store-certificates: 'a', key-store-type: PEM, key-store-location: 'file:/k.pem', key-password: p }",
    );
    let client = config.admin_client();
    for (name, value) in [
        ("ssl.ca.pem", "a"),
        ("ssl.certificate.location", "/k.pem"),
        ("ssl.key.location", "/k.pem"),
        ("ssl.key.password", "p"),
    ] {
        assert_eq!(client.get(name), Some(value), "{name}");
    }
}

#[test]
fn a_broker_without_a_port_gets_the_default_one() {
    assert_eq!(read("").addresses(), "localhost:9092");
    assert_eq!(read("brokers: 'a, b:1, [::1]'").addresses(), "a:9092,b:1,[::1]:9092");
    assert_eq!(read("{ bootstrap-servers: x, default-broker-port: 7 }").addresses(), "x:7");
    assert_eq!(read("{ bootstrap-servers: x, brokers: y }").addresses(), "y:9092", "as in Spring");
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

#[test]
fn no_batch_is_made_that_the_topic_does_not_take() {
    let limit = |text: &str, topic| {
        let config = read(text);
        let client = config.producer_client("a", &config.producer("a"), topic);
        client.get("message.max.bytes").map(str::to_owned)
    };
    let asked = "configuration: { message.max.bytes: 5000 }";
    for (text, topic, expected) in [
        ("", None, "1048576"),
        ("", Some(9000), "9000"),
        ("", Some(5 << 20), "5242880"),
        (asked, Some(9000), "5000"),
        (asked, Some(4000), "4000"),
        (asked, None, "5000"),
        ("", Some(10), "1000"),
    ] {
        assert_eq!(limit(text, topic).as_deref(), Some(expected), "{text} {topic:?}");
    }
}

#[test]
fn what_differs_from_the_library_may_be_set_for_all_clients() {
    let defaults = [
        ("heartbeat.interval.ms", "1000", "7"),
        ("fetch.queue.backoff.ms", "10", "7"),
        ("linger.ms", "0", "7"),
        ("partitioner", "murmur2_random", "random"),
        ("topic.metadata.propagation.max.ms", "5000", "7"),
    ];
    for (name, usual, own) in defaults {
        for (text, expected) in
            [("{}".to_owned(), usual), (format!("configuration: {{ {name}: {own} }}"), own)]
        {
            let config = read(&text);
            let consumer = config.consumer_client("b", "g", &config.consumer("b"), StartOffset::Latest);
            let producer = config.producer_client("b", &config.producer("b"), None);
            let is_of_consumers = name.starts_with("heartbeat") || name.starts_with("fetch");
            let client = if is_of_consumers { consumer } else { producer };
            assert_eq!(client.get(name), Some(expected), "{name} with `{text}`");
        }
    }
}

#[test]
fn a_property_set_by_its_other_name_is_not_set_twice() {
    let config = read("configuration: { queue.buffering.max.ms: 7, compression.codec: lz4 }");
    let producer = config.producer_client("b", &config.producer("b"), None);
    assert_eq!((producer.get("linger.ms"), producer.get("compression.type")), (Some("7"), Some("lz4")));
    assert_eq!((producer.get("queue.buffering.max.ms"), producer.get("compression.codec")), (None, None));
}

#[test]
fn transactions_are_named_by_either_key_and_read_what_is_committed() {
    for text in ["transaction-id-prefix: t-", "transaction: { transaction-id-prefix: t- }"] {
        let config = read(text);
        assert_eq!(config.transaction_prefix(), Some("t-"));
        let consumer = config.consumer_client("b", "g", &config.consumer("b"), StartOffset::Latest);
        assert_eq!(consumer.get("isolation.level"), Some("read_committed"));
    }
    assert_eq!(read("transaction-id-prefix: ''").transaction_prefix(), None);
    let text = "transaction: { producer: { batch-timeout: 3, buffer-size: 7, compression-type: lz4,\n\
                configuration: { transaction.timeout.ms: 9000 } } }";
    let (client, timeout) = read(text).transaction_client("b", "t-0", None);
    assert_eq!(timeout, std::time::Duration::from_secs(9));
    for (name, value) in [
        ("transactional.id", "t-0"),
        ("linger.ms", "3"),
        ("batch.size", "7"),
        ("compression.type", "lz4"),
        ("enable.idempotence", "true"),
    ] {
        assert_eq!(client.get(name), Some(value), "{name}");
    }
}

#[test]
fn what_transactions_exclude_is_refused() {
    let found = problems(
        "transaction-id-prefix: t-\nrequired-acks: '1'\nconsumer.isolation-level: read-uncommitted\n\
         producer-properties: { transactional.id: x }",
    );
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(
        found[0].contains("`required-acks`, or `acks` of the producer, is `1`, expected `all`"),
        "{found:?}"
    );
    assert!(found[1].contains("expected `read-committed`"), "{found:?}");
    assert!(found[2].contains("use `transaction-id-prefix`"), "{found:?}");
}

#[test]
fn transactions_read_nothing_that_may_be_taken_back_and_go_on_where_their_group_is() {
    let rows = [
        ("configuration: { isolation.level: read_uncommitted }", "`configuration.isolation.level`"),
        ("properties: { isolation.level: READ_UNCOMMITTED }", "`properties.isolation.level`"),
        (
            "consumer-properties: { isolation.level: read_uncommitted }",
            "`consumer-properties.isolation.level`",
        ),
        (
            "consumer.properties: { isolation.level: read_uncommitted }",
            "`consumer.properties.isolation.level`",
        ),
        (
            "bindings: { a-in-0: { consumer: { configuration: { isolation.level: read_uncommitted } } } }",
            "`bindings.a-in-0.consumer.configuration.isolation.level`",
        ),
        ("default: { consumer: { reset-offsets: true } }", "`default.consumer.reset-offsets`"),
        (
            "bindings: { a-in-0: { consumer: { reset-offsets: true } } }",
            "`bindings.a-in-0.consumer.reset-offsets`",
        ),
    ];
    for (text, expected) in rows {
        assert_eq!(problems(text), Vec::<String>::new(), "{text}");
        let found = problems(&format!("transaction-id-prefix: t-\n{text}"));
        assert!(found.len() == 1 && found[0].starts_with(expected), "{text}: {found:?}");
    }
    let found = problems("transaction-id-prefix: t-\nconfiguration: { isolation.level: read_committed }");
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn the_library_says_everything_where_debug_is_set() {
    use rdkafka::config::RDKafkaLogLevel as Level;
    for (text, expected) in [
        ("", Level::Warning),
        ("configuration: { debug: 'cgrp,fetch' }", Level::Debug),
        ("consumer-properties: { debug: all }", Level::Debug),
    ] {
        let config = read(text);
        assert_eq!(config.problems(), Vec::<String>::new(), "{text}");
        let client = config.consumer_client("b", "g", &config.consumer("b"), StartOffset::Latest);
        assert_eq!(client.log_level as i32, expected as i32, "{text}");
    }
}

#[test]
fn properties_that_the_binder_would_write_over_are_refused_with_what_decides_instead() {
    for (name, value, instead) in
        [("allow.auto.create.topics", "true", "`auto-create-topics`"), ("log_level", "7", "`debug`")]
    {
        let found = problems(&format!("consumer-properties: {{ {name}: {value} }}"));
        assert!(found.len() == 1 && found[0].contains(instead), "{found:?}");
    }
}
