//! An output as bindings use it: wait for room, send, learn what was confirmed.

use std::sync::Arc;
use std::task::{Context, Poll};

use wellspring_functions::{EncodedMessage, Error, Kind, header_names};

use super::partition::Partitioning;
use crate::binder::{self, Confirmation, Health, Outgoing, Output};

/// The sending end of a binding.
pub(super) struct Publisher {
    output: Box<dyn Output>,
    binding: String,
    destination: String,
    confirmed: Vec<Confirmation>,
    /// How partitions are chosen and among how many, if not by the binder.
    partitioning: Option<(Partitioning, u32)>,
    /// What was never handed over.
    refused: Vec<(u64, Error)>,
}

impl Publisher {
    pub(super) fn new(output: Box<dyn Output>, binding: &str, destination: &str) -> Self {
        let (binding, destination) = (binding.to_owned(), destination.to_owned());
        Self { output, binding, destination, confirmed: Vec::new(), partitioning: None, refused: Vec::new() }
    }

    /// Chooses the partition of each message, of which there are at least `count`.
    pub(super) fn partitioned(mut self, by: Option<Partitioning>, count: u32) -> Self {
        self.partitioning = by.map(|by| (by, count.max(self.output.partitions())));
        self
    }

    /// The destination that messages go to.
    pub(super) fn destination(&self) -> &str {
        &self.destination
    }

    /// How it stands with its broker.
    pub(super) fn health(&self) -> Arc<dyn Health> {
        self.output.health()
    }

    /// Waits for room for one message.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.output.poll_ready(cx).map(|ready| ready.map_err(|cause| self.failed(&cause)))
    }

    /// Hands a message over, for which there is room; what became of it is told by
    /// [`poll_confirmed`](Self::poll_confirmed).
    pub(super) fn send(&mut self, message: EncodedMessage, number: u64) {
        match &self.partitioning {
            None => self.output.send(outgoing(message), number),
            Some(_) => self.send_to_partition(message, number),
        }
    }

    fn send_to_partition(&mut self, mut message: EncodedMessage, number: u64) {
        let Some((by, count)) = &self.partitioning else { return };
        match by.choose(&mut message, *count) {
            Ok(partition) => {
                self.output.send(Outgoing { partition: Some(partition), ..outgoing(message) }, number);
            }
            Err(error) => {
                let Self { binding, destination, .. } = self;
                let sentence = format!("`{binding}` cannot send a message to `{destination}`: {error}");
                self.refused.push((number, Error::message(error.kind(), sentence)));
            }
        }
    }

    /// What was sent with a number shall not count, where the output can still do that.
    pub(super) fn retract(&mut self, number: u64) {
        self.output.retract(number);
    }

    /// Tells what became of messages: their number, and why they were not accepted if so.
    pub(super) fn poll_confirmed(
        &mut self,
        cx: &mut Context<'_>,
        mut tell: impl FnMut(u64, Option<Error>),
    ) -> Poll<Result<(), Error>> {
        if !self.refused.is_empty() {
            self.refused.drain(..).for_each(|(number, failure)| tell(number, Some(failure)));
            return Poll::Ready(Ok(()));
        }
        match self.output.poll_confirmed(cx, &mut self.confirmed) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(cause)) => Poll::Ready(Err(self.failed(&cause))),
            Poll::Ready(Ok(())) => {
                for Confirmation { number, result } in self.confirmed.drain(..) {
                    let failure = result.err().map(|cause| failed(&self.binding, &self.destination, &cause));
                    tell(number, failure);
                }
                Poll::Ready(Ok(()))
            }
        }
    }

    pub(super) async fn close(self) -> Result<(), binder::Error> {
        self.output.close().await
    }

    fn failed(&self, cause: &binder::Error) -> Error {
        failed(&self.binding, &self.destination, cause)
    }
}

fn outgoing(mut message: EncodedMessage) -> Outgoing {
    if !message.headers().contains(header_names::MESSAGE_KEY) {
        return Outgoing { message, key: None, partition: None };
    }
    let key = message.headers().get(header_names::MESSAGE_KEY).map(|key| match key {
        wellspring_functions::HeaderValue::Bytes(bytes) => bytes.clone(),
        other => other.to_string().into(),
    });
    if key.is_some() {
        message.headers_mut().remove(header_names::MESSAGE_KEY);
    }
    Outgoing { message, key, partition: None }
}

#[cold]
fn failed(binding: &str, destination: &str, cause: &binder::Error) -> Error {
    let sentence = format!("`{binding}` cannot send to `{destination}`: {cause}");
    Error::message(kind_of(cause.kind()), sentence).named(cause.kind().as_str())
}

/// Whether the message is at fault, its destination, or neither: a broker that is away takes it when it is back.
const fn kind_of(cause: binder::Kind) -> Kind {
    match cause {
        binder::Kind::Unreachable | binder::Kind::Closed => Kind::OutputUnreachable,
        binder::Kind::Unroutable => Kind::OutputFailed,
        binder::Kind::Refused | binder::Kind::TooLarge => Kind::OutputRefused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_blames_the_message_is_not_sent_again_and_only_its_fault_uses_up_attempts() {
        for (cause, again, uses_up_an_attempt) in [
            (binder::Kind::Unreachable, true, false),
            (binder::Kind::Closed, true, false),
            (binder::Kind::Unroutable, true, true),
            (binder::Kind::Refused, false, true),
            (binder::Kind::TooLarge, false, true),
        ] {
            let error = failed("f-out-0", "d", &binder::Error::new(cause, "it failed"));
            assert_eq!(error.kind().is_retryable(), again, "{cause:?}");
            assert_eq!(!error.kind().passes_by_waiting(), uses_up_an_attempt, "{cause:?}");
            assert_eq!(error.name(), Some(cause.as_str()));
            assert_eq!(error.to_string(), "`f-out-0` cannot send to `d`: it failed");
        }
    }
}
