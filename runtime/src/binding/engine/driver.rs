//! The heart of a binding: receive → invoke → publish → settle after the confirm.
//!
//! One task runs an input and what belongs to it, as a loop over all that may have become ready: confirmations, timers,
//! calls, answers, dead letters, deliveries. Nothing in it waits for one of them alone, so that a delivery which is slow
//! or is tried again holds up those of its own lane and no others.
//!
//! How deliveries begin is in [`beginning`](super::beginning), how the function is called with them in
//! [`calling`](super::calling), what follows a failure in [`failing`](super::failing),
//! how a binding ends in [`ending`](super::ending).

use std::collections::{HashSet, VecDeque};
use std::future::poll_fn;
use std::mem;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use wellspring_functions::{ContentType, Error, Wanted};

use super::answering::Answering;
use super::batches::Batches;
use super::budget::Share;
use super::calls::Calls;
use super::circuit::Circuit;
use super::lanes::Lanes;
use super::later::Later;
use super::ledger::{Closed, Ledger};
use super::outbox::Outbox;
use super::outlets::Outlets;
use super::policy::FailurePolicy;
use super::timers::{Due, Timers};
use super::turn::Turn;
use crate::binder::{Delivery, Input, Settlement};
use crate::binding::control::{Binding, Command, State};
use crate::binding::plan::{Flow, PlannedInput};
use crate::binding::sender::SenderOutputs;
use crate::config::Guarantee;
use crate::invocation::Invocation;

/// How many deliveries are taken from the input at once.
const BATCH: usize = 256;
/// How many rounds are made before other tasks get their turn.
const ROUNDS: usize = 64;

/// Runs one input binding.
pub(in crate::binding) struct Driver {
    pub(in crate::binding) binding: Binding,
    pub(in crate::binding) ends: DriverEnds,
    pub(super) invocation: Invocation,
    /// What is done with a delivery that failed.
    pub(super) policy: FailurePolicy,
    /// How much may be in flight.
    pub(super) flow: Flow,
    /// What it uses of what all inputs may have in flight.
    pub(super) share: Share,
    /// After how long a delivery in flight is named in the log, if ever.
    pub(super) stuck_after: Option<Duration>,
    /// Whether deliveries are settled before their calls: they may be lost, and are never processed twice.
    pub(super) settles_first: bool,
    pub(super) commands: watch::Receiver<Command>,
    pub(super) phase: Phase,
    /// What was received and not begun.
    pub(super) received: VecDeque<Delivery>,
    /// When that was.
    pub(super) now: Instant,
    /// How much longer deliveries are begun.
    pub(super) turn: Turn,
    /// What is begun or waits for its lane, until it is settled.
    pub(super) ledger: Ledger,
    pub(super) lanes: Lanes,
    pub(super) circuit: Circuit,
    pub(super) calls: Calls,
    /// What calls have answered and is not sent yet.
    pub(super) answers: Vec<Answering>,
    /// What is called in batches, if the function is.
    pub(super) batches: Option<Box<Batches>>,
    pub(super) letters: Outbox,
    pub(super) later: Later,
    pub(super) timers: Timers,
    /// What became of messages, as long as it is being noted.
    told: Vec<(u64, Option<Error>)>,
    /// Deliveries with a message that was not accepted after the call was over.
    pub(super) refused: Vec<(u64, Error)>,
    /// Whether messages were sent in this round: their confirmations are to be asked for.
    pub(super) has_sent: bool,
    /// Partitions that the input does not fetch from.
    pub(super) held: HashSet<u32>,
    /// Whether what was received is settled, and that has not reached the broker yet.
    pub(super) is_settling: bool,
    /// Whether a timer looks for deliveries that are open for too long.
    pub(super) is_watched: bool,
}

/// What a driver joins, and how messages are labelled.
pub(in crate::binding) struct DriverEnds {
    pub(in crate::binding) input: Box<dyn Input>,
    pub(in crate::binding) output: Option<Outlets>,
    /// Where replies go that say so themselves.
    pub(in crate::binding) sender: SenderOutputs,
    /// Where deliveries come from, as logs and dead letters name it.
    pub(in crate::binding) destination: String,
    /// What payloads are when their message does not say.
    pub(in crate::binding) input_type: Option<ContentType>,
    /// What results are labelled as.
    pub(in crate::binding) wanted: Wanted,
    /// Whether headers of the delivery go along with the output, where the configuration decides it.
    pub(in crate::binding) copy_headers: Option<bool>,
}

/// How far a binding goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It receives and processes.
    Running,
    /// It finishes what it has.
    Paused,
    /// It begins nothing because of a delivery that failed; what is under way is finished.
    Halted,
    /// It finishes what it has begun, to end in a state.
    Ending(State),
}

impl Driver {
    pub(in crate::binding) fn new(
        binding: Binding,
        invocation: Invocation,
        ends: DriverEnds,
        (letters, later): (Outbox, Later),
        planned: &PlannedInput,
        share: Share,
    ) -> Self {
        Self {
            commands: binding.commands(),
            binding,
            ends,
            invocation,
            policy: planned.failure.clone(),
            flow: planned.flow,
            share,
            stuck_after: planned.stuck_after,
            settles_first: planned.delivery == Guarantee::AtMostOnce,
            phase: Phase::Running,
            received: VecDeque::new(),
            now: Instant::now(),
            turn: Turn::new(),
            ledger: Ledger::default(),
            lanes: Lanes::new(planned.order, planned.concurrency as usize),
            circuit: Circuit::new(planned.circuit),
            calls: Calls::default(),
            answers: Vec::new(),
            batches: planned.batching.map(|policy| Box::new(Batches::new(policy))),
            letters,
            later,
            timers: Timers::default(),
            told: Vec::new(),
            refused: Vec::new(),
            has_sent: false,
            held: HashSet::new(),
            is_settling: false,
            is_watched: false,
        }
    }

    /// Runs until the binding is stopped or its input ends; tells how many deliveries were abandoned.
    pub(in crate::binding) async fn run(mut self) -> u64 {
        loop {
            let command = *self.commands.borrow_and_update();
            self.obey(command);
            if command == Command::Abandon || self.work().await == Told::Ended {
                break;
            }
        }
        self.close().await
    }

    /// Goes on as told; a binding that is ending is told nothing new.
    fn obey(&mut self, command: Command) {
        self.phase = match (command, self.phase) {
            (_, Phase::Ending(_)) => return,
            (Command::Stop | Command::Abandon, _) => return self.end(State::Stopped),
            (Command::Pause, Phase::Halted) => return,
            (Command::Pause, _) => Phase::Paused,
            (Command::Run, _) => Phase::Running,
        };
        self.show_state();
    }

    /// Lets others see what the binding is doing.
    pub(super) fn show_state(&self) {
        let state = match self.phase {
            Phase::Running if !self.circuit.is_closed() => State::Suspended,
            Phase::Running => State::Running,
            Phase::Paused | Phase::Halted => State::Paused,
            // It is ended when everything is closed.
            Phase::Ending(_) => return,
        };
        if self.binding.state() != state {
            self.binding.set_state(state);
        }
    }

    /// Works until there is a command or the binding has ended.
    async fn work(&mut self) -> Told {
        let mut commands = self.commands.clone();
        let mut told = pin!(commands.changed());
        poll_fn(|cx| {
            // The sender lives in `self.binding`, so that this is a command.
            if told.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Told::Command);
            }
            self.poll_work(cx).map(|()| Told::Ended)
        })
        .await
    }

    /// Does all that can be done now. Ready when the binding has finished what it has begun and is to end.
    fn poll_work(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.turn = Turn::new();
        for _ in 0..ROUNDS {
            let moved = match self.poll_round(cx) {
                Ok(moved) => moved,
                // What cannot be sent or settled any more is not waited for.
                Err(_) if matches!(self.phase, Phase::Ending(_)) => return Poll::Ready(()),
                Err(error) => {
                    tracing::error!(binding = self.binding.name(), %error, "the binding has ended");
                    self.end(State::Failed);
                    true
                }
            };
            if matches!(self.phase, Phase::Ending(_)) && self.has_finished() {
                return Poll::Ready(());
            }
            if self.turn.is_over() {
                break;
            }
            if !moved {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Looks at everything once; tells whether something has changed that others may depend on.
    fn poll_round(&mut self, cx: &mut Context<'_>) -> Result<bool, Error> {
        self.poll_confirmed(cx)?;
        let mut moved = self.take_back_refused();
        self.watch();
        moved |= self.poll_timers(cx);
        moved |= self.poll_calls(cx);
        moved |= self.poll_answers(cx);
        moved |= self.poll_batches(cx);
        moved |= mem::take(&mut self.has_sent);
        moved |= self.poll_letters(cx);
        moved |= self.poll_later(cx);
        moved |= self.poll_settled_first(cx);
        moved |= self.poll_receive(cx)?;
        moved |= self.begin(cx);
        Ok(moved)
    }

    /// Receives when everything received before is begun, and there is room.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Result<bool, Error> {
        let bytes = self.ledger.bytes();
        let has_room =
            self.share.may_take_more(bytes) && self.received.is_empty() && bytes < self.flow.max_bytes;
        if self.phase != Phase::Running || !has_room || !self.circuit.allows() || self.is_settling {
            return Ok(false);
        }
        let room = self.flow.max_messages.saturating_sub(self.ledger.len()).min(BATCH);
        if room == 0 {
            return Ok(false);
        }
        // Both share one allocation.
        let mut batch = Vec::from(mem::take(&mut self.received));
        let polled = self.ends.input.poll_receive(cx, &mut batch, room);
        self.received = batch.into();
        match polled {
            Poll::Pending => return Ok(false),
            Poll::Ready(Err(cause)) => return Err(Error::fatal(cause)),
            Poll::Ready(Ok(())) if self.received.is_empty() => self.end(State::Stopped),
            Poll::Ready(Ok(())) => {
                self.binding.stats().received.add(self.received.len() as u64);
                self.now = Instant::now();
                if self.settles_first {
                    self.settle_first();
                }
            }
        }
        Ok(true)
    }

    /// Settles every delivery whose messages are confirmed.
    fn poll_confirmed(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        let Self { ends: DriverEnds { input, output, .. }, ledger, refused, told, .. } = self;
        let Some(output) = output else { return Ok(()) };
        let (mut sent, mut succeeded) = (0, 0);
        let lost = loop {
            let polled = output.poll_confirmed(cx, |number, failure| {
                sent += u64::from(failure.is_none());
                told.push((number, failure));
            });
            ledger.confirmed(told.drain(..), |number, closed| match closed {
                Closed::Confirmed(ticket) => {
                    succeeded += 1;
                    if let Some(ticket) = ticket {
                        input.settle(ticket, Settlement::Ack);
                    }
                }
                Closed::Failed(error) => refused.push((number, error)),
            });
            match polled {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => break Err(error),
                Poll::Pending => break Ok(()),
            }
        };
        if sent > 0 || succeeded > 0 {
            self.binding.stats().sent.add(sent);
            self.succeeded(succeeded);
        }
        lost
    }

    /// Everything that a delivery gives rise to was sent.
    pub(super) fn finish(&mut self, number: u64) {
        match self.ledger.finished(number) {
            Some(Closed::Confirmed(ticket)) => {
                if let Some(ticket) = ticket {
                    self.ends.input.settle(ticket, Settlement::Ack);
                }
                self.succeeded(1);
            }
            Some(Closed::Failed(error)) => self.refused.push((number, error)),
            None => {}
        }
    }

    /// Counts deliveries that are done.
    #[inline]
    pub(super) fn succeeded(&mut self, count: u64) {
        self.binding.stats().succeeded.add(count);
        if count > 0 && self.circuit.succeeded() {
            tracing::info!(binding = self.binding.name(), "the function and its output work again");
            self.show_state();
        }
    }

    fn poll_timers(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        while let Poll::Ready(due) = self.timers.poll(cx) {
            moved = true;
            match due {
                Due::Attempt(number) => self.try_again(number),
                Due::Requeue { number, has_lane } => self.requeue(number, has_lane),
                Due::Letter(number) => self.letters.send_again(number),
                Due::Later(number) => self.later.send_again(number),
                // That there is something to do is all there is to it.
                Due::Batch => {}
                Due::Probe => self.circuit.probe(Instant::now()),
                Due::Watch => self.look_for_stuck(),
            }
        }
        moved
    }
}

/// Why [`Driver::work`] returns.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    /// There is a command.
    Command,
    /// Everything that was begun is finished, and the binding is to end.
    Ended,
}
