//! Partitions that an output chooses.

use futures_util::future::try_join_all;
use serde_json::{Value, json};
use wellspring::{CatalogBuilder, Sender, header_names};

use crate::app::{App, next, problems};
use crate::functions::{plain, uppercase};
use crate::row::{Row, refused, same};

const PARTITION: &str = "scst_partition";
const BEANS: &str = "a key is named by an expression, there are no beans";
const EXTRACTOR: &str = "spring.cloud.stream.bindings.echo-out-0.producer.partition-key-extractor-name";
const NATIVE: &str = "spring.cloud.stream.bindings.echo-out-0.producer.use-native-encoding";

fn application(key: &str) -> String {
    format!(
        "
function: {{ definition: echo }}
stream:
  bindings:
    echo-in-0: {{ destination: in, group: g, consumer: {{ dead-letter: failed }} }}
    echo-out-0: {{ destination: out, producer: {{ partition-count: 5, partition-key-expression: {key} }} }}
"
    )
}

/// The partitions of messages, which each message tells in a header as well.
async fn chosen(
    key: &str,
    functions: impl FnOnce(CatalogBuilder) -> CatalogBuilder + Send + 'static,
    sent: &[&str],
    count: usize,
) -> Vec<u32> {
    let yaml = application(key);
    let app = App::start(&yaml, functions).await;
    let mut out = app.reader("out").await;
    let mut partitions = Vec::new();
    for at in 0..count {
        if let Some(payload) = sent.get(at) {
            app.destinations.send("in", plain((*payload).to_owned())).await.unwrap();
        }
        let found = next(&mut out).await;
        assert_eq!(found.message.headers().integer(PARTITION), Some(found.partition.into()));
        partitions.push(found.partition);
    }
    app.running.stop().await;
    partitions
}

fn texts(catalog: CatalogBuilder) -> CatalogBuilder {
    catalog.function("echo", |text: String| text)
}

pub(crate) fn rows() -> Vec<Row> {
    vec![
        same!("P1", {
            let number =
                |catalog: CatalogBuilder| catalog.function("echo", |id: String| json!({ "id": id.len() }));
            assert_eq!(chosen("payload.id", number, &["xyz"], 1).await, [3]);
        }),
        same!("P2", {
            let yaml = application("payload.id").replace("echo-in-0", "#echo-in-0");
            let app = App::start(&yaml, |catalog| catalog.supplier("echo", || json!({ "id": 21 }))).await;
            assert_eq!(next(&mut app.reader("out").await).await.partition, 1);
            app.running.stop().await;
        }),
        same!("P4", {
            assert_eq!(chosen("payload", texts, &["a", "c", "d", "f"], 4).await, [2, 4, 0, 2]);
        }),
        same!("P5", {
            let app = App::start(&application("payload.none"), |catalog| {
                catalog.function("echo", |text: String| json!({ "text": text }))
            })
            .await;
            let mut failed = app.reader("failed").await;
            app.send("in", "\"x\"").await;
            let letter = next(&mut failed).await.message;
            let said = letter.headers().text(header_names::EXCEPTION_MESSAGE).unwrap();
            assert!(said.contains("it has no partition key"), "{said}");
            app.running.stop().await;
        }),
        same!("P6", {
            assert_eq!(chosen("payload", texts, &["polygenelubricants"], 1).await, [0]);
        }),
        refused("P8", BEANS, EXTRACTOR),
        refused("P9", BEANS, EXTRACTOR),
        same!("P10", {
            let yaml = "
function: { definition: upper }
stream: { bindings: { upper-in-0: { consumer: { partitioned: true } } } }
";
            let found = problems(yaml, |catalog| catalog.function("upper", uppercase));
            assert!(found.len() == 1 && found[0].contains("a partitioned input needs a group"), "{found:?}");
        }),
        refused("P12", "payloads are encoded by codecs, a key is read from what they make", NATIVE),
        same!("P13", { send_by_turns().await }),
        same!("P14", { send_at_once().await }),
    ]
}

const BRIDGE: &str = "
function: { definition: bridge }
stream:
  bindings:
    bridge-in-0: { destination: in, group: g }
    placed: { destination: placed, producer: { partition-count: 5, partition-key-expression: payload.id } }
    plain: { destination: plain }
";

async fn send_by_turns() {
    let app = App::start(BRIDGE, |catalog| {
        catalog.consumer("bridge", |_: String, sender: Sender| async move {
            for id in 0..3 {
                sender.send("placed", json!({ "id": id })).await?;
                sender.send("plain", json!({ "id": id })).await?;
            }
            Ok::<(), wellspring::Error>(())
        })
    })
    .await;
    let (mut placed, mut plain) = (app.reader("placed").await, app.reader("plain").await);
    app.send("in", "\"go\"").await;
    let mut partitions = Vec::new();
    for _ in 0..3 {
        partitions.push(next(&mut placed).await.message.headers().integer(PARTITION));
        assert_eq!(next(&mut plain).await.message.headers().integer(PARTITION), None);
    }
    // Partitions are read in any order.
    partitions.sort_unstable();
    assert_eq!(partitions, [Some(0), Some(1), Some(2)]);
    app.running.stop().await;
}

async fn send_at_once() {
    let app = App::start(BRIDGE, |catalog| {
        catalog.consumer("bridge", |_: String, sender: Sender| async move {
            let sends = (0..1000).map(|id| sender.send("placed", json!({ "id": id })));
            try_join_all(sends).await.map(drop)
        })
    })
    .await;
    let mut placed = app.reader("placed").await;
    app.send("in", "\"go\"").await;
    for _ in 0..1000 {
        let message = next(&mut placed).await.message;
        let id = serde_json::from_slice::<Value>(message.bytes()).unwrap()["id"].as_i64().unwrap();
        assert_eq!(message.headers().integer(PARTITION), Some(id % 5));
    }
    app.running.stop().await;
}
