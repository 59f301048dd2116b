//! What a binder knows of a message prevails over headers of the same name that its sender wrote.

use wellspring_functions::{HeaderName, HeaderValue};

/// Removes headers that pose as facts. The first `outside` entries are the sender's, the others are facts.
pub(super) fn prevail(entries: &mut Vec<(HeaderName, HeaderValue)>, outside: usize) {
    let facts = entries.split_off(outside.min(entries.len()));
    entries.retain(|(name, _)| !facts.iter().any(|(fact, _)| fact.eq_ignore_ascii_case(name)));
    entries.extend(facts);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_poses_as_a_fact_is_gone_in_any_spelling() {
        let entry = |name: &str, value: &str| (HeaderName::from(name), HeaderValue::from(value));
        let mut entries =
            vec![entry("A", "forged"), entry("own", "1"), entry("a", "forged"), entry("a", "true")];
        prevail(&mut entries, 3);
        assert_eq!(entries, [entry("own", "1"), entry("a", "true")]);
    }
}
