//! Kafka end to end: consume, decode, call, encode, produce, commit; ours and by hand, on the same broker.

mod bare;
mod cluster;
mod ours;

use std::time::{Duration, Instant};

pub use bare::run as bare;
pub use cluster::Cluster;
pub use ours::run as ours;

use crate::Failure;

/// How many partitions the topics have.
pub const PARTITIONS: i32 = 4;

/// What a pass over all messages has cost.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// Of the whole process.
    pub cpu: Duration,
    /// From the first message to the last commit.
    pub wall: Duration,
    /// How many messages went through.
    pub messages: u64,
}

impl Cost {
    /// CPU µs of the process per message.
    #[must_use]
    pub fn cpu_per_message(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.messages as f64
    }

    /// Messages per second.
    #[must_use]
    pub fn throughput(&self) -> f64 {
        self.messages as f64 / self.wall.as_secs_f64()
    }
}

/// Starts the clocks.
#[derive(Debug)]
struct Clocks {
    cpu: Duration,
    wall: Instant,
}

impl Clocks {
    fn start() -> Result<Self, Failure> {
        Ok(Self { cpu: cpu()?, wall: Instant::now() })
    }

    fn stop(self, messages: u64) -> Result<Cost, Failure> {
        Ok(Cost { cpu: cpu()?.saturating_sub(self.cpu), wall: self.wall.elapsed(), messages })
    }
}

/// CPU time of this process so far: ticks of 10 ms, the unit of every Linux.
fn cpu() -> Result<Duration, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let behind_name = stat.rsplit_once(')').ok_or("no name in /proc/self/stat")?.1;
    let mut times = behind_name.split_whitespace().skip(11);
    let mut tick =
        || -> Result<u64, Failure> { Ok(times.next().ok_or("no times in /proc/self/stat")?.parse()?) };
    Ok(Duration::from_millis((tick()? + tick()?) * 10))
}
