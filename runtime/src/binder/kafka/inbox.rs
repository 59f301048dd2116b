//! What the polling thread and its input share: batches one way, commands the other.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;
use std::thread::Thread;

use super::records::{Batch, Slot};
use crate::binder::{Error, Kind};

/// What the thread and the input share.
#[derive(Debug)]
pub(super) struct Shared {
    inbox: Mutex<Inbox>,
    thread: OnceLock<Thread>,
}

/// What has come and what is to be done.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    pub(super) batches: VecDeque<Batch>,
    /// How many records and bytes wait.
    pub(super) records: usize,
    pub(super) bytes: usize,
    pub(super) commands: Vec<Command>,
    pub(super) waker: Option<Waker>,
    /// Why nothing will come any more.
    pub(super) failure: Option<Error>,
    /// The last flush that is done, and why one was not.
    pub(super) flushed: u64,
    pub(super) flush_failure: Option<Error>,
    /// Whether the consumer has left its group.
    pub(super) closed: bool,
    /// Whether the thread waits for room.
    pub(super) is_full: bool,
}

/// What the input asks of the thread.
#[derive(Debug)]
pub(super) enum Command {
    /// Reads a partition again.
    Seek { slot: Arc<Slot>, offset: i64, epoch: u32 },
    /// Commits what is settled.
    Flush(u64),
    /// Commits what is settled and leaves the group.
    Close,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self { inbox: Mutex::default(), thread: OnceLock::new() }
    }

    /// Says which thread polls.
    pub(super) fn run_by(&self, thread: Thread) {
        // It is said once.
        let _ = self.thread.set(thread);
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tell(&self, command: Command) {
        self.lock().commands.push(command);
        self.wake_thread();
    }

    pub(super) fn wake_thread(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }
}

impl Inbox {
    pub(super) fn wake(&mut self) -> Option<Waker> {
        self.waker.take()
    }
}

/// Wakes whoever waits.
pub(super) fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// Why an input that was closed cannot do what is asked.
pub(super) fn closed() -> Error {
    Error::new(Kind::Closed, "the input was closed")
}
