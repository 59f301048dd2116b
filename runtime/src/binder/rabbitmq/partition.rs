//! The partition of a message and the routing key that carries it: Spring's choice.

use bytes::Bytes;
use lapin::types::ShortString;

use super::declare::short;
use crate::binder::Error;

/// The routing keys of an output.
pub(super) struct Partitions {
    key: ShortString,
    /// One key per partition; none where there is but one.
    keys: Vec<ShortString>,
    /// The partition of the next message that has no key.
    next: u32,
}

impl Partitions {
    pub(super) fn new(key: &str, count: u32) -> Result<Self, Error> {
        let count = if count > 1 { count } else { 0 };
        let keys = (0..count).map(|index| short("routing key", &format!("{key}-{index}")));
        Ok(Self { key: short("routing key", key)?, keys: keys.collect::<Result<_, _>>()?, next: 0 })
    }

    /// Routing keys to choose from by their index.
    pub(super) fn of_keys(keys: &[String]) -> Result<Self, Error> {
        let first = keys.first().map_or("", String::as_str);
        let all = keys.iter().map(|key| short("routing key", key)).collect::<Result<_, _>>()?;
        Ok(Self { key: short("routing key", first)?, keys: all, next: 0 })
    }

    /// The partition of a message: the one it asks for, that of its key, or each in turn.
    pub(super) fn of(&mut self, asked: Option<u32>, key: Option<&Bytes>) -> Option<u32> {
        let count = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
        if asked.is_some() || count == 0 {
            return asked;
        }
        Some(match key {
            Some(key) => partition(key, count),
            None => {
                self.next = (self.next + 1) % count;
                self.next
            }
        })
    }

    /// The routing key of a partition.
    pub(super) fn key(&self, partition: Option<u32>) -> Result<ShortString, Error> {
        match partition {
            None => Ok(self.key.clone()),
            Some(index) => match self.keys.get(index as usize) {
                Some(key) => Ok(key.clone()),
                None => short("routing key", &format!("{}-{index}", self.key)),
            },
        }
    }
}

/// `abs(hashCode) % count`, where the hash is that of a Java string; of bytes that are no text, that of their array.
fn partition(key: &[u8], count: u32) -> u32 {
    let step = |hash: i32, unit: i32| hash.wrapping_mul(31).wrapping_add(unit);
    let hash = match std::str::from_utf8(key) {
        Ok(text) => text.encode_utf16().fold(0, |hash, unit| step(hash, unit.into())),
        Err(_) => key.iter().fold(1, |hash, byte| step(hash, byte.cast_signed().into())),
    };
    // The smallest number has no positive counterpart and counts as 0.
    hash.checked_abs().unwrap_or(0).unsigned_abs() % count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chooses_the_partition_that_spring_chooses() {
        let vectors = [
            ("", 0, 0, 0),
            ("a", 1, 2, 7),
            ("c", 0, 4, 9),
            ("foo", 0, 4, 4),
            ("orders", 0, 1, 1),
            ("user-42", 1, 1, 6),
            ("żółć", 2, 3, 8),
            ("😀", 1, 4, 9),
            ("polygenelubricants", 0, 0, 0),
        ];
        for (key, three, five, ten) in vectors {
            let chosen = [3, 5, 10].map(|count| partition(key.as_bytes(), count));
            assert_eq!(chosen, [three, five, ten], "{key}");
        }
    }
}
