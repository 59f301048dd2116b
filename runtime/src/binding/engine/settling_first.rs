//! At most once: deliveries are settled before they are called.

use std::task::{Context, Poll};

use super::driver::Driver;
use crate::binder::Settlement;

impl Driver {
    /// Settles what was received before anything is done with it.
    pub(super) fn settle_first(&mut self) {
        for delivery in &mut self.received {
            self.ends.input.settle(delivery.take_ticket(), Settlement::Ack);
        }
        self.is_settling = true;
    }

    /// Goes on with what was settled first, as soon as the broker knows it.
    pub(super) fn poll_settled_first(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.is_settling {
            return false;
        }
        match self.ends.input.poll_flush(cx) {
            Poll::Pending => return false,
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => {
                self.received.clear();
                tracing::warn!(
                    binding = self.binding.name(), %error,
                    "deliveries cannot be settled before their calls: they are not called, and those not settled come again"
                );
            }
        }
        self.is_settling = false;
        true
    }
}
