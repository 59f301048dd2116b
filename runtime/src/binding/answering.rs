//! What calls have answered, on its way out.

use std::mem;
use std::task::{Context, Poll, ready};

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use wellspring_functions::{EncodedMessage, Error, Output as Answer, Reply, header_names};

use super::addressed::{self, is_addressed};
use super::driver::Driver;
use super::ledger::Open;
use super::sender::SenderOutputs;
use crate::binder::Delivery;

/// How many messages of one answer are sent before others get their turn.
const TURN: usize = 256;

/// An answer that is not sent yet, or not all of it.
pub(super) struct Answering {
    number: u64,
    replies: BoxStream<'static, Result<Reply, Error>>,
    /// What is to be sent as soon as there is room.
    next: Option<Reply>,
}

impl Answering {
    /// Replies that are addressed go to `outputs` as the answer is read.
    pub(super) fn new(number: u64, answer: Answer, outputs: &SenderOutputs) -> Self {
        let replies = match answer {
            Answer::One(reply) if !is_addressed(&reply) => Answer::One(reply).into_stream(),
            answer => {
                let outputs = outputs.clone();
                let route = move |reply| {
                    let outputs = outputs.clone();
                    async move {
                        match reply {
                            Ok(reply) => addressed::send(&outputs, reply).await,
                            Err(error) => Some(Err(error)),
                        }
                    }
                };
                answer.into_stream().filter_map(route).boxed()
            }
        };
        Self { number, replies, next: None }
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
            match self.poll_answer(cx, &mut answer, &mut moved) {
                Poll::Pending => self.answers.push(answer),
                Poll::Ready(result) => {
                    self.answered(answer.number, result);
                    moved = true;
                }
            }
        }
        moved
    }

    /// Sends messages of one answer until there are no more. What was sent has to be confirmed, also when the rest of the
    /// answer waits for room.
    fn poll_answer(
        &mut self,
        cx: &mut Context<'_>,
        answer: &mut Answering,
        moved: &mut bool,
    ) -> Poll<Result<(), Error>> {
        for _ in 0..TURN {
            // An answer that is over needs no room.
            if answer.next.is_none() {
                answer.next = ready!(answer.replies.poll_next_unpin(cx)).transpose()?;
            }
            if answer.next.is_none() {
                return Poll::Ready(Ok(()));
            }
            if let Some(output) = &mut self.ends.output {
                ready!(output.poll_ready(cx))?;
            }
            if let Some(reply) = answer.next.take() {
                self.send(answer.number, reply);
                *moved = true;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn send(&mut self, number: u64, reply: Reply) {
        let Some(output) = &mut self.ends.output else { return };
        let Some(open) = self.ledger.get_mut(number) else { return };
        let message = outgoing(self.ends.copy_headers, reply, &open.message);
        self.ledger.sent(number);
        output.send(message, number);
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
