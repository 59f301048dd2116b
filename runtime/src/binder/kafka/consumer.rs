//! The thread of an input: it serves the consumer's events, above all rebalances, and commits. Records pass it by.

use std::mem;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::consumer::{CommitMode, Consumer};

use super::failure::{failed, note};
use super::inbox::{Command, Shared, wake};
use super::native::Intake;
use super::positions::commit;
use super::transaction::Transaction;
use crate::binder::{Error, Kind};

/// How long the thread sleeps at most: the library wakes it when there is something to do.
const NAP: Duration = Duration::from_millis(100);

/// The thread's own.
pub(super) struct Serving {
    intake: Arc<Intake>,
    shared: Arc<Shared>,
    binding: String,
    interval: Duration,
    committed_at: Instant,
    /// What commits instead of the consumer, if anything.
    transaction: Option<Arc<Transaction>>,
}

impl Serving {
    pub(super) fn new(intake: Arc<Intake>, shared: Arc<Shared>, binding: &str, interval: Duration) -> Self {
        let transaction = intake.consumer().context().transaction().cloned();
        let (binding, committed_at) = (binding.to_owned(), Instant::now());
        Self { intake, shared, binding, interval, committed_at, transaction }
    }

    /// Runs until told to close.
    pub(super) fn run(mut self) {
        self.shared.run_by(thread::current());
        while !self.obey() {
            let due = self.commit_when_due();
            if let Err(error) = due.and_then(|()| self.serve()) {
                self.fail(error);
                while !self.obey() {
                    thread::park_timeout(NAP);
                }
                break;
            }
            thread::park_timeout(NAP.min(self.interval));
        }
        self.close();
    }

    /// Does what the input asks; tells whether it asks to close.
    fn obey(&mut self) -> bool {
        let commands = mem::take(&mut self.shared.lock().commands);
        let mut close = false;
        for command in commands {
            match command {
                Command::Flush(number) => {
                    let failure = self.flush().err();
                    let waker = {
                        let mut inbox = self.shared.lock();
                        inbox.flushed = number;
                        inbox.flush_failure = failure;
                        inbox.wake()
                    };
                    wake(waker);
                }
                Command::Close => close = true,
            }
        }
        close
    }

    /// Serves what has come: rebalances, answers to commits, what the library has to say.
    fn serve(&self) -> Result<(), Error> {
        let consumer = self.intake.consumer();
        loop {
            match consumer.poll(Duration::ZERO) {
                // Each partition is directed to the intake before it is assigned. To pass over a record would lose it.
                Some(Ok(_)) => {
                    let what = format!("a record of `{}` came on the wrong way", self.binding);
                    return Err(Error::new(Kind::Refused, what));
                }
                Some(Err(error)) => note(&self.binding, error)?,
                None if consumer.context().was_busy() => {}
                None => break,
            }
        }
        self.intake.find_cluster();
        Ok(())
    }

    fn commit_when_due(&mut self) -> Result<(), Error> {
        if let Some(transaction) = &self.transaction {
            let consumer = self.intake.consumer();
            if transaction.serve(consumer, &consumer.context().slots())? {
                self.intake.wake();
            }
            return Ok(());
        }
        if self.committed_at.elapsed() < self.interval {
            return Ok(());
        }
        self.committed_at = Instant::now();
        if let Err(error) = self.commit(CommitMode::Async) {
            tracing::warn!(binding = self.binding, %error, "offsets were not committed; they will be with the next");
        }
        Ok(())
    }

    /// Commits what is settled, before anything else is done.
    fn flush(&self) -> Result<(), Error> {
        let Some(transaction) = &self.transaction else { return self.commit(CommitMode::Sync) };
        let consumer = self.intake.consumer();
        let flushed = transaction.flush(consumer, &consumer.context().slots());
        self.intake.wake();
        flushed
    }

    /// Commits every position that has moved.
    fn commit(&self, mode: CommitMode) -> Result<(), Error> {
        let consumer = self.intake.consumer();
        commit(consumer, &consumer.context().slots(), mode)
            .map_err(|error| failed(format!("the offsets of `{}` were not committed", self.binding), error))
    }

    fn fail(&self, error: Error) {
        self.shared.lock().failure = Some(error);
        self.intake.wake();
    }

    fn close(self) {
        let consumer = self.intake.consumer();
        let committed = match &self.transaction {
            Some(transaction) => transaction.end(consumer, &consumer.context().slots()),
            None => self.commit(CommitMode::Sync),
        };
        // The input has given up its share. Leaving the group blocks; partitions that were left take their last commit
        // with them.
        self.intake.consumer().context().close();
        drop(self.intake);
        let waker = {
            let mut inbox = self.shared.lock();
            inbox.closed = true;
            inbox.flush_failure = committed.err();
            inbox.wake()
        };
        wake(waker);
    }
}
