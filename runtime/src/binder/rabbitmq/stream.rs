//! Streams: where reading begins, and where it goes on after the connection was lost.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lapin::types::AMQPValue;
use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected};

/// The argument of a consumer that says where to begin, and the header that tells where a message is.
pub(super) const OFFSET: &str = "x-stream-offset";

/// Where a stream is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamOffset {
    /// `first`, `last`, `next` or an interval that lies behind, such as `1h`.
    Named(String),
    /// A place in the stream.
    At(i64),
    /// A time.
    Since(Timestamp),
}

impl<'de> Deserialize<'de> for StreamOffset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let interval = |text: &str| {
            let digits = text.strip_suffix(['Y', 'M', 'D', 'h', 'm', 's']);
            digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|one| one.is_ascii_digit()))
        };
        if let Ok(offset) = text.parse::<i64>()
            && offset >= 0
        {
            return Ok(Self::At(offset));
        }
        if let Ok(time) = text.parse() {
            return Ok(Self::Since(time));
        }
        if ["first", "last", "next"].contains(&&*text) || interval(&text) {
            return Ok(Self::Named(text));
        }
        let expected = "`first`, `last`, `next`, an offset, a time such as `2026-01-31T00:00:00Z` or an interval such as `1h`";
        Err(D::Error::invalid_value(Unexpected::Str(&text), &expected))
    }
}

/// Where an input is in a stream. The broker keeps no position for it: what is not settled is read again as long as
/// the input lives.
pub(super) struct Position {
    start: StreamOffset,
    /// The offset behind the last delivery.
    next: Option<u64>,
    /// Offsets of deliveries that are not settled, by their numbers.
    open: BTreeMap<u64, u64>,
}

impl Position {
    pub(super) fn new(start: Option<StreamOffset>) -> Self {
        let start = start.unwrap_or_else(|| StreamOffset::Named("next".to_owned()));
        Self { start, next: None, open: BTreeMap::new() }
    }

    /// Notes a delivery.
    pub(super) fn add(&mut self, number: u64, offset: Option<&AMQPValue>) {
        if let Some(offset) = offset.and_then(whole) {
            self.next = Some(offset + 1);
            self.open.insert(number, offset);
        }
    }

    /// Notes another delivery of the same message.
    pub(super) fn add_beside(&mut self, number: u64, other: u64) {
        if let Some(offset) = self.open.get(&number).copied() {
            self.open.insert(other, offset);
        }
    }

    /// Notes that a delivery is done.
    pub(super) fn settle(&mut self, number: u64) {
        self.open.remove(&number);
    }

    /// Where to begin, or to go on: at the first delivery that is not settled, which comes again.
    pub(super) fn argument(&self) -> AMQPValue {
        let again = self.open.values().min().copied().or(self.next);
        match (again, &self.start) {
            (Some(offset), _) => AMQPValue::LongLongInt(offset.cast_signed()),
            (None, StreamOffset::At(offset)) => AMQPValue::LongLongInt(*offset),
            (None, StreamOffset::Since(time)) => {
                AMQPValue::Timestamp(u64::try_from(time.as_second()).unwrap_or(0))
            }
            (None, StreamOffset::Named(name)) => AMQPValue::LongString(name.as_bytes().into()),
        }
    }

    /// Forgets deliveries that will come again.
    pub(super) fn forget(&mut self) {
        self.next = self.open.values().min().copied().or(self.next);
        self.open.clear();
    }
}

fn whole(value: &AMQPValue) -> Option<u64> {
    match value {
        AMQPValue::LongLongInt(number) => u64::try_from(*number).ok(),
        AMQPValue::LongInt(number) => u64::try_from(*number).ok(),
        AMQPValue::LongUInt(number) => Some((*number).into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_on_at_the_first_delivery_that_is_not_settled() {
        let mut position = Position::new(Some(StreamOffset::Named("first".to_owned())));
        assert_eq!(position.argument(), AMQPValue::LongString("first".into()));
        for number in 0..3 {
            position.add(number, Some(&AMQPValue::LongLongInt(10 + number.cast_signed())));
        }
        position.settle(0);
        position.settle(2);
        assert_eq!(position.argument(), AMQPValue::LongLongInt(11));
        position.forget();
        assert_eq!(position.argument(), AMQPValue::LongLongInt(11));
        position.add(3, Some(&AMQPValue::LongLongInt(11)));
        position.settle(3);
        assert_eq!(position.argument(), AMQPValue::LongLongInt(12));
    }
}
