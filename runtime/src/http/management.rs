//! The management listener: health and the catalog, on a port of their own.
//!
//! | path | answers |
//! |---|---|
//! | `/health` | 200 while up, 503 while down or draining; every component |
//! | `/health/live` | 200 as long as the process answers at all |
//! | `/health/ready` | 200 while up, else 503 and what is down: whether to send work here |
//! | `/functions` | every function: kind, types, schemas, description, where it is defined |

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;
use wellspring_functions::{Catalog, Function, Port, Shape};

use super::Error;
use super::answer::Answer;
use super::gate::Gate;
use super::health::{Health, Status};
use super::listener::{Accepting, Drained, Front, Limits, Listener};
use super::methods::Methods;
use super::problem::Problem;
use super::response;
use crate::config::ManagementConfig;

/// Bounds of a listener that only the operator sees.
const LIMITS: Limits = Limits {
    header_read_timeout: Duration::from_secs(10),
    max_header_size: 64 << 10,
    write_timeout: Duration::from_secs(10),
};
const MOST_REQUESTS: usize = 100;

/// Serves health and the catalog.
#[derive(Debug)]
pub struct Management {
    catalog: Catalog,
    health: Health,
    config: ManagementConfig,
}

/// A management listener that has its address and accepts nothing yet.
#[derive(Debug)]
pub struct BoundManagement {
    listener: Listener,
    desk: Desk,
}

/// A management listener that answers. Dropping it ends every connection at once.
#[derive(Debug)]
pub struct RunningManagement {
    address: SocketAddr,
    accepting: Accepting,
}

impl Management {
    /// A listener that tells of this catalog and this health.
    #[must_use]
    pub const fn new(catalog: Catalog, health: Health, config: ManagementConfig) -> Self {
        Self { catalog, health, config }
    }

    /// Takes the address.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn bind(self) -> Result<BoundManagement, Error> {
        let listener = Listener::bind(self.config.socket_address(), "management").await?;
        let functions = to_bytes(&self.catalog.functions().into_iter().map(describe).collect());
        Ok(BoundManagement {
            listener,
            desk: Desk { functions, health: self.health, gate: Gate::new(MOST_REQUESTS) },
        })
    }
}

impl BoundManagement {
    /// The address; the port that was found when 0 was asked for.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Starts to answer. Must be called within a tokio runtime.
    #[must_use = "a listener that is dropped ends"]
    pub fn start(self) -> RunningManagement {
        RunningManagement { address: self.address(), accepting: self.listener.accept(self.desk, LIMITS) }
    }
}

impl RunningManagement {
    /// The address.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting and ends what is not answered within `limit`. To be called last, so that health can be asked
    /// until the end.
    pub async fn drain(self, limit: Duration) -> Drained {
        self.accepting.drain(Instant::now() + limit).await
    }
}

/// What the listener answers from.
#[derive(Debug)]
struct Desk {
    /// The catalog never changes, so its description is written once.
    functions: Bytes,
    health: Health,
    gate: Arc<Gate>,
}

impl Desk {
    async fn respond(&self, request: &Request<Incoming>) -> Response<Bytes> {
        let known =
            matches!(request.uri().path(), "/health" | "/health/live" | "/health/ready" | "/functions");
        if !known {
            let paths = "expected `/health`, `/health/live`, `/health/ready` or `/functions`";
            return Problem::not_found(format!("there is nothing at this path, {paths}")).into_response();
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let allow = Methods { get: true, post: false };
            return Problem::method_not_allowed(allow, "expected GET").into_response();
        }
        let status = self.health.status();
        match request.uri().path() {
            "/functions" => document(StatusCode::OK, self.functions.clone()),
            "/health/live" => document(StatusCode::OK, to_bytes(&json!({ "status": Status::Up }))),
            "/health/ready" => document(code(status), to_bytes(&self.readiness(status))),
            _ => {
                let health = json!({ "status": status, "components": self.health.measured().await });
                document(code(status), to_bytes(&health))
            }
        }
    }

    /// Whether to send work here; if not, what keeps it away.
    fn readiness(&self, status: Status) -> Value {
        let mut components = self.health.components();
        components.retain(|_, component| !component.is_up());
        if components.is_empty() {
            return json!({ "status": status });
        }
        json!({ "status": status, "components": components })
    }
}

impl Front for Desk {
    fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Answer> {
        let permit = self.gate.enter().ok();
        let response = match &permit {
            Some(_) => self.respond(&request).await,
            None => Problem::unavailable("the listener is stopping or too busy").into_response(),
        };
        let is_head = request.method() == Method::HEAD;
        let response = if is_head { response::without_body(response) } else { response };
        response.map(|body| Answer::whole(body, permit))
    }
}

const fn code(status: Status) -> StatusCode {
    match status {
        Status::Up => StatusCode::OK,
        Status::Down | Status::Draining => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn document(status: StatusCode, json: Bytes) -> Response<Bytes> {
    let mut response = Response::new(json);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn to_bytes(value: &Value) -> Bytes {
    value.to_string().into()
}

fn describe(function: &Function) -> Value {
    json!({
        "name": &*function.name,
        "kind": function.kind.to_string(),
        "description": function.description,
        "input": function.signature.input.as_ref().map(describe_port),
        "output": function.signature.output.as_ref().map(describe_port),
        "location": function.location.to_string(),
    })
}

fn describe_port(port: &Port) -> Value {
    let shape = match port.shape {
        Shape::One => "one",
        Shape::Many => "many",
        Shape::Stream => "stream",
        Shape::PerOutput => "per-output",
        Shape::OneOf => "one-of",
    };
    let mut described = json!({ "type": port.type_name, "shape": shape });
    if let (false, Some(fields)) = (port.several.is_empty(), described.as_object_mut()) {
        fields.insert("several".to_owned(), port.several.iter().map(describe_port).collect());
    }
    if let (Some(schema), Some(fields)) = (port.schema(), described.as_object_mut()) {
        fields.insert("schema".to_owned(), schema.to_value());
    }
    described
}
