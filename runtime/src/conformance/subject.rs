//! What whoever writes a binder tells the suite about it.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};

use super::{Found, Wire};
use crate::binder::Binder;

/// A binder under test, and its broker as a bare client sees it.
///
/// The suite uses names of destinations that begin with a random prefix; many cases use one broker side by side.
/// Everything but [`binder`](Self::binder) must do without the binder, so that both sides cannot be wrong together.
pub trait Subject: Send + Sync + 'static {
    /// The name for reports.
    fn name(&self) -> &'static str;

    /// A binder such as another process would make: new, on the same broker. No I/O.
    fn binder(&self, settings: &Settings) -> Arc<dyn Binder>;

    /// Makes a destination with so many partitions, as somebody else would before the application starts.
    fn create<'a>(&'a self, destination: &'a str, partitions: u32) -> BoxFuture<'a, Result<(), Found>>;

    /// Writes messages to a destination in this order, and waits until the broker has them.
    fn publish<'a>(&'a self, destination: &'a str, messages: Vec<Raw>) -> BoxFuture<'a, Result<(), Found>>;

    /// Starts to read everything that is written to a destination from now on, without being a group of the case's.
    fn tap<'a>(&'a self, destination: &'a str) -> BoxFuture<'a, Result<Box<dyn Tap>, Found>>;

    /// How many messages of a destination a group has not settled; nothing where the broker cannot tell.
    fn unsettled<'a>(
        &'a self,
        _destination: &'a str,
        _group: &'a str,
    ) -> BoxFuture<'a, Result<Option<u64>, Found>> {
        ready(Ok(None)).boxed()
    }

    /// Removes everything whose name begins with a prefix.
    fn clean<'a>(&'a self, _prefix: &'a str) -> BoxFuture<'a, Result<(), Found>> {
        ready(Ok(())).boxed()
    }

    /// Something to stand between binder and broker that can cut and slow their connection. Binders that are to use
    /// it get its address in [`Settings::through`].
    fn wire(&self) -> BoxFuture<'_, Result<Wire, Found>> {
        ready(Err(Found::new("there is no connection that could be cut"))).boxed()
    }

    /// Names of headers with facts that the binder adds to what it receives, such as an offset.
    fn facts(&self) -> &'static [&'static str] {
        &[]
    }

    /// What this binder answers otherwise on purpose.
    fn exclusions(&self) -> &'static [Exclusion] {
        &[]
    }
}

/// A destination as a bare client reads it.
pub trait Tap: Send {
    /// The next messages, exactly so many, in the order of each partition. The suite limits the time.
    fn take(&mut self, count: usize) -> BoxFuture<'_, Result<Vec<Raw>, Found>>;
}

/// What a case asks of a binder beside its defaults. A binder ignores what it does not know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Settings {
    /// The largest payload in bytes that must be taken; anything much larger must be refused.
    pub largest_payload: Option<usize>,
    /// Each instance reads its own partitions, rather than those that the group gives it.
    pub static_partitions: bool,
    /// Keep the dead letters of inputs where the binder's own settings say, if it has such settings.
    pub keeps_letters: bool,
    /// Connect to this `host:port` in place of the broker's own.
    pub through: Option<String>,
    /// Log in with this password, where nobody is going to listen.
    pub password: Option<String>,
}

/// A message as it is on the broker.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Raw {
    /// The payload; `None` is null.
    pub payload: Option<Bytes>,
    /// The key, where the broker has keys.
    pub key: Option<Bytes>,
    /// The partition: to write to, or read from.
    pub partition: Option<u32>,
    /// The content type as text.
    pub content_type: Option<String>,
    /// Other headers, as text or bytes.
    pub headers: Vec<(String, Bytes)>,
}

impl Raw {
    /// A message with a payload, and nothing else.
    #[must_use]
    pub fn of(payload: impl Into<Bytes>) -> Self {
        Self { payload: Some(payload.into()), ..Self::default() }
    }

    /// The same with a header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<Bytes>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The same in a partition.
    #[must_use]
    pub const fn in_partition(mut self, partition: u32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| &value[..])
    }
}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Raw")
            .field("payload", &self.payload)
            .field("partition", &self.partition)
            .field("content_type", &self.content_type)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

/// A case that a binder answers otherwise on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exclusion {
    /// The id of the case.
    pub id: &'static str,
    /// Why, in one line.
    pub reason: &'static str,
}
