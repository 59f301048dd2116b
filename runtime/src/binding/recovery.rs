//! What follows a failure: another attempt after a wait, a dead letter, or a drop that is logged and counted.
//!
//! The order is fixed: attempts first, then the dead letter. The original stays unsettled until its dead letter is
//! confirmed.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::sleep;
use wellspring_functions::{EncodedMessage, Error, header_names};

use super::control::Command;
use super::dead_letter;
use super::driver::{Driver, Interrupted};
use super::ledger::Open;
use super::publisher::Publisher;
use crate::binder::Settlement;

impl Driver {
    /// Goes on with an open delivery that failed, until it succeeds or is given up.
    pub(super) async fn retry(&mut self, number: u64, mut error: Error) -> Result<(), Interrupted> {
        while let Some(message) = self.another_attempt(number, &error).await? {
            match self.attempt(number, message).await? {
                Ok(()) => {
                    self.finish(number);
                    return Ok(());
                }
                Err(again) => error = again,
            }
        }
        match self.ledger.take(number) {
            Some(open) => self.give_up(open, error).await,
            None => Ok(()),
        }
    }

    /// Tries a delivery again after one of its messages was not accepted.
    pub(super) async fn recover(&mut self, open: Open, error: Error) -> Result<(), Interrupted> {
        let number = self.ledger.reopen(open);
        self.retry(number, error).await
    }

    /// The message to try again with, after the wait; nothing when another attempt cannot help or is not allowed.
    async fn another_attempt(
        &mut self,
        number: u64,
        error: &Error,
    ) -> Result<Option<EncodedMessage>, Interrupted> {
        self.binding.stats().failed.add(1);
        let Some(open) = self.ledger.get_mut(number) else { return Ok(None) };
        if !error.kind().is_retryable() || open.calls >= self.retry.max_attempts {
            return Ok(None);
        }
        let wait = self.retry.backoff(open.calls);
        open.calls += 1;
        let attempt = open.calls;
        let mut message = open.message.clone();
        message.headers_mut().set(header_names::DELIVERY_ATTEMPT, attempt);
        tracing::debug!(binding = self.binding.name(), %error, attempt, ?wait, "trying again");
        self.pause_for(wait).await?;
        Ok(Some(message))
    }

    /// Hands a delivery that failed for good to the dead letters. The original stays until the letter is confirmed.
    async fn give_up(&mut self, open: Open, error: Error) -> Result<(), Interrupted> {
        let Some(mut letters) = self.dead_letters.take() else {
            self.discard(open, &error);
            return Ok(());
        };
        let letter = dead_letter::letter(&open, &error, self.binding.name(), &self.destination);
        tracing::warn!(
            binding = self.binding.name(), partition = open.partition, position = open.position,
            attempts = open.calls, %error, to = letters.destination(),
            "a message failed for good and becomes a dead letter"
        );
        let sent = self.send_letter(&mut letters, &letter).await;
        self.dead_letters = Some(letters);
        if let Err(interrupted) = sent {
            self.failed.push((open, error));
            return Err(interrupted);
        }
        self.binding.stats().dead_lettered.add(1);
        if let Some(ticket) = open.into_ticket() {
            self.input.settle(ticket, Settlement::Ack);
        }
        Ok(())
    }

    fn discard(&mut self, open: Open, error: &Error) {
        tracing::error!(
            binding = self.binding.name(), destination = self.destination, partition = open.partition,
            position = open.position, attempts = open.calls, %error,
            "a message failed for good and is given up: the binding has no `dead-letter` destination, only the broker may keep it"
        );
        self.binding.stats().dropped.add(1);
        if let Some(ticket) = open.into_ticket() {
            self.input.settle(ticket, Settlement::Reject);
        }
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
                    let binding = self.binding.name();
                    tracing::error!(binding, %error, ?wait, "a dead letter cannot be sent; the original stays");
                    self.pause_for(wait).await?;
                }
            }
        }
    }

    async fn pause_for(&mut self, wait: Duration) -> Result<(), Interrupted> {
        self.meanwhile(sleep(wait), true).await
    }

    /// Awaits something while confirmations go on being settled. Ends early when the binding is to end at once, or,
    /// when the wait is only a pause, as soon as it is to stop.
    pub(super) async fn meanwhile<F: Future>(
        &mut self,
        future: F,
        pause: bool,
    ) -> Result<F::Output, Interrupted> {
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
}
