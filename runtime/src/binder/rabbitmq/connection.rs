//! A connection that is shared by bindings and made anew when it is lost.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;
use std::time::Duration;

use futures_util::FutureExt;
use lapin::{Channel, Connection, ConnectionProperties};
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use super::config::{Config, shown};
use super::host::Host;
use super::{error, socket};
use crate::binder::{Error, Kind};

/// How long the broker may take to close a channel.
const ENDING: Duration = Duration::from_secs(5);
/// How many connections are used in turn at most.
const MOST_LINKS: usize = 8;

/// Makes channels, on one connection for all of them.
pub(super) struct Link {
    config: Arc<Config>,
    /// Shown in the broker's list of connections.
    name: String,
    connection: Mutex<Option<Arc<Connection>>>,
    /// Runs bindings on the thread of the connection.
    host: Arc<Host>,
}

/// Connections for ends that do not depend on each other, to be used in turn.
pub(super) struct Links {
    links: Vec<Arc<Link>>,
    next: AtomicUsize,
}

/// A channel and the connection it is on.
pub(super) struct Line {
    pub(super) channel: Arc<Channel>,
    /// The server, as it may be shown.
    pub(super) broker: String,
    /// The largest frame; headers must fit into one.
    pub(super) frame_max: usize,
    connection: Arc<Connection>,
}

impl Links {
    /// As many as the machine can run threads at once, up to a bound.
    pub(super) fn new(link: impl FnMut(usize) -> Arc<Link>) -> Self {
        let count = available_parallelism().map_or(1, NonZeroUsize::get).min(MOST_LINKS);
        Self { links: (1..=count).map(link).collect(), next: AtomicUsize::new(0) }
    }

    /// The one whose turn it is.
    pub(super) fn next(&self) -> &Arc<Link> {
        &self.links[self.next.fetch_add(1, Ordering::Relaxed) % self.links.len()]
    }
}

impl Line {
    pub(super) fn is_up(&self) -> bool {
        self.channel.status().connected()
    }

    /// Whether the broker takes no messages for now, short of memory or disk.
    pub(super) fn is_blocked(&self) -> bool {
        self.connection.status().blocked()
    }

    pub(super) fn failed(&self, operation: &str, object: &str, cause: &lapin::Error) -> Error {
        error::failed(&self.broker, operation, object, cause)
    }

    /// Closes the channel, without waiting for a broker that does not answer.
    pub(super) async fn close(self) {
        let broker = self.broker.clone();
        if self.ended().await.is_err() {
            tracing::debug!(broker, "a channel was lost while it was closed");
        }
    }

    /// Closes the channel, and says whether the broker has confirmed it, with all that was told before.
    pub(super) async fn ended(self) -> Result<(), Error> {
        match timeout(ENDING, self.channel.close(200, "closed".into())).await {
            Ok(closed) => closed.map_err(|cause| self.failed("does not close a channel", "", &cause)),
            Err(_) => {
                let sentence = format!("`{}` does not close a channel within {ENDING:?}", self.broker);
                Err(Error::new(Kind::Unreachable, sentence))
            }
        }
    }
}

impl Drop for Line {
    /// The client keeps a channel for a consumer whose beginning nobody has waited for, with all that comes to it.
    fn drop(&mut self) {
        if self.is_up() {
            // The first poll hands over what is to be written; nobody waits for the answer.
            let _ = self.channel.close(200, "dropped".into()).now_or_never();
        }
    }
}

impl Link {
    pub(super) fn new(config: Arc<Config>, name: String) -> Self {
        Self { config, name, connection: Mutex::new(None), host: Arc::default() }
    }

    /// What runs bindings on the thread of this connection.
    pub(super) const fn host(&self) -> &Arc<Host> {
        &self.host
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// Opens a channel, connecting first if there is no connection.
    pub(super) async fn open(&self) -> Result<Line, Error> {
        let servers = self.config.servers().map_err(|sentence| Error::new(Kind::Refused, sentence))?;
        let mut held = self.connection.lock().await;
        let connection = match &*held {
            Some(connection) if connection.status().connected() => Arc::clone(connection),
            _ => {
                let connection = Arc::new(self.connect(&servers).await?);
                *held = Some(Arc::clone(&connection));
                connection
            }
        };
        drop(held);
        // The server of several that it is connected to is not told by the client.
        let broker = servers.iter().map(shown).collect::<Vec<_>>().join(", ");
        let wait = self.config.connection_timeout;
        let channel = match timeout(wait, connection.create_channel()).await {
            Ok(opened) => opened.map_err(|cause| error::failed(&broker, "opens no channel", "", &cause))?,
            Err(_) => {
                // A connection that does not answer is not asked again.
                self.connection.lock().await.take_if(|held| Arc::ptr_eq(held, &connection));
                let sentence = format!("`{broker}` opens no channel within {wait:?}");
                return Err(Error::new(Kind::Unreachable, sentence));
            }
        };
        let frame_max = usize::try_from(connection.configuration().frame_max()).unwrap_or(usize::MAX);
        Ok(Line { channel: Arc::new(channel), broker, frame_max, connection })
    }

    async fn connect(&self, servers: &[lapin::uri::AMQPUri]) -> Result<Connection, Error> {
        let mut last = Error::new(Kind::Refused, "`addresses` is empty, expected at least one");
        // Also for servers whose address says `amqps`.
        let tls = self.config.ssl.load().await?;
        for uri in servers {
            let broker = shown(uri);
            let properties = ConnectionProperties::default().with_connection_name(self.name.clone().into());
            let wait = self.config.connection_timeout;
            let runtime = socket::runtime(&self.host);
            let connecting =
                Connection::connect_uri_with_config(uri.clone(), properties, tls.clone(), runtime);
            match timeout(wait, connecting).await {
                Ok(Ok(connection)) => {
                    tracing::debug!(broker, connection = self.name, "connected");
                    return Ok(connection);
                }
                Ok(Err(cause)) => last = error::failed(&broker, "cannot be connected to", "", &cause),
                Err(_) => {
                    let sentence = format!("`{broker}` does not answer within {wait:?}");
                    last = Error::new(Kind::Unreachable, sentence);
                }
            }
        }
        Err(last)
    }

    /// Repeats an attempt until it succeeds, with waits that grow up to a bound. It never gives up: whatever the broker
    /// refuses today, somebody may put right, and nothing is lost meanwhile.
    /// `steady` is the wait instead, always the same.
    pub(super) async fn again<T, F>(
        &self,
        binding: &str,
        steady: Option<Duration>,
        attempt: impl Fn() -> F,
    ) -> T
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut wait = steady.unwrap_or(self.config.reconnect_initial_interval);
        let most = steady.unwrap_or(self.config.reconnect_max_interval);
        let mut tries = 1_u64;
        loop {
            match attempt().await {
                Ok(made) => {
                    tracing::info!(binding, tries, "connected again");
                    return made;
                }
                Err(error) if error.kind().is_retryable() => {
                    tracing::warn!(binding, tries, ?wait, %error, "still not connected");
                }
                Err(error) => {
                    tracing::error!(binding, tries, ?wait, %error, "cannot go on until this is put right");
                }
            }
            sleep(wait).await;
            wait = (wait * 2).min(most);
            tries += 1;
        }
    }
}
