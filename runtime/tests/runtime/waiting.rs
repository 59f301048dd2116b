//! Brokers that do not answer at start: they are waited for, and nothing runs until all of them answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use wellspring::binder::{Binder, Capabilities, Error, Input, InputSpec, Kind, Output, OutputSpec};
use wellspring::binding::State;
use wellspring::config::Sources;
use wellspring::testing::Destinations;
use wellspring::{ContentType, Message, Running, Runtime, RuntimeBuilder};

use super::app::eventually;
use super::web::{get, until};

/// A broker that answers when it is told to.
#[derive(Debug, Clone)]
struct Sleepy {
    broker: Arc<dyn Binder>,
    answers: Arc<AtomicU8>,
}

const ASLEEP: u8 = 0;
const AWAKE: u8 = 1;
const REFUSING: u8 = 2;

impl Sleepy {
    fn asleep(destinations: &Destinations) -> Self {
        Self { broker: destinations.binder(), answers: Arc::default() }
    }

    fn turn(&self, answers: u8) {
        self.answers.store(answers, Ordering::SeqCst);
    }

    fn answer(&self) -> Result<(), Error> {
        match self.answers.load(Ordering::SeqCst) {
            ASLEEP => Err(Error::new(Kind::Unreachable, "`sleepy:1` does not answer")),
            AWAKE => Ok(()),
            _ => Err(Error::new(Kind::Refused, "`sleepy:1` refuses `out`")),
        }
    }
}

impl Binder for Sleepy {
    fn capabilities(&self) -> Capabilities {
        self.broker.capabilities()
    }

    fn bind_input(&self, spec: InputSpec) -> BoxFuture<'_, Result<Box<dyn Input>, Error>> {
        async {
            self.answer()?;
            self.broker.bind_input(spec).await
        }
        .boxed()
    }

    fn bind_output(&self, spec: OutputSpec) -> BoxFuture<'_, Result<Box<dyn Output>, Error>> {
        async {
            self.answer()?;
            self.broker.bind_output(spec).await
        }
        .boxed()
    }
}

const YAML: &str = "
function: { definition: uppercase;sink }
stream:
  default-binder: memory
  bindings:
    uppercase-in-0: { destination: in, group: g }
    uppercase-out-0: { destination: out, binder: sleepy }
    sink-in-0: { destination: aside, group: g }
  binders: { sleepy: { type: memory } }
";

fn builder(awake: &Destinations, sleepy: &Sleepy, arguments: &[&str]) -> RuntimeBuilder {
    let arguments =
        [&["--http.port=0", "--http.address=127.0.0.1", "--management.port=0"], arguments].concat();
    let sources = Sources::new().args(arguments).built_in("application.yaml", YAML);
    Runtime::builder()
        .functions(|catalog| {
            let catalog = catalog.function("uppercase", |text: String| text.to_uppercase());
            catalog.consumer("sink", |_: String| ())
        })
        .sources(sources)
        .binder("memory", awake.binder())
        .binder("sleepy", Arc::new(sleepy.clone()))
}

async fn health(running: &Running, target: &str) -> (u16, serde_json::Value) {
    get(running.management_address().unwrap(), target).await
}

#[tokio::test]
async fn a_broker_that_is_down_at_start_is_waited_for_while_http_answers() {
    let (awake, asleep) = (Destinations::new(), Destinations::new());
    let sleepy = Sleepy::asleep(&asleep);
    let retry = "--spring.cloud.stream.binding-retry-interval=1";
    let running = builder(&awake, &sleepy, &[retry]).build().unwrap().start().await.unwrap();
    for binding in running.bindings() {
        assert_eq!(binding.state(), State::Connecting, "{}", binding.name());
    }
    let (status, ready) = health(&running, "/health/ready").await;
    assert_eq!((status, &ready["status"]), (503, &"down".into()));
    let detail = |binding: &str| ready["components"][binding]["detail"].as_str().unwrap().to_owned();
    assert_eq!(detail("uppercase-out-0"), "waits for the binder `sleepy`: `sleepy:1` does not answer");
    assert_eq!(detail("uppercase-in-0"), "waits until the binder `sleepy` can be reached");
    assert_eq!(ready["components"]["uppercase-out-0"]["state"], "connecting");
    assert_eq!(health(&running, "/health/live").await.0, 200);

    // Nothing is read meanwhile, also where it could be: another member of the group gets it.
    awake.send("aside", Message::encoded("x", ContentType::TEXT)).await.unwrap();
    let mut other = awake.reader("aside", "g").await.unwrap();
    assert_eq!(other.next().await.unwrap().message.bytes(), b"x");
    drop(other);

    sleepy.turn(AWAKE);
    running.binding("uppercase-in-0").unwrap().reached(State::Running).await;
    let ready =
        until(running.management_address().unwrap(), "/health/ready", |status, _| status == 200).await;
    assert_eq!(ready, serde_json::json!({"status": "up"}));
    let mut out = asleep.reader("out", "test").await.unwrap();
    awake.send("in", Message::encoded("hello", ContentType::TEXT)).await.unwrap();
    assert_eq!(out.next().await.unwrap().message.bytes(), b"HELLO");
    assert_eq!(running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_after_a_wait_ends_start_up_with_the_reason() {
    let (awake, asleep) = (Destinations::new(), Destinations::new());
    let sleepy = Sleepy::asleep(&asleep);
    let running =
        builder(&awake, &sleepy, &["--management.enabled=false"]).build().unwrap().start().await.unwrap();
    sleepy.turn(REFUSING);
    let error = running.failed().await;
    assert_eq!(error.to_string(), "the binding `uppercase-out-0` cannot be made on the binder `sleepy`");
    assert_eq!(std::error::Error::source(&*error).unwrap().to_string(), "`sleepy:1` refuses `out`");
    eventually("the binding has failed", || running.binding("sink-in-0").unwrap().state() == State::Failed)
        .await;
    assert_eq!(running.stop().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_wait_at_once() {
    let (awake, asleep) = (Destinations::new(), Destinations::new());
    let sleepy = Sleepy::asleep(&asleep);
    let running = builder(&awake, &sleepy, &[]).build().unwrap().start().await.unwrap();
    let before = tokio::time::Instant::now();
    assert_eq!(running.stop().await, 0);
    assert!(before.elapsed() < Duration::from_secs(2), "{:?}", before.elapsed());
}

#[tokio::test(start_paused = true)]
async fn one_who_does_not_want_to_wait_is_told_at_once() {
    for argument in ["--fail-fast", "--stream.fail-fast=true", "--stream.binding-retry-interval=0"] {
        let (awake, asleep) = (Destinations::new(), Destinations::new());
        let sleepy = Sleepy::asleep(&asleep);
        let error = builder(&awake, &sleepy, &[argument]).build().unwrap().start().await.unwrap_err();
        assert!(error.is_unreachable(), "{argument}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_binding_that_is_paused_while_it_is_waited_for_begins_paused() {
    let (awake, asleep) = (Destinations::new(), Destinations::new());
    let sleepy = Sleepy::asleep(&asleep);
    let running = builder(&awake, &sleepy, &["--http.enabled=false"]).build().unwrap().start().await.unwrap();
    running.binding("sink-in-0").unwrap().pause();
    sleepy.turn(AWAKE);
    running.binding("sink-in-0").unwrap().reached(State::Paused).await;
    running.binding("uppercase-in-0").unwrap().reached(State::Running).await;
    assert_eq!(running.stop().await, 0);
}
