//! A panic of a function becomes an error.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use futures_util::stream::BoxStream;
use wellspring_functions::{Error, Kind};

/// Runs a call and turns its panic into an error of kind [`Kind::Panic`].
///
/// Nothing of ours is left half-changed: a message that is lent to a call cannot be changed by it, and stages share nothing
/// but the application's own state, which its author makes safe (`Mutex` poisons itself).
#[inline(always)]
pub(super) fn catch<R>(call: impl FnOnce() -> R) -> Result<R, Error> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|payload| error(&*payload))
}

/// A future whose panic becomes an error.
pub(super) struct CatchPanic<F>(pub(super) F);

impl<F: Future + Unpin> Future for CatchPanic<F> {
    type Output = Result<F::Output, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match catch(|| Pin::new(&mut self.0).poll(cx)) {
            Ok(poll) => poll.map(Ok),
            Err(panicked) => Poll::Ready(Err(panicked)),
        }
    }
}

/// A stream whose panic becomes its last item, an error.
pub(super) struct CatchStream<T> {
    /// `None` once it has panicked.
    items: Option<BoxStream<'static, Result<T, Error>>>,
    blame: Blame,
}

/// Says whose panic it was.
pub(super) type Blame = Box<dyn Fn(Error) -> Error + Send>;

impl<T> CatchStream<T> {
    pub(super) fn new(items: BoxStream<'static, Result<T, Error>>, blame: Blame) -> Self {
        Self { items: Some(items), blame }
    }
}

impl<T> Stream for CatchStream<T> {
    type Item = Result<T, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(items) = &mut self.items else { return Poll::Ready(None) };
        match catch(|| items.as_mut().poll_next(cx)) {
            Ok(poll) => poll,
            Err(panicked) => {
                self.items = None;
                Poll::Ready(Some(Err((self.blame)(panicked))))
            }
        }
    }
}

#[cold]
fn error(payload: &(dyn Any + Send)) -> Error {
    let said =
        payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(|s| &**s));
    Error::message(Kind::Panic, format!("the function panicked: {}", said.unwrap_or("no message")))
}
