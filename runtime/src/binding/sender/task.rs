//! One output for sending from code: sends what is queued, and tells each sender what became of its messages.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use wellspring_functions::{EncodedMessage, Error, Kind};

use super::{Messages, Open, Opening, QUEUE, Request};
use crate::binding::publisher::Publisher;
use crate::binding::stats::Stats;

/// How long a message waits for room, or for a broker that is lost, before whoever sends it is told.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs one output.
pub(in crate::binding) struct OutputTask {
    name: String,
    publisher: Publisher,
    stats: Arc<Stats>,
    requests: mpsc::Receiver<Request>,
    /// Whom to tell, in the order of their messages.
    waiting: VecDeque<Waiting>,
    /// The number of the next message.
    next: u64,
}

/// A sender that waits for the confirmation of consecutive messages.
struct Waiting {
    /// The number of the first.
    first: u64,
    unconfirmed: usize,
    failure: Option<Error>,
    /// `None`: it was told.
    done: Option<oneshot::Sender<Result<(), Error>>>,
}

impl OutputTask {
    /// An output and the task that runs it.
    pub(super) fn new(opening: Opening) -> (Open, Self) {
        let Opening { name, content_type, publisher, stats } = opening;
        let (queue, requests) = mpsc::channel(QUEUE);
        let task = Self { name, publisher, stats, requests, waiting: VecDeque::new(), next: 0 };
        (Open { content_type, queue }, task)
    }

    /// Runs until it is told to stop and everything is confirmed; tells how many messages were not.
    pub(in crate::binding) async fn run(mut self, stop: CancellationToken) -> u64 {
        let mut stop = std::pin::pin!(stop.cancelled_owned());
        let mut stopping = false;
        loop {
            let request = poll_fn(|cx| {
                if !stopping && stop.as_mut().poll(cx).is_ready() {
                    stopping = true;
                    self.requests.close();
                }
                if let Err(error) = self.poll_confirmed(cx) {
                    return Poll::Ready(Err(error));
                }
                match self.requests.poll_recv(cx) {
                    Poll::Ready(None) if !self.waiting.is_empty() => Poll::Pending,
                    request => request.map(Ok),
                }
            })
            .await;
            match request {
                Ok(Some(Request { messages: Messages::One(message), since, done })) => {
                    self.send_all(std::iter::once(message), 1, since, done).await;
                }
                Ok(Some(Request { messages: Messages::Many(messages), since, done })) => {
                    let count = messages.len();
                    self.send_all(messages.into_iter(), count, since, done).await;
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::error!(output = self.name, %error, "the output is lost");
                    break;
                }
            }
        }
        let unconfirmed: usize = self.waiting.iter().map(|waiting| waiting.unconfirmed).sum();
        if let Err(error) = self.publisher.close().await {
            tracing::warn!(output = self.name, %error, "the output did not close cleanly");
        }
        unconfirmed as u64
    }

    /// Tells senders what became of their messages.
    fn poll_confirmed(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        let Self { publisher, stats, waiting, .. } = self;
        loop {
            let mut sent = 0;
            let confirmed = publisher.poll_confirmed(cx, |number, failure| {
                sent += u64::from(failure.is_none());
                confirm(waiting, number, failure);
            });
            stats.sent.add(sent);
            match confirmed {
                Poll::Pending => return Ok(()),
                Poll::Ready(told) => told?,
            }
        }
    }

    /// Hands messages over, each as soon as there is room. Those that find none in time are not sent.
    async fn send_all(
        &mut self,
        messages: impl Iterator<Item = EncodedMessage>,
        count: usize,
        since: Instant,
        done: oneshot::Sender<Result<(), Error>>,
    ) {
        let first = self.next;
        self.next += count as u64;
        self.waiting.push_back(Waiting { first, unconfirmed: count, failure: None, done: Some(done) });
        for (number, message) in (first..).zip(messages) {
            let room = match poll_fn(|cx| Poll::Ready(self.publisher.poll_ready(cx))).await {
                Poll::Ready(room) => room,
                Poll::Pending => self.wait_for_room(since + PATIENCE).await,
            };
            match room {
                Ok(()) => self.publisher.send(message, number),
                Err(error) => confirm(&mut self.waiting, number, Some(error)),
            }
        }
    }

    /// Waits until one more message may be sent. A lost output shows at the next message.
    async fn wait_for_room(&mut self, until: Instant) -> Result<(), Error> {
        let room = poll_fn(|cx| match self.poll_confirmed(cx) {
            Ok(()) => self.publisher.poll_ready(cx),
            Err(error) => Poll::Ready(Err(error)),
        });
        let waited = timeout_at(until, room).await;
        waited.unwrap_or_else(|_| Err(self.impatient()))
    }

    fn impatient(&self) -> Error {
        let sentence =
            format!("`{}` takes no message within {PATIENCE:?}, the broker is slow or away", self.name);
        Error::message(Kind::OutputUnreachable, sentence)
    }
}

/// Notes what became of a message; its sender is told with the last one.
fn confirm(waiting: &mut VecDeque<Waiting>, number: u64, failure: Option<Error>) {
    let after = waiting.partition_point(|waiting| waiting.first <= number);
    let Some(sender) = after.checked_sub(1).and_then(|place| waiting.get_mut(place)) else { return };
    // What passes by waiting says less than what does not.
    if failure.is_some() && sender.failure.as_ref().is_none_or(|known| known.kind().passes_by_waiting()) {
        sender.failure = failure;
    }
    sender.unconfirmed = sender.unconfirmed.saturating_sub(1);
    if sender.unconfirmed > 0 {
        return;
    }
    if let Some(done) = sender.done.take() {
        // Whoever does not wait any more does not want to know.
        let _ = done.send(sender.failure.take().map_or(Ok(()), Err));
    }
    while waiting.front().is_some_and(|sender| sender.done.is_none()) {
        waiting.pop_front();
    }
}
