//! A broker with names of one row's own: seen by a bare client, and by applications.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::sync::watch;
use wellspring::binder::Binder;
use wellspring::conformance::{Raw, Settings, Subject, Tap, Wire};
use wellspring::testing::{Destinations, Reader, Received};
use wellspring::{CatalogBuilder, Error};

use crate::app::App;
use crate::exclusions::reason;
use crate::prefixed::Prefixed;

/// Longer than any step of a row takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a row may take that is not so on a binder: most of them wait for what never comes.
const IMPATIENCE: Duration = Duration::from_secs(4);

/// A broker with names of one row's own.
pub(crate) struct World {
    subject: Arc<dyn Subject>,
    prefix: String,
    /// Whether there are the destinations that applications use.
    is_made: AtomicBool,
}

/// The id at the beginning of a row's name: `B6`.
pub(crate) fn id(name: &str) -> String {
    name.split('_').next().unwrap_or_default().to_uppercase()
}

/// Executes a row on a binder, which must be so or not be so as the exclusions say.
pub(crate) fn run<S: Subject>(name: &str, subject: Option<S>, row: impl AsyncFnOnce(&World)) {
    let Some(subject) = subject else { return };
    let world = World::of(subject, name);
    let excluded = reason(world.binder_name(), name);
    let patience = if excluded.is_some() { IMPATIENCE } else { 2 * PATIENCE };
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let outcome = tokio.block_on(async {
        let row = async { tokio::time::timeout(patience, row(&world)).await.expect("an end in time") };
        let outcome = AssertUnwindSafe(row).catch_unwind().await;
        world.subject.clean(&world.prefix).await.unwrap();
        outcome
    });
    match (outcome, excluded) {
        (Err(failed), None) => resume_unwind(failed),
        (Ok(()), Some(reason)) => panic!("it is so on {}, and excluded: {reason}", world.binder_name()),
        (Ok(()), None) | (Err(_), Some(_)) => {}
    }
}

/// Happens soon, or the row fails with what did not happen.
pub(crate) async fn soon<T>(what: &str, happens: impl Future<Output = T>) -> T {
    let happened = tokio::time::timeout(PATIENCE, happens).await;
    happened.unwrap_or_else(|_| panic!("did not happen: {what}"))
}

/// Waits until something holds.
pub(crate) async fn eventually(what: &str, holds: impl FnMut() -> bool) {
    soon(what, crate::app::eventually(what, holds)).await;
}

/// The configuration of one function between two destinations. The second keeps what nobody reads: else an exchange
/// would refuse it.
pub(crate) fn work(consumer: &str) -> String {
    format!(
        "
function: {{ definition: work }}
stream:
  bindings:
    work-in-0: {{ destination: in, group: g, consumer: {{ {consumer} }} }}
    work-out-0: {{ destination: out, producer: {{ required-groups: kept }} }}
"
    )
}

impl World {
    /// Names for a row on a broker.
    pub(crate) fn of<S: Subject>(subject: S, row: &str) -> Self {
        let random = RandomState::new().hash_one(row);
        let (subject, prefix) = (Arc::new(subject), format!("wse-{random:016x}."));
        Self { subject, prefix, is_made: AtomicBool::new(false) }
    }

    pub(crate) fn binder_name(&self) -> &'static str {
        self.subject.name()
    }

    /// A binder as another process would have it.
    pub(crate) fn binder(&self) -> Arc<dyn Binder> {
        let inner = self.subject.binder(&Settings::default());
        Arc::new(Prefixed { inner, prefix: self.prefix.clone() })
    }

    /// A binder whose connection can be cut, and what cuts it.
    pub(crate) async fn binder_on_a_wire(&self) -> (Arc<dyn Binder>, Wire) {
        let wire = soon("a wire is laid", self.subject.wire()).await.unwrap();
        let mut settings = Settings::default();
        settings.through = Some(wire.address());
        let inner = self.subject.binder(&settings);
        (Arc::new(Prefixed { inner, prefix: self.prefix.clone() }), wire)
    }

    /// An application as another process would run it, with `work` between `in` and `out`.
    pub(crate) async fn start(
        &self,
        consumer: &str,
        functions: impl FnOnce(CatalogBuilder) -> CatalogBuilder + Send + 'static,
    ) -> App {
        self.start_over(self.binder(), &work(consumer), functions).await
    }

    /// An application over a binder.
    pub(crate) async fn start_over(
        &self,
        binder: Arc<dyn Binder>,
        yaml: &str,
        functions: impl FnOnce(CatalogBuilder) -> CatalogBuilder + Send + 'static,
    ) -> App {
        if !self.is_made.swap(true, Ordering::Relaxed) {
            self.create(1).await;
        }
        let started = App::start_on(Destinations::over(binder), yaml, functions);
        soon("the application starts", started).await
    }

    /// Makes the destinations of applications as somebody else would: one partition each, unless the row says more.
    pub(crate) async fn create(&self, partitions: u32) {
        self.is_made.store(true, Ordering::Relaxed);
        for (destination, partitions) in [("in", partitions), ("out", 1), ("failed", 1)] {
            let name = self.name(destination);
            soon("the destination is made", self.subject.create(&name, partitions)).await.unwrap();
        }
    }

    /// Writes with the bare client.
    pub(crate) async fn publish(&self, destination: &str, messages: impl IntoIterator<Item = Raw>) {
        let (name, messages) = (self.name(destination), messages.into_iter().collect());
        soon("the bare client writes", self.subject.publish(&name, messages)).await.unwrap();
    }

    /// Writes texts with the bare client.
    pub(crate) async fn send(&self, destination: &str, texts: impl IntoIterator<Item = impl ToString>) {
        self.publish(destination, texts.into_iter().map(|text| raw(&text.to_string()))).await;
    }

    /// Reads with the bare client.
    pub(crate) async fn tap(&self, destination: &str) -> Texts {
        let name = self.name(destination);
        Texts(soon("the bare client reads", self.subject.tap(&name)).await.unwrap())
    }

    /// Reads as an application does.
    pub(crate) async fn reader(&self, destination: &str) -> Reader {
        self.reader_of(destination, "test").await
    }

    /// Reads as an application of a group does.
    pub(crate) async fn reader_of(&self, destination: &str, group: &str) -> Reader {
        let destinations = Destinations::over(self.binder());
        let reader = destinations.reader(destination, group);
        soon("a reader joins", reader).await.unwrap()
    }

    /// Waits until each of these texts was sent, once or more often.
    pub(crate) async fn until_sent(&self, texts: &[String]) {
        let mut reader = self.reader_of("out", "kept").await;
        let mut missing: BTreeSet<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
        while !missing.is_empty() {
            missing.remove(next(&mut reader).await.message.bytes());
        }
    }

    /// Waits until an application has settled all that it has received, and its group everything.
    pub(crate) async fn until_done(&self, app: &App) {
        let stats = app.stats("work-in-0");
        let settled = [&stats.succeeded, &stats.dead_lettered, &stats.dropped, &stats.requeued];
        eventually("everything received is settled", || {
            stats.received.get() == settled.iter().map(|count| count.get()).sum::<u64>()
        })
        .await;
        self.until_unsettled(0).await;
    }

    /// Waits until the group of the application has so many unsettled messages, where the broker can tell.
    pub(crate) async fn until_unsettled(&self, expected: u64) {
        let (destination, group) = (self.name("in"), self.name("g"));
        let mut last = None;
        let looks = async {
            let mut moments = tokio::time::interval(Duration::from_millis(20));
            loop {
                let unsettled = self.subject.unsettled(&destination, &group).await.unwrap();
                if unsettled.is_none_or(|count| count == expected) {
                    return;
                }
                last = unsettled;
                moments.tick().await;
            }
        };
        let happened = tokio::time::timeout(PATIENCE, looks).await;
        assert!(happened.is_ok(), "{last:?} messages are unsettled, expected {expected}");
    }

    fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

/// A text as the bare client writes it.
pub(crate) fn raw(text: &str) -> Raw {
    let mut raw = Raw::of(text.to_owned());
    raw.content_type = Some("text/plain".to_owned());
    raw
}

/// A text with a key.
pub(crate) fn keyed(key: &str, text: &str) -> Raw {
    let mut raw = raw(text);
    raw.key = Some(key.to_owned().into());
    raw
}

/// A destination as the bare client reads it.
pub(crate) struct Texts(Box<dyn Tap>);

impl Texts {
    pub(crate) async fn messages(&mut self, count: usize) -> Vec<Raw> {
        soon(&format!("the bare client reads {count} messages"), self.0.take(count)).await.unwrap()
    }

    /// The next payloads.
    pub(crate) async fn take(&mut self, count: usize) -> Vec<String> {
        let texts = self.messages(count).await.into_iter().map(|raw| raw.payload.unwrap_or_default());
        texts.map(|payload| String::from_utf8(payload.to_vec()).unwrap()).collect()
    }

    /// The next payloads, sorted.
    pub(crate) async fn take_sorted(&mut self, count: usize) -> Vec<String> {
        let mut texts = self.take(count).await;
        texts.sort();
        texts
    }
}

/// A function that notes its calls and answers with what it got, or fails with `bad`.
pub(crate) fn failing_on_bad(
    calls: &Calls,
) -> impl FnOnce(CatalogBuilder) -> CatalogBuilder + Send + 'static {
    let calls = calls.clone();
    move |catalog| {
        catalog.function("work", move |text: String| {
            calls.note(&text);
            if text == "bad" { Err(Error::retryable("busy")) } else { Ok(text) }
        })
    }
}

/// A function that notes its calls and answers with what it got when the gate is open, if it is `held`.
pub(crate) fn holding(
    calls: &Calls,
    gate: &Gate,
    is_held: fn(&str) -> bool,
) -> impl FnOnce(CatalogBuilder) -> CatalogBuilder + Send + 'static {
    let (calls, gate) = (calls.clone(), gate.clone());
    move |catalog| {
        catalog.function("work", move |text: String| {
            calls.note(&text);
            let gate = gate.clone();
            async move {
                if is_held(&text) {
                    gate.passed().await;
                }
                text
            }
        })
    }
}

/// The next message that a reader gets.
pub(crate) async fn next(reader: &mut Reader) -> Received {
    soon("a message comes", reader.next()).await.unwrap()
}

/// What a function was called with, and when.
#[derive(Clone, Default)]
pub(crate) struct Calls(Arc<Mutex<Vec<(String, Instant)>>>);

impl Calls {
    pub(crate) fn note(&self, text: &str) {
        self.0.lock().unwrap().push((text.to_owned(), Instant::now()));
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().map(|(text, _)| text.clone()).collect()
    }

    /// How often the function was called with a text.
    pub(crate) fn count(&self, text: &str) -> usize {
        self.times(text).len()
    }

    /// When the function was called with a text.
    pub(crate) fn times(&self, text: &str) -> Vec<Instant> {
        let calls = self.0.lock().unwrap();
        calls.iter().filter(|(other, _)| other == text).map(|(_, time)| *time).collect()
    }

    /// How often the function was called with each text.
    pub(crate) fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        self.texts().into_iter().for_each(|text| *counts.entry(text).or_default() += 1);
        counts
    }
}

/// Holds calls until it is opened.
#[derive(Clone)]
pub(crate) struct Gate(watch::Sender<bool>);

impl Default for Gate {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Gate {
    pub(crate) fn open(&self) {
        self.0.send_replace(true);
    }

    pub(crate) async fn passed(&self) {
        // The sender lives in `self`.
        let _ = self.0.subscribe().wait_for(|is_open| *is_open).await;
    }
}
