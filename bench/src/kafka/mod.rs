//! Kafka end to end: consume, decode, call, encode, produce, commit; ours and by hand, on the same broker.
//!
//! Each pass is a process of its own, so that its processor time and its memory are its own.

mod bare;
mod cluster;
mod latency;
mod ours;
mod pass;

pub use cluster::Cluster;
pub use latency::{Latencies, latencies};
pub use pass::{Cost, Pass, Side};

/// How many partitions the topics have.
pub const PARTITIONS: i32 = 4;
