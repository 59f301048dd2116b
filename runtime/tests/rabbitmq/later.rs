//! Messages that wait at the broker to be tried again.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use serde_json::json;
use wellspring::binder::{Binder, Delayed, Delivery, InputSpec, Settlement, Sharing};
use wellspring::config::Sources;
use wellspring::{Batch, BatchError, Error, Message, Running, Runtime, RuntimeBuilder, header_names};

use super::ends::{Broker, Member, Writer, broker, eventually, input_spec};
use super::wire::table;

/// What a function was called with, and when.
type Calls = Arc<Mutex<Vec<(Instant, Message<String>)>>>;

/// An application whose function fails with `bad` as often as it is called for it up to `failures` times.
fn application(
    broker: &Broker,
    consumer: &str,
    settings: &str,
    failures: i64,
    calls: &Calls,
) -> RuntimeBuilder {
    let yaml = format!(
        "
function: {{ definition: work }}
stream:
  default-binder: rabbitmq
  bindings:
    work-in-0: {{ destination: work, group: g, consumer: {{ durable-retry: true, {consumer} }} }}
  rabbitmq:
    uri: '{}'
    bindings: {{ work-in-0: {{ consumer: {{ prefix: {}, auto-bind-dlq: true, {settings} }} }} }}
",
        broker.uri, broker.prefix
    );
    let sources = Sources::new().args(["--http.enabled=false", "--management.enabled=false"]);
    let calls = Arc::clone(calls);
    let work = move |message: Message<String>| {
        let attempt = message.headers().integer(header_names::DELIVERY_ATTEMPT).unwrap_or(1);
        let fails = message.payload() == "bad" && attempt <= failures;
        calls.lock().unwrap().push((Instant::now(), message));
        if fails { Err(Error::retryable("busy")) } else { Ok(()) }
    };
    let builder = Runtime::builder().functions(move |catalog| catalog.consumer("work", work));
    builder.sources(sources.built_in("application.yaml", &yaml))
}

async fn start(builder: RuntimeBuilder) -> Running {
    builder.build().unwrap_or_else(|problems| panic!("{problems}")).start().await.unwrap()
}

/// The calls with `bad`.
fn tries(calls: &Calls) -> Vec<(Instant, Message<String>)> {
    calls.lock().unwrap().iter().filter(|(_, message)| message.payload() == "bad").cloned().collect()
}

async fn until_tried(calls: &Calls, count: usize) {
    eventually("the message is tried", async || tries(calls).len() >= count).await;
}

fn original() -> BasicProperties {
    let mut headers = FieldTable::default();
    headers.insert("x-tenant".into(), AMQPValue::LongString("acme".into()));
    headers.insert("n".into(), AMQPValue::LongInt(5));
    BasicProperties::default()
        .with_content_type("text/plain".into())
        .with_headers(headers)
        .with_priority(2)
        .with_timestamp(1_700_000_000)
        .with_correlation_id("c-1".into())
        .with_message_id("m-1".into())
        .with_expiration("3600000".into())
}

/// The headers of a message, without those that tell of this delivery alone.
fn lasting(message: &Message<String>) -> Vec<(String, String)> {
    let of_delivery =
        ["amqp_deliveryTag", "amqp_consumerTag", "amqp_receivedDeliveryMode", "deliveryAttempt"];
    let headers = message.headers().iter().filter(|(name, _)| !of_delivery.contains(name));
    let mut headers: Vec<_> = headers.map(|(name, value)| (name.to_owned(), format!("{value:?}"))).collect();
    headers.sort();
    headers
}

const WAITS: &str = "back-off-initial-interval: 400ms, back-off-multiplier: 2";

#[tokio::test]
async fn what_fails_waits_at_the_broker_and_comes_as_it_was_while_others_go_on() {
    for settings in ["", "quorum: { enabled: true }", "header-patterns: [x-tenant, n]"] {
        let Some(broker) = broker("waits").await else { return };
        let calls = Calls::default();
        // Long enough for all the others to come meanwhile.
        let waits = "back-off-initial-interval: 3s, back-off-multiplier: 2";
        let running = start(application(&broker, waits, settings, 2, &calls)).await;
        let exchange = broker.name("work");
        broker.publish(&exchange, "first.key", b"bad", original()).await;
        join_all((0..20).map(|_| broker.publish(&exchange, "k", b"good", original()))).await;
        until_tried(&calls, 3).await;
        let tries = tries(&calls);
        for (pair, wait) in tries.windows(2).zip([3000, 6000]) {
            let waited = pair[1].0 - pair[0].0;
            assert!(waited >= Duration::from_millis(wait), "{waited:?} of {wait}ms");
        }
        let attempts: Vec<_> =
            tries.iter().map(|(_, m)| m.headers().integer(header_names::DELIVERY_ATTEMPT)).collect();
        assert_eq!(attempts, [None, Some(2), Some(3)]);
        for (_, message) in &tries {
            assert_eq!(lasting(message), lasting(&tries[0].1), "{settings}");
        }
        assert_eq!(tries[2].1.headers().text("amqp_receivedRoutingKey"), Some("first.key"));
        let all: Vec<_> = calls.lock().unwrap().clone();
        let meanwhile = all.iter().filter(|(at, m)| m.payload() == "good" && *at < tries[1].0);
        assert_eq!(meanwhile.count(), 20, "others do not wait");
        let stats = running.binding("work-in-0").unwrap().stats();
        eventually("all is settled", async || stats.succeeded.get() == 21).await;
        assert_eq!(running.stop().await, 0);
        for queue in ["work.g", "work.g.retry.3000", "work.g.retry.6000", "work.g.dlq"] {
            assert_eq!(broker.waiting(&broker.name(queue)).await, 0, "{queue}");
        }
        broker.clean().await;
    }
}

#[tokio::test]
async fn waits_and_attempts_outlive_the_application_until_the_dead_letter() {
    let Some(broker) = broker("outlives").await else { return };
    let calls = Calls::default();
    let waits = "back-off-initial-interval: 1500ms, back-off-multiplier: 1";
    let begin = || start(application(&broker, waits, "", 9, &calls));
    for tried in 1..=2 {
        let running = begin().await;
        if tried == 1 {
            broker.publish(&broker.name("work"), "first.key", b"bad", original()).await;
        }
        until_tried(&calls, tried).await;
        // The message is kept by the broker before it is settled, so that nothing is abandoned.
        assert_eq!(running.stop().await, 0);
        assert_eq!(broker.waiting(&broker.name("work.g")).await, 0);
    }
    let running = begin().await;
    let letter = broker.take(&broker.name("work.g.dlq"), 1).await.remove(0);
    let tries = tries(&calls);
    assert_eq!(tries.len(), 3);
    for pair in tries.windows(2) {
        assert!(pair[1].0 - pair[0].0 >= Duration::from_millis(1500), "{tries:?}");
    }
    assert_eq!(letter.data, b"bad");
    let headers = table(&letter.properties);
    for (name, expected) in
        [("x-attempts", json!({ "amqp": "l", "value": 3 })), ("n", json!({ "amqp": "I", "value": 5 }))]
    {
        assert_eq!(headers[name]["value"], expected["value"], "{name}");
    }
    assert_eq!(headers["x-original-exchange"]["value"], *broker.name("work"));
    assert_eq!(headers["x-original-routingKey"]["value"], "first.key");
    assert_eq!(headers["x-tenant"]["value"], "acme");
    let left: Vec<_> = headers.keys().filter(|name| name.starts_with("x-retry-")).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(!headers.contains_key("x-death"), "{headers:?}");
    assert_eq!(letter.properties.message_id().as_ref().unwrap().as_str(), "m-1");
    let stats = running.binding("work-in-0").unwrap().stats();
    eventually("the letter is settled", async || stats.dead_lettered.get() == 1).await;
    assert_eq!(running.stop().await, 0);
    broker.clean().await;
}

#[tokio::test]
async fn an_item_of_a_batch_waits_by_itself_and_comes_alone() {
    let Some(broker) = broker("batch").await else { return };
    let yaml = format!(
        "
function: {{ definition: work }}
stream:
  default-binder: rabbitmq
  bindings:
    work-in-0:
      destination: work
      group: g
      consumer: {{ durable-retry: true, {WAITS}, batch-mode: true, batch-size: 5, batch-max-wait: 10s }}
  rabbitmq:
    uri: '{}'
    bindings: {{ work-in-0: {{ consumer: {{ prefix: {}, auto-bind-dlq: true }} }} }}
",
        broker.uri, broker.prefix
    );
    let batches = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&batches);
    let work = move |Batch(texts): Batch<String>| {
        let bad = texts.iter().enumerate().filter(|(_, text)| *text == "bad");
        let failed: BatchError = bad.map(|(item, _)| (item, Error::retryable("busy"))).collect();
        seen.lock().unwrap().push(texts);
        failed.into_result()
    };
    let sources = Sources::new().args(["--http.enabled=false", "--management.enabled=false"]);
    let builder = Runtime::builder().functions(move |catalog| catalog.consumer("work", work));
    let running = start(builder.sources(sources.built_in("application.yaml", &yaml))).await;
    for payload in ["a", "bad", "b", "c", "d"] {
        broker.publish(&broker.name("work"), "k", payload.as_bytes(), original()).await;
    }
    let letter = broker.take(&broker.name("work.g.dlq"), 1).await.remove(0);
    assert_eq!(
        (&letter.data[..], &table(&letter.properties)["x-attempts"]["value"]),
        (&b"bad"[..], &json!(3))
    );
    let batches = batches.lock().unwrap().clone();
    assert_eq!(batches, [vec!["a", "bad", "b", "c", "d"], vec!["bad"], vec!["bad"]]);
    let stats = running.binding("work-in-0").unwrap().stats();
    eventually("all is settled", async || stats.succeeded.get() + stats.dead_lettered.get() == 5).await;
    assert_eq!(running.stop().await, 0);
    broker.clean().await;
}

#[tokio::test]
async fn what_waits_comes_back_to_the_queue_and_the_partition_it_was_read_from() {
    let Some(broker) = broker("own queues").await else { return };
    let binder = broker.binder("");
    let destinations = [broker.name("a"), broker.name("b")];
    let sharing = Sharing { partitioned: true, instance_count: 2, instance_index: 1, ..Sharing::default() };
    let spec = InputSpec { destinations: destinations.to_vec(), sharing, ..input_spec("", "g") };
    let waits = vec![Duration::from_millis(50), Duration::from_secs(3600)];
    let Delayed { input, delays } = binder.bind_delayed(spec, waits).await.unwrap();
    let (mut member, mut delays) = (Member(input), delays.into_iter().map(|delay| Writer(delay, 0)));
    let (mut soon, mut late) = (delays.next().unwrap(), delays.next().unwrap());
    for destination in &destinations {
        broker.publish(destination, &format!("{destination}-1"), b"1", original()).await;
        let first = member.receive(1).await;
        soon.send(first[0].message.clone()).await.unwrap();
        let second = member.receive(1).await;
        let seen = |delivery: &Delivery| {
            let headers = delivery.message.headers();
            let text = |name: &str| headers.text(name).map(str::to_owned);
            let places = ["amqp_consumerQueue", "amqp_receivedExchange", "amqp_receivedRoutingKey"];
            (delivery.partition, places.map(text))
        };
        assert_eq!(seen(&second[0]), seen(&first[0]));
        assert_eq!(seen(&second[0]).1[1].as_ref(), Some(destination));
        late.send(second[0].message.clone()).await.unwrap();
        member.settle(first, Settlement::Ack).await;
        member.settle(second, Settlement::Ack).await;
        broker.until_waiting(&format!("{destination}.g-1.retry.3600000"), 1).await;
    }
    member.leave().await;
    broker.clean().await;
}

#[tokio::test]
async fn inputs_whose_messages_cannot_wait_are_refused_with_the_reason() {
    let Some(broker) = broker("cannot wait").await else { return };
    for (consumer, settings, expected) in [
        ("", "container-type: stream", "the input reads a stream"),
        ("", "durable-subscription: false", "the queue of the input goes with its reader"),
        (
            "back-off-initial-interval: 30d, back-off-max-interval: 30d",
            "",
            "expected waits of at most 2147483647ms",
        ),
        ("delivery: at-most-once", "", "with `delivery: at-most-once` nothing is tried again"),
    ] {
        let built = application(&broker, consumer, settings, 0, &Calls::default()).build();
        let told = built.err().unwrap_or_else(|| panic!("{settings} {consumer}")).to_string();
        assert!(told.contains("work-in-0.consumer.durable-retry`: found `true`, but"), "{told}");
        assert!(told.contains(expected), "{told}");
    }
}
