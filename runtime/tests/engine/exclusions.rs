//! What a binder answers otherwise on purpose, as data.

use crate::world::id;

/// A row that is not so on a binder.
pub(crate) struct Exclusion {
    /// The binder's name.
    pub(crate) binder: &'static str,
    /// The id of the row.
    pub(crate) id: &'static str,
    /// Why, in one line.
    pub(crate) reason: &'static str,
}

/// AMQP has no keys.
const NO_KEYS: &str = "AMQP knows no keys: deliveries without one are in order with no other";

/// The memory binder is in the process.
const NO_WIRE: &str = "there is no connection that could be cut";

/// Every exclusion.
pub(crate) const EXCLUSIONS: &[Exclusion] = &[
    Exclusion { binder: "memory", id: "E2B", reason: NO_WIRE },
    Exclusion { binder: "memory", id: "E4B", reason: NO_WIRE },
    Exclusion { binder: "memory", id: "E5B", reason: NO_WIRE },
    Exclusion {
        binder: "rabbitmq",
        id: "B6B",
        reason: "while a message is open, up to 64 acknowledgements wait to be told together",
    },
    Exclusion { binder: "rabbitmq", id: "D8", reason: NO_KEYS },
    Exclusion { binder: "rabbitmq", id: "D13", reason: NO_KEYS },
];

/// Why a row is not so on a binder.
pub(crate) fn reason(binder: &str, name: &str) -> Option<&'static str> {
    let row = id(name);
    EXCLUSIONS.iter().find(|one| one.binder == binder && one.id == row).map(|one| one.reason)
}
