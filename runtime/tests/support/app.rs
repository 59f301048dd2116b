//! An application on a memory binder of its own, and what a test does with it.

use std::time::Duration;

use wellspring::binding::Stats;
use wellspring::config::Sources;
use wellspring::testing::{Destinations, Reader, Received};
use wellspring::{CatalogBuilder, ContentType, Message, Running, Runtime, RuntimeBuilder};

thread_local! {
    /// Where applications of this thread have their destinations, if not in memory.
    pub(crate) static PLACE: std::cell::RefCell<Option<Destinations>> = const { std::cell::RefCell::new(None) };
}

/// A running application.
pub(crate) struct App {
    pub(crate) destinations: Destinations,
    pub(crate) running: Running,
}

/// A builder of an application without listeners.
pub(crate) fn builder(
    yaml: &str,
    functions: impl FnOnce(CatalogBuilder) -> CatalogBuilder + Send + 'static,
) -> RuntimeBuilder {
    let sources = Sources::new().args(["--http.enabled=false", "--management.enabled=false"]);
    Runtime::builder().functions(functions).sources(sources.built_in("application.yaml", yaml))
}

/// Everything that is wrong with an application, a line each.
pub(crate) fn problems(
    yaml: &str,
    functions: impl FnOnce(CatalogBuilder) -> CatalogBuilder + Send + 'static,
) -> Vec<String> {
    let Err(problems) = builder(yaml, functions).build() else { return Vec::new() };
    problems.iter().map(ToString::to_string).collect()
}

impl App {
    pub(crate) async fn start(
        yaml: &str,
        functions: impl FnOnce(CatalogBuilder) -> CatalogBuilder + Send + 'static,
    ) -> Self {
        let place = PLACE.with_borrow(Clone::clone);
        Self::start_on(place.unwrap_or_default(), yaml, functions).await
    }

    pub(crate) async fn start_on(
        destinations: Destinations,
        yaml: &str,
        functions: impl FnOnce(CatalogBuilder) -> CatalogBuilder + Send + 'static,
    ) -> Self {
        let builder = builder(yaml, functions).binder("memory", destinations.binder());
        let runtime = builder.build().unwrap_or_else(|problems| panic!("{problems}"));
        Self { destinations, running: runtime.start().await.unwrap() }
    }

    /// Sends a payload labelled as JSON.
    pub(crate) async fn send(&self, destination: &str, payload: impl Into<bytes::Bytes>) {
        let message = Message::encoded(payload, ContentType::JSON);
        self.destinations.send(destination, message).await.unwrap();
    }

    pub(crate) async fn reader(&self, destination: &str) -> Reader {
        self.destinations.reader(destination, "test").await.unwrap()
    }

    pub(crate) fn stats(&self, binding: &str) -> &Stats {
        self.running.binding(binding).unwrap_or_else(|| panic!("no binding `{binding}`")).stats()
    }
}

/// The next message; every test that reads has a message to come.
pub(crate) async fn next(reader: &mut Reader) -> Received {
    tokio::time::timeout(Duration::from_secs(600), reader.next()).await.expect("a message in time").unwrap()
}

/// The text of the next message.
pub(crate) async fn text(reader: &mut Reader) -> String {
    String::from_utf8(next(reader).await.message.bytes().to_vec()).unwrap()
}

/// Waits until something holds, on a paused or a running clock.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(600);
    while !holds() {
        assert!(tokio::time::Instant::now() < deadline, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
