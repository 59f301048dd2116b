//! For your own tests: put messages into destinations of the memory binder and read what comes out.
//!
//! ```
//! use wellspring::testing::Destinations;
//! use wellspring::{ContentType, Message};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let destinations = Destinations::new();
//! let mut reader = destinations.reader("orders", "billing").await?;
//! destinations.send("orders", Message::encoded("{}", ContentType::JSON)).await?;
//! assert_eq!(reader.next().await?.message.bytes(), b"{}");
//! # Ok::<(), wellspring::binder::Error>(()) }).unwrap();
//! ```

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use wellspring_functions::EncodedMessage;

use crate::binder::memory::{Config, Memory};
use crate::binder::{Binder, Delivery, Error, Input, InputSpec, Outgoing, OutputSpec, Settlement};

/// The destinations of a binder, from outside.
#[derive(Debug, Clone)]
pub struct Destinations {
    binder: Arc<dyn Binder>,
}

impl Default for Destinations {
    fn default() -> Self {
        Self::new()
    }
}

impl Destinations {
    /// A memory binder of its own.
    #[must_use]
    pub fn new() -> Self {
        Self::with(Config::default())
    }

    /// A memory binder of its own with some settings.
    #[must_use]
    pub fn with(config: Config) -> Self {
        Self::over(Arc::new(Memory::new(config)))
    }

    /// The destinations of any binder, such as one of a real broker.
    #[must_use]
    pub fn over(binder: Arc<dyn Binder>) -> Self {
        Self { binder }
    }

    /// The binder, to give to a runtime.
    #[must_use]
    pub fn binder(&self) -> Arc<dyn Binder> {
        Arc::clone(&self.binder)
    }

    /// Publishes a message and waits until the destination has it.
    ///
    /// # Errors
    /// When the destination refuses it.
    pub async fn send(&self, destination: &str, message: EncodedMessage) -> Result<(), Error> {
        self.send_keyed(destination, None, message).await
    }

    /// Publishes a message with a key and waits until the destination has it.
    ///
    /// # Errors
    /// When the destination refuses it.
    pub async fn send_keyed(
        &self,
        destination: &str,
        key: Option<Bytes>,
        message: EncodedMessage,
    ) -> Result<(), Error> {
        self.send_to(destination, None, key, message).await
    }

    /// Publishes a message, in a partition if one is given, and waits until the destination has it.
    ///
    /// # Errors
    /// When the destination refuses it.
    pub async fn send_to(
        &self,
        destination: &str,
        partition: Option<u32>,
        key: Option<Bytes>,
        message: EncodedMessage,
    ) -> Result<(), Error> {
        let mut output = self.binder.bind_output(output_spec(destination, 1)).await?;
        poll_fn(|cx| output.poll_ready(cx)).await?;
        output.send(Outgoing { message, key, partition }, 0);
        let mut confirmed = Vec::new();
        poll_fn(|cx| output.poll_confirmed(cx, &mut confirmed)).await?;
        confirmed.into_iter().try_for_each(|confirmation| confirmation.result)
    }

    /// Makes a destination with at least so many partitions.
    ///
    /// # Errors
    /// When the name is no destination.
    pub async fn create(&self, destination: &str, partitions: u32) -> Result<(), Error> {
        self.binder.bind_output(output_spec(destination, partitions)).await?.close().await
    }

    /// Joins a group of a destination; it gets every message from now on, and those that wait for a first group.
    ///
    /// # Errors
    /// When the name is no destination.
    pub async fn reader(&self, destination: &str, group: &str) -> Result<Reader, Error> {
        let spec = InputSpec {
            binding: "test".to_owned(),
            destinations: vec![destination.to_owned()],
            group: Some(group.to_owned()),
            max_in_flight: usize::MAX,
            sharing: Default::default(),
        };
        Ok(Reader { input: self.binder.bind_input(spec).await?, received: VecDeque::new() })
    }
}

fn output_spec(destination: &str, partition_count: u32) -> OutputSpec {
    OutputSpec {
        binding: "test".to_owned(),
        destination: destination.to_owned(),
        partition_count,
        required_groups: Vec::new(),
    }
}

/// Reads a destination, as a member of a group.
pub struct Reader {
    input: Box<dyn Input>,
    received: VecDeque<Received>,
}

/// A message that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// The message.
    pub message: EncodedMessage,
    /// Its key.
    pub key: Option<Bytes>,
    /// The partition it came from.
    pub partition: u32,
}

impl Reader {
    /// Waits for the next message and settles it.
    ///
    /// # Errors
    /// When the input is lost.
    pub async fn next(&mut self) -> Result<Received, Error> {
        loop {
            if let Some(next) = self.received.pop_front() {
                return Ok(next);
            }
            let mut batch = Vec::new();
            poll_fn(|cx| self.input.poll_receive(cx, &mut batch, 256)).await?;
            for Delivery { message, key, partition, ticket, .. } in batch {
                self.input.settle(ticket, Settlement::Ack);
                self.received.push_back(Received { message, key, partition });
            }
        }
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("received", &self.received).finish_non_exhaustive()
    }
}
