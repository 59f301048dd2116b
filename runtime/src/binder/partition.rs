//! How Spring chooses a partition from a key.

use wellspring_functions::HeaderValue;

use crate::expression::hash_code;

/// Which of `count` partitions a Spring producer with a partition key takes: the absolute value of Java's hash code
/// modulo the count. The number's width matters, as it does in Java.
///
/// ```
/// use wellspring::binder::partition_of;
///
/// assert_eq!(partition_of(&"user-42".into(), 10), 6);
/// assert_eq!(partition_of(&(-1i64).into(), 3), 0);
/// assert_eq!(partition_of(&(-1i32).into(), 3), 1);
/// ```
#[must_use]
pub fn partition_of(key: &HeaderValue, count: u32) -> u32 {
    // The absolute value of the lowest number is itself in Java; Spring takes 0 then.
    hash_code(key).checked_abs().unwrap_or(0).unsigned_abs() % count.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_golden_vectors() {
        let text = |text: &str| HeaderValue::from(text);
        let vectors: [(HeaderValue, [u32; 3]); 15] = [
            (text(""), [0, 0, 0]),
            (text("a"), [1, 2, 7]),
            (text("c"), [0, 4, 9]),
            (text("d"), [1, 0, 0]),
            (text("f"), [0, 2, 2]),
            (text("foo"), [0, 4, 4]),
            (text("orders"), [0, 1, 1]),
            (text("user-42"), [1, 1, 6]),
            (text("żółć"), [2, 3, 8]),
            (text("😀"), [1, 4, 9]),
            (text("polygenelubricants"), [0, 0, 0]),
            (21i32.into(), [0, 1, 1]),
            ((-1i64).into(), [0, 0, 0]),
            ((-1i32).into(), [1, 1, 1]),
            (4_294_967_296i64.into(), [1, 1, 1]),
        ];
        for (key, expected) in vectors {
            assert_eq!([3, 5, 10].map(|count| partition_of(&key, count)), expected, "{key:?}");
        }
    }
}
