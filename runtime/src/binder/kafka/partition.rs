//! Java's hash codes: how Spring chooses a partition from a partition key.

use wellspring_functions::HeaderValue;

/// Which of `count` partitions a Spring producer with a partition key takes: the absolute value of Java's hash code
/// modulo the count. The number's width matters, as it does in Java.
///
/// ```
/// use wellspring::binder::kafka::partition_of;
///
/// assert_eq!(partition_of(&"user-42".into(), 10), 6);
/// assert_eq!(partition_of(&(-1i64).into(), 3), 0);
/// assert_eq!(partition_of(&(-1i32).into(), 3), 1);
/// ```
#[must_use]
pub fn partition_of(key: &HeaderValue, count: u32) -> u32 {
    // The absolute value of the lowest number is itself in Java; Spring takes 0 then.
    let hash = java_hash(key).checked_abs().unwrap_or(0);
    hash.unsigned_abs() % count.max(1)
}

/// Java's `hashCode` of the value that corresponds.
fn java_hash(key: &HeaderValue) -> i32 {
    match key {
        HeaderValue::Null => 0,
        HeaderValue::Bool(value) => {
            if *value {
                1231
            } else {
                1237
            }
        }
        HeaderValue::Byte(n) => (*n).into(),
        HeaderValue::Short(n) => (*n).into(),
        HeaderValue::Int(n) => *n,
        HeaderValue::Long(n) | HeaderValue::Timestamp(n) => fold(n.cast_unsigned()),
        HeaderValue::Float(n) => {
            if n.is_nan() {
                0x7fc0_0000
            } else {
                n.to_bits().cast_signed()
            }
        }
        HeaderValue::Double(n) => fold(if n.is_nan() { 0x7ff8_0000_0000_0000 } else { n.to_bits() }),
        HeaderValue::Text(text) => {
            text.encode_utf16().fold(0, |hash: i32, unit| hash.wrapping_mul(31).wrapping_add(unit.into()))
        }
        HeaderValue::Bytes(bytes) => bytes
            .iter()
            .fold(1, |hash: i32, byte| hash.wrapping_mul(31).wrapping_add(byte.cast_signed().into())),
        HeaderValue::List(values) => {
            values.iter().fold(1, |hash: i32, value| hash.wrapping_mul(31).wrapping_add(java_hash(value)))
        }
        HeaderValue::Map(entries) => entries.iter().fold(0, |hash: i32, (name, value)| {
            hash.wrapping_add(java_hash(&HeaderValue::Text(name.clone())) ^ java_hash(value))
        }),
        _ => 0,
    }
}

/// The two halves of a long, as Java folds them.
fn fold(bits: u64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
    let low = (bits ^ (bits >> 32)) as u32;
    low.cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_golden_vectors() {
        let text = |text: &str| HeaderValue::from(text);
        let vectors: [(HeaderValue, [u32; 3]); 12] = [
            (text(""), [0, 0, 0]),
            (text("a"), [1, 2, 7]),
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
