//! Deliveries that do not come to an end are named.

use std::mem;

use tokio::time::Instant;

use super::driver::Driver;
use super::timers::Due;

impl Driver {
    /// Has a look at what is open after a while, if anything is.
    pub(super) fn watch(&mut self) {
        if let Some(limit) = self.stuck_after
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
        let Some(limit) = self.stuck_after else { return };
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
