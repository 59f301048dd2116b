//! How an input joins its group.

use std::sync::Arc;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::topic_partition_list::Offset;

use super::admin::cannot_make;
use super::config::{Config, StartOffset};
use super::consumer::Serving;
use super::failure::failed;
use super::health::Pulse;
use super::inbox::Shared;
use super::input::KafkaInput;
use super::later::Waits;
use super::native::Intake;
use super::provision::Provisioner;
use super::rebalance::Assignment;
use super::topics::{is_pattern, is_static, provision, start_offset};
use super::transaction::Transaction;
use crate::binder::{Error, Input, InputSpec, Kind};

/// Joins a group and starts to serve its consumer. Blocks.
pub(super) fn bind(
    config: &Config,
    spec: &InputSpec,
    group: &str,
    transaction: Option<Arc<Transaction>>,
    waits: Waits,
) -> Result<Box<dyn Input>, Error> {
    let settings = config.consumer(&spec.binding);
    let provisioner = Provisioner::new(config)?;
    let mut topics = provision(&provisioner, spec, &settings)?;
    for topic in waits.keys() {
        topics.push((topic.clone(), provisioner.partitions(topic)?));
    }
    drop(provisioner);
    let start_offset = start_offset(config, &settings, spec);
    let reset = settings.reset_offsets.unwrap_or(false).then_some(match start_offset {
        StartOffset::Earliest => Offset::Beginning,
        StartOffset::Latest => Offset::End,
    });
    let client = config.consumer_client(&spec.binding, group, &settings, start_offset);
    let anonymous = spec.group.is_none() && start_offset == StartOffset::Latest && !is_pattern(&settings);
    if anonymous {
        begin_at_the_end(config, &client, &topics)?;
    }
    let pulse = Pulse::of_consumer(start_offset);
    let shared =
        transaction.as_ref().map_or_else(Arc::default, |transaction| Arc::clone(&transaction.shared));
    let assignment = Assignment::new(&spec.binding, reset, pulse).with_transaction(transaction);
    let consumer = client.create_with_context(assignment);
    let mut consumer: BaseConsumer<Assignment> =
        consumer.map_err(|error| cannot_make_consumer(config, spec, error))?;
    let waking = Arc::clone(&shared);
    consumer.set_nonempty_callback(move || waking.wake_thread());
    let intake = Intake::new(consumer).map_err(|error| cannot_make_consumer(config, spec, error))?;
    let joined = if is_static(&settings) {
        assign(intake.consumer(), &topics, spec)
    } else {
        let names: Vec<&str> = topics.iter().map(|(topic, _)| topic.as_str()).collect();
        intake.consumer().subscribe(&names)
    };
    joined.map_err(|error| cannot_make_consumer(config, spec, error))?;
    serve(config, spec, group, intake, shared, waits)
}

/// Starts the thread that serves the consumer.
fn serve(
    config: &Config,
    spec: &InputSpec,
    group: &str,
    intake: Arc<Intake>,
    shared: Arc<Shared>,
    waits: Waits,
) -> Result<Box<dyn Input>, Error> {
    let serving =
        Serving::new(Arc::clone(&intake), Arc::clone(&shared), &spec.binding, config.commit_interval);
    std::thread::Builder::new()
        .name(format!("kafka {}", spec.binding))
        .spawn(move || serving.run())
        .map_err(|error| {
            Error::new(Kind::Refused, "the thread of a consumer cannot be started").because(error)
        })?;
    let input = KafkaInput::new(intake, shared, (&spec.binding, group), spec.max_in_flight);
    Ok(Box::new(input.reading(waits)))
}

/// Takes the partitions of this instance: those whose number leaves its index when divided by the count.
fn assign(
    consumer: &BaseConsumer<Assignment>,
    topics: &[(String, u32)],
    spec: &InputSpec,
) -> Result<(), rdkafka::error::KafkaError> {
    let sharing = &spec.sharing;
    let mut own = TopicPartitionList::new();
    for (topic, partitions) in topics {
        for partition in
            (0..*partitions).filter(|p| p % sharing.instance_count.max(1) == sharing.instance_index)
        {
            own.add_partition(topic, i32::try_from(partition).unwrap_or(i32::MAX));
        }
    }
    own.set_all_offsets(Offset::Invalid)?;
    consumer.context().assigned(&mut own)?;
    consumer.assign(&own)
}

/// Notes where the partitions end now: an anonymous group sees what comes from here on. This is committed, so that
/// whichever member gets a partition later goes on where the group stands.
fn begin_at_the_end(
    config: &Config,
    client: &rdkafka::ClientConfig,
    topics: &[(String, u32)],
) -> Result<(), Error> {
    let asking: BaseConsumer =
        client.create().map_err(|error| failed(cannot_make("consumer", config), error))?;
    let mut ends = TopicPartitionList::new();
    for (topic, partitions) in topics {
        for partition in 0..i32::try_from(*partitions).unwrap_or(i32::MAX) {
            let (_, end) =
                asking.fetch_watermarks(topic, partition, config.bind_timeout).map_err(|error| {
                    failed(format!("the end of partition {partition} of `{topic}` cannot be found"), error)
                })?;
            let noted = ends.add_partition_offset(topic, partition, Offset::Offset(end));
            noted.map_err(|error| failed(format!("`{topic}` cannot be read from {end}"), error))?;
        }
    }
    let committed = asking.commit(&ends, CommitMode::Sync);
    committed.map_err(|error| failed("the start of an anonymous group cannot be committed", error))
}

/// A group that nobody else is in.
pub(super) fn anonymous() -> String {
    let mut bytes = [0; 16];
    for half in bytes.chunks_mut(8) {
        half.copy_from_slice(&random().to_be_bytes());
    }
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut group = String::from("anonymous.");
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            group.push('-');
        }
        group.extend([byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0')));
    }
    group
}

/// Random bits: each hasher of the standard library has keys of its own.
fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish()
}

fn cannot_make_consumer(config: &Config, spec: &InputSpec, error: rdkafka::error::KafkaError) -> Error {
    failed(cannot_make(&format!("consumer of `{}`", spec.binding), config), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anonymous_group_is_named_by_a_uuid_of_its_own() {
        let (one, two) = (anonymous(), anonymous());
        assert_ne!(one, two);
        assert_eq!(one.len(), "anonymous.".len() + 36);
        assert_eq!(&one[24..25], "4", "{one}");
    }
}
