//! An output whose messages are changed on their way to another one.

use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;

use super::{Confirmation, Error, Health, Outgoing, Output};

/// Sends what `change` makes of each message by `output`.
pub(super) fn changed<O, C>(output: O, change: C) -> Box<dyn Output>
where
    O: Output + 'static,
    C: FnMut(Outgoing) -> Outgoing + Send + 'static,
{
    Box::new(Changed { output, change })
}

struct Changed<O, C> {
    output: O,
    change: C,
}

impl<O, C> Output for Changed<O, C>
where
    O: Output + 'static,
    C: FnMut(Outgoing) -> Outgoing + Send,
{
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.output.poll_ready(cx)
    }

    fn send(&mut self, message: Outgoing, number: u64) {
        let message = (self.change)(message);
        self.output.send(message, number);
    }

    fn retract(&mut self, number: u64) {
        self.output.retract(number);
    }

    fn poll_confirmed(
        &mut self,
        cx: &mut Context<'_>,
        confirmed: &mut Vec<Confirmation>,
    ) -> Poll<Result<(), Error>> {
        self.output.poll_confirmed(cx, confirmed)
    }

    fn partitions(&self) -> u32 {
        self.output.partitions()
    }

    fn health(&self) -> Arc<dyn Health> {
        self.output.health()
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), Error>> {
        Box::new(self.output).close()
    }
}
