//! What the thread of a consumer and its input share: commands one way, what became of them the other.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;
use std::thread::Thread;
use std::time::{Duration, Instant};

use crate::binder::{Error, Kind};

/// What the thread and the input share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    inbox: Mutex<Inbox>,
    thread: OnceLock<Thread>,
}

/// What is to be done and what became of it.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    pub(super) commands: Vec<Command>,
    /// Since when the input is to close.
    closing: Option<Instant>,
    pub(super) waker: Option<Waker>,
    /// Why nothing will come any more.
    pub(super) failure: Option<Error>,
    /// The last flush that is done, and why one was not.
    pub(super) flushed: u64,
    pub(super) flush_failure: Option<Error>,
    /// Whether the consumer has left its group.
    pub(super) closed: bool,
}

/// What the input asks of the thread.
#[derive(Debug)]
pub(super) enum Command {
    /// Commits what is settled.
    Flush(u64),
    /// Commits what is settled and leaves the group.
    Close,
}

impl Shared {
    /// Says which thread polls.
    pub(super) fn run_by(&self, thread: Thread) {
        // It is said once.
        let _ = self.thread.set(thread);
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tell(&self, command: Command) {
        let mut inbox = self.lock();
        if matches!(command, Command::Close) {
            inbox.closing.get_or_insert_with(Instant::now);
        }
        inbox.commands.push(command);
        drop(inbox);
        self.wake_thread();
    }

    /// For how long the input has been about to close, if it is.
    pub(super) fn closing_for(&self) -> Option<Duration> {
        self.lock().closing.map(|since| since.elapsed())
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
