//! One erased function: the only shape in which the rest of the program sees user code.
//!
//! A [`Stage`] takes its input out of a slot and hands its result to [`Next`], the rest of the composition. Values of
//! the same type cross that joint on the stack, without a box and without encoding; a synchronous stage therefore
//! allocates nothing, an asynchronous one boxes its future.

use std::any::Any;
use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;

use crate::batch::BatchOutcome;
use crate::content_type::ContentType;
use crate::error::Error;
use crate::headers::Headers;
use crate::message::EncodedMessage;
use crate::next::Next;
use crate::notes::Notes;

/// A user's function behind one type: input in, result on to the rest of the composition.
pub trait Stage: Send + Sync + 'static {
    /// Calls the function and hands what it returns to `next`.
    fn call(&self, input: Input<'_>, next: Next<'_>) -> Step;
}

/// What a stage is given.
pub enum Input<'a> {
    /// Nothing: the stage is a supplier.
    Nothing,
    /// An encoded payload, its content type among the headers of the [`Call`]; `None` is a tombstone. Lent where the
    /// caller keeps it, to call again if this call fails.
    Encoded(Option<Cow<'a, Bytes>>),
    /// `Some(value)` of the type that the stage before returned, to be taken out.
    Value(&'a mut dyn Any),
    /// A stream of encoded messages.
    Stream(BoxStream<'static, Result<EncodedMessage, Error>>),
    /// Many encoded messages, each of its own.
    Batch(Vec<EncodedMessage>),
}

/// What accompanies one invocation through its stages: lent by the caller, and changed by few functions.
#[derive(Clone)]
pub struct Call<'a> {
    headers: &'a Headers,
    wanted: &'a Wanted,
    changes: Option<Box<Changes>>,
}

/// What stages have changed.
#[derive(Clone, Default)]
struct Changes {
    /// The headers of the message, with those that stages set laid over them.
    headers: Option<Headers>,
    /// The headers that stages set by returning a `Message`; they go out with the result.
    set: Option<Headers>,
    /// What stages leave for the end of the call to find.
    notes: Option<Notes>,
}

/// A [`Call`] that outlives its caller.
#[derive(Clone)]
pub(crate) struct OwnedCall {
    headers: Headers,
    pub(crate) wanted: Wanted,
    changes: Option<Box<Changes>>,
}

impl<'a> Call<'a> {
    /// A call with the headers of its message.
    #[must_use]
    pub const fn new(headers: &'a Headers, wanted: &'a Wanted) -> Self {
        Self { headers, wanted, changes: None }
    }

    /// The headers of the message, with those that earlier stages set laid over them.
    #[must_use]
    #[inline]
    pub fn headers(&self) -> &Headers {
        match &self.changes {
            None => self.headers,
            Some(changes) => changes.headers.as_ref().unwrap_or(self.headers),
        }
    }

    /// Whether no stage has changed anything.
    pub(crate) const fn is_unchanged(&self) -> bool {
        self.changes.is_none()
    }

    /// What the result is to be encoded as.
    pub(crate) const fn wanted(&self) -> &'a Wanted {
        self.wanted
    }

    /// The headers, to change for the stages to come.
    pub(crate) fn headers_mut(&mut self) -> &mut Headers {
        let given = self.headers;
        self.change().headers.get_or_insert_with(|| given.clone())
    }

    /// The headers that go out with the result because stages set them.
    pub(crate) fn set(&self) -> Option<&Headers> {
        self.changes.as_ref()?.set.as_ref()
    }

    /// The same, to change.
    pub(crate) fn set_mut(&mut self) -> &mut Option<Headers> {
        &mut self.change().set
    }

    /// The same, taken out.
    #[inline]
    pub(crate) fn take_set(&mut self) -> Option<Headers> {
        self.changes.as_mut()?.set.take()
    }

    /// What stages leave for the end of the call to find.
    #[inline]
    pub(crate) fn notes(&self) -> Option<&Notes> {
        self.changes.as_ref()?.notes.as_ref()
    }

    /// The same, to change.
    pub(crate) fn notes_mut(&mut self) -> &mut Option<Notes> {
        &mut self.change().notes
    }

    pub(crate) fn into_owned(self) -> OwnedCall {
        OwnedCall { headers: self.headers.clone(), wanted: self.wanted.clone(), changes: self.changes }
    }

    fn change(&mut self) -> &mut Changes {
        self.changes.get_or_insert_default()
    }
}

impl OwnedCall {
    /// A call with the same changes.
    pub(crate) fn lend(&self) -> Call<'_> {
        Call { headers: &self.headers, wanted: &self.wanted, changes: self.changes.clone() }
    }

    /// A call that takes the changes with it.
    pub(crate) fn hand_over(&mut self) -> Call<'_> {
        Call { headers: &self.headers, wanted: &self.wanted, changes: self.changes.take() }
    }

    pub(crate) fn notes(&self) -> Option<&Notes> {
        self.changes.as_ref()?.notes.as_ref()
    }

    pub(crate) fn forget_notes(&mut self) {
        if let Some(changes) = &mut self.changes {
            changes.notes = None;
        }
    }
}

/// What the caller wants the result to be encoded as. A content type set by the function itself comes first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Wanted {
    /// What is natural for the type: text for `String`, JSON for objects, …
    #[default]
    Natural,
    /// This content type; raw text and bytes are labelled with it unchanged.
    Labelled(ContentType),
    /// For each of several outputs the content type in its place.
    PerOutput(std::sync::Arc<[ContentType]>),
    /// The first of these media ranges that fits the type; none fits: an error of kind `Unacceptable`.
    AnyOf(std::sync::Arc<[ContentType]>),
}

/// What a composition answered.
pub enum Output {
    /// Nothing to send.
    Nothing,
    /// One message.
    One(Reply),
    /// Several messages, each of its own.
    Many(Vec<Reply>),
    /// A stream of messages. Whoever gets it must read it to its end: reading is what runs the stages.
    Stream(BoxStream<'static, Result<Reply, Error>>),
    /// What became of a batch, item by item.
    Batch(Box<BatchOutcome>),
    /// What each of several outputs is to send.
    PerOutput(Vec<Self>),
}

/// One encoded message that a composition answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The encoded payload with the headers that the functions set.
    pub message: EncodedMessage,
    /// Whether a function returned a `Message` and so decided on the headers itself.
    pub sets_headers: bool,
}

/// How far a call has come: most are over when it returns.
pub enum Step {
    /// The call is over.
    Ready(Result<Output, Error>),
    /// The call goes on; await it.
    Pending(BoxFuture<'static, Result<Output, Error>>),
}

impl Future for Step {
    type Output = Result<Output, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Ready(result) => Poll::Ready(std::mem::replace(result, Ok(Output::Nothing))),
            Self::Pending(future) => future.as_mut().poll(cx),
        }
    }
}

/// Adapts a closure to [`Stage`].
pub(crate) struct FnStage<F>(pub(crate) F);

impl<F: Fn(Input<'_>, Next<'_>) -> Step + Send + Sync + 'static> Stage for FnStage<F> {
    fn call(&self, input: Input<'_>, next: Next<'_>) -> Step {
        (self.0)(input, next)
    }
}

impl std::fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Nothing => "Nothing",
            Self::Encoded(_) => "Encoded",
            Self::Value(_) => "Value",
            Self::Stream(_) => "Stream",
            Self::Batch(_) => "Batch",
        })
    }
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nothing => f.write_str("Nothing"),
            Self::One(reply) => f.debug_tuple("One").field(reply).finish(),
            Self::Many(replies) => f.debug_tuple("Many").field(replies).finish(),
            Self::Stream(_) => f.write_str("Stream"),
            Self::PerOutput(outputs) => f.debug_tuple("PerOutput").field(outputs).finish(),
            Self::Batch(outcome) => f.debug_tuple("Batch").field(outcome).finish(),
        }
    }
}

impl std::fmt::Debug for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ready(result) => f.debug_tuple("Ready").field(result).finish(),
            Self::Pending(_) => f.write_str("Pending"),
        }
    }
}

impl std::fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call")
            .field("headers", self.headers())
            .field("wanted", &self.wanted)
            .finish_non_exhaustive()
    }
}
