//! From what a composition answered to an HTTP response.

use bytes::Bytes;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use wellspring_functions::{ContentType, Headers, Output, Reply, header_names};

use super::headers::{self, Filter};
use super::list;

/// The response to a call of a function or supplier.
pub(super) fn answer(output: Output, filter: &Filter) -> Response<Bytes> {
    match output {
        Output::One(reply) => one(reply, filter),
        Output::Many(replies) => many(&replies, filter),
        // A stream was collected into `Many` before, and no request is a batch.
        Output::PerOutput(outputs) => with_content(list::outputs(&outputs), Some(&ContentType::JSON)),
        Output::Nothing | Output::Stream(_) | Output::Batch(_) => empty(StatusCode::NO_CONTENT),
    }
}

/// A response that says nothing but its status.
pub(super) fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

/// The same response as HEAD sends it: its length, but not its body.
pub(super) fn without_body(response: Response<Bytes>) -> Response<Bytes> {
    let (mut parts, body) = response.into_parts();
    if !parts.status.is_informational() && parts.status != StatusCode::NO_CONTENT {
        parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    Response::from_parts(parts, Bytes::new())
}

fn one(reply: Reply, filter: &Filter) -> Response<Bytes> {
    let (payload, message) = reply.message.into_parts();
    let mut response = match payload {
        Some(payload) => with_content(payload, message.content_type()),
        None => empty(StatusCode::NO_CONTENT),
    };
    if reply.sets_headers {
        apply(&message, &mut response, filter);
    }
    response
}

/// A list answers with the headers of its first message.
fn many(replies: &[Reply], filter: &Filter) -> Response<Bytes> {
    let mut response = with_content(list::array(replies), Some(&ContentType::JSON));
    if let Some(first) = replies.first().filter(|first| first.sets_headers) {
        apply(first.message.headers(), &mut response, filter);
    }
    response
}

fn with_content(payload: Bytes, content_type: Option<&ContentType>) -> Response<Bytes> {
    let value = match content_type {
        Some(json) if *json == ContentType::JSON => Some(HeaderValue::from_static("application/json")),
        Some(other) => HeaderValue::from_str(other.as_str()).ok(),
        None => None,
    };
    let mut response = Response::new(payload);
    if let Some(value) = value {
        response.headers_mut().insert(CONTENT_TYPE, value);
    }
    response
}

/// Status and headers as the function set them.
fn apply(message: &Headers, response: &mut Response<Bytes>, filter: &Filter) {
    if let Some(status) = message.integer(header_names::STATUS_CODE) {
        match u16::try_from(status).ok().filter(|status| (200..=599).contains(status)) {
            Some(status) => *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK),
            None => tracing::debug!(status, "`statusCode` is no status of an answer, expected 200 to 599"),
        }
    }
    headers::write(message, response.headers_mut(), filter);
    if matches!(
        response.status(),
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED | StatusCode::RESET_CONTENT
    ) {
        response.headers_mut().remove(CONTENT_TYPE);
        *response.body_mut() = Bytes::new();
    }
}
