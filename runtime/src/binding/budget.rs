//! How much all inputs of an application may have in flight together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number of bytes that all inputs share.
#[derive(Debug, Clone)]
pub(super) struct Budget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    used: AtomicU64,
    most: u64,
}

/// What one input uses of a budget; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    budget: Budget,
    own: u64,
}

impl Budget {
    pub(super) fn new(most: u64) -> Self {
        Self(Arc::new(Inner { used: AtomicU64::new(0), most }))
    }

    /// The share of one more input.
    pub(super) fn share(&self) -> Share {
        Share { budget: self.clone(), own: 0 }
    }
}

impl Share {
    /// Notes how much the input has in flight now. Tells whether it may take more: always while it has nothing, so that
    /// none starves; for the rest of the time it is woken by what it has.
    pub(super) fn may_take_more(&mut self, own: u64) -> bool {
        let used = &self.budget.0.used;
        if own > self.own {
            used.fetch_add(own - self.own, Ordering::Relaxed);
        } else if own < self.own {
            used.fetch_sub(self.own - own, Ordering::Relaxed);
        }
        self.own = own;
        own == 0 || used.load(Ordering::Relaxed) < self.budget.0.most
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.may_take_more(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_share_the_bytes_and_none_starves() {
        let budget = Budget::new(100);
        let (mut one, mut two) = (budget.share(), budget.share());
        assert!(one.may_take_more(90), "there is room for one more batch");
        assert!(!two.may_take_more(20) && !one.may_take_more(90));
        assert!(two.may_take_more(0), "who has nothing may take something");
        assert!(one.may_take_more(90));
        two.may_take_more(20);
        drop(one);
        assert!(two.may_take_more(20), "what is dropped is given back");
    }
}
