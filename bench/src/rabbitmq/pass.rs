//! One pass of all messages through one side, in a process of its own, so that its CPU time and memory are its own.

use std::fmt;
use std::process::Stdio;
use std::str::FromStr;
use std::time::{Duration, Instant};

use super::{Broker, bare, ours};
use crate::Failure;

/// Who passes the messages on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// A loop by hand that handles what is there.
    Bare,
    /// The same loop, publishing on a connection of its own, as the runtime does.
    Apart,
    /// That loop, letting deliveries gather under load.
    Gathering,
    /// The runtime's bindings.
    Bindings,
}

impl Side {
    /// Every side, in the order in which they take turns.
    pub const ALL: [Self; 4] = [Self::Bare, Self::Apart, Self::Gathering, Self::Bindings];

    const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Apart => "apart",
            Self::Gathering => "gathering",
            Self::Bindings => "bindings",
        }
    }

    /// What the table calls it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Bare => "bare loop",
            Self::Apart => "bare loop, two connections",
            Self::Gathering => "… that gathers",
            Self::Bindings => "bindings",
        }
    }

    /// Starts a pass of so many messages in another process; it ends when all are acknowledged.
    ///
    /// # Errors
    /// When this program cannot be started again.
    pub fn start(self, broker: &Broker, messages: u32) -> Result<Running, Failure> {
        let mut command = tokio::process::Command::new(std::env::current_exe()?);
        command.args(["pass", self.name(), &messages.to_string(), &broker.from, &broker.to]);
        command.args([broker.uri.as_str(), &broker.prefetch.to_string()]);
        Ok(Running(command.stdout(Stdio::piped()).kill_on_drop(true).spawn()?))
    }

    /// Passes the messages on in this process.
    ///
    /// # Errors
    /// When the broker or a message fails.
    pub async fn run(self, broker: &Broker, messages: u32) -> Result<Cost, Failure> {
        match self {
            Self::Bare => bare::run(broker, messages, false, None).await,
            Self::Apart => bare::run(broker, messages, true, None).await,
            Self::Gathering => bare::run(broker, messages, true, Some(Duration::from_millis(1))).await,
            Self::Bindings => ours::run(broker, messages).await,
        }
    }
}

impl FromStr for Side {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let found = Self::ALL.into_iter().find(|side| side.name() == text);
        Ok(found.ok_or_else(|| format!("`{text}` is no side"))?)
    }
}

/// A pass that goes on elsewhere.
#[derive(Debug)]
pub struct Running(tokio::process::Child);

impl Running {
    /// Waits for its end.
    ///
    /// # Errors
    /// When it failed.
    pub async fn finish(self) -> Result<Cost, Failure> {
        let output = self.0.wait_with_output().await?;
        if !output.status.success() {
            return Err(format!("a pass ended with {}", output.status).into());
        }
        String::from_utf8(output.stdout)?.parse()
    }
}

/// What a pass has cost.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// CPU µs per message of the whole process, from the first delivery to the last acknowledgement.
    pub cpu: f64,
    /// Messages per second.
    pub throughput: f64,
    /// The most memory that was resident, in MB.
    pub memory: f64,
    /// How often one of its threads was switched to, per message.
    pub switches: f64,
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.cpu, self.throughput, self.memory, self.switches)
    }
}

impl FromStr for Cost {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let mut figures = text.split_whitespace().map(str::parse);
        let mut next = || figures.next().ok_or_else(|| format!("`{text}` is no cost"));
        Ok(Self { cpu: next()??, throughput: next()??, memory: next()??, switches: next()?? })
    }
}

/// Started with the first delivery.
pub(super) struct Clocks {
    cpu: Duration,
    wall: Instant,
    switches: f64,
}

impl Clocks {
    pub(super) fn start() -> Result<Self, Failure> {
        Ok(Self { cpu: cpu()?, wall: Instant::now(), switches: switches()? })
    }

    pub(super) fn stop(&self, messages: u32) -> Result<Cost, Failure> {
        let (cpu, wall) = (cpu()?.saturating_sub(self.cpu), self.wall.elapsed());
        let messages = f64::from(messages);
        Ok(Cost {
            cpu: cpu.as_secs_f64() * 1e6 / messages,
            throughput: messages / wall.as_secs_f64(),
            memory: peak_memory()?,
            switches: (switches()? - self.switches) / messages,
        })
    }
}

/// CPU time of this process so far, all threads: ticks of 10 ms, the unit of every Linux.
fn cpu() -> Result<Duration, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit_once(") ").ok_or("no name in /proc/self/stat")?.1;
    let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}

/// How often the threads of this process were switched to so far.
fn switches() -> Result<f64, Failure> {
    let mut sum = 0.0;
    for thread in std::fs::read_dir("/proc/self/task")? {
        let status = std::fs::read_to_string(thread?.path().join("status"))?;
        for line in status.lines().filter(|line| line.contains("ctxt_switches")) {
            sum += line.rsplit('\t').next().unwrap_or_default().parse::<f64>()?;
        }
    }
    Ok(sum)
}

fn peak_memory() -> Result<f64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no `VmHWM`")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
}
