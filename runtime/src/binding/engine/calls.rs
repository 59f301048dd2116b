//! Calls that are under way.

use std::task::{Context, Poll};

use tokio::task::JoinSet;
use wellspring_functions::{Error, Output as Answer};

/// Calls that are under way, each for the delivery of a number. They end with the binding.
#[derive(Debug, Default)]
pub(super) struct Calls(JoinSet<(u64, Result<Answer, Error>)>);

impl Calls {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Goes on with a call, beside everything else.
    pub(super) fn spawn(
        &mut self,
        number: u64,
        call: impl Future<Output = Result<Answer, Error>> + Send + 'static,
    ) {
        self.0.spawn(async move { (number, call.await) });
    }

    /// The next call that is over; pending also while there is none.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<(u64, Result<Answer, Error>)> {
        loop {
            match self.0.poll_join_next(cx) {
                Poll::Ready(Some(Ok(call))) => return Poll::Ready(call),
                // Panics are caught within the call: this is a runtime that shuts down.
                Poll::Ready(Some(Err(error))) => tracing::error!(%error, "a call was given up"),
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
        }
    }
}
