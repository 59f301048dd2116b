//! What is to be done at a certain time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

/// What a binding does at a certain time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::binding) enum Due {
    /// Calls the function once more with a delivery.
    Attempt(u64),
    /// Gives a delivery back to its group, which may have its lane.
    Requeue { number: u64, has_lane: bool },
    /// Sends the dead letter of a delivery once more.
    Letter(u64),
    /// Sends a delivery once more to where it waits for its next attempt.
    Later(u64),
    /// Looks whether what has gathered is a batch.
    Batch,
    /// Tries whether the function or the output works again.
    Probe,
    /// Looks for deliveries that are open for too long.
    Watch,
}

/// Things to do, each at its time. One timer serves them all.
#[derive(Debug, Default)]
pub(in crate::binding) struct Timers {
    due: BinaryHeap<Reverse<(Instant, Due)>>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Timers {
    /// Something is to be done at a time.
    pub(in crate::binding) fn at(&mut self, time: Instant, due: Due) {
        let is_next = self.due.peek().is_none_or(|Reverse((next, _))| time < *next);
        self.due.push(Reverse((time, due)));
        if is_next {
            self.set();
        }
    }

    /// What is due now.
    pub(in crate::binding) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Due> {
        let Some(sleep) = &mut self.sleep else { return Poll::Pending };
        if sleep.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        match self.due.pop() {
            Some(Reverse((_, due))) => {
                self.set();
                Poll::Ready(due)
            }
            None => Poll::Pending,
        }
    }

    /// Forgets what is not to be kept, and tells what that was.
    pub(in crate::binding) fn keep(&mut self, keep: impl Fn(&Due) -> bool) -> Vec<Due> {
        let all = std::mem::take(&mut self.due).into_vec();
        let (kept, forgotten): (Vec<_>, Vec<_>) = all.into_iter().partition(|Reverse((_, due))| keep(due));
        self.due = kept.into();
        self.set();
        forgotten.into_iter().map(|Reverse((_, due))| due).collect()
    }

    fn set(&mut self) {
        match (self.due.peek(), &mut self.sleep) {
            (Some(Reverse((time, _))), Some(sleep)) => sleep.as_mut().reset(*time),
            (Some(Reverse((time, _))), none) => *none = Some(Box::pin(sleep_until(*time))),
            (None, _) => self.sleep = None,
        }
    }
}
