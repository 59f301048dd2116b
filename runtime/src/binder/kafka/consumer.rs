//! The thread of an input: it serves the consumer's events, above all rebalances, and commits. Records pass it by.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::Offset;

use super::failure::failed;
use super::inbox::{Command, Shared, wake};
use super::native::Intake;
use super::rebalance::Assignment;
use super::records::Slot;
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

/// Tells errors that end an input from those that pass.
pub(super) fn note(binding: &str, error: KafkaError) -> Result<(), Error> {
    use RDKafkaErrorCode as Code;
    match &error {
        KafkaError::MessageConsumptionFatal(_) | KafkaError::MessageConsumption(Code::Fatal) => {
            Err(failed(format!("the input `{binding}` has failed for good"), error))
        }
        KafkaError::MessageConsumption(
            Code::TopicAuthorizationFailed | Code::GroupAuthorizationFailed | Code::SaslAuthenticationFailed,
        ) => Err(failed(format!("the input `{binding}` is not allowed to read"), error)),
        KafkaError::PartitionEOF(_) | KafkaError::MessageConsumption(Code::PartitionEOF) => Ok(()),
        KafkaError::MessageConsumption(Code::UnknownTopicOrPartition | Code::UnknownTopic) => {
            tracing::warn!(binding, %error, "a topic does not exist any more; waiting for it");
            Ok(())
        }
        // The client tells that of itself, once: see `logging`.
        KafkaError::MessageConsumption(
            Code::AllBrokersDown | Code::BrokerTransportFailure | Code::Resolve,
        ) => {
            tracing::debug!(binding, %error, "trouble with the broker");
            Ok(())
        }
        _ => {
            tracing::warn!(binding, %error, "trouble with the broker; the client goes on trying");
            Ok(())
        }
    }
}

/// Positions that have moved since they were committed last.
pub(super) struct Positions<'a> {
    list: TopicPartitionList,
    moved: Vec<(&'a Arc<Slot>, i64)>,
}

impl<'a> Positions<'a> {
    pub(super) fn moved(slots: impl IntoIterator<Item = &'a Arc<Slot>>) -> Result<Self, KafkaError> {
        let (mut list, mut moved) = (TopicPartitionList::new(), Vec::new());
        for slot in slots {
            let position = slot.watermark.load(Ordering::Acquire);
            if position > slot.committed.load(Ordering::Relaxed) {
                list.add_partition_offset(&slot.topic, slot.partition, Offset::Offset(position))?;
                moved.push((slot, position));
            }
        }
        Ok(Self { list, moved })
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.moved.is_empty()
    }

    pub(super) const fn list(&self) -> &TopicPartitionList {
        &self.list
    }

    /// Notes that the group has them.
    pub(super) fn are_committed(self) {
        for (slot, position) in self.moved {
            slot.committed.store(position, Ordering::Relaxed);
        }
    }
}

/// Asks the group what it has of slots, where what was committed last may or may not have reached it. Blocks.
pub(super) fn ask_committed(
    consumer: &BaseConsumer<Assignment>,
    slots: &[Arc<Slot>],
    patience: Duration,
) -> Result<(), KafkaError> {
    let mut asked = TopicPartitionList::new();
    for slot in slots {
        asked.add_partition(&slot.topic, slot.partition);
    }
    if slots.is_empty() {
        return Ok(());
    }
    let known = consumer.committed_offsets(asked, patience)?;
    for slot in slots {
        let Some(element) = known.find_partition(&slot.topic, slot.partition) else { continue };
        element.error()?;
        if let Offset::Offset(position) = element.offset() {
            slot.committed.store(position, Ordering::Release);
        }
    }
    Ok(())
}

/// Commits the positions of slots that have moved since they were committed last.
pub(super) fn commit<'a>(
    consumer: &BaseConsumer<Assignment>,
    slots: impl IntoIterator<Item = &'a Arc<Slot>>,
    mode: CommitMode,
) -> Result<(), KafkaError> {
    let positions = Positions::moved(slots)?;
    if positions.is_empty() {
        return Ok(());
    }
    match consumer.commit(positions.list(), mode) {
        // A topic that was deleted has no offsets to keep; those of the others are kept.
        Err(error) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::UnknownTopicOrPartition) => {
            tracing::warn!(%error, "a topic of this input does not exist any more");
        }
        committed => committed?,
    }
    positions.are_committed();
    Ok(())
}
