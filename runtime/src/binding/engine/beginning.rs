//! How deliveries begin: which one is next, and its call. What is answered goes out in
//! [`answering`](super::answering).

use std::mem;
use std::task::{Context, Poll};

use wellspring_functions::{Error, Output as Answer, Step, header_names};

use super::answering::Answering;
use super::driver::{Driver, Phase};
use super::lanes::{Admission, Lane};
use super::ledger::Open;
use crate::binder::{Delivery, Settlement};
use crate::binding::addressed::is_addressed;
use crate::invocation::not_started;

impl Driver {
    /// Begins what may be begun: first what has waited for its lane, then what has just come.
    pub(super) fn begin(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        if self.is_settling {
            return moved;
        }
        if self.batches.is_some() {
            return self.begin_batches(cx);
        }
        while self.may_call()
            && self.turn.allows()
            && let Some(number) = self.lanes.next()
        {
            self.begin_again(cx, number);
            moved = true;
        }
        moved | self.begin_received(cx)
    }

    /// Begins what has just come, as far as there is room. What is over at once stays where it is until something is not:
    /// deliveries are large, and so are steps.
    fn begin_received(&mut self, cx: &mut Context<'_>) -> bool {
        let (mut over, mut moved) = (0, false);
        while self.may_call()
            && self.turn.allows()
            && let Some(delivery) = self.received.get_mut(over)
        {
            let admission = self.lanes.admission(delivery);
            if admission == Admission::Full {
                break;
            }
            moved = true;
            if admission == Admission::Go && !self.later.has_waited(delivery) {
                self.circuit.begin();
                let mut step = not_started();
                self.ends.call(&self.invocation, cx, &delivery.message, &mut step);
                if matches!(step, Step::Ready(Ok(Answer::Nothing))) {
                    // There is nothing to drop, which is said faster than found out.
                    mem::forget(step);
                } else if !self.ends.sends_nothing(&step) {
                    self.forget_over(mem::take(&mut over));
                    self.keep_received(cx, step);
                    continue;
                }
                if !self.settles_first {
                    self.ends.input.settle(delivery.take_ticket(), Settlement::Ack);
                }
                over += 1;
                continue;
            }
            self.forget_over(mem::take(&mut over));
            match self.received.pop_front() {
                Some(delivery) if admission == Admission::Go => self.begin_late(cx, delivery),
                Some(delivery) => self.wait_for_lane(delivery),
                None => break,
            }
        }
        self.forget_over(over);
        moved
    }

    /// Drops the first that were received, which are settled.
    #[inline]
    fn forget_over(&mut self, over: usize) {
        if over > 0 {
            self.received.drain(..over);
            self.succeeded(over as u64);
        }
    }

    /// Keeps a delivery until those of its lane that came before it are done.
    pub(super) fn wait_for_lane(&mut self, mut delivery: Delivery) {
        let lane = self.lanes.of(delivery.partition, delivery.key.as_deref());
        let earlier = self.later.earlier(&mut delivery.message);
        let number = self.open(Open::waiting(delivery, self.now).after(earlier));
        self.lanes.wait(lane, number);
        self.hold_if_many_wait(lane);
    }

    /// A call may fail at once, and halt or end the binding before the next one.
    #[inline]
    pub(super) fn may_call(&self) -> bool {
        !matches!(self.phase, Phase::Halted | Phase::Ending(_)) && self.circuit.allows()
    }

    /// Goes on with the first that was received; its call is not over, or has an answer or failed.
    fn keep_received(&mut self, cx: &mut Context<'_>, step: Step) {
        let Some(delivery) = self.received.pop_front() else { return };
        match step {
            Step::Ready(Ok(Answer::One(reply))) if !is_addressed(&reply) && self.has_room(cx) => {
                self.send_only(delivery, reply);
            }
            step => {
                self.lanes.begin(self.lanes.of(delivery.partition, delivery.key.as_deref()));
                let number = self.open(Open::new(delivery, self.now));
                self.go_on(number, step);
            }
        }
    }

    /// Calls the function with a delivery that has just come and may have waited elsewhere.
    fn begin_late(&mut self, cx: &mut Context<'_>, mut delivery: Delivery) {
        let earlier = self.later.earlier(&mut delivery.message);
        self.lanes.begin(self.lanes.of(delivery.partition, delivery.key.as_deref()));
        let number = self.open(Open::waiting(delivery, self.now).after(earlier));
        self.begin_again(cx, number);
    }

    /// Calls the function with a delivery that has waited, or that failed before.
    pub(super) fn begin_again(&mut self, cx: &mut Context<'_>, number: u64) {
        let Some(open) = self.ledger.get_mut(number) else { return };
        open.calls += 1;
        open.is_begun = true;
        let (calls, mut message) = (open.calls, open.message.clone());
        if calls > 1 {
            message.headers_mut().set(header_names::DELIVERY_ATTEMPT, calls);
        }
        self.circuit.begin();
        let mut step = not_started();
        match self.batches {
            Some(_) => step = self.call_batch(cx, vec![message]),
            None => self.ends.call(&self.invocation, cx, &message, &mut step),
        }
        self.go_on(number, step);
    }

    /// Goes on with a call that is not over, or whose answer cannot be sent at once.
    fn go_on(&mut self, number: u64, step: Step) {
        match step {
            Step::Ready(result) => self.returned(number, result),
            Step::Pending(call) => {
                let invocation = self.invocation.clone();
                self.calls.spawn(number, async move { invocation.finish(call).await });
            }
        }
    }

    pub(super) fn poll_calls(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        while let Poll::Ready((number, result)) = self.calls.poll_next(cx) {
            match self.batches.as_mut().and_then(|batches| batches.take_called(number)) {
                Some(numbers) => self.batch_returned(numbers, result),
                None => self.returned(number, result),
            }
            moved = true;
        }
        moved
    }

    /// A call is over.
    fn returned(&mut self, number: u64, result: Result<Answer, Error>) {
        match result {
            Ok(Answer::Nothing) => self.answered(number, Ok(())),
            Ok(Answer::One(_)) if self.ends.output.is_none() => self.answered(number, Ok(())),
            Ok(answer) => self.answers.push(Answering::new(number, answer, &self.ends.sender)),
            Err(error) => self.answered(number, Err(error)),
        }
    }

    /// Opens a delivery; the number stands for it from now on.
    #[inline]
    pub(super) fn open(&mut self, mut open: Open) -> u64 {
        if self.settles_first {
            // It is settled already.
            open.take_ticket();
        }
        self.ledger.open(open)
    }

    /// The lane of an open delivery.
    pub(super) fn lane(&mut self, number: u64) -> Option<Lane> {
        let Open { partition, key, .. } = self.ledger.get_mut(number)?;
        Some(self.lanes.of(*partition, key.as_deref()))
    }
}
