//! A queue of the client, and who is woken when something comes into it.

use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

use futures_util::task::AtomicWaker;
use rdkafka::bindings as rd;

/// A queue of the client, and who is woken when something comes into it.
#[derive(Debug)]
pub(super) struct Queue {
    ptr: NonNull<rd::rd_kafka_queue_t>,
    arrival: Box<Arrival>,
}

#[derive(Debug)]
struct Arrival {
    waker: AtomicWaker,
    /// Whether something may be in the queue. The library tells when the first thing comes into an empty one.
    filled: AtomicBool,
}

// SAFETY: the library locks a queue at every call, and what it calls back uses atomics alone.
unsafe impl Send for Queue {}
// SAFETY: as above.
unsafe impl Sync for Queue {}

impl Queue {
    /// Takes over a reference to a queue; nothing if it is null.
    ///
    /// # Safety
    /// The pointer is null or a reference that the caller gives up, and the queue's client outlives what is returned.
    pub(super) unsafe fn own(ptr: *mut rd::rd_kafka_queue_t) -> Option<Self> {
        let ptr = NonNull::new(ptr)?;
        let arrival = Box::new(Arrival { waker: AtomicWaker::new(), filled: AtomicBool::new(true) });
        let opaque = ptr::from_ref(&*arrival).cast_mut().cast();
        // SAFETY: the queue is valid; the box stays where it is until `drop` has taken the callback back.
        unsafe { rd::rd_kafka_queue_cb_event_enable(ptr.as_ptr(), Some(arrived), opaque) };
        Some(Self { ptr, arrival })
    }

    pub(super) const fn as_ptr(&self) -> *mut rd::rd_kafka_queue_t {
        self.ptr.as_ptr()
    }

    /// Has a task woken when something comes.
    pub(super) fn register(&self, waker: &Waker) {
        self.arrival.waker.register(waker);
    }

    /// Wakes whoever waits, for another reason than something that came.
    pub(super) fn wake(&self) {
        self.arrival.waker.wake();
    }

    /// Whether something may be in the queue. To be asked before it is emptied: it is empty from then on until
    /// something comes, unless [`leave`](Self::leave) says otherwise.
    pub(super) fn is_filled(&self) -> bool {
        // Read first, so that asking an empty queue writes nothing.
        self.arrival.filled.load(Ordering::Acquire) && self.arrival.filled.swap(false, Ordering::AcqRel)
    }

    /// Something may have been left in the queue.
    pub(super) fn leave(&self) {
        self.arrival.filled.store(true, Ordering::Release);
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: the queue is valid until the second call. The first takes the lock under which the callback runs, so
        // that none runs afterwards, when the box is freed.
        unsafe {
            rd::rd_kafka_queue_cb_event_enable(self.as_ptr(), None, ptr::null_mut());
            rd::rd_kafka_queue_destroy(self.as_ptr());
        }
    }
}

/// The library has put something into an empty queue. It holds the queue's lock: nothing is asked of it here.
unsafe extern "C" fn arrived(_: *mut rd::rd_kafka_t, opaque: *mut c_void) {
    // SAFETY: `own` has passed a pointer to an arrival, which lives until the callback is taken back.
    let arrival = unsafe { &*opaque.cast::<Arrival>() };
    arrival.filled.store(true, Ordering::Release);
    arrival.waker.wake();
}
