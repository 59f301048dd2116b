//! Identifiers of messages: shaped like a UUID, unique by a random start, which is all they are for.

use lapin::types::ShortString;

use super::random::random;

/// What tells a message from others when it comes back; one that was made here is remembered by its number.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum MessageId {
    Made(u64),
    Given(ShortString),
}

/// Makes identifiers.
pub(super) struct Ids {
    high: u64,
    low: u64,
}

impl Ids {
    pub(super) fn new() -> Self {
        let [high, low] = random();
        Self { high, low }
    }

    /// An identifier that no other message has.
    pub(super) const fn make(&mut self) -> MessageId {
        self.low = self.low.wrapping_add(0x9e37_79b9_7f4a_7c15);
        MessageId::Made(self.low)
    }

    /// How an identifier is written.
    pub(super) fn text(&self, id: &MessageId) -> ShortString {
        let number = match id {
            MessageId::Given(text) => return text.clone(),
            MessageId::Made(number) => *number,
        };
        let [high, low] = [mix(self.high ^ number), mix(number)].map(u64::to_be_bytes);
        let mut text = [b'-'; 36];
        for (place, byte) in PLACES.into_iter().zip(high.into_iter().chain(low)) {
            text[place] = DIGITS[usize::from(byte >> 4)];
            text[place + 1] = DIGITS[usize::from(byte & 15)];
        }
        std::str::from_utf8(&text).unwrap_or_default().into()
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";
/// Where the two digits of each byte stand.
const PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/// A number that looks random for every number.
const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_the_shape_of_a_uuid_and_differ() {
        let mut ids = Ids::new();
        let [one, other] = [ids.make(), ids.make()].map(|id| ids.text(&id).to_string());
        assert_eq!(one.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert!(one.chars().all(|one| one == '-' || one.is_ascii_hexdigit()));
        assert_ne!(one, other);
    }
}
