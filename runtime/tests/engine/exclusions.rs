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

/// Every exclusion.
pub(crate) const EXCLUSIONS: &[Exclusion] = &[Exclusion {
    binder: "rabbitmq",
    id: "D13",
    reason: "AMQP knows no keys: deliveries without one are in order with no other",
}];

/// Why a row is not so on a binder.
pub(crate) fn reason(binder: &str, name: &str) -> Option<&'static str> {
    let row = id(name);
    EXCLUSIONS.iter().find(|one| one.binder == binder && one.id == row).map(|one| one.reason)
}
