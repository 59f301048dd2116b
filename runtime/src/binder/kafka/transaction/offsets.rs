//! The offsets of an input, as part of the transaction that they are committed with.
//!
//! The library may not come back from sending them, whatever time it is given, while the broker that coordinates the group
//! is away, nor later when it has forgotten that broker meanwhile:
//! <https://github.com/confluentinc/librdkafka/issues/5456>, <https://github.com/confluentinc/librdkafka/issues/5511>.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::Producer;

use super::{Outlet, STEP};

/// The library has not come back from a call, and is waited for no longer. Its producer is of no use any more.
pub(super) const STUCK: KafkaError = KafkaError::Global(RDKafkaErrorCode::OperationTimedOut);

/// Sends positions of a group's member to the transaction of a producer. Blocks; as long as `patience` at most, after which
/// the call is left to a thread of its own.
pub(super) fn send(
    outlet: &Arc<Outlet>,
    positions: &TopicPartitionList,
    member: ConsumerGroupMetadata,
    patience: Duration,
) -> Result<(), KafkaError> {
    let (outlet, positions) = (Arc::clone(outlet), positions.clone());
    let (tell, told) = mpsc::sync_channel(1);
    let sending = thread::Builder::new().name("offsets".to_owned()).spawn(move || {
        let sent = outlet.producer().send_offsets_to_transaction(&positions, &member, STEP);
        // Before it is told: whoever waits may be about to let the producer go.
        drop(outlet);
        // Nobody waits any more for what came too late.
        let _ = tell.send(sent);
    });
    if sending.is_err() {
        return Err(STUCK);
    }
    told.recv_timeout(patience).unwrap_or(Err(STUCK))
}

#[cfg(test)]
mod tests {
    use rdkafka::consumer::{BaseConsumer, Consumer};
    use rdkafka::mocking::{MockCluster, MockCoordinator};
    use rdkafka::producer::DefaultProducerContext;
    use rdkafka::{ClientConfig, Offset};

    use super::super::Recipe;
    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn offsets_that_the_library_does_not_come_back_from_sending_are_given_up() {
        let cluster: MockCluster<'_, DefaultProducerContext> = MockCluster::new(2).unwrap();
        cluster.create_topic("in", 1, 2).unwrap();
        cluster.coordinator(MockCoordinator::Transaction("t".to_owned()), 1).unwrap();
        cluster.coordinator(MockCoordinator::Group("g".to_owned()), 2).unwrap();
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", cluster.bootstrap_servers()).set("group.id", "g");
        let consumer: BaseConsumer = client.create().unwrap();
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", cluster.bootstrap_servers()).set("transactional.id", "t");
        let outlet = Arc::new(Recipe::new(client, "out", "out").make().unwrap());
        outlet.producer().init_transactions(LONG).unwrap();
        let mut positions = TopicPartitionList::new();
        positions.add_partition_offset("in", 0, Offset::Offset(7)).unwrap();
        let send = |patience| send(&outlet, &positions, consumer.group_metadata().unwrap(), patience);

        outlet.producer().begin_transaction().unwrap();
        send(LONG).unwrap();
        outlet.producer().commit_transaction(LONG).unwrap();

        cluster.broker_down(2).unwrap();
        outlet.producer().begin_transaction().unwrap();
        assert_eq!(send(3 * STEP), Err(STUCK));
        // The thread that was left behind comes back when there is somebody to answer.
        cluster.broker_up(2).unwrap();
    }
}
