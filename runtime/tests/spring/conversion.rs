//! What goes into functions and what comes out.

use std::collections::HashMap;

use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use wellspring::erased_serde;
use wellspring::{
    Catalog, Codec, ContentType, Headers, Incoming, Kind, Many, Message, Output, ReadPayload, Streaming,
    Wanted,
};

use crate::composition::{NO_STREAM, RAW};
use crate::functions::{
    Person, any_of, builder, call, call_stream, catalog, json, plain, replies, shout, texts, uppercase,
};
use crate::row::{Row, differs, no_counterpart, not_yet, same};

/// Text of the form `person:bob`.
pub(crate) struct Persons;

impl Codec for Persons {
    fn supports(&self, content_type: &ContentType) -> bool {
        matches!(content_type.essence(), "text/person" | "application/x-person")
    }

    fn decode(&self, payload: &[u8], read: ReadPayload<'_>) -> Result<(), erased_serde::Error> {
        let text = String::from_utf8_lossy(payload);
        let name = text.strip_prefix("person:").unwrap_or_default();
        let mut json = serde_json::json!({ "name": name });
        read(&mut <dyn erased_serde::Deserializer<'_>>::erase(json.take()))
    }

    fn encode(&self, value: &dyn erased_serde::Serialize) -> Result<Vec<u8>, erased_serde::Error> {
        let json = serde_json::to_value(value).map_err(serde::ser::Error::custom)?;
        Ok(format!("person:{}", json["name"].as_str().unwrap_or_default()).into_bytes())
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Event<K, P> {
    key: K,
    data: P,
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Date(jiff::civil::Date);

struct Wrapped(String);

impl Serialize for Wrapped {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

pub(crate) fn rows() -> Vec<Row> {
    [shapes(), objects(), lists(), lists_out(), types()].into_iter().flatten().collect()
}

fn shapes() -> Vec<Row> {
    vec![
        differs!("C-060", NO_STREAM, {
            assert!(call_stream(&catalog(), "uppercase", &["\"a\""]).await.is_err());
            let answer = call(&catalog(), "uppercase", json("\"a\"")).await.unwrap();
            assert_eq!(answer, ["\"A\""]);
        }),
        same!("C-061", {
            for message in [plain("x"), json("\"x\"")] {
                let composition = catalog().compose("sink").unwrap();
                let answer = composition.call(Incoming::One(message), &any_of("application/json")).await;
                assert!(matches!(answer, Ok(Output::Nothing)));
            }
        }),
        same!("C-062", {
            for message in [json(r#"{"name":"bob"}"#), plain(r#"{"name":"bob"}"#)] {
                assert_eq!(call(&catalog(), "shout", message).await.unwrap(), [r#"{"name":"BOB"}"#]);
            }
        }),
        no_counterpart("C-064", "a function that takes nothing is a supplier"),
        no_counterpart("C-065", "a function takes or returns something"),
        no_counterpart("C-066", "a result has the type that the function says"),
        differs!("C-068", "an async function takes one payload; a stream is for functions over streams", {
            let later = |text: String| async move { uppercase(text) };
            let catalog = Catalog::builder().function("later", later).build().unwrap();
            assert_eq!(call(&catalog, "later", plain("a")).await.unwrap(), ["A"]);
            assert!(call_stream(&catalog, "later", &["a"]).await.is_err());
        }),
        same!("C-069", {
            let product = |event: Event<String, Person>| shout(event.data).name;
            let catalog = Catalog::builder().function("product", product).build().unwrap();
            let payload = r#"{"key":"k","data":{"name":"bike"}}"#;
            for message in [json(payload), plain(payload)] {
                assert_eq!(call(&catalog, "product", message).await.unwrap(), ["BIKE"]);
            }
        }),
        same!("C-070", {
            let function = |text: String, _: Headers| uppercase(text);
            let catalog = Catalog::builder().function("two", function).build().unwrap();
            assert_eq!(call(&catalog, "two", plain("hello")).await.unwrap(), ["HELLO"]);
        }),
        not_yet("C-101", "a function has one input and one output for now"),
        not_yet("C-102", "a function has one input and one output for now"),
    ]
}

fn objects() -> Vec<Row> {
    vec![
        differs!("C-072", "an array is an array: it is not split for a function of objects", {
            let array = json(r#"[{"name":"a"},{"name":"b"}]"#);
            assert_eq!(call(&catalog(), "shout", array).await.unwrap_err().kind(), Kind::Undecodable);
        }),
        differs!("C-073", NO_STREAM, {
            assert!(call_stream(&catalog(), "shout", &[r#"{"name":"a"}"#]).await.is_err());
            let shouts = |persons: Streaming<Person>| persons.map(shout);
            let catalog = builder().function("shouts", shouts).build().unwrap();
            let answer = call_stream(&catalog, "shouts", &[r#"{"name":"a"}"#, r#"{"name":"b"}"#]).await;
            assert_eq!(answer.unwrap(), [r#"{"name":"A"}"#, r#"{"name":"B"}"#]);
        }),
        same!("C-074", {
            let incoming = Incoming::One(json("\"ricky\""));
            let answer = replies(&catalog(), "uppercase", incoming, any_of("application/json")).await;
            assert_eq!(texts(&answer.unwrap()), ["\"RICKY\""]);
        }),
        same!("C-076", {
            let catalog = Catalog::builder().function("any", |value: Value| value).build().unwrap();
            assert_eq!(call(&catalog, "any", json(r#"["a","b"]"#)).await.unwrap(), [r#"["a","b"]"#]);
        }),
        same!("C-084", {
            let person = |map: HashMap<String, Value>| Person { name: map["name"].to_string() };
            let catalog = Catalog::builder().function("person", person).build().unwrap();
            let answer = call(&catalog, "person", json(r#"{"name":{"first":1}}"#)).await.unwrap();
            assert_eq!(answer, [r#"{"name":"{\"first\":1}"}"#]);
        }),
        same!("C-085", {
            let name = |map: HashMap<String, Person>| map["a"].name.clone();
            let catalog = Catalog::builder().function("name", name).build().unwrap();
            let answer = call(&catalog, "name", json(r#"{"a":{"name":"bob"}}"#)).await.unwrap();
            assert_eq!(answer, ["bob"]);
        }),
        same!("C-086", {
            let year = |map: HashMap<String, Date>| map["born"].0.year().to_string();
            let catalog = Catalog::builder().function("year", year).build().unwrap();
            let answer = call(&catalog, "year", json(r#"{"born":"2024-02-29"}"#)).await.unwrap();
            assert_eq!(answer, ["2024"]);
            assert!(call(&catalog, "year", json(r#"{"born":"2023-02-29"}"#)).await.is_err());
        }),
        same!("C-118", { assert_eq!(call(&catalog(), "reverse", plain("ab")).await.unwrap(), ["ba"]) }),
    ]
}

fn lists() -> Vec<Row> {
    vec![
        differs!("C-077", "one value is not made a list", {
            let catalog = Catalog::builder().function("list", |list: Vec<String>| list).build().unwrap();
            let error = call(&catalog, "list", json("\"ricky\"")).await.unwrap_err();
            assert_eq!(error.kind(), Kind::Undecodable);
        }),
        same!("C-078", {
            let count = |list: Vec<Person>| list.len();
            let catalog = Catalog::builder().function("count", count).build().unwrap();
            let array = r#"[{"name":"a"},{"name":"b"},{"name":"c"}]"#;
            for message in [json(array), plain(array)] {
                assert_eq!(call(&catalog, "count", message).await.unwrap(), ["3"]);
            }
        }),
        same!("C-080", {
            let lengths = |texts: Streaming<String>| texts.map(|text| text.len());
            let catalog = Catalog::builder().function("lengths", lengths).build().unwrap();
            let composition = catalog.compose("lengths").unwrap();
            let signature = composition.signature().to_string();
            assert_eq!(signature, "stream of String → stream of usize");
            let answer = call_stream(&catalog, "lengths", &["julien", "ricky", "bubbles"]).await;
            assert_eq!(answer.unwrap(), ["6", "5", "7"]);
        }),
        same!("C-081", {
            let sizes = |lists: Streaming<Message<Vec<Person>>>| lists.map(|list| list.payload().len());
            let catalog = Catalog::builder().function("sizes", sizes).build().unwrap();
            let array = json(r#"[{"name":"a"},{"name":"b"}]"#);
            assert_eq!(call(&catalog, "sizes", array).await.unwrap(), ["2"]);
        }),
        differs!("C-082", "one message is one element; only HTTP takes an array as a stream", {
            let array = json(r#"["a","b","c"]"#);
            let answer = call(&catalog(), "uppercaseFlux", array).await.unwrap();
            assert_eq!(answer, [r#"["A","B","C"]"#]);
        }),
    ]
}

fn lists_out() -> Vec<Row> {
    vec![
        same!("C-092", {
            let split = |text: String| text.split(',').map(str::to_owned).collect::<Vec<_>>();
            let catalog = Catalog::builder().function("split", split).build().unwrap();
            assert_eq!(call(&catalog, "split", plain("a,b,c")).await.unwrap(), [r#"["a","b","c"]"#]);
        }),
        same!("C-093", {
            let split = |text: String| {
                text.split(',').map(|part| Message::new(part.to_owned()).with_header("of", part)).collect()
            };
            let split = move |text: String| -> Vec<Message<String>> { split(text) };
            let catalog = Catalog::builder().function("split", split).build().unwrap();
            let incoming = Incoming::One(plain("a,b,c"));
            let answer = replies(&catalog, "split", incoming, Wanted::Natural).await.unwrap();
            assert_eq!(texts(&answer), ["a", "b", "c"]);
            for reply in &answer {
                let of = reply.message.headers().text("of").unwrap();
                assert_eq!(of.as_bytes(), reply.message.bytes());
            }
        }),
        same!("C-094", {
            let catalog = Catalog::builder()
                .function("messages", |_: String| Many(Vec::<Message<String>>::new()))
                .function("texts", |_: String| Vec::<String>::new())
                .build()
                .unwrap();
            assert_eq!(call(&catalog, "messages", plain("x")).await.unwrap(), [""; 0]);
            assert_eq!(call(&catalog, "texts", plain("x")).await.unwrap(), ["[]"]);
        }),
    ]
}

fn types() -> Vec<Row> {
    vec![
        same!("C-088", {
            let catalog = Catalog::builder().function("echo", |text: String| text).build().unwrap();
            for text in ["[hello", "hello]", "[hello]"] {
                assert_eq!(call(&catalog, "echo", plain(text)).await.unwrap(), [text]);
            }
        }),
        same!("C-089", {
            let name = |person: Person| person.name;
            let catalog = Catalog::builder().codec(Persons).function("name", name).build().unwrap();
            let binary = ContentType::parse("application/x-person").unwrap();
            for name in ["[x]", "\"", &"y".repeat(91)] {
                let message = Message::encoded(format!("person:{name}"), binary.clone());
                assert_eq!(call(&catalog, "name", message).await.unwrap(), [name]);
            }
        }),
        same!("C-090", {
            let catalog = builder().codec(Persons).build().unwrap();
            let message = Message::encoded("person:bob", ContentType::parse("text/person").unwrap());
            assert_eq!(call(&catalog, "shout", message).await.unwrap(), [r#"{"name":"BOB"}"#]);
        }),
        not_yet("C-096", "own codecs are not asked for a range of content types yet"),
        differs!("C-097", "a range is never the content type of a message", {
            let catalog = Catalog::builder().supplier("number", || 5).build().unwrap();
            let answer = replies(&catalog, "number", Incoming::Nothing, any_of("text/*")).await;
            assert_eq!(answer.unwrap_err().kind(), Kind::Unacceptable);
            let answer = replies(&catalog, "number", Incoming::Nothing, any_of("text/plain")).await.unwrap();
            assert_eq!(answer[0].message.headers().content_type().unwrap().essence(), "text/plain");
        }),
        differs!("C-098", RAW, {
            let names = |events: Streaming<Event<String, Person>>| events.map(|event| event.data.name);
            let catalog = Catalog::builder().function("names", names).build().unwrap();
            let incoming = Incoming::One(json(r#"{"key":"k","data":{"name":"bike"}}"#));
            let answer = replies(&catalog, "names", incoming, any_of("application/json")).await.unwrap();
            assert_eq!(texts(&answer), ["bike"]);
            // A type of one's own is quoted.
            let quoted = |name: String| Wrapped(name);
            let catalog = Catalog::builder().function("quoted", quoted).build().unwrap();
            assert_eq!(call(&catalog, "quoted", plain("bike")).await.unwrap(), ["\"bike\""]);
        }),
        no_counterpart("C-100", "a message never chooses the type of a function's input"),
    ]
}

impl TryFrom<String> for Date {
    type Error = jiff::Error;

    fn try_from(text: String) -> Result<Self, jiff::Error> {
        text.parse().map(Self)
    }
}
