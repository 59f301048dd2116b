//! The contestants that are programs of this crate. What each is to do, it is told by the environment, as those in
//! `bench/contestants` are.

pub mod bare;
pub mod wellspring;

use crate::Failure;

/// What a contestant is told.
#[derive(Debug, Clone)]
pub struct Task {
    /// `http`, `kafka`, `rabbitmq`, or one of the last two followed by `-sender`.
    pub work: String,
    /// The broker, or where to listen.
    pub address: String,
    /// The topic or exchange that is read.
    pub input: String,
    /// The consumer group.
    pub group: String,
    /// The topic or exchange that is written.
    pub output: String,
    /// How many partitions the topics have.
    pub partitions: usize,
    /// Whether to use settings that the defaults are not.
    pub tuned: bool,
}

impl Task {
    /// Reads the variables `BENCH_*`.
    ///
    /// # Errors
    /// When one that every work needs is missing, or a number is none.
    pub fn from_environment() -> Result<Self, Failure> {
        let optional = |name: &str| std::env::var(format!("BENCH_{name}")).unwrap_or_default();
        let needed = |name: &str| match optional(name) {
            value if value.is_empty() => Err(format!("`BENCH_{name}` is not set")),
            value => Ok(value),
        };
        let partitions = optional("PARTITIONS");
        Ok(Self {
            work: needed("WORK")?,
            address: needed("ADDRESS")?,
            input: optional("INPUT"),
            group: optional("GROUP"),
            output: optional("OUTPUT"),
            partitions: if partitions.is_empty() { 1 } else { partitions.parse()? },
            tuned: optional("TUNED") == "true",
        })
    }
}
