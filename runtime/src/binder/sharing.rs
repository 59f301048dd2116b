//! How the members of a group share its destinations.

/// How the members of a group share its destinations: instances of the application, and members within each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sharing {
    /// Whether each instance reads partitions of its own; without it, the broker or the group shares them out.
    pub partitioned: bool,
    /// How many instances read.
    pub instance_count: u32,
    /// Which of them this one is, from 0.
    pub instance_index: u32,
    /// How many inputs of one instance read.
    pub concurrency: u32,
    /// Which of them this one is, from 0.
    pub member: u32,
}

impl Sharing {
    /// Whether the instance may read a partition: as in Spring, its number modulo the count is the index.
    #[must_use]
    pub const fn may_read(&self, partition: u32) -> bool {
        match partition.checked_rem(self.instance_count) {
            Some(remainder) if self.partitioned => remainder == self.instance_index,
            _ => true,
        }
    }
}

/// One instance with one input, which reads everything.
impl Default for Sharing {
    fn default() -> Self {
        Self { partitioned: false, instance_count: 1, instance_index: 0, concurrency: 1, member: 0 }
    }
}
