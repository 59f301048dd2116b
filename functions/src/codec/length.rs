//! How long what is written will be: a buffer that fits is not grown, and one that fits exactly is not copied.

use std::sync::atomic::{AtomicUsize, Ordering};

/// A guess from what was written before.
pub(crate) struct Length(AtomicUsize);

impl Default for Length {
    fn default() -> Self {
        Self(AtomicUsize::new(128))
    }
}

impl Length {
    #[inline]
    pub(super) fn expected(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Takes note of a length. Most change nothing, so that threads do not take the guess from each other.
    #[inline]
    pub(super) fn observe(&self, length: usize) {
        let expected = self.expected();
        if length > expected || length < expected / 4 {
            self.0.store(length, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_longest_until_something_much_shorter_comes() {
        let length = Length::default();
        let expected = [200, 150, 60, 49, 13].map(|observed| {
            length.observe(observed);
            length.expected()
        });
        assert_eq!(expected, [200, 200, 200, 49, 49]);
    }
}
