//! Which exchanges, queues and bindings a binding needs, as data: the names and arguments of Spring Cloud Stream.

use super::declaration::binding;
pub use super::declaration::{Argument, Arguments, Declaration};
use super::queue::Queues;
use super::settings::{Consumer, ContainerType, ExchangeType, Producer};
use crate::binder::{Error, InputSpec, Kind, OutputSpec};

/// What an input declares and reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputTopology {
    /// What to declare, in order.
    pub declarations: Vec<Declaration>,
    /// The queues to read, each with its partition.
    pub queues: Vec<(String, u32)>,
}

/// What an output declares and where it writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputTopology {
    /// What to declare, in order.
    pub declarations: Vec<Declaration>,
    /// The exchange to write to.
    pub exchange: String,
    /// The routing key; with partitions `-` and the partition follow it.
    pub routing_key: String,
}

/// Where the dead letters of an input are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterTopology {
    /// What to declare, in order.
    pub declarations: Vec<Declaration>,
    /// The exchange to write to.
    pub exchange: String,
    /// The queues of the input, each with the routing key of its dead letters.
    pub keys: Vec<(String, String)>,
}

/// The topology of an input. `random` makes the name of an anonymous group's queue unique.
///
/// # Errors
/// When what is configured cannot work.
pub fn input(consumer: &Consumer, spec: &InputSpec, random: &str) -> Result<InputTopology, Error> {
    let base = Queues::of_input(consumer);
    if spec.group.is_none() && base.auto_bind_dlq {
        return Err(refused(
            &spec.binding,
            "has no `group`: the queue of an anonymous group goes with its reader and cannot keep dead letters, \
             set a group or leave `auto-bind-dlq` out",
        ));
    }
    // A partition is a queue of its own, and an instance reads the one of its index.
    let partition = spec.sharing.partitioned.then_some(spec.sharing.instance_index);
    if partition.is_some() {
        check_partitions(&base, &spec.binding)?;
    }
    let stream = consumer.container_type == Some(ContainerType::Stream);
    if stream && (spec.group.is_none() || consumer.durable_subscription == Some(false)) {
        let advice = "reads a stream, which never goes with its reader: set a `group` and leave `durable-subscription` out";
        return Err(refused(&spec.binding, advice));
    }
    let mut topology = InputTopology { declarations: Vec::new(), queues: Vec::new() };
    for destination in &spec.destinations {
        check_name(destination)?;
        base.exchange(destination, Arguments::new(), &mut topology.declarations);
        let name = match &spec.group {
            Some(group) => base.name(destination, group),
            None => {
                let prefix = consumer.anonymous_group_prefix.as_deref().unwrap_or("anonymous.");
                base.name(destination, &format!("{prefix}{random}"))
            }
        };
        let anonymous = spec.group.is_none();
        let durable = !anonymous && consumer.durable_subscription.unwrap_or(true);
        let queue = partition.map_or_else(|| name.clone(), |index| format!("{name}-{index}"));
        let declared = base.queue(&queue, durable, anonymous, stream, !durable);
        base.bound(declared, &queue, destination, partition, &mut topology.declarations);
        if durable {
            let extra = consumer.republish_to_dlq.unwrap_or(true).then_some(name.as_str());
            base.dead_letters(&name, &queue, extra, &mut topology.declarations);
        }
        topology.queues.push((queue, partition.unwrap_or_default()));
    }
    Ok(topology)
}

/// Where the dead letters of an input are sent; nothing when the broker is to move them, or nobody keeps them.
///
/// # Errors
/// As for [`input`].
pub fn letters(consumer: &Consumer, spec: &InputSpec) -> Result<Option<LetterTopology>, Error> {
    let base = Queues::of_input(consumer);
    let durable = spec.group.is_some() && consumer.durable_subscription.unwrap_or(true);
    if !durable || !consumer.republish_to_dlq.unwrap_or(base.auto_bind_dlq) {
        return Ok(None);
    }
    let exchange = base.dlx();
    let InputTopology { mut declarations, queues } = input(consumer, spec, "")?;
    if !base.auto_bind_dlq {
        declarations.push(Declaration::Expected { exchange: exchange.clone() });
    }
    let key = |queue: &str| base.dlq_key.unwrap_or(queue).to_owned();
    let keys = queues.into_iter().map(|(queue, _)| (queue.clone(), key(&queue))).collect();
    Ok(Some(LetterTopology { declarations, exchange, keys }))
}

/// The queues that keep the dead letters of an input, each once; none where nobody keeps them.
#[must_use]
pub fn kept(consumer: &Consumer, spec: &InputSpec) -> Vec<String> {
    let base = Queues::of_input(consumer);
    let keeps = base.auto_bind_dlq || consumer.republish_to_dlq == Some(true);
    let Some(group) = spec.group.as_ref().filter(|_| keeps && consumer.durable_subscription.unwrap_or(true))
    else {
        return Vec::new();
    };
    let mut queues: Vec<_> =
        spec.destinations.iter().map(|destination| base.dlq(&base.name(destination, group))).collect();
    queues.dedup();
    queues
}

/// The topology of an output.
///
/// # Errors
/// When what is configured cannot work.
pub fn output(producer: &Producer, spec: &OutputSpec) -> Result<OutputTopology, Error> {
    let base = Queues::of_output(producer);
    check_name(&spec.destination)?;
    let mut declarations = Vec::new();
    let partitioned = spec.partition_count > 1;
    if partitioned && !spec.required_groups.is_empty() {
        check_partitions(&base, &spec.binding)?;
    }
    let mut arguments = Arguments::new();
    if let Some(alternate) = &producer.alternate_exchange
        && let Some(name) = &alternate.name
    {
        if !alternate.exists {
            declarations.push(Declaration::Exchange {
                name: name.clone(),
                kind: alternate.kind.as_str().to_owned(),
                durable: true,
                auto_delete: false,
                arguments: Arguments::new(),
            });
            if let Some(queue) = &alternate.binding.queue {
                let key = alternate.binding.routing_key.clone().unwrap_or_else(|| "#".to_owned());
                declarations.push(plain_queue(queue));
                declarations.push(binding(queue, name, &key, Arguments::new()));
            }
        }
        arguments.insert("alternate-exchange".to_owned(), Argument::Text(name.clone()));
    }
    base.exchange(&spec.destination, arguments, &mut declarations);
    for group in &spec.required_groups {
        let name = base.name(&spec.destination, group);
        let count = spec.partition_count;
        let all: Vec<Option<u32>> = if partitioned { (0..count).map(Some).collect() } else { vec![None] };
        for partition in all {
            let queue = partition.map_or_else(|| name.clone(), |index| format!("{name}-{index}"));
            let declared = base.queue(&queue, true, false, false, false);
            base.dead_letters(&name, &queue, None, &mut declarations);
            base.bound(declared, &queue, &spec.destination, partition, &mut declarations);
        }
    }
    let routing_key = producer.routing_key.clone().unwrap_or_else(|| spec.destination.clone());
    Ok(OutputTopology { declarations, exchange: base.exchange_name(&spec.destination), routing_key })
}

pub(super) fn plain_queue(name: &str) -> Declaration {
    Declaration::Queue {
        name: name.to_owned(),
        durable: true,
        exclusive: false,
        auto_delete: false,
        arguments: Arguments::new(),
    }
}

fn check_partitions(base: &Queues<'_>, binding: &str) -> Result<(), Error> {
    if base.exchange_type == ExchangeType::Fanout {
        let advice = "has partitions on a `fanout` exchange, which sends every message to every queue; \
                      use `exchange-type: topic`";
        return Err(refused(binding, advice));
    }
    Ok(())
}

/// The broker leaves line breaks out of a name without a word, so that nothing is found again under it.
fn check_name(name: &str) -> Result<(), Error> {
    if name.contains(['\r', '\n']) {
        let message =
            format!("`{}` names no exchange, expected a name without line breaks", name.escape_debug());
        return Err(Error::new(Kind::Refused, message));
    }
    Ok(())
}

fn refused(binding: &str, sentence: &str) -> Error {
    Error::new(Kind::Refused, format!("the binding `{binding}` {sentence}"))
}
