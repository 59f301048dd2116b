//! What a group has of an input: the positions that were committed, and those that have moved since.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::Offset;

use super::slot::Slot;
use crate::binder::{Error, Kind};

/// Positions that have moved since they were committed last.
pub(super) struct Positions<'a> {
    list: TopicPartitionList,
    moved: Vec<(&'a Arc<Slot>, i64)>,
}

impl<'a> Positions<'a> {
    pub(super) fn moved(slots: impl IntoIterator<Item = &'a Arc<Slot>>) -> Result<Self, KafkaError> {
        Self::beyond(slots, |slot| slot.committed.load(Ordering::Relaxed))
    }

    /// Those that the group is not known to have, also if they are on their way to it.
    fn unconfirmed(slots: impl IntoIterator<Item = &'a Arc<Slot>>) -> Result<Self, KafkaError> {
        Self::beyond(slots, |slot| slot.confirmed.load(Ordering::Acquire))
    }

    fn beyond(
        slots: impl IntoIterator<Item = &'a Arc<Slot>>,
        known: impl Fn(&Slot) -> i64,
    ) -> Result<Self, KafkaError> {
        let (mut list, mut moved) = (TopicPartitionList::new(), Vec::new());
        for slot in slots {
            let position = slot.watermark.load(Ordering::Acquire);
            if position > known(slot) {
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
        self.moved.iter().for_each(|(slot, position)| slot.confirmed.store(*position, Ordering::Release));
        self.are_on_their_way();
    }

    /// Notes that the group will have them, unless it is told otherwise.
    fn are_on_their_way(self) {
        for (slot, position) in self.moved {
            slot.committed.store(position, Ordering::Relaxed);
        }
    }
}

/// Asks the group what it has of slots, where what was committed last may or may not have reached it. Blocks.
pub(super) fn ask_committed(
    consumer: &BaseConsumer<impl ConsumerContext>,
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

/// Tells of partitions that went before the group had all that was settled of them.
pub(super) fn have_gone<'a>(mut slots: impl Iterator<Item = &'a Arc<Slot>>) -> Result<(), Error> {
    let gone = slots.find(|slot| slot.revoked.load(Ordering::Acquire) && slot.is_unconfirmed());
    let Some(Slot { topic, partition, .. }) = gone.map(|slot| &**slot) else { return Ok(()) };
    let what = format!("partition {partition} of `{topic}` went before what was settled of it was committed");
    Err(Error::new(Kind::Closed, what))
}

/// Commits the positions of slots that have moved since they were committed last; whoever waits for it also those that are
/// on their way.
pub(super) fn commit<'a>(
    consumer: &BaseConsumer<impl ConsumerContext>,
    slots: impl IntoIterator<Item = &'a Arc<Slot>>,
    mode: CommitMode,
) -> Result<(), KafkaError> {
    let positions = match mode {
        CommitMode::Sync => Positions::unconfirmed(slots)?,
        CommitMode::Async => Positions::moved(slots)?,
    };
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
    match mode {
        CommitMode::Sync => positions.are_committed(),
        CommitMode::Async => positions.are_on_their_way(),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_its_way_to_the_group_is_not_known_to_be_there() {
        let slots = [Arc::new(Slot::new(0, "in", 0))];
        slots[0].watermark.store(7, Ordering::Release);
        Positions::moved(&slots).unwrap().are_on_their_way();
        assert!(Positions::moved(&slots).unwrap().is_empty(), "it is not sent twice");
        have_gone(slots.iter()).unwrap();
        slots[0].revoked.store(true, Ordering::Release);
        let error = have_gone(slots.iter()).unwrap_err().to_string();
        assert!(error.contains("partition 0 of `in` went"), "{error}");
        Positions::unconfirmed(&slots).unwrap().are_committed();
        assert!(Positions::unconfirmed(&slots).unwrap().is_empty());
        have_gone(slots.iter()).unwrap();
    }
}
