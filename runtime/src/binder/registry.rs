//! The binders that are linked into this program, by name.
#![expect(unsafe_code, reason = "a distributed slice places its elements in a linker section of their own")]

use linkme::distributed_slice;

use super::ErasedFactory;
use super::memory::MemoryFactory;

/// The binder types of this program. The memory binder is always among them; a crate with another adds it:
///
/// ```
/// use wellspring::binder::{BINDERS, ErasedFactory, memory::MemoryFactory};
///
/// // with a factory of your own in place of `MemoryFactory`
/// const MINE: ErasedFactory = ErasedFactory::of::<MemoryFactory>();
/// assert!(BINDERS.iter().any(|factory| factory.name == MINE.name));
/// ```
#[distributed_slice]
pub static BINDERS: [ErasedFactory];

#[distributed_slice(BINDERS)]
static MEMORY: ErasedFactory = ErasedFactory::of::<MemoryFactory>();

#[cfg(feature = "rabbitmq")]
#[distributed_slice(BINDERS)]
static RABBITMQ: ErasedFactory = ErasedFactory::of::<super::rabbitmq::RabbitMqFactory>();
#[cfg(feature = "kafka")]
#[distributed_slice(BINDERS)]
static KAFKA: ErasedFactory = ErasedFactory::of::<super::kafka::KafkaFactory>();

/// The linked binder types, by name.
#[must_use]
pub fn factories() -> Vec<&'static ErasedFactory> {
    let mut all: Vec<_> = BINDERS.iter().collect();
    all.sort_by_key(|factory| factory.name);
    all
}

/// A linked binder type by the name that configuration uses; Spring's `rabbit` is `rabbitmq`.
#[must_use]
pub fn factory(name: &str) -> Option<&'static ErasedFactory> {
    let name = if name == "rabbit" { "rabbitmq" } else { name };
    BINDERS.iter().find(|factory| factory.name == name)
}
