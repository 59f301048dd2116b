//! The server of the functions: bound, then running, then drained.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use futures_util::FutureExt;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::{Request, Response, StatusCode, Version};
use tokio::time::Instant;
use tower::ServiceExt;

use super::Error;
use super::answer::Answer;
use super::edge::Edge;
use super::gate::{Closed, Gate, Permit};
use super::listener::{Accepting, Drained, Front, Limits, Listener};
use super::problem::Problem;
use crate::config::HttpConfig;
use crate::invocation::Functions;

/// Serves functions over HTTP.
///
/// ```
/// use std::time::Duration;
///
/// use wellspring::config::{Config, Sources};
/// use wellspring::http::Server;
/// use wellspring::invocation::Functions;
/// use wellspring::Catalog;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let config = Config::load(&Sources::new().arg("--http.port=0"))?;
/// let catalog = Catalog::builder().function("uppercase", |text: String| text.to_uppercase()).build()?;
/// let functions = Functions::new(catalog, &[], Some(config.http.timeout))?;
///
/// let server = Server::new(functions, config.http).bind().await?;
/// println!("listening on {}", server.address());
/// let running = server.start();
/// // …
/// assert_eq!(running.drain(Duration::from_secs(30)).await.abandoned, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Server {
    functions: Functions,
    config: HttpConfig,
    routes: Option<Router>,
}

/// A server that has its address and accepts nothing yet.
#[derive(Debug)]
pub struct Bound {
    listener: Listener,
    front: Functional,
    limits: Limits,
}

/// A server that answers. Dropping it ends every connection at once; [`drain`](Self::drain) does it properly.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    accepting: Accepting,
    gate: Arc<Gate>,
}

impl Server {
    /// A server of these functions.
    #[must_use]
    pub const fn new(functions: Functions, config: HttpConfig) -> Self {
        Self { functions, config, routes: None }
    }

    /// Mounts routes of the application beside the functions; where both have a path, the route answers.
    ///
    /// A fallback of the router is replaced: what no route answers goes to the functions.
    #[must_use]
    pub fn routes(self, routes: Router) -> Self {
        Self { routes: Some(routes), ..self }
    }

    /// Takes the address, and checks what can be wrong with the configuration.
    ///
    /// # Errors
    /// When the address cannot be listened on, or an allow-list names a definition that cannot be resolved.
    pub async fn bind(self) -> Result<Bound, Error> {
        let edge = Arc::new(Edge::new(self.functions, &self.config)?);
        let listener = Listener::bind(self.config.socket_address(), "http").await?;
        let limits = Limits {
            header_read_timeout: self.config.header_read_timeout,
            max_header_size: self.config.max_header_size,
            write_timeout: self.config.timeout,
        };
        let gate = Gate::new(usize::try_from(self.config.max_concurrency).unwrap_or(usize::MAX));
        let routes = self.routes.map(|routes| beside(routes, &edge));
        Ok(Bound { listener, front: Functional { edge, routes, gate }, limits })
    }
}

impl Bound {
    /// The address; the port that was found when 0 was asked for.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Starts to answer. Must be called within a tokio runtime.
    #[must_use = "a server that is dropped ends"]
    pub fn start(self) -> Running {
        let (address, gate) = (self.address(), Arc::clone(&self.front.gate));
        Running { address, accepting: self.listener.accept(self.front, self.limits), gate }
    }
}

impl Running {
    /// The address.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests are being answered.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.gate.in_flight()
    }

    /// Stops accepting, lets the requests in flight finish for at most `limit`, and ends what is left.
    pub async fn drain(self, limit: Duration) -> Drained {
        self.accepting.drain(Instant::now() + limit).await
    }
}

/// The routes of the application, with the functions behind them.
fn beside(routes: Router, edge: &Arc<Edge>) -> Router {
    let edge = Arc::clone(edge);
    routes.fallback_service(tower::service_fn(move |request: Request<axum::body::Body>| {
        let edge = Arc::clone(&edge);
        async move { Ok(edge.answer(request).await.map(axum::body::Body::from)) }
    }))
}

/// Answers with a route of the application or with a function.
#[derive(Debug)]
struct Functional {
    edge: Arc<Edge>,
    routes: Option<Router>,
    gate: Arc<Gate>,
}

impl Functional {
    async fn route(&self, router: &Router, request: Request<Incoming>, permit: Permit) -> Response<Answer> {
        let answered = router.clone().oneshot(request.map(axum::body::Body::new));
        match AssertUnwindSafe(answered).catch_unwind().await {
            Ok(Ok(response)) => response.map(|body| Answer::routed(body, permit)),
            Ok(Err(never)) => match never {},
            Err(_) => {
                tracing::error!("a route of the application panicked");
                let problem = Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the route failed");
                problem.into_response().map(|body| Answer::whole(body, Some(permit)))
            }
        }
    }
}

impl Front for Functional {
    fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Answer> {
        let persistent = request.version() < Version::HTTP_2;
        let permit = match self.gate.enter() {
            Ok(permit) => permit,
            Err(closed) => return turned_away(closed).map(|body| Answer::whole(body, None)),
        };
        let mut response = match &self.routes {
            None => self.edge.answer(request).await.map(|body| Answer::whole(body, Some(permit))),
            Some(router) => self.route(router, request, permit).await,
        };
        if self.gate.is_draining() && persistent {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

#[cold]
fn turned_away(closed: Closed) -> Response<Bytes> {
    match closed {
        Closed::Draining => Problem::unavailable("the server is stopping, try another instance").closing(),
        Closed::Full => Problem::unavailable("too many requests are being answered, try again later"),
    }
    .into_response()
}
