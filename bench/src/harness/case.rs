//! The dimensions of the work.

use std::fmt;

/// One kind of messages and topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// Size of a message, in bytes.
    pub bytes: usize,
    /// Partitions of the topics; queues have one.
    pub partitions: usize,
    /// How many keys the messages have.
    pub keys: Keys,
}

/// How many keys there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// All messages have the same, so that they are in one partition.
    One,
    /// Thousand.
    Many,
}

impl Case {
    /// What every contestant does in every round.
    pub const BASE: Self = Self { bytes: 150, partitions: 4, keys: Keys::Many };

    /// The base case with something changed, for Kafka.
    pub const KAFKA: [Self; 5] = [
        Self { partitions: 1, ..Self::BASE },
        Self { partitions: 12, ..Self::BASE },
        Self { keys: Keys::One, ..Self::BASE },
        Self { bytes: 1024, ..Self::BASE },
        Self { bytes: 16 * 1024, ..Self::BASE },
    ];

    /// The base case with something changed, for brokers of queues.
    pub const RABBITMQ: [Self; 2] =
        [Self { bytes: 1024, ..Self::BASE }, Self { bytes: 16 * 1024, ..Self::BASE }];

    /// The key of a message, by its number.
    #[must_use]
    pub const fn key(&self, number: u64) -> u64 {
        match self.keys {
            Keys::One => 0,
            Keys::Many => number % 1000,
        }
    }

    /// The size alone.
    #[must_use]
    pub fn size(&self) -> String {
        match self.bytes {
            bytes if bytes < 1024 => format!("{bytes} B"),
            bytes => format!("{} KiB", bytes / 1024),
        }
    }

    /// The partition that holds a message, by its number.
    #[must_use]
    pub const fn partition(&self, number: u64) -> usize {
        self.key(number) as usize % self.partitions
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (partitions, plural) = (self.partitions, if self.partitions == 1 { "" } else { "s" });
        let keys = if self.keys == Keys::One { "1 key" } else { "many keys" };
        write!(f, "{}, {partitions} partition{plural}, {keys}", self.size())
    }
}
