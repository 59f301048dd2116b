//! Where a synchronous function runs: on the caller's thread once it has shown that it is quick.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use wellspring_functions::{BlockingResult, BlockingWork, Composition, Error, Kind, Offload};

/// How many quick calls in a row make a function trusted.
const TRIALS: u32 = 4;
/// A call longer than this must not hold up a thread on which others wait.
const SLOW: Duration = Duration::from_millis(10);
/// The same where others run side by side with it.
const SLOW_SIDE_BY_SIDE: Duration = Duration::from_micros(100);
/// One call in so many is timed once a function is trusted.
const SAMPLE: u32 = 256;

/// Where a call is made.
pub(super) enum Place {
    /// On a thread that may block.
    MayBlock,
    /// On the caller's thread, now and then with a look at the clock.
    Here { timed: bool },
}

/// The standing of one composition: calls it still has to prove, then a count of calls.
#[derive(Debug)]
pub(super) struct Threads {
    /// Below [`TRIALS`]: quick calls so far. From there on: calls since it was trusted.
    calls: AtomicU32,
    /// A longer call is not made on the caller's thread.
    slow: Duration,
}

impl Default for Threads {
    fn default() -> Self {
        Self { calls: AtomicU32::new(0), slow: SLOW }
    }
}

impl Threads {
    /// For calls that are to run side by side.
    pub(super) fn side_by_side() -> Self {
        Self { slow: SLOW_SIDE_BY_SIDE, ..Self::default() }
    }

    /// Where the next call belongs. The count is not exact when calls race, and need not be.
    #[inline]
    pub(super) fn place(&self) -> Place {
        let calls = self.calls.load(Ordering::Relaxed);
        if calls < TRIALS {
            return Place::MayBlock;
        }
        if calls >= TRIALS + SAMPLE {
            self.calls.store(TRIALS, Ordering::Relaxed);
            return Place::Here { timed: true };
        }
        self.calls.store(calls + 1, Ordering::Relaxed);
        Place::Here { timed: false }
    }

    /// Takes note of how long a timed call took.
    pub(super) fn observe(&self, started: Instant, composition: &Composition) {
        let took = started.elapsed();
        if took <= self.slow {
            let trial = |calls| (calls < TRIALS).then_some(calls + 1);
            // Fails only when the function is trusted already.
            let _ = self.calls.fetch_update(Ordering::Relaxed, Ordering::Relaxed, trial);
        } else if self.calls.swap(0, Ordering::Relaxed) >= TRIALS && took > SLOW {
            let definition = composition.definition();
            tracing::warn!(
                function = %definition, ?took,
                "a synchronous function was slow; it runs on threads that may block until it is quick again \
                 (mark it `blocking` if it always is)"
            );
        }
    }
}

/// Threads that may block, for functions marked `blocking`.
#[derive(Debug, Clone, Copy, Default)]
pub struct BlockingPool;

impl Offload for BlockingPool {
    fn run(&self, work: BlockingWork) -> BoxFuture<'static, Result<BlockingResult, Error>> {
        let run = tokio::task::spawn_blocking(move || super::panic::catch(work));
        Box::pin(async move {
            run.await.unwrap_or_else(|stopped| {
                Err(Error::message(Kind::Overload, format!("the runtime is stopping: {stopped}")))
            })
        })
    }
}
