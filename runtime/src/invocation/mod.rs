//! Calling one (composed) function with one message: on the right threads, within a deadline, surviving a panic.

mod lookup;
mod panic;
mod threads;

use std::borrow::Cow;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use wellspring_functions::{
    BatchOutcome, BatchReplies, Call, Composition, EncodedMessage, Error, Incoming, Input, Kind, Output,
    Step, Wanted,
};

pub use lookup::Functions;
pub use threads::BlockingPool;
use threads::{Place, Threads};

/// A call that has not started. Not a constant, all of which would be copied.
#[inline(always)]
pub(crate) const fn not_started() -> Step {
    Step::Ready(Ok(Output::Nothing))
}

/// A composition as the edges call it: HTTP, bindings and the command line.
///
/// Cheap to copy. Synchronous functions run where the call is made once they have shown that they return quickly;
/// until then, and after a slow call, they run on threads that may block, so that a function which never returns
/// costs its caller a time-out and nobody else anything.
#[derive(Debug, Clone)]
pub struct Invocation(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    composition: Composition,
    deadline: Option<Duration>,
    threads: Threads,
}

impl Invocation {
    /// An invocation of a composition; a call that takes longer than `deadline` fails with [`Kind::Timeout`].
    #[must_use]
    pub fn new(composition: Composition, deadline: Option<Duration>) -> Self {
        Self(Arc::new(Inner { composition, deadline, threads: Threads::default() }))
    }

    /// The same for calls that are to run side by side: a synchronous function runs where the call is made only if it
    /// is very quick.
    #[must_use]
    pub fn side_by_side(self) -> Self {
        let (composition, deadline) = (self.0.composition.clone(), self.0.deadline);
        Self(Arc::new(Inner { composition, deadline, threads: Threads::side_by_side() }))
    }

    /// What is called.
    #[must_use]
    pub fn composition(&self) -> &Composition {
        &self.0.composition
    }

    /// Calls the function and waits for what it answers.
    ///
    /// # Errors
    /// The function's own error, or that of decoding, encoding, a panic or the deadline.
    pub async fn call(&self, incoming: Incoming, wanted: Wanted) -> Result<Output, Error> {
        match self.start(incoming, wanted) {
            Step::Ready(result) => result,
            Step::Pending(future) => self.finish(future).await,
        }
    }

    /// Starts a call. Most are over at once; one that goes on must be given to [`finish`](Self::finish).
    #[must_use = "a call that goes on must be finished"]
    #[inline]
    pub fn start(&self, incoming: Incoming, wanted: Wanted) -> Step {
        let place = self.0.threads.place();
        let mut step = not_started();
        match incoming {
            _ if matches!(place, Place::MayBlock) => return self.start_on_blocking_thread(incoming, wanted),
            Incoming::One(message) => {
                let (payload, headers) = message.into_parts();
                self.start_here(&place, &mut step, || {
                    let input = Input::Encoded(payload.map(Cow::Owned));
                    self.0.composition.call_with(input, Call::new(&headers, &wanted))
                });
            }
            other => self.start_here(&place, &mut step, || self.0.composition.call(other, &wanted)),
        }
        step
    }

    /// Starts a call with a message that the caller keeps, and looks once whether a call that goes on is over:
    /// asynchronous functions often have nothing to wait for. How far it has come is written to `step`, which has not
    /// started: a step is large.
    #[inline(always)]
    pub(crate) fn lend_and_poll(
        &self,
        cx: &mut Context<'_>,
        message: &EncodedMessage,
        wanted: &Wanted,
        step: &mut Step,
    ) {
        let place = self.0.threads.place();
        if matches!(place, Place::MayBlock) {
            *step = self.start_on_blocking_thread(Incoming::One(message.clone()), wanted.clone());
        } else {
            self.start_here(&place, step, || {
                let input = Input::Encoded(message.payload().as_ref().map(Cow::Borrowed));
                self.0.composition.call_with(input, Call::new(message.headers(), wanted))
            });
        }
        if matches!(step, Step::Pending(_)) {
            self.poll_once(cx, step);
        }
    }

    /// As [`start`](Self::start), looking once whether a call that goes on is over.
    #[must_use = "a call that goes on must be finished"]
    pub fn start_and_poll(&self, cx: &mut Context<'_>, incoming: Incoming, wanted: Wanted) -> Step {
        let mut step = self.start(incoming, wanted);
        self.poll_once(cx, &mut step);
        step
    }

    /// Makes a call on this thread.
    #[inline(always)]
    fn start_here(&self, place: &Place, step: &mut Step, call: impl FnOnce() -> Step) {
        let started = matches!(place, Place::Here { timed: true }).then(Instant::now);
        // Where nothing has started there is nothing to drop.
        let caught = panic::catch(|| mem::forget(mem::replace(step, call())));
        if let Some(started) = started {
            self.0.threads.observe(started, &self.0.composition);
        }
        self.conclude(caught, step);
    }

    /// Looks whether a call that goes on is over.
    fn poll_once(&self, cx: &mut Context<'_>, step: &mut Step) {
        let Step::Pending(future) = step else { return };
        let caught = match panic::catch(|| future.as_mut().poll(cx)) {
            Ok(Poll::Pending) => return,
            Ok(Poll::Ready(result)) => {
                *step = Step::Ready(result);
                Ok(())
            }
            Err(panicked) => Err(panicked),
        };
        self.conclude(caught, step);
    }

    /// Sees to a panic, and to what may still panic.
    #[inline(always)]
    fn conclude(&self, caught: Result<(), Error>, step: &mut Step) {
        match caught {
            Err(panicked) => *step = Step::Ready(Err(self.blame(panicked))),
            Ok(()) if matches!(step, Step::Ready(Ok(output)) if goes_on(output)) => self.guard(step),
            Ok(()) => {}
        }
    }

    #[cold]
    fn guard(&self, step: &mut Step) {
        if let Step::Ready(Ok(output)) = step {
            *output = self.guarded(mem::replace(output, Output::Nothing));
        }
    }

    /// Waits for a call that goes on, at most until the deadline.
    ///
    /// # Errors
    /// As for [`call`](Self::call).
    pub async fn finish(
        &self,
        step: impl Future<Output = Result<Output, Error>> + Send + Unpin,
    ) -> Result<Output, Error> {
        self.finish_within(step, None).await
    }

    /// Waits for a call that goes on, at most until the deadline or `limit`, whichever is shorter.
    ///
    /// # Errors
    /// As for [`call`](Self::call).
    pub async fn finish_within(
        &self,
        step: impl Future<Output = Result<Output, Error>> + Send + Unpin,
        limit: Option<Duration>,
    ) -> Result<Output, Error> {
        let caught = panic::CatchPanic(step);
        let result = match self.0.deadline.into_iter().chain(limit).min() {
            Some(deadline) => {
                tokio::time::timeout(deadline, caught).await.unwrap_or_else(|_| Ok(Err(late(deadline))))
            }
            None => caught.await,
        };
        match result {
            Ok(Ok(output)) if goes_on(&output) => Ok(self.guarded(output)),
            Ok(result) => result,
            Err(panicked) => Err(self.blame(panicked)),
        }
    }

    /// A stream is read after the call is over, and what it runs may panic as well.
    #[cold]
    fn guarded(&self, output: Output) -> Output {
        match output {
            Output::Stream(replies) => {
                let this = self.clone();
                let blame = Box::new(move |panicked| this.blame(panicked));
                Output::Stream(panic::CatchStream::new(replies, blame).boxed())
            }
            Output::Batch(outcome) => {
                let BatchOutcome { failed, replies } = *outcome;
                let replies = match replies {
                    BatchReplies::Whole(output) => BatchReplies::Whole(self.guarded(output)),
                    per_item @ BatchReplies::PerItem(_) => per_item,
                };
                Output::Batch(Box::new(BatchOutcome { failed, replies }))
            }
            Output::PerOutput(outputs) => {
                Output::PerOutput(outputs.into_iter().map(|output| self.guarded(output)).collect())
            }
            other => other,
        }
    }

    #[cold]
    fn start_on_blocking_thread(&self, incoming: Incoming, wanted: Wanted) -> Step {
        let this = self.clone();
        Step::Pending(Box::pin(async move {
            let inner = Arc::clone(&this.0);
            let call = move || {
                let started = Instant::now();
                let step = panic::catch(|| inner.composition.call(incoming, &wanted));
                inner.threads.observe(started, &inner.composition);
                step
            };
            match tokio::task::spawn_blocking(call).await {
                Ok(Ok(step)) => step.await,
                Ok(Err(panicked)) => Err(this.blame(panicked)),
                Err(stopped) => {
                    Err(Error::message(Kind::Overload, format!("the runtime is stopping: {stopped}")))
                }
            }
        }))
    }

    /// A panic is blamed on the composition: which of its members it was is in the panic's own report.
    fn blame(&self, error: Error) -> Error {
        error.in_function(&self.0.composition.definition().to_string())
    }
}

/// Whether what a call answered may hold a stream, which is read after the call is over.
const fn goes_on(output: &Output) -> bool {
    matches!(output, Output::Stream(_) | Output::Batch(_) | Output::PerOutput(_))
}

#[cold]
fn late(deadline: Duration) -> Error {
    Error::message(Kind::Timeout, format!("no answer within {deadline:?}"))
}

#[cfg(test)]
mod tests;
