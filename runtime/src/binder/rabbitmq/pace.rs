//! Letting deliveries gather under load: a burst costs the client, the sockets and the wake-ups little more than one.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// How many deliveries that are found at once are load.
const LOAD: usize = 8;
/// How long they gather after a burst. The timer counts in whole milliseconds, so that it may be one more.
const REST: Duration = Duration::from_millis(1);

/// Says when to look for deliveries: at once, unless many came the last time. Where none is there, the first that
/// comes is told at once, so that a lone message never waits.
pub(super) struct Pace {
    timer: Pin<Box<Sleep>>,
    resting: bool,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { timer: Box::pin(sleep_until(Instant::now())), resting: false }
    }

    /// Waits until it is time to look.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.resting && self.timer.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.resting = false;
        Poll::Ready(())
    }

    /// Notes that everything there was is taken, which were so many.
    pub(super) fn taken(&mut self, count: usize) {
        if count >= LOAD {
            self.timer.as_mut().reset(Instant::now() + REST);
            self.resting = true;
        }
    }
}
