//! The outputs of one function: nearly always one.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use wellspring_functions::{EncodedMessage, Error};

use super::publisher::Publisher;
use super::stats::Stats;
use crate::binder;

/// The outputs of one function, in the order of their bindings.
pub(super) struct Outlets {
    first: Publisher,
    more: Vec<Publisher>,
    /// What was sent to each, where a function has several ends; else its only binding counts.
    sent: Vec<Arc<Stats>>,
}

impl Outlets {
    /// The outputs, if there are any. `counted`: one count for all does not do.
    pub(super) fn of(made: Vec<(Publisher, Arc<Stats>)>, counted: bool) -> Option<Self> {
        let (publishers, sent): (Vec<_>, Vec<_>) = made.into_iter().unzip();
        let mut publishers = publishers.into_iter();
        let first = publishers.next()?;
        Some(Self { first, more: publishers.collect(), sent: if counted { sent } else { Vec::new() } })
    }

    /// Waits for room for one message to the first output.
    #[inline]
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.first.poll_ready(cx)
    }

    /// Waits for room for one message to whichever output.
    pub(super) fn poll_all_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        for output in std::iter::once(&mut self.first).chain(&mut self.more) {
            ready!(output.poll_ready(cx))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Hands a message to the first output, for which there is room.
    #[inline]
    pub(super) fn send(&mut self, message: EncodedMessage, number: u64) {
        self.first.send(message, number);
    }

    /// Hands a message to the output of an index, for which there is room.
    pub(super) fn send_to(&mut self, index: usize, message: EncodedMessage, number: u64) {
        match index.checked_sub(1).and_then(|index| self.more.get_mut(index)) {
            Some(output) => output.send(message, number),
            None => self.first.send(message, number),
        }
    }

    /// Tells what became of messages: their number, and why they were not accepted if so.
    pub(super) fn poll_confirmed(
        &mut self,
        cx: &mut Context<'_>,
        mut tell: impl FnMut(u64, Option<Error>),
    ) -> Poll<Result<(), Error>> {
        if self.sent.is_empty() {
            return self.first.poll_confirmed(cx, tell);
        }
        for (index, output) in std::iter::once(&mut self.first).chain(&mut self.more).enumerate() {
            let mut sent = 0;
            let polled = output.poll_confirmed(cx, |number, failure| {
                sent += u64::from(failure.is_none());
                tell(number, failure);
            });
            if let Some(stats) = self.sent.get(index) {
                stats.sent.add(sent);
            }
            if polled.is_ready() {
                return polled;
            }
        }
        Poll::Pending
    }

    /// What was sent with a number shall not count, where the outputs can still do that.
    pub(super) fn retract(&mut self, number: u64) {
        std::iter::once(&mut self.first).chain(&mut self.more).for_each(|output| output.retract(number));
    }

    /// Closes them all; the first error counts.
    pub(super) async fn close(self) -> Result<(), binder::Error> {
        let mut closed = self.first.close().await;
        for output in self.more {
            closed = closed.and(output.close().await);
        }
        closed
    }
}
