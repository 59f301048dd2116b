//! The conformance suite on every binder of this crate, and on binders that are broken on purpose.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect")]

#[path = "conformance/broken.rs"]
mod broken;
#[cfg(feature = "kafka")]
#[path = "conformance/kafka.rs"]
mod kafka;
#[path = "conformance/memory.rs"]
mod memory;
#[cfg(feature = "rabbitmq")]
#[path = "conformance/rabbitmq.rs"]
mod rabbitmq;
#[cfg(any(feature = "kafka", feature = "rabbitmq"))]
#[path = "support/skip.rs"]
mod skip;

mod on_memory {
    wellspring::conformance!(Some(crate::memory::MemoryUnderTest::default()));
}

#[cfg(feature = "kafka")]
mod on_kafka {
    wellspring::conformance!(crate::kafka::KafkaUnderTest::find());
}

#[cfg(feature = "rabbitmq")]
mod on_rabbitmq {
    wellspring::conformance!(crate::rabbitmq::RabbitUnderTest::find());
}
