//! Sees everything that the driver does, and says what it must not do.

use std::time::Duration;

use tokio::time::Instant;
use wellspring_functions::Kind;

use super::super::control::{Binding, State};
use super::scenario::{Act, Answers, BACKOFF, LONGEST_WAIT, Operator, PROBE_AFTER, Scenario, Settings};
use super::track::{Failure, Lane, Letter, Track, Verdict};
use crate::binder::Settlement;
use crate::config::Ending;

/// How long after it may be known something is known at the latest: timers are that exact.
const AT_ONCE: Duration = Duration::from_millis(2);
/// How often the driver may look at its ends without doing anything and without time going on.
const PATIENCE: u32 = 20_000;

/// What was seen of one simulation.
pub(super) struct Referee {
    pub(super) scenario: Scenario,
    pub(super) binding: Binding,
    pub(super) started: Instant,
    /// Every delivery that was given out; its ticket has its place, counted from 1.
    pub(super) tracks: Vec<Track>,
    /// Rules that were broken, the first one first.
    pub(super) faults: Vec<String>,
    /// Calls under way.
    active: usize,
    /// How many there have been.
    calls: u64,
    /// When one of them ended last.
    ended: Instant,
    /// Since when the operator has paused the binding.
    paused: Option<Instant>,
    /// Since when nothing may begin: a delivery failed for good, or the binding is told to end.
    halted: Option<Instant>,
    pub(super) ending: Option<Instant>,
    /// When a call was made while the circuit was open, unless something since says nothing of function and output.
    probed: Option<Instant>,
    /// When the driver looked last, and how often since it did something.
    looked: (Instant, u32),
    pub(super) closed: bool,
}

impl Referee {
    pub(super) fn new(scenario: Scenario, binding: Binding) -> Self {
        let now = Instant::now();
        Self {
            scenario,
            binding,
            started: now,
            tracks: Vec::new(),
            faults: Vec::new(),
            active: 0,
            calls: 0,
            ended: now,
            paused: None,
            halted: None,
            ending: None,
            probed: None,
            looked: (now, 0),
            closed: false,
        }
    }

    pub(super) fn fault(&mut self, sentence: &str) {
        let at = self.started.elapsed();
        self.faults.push(format!("{at:?}: {sentence}"));
    }

    fn rule(&mut self, holds: bool, sentence: impl FnOnce() -> String) {
        if !holds {
            self.fault(&sentence());
        }
    }

    /// The driver looks at one of its ends. One that never rests would look for ever.
    pub(super) fn looks(&mut self) {
        let now = Instant::now();
        self.looked = if self.looked.0 == now { (now, self.looked.1 + 1) } else { (now, 0) };
        assert!(self.looked.1 < PATIENCE, "the driver runs hot: {:?}", self.faults);
    }

    pub(super) fn commanded(&mut self, operator: Operator) {
        let now = Instant::now();
        match operator {
            Operator::Pause => _ = self.paused.get_or_insert(now),
            Operator::Resume => (self.paused, self.halted) = (None, None),
            Operator::Stop | Operator::Abandon => _ = self.ending.get_or_insert(now),
        }
    }

    /// Something is lost for good: the binding ends.
    pub(super) fn halt(&mut self) {
        let _ = self.ending.get_or_insert_with(Instant::now);
    }

    /// A delivery that is in flight.
    fn open(&self) -> impl Iterator<Item = &Track> {
        let settings = &self.scenario.settings;
        self.tracks.iter().filter(|track| !track.is_over(settings))
    }

    pub(super) fn is_idle(&self) -> bool {
        self.open().next().is_none()
    }

    /// Up to so many deliveries are asked for.
    pub(super) fn asks(&mut self, max: usize) {
        let settings = &self.scenario.settings;
        let (most, most_bytes) = (settings.max_messages, settings.max_bytes);
        let count = self.open().count();
        let bytes: u64 = self.open().map(|track| track.size as u64).sum();
        let now = Instant::now();
        let rests = [self.paused, self.halted, self.ending].into_iter().flatten().any(|since| since < now);
        self.rule(max > 0, || "asks for nothing".to_owned());
        self.rule(count + max <= most, || format!("asks for {max} with {count} of {most} in flight"));
        self.rule(bytes < most_bytes, || {
            format!("asks for more with {bytes} of {most_bytes} bytes in flight")
        });
        self.rule(!rests, || "asks for more while paused".to_owned());
    }

    /// A delivery is given out; the number is for its ticket.
    pub(super) fn gives(&mut self, message: usize) -> u64 {
        let arrival = &self.scenario.messages[message];
        let lane = Lane::of(self.scenario.settings.order, arrival.partition, arrival.key);
        self.tracks.push(Track::new(message, lane, arrival.size));
        self.tracks.len() as u64
    }

    /// The delivery of a message that was given out last.
    fn latest(&self, message: usize) -> Option<usize> {
        self.tracks.iter().rposition(|track| track.message == message)
    }

    /// The function is called.
    pub(super) fn calls(&mut self) {
        self.looked.1 = 0;
        let (active, width) = (self.active, self.scenario.settings.concurrency as usize);
        self.rule(active < width, || format!("more than {width} calls are made at a time"));
        self.check_circuit();
        self.active += 1;
        self.calls += 1;
    }

    /// A call is over.
    pub(super) fn returns(&mut self) {
        self.active -= 1;
        self.ended = Instant::now();
    }

    /// A message is in the call; which delivery that is, and which of its calls.
    pub(super) fn begins(&mut self, message: usize) -> Option<(usize, u32)> {
        let Some(at) = self.latest(message) else {
            self.fault(&format!("message {message} is called before it was given out"));
            return None;
        };
        self.check_begin(at);
        self.check_order(at);
        let track = &mut self.tracks[at];
        track.begin(self.calls);
        Some((at, track.calls))
    }

    /// What the call of a message does that has just begun; nothing where the script has ended.
    pub(super) fn next_act(&mut self, message: usize) -> Option<Act> {
        let calls = &mut self.scenario.messages[message].calls;
        (!calls.is_empty()).then(|| calls.remove(0))
    }

    fn check_begin(&mut self, at: usize) {
        let (settings, now) = (self.scenario.settings.clone(), Instant::now());
        let Track { calls, uncounted, failure, settled, flushed, is_active, is_lost, .. } =
            self.tracks[at].clone();
        self.rule(!is_active, || format!("delivery {at} is called twice at a time"));
        if settings.at_most_once {
            self.rule(settled.is_some() && flushed, || {
                format!("delivery {at} is called before it is settled")
            });
            self.rule(!is_lost, || format!("delivery {at} is called and comes again"));
        } else {
            self.rule(settled.is_none(), || format!("delivery {at} is called after it was settled"));
        }
        let (counted, verdict) = (calls - uncounted, self.tracks[at].verdict(&settings));
        match (verdict, failure) {
            (Some(Verdict::Retry), Some(Failure { at: failed, in_call, .. })) => {
                let most = settings.max_attempts;
                // One whose lane others have comes when they are done.
                let waits = in_call || self.tracks[at].lane.is_none();
                self.rule(counted < most, || format!("delivery {at} is called {counted} times and again"));
                let early = waits && now < failed + BACKOFF;
                self.rule(!early, || format!("delivery {at} is tried again without a wait"));
                let late = in_call && self.is_free_since(failed + LONGEST_WAIT);
                self.rule(!late, || format!("delivery {at} is tried again too late"));
            }
            // An operator lets it begin anew.
            (Some(Verdict::Pause), _) => self.tracks[at].uncounted = calls,
            _ => self.rule(calls == 0, || format!("delivery {at} is called again, expected {verdict:?}")),
        }
        for since in [self.halted, self.ending].into_iter().flatten() {
            self.rule(since == now, || format!("delivery {at} is called though nothing may begin"));
        }
    }

    /// Whether nothing has kept the function from being called since then.
    fn is_free_since(&self, time: Instant) -> bool {
        let Settings { answers, circuit, on_exhausted, .. } = &self.scenario.settings;
        let may_wait =
            *answers != Answers::Nothing || circuit.is_some() || *on_exhausted == Some(Ending::Pause);
        !may_wait && self.active <= 1 && self.ended <= time && time + AT_ONCE < Instant::now()
    }

    /// Deliveries of a lane are called one at a time; each for the first time after those before it, and not while one of
    /// them waits for another attempt.
    fn check_order(&mut self, at: usize) {
        let Some(lane) = self.tracks[at].lane else { return };
        let settings = self.scenario.settings.clone();
        let is_first = self.tracks[at].calls == 0;
        for other in 0..self.tracks.len() {
            let track = &self.tracks[other];
            if track.lane != Some(lane) || other == at || track.is_over(&settings) && !track.is_active {
                continue;
            }
            let (mut is_active, calls) = (track.is_active && track.call != self.calls, track.calls);
            // Batches take no lanes: what an output refuses later is tried again beside them.
            is_active &= settings.batch.is_none() || is_first && calls == 1;
            let waits = track.failure.as_ref().is_some_and(|failure| failure.in_call)
                && track.verdict(&settings).is_some_and(Verdict::keeps_lane);
            self.rule(!is_active, || format!("deliveries {other} and {at} of {lane:?} are called at a time"));
            if is_first && other < at {
                self.rule(calls > 0, || format!("delivery {at} of {lane:?} overtakes {other}"));
                self.rule(!waits, || {
                    format!("delivery {at} of {lane:?} overtakes {other}, which is tried again")
                });
            }
        }
    }

    fn check_circuit(&mut self) {
        if self.binding.state() != State::Suspended {
            self.probed = None;
            return;
        }
        let now = Instant::now();
        let early = self.probed.is_some_and(|probed| now < probed + PROBE_AFTER);
        self.rule(!early, || "more than one delivery is tried while the circuit is open".to_owned());
        self.probed = Some(now);
    }

    /// What came of a delivery in a call: so many messages, or a failure.
    pub(super) fn ends(&mut self, at: usize, result: Result<u32, Kind>) {
        self.tracks[at].end(result, self.scenario.settings.batch.is_some());
        self.note(at, false);
    }

    /// A message goes out for a call.
    pub(super) fn sends(&mut self, at: usize, call: u32) {
        self.looked.1 = 0;
        let settings = self.scenario.settings.clone();
        let Some(track) = self.tracks.get_mut(at) else {
            return self.fault(&format!("a message is sent for {at}, which was never given out"));
        };
        let (calls, settled) = (track.calls, track.settled);
        track.send();
        self.rule(call == calls, || format!("call {call} of delivery {at} sends after call {calls} began"));
        self.rule(settled.is_none() || settings.at_most_once, || {
            format!("delivery {at} sends after it was settled")
        });
        self.rule(settings.answers != Answers::Nothing, || format!("delivery {at} sends from a consumer"));
    }

    /// The driver is told what became of a message.
    pub(super) fn confirms(&mut self, at: usize, call: u32, refused: Option<Kind>, due: Instant) {
        self.is_in_time(due, "a confirmation");
        let had_failed = self.tracks[at].failure.is_some();
        self.tracks[at].confirm(call, refused);
        self.note(at, had_failed);
    }

    pub(super) fn is_in_time(&mut self, due: Instant, what: &str) {
        let late = Instant::now().saturating_duration_since(due);
        self.rule(late <= AT_ONCE, || format!("{what} is noticed after {late:?}"));
    }

    /// Something came to an end that may have decided about a delivery.
    fn note(&mut self, at: usize, had_failed: bool) {
        let settings = &self.scenario.settings;
        let track = &mut self.tracks[at];
        track.conclude(settings);
        let Some(failure) = track.failure.as_ref().filter(|_| !had_failed) else { return };
        let (verdict, undecided) = (track.verdict(settings), !failure.kind.is_retryable());
        if undecided {
            self.probed = None;
        }
        match verdict {
            // A delivery of a batch is known to have failed when the answer to all of them is sent.
            _ if settings.batch.is_some() => {}
            Some(Verdict::Pause) => _ = self.halted.get_or_insert_with(Instant::now),
            Some(Verdict::Stop) => _ = self.ending.get_or_insert_with(Instant::now),
            _ => {}
        }
    }

    /// A dead letter goes out.
    pub(super) fn buries(&mut self, message: usize, is_whole: bool, attempts: Option<i64>) -> Option<usize> {
        let at = self.latest(message)?;
        let settings = self.scenario.settings.clone();
        let (verdict, track) = (self.tracks[at].verdict(&settings), &mut self.tracks[at]);
        let letter = std::mem::replace(&mut track.letter, Letter::Sent);
        let uncounted = if settings.at_most_once { 0 } else { track.uncounted };
        let counted = i64::from(track.calls - uncounted);
        self.rule(verdict == Some(Verdict::DeadLetter), || {
            format!("delivery {at} becomes a dead letter, expected {verdict:?}")
        });
        self.rule(letter == Letter::None, || format!("delivery {at} has two dead letters: {letter:?}"));
        self.rule(is_whole, || format!("the dead letter of delivery {at} is not what came"));
        self.rule(attempts == Some(counted), || {
            format!("delivery {at} counts {attempts:?}, expected {counted}")
        });
        Some(at)
    }

    /// The driver is told what became of a dead letter.
    pub(super) fn buried(&mut self, at: usize, refused: bool, due: Instant) {
        self.is_in_time(due, "the confirmation of a dead letter");
        self.tracks[at].letter = if refused { Letter::None } else { Letter::Confirmed };
    }

    /// A delivery is settled.
    pub(super) fn settles(&mut self, ticket: u64, settlement: Settlement) {
        let Some(at) = usize::try_from(ticket).ok().and_then(|ticket| ticket.checked_sub(1)) else {
            return self.fault("a ticket is settled that was never given out");
        };
        let settings = self.scenario.settings.clone();
        let track = self.tracks[at].clone();
        self.tracks[at].settled = Some(settlement);
        self.rule(track.settled.is_none(), || format!("delivery {at} is settled twice"));
        if settings.at_most_once {
            let first = settlement == Settlement::Ack && track.calls == 0;
            return self
                .rule(first, || format!("delivery {at} is settled with {settlement:?} after its call"));
        }
        let verdict = track.verdict(&settings);
        let right = match settlement {
            Settlement::Ack => {
                track.is_done() || track.letter == Letter::Confirmed || verdict == Some(Verdict::Drop)
            }
            Settlement::Requeue => verdict == Some(Verdict::Requeue),
            Settlement::Reject => verdict == Some(Verdict::Reject),
        };
        self.rule(right, || format!("delivery {at} is settled with {settlement:?}: {track:?}"));
    }

    /// The driver does nothing any more, and should.
    pub(super) fn hangs(&mut self) {
        let (open, state): (Vec<_>, _) = (self.open().cloned().collect(), self.binding.state());
        self.fault(&format!("the driver hangs, {state}, with {open:?} of {}", self.tracks.len()));
    }

    /// Whether every message has come, and is not to come again.
    pub(super) fn has_settled_all(&self) -> bool {
        let is_through = |message| {
            let track = self.latest(message).map(|at| &self.tracks[at]);
            track.is_some_and(|track| !track.is_lost && track.settled != Some(Settlement::Requeue))
        };
        (0..self.scenario.messages.len()).all(is_through)
    }

    /// The driver has ended, and says that it has abandoned so many deliveries.
    pub(super) fn check_end(&mut self, abandoned: u64) {
        let settings = self.scenario.settings.clone();
        let open: Vec<_> = self.open().cloned().collect();
        let begun = open.iter().filter(|track| track.calls > 0).count() as u64;
        let (closed, active, state) = (self.closed, self.active, self.binding.state());
        self.rule(closed, || "the input is not closed".to_owned());
        self.rule(active == 0, || format!("{active} calls go on"));
        self.rule(matches!(state, State::Stopped | State::Failed), || format!("the binding is {state}"));
        self.rule(settings.at_most_once || abandoned == begun, || {
            format!("{abandoned} deliveries are said to be abandoned, expected {begun}: {open:?}")
        });
        self.check_counts(abandoned, open.len() as u64);
    }

    /// Every delivery that was received is counted once, or still open.
    fn check_counts(&mut self, abandoned: u64, open: u64) {
        let stats = self.binding.stats();
        let done = [&stats.succeeded, &stats.dead_lettered, &stats.dropped, &stats.requeued];
        let counted = done.iter().map(|counter| counter.get()).sum::<u64>() + open;
        let (received, given) = (stats.received.get(), self.tracks.len() as u64);
        let told = stats.abandoned.get();
        let at_most_once = self.scenario.settings.at_most_once;
        self.rule(told == abandoned, || format!("{told} abandoned deliveries are counted of {abandoned}"));
        self.rule(received == given, || format!("{received} deliveries are counted of {given}"));
        self.rule(at_most_once || counted == given, || format!("{counted} outcomes are counted of {given}"));
    }
}
