//! The story of the documentation, chosen by one line of configuration.

use std::collections::BTreeSet;

use lapin::BasicProperties;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use wellspring::config::Sources;
use wellspring::{Running, Runtime};

use super::ends::{Broker, PATIENCE, broker, eventually};
use super::wire::{bytes_of, properties};

#[tokio::test]
async fn a_composition_is_bound_to_rabbitmq_by_one_line_of_configuration() {
    let Some(broker) = broker("story").await else { return };
    let (input, output) = (broker.name("send-communication"), broker.name("communication-sent"));
    let yaml = format!(
        "
function: {{ definition: email|sms }}
stream:
  bindings:
    emailsms-in-0: {{ destination: {input}, group: message }}
    emailsms-out-0: {{ destination: {output} }}
"
    );
    let args = [
        "--http.enabled=false".to_owned(),
        "--management.enabled=false".to_owned(),
        "--stream.default-binder=rabbitmq".to_owned(),
        format!("--spring.rabbitmq.addresses={}", broker.uri),
    ];
    let sources = Sources::new().args(args).built_in("application.yaml", &yaml);
    let functions = |catalog: wellspring::CatalogBuilder| {
        catalog
            .function("email", |message: serde_json::Value| message)
            .function("sms", |message: serde_json::Value| message["accountNumber"].as_u64().unwrap_or(0))
    };
    let runtime = Runtime::builder().functions(functions).sources(sources).build();
    let running = runtime.unwrap_or_else(|problems| panic!("{problems}")).start().await.unwrap();
    let queue = broker.queue("seen", &output, "#").await;
    let properties = BasicProperties::default().with_content_type("application/json".into());
    for number in 0..100 {
        let payload = format!(r#"{{"accountNumber":{number},"name":"Łucja"}}"#);
        broker.publish(&input, &input, payload.as_bytes(), properties.clone()).await;
    }
    for (number, found) in (0..).zip(broker.take(&queue, 100).await) {
        assert_eq!(found.data, format!("{number}").into_bytes());
        assert_eq!(found.properties.content_type().as_ref().unwrap().as_str(), "application/json");
    }
    assert_eq!(running.stop().await, 0);
    assert_eq!(broker.waiting(&format!("{input}.message")).await, 0);
    broker.clean().await;
}

#[tokio::test]
async fn a_message_whose_function_fails_for_good_is_with_the_brokers_dead_letters() {
    let Some(broker) = broker("dead letters").await else { return };
    let yaml = format!(
        "
function: {{ definition: never }}
stream:
  default-binder: rabbitmq
  bindings:
    never-in-0: {{ destination: d, group: g, consumer: {{ max-attempts: 2, back-off-initial-interval: 1ms }} }}
  rabbitmq:
    uri: '{}'
    bindings: {{ never-in-0: {{ consumer: {{ auto-bind-dlq: true, prefix: {} }} }} }}
",
        broker.uri, broker.prefix
    );
    let sources = Sources::new().args(["--http.enabled=false", "--management.enabled=false"]);
    let never = |number: u64| {
        Err::<(), _>(wellspring::Error::message(wellspring::Kind::Retryable, format!("no {number}")))
    };
    let builder = Runtime::builder().functions(move |catalog| catalog.consumer("never", never));
    let runtime = builder.sources(sources.built_in("application.yaml", &yaml)).build();
    let running = runtime.unwrap_or_else(|problems| panic!("{problems}")).start().await.unwrap();
    let properties = BasicProperties::default().with_content_type("application/json".into());
    broker.publish(&broker.name("d"), "d", b"7", properties).await;
    let letter = broker.take(&broker.name("d.g.dlq"), 1).await.remove(0);
    assert_eq!(letter.data, b"7");
    assert_eq!(letter.routing_key.as_str(), broker.name("d.g"));
    let stats = running.binding("never-in-0").unwrap().stats();
    eventually("the original is settled", async || stats.dead_lettered.get() == 1).await;
    assert_eq!(running.stop().await, 0);
    broker.clean().await;
}

/// What the two services of the documentation did when they were Spring's.
const RECORDED: &str = include_str!("../captures/rabbit-accounts-message.json");

/// One of the two services, on the recorded destinations below names of the test's own.
async fn service(broker: &Broker, definition: &str, told: UnboundedSender<u64>) -> Running {
    let yaml = format!(
        "
stream:
  default-binder: rabbitmq
  bindings:
    emailsms-in-0: {{ destination: {0}send-communication, group: message }}
    emailsms-out-0: {{ destination: {0}communication-sent }}
    updateCommunication-in-0: {{ destination: {0}communication-sent, group: accounts }}
  rabbitmq: {{ uri: '{1}' }}
",
        broker.prefix, broker.uri
    );
    let functions = move |catalog: wellspring::CatalogBuilder| {
        catalog
            .function("email", |message: Value| message)
            .function("sms", |message: Value| message["accountNumber"].as_u64().unwrap_or(0))
            .consumer("updateCommunication", move |account: u64| {
                let _ = told.send(account);
            })
    };
    let args = ["--http.enabled=false", "--management.enabled=false"].map(str::to_owned);
    let definition = format!("--function.definition={definition}");
    let sources = Sources::new().args(args).args([definition]).built_in("application.yaml", &yaml);
    let runtime = Runtime::builder().functions(functions).sources(sources).build();
    runtime.unwrap_or_else(|problems| panic!("{problems}")).start().await.unwrap()
}

/// The names of what the broker holds, or held.
fn names(of: &[Value]) -> BTreeSet<&str> {
    of.iter().filter_map(|one| one["name"].as_str().or(one["destination"].as_str())).collect()
}

/// What was recorded of a message, to be sent again.
fn as_sent(recorded: &Value) -> BasicProperties {
    let of = &recorded["properties"];
    BasicProperties::default()
        .with_content_type("application/json".into())
        .with_headers(Default::default())
        .with_delivery_mode(2)
        .with_priority(0)
        .with_message_id(of["message-id"].as_str().unwrap().into())
        .with_timestamp(of["timestamp"].as_u64().unwrap())
}

#[tokio::test]
async fn the_two_services_declare_and_send_what_they_did_when_they_were_springs() {
    let Some(broker) = broker("accounts and message").await else { return };
    let text = RECORDED.replace("send-communication", &broker.name("send-communication"));
    let text = text.replace("communication-sent", &broker.name("communication-sent"));
    let recorded: Value = serde_json::from_str(&text).unwrap();
    let (told, mut communicated) = unbounded_channel();
    let accounts = service(&broker, "updateCommunication", told.clone()).await;
    let message = service(&broker, "email|sms", told).await;
    for kind in ["exchanges", "queues", "bindings"] {
        let mut found = broker.listed(kind).await;
        found.retain(|one| one["source"] != "");
        let expected = recorded["broker"][kind].as_array().unwrap();
        assert_eq!((found.len(), names(&found)), (expected.len(), names(expected)), "{kind}");
    }
    let seen = broker.queue("seen", &broker.name("communication-sent"), "#").await;
    let published = &recorded["published"];
    let from_accounts = published["accounts"].as_array().unwrap().iter();
    let from_message = published["message"].as_array().unwrap();
    for (index, (sent, expected)) in from_accounts.zip(from_message).enumerate() {
        let body = bytes_of(sent["body"]["hex"].as_str().unwrap());
        let (exchange, key) = (sent["exchange"].as_str().unwrap(), sent["routing-key"].as_str().unwrap());
        broker.publish(exchange, key, &body, as_sent(sent)).await;
        let found = broker.take(&seen, 1).await.remove(0);
        assert_eq!(properties(&found.properties), expected["properties"]);
        assert_eq!(found.data, bytes_of(expected["body"]["hex"].as_str().unwrap()));
        assert_eq!(found.exchange.as_str(), expected["exchange"]);
        assert_eq!(found.routing_key.as_str(), expected["routing-key"]);
        let account = tokio::time::timeout(PATIENCE, communicated.recv()).await.unwrap();
        assert_eq!(recorded["communicated"][index].as_u64(), account);
    }
    for service in [accounts, message] {
        assert_eq!(service.stop().await, 0);
    }
    broker.clean().await;
}

#[tokio::test]
async fn a_function_that_is_quick_comes_to_run_on_the_thread_that_serves_its_connection() {
    let Some(broker) = broker("place").await else { return };
    let yaml = format!(
        "
function: {{ definition: place }}
stream:
  default-binder: rabbitmq
  bindings:
    place-in-0: {{ destination: {}, group: g }}
    place-out-0: {{ destination: {}, producer: {{ required-groups: seen }} }}
  rabbitmq: {{ uri: '{}' }}
",
        broker.name("in"),
        broker.name("out"),
        broker.uri
    );
    let sources = Sources::new().args(["--http.enabled=false", "--management.enabled=false"]);
    let place = async |_: u64| std::thread::current().name().map(str::to_owned);
    let builder = Runtime::builder().functions(move |catalog| catalog.function("place", place));
    let runtime = builder.sources(sources.built_in("application.yaml", &yaml)).build();
    let running = runtime.unwrap_or_else(|problems| panic!("{problems}")).start().await.unwrap();
    let input = broker.name("in");
    for _ in 0..20 {
        let properties = BasicProperties::default().with_content_type("application/json".into());
        broker.publish(&input, &input, b"1", properties).await;
    }
    let places = broker.take(&broker.name("out.seen"), 20).await;
    assert!(places.iter().any(|place| place.data == b"lapin-io-loop"), "{places:?}");
    assert_eq!(running.stop().await, 0);
}
