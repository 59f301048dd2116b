//! The partition of a message and the routing key that carries it: Spring's choice.

use bytes::Bytes;
use lapin::types::ShortString;
use wellspring_functions::HeaderValue;

use super::declare::short;
use crate::binder::{Error, partition_of};

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

/// The partition of a key: of a text where it is one, else of its bytes.
fn partition(key: &Bytes, count: u32) -> u32 {
    let key = match std::str::from_utf8(key) {
        Ok(text) => text.into(),
        Err(_) => HeaderValue::Bytes(key.clone()),
    };
    partition_of(&key, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_text_where_it_can_be_one() {
        assert_eq!(partition(&Bytes::from_static("żółć".as_bytes()), 10), 8);
        assert_eq!(partition(&Bytes::from_static(b"\xff\x01"), 10), (31 * (31 - 1) + 1) % 10);
    }
}
