//! What is known of one delivery, and what has to follow.

use tokio::time::Instant;
use wellspring_functions::Kind;

use super::scenario::Settings;
use crate::binder::Settlement;
use crate::config::{Ending, Order};

/// What a delivery is in order with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    Partition(u32),
    Key(u8),
}

impl Lane {
    pub(super) fn of(order: Order, partition: u32, key: Option<u8>) -> Option<Self> {
        match order {
            Order::Partition => Some(Self::Partition(partition)),
            Order::Key => key.map(Self::Key),
            Order::None => None,
        }
    }
}

/// One delivery.
#[derive(Debug, Clone)]
pub(super) struct Track {
    pub(super) message: usize,
    pub(super) lane: Option<Lane>,
    pub(super) size: usize,
    pub(super) calls: u32,
    /// Calls that failed in a way that does not count.
    pub(super) uncounted: u32,
    pub(super) is_active: bool,
    /// Which call of all it was in last.
    pub(super) call: u64,
    /// How many messages the last call answered with.
    answered: Option<u32>,
    /// How many of these were sent, and confirmed.
    sent: u32,
    confirmed: u32,
    /// Messages of any call whose fate the driver does not know.
    unconfirmed: u32,
    /// Why a message was not accepted, until that counts.
    refused: Option<Kind>,
    /// Why the last call came to nothing.
    pub(super) failure: Option<Failure>,
    pub(super) letter: Letter,
    pub(super) settled: Option<Settlement>,
    /// Whether the broker knows.
    pub(super) flushed: bool,
    /// It is not to be called, and comes again.
    pub(super) is_lost: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) kind: Kind,
    pub(super) at: Instant,
    /// In the call, and not in what was sent after it.
    pub(super) in_call: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Letter {
    None,
    Sent,
    Confirmed,
}

/// What has to follow a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Retry,
    DeadLetter,
    Drop,
    Reject,
    Requeue,
    Pause,
    Stop,
}

impl Verdict {
    /// Whether those behind wait until it is carried out.
    pub(super) fn keeps_lane(self) -> bool {
        matches!(self, Self::Retry | Self::Requeue | Self::Pause)
    }
}

impl Track {
    pub(super) fn new(message: usize, lane: Option<Lane>, size: usize) -> Self {
        Self {
            message,
            lane,
            size,
            calls: 0,
            uncounted: 0,
            is_active: false,
            call: 0,
            answered: None,
            sent: 0,
            confirmed: 0,
            unconfirmed: 0,
            refused: None,
            failure: None,
            letter: Letter::None,
            settled: None,
            flushed: false,
            is_lost: false,
        }
    }

    pub(super) fn begin(&mut self, call: u64) {
        self.calls += 1;
        self.call = call;
        (self.is_active, self.answered, self.failure) = (true, None, None);
        (self.sent, self.confirmed) = (0, 0);
    }

    /// Deliveries of a batch leave their lanes to others at once.
    pub(super) fn end(&mut self, result: Result<u32, Kind>, in_batch: bool) {
        self.is_active = false;
        match result {
            Ok(count) => self.answered = Some(count),
            Err(kind) => self.fail(kind, !in_batch),
        }
    }

    fn fail(&mut self, kind: Kind, in_call: bool) {
        self.uncounted += u32::from(kind.passes_by_waiting());
        self.failure = Some(Failure { kind, at: Instant::now(), in_call });
    }

    pub(super) fn send(&mut self) {
        self.sent += 1;
        self.unconfirmed += 1;
    }

    pub(super) fn confirm(&mut self, call: u32, refused: Option<Kind>) {
        self.unconfirmed -= 1;
        match refused {
            None if call == self.calls => self.confirmed += 1,
            None => {}
            Some(kind) if self.refused.is_none_or(Kind::passes_by_waiting) => self.refused = Some(kind),
            Some(_) => {}
        }
    }

    /// A call that answered has failed after all when all it sent is known, and something of it was not accepted.
    pub(super) fn conclude(&mut self, settings: &Settings) {
        let is_known = self.answered == Some(self.sent) && self.unconfirmed == 0;
        if is_known
            && self.failure.is_none()
            && (settings.at_most_once || self.settled.is_none())
            && let Some(kind) = self.refused.take()
        {
            self.fail(kind, false);
        }
    }

    /// Whether all that the last call answered with is confirmed.
    pub(super) fn is_done(&self) -> bool {
        let is_known = self.answered == Some(self.sent) && self.unconfirmed == 0;
        is_known && self.confirmed == self.sent && self.refused.is_none() && self.failure.is_none()
    }

    pub(super) fn verdict(&self, settings: &Settings) -> Option<Verdict> {
        let kind = self.failure.as_ref()?.kind;
        let is_exhausted = self.calls - self.uncounted >= settings.max_attempts;
        // What is settled already is not called again, and does not come again.
        let at_most_once = settings.at_most_once;
        if !at_most_once && (kind.passes_by_waiting() || kind.is_retryable() && !is_exhausted) {
            return Some(Verdict::Retry);
        }
        Some(match settings.on_exhausted {
            Some(Ending::Drop) => Verdict::Drop,
            Some(Ending::Requeue) if at_most_once => Verdict::Drop,
            Some(Ending::Requeue) => Verdict::Requeue,
            Some(Ending::Pause) => Verdict::Pause,
            Some(Ending::Stop) => Verdict::Stop,
            Some(Ending::DeadLetter) => Verdict::DeadLetter,
            None if settings.dead_letters => Verdict::DeadLetter,
            None => Verdict::Reject,
        })
    }

    /// Whether it is not in flight any more.
    pub(super) fn is_over(&self, settings: &Settings) -> bool {
        if !settings.at_most_once {
            return self.settled.is_some();
        }
        let is_given_up =
            matches!(self.verdict(settings), Some(Verdict::Drop | Verdict::Reject | Verdict::Requeue));
        self.is_lost || self.is_done() || self.letter == Letter::Confirmed || is_given_up
    }
}
