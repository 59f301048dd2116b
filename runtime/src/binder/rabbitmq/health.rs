//! How an input stands with the broker, and how much waits in its queues.

use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;

use super::declare::short;
use super::source::Reader;
use crate::binder::{Connection, Health};

/// The health of an input.
pub(super) struct InputHealth {
    pub(super) reader: Arc<Reader>,
}

impl Health for InputHealth {
    fn connection(&self) -> Connection {
        self.reader.pulse.connection()
    }

    fn backlog(&self) -> BoxFuture<'_, Option<u64>> {
        async {
            if self.connection() != Connection::Up {
                return None;
            }
            self.reader.waiting().await
        }
        .boxed()
    }
}

impl fmt::Debug for InputHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reader.pulse.fmt(f)
    }
}

impl Reader {
    /// How many messages wait in the queues and are with no reader. It takes a channel of its own, since asking for a
    /// queue that is gone closes the channel.
    async fn waiting(&self) -> Option<u64> {
        let line = self.link.open().await.ok()?;
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let mut waiting = 0;
        for (queue, _) in &self.topology.queues {
            let queue = short("queue", queue).ok()?;
            let found = line.channel.queue_declare(queue, options, FieldTable::default()).await.ok()?;
            waiting += u64::from(found.message_count());
        }
        line.close().await;
        Some(waiting)
    }
}
