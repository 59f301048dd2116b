//! How the members of a group share its destinations.

/// How the members of a group share its destinations. Each instance of the application is one member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sharing {
    /// Whether each instance reads partitions of its own; without it, the broker or the group shares them out.
    pub partitioned: bool,
    /// How many instances read.
    pub instance_count: u32,
    /// Which of them this one is, from 0.
    pub instance_index: u32,
    /// How many deliveries each instance works on at a time: a broker may have to give out more at once for that, or
    /// to have more partitions.
    pub concurrency: u32,
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

/// One instance, which reads everything.
impl Default for Sharing {
    fn default() -> Self {
        Self { partitioned: false, instance_count: 1, instance_index: 0, concurrency: 1 }
    }
}
