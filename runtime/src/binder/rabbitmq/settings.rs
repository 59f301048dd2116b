//! What a binding may say about its exchange, its queues and its dead letters: Spring's names, Spring's defaults.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected};

pub use super::stream::StreamOffset;
use crate::config::human;
use crate::expression::{Expression, NumberExpression};

/// How an exchange routes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ExchangeType {
    /// By patterns of the routing key.
    #[default]
    Topic,
    /// By the exact routing key.
    Direct,
    /// To every queue.
    Fanout,
    /// By headers.
    Headers,
}

/// Whether a message survives a restart of the broker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DeliveryMode {
    /// It does, in a durable queue.
    #[default]
    Persistent,
    /// It does not.
    NonPersistent,
}

/// When the broker forgets a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AcknowledgeMode {
    /// When its function is done and its outputs are confirmed.
    #[default]
    Auto,
    /// As soon as it is sent: a failure loses it.
    None,
}

/// How a queue is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ContainerType {
    /// As a queue; Spring's default.
    #[default]
    Simple,
    /// As a queue; Spring reads it with other threads, which makes no difference here.
    Direct,
    /// As a stream: the queue is declared as one.
    Stream,
}

/// Reads one of a few words; case does not matter, `_` and `-` are one.
macro_rules! words {
    ($type:ident { $($word:literal => $variant:ident),* $(,)? } $($note:literal)?) => {
        impl $type {
            /// The word that configuration and broker use.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                match text.to_ascii_lowercase().replace('_', "-").as_str() {
                    $($word => Ok(Self::$variant),)*
                    _ => {
                        let expected = [$(concat!("`", $word, "`")),*].join(", ") $(+ "; " + $note)?;
                        Err(D::Error::invalid_value(Unexpected::Str(&text), &expected.as_str()))
                    }
                }
            }
        }
    };
}

words!(ExchangeType { "topic" => Topic, "direct" => Direct, "fanout" => Fanout, "headers" => Headers });
words!(DeliveryMode { "persistent" => Persistent, "non-persistent" => NonPersistent });
words!(AcknowledgeMode { "auto" => Auto, "none" => None }
    "a function settles by what it returns, there is nothing to acknowledge by hand");
words!(ContainerType { "simple" => Simple, "direct" => Direct, "stream" => Stream });

/// Whether a queue is replicated, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Quorum {
    /// Whether the queue is a quorum queue.
    pub enabled: bool,
    /// On how many nodes it starts.
    pub initial_group_size: Option<i32>,
    /// After how many deliveries the broker gives a message up.
    pub delivery_limit: Option<i32>,
}

/// Where an exchange sends what it cannot route.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct AlternateExchange {
    /// Its name.
    pub name: Option<String>,
    /// Whether it exists, so that it is not declared.
    pub exists: bool,
    /// How it routes.
    #[serde(rename = "type")]
    pub kind: ExchangeType,
    /// A queue that collects everything it gets.
    pub binding: AlternateBinding,
}

/// The queue of an alternate exchange.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct AlternateBinding {
    /// Its name; without one, none is declared.
    pub queue: Option<String>,
    /// The key it is bound with; `#` unless given.
    pub routing_key: Option<String>,
}

/// Makes a struct of optional settings: the ones both ends have, and its own.
macro_rules! settings {
    ($(#[$doc:meta])* $name:ident { $($(#[$own:meta])* $field:ident: $type:ty,)* }) => {
        settings!(@all $(#[$doc])* $name {
            /// How the exchange routes; `topic` unless given.
            exchange_type: ExchangeType,
            /// Whether the exchange is declared; yes unless told otherwise.
            declare_exchange: bool,
            /// Whether the exchange survives a restart of the broker; yes unless told otherwise.
            exchange_durable: bool,
            /// Whether the exchange goes with its last queue.
            exchange_auto_delete: bool,
            /// Whether messages may be delayed by the header `x-delay`; the broker needs the plugin.
            delayed_exchange: bool,
            /// Whether a queue is named by its group alone.
            queue_name_group_only: bool,
            /// Whether the queue is declared and bound; yes unless told otherwise.
            bind_queue: bool,
            /// The key of the binding; `#`, or the destination where there are partitions, unless given.
            binding_routing_key: String,
            /// What separates several keys in `binding-routing-key`.
            binding_routing_key_delimiter: String,
            /// Arguments of the binding, for an exchange that routes by headers.
            queue_binding_arguments: BTreeMap<String, String>,
            /// After how many milliseconds a message expires (`x-message-ttl`).
            ttl: i32,
            /// After how many idle milliseconds the queue is removed (`x-expires`).
            expires: i32,
            /// How many messages the queue holds (`x-max-length`).
            max_length: i32,
            /// How many bytes the queue holds (`x-max-length-bytes`).
            max_length_bytes: i32,
            /// The highest priority that the queue knows (`x-max-priority`).
            max_priority: i32,
            /// What happens when the queue is full (`x-overflow`).
            overflow_behavior: String,
            /// Whether messages are kept on disk (`x-queue-mode=lazy`).
            lazy: bool,
            /// Whether the queue is replicated.
            quorum: Quorum,
            /// Whether one consumer at a time reads the queue.
            single_active_consumer: bool,
            /// Whether dead letters get an exchange and a queue.
            auto_bind_dlq: bool,
            /// The queue of the dead letters; `<destination>.<group>.dlq` unless given.
            dead_letter_queue_name: String,
            /// The exchange of the dead letters; `DLX` unless given.
            dead_letter_exchange: String,
            /// How that exchange routes; `direct` unless given.
            dead_letter_exchange_type: ExchangeType,
            /// Whether that exchange is declared; yes unless told otherwise.
            declare_dlx: bool,
            /// The key of dead letters; the queue's name unless given.
            dead_letter_routing_key: String,
            /// As `ttl`, for the queue of the dead letters.
            dlq_ttl: i32,
            /// As `expires`, for the queue of the dead letters.
            dlq_expires: i32,
            /// As `max-length`, for the queue of the dead letters.
            dlq_max_length: i32,
            /// As `max-length-bytes`, for the queue of the dead letters.
            dlq_max_length_bytes: i32,
            /// As `max-priority`, for the queue of the dead letters.
            dlq_max_priority: i32,
            /// As `overflow-behavior`, for the queue of the dead letters.
            dlq_overflow_behavior: String,
            /// As `lazy`, for the queue of the dead letters.
            dlq_lazy: bool,
            /// As `quorum`, for the queue of the dead letters.
            dlq_quorum: Quorum,
            /// As `single-active-consumer`, for the queue of the dead letters.
            dlq_single_active_consumer: bool,
            /// Where what the queue of the dead letters gives up goes; empty for the default exchange.
            dlq_dead_letter_exchange: String,
            /// With which key.
            dlq_dead_letter_routing_key: String,
            /// Arguments of the binding of the dead letters.
            dlq_binding_arguments: BTreeMap<String, String>,
            /// What every name of an exchange and a queue begins with.
            prefix: String,
            $($(#[$own])* $field: $type,)*
        });
    };
    (@all $(#[$doc:meta])* $name:ident { $($(#[$meta:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
        #[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
        pub struct $name {
            $($(#[$meta])* pub $field: Option<$type>,)*
        }

        impl $name {
            /// These settings, and those of `below` where these say nothing.
            #[must_use]
            pub fn over(&self, below: &Self) -> Self {
                Self { $($field: self.$field.clone().or_else(|| below.$field.clone()),)* }
            }
        }
    };
}

/// A time as people write it: `5s`, or a number of milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Wait(#[serde(deserialize_with = "human::duration")] pub Duration);

settings! {
    /// `stream.rabbitmq.bindings.<binding>.consumer.*`
    Consumer {
        /// When the broker forgets a message: `auto`, when its function is done, or `none`, as soon as it is sent.
        acknowledge_mode: AcknowledgeMode,
        /// Which headers reach the function: names, `*` for any text, `!` before a name that does not; all unless given.
        header_patterns: Vec<String>,
        /// The wait before every attempt to read again after the connection or the queue was lost; one that grows,
        /// from `reconnect-initial-interval` to `reconnect-max-interval`, unless given.
        recovery_interval: Wait,
        /// Whether the binding ends when its queue cannot be read any more, instead of trying for ever.
        missing_queues_fatal: bool,
        /// How many more times it is tried at start to read a queue that the broker refuses; 0 unless given.
        queue_declaration_retries: u32,
        /// The wait before each of them; 5s unless given.
        failed_declaration_retry_interval: Wait,
        /// The highest priority that the queue knows (`x-max-priority`); `max-priority` by an older name.
        queue_max_priority: i32,
        /// Where a stream is read from when the application starts: `first`, `last`, `next`, an offset, a time or an
        /// interval such as `1h`; `next` unless given.
        stream_offset: StreamOffset,
        /// How many deliveries the broker hands out before the first is settled; 250 unless given.
        prefetch: u16,
        /// Whether the queue of a group survives a restart and the end of its members; yes unless told otherwise.
        durable_subscription: bool,
        /// Whether nobody else may read the queue.
        exclusive: bool,
        /// Before whom the broker serves this consumer (`x-priority`); -1 for no preference.
        consumer_priority: i32,
        /// What the consumer's tag begins with; the broker names it unless given.
        consumer_tag_prefix: String,
        /// What the queue of an anonymous group begins with, behind its destination; `anonymous.` unless given.
        anonymous_group_prefix: String,
        /// How the queue is read.
        container_type: ContainerType,
        /// Whether a delivery that is given up is sent to the dead letters with headers that say why; yes with
        /// `auto-bind-dlq` unless told otherwise. When not, the broker moves it, unchanged.
        republish_to_dlq: bool,
        /// Whether such a dead letter survives a restart of the broker; yes unless told otherwise.
        republish_delivery_mode: DeliveryMode,
        /// How many bytes of a frame the error in a dead letter leaves to the rest; 20000 unless given.
        frame_max_headroom: u32,
        /// Whether a delivery that is given up and not sent to the dead letters comes again, for ever.
        requeue_rejected: bool,
    }
}

settings! {
    /// `stream.rabbitmq.bindings.<binding>.producer.*`
    Producer {
        /// The routing key; the destination unless given.
        routing_key: String,
        /// The routing key of each message; a partition stands behind it.
        routing_key_expression: Expression,
        /// How many milliseconds a delayed exchange keeps a message back.
        delay_expression: NumberExpression,
        /// Whether messages survive a restart of the broker; yes unless told otherwise.
        delivery_mode: DeliveryMode,
        /// Whether payloads are packed with gzip.
        compress: bool,
        /// Which headers are sent: names, `*` for any text, `!` before a name that is not; all unless given.
        header_patterns: Vec<String>,
        /// Where the exchange sends what it cannot route.
        alternate_exchange: AlternateExchange,
        /// Whether a message that no queue takes counts as sent.
        allow_unroutable: bool,
    }
}

impl Producer {
    /// Whether the broker is to give back what no queue takes. An exchange that holds messages back has no queue for them
    /// when they are sent: it would give back what it delivers later.
    pub(super) fn is_mandatory(&self) -> bool {
        !self.allow_unroutable.unwrap_or(false) && !self.delayed_exchange.unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_queue_takes_comes_back_unless_that_is_allowed_or_cannot_be_known() {
        let plain = Producer::default();
        assert!(plain.is_mandatory());
        assert!(!Producer { allow_unroutable: Some(true), ..plain.clone() }.is_mandatory());
        assert!(!Producer { delayed_exchange: Some(true), ..plain }.is_mandatory());
    }
}
