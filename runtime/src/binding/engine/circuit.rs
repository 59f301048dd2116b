//! A function or an output that fails again and again is left alone for a while, then tried with one delivery.
//! Pure bookkeeping: what time it is, it is told.

use tokio::time::Instant;

use crate::binding::plan::Circuit as Policy;

/// Whether calls are made, and after what they are made again.
#[derive(Debug)]
pub(super) struct Circuit {
    policy: Option<Policy>,
    /// Failures in a row.
    failures: u32,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Calls are made.
    Closed,
    /// None is made until then.
    Open(Instant),
    /// One is made, and what becomes of it decides.
    Probing {
        /// Whether it is under way.
        begun: bool,
    },
}

impl Circuit {
    pub(super) const fn new(policy: Option<Policy>) -> Self {
        Self { policy, failures: 0, state: State::Closed }
    }

    /// Whether a call may be made.
    #[inline]
    pub(super) fn allows(&self) -> bool {
        matches!(self.state, State::Closed | State::Probing { begun: false })
    }

    /// Whether calls are made as they come.
    pub(super) fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// A call is made.
    #[inline]
    pub(super) fn begin(&mut self) {
        if let State::Probing { begun } = &mut self.state {
            *begun = true;
        }
    }

    /// A delivery is done. True if calls are made again from now on.
    #[inline]
    pub(super) fn succeeded(&mut self) -> bool {
        if self.failures == 0 {
            return false;
        }
        self.failures = 0;
        std::mem::replace(&mut self.state, State::Closed) != State::Closed
    }

    /// A call failed or a message was not accepted, in a way that is not the message's own fault. Tells until when no
    /// call is made from now on, if that is so.
    pub(super) fn failed(&mut self, now: Instant) -> Option<Instant> {
        let policy = self.policy?;
        self.failures = self.failures.saturating_add(1);
        if self.failures < policy.failures.get() || matches!(self.state, State::Open(_)) {
            return None;
        }
        let until = now + policy.probe_after;
        self.state = State::Open(until);
        Some(until)
    }

    /// The time has come: one delivery is tried.
    pub(super) fn probe(&mut self, now: Instant) {
        if matches!(self.state, State::Open(until) if until <= now) {
            self.state = State::Probing { begun: false };
        }
    }

    /// A call under way came to nothing that tells of the function or the output: the message itself was at fault.
    pub(super) fn undecided(&mut self) {
        if let State::Probing { begun } = &mut self.state {
            *begun = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use super::*;

    fn circuit(failures: u32) -> Circuit {
        let probe_after = Duration::from_secs(30);
        Circuit::new(NonZeroU32::new(failures).map(|failures| Policy { failures, probe_after }))
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_probe_that_succeeds_closes_it() {
        let (mut circuit, now) = (circuit(2), Instant::now());
        assert_eq!(circuit.failed(now), None);
        assert!(!circuit.succeeded(), "a success between two failures starts anew");
        assert_eq!(circuit.failed(now), None);
        let until = now + Duration::from_secs(30);
        assert_eq!(circuit.failed(now), Some(until));
        assert_eq!(circuit.failed(now), None, "what was under way says nothing new");
        circuit.probe(now);
        assert!(!circuit.allows(), "not before its time");
        circuit.probe(until);
        assert!(circuit.allows() && !circuit.is_closed());
        circuit.begin();
        assert!(!circuit.allows(), "one at a time");
        assert!(circuit.succeeded());
        assert!(circuit.allows() && circuit.is_closed());
    }

    #[test]
    fn a_probe_that_fails_opens_it_again_at_once() {
        let (mut circuit, now) = (circuit(3), Instant::now());
        let until = (0..3).find_map(|_| circuit.failed(now)).unwrap();
        circuit.probe(until);
        circuit.begin();
        circuit.undecided();
        assert!(circuit.allows(), "a message that is at fault itself decides nothing");
        circuit.begin();
        assert_eq!(circuit.failed(until), Some(until + Duration::from_secs(30)));
        assert!(!circuit.allows());
    }

    #[test]
    fn without_a_number_it_never_opens() {
        let mut circuit = circuit(0);
        assert!((0..100).all(|_| circuit.failed(Instant::now()).is_none()) && circuit.allows());
    }
}
