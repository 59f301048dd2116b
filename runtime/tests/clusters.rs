//! Several clusters in one application, under names of its own: in from one, out to another.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect")]

#[path = "support/skip.rs"]
mod skip;

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use lapin::options::{BasicGetOptions, BasicPublishOptions, QueueDeleteOptions};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, interval};
use wellspring::config::Sources;
use wellspring::{Running, Runtime};

const PATIENCE: Duration = Duration::from_secs(60);

/// A name that nobody else uses.
fn unique(name: &str) -> String {
    format!("t{:016x}.{name}", RandomState::new().hash_one(name))
}

async fn start(yaml: &str) -> Running {
    let sources = Sources::new().args(["--http.enabled=false", "--management.enabled=false"]);
    let builder = Runtime::builder().functions(|catalog| catalog.function("double", |n: u64| n * 2));
    let built = builder.sources(sources.built_in("application.yaml", yaml)).build();
    built.unwrap_or_else(|problems| panic!("{problems}")).start().await.unwrap()
}

async fn channel(uri: &str) -> (Connection, Channel) {
    let connection = Connection::connect(uri, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    (connection, channel)
}

/// The next message of a queue, which goes afterwards.
async fn take(channel: &Channel, queue: &str) -> Vec<u8> {
    let deadline = Instant::now() + PATIENCE;
    let mut turns = interval(Duration::from_millis(20));
    loop {
        turns.tick().await;
        let got = channel.basic_get(queue.into(), BasicGetOptions { no_ack: true }).await.unwrap();
        if let Some(message) = got {
            channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.unwrap();
            return message.delivery.data;
        }
        assert!(Instant::now() < deadline, "nothing came into `{queue}`");
    }
}

fn produce(brokers: &str, topic: &str, value: &str) {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", brokers);
    let producer: ThreadedProducer<DefaultProducerContext> = client.create().unwrap();
    producer.send(BaseRecord::<[u8], _>::to(topic).payload(value)).map_err(|(error, _)| error).unwrap();
    producer.flush(PATIENCE).unwrap();
}

async fn goes_through(yaml: &str, brokers: &str, uri: &str, input: &str, output: &str) {
    let running = start(yaml).await;
    produce(brokers, input, "21");
    let (_connection, channel) = channel(uri).await;
    assert_eq!(take(&channel, &format!("{output}.seen")).await, b"42");
    assert_eq!(running.stop().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_from_kafka_goes_to_rabbitmq() {
    let Some(brokers) = skip::address("kafka", "WELLSPRING_TEST_KAFKA") else { return };
    let Some(uri) = skip::address("rabbitmq", "WELLSPRING_TEST_RABBITMQ") else { return };
    let (input, output) = (unique("in"), unique("out"));
    let yaml = format!(
        "
function: {{ definition: double }}
stream:
  default-binder: kafka
  bindings:
    double-in-0: {{ destination: {input}, group: g }}
    double-out-0: {{ destination: {output}, binder: rabbitmq, producer: {{ required-groups: seen }} }}
  kafka: {{ brokers: '{brokers}' }}
  rabbitmq: {{ uri: '{uri}' }}
"
    );
    goes_through(&yaml, &brokers, &uri, &input, &output).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn named_clusters_are_understood_in_the_words_of_spring() {
    let Some(brokers) = skip::address("kafka", "WELLSPRING_TEST_KAFKA") else { return };
    let Some(uri) = skip::address("rabbitmq", "WELLSPRING_TEST_RABBITMQ") else { return };
    let (input, output) = (unique("in"), unique("out"));
    let address = uri.rsplit('@').next().unwrap().split('/').next().unwrap();
    let (host, port) = address.rsplit_once(':').unwrap();
    let yaml = format!(
        "
spring:
  cloud:
    function: {{ definition: double }}
    stream:
      defaultBinder: events
      bindings:
        double-in-0: {{ destination: {input}, group: g }}
        double-out-0: {{ destination: {output}, binder: mail, producer: {{ requiredGroups: seen }} }}
      binders:
        events:
          type: kafka
          environment: {{ spring: {{ kafka: {{ bootstrap-servers: '{brokers}' }} }} }}
        mail:
          type: rabbit
          inheritEnvironment: false
          environment: {{ spring: {{ rabbitmq: {{ host: {host}, port: {port}, username: guest, password: guest }} }} }}
        elsewhere: {{ type: kafka, defaultCandidate: false }}
  kafka: {{ bootstrap-servers: 'nowhere.invalid:1' }}
  rabbitmq: {{ host: nowhere.invalid }}
"
    );
    goes_through(&yaml, &brokers, &uri, &input, &output).await;
}

/// A virtual host of its own, as a second cluster of the same kind.
async fn second_host(name: &str) -> Option<()> {
    let address = skip::address("rabbitmq", "WELLSPRING_TEST_RABBITMQ_MANAGEMENT")?;
    let host = address.strip_prefix("http://").unwrap().trim_end_matches('/');
    let all = r#"{"configure":".*","write":".*","read":".*"}"#;
    for (target, body) in [(format!("vhosts/{name}"), "{}"), (format!("permissions/{name}/guest"), all)] {
        let mut socket = tokio::net::TcpStream::connect(host).await.unwrap();
        let length = body.len();
        let request = format!(
            "PUT /api/{target} HTTP/1.0\r\nHost: {host}\r\nAuthorization: Basic Z3Vlc3Q6Z3Vlc3Q=\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 20") || answer.starts_with("HTTP/1.0 20"), "{answer}");
    }
    Some(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_clusters_of_one_kind_have_destinations_of_their_own() {
    let Some(uri) = skip::address("rabbitmq", "WELLSPRING_TEST_RABBITMQ") else { return };
    let other = "wellspring-clusters";
    if second_host(other).await.is_none() {
        return;
    }
    let there = format!("{}/{other}", uri.rsplit_once('/').unwrap().0);
    let name = unique("same");
    let yaml = format!(
        "
function: {{ definition: double }}
stream:
  default-binder: here
  bindings:
    double-in-0: {{ destination: {name}, group: g }}
    double-out-0: {{ destination: {name}, binder: there, producer: {{ required-groups: seen }} }}
  binders:
    here: {{ type: rabbitmq, environment: {{ uri: '{uri}' }} }}
    there: {{ type: rabbitmq, environment: {{ uri: '{there}' }} }}
"
    );
    let running = start(&yaml).await;
    let (_one, from) = channel(&uri).await;
    let properties = BasicProperties::default().with_content_type("application/json".into());
    let exchange = name.as_str();
    from.basic_publish(exchange.into(), "".into(), BasicPublishOptions::default(), b"4", properties)
        .await
        .unwrap();
    let (_two, to) = channel(&there).await;
    // Were it one cluster, this would come in again, for ever.
    assert_eq!(take(&to, &format!("{name}.seen")).await, b"8");
    assert_eq!(running.binding("double-in-0").unwrap().stats().received.get(), 1);
    assert_eq!(running.stop().await, 0);
    from.queue_delete(format!("{name}.g").into(), QueueDeleteOptions::default()).await.unwrap();
}
