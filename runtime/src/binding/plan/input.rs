//! The input end of a function: what is read, and how its deliveries are worked on.

use std::num::NonZeroU32;
use std::time::Duration;

use wellspring_functions::{ContentType, Function, Port, Shape};

use super::Planner;
use crate::binder::Sharing;
use crate::binding::engine::policy::FailurePolicy;
use crate::config::{CircuitConfig, ConsumerConfig, Guarantee, Order};

/// The input end of a function.
#[derive(Debug, Clone)]
pub struct PlannedInput {
    /// The binding's name.
    pub binding: String,
    /// The destinations that are read.
    pub destinations: Vec<String>,
    /// The group, unless it is anonymous.
    pub group: Option<String>,
    /// The binder's name.
    pub binder: String,
    /// What payloads are when their message does not say.
    pub content_type: Option<ContentType>,
    /// How many members of the group this process is.
    pub concurrency: u32,
    /// Within what deliveries keep their order.
    pub order: Order,
    /// How many are put together in one call, if the function is called with batches.
    pub batching: Option<Batching>,
    /// Whether the function takes a stream: of one delivery, or of those of a batch.
    pub is_stream: bool,
    /// When a delivery is settled.
    pub delivery: Guarantee,
    /// How the members of the group share the destinations.
    pub sharing: Sharing,
    /// How much may be in flight.
    pub flow: Flow,
    /// The longest time of one call, if it is limited.
    pub timeout: Option<Duration>,
    /// After how long a delivery in flight is named in the log, if ever.
    pub stuck_after: Option<Duration>,
    /// What happens to a delivery that failed.
    pub failure: FailurePolicy,
    /// Whether deliveries that are tried again wait at their broker, and not in this process.
    pub durable_retry: bool,
    /// When the binding pauses because everything fails, if ever.
    pub circuit: Option<Circuit>,
    /// Where a delivery goes that fails for good.
    pub dead_letter: Option<String>,
    /// Whether it receives as soon as it is bound.
    pub auto_startup: bool,
}

/// How much of an input may be in flight: received, and not settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flow {
    /// Deliveries.
    pub max_messages: usize,
    /// Bytes of their payloads.
    pub max_bytes: u64,
}

/// When deliveries that have gathered become a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batching {
    /// How many there are in one at most.
    pub max_size: usize,
    /// How long the first one waits for others.
    pub max_wait: Duration,
}

/// When a binding pauses because everything fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circuit {
    /// How many failures in a row make it pause.
    pub failures: NonZeroU32,
    /// How long it pauses until one delivery is tried.
    pub probe_after: Duration,
}

impl Circuit {
    fn of(config: &CircuitConfig) -> Option<Self> {
        let failures = NonZeroU32::new(config.failures)?;
        Some(Self { failures, probe_after: config.probe_after })
    }
}

impl Planner<'_> {
    /// The input end that takes what `port` says, which belongs to `function`.
    pub(super) fn input(&mut self, name: &str, port: &Port, function: Option<&Function>) -> PlannedInput {
        let binding = self.binding(name);
        let consumer = &binding.consumer;
        if consumer.batch_mode.value && !port.takes_batches {
            let function = function.map_or_else(String::new, |function| {
                format!("`{}` ({}) takes ", function.name, function.location)
            });
            let sentence = format!("{function}`{port}`, expected a `Vec` or a `Streaming` for `batch-mode`");
            self.wrong(&binding, "consumer.batch-mode", &consumer.batch_mode, &sentence);
        }
        if consumer.partitioned.value && binding.group.is_none() {
            let advice =
                format!("a partitioned input needs a group; set `stream.bindings.{}.group`", binding.name);
            self.wrong(&binding, "consumer.partitioned", &consumer.partitioned, &advice);
        }
        PlannedInput {
            destinations: binding.destinations().map(str::to_owned).collect(),
            group: binding.group.as_ref().map(|group| group.value.clone()),
            binder: self.binder(&binding),
            content_type: self.content_type(&binding),
            concurrency: consumer.concurrency.value.max(1),
            sharing: Sharing {
                partitioned: consumer.partitioned.value,
                instance_count: consumer.instance_count.value,
                instance_index: consumer.instance_index.value,
                concurrency: consumer.concurrency.value.max(1),
            },
            order: order(consumer),
            batching: consumer.batch_mode.value.then(|| Batching {
                max_size: consumer.batch_size.max(1) as usize,
                max_wait: consumer.batch_max_wait,
            }),
            is_stream: port.shape == Shape::Stream,
            delivery: consumer.delivery.value,
            flow: Flow {
                max_messages: consumer.max_in_flight as usize,
                max_bytes: consumer.max_in_flight_bytes,
            },
            timeout: unless_zero(consumer.timeout),
            stuck_after: unless_zero(consumer.stuck_after),
            failure: FailurePolicy::of(consumer),
            durable_retry: consumer.durable_retry,
            circuit: Circuit::of(&consumer.circuit),
            dead_letter: consumer.dead_letter.as_ref().map(|name| name.value.clone()),
            auto_startup: consumer.auto_startup,
            binding: binding.name,
        }
    }
}

/// Several deliveries at a time keep the order of their keys, unless the configuration says otherwise.
fn order(consumer: &ConsumerConfig) -> Order {
    let default = if consumer.concurrency.value > 1 { Order::Key } else { Order::Partition };
    consumer.order.as_ref().map_or(default, |order| order.value)
}

fn unless_zero(duration: Duration) -> Option<Duration> {
    Some(duration).filter(|duration| !duration.is_zero())
}
