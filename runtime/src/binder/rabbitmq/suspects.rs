//! Which message the broker closes channels for.
//!
//! It does not say which of those that were on their way. They are sent once more, one by one, until each was.

use super::unconfirmed::Lost;
use crate::binder::Kind;

/// The messages that were on their way when a channel was closed for one of them.
#[derive(Debug, Default)]
pub(super) struct Suspects(usize);

impl Suspects {
    /// Whether messages are to be sent one by one.
    pub(super) const fn are_left(&self) -> bool {
        self.0 > 0
    }

    /// A message was taken.
    pub(super) const fn clear_one(&mut self) {
        self.0 = self.0.saturating_sub(1);
    }

    /// A message was lost together with so many in all, itself among them. Tells what is wrong with it, if that can be
    /// told.
    pub(super) fn convict(&mut self, lost: &Lost, count: usize) -> Option<Kind> {
        let kind = lost.blame?;
        if count == 1 {
            self.clear_one();
            return Some(kind);
        }
        self.0 = self.0.max(count);
        None
    }
}
