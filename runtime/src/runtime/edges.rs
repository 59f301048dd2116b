//! The HTTP edges of a runtime: the functions' listener, the management listener, and the health they show.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::health::BindingHealth;
use crate::binding::Ends;
use crate::config::Config;
use crate::http::{self, Bound, BoundManagement, Health, Management, RunningManagement, Server};
use crate::invocation::Functions;

/// How long the functions wait for the bindings before they answer without them.
const PATIENCE: Duration = Duration::from_secs(3);

/// Both listeners, bound but not answering.
#[derive(Debug)]
pub(super) struct Listening {
    functions: Option<Bound>,
    management: Option<BoundManagement>,
    health: Health,
}

/// Both listeners while they answer.
#[derive(Debug)]
pub(super) struct Edges {
    functions: Option<http::Running>,
    management: Option<RunningManagement>,
    health: Health,
}

impl Listening {
    pub(super) async fn bind(
        config: &Config,
        functions: Functions,
        routes: Option<axum::Router>,
    ) -> Result<Self, http::Error> {
        let (catalog, health) = (functions.catalog().clone(), Health::new());
        let mut listening = Self { functions: None, management: None, health: health.clone() };
        if config.http.enabled {
            let server = Server::new(functions, config.http.clone());
            let server = match routes {
                Some(routes) => server.routes(routes),
                None => server,
            };
            listening.functions = Some(server.bind().await?);
        }
        if config.management.enabled {
            listening.management =
                Some(Management::new(catalog, health, config.management.clone()).bind().await?);
        }
        Ok(listening)
    }

    /// Answers about health, while the functions do not answer yet.
    pub(super) fn start(&mut self, ends: &Ends) -> Edges {
        self.health.observe(Arc::new(BindingHealth::of(ends)));
        let edges = Edges {
            functions: None,
            management: self.management.take().map(BoundManagement::start),
            health: self.health.clone(),
        };
        if let Some(address) = edges.management_address() {
            tracing::info!(%address, "health and the catalogue answer over HTTP");
        }
        edges
    }
}

impl Edges {
    /// Lets the functions answer when the bindings are made, or when that takes long.
    pub(super) async fn open_after<E>(
        &mut self,
        listening: Listening,
        made: impl Future<Output = Result<(), E>>,
    ) -> Result<(), E> {
        let mut made = pin!(made);
        let early = timeout(PATIENCE, made.as_mut()).await;
        if let Ok(Err(error)) = early {
            return Err(error);
        }
        self.open(listening);
        if early.is_ok() { Ok(()) } else { made.await }
    }

    fn open(&mut self, listening: Listening) {
        self.functions = listening.functions.map(Bound::start);
        if let Some(address) = self.functions_address() {
            tracing::info!(%address, "functions answer over HTTP");
        }
    }

    pub(super) fn functions_address(&self) -> Option<SocketAddr> {
        self.functions.as_ref().map(http::Running::address)
    }

    pub(super) fn management_address(&self) -> Option<SocketAddr> {
        self.management.as_ref().map(RunningManagement::address)
    }

    /// Tells everybody who asks that the process drains.
    pub(super) fn announce_drain(&self) {
        self.health.drain();
    }

    /// Stops accepting requests and finishes those in flight; tells how many were abandoned.
    pub(super) async fn drain(&mut self, grace: Duration) -> u64 {
        match self.functions.take() {
            Some(functions) => functions.drain(grace).await.abandoned as u64,
            None => 0,
        }
    }

    /// Closes the management listener, the last of all.
    pub(super) async fn close(self) {
        if let Some(management) = self.management {
            management.drain(Duration::from_secs(1)).await;
        }
    }
}
