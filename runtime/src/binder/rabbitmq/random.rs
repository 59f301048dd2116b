//! Random numbers, and names that are made of them.

use std::hash::{BuildHasher, RandomState};

/// Two random numbers, from the source of the hash maps of the standard library.
pub(super) fn random() -> [u64; 2] {
    [RandomState::new().hash_one(1_u8), RandomState::new().hash_one(2_u8)]
}

/// What makes the name of an anonymous queue unique: 22 characters of the alphabet of URLs, as in Spring.
pub(super) fn unique() -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let [high, low] = random();
    let number = (u128::from(high) << 64) | u128::from(low);
    let character = |at: u32| {
        // The last of the 22 holds the two bits that are left.
        let six = if at == 21 { (number << 4) & 63 } else { (number >> (122 - 6 * at)) & 63 };
        char::from(ALPHABET[usize::try_from(six).unwrap_or_default()])
    };
    (0..22).map(character).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_anonymous_queues_differ() {
        assert_eq!(unique().len(), 22);
        assert_ne!(unique(), unique());
    }
}
