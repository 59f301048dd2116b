//! Headers in and out of functions.

use std::sync::{Arc, Mutex};

use futures_util::StreamExt;
use wellspring::{Catalog, FunctionKind, Headers, Incoming, Message, State, Wanted};

use crate::app::{App, next};
use crate::functions::{plain, replies, uppercase};
use crate::row::{Row, no_counterpart, not_yet, refused, same};

const EXPRESSIONS: &str = "headers cannot be set by expressions yet";
const INPUT: &str = "spring.cloud.function.configuration.echo.input-header-mapping-expression.a";
const OUTPUT: &str = "spring.cloud.function.configuration.echo.output-header-mapping-expression.a";

/// The header `foo` of what a bound function answers to a message that has it.
async fn bound(configuration: &str, function: fn(Message<String>) -> Message<String>) -> Option<String> {
    let yaml = format!(
        "
function: {{ definition: f{configuration} }}
stream: {{ bindings: {{ f-in-0: {{ destination: in, group: g }}, f-out-0: {{ destination: out }} }} }}
"
    );
    let app = App::start(&yaml, move |catalog| catalog.function("f", function)).await;
    let mut out = app.reader("out").await;
    app.destinations.send("in", plain("x").with_header("foo", "1")).await.unwrap();
    let answer = next(&mut out).await.message;
    assert_eq!(app.running.stop().await, 0);
    answer.headers().text("foo").map(str::to_owned)
}

fn with_bar(message: Message<String>) -> Message<String> {
    Message::new(message.into_payload()).with_header("bar", "2")
}

pub(crate) fn rows() -> Vec<Row> {
    vec![
        same!("C-110", {
            let catalog = Catalog::builder().function("f", with_bar).build().unwrap();
            let incoming = Incoming::One(plain("x").with_header("foo", "1"));
            let answer = replies(&catalog, "f", incoming, Wanted::Natural).await.unwrap();
            let headers = answer[0].message.headers();
            assert_eq!((headers.text("bar"), headers.text("foo")), (Some("2"), None));
            assert_eq!(bound("", with_bar).await, None);
        }),
        same!("C-112", {
            let copy = ", configuration: { f: { copy-input-headers: true } }";
            assert_eq!(bound(copy, with_bar).await.as_deref(), Some("1"));
            let copy = ", configuration: { default: { copy-input-headers: true } }";
            assert_eq!(bound(copy, with_bar).await.as_deref(), Some("1"));
        }),
        same!("C-113", {
            let replaced = bound("", |message| message.with_header("foo", "other")).await;
            assert_eq!(replaced.as_deref(), Some("other"));
        }),
        no_counterpart("C-114", "every answer is a message"),
        no_counterpart("C-116", "every answer is a message"),
        same!("C-117", {
            let yaml = "
function: { definition: f }
stream: { bindings: { f-in-0: { destination: in, group: g }, f-out-0: { destination: out } } }
";
            let app = App::start(yaml, |catalog| catalog.function("f", uppercase)).await;
            let mut out = app.reader("out").await;
            let message = plain("x").with_header("correlationId", "7f");
            app.destinations.send("in", message).await.unwrap();
            let answer = next(&mut out).await.message;
            assert_eq!((answer.bytes(), answer.headers().text("correlationId")), (&b"X"[..], Some("7f")));
            app.running.stop().await;
        }),
        not_yet("C-120", "calls cannot be wrapped yet"),
        same!("C-121", {
            let seen = Seen::default();
            let consumer = |text: String, headers: Headers, State(seen): State<Seen>| {
                *seen.lock().unwrap() = headers.text("foo").map(|value| format!("{text} {value}"));
            };
            let builder = Catalog::builder().state(Arc::clone(&seen)).consumer("c", consumer);
            let composition = builder.build().unwrap().compose("c").unwrap();
            assert_eq!(composition.kind(), FunctionKind::Consumer);
            let incoming = Incoming::One(plain("x").with_header("foo", "1"));
            let answer = composition.call(incoming, &Wanted::Natural).await.unwrap();
            assert_eq!(answer.into_stream().count().await, 0);
            assert_eq!(seen.lock().unwrap().as_deref(), Some("x 1"));
        }),
        refused("C-130", EXPRESSIONS, INPUT),
        refused("C-132", EXPRESSIONS, INPUT),
        refused("C-133", EXPRESSIONS, INPUT),
        refused("C-134", EXPRESSIONS, INPUT),
        refused("C-136", EXPRESSIONS, OUTPUT),
        refused("C-137", EXPRESSIONS, OUTPUT),
    ]
}

type Seen = Arc<Mutex<Option<String>>>;
