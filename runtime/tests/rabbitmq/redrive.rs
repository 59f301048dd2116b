//! Dead letters looked after from outside: read, sent again, thrown away.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use serde_json::Value;
use wellspring::config::Sources;
use wellspring::letters::{DeadLetters, Filter, Letter, OpenLetters, Outcome, Redrive, Summary};
use wellspring::{Error, Kind, Runtime};

use super::ends::{Broker, broker, eventually};
use super::wire::{bytes_of, properties, table};

const RECORDED: &str = include_str!("../captures/rabbit-dlq.json");
const INPUT: &str = "handle-in-0";

/// An application whose function is given, with settings of the binder's consumer.
fn application(
    broker: &Broker,
    consumer: &str,
    handle: impl Fn(String) -> Result<(), Error> + Send + Sync + 'static,
) -> Runtime {
    let keeps = if consumer.contains("auto-bind-dlq") { "" } else { "auto-bind-dlq: true," };
    let yaml = format!(
        "
function: {{ definition: handle }}
stream:
  default-binder: rabbitmq
  bindings:
    handle-in-0: {{ destination: orders, group: g, consumer: {{ max-attempts: 1 }} }}
  rabbitmq:
    uri: '{}'
    bindings: {{ handle-in-0: {{ consumer: {{ prefix: {}, {keeps} {consumer} }} }} }}
",
        broker.uri, broker.prefix
    );
    let sources = Sources::new().args(["--http.enabled=false", "--management.enabled=false"]);
    let builder = Runtime::builder().functions(move |catalog| catalog.consumer("handle", handle));
    let runtime = builder.sources(sources.built_in("application.yaml", &yaml)).build();
    runtime.unwrap_or_else(|problems| panic!("{problems}"))
}

/// The letters of an application that has run once, so that its queues are there, and does not run now.
async fn letters(broker: &Broker, consumer: &str) -> DeadLetters {
    let runtime = application(broker, consumer, |_| Ok(()));
    let letters = runtime.dead_letters();
    assert_eq!(runtime.start().await.unwrap().stop().await, 0);
    letters
}

/// A letter of a message that came by a routing key.
fn of(exchange: &str, key: &str, more: &[(&str, AMQPValue)]) -> BasicProperties {
    let mut headers = FieldTable::default();
    let text = |text: &str| AMQPValue::LongString(text.into());
    headers.insert("x-original-exchange".into(), text(exchange));
    headers.insert("x-original-routingKey".into(), text(key));
    headers.insert("x-exception-message".into(), text("no such account"));
    headers.insert("x-exception-kind".into(), text("rejected"));
    headers.insert("x-attempts".into(), AMQPValue::LongInt(1));
    headers.insert("x-binding".into(), text(INPUT));
    headers.insert("retry-count".into(), AMQPValue::LongLongInt(1));
    for (name, value) in more {
        headers.insert((*name).into(), value.clone());
    }
    BasicProperties::default().with_content_type("text/plain".into()).with_headers(headers)
}

async fn put(broker: &Broker, payload: &str, properties: BasicProperties) {
    broker.publish("", &broker.name("orders.g.dlq"), payload.as_bytes(), properties).await;
}

async fn open(letters: &DeadLetters) -> OpenLetters {
    letters.open(INPUT, None).await.unwrap()
}

/// The payloads of the letters that are meant; none is changed.
async fn read(letters: &DeadLetters, filter: &Filter) -> Vec<String> {
    let mut open = open(letters).await;
    let mut found = Vec::new();
    while let Some(letter) = open.next(filter).await.unwrap() {
        found.push(String::from_utf8(letter.message.bytes().to_vec()).unwrap());
    }
    open.close().await.unwrap();
    found
}

type Told = Vec<(String, Outcome)>;

async fn redrive(letters: &DeadLetters, filter: &Filter, how: &Redrive) -> (Summary, Told) {
    let mut told = Vec::new();
    let mut tell = |letter: &Letter, outcome: &Outcome, _: (u64, u64)| {
        told.push((String::from_utf8(letter.message.bytes().to_vec()).unwrap(), outcome.clone()));
        ControlFlow::Continue(())
    };
    let summary = open(letters).await.redrive(filter, how, &mut tell).await.unwrap();
    (summary, told)
}

#[tokio::test]
async fn letters_are_read_again_and_again_and_keep_their_order() {
    for (kind, more) in [("classic", ""), ("quorum", "dlq-quorum: { enabled: true }")] {
        let Some(broker) = broker("reading").await else { return };
        let letters = letters(&broker, more).await;
        let exchange = broker.name("orders");
        let payloads: Vec<_> = (0..20).map(|number| number.to_string()).collect();
        for payload in &payloads {
            put(&broker, payload, of(&exchange, "k", &[])).await;
        }
        for pass in 0..6 {
            assert_eq!(read(&letters, &Filter::default()).await, payloads, "{kind}, pass {pass}");
            // A quorum queue puts what is given back behind what was given back before.
            if kind == "classic" {
                let three = Filter { max: Some(3), ..Filter::default() };
                assert_eq!(read(&letters, &three).await, payloads[..3], "{kind}, pass {pass}");
            }
        }
        let found = broker.take(&broker.name("orders.g.dlq"), 20).await;
        let found: Vec<_> =
            found.iter().map(|letter| String::from_utf8(letter.data.clone()).unwrap()).collect();
        assert_eq!(found, payloads, "{kind}");
        broker.clean().await;
    }
}

#[tokio::test]
async fn a_queue_that_counts_loses_no_letter_however_often_they_are_read() {
    let Some(broker) = broker("counting").await else { return };
    let letters = letters(&broker, "dlq-quorum: { enabled: true, delivery-limit: 2 }").await;
    let exchange = broker.name("orders");
    for number in 0..5 {
        put(&broker, &number.to_string(), of(&exchange, "k", &[])).await;
    }
    for pass in 0..10 {
        let mut found = read(&letters, &Filter::default()).await;
        found.sort();
        assert_eq!(found, ["0", "1", "2", "3", "4"], "pass {pass}");
    }
    assert_eq!(redrive(&letters, &Filter::default(), &Redrive::default()).await.0.done, 5);
    let found = broker.take(&broker.name("orders.g"), 1).await.remove(0);
    assert_eq!(found.routing_key.as_str(), "k");
    let refused = application(&broker, "dlq-quorum: { enabled: true, delivery-limit: 0 }", |_| Ok(()));
    put(&broker, "x", of(&exchange, "k", &[])).await;
    let refused = open(&refused.dead_letters()).await.next(&Filter::default()).await.unwrap_err();
    assert!(refused.to_string().contains("would be lost"), "{refused}");
    broker.clean().await;
}

#[tokio::test]
async fn letters_are_found_by_what_they_say() {
    let Some(broker) = broker("filters").await else { return };
    let letters = letters(&broker, "").await;
    let exchange = broker.name("orders");
    let red = [("tenant", AMQPValue::LongString("red".into()))];
    let late = [("x-exception-message", AMQPValue::LongString("took too long".into()))];
    put(&broker, "plain", of(&exchange, "a", &[])).await;
    put(&broker, "red", of(&exchange, "b", &red)).await;
    put(&broker, "late", of(&exchange, "c", &late).with_timestamp(1_000_000_000)).await;
    let none = Filter::default();
    let error = |text: &str| Filter { error: Some(text.to_owned()), ..Filter::default() };
    let year = Some(std::time::Duration::from_secs(365 * 86_400));
    for (filter, expected) in [
        (none.clone(), vec!["plain", "red", "late"]),
        (error("TOO LONG"), vec!["late"]),
        (error("rejected"), vec!["plain", "red", "late"]),
        (Filter { key: Some("b".to_owned()), ..none.clone() }, vec!["red"]),
        (Filter { headers: vec![("tenant".to_owned(), "red".to_owned())], ..none.clone() }, vec!["red"]),
        (Filter { older_than: year, ..none.clone() }, vec!["late"]),
        (Filter { newer_than: year, ..none.clone() }, vec![]),
        (Filter { max: Some(1), ..none.clone() }, vec!["plain"]),
    ] {
        assert_eq!(read(&letters, &filter).await, expected, "{filter:?}");
    }
    broker.clean().await;
}

#[tokio::test]
async fn a_letter_of_springs_becomes_the_message_that_it_was() {
    let Some(broker) = broker("spring").await else { return };
    let letters = letters(&broker, "").await;
    let recorded: Value = serde_json::from_str(RECORDED).unwrap();
    let recorded = &recorded["republish"]["cases"]["boom"]["dead letters"][0];
    let mut headers = FieldTable::default();
    for (name, value) in recorded["properties"]["headers"].as_object().unwrap() {
        let text = value["value"].as_str().unwrap_or_default().replace("cap.fail", &broker.name("orders"));
        let number = value["value"].as_i64().unwrap_or_default();
        let value = match value["amqp"].as_str().unwrap() {
            "S" => AMQPValue::LongString(text.into()),
            "I" => AMQPValue::LongInt(number.try_into().unwrap()),
            "l" => AMQPValue::LongLongInt(number),
            other => panic!("{other}"),
        };
        headers.insert(name.as_str().into(), value);
    }
    let written = BasicProperties::default()
        .with_content_type("text/plain".into())
        .with_headers(headers)
        .with_priority(2)
        .with_correlation_id("c-1".into())
        .with_message_id("m-1".into())
        .with_timestamp(1_700_000_000)
        .with_delivery_mode(2);
    let body = bytes_of(recorded["body"]["hex"].as_str().unwrap());
    broker.publish("", &broker.name("orders.g.dlq"), &body, written).await;

    let dry = Redrive { dry_run: true, ..Redrive::default() };
    let planned = redrive(&letters, &Filter::default(), &dry).await;
    assert_eq!(broker.waiting(&broker.name("orders.g")).await, 0, "a dry run sends nothing");
    let done = redrive(&letters, &Filter::default(), &Redrive::default()).await;
    assert_eq!(planned, done, "the report of a dry run is that of the real one");
    assert_eq!(done.1, [("boom".to_owned(), Outcome::Sent("orders".to_owned()))]);

    let found = broker.take(&broker.name("orders.g"), 1).await.remove(0);
    assert_eq!((found.exchange.as_str(), found.routing_key.as_str()), (&*broker.name("orders"), "the.key"));
    assert_eq!(found.data, body);
    let expected = serde_json::json!({
        "content-type": "text/plain", "correlation-id": "c-1", "message-id": "m-1", "timestamp": 1_700_000_000,
        "priority": 2, "delivery-mode": 2,
        "headers": {
            "x-tenant": { "amqp": "S", "value": "acme" },
            "n": { "amqp": "I", "value": 5 },
            "x-redrives": { "amqp": "I", "value": 1 },
        },
    });
    assert_eq!(properties(&found.properties), expected);
    assert_eq!(broker.waiting(&broker.name("orders.g.dlq")).await, 0, "the letter is removed");
    broker.clean().await;
}

#[tokio::test]
async fn what_keeps_failing_comes_back_with_its_count_until_it_is_left_alone() {
    let Some(broker) = broker("passes").await else { return };
    let mended = Arc::new(AtomicU64::new(0));
    let processed = Arc::new(Mutex::new(Vec::new()));
    let (state, seen) = (Arc::clone(&mended), Arc::clone(&processed));
    let runtime = application(&broker, "", move |text| {
        let poison = ["3", "7"].contains(&text.as_str());
        if poison || state.load(Ordering::SeqCst) == 0 {
            return Err(Error::message(Kind::Retryable, "no such account"));
        }
        seen.lock().unwrap().push(text);
        Ok(())
    });
    let letters = runtime.dead_letters();
    let running = runtime.start().await.unwrap();
    for number in 0..10 {
        let plain = BasicProperties::default().with_content_type("text/plain".into());
        broker.publish(&broker.name("orders"), "k", number.to_string().as_bytes(), plain).await;
    }
    let dlq = broker.name("orders.g.dlq");
    broker.until_waiting(&dlq, 10).await;
    mended.store(1, Ordering::SeqCst);

    let (summary, _) = redrive(&letters, &Filter::default(), &Redrive::default()).await;
    assert_eq!((summary.done, summary.stay), (10, 0));
    broker.until_waiting(&dlq, 2).await;
    eventually("8 are processed", async || processed.lock().unwrap().len() == 8).await;
    for pass in 2..=3 {
        let (summary, _) = redrive(&letters, &Filter::default(), &Redrive::default()).await;
        assert_eq!((summary.done, summary.stay), (2, 0), "pass {pass}");
        broker.until_waiting(&dlq, 2).await;
    }
    let (summary, told) = redrive(&letters, &Filter::default(), &Redrive::default()).await;
    assert_eq!((summary.selected, summary.done, summary.stay), (2, 0, 2));
    assert!(matches!(&told[0].1, Outcome::Stays(why) if why.contains("3 times")), "{told:?}");
    for letter in broker.take(&dlq, 2).await {
        let headers = table(&letter.properties);
        assert_eq!(headers["x-redrives"]["value"], 3);
        assert_eq!(headers["x-original-routingKey"]["value"], "k");
    }
    assert_eq!(running.stop().await, 0);
    broker.clean().await;
}

#[tokio::test]
async fn a_run_that_ends_in_the_middle_loses_no_letter() {
    const COUNT: usize = 60;
    let Some(broker) = broker("middle").await else { return };
    let letters = letters(&broker, "").await;
    let exchange = broker.name("orders");
    for number in 0..COUNT {
        put(&broker, &number.to_string(), of(&exchange, "k", &[])).await;
    }
    let (ended, end) = tokio::sync::oneshot::channel();
    let (mut sent, mut ended) = (0, Some(ended));
    let mut tell = |_: &Letter, _: &Outcome, _: (u64, u64)| {
        sent += 1;
        if sent == 10 {
            ended.take().unwrap().send(()).unwrap();
        }
        ControlFlow::Continue(())
    };
    let (filter, slowly) = (Filter::default(), Redrive { rate: Some(40), ..Redrive::default() });
    tokio::select! {
        done = open(&letters).await.redrive(&filter, &slowly, &mut tell) => panic!("{done:?}"),
        _ = end => {}
    }

    let dlq = broker.name("orders.g.dlq");
    eventually("what was not removed is back", async || {
        let (left, sent) = (broker.waiting(&dlq).await, broker.waiting(&broker.name("orders.g")).await);
        left > 0 && (left + sent) as usize >= COUNT
    })
    .await;
    redrive(&letters, &Filter::default(), &Redrive::default()).await;
    let sent = broker.waiting(&broker.name("orders.g")).await;
    assert!((60..=64).contains(&sent), "those on their way may be sent twice: {sent}");
    let found = broker.take(&broker.name("orders.g"), sent as usize).await;
    let found: std::collections::BTreeSet<_> = found.into_iter().map(|one| one.data).collect();
    assert_eq!(found.len(), COUNT);
    broker.clean().await;
}

#[tokio::test]
async fn letters_that_cannot_go_back_stay_with_the_reason() {
    let Some(broker) = broker("stay").await else { return };
    let letters = letters(&broker, "").await;
    put(&broker, "nowhere", BasicProperties::default().with_content_type("text/plain".into())).await;
    put(&broker, "foreign", of("somebody.elses", "k", &[])).await;
    put(&broker, "ours", of(&broker.name("orders"), "k", &[])).await;
    let (summary, told) = redrive(&letters, &Filter::default(), &Redrive::default()).await;
    assert_eq!((summary.selected, summary.done, summary.stay), (3, 1, 2));
    let why: Vec<_> = told.iter().map(|(payload, outcome)| format!("{payload}: {outcome:?}")).collect();
    assert!(why[0].contains("nothing says where it came from"), "{why:?}");
    assert!(why[1].contains("`somebody.elses`, which `handle-in-0` does not read"), "{why:?}");

    let missing = Redrive { to: Some("missing".to_owned()), ..Redrive::default() };
    let (summary, told) = redrive(&letters, &Filter::default(), &missing).await;
    assert_eq!((summary.done, summary.stay), (0, 2));
    assert!(matches!(&told[0].1, Outcome::Stays(why) if why.contains("missing`")), "{told:?}");

    let there = Redrive { to: Some("orders".to_owned()), ..Redrive::default() };
    assert_eq!(redrive(&letters, &Filter::default(), &there).await.0.done, 2);
    assert_eq!(broker.waiting(&broker.name("orders.g")).await, 3);
    broker.clean().await;
}

#[tokio::test]
async fn a_letter_that_the_broker_moved_goes_back_to_where_it_was() {
    let Some(broker) = broker("moved").await else { return };
    let runtime =
        application(&broker, "republish-to-dlq: false", |_| Err(Error::message(Kind::Retryable, "never")));
    let letters = runtime.dead_letters();
    let running = runtime.start().await.unwrap();
    let plain = BasicProperties::default().with_content_type("text/plain".into());
    broker.publish(&broker.name("orders"), "the.key", b"x", plain).await;
    broker.until_waiting(&broker.name("orders.g.dlq"), 1).await;
    assert_eq!(running.stop().await, 0);
    let filter =
        Filter { error: Some("rejected".to_owned()), key: Some("the.key".to_owned()), ..Filter::default() };
    assert_eq!(redrive(&letters, &filter, &Redrive::default()).await.0.done, 1);
    let found = broker.take(&broker.name("orders.g"), 1).await.remove(0);
    assert_eq!((found.exchange.as_str(), found.routing_key.as_str()), (&*broker.name("orders"), "the.key"));
    assert_eq!(table(&found.properties).into_keys().collect::<Vec<_>>(), ["x-redrives"]);
    broker.clean().await;
}

#[tokio::test]
async fn letters_that_are_meant_are_purged_and_the_others_stay() {
    let Some(broker) = broker("purge").await else { return };
    let letters = letters(&broker, "").await;
    let exchange = broker.name("orders");
    for number in 0..10 {
        let key = if number % 2 == 0 { "even" } else { "odd" };
        put(&broker, &number.to_string(), of(&exchange, key, &[])).await;
    }
    put(&broker, "foreign", of("somebody.elses", "even", &[])).await;
    let even = Filter { key: Some("even".to_owned()), ..Filter::default() };
    let purge = async |dry_run| {
        open(&letters).await.purge(&even, dry_run, &mut |_, _, _| ControlFlow::Continue(())).await.unwrap()
    };
    let planned = purge(true).await;
    assert_eq!(planned, purge(false).await);
    assert_eq!((planned.selected, planned.done, planned.stay), (6, 5, 1));
    assert_eq!(read(&letters, &Filter::default()).await, ["1", "3", "5", "7", "9", "foreign"]);
    assert_eq!(broker.waiting(&broker.name("orders.g")).await, 0);
    broker.clean().await;
}

#[tokio::test]
async fn places_are_counted_and_those_that_are_missing_are_named() {
    let Some(broker) = broker("places").await else { return };
    let runtime = application(&broker, "", |_| Ok(()));
    let missing = runtime.dead_letters().open(INPUT, None).await.unwrap_err().to_string();
    assert!(missing.contains(&format!("`{}`", broker.name("orders.g.dlq"))), "{missing}");
    let unknown = runtime.dead_letters().open("handl-in-0", None).await.unwrap_err().to_string();
    assert_eq!(unknown, "no input is named `handl-in-0`, did you mean `handle-in-0`?");
    let letters = letters(&broker, "").await;
    put(&broker, "x", of(&broker.name("orders"), "k", &[])).await;
    let all = letters.overview().await;
    let places = all[0].places.as_ref().unwrap().as_ref().unwrap();
    assert_eq!((all.len(), places[0].name.as_str(), places[0].count), (1, &*broker.name("orders.g.dlq"), 1));
    let keeps_none = application(&broker, "republish-to-dlq: false, auto-bind-dlq: false", |_| Ok(()));
    assert!(keeps_none.dead_letters().overview().await[0].places.as_ref().unwrap().is_none());
    broker.clean().await;
}
