//! What a group has of an input: the positions that were committed, and those that have moved since.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::Offset;

use super::slot::Slot;

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

/// Commits the positions of slots that have moved since they were committed last.
pub(super) fn commit<'a>(
    consumer: &BaseConsumer<impl ConsumerContext>,
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
