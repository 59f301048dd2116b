//! Dead letters: what Spring sent for the same failures, or different for a reason.

use std::collections::BTreeMap;

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use serde_json::{Value, json};
use wellspring::binder::{Binder, InputSpec, Kind, Settlement, Sharing};
use wellspring::config::Sources;
use wellspring::{EncodedMessage, Running, Runtime, header_names};

use super::ends::{Broker, Member, Writer, broker, eventually, input_spec, payloads};
use super::wire::{bytes_of, properties, table};

const RECORDED: &str = include_str!("../captures/rabbit-dlq.json");

/// Headers of dead letters that differ on purpose.
const DIFFERENT: &[(&str, &str)] = &[
    ("x-exception-message", "the text of the error itself, also after several attempts"),
    ("x-exception-stacktrace", "there are no stack traces: the kind of the error and its text"),
    ("x-exception-kind", "the kind of the error has a header of its own, as on every broker"),
    ("x-attempts", "so has the number of attempts"),
    ("x-binding", "so has the binding"),
    ("spring_listener_return_correlation", "what Spring needs to match confirmations itself"),
    ("spring_returned_message_correlation", "what Spring needs to match confirmations itself"),
];
/// Recorded cases with another outcome on purpose.
const LEFT_OUT: &[(&str, &str)] = &[
    ("ack", "a Java exception that says that the failure is none; a function returns `Ok` instead"),
    (
        "(POJO consumer) array of two",
        "an array is one message; Spring calls a function once for each element",
    ),
];

/// A function that fails on everything, with the attempts and the settings of the binder's consumer given.
async fn failing(broker: &Broker, attempts: u32, consumer: &str) -> Running {
    let yaml = format!(
        "
function: {{ definition: fail }}
stream:
  default-binder: rabbitmq
  bindings:
    fail-in-0:
      {{ destination: fail, group: g, consumer: {{ max-attempts: {attempts}, back-off-initial-interval: 1ms }} }}
  rabbitmq:
    uri: '{}'
    bindings: {{ fail-in-0: {{ consumer: {{ prefix: {}, {consumer} }} }} }}
",
        broker.uri, broker.prefix
    );
    let sources = Sources::new().args(["--http.enabled=false", "--management.enabled=false"]);
    let fail = |text: String| {
        Err::<(), _>(wellspring::Error::message(wellspring::Kind::Retryable, format!("{text} boom")))
    };
    let builder = Runtime::builder().functions(move |catalog| catalog.consumer("fail", fail));
    let runtime = builder.sources(sources.built_in("application.yaml", &yaml)).build();
    runtime.unwrap_or_else(|problems| panic!("{problems}")).start().await.unwrap()
}

/// Waits until so many messages are settled because their dead letters are confirmed.
async fn settled(running: &Running, count: u64) {
    let stats = running.binding("fail-in-0").unwrap().stats();
    eventually("the originals are settled", async || stats.dead_lettered.get() == count).await;
}

/// What is recorded of a letter or found of one, without what is different.
fn compared(mut properties: Value) -> Value {
    for (name, _) in DIFFERENT {
        properties["headers"].as_object_mut().unwrap().remove(*name);
    }
    properties
}

/// The message that the recorded application failed on: all had these headers and properties.
fn original() -> BasicProperties {
    let mut headers = FieldTable::default();
    headers.insert("x-tenant".into(), AMQPValue::LongString("acme".into()));
    headers.insert("n".into(), AMQPValue::LongInt(5));
    BasicProperties::default()
        .with_content_type("text/plain".into())
        .with_headers(headers)
        .with_priority(2)
        .with_correlation_id("c-1".into())
        .with_message_id("m-1".into())
}

#[tokio::test]
async fn dead_letters_are_what_spring_sent_for_the_same_failures() {
    let runs: BTreeMap<String, Value> = serde_json::from_str(RECORDED).unwrap();
    let mut total = 0;
    for (run, recorded) in runs.iter().filter(|(run, _)| run.starts_with("republish")) {
        let Some(mut broker) = broker(run).await else { return };
        let own = broker.prefix.trim_end_matches('.').to_owned();
        broker.prefix = format!("{own}.");
        let attempts = if run == "republish-one-attempt" { 1 } else { 3 };
        let running = failing(&broker, attempts, "auto-bind-dlq: true").await;
        let mut count = 0;
        for (name, case) in recorded["cases"].as_object().unwrap() {
            if LEFT_OUT.iter().any(|(left, _)| left == name) {
                continue;
            }
            let text = serde_json::to_string(&case["dead letters"][0]).unwrap();
            let text = text.replace("\"cap.fail.pojo", &format!("\"{own}.fail"));
            let text = text.replace("\"cap.fail", &format!("\"{own}.fail"));
            let expected: Value = serde_json::from_str(&text).unwrap();
            let body = bytes_of(expected["body"]["hex"].as_str().unwrap());
            let key = expected["properties"]["headers"]["x-original-routingKey"]["value"].as_str().unwrap();
            let pojo = name.starts_with("(POJO");
            let sent = if pojo {
                BasicProperties::default().with_content_type("application/json".into())
            } else {
                original()
            };
            broker.publish(&format!("{own}.fail"), key, &body, sent).await;
            let letter = broker.take(&format!("{own}.fail.g.dlq"), 1).await.remove(0);
            assert_eq!(letter.data, body, "{run}: {name}");
            assert_eq!(letter.exchange.as_str(), format!("{own}.DLX"), "{run}: {name}");
            assert_eq!(letter.routing_key.as_str(), expected["routing-key"], "{run}: {name}");
            assert_eq!(
                compared(properties(&letter.properties)),
                compared(expected["properties"].clone()),
                "{run}: {name}"
            );
            let headers = table(&letter.properties);
            assert_eq!(headers["x-attempts"], json!({ "amqp": "l", "value": attempts }), "{run}: {name}");
            let said = headers["x-exception-message"]["value"].as_str().unwrap();
            assert!(pojo || said.contains("boom"), "{said}");
            count += 1;
        }
        settled(&running, count).await;
        assert_eq!(running.stop().await, 0);
        assert_eq!(broker.waiting(&format!("{own}.fail.g")).await, 0, "the original is acknowledged");
        total += count;
        broker.clean().await;
    }
    assert_eq!(total, 10);
}

/// The letter that the engine writes for a message.
fn letter(message: &EncodedMessage, error: &str) -> EncodedMessage {
    let letter = message.clone();
    letter
        .with_header(header_names::EXCEPTION_KIND, "rejected")
        .with_header(header_names::EXCEPTION_MESSAGE, error)
        .with_header(header_names::ORIGINAL_DESTINATION, "d")
        .with_header(header_names::ORIGINAL_PARTITION, 0_i32)
        .with_header(header_names::ORIGINAL_OFFSET, 7_i64)
}

/// Settings with an exchange of dead letters of the test's own.
fn with_dlq(broker: &Broker, more: &str) -> String {
    let exchange = broker.name("DLX");
    format!(
        "{{ default: {{ consumer: {{ auto-bind-dlq: true, dead-letter-exchange: '{exchange}', {more} }} }} }}"
    )
}

#[tokio::test]
async fn a_second_failure_replaces_what_the_first_one_said() {
    let Some(broker) = broker("second pass").await else { return };
    let binder = broker.binder(&with_dlq(&broker, "republish-delivery-mode: NON_PERSISTENT"));
    let destination = broker.name("d");
    let spec = input_spec(&destination, "g");
    let mut member = Member::join(&binder, &destination, "g").await;
    let to = binder.dead_letters(&spec).unwrap();
    let mut letters = Writer(binder.bind_dead_letters(spec, to).await.unwrap(), 0);
    broker.publish(&destination, "first", b"1", original()).await;
    for pass in 1..=2_i64 {
        let failed = member.receive(1).await;
        letters.send(letter(&failed[0].message, &format!("failure {pass}"))).await.unwrap();
        member.settle(failed, Settlement::Ack).await;
        let found = broker.take(&format!("{destination}.g.dlq"), 1).await.remove(0);
        let headers = table(&found.properties);
        let names: Vec<_> = headers.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "n",
                "retry-count",
                "x-exception-kind",
                "x-exception-message",
                "x-exception-stacktrace",
                "x-original-exchange",
                "x-original-routingKey",
                "x-tenant",
            ]
        );
        assert_eq!(headers["retry-count"], json!({ "amqp": "l", "value": pass }));
        assert_eq!(headers["x-exception-message"]["value"], format!("failure {pass}"));
        assert_eq!(headers["x-exception-stacktrace"]["value"], format!("rejected: failure {pass}"));
        assert_eq!(headers["x-original-routingKey"]["value"], ["first", "second"][pass as usize - 1]);
        assert_eq!(*found.properties.delivery_mode(), Some(1));
        broker.publish(&destination, "second", &found.data, found.properties).await;
    }
    member.leave().await;
    broker.clean().await;
}

#[tokio::test]
async fn a_dead_letter_outlives_the_time_that_its_message_was_to_live() {
    let Some(broker) = broker("short lived").await else { return };
    let running = failing(&broker, 1, "auto-bind-dlq: true").await;
    let lives = original().with_expiration("60000".into());
    broker.publish(&broker.name("fail"), "k", b"1", lives).await;
    let letter = broker.take(&broker.name("fail.g.dlq"), 1).await.remove(0);
    assert_eq!(*letter.properties.expiration(), None);
    assert_eq!(table(&letter.properties)["x-original-expiration"]["value"], "60000");
    assert_eq!(running.stop().await, 0);
    broker.clean().await;
}

#[tokio::test]
async fn a_dead_letter_carries_the_key_of_the_queue_it_was_read_from() {
    let Some(broker) = broker("keys of letters").await else { return };
    let binder = broker.binder(&with_dlq(&broker, ""));
    let destinations = [broker.name("a"), broker.name("b")];
    let sharing = Sharing { partitioned: true, instance_count: 2, instance_index: 1, ..Sharing::default() };
    let spec = InputSpec { destinations: destinations.to_vec(), sharing, ..input_spec("", "g") };
    let mut member = Member(binder.bind_input(spec.clone()).await.unwrap());
    let to = binder.dead_letters(&spec).unwrap();
    let mut letters = Writer(binder.bind_dead_letters(spec, to).await.unwrap(), 0);
    for destination in &destinations {
        broker.publish(destination, &format!("{destination}-1"), b"1", original()).await;
        let failed = member.receive(1).await;
        letters.send(letter(&failed[0].message, "no")).await.unwrap();
        member.settle(failed, Settlement::Ack).await;
        let found = broker.take(&format!("{destination}.g.dlq"), 1).await.remove(0);
        assert_eq!(found.routing_key.as_str(), format!("{destination}.g-1"));
        assert_eq!(table(&found.properties)["x-original-exchange"]["value"], **destination);
    }
    member.leave().await;
    broker.clean().await;
}

#[tokio::test]
async fn an_error_of_any_length_fits_into_its_dead_letter() {
    let Some(broker) = broker("long error").await else { return };
    let binder = broker.binder(&with_dlq(&broker, ""));
    let destination = broker.name("d");
    let spec = input_spec(&destination, "g");
    let to = binder.dead_letters(&spec).unwrap();
    let mut letters = Writer(binder.bind_dead_letters(spec, to).await.unwrap(), 0);
    let plain = wellspring::Message::encoded("1", wellspring::ContentType::TEXT);
    // Headers of their own that leave nearly nothing of a frame to the error.
    let full = plain.clone().with_header("h", "x".repeat(126_500));
    for message in [plain, full] {
        letters.send(letter(&message, &"ż".repeat(300_000))).await.unwrap();
        let found = broker.take(&format!("{destination}.g.dlq"), 1).await.remove(0);
        let headers = table(&found.properties);
        let length = |name: &str| headers[name]["value"].as_str().unwrap().len();
        let both = length("x-exception-message") + length("x-exception-stacktrace");
        assert!((100..=131_072 - 20_000).contains(&both), "{both}");
    }
    broker.clean().await;
}

#[tokio::test]
async fn the_broker_moves_dead_letters_where_they_are_not_republished() {
    let Some(broker) = broker("not republished").await else { return };
    let running = failing(&broker, 1, "auto-bind-dlq: true, republish-to-dlq: false").await;
    broker.publish(&broker.name("fail"), "k", b"1", original()).await;
    let letter = broker.take(&broker.name("fail.g.dlq"), 1).await.remove(0);
    let headers = table(&letter.properties);
    assert_eq!(letter.data, b"1");
    assert!(headers.contains_key("x-death") && !headers.contains_key("x-exception-message"), "{headers:?}");
    assert_eq!(running.stop().await, 0);
    broker.clean().await;
}

#[tokio::test]
async fn a_rejected_message_comes_again_where_that_is_asked_for() {
    let Some(broker) = broker("requeue rejected").await else { return };
    let binder = broker.binder("{ default: { consumer: { requeue-rejected: true } } }");
    let destination = broker.name("d");
    let mut member = Member::join(&binder, &destination, "g").await;
    assert_eq!(binder.dead_letters(&input_spec(&destination, "g")), None);
    broker.publish(&destination, "k", b"1", original()).await;
    for _ in 0..3 {
        let again = member.receive(1).await;
        member.settle(again, Settlement::Reject).await;
    }
    let last = member.receive(1).await;
    assert_eq!(payloads(&last), ["1"]);
    assert_eq!(last[0].attempt, 2, "redelivered");
    member.settle(last, Settlement::Ack).await;
    member.leave().await;
    broker.clean().await;
}

#[tokio::test]
async fn dead_letters_without_an_exchange_or_a_queue_are_errors() {
    let Some(broker) = broker("no exchange").await else { return };
    let destination = broker.name("d");
    let spec = input_spec(&destination, "g");
    let missing = broker.name("missing");
    let settings = format!("{{ republish-to-dlq: true, dead-letter-exchange: '{missing}' }}");
    let binder = broker.binder(&format!("{{ default: {{ consumer: {settings} }} }}"));
    let to = binder.dead_letters(&spec).unwrap();
    let error = binder.bind_dead_letters(spec.clone(), to).await.err().unwrap();
    assert_eq!(error.kind(), Kind::Refused);
    let said = error.to_string();
    assert!(said.contains(&format!("does not have the exchange `{missing}`: NOT_FOUND")), "{said}");

    let binder = broker.binder(&with_dlq(&broker, ""));
    let destination = broker.name("e");
    let spec = input_spec(&destination, "g");
    let to = binder.dead_letters(&spec).unwrap();
    let mut letters = Writer(binder.bind_dead_letters(spec, to.clone()).await.unwrap(), 0);
    let queue = format!("{destination}.g");
    let (dlq, exchange, key) = (format!("{queue}.dlq").into(), to.into(), queue.into());
    broker.channel.queue_unbind(dlq, exchange, key, FieldTable::default()).await.unwrap();
    let plain = wellspring::Message::encoded("1", wellspring::ContentType::TEXT);
    let error = letters.send(letter(&plain, "no")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unroutable, "{error}");
    broker.clean().await;
}

/// The recipe for retries by the broker: dead letters expire, back to the queue they came from.
#[tokio::test]
async fn dead_letters_that_expire_come_back_and_say_how_often() {
    let Some(broker) = broker("delayed retry").await else { return };
    let destination = broker.name("d");
    let binder = broker.binder(&with_dlq(&broker, "dlq-ttl: 20, dlq-dead-letter-exchange: ''"));
    let spec = input_spec(&destination, "g");
    let mut member = Member::join(&binder, &destination, "g").await;
    let to = binder.dead_letters(&spec).unwrap();
    let mut letters = Writer(binder.bind_dead_letters(spec, to).await.unwrap(), 0);
    broker.publish(&destination, "k", b"1", original()).await;
    for pass in 0..3_i64 {
        let failed = member.receive(1).await;
        let headers = failed[0].message.headers();
        assert_eq!(headers.integer("retry-count").unwrap_or(0), pass);
        let wellspring::HeaderValue::List(deaths) = headers.get("x-death").cloned().unwrap_or_else(|| {
            assert_eq!(pass, 0, "only the first time");
            wellspring::HeaderValue::List(Vec::new())
        }) else {
            panic!("x-death is no list")
        };
        for death in &deaths {
            let wellspring::HeaderValue::Map(fields) = death else { panic!("{death:?} is no map") };
            assert!(fields.contains(&("count".into(), wellspring::HeaderValue::Long(pass))), "{fields:?}");
        }
        letters.send(letter(&failed[0].message, "not yet")).await.unwrap();
        member.settle(failed, Settlement::Ack).await;
    }
    let last = member.receive(1).await;
    assert_eq!((payloads(&last), last[0].message.headers().integer("n")), (vec!["1".to_owned()], Some(5)));
    member.settle(last, Settlement::Ack).await;
    member.leave().await;
    broker.clean().await;
}
