//! How an input or output stands with its broker, seen from outside while it runs.

use std::fmt;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};

/// How an input or output stands with its broker. It is asked at any time, from any task, and never blocks.
pub trait Health: fmt::Debug + Send + Sync {
    /// Whether the broker can be reached now.
    fn connection(&self) -> Connection;

    /// How many messages wait for this input: a lag or the depth of a queue. What members of a binding tell is added
    /// up, so that of those that read the same queue only the first tells. Nothing where the binder cannot tell, and for
    /// outputs.
    fn backlog(&self) -> BoxFuture<'_, Option<u64>> {
        ready(None).boxed()
    }
}

/// Whether a broker can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    /// It can.
    Up,
    /// It cannot, and why; the binder keeps trying.
    Down(String),
}

/// The health of an end that needs no connection.
#[derive(Debug, Clone, Copy, Default)]
pub struct AlwaysUp;

impl Health for AlwaysUp {
    fn connection(&self) -> Connection {
        Connection::Up
    }
}
