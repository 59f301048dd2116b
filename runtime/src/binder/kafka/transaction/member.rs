//! An output's part of a transaction: what it sends, and what it is told of it.

use std::collections::HashSet;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use rdkafka::error::RDKafkaErrorCode;

use super::state::Sending;
use super::{Inner, Transaction};
use crate::binder::kafka::health::Pulse;
use crate::binder::kafka::native::{Refusal, Sent};

/// One of several outputs that share the producer of a transaction.
pub(in super::super) struct Member {
    transaction: Arc<Transaction>,
    topic: String,
    index: usize,
}

/// What each output is to be told, and which messages are on their way.
#[derive(Default)]
pub(super) struct Mail {
    boxes: Vec<Mailbox>,
    /// The output and the number of each message.
    sent: Vec<(usize, u64)>,
    free: Vec<usize>,
}

#[derive(Default)]
struct Mailbox {
    told: Vec<(u64, Option<Refusal>)>,
    waker: Option<Waker>,
}

impl Member {
    /// Adds an output to a transaction.
    pub(in super::super) fn join(transaction: &Arc<Transaction>, topic: &str) -> Self {
        let mut inner = transaction.lock();
        inner.mail.boxes.push(Mailbox::default());
        let index = inner.mail.boxes.len() - 1;
        drop(inner);
        Self { transaction: Arc::clone(transaction), topic: topic.to_owned(), index }
    }

    pub(in super::super) fn pulse(&self) -> Arc<Pulse> {
        self.transaction.pulse()
    }

    /// Hands a message over, which is copied.
    pub(in super::super) fn send(&self, message: Sent<'_>) -> Result<(), RDKafkaErrorCode> {
        let number = message.number;
        let mut inner = self.transaction.lock();
        match inner.state.sending() {
            Sending::Wait => return Err(RDKafkaErrorCode::QueueFull),
            Sending::Drop => {
                inner.mail.tell(self.index, number, None);
                return Ok(());
            }
            Sending::Go => {}
        }
        let Inner { outlet: Some(outlet), state, mail } = &mut *inner else {
            return Err(RDKafkaErrorCode::State);
        };
        let place = mail.note(self.index, number);
        let own = (self.topic != self.transaction.topic).then_some(self.topic.as_str());
        let sent = outlet.send(Sent { topic: message.topic.or(own), number: place as u64, ..message });
        let Err(code) = sent else { return Ok(()) };
        mail.forget(place);
        if code == RDKafkaErrorCode::QueueFull {
            return Err(code);
        }
        if code == RDKafkaErrorCode::Fatal {
            state.lose();
        }
        let is_to_know = state.refused();
        self.transaction.shared.wake_thread();
        if is_to_know {
            return Err(code);
        }
        mail.tell(self.index, number, None);
        Ok(())
    }

    /// What was sent for a delivery shall not count.
    pub(in super::super) fn retract(&self) {
        self.transaction.lock().state.refused();
        self.transaction.shared.wake_thread();
    }

    /// Reads every report that has come: number, and what went wrong if so. Never waits.
    pub(in super::super) fn poll_reports(
        &self,
        cx: &mut Context<'_>,
        mut tell: impl FnMut(u64, Option<Refusal>),
    ) -> Poll<()> {
        let mut inner = self.transaction.lock();
        // What is told now wakes others only.
        inner.mail.boxes[self.index].waker = None;
        let mut was_failure = false;
        while let Poll::Ready(failed) = inner.read(cx) {
            was_failure |= failed;
        }
        if was_failure {
            self.transaction.shared.wake_thread();
        }
        let told = mem::take(&mut inner.mail.boxes[self.index].told);
        if told.is_empty() {
            inner.mail.boxes[self.index].waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        drop(inner);
        told.into_iter().for_each(|(number, failure)| tell(number, failure));
        Poll::Ready(())
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // The queue may know nobody else to wake.
        self.transaction.lock().mail.wake_all();
    }
}

impl Inner {
    /// Reads reports into the boxes of those that sent; tells whether one was bad.
    pub(super) fn read(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let Self { outlet: Some(outlet), state, mail } = self else { return Poll::Pending };
        let mut was_failure = false;
        let polled = outlet.poll_reports(cx, |place, failure| {
            let Some((index, number)) = mail.forget(usize::try_from(place).unwrap_or(usize::MAX)) else {
                return;
            };
            // What was given up with its transaction is no failure of what follows.
            let failure = failure.filter(|failure| !is_given_up(failure.code));
            if failure.is_some() && !was_failure {
                was_failure = true;
                if outlet.failure().is_some() {
                    state.lose();
                }
            }
            mail.tell(index, number, failure.filter(|_| state.refused()).map(blamed));
        });
        polled.map(|()| was_failure)
    }
}

/// Who is told of a refusal is a delivery alone: whichever of its messages is at fault, so is the delivery.
const fn blamed(mut refusal: Refusal) -> Refusal {
    if refusal.is_one_of_several {
        refusal.code = RDKafkaErrorCode::InvalidRecord;
        refusal.is_one_of_several = false;
    }
    refusal
}

const fn is_given_up(code: RDKafkaErrorCode) -> bool {
    matches!(code, RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight)
}

impl Mail {
    /// Notes a message that is about to be sent. Tells its place.
    fn note(&mut self, index: usize, number: u64) -> usize {
        if let Some(place) = self.free.pop() {
            self.sent[place] = (index, number);
            return place;
        }
        self.sent.push((index, number));
        self.sent.len() - 1
    }

    fn forget(&mut self, place: usize) -> Option<(usize, u64)> {
        let found = *self.sent.get(place)?;
        self.free.push(place);
        Some(found)
    }

    /// Tells of everything that is on its way as if it had arrived, which does not count.
    pub(super) fn tell_all(&mut self) {
        let free: HashSet<usize> = mem::take(&mut self.free).into_iter().collect();
        let sent = mem::take(&mut self.sent).into_iter().enumerate();
        for (_, (index, number)) in sent.filter(|(place, _)| !free.contains(place)) {
            self.tell(index, number, None);
        }
    }

    /// Puts into an output's box what became of a message.
    fn tell(&mut self, index: usize, number: u64, failure: Option<Refusal>) {
        let mailbox = &mut self.boxes[index];
        mailbox.told.push((number, failure));
        if let Some(waker) = mailbox.waker.take() {
            waker.wake();
        }
    }

    /// Wakes whoever waits for reports, or for room.
    pub(super) fn wake_all(&mut self) {
        self.boxes.iter_mut().filter_map(|mailbox| mailbox.waker.take()).for_each(Waker::wake);
    }
}
