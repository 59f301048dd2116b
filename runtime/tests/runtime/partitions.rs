//! Partitions that the configuration chooses, on the memory binder, and configurations that cannot.

use std::collections::BTreeMap;

use serde_json::Value;
use wellspring::{ContentType, HeaderValue, Kind, Message, header_names};

use super::app::{App, next, problems, text};

const PARTITIONS: &str = include_str!("../kafka/captures/kafka-partitions.json");

fn application(expressions: &str) -> String {
    format!(
        "
function: {{ definition: pass }}
stream:
  bindings:
    pass-in-0: {{ destination: in, group: g, consumer: {{ dead-letter: failed }} }}
    pass-out-0: {{ destination: out, producer: {{ partition-count: 4, {expressions} }} }}
"
    )
}

fn pass(catalog: wellspring::CatalogBuilder) -> wellspring::CatalogBuilder {
    catalog.function("pass", |message: Value| message)
}

/// A header as a Spring application has it, if it is of a type that people make keys of.
fn header(chosen: &Value) -> Option<HeaderValue> {
    let value = &chosen["key"];
    Some(match chosen["type"].as_str().unwrap() {
        "int" => i32::try_from(value.as_i64().unwrap()).unwrap().into(),
        "long" => value.as_i64().unwrap().into(),
        "bool" => value.as_bool().unwrap().into(),
        "string" => value.as_str().unwrap().into(),
        _ => return None,
    })
}

#[tokio::test(start_paused = true)]
async fn a_header_chooses_the_partition_that_spring_chooses() {
    let app = App::start(&application("partition-key-expression: \"headers['pk']\""), pass).await;
    let mut out = app.reader("out").await;
    let recorded: Value = serde_json::from_str(PARTITIONS).unwrap();
    let mut expected = BTreeMap::new();
    for (index, chosen) in recorded["chosen"].as_array().unwrap().iter().enumerate() {
        let Some(pk) = header(chosen) else { continue };
        let message = Message::encoded(index.to_string(), ContentType::JSON);
        app.destinations.send("in", message.with_header("pk", pk)).await.unwrap();
        expected.insert(index.to_string(), chosen["partition"].as_u64().unwrap());
    }
    assert!(expected.len() > 100);
    for _ in 0..expected.len() {
        let found = next(&mut out).await;
        let index = String::from_utf8(found.message.bytes().to_vec()).unwrap();
        assert_eq!(expected.remove(&index), Some(found.partition.into()), "{index}");
        assert_eq!(found.message.headers().integer("scst_partition"), Some(found.partition.into()));
    }
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_selector_chooses_among_all_partitions_there_are() {
    let yaml =
        application("partition-key-expression: payload.id, partition-selector-expression: '#root + 1'");
    let app = App::start(&yaml, pass).await;
    let mut out = app.reader("out").await;
    for (id, partition) in [(0, 1), (2, 3), (3, 0), (-2, 1)] {
        app.send("in", format!("{{\"id\":{id}}}")).await;
        assert_eq!(next(&mut out).await.partition, partition, "{id}");
    }
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_without_a_key_is_a_dead_letter_and_the_rest_goes_on() {
    let app = App::start(&application("partition-key-expression: payload.account.id"), pass).await;
    let (mut out, mut failed) = (app.reader("out").await, app.reader("failed").await);
    app.send("in", "{\"other\":1}").await;
    app.send("in", "{\"account\":{\"id\":2}}").await;
    let letter = next(&mut failed).await.message;
    assert_eq!(letter.bytes(), b"{\"other\":1}");
    assert_eq!(
        letter.headers().text(header_names::EXCEPTION_MESSAGE),
        Some(
            "`pass-out-0` cannot send a message to `out`: it has no partition key: `payload.account.id` is null"
        )
    );
    assert_eq!(letter.headers().text(header_names::EXCEPTION_KIND), Some(Kind::Unencodable.as_str()));
    assert_eq!(letter.headers().integer(header_names::ATTEMPTS), Some(1), "another attempt would not help");
    assert_eq!(text(&mut out).await, "{\"account\":{\"id\":2}}");
    let stats = app.stats("pass-in-0");
    assert_eq!((stats.dead_lettered.get(), stats.dropped.get()), (1, 0));
    assert_eq!(app.running.stop().await, 0);
}

#[test]
fn a_wrong_expression_is_a_problem_with_its_place() {
    let told = |expressions: &str| problems(&application(expressions), pass).join("\n");
    let open = told("partition-key-expression: \"headers['pk'\"");
    assert!(
        open.starts_with(
            "built-in application.yaml:6:95: `stream.bindings.pass-out-0.producer.partition-key-expression`: found \
             `headers['pk'`, expected an expression such as `headers['name']` or `payload.path`"
        ),
        "{open}"
    );
    assert!(open.ends_with("; missing ']' at the end (character 13)"), "{open}");
    let text = told("partition-key-expression: payload, partition-selector-expression: \"'one'\"");
    assert!(text.contains("found `'one'`, expected an expression over the key"), "{text}");
    let alone = told("partition-selector-expression: hashCode()");
    assert!(alone.contains("set `stream.bindings.pass-out-0.producer.partition-key-expression`"), "{alone}");
    let bean = told("partition-key-extractor-name: mine");
    assert!(bean.contains("does not support; use `producer.partition-key-expression`"), "{bean}");
}
