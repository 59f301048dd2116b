//! The heart of a binding: receive → invoke → publish → settle after the confirm.
//!
//! Deliveries are processed in order. Sends are pipelined: the next delivery is processed while the outputs of
//! earlier ones are on their way, and each is settled when all its outputs are confirmed, never before.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll};

use futures_util::StreamExt;
use tokio::sync::watch;
use tokio::time::sleep;
use wellspring_functions::{
    ContentType, EncodedMessage, Error, Headers, Incoming, Output as Answer, Reply, Step, Wanted,
    header_names,
};

use super::control::{Binding, Command, State};
use super::dead_letter;
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
    /// What results are labelled as.
    pub(super) content_type: ContentType,
    /// Whether headers of the delivery go along with the output, where the configuration decides it.
    pub(super) copy_headers: Option<bool>,
    pub(super) retry: RetryPolicy,
    pub(super) max_in_flight: usize,
    pub(super) ledger: Ledger,
    /// Deliveries of which a message was not accepted, to be tried again.
    pub(super) failed: Vec<(Open, Error)>,
    pub(super) commands: watch::Receiver<Command>,
}

/// Why a delivery is not processed to its end.
enum Interrupted {
    /// The binding is to end at once, or is to stop while it waits.
    Stopping,
}

enum Event {
    Batch,
    Ended,
    Told,
    Failed,
}

impl Driver {
    /// Runs until the binding is stopped or its input ends; tells how many deliveries were abandoned.
    pub(super) async fn run(mut self) -> u64 {
        let mut batch = Vec::with_capacity(BATCH);
        let state = loop {
            let command = *self.commands.borrow_and_update();
            match command {
                Command::Stop | Command::Abandon => break State::Stopped,
                Command::Pause => self.binding.set_state(State::Paused),
                Command::Run => self.binding.set_state(State::Running),
            }
            match self.next(&mut batch, command == Command::Run).await {
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
        self.drain(batch, state).await
    }

    /// Processes what was received and what is to be tried again.
    async fn process(&mut self, batch: &mut Vec<Delivery>) -> Result<(), Interrupted> {
        while let Some((open, error)) = self.failed.pop() {
            self.recover(open, error).await?;
        }
        for delivery in batch.drain(..) {
            let message = delivery.message.clone();
            let number = self.ledger.open(delivery, 1);
            self.invoke(number, message).await?;
        }
        Ok(())
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

    /// Settles every delivery whose outputs are confirmed.
    fn poll_confirmed(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        let Self { output, ledger, input, binding, failed, .. } = self;
        let Some(output) = output else { return Ok(()) };
        loop {
            let (mut sent, mut succeeded) = (0, 0);
            let polled = output.poll_confirmed(cx, |number, failure| {
                sent += u64::from(failure.is_none());
                match ledger.confirmed(number, failure) {
                    Some(Closed::Confirmed(open)) => {
                        input.settle(open.delivery.ticket, Settlement::Ack);
                        succeeded += 1;
                    }
                    Some(Closed::Failed(open, error)) => failed.push((open, error)),
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

    /// Calls the function with an open delivery, as often as the policy allows, and sends what it answers.
    async fn invoke(&mut self, number: u64, mut message: EncodedMessage) -> Result<(), Interrupted> {
        loop {
            let headers = message.headers().clone();
            let called = self.call(message).await?;
            let result = match called {
                Ok(answer) => self.publish(number, answer, headers).await,
                Err(error) => Err(error),
            };
            match result {
                Ok(()) => {
                    let closed = self.ledger.finished(number);
                    self.close(closed);
                    return Ok(());
                }
                Err(error) => match self.after_failure(number, error).await? {
                    Some(again) => message = again,
                    None => return Ok(()),
                },
            }
        }
    }

    /// Decides what follows a failed call: the message to try again with, or nothing when the delivery is done.
    async fn after_failure(
        &mut self,
        number: u64,
        error: Error,
    ) -> Result<Option<EncodedMessage>, Interrupted> {
        self.binding.stats().failed.add(1);
        let Some(open) = self.ledger.get_mut(number) else { return Ok(None) };
        if error.kind().is_retryable() && open.calls < self.retry.max_attempts {
            let (wait, calls) = (self.retry.backoff(open.calls), open.calls);
            open.calls += 1;
            let mut message = open.delivery.message.clone();
            message.headers_mut().set(header_names::DELIVERY_ATTEMPT, calls + 1);
            tracing::debug!(binding = self.binding.name(), %error, attempt = calls, ?wait, "trying again");
            self.pause_for(wait).await?;
            return Ok(Some(message));
        }
        match self.ledger.take(number) {
            Some(open) => self.give_up(open, error).await.map(|()| None),
            None => Ok(None),
        }
    }

    /// Tries a delivery again after one of its messages was not accepted.
    async fn recover(&mut self, open: Open, error: Error) -> Result<(), Interrupted> {
        let number = self.ledger.open(open.delivery, open.calls);
        match self.after_failure(number, error).await? {
            Some(message) => self.invoke(number, message).await,
            None => Ok(()),
        }
    }

    async fn call(&mut self, message: EncodedMessage) -> Result<Result<Answer, Error>, Interrupted> {
        let wanted = Wanted::Labelled(self.content_type.clone());
        match self.invocation.start(Incoming::One(message), wanted) {
            Step::Ready(result) => Ok(result),
            Step::Pending(step) => {
                let invocation = self.invocation.clone();
                self.meanwhile(invocation.finish(step), false).await
            }
        }
    }

    async fn publish(&mut self, number: u64, answer: Answer, headers: Headers) -> Result<(), Error> {
        match answer {
            Answer::Nothing => Ok(()),
            Answer::One(reply) => self.send(number, reply, headers).await,
            several => {
                let mut replies = several.into_stream();
                while let Some(reply) = replies.next().await {
                    self.send(number, reply?, headers.clone()).await?;
                }
                Ok(())
            }
        }
    }

    /// Sends one message. Headers of the delivery go along unless the function decided on headers itself, as in Spring.
    async fn send(&mut self, number: u64, reply: Reply, mut headers: Headers) -> Result<(), Error> {
        let Some(output) = &mut self.output else { return Ok(()) };
        let Reply { mut message, sets_headers } = reply;
        if self.copy_headers.unwrap_or(!sets_headers) && !headers.is_empty() {
            headers.remove(header_names::DELIVERY_ATTEMPT);
            headers.overlay(std::mem::take(message.headers_mut()));
            *message.headers_mut() = headers;
        }
        self.ledger.sent(number);
        output.send(message, number).await.inspect_err(|_| {
            // It never left, so that no confirmation will come.
            let _ = self.ledger.confirmed(number, None);
        })
    }

    fn close(&mut self, closed: Option<Closed>) {
        match closed {
            Some(Closed::Confirmed(open)) => {
                self.input.settle(open.delivery.ticket, Settlement::Ack);
                self.binding.stats().succeeded.add(1);
            }
            Some(Closed::Failed(open, error)) => self.failed.push((open, error)),
            None => {}
        }
    }

    /// Hands a delivery that failed for good to the dead letters. The original stays until the letter is confirmed.
    async fn give_up(&mut self, open: Open, error: Error) -> Result<(), Interrupted> {
        let (binding, position) = (self.binding.clone(), open.delivery.position);
        let Some(mut letters) = self.dead_letters.take() else {
            tracing::error!(
                binding = binding.name(), destination = self.destination, partition = open.delivery.partition,
                position, attempts = open.calls, %error,
                "a message failed for good and is dropped: the binding has no `dead-letter` destination"
            );
            binding.stats().dropped.add(1);
            self.input.settle(open.delivery.ticket, Settlement::Reject);
            return Ok(());
        };
        let letter = dead_letter::letter(&open, &error, binding.name(), &self.destination);
        tracing::warn!(
            binding = binding.name(), position, attempts = open.calls, %error, to = letters.destination(),
            "a message failed for good and becomes a dead letter"
        );
        let sent = self.send_letter(&mut letters, &letter).await;
        self.dead_letters = Some(letters);
        if let Err(interrupted) = sent {
            self.failed.push((open, error));
            return Err(interrupted);
        }
        binding.stats().dead_lettered.add(1);
        self.input.settle(open.delivery.ticket, Settlement::Ack);
        Ok(())
    }

    async fn send_letter(
        &mut self,
        letters: &mut Publisher,
        letter: &EncodedMessage,
    ) -> Result<(), Interrupted> {
        let mut tries = 0;
        loop {
            match self.meanwhile(letters.send_and_wait(letter.clone()), true).await? {
                Ok(()) => return Ok(()),
                Err(error) => {
                    tries += 1;
                    let wait = self.retry.backoff(tries);
                    tracing::error!(binding = self.binding.name(), %error, ?wait, "a dead letter cannot be sent; the original stays");
                    self.pause_for(wait).await?;
                }
            }
        }
    }

    async fn pause_for(&mut self, wait: std::time::Duration) -> Result<(), Interrupted> {
        self.meanwhile(sleep(wait), true).await
    }

    /// Awaits something while confirmations go on being settled. Ends early when the binding is to end at once, or,
    /// when the wait is only a pause, as soon as it is to stop.
    async fn meanwhile<F: Future>(&mut self, future: F, pause: bool) -> Result<F::Output, Interrupted> {
        let mut commands = self.commands.clone();
        let mut ending = pin!(commands.wait_for(|command| match command {
            Command::Abandon => true,
            Command::Stop => pause,
            Command::Run | Command::Pause => false,
        }));
        let mut future = pin!(future);
        poll_fn(|cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Ok(output));
            }
            // An output that is lost for good shows at the next send.
            let _ = self.poll_confirmed(cx);
            if ending.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(Interrupted::Stopping));
            }
            Poll::Pending
        })
        .await
    }

    /// Waits for confirmations, settles, leaves the group and closes the outputs.
    async fn drain(mut self, unprocessed: Vec<Delivery>, state: State) -> u64 {
        let mut commands = self.binding.commands();
        let flushed = async {
            poll_fn(|cx| {
                if self.poll_confirmed(cx).is_err() || self.ledger.remaining().all(|open| open.is_idle()) {
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
        let abandoned = (self.ledger.len() + self.failed.len() + unprocessed.len()) as u64;
        self.report(abandoned, flushed);
        let closed = self.input.close().await;
        if let Err(error) = closed {
            tracing::warn!(binding = self.binding.name(), %error, "the input did not close cleanly");
        }
        for publisher in [self.output, self.dead_letters].into_iter().flatten() {
            if let Err(error) = publisher.close().await {
                tracing::warn!(binding = self.binding.name(), %error, "an output did not close cleanly");
            }
        }
        self.binding.set_state(state);
        abandoned
    }

    fn report(&self, abandoned: u64, flushed: Result<(), crate::binder::Error>) {
        self.binding.stats().abandoned.add(abandoned);
        for open in self.ledger.remaining() {
            let (partition, position) = (open.delivery.partition, open.delivery.position);
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
