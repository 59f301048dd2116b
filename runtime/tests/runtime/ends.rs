//! Functions with several inputs and outputs.

use wellspring::{CatalogBuilder, ContentType, Either, Error, Message, Optional, PerOutput};

use super::app::{App, builder, eventually, next, problems, text};

const SPLIT: &str = "
function: { definition: parse|split }
stream:
  bindings:
    parsesplit-in-0: { destination: in, group: g, consumer: { back-off-initial-interval: 10ms, dead-letter: failed } }
    parsesplit-out-0: { destination: halves, content-type: application/vnd.half+json }
    parsesplit-out-1: { destination: remainders }
";

fn split(catalog: CatalogBuilder) -> CatalogBuilder {
    catalog.function("parse", |n: u64| n).function("split", |n: u64| match n {
        0 => Err(Error::fatal("nothing to split")),
        n => Ok(PerOutput((n / 2, Optional((n % 2 == 1).then(|| format!("{n} is odd")))))),
    })
}

#[tokio::test(start_paused = true)]
async fn each_output_has_a_destination_of_its_own() {
    let app = App::start(SPLIT, split).await;
    let (mut halves, mut remainders) = (app.reader("halves").await, app.reader("remainders").await);
    for n in ["7", "8", "9"] {
        app.send("in", n).await;
    }
    let half = next(&mut halves).await.message;
    assert_eq!(
        (half.bytes(), half.headers().content_type().map(ContentType::as_str)),
        (&b"3"[..], Some("application/vnd.half+json"))
    );
    assert_eq!((text(&mut halves).await, text(&mut halves).await), ("4".to_owned(), "4".to_owned()));
    let remainder = next(&mut remainders).await.message;
    assert_eq!(
        (remainder.bytes(), remainder.headers().content_type()),
        (&b"7 is odd"[..], Some(&ContentType::JSON))
    );
    assert_eq!(text(&mut remainders).await, "9 is odd");
    eventually("settled", || app.stats("parsesplit-in-0").succeeded.get() == 3).await;
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_function_sends_nothing_to_any_output() {
    let app = App::start(SPLIT, split).await;
    let (mut halves, mut failed) = (app.reader("halves").await, app.reader("failed").await);
    app.send("in", "0").await;
    assert_eq!(text(&mut failed).await, "0");
    app.send("in", "2").await;
    assert_eq!(text(&mut halves).await, "1");
    assert_eq!(app.running.stop().await, 0);
}

const MERGE: &str = "
function: { definition: merge }
stream:
  bindings:
    merge-in-0: { destination: orders, group: g, consumer: { dead-letter: failed } }
    merge-in-1: { destination: payments, group: g }
    merge-out-0: { destination: ledger }
";

fn merge(catalog: CatalogBuilder) -> CatalogBuilder {
    catalog.function("merge", |event: Either<u64, Message<String>>| match event {
        Either::In0(order) => format!("order {order}"),
        Either::In1(payment) => format!("payment {}", payment.payload()),
    })
}

#[tokio::test(start_paused = true)]
async fn each_input_has_a_destination_and_a_type_of_its_own() {
    let app = App::start(MERGE, merge).await;
    let (mut ledger, mut failed) = (app.reader("ledger").await, app.reader("failed").await);
    app.send("orders", "7").await;
    assert_eq!(text(&mut ledger).await, "order 7");
    app.send("payments", "by card").await;
    assert_eq!(text(&mut ledger).await, "payment by card");
    app.send("orders", "by card").await;
    assert_eq!(text(&mut failed).await, "by card", "an order is a number");
    eventually("settled", || app.stats("merge-in-1").succeeded.get() == 1).await;
    assert_eq!(app.stats("merge-in-0").succeeded.get(), 1);
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn each_input_is_paused_by_itself() {
    let app = App::start(MERGE, merge).await;
    let mut ledger = app.reader("ledger").await;
    app.running.binding("merge-in-0").unwrap().pause();
    app.send("orders", "7").await;
    app.send("payments", "cash").await;
    assert_eq!(text(&mut ledger).await, "payment cash");
    app.running.binding("merge-in-0").unwrap().resume();
    assert_eq!(text(&mut ledger).await, "order 7");
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_supplier_may_have_several_outputs() {
    let yaml = "
function: { definition: pair }
stream:
  bindings:
    pair-out-0: { destination: numbers, producer: { poller: { fixed-delay: 1h } } }
    pair-out-1: { destination: words }
";
    let app =
        App::start(yaml, |catalog| catalog.supplier("pair", || PerOutput((7, "seven".to_owned())))).await;
    let (mut numbers, mut words) = (app.reader("numbers").await, app.reader("words").await);
    assert_eq!((text(&mut numbers).await, text(&mut words).await), ("7".to_owned(), "seven".to_owned()));
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_batch_may_have_several_outputs() {
    let yaml = "
function: { definition: tell }
stream:
  bindings:
    tell-in-0: { destination: in, group: g, consumer: { batch-mode: true, batch-max-wait: 10ms } }
    tell-out-0: { destination: each }
    tell-out-1: { destination: sums }
";
    let app = App::start(yaml, |catalog| {
        catalog.function("tell", |wellspring::Batch(numbers): wellspring::Batch<u64>| {
            let sum = numbers.iter().sum::<u64>();
            PerOutput((wellspring::Batch(numbers), sum))
        })
    })
    .await;
    let (mut each, mut sums) = (app.reader("each").await, app.reader("sums").await);
    for n in ["1", "2"] {
        app.send("in", n).await;
    }
    assert_eq!((text(&mut each).await, text(&mut each).await), ("1".to_owned(), "2".to_owned()));
    assert_eq!(text(&mut sums).await, "3");
    eventually("settled", || app.stats("tell-in-0").succeeded.get() == 2).await;
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_one_output_does_not_take_fails_though_the_other_took_it() {
    let yaml = "
function: { definition: tell }
stream:
  bindings:
    tell-in-0: { destination: in, group: g, consumer: { dead-letter: failed } }
    tell-out-0: { destination: first }
    tell-out-1:
      destination: second
      producer: { partition-count: 2, partition-key-expression: \"headers['key']\" }
";
    let app = App::start(yaml, |catalog| {
        // Without a key the second output cannot choose a partition.
        let keyed = |n: u64| if n == 1 { Message::new(n) } else { Message::new(n).with_header("key", "k") };
        catalog.function("tell", move |n: u64| PerOutput((n, keyed(n))))
    })
    .await;
    let (mut first, mut second) = (app.reader("first").await, app.reader("second").await);
    let mut failed = app.reader("failed").await;
    app.send("in", "1").await;
    app.send("in", "2").await;
    assert_eq!(text(&mut failed).await, "1");
    assert_eq!((text(&mut first).await, text(&mut second).await), ("1".to_owned(), "2".to_owned()));
    eventually("settled", || app.stats("tell-in-0").succeeded.get() == 1).await;
    assert_eq!(app.running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_function_over_a_stream_gets_a_stream_for_each_message() {
    use futures_util::StreamExt;
    use wellspring::Streaming;

    let yaml = "
function: { definition: total }
stream: { bindings: { total-in-0: { destination: in, group: g }, total-out-0: { destination: out } } }
";
    let total = |numbers: Streaming<u64>| numbers.fold(0u64, |sum, n| async move { sum + n });
    let app = App::start(yaml, move |catalog| catalog.function("total", total)).await;
    let mut out = app.reader("out").await;
    for n in ["1", "2"] {
        app.send("in", n).await;
    }
    assert_eq!((text(&mut out).await, text(&mut out).await), ("1".to_owned(), "2".to_owned()));
    eventually("settled", || app.stats("total-in-0").succeeded.get() == 2).await;
    assert_eq!(app.running.stop().await, 0);
}

#[test]
fn the_plan_shows_every_end() {
    for (yaml, functions, expected) in [
        (
            SPLIT,
            split as fn(CatalogBuilder) -> CatalogBuilder,
            ["parsesplit-in-0", "parsesplit-out-0", "parsesplit-out-1"],
        ),
        (MERGE, merge, ["merge-in-0", "merge-in-1", "merge-out-0"]),
    ] {
        let runtime = builder(yaml, functions).build().unwrap();
        let table = runtime.plan().to_string();
        let names: Vec<_> = table.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(names, expected, "{table}");
    }
}

#[test]
fn an_end_that_a_function_does_not_have_is_refused() {
    let yaml = MERGE.replace("merge-in-1", "merge-in-2").replace("merge-out-0", "merge-out-1");
    let found = problems(&yaml, merge).join("\n");
    assert!(
        found.contains("`stream.bindings.merge-in-2`: no function has the input `merge-in-2`"),
        "{found}"
    );
    assert!(
        found.contains("`stream.bindings.merge-out-1`: no function has the output `merge-out-1`"),
        "{found}"
    );
}
