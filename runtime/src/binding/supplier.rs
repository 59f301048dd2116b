//! Runs a supplier: calls it when its schedule says so and sends what it gives.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll};

use tokio::sync::watch;
use tokio::time::sleep;
use wellspring_functions::{Error, Incoming, Output as Answer, Reply, Wanted};

use super::control::{Binding, Command, State};
use super::outlets::Outlets;
use super::schedule::Schedule;
use super::sends::Sends;
use crate::invocation::Invocation;

/// Runs one supplier, or a supplier joined to a consumer.
pub(super) struct SupplierDriver {
    pub(super) binding: Binding,
    pub(super) invocation: Invocation,
    pub(super) output: Option<Outlets>,
    pub(super) wanted: Wanted,
    pub(super) schedule: Schedule,
    pub(super) commands: watch::Receiver<Command>,
    /// Messages sent and not confirmed.
    pub(super) unconfirmed: u64,
}

/// How many messages of one stream may be unconfirmed.
const WINDOW: u64 = 1024;

impl SupplierDriver {
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
        let Self { output, commands, binding, .. } = self;
        let mut idle = pin!(poll_fn(|cx| {
            output.iter_mut().for_each(|output| output.poll_idle(cx));
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
        let mut sends = Sends::of(answer);
        let (mut given, mut commands) = (0, self.commands.clone());
        loop {
            let next = tokio::select! {
                biased;
                _ = commands.wait_for(|command| matches!(command, Command::Stop | Command::Abandon)) => None,
                next = poll_fn(|cx| {
                    // What was sent goes on being confirmed while the next is waited for.
                    let mut failure = None;
                    let lost = match self.poll_confirmed(cx, 0, &mut failure) {
                        Poll::Ready(Err(error)) => Some(error),
                        _ => failure,
                    };
                    match lost {
                        Some(error) => Poll::Ready(Some(Err(error))),
                        None => sends.poll_next(cx),
                    }
                }) => next,
            };
            let Some(reply) = next else { break };
            given += 1;
            self.binding.stats().received.add(1);
            let (to, reply) = reply?;
            self.send(to, reply).await?;
        }
        self.confirm_down_to(0).await?;
        Ok(given)
    }

    async fn send(&mut self, to: usize, reply: Reply) -> Result<(), Error> {
        let Some(output) = &mut self.output else { return Ok(()) };
        poll_fn(|cx| output.poll_all_ready(cx)).await?;
        output.send_to(to, reply.message, 0);
        self.unconfirmed += 1;
        self.confirm_down_to(WINDOW).await
    }

    async fn confirm_down_to(&mut self, most: u64) -> Result<(), Error> {
        let mut failure = None;
        poll_fn(|cx| self.poll_confirmed(cx, most, &mut failure)).await?;
        failure.map_or(Ok(()), Err)
    }

    /// Waits until no more than so many messages are unconfirmed; notes why one was not accepted.
    fn poll_confirmed(
        &mut self,
        cx: &mut Context<'_>,
        most: u64,
        failure: &mut Option<Error>,
    ) -> Poll<Result<(), Error>> {
        let Self { output: Some(output), unconfirmed, binding, .. } = self else {
            return Poll::Ready(Ok(()));
        };
        while *unconfirmed > most {
            let polled = output.poll_confirmed(cx, |_, failed| {
                *unconfirmed = unconfirmed.saturating_sub(1);
                match failed {
                    Some(error) => *failure = Some(error),
                    None => binding.stats().sent.add(1),
                }
            });
            match polled {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }

    async fn drain(mut self) -> u64 {
        let mut commands = self.commands.clone();
        let confirmed = tokio::select! {
            confirmed = self.confirm_down_to(0) => confirmed,
            _ = commands.wait_for(|command| *command == Command::Abandon) => Ok(()),
        };
        if let Err(error) = confirmed {
            tracing::warn!(binding = self.binding.name(), %error, "a message was not accepted while stopping");
        }
        self.binding.stats().abandoned.add(self.unconfirmed);
        if let Some(output) = self.output
            && let Err(error) = output.close().await
        {
            tracing::warn!(binding = self.binding.name(), %error, "the output did not close cleanly");
        }
        self.binding.set_state(State::Stopped);
        self.unconfirmed
    }
}
