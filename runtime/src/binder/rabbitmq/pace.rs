//! Letting work gather under load: a burst costs the client, the sockets and the wake-ups little more than one message.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// How long work gathers after a burst. The timer counts in whole milliseconds, so that it may be one more.
const REST: Duration = Duration::from_millis(1);

/// Says when to look: at once, unless there was much the last time. Where there was little, whoever looks is woken by
/// the first that comes, so that a lone message never waits.
pub(super) struct Pace {
    timer: Pin<Box<Sleep>>,
    resting: bool,
    /// How much is a burst.
    burst: usize,
}

impl Pace {
    pub(super) fn new(burst: usize) -> Self {
        Self { timer: Box::pin(sleep_until(Instant::now())), resting: false, burst }
    }

    /// Waits until it is time to look.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.resting && self.timer.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.resting = false;
        Poll::Ready(())
    }

    /// Notes how much there was to do.
    pub(super) fn note(&mut self, count: usize) {
        if count >= self.burst {
            self.timer.as_mut().reset(Instant::now() + REST);
            self.resting = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    #[tokio::test(start_paused = true)]
    async fn rests_after_a_burst_and_only_then() {
        let mut pace = Pace::new(8);
        for (found, rests) in [(0, false), (7, false), (8, true), (1, false)] {
            pace.note(found);
            let begun = Instant::now();
            poll_fn(|cx| pace.poll(cx)).await;
            let rested = begun.elapsed();
            assert_eq!(rested >= REST, rests, "{found}");
            assert!(rested <= 2 * REST, "{found}: {rested:?}");
        }
    }
}
