//! One function, one call: every shape that a function may have.

use serde::{Deserialize, Serialize};
use wellspring_functions::{Catalog, ContentType, Error, Headers, Kind, Message, Optional, Output, State};

use super::{call, call_message, one, text};

#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
struct Person {
    name: String,
    age: u8,
}

fn older(mut person: Person) -> Person {
    person.age += 1;
    person
}

#[test]
fn payloads_of_every_sort_go_in_and_out() {
    let catalog = Catalog::builder()
        .function("older", older)
        .function("later", |person: Person| async move { older(person) })
        .function("length", |text: String| text.len())
        .function("bytes", |bytes: Vec<u8>| bytes.len())
        .function("sum", |numbers: Vec<i64>| numbers.iter().sum::<i64>())
        .function("list", |n: u8| (0..u16::from(n)).collect::<Vec<_>>())
        .build()
        .unwrap();
    assert_eq!(text(call(&catalog, "older", r#"{"name":"bob","age":3}"#)), r#"{"name":"bob","age":4}"#);
    assert_eq!(text(call(&catalog, "later", r#"{"name":"bob","age":3}"#)), r#"{"name":"bob","age":4}"#);
    assert_eq!(text(call(&catalog, "length", "\"é\"")), "4");
    assert_eq!(text(call(&catalog, "bytes", "[1")), "2");
    assert_eq!(text(call(&catalog, "sum", "[1,2,3]")), "6");
    assert_eq!(text(call(&catalog, "list", "3")), "[0,1,2]");
}

#[test]
fn nothing_to_send_is_nothing() {
    let catalog = Catalog::builder()
        .function("option", |n: u8| (n > 1).then_some(n))
        .function("optional", |n: u8| Optional((n > 1).then_some(n)))
        .function("message", |n: u8| (n > 1).then(|| Message::new(n)))
        .consumer("consumer", |_: u8| ())
        .build()
        .unwrap();
    for name in ["option", "optional", "message", "consumer", "option|option"] {
        assert!(matches!(call(&catalog, name, "1"), Ok(Output::Nothing)), "{name}");
    }
    for name in ["option", "optional", "message", "optional|option", "option|optional"] {
        assert_eq!(text(call(&catalog, name, "2")), "2", "{name}");
    }
}

#[test]
fn messages_carry_headers_in_and_out() {
    let catalog = Catalog::builder()
        .function("tag", |message: Message<String>| {
            let seen = message.headers().text("tag").unwrap_or("none").to_owned();
            message.map(|text| text + "!").with_header("seen", seen)
        })
        .function("plain", |text: String| text)
        .function("own", |text: String| Message::new(text).with_header("own", 1))
        .build()
        .unwrap();
    let message = || Message::encoded("hi", ContentType::TEXT).with_header("tag", "red");
    let reply = one(call_message(&catalog, "tag", message()).unwrap());
    assert_eq!((reply.message.bytes(), reply.message.headers().text("seen")), (&b"hi!"[..], Some("red")));
    assert!(reply.sets_headers);
    let reply = one(call_message(&catalog, "plain", message()).unwrap());
    assert!(!reply.sets_headers && reply.message.headers().is_empty());
    let reply = one(call_message(&catalog, "own", message()).unwrap());
    assert_eq!(reply.message.headers().iter().map(|(name, _)| name).collect::<Vec<_>>(), ["own"]);
}

#[test]
fn state_and_headers_are_injected() {
    let catalog = Catalog::builder()
        .state(10u64)
        .function("add", |n: u64, State(more): State<u64>, headers: Headers| {
            n + more + headers.integer("extra").unwrap_or(0).unsigned_abs()
        })
        .supplier("state", |State(state): State<u64>| state)
        .build()
        .unwrap();
    let message = Message::encoded("1", ContentType::JSON).with_header("extra", 5);
    assert_eq!(text(call_message(&catalog, "add", message)), "16");
    assert_eq!(text(call(&catalog, "state", "")), "10");
}

#[derive(Debug, thiserror::Error)]
#[error("out of stock")]
struct OutOfStock;

#[test]
fn errors_keep_their_kind_and_name_the_function() {
    let catalog = Catalog::builder()
        .function("plain", |_: u8| Err::<u8, _>(OutOfStock))
        .function("fatal", |_: u8| Err::<u8, _>(Error::fatal(OutOfStock)))
        .function("invalid", |_: u8| async { Err::<u8, _>(Error::invalid("too small")) })
        .function("fine", |n: u8| n)
        .build()
        .unwrap();
    let error = |name| call(&catalog, name, "1").unwrap_err();
    assert_eq!(
        (error("plain").kind(), error("plain").to_string()),
        (Kind::Retryable, "`plain`: out of stock".into())
    );
    assert!(error("fatal").downcast_ref::<OutOfStock>().is_some());
    assert_eq!(error("fine|fatal|fine").function(), Some("fatal"));
    assert_eq!((error("fine|invalid").kind(), error("invalid").text()), (Kind::Invalid, "too small"));
    let undecodable = call(&catalog, "fine", "x").unwrap_err();
    assert_eq!(undecodable.kind(), Kind::Undecodable);
    assert_eq!(
        undecodable.to_string(),
        "`fine`: the payload cannot be read as `u8`: expected value at line 1 column 1"
    );
}

#[test]
fn a_tombstone_is_the_none_of_an_option() {
    let catalog = Catalog::builder()
        .function("maybe", |text: Option<String>| text.unwrap_or_else(|| "gone".to_owned()))
        .function("must", |text: String| text)
        .build()
        .unwrap();
    assert_eq!(text(call_message(&catalog, "maybe", Message::new(None))), "gone");
    assert_eq!(text(call(&catalog, "maybe", "here")), "here");
    let error = call_message(&catalog, "must", Message::new(None)).unwrap_err();
    assert_eq!(error.text(), "the payload is null, expected `String` (take an `Option` to accept null)");
}
