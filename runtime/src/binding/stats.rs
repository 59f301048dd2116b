//! What a binding has done, as plain counters.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of one binding since it started. Read at any time; written by each of its members.
#[derive(Debug, Default)]
pub struct Stats {
    /// Deliveries received, or messages supplied.
    pub received: Counter,
    /// Deliveries settled after everything they gave rise to was confirmed.
    pub succeeded: Counter,
    /// Calls that failed.
    pub failed: Counter,
    /// Messages sent to the output and confirmed.
    pub sent: Counter,
    /// Deliveries that went to the dead-letter destination.
    pub dead_lettered: Counter,
    /// Deliveries given up without a dead-letter destination.
    pub dropped: Counter,
    /// Deliveries given back to the group after a failure.
    pub requeued: Counter,
    /// Deliveries that are in flight for longer than `stuck-after`, as far as was last looked.
    pub stuck: Gauge,
    /// Deliveries left unsettled when the binding stopped; the broker delivers them again.
    pub abandoned: Counter,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// The count.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Adds to the count.
    #[inline]
    pub(super) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }
}

/// A number that goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// The number now.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn set(&self, n: u64) {
        self.0.store(n, Ordering::Relaxed);
    }
}
