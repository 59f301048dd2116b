//! How long a binding begins deliveries before what it has sent so far, and others on its thread, get their turn.

use std::time::{Duration, Instant};

/// How long a turn may be.
const LENGTH: Duration = Duration::from_millis(1);
/// After how many calls the clock is read at the latest.
const CALLS: u32 = 16;

/// One turn. The clock is read after one call, two, four and so on: calls that take long are few in a turn, and short ones
/// do not pay for the clock each.
#[derive(Debug)]
pub(super) struct Turn {
    begun: Instant,
    calls: u32,
    /// After how many calls the clock is read next.
    next_look: u32,
    is_over: bool,
}

impl Turn {
    pub(super) fn new() -> Self {
        Self { begun: Instant::now(), calls: 0, next_look: 1, is_over: false }
    }

    /// Counts a call that is about to begin; tells whether the turn allows it.
    #[inline]
    pub(super) fn allows(&mut self) -> bool {
        if self.calls == self.next_look {
            self.next_look += self.calls.min(CALLS);
            self.is_over = self.begun.elapsed() >= LENGTH;
        }
        self.calls += 1;
        !self.is_over
    }

    /// Whether there was no time for a call.
    pub(super) const fn is_over(&self) -> bool {
        self.is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_whose_time_is_over_allows_no_second_call() {
        let mut turn = Turn { begun: Instant::now().checked_sub(LENGTH).unwrap(), ..Turn::new() };
        let allowed = (0..100).take_while(|_| turn.allows()).count();
        assert_eq!((allowed, turn.is_over()), (1, true));
    }

    #[test]
    fn a_turn_goes_on_while_there_is_time() {
        let mut turn = Turn { begun: Instant::now() + Duration::from_secs(60), ..Turn::new() };
        assert!((0..100).all(|_| turn.allows()) && !turn.is_over());
    }
}
