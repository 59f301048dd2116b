//! How a binding ends: nothing new, then what was begun, its messages, its settlements; then everything is closed.
//! And what is done about deliveries that do not come to an end.

use std::future::poll_fn;
use std::mem;
use std::task::{Context, Poll};

use tokio::time::Instant;

use super::control::{Command, State};
use super::driver::{Driver, Phase};
use super::ledger::Open;
use super::timers::Due;
use crate::binder::{Settlement, Ticket};

impl Driver {
    /// Begins nothing more. What was received and not begun goes back to its group.
    pub(super) fn end(&mut self, state: State) {
        if matches!(self.phase, Phase::Ending(_)) {
            return;
        }
        self.phase = Phase::Ending(state);
        self.received.clear();
        for number in self.lanes.drain_waiting() {
            if self.ledger.get_mut(number).is_some_and(|open| open.calls == 0) {
                self.ledger.take(number);
            }
        }
        for due in self.timers.keep(|due| matches!(due, Due::Letter(_) | Due::Watch)) {
            if let Due::Requeue(number) = due {
                self.requeue(number);
            }
        }
    }

    /// Whether everything that was begun is over, but for what waits for another attempt.
    pub(super) fn has_finished(&self) -> bool {
        let is_over = self.calls.is_empty() && self.answers.is_empty() && self.letters.is_empty();
        is_over && self.ledger.remaining().all(Open::is_idle)
    }

    /// Settles what can be settled, leaves the group and closes the outputs; tells how many deliveries were abandoned.
    pub(super) async fn close(mut self) -> u64 {
        let mut commands = self.binding.commands();
        let flushed = tokio::select! {
            flushed = poll_fn(|cx| self.ends.input.poll_flush(cx)) => flushed,
            _ = commands.wait_for(|command| *command == Command::Abandon) => Ok(()),
        };
        if let Err(error) = flushed {
            tracing::warn!(binding = self.binding.name(), %error, "some settlements did not reach the broker");
        }
        let abandoned = self.report_abandoned();
        if let Err(error) = self.ends.input.close().await {
            tracing::warn!(binding = self.binding.name(), %error, "the input did not close cleanly");
        }
        for publisher in [self.ends.output, self.letters.into_publisher()].into_iter().flatten() {
            if let Err(error) = publisher.close().await {
                tracing::warn!(binding = self.binding.name(), %error, "an output did not close cleanly");
            }
        }
        self.binding.set_state(match self.phase {
            Phase::Ending(state) => state,
            Phase::Running | Phase::Paused | Phase::Halted => State::Stopped,
        });
        abandoned
    }

    fn report_abandoned(&self) -> u64 {
        for open in self.ledger.remaining() {
            let (partition, position) = (open.partition, open.position);
            tracing::warn!(
                binding = self.binding.name(),
                partition,
                position,
                "abandoned; it will be delivered again"
            );
        }
        let abandoned = self.ledger.len() as u64;
        self.binding.stats().abandoned.add(abandoned);
        abandoned
    }

    /// Settles what was received before anything is done with it.
    pub(super) fn settle_first(&mut self) {
        for mut delivery in mem::take(&mut self.received) {
            let ticket = mem::replace(&mut delivery.ticket, Ticket::new(0));
            let lane = self.lanes.of(delivery.partition, delivery.key.as_deref());
            let number = self.ledger.open_settled(delivery, self.now);
            self.ends.input.settle(ticket, Settlement::Ack);
            self.lanes.wait(lane, number);
            self.unflushed.get_or_insert(number);
        }
    }

    /// Goes on with deliveries that are settled first, as soon as the broker knows it.
    pub(super) fn poll_settled_first(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(first) = self.unflushed else { return false };
        match self.ends.input.poll_flush(cx) {
            Poll::Pending => return false,
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => {
                tracing::warn!(
                    binding = self.binding.name(), %error,
                    "deliveries cannot be settled before their calls; they are not called, and come again"
                );
                let (late, rest): (Vec<_>, Vec<_>) =
                    self.lanes.drain_waiting().into_iter().partition(|number| *number >= first);
                late.into_iter().for_each(|number| drop(self.ledger.take(number)));
                for number in rest {
                    if let Some(lane) = self.lane(number) {
                        self.lanes.wait(lane, number);
                    }
                }
            }
        }
        self.unflushed = None;
        true
    }

    /// Has a look at what is open after a while, if anything is.
    pub(super) fn watch(&mut self) {
        if let Some(limit) = self.flow.stuck_after
            && !self.is_watched
            && self.ledger.len() > 0
        {
            self.is_watched = true;
            self.timers.at(Instant::now() + limit, Due::Watch);
        }
    }

    /// Names deliveries that are open for too long, each once.
    pub(super) fn look_for_stuck(&mut self) {
        self.is_watched = false;
        let Some(limit) = self.flow.stuck_after else { return };
        let now = Instant::now();
        let mut stuck = 0;
        for open in self.ledger.remaining_mut().take_while(|open| now - open.since >= limit) {
            stuck += 1;
            if !mem::replace(&mut open.is_stuck, true) {
                tracing::warn!(
                    binding = self.binding.name(), partition = open.partition, position = open.position,
                    attempts = open.calls, unconfirmed = open.unconfirmed(), since = ?(now - open.since),
                    "a delivery is in flight for long"
                );
            }
        }
        self.binding.stats().stuck.set(stuck);
        self.watch();
    }
}
