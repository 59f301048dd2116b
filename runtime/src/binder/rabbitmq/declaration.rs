//! What is declared on the broker, as data.

use std::collections::BTreeMap;

/// The kind of an exchange that holds messages back.
pub(super) const DELAYED: &str = "x-delayed-message";

/// One thing to declare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Declaration {
    /// An exchange.
    Exchange {
        /// Its name.
        name: String,
        /// How it routes.
        kind: String,
        /// Whether it survives a restart of the broker.
        durable: bool,
        /// Whether it goes with its last queue.
        auto_delete: bool,
        /// The rest.
        arguments: Arguments,
    },
    /// An exchange that somebody else declares and that must be there.
    Expected {
        /// Its name.
        exchange: String,
    },
    /// A queue.
    Queue {
        /// Its name.
        name: String,
        /// Whether it survives a restart of the broker.
        durable: bool,
        /// Whether it belongs to this connection alone.
        exclusive: bool,
        /// Whether it goes with its last consumer.
        auto_delete: bool,
        /// The rest.
        arguments: Arguments,
    },
    /// A binding of a queue to an exchange.
    Binding {
        /// The queue.
        queue: String,
        /// The exchange.
        exchange: String,
        /// The routing key.
        key: String,
        /// The rest.
        arguments: Arguments,
    },
}

/// Arguments of a declaration. The broker compares them: not one more, not one less, with these very types.
pub type Arguments = BTreeMap<String, Argument>;

/// The value of an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// A long string.
    Text(String),
    /// A 32-bit number.
    Number(i32),
    /// A truth value.
    Truth(bool),
}

/// A queue bound to an exchange.
pub(super) fn binding(queue: &str, exchange: &str, key: &str, arguments: Arguments) -> Declaration {
    let (queue, exchange, key) = (queue.to_owned(), exchange.to_owned(), key.to_owned());
    Declaration::Binding { queue, exchange, key, arguments }
}
