//! One pass over a topic in a process of its own, and what it has cost.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

use super::{Cluster, bare, ours};
use crate::Failure;

/// Who passes the messages through the functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// A loop written by hand.
    Bare,
    /// Bindings.
    Ours,
    /// Bindings that work in transactions.
    Exact,
}

/// A pass over a topic.
#[derive(Debug, Clone)]
pub struct Pass {
    /// Who does it.
    pub side: Side,
    /// Where.
    pub cluster: Cluster,
    /// The group that reads.
    pub group: String,
    /// How many messages to pass; then it ends.
    pub messages: u64,
    /// How long a message waits for others, in milliseconds; without one, as each side has it when nothing is said.
    pub linger: Option<u32>,
}

/// What a pass over all messages has cost.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// Of the whole process.
    pub cpu: Duration,
    /// From the first message received to the last one confirmed.
    pub wall: Duration,
    /// How many messages went through.
    pub messages: u64,
    /// The most memory that was resident, in bytes.
    pub memory: u64,
}

impl Pass {
    /// The pass that the arguments of a process describe.
    ///
    /// # Errors
    /// When they do not.
    pub fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut next = || arguments.next().ok_or("an argument is missing");
        let side = next()?.parse()?;
        let cluster = Cluster { address: next()?, from: next()?, to: next()? };
        let (group, messages) = (next()?, next()?.parse()?);
        let linger = arguments.next().map(|linger| linger.parse()).transpose()?;
        Ok(Self { side, cluster, group, messages, linger })
    }

    /// Does it here and prints what it has cost for whoever [started](Self::start) the process.
    ///
    /// # Errors
    /// When the broker or a message fails.
    #[expect(clippy::print_stdout, reason = "printing is how the process answers")]
    pub fn run(&self) -> Result<(), Failure> {
        let cost = match self.side {
            Side::Bare => bare::run(self)?,
            Side::Ours | Side::Exact => ours::run(self)?,
        };
        println!("{} {} {} {}", cost.cpu.as_nanos(), cost.wall.as_nanos(), cost.messages, cost.memory);
        Ok(())
    }

    /// Starts it in a process of its own.
    ///
    /// # Errors
    /// When the process cannot be started.
    pub fn start(&self) -> Result<Child, Failure> {
        let Cluster { address, from, to } = &self.cluster;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["pass", self.side.name(), address, from, to, &self.group, &self.messages.to_string()]);
        command.args(self.linger.map(|linger| linger.to_string()));
        Ok(command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?)
    }

    /// Does it in a process of its own.
    ///
    /// # Errors
    /// When the process fails.
    pub fn measure(&self) -> Result<Cost, Failure> {
        let output = self.start()?.wait_with_output()?;
        if !output.status.success() {
            return Err(format!("the pass of `{}` has failed: {}", self.side.name(), output.status).into());
        }
        let text = String::from_utf8(output.stdout)?;
        let mut numbers = text.split_whitespace().map(str::parse::<u64>);
        let mut next = || -> Result<u64, Failure> { Ok(numbers.next().ok_or("a number is missing")??) };
        let (cpu, wall) = (Duration::from_nanos(next()?), Duration::from_nanos(next()?));
        Ok(Cost { cpu, wall, messages: next()?, memory: next()? })
    }
}

impl Side {
    const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Ours => "ours",
            Self::Exact => "exact",
        }
    }
}

impl FromStr for Side {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let all = [Self::Bare, Self::Ours, Self::Exact];
        let found = all.into_iter().find(|side| side.name() == text);
        found.ok_or_else(|| format!("`{text}` is no side, expected `bare`, `ours` or `exact`").into())
    }
}

impl Cost {
    /// Processor time of the process per message, in µs.
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

/// Starts with the first message.
#[derive(Debug)]
pub(super) struct Clocks {
    cpu: Duration,
    wall: Instant,
}

impl Clocks {
    pub(super) fn start() -> Result<Self, Failure> {
        Ok(Self { cpu: cpu()?, wall: Instant::now() })
    }

    pub(super) fn stop(self, messages: u64) -> Result<Cost, Failure> {
        let (cpu, wall) = (cpu()?.saturating_sub(self.cpu), self.wall.elapsed());
        Ok(Cost { cpu, wall, messages, memory: peak()? })
    }
}

/// Processor time of the threads of this process, exact to the nanosecond.
fn cpu() -> Result<Duration, Failure> {
    let mut nanoseconds = 0;
    for task in fs::read_dir("/proc/self/task")? {
        let times = fs::read_to_string(task?.path().join("schedstat"))?;
        let running = times.split_whitespace().next().ok_or("an empty schedstat")?;
        nanoseconds += running.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// The most memory that was resident so far.
fn peak() -> Result<u64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no `VmHWM`")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}
