//! Whose turn it is.

/// The order of a round: each begins with another contestant, so that nobody always finds the caches of a broker warm.
#[must_use]
pub fn order(contestants: usize, round: usize) -> Vec<usize> {
    let first = if contestants == 0 { 0 } else { round % contestants };
    (first..contestants).chain(0..first).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_round_begins_with_another_and_has_everybody_once() {
        assert_eq!(order(3, 0), [0, 1, 2]);
        assert_eq!(order(3, 1), [1, 2, 0]);
        assert_eq!(order(3, 5), [2, 0, 1]);
        assert!(order(0, 7).is_empty());
    }
}
