//! Names, arguments and keys of queues: what inputs and the required groups of outputs have in common.

use std::collections::BTreeMap;

use super::declaration::{Argument, Arguments, DELAYED, Declaration, binding};
use super::settings::{Consumer, ExchangeType, Producer, Quorum};

/// The settings that both ends of a destination have, with Spring's defaults put in.
pub(super) struct Queues<'a> {
    prefix: &'a str,
    pub(super) exchange_type: ExchangeType,
    declare_exchange: bool,
    exchange_durable: bool,
    exchange_auto_delete: bool,
    delayed_exchange: bool,
    group_only: bool,
    bind_queue: bool,
    key: Option<&'a str>,
    delimiter: Option<&'a str>,
    binding_arguments: Option<&'a BTreeMap<String, String>>,
    limits: Limits<'a>,
    pub(super) auto_bind_dlq: bool,
    dlq_name: Option<&'a str>,
    dlx: Option<&'a str>,
    dlx_type: ExchangeType,
    declare_dlx: bool,
    pub(super) dlq_key: Option<&'a str>,
    dlq_limits: Limits<'a>,
    dlq_dlx: Option<&'a str>,
    dlq_dlx_key: Option<&'a str>,
    dlq_binding_arguments: Option<&'a BTreeMap<String, String>>,
}

/// What a queue may hold, and how.
#[derive(Clone, Copy)]
struct Limits<'a> {
    ttl: Option<i32>,
    expires: Option<i32>,
    max_length: Option<i32>,
    max_length_bytes: Option<i32>,
    max_priority: Option<i32>,
    overflow: Option<&'a str>,
    lazy: bool,
    quorum: Option<&'a Quorum>,
    single_active_consumer: bool,
}

macro_rules! of {
    ($settings:expr) => {{
        let from = $settings;
        Queues {
            prefix: from.prefix.as_deref().unwrap_or_default(),
            exchange_type: from.exchange_type.unwrap_or_default(),
            declare_exchange: from.declare_exchange.unwrap_or(true),
            exchange_durable: from.exchange_durable.unwrap_or(true),
            exchange_auto_delete: from.exchange_auto_delete.unwrap_or(false),
            delayed_exchange: from.delayed_exchange.unwrap_or(false),
            group_only: from.queue_name_group_only.unwrap_or(false),
            bind_queue: from.bind_queue.unwrap_or(true),
            key: from.binding_routing_key.as_deref(),
            delimiter: from.binding_routing_key_delimiter.as_deref(),
            binding_arguments: from.queue_binding_arguments.as_ref(),
            limits: Limits {
                ttl: from.ttl,
                expires: from.expires,
                max_length: from.max_length,
                max_length_bytes: from.max_length_bytes,
                max_priority: from.max_priority,
                overflow: from.overflow_behavior.as_deref(),
                lazy: from.lazy.unwrap_or(false),
                quorum: from.quorum.as_ref(),
                single_active_consumer: from.single_active_consumer.unwrap_or(false),
            },
            auto_bind_dlq: from.auto_bind_dlq.unwrap_or(false),
            dlq_name: from.dead_letter_queue_name.as_deref(),
            dlx: from.dead_letter_exchange.as_deref(),
            dlx_type: from.dead_letter_exchange_type.unwrap_or(ExchangeType::Direct),
            declare_dlx: from.declare_dlx.unwrap_or(true),
            dlq_key: from.dead_letter_routing_key.as_deref(),
            dlq_limits: Limits {
                ttl: from.dlq_ttl,
                expires: from.dlq_expires,
                max_length: from.dlq_max_length,
                max_length_bytes: from.dlq_max_length_bytes,
                max_priority: from.dlq_max_priority,
                overflow: from.dlq_overflow_behavior.as_deref(),
                lazy: from.dlq_lazy.unwrap_or(false),
                quorum: from.dlq_quorum.as_ref(),
                single_active_consumer: from.dlq_single_active_consumer.unwrap_or(false),
            },
            dlq_dlx: from.dlq_dead_letter_exchange.as_deref(),
            dlq_dlx_key: from.dlq_dead_letter_routing_key.as_deref(),
            dlq_binding_arguments: from.dlq_binding_arguments.as_ref(),
        }
    }};
}

impl<'a> Queues<'a> {
    pub(super) fn of_input(consumer: &'a Consumer) -> Self {
        let mut queues = of!(consumer);
        let older = consumer.queue_max_priority.filter(|priority| *priority > 0);
        queues.limits.max_priority = queues.limits.max_priority.or(older);
        queues
    }

    pub(super) fn of_output(producer: &'a Producer) -> Self {
        of!(producer)
    }

    pub(super) fn exchange_name(&self, destination: &str) -> String {
        format!("{}{destination}", self.prefix)
    }

    /// The queue of a group, without its partition.
    pub(super) fn name(&self, destination: &str, group: &str) -> String {
        if self.group_only {
            return format!("{}{group}", self.prefix);
        }
        format!("{}{destination}.{group}", self.prefix)
    }

    pub(super) fn exchange(&self, destination: &str, mut arguments: Arguments, to: &mut Vec<Declaration>) {
        if !self.declare_exchange {
            return;
        }
        let mut kind = self.exchange_type.as_str();
        if self.delayed_exchange {
            arguments.insert("x-delayed-type".to_owned(), text(kind));
            kind = DELAYED;
        }
        to.push(Declaration::Exchange {
            name: self.exchange_name(destination),
            kind: kind.to_owned(),
            durable: self.exchange_durable,
            auto_delete: self.exchange_auto_delete,
            arguments,
        });
    }

    /// The queue of a group or of one of its partitions.
    pub(super) fn queue(
        &self,
        name: &str,
        durable: bool,
        exclusive: bool,
        stream: bool,
        auto_delete: bool,
    ) -> Declaration {
        let mut arguments = self.limits.arguments();
        if stream {
            arguments.insert("x-queue-type".to_owned(), text("stream"));
        }
        if self.auto_bind_dlq {
            arguments.insert("x-dead-letter-exchange".to_owned(), text(&self.dlx()));
            let key = self.dlq_key.unwrap_or(name);
            arguments.insert("x-dead-letter-routing-key".to_owned(), text(key));
        }
        Declaration::Queue { name: name.to_owned(), durable, exclusive, auto_delete, arguments }
    }

    /// Declares a queue and binds it with every key it has.
    pub(super) fn bound(
        &self,
        declared: Declaration,
        queue: &str,
        destination: &str,
        partition: Option<u32>,
        to: &mut Vec<Declaration>,
    ) {
        if !self.bind_queue {
            return;
        }
        to.push(declared);
        let exchange = self.exchange_name(destination);
        for key in self.keys(destination, partition) {
            to.push(binding(queue, &exchange, &key, table(self.binding_arguments)));
        }
    }

    fn keys(&self, destination: &str, partition: Option<u32>) -> Vec<String> {
        if matches!(self.exchange_type, ExchangeType::Fanout | ExchangeType::Headers) {
            return vec![String::new()];
        }
        let written = match (self.key, self.delimiter) {
            (Some(keys), Some(delimiter)) if !delimiter.is_empty() => keys.split(delimiter).collect(),
            (Some(key), _) => vec![key],
            (None, _) if partition.is_some() => vec![destination],
            (None, _) => vec!["#"],
        };
        written
            .into_iter()
            .map(|key| partition.map_or_else(|| key.to_owned(), |index| format!("{key}-{index}")))
            .collect()
    }

    /// Exchange, queue and bindings of the dead letters of one queue; `base` is the name of all its partitions.
    pub(super) fn dead_letters(
        &self,
        base: &str,
        queue: &str,
        extra: Option<&str>,
        to: &mut Vec<Declaration>,
    ) {
        if !self.auto_bind_dlq {
            return;
        }
        let name = self.dlq(base);
        let dlx = self.dlx();
        let mut arguments = self.dlq_limits.arguments();
        if let Some(exchange) = self.dlq_dlx {
            arguments.insert("x-dead-letter-exchange".to_owned(), text(exchange));
        }
        if let Some(key) = self.dlq_dlx_key {
            arguments.insert("x-dead-letter-routing-key".to_owned(), text(key));
        }
        to.push(Declaration::Queue {
            name: name.clone(),
            durable: true,
            exclusive: false,
            auto_delete: false,
            arguments,
        });
        if self.declare_dlx {
            to.push(Declaration::Exchange {
                name: dlx.clone(),
                kind: self.dlx_type.as_str().to_owned(),
                durable: true,
                auto_delete: false,
                arguments: Arguments::new(),
            });
        }
        let key = self.dlq_key.unwrap_or(queue);
        to.push(binding(&name, &dlx, key, table(self.dlq_binding_arguments)));
        if let Some(extra) = extra.filter(|extra| self.dlq_key.is_none() && *extra != queue) {
            to.push(binding(&name, &dlx, extra, table(self.dlq_binding_arguments)));
        }
    }

    /// The queue of the dead letters of a queue; `base` is the name of all its partitions.
    pub(super) fn dlq(&self, base: &str) -> String {
        self.dlq_name.map_or_else(|| format!("{base}.dlq"), str::to_owned)
    }

    pub(super) fn dlx(&self) -> String {
        self.dlx.map_or_else(|| format!("{}DLX", self.prefix), str::to_owned)
    }
}

impl Limits<'_> {
    fn arguments(&self) -> Arguments {
        let mut arguments = Arguments::new();
        let mut put = |name: &str, value: Option<Argument>| {
            arguments.extend(value.map(|value| (name.to_owned(), value)));
        };
        put("x-message-ttl", self.ttl.map(Argument::Number));
        put("x-expires", self.expires.map(Argument::Number));
        put("x-max-length", self.max_length.map(Argument::Number));
        put("x-max-length-bytes", self.max_length_bytes.map(Argument::Number));
        put("x-max-priority", self.max_priority.map(Argument::Number));
        put("x-overflow", self.overflow.map(text));
        put("x-queue-mode", self.lazy.then(|| text("lazy")));
        put("x-single-active-consumer", self.single_active_consumer.then_some(Argument::Truth(true)));
        if let Some(quorum) = self.quorum.filter(|quorum| quorum.enabled) {
            put("x-queue-type", Some(text("quorum")));
            put("x-quorum-initial-group-size", quorum.initial_group_size.map(Argument::Number));
            put("x-delivery-limit", quorum.delivery_limit.map(Argument::Number));
        }
        arguments
    }
}

fn table(written: Option<&BTreeMap<String, String>>) -> Arguments {
    written.into_iter().flatten().map(|(name, value)| (name.clone(), text(value))).collect()
}

fn text(value: &str) -> Argument {
    Argument::Text(value.to_owned())
}
