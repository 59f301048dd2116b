//! Logins and encryption, against the listeners that `scripts/brokers` gives the broker it starts.

use std::time::{Duration, Instant};

use wellspring::binder::kafka::Kafka;
use wellspring::binder::{Binder as _, Kind};
use wellspring::config::Section;
use wellspring::{ContentType, Message};

use crate::support::*;

fn listener(variable: &str) -> Option<String> {
    crate::skip::address("kafka", variable)
}

fn binder(address: &str, settings: &str) -> Kafka {
    let text = format!("brokers: '{address}'\n{settings}");
    let config: wellspring::binder::kafka::Config =
        Section::from_yaml("stream.kafka", &text).unwrap().deserialize().unwrap();
    let problems =
        <wellspring::binder::kafka::KafkaFactory as wellspring::binder::Factory>::validate(&config);
    assert_eq!(problems, Vec::<String>::new());
    Kafka::new(config)
}

fn login(module: &str, password: &str) -> String {
    format!(
        "security.protocol: SASL_PLAINTEXT\njaas: {{ login-module: org.apache.kafka.common.security.{module}, \
         options: {{ username: wellspring, password: {password} }} }}\n"
    )
}

/// How long a binding waits for a broker that says nothing.
const BIND_TIMEOUT: &str = "bind-timeout: 60s\n";
/// How soon a binding is told that the broker refuses it: not only when it gives up.
const AT_ONCE: Duration = Duration::from_secs(8);

/// Sends a message and receives it.
async fn there_and_back(binder: &Kafka, topic: &str) {
    let mut output = output(binder, topic).await;
    let sent = send(&mut *output, vec![plain(Message::encoded("x", ContentType::TEXT))]).await;
    assert!(sent[0].is_ok(), "{sent:?}");
    let mut input = input(binder, topic, "g").await;
    assert_eq!(text(&receive(&mut *input, 1).await[0]), "x");
    input.close().await.unwrap();
    output.close().await.unwrap();
}

#[tokio::test]
async fn logs_in_with_a_password() {
    let (Some(cluster), Some(address)) = (Cluster::find(), listener("WELLSPRING_TEST_KAFKA_SASL")) else {
        return;
    };
    let binder = binder(&address, &login("plain.PlainLoginModule", "spring-water"));
    there_and_back(&binder, &cluster.name("plain")).await;
}

#[tokio::test]
async fn a_wrong_password_is_told_at_once_with_the_broker_the_object_and_the_cause() {
    let Some(address) = listener("WELLSPRING_TEST_KAFKA_SASL") else { return };
    let binder = binder(&address, &(login("plain.PlainLoginModule", "sea-water") + BIND_TIMEOUT));
    let begun = Instant::now();
    let Err(refused) = binder.bind_output(output_spec("orders")).await else { panic!("bound") };
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    assert_eq!(refused.kind(), Kind::Refused, "{refused:?}");
    let told = refused.to_string();
    for part in [address.as_str(), "`orders`", "Authentication failed"] {
        assert!(told.contains(part), "{told}");
    }
    assert!(!format!("{refused:?}").contains("sea-water"), "{refused:?}");
}

#[cfg(feature = "kafka-ssl")]
mod encrypted {
    use super::*;

    #[tokio::test]
    async fn logs_in_without_showing_the_password() {
        let (Some(cluster), Some(address)) = (Cluster::find(), listener("WELLSPRING_TEST_KAFKA_SASL")) else {
            return;
        };
        let settings = login("scram.ScramLoginModule", "spring-water");
        let settings = format!("{settings}properties: {{ sasl.mechanism: SCRAM-SHA-512 }}\n");
        there_and_back(&binder(&address, &settings), &cluster.name("scram")).await;
        let wrong = settings.replace("spring-water", "sea-water");
        let refused = binder(&address, &wrong).bind_input(input_spec(&["orders"], Some("g"))).await;
        let Err(refused) = refused else { panic!("bound") };
        assert!(refused.to_string().contains("uthentication failed"), "{refused}");
    }

    #[tokio::test]
    async fn encrypts_to_whom_it_trusts() {
        let (Some(cluster), Some(address)) = (Cluster::find(), listener("WELLSPRING_TEST_KAFKA_SSL")) else {
            return;
        };
        let Some(trusted) = listener("WELLSPRING_TEST_KAFKA_CA") else { return };
        let settings = format!("security.protocol: SSL\nssl.trust-store-location: 'file:{trusted}'\n");
        there_and_back(&binder(&address, &settings), &cluster.name("ssl")).await;
        let binder = binder(&address, &format!("security.protocol: SSL\n{BIND_TIMEOUT}"));
        let begun = Instant::now();
        let Err(refused) = binder.bind_output(output_spec("orders")).await else { panic!("bound") };
        assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
        let told = refused.to_string();
        assert!(told.contains(&address) && told.contains("certificate"), "{told}");
    }
}
