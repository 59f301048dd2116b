//! The functions of the recorded applications, as one would write them here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use wellspring::{Catalog, CatalogBuilder, ContentType, Error, HeaderValue, Headers, Message, Streaming};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Person {
    name: Option<String>,
    age: i32,
}

impl Person {
    fn new(name: &str, age: i32) -> Self {
        Self { name: Some(name.to_owned()), age }
    }

    fn upper(self) -> Self {
        Self { name: self.name.map(|name| name.to_uppercase()), age: self.age }
    }

    fn recorded(&self) -> String {
        format!("Person[name={}, age={}]", self.name.as_deref().unwrap_or("null"), self.age)
    }
}

/// What the consumers were called with, in the words of the recording.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn note(&self, consumer: &str, what: &str) {
        self.0.lock().unwrap().push(format!("{consumer}: {what}"));
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// The application with one function.
pub(crate) fn single() -> CatalogBuilder {
    Catalog::builder().function("only", |text: String| format!("only({text})"))
}

/// The application with many.
pub(crate) fn all(seen: &Seen) -> CatalogBuilder {
    consumers(failures(streams(messages(values(Catalog::builder())))), seen)
}

fn values(builder: CatalogBuilder) -> CatalogBuilder {
    builder
        .function("uppercase", |text: String| text.to_uppercase())
        .function("reverse", |text: String| text.chars().rev().collect::<String>())
        .function("deep/name", |text: String| format!("deep({text})"))
        .function("nothing", |_: String| None::<String>)
        .function("person", |person: Person| Person { age: person.age + 1, ..person.upper() })
        .function("personName", |person: Person| person.name)
        .function("named", |name: String| Person::new(&name, 0))
        .function("names", |people: Vec<Person>| people.into_iter().map(|p| p.name).collect::<Vec<_>>())
        .function("total", |people: Vec<Person>| people.iter().map(|person| person.age).sum::<i32>())
        .function("increment", |n: i32| n + 1)
        .function("not", |truth: bool| !truth)
        .function("bytes", |bytes: Bytes| bytes)
        .function("byteLength", |bytes: Bytes| bytes.len())
        .function("map", |mut map: Map<String, Value>| {
            map.insert("added".to_owned(), true.into());
            map
        })
        .function("object", |text: String| format!("String({text})"))
        .function("sum", |form: BTreeMap<String, Vec<i32>>| {
            form.into_iter()
                .map(|(key, values)| (key, values.iter().sum()))
                .collect::<BTreeMap<String, i32>>()
        })
        .supplier("word", || "foo".to_owned())
        .supplier("bareWords", || vec!["foo", "bar"])
        .supplier("number", || 42)
        .supplier("nil", || None::<String>)
        .supplier("somebody", || Person::new("bob", 3))
        .supplier("rawBytes", || Bytes::from_static(&[0x00, 0x01, 0xfe, 0xff]))
}

fn messages(builder: CatalogBuilder) -> CatalogBuilder {
    builder
        .function("headers", |text: String, headers: Headers| {
            let mut all: BTreeMap<_, _> =
                headers.iter().map(|(name, value)| (name.to_owned(), value.to_string())).collect();
            all.insert("(payload)".to_owned(), text);
            all
        })
        .function("message", |text: String| {
            Message::new(text.to_uppercase())
                .with_header("x-own", "own")
                .with_header("X-Mixed-Case", 7)
                .with_header("statusCode", 201)
                .with_header("x-list", HeaderValue::List(vec!["a".into(), "b".into()]))
        })
        .function("messageCopy", |message: Message<String>| message)
        .function("textPlainPerson", |name: String| {
            Message::new(Person::new(&name, 1)).with_content_type(ContentType::TEXT)
        })
        .function("withHeaders", |text: String, headers: Headers| {
            format!("{text}/{}", headers.text("x-missing").unwrap_or("null"))
        })
        .supplier("wordMessage", || Message::new("foo".to_owned()).with_header("x-own", "own"))
}

fn streams(builder: CatalogBuilder) -> CatalogBuilder {
    let shout = |text: String| format!("({})", text.trim().to_uppercase());
    builder
        .supplier("words", || stream::iter(["foo", "bar"].map(str::to_owned)))
        .supplier("people", || stream::iter([Person::new("bob", 3), Person::new("eve", 4)]))
        .function("fluxUppercase", move |words: Streaming<String>| words.map(shout))
        .function("fluxPerson", |people: Streaming<Person>| people.map(Person::upper))
        .function("fluxCount", |words: Streaming<String>| words.count())
        .function("monoUppercase", |text: String| async move { text.to_uppercase() })
        .function("fluxDouble", |numbers: Streaming<i32>| numbers.map(|n| n * 2))
        .function("fluxMessage", |words: Streaming<Message<String>>| {
            words.map(|word| Message::new(word.into_payload().to_uppercase()).with_header("x-own", "own"))
        })
}

fn failures(builder: CatalogBuilder) -> CatalogBuilder {
    #[allow(clippy::needless_pass_by_value, reason = "a function takes its payload by value")]
    fn fails_on_bad(text: String) -> Result<String, Error> {
        if text == "bad" { Err(Error::fatal("bad")) } else { Ok(text.to_uppercase()) }
    }
    builder
        .function("fail", |_: String| Err::<String, _>(Error::fatal("failed on purpose")))
        .function("failStatus", |_: String| Err::<String, _>(Error::invalid("not like this")))
        .function("failBad", fails_on_bad)
        .function("fluxFailBad", |words: Streaming<String>| words.map(fails_on_bad))
        .consumer("failSink", |_: String| Err::<(), _>(Error::fatal("failed on purpose")))
        .supplier("failSupplier", || Err::<String, _>(Error::fatal("failed on purpose")))
}

fn consumers(builder: CatalogBuilder, seen: &Seen) -> CatalogBuilder {
    let [voided, text, list, person, message, flux] = std::array::from_fn(|_| seen.clone());
    builder
        .consumer("voided", move |word: String| voided.note("voided", &format!("String({word})")))
        .consumer("sinkText", move |word: String| text.note("sinkText", &format!("String({word})")))
        .consumer("sinkList", move |people: Vec<Person>| {
            let people: Vec<_> = people.iter().map(Person::recorded).collect();
            list.note("sinkList", &format!("ArrayList([{}])", people.join(", ")));
        })
        .consumer("sinkPerson", move |one: Person| {
            person.note("sinkPerson", &format!("Person({})", one.recorded()));
        })
        .consumer("sinkMessage", move |word: Message<String>| {
            message.note("sinkMessage", &format!("String({})", word.payload()));
        })
        .consumer("sinkFlux", move |words: Streaming<String>| {
            let flux = flux.clone();
            words.for_each(move |word| {
                flux.note("sinkFlux", &format!("String({word})"));
                std::future::ready(())
            })
        })
}
