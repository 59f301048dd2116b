//! Deliveries that gather until they are a batch. Pure bookkeeping: what time it is, it is told.

use tokio::time::Instant;

use crate::binding::plan::Batching;

/// Deliveries, by their numbers, that are to be one batch.
#[derive(Debug)]
pub(super) struct Gathering {
    policy: Batching,
    numbers: Vec<u64>,
    /// Until when the first one waits for others.
    until: Option<Instant>,
}

impl Gathering {
    pub(super) const fn new(policy: Batching) -> Self {
        Self { policy, numbers: Vec::new(), until: None }
    }

    /// How many more belong into the batch.
    pub(super) fn room(&self) -> usize {
        self.policy.max_size.saturating_sub(self.numbers.len())
    }

    /// Puts a delivery to the others. Tells when to look again whether the batch is due, if that has to be timed.
    pub(super) fn push(&mut self, number: u64, now: Instant) -> Option<Instant> {
        self.numbers.push(number);
        if self.until.is_some() || self.policy.max_wait.is_zero() {
            return None;
        }
        self.until = Some(now + self.policy.max_wait);
        self.until
    }

    /// Whether it is time to call with what there is; `more` says whether others may be there already.
    pub(super) fn is_due(&self, now: Instant, more: bool) -> bool {
        if self.numbers.is_empty() {
            return false;
        }
        self.room() == 0 || self.until.map_or(!more, |until| until <= now)
    }

    /// Takes the batch out.
    pub(super) fn take(&mut self) -> Vec<u64> {
        self.until = None;
        std::mem::take(&mut self.numbers)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn gathering(max_size: usize, millis: u64) -> Gathering {
        Gathering::new(Batching { max_size, max_wait: Duration::from_millis(millis) })
    }

    #[test]
    fn a_full_batch_is_due_at_once() {
        let (mut gathering, now) = (gathering(2, 50), Instant::now());
        gathering.push(1, now);
        assert!(!gathering.is_due(now, false));
        gathering.push(2, now);
        assert!(gathering.is_due(now, true));
        assert_eq!((gathering.take(), gathering.room()), (vec![1, 2], 2));
        assert!(!gathering.is_due(now, false), "nothing is no batch");
    }

    #[test]
    fn the_first_one_decides_how_long_is_waited() {
        let (mut gathering, start) = (gathering(9, 50), Instant::now());
        let until = start + Duration::from_millis(50);
        assert_eq!(gathering.push(1, start), Some(until));
        assert_eq!(
            gathering.push(2, start + Duration::from_millis(40)),
            None,
            "a trickle does not put it off"
        );
        assert!(!gathering.is_due(start + Duration::from_millis(49), false));
        assert!(gathering.is_due(until, true));
        gathering.take();
        assert_eq!(gathering.push(3, until), Some(until + Duration::from_millis(50)));
    }

    #[test]
    fn without_a_wait_a_batch_is_what_is_there() {
        let (mut gathering, now) = (gathering(9, 0), Instant::now());
        assert_eq!(gathering.push(1, now), None);
        assert!(!gathering.is_due(now, true));
        assert!(gathering.is_due(now, false));
    }
}
