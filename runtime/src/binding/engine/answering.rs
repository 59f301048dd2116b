//! What calls have answered, on its way out.

use std::mem;
use std::task::{Context, Poll, ready};

use wellspring_functions::{EncodedMessage, Error, Output as Answer, Reply, header_names};

use super::driver::Driver;
use super::ledger::Open;
use super::sends::Sends;
use crate::binder::Delivery;
use crate::binding::sender::SenderOutputs;

/// How many messages of one answer are sent before others get their turn.
const TURN: usize = 256;

/// An answer that is not sent yet, or not all of it.
pub(super) struct Answering {
    number: u64,
    sends: Sends,
    /// What is to be sent as soon as there is room.
    next: Option<(usize, Reply)>,
}

impl Answering {
    /// Replies that are addressed go to `outputs` as the answer is read.
    pub(super) fn new(number: u64, answer: Answer, outputs: &SenderOutputs) -> Self {
        Self { number, sends: Sends::of(answer, outputs), next: None }
    }
}

impl Driver {
    /// Whether a message may be sent without waiting.
    pub(super) fn has_room(&mut self, cx: &mut Context<'_>) -> bool {
        self.ends.output.as_mut().is_none_or(|output| matches!(output.poll_ready(cx), Poll::Ready(Ok(()))))
    }

    /// Sends the only message that a delivery gives rise to; there is room.
    pub(super) fn send_only(&mut self, delivery: Delivery, reply: Reply) {
        let message = outgoing(self.ends.copy_headers, reply, &delivery.message);
        let number = self.open(Open::sent(delivery, self.now));
        if let Some(output) = &mut self.ends.output {
            output.send(message, number);
        }
    }

    /// Sends what calls have answered, as far as there is room.
    pub(super) fn poll_answers(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        if self.answers.is_empty() {
            return moved;
        }
        for mut answer in mem::take(&mut self.answers) {
            match self.poll_answer(cx, &mut answer) {
                Poll::Pending => self.answers.push(answer),
                Poll::Ready(result) => {
                    self.answered(answer.number, result);
                    moved = true;
                }
            }
        }
        moved
    }

    /// Sends messages of one answer until there are no more.
    fn poll_answer(&mut self, cx: &mut Context<'_>, answer: &mut Answering) -> Poll<Result<(), Error>> {
        for _ in 0..TURN {
            // An answer that is over needs no room.
            if answer.next.is_none() {
                answer.next = ready!(answer.sends.poll_next(cx)).transpose()?;
            }
            if answer.next.is_none() {
                return Poll::Ready(Ok(()));
            }
            if let Some(output) = &mut self.ends.output {
                ready!(output.poll_all_ready(cx))?;
            }
            if let Some((output, reply)) = answer.next.take() {
                self.send(answer.number, output, reply, true);
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Sends one message of an answer to one of the outputs; there is room. `lends`: the delivery may lend its headers.
    pub(super) fn send(&mut self, number: u64, to: usize, reply: Reply, lends: bool) {
        let Some(output) = &mut self.ends.output else { return };
        let Some(open) = self.ledger.get_mut(number) else { return };
        let message =
            if lends { outgoing(self.ends.copy_headers, reply, &open.message) } else { reply.message };
        self.ledger.sent(number);
        output.send_to(to, message, number);
        self.has_sent = true;
    }

    /// Everything that a call answered was sent, or it failed.
    pub(super) fn answered(&mut self, number: u64, result: Result<(), Error>) {
        match result {
            Ok(()) => {
                if let Some(lane) = self.lane(number) {
                    self.lanes.finish(lane);
                }
                self.finish(number);
            }
            Err(error) => self.fail(number, &error),
        }
    }
}

/// The message to send. Headers of the delivery go along unless the function decided on headers itself, as in Spring,
/// or the configuration decides it.
#[inline]
fn outgoing(copy_headers: Option<bool>, reply: Reply, delivered: &EncodedMessage) -> EncodedMessage {
    let Reply { mut message, sets_headers } = reply;
    if copy_headers.unwrap_or(!sets_headers) && !delivered.headers().is_empty() {
        let mut headers = delivered.headers().clone();
        headers.remove(header_names::DELIVERY_ATTEMPT);
        headers.overlay(mem::take(message.headers_mut()));
        *message.headers_mut() = headers;
    }
    message
}
