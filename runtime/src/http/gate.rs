//! Counts the requests being answered, and turns them away when there are too many or the server drains.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What every request passes before anything else is done for it.
#[derive(Debug)]
pub(super) struct Gate {
    in_flight: AtomicUsize,
    limit: usize,
    draining: AtomicBool,
}

/// Why a request was turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closed {
    Draining,
    Full,
}

/// One request being answered, from its head to the last byte of its answer.
#[derive(Debug)]
pub(super) struct Permit(Arc<Gate>);

impl Gate {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { in_flight: AtomicUsize::new(0), limit, draining: AtomicBool::new(false) })
    }

    pub(super) fn enter(self: &Arc<Self>) -> Result<Permit, Closed> {
        if self.is_draining() {
            return Err(Closed::Draining);
        }
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        let permit = Permit(Arc::clone(self));
        if before < self.limit { Ok(permit) } else { Err(Closed::Full) }
    }

    pub(super) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lets_in_as_many_as_allowed_and_nobody_while_draining() {
        let gate = Gate::new(2);
        let (one, two) = (gate.enter().unwrap(), gate.enter().unwrap());
        assert_eq!(gate.enter().err(), Some(Closed::Full));
        drop(one);
        let three = gate.enter().unwrap();
        gate.drain();
        drop(two);
        assert_eq!((gate.enter().err(), gate.in_flight()), (Some(Closed::Draining), 1));
        drop(three);
        assert_eq!(gate.in_flight(), 0);
    }
}
