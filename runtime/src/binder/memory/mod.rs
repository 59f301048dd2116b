//! The embedded binder: destinations in memory, with the same meaning as those of a broker.
//!
//! Every group of a destination gets its copy of each message; members of a group share them. With one partition the
//! members compete; with several, each partition belongs to one member at a time and stays in order. What a member
//! leaves unsettled goes back to its group. Queues are bounded: when one is full, senders wait. Messages sent before
//! any group exists wait, as many as one queue holds, for the first named group; more are refused as unroutable. Where
//! only anonymous groups read, the latest so many wait. A process that ends takes its messages with it.

mod destination;
mod group;
mod input;
mod output;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Deserialize;

use super::{
    Binder, Capabilities, Error, Factory, Input, InputSpec, Kind, Letters, LettersAt, Output, OutputSpec,
};
use destination::Destination;

/// The settings of the memory binder (`stream.memory.*`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// How many messages the queue of a group holds at most; senders wait while it is full.
    pub capacity: usize,
    /// How many partitions a destination has at least.
    pub partitions: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { capacity: 10_000, partitions: 1 }
    }
}

/// The embedded binder. Copies share their destinations.
#[derive(Clone)]
pub struct Memory {
    config: Config,
    destinations: Arc<Destinations>,
    members: Arc<AtomicU64>,
}

/// Every destination, by name.
#[derive(Default)]
struct Destinations(Mutex<HashMap<String, Arc<Destination>>>);

impl Drop for Destinations {
    /// What nobody has read ends with the binder; that is not to pass in silence.
    fn drop(&mut self) {
        let all = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        for (destination, unread) in all.iter().map(|(name, destination)| (name, destination.unread())) {
            if unread > 0 {
                tracing::warn!(destination, unread, "messages in memory end with the process");
            }
        }
    }
}

impl Memory {
    /// A binder with destinations of its own.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config, destinations: Arc::default(), members: Arc::default() }
    }

    fn destination(&self, name: &str, partitions: u32) -> Arc<Destination> {
        let mut all = self.destinations.0.lock().unwrap_or_else(PoisonError::into_inner);
        let destination = all
            .entry(name.to_owned())
            .or_insert_with(|| Arc::new(Destination::new(name, self.config.capacity)));
        destination.grow(partitions.max(self.config.partitions).max(1));
        Arc::clone(destination)
    }

    fn input(&self, spec: &InputSpec) -> Result<Box<dyn Input>, Error> {
        let member = self.members.fetch_add(1, Ordering::Relaxed);
        let joined = spec.destinations.iter().map(|name| {
            let name = check_name(name)?;
            let destination = self.destination(name, 1);
            let group = match &spec.group {
                Some(group) => destination.group(group),
                None => destination.anonymous_group(&format!("anonymous.{member}")),
            };
            Ok((destination, group))
        });
        let joined = joined.collect::<Result<Vec<_>, Error>>()?;
        Ok(Box::new(input::MemoryInput::new(member, joined, spec)))
    }

    fn output(&self, spec: &OutputSpec) -> Result<Box<dyn Output>, Error> {
        let destination = self.destination(check_name(&spec.destination)?, spec.partition_count);
        for group in &spec.required_groups {
            destination.group(group);
        }
        Ok(Box::new(output::MemoryOutput::new(destination)))
    }
}

impl Binder for Memory {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            groups: true,
            durable_groups: true,
            partitions: true,
            keys: true,
            requeue: true,
            tombstones: true,
        }
    }

    fn bind_input(&self, spec: InputSpec) -> BoxFuture<'_, Result<Box<dyn Input>, Error>> {
        async move { self.input(&spec) }.boxed()
    }

    fn bind_output(&self, spec: OutputSpec) -> BoxFuture<'_, Result<Box<dyn Output>, Error>> {
        async move { self.output(&spec) }.boxed()
    }

    fn check_delays(&self, _: &InputSpec, _: &[Duration]) -> Result<(), Error> {
        let sentence = "what waits in memory ends with the process: leave it out, or choose a broker that keeps messages";
        Err(Error::new(Kind::Refused, sentence))
    }

    fn bind_letters(
        &self,
        input: InputSpec,
        _at: LettersAt,
    ) -> BoxFuture<'_, Result<Option<Box<dyn Letters>>, Error>> {
        let sentence = format!(
            "the dead letters of `{}` lie in the memory of the process that runs, and end with it: bind an input to their \
             destination there, or choose a broker that keeps them",
            input.binding
        );
        async { Err(Error::new(Kind::Refused, sentence)) }.boxed()
    }
}

fn check_name(name: &str) -> Result<&str, Error> {
    if name.is_empty() || name.chars().any(char::is_control) {
        let name = name.escape_debug();
        let message = format!("`{name}` is not a destination, expected a name without control characters");
        return Err(Error::new(Kind::Refused, message));
    }
    Ok(name)
}

/// Makes memory binders.
#[derive(Debug)]
pub struct MemoryFactory;

impl Factory for MemoryFactory {
    const NAME: &'static str = "memory";
    type Config = Config;

    fn validate(config: &Config) -> Vec<String> {
        let mut problems = Vec::new();
        if config.capacity == 0 {
            problems.push("`capacity` is 0, expected at least 1".to_owned());
        }
        if !(1..=4096).contains(&config.partitions) {
            problems.push(format!("`partitions` is {}, expected 1 to 4096", config.partitions));
        }
        problems
    }

    fn build(_: &str, config: Config) -> Arc<dyn Binder> {
        Arc::new(Memory::new(config))
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("config", &self.config).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod random_tests;
#[cfg(test)]
mod tests;
