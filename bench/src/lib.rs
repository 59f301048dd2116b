//! What Wellspring costs, each figure beside the same work written by hand. See `README.md` for how to read them.

pub mod consumed;
#[cfg(all(feature = "kafka", feature = "rabbitmq"))]
pub mod contestant;
pub mod counted;
pub mod counting_allocator;
pub mod ending;
pub mod growth;
pub mod harness;
pub mod instructions;
pub mod limits;
pub mod memory;
pub mod report;
pub mod story;

/// What a measurement may fail with.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
