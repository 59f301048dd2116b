//! Names of headers: facts of a record that was received, and what a message has to say of the record to be sent.

/// The topic that a record came from.
pub(super) const RECEIVED_TOPIC: &str = "kafka_receivedTopic";
/// Its partition there.
pub(super) const RECEIVED_PARTITION: &str = "kafka_receivedPartitionId";
/// Its key.
pub(super) const RECEIVED_KEY: &str = "kafka_receivedMessageKey";
/// Its place in the partition.
pub(super) const OFFSET: &str = "kafka_offset";
/// When it was made or appended, in milliseconds since 1970.
pub(super) const TIMESTAMP: &str = "kafka_receivedTimestamp";
/// Which of the two: `CREATE_TIME` or `LOG_APPEND_TIME`.
pub(super) const TIMESTAMP_TYPE: &str = "kafka_timestampType";
/// The group that received it.
pub(super) const GROUP: &str = "kafka_groupId";

/// The topic to write to, for outputs that let their messages choose.
pub(super) const TOPIC: &str = "kafka_topic";
/// The partition to write to, for those who set it as Spring applications do.
pub(super) const PARTITION: &str = "kafka_partitionId";
/// The record's key, for those who set it as Spring applications do; bytes or text.
pub(super) const KEY: &str = "kafka_messageKey";

/// On the wire, names the Java class of every header that is not plain bytes.
pub(super) const TYPES: &str = "spring_json_header_types";
/// The types of headers that are nothing but a content type.
pub(super) const TYPES_OF_PLAIN: &[u8] = b"{\"contentType\":\"java.lang.String\"}";

/// Whether a name may be that of a fact.
pub(super) fn is_fact(name: &str) -> bool {
    name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("kafka_"))
        && !matches!(name, KEY | PARTITION)
}

/// Whether a name is that of the record's key. The key prevails over headers that pose as it.
pub(super) fn is_received_key(name: &str) -> bool {
    name.eq_ignore_ascii_case(RECEIVED_KEY)
}

/// Whether text of this name goes unlisted among the types, as trace headers do.
pub(super) fn is_always_text(name: &str) -> bool {
    matches!(name, "b3" | "traceparent" | "kafka_listenerInfo") || name.starts_with("X-B3-")
}
