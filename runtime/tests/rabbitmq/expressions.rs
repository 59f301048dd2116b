//! Routing keys, partitions and delays that the configuration computes, as unmodified Spring applications did.

use std::collections::BTreeMap;

use lapin::BasicProperties;
use lapin::message::Delivery as Raw;
use lapin::types::{AMQPValue, FieldTable};
use serde_json::{Value, json};
use wellspring::config::Sources;
use wellspring::{Running, Runtime};

use super::ends::broker;
use super::support::Broker;
use super::wire::table;

const PARTITIONS: &str = include_str!("../captures/rabbit-partitions.json");
const OUTPUTS: &str = include_str!("../captures/rabbit-producers.json");

/// An application that passes messages on from `in` to `out`.
async fn start(broker: &Broker, producer: &str, rabbit: &str) -> Running {
    let yaml = format!(
        "
function: {{ definition: pass }}
stream:
  default-binder: rabbitmq
  bindings:
    pass-in-0: {{ destination: {}, group: g, consumer: {{ max-attempts: 1 }} }}
    pass-out-0: {{ destination: {}, producer: {{ {producer} }} }}
  rabbitmq:
    uri: '{}'
    bindings: {{ pass-out-0: {{ producer: {{ {rabbit} }} }} }}
",
        broker.name("in"),
        broker.name("out"),
        broker.uri
    );
    let sources = Sources::new().args(["--http.enabled=false", "--management.enabled=false"]);
    let functions = |catalog: wellspring::CatalogBuilder| catalog.function("pass", |message: Value| message);
    let runtime =
        Runtime::builder().functions(functions).sources(sources.built_in("application.yaml", &yaml));
    runtime.build().unwrap_or_else(|problems| panic!("{problems}")).start().await.unwrap()
}

type Headers = Vec<(&'static str, AMQPValue)>;

/// Sends messages through the application; tells what comes out, by payload.
async fn passed(
    broker: &Broker,
    (producer, rabbit): (&str, &str),
    messages: &[(String, Headers)],
) -> BTreeMap<String, Raw> {
    let running = start(broker, producer, rabbit).await;
    let queue = broker.queue("seen", &broker.name("out"), "#").await;
    for (payload, headers) in messages {
        let mut table = FieldTable::default();
        for (name, value) in headers {
            table.insert((*name).into(), value.clone());
        }
        let properties =
            BasicProperties::default().with_content_type("application/json".into()).with_headers(table);
        let input = broker.name("in");
        broker.publish(&input, &input, payload.as_bytes(), properties).await;
    }
    let found = broker.take(&queue, messages.len()).await;
    assert_eq!(running.stop().await, 0);
    found.into_iter().map(|one| (String::from_utf8(one.data.clone()).unwrap(), one)).collect()
}

fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

#[tokio::test]
async fn a_header_chooses_the_partition_that_spring_chose() {
    let Some(broker) = broker("partition by header").await else { return };
    let recorded: Value = serde_json::from_str(PARTITIONS).unwrap();
    let header = |chosen: &Value| {
        let key = &chosen["key"];
        Some(match chosen["type"].as_str()? {
            "int" => AMQPValue::LongInt(key.as_i64()?.try_into().unwrap()),
            "long" => AMQPValue::LongLongInt(key.as_i64()?),
            "bool" => AMQPValue::Boolean(key.as_bool()?),
            "string" => text(key.as_str()?),
            // What nobody makes a key of.
            _ => return None,
        })
    };
    let chosen = recorded["chosen"].as_array().unwrap().iter().filter(|chosen| header(chosen).is_some());
    let chosen: Vec<&Value> = chosen.collect();
    let message =
        |(index, chosen): (usize, &&Value)| (index.to_string(), vec![("pk", header(chosen).unwrap())]);
    let messages: Vec<_> = chosen.iter().enumerate().map(message).collect();
    let settings = ("partition-count: 4, partition-key-expression: \"headers['pk']\"", "");
    let found = passed(&broker, settings, &messages).await;
    for (index, chosen) in chosen.iter().enumerate() {
        let key = format!("{}-{}", broker.name("out"), chosen["partition"]);
        assert_eq!(found[&index.to_string()].routing_key.as_str(), key, "{chosen}");
    }
    let one = &recorded["one message as it was published"]["properties"]["headers"];
    assert_eq!(json!(table(&found["0"].properties)), *one, "no partition among the headers");
    broker.clean().await;
}

#[tokio::test]
async fn a_number_of_the_payload_chooses_the_partition_that_spring_chose() {
    let Some(broker) = broker("partition by payload").await else { return };
    let recorded: Value = serde_json::from_str(PARTITIONS).unwrap();
    let chosen = recorded["by payload.accountNumber (Long)"].as_array().unwrap();
    let payload = |chosen: &Value| json!({ "accountNumber": chosen["accountNumber"] }).to_string();
    let messages: Vec<_> = chosen.iter().map(|chosen| (payload(chosen), Vec::new())).collect();
    let settings = ("partition-count: 4, partition-key-expression: payload.accountNumber", "");
    let found = passed(&broker, settings, &messages).await;
    for chosen in chosen {
        let key = format!("{}-{}", broker.name("out"), chosen["partition"]);
        assert_eq!(found[&payload(chosen)].routing_key.as_str(), key, "{chosen}");
    }
    broker.clean().await;
}

/// What the recorded applications sent, in the header `pk`, and behind `k.` in the header `rk`.
const SENT: [&str; 4] = ["foo", "bar", "baz", "qux"];

/// What follows the last dot of a recorded argument's key, and its value.
fn settings(case: &Value, place: &str) -> String {
    let arguments = case["arguments"].as_array().unwrap().iter().map(|argument| argument.as_str().unwrap());
    let own = arguments.filter_map(|argument| {
        let (key, value) = argument.strip_prefix(place)?.split_once('=')?;
        Some(format!("{}: \"{value}\"", key.strip_prefix("out-0.producer.")?))
    });
    own.collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn recorded_outputs_with_expressions_are_routed_as_in_spring() {
    for name in ["routing-key-expression-partitioned", "partition-selector", "partitioned-dlq"] {
        let Some(broker) = broker(name).await else { return };
        let recorded: Value = serde_json::from_str(OUTPUTS).unwrap();
        let case = &recorded[name];
        let producer = settings(case, "--spring.cloud.stream.bindings.");
        let rabbit = settings(case, "--spring.cloud.stream.rabbit.bindings.");
        assert!(producer.contains("partition-key-expression"), "{name}: {producer}");
        let rabbit = match rabbit.contains("auto-bind-dlq") {
            true => format!("{rabbit}, dead-letter-exchange: {}", broker.name("DLX")),
            false => rabbit,
        };
        let published = case["published"].as_array().unwrap();
        assert_eq!(published.len(), SENT.len());
        let message = |(index, word): (usize, &&str)| {
            (index.to_string(), vec![("rk", text(&format!("k.{word}"))), ("pk", text(word))])
        };
        let messages: Vec<(String, Headers)> = SENT.iter().enumerate().map(message).collect();
        let found = passed(&broker, (&producer, &rabbit), &messages).await;
        for (index, one) in published.iter().enumerate() {
            let expected = one["routing-key"].as_str().unwrap().replace("cap.out", &broker.name("out"));
            assert_eq!(found[&index.to_string()].routing_key.as_str(), expected, "{name}");
        }
        broker.clean().await;
    }
}

#[tokio::test]
async fn a_routing_key_and_a_delay_are_computed_from_the_message() {
    let Some(broker) = broker("computed").await else { return };
    let rabbit = "routing-key-expression: \"'to.' + payload.to\", delay-expression: \"headers['wait']\"";
    let messages = [
        ("{\"to\":\"a\"}".to_owned(), vec![("wait", AMQPValue::LongInt(1500))]),
        ("{\"to\":7}".to_owned(), Vec::new()),
    ];
    let found = passed(&broker, ("", rabbit), &messages).await;
    let (first, second) = (&found["{\"to\":\"a\"}"], &found["{\"to\":7}"]);
    assert_eq!((first.routing_key.as_str(), second.routing_key.as_str()), ("to.a", "to.7"));
    let delay = |found: &Raw| table(&found.properties).get("x-delay").cloned();
    assert_eq!(delay(first), Some(json!({ "amqp": "l", "value": 1500 })));
    assert_eq!(delay(second), None);
    broker.clean().await;
}

#[tokio::test]
async fn a_message_without_a_routing_key_goes_nowhere_and_is_told_of() {
    let Some(broker) = broker("no routing key").await else { return };
    let yaml = format!(
        "
function: {{ definition: pass }}
stream:
  default-binder: rabbitmq
  bindings:
    pass-in-0: {{ destination: {0}, group: g, consumer: {{ max-attempts: 1, dead-letter: {1} }} }}
    pass-out-0: {{ destination: {2} }}
  rabbitmq:
    uri: '{3}'
    default: {{ producer: {{ routing-key-expression: \"headers['rk']\" }} }}
",
        broker.name("in"),
        broker.name("failed"),
        broker.name("out"),
        broker.uri
    );
    let sources = Sources::new().args(["--http.enabled=false", "--management.enabled=false"]);
    let functions = |catalog: wellspring::CatalogBuilder| catalog.function("pass", |message: Value| message);
    let runtime =
        Runtime::builder().functions(functions).sources(sources.built_in("application.yaml", &yaml));
    let runtime = runtime.build().unwrap_or_else(|problems| panic!("{problems}"));
    let running = runtime.start().await.unwrap();
    let letters = broker.queue("letters", &broker.name("failed"), "#").await;
    let input = broker.name("in");
    let properties = BasicProperties::default().with_content_type("application/json".into());
    broker.publish(&input, &input, b"1", properties).await;
    // Dead letters have a key of their own, whatever the expression is.
    let letter = broker.take(&letters, 1).await.remove(0);
    assert_eq!(letter.data, b"1");
    let said = table(&letter.properties)["x-exception-message"]["value"].as_str().unwrap().to_owned();
    let sentence = format!(
        "`pass-out-0` cannot send to `{}`: the message has no routing key: `headers['rk']` is null",
        broker.name("out")
    );
    assert_eq!(said, sentence);
    assert_eq!(running.stop().await, 0);
    broker.clean().await;
}
