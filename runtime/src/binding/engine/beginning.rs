//! How deliveries begin: which one is next, and its call. What is answered goes out in
//! [`answering`](super::answering).

use std::task::{Context, Poll};

use wellspring_functions::{EncodedMessage, Error, Incoming, Output as Answer, Step, header_names};

use super::answering::Answering;
use super::driver::{Driver, Phase};
use super::lanes::{Admission, Lane};
use super::ledger::Open;
use crate::binder::{Delivery, Settlement};
use crate::binding::addressed::is_addressed;

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
        while self.may_call()
            && self.turn.allows()
            && let Some(delivery) = self.received.pop_front()
        {
            match self.admit(&delivery) {
                Admission::Go => self.begin_received(cx, delivery),
                Admission::Wait => self.wait_for_lane(delivery),
                Admission::Full => {
                    self.received.push_front(delivery);
                    break;
                }
            }
            moved = true;
        }
        moved
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

    #[inline]
    pub(super) fn admit(&self, delivery: &Delivery) -> Admission {
        if self.lanes.are_clear() {
            return Admission::Go;
        }
        self.lanes.admit(self.lanes.of(delivery.partition, delivery.key.as_deref()))
    }

    /// Calls the function with a delivery that has just come. One that is over at once is done with here.
    fn begin_received(&mut self, cx: &mut Context<'_>, mut delivery: Delivery) {
        let earlier = self.later.earlier(&mut delivery.message);
        if earlier > 0 {
            self.lanes.begin(self.lanes.of(delivery.partition, delivery.key.as_deref()));
            let number = self.open(Open::waiting(delivery, self.now).after(earlier));
            return self.begin_again(cx, number);
        }
        self.circuit.begin();
        match self.call(cx, delivery.message.clone()) {
            Step::Ready(Ok(Answer::Nothing)) => self.settle(delivery),
            Step::Ready(Ok(Answer::One(_))) if self.ends.output.is_none() => self.settle(delivery),
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
        let step = match self.batches {
            Some(_) => self.call_batch(cx, vec![message]),
            None => self.call(cx, message),
        };
        self.go_on(number, step);
    }

    /// Settles a delivery that gives rise to nothing.
    fn settle(&mut self, delivery: Delivery) {
        if !self.settles_first {
            self.ends.input.settle(delivery.ticket, Settlement::Ack);
        }
        self.succeeded(1);
    }

    #[inline(always)]
    fn call(&self, cx: &mut Context<'_>, mut message: EncodedMessage) -> Step {
        self.ends.label(&mut message);
        self.invocation.start_and_poll(cx, Incoming::One(message), self.ends.wanted.clone())
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
