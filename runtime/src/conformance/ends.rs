//! Inputs and outputs as cases use them: with a deadline for everything that waits.

use std::future::poll_fn;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::Found;
use super::found::{Outcome, holds};
use super::world::{in_time, payloads, plain};
use crate::binder::{Confirmation, Delivery, Error, Input, Kind, Outgoing, Output, Settlement, Ticket};

/// How long nothing may happen where nothing is to happen.
const QUIET: Duration = Duration::from_millis(100);

/// An input.
pub(super) struct Reader {
    input: Box<dyn Input>,
    patience: Duration,
}

impl Reader {
    pub(super) const fn new(input: Box<dyn Input>, patience: Duration) -> Self {
        Self { input, patience }
    }

    /// At least one delivery, at most so many, in time.
    pub(super) async fn batch(&mut self, max: usize) -> Outcome<Vec<Delivery>> {
        let mut batch = Vec::new();
        let received = poll_fn(|cx| self.input.poll_receive(cx, &mut batch, max));
        in_time(self.patience, "a delivery", received).await??;
        holds(
            || format!("{} deliveries were appended, asked was for {max}", batch.len()),
            batch.len() <= max,
        )?;
        holds(|| "the input has ended".to_owned(), !batch.is_empty())?;
        Ok(batch)
    }

    /// Exactly so many deliveries, not settled.
    pub(super) async fn receive(&mut self, count: usize) -> Outcome<Vec<Delivery>> {
        let mut all = Vec::new();
        while all.len() < count {
            match self.batch(count - all.len()).await {
                Ok(mut batch) => all.append(&mut batch),
                Err(found) => {
                    let what = format!("{} of {count} deliveries came: {:?}", all.len(), payloads(&all));
                    return Err(found.during(&what));
                }
            }
        }
        Ok(all)
    }

    /// Receives and acknowledges until so many different payloads have come; all deliveries, in order.
    pub(super) async fn take(&mut self, count: usize) -> Outcome<Vec<Delivery>> {
        let mut seen = std::collections::BTreeSet::new();
        let mut all: Vec<Delivery> = Vec::new();
        while seen.len() < count {
            let batch = self.batch(count - seen.len()).await.map_err(|found| {
                found.during(&format!("{} of {count} messages came: {:?}", seen.len(), payloads(&all)))
            })?;
            for mut delivery in batch {
                seen.insert(delivery.message.bytes().to_vec());
                let ticket = std::mem::replace(&mut delivery.ticket, Ticket::new(u64::MAX));
                self.settle(ticket, Settlement::Ack);
                all.push(delivery);
            }
        }
        self.flush().await?;
        Ok(all)
    }

    /// Deliveries that are there without waiting for more than a moment.
    pub(super) async fn quiet(&mut self) -> Outcome<Vec<Delivery>> {
        let mut batch = Vec::new();
        let received = poll_fn(|cx| self.input.poll_receive(cx, &mut batch, usize::MAX));
        match tokio::time::timeout(QUIET, received).await {
            Ok(Err(error)) => Err(error.into()),
            Ok(Ok(())) | Err(_) => Ok(batch),
        }
    }

    /// Asks once, without waiting.
    pub(super) fn poll(&mut self, batch: &mut Vec<Delivery>, max: usize) -> Outcome<bool> {
        match self.input.poll_receive(&mut Context::from_waker(Waker::noop()), batch, max) {
            Poll::Pending => Ok(false),
            Poll::Ready(Ok(())) => Ok(true),
            Poll::Ready(Err(error)) => Err(error.into()),
        }
    }

    pub(super) fn settle(&mut self, ticket: Ticket, settlement: Settlement) {
        self.input.settle(ticket, settlement);
    }

    /// Settles all of them alike, and waits until the broker knows.
    pub(super) async fn settle_all(&mut self, deliveries: Vec<Delivery>, settlement: Settlement) -> Outcome {
        for delivery in deliveries {
            self.settle(delivery.ticket, settlement);
        }
        self.flush().await
    }

    /// The same where the connection may be gone: what cannot be told comes again.
    pub(super) async fn try_settle_all(
        &mut self,
        deliveries: Vec<Delivery>,
        settlement: Settlement,
    ) -> Outcome {
        for delivery in deliveries {
            self.settle(delivery.ticket, settlement);
        }
        let flushed = poll_fn(|cx| self.input.poll_flush(cx));
        match in_time(self.patience, "flushing settlements", flushed).await? {
            Err(error) if error.kind() != Kind::Unreachable => Err(error.into()),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Receives and acknowledges until a payload comes.
    pub(super) async fn until(&mut self, payload: &str) -> Outcome {
        loop {
            let batch =
                self.batch(100).await.map_err(|found| found.during(&format!("waiting for `{payload}`")))?;
            let found = payloads(&batch).iter().any(|one| one == payload);
            self.try_settle_all(batch, Settlement::Ack).await?;
            if found {
                return Ok(());
            }
        }
    }

    pub(super) async fn flush(&mut self) -> Outcome {
        in_time(self.patience, "flushing settlements", poll_fn(|cx| self.input.poll_flush(cx))).await??;
        Ok(())
    }

    pub(super) async fn close(self) -> Outcome {
        in_time(self.patience, "closing an input", self.input.close()).await??;
        Ok(())
    }
}

/// An output.
pub(super) struct Writer {
    output: Box<dyn Output>,
    next: u64,
    patience: Duration,
}

impl Writer {
    pub(super) const fn new(output: Box<dyn Output>, patience: Duration) -> Self {
        Self { output, next: 0, patience }
    }

    /// Sends messages without waiting for one another, then waits for what became of each, in the order of sending.
    pub(super) async fn send(&mut self, messages: Vec<Outgoing>) -> Outcome<Vec<Result<(), Error>>> {
        let (first, count) = (self.next, messages.len());
        let mut confirmed: Vec<Confirmation> = Vec::new();
        let output = &mut self.output;
        let sent = async {
            for (number, message) in (first..).zip(messages) {
                poll_fn(|cx| {
                    // Room comes with confirmations, which somebody has to take.
                    while let Poll::Ready(told) = output.poll_confirmed(cx, &mut confirmed) {
                        told?;
                    }
                    output.poll_ready(cx)
                })
                .await?;
                output.send(message, number);
            }
            while confirmed.len() < count {
                poll_fn(|cx| output.poll_confirmed(cx, &mut confirmed)).await?;
            }
            Ok::<(), Error>(())
        };
        let sent = in_time(self.patience, "confirmations", sent).await;
        self.next += count as u64;
        let what = || format!("{} of {count} messages were confirmed", confirmed.len());
        sent.map_err(|found| found.during(&what()))?.map_err(|error| Found::from(error).during(&what()))?;
        confirmed.sort_by_key(|one| one.number);
        let told: Vec<u64> = confirmed.iter().map(|one| one.number).collect();
        let expected: Vec<u64> = (first..self.next).collect();
        super::found::same("numbers that were told, each once", &told, &expected)?;
        Ok(confirmed.into_iter().map(|one| one.result).collect())
    }

    /// Sends messages that must all be confirmed.
    pub(super) async fn send_all(&mut self, messages: Vec<Outgoing>) -> Outcome {
        for (index, result) in self.send(messages).await?.into_iter().enumerate() {
            result.map_err(|error| Found::from(error).during(&format!("message {index} was not taken")))?;
        }
        Ok(())
    }

    /// Sends numbers that must all be confirmed.
    pub(super) async fn send_numbers(&mut self, numbers: std::ops::Range<u64>) -> Outcome {
        self.send_all(numbers.map(|n| plain(super::world::message(n.to_string()))).collect()).await
    }

    /// Asks for room once, without waiting.
    pub(super) fn poll_ready(&mut self) -> Outcome<bool> {
        match self.output.poll_ready(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => Ok(false),
            Poll::Ready(Ok(())) => Ok(true),
            Poll::Ready(Err(error)) => Err(error.into()),
        }
    }

    /// Hands a message over, when there is room.
    pub(super) fn start(&mut self, message: Outgoing) -> u64 {
        self.next += 1;
        self.output.send(message, self.next - 1);
        self.next - 1
    }

    /// What became of so many messages.
    pub(super) async fn confirmed(&mut self, count: usize) -> Outcome<Vec<Confirmation>> {
        let mut confirmed = Vec::new();
        while confirmed.len() < count {
            let told = poll_fn(|cx| self.output.poll_confirmed(cx, &mut confirmed));
            in_time(self.patience, &format!("{count} confirmations"), told).await??;
        }
        Ok(confirmed)
    }

    pub(super) async fn close(self) -> Outcome {
        in_time(self.patience, "closing an output", self.output.close()).await??;
        Ok(())
    }
}
