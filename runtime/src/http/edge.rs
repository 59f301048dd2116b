//! One request after the other: find the function, read the input, call, answer.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Body;
use hyper::header::{ALLOW, CONTENT_TYPE};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use tokio::time::Instant;
use wellspring_functions::{
    Composition, ContentType, Error, FunctionKind, Incoming, Output, Shape, Step, Wanted,
};

use super::accept::Accept;
use super::directory::{Directory, Target};
use super::headers::Filter;
use super::problem::Problem;
use super::{body, incoming, list, response};
use crate::config::HttpConfig;
use crate::invocation::{Functions, Invocation};

/// The functions of an application as HTTP sees them.
#[derive(Debug)]
pub(super) struct Edge {
    directory: Directory,
    filter: Arc<Filter>,
    max_body_size: u64,
    timeout: Duration,
}

impl Edge {
    pub(super) fn new(functions: Functions, config: &HttpConfig) -> Result<Self, super::Error> {
        Ok(Self {
            directory: Directory::new(functions, config)?,
            filter: Filter::new(&config.ignored_headers),
            max_body_size: config.max_body_size,
            timeout: config.timeout,
        })
    }

    /// Answers a request; never fails.
    pub(super) async fn answer<B>(&self, request: Request<B>) -> Response<Bytes>
    where
        B: Body<Data = Bytes>,
        B::Error: Display,
    {
        let is_head = request.method() == Method::HEAD;
        let response = self.try_answer(request).await.unwrap_or_else(Problem::into_response);
        if is_head { response::without_body(response) } else { response }
    }

    async fn try_answer<B>(&self, request: Request<B>) -> Result<Response<Bytes>, Problem>
    where
        B: Body<Data = Bytes>,
        B::Error: Display,
    {
        let (parts, body) = request.into_parts();
        let (callee, argument) = match self.directory.find(&parts.method, parts.uri.path())? {
            Target::Call(callee, argument) => (callee, argument),
            Target::Options(methods) => {
                let mut response = response::empty(StatusCode::NO_CONTENT);
                response.headers_mut().insert(ALLOW, methods.header());
                return Ok(response);
            }
        };
        let composition = callee.composition();
        let accept = Accept::of(&parts.headers)?;
        let wanted = wanted(&accept, composition)?;
        let deadline = Instant::now() + self.timeout;
        let incoming = self.incoming(parts, body, argument, composition, deadline).await?;
        let called = self.call(&callee, incoming, wanted, deadline).await;
        let output = called.map_err(|error| Problem::of(&error, composition))?;
        if composition.signature().output.is_none() {
            return Ok(response::empty(StatusCode::ACCEPTED));
        }
        let response = response::answer(output, &self.filter);
        if accept.refuses_any() && refused(&accept, &response) {
            return Err(Problem::new(
                StatusCode::NOT_ACCEPTABLE,
                "the request excludes the type of the answer",
            ));
        }
        Ok(response)
    }

    async fn incoming<B>(
        &self,
        parts: Parts,
        body: B,
        argument: Option<String>,
        composition: &Composition,
        deadline: Instant,
    ) -> Result<Incoming, Problem>
    where
        B: Body<Data = Bytes>,
        B::Error: Display,
    {
        if composition.kind() == FunctionKind::Supplier {
            return Ok(Incoming::Nothing);
        }
        if let Some(argument) = argument {
            return Ok(incoming::argument(parts, argument, &self.filter));
        }
        let content_type = incoming::content_type(&parts.headers)?;
        let payload = body::read(body, self.max_body_size, deadline).await?;
        incoming::incoming(parts, content_type, payload, composition, &self.filter)
    }

    /// Calls and reads what the function answers to its end, all before the deadline.
    async fn call(
        &self,
        callee: &Invocation,
        incoming: Incoming,
        wanted: Wanted,
        deadline: Instant,
    ) -> Result<Output, Error> {
        match callee.start(incoming, wanted) {
            Step::Ready(Ok(output @ (Output::Nothing | Output::One(_) | Output::Many(_)))) => Ok(output),
            Step::Ready(Err(error)) => Err(error),
            step => {
                let limit = deadline.saturating_duration_since(Instant::now());
                callee
                    .finish_within(std::pin::pin!(async { list::collect(step.await?).await }), Some(limit))
                    .await
            }
        }
    }
}

/// What to ask of the composition. A list is always JSON: whether that is accepted is known before the call.
fn wanted(accept: &Accept, composition: &Composition) -> Result<Wanted, Problem> {
    match &composition.signature().output {
        None => Ok(Wanted::Natural),
        Some(output) if output.shape == Shape::One => Ok(accept.wanted()),
        Some(_) if accept.admits(&ContentType::JSON) => Ok(Wanted::Natural),
        Some(output) => {
            let detail =
                format!("{output} is answered as `{}`, which the request does not accept", ContentType::JSON);
            Err(Problem::new(StatusCode::NOT_ACCEPTABLE, detail))
        }
    }
}

#[cold]
fn refused(accept: &Accept, response: &Response<Bytes>) -> bool {
    let value = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.and_then(|text| ContentType::parse(text).ok()).is_some_and(|own| accept.refuses(&own))
}
