//! Calls with many deliveries at once: what gathers, what is called, and what becomes of each.
//!
//! Batches of one binding are called one after the other. A delivery that failed is called with again alone, as a batch
//! of one, and holds up those of its lane only, as any other.

use std::collections::HashMap;
use std::mem;
use std::task::{Context, Poll, ready};
use std::vec;

use futures_util::future::BoxFuture;
use tokio::time::Instant;
use wellspring_functions::{
    BatchOutcome, BatchReplies, EncodedMessage, Error, Incoming, Output as Answer, Reply, Step,
};

use super::driver::Driver;
use super::gathering::Gathering;
use super::lanes::{Admission, Lane};
use super::ledger::{Closed, Open};
use super::sends::Sends;
use super::timers::Due;
use crate::binder::Settlement;
use crate::binding::addressed::{self, is_addressed};
use crate::binding::plan::Batching;

/// How many messages of one answer are sent before others get their turn.
const TURN: usize = 256;

/// A message that goes where it says; what is left of it afterwards.
type Addressed = BoxFuture<'static, Option<Result<Reply, Error>>>;

/// The batches of one input.
pub(super) struct Batches {
    gathering: Gathering,
    /// When the input last gave something, as far as that was noted here.
    noted: Option<Instant>,
    /// Calls that go on, by the number of their first delivery.
    called: HashMap<u64, Vec<u64>>,
    /// Answers that are not sent yet, or not all of them.
    answers: Vec<BatchAnswer>,
    /// Deliveries whose messages are all sent under the number of the first of them.
    sent: Vec<Vec<u64>>,
}

/// What a call answered to a batch.
enum BatchAnswer {
    /// Each message came of one delivery; of those with a place but no message, nothing came.
    PerItem {
        numbers: Vec<Option<u64>>,
        replies: vec::IntoIter<(usize, Reply)>,
        /// One that says itself where it goes, on its way there.
        sending: Option<(usize, Addressed)>,
    },
    /// All messages came of all deliveries.
    Whole {
        numbers: Vec<u64>,
        sends: Sends,
        /// What is to be sent as soon as there is room.
        next: Option<(usize, Reply)>,
    },
}

impl Batches {
    pub(super) fn new(policy: Batching) -> Self {
        Self {
            gathering: Gathering::new(policy),
            noted: None,
            called: HashMap::new(),
            answers: Vec::new(),
            sent: Vec::new(),
        }
    }

    /// The deliveries of a call that is over.
    pub(super) fn take_called(&mut self, number: u64) -> Option<Vec<u64>> {
        self.called.remove(&number)
    }

    /// The deliveries that were to be a batch.
    pub(super) fn take_gathered(&mut self) -> Vec<u64> {
        self.gathering.take()
    }

    /// Whether no answer is on its way.
    pub(super) fn are_sent(&self) -> bool {
        self.answers.is_empty() && self.sent.is_empty()
    }
}

impl Driver {
    /// Begins what may be begun: alone what failed before, the rest in batches.
    pub(super) fn begin_batches(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        while self.may_call()
            && let Some(number) = self.lanes.next()
        {
            moved = true;
            if self.ledger.get_mut(number).is_some_and(|open| open.calls > 0) {
                self.begin_again(cx, number);
            } else if let Some(lane) = self.lane(number) {
                self.lanes.finish(lane);
                self.gather(number);
            }
        }
        // One that is under way may fail in part, and what comes after those parts in their lanes has to wait for them.
        while self
            .batches
            .as_ref()
            .is_some_and(|batches| batches.called.is_empty() && batches.gathering.room() > 0)
            && let Some(delivery) = self.received.pop_front()
        {
            match self.lanes.admission(&delivery) {
                // One that failed before it waited at its broker is called with alone, in the next round.
                Admission::Go if self.later.has_waited(&delivery) => self.wait_for_lane(delivery),
                Admission::Go => {
                    let number = self.open(Open::waiting(delivery, self.now));
                    self.gather(number);
                }
                Admission::Wait => self.wait_for_lane(delivery),
                Admission::Full => {
                    self.received.push_front(delivery);
                    break;
                }
            }
            moved = true;
        }
        if self.is_batch_due() {
            self.begin_batch(cx);
            moved = true;
        }
        moved
    }

    fn gather(&mut self, number: u64) {
        let now = Instant::now();
        let until = self.batches.as_mut().and_then(|batches| batches.gathering.push(number, now));
        if let Some(until) = until {
            self.timers.at(until, Due::Batch);
        }
    }

    /// Whether the function is to be called with what has gathered, and may be called.
    fn is_batch_due(&mut self) -> bool {
        let received = self.now;
        let Some(batches) = &mut self.batches else { return false };
        // What came in this round is not all there is, perhaps: the next round tells.
        let is_news = batches.noted.replace(received) != Some(received);
        let more = is_news || !self.received.is_empty();
        let due = batches.called.is_empty() && batches.gathering.is_due(Instant::now(), more);
        due && self.may_call() && self.lanes.admit(Lane::Own) == Admission::Go
    }

    fn begin_batch(&mut self, cx: &mut Context<'_>) {
        let Some(batches) = &mut self.batches else { return };
        let numbers = batches.gathering.take();
        let Some(first) = numbers.first().copied() else { return };
        let mut messages = Vec::with_capacity(numbers.len());
        for number in &numbers {
            if let Some(open) = self.ledger.get_mut(*number) {
                open.calls += 1;
                open.is_begun = true;
                messages.push(open.message.clone());
            }
        }
        self.circuit.begin();
        self.lanes.begin(Lane::Own);
        match self.call_batch(cx, messages) {
            Step::Ready(result) => self.batch_returned(numbers, result),
            Step::Pending(call) => {
                let invocation = self.invocation.clone();
                self.calls.spawn(first, async move { invocation.finish(call).await });
                self.batches.iter_mut().for_each(|batches| {
                    batches.called.insert(first, numbers.clone());
                });
            }
        }
    }

    pub(super) fn call_batch(&self, cx: &mut Context<'_>, mut messages: Vec<EncodedMessage>) -> Step {
        messages.iter_mut().for_each(|message| self.ends.label(message));
        self.invocation.start_and_poll(cx, Incoming::Batch(messages), self.ends.wanted.clone())
    }

    /// A call with a batch is over.
    pub(super) fn batch_returned(&mut self, numbers: Vec<u64>, result: Result<Answer, Error>) {
        self.lanes.finish(Lane::Own);
        let outcome = match result {
            Ok(Answer::Batch(outcome)) => *outcome,
            Ok(answer) => BatchOutcome { failed: Vec::new(), replies: BatchReplies::Whole(answer) },
            Err(error) => return self.fail_batch(&numbers, &error),
        };
        let mut numbers: Vec<_> = numbers.into_iter().map(Some).collect();
        for item in outcome.failed {
            if let Some(number) = numbers.get_mut(item.index).and_then(Option::take) {
                self.fail_afterwards(number, &item.error);
            }
        }
        let answer = match outcome.replies {
            _ if self.ends.output.is_none() => None,
            BatchReplies::Whole(Answer::Nothing) => None,
            BatchReplies::Whole(answer) => {
                let numbers = numbers.iter().copied().flatten().collect();
                Some(BatchAnswer::Whole { numbers, sends: Sends::of(answer, &self.ends.sender), next: None })
            }
            BatchReplies::PerItem(replies) => Some(BatchAnswer::PerItem {
                numbers: numbers.clone(),
                replies: replies.into_iter(),
                sending: None,
            }),
        };
        match (answer, &mut self.batches) {
            (Some(answer), Some(batches)) => batches.answers.push(answer),
            _ => numbers.into_iter().flatten().for_each(|number| self.finish(number)),
        }
    }

    /// No item of a batch is done. If one of them may be at fault, each is called with alone.
    fn fail_batch(&mut self, numbers: &[u64], error: &Error) {
        for number in numbers.iter().copied() {
            let calls = self.ledger.get_mut(number).map_or(0, |open| open.calls);
            let may_be_another = numbers.len() > 1 && !error.kind().is_retryable() && !self.settles_first;
            match self.lane(number) {
                Some(lane) if may_be_another && calls < self.policy.retry.max_attempts => {
                    self.binding.stats().failed.add(1);
                    self.lanes.wait(lane, number);
                }
                _ => self.fail_afterwards(number, error),
            }
        }
    }

    /// Sends what was answered to batches, as far as there is room, and settles what is confirmed.
    pub(super) fn poll_batches(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(batches) = &mut self.batches else { return false };
        if batches.are_sent() {
            return false;
        }
        let mut moved = false;
        for mut answer in mem::take(&mut batches.answers) {
            let polled = self.poll_batch_answer(cx, &mut answer);
            let Some(batches) = &mut self.batches else { return moved };
            match (polled, answer) {
                (Poll::Pending, answer) => {
                    batches.answers.push(answer);
                    continue;
                }
                (Poll::Ready(Ok(())), BatchAnswer::Whole { numbers, .. }) => batches.sent.push(numbers),
                (Poll::Ready(Ok(())), BatchAnswer::PerItem { numbers, .. }) => {
                    numbers.into_iter().flatten().for_each(|number| self.finish(number));
                }
                (Poll::Ready(Err(error)), answer) => {
                    let numbers = answer.into_numbers();
                    numbers.into_iter().for_each(|number| self.fail_afterwards(number, &error));
                }
            }
            moved = true;
        }
        self.conclude_batches() || moved
    }

    fn poll_batch_answer(
        &mut self,
        cx: &mut Context<'_>,
        answer: &mut BatchAnswer,
    ) -> Poll<Result<(), Error>> {
        for _ in 0..TURN {
            if ready!(answer.poll_is_over(cx))? {
                return Poll::Ready(Ok(()));
            }
            if let Some(output) = &mut self.ends.output {
                ready!(output.poll_all_ready(cx))?;
            }
            match answer {
                BatchAnswer::PerItem { numbers, replies, sending } => {
                    if let Some((item, sent)) = sending {
                        let sent = ready!(sent.as_mut().poll(cx));
                        let number = numbers.get_mut(*item);
                        if let (Some(Err(error)), Some(number)) = (sent, number.and_then(Option::take)) {
                            self.fail_afterwards(number, &error);
                        }
                        *sending = None;
                    }
                    let Some((item, reply)) = replies.next() else { return Poll::Ready(Ok(())) };
                    if is_addressed(&reply) {
                        let outputs = self.ends.sender.clone();
                        let sent: Addressed = Box::pin(async move { addressed::send(&outputs, reply).await });
                        *sending = Some((item, sent));
                    } else if let Some(number) = numbers.get(item).copied().flatten() {
                        self.send(number, 0, reply, true);
                    }
                }
                BatchAnswer::Whole { numbers, next, .. } => match (next.take(), numbers.as_slice()) {
                    // Of several deliveries, none lends its headers.
                    (Some((output, reply)), [first, others @ ..]) => {
                        self.send(*first, output, reply, others.is_empty());
                    }
                    _ => return Poll::Ready(Ok(())),
                },
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Settles batches whose messages are all confirmed, and goes on with those of which one was not accepted.
    fn conclude_batches(&mut self) -> bool {
        let Some(batches) = &mut self.batches else { return false };
        let (waiting, over): (Vec<_>, Vec<_>) =
            mem::take(&mut batches.sent).into_iter().partition(|numbers| {
                numbers
                    .first()
                    .and_then(|first| self.ledger.get_mut(*first))
                    .is_some_and(|open| !open.is_idle())
            });
        batches.sent = waiting;
        let moved = !over.is_empty();
        for numbers in over {
            let Some((first, others)) = numbers.split_first() else { continue };
            match self.ledger.finished(*first) {
                Some(Closed::Failed(error)) => {
                    numbers.iter().for_each(|number| self.fail_afterwards(*number, &error));
                }
                Some(Closed::Confirmed(ticket)) => {
                    if let Some(ticket) = ticket {
                        self.ends.input.settle(ticket, Settlement::Ack);
                    }
                    self.succeeded(1);
                    others.iter().for_each(|number| self.finish(*number));
                }
                None => {}
            }
        }
        moved
    }
}

impl BatchAnswer {
    /// Whether nothing is left to be sent: an answer that is over needs no room.
    fn poll_is_over(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Error>> {
        match self {
            Self::PerItem { replies, sending, .. } => {
                Poll::Ready(Ok(sending.is_none() && replies.as_slice().is_empty()))
            }
            Self::Whole { sends, next, .. } => {
                if next.is_none() {
                    *next = ready!(sends.poll_next(cx)).transpose()?;
                }
                Poll::Ready(Ok(next.is_none()))
            }
        }
    }

    fn into_numbers(self) -> Vec<u64> {
        match self {
            Self::PerItem { numbers, .. } => numbers.into_iter().flatten().collect(),
            Self::Whole { numbers, .. } => numbers,
        }
    }
}
