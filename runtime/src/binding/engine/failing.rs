//! What follows a failure: another attempt after a wait, a dead letter, or whatever else the policy says.
//!
//! The original stays unsettled until its dead letter is confirmed.

use std::task::Context;

use tokio::time::Instant;
use wellspring_functions::Error;

use super::dead_letter;
use super::driver::{Driver, Phase};
use super::lanes::Lane;
use super::outbox::Told;
use super::policy::{Disposition, FailurePolicy, chance};
use super::timers::Due;
use crate::binder::Settlement;

/// How many deliveries may wait behind one that is tried again until no more of their partition are fetched.
const HELD_UP: usize = 256;

/// Where a delivery was when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It was worked on, and has its lane.
    AtWork,
    /// Its call was over, and its lane was left to others.
    Done,
}

impl Driver {
    /// Goes on with a delivery that was worked on and failed.
    pub(super) fn fail(&mut self, number: u64, error: &Error) {
        self.go_on_after(number, error, Standing::AtWork);
    }

    /// Goes on with a delivery that failed when it had left its lane to others.
    pub(super) fn fail_afterwards(&mut self, number: u64, error: &Error) {
        self.go_on_after(number, error, Standing::Done);
    }

    /// Goes on with deliveries that have a message which was not accepted.
    pub(super) fn take_back_refused(&mut self) -> bool {
        if self.refused.is_empty() {
            return false;
        }
        for (number, error) in std::mem::take(&mut self.refused) {
            self.go_on_after(number, &error, Standing::Done);
        }
        true
    }

    fn go_on_after(&mut self, number: u64, error: &Error, standing: Standing) {
        self.binding.stats().failed.add(1);
        self.note_failure(error);
        let Some(open) = self.ledger.get_mut(number) else { return };
        if open.take_sent()
            && let Some(output) = &mut self.ends.output
        {
            output.retract(number);
        }
        let mut disposition = self.policy.disposition(error, open.calls, chance());
        if self.settles_first {
            disposition = without_return(disposition, &self.policy);
        }
        match disposition {
            Disposition::Retry { counted: true, .. } if self.later.is_on() => {
                self.leave(number, standing);
                self.put_off(number, error);
            }
            Disposition::Retry { wait, counted } => {
                if !counted {
                    open.calls = open.calls.saturating_sub(1);
                }
                let (binding, attempt) = (self.binding.name(), open.calls + 1);
                tracing::debug!(binding, %error, attempt, ?wait, "trying again");
                self.rest(number, standing, Due::Attempt(number), wait);
            }
            Disposition::Requeue => {
                let wait = self.policy.retry.backoff(1);
                tracing::warn!(
                    binding = self.binding.name(), partition = open.partition, position = open.position,
                    attempts = open.calls, %error, ?wait, "a message failed and goes back to its group"
                );
                self.rest_until_requeued(number, standing, wait);
            }
            Disposition::DeadLetter => {
                self.leave(number, standing);
                self.bury(number, error);
            }
            Disposition::Drop => {
                self.leave(number, standing);
                self.discard(number, error, Settlement::Ack);
            }
            Disposition::Reject => {
                self.leave(number, standing);
                self.discard(number, error, Settlement::Reject);
            }
            Disposition::Pause => self.halt(number, error, standing),
            Disposition::Stop => {
                let (partition, position) = (open.partition, open.position);
                tracing::error!(
                    binding = self.binding.name(), partition, position, %error,
                    "a message failed for good: the binding stops, and the message stays"
                );
                self.leave(number, standing);
                self.end(crate::binding::control::State::Failed);
            }
        }
    }

    /// Leaves a delivery alone for a while; it keeps its lane.
    fn rest(&mut self, number: u64, standing: Standing, then: Due, wait: std::time::Duration) {
        let Some(lane) = self.lane(number) else { return };
        let has_lane = match standing {
            Standing::AtWork => {
                self.lanes.rest(lane);
                true
            }
            Standing::Done => self.lanes.come_back(lane, number),
        };
        // Behind others of its lane it comes when they are done.
        if has_lane && !matches!(self.phase, Phase::Ending(_)) {
            self.timers.at(Instant::now() + wait, then);
        }
    }

    /// Leaves a delivery alone until it is given back. It is not called again: when others have its lane, it goes without.
    fn rest_until_requeued(&mut self, number: u64, standing: Standing, wait: std::time::Duration) {
        let Some(lane) = self.lane(number) else { return };
        let has_lane = standing == Standing::AtWork || !self.lanes.is_taken(lane);
        let then = Due::Requeue { number, has_lane };
        if has_lane {
            self.rest(number, standing, then, wait);
        } else if !matches!(self.phase, Phase::Ending(_)) {
            self.timers.at(Instant::now() + wait, then);
        }
    }

    /// A delivery has rested long enough.
    pub(super) fn try_again(&mut self, number: u64) {
        if let Some(lane) = self.lane(number) {
            self.lanes.ready(lane, number);
            self.release(lane);
        }
    }

    /// Lets the input fetch no more of a partition while many deliveries of it wait for one that is tried again: they
    /// would take the room of others.
    pub(super) fn hold_if_many_wait(&mut self, lane: Lane) {
        if let Lane::Partition(partition) = lane
            && self.lanes.held_up(lane) >= HELD_UP
            && self.held.insert(partition)
        {
            self.ends.input.hold(partition, true);
        }
    }

    /// Lets the input fetch from a partition again.
    fn release(&mut self, lane: Lane) {
        if let Lane::Partition(partition) = lane
            && self.held.remove(&partition)
        {
            self.ends.input.hold(partition, false);
        }
    }

    /// Lets the next one of the lane go on.
    fn leave(&mut self, number: u64, standing: Standing) {
        if standing == Standing::AtWork
            && let Some(lane) = self.lane(number)
        {
            self.lanes.finish(lane);
        }
    }

    /// Begins nothing more until an operator resumes the binding; then this delivery is the first of its lane.
    fn halt(&mut self, number: u64, error: &Error, standing: Standing) {
        let Some(open) = self.ledger.get_mut(number) else { return };
        open.calls = 0;
        tracing::error!(
            binding = self.binding.name(), partition = open.partition, position = open.position, %error,
            "a message failed for good: the binding pauses until it is resumed, and the message stays"
        );
        let Some(lane) = self.lane(number) else { return };
        match standing {
            Standing::AtWork => {
                self.lanes.rest(lane);
                self.lanes.ready(lane, number);
            }
            Standing::Done if self.lanes.come_back(lane, number) => self.lanes.ready(lane, number),
            Standing::Done => {}
        }
        if !matches!(self.phase, Phase::Ending(_)) {
            self.phase = Phase::Halted;
            self.binding.pause();
            self.show_state();
        }
    }

    /// Gives a delivery back to its group.
    pub(super) fn requeue(&mut self, number: u64, has_lane: bool) {
        if has_lane && let Some(lane) = self.lane(number) {
            self.lanes.leave(lane);
            self.release(lane);
        }
        if let Some(ticket) = self.ledger.take(number).and_then(|mut open| open.take_ticket()) {
            self.ends.input.settle(ticket, Settlement::Requeue);
            self.binding.stats().requeued.add(1);
        }
    }

    /// Hands a delivery that failed for good to the dead letters.
    fn bury(&mut self, number: u64, error: &Error) {
        let Some(letters) = self.letters.destination() else {
            return self.discard(number, error, Settlement::Reject);
        };
        let Some(open) = self.ledger.get_mut(number) else { return };
        tracing::warn!(
            binding = self.binding.name(), partition = open.partition, position = open.position,
            attempts = open.calls, %error, to = letters.destination(),
            "a message failed for good and becomes a dead letter"
        );
        let letter = dead_letter::letter(open, error, self.binding.name(), &self.ends.destination);
        self.letters.send(number, letter);
    }

    /// Gives up a delivery that failed for good. Unless that is what the configuration asks for, the broker may keep it.
    fn discard(&mut self, number: u64, error: &Error, settlement: Settlement) {
        let Some(mut open) = self.ledger.take(number) else { return };
        tracing::error!(
            binding = self.binding.name(), destination = self.ends.destination, partition = open.partition,
            position = open.position, attempts = open.calls, %error,
            is_kept_by_broker = settlement == Settlement::Reject,
            "a message failed for good and is dropped"
        );
        self.binding.stats().dropped.add(1);
        if let Some(ticket) = open.take_ticket() {
            self.ends.input.settle(ticket, settlement);
        }
    }

    pub(super) fn poll_letters(&mut self, cx: &mut Context<'_>) -> bool {
        let mut told = Vec::new();
        self.letters.poll(cx, &mut told);
        let moved = !told.is_empty();
        for letter in told {
            match letter {
                Told::Confirmed(number) => self.buried(number),
                Told::Refused(number, times, error) => {
                    let wait = self.policy.retry.backoff(times);
                    tracing::error!(
                        binding = self.binding.name(), %error, ?wait,
                        "a dead letter cannot be sent; the original stays"
                    );
                    self.timers.at(Instant::now() + wait, Due::Letter(number));
                }
            }
        }
        moved
    }

    /// The dead letter of a delivery is confirmed.
    fn buried(&mut self, number: u64) {
        self.binding.stats().dead_lettered.add(1);
        if let Some(ticket) = self.ledger.take(number).and_then(|mut open| open.take_ticket()) {
            self.ends.input.settle(ticket, Settlement::Ack);
        }
    }

    /// Counts failures that are not the message's own fault; after many in a row the function is left alone.
    fn note_failure(&mut self, error: &Error) {
        if !error.kind().is_retryable() {
            return self.circuit.undecided();
        }
        let Some(until) = self.circuit.failed(Instant::now()) else { return };
        tracing::warn!(
            binding = self.binding.name(), %error, wait = ?until.duration_since(Instant::now()),
            "too many failures in a row: nothing is called until then, then one delivery is tried"
        );
        self.timers.at(until, Due::Probe);
        self.show_state();
    }
}

/// What is done with a delivery that is settled already: it is not called again, and does not come again.
fn without_return(disposition: Disposition, policy: &FailurePolicy) -> Disposition {
    let last = || policy.last().map_or(Disposition::Reject, Disposition::from);
    let end = if matches!(disposition, Disposition::Retry { .. }) { last() } else { disposition };
    if end == Disposition::Requeue { Disposition::Drop } else { end }
}
