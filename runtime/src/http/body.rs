//! Reading the body of a request: whole, bounded in size and time.

use std::fmt::Display;
use std::pin::pin;

use bytes::{Buf, Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::body::Body;
use tokio::time::Instant;

use super::problem::Problem;

/// Reads a body of at most `limit` bytes until `deadline`. One that came in one piece is not copied.
pub(super) async fn read<B>(body: B, limit: u64, deadline: Instant) -> Result<Bytes, Problem>
where
    B: Body<Data = Bytes>,
    B::Error: Display,
{
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    if body.size_hint().lower() > limit {
        return Err(too_large(limit));
    }
    match tokio::time::timeout_at(deadline, collect(body, limit)).await {
        Ok(collected) => collected,
        Err(_) => {
            let detail = "the body did not arrive in time";
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, detail).closing())
        }
    }
}

async fn collect<B>(body: B, limit: u64) -> Result<Bytes, Problem>
where
    B: Body<Data = Bytes>,
    B::Error: Display,
{
    let mut body = pin!(body);
    let mut first = Bytes::new();
    let mut whole: Option<BytesMut> = None;
    let mut length = 0u64;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| broken(&error))?;
        let Ok(data) = frame.into_data() else { continue };
        length = length.saturating_add(data.remaining() as u64);
        if length > limit {
            return Err(too_large(limit));
        }
        match &mut whole {
            Some(whole) => whole.extend_from_slice(&data),
            None if first.is_empty() => first = data,
            None => {
                let mut both = BytesMut::with_capacity(2 * (first.len() + data.len()));
                both.extend_from_slice(&first);
                both.extend_from_slice(&data);
                whole = Some(both);
            }
        }
        if body.is_end_stream() {
            break;
        }
    }
    Ok(whole.map_or(first, BytesMut::freeze))
}

#[cold]
fn too_large(limit: u64) -> Problem {
    let detail = format!("the body is longer than {limit} bytes");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail).closing()
}

#[cold]
fn broken(error: &dyn Display) -> Problem {
    tracing::debug!(%error, "a request's body broke off");
    Problem::bad_request("the body broke off before its end").closing()
}
