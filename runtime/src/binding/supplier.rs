//! Runs a supplier: calls it when its schedule says so and sends what it gives.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use wellspring_functions::{Error, Incoming, Output as Answer, Reply, Wanted};

use super::control::{Binding, Command, State};
use super::outbox::{Outbox, Told};
use super::publisher::Publisher;
use super::retry::RetryPolicy;
use super::schedule::Schedule;
use super::sender::SenderOutputs;
use super::sends::Sends;
use super::stats::Stats;
use super::timers::{Due, Timers};
use crate::invocation::Invocation;

/// Runs one supplier, or a supplier joined to a consumer.
pub(super) struct SupplierDriver {
    binding: Binding,
    invocation: Invocation,
    /// Where messages go, one for each output, and those that are not confirmed.
    outboxes: Vec<Outbox>,
    /// What was sent to each, where there are several.
    sent: Vec<Arc<Stats>>,
    /// Where messages go that say so themselves.
    sender: SenderOutputs,
    wanted: Wanted,
    schedule: Schedule,
    commands: watch::Receiver<Command>,
    /// The number of the next message.
    next: u64,
    /// When messages are sent again.
    timers: Timers,
}

/// How many messages of one stream may be unconfirmed.
const WINDOW: usize = 1024;
/// When a message is sent again that was not accepted, however often.
const AGAIN: RetryPolicy = RetryPolicy {
    max_attempts: u32::MAX,
    initial_interval: Duration::from_millis(100),
    max_interval: Duration::from_secs(10),
    multiplier: 2.0,
    jitter: 0.0,
};

impl SupplierDriver {
    pub(super) fn new(
        binding: Binding,
        invocation: Invocation,
        outputs: Vec<(Publisher, Arc<Stats>)>,
        sender: SenderOutputs,
        wanted: Wanted,
        schedule: Schedule,
    ) -> Self {
        let (commands, timers) = (binding.commands(), Timers::default());
        let (publishers, sent): (Vec<_>, Vec<_>) = outputs.into_iter().unzip();
        let sent = if publishers.len() > 1 { sent } else { Vec::new() };
        let outboxes = publishers.into_iter().map(|publisher| Outbox::new(Some(publisher))).collect();
        Self { binding, invocation, outboxes, sent, sender, wanted, schedule, commands, next: 0, timers }
    }

    /// Runs until it is stopped; tells how many messages were not confirmed by then.
    pub(super) async fn run(mut self) -> u64 {
        let mut first = true;
        while self.wait(first).await {
            first = false;
            for _ in 0..self.schedule.max_messages {
                if !self.call().await {
                    break;
                }
            }
        }
        self.drain().await
    }

    /// Waits for the next time; false when the supplier is to end.
    async fn wait(&mut self, first: bool) -> bool {
        let mut time = pin!(sleep(self.schedule.wait(first)));
        let mut commands = self.commands.clone();
        let binding = self.binding.clone();
        let mut idle = pin!(poll_fn(|cx| {
            self.poll_outbox(cx);
            Poll::<()>::Pending
        }));
        loop {
            let command = *commands.borrow_and_update();
            match command {
                Command::Stop | Command::Abandon => return false,
                Command::Pause => binding.set_state(State::Paused),
                Command::Run => binding.set_state(State::Running),
            }
            tokio::select! {
                () = &mut time, if command == Command::Run => return true,
                changed = commands.changed() => if changed.is_err() { return false },
                () = &mut idle => {}
            }
        }
    }

    /// Calls the supplier once; tells whether it gave anything.
    async fn call(&mut self) -> bool {
        let answer = self.invocation.call(Incoming::Nothing, self.wanted.clone()).await;
        let result = match answer {
            Ok(Answer::Nothing) => Ok(0),
            Ok(answer) => self.send_all(answer).await,
            Err(error) => Err(error),
        };
        match result {
            Ok(given) => given > 0,
            Err(error) => {
                self.binding.stats().failed.add(1);
                tracing::error!(binding = self.binding.name(), %error, "the supplier failed; it is called again at its next time");
                false
            }
        }
    }

    /// Sends everything; a stream is read as fast as its messages are confirmed, until the supplier is to end.
    async fn send_all(&mut self, answer: Answer) -> Result<u64, Error> {
        let mut sends = Sends::of(answer, &self.sender);
        let (mut given, mut commands) = (0, self.commands.clone());
        loop {
            let next = tokio::select! {
                biased;
                _ = commands.wait_for(|command| command.ends()) => None,
                next = poll_fn(|cx| {
                    // What was sent goes on being confirmed while the next is waited for.
                    self.poll_outbox(cx);
                    sends.poll_next(cx)
                }) => next,
            };
            let Some(reply) = next else { break };
            given += 1;
            self.binding.stats().received.add(1);
            let (to, reply) = reply?;
            self.send(to, reply).await;
        }
        self.confirm_down_to(0).await;
        Ok(given)
    }

    async fn send(&mut self, to: usize, reply: Reply) {
        if let Some(outbox) = self.outboxes.get_mut(to) {
            outbox.send(self.next, reply.message);
            self.next += 1;
            self.confirm_down_to(WINDOW).await;
        }
    }

    /// How many messages are not confirmed.
    fn unconfirmed(&self) -> usize {
        self.outboxes.iter().map(Outbox::len).sum()
    }

    /// Waits until no more than so many messages are unconfirmed, or the supplier is to end.
    async fn confirm_down_to(&mut self, most: usize) {
        let mut commands = self.commands.clone();
        tokio::select! {
            biased;
            () = self.confirmed(most) => {}
            _ = commands.wait_for(|command| command.ends()) => {}
        }
    }

    async fn confirmed(&mut self, most: usize) {
        poll_fn(|cx| {
            self.poll_outbox(cx);
            if self.unconfirmed() <= most { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Hands messages over, and those again that were not accepted, but for what would never be.
    fn poll_outbox(&mut self, cx: &mut Context<'_>) {
        while let Poll::Ready(due) = self.timers.poll(cx) {
            if let Due::Letter(number) = due {
                // The one that has it sends it.
                self.outboxes.iter_mut().for_each(|outbox| outbox.send_again(number));
            }
        }
        for to in 0..self.outboxes.len() {
            self.poll_output(cx, to);
        }
    }

    fn poll_output(&mut self, cx: &mut Context<'_>, to: usize) {
        let Some(outbox) = self.outboxes.get_mut(to) else { return };
        let mut told = Vec::new();
        outbox.poll(cx, &mut told);
        for message in told {
            match message {
                Told::Confirmed(_) => {
                    self.binding.stats().sent.add(1);
                    self.sent.get(to).into_iter().for_each(|stats| stats.sent.add(1));
                }
                Told::Refused(number, _, error) if !error.kind().is_retryable() => {
                    tracing::error!(binding = self.binding.name(), %error, "a message is dropped");
                    self.binding.stats().dropped.add(1);
                    outbox.forget(number);
                }
                Told::Refused(number, times, error) => {
                    let wait = AGAIN.backoff(times);
                    tracing::warn!(binding = self.binding.name(), %error, ?wait, "a message is sent again");
                    self.timers.at(Instant::now() + wait, Due::Letter(number));
                    // Nobody has asked the timer yet.
                    cx.waker().wake_by_ref();
                }
            }
        }
    }

    async fn drain(mut self) -> u64 {
        let mut commands = self.commands.clone();
        tokio::select! {
            () = self.confirmed(0) => {}
            _ = commands.wait_for(|command| *command == Command::Abandon) => {}
        }
        let unconfirmed = self.unconfirmed() as u64;
        self.binding.stats().abandoned.add(unconfirmed);
        for output in self.outboxes.into_iter().filter_map(Outbox::into_publisher) {
            if let Err(error) = output.close().await {
                tracing::warn!(binding = self.binding.name(), %error, "the output did not close cleanly");
            }
        }
        self.binding.set_state(State::Stopped);
        unconfirmed
    }
}
