//! The HTTP edges of a runtime: the functions' listener, the management listener, and the health they show.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::binding::{Binding, Bindings, State};
use crate::config::Config;
use crate::http::{self, Bound, BoundManagement, Component, Health, Management, RunningManagement, Server};
use crate::invocation::Functions;

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
    /// Report the states of bindings; end with this.
    _reporters: JoinSet<()>,
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

    pub(super) fn start(self, bindings: &Bindings) -> Edges {
        let mut reporters = JoinSet::new();
        for binding in bindings.all() {
            reporters.spawn(report(binding.clone(), self.health.clone()));
        }
        let edges = Edges {
            functions: self.functions.map(Bound::start),
            management: self.management.map(BoundManagement::start),
            health: self.health,
            _reporters: reporters,
        };
        if let Some(address) = edges.functions_address() {
            tracing::info!(%address, "functions answer over HTTP");
        }
        if let Some(address) = edges.management_address() {
            tracing::info!(%address, "health and the catalogue answer over HTTP");
        }
        edges
    }
}

impl Edges {
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

/// Reports the state of a binding whenever it changes. One that an operator has paused is well.
async fn report(binding: Binding, health: Health) {
    let mut states = binding.states();
    loop {
        let state = *states.borrow_and_update();
        let component = match state {
            State::Running => Component::up(),
            State::Paused => Component::up().with_detail("paused by an operator"),
            State::Stopped => Component::down("stopped"),
            State::Failed => Component::down("ended with an error: see the log"),
        };
        health.report(binding.name(), component);
        if states.changed().await.is_err() {
            return;
        }
    }
}
