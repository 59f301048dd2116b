//! Functions joined end to end.

use std::sync::{Arc, Mutex};

use futures_util::{StreamExt, stream};
use wellspring::{Catalog, FunctionKind, Incoming, Message, Optional, State, Streaming};

use crate::functions::{
    Person, any_of, builder, call, call_stream, catalog, get, plain, replies, reverse, shout, texts,
    uppercase,
};
use crate::row::{Row, differs, not_yet, same};

/// Why functions of values take no stream.
pub(crate) const NO_STREAM: &str =
    "a function of values is called once per message by whoever has a stream, never with the stream";
/// Why text is never quoted.
pub(crate) const RAW: &str = "a `String` is the raw text in every content type, it is never quoted";

/// What a consumer has taken.
type Taken = Arc<Mutex<Vec<String>>>;

fn take(text: String, State(taken): State<Taken>) {
    taken.lock().unwrap().push(text);
}

/// The functions, a consumer `take`, and what it takes.
fn taking() -> (Catalog, Taken) {
    let taken = Taken::default();
    let catalog = builder()
        .state(Arc::clone(&taken))
        .consumer("take", take)
        .supplier("numbers", || stream::iter([1u32, 2]))
        .supplier("messages", || stream::iter([Message::new(1u32), Message::new(2)]))
        .supplier("ten", || stream::iter((0..10).map(|n| n.to_string())))
        .consumer("take_all", |texts: Streaming<String>, State(taken): State<Taken>| async move {
            let mut texts = texts;
            while let Some(text) = texts.next().await {
                take(text, State(Arc::clone(&taken)));
            }
        })
        .build()
        .unwrap();
    (catalog, taken)
}

pub(crate) fn rows() -> Vec<Row> {
    [streams(), suppliers_and_consumers(), values()].into_iter().flatten().collect()
}

fn streams() -> Vec<Row> {
    vec![
        differs!("C-030", NO_STREAM, {
            assert!(call_stream(&catalog(), "uppercase|reverseFlux", &["hello", "bye"]).await.is_err());
            for (text, expected) in [("hello", "OLLEH"), ("bye", "EYB")] {
                let answer = call(&catalog(), "uppercase|reverseFlux", plain(text)).await.unwrap();
                assert_eq!(answer, [expected]);
            }
            let answer = call_stream(&catalog(), "uppercaseFlux|reverse", &["hello", "bye"]).await;
            assert_eq!(answer.unwrap(), ["OLLEH", "EYB"], "a function over streams has no such limit");
        }),
        differs!("C-032", NO_STREAM, {
            let definition = "uppercase|reverseFlux|reverse";
            assert!(call_stream(&catalog(), definition, &["hello", "bye"]).await.is_err());
            for (text, expected) in [("hello", "HELLO"), ("bye", "BYE")] {
                assert_eq!(call(&catalog(), definition, plain(text)).await.unwrap(), [expected]);
            }
        }),
        differs!("C-033", NO_STREAM, {
            assert!(call_stream(&catalog(), "uppercase|reverse", &["hello", "bye"]).await.is_err());
            for (text, expected) in [("hello", "OLLEH"), ("bye", "EYB")] {
                let answer = call(&catalog(), "uppercase|reverse", plain(text)).await.unwrap();
                assert_eq!(answer, [expected]);
            }
        }),
        same!("C-034", {
            assert_eq!(call(&catalog(), "uppercase|reverse", plain("foo")).await.unwrap(), ["OOF"])
        }),
        differs!("C-036", RAW, {
            for definition in ["uppercase|reverseFlux", "uppercase|reverseFlux|reverse|reverse"] {
                let incoming = Incoming::One(plain("foo"));
                let answer =
                    replies(&catalog(), definition, incoming, any_of("application/json")).await.unwrap();
                assert_eq!(texts(&answer), ["OOF"]);
                let content_type = answer[0].message.headers().content_type().unwrap();
                assert_eq!(content_type.as_str(), "application/json");
            }
        }),
        differs!("C-046", NO_STREAM, {
            let catalog = Catalog::builder()
                .function("uppercase", |text: Message<String>| text.map(uppercase))
                .function("reverse", |text: Message<String>| text.map(reverse))
                .build()
                .unwrap();
            assert_eq!(call(&catalog, "uppercase|reverse", plain("star")).await.unwrap(), ["RATS"]);
            assert!(call_stream(&catalog, "uppercase|reverse", &["star"]).await.is_err());
        }),
    ]
}

fn suppliers_and_consumers() -> Vec<Row> {
    vec![
        same!("C-037", { assert_eq!(get(&catalog(), "words|uppercaseFlux").await, ["ONE", "TWO"]) }),
        same!("C-038", { assert_eq!(get(&catalog(), "word|reverse").await, ["olleh"]) }),
        same!("C-040", {
            for supplier in ["numbers", "messages"] {
                let (catalog, taken) = taking();
                assert_eq!(get(&catalog, &format!("{supplier}|take")).await, [""; 0]);
                assert_eq!(*taken.lock().unwrap(), ["1", "2"], "{supplier}");
            }
        }),
        same!("C-041", {
            let (catalog, taken) = taking();
            let answer = call_stream(&catalog, "uppercaseFlux|take", &["ricky", "bubbles"]).await;
            assert_eq!(answer.unwrap(), [""; 0]);
            assert_eq!(*taken.lock().unwrap(), ["RICKY", "BUBBLES"]);
        }),
        same!("C-042", {
            let (catalog, taken) = taking();
            assert_eq!(get(&catalog, "ten|take_all").await, [""; 0]);
            assert_eq!(taken.lock().unwrap().len(), 10);
        }),
        same!("C-052", {
            let catalog = catalog();
            let kind = |definition| catalog.compose(definition).unwrap().kind();
            assert_eq!(kind("uppercase,reverse"), FunctionKind::Function);
            assert_eq!(kind("word,uppercase"), FunctionKind::Supplier);
            assert_eq!(kind("uppercase,sink"), FunctionKind::Consumer);
        }),
        same!("C-057", {
            let error = catalog().compose("sink|uppercase").unwrap_err().to_string();
            assert!(error.starts_with("`uppercase` follows the consumer `sink`"), "{error}");
        }),
    ]
}

fn values() -> Vec<Row> {
    vec![
        same!("C-044", {
            let echo = |text: Message<String>| text.into_payload();
            let catalog = builder().function("echo", echo).build().unwrap();
            assert_eq!(call(&catalog, "uppercase|echo", plain("hello")).await.unwrap(), ["HELLO"]);
        }),
        same!("C-045", {
            let catalog = Catalog::builder()
                .function("toJson", |name: String| format!(r#"{{"name":"{name}"}}"#))
                .function("uppercasePerson", |person: Message<Person>| shout(person.into_payload()).name)
                .build()
                .unwrap();
            let answer = call(&catalog, "toJson|uppercasePerson", plain("Bubbles")).await.unwrap();
            assert_eq!(answer, ["BUBBLES"]);
        }),
        same!("C-048", {
            let catalog = builder()
                .function("tag", |text: String| Message::new(text).with_header("tag", "red"))
                .function("seen", |text: Message<String>| text.headers().text("tag").map(str::to_owned))
                .build()
                .unwrap();
            assert_eq!(call(&catalog, "tag|reverse|seen", plain("hello")).await.unwrap(), ["red"]);
        }),
        differs!("C-049", "where a member has nothing to send the composition ends; there is no null", {
            let catalog = builder()
                .function("nothing", |_: String| Optional(None::<String>))
                .function("null", |text: Option<String>| text.unwrap_or_else(|| "null".to_owned()))
                .build()
                .unwrap();
            assert_eq!(call(&catalog, "nothing|null", plain("x")).await.unwrap(), [""; 0]);
        }),
        not_yet("C-050", "there is no router yet"),
        same!("C-053", {
            let catalog = Catalog::builder()
                .function("function", |text: String| text.to_uppercase())
                .function("function2", |text: String| text + "function2")
                .function("function3", |text: String| text + "function3")
                .build()
                .unwrap();
            let answer = call(&catalog, "function,function2,function3", plain("hello")).await.unwrap();
            assert_eq!(answer, ["HELLOfunction2function3"]);
        }),
        same!("C-054", {
            struct Service;
            impl Service {
                fn like(text: String) -> String {
                    uppercase(text)
                }
            }
            let catalog = Catalog::builder()
                .function("myFunction", reverse)
                .function("myFunctionLike", Service::like)
                .function("func", |text: String| reverse(text))
                .build()
                .unwrap();
            let answer = call(&catalog, "myFunction|myFunctionLike|func", plain("foo")).await.unwrap();
            assert_eq!(answer, ["FOO"]);
        }),
        not_yet("C-056", "a function has one input and one output for now"),
    ]
}
