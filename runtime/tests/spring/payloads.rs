//! What bound functions read and write.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use wellspring::testing::Received;
use wellspring::{CatalogBuilder, ContentType, EncodedMessage, Kind, Message, Optional, header_names};

use crate::app::{App, eventually, next};
use crate::conversion::Persons;
use crate::functions::{Person, json, plain, shout};
use crate::row::{Row, differs, refuses, same};

#[derive(Serialize, Deserialize)]
struct Order {
    number: u64,
    item: String,
}

/// What `f`, bound with some more settings of its input, answers to a message.
async fn answer(
    settings: &str,
    message: EncodedMessage,
    functions: impl FnOnce(CatalogBuilder) -> CatalogBuilder + Send + 'static,
) -> Received {
    let app = start(settings, functions).await;
    let mut out = app.reader("out").await;
    app.destinations.send("in", message).await.unwrap();
    let received = next(&mut out).await;
    assert_eq!(app.running.stop().await, 0);
    received
}

async fn start(
    settings: &str,
    functions: impl FnOnce(CatalogBuilder) -> CatalogBuilder + Send + 'static,
) -> App {
    let yaml = format!(
        "
function: {{ definition: f }}
stream:
  bindings:
    f-in-0: {{ destination: in, group: g, consumer: {{ dead-letter: out }}{settings} }}
    f-out-0: {{ destination: out }}
"
    );
    App::start(&yaml, functions).await
}

fn bytes(received: &Received) -> &[u8] {
    received.message.bytes()
}

pub(crate) fn rows() -> Vec<Row> {
    [plain_payloads(), content_types(), nothing()].into_iter().flatten().collect()
}

fn plain_payloads() -> Vec<Row> {
    vec![
        same!("C21", {
            let more = json(r#"{"number":1,"item":"tea","unknown":[true]}"#);
            let item = answer("", more, |catalog| catalog.function("f", |order: Order| order.item)).await;
            assert_eq!(bytes(&item), b"tea");
        }),
        same!("C22", {
            let payload = r#"{"number":1,"item":"tea"}"#;
            let same = answer("", json(payload), |catalog| catalog.function("f", |order: Order| order)).await;
            assert_eq!(bytes(&same), payload.as_bytes());
            assert_eq!(same.message.headers().content_type(), Some(&ContentType::JSON));
        }),
        same!("C26", {
            let binary: Vec<u8> = (0..=255).collect();
            let message = Message::encoded(binary.clone(), ContentType::BYTES);
            let same = answer("", message, |catalog| catalog.function("f", |bytes: Vec<u8>| bytes)).await;
            assert_eq!(bytes(&same), binary);
        }),
        same!("C28", {
            let array = json(r#"[{"name":"a"},{"name":"b"}]"#);
            let count = answer("", array, |c| c.function("f", |all: Vec<Person>| all.len())).await;
            assert_eq!(bytes(&count), b"2");
        }),
        same!("C29", {
            let object = json(r#"{"a":1,"b":2}"#);
            let sum = |map: HashMap<String, u64>| map.values().sum::<u64>();
            assert_eq!(bytes(&answer("", object, move |c| c.function("f", sum)).await), b"3");
        }),
        differs!("C20", "a function that encodes by itself returns bytes", {
            refuses("spring.cloud.stream.bindings.echo-out-0.producer.use-native-encoding");
            let raw = answer("", plain("x"), |c| c.function("f", |_: String| vec![0u8, 255])).await;
            assert_eq!(bytes(&raw), [0, 255]);
        }),
        same!("C32", {
            let message = plain("x").with_header("foo", "bar");
            let same = answer("", message, |c| c.function("f", |text: String| text + "!")).await;
            assert_eq!((bytes(&same), same.message.headers().text("foo")), (&b"x!"[..], Some("bar")));
        }),
    ]
}

fn content_types() -> Vec<Row> {
    vec![
        differs!("C24", "an object is read as JSON from text too; only its type decides", {
            let message = Message::new(Some(r#"{"name":"bob"}"#.into()));
            let shouted = answer(", content-type: text/plain", message, |c| c.function("f", shout)).await;
            assert_eq!(bytes(&shouted), br#"{"name":"BOB"}"#);
        }),
        same!("C25", {
            let functions = |catalog: CatalogBuilder| catalog.codec(Persons).function("f", shout);
            let message = json(r#"{"name":"bob"}"#);
            let shouted = answer(", content-type: text/person", message, functions).await;
            assert_eq!(bytes(&shouted), br#"{"name":"BOB"}"#);
        }),
        same!("C30", {
            let functions = |catalog: CatalogBuilder| catalog.codec(Persons).function("f", shout);
            let person = ContentType::parse("text/person").unwrap();
            let labelled = Message::encoded("person:bob", person);
            assert_eq!(bytes(&answer("", labelled, functions).await), br#"{"name":"BOB"}"#);
            let unlabelled = Message::new(Some("person:bob".into()));
            let shouted = answer(", content-type: text/person", unlabelled, functions).await;
            assert_eq!(bytes(&shouted), br#"{"name":"BOB"}"#);
        }),
    ]
}

fn nothing() -> Vec<Row> {
    vec![
        same!("C13", {
            let none = |_: String| Optional(None::<String>);
            let app = start("", move |catalog| catalog.function("f", none)).await;
            app.send("in", "x").await;
            eventually("settled", || app.stats("f-in-0").succeeded.get() == 1).await;
            assert_eq!(app.stats("f-in-0").sent.get(), 0);
            app.running.stop().await;
        }),
        same!("C14", {
            let null = |text: Option<String>| text.unwrap_or_else(|| "NULL".to_owned());
            let seen = answer("", Message::new(None), move |c| c.function("f", null)).await;
            assert_eq!(bytes(&seen), b"NULL");
            // A function that does not expect it says so.
            let letter = answer("", Message::new(None), |c| c.function("f", |text: String| text)).await;
            let kind = letter.message.headers().text(header_names::EXCEPTION_KIND);
            assert_eq!(kind, Some(Kind::Undecodable.as_str()));
        }),
    ]
}
