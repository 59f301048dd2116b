//! The body of an answer: a whole one of ours, or whatever a route of the application streams.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::gate::Permit;

/// A body; the request counts as being answered until it is sent.
pub(super) struct Answer {
    content: Content,
    _permit: Option<Permit>,
}

enum Content {
    /// `None` once it is handed over.
    Whole(Option<Bytes>),
    Routed(axum::body::Body),
}

impl Answer {
    pub(super) fn whole(content: Bytes, permit: Option<Permit>) -> Self {
        let content = Content::Whole((!content.is_empty()).then_some(content));
        Self { content, _permit: permit }
    }

    pub(super) const fn routed(content: axum::body::Body, permit: Permit) -> Self {
        Self { content: Content::Routed(content), _permit: Some(permit) }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match &mut self.content {
            Content::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Content::Routed(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Whole(bytes) => bytes.is_none(),
            Content::Routed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Content::Routed(body) => body.size_hint(),
        }
    }
}
