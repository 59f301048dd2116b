//! The brokers: where they are, how the application and the test reach them.

use std::sync::Arc;

use wellspring::binder::{Binder, kafka::Kafka, rabbitmq::RabbitMq};
use wellspring::config::Section;

use super::skip;
use super::starting;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broker {
    Kafka,
    RabbitMq,
}

impl Broker {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kafka => "kafka",
            Self::RabbitMq => "rabbitmq",
        }
    }

    /// Where it is; without one the run is skipped, also if it must be taken away and may not.
    pub(crate) async fn address(self, is_taken_away: bool) -> Option<String> {
        let variable = match self {
            Self::Kafka => "WELLSPRING_TEST_KAFKA",
            Self::RabbitMq => "WELLSPRING_TEST_RABBITMQ",
        };
        if is_taken_away {
            starting::ours(self.name(), variable).await
        } else {
            skip::address(self.name(), variable)
        }
    }

    /// The test's own way to the broker, with settings on top of the address.
    pub(crate) fn binder(self, address: &str, settings: &str) -> Arc<dyn Binder> {
        let section = |name, key| {
            Section::from_yaml(name, &format!("{key}: '{address}'\n{settings}"))
                .unwrap_or_else(|error| panic!("{error}"))
        };
        match self {
            Self::Kafka => Arc::new(Kafka::new(section("stream.kafka", "brokers").deserialize().unwrap())),
            Self::RabbitMq => {
                Arc::new(RabbitMq::new("test", section("stream.rabbitmq", "uri").deserialize().unwrap()))
            }
        }
    }

    /// The configuration of one instance.
    pub(crate) fn configuration(self, address: &str, names: &str, instance: usize) -> String {
        // A member of the group that comes back under its name gets its partitions back at once.
        let (binder, concurrency) = match self {
            Self::Kafka => (
                format!(
                    "kafka: {{ brokers: '{address}', commit-interval: {COMMIT_INTERVAL}ms, \
                     consumer-properties: {{ group.instance.id: '{names}-{instance}' }} }}"
                ),
                4,
            ),
            Self::RabbitMq => (
                format!(
                    "rabbitmq: {{ uri: '{address}', reconnect-initial-interval: 50ms, default: {{ consumer: {{ prefetch: {IN_FLIGHT} }} }} }}"
                ),
                1,
            ),
        };
        format!(
            "
function: {{ definition: relay }}
stream:
  default-binder: {}
  {binder}
  bindings:
    relay-in-0:
      destination: {names}.in
      group: {names}
      consumer:
        concurrency: {concurrency}
        max-in-flight: {IN_FLIGHT}
        back-off-initial-interval: 20ms
        dead-letter: {names}.dead
    relay-out-0: {{ destination: {names}.out }}
",
            self.name()
        )
    }

    /// How many numbers may be passed on twice when an instance is killed, or leaves without having settled.
    pub(crate) fn most_repeated(self) -> usize {
        match self {
            // Four at a time, a millisecond each, until what is settled is committed.
            Self::Kafka => IN_FLIGHT + 4 * COMMIT_INTERVAL,
            Self::RabbitMq => IN_FLIGHT,
        }
    }
}

/// How many deliveries an instance may have in flight.
const IN_FLIGHT: usize = 100;
/// How often offsets are committed, in milliseconds.
const COMMIT_INTERVAL: usize = 100;
