//! What a binder can promise.

/// What a binder can promise. A configuration that asks for more is refused at start, with the name of what is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a list of independent promises")]
pub struct Capabilities {
    /// Members of a group share its messages, and every group gets its own copy.
    pub groups: bool,
    /// Messages stay for a group while none of its members is there.
    pub durable_groups: bool,
    /// A destination can have several partitions, each in order.
    pub partitions: bool,
    /// Messages have keys, by which those of one key can be kept in order.
    pub keys: bool,
    /// A delivery can be given back and comes again.
    pub requeue: bool,
    /// A message whose payload is null can be told from an empty one.
    pub tombstones: bool,
}
