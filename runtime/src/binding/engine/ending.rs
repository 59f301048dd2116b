//! How a binding ends: nothing new, then what was begun, its messages, its settlements; then everything is closed.

use std::future::poll_fn;

use super::driver::{Driver, Phase};
use super::ledger::Open;
use super::timers::Due;
use crate::binding::control::{Command, State};

impl Driver {
    /// Begins nothing more. What was received and not begun goes back to its group.
    pub(super) fn end(&mut self, state: State) {
        if matches!(self.phase, Phase::Ending(_)) {
            return;
        }
        self.phase = Phase::Ending(state);
        self.received.clear();
        let mut waiting = self.lanes.drain_waiting();
        waiting.extend(self.batches.iter_mut().flat_map(|batches| batches.take_gathered()));
        for number in waiting {
            if self.ledger.get_mut(number).is_some_and(|open| !open.is_begun) {
                self.ledger.take(number);
            }
        }
        for due in self.timers.keep(|due| matches!(due, Due::Letter(_) | Due::Later(_) | Due::Watch)) {
            if let Due::Requeue { number, has_lane } = due {
                self.requeue(number, has_lane);
            }
        }
    }

    /// Whether everything that was begun is over, but for what waits for another attempt.
    pub(super) fn has_finished(&self) -> bool {
        let is_over = self.calls.is_empty() && self.answers.is_empty() && self.refused.is_empty();
        let is_sent = self.batches.as_ref().is_none_or(|batches| batches.are_sent());
        let is_kept = self.letters.is_empty() && self.later.is_empty();
        is_over && is_sent && is_kept && self.ledger.remaining().all(Open::is_idle)
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
        let mut closed = Vec::new();
        if let Some(output) = self.ends.output {
            closed.push(output.close().await);
        }
        for kept in self.letters.into_publisher().into_iter().chain(self.later.into_publishers()) {
            closed.push(kept.close().await);
        }
        for error in closed.into_iter().filter_map(Result::err) {
            tracing::warn!(binding = self.binding.name(), %error, "an output did not close cleanly");
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
}
