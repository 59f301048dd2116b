//! The sending end: messages gather until the next look at what is confirmed, then go out under one lock.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::destination::Destination;
use crate::binder::{Confirmation, Error, Outgoing, Output};

/// How many messages gather before they must go out.
const GATHER: usize = 1024;

pub(super) struct MemoryOutput {
    destination: Arc<Destination>,
    pending: VecDeque<(Outgoing, u64)>,
    /// Confirmed while making room, not yet told.
    confirmed: Vec<Confirmation>,
}

impl MemoryOutput {
    pub(super) const fn new(destination: Arc<Destination>) -> Self {
        Self { destination, pending: VecDeque::new(), confirmed: Vec::new() }
    }
}

impl Output for MemoryOutput {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.pending.len() >= GATHER
            && self.destination.poll_publish(cx, &mut self.pending, &mut self.confirmed).is_pending()
        {
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn send(&mut self, message: Outgoing, number: u64) {
        self.pending.push_back((message, number));
    }

    fn poll_confirmed(
        &mut self,
        cx: &mut Context<'_>,
        confirmed: &mut Vec<Confirmation>,
    ) -> Poll<Result<(), Error>> {
        let before = confirmed.len();
        confirmed.append(&mut self.confirmed);
        if !self.pending.is_empty() {
            let _ = self.destination.poll_publish(cx, &mut self.pending, confirmed);
        }
        if confirmed.len() > before { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), Error>> {
        async { Ok(()) }.boxed()
    }
}
