//! Bindings on the memory binder: the story, failures, suppliers, pause and drain.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use wellspring_functions::{
    Catalog, CatalogBuilder, Error, Headers, Message, Sender, State as Injected, header_names,
};

use super::*;
use crate::config::{Config, Sources};
use crate::testing::{Destinations, Reader};

struct App {
    destinations: Destinations,
    bindings: Bindings,
}

fn config(yaml: &str) -> Config {
    Config::load(&Sources::new().built_in("application.yaml", yaml))
        .unwrap_or_else(|problems| panic!("{problems}"))
}

async fn start(yaml: &str, functions: CatalogBuilder) -> App {
    start_on(Destinations::new(), yaml, functions).await
}

async fn start_on(destinations: Destinations, yaml: &str, functions: CatalogBuilder) -> App {
    let config = config(yaml);
    let outputs = SenderOutputs::default();
    let sender = Sender::new(Arc::new(outputs.clone()), functions.codecs());
    let catalog = functions.resource(sender).build().unwrap();
    let plan = Plan::new(&config, &catalog).unwrap_or_else(|problems| panic!("{problems}"));
    let binders = Binders::default().with("memory", destinations.binder());
    let bindings = Bindings::start(&plan, &binders, &outputs).await.unwrap();
    App { destinations, bindings }
}

impl App {
    async fn send(&self, destination: &str, payload: &'static str) {
        let message = Message::encoded(payload, wellspring_functions::ContentType::JSON);
        self.destinations.send(destination, message).await.unwrap();
    }

    async fn reader(&self, destination: &str) -> Reader {
        self.destinations.reader(destination, "test").await.unwrap()
    }

    async fn stop(mut self) -> u64 {
        self.bindings.stop(Duration::from_secs(5)).await + self.bindings.close(Duration::from_secs(5)).await
    }

    fn stats(&self, binding: &str) -> &Stats {
        self.bindings.get(binding).unwrap().stats()
    }
}

async fn text(reader: &mut Reader) -> String {
    String::from_utf8(reader.next().await.unwrap().message.bytes().to_vec()).unwrap()
}

async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(tokio::time::Instant::now() < deadline, "never happened: {what}");
        tokio::task::yield_now().await;
        tokio::time::advance(Duration::from_millis(1)).await;
    }
}

const STORY: &str = "
function: { definition: email|sms }
stream:
  bindings:
    emailsms-in-0: { destination: send-communication, group: message, consumer: { dead-letter: failed } }
    emailsms-out-0: { destination: communication-sent }
";

fn email_and_sms() -> CatalogBuilder {
    Catalog::builder().function("email", |account: serde_json::Value| account).function(
        "sms",
        |account: serde_json::Value| {
            account["accountNumber"].as_u64().ok_or_else(|| Error::fatal("no number"))
        },
    )
}

#[tokio::test(start_paused = true)]
async fn a_composition_reads_one_destination_and_writes_another() {
    let app = start(STORY, email_and_sms()).await;
    let mut sent = app.reader("communication-sent").await;
    app.send("send-communication", r#"{"accountNumber":7}"#).await;
    app.send("send-communication", r#"{"accountNumber":8}"#).await;
    assert_eq!((text(&mut sent).await, text(&mut sent).await), ("7".to_owned(), "8".to_owned()));
    eventually("settled", || app.stats("emailsms-in-0").succeeded.get() == 2).await;
    assert_eq!(app.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_fails_for_good_becomes_a_dead_letter_byte_for_byte() {
    let app = start(STORY, email_and_sms()).await;
    let mut failed = app.reader("failed").await;
    for payload in ["not json {", r#"{"other":1}"#] {
        app.send("send-communication", payload).await;
        let letter = failed.next().await.unwrap().message;
        assert_eq!(letter.bytes(), payload.as_bytes());
        assert_eq!(letter.headers().integer(header_names::ATTEMPTS), Some(1), "another attempt cannot help");
        assert_eq!(letter.headers().text(header_names::BINDING), Some("emailsms-in-0"));
        assert_eq!(letter.headers().text(header_names::ORIGINAL_DESTINATION), Some("send-communication"));
    }
    assert_eq!(app.stats("emailsms-in-0").dead_lettered.get(), 2);
    assert_eq!(app.stop().await, 0);
}

fn failing(times: u32) -> (Arc<AtomicU32>, CatalogBuilder) {
    let calls = Arc::new(AtomicU32::new(0));
    let builder = Catalog::builder().state(Arc::clone(&calls)).function(
        "work",
        move |n: u64, Injected(calls): Injected<Arc<AtomicU32>>| match calls.fetch_add(1, Ordering::Relaxed) {
            call if call < times => Err(Error::retryable("busy")),
            _ => Ok(n),
        },
    );
    (calls, builder)
}

const WORK: &str = "
function: { definition: work }
stream:
  bindings:
    work-in-0:
      { destination: in, group: g, consumer: { max-attempts: 3, dead-letter: failed, back-off-initial-interval: 100ms } }
    work-out-0: { destination: out }
";

#[tokio::test(start_paused = true)]
async fn three_attempts_are_three_calls_with_growing_waits() {
    let (calls, builder) = failing(2);
    let app = start(WORK, builder).await;
    let mut out = app.reader("out").await;
    let started = tokio::time::Instant::now();
    app.send("in", "5").await;
    assert_eq!(text(&mut out).await, "5");
    assert_eq!((calls.load(Ordering::Relaxed), started.elapsed().as_millis()), (3, 300));
    app.stop().await;

    let (calls, builder) = failing(3);
    let app = start(WORK, builder).await;
    let mut failed = app.reader("failed").await;
    app.send("in", "5").await;
    let letter = failed.next().await.unwrap().message;
    assert_eq!(
        (calls.load(Ordering::Relaxed), letter.headers().integer(header_names::ATTEMPTS)),
        (3, Some(3))
    );
    assert_eq!(letter.headers().text(header_names::EXCEPTION_MESSAGE), Some("`work`: busy"));
    assert_eq!(letter.headers().text(header_names::EXCEPTION_KIND), Some("retryable"));
    app.stop().await;
}

#[tokio::test(start_paused = true)]
async fn without_a_dead_letter_destination_a_failed_message_is_dropped_and_counted() {
    let (_, builder) = failing(u32::MAX);
    let app = start("{ function: { definition: work }, stream: { bindings: { work-in-0: { destination: in, group: g } } } }", builder).await;
    app.send("in", "5").await;
    eventually("dropped", || app.stats("work-in-0").dropped.get() == 1).await;
    assert_eq!(app.stats("work-in-0").failed.get(), 3);
    assert_eq!(app.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn headers_go_along_unless_the_function_decides_on_them() {
    let app = start(
        "
function: { definition: plain;own }
stream:
  bindings:
    plain-in-0: { destination: in, group: plain }
    plain-out-0: { destination: plain }
    own-in-0: { destination: in, group: own }
    own-out-0: { destination: own }
",
        Catalog::builder()
            .function("plain", |text: String| text)
            .function("own", |text: String| Message::new(text).with_header("own", 1)),
    )
    .await;
    let (mut plain, mut own) = (app.reader("plain").await, app.reader("own").await);
    let message = Message::encoded("x", wellspring_functions::ContentType::TEXT).with_header("trace", "7f");
    app.destinations.send("in", message).await.unwrap();
    let names = |headers: &Headers| headers.iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
    assert_eq!(names(plain.next().await.unwrap().message.headers()), ["trace"]);
    assert_eq!(names(own.next().await.unwrap().message.headers()), ["own"]);
    app.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_supplier_is_called_after_each_delay_and_may_feed_a_consumer() {
    let seen = Arc::new(AtomicU32::new(0));
    let app = start(
        "
function: { definition: tick;tick|count }
stream:
  bindings: { tick-out-0: { destination: ticks, producer: { poller: { fixed-delay: 2s, initial-delay: 1s } } } }
",
        Catalog::builder().state(Arc::clone(&seen)).supplier("tick", || "tick".to_owned()).consumer(
            "count",
            |_: String, Injected(seen): Injected<Arc<AtomicU32>>| {
                seen.fetch_add(1, Ordering::Relaxed);
            },
        ),
    )
    .await;
    let mut ticks = app.reader("ticks").await;
    let started = tokio::time::Instant::now();
    for expected in [1, 3, 5] {
        assert_eq!(text(&mut ticks).await, "tick");
        assert_eq!(started.elapsed().as_secs(), expected);
    }
    eventually("the consumer runs too", || seen.load(Ordering::Relaxed) >= 5).await;
    assert_eq!(app.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_paused_binding_keeps_its_messages_and_resumes() {
    let app = start(STORY, email_and_sms()).await;
    let mut sent = app.reader("communication-sent").await;
    let binding = app.bindings.get("emailsms-in-0").unwrap().clone();
    binding.pause();
    binding.reached(State::Paused).await;
    app.send("send-communication", r#"{"accountNumber":7}"#).await;
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(binding.stats().received.get(), 0);
    binding.resume();
    assert_eq!(text(&mut sent).await, "7");
    app.stop().await;
}

#[tokio::test(start_paused = true)]
async fn stopping_finishes_what_is_in_flight_and_leaves_the_rest() {
    let app = start(
        "
function: { definition: slow }
stream:
  bindings: { slow-in-0: { destination: in, group: g }, slow-out-0: { destination: out } }
",
        Catalog::builder().function("slow", |n: u64| async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            n
        }),
    )
    .await;
    let mut out = app.reader("out").await;
    let destinations = app.destinations.clone();
    app.send("in", "1").await;
    eventually("in flight", || app.stats("slow-in-0").received.get() == 1).await;
    app.send("in", "2").await;
    assert_eq!(app.stop().await, 0);
    assert_eq!(text(&mut out).await, "1");
    let mut rest = destinations.reader("in", "g").await.unwrap();
    assert_eq!(text(&mut rest).await, "2", "the message that was not begun is still there");
}

#[tokio::test(start_paused = true)]
async fn a_function_that_hangs_is_abandoned_after_the_grace_period_and_its_message_stays() {
    let app = start(
        "{ function: { definition: hang }, stream: { bindings: { hang-in-0: { destination: in, group: g } } } }",
        Catalog::builder().function("hang", |_: u64| std::future::pending::<u64>()),
    )
    .await;
    let destinations = app.destinations.clone();
    app.send("in", "1").await;
    eventually("in flight", || app.stats("hang-in-0").received.get() == 1).await;
    assert_eq!(app.stop().await, 1);
    assert_eq!(text(&mut destinations.reader("in", "g").await.unwrap()).await, "1");
}

#[tokio::test(start_paused = true)]
async fn code_sends_to_a_named_output_and_waits_for_the_confirm() {
    let app = start(
        "
function: { definition: register }
stream:
  bindings:
    register-in-0: { destination: in, group: g }
    accounts-out-0: { destination: accounts }
",
        Catalog::builder().function("register", |name: String, sender: Sender| async move {
            sender.send("accounts-out-0", serde_json::json!({ "name": name })).await?;
            sender.send("acounts-out-0", 1).await.map(|()| 1)
        }),
    )
    .await;
    let mut accounts = app.reader("accounts").await;
    app.send("in", "bob").await;
    assert_eq!(text(&mut accounts).await, r#"{"name":"bob"}"#);
    eventually("the wrong name fails", || app.stats("register-in-0").dropped.get() == 1).await;
    app.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_that_cannot_be_sent_leaves_the_original() {
    let full = Destinations::with(crate::binder::memory::Config { capacity: 1, partitions: 1 });
    full.send("failed", Message::encoded("x", wellspring_functions::ContentType::TEXT)).await.unwrap();
    let app = start_on(full.clone(), STORY, email_and_sms()).await;
    app.send("send-communication", "broken").await;
    eventually("failed", || app.stats("emailsms-in-0").failed.get() == 1).await;
    assert_eq!(app.stats("emailsms-in-0").dead_lettered.get(), 0);
    assert_eq!(app.stop().await, 1);
    assert_eq!(text(&mut full.reader("send-communication", "message").await.unwrap()).await, "broken");
}

#[tokio::test(start_paused = true)]
async fn thousands_of_messages_come_out_once_each_and_in_order() {
    let app = start(
        "
function: { definition: same }
stream:
  bindings: { same-in-0: { destination: in, group: g }, same-out-0: { destination: out } }
",
        Catalog::builder().function("same", |n: u64| n),
    )
    .await;
    let mut out = app.reader("out").await;
    let destinations = app.destinations.clone();
    let mut sending = tokio::task::JoinSet::new();
    sending.spawn(async move {
        for n in 0..20_000u64 {
            let message = Message::encoded(n.to_string(), wellspring_functions::ContentType::JSON);
            destinations.send("in", message).await.unwrap();
        }
    });
    for n in 0..20_000u64 {
        assert_eq!(text(&mut out).await, n.to_string());
    }
    sending.join_all().await;
    assert_eq!(app.stop().await, 0);
}

#[test]
fn the_plan_is_printed_without_starting_anything() {
    let catalog = email_and_sms().supplier("tick", || 1).build().unwrap();
    let yaml = STORY.replace("email|sms", "email|sms;tick");
    let plan = Plan::new(&config(&yaml), &catalog).unwrap();
    assert_eq!(
        plan.to_string(),
        "\
BINDING         FUNCTION   DIRECTION  DESTINATION         GROUP    BINDER  NOTES
emailsms-in-0   email|sms  in         send-communication  message  memory  3 attempts, then to `failed`
emailsms-out-0  email|sms  out        communication-sent           memory
tick-out-0      tick       out        tick-out-0                   memory  called every 1s
"
    );
}

#[test]
fn everything_wrong_with_a_plan_is_reported_at_once() {
    let catalog = email_and_sms().build().unwrap();
    let yaml = "
function: { definition: email|smss }
stream:
  bindings:
    emailsms-in-0: { destination: a }
    emialsms-in-0: { destination: a }
  function:
    bindings: { emial-in-0: x }
";
    let problems = Plan::new(&config(yaml), &catalog).unwrap_err().to_string();
    for expected in [
        "application.yaml:2:25: `function.definition`: no function is named `smss`, did you mean `sms`?",
        "application.yaml:6:35: `stream.bindings.emialsms-in-0`: no function has the input `emialsms-in-0`",
        "no function has the binding `emial-in-0`",
    ] {
        assert!(problems.contains(expected), "{problems}");
    }
}
