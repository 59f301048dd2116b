//! A running application, and the order in which it stops.

use std::sync::Arc;
use std::time::Duration;

use crate::binding::{self, Binders, Binding, Bindings};

/// A running application.
#[derive(Debug)]
pub struct Running {
    pub(super) bindings: Bindings,
    pub(super) grace: Duration,
    /// Kept until the end: what a memory binder holds ends with it.
    pub(super) _binders: Binders,
    #[cfg(feature = "http")]
    pub(super) edges: super::edges::Edges,
}

impl Running {
    /// Every binding that belongs to a function, to look at and to control.
    #[must_use]
    pub fn bindings(&self) -> &[Binding] {
        self.bindings.all()
    }

    /// A binding by its name.
    #[must_use]
    pub fn binding(&self, name: &str) -> Option<&Binding> {
        self.bindings.get(name)
    }

    /// Waits until a binding turns out to be impossible after its broker was waited for; else for ever. The process
    /// answers over HTTP until it is stopped, but no binding will run.
    pub async fn failed(&self) -> Arc<binding::StartError> {
        self.bindings.failed().await
    }

    /// The address on which functions answer over HTTP.
    #[cfg(feature = "http")]
    #[must_use]
    pub fn http_address(&self) -> Option<std::net::SocketAddr> {
        self.edges.functions_address()
    }

    /// The address on which health and the catalogue answer.
    #[cfg(feature = "http")]
    #[must_use]
    pub fn management_address(&self) -> Option<std::net::SocketAddr> {
        self.edges.management_address()
    }

    /// Drains: stops taking requests and messages, finishes what is in flight, settles it, and closes. What is not
    /// finished within `shutdown.timeout` is abandoned. Tells how much that was.
    #[cfg(feature = "http")]
    pub async fn stop(mut self) -> u64 {
        self.edges.announce_drain();
        let (requests, deliveries) =
            tokio::join!(self.edges.drain(self.grace), self.bindings.stop(self.grace));
        // Only now, because requests and deliveries may send from code until they are finished.
        let unconfirmed = self.bindings.close(self.grace).await;
        self.edges.close().await;
        requests + deliveries + unconfirmed
    }

    /// Drains: stops taking messages, finishes what is in flight, settles it, and closes. What is not finished within
    /// `shutdown.timeout` is abandoned. Tells how much that was.
    #[cfg(not(feature = "http"))]
    pub async fn stop(mut self) -> u64 {
        let deliveries = self.bindings.stop(self.grace).await;
        deliveries + self.bindings.close(self.grace).await
    }
}
