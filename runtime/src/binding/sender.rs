//! Sending from code: outputs that functions reach by name.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};
use wellspring_functions::{ContentType, EncodedMessage, Error, Kind, Outputs};

use super::publisher::Publisher;
use super::stats::Stats;

/// The outputs that the sender reaches. Made before the catalog, filled when the bindings start.
#[derive(Clone, Default)]
pub struct SenderOutputs {
    open: Arc<OnceLock<HashMap<String, Open>>>,
}

struct Open {
    content_type: ContentType,
    queue: mpsc::Sender<Request>,
}

/// An output to open.
pub(super) struct Opening {
    pub(super) name: String,
    pub(super) content_type: ContentType,
    pub(super) publisher: Publisher,
    /// What code has sent to it.
    pub(super) stats: Arc<Stats>,
}

pub(super) struct Request {
    message: EncodedMessage,
    /// When code asked for it.
    since: Instant,
    done: oneshot::Sender<Result<(), Error>>,
}

/// How many messages wait to be handed to the client.
const QUEUE: usize = 1024;
/// How long a message waits for room, or for a broker that is lost, before whoever sends it is told.
const PATIENCE: Duration = Duration::from_secs(30);

impl SenderOutputs {
    /// Opens outputs; the tasks returned run them until all senders are gone and everything is confirmed.
    pub(super) fn open(&self, outputs: Vec<Opening>) -> Vec<OutputTask> {
        let mut tasks = Vec::new();
        let open = outputs.into_iter().map(|Opening { name, content_type, publisher, stats }| {
            let (queue, requests) = mpsc::channel(QUEUE);
            tasks.push(OutputTask {
                name: name.clone(),
                publisher,
                stats,
                requests,
                waiting: HashMap::new(),
                next: 0,
            });
            (name, Open { content_type, queue })
        });
        let open = open.collect();
        if self.open.set(open).is_err() {
            tracing::warn!("the outputs for sending from code were opened twice; the first ones stay");
        }
        tasks
    }

    fn find(&self, output: &str) -> Result<&Open, Error> {
        let Some(open) = self.open.get() else {
            return Err(Error::message(Kind::OutputUnreachable, format!("`{output}` is not connected yet")));
        };
        open.get(output).ok_or_else(|| {
            let likeness = |name: &&String| strsim::jaro_winkler(name, output);
            let near = open.keys().filter(|name| likeness(name) > 0.8);
            let near = near.max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
            let hint = near.map_or_else(String::new, |name| format!(", did you mean `{name}`?"));
            let expected = format!("expected a key of `stream.bindings`{hint}");
            Error::message(Kind::Fatal, format!("no output is named `{output}`, {expected}"))
        })
    }
}

impl Outputs for SenderOutputs {
    fn content_type(&self, output: &str) -> Option<ContentType> {
        self.find(output).ok().map(|open| open.content_type.clone())
    }

    fn send(&self, output: &str, message: EncodedMessage) -> BoxFuture<'static, Result<(), Error>> {
        let open = self.find(output).map(|open| open.queue.clone());
        let closed = Error::message(Kind::OutputUnreachable, format!("`{output}` is closed"));
        async move {
            let (done, result) = oneshot::channel();
            let since = Instant::now();
            if open?.send(Request { message, since, done }).await.is_err() {
                return Err(closed);
            }
            result.await.unwrap_or(Err(closed))
        }
        .boxed()
    }
}

impl std::fmt::Debug for SenderOutputs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.open.get().map(|open| open.keys().collect::<Vec<_>>());
        f.debug_tuple("SenderOutputs").field(&names).finish()
    }
}

/// Runs one output: sends what is queued, tells each sender what became of its message.
pub(super) struct OutputTask {
    name: String,
    publisher: Publisher,
    stats: Arc<Stats>,
    requests: mpsc::Receiver<Request>,
    waiting: HashMap<u64, oneshot::Sender<Result<(), Error>>>,
    next: u64,
}

impl OutputTask {
    /// Runs until it is told to stop and everything is confirmed; tells how many messages were not.
    pub(super) async fn run(mut self, stop: tokio_util::sync::CancellationToken) -> u64 {
        let mut stop = std::pin::pin!(stop.cancelled_owned());
        let mut stopping = false;
        loop {
            let request = poll_fn(|cx| {
                if !stopping && stop.as_mut().poll(cx).is_ready() {
                    stopping = true;
                    self.requests.close();
                }
                if let Err(error) = self.confirm(cx) {
                    return Poll::Ready(Err(error));
                }
                match self.requests.poll_recv(cx) {
                    Poll::Ready(None) if !self.waiting.is_empty() => Poll::Pending,
                    request => request.map(Ok),
                }
            })
            .await;
            match request {
                Ok(Some(request)) => self.send(request).await,
                Ok(None) => break,
                Err(error) => {
                    tracing::error!(output = self.name, %error, "the output is lost");
                    break;
                }
            }
        }
        let unconfirmed = self.waiting.len() as u64;
        if let Err(error) = self.publisher.close().await {
            tracing::warn!(output = self.name, %error, "the output did not close cleanly");
        }
        unconfirmed
    }

    /// Tells senders what became of their messages.
    fn confirm(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        let Self { publisher, stats, waiting, .. } = self;
        let confirmed = publisher.poll_confirmed(cx, |number, failure| {
            stats.sent.add(u64::from(failure.is_none()));
            if let Some(done) = waiting.remove(&number) {
                // Whoever does not wait any more does not want to know.
                let _ = done.send(failure.map_or(Ok(()), Err));
            }
        });
        match confirmed {
            Poll::Pending => Ok(()),
            Poll::Ready(told) => {
                cx.waker().wake_by_ref();
                told
            }
        }
    }

    async fn send(&mut self, Request { message, since, done }: Request) {
        let number = self.next;
        self.next += 1;
        // A lost output shows at the next message.
        let ready = poll_fn(|cx| match self.confirm(cx) {
            Ok(()) => self.publisher.poll_ready(cx),
            Err(error) => Poll::Ready(Err(error)),
        });
        let waited = timeout_at(since + PATIENCE, ready).await;
        match waited.unwrap_or_else(|_| Err(self.impatient())) {
            Ok(()) => {
                self.publisher.send(message, number);
                self.waiting.insert(number, done);
            }
            Err(error) => {
                let _ = done.send(Err(error));
            }
        }
    }

    fn impatient(&self) -> Error {
        let sentence =
            format!("`{}` takes no message within {PATIENCE:?}, the broker is slow or away", self.name);
        Error::message(Kind::OutputUnreachable, sentence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binder::{self, Confirmation, Outgoing, Output};

    /// An output whose broker is away.
    struct Away;

    impl Output for Away {
        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), binder::Error>> {
            Poll::Pending
        }

        fn send(&mut self, _: Outgoing, _: u64) {}

        fn poll_confirmed(
            &mut self,
            _: &mut Context<'_>,
            _: &mut Vec<Confirmation>,
        ) -> Poll<Result<(), binder::Error>> {
            Poll::Pending
        }

        fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), binder::Error>> {
            async { Ok(()) }.boxed()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_sends_is_told_in_time_when_the_broker_is_away() {
        let outputs = SenderOutputs::default();
        let (name, content_type, stats) = ("out".to_owned(), ContentType::JSON, Arc::default());
        let publisher = Publisher::new(Box::new(Away), "out", "d");
        let opening = Opening { name, content_type, publisher, stats };
        let stop = tokio_util::sync::CancellationToken::new();
        let mut tasks = tokio::task::JoinSet::new();
        for task in outputs.open(vec![opening]) {
            tasks.spawn(task.run(stop.clone()));
        }
        let began = Instant::now();
        let message = || EncodedMessage::new(Some("1".into()));
        let (first, second) = tokio::join!(outputs.send("out", message()), outputs.send("out", message()));
        for error in [first.unwrap_err(), second.unwrap_err()] {
            assert_eq!(error.kind(), Kind::OutputUnreachable);
            assert!(error.to_string().contains("`out` takes no message within 30s"), "{error}");
        }
        assert_eq!(began.elapsed().as_secs(), 30, "both waited at the same time");
        stop.cancel();
        assert_eq!(tasks.join_all().await, [0]);
    }
}
