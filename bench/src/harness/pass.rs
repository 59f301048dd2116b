//! One pass of a contestant over messages on a broker: how fast it is, and what that takes.

use std::time::{Duration, Instant};

use super::account::Account;
use super::brokers::Ends;
use super::contestants::Entry;
use super::process::Process;
use crate::Failure;
use crate::story::FIRST;

/// How often the broker is asked how many outputs there are.
const LOOK: Duration = Duration::from_millis(20);
/// How long a contestant has until its first output, and from one output to the next.
const PATIENCE: Duration = Duration::from_secs(60);

/// How much there is to do. What comes first ends the warm-up, and the pass.
#[derive(Debug, Clone, Copy)]
pub struct Amount {
    /// Messages, a third of them to warm up; none for a contestant that makes its own.
    pub messages: Option<u64>,
    /// How long to warm up at most.
    pub warm_up: Duration,
    /// How long to measure at most.
    pub time: Duration,
}

/// What a pass has shown.
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    /// Outputs per second.
    pub per_second: f64,
    /// Processor time per output, in microseconds.
    pub micros: f64,
    /// The most memory, in bytes.
    pub memory: u64,
    /// Outputs that came more than once.
    pub twice: usize,
}

/// What is looked at from outside.
struct Look {
    at: Instant,
    outputs: u64,
    used: Duration,
}

/// Lets a contestant do a piece of work with ends that are empty.
///
/// # Errors
/// When it fails, or has lost a message.
pub fn pass(entry: &Entry, work: &str, ends: &mut dyn Ends, amount: Amount) -> Result<Shown, Failure> {
    if let Some(messages) = amount.messages {
        ends.fill(messages)?;
    }
    let mut process = entry.start(work, ends.environment())?;
    let most = amount.messages.unwrap_or(u64::MAX);
    let first = until(&mut process, ends, |look| look.outputs > 0)?;
    let warm = until(&mut process, ends, |look| {
        look.outputs >= most / 3 || look.at.duration_since(first.at) >= amount.warm_up
    })?;
    let last = until(&mut process, ends, |look| {
        look.outputs >= most || look.at.duration_since(warm.at) >= amount.time
    })?;
    let memory = process.memory("VmHWM")?;
    process.stop()?;
    let counted = ends.count()?.max(1) as f64;
    let came_out = ends.outputs()?;
    let account = settle(ends, amount, &came_out)?;
    if account.lost > 0 || account.strange > 0 {
        return Err(format!("{} messages lost, {} nobody sent", account.lost, account.strange).into());
    }
    // Where there are transactions, some of what the broker counts are their marks.
    let outputs = (last.outputs - warm.outputs) as f64 * (came_out.len() as f64 / counted);
    Ok(Shown {
        per_second: outputs / (last.at - warm.at).as_secs_f64(),
        micros: (last.used - warm.used).as_secs_f64() * 1e6 / outputs,
        memory,
        twice: account.twice,
    })
}

/// Looks until it is enough.
fn until(
    process: &mut Process,
    ends: &mut dyn Ends,
    enough: impl Fn(&Look) -> bool,
) -> Result<Look, Failure> {
    let (mut seen, mut since) = (0, Instant::now());
    loop {
        let (outputs, at) = (ends.count()?, Instant::now());
        process.check()?;
        let look = Look { at, outputs, used: process.processor_time()? };
        if enough(&look) {
            return Ok(look);
        }
        if outputs > seen {
            (seen, since) = (outputs, at);
        } else if since.elapsed() > PATIENCE {
            return Err(
                format!("nothing came out for {} s, after {outputs} messages", PATIENCE.as_secs()).into()
            );
        }
        std::thread::sleep(LOOK);
    }
}

/// Compares what came out with what was to be done.
fn settle(ends: &mut dyn Ends, amount: Amount, came_out: &[u64]) -> Result<Account, Failure> {
    Ok(match amount.messages {
        Some(messages) => Account::of(FIRST..FIRST + messages, came_out, &ends.to_be_done()?),
        // Those that it made itself are numbered without gaps.
        None => Account::of(FIRST..=came_out.iter().copied().max().unwrap_or(FIRST), came_out, &[]),
    })
}
