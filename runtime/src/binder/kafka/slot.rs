//! A partition that a consumer has, and how far it has come in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use super::native::Received;

/// One partition while it is assigned to a consumer. Assigned again, it is another slot.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) id: u32,
    pub(super) topic: Arc<str>,
    pub(super) partition: i32,
    /// The position to commit; negative while nothing is settled.
    pub(super) watermark: AtomicI64,
    /// The position that was committed last, which may still be on its way.
    pub(super) committed: AtomicI64,
    /// The position that the group is known to have; negative while it has none of this assignment.
    pub(super) confirmed: AtomicI64,
    /// The end of what was taken to be delivered; negative while nothing was.
    pub(super) taken: AtomicI64,
    /// Whether the partition was taken away.
    pub(super) revoked: AtomicBool,
    /// Whether nothing is to be fetched for now.
    pub(super) held: AtomicBool,
}

impl Slot {
    pub(super) fn new(id: u32, topic: &str, partition: i32) -> Self {
        Self {
            id,
            topic: topic.into(),
            partition,
            watermark: AtomicI64::new(-1),
            committed: AtomicI64::new(-1),
            confirmed: AtomicI64::new(-1),
            taken: AtomicI64::new(-1),
            revoked: AtomicBool::new(false),
            held: AtomicBool::new(false),
        }
    }

    /// Whether everything that was taken is settled.
    pub(super) fn is_settled(&self) -> bool {
        self.watermark.load(Ordering::Acquire) >= self.taken.load(Ordering::Acquire)
    }

    /// Whether the group is not known to have all that is settled.
    pub(super) fn is_unconfirmed(&self) -> bool {
        self.watermark.load(Ordering::Acquire) > self.confirmed.load(Ordering::Acquire)
    }

    /// Whether a record is one of its partition.
    pub(super) fn is_of(&self, record: &Received<'_>) -> bool {
        self.partition == record.partition() && self.topic.as_bytes() == record.topic()
    }
}
