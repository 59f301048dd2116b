//! Sending from code, routing, and what becomes of failures.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use serde::Serialize;
use tokio::time::Instant;
use wellspring::testing::Destinations;
use wellspring::{CatalogBuilder, ContentType, Error, Message, Sender, State, header_names};

use crate::app::{App, builder, eventually, next, problems, text};
use crate::functions::{plain, uppercase};
use crate::row::{Row, differs, not_yet, refused, same};

const ROUTER: &str = "there is no router yet";
const HANDLER: &str = "there is no error handler yet, only dead letters";
const POLLED: &str = "an input cannot be polled by the application yet";
const ROUTING: &str = "spring.cloud.stream.function.routing.enabled";
const EXPRESSION: &str = "spring.cloud.function.routing-expression";
const ERROR_HANDLER: &str = "spring.cloud.stream.bindings.echo-in-0.error-handler-definition";
const POLLABLE: &str = "spring.cloud.stream.pollable-source";

#[derive(Serialize)]
struct Empty {}

const BRIDGE: &str = "
function: { definition: bridge }
stream:
  default-binder: memory
  binders: { second: { type: memory } }
  bindings:
    bridge-in-0: { destination: in, group: g }
    foo: { destination: there, content-type: text/plain }
    other: { destination: elsewhere, binder: second }
";

/// A consumer that sends from code.
fn bridge<F>(
    send: impl Fn(String, Sender) -> F + Send + Sync + 'static,
) -> impl FnOnce(CatalogBuilder) -> CatalogBuilder + Send
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    move |catalog| catalog.consumer("bridge", send)
}

pub(crate) fn rows() -> Vec<Row> {
    [crate::partitions::rows(), unknown_outputs(), sending(), not_sending_yet(), routing(), failures()]
        .into_iter()
        .flatten()
        .collect()
}

fn unknown_outputs() -> Vec<Row> {
    vec![differs!("B1", "an unknown name is an error: a slip never makes a destination", {
        let said = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&said);
        let app = App::start(
            BRIDGE,
            bridge(move |text, sender| {
                let heard = Arc::clone(&heard);
                async move {
                    let refused = sender.send("fooo", text).await.unwrap_err();
                    refused.text().clone_into(&mut heard.lock().unwrap());
                    Ok(())
                }
            }),
        )
        .await;
        app.send("in", "x").await;
        eventually("tried", || app.stats("bridge-in-0").succeeded.get() == 1).await;
        let expected = "no output is named `fooo`, expected a key of `stream.bindings`, did you mean `foo`?";
        assert_eq!(*said.lock().unwrap(), expected);
        app.running.stop().await;
    })]
}

fn sending() -> Vec<Row> {
    vec![
        same!("B2", {
            let app =
                App::start(BRIDGE, bridge(|text, sender| async move { sender.send("foo", text).await }))
                    .await;
            let mut there = app.reader("there").await;
            app.send("in", "x").await;
            let message = next(&mut there).await.message;
            let content_type = message.headers().content_type().unwrap().as_str();
            assert_eq!((message.bytes(), content_type), (&b"x"[..], "text/plain"));
            app.running.stop().await;
        }),
        same!("B4", { send_to_many().await }),
        differs!("B5", "the binder is a setting of the output, not an argument of each call", {
            let (first, second) = (Destinations::new(), Destinations::new());
            let mut elsewhere = second.reader("elsewhere", "g").await.unwrap();
            let functions = bridge(|text, sender: Sender| async move { sender.send("other", text).await });
            let runtime =
                builder(BRIDGE, functions).binder("memory", first.binder()).binder("second", second.binder());
            let running = runtime.build().unwrap().start().await.unwrap();
            first.send("in", plain("x")).await.unwrap();
            assert_eq!(text(&mut elsewhere).await, "x");
            running.stop().await;
        }),
        same!("B6", {
            let app = App::start(
                BRIDGE,
                bridge(|text, sender| async move {
                    sender.send_message("foo", Message::new(text).with_header("a", "1")).await
                }),
            )
            .await;
            let mut there = app.reader("there").await;
            app.send("in", "x").await;
            assert_eq!(next(&mut there).await.message.headers().text("a"), Some("1"));
            app.running.stop().await;
        }),
        differs!("B8", "a range is no content type of a message: it is refused at start", {
            let yaml = BRIDGE.replace("text/plain", "application/*+avro");
            let found = problems(&yaml, bridge(|text, sender| async move { sender.send("foo", text).await }));
            let expected = "`application/*+avro` is a range, expected one type such as `application/json`";
            assert!(found.len() == 1 && found[0].ends_with(expected), "{found:?}");
        }),
        same!("B14", {
            let yaml = BRIDGE.replace(", binder: second", "");
            let app =
                App::start(&yaml, bridge(|_, sender| async move { sender.send("other", Empty {}).await }))
                    .await;
            let mut elsewhere = app.reader("elsewhere").await;
            app.send("in", "x").await;
            let message = next(&mut elsewhere).await.message;
            assert_eq!(
                (message.bytes(), message.headers().content_type()),
                (&b"{}"[..], Some(&ContentType::JSON))
            );
            app.running.stop().await;
        }),
    ]
}

/// Twelve outputs, each used three times in turn.
async fn send_to_many() {
    let outputs: String = (0..12).map(|n| format!("    out{n}: {{ destination: d{n} }}\n")).collect();
    let yaml = format!(
        "function: {{ definition: bridge }}\nstream:\n  bindings:\n    bridge-in-0: {{ destination: in, group: g }}\n{outputs}"
    );
    let app = App::start(
        &yaml,
        bridge(|text, sender| async move {
            for n in 0..12 {
                sender.send(&format!("out{n}"), text.clone()).await?;
            }
            Ok(())
        }),
    )
    .await;
    for round in ["a", "b", "c"] {
        app.send("in", round).await;
    }
    for n in 0..12 {
        let mut reader = app.reader(&format!("d{n}")).await;
        for round in ["a", "b", "c"] {
            assert_eq!(text(&mut reader).await, round);
        }
    }
    app.running.stop().await;
}

async fn results_name_partitioned_outputs() {
    let yaml = "
function: { definition: route }
stream:
  bindings:
    route-in-0: { destination: in, group: g }
    aa: { destination: aa, producer: { partition-count: 3, partition-key-expression: \"headers['n']\" } }
    bb: { destination: bb, producer: { partition-count: 2, partition-key-expression: \"headers['n']\" } }
";
    let app = App::start(yaml, |catalog| {
        catalog.function("route", |n: i64| {
            [("aa", n), ("bb", n)]
                .map(|(to, n)| {
                    Message::new(n).with_header("n", n).with_header(header_names::SEND_TO_DESTINATION, to)
                })
                .to_vec()
        })
    })
    .await;
    let (mut aa, mut bb) = (app.reader("aa").await, app.reader("bb").await);
    for n in 0..6_u32 {
        app.send("in", n.to_string()).await;
        let (a, b) = (next(&mut aa).await, next(&mut bb).await);
        assert_eq!((a.message.bytes(), a.partition), (n.to_string().as_bytes(), n % 3));
        assert_eq!((b.message.bytes(), b.partition), (n.to_string().as_bytes(), n % 2));
    }
    assert_eq!(app.running.stop().await, 0);
}

fn not_sending_yet() -> Vec<Row> {
    vec![
        not_yet("B9", "sending cannot be wrapped yet"),
        not_yet("B10", "there is no callback for outputs yet; every output is known at start"),
        same!("B12", { results_name_partitioned_outputs().await }),
        same!("B13", {
            let yaml = "
function: { definition: upper }
stream: { bindings: { upper-in-0: { destination: in, group: g }, upper-out-0: { destination: out } } }
";
            let app = App::start(yaml, |catalog| catalog.function("upper", uppercase)).await;
            let mut out = app.reader("out").await;
            let message = plain("x").with_header(header_names::SEND_TO_DESTINATION, "in");
            app.destinations.send("in", message).await.unwrap();
            assert_eq!(text(&mut out).await, "X");
            assert_eq!(app.stats("upper-in-0").received.get(), 1);
            app.running.stop().await;
        }),
    ]
}

fn routing() -> Vec<Row> {
    vec![
        refused("T1", ROUTER, ROUTING),
        refused("T2", ROUTER, EXPRESSION),
        refused("T4", ROUTER, ROUTING),
        refused("T5", ROUTER, ROUTING),
        refused("T6", ROUTER, ROUTING),
        refused("T8", ROUTER, EXPRESSION),
        refused("T9", ROUTER, ROUTING),
    ]
}

/// Runs a failing function and tells when it was called.
async fn calls(settings: &str, error: fn() -> Error) -> Vec<u64> {
    let yaml = format!(
        "
function: {{ definition: work }}
stream: {{ bindings: {{ work-in-0: {{ destination: in, group: g, consumer: {{ dead-letter: failed, {settings} }} }} }} }}
"
    );
    let (times, started) = (Arc::new(Mutex::new(Vec::new())), Instant::now());
    let noted = Arc::clone(&times);
    let app = App::start(&yaml, move |catalog| {
        catalog.consumer("work", move |_: String| {
            noted.lock().unwrap().push(u64::try_from(started.elapsed().as_millis()).unwrap());
            Err::<(), _>(error())
        })
    })
    .await;
    let mut failed = app.reader("failed").await;
    app.send("in", "x").await;
    assert_eq!(text(&mut failed).await, "x");
    app.running.stop().await;
    let times = times.lock().unwrap();
    times.iter().map(|time| time - times[0]).collect()
}

fn failures() -> Vec<Row> {
    vec![
        same!("E1", { assert_eq!(calls("max-attempts: 2", || Error::retryable("busy")).await.len(), 2) }),
        same!("E2", {
            let settings = "max-attempts: 3, back-off-initial-interval: 100ms, back-off-multiplier: 2.0, back-off-max-interval: 150ms";
            assert_eq!(calls(settings, || Error::retryable("busy")).await, [0, 100, 250]);
        }),
        same!("E4", {
            let settings = "max-attempts: 5, retryable-exceptions: { 'std::io::Error': true }";
            assert_eq!(calls(settings, || Error::retryable("busy")).await, [0]);
            assert_eq!(calls(settings, || std::io::Error::other("full").into()).await.len(), 5);
        }),
        refused("E5", HANDLER, "spring.cloud.stream.default.error-handler-definition"),
        refused("E6", HANDLER, ERROR_HANDLER),
        refused("E8", HANDLER, ERROR_HANDLER),
        same!("E9", { retries_the_whole_chain().await }),
        refused("E10", POLLED, POLLABLE),
        refused("E12", POLLED, POLLABLE),
        refused("E13", POLLED, POLLABLE),
    ]
}

async fn retries_the_whole_chain() {
    let yaml = "
function: { definition: first|second }
stream:
  bindings:
    firstsecond-in-0: { destination: in, group: g, consumer: { max-attempts: 4, dead-letter: failed } }
    firstsecond-out-0: { destination: out }
";
    let count = Arc::new(AtomicU32::new(0));
    let state = Arc::clone(&count);
    let app = App::start(yaml, move |catalog| {
        catalog
            .state(state)
            .function("first", |text: String, State(count): State<Arc<AtomicU32>>| {
                count.fetch_add(1, Ordering::Relaxed);
                text
            })
            .function("second", |_: String| Err::<String, _>(Error::retryable("never")))
    })
    .await;
    let mut failed = app.reader("failed").await;
    app.send("in", "x").await;
    let letter = next(&mut failed).await.message;
    assert_eq!(letter.headers().text(header_names::EXCEPTION_MESSAGE), Some("`second`: never"));
    assert_eq!((count.load(Ordering::Relaxed), app.stats("firstsecond-in-0").sent.get()), (4, 0));
    app.running.stop().await;
}
