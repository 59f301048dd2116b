//! Runs bindings on the thread of the client that reads and writes their connection.
//!
//! The client reads the socket on a thread of its own. A binding elsewhere is woken by that thread for what has come and
//! wakes it for what is to go: two changes of threads for each burst of messages, which cost more than the messages do.
//! Here the client's thread itself goes on with the binding, whenever it has handed out what it has read and before it
//! writes. The place to do so is the stream, of which the client asks that it be flushed at just that time; it holds
//! none of its locks then.
//!
//! While there is no connection, bindings run on the threads of the runtime.

use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::task::AtomicWaker;
use tokio::runtime::Handle;
use tracing::dispatcher::get_default;
use tracing::{Id, Span};

/// The thread of a connection, also of one that replaces it.
#[derive(Default)]
pub(super) struct Host {
    thread: Mutex<Thread>,
    /// Whether one of the guests has work.
    has_work: AtomicBool,
    /// Who goes on with them has the list as it was then: guests come and go meanwhile.
    guests: Mutex<Arc<Vec<Arc<Guest>>>>,
}

/// What wakes the thread; while there is nothing, guests run elsewhere.
#[derive(Default)]
struct Thread {
    waker: Option<Waker>,
    /// Which connection it belongs to.
    of: u64,
}

/// A binding that runs on a host.
struct Guest {
    host: Weak<Host>,
    work: Mutex<Work>,
    is_woken: AtomicBool,
    /// Whether nobody waits for its end any more.
    is_abandoned: AtomicBool,
    /// Wakes who waits for its end, and goes on with it while the host has no thread.
    waiting: AtomicWaker,
    runtime: Handle,
}

enum Work {
    UnderWay(BoxFuture<'static, u64>),
    /// With what it tells, unless it has panicked.
    Ended(Option<u64>),
}

impl crate::binder::Host for Host {
    fn run(self: Arc<Self>, work: BoxFuture<'static, u64>) -> BoxFuture<'static, Option<u64>> {
        let guest = Arc::new(Guest {
            host: Arc::downgrade(&self),
            work: Mutex::new(Work::UnderWay(work)),
            is_woken: AtomicBool::new(false),
            is_abandoned: AtomicBool::new(false),
            waiting: AtomicWaker::new(),
            runtime: Handle::current(),
        });
        Arc::make_mut(&mut *lock(&self.guests)).push(Arc::clone(&guest));
        guest.wake_by_ref();
        let mut stay = Stay { host: self, guest };
        poll_fn(move |cx| stay.poll(cx)).boxed()
    }
}

impl Host {
    /// Takes the waker of the client's thread as that of this host.
    pub(super) fn is_on(&self, waker: &Waker, connection: u64) {
        let mut thread = lock(&self.thread);
        if thread.of == connection && thread.waker.as_ref().is_some_and(|own| own.will_wake(waker)) {
            return;
        }
        if connection >= thread.of {
            *thread = Thread { waker: Some(waker.clone()), of: connection };
            // Its predecessor may have been told, and have ended.
            if self.has_work.load(Ordering::Acquire) {
                waker.wake_by_ref();
            }
        }
    }

    /// The thread of a connection ends.
    pub(super) fn leaves(&self, connection: u64) {
        let mut thread = lock(&self.thread);
        if thread.of == connection {
            thread.waker = None;
            drop(thread);
            lock(&self.guests).iter().for_each(|guest| guest.waiting.wake());
        }
    }

    /// Goes on with guests that were woken, on the thread that calls.
    #[inline]
    pub(super) fn work(&self) {
        if self.has_work.swap(false, Ordering::AcqRel) {
            self.work_on();
        }
    }

    fn work_on(&self) {
        // One that comes meanwhile asks for another round.
        let guests = Arc::clone(&lock(&self.guests));
        guests.iter().for_each(Guest::go_on);
    }

    /// Whether there is a thread. One that has come after a guest was woken is told of it.
    fn goes_on_with(&self, guest: &Guest) -> bool {
        let thread = lock(&self.thread);
        let Some(waker) = &thread.waker else { return false };
        if guest.is_woken.load(Ordering::Acquire) {
            self.has_work.store(true, Ordering::Release);
            waker.wake_by_ref();
        }
        true
    }
}

impl Guest {
    /// Goes on if it was woken.
    fn go_on(self: &Arc<Self>) {
        if !self.is_woken.swap(false, Ordering::AcqRel) {
            return;
        }
        let mut work = lock(&self.work);
        let Work::UnderWay(future) = &mut *work else { return };
        let waker = Waker::from(Arc::clone(self));
        let _entered = self.runtime.enter();
        let _outside = Outside::enter();
        let polled = catch_unwind(AssertUnwindSafe(|| future.poll_unpin(&mut Context::from_waker(&waker))));
        let ended = match polled {
            Ok(Poll::Pending) => {
                drop(work);
                // Whoever gave it up meanwhile has left it to this thread.
                fence(Ordering::SeqCst);
                if self.is_abandoned.load(Ordering::Relaxed) {
                    self.give_up();
                }
                return;
            }
            Ok(Poll::Ready(told)) => Some(told),
            Err(_) => None,
        };
        *work = Work::Ended(ended);
        // Who is woken looks at once.
        drop(work);
        self.waiting.wake();
    }

    /// Ends the work, unless it is being worked on right now: then it is ended afterwards.
    fn give_up(&self) {
        match self.work.try_lock() {
            Ok(mut work) => *work = Work::Ended(None),
            Err(TryLockError::Poisoned(poisoned)) => *poisoned.into_inner() = Work::Ended(None),
            Err(TryLockError::WouldBlock) => {}
        }
    }
}

impl Wake for Guest {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.is_woken.swap(true, Ordering::AcqRel) {
            return;
        }
        if let Some(host) = self.host.upgrade()
            && let Some(waker) = &lock(&host.thread).waker
        {
            host.has_work.store(true, Ordering::Release);
            waker.wake_by_ref();
        } else {
            self.waiting.wake();
        }
    }
}

/// Outside the span of whoever calls, whose log lines are not those of a guest.
struct Outside(Option<Id>);

impl Outside {
    fn enter() -> Self {
        let span = Span::current().id();
        if let Some(span) = &span {
            get_default(|dispatch| dispatch.exit(span));
        }
        Self(span)
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        if let Some(span) = &self.0 {
            get_default(|dispatch| dispatch.enter(span));
        }
    }
}

/// A guest's stay, as long as somebody waits for its end.
struct Stay {
    host: Arc<Host>,
    guest: Arc<Guest>,
}

impl Stay {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<u64>> {
        self.guest.waiting.register(cx.waker());
        if !self.host.goes_on_with(&self.guest) {
            self.guest.go_on();
        }
        // While the host's thread is at it, it has not ended; that it has is told.
        match self.guest.work.try_lock() {
            Ok(work) => match *work {
                Work::Ended(told) => Poll::Ready(told),
                Work::UnderWay(_) => Poll::Pending,
            },
            Err(_) => Poll::Pending,
        }
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        Arc::make_mut(&mut *lock(&self.host.guests)).retain(|guest| !Arc::ptr_eq(guest, &self.guest));
        self.guest.is_abandoned.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        self.guest.give_up();
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("has_thread", &lock(&self.thread).waker.is_some())
            .finish_non_exhaustive()
    }
}

/// Nothing is left half done under these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
