//! The heart of a binding: receive → invoke → publish → settle after the confirm.
//!
//! Deliveries are processed in order. Sends are pipelined: the next delivery is processed while the outputs of
//! earlier ones are on their way, and each is settled when all its outputs are confirmed, never before. A call that is
//! over at once, with room in the output, is processed without suspending; everything else goes the slow way, one
//! delivery at a time. What follows a failure is in [`recovery`](super::recovery).

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll};

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use tokio::sync::watch;
use wellspring_functions::{
    ContentType, EncodedMessage, Error, Headers, Incoming, Output as Answer, Reply, Step, Wanted,
    header_names,
};

use super::control::{Binding, Command, State};
use super::ledger::{Closed, Ledger, Open};
use super::publisher::Publisher;
use super::retry::RetryPolicy;
use crate::binder::{Delivery, Input, Settlement};
use crate::invocation::Invocation;

/// How many deliveries are taken from the input at once.
const BATCH: usize = 256;

/// Runs one input binding.
pub(super) struct Driver {
    pub(super) binding: Binding,
    pub(super) destination: String,
    pub(super) invocation: Invocation,
    pub(super) input: Box<dyn Input>,
    pub(super) output: Option<Publisher>,
    pub(super) dead_letters: Option<Publisher>,
    /// What payloads are when their message does not say.
    pub(super) input_type: Option<ContentType>,
    /// What results are labelled as.
    pub(super) content_type: ContentType,
    /// Whether headers of the delivery go along with the output, where the configuration decides it.
    pub(super) copy_headers: Option<bool>,
    pub(super) retry: RetryPolicy,
    pub(super) max_in_flight: usize,
    pub(super) ledger: Ledger,
    /// Deliveries that failed after their call: one of their messages, or their dead letter, was not accepted.
    pub(super) failed: Vec<(Open, Error)>,
    pub(super) commands: watch::Receiver<Command>,
}

/// Why a delivery is not processed to its end.
pub(super) enum Interrupted {
    /// The binding is to end at once, or is to stop while it waits.
    Stopping,
}

enum Event {
    Batch,
    Ended,
    Told,
    Failed,
}

/// What cannot be processed without suspending.
enum Slow {
    /// The call goes on.
    Call(u64, BoxFuture<'static, Result<Answer, Error>>, Headers),
    /// The answer is several messages, or there is no room for it now.
    Answer(u64, Answer, Headers),
    /// The call failed.
    Failure(u64, Error),
}

impl Driver {
    /// Runs until the binding is stopped or its input ends; tells how many deliveries were abandoned.
    pub(super) async fn run(mut self) -> u64 {
        let mut batch = Vec::with_capacity(BATCH);
        let mut state = self.binding.state();
        let end = loop {
            let command = *self.commands.borrow_and_update();
            let next = match command {
                Command::Stop | Command::Abandon => break State::Stopped,
                Command::Pause => State::Paused,
                Command::Run => State::Running,
            };
            if next != state {
                self.binding.set_state(next);
                state = next;
            }
            match self.next(&mut batch, next == State::Running).await {
                Ok(Event::Told | Event::Failed) => {}
                Ok(Event::Batch) => self.binding.stats().received.add(batch.len() as u64),
                Ok(Event::Ended) => break State::Stopped,
                Err(error) => {
                    tracing::error!(binding = self.binding.name(), %error, "the binding has ended");
                    break State::Failed;
                }
            }
            if self.process(&mut batch).await.is_err() {
                break State::Stopped;
            }
        };
        // What was received and not begun stays unsettled: the group delivers it again.
        drop(batch);
        self.drain(end).await
    }

    /// Waits for the next thing to do.
    async fn next(&mut self, batch: &mut Vec<Delivery>, receive: bool) -> Result<Event, Error> {
        let mut commands = self.commands.clone();
        let mut told = pin!(commands.changed());
        poll_fn(|cx| {
            if told.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ok(Event::Told));
            }
            self.poll_confirmed(cx)?;
            self.dead_letters.iter_mut().for_each(|letters| letters.poll_idle(cx));
            if !self.failed.is_empty() {
                return Poll::Ready(Ok(Event::Failed));
            }
            let room = self.max_in_flight.saturating_sub(self.ledger.len()).min(BATCH);
            if !receive || room == 0 {
                return Poll::Pending;
            }
            let received = self.input.poll_receive(cx, batch, room);
            received.map(|result| match result {
                Ok(()) if batch.is_empty() => Ok(Event::Ended),
                Ok(()) => Ok(Event::Batch),
                Err(cause) => Err(Error::fatal(cause)),
            })
        })
        .await
    }

    /// Processes what is to be tried again, then what was received.
    async fn process(&mut self, batch: &mut Vec<Delivery>) -> Result<(), Interrupted> {
        while let Some((open, error)) = self.failed.pop() {
            self.recover(open, error).await?;
        }
        let mut deliveries = batch.drain(..);
        while let Some(slow) = poll_fn(|cx| Poll::Ready(self.process_at_once(cx, &mut deliveries))).await {
            self.process_slowly(slow).await?;
            if matches!(*self.commands.borrow(), Command::Stop | Command::Abandon) {
                return Err(Interrupted::Stopping);
            }
        }
        Ok(())
    }

    /// Processes deliveries as long as nothing has to be waited for; returns the first that cannot be finished so.
    fn process_at_once(
        &mut self,
        cx: &mut Context<'_>,
        deliveries: &mut impl Iterator<Item = Delivery>,
    ) -> Option<Slow> {
        for delivery in deliveries {
            match self.call(delivery.message.clone()) {
                Step::Ready(Ok(Answer::Nothing)) => self.settle(delivery),
                Step::Ready(Ok(Answer::One(_))) if self.output.is_none() => self.settle(delivery),
                Step::Ready(Ok(Answer::One(reply))) if self.has_room(cx) => self.send_only(delivery, reply),
                Step::Ready(Ok(answer)) => {
                    let (number, headers) = self.open(delivery);
                    return Some(Slow::Answer(number, answer, headers));
                }
                Step::Ready(Err(error)) => return Some(Slow::Failure(self.ledger.open(delivery), error)),
                Step::Pending(call) => {
                    let (number, headers) = self.open(delivery);
                    return Some(Slow::Call(number, call, headers));
                }
            }
        }
        None
    }

    /// Settles a delivery that gives rise to nothing.
    fn settle(&mut self, delivery: Delivery) {
        self.input.settle(delivery.ticket, Settlement::Ack);
        self.binding.stats().succeeded.add(1);
    }

    /// Sends the only message that a delivery gives rise to; there is room.
    fn send_only(&mut self, delivery: Delivery, reply: Reply) {
        let message = self.outgoing(reply, || delivery.message.headers().clone());
        let number = self.ledger.open_sent(delivery);
        if let Some(output) = &mut self.output {
            output.send(message, number);
        }
    }

    fn open(&mut self, delivery: Delivery) -> (u64, Headers) {
        let headers = delivery.message.headers().clone();
        (self.ledger.open(delivery), headers)
    }

    /// Finishes one delivery, waiting for whatever it takes.
    async fn process_slowly(&mut self, slow: Slow) -> Result<(), Interrupted> {
        let (number, answered) = match slow {
            Slow::Call(number, call, headers) => {
                let invocation = self.invocation.clone();
                match self.meanwhile(invocation.finish(call), false).await? {
                    Ok(answer) => (number, self.publish(number, answer, headers).await),
                    Err(error) => (number, Err(error)),
                }
            }
            Slow::Answer(number, answer, headers) => (number, self.publish(number, answer, headers).await),
            Slow::Failure(number, error) => (number, Err(error)),
        };
        match answered {
            Ok(()) => {
                self.finish(number);
                Ok(())
            }
            Err(error) => self.retry(number, error).await,
        }
    }

    /// Calls the function once more with an open delivery and sends what it answers.
    pub(super) async fn attempt(
        &mut self,
        number: u64,
        message: EncodedMessage,
    ) -> Result<Result<(), Error>, Interrupted> {
        let headers = message.headers().clone();
        let answer = match self.call(message) {
            Step::Ready(answer) => answer,
            Step::Pending(call) => {
                let invocation = self.invocation.clone();
                self.meanwhile(invocation.finish(call), false).await?
            }
        };
        Ok(match answer {
            Ok(answer) => self.publish(number, answer, headers).await,
            Err(error) => Err(error),
        })
    }

    fn call(&self, mut message: EncodedMessage) -> Step {
        if self.input_type.is_some() && message.headers().content_type().is_none() {
            message.headers_mut().set_content_type(self.input_type.clone());
        }
        self.invocation.start(Incoming::One(message), Wanted::Labelled(self.content_type.clone()))
    }

    async fn publish(&mut self, number: u64, answer: Answer, headers: Headers) -> Result<(), Error> {
        match answer {
            Answer::Nothing => Ok(()),
            Answer::One(reply) => self.send(number, reply, headers).await,
            several @ (Answer::Many(_) | Answer::Stream(_) | Answer::Batch(_) | Answer::PerOutput(_)) => {
                let mut replies = several.into_stream();
                while let Some(reply) = self.next_of(&mut replies).await {
                    self.send(number, reply?, headers.clone()).await?;
                }
                Ok(())
            }
        }
    }

    /// Waits for the next of several replies, while what was sent is confirmed.
    async fn next_of(
        &mut self,
        replies: &mut BoxStream<'static, Result<Reply, Error>>,
    ) -> Option<Result<Reply, Error>> {
        poll_fn(|cx| {
            // An output that is lost for good shows at the next send.
            let _ = self.poll_confirmed(cx);
            replies.poll_next_unpin(cx)
        })
        .await
    }

    async fn send(&mut self, number: u64, reply: Reply, headers: Headers) -> Result<(), Error> {
        let message = self.outgoing(reply, || headers);
        if let Some(output) = &mut self.output {
            output.ready().await?;
            self.ledger.sent(number);
            output.send(message, number);
        }
        Ok(())
    }

    /// Whether a message may be sent without waiting.
    fn has_room(&mut self, cx: &mut Context<'_>) -> bool {
        self.output.as_mut().is_none_or(|output| matches!(output.poll_ready(cx), Poll::Ready(Ok(()))))
    }

    /// The message to send. Headers of the delivery go along unless the function decided on headers itself, as in
    /// Spring.
    #[inline]
    fn outgoing(&self, reply: Reply, headers: impl FnOnce() -> Headers) -> EncodedMessage {
        let Reply { mut message, sets_headers } = reply;
        if self.copy_headers.unwrap_or(!sets_headers) {
            let mut headers = headers();
            if !headers.is_empty() {
                headers.remove(header_names::DELIVERY_ATTEMPT);
                headers.overlay(std::mem::take(message.headers_mut()));
                *message.headers_mut() = headers;
            }
        }
        message
    }

    /// Everything that a delivery gives rise to was sent.
    pub(super) fn finish(&mut self, number: u64) {
        match self.ledger.finished(number) {
            Some(Closed::Confirmed(ticket)) => {
                self.input.settle(ticket, Settlement::Ack);
                self.binding.stats().succeeded.add(1);
            }
            Some(Closed::Failed(open, error)) => self.failed.push((*open, error)),
            None => {}
        }
    }

    /// Settles every delivery whose outputs are confirmed.
    pub(super) fn poll_confirmed(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        let Self { output, ledger, input, binding, failed, .. } = self;
        let Some(output) = output else { return Ok(()) };
        loop {
            let (mut sent, mut succeeded) = (0, 0);
            let polled = output.poll_confirmed(cx, |number, failure| {
                sent += u64::from(failure.is_none());
                match ledger.confirmed(number, failure) {
                    Some(Closed::Confirmed(ticket)) => {
                        input.settle(ticket, Settlement::Ack);
                        succeeded += 1;
                    }
                    Some(Closed::Failed(open, error)) => failed.push((*open, error)),
                    None => {}
                }
            });
            binding.stats().sent.add(sent);
            binding.stats().succeeded.add(succeeded);
            match polled {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => return Ok(()),
            }
        }
    }

    /// Waits for confirmations, settles, leaves the group and closes the outputs.
    async fn drain(mut self, end: State) -> u64 {
        let mut commands = self.binding.commands();
        let flushed = async {
            poll_fn(|cx| {
                if self.poll_confirmed(cx).is_err() || self.ledger.remaining().all(Open::is_idle) {
                    return Poll::Ready(());
                }
                Poll::Pending
            })
            .await;
            poll_fn(|cx| self.input.poll_flush(cx)).await
        };
        let flushed = tokio::select! {
            flushed = flushed => flushed,
            _ = commands.wait_for(|command| *command == Command::Abandon) => Ok(()),
        };
        let abandoned = (self.ledger.len() + self.failed.len()) as u64;
        self.report(abandoned, flushed);
        if let Err(error) = self.input.close().await {
            tracing::warn!(binding = self.binding.name(), %error, "the input did not close cleanly");
        }
        for publisher in [self.output, self.dead_letters].into_iter().flatten() {
            if let Err(error) = publisher.close().await {
                tracing::warn!(binding = self.binding.name(), %error, "an output did not close cleanly");
            }
        }
        self.binding.set_state(end);
        abandoned
    }

    fn report(&self, abandoned: u64, flushed: Result<(), crate::binder::Error>) {
        self.binding.stats().abandoned.add(abandoned);
        for open in self.ledger.remaining().chain(self.failed.iter().map(|(open, _)| open)) {
            let (partition, position) = (open.partition, open.position);
            tracing::warn!(
                binding = self.binding.name(),
                partition,
                position,
                "abandoned; it will be delivered again"
            );
        }
        if let Err(error) = flushed {
            tracing::warn!(binding = self.binding.name(), %error, "some settlements did not reach the broker");
        }
    }
}
