//! Everything that is not an answer of a function: one status, one sentence, as RFC 9457 writes it.

use std::borrow::Cow;

use bytes::Bytes;
use hyper::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde::Serialize;
use wellspring_functions::{Composition, Error, Kind};

use super::methods::Methods;

/// Why a request has no answer of a function.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    detail: Cow<'static, str>,
    allow: Option<Methods>,
    retry_after: Option<u32>,
    closes: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
}

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, detail: detail.into(), allow: None, retry_after: None, closes: false }
    }

    pub(super) fn not_found(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    pub(super) fn bad_request(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(super) fn method_not_allowed(allow: Methods, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { allow: Some(allow), ..Self::new(StatusCode::METHOD_NOT_ALLOWED, detail) }
    }

    pub(super) fn unavailable(detail: &'static str) -> Self {
        Self { retry_after: Some(1), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, detail) }
    }

    /// The rest of the request is not wanted: the connection ends with this answer.
    pub(super) fn closing(self) -> Self {
        Self { closes: true, ..self }
    }

    /// The problem that an error of an invocation is to its caller. What the caller cannot mend is logged, not told.
    pub(super) fn of(error: &Error, composition: &Composition) -> Self {
        let told = |status| Self::new(status, error.text().to_owned());
        match error.kind() {
            Kind::Undecodable if is_about_input(error, composition) => told(StatusCode::BAD_REQUEST),
            Kind::Unsupported if is_about_input(error, composition) => {
                told(StatusCode::UNSUPPORTED_MEDIA_TYPE)
            }
            Kind::Unacceptable => told(StatusCode::NOT_ACCEPTABLE),
            Kind::Invalid => told(StatusCode::UNPROCESSABLE_ENTITY),
            Kind::Overload => {
                log(error, composition);
                Self::unavailable("too much is in flight, try again later")
            }
            Kind::Timeout => {
                log(error, composition);
                Self::new(StatusCode::GATEWAY_TIMEOUT, "the function did not answer in time")
            }
            _ => {
                log(error, composition);
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the function failed")
            }
        }
    }

    pub(super) fn into_response(self) -> Response<Bytes> {
        let title = self.status.canonical_reason().unwrap_or("Error");
        let document =
            Document { r#type: "about:blank", title, status: self.status.as_u16(), detail: &self.detail };
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(allow) = self.allow {
            headers.insert(ALLOW, allow.header());
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.closes {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// Whether the first function found fault with what the client sent; a later one reads what the one before it wrote.
fn is_about_input(error: &Error, composition: &Composition) -> bool {
    let first = composition.definition().names().next();
    error.function().is_none_or(|function| Some(function) == first)
}

fn log(error: &Error, composition: &Composition) {
    let causes: Vec<_> = error.causes().map(ToString::to_string).collect();
    tracing::error!(
        definition = %composition.definition(),
        function = error.function(),
        kind = error.kind().as_str(),
        causes = ?causes,
        "{error}"
    );
}
