//! What Wellspring costs, each figure beside the same work written by hand. See `README.md` for how to read them.

pub mod consumed;
pub mod counted;
pub mod counting_allocator;
pub mod growth;
pub mod instructions;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod limits;
pub mod memory;
pub mod process;
#[cfg(feature = "rabbitmq")]
pub mod rabbitmq;
mod row;
pub mod story;
pub mod web;

pub use row::Row;

/// What a measurement may fail with.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
