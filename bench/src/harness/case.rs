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
    /// None; messages are spread evenly.
    None,
    /// All messages have the same, so that they are in one partition.
    One,
    /// Thousand.
    Many,
}

impl Case {
    /// What every contestant does in every round.
    pub const BASE: Self = Self { bytes: 150, partitions: 4, keys: Keys::Many };

    /// The base case with something changed, for Kafka.
    pub const KAFKA: [Self; 6] = [
        Self { partitions: 1, ..Self::BASE },
        Self { partitions: 12, ..Self::BASE },
        Self { keys: Keys::None, ..Self::BASE },
        Self { keys: Keys::One, ..Self::BASE },
        Self { bytes: 1024, ..Self::BASE },
        Self { bytes: 16 * 1024, ..Self::BASE },
    ];

    /// The base case with something changed, for brokers of queues.
    pub const RABBITMQ: [Self; 2] =
        [Self { bytes: 1024, ..Self::BASE }, Self { bytes: 16 * 1024, ..Self::BASE }];

    /// The key of a message, by its number.
    #[must_use]
    pub const fn key(&self, number: u64) -> Option<u64> {
        match self.keys {
            Keys::None => None,
            Keys::One => Some(0),
            Keys::Many => Some(number % 1000),
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
        let chosen = match self.key(number) {
            Some(key) => key,
            None => number,
        };
        chosen as usize % self.partitions
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (partitions, plural) = (self.partitions, if self.partitions == 1 { "" } else { "s" });
        let keys = match self.keys {
            Keys::None => "no keys",
            Keys::One => "1 key",
            Keys::Many => "many keys",
        };
        write!(f, "{}, {partitions} partition{plural}, {keys}", self.size())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_named_by_all_that_differs() {
        assert_eq!(Case::BASE.to_string(), "150 B, 4 partitions, many keys");
        let other = Case { bytes: 16 * 1024, partitions: 1, keys: Keys::One };
        assert_eq!(other.to_string(), "16 KiB, 1 partition, 1 key");
    }

    #[test]
    fn messages_of_one_key_are_in_one_partition_and_others_in_all() {
        let used = |keys| {
            let case = Case { keys, ..Case::BASE };
            (0..100).map(|number| case.partition(number)).collect::<std::collections::BTreeSet<_>>().len()
        };
        assert_eq!([Keys::None, Keys::One, Keys::Many].map(used), [4, 1, 4]);
    }
}
